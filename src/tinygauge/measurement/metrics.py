"""Accuracy, latency and energy of a run, as measured quantities that lead back to it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygauge.accuracy import scores
from tinygauge.bench.records import InputResult, Run, WindowResult
from tinygauge.quantity import Basis, Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import DatasetRef, Energy, Latency, Score
from tinygauge.units import Unit

__all__ = ["energy_of", "latency_of", "score_of"]

# A single output is a probability: class 1 above this.
_THRESHOLD = 0.5
_UNSEEN = "not measured in this run"


def latency_of(run: Run) -> Latency | Missing:
    """Return the time of one inference: the median of a run's windows.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Latency or Missing
        Seconds, measured (simulated from an emulator); the interval is that of a median.

    References
    ----------
    H. A. David, H. N. Nagaraja, "Order Statistics", 3rd ed., 7.1: the smallest and the largest
    of n hold the median with probability 1 - 2^(1 - n); 93.75 % for five.
    """
    if not run.windows:
        return Missing(f"{_UNSEEN} of mode {run.mode.value}", "Run: --mode performance")
    times = [window.elapsed_s / window.iterations for window in run.windows]
    if not all(0 < time_s < math.inf for time_s in times):
        return Missing("a window took no time by the board's clock", "Infer more often in it")
    value = statistics.median(times)
    source = f"{_windows(run.windows)} on {_place(run)}, {_clock(run)}"
    provenance = _provenance(run, source)
    return Latency(
        per_inference=Quantity(value, Unit.SECOND, Interval.of_median(times), provenance)
    )


def energy_of(run: Run) -> Energy | Missing:
    """Return the energy of one inference: the median of a run's windows, idle power included.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Energy or Missing
        Joules. The interval holds the windows' spread and the instrument's accuracy; it is
        unknown where the latter is.

    References
    ----------
    As `latency_of`; the instrument's part is added linearly, as it is common to all windows
    (JCGM 100:2008, 5.2).
    """
    metered = [(window, window.energy) for window in run.windows if window.energy is not None]
    if not metered:
        return Missing(f"{_UNSEEN} of mode {run.mode.value}", "Run: --mode energy")
    if not all(energy.energy_j > 0 and energy.duration_s > 0 for _, energy in metered):
        return Missing("a window's energy or duration is not above 0", "Check the monitor's wiring")
    each = [energy.energy_j / window.iterations for window, energy in metered]
    powers = [energy.energy_j / energy.duration_s for _, energy in metered]
    share = max(energy.uncertainty_j / energy.energy_j for _, energy in metered)
    source = f"{_windows([window for window, _ in metered])} on {_place(run)}, cut by " + ", ".join(
        sorted({energy.cut_by for _, energy in metered})
    )
    supply = f" at {run.supply_v:g} V" if run.supply_v is not None else ""
    provenance = _provenance(run, source + supply)
    if not any(energy.trace.name for _, energy in metered):
        printed = f"{source}{supply}, as {run.tool} printed it"
        provenance = replace(provenance, method=Method.QUOTED, source=printed)
    return Energy(
        per_inference=_metered(each, share, Unit.JOULE, provenance),
        power=_metered(powers, share, Unit.WATT, provenance),
        scope="total",
        rail="as wired",
    )


def score_of(run: Run) -> Score | Missing:
    """Return how well the model on the board did.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Score or Missing
        A ratio with its 95 % interval.
    """
    known = [item for item in run.inputs if item.true_class is not None]
    if not run.inputs:
        return Missing(f"{_UNSEEN} of mode {run.mode.value}", "Run: --mode accuracy")
    if len(known) < len(run.inputs):
        unknown = len(run.inputs) - len(known)
        return Missing(f"the true class of {unknown:,} inputs is not known", "Give the dataset")
    if len({len(item.outputs) for item in known}) != 1:
        return Missing("the board gave different numbers of outputs for different inputs")
    return _auc(run, known) if run.metric == "auc" else _top1(run, known)


def _top1(run: Run, inputs: Sequence[InputResult]) -> Score:
    outputs = np.array([item.outputs for item in inputs], dtype=np.float64)
    truth = np.array([item.true_class for item in inputs], dtype=np.int64)
    answer = scores.answers(outputs, _THRESHOLD)
    classes = int(max(outputs.shape[1], truth.max() + 1, answer.max() + 1, 2))
    confusion = scores.confusion_matrix(truth, answer, classes)
    correct, n = int(confusion.trace()), len(inputs)
    return Score(
        metric="top1",
        value=_ratio(run, correct / n, scores.wilson_interval(correct, n), n),
        n=n,
        correct=correct,
        dataset=_dataset(run, n),
        runner=run.tool,
        profile="on the board",
        recall=scores.class_recall(confusion),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _auc(run: Run, inputs: Sequence[InputResult]) -> Score | Missing:
    if len(inputs[0].outputs) != 1:
        given = len(inputs[0].outputs)
        return Missing(f"an AUC needs one output for an input, the board gave {given}")
    _, group = np.unique([item.recording for item in inputs], return_inverse=True)
    errors = scores.mean_by_group(np.array([item.outputs[0] for item in inputs]), group)
    anomalous = np.zeros(len(errors), dtype=np.bool_)
    for item, place in zip(inputs, group, strict=True):
        anomalous[place] = item.true_class == 1
    if anomalous.all() or not anomalous.any():
        return Missing("all inputs are of one kind, so there is no AUC", "Give both kinds")
    interval = scores.auc_interval(errors, anomalous)
    n = len(errors)
    return Score(
        metric="auc",
        value=_ratio(run, scores.auc(errors, anomalous), interval, n),
        n=n,
        correct=None,
        dataset=_dataset(run, n),
        runner=run.tool,
        profile="on the board",
    )


def _ratio(run: Run, value: float, interval: Interval, n: int) -> Quantity:
    source = f"{n:,} inputs inferred on {_place(run)}"
    return Quantity(value, Unit.RATIO, interval, _provenance(run, source))


def _dataset(run: Run, n: int) -> DatasetRef:
    name = run.dataset.name if run.dataset is not None else "unknown"
    digest = run.dataset.sha256 if run.dataset is not None else ""
    return DatasetRef(name=name.rsplit("/", 1)[-1], path=name, sha256=digest, n=n)


def _metered(values: Sequence[float], share: float, unit: Unit, provenance: Provenance) -> Quantity:
    value = statistics.median(values)
    spread = Interval.of_median(values)
    interval = Interval.unknown()
    if spread.is_known and math.isfinite(share):  # nan: the instrument's accuracy is unknown
        common = share * value
        interval = Interval(
            spread.low - common, spread.high + common, spread.level, Basis.INSTRUMENT, spread.n
        )
    return Quantity(value, unit, interval, provenance)


def _provenance(run: Run, source: str) -> Provenance:
    method = Method.SIMULATED if run.simulated else Method.MEASURED
    return Provenance(method, source, run.tool, _evidence(run))


def _evidence(run: Run) -> tuple[Evidence, ...]:
    found = []
    if run.transcript.name:
        folder = f"{run.folder}/" if run.folder else ""
        found.append(
            Evidence("transcript", f"{folder}{run.transcript.name}", run.transcript.sha256)
        )
    for kind, file in (("model", run.model), ("dataset", run.dataset)):
        if file is not None:
            found.append(Evidence(kind, file.name, file.sha256))
    return tuple(found)


def _windows(windows: Sequence[WindowResult]) -> str:
    counts = sorted({window.iterations for window in windows})
    each = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"median of {len(windows)} windows of {each} inferences"


def _place(run: Run) -> str:
    board = run.board or run.firmware_name or run.port or "a board"
    clock = f" @ {run.clock_hz / 1e6:g} MHz" if run.clock_hz else ""
    return f"an emulator of {board}{clock}" if run.simulated else f"{board}{clock}"


def _clock(run: Run) -> str:
    if all(window.start_us is not None for window in run.windows):
        return "by the board's clock"
    return "by the monitor's clock" if run.windows[0].energy else "by the host's clock"
