"""Published results as a table for the terminal and as JSON.

A missing number of the JSON is null, with the reason under the same key and ``_missing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tinygauge.published import PublishedResult, roofline
from tinygauge.quantity import Method, Missing, Quantity
from tinygauge.units import Unit, format_value

__all__ = ["published_document", "published_notes", "published_table"]

_COLUMNS = (
    "round", "submitter", "board", "core", "engine", "clock", "supply", "task",
    "latency", "per second", "energy", "accuracy", "AUC", "of roofline", "notes",
)  # fmt: skip
_LEFT = 5


def published_document(result: PublishedResult) -> dict[str, Any]:
    """Describe one result.

    Parameters
    ----------
    result : PublishedResult

    Returns
    -------
    dict
    """
    line = roofline(result)
    names = (
        "round", "division", "submitter", "system", "board", "catalogue_board", "core",
        "accelerator", "engine", "engine_version", "benchmark", "quantization",
    )  # fmt: skip
    document: dict[str, Any] = {name: getattr(result, name) for name in names}
    figures = {
        "clock_hz": result.clock,
        "supply_v": result.supply,
        "latency_s": result.latency,
        "throughput_per_s": result.throughput,
        "energy_j": result.energy,
        "accuracy": result.accuracy,
        "auc": result.auc,
        "cycles": line.cycles,
        "fewest_cycles": line.fewest_cycles,
        "roofline_share": line.share,
        "roofline_share_live": line.live_share,
    }
    for key, figure in figures.items():
        if isinstance(figure, Missing):
            document |= {key: None, f"{key}_missing": figure.reason}
        else:
            document[key] = figure.value
    fewest = line.fewest_cycles
    return document | {
        "macs": line.macs,
        "live_macs": line.live_macs,
        "roofline_source": fewest.provenance.source if isinstance(fewest, Quantity) else None,
        "notes": list(result.notes),
        "method": Method.QUOTED.value,
        "source": result.source,
    }


def published_table(results: Sequence[PublishedResult]) -> Table:
    """Lay out results, one a row; notes are numbered as in `published_notes`.

    Parameters
    ----------
    results : sequence of PublishedResult

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for number, name in enumerate(_COLUMNS):
        table.add_column(name, justify="left" if number < _LEFT else "right", no_wrap=True)
    numbers = _numbers(results)
    for result in results:
        division = "" if result.division == "closed" else f" {result.division}"
        engine = f"{result.engine} {result.engine_version}".rstrip()
        table.add_row(
            Text(result.round + division),
            Text(result.submitter),
            Text(result.catalogue_board or result.board[:24]),
            Text(result.core),
            Text(engine),
            _cell(result.clock),
            _cell(result.supply),
            result.benchmark,
            _cell(result.latency),
            f"{result.throughput.value:,.2f}",
            _cell(result.energy),
            _cell(result.accuracy),
            "—" if isinstance(result.auc, Missing) else f"{result.auc.value:.2f}",
            _cell(roofline(result).share),
            ",".join(str(numbers[note]) for note in result.notes),
        )
    table.caption = (
        "all quoted from mlcommons/tiny_results_*, no intervals published; of roofline: fewest "
        "cycles for the model's products over real cycles"
    )
    return table


def _cell(figure: Quantity | Missing) -> str:
    if isinstance(figure, Missing):
        return "—"
    if figure.unit is Unit.VOLT:
        return f"{figure.value:g} V"
    return format_value(figure.value, figure.unit)


def _numbers(results: Sequence[PublishedResult]) -> dict[str, int]:
    notes = dict.fromkeys(note for result in results for note in result.notes)
    return {note: number for number, note in enumerate(notes, start=1)}


def published_notes(results: Sequence[PublishedResult]) -> list[str]:
    """List what is odd about the runs, each note once.

    Parameters
    ----------
    results : sequence of PublishedResult

    Returns
    -------
    list of str
        Such as ``"1 energy run supply 3 V"``.
    """
    return [f"{number} {note}" for note, number in _numbers(results).items()]
