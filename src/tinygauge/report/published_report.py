"""Published results as a table for the terminal and as JSON.

A missing number of the JSON is null, with the reason under the same key and ``_missing``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tinygauge.published import PublishedResult, ReferenceModel, oddities, roofline
from tinygauge.quantity import Method, Missing, Quantity
from tinygauge.units import Unit, format_value

__all__ = [
    "figure_cell",
    "published_document",
    "published_notes",
    "published_table",
    "result_document",
    "roofline_notes",
]

_COLUMNS = (
    "round", "division", "submitter", "system", "board", "core", "engine", "clock", "supply",
    "task", "latency", "per second", "energy", "accuracy", "AUC", "of roofline", "notes",
)  # fmt: skip
_TEXTS = ("round", "division", "submitter", "system", "board", "core", "engine")
_ROOMY = ("division", "submitter", "system", "core", "supply", "per second", "accuracy", "AUC")


def result_document(result: PublishedResult) -> dict[str, Any]:
    """Describe one result by what was submitted.

    Parameters
    ----------
    result : PublishedResult

    Returns
    -------
    dict
    """
    names = (
        "round", "division", "submitter", "system", "board", "catalogue_board", "core",
        "accelerator", "engine", "engine_version", "compiler", "benchmark", "quantization",
    )  # fmt: skip
    document: dict[str, Any] = {name: getattr(result, name) for name in names}
    document |= _figures(
        {
            "clock_hz": result.clock,
            "supply_v": result.supply,
            "latency_s": result.latency,
            "throughput_per_s": result.throughput,
            "energy_j": result.energy,
            "accuracy": result.accuracy,
            "auc": result.auc,
        }
    )
    return document | {
        "notes": list(result.notes),
        "odd": list(oddities(result)),
        "method": Method.QUOTED.value,
        "source": result.source,
    }


def published_document(result: PublishedResult) -> dict[str, Any]:
    """Describe one result, with its roofline.

    Parameters
    ----------
    result : PublishedResult

    Returns
    -------
    dict
    """
    line = roofline(result)
    fewest = line.fewest_cycles
    document = result_document(result) | _figures(
        {
            "cycles": line.cycles,
            "fewest_cycles": fewest,
            "roofline_share": line.share,
            "roofline_share_live": line.live_share,
        }
    )
    return (
        document
        | _products(line.model)
        | {
            "roofline_source": fewest.provenance.source if isinstance(fewest, Quantity) else None,
        }
    )


def _products(model: ReferenceModel | Missing) -> dict[str, Any]:
    if isinstance(model, Missing):
        keys = ("macs", "live_macs")
        return dict.fromkeys(keys) | {f"{key}_missing": model.reason for key in keys}
    return {"macs": model.macs, "live_macs": model.live_macs}


def _figures(figures: dict[str, Quantity | Missing]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, figure in figures.items():
        if isinstance(figure, Missing):
            document |= {key: None, f"{key}_missing": figure.reason}
        else:
            document[key] = figure.value
    return document


def published_table(results: Sequence[PublishedResult], *, compact: bool = False) -> Table:
    """Lay out results, one a row; notes are numbered as in `published_notes`.

    Parameters
    ----------
    results : sequence of PublishedResult
    compact : bool
        Leave out who submitted what, supply, throughput and accuracy, for narrow terminals.

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    columns = [name for name in _COLUMNS if not (compact and name in _ROOMY)]
    for name in columns:
        left = name in _TEXTS
        table.add_column(
            name, justify="left" if left else "right", no_wrap=not left, overflow="fold"
        )
    numbers = _numbers(results)
    for result in results:
        cells = _cells(result)
        cells["notes"] = ",".join(str(numbers[note]) for note in oddities(result))
        table.add_row(*(Text(cells[name]) for name in columns))
    table.caption = (
        "all quoted from mlcommons/tiny_results_*, no intervals published; of roofline: fewest "
        "cycles for the model's products over real cycles"
    )
    return table


def _cells(result: PublishedResult) -> dict[str, str]:
    return {
        "round": result.round,
        "division": result.division,
        "submitter": result.submitter,
        "system": result.system,
        "board": result.catalogue_board or result.board,
        "core": result.core,
        "engine": f"{result.engine} {result.engine_version}".rstrip(),
        "clock": figure_cell(result.clock),
        "supply": figure_cell(result.supply),
        "task": result.benchmark,
        "latency": figure_cell(result.latency),
        "per second": f"{result.throughput.value:,.2f}",
        "energy": figure_cell(result.energy),
        "accuracy": figure_cell(result.accuracy),
        "AUC": "—" if isinstance(result.auc, Missing) else f"{result.auc.value:.2f}",
        "of roofline": figure_cell(roofline(result).share),
    }


def roofline_notes(results: Sequence[PublishedResult]) -> list[str]:
    """Say once for each benchmark and core how few cycles would do.

    Parameters
    ----------
    results : sequence of PublishedResult

    Returns
    -------
    list of str
        Such as ``"kws on cortex-m4: at least 1,328,384 cycles (…)"``.
    """
    lines: dict[str, None] = {}
    for result in results:
        line = roofline(result)
        model, fewest = line.model, line.fewest_cycles
        if isinstance(model, Missing) or isinstance(fewest, Missing):
            continue
        dead = model.macs - model.live_macs
        live = f"; {dead:,} of the products belong to channels whose weights are 0" if dead else ""
        text = f"{result.benchmark} on {result.core}: at least {fewest.value:,.0f} cycles"
        lines[f"{text} ({fewest.provenance.source}{live})"] = None
    return list(lines)


def figure_cell(figure: Quantity | Missing) -> str:
    """Return a figure for a table's cell; a dash where it is missing.

    Parameters
    ----------
    figure : Quantity or Missing

    Returns
    -------
    str
    """
    if isinstance(figure, Missing):
        return "—"
    if figure.unit is Unit.VOLT:
        return f"{figure.value:g} V"
    return format_value(figure.value, figure.unit)


def _numbers(results: Sequence[PublishedResult]) -> dict[str, int]:
    notes = dict.fromkeys(note for result in results for note in oddities(result))
    return {note: number for number, note in enumerate(notes, start=1)}


def published_notes(results: Sequence[PublishedResult]) -> list[str]:
    """List what is odd about the runs, each note once.

    Parameters
    ----------
    results : sequence of PublishedResult

    Returns
    -------
    list of str
        Such as ``"1 supply of 3 V, where others ran at 1.8 V"``.
    """
    return [f"{number} {note}" for note, number in _numbers(results).items()]
