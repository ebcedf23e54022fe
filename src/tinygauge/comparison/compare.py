"""Put a user's own result, the published ones, the prediction and the roofline side by side."""

from __future__ import annotations

from dataclasses import dataclass

from tinygauge.comparison.causes import NOISE, Cause, find_causes
from tinygauge.comparison.nearest import Row, nearest_rows, ratio
from tinygauge.comparison.own import OwnResult
from tinygauge.errors import InputError
from tinygauge.prediction import Prediction, predict
from tinygauge.quantity import Evidence, Missing, Quantity
from tinygauge.records import Latency
from tinygauge.roofline import fewest_cycles, roofline_share
from tinygauge.units import Unit, format_interval, format_value

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A user's own result beside what is known.

    Parameters
    ----------
    own : OwnResult
    rows : tuple of Row
        All published results of the benchmark, the nearest first; empty without a benchmark.
    prediction : Prediction or Missing
    predicted_ratio : Quantity or Missing
        The user's latency over the predicted one.
    share, live_share : Quantity or Missing
        Fewest cycles over the user's own: for all products, and without dead channels.
    causes : tuple of Cause
        Those that explain the difference to the nearest row first.
    headline : str
        The answer in a sentence.
    """

    own: OwnResult
    rows: tuple[Row, ...]
    prediction: Prediction | Missing
    predicted_ratio: Quantity | Missing
    share: Quantity | Missing
    live_share: Quantity | Missing
    causes: tuple[Cause, ...]
    headline: str


def compare(own: OwnResult) -> Comparison:
    """Compare a user's own result with the published ones, the prediction and the roofline.

    Parameters
    ----------
    own : OwnResult

    Returns
    -------
    Comparison
    """
    rows = nearest_rows(own)
    prediction = _prediction(own)
    evidence = _evidence(own)
    predicted_ratio = _predicted_ratio(own, prediction)
    core = own.board.core
    return Comparison(
        own=own,
        rows=rows,
        prediction=prediction,
        predicted_ratio=predicted_ratio,
        share=roofline_share(fewest_cycles(core, own.macs), own.cycles, evidence),
        live_share=roofline_share(fewest_cycles(core, own.live_macs), own.cycles, evidence),
        causes=find_causes(own, rows, predicted_ratio),
        headline=_headline(own, rows, prediction),
    )


def _evidence(own: OwnResult) -> Evidence:
    if own.model is not None:
        return Evidence("model", own.model.name, own.model.sha256)
    reference = own.reference
    assert reference is not None, "Bug: own_result takes a model or a benchmark"  # noqa: S101
    return Evidence("model", reference.file, reference.sha256)


def _prediction(own: OwnResult) -> Prediction | Missing:
    if own.model is None:
        return Missing(
            "a benchmark was named, not its model file",
            "tinygauge fetch mlperf-tiny --only 'models/*', then name the .tflite as MODEL",
        )
    try:
        return predict(own.model, own.board, own.engine, clock_hz=own.clock.value)
    except InputError as error:
        return Missing(error.problem, error.advice)


def _predicted_ratio(own: OwnResult, prediction: Prediction | Missing) -> Quantity | Missing:
    if isinstance(prediction, Missing):
        return prediction
    if isinstance(prediction.latency, Missing):
        return prediction.latency
    predicted = prediction.latency.per_inference.value
    return ratio(own.latency.value, predicted, "the user's latency over the predicted one")


def _headline(own: OwnResult, rows: tuple[Row, ...], prediction: Prediction | Missing) -> str:
    latency = format_value(own.latency.value, Unit.SECOND)
    if rows:
        return f"{latency} is {_against(own, rows[0])}"
    if isinstance(prediction, Missing) or isinstance(prediction.latency, Missing):
        return f"{latency}: nothing published or predicted to set it against"
    return f"{latency} is {_against_prediction(own, prediction.latency)}"


def _words(factor: float) -> str:
    if abs(factor - 1) <= NOISE:
        return "as fast as"
    if factor > 1:
        return f"{factor:.2g}× slower than" if factor < 10 else f"{factor:.0f}× slower than"
    return f"{1 / factor:.2g}× faster than"


def _against(own: OwnResult, row: Row) -> str:
    result, differs = row.result, set(row.differs)
    engine = f"{result.engine} {result.engine_version}".rstrip()
    where = "" if "board" not in differs else f" on {result.board}"
    if not {"core", "engine"} & differs:
        than = "the same core and engine" if "board" in differs else "the same board and engine"
    elif "engine" in differs:
        than = "another engine on this board" if "board" not in differs else "another engine"
        where += "" if "core" not in differs else f", a {result.core}"
    else:
        than = f"the same engine on another core, {result.core}"
    took = format_value(result.latency.value, Unit.SECOND)
    clock = result.clock
    if "clock" in differs and isinstance(clock, Quantity):
        scaled = result.latency.value * clock.value / own.clock.value
        took = f"{took} at {format_value(clock.value, Unit.HERTZ)}, so "
        took += f"{format_value(scaled, Unit.SECOND)} at yours"
    words = _words(row.cycles_ratio.value)
    who = f"{result.submitter}, {result.round}"
    return f"{words} {than} at this clock: {engine}{where} took {took} ({who})"


def _against_prediction(own: OwnResult, latency: Latency) -> str:
    found = latency.per_inference
    factor = own.latency.value / found.value
    value = format_value(found.value, Unit.SECOND)
    if not found.interval.is_known:
        return f"{_words(factor)} the prediction, {value}"
    low, high = found.interval.low, found.interval.high
    ends = format_interval(low, high, Unit.SECOND, found.value)
    inside = "inside" if low <= own.latency.value <= high else "outside"
    return f"{_words(factor)} the prediction, {value}, and {inside} its interval ({ends})"
