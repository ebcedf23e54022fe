"""Draw the pictures of the README anew: the page as a browser shows it, and the static figure.

Run with ``python tools/report_images.py`` (needs Chromium on the PATH). It evaluates the packaged
models as `tinygauge demo` does and writes ``docs/images/report.png`` and ``four-metrics.png``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = {"width": 1280, "height": 1080}


def main() -> None:
    """Evaluate, open the page, and keep what is seen."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Chromium is not on the PATH: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tinygauge", "demo", "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        shutil.copy(Path(folder) / "four-metrics.png", IMAGES)
        photograph(Path(folder) / "report.html", browser)
    for path in sorted(IMAGES.glob("*.png")):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def photograph(page: Path, browser: str) -> None:
    """Keep the top of the page, light."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport=SIZE, color_scheme="light")
        tab.goto(page.as_uri())
        tab.wait_for_timeout(500)
        tab.screenshot(path=IMAGES / "report.png")
        chromium.close()


if __name__ == "__main__":
    main()
