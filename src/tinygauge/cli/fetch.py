"""`tinygauge fetch`: reference models and datasets, each file checked against its SHA-256."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tinygauge.cli.output import console, progress_bar
from tinygauge.mlperf.fetch import fetch, notes
from tinygauge.report.serialise import render_json

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Bring a collection into a folder."""
    folder = Path(options.out)
    with progress_bar() as progress:
        files = fetch(options.collection, folder, only=options.only, progress=progress)
    if options.json:
        document = [
            {"path": str(file.path), "sha256": file.sha256, "action": file.action.value}
            for file in files
        ]
        sys.stdout.write(render_json(document))
        return 0
    out = console()
    counts = Counter(file.action.value for file in files)
    done = ", ".join(f"{count:,} {action}" for action, count in sorted(counts.items()))
    out.print(f"{folder}: {len(files):,} files, each with the right SHA-256 ({done})")
    for note in notes(options.collection):
        out.print(note, markup=False, highlight=False)
    return 0
