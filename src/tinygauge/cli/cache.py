"""`tinygauge cache`: what is kept of earlier accuracy runs, and removing it."""

from __future__ import annotations

import argparse
import sys

from tinygauge.accuracy import cache
from tinygauge.cli.output import console
from tinygauge.errors import ConfigError
from tinygauge.report.cache_report import cache_document, cache_lines
from tinygauge.report.serialise import render_json
from tinygauge.units import Unit, parse

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Show what is kept, or remove it and show what is left."""
    if options.to and options.action != "prune":
        raise ConfigError("--to", "this is for prune alone", "Write: tinygauge cache prune --to")
    removed = 0
    if options.action == "clear":
        removed = cache.clear()
    elif options.action == "prune":
        removed = cache.prune(_size_bytes(options.to) if options.to else None)
    survey = cache.survey()
    if options.json:
        sys.stdout.write(render_json(cache_document(survey, removed)))
        return 0
    out = console()
    for line in cache_lines(survey, removed, said=options.action != "info"):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _size_bytes(text: str) -> int:
    value, unit = parse(text)
    if unit is not Unit.BYTE or value < 0:
        raise ConfigError(f"--to '{text}'", "this is no size", "Write 500MiB")
    return int(value)
