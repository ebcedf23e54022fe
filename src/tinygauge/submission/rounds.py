"""What the rounds of MLPerf Tiny ask for: benchmarks, quality targets, runners and their files.

>>> ROUNDS["v1.2"].benchmarks
('ad', 'ic', 'kws', 'vww')
>>> benchmark_of("visual_wake_words")
'vww'

References
----------
mlcommons/tiny @ 1afd2c9, tools/submission/submission_checker.py (benchmarks, targets, files of the
rounds v1.0 to v1.4), MLPerfTiny_Rules.adoc (categories, divisions, sets). The rounds v0.5 and v0.7
had no checker of their own: they are held to v1.0's requirements.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tinygauge.bench.rules import BENCHMARKS
from tinygauge.errors import UnknownNameError

__all__ = [
    "FALSE_LIMIT",
    "LATEST",
    "ROUNDS",
    "SET_SIZES",
    "TARGETS",
    "WAKEWORDS",
    "Round",
    "RunnerKind",
    "benchmark_of",
    "round_named",
]


class RunnerKind(StrEnum):
    """Whose formats a folder holds: EEMBC's EnergyRunner, or MLCommons' own."""

    EEMBC = "eembc"
    MLC = "mlc"

    @property
    def files(self) -> tuple[str, ...]:
        """The files that each test's folder must hold."""
        third = "script.async" if self is RunnerKind.EEMBC else "results.json"
        return "log.txt", "results.txt", third


@dataclass(frozen=True, slots=True)
class Round:
    """A round of submissions.

    Parameters
    ----------
    name : str
    benchmarks : tuple of str
    has_mlc_runner : bool
        Whether MLCommons' runner is the usual one, and EEMBC's needs the file ``EEMBC_RUNNER``.
    """

    name: str
    benchmarks: tuple[str, ...]
    has_mlc_runner: bool = False


_FOUR = ("ad", "ic", "kws", "vww")
ROUNDS: dict[str, Round] = {
    **{name: Round(name, _FOUR) for name in ("v0.5", "v0.7", "v1.0", "v1.1", "v1.2")},
    "v1.3": Round("v1.3", (*_FOUR, "sww"), has_mlc_runner=True),
    "v1.4": Round("v1.4", ("ad", "ic", "ic2", "kws", "sww", "vww"), has_mlc_runner=True),
}
LATEST = "v1.4"

# Metric and least value in the closed division; ratios.
TARGETS: dict[str, tuple[str, float]] = {
    **{
        each.name: (each.metric, each.target)
        for each in BENCHMARKS.values()
        if each.target is not None
    },
    "ic2": ("top1", 0.91),
}
# Files of the accuracy set; for ad each is cut into 196 windows. That of ic2 is not known here.
SET_SIZES = {name: BENCHMARKS[name].full_set for name in _FOUR}
# Streaming wake words: words in the stream, and how many false ones of each kind may be.
WAKEWORDS = 50
FALSE_LIMIT = 8

_LONG_NAMES = {
    "anomaly_detection": "ad",
    "image_classification": "ic",
    "keyword_spotting": "kws",
    "person_detection": "vww",
    "streaming_wakeword": "sww",
    "streaming_wakeword_detection": "sww",
    "visual_wake_words": "vww",
    "visual_wakeup_words": "vww",
}


def benchmark_of(folder: str) -> str:
    """Return the benchmark that a folder's name means; empty where it means none.

    Parameters
    ----------
    folder : str
        Short, or long as in some published trees.

    Returns
    -------
    str
    """
    name = folder.lower()
    return name if name in ROUNDS[LATEST].benchmarks else _LONG_NAMES.get(name, "")


def round_named(name: str) -> Round:
    """Return a round; `UnknownNameError` where there is none of the name.

    Parameters
    ----------
    name : str
        Such as ``"v1.2"`` or ``"1.2"``.

    Returns
    -------
    Round
    """
    wanted = f"v{name.lower().removeprefix('v')}"
    if wanted not in ROUNDS:
        raise UnknownNameError("round", name, ROUNDS)
    return ROUNDS[wanted]
