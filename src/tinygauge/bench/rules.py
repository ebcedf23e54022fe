"""The run rules of MLPerf Tiny, each a named object that says whether a run meets it.

A rule's clause is said in our words, with its source. The checker in use upstream tests neither
the number of windows, nor their length, nor that log and results agree; these rules do.

>>> [rule.name for rule in RULES if Mode.PERFORMANCE in rule.modes][:3]
['five-windows', 'window-10s', 'window-10-iterations']

References
----------
MLPerfTiny_Rules.adoc and benchmark/runner of mlcommons/tiny @ 1afd2c9; the messages of EEMBC's
runner 3.0 in the published logs ("The run must take at least 10 seconds and 10 iterations to be
valid").
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinygauge.bench.records import Mode, RuleResult, Run

__all__ = [
    "BENCHMARKS",
    "MIN_ITERATIONS",
    "MIN_WINDOW_S",
    "RULES",
    "WINDOWS",
    "Benchmark",
    "Rule",
    "check_rules",
    "median_of",
]

WINDOWS = 5
MIN_WINDOW_S = 10.0
MIN_ITERATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One of the benchmarks, and what its rules say.

    Parameters
    ----------
    name, model : str
        On our command line, and as the board's firmware calls its model.
    input_bytes : int
        Of one input on the wire.
    full_set : int
        Inputs (files, for recordings) that accuracy is scored over.
    metric : str
        ``"top1"`` or ``"auc"``.
    target : float or None
        Of the closed division, ratio; None where it is told in another way.
    windows_per_file : int
        Inferences that a file is cut into; 1 where a file is an input.
    aliases : tuple of str
        What firmwares call the model as well.
    """

    name: str
    model: str
    input_bytes: int
    full_set: int
    metric: str
    target: float | None
    windows_per_file: int = 1
    aliases: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """All that firmwares call its model."""
        return (self.model, *self.aliases)


BENCHMARKS: dict[str, Benchmark] = {
    each.name: each
    for each in (
        Benchmark(
            name="kws", model="kws01", input_bytes=490, full_set=1000, metric="top1", target=0.90
        ),
        Benchmark(
            name="ic", model="ic01", input_bytes=3072, full_set=200, metric="top1", target=0.85
        ),
        Benchmark(
            name="vww", model="vww01", input_bytes=27648, full_set=1000, metric="top1", target=0.80
        ),
        Benchmark(
            name="ad", model="ad01", input_bytes=2560, full_set=248, metric="auc", target=0.85,
            windows_per_file=196,
        ),
        # 30 frames of 40 features; its accuracy is told in false answers over one stream.
        Benchmark(
            name="sww", model="sww01", input_bytes=1200, full_set=1, metric="top1", target=None,
            aliases=("strww01",),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and its test.

    Parameters
    ----------
    name : str
        Stable.
    clause : str
        What it asks for.
    source : str
        Where it stands.
    modes : tuple of Mode
        The runs that it is for.
    test : callable
        Takes a run; returns whether it is met, None where the run does not tell, and why.
    """

    name: str
    clause: str
    source: str
    modes: tuple[Mode, ...]
    test: Callable[[Run], tuple[bool | None, str]]

    def check(self, run: Run) -> RuleResult:
        """Say whether a run meets the rule."""
        met, why = self.test(run)
        return RuleResult(rule=self.name, clause=self.clause, met=met, why=why)


def median_of(values: Sequence[float]) -> float:
    """Return the score of a run: the median of its windows."""
    return statistics.median(values)


def _five_windows(run: Run) -> tuple[bool | None, str]:
    return len(run.windows) == WINDOWS, f"{len(run.windows)} windows"


def _window_length(run: Run) -> tuple[bool | None, str]:
    if not run.windows:
        return False, "no window"
    shortest = min(window.elapsed_s for window in run.windows)
    return shortest >= MIN_WINDOW_S, f"the shortest took {shortest:.3f} s"


def _iterations(run: Run) -> tuple[bool | None, str]:
    if not run.windows:
        return False, "no window"
    fewest = min(window.iterations for window in run.windows)
    return fewest >= MIN_ITERATIONS, f"the fewest are {fewest}"


def _different_inputs(run: Run) -> tuple[bool | None, str]:
    different = len({window.input_sha256 or window.input for window in run.windows})
    return different >= WINDOWS, f"{different} different inputs"


def _board_model(run: Run) -> tuple[bool | None, str]:
    benchmark = BENCHMARKS.get(run.benchmark)
    if benchmark is None:
        return None, "no benchmark's name is asked of a custom model"
    return run.firmware_model in benchmark.models, f"the firmware says '{run.firmware_model}'"


def _full_set(run: Run) -> tuple[bool | None, str]:
    benchmark = BENCHMARKS.get(run.benchmark)
    recordings = len({item.recording for item in run.inputs})
    if benchmark is None:
        return recordings == run.inputs_planned, f"{recordings} of {run.inputs_planned} inputs"
    return recordings == benchmark.full_set, f"{recordings} of {benchmark.full_set:,} files"


def _sliding_windows(run: Run) -> tuple[bool | None, str]:
    benchmark = BENCHMARKS.get(run.benchmark)
    if benchmark is None or benchmark.windows_per_file == 1:
        return None, "an input is inferred whole"
    counts: dict[int, int] = {}
    for item in run.inputs:
        counts[item.recording] = counts.get(item.recording, 0) + 1
    fewest, most = (min(counts.values()), max(counts.values())) if counts else (0, 0)
    met = fewest == most == benchmark.windows_per_file
    return met, f"{fewest} to {most} windows a file, {benchmark.windows_per_file} due"


def _board_timestamps(run: Run) -> tuple[bool | None, str]:
    if not run.windows:
        return False, "no window"
    cut = {window.energy.cut_by for window in run.windows if window.energy is not None}
    return cut == {"marks"}, f"windows were cut by {', '.join(sorted(cut)) or 'nothing'}"


def _supply_stated(run: Run) -> tuple[bool | None, str]:
    stated = run.supply_v is not None
    return stated, f"{run.supply_v:g} V" if run.supply_v is not None else "no voltage was stated"


def _streamed(run: Run) -> tuple[bool | None, str]:
    if run.benchmark != "sww":
        return None, "this benchmark has no stream"
    return False, "loaded inputs were inferred one by one, no recording was streamed"


def _single_stream(run: Run) -> tuple[bool | None, str]:  # noqa: ARG001  # holds for every run
    return True, "the protocol infers one input at a time"


def _board_clock(run: Run) -> tuple[bool | None, str]:
    if run.simulated:
        return False, "an emulator's or fake's clock is no board's"
    return True, "times are those of a board"


_RUNNER = "mlcommons/tiny @ 1afd2c9, benchmark/runner/main.py"
_EEMBC = "EEMBC runner 3.0: 'The run must take at least 10 seconds and 10 iterations to be valid'"
_ADOC = "MLPerfTiny_Rules.adoc @ 1afd2c9"
_P, _A, _E = Mode.PERFORMANCE, Mode.ACCURACY, Mode.ENERGY

RULES: tuple[Rule, ...] = (
    Rule(
        name="five-windows", clause="Exactly five windows are measured; their median is the score",
        source=_RUNNER, modes=(_P, _E), test=_five_windows,
    ),
    Rule(
        name="window-10s", clause="Each window takes at least 10 s", source=_EEMBC,
        modes=(_P, _E), test=_window_length,
    ),
    Rule(
        name="window-10-iterations", clause="Each window holds at least 10 inferences",
        source=_EEMBC, modes=(_P, _E), test=_iterations,
    ),
    Rule(
        name="five-inputs", clause="The five windows infer five different inputs",
        source=_RUNNER, modes=(_P, _E), test=_different_inputs,
    ),
    Rule(
        name="full-set", clause="Accuracy is scored over the benchmark's whole set",
        source=_ADOC, modes=(_A,), test=_full_set,
    ),
    Rule(
        name="sliding-windows",
        clause="Anomaly detection scores a recording by all its windows (2,560 bytes, 512 apart)",
        source="mlcommons/tiny @ 1afd2c9, benchmark/evaluation/datasets/ad01/y_labels.csv",
        modes=(_A,), test=_sliding_windows,
    ),
    Rule(
        name="streamed",
        clause="The streaming wake word is measured while a recording of 1,200 s is played",
        source="mlcommons/tiny @ 1afd2c9, benchmark/runner/README.md", modes=(_P, _A, _E),
        test=_streamed,
    ),
    Rule(
        name="firmware-model", clause="The firmware names the benchmark's model",
        source=_RUNNER, modes=(_P, _A, _E), test=_board_model,
    ),
    Rule(
        name="single-stream", clause="Inputs are inferred one at a time", source=_ADOC,
        modes=(_P, _A, _E), test=_single_stream,
    ),
    Rule(
        name="real-board", clause="Times are measured on the board", source=_ADOC,
        modes=(_P, _E), test=_board_clock,
    ),
    Rule(
        name="energy-timestamps",
        clause="Energy windows are cut where the board pulls its timestamp pin",
        source="EEMBC runner 3.0 and benchmark/runner/power_manager of mlcommons/tiny",
        modes=(_E,), test=_board_timestamps,
    ),
    Rule(
        name="supply-stated", clause="The supply's voltage is stated", source=_ADOC,
        modes=(_E,), test=_supply_stated,
    ),
)  # fmt: skip


def check_rules(run: Run) -> tuple[RuleResult, ...]:
    """Say which rules a run meets.

    Parameters
    ----------
    run : Run

    Returns
    -------
    tuple of RuleResult
        One for each rule of the run's mode.
    """
    return tuple(rule.check(run) for rule in RULES if run.mode in rule.modes)
