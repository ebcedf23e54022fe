"""A calibration as text for the terminal and as JSON."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from tinygauge.calibration import Check, Learnt
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.cells import cell
from tinygauge.report.serialise import quantity_document
from tinygauge.units import Unit, format_value

__all__ = ["calibration_document", "calibration_lines", "checks_table"]

Document = dict[str, Any]

_FIGURES = ("before", "after", "from_others")


def calibration_document(learnt: Learnt, file: str) -> Document:
    """Describe what was learnt.

    Parameters
    ----------
    learnt : Learnt
    file : str
        Where it was written to.

    Returns
    -------
    dict
    """
    return {
        "calibration": file,
        "measurements_in_all": len(learnt.calibration.rows),
        "measurements": [_check(check) for check in learnt.checks],
    }


def _check(check: Check) -> Document:
    taken = check.measurement
    document: Document = {
        "model": taken.model.name,
        "model_path": taken.model.path,
        "model_sha256": taken.model.sha256,
        "board": taken.target.board,
        "core": taken.target.core,
        "engine": taken.target.engine,
        "clock_hz": taken.target.clock_hz,
        "source": taken.source,
        "repeats": taken.latency.interval.n or 1,
        "latency_s": taken.latency.value,
        "energy_j": taken.energy.value if taken.energy else None,
    }
    if taken.energy is None:
        document["energy_j_missing"] = "no energy was measured"
    figures = {f"{name}_s": getattr(check, name) for name in _FIGURES}
    for key, figure in figures.items():
        stem = key.removesuffix("_s")
        names = (key, f"{stem}_low_s", f"{stem}_high_s")
        if isinstance(figure, Missing):
            document |= dict.fromkeys(names)
            document |= {f"{name}_missing": figure.reason for name in names}
        else:
            ends = (figure.value, figure.interval.low, figure.interval.high)
            document |= dict(zip(names, ends, strict=True))
    figures = {"latency_s": taken.latency, **figures}
    document["figures"] = {key: quantity_document(figure) for key, figure in figures.items()}
    return document


def checks_table(learnt: Learnt) -> Table:
    """Lay out each measurement beside the predictions.

    Parameters
    ----------
    learnt : Learnt

    Returns
    -------
    rich.table.Table
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("model", "board", "engine"):
        table.add_column(name, overflow="fold")
    for name in ("clock", "measured", "predicted\nbefore", "with\nthe others", "with all"):
        table.add_column(name, justify="right", no_wrap=True)
    for check in learnt.checks:
        taken, target = check.measurement, check.measurement.target
        table.add_row(
            Text(taken.model.name),
            Text(target.board),
            Text(target.engine),
            format_value(target.clock_hz, Unit.HERTZ) if target.clock_hz else "—",
            format_value(taken.latency.value, Unit.SECOND),
            *(cell(figure) for figure in (check.before, check.from_others, check.after)),
        )
    table.caption = (
        "with the others: predicted without this measurement, from the others of its board "
        "and engine; — there is none"
    )
    return table


def calibration_lines(learnt: Learnt, file: str) -> list[str]:
    """Say what was written, and how far it can be trusted.

    Parameters
    ----------
    learnt : Learnt
    file : str
        Where it was written to.

    Returns
    -------
    list of str
    """
    taken, every = len(learnt.checks), len(learnt.calibration.rows)
    earlier = f", with {every - taken} from before" if every > taken else ""
    lines = [f"{file}: {taken} measurement{'s' if taken != 1 else ''}{earlier}"]
    errors = sorted(
        abs(check.from_others.value / check.measurement.latency.value - 1)
        for check in learnt.checks
        if isinstance(check.from_others, Quantity)
    )
    if errors:
        lines.append(
            f"each predicted from the others: off by {errors[len(errors) // 2]:.1%} in the "
            f"median, {errors[-1]:.1%} at most"
        )
    else:
        lines.append("a second model on the same board and engine would tell how far it holds")
    first = learnt.checks[0].measurement.target
    lines.append(
        f"use it: tinygauge predict MODEL --board {first.board} --engine {first.engine} "
        f"--calibration {file}"
    )
    return lines
