"""What the formats of both runners have in common.

References
----------
mlcommons/tiny @ 1afd2c9, benchmark/evaluation/datasets/ad01/y_labels.csv: how far apart the windows
of a recording begin.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinygauge.bench.records import InputResult, Run
from tinygauge.bench.rules import BENCHMARKS

__all__ = ["AD_BYTES", "AD_STRIDE", "DASHES", "MET", "numbered_inputs"]

DASHES = "-" * 57
MET = "Runtime requirements have been met."
# A recording's windows: bytes of one, and from the begin of one to that of the next.
AD_BYTES, AD_STRIDE = BENCHMARKS["ad"].input_bytes, 512


def numbered_inputs(run: Run) -> Iterator[tuple[InputResult, int]]:
    """Yield the inputs of an accuracy run, each with its number within its file.

    Parameters
    ----------
    run : Run

    Yields
    ------
    tuple of InputResult and int
        From 0 on; always 0 where a file is an input.
    """
    seen: dict[int, int] = {}
    for item in run.inputs:
        number = seen.get(item.recording, 0)
        seen[item.recording] = number + 1
        yield item, number
