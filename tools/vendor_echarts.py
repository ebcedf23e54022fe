"""Bundle the part of Apache ECharts that the report uses, with exact versions.

Run with ``python tools/vendor_echarts.py`` (needs npm and its registry). It installs the pinned
packages below ``build/echarts``, bundles ``vendor/entry.mjs``, and writes the bundle, the licences
and ``bundle.json`` (versions and SHA-256) beside it. The same versions give the same bytes. What
the licences want to go wherever the bundle goes stands at its top: every report carries it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src" / "tinygauge" / "report" / "html" / "vendor"
WORK = ROOT / "build" / "echarts"
VERSIONS = {"echarts": "6.1.0", "zrender": "6.1.0", "tslib": "2.3.0", "esbuild": "0.28.2"}
LICENCES = {
    "echarts/LICENSE": "LICENSE-echarts",
    "echarts/NOTICE": "NOTICE-echarts",
    "zrender/LICENSE": "LICENSE-zrender",
    "tslib/LICENSE.txt": "LICENSE-tslib",
}
# What each licence wants to be reproduced in full; Apache's may be named.
TRAVELS = ("NOTICE-echarts", "LICENSE-zrender")
BUNDLE = "echarts.min.js"


def main() -> None:
    """Install, bundle, and write what the package carries."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is not installed: apt-get install npm")
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "package.json").write_text(
        json.dumps({"private": True, "dependencies": VERSIONS}), encoding="utf-8"
    )
    subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=WORK, check=True)
    shutil.copy(VENDOR / "entry.mjs", WORK / "entry.mjs")
    options = ["--bundle", "--minify", "--format=iife", "--global-name=echarts", "--target=es2020"]
    output = VENDOR / BUNDLE
    esbuild = WORK / "node_modules" / ".bin" / "esbuild"
    subprocess.run([esbuild, "entry.mjs", *options, f"--outfile={output}"], cwd=WORK, check=True)
    for source, name in LICENCES.items():
        shutil.copy(WORK / "node_modules" / source, VENDOR / name)
    script = banner() + output.read_text(encoding="utf-8")
    output.write_text(script, encoding="utf-8")
    record = {
        "bundle": BUNDLE,
        "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
        "versions": VERSIONS,
    }
    (VENDOR / "bundle.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"{output.relative_to(ROOT)}: {output.stat().st_size:,} bytes")


def banner() -> str:
    """Return the notices as a comment."""
    first = (
        "Apache ECharts, under https://www.apache.org/licenses/LICENSE-2.0; parts of it left out."
    )
    texts = [(VENDOR / name).read_text(encoding="utf-8").strip() for name in TRAVELS]
    return "/*!\n" + "\n\n".join([first, *texts]) + "\n*/\n"


if __name__ == "__main__":
    main()
