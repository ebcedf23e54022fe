"""What an integer model loses against its float model, as text for the terminal and as JSON."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.table import Table

from tinygauge.diagnosis.noise import Noise, OpNoise
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.serialise import quantity_document

__all__ = ["noise_document", "noise_lines", "noise_table"]

Document = dict[str, Any]


def noise_document(found: Noise) -> Document:
    """Describe what an integer model loses.

    Parameters
    ----------
    found : Noise

    Returns
    -------
    dict
        Ratios of signal to quantisation noise in decibels; None where nothing differs.
    """
    culprit, noisiest = found.culprit, found.noisiest
    return {
        "model": {"name": found.model, "sha256": found.model_sha256},
        "float_model": {"name": found.float_model, "sha256": found.float_sha256},
        "dataset": found.dataset,
        "runner": found.runner,
        "float_runner": found.float_runner,
        "n": found.n,
        "right": quantity_document(found.right),
        "float_right": quantity_document(found.float_right),
        "lost": quantity_document(found.lost),
        "culprit": None if culprit is None else culprit.op,
        "noisiest": None if noisiest is None else noisiest.op,
        "ops": [_op(each) for each in found.ops],
        "unpaired": list(found.unpaired),
        "notes": list(found.notes),
    }


def _op(each: OpNoise) -> Document:
    alone: Document
    if isinstance(each.alone_db, Missing):
        alone = {"alone_db": None, "alone_missing": each.alone_db.reason}
    else:
        alone = {"alone_db": _finite(each.alone_db), "alone_exact": each.alone_db == math.inf}
    return {
        "op": each.op,
        "float_op": each.float_op,
        "kind": each.kind,
        **alone,
        "in_model_db": _finite(each.in_model_db),
        "lost": quantity_document(each.lost),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def noise_table(found: Noise) -> Table:
    """Return every op with the noise it adds, what has gathered, and the answers lost by it.

    Parameters
    ----------
    found : Noise

    Returns
    -------
    Table
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("op", justify="right")
    table.add_column("kind")
    for name in ("alone", "in the model", "answers lost by it alone"):
        table.add_column(name, justify="right")
    culprit = found.culprit
    for each in found.ops:
        table.add_row(
            str(each.op),
            each.kind,
            "?" if isinstance(each.alone_db, Missing) else _decibels(each.alone_db),
            _decibels(each.in_model_db),
            "?" if isinstance(each.lost, Missing) else _lost(each.lost),
            style="bold" if each is culprit else None,
        )
    return table


def _decibels(value: float) -> str:
    return "exact" if value == math.inf else f"{value:.1f} dB"


def _lost(lost: Quantity) -> str:
    low, high = lost.interval.low, lost.interval.high
    return f"{_percent(lost.value)} ({low * 100:.1f} to {high * 100:.1f})"


def _percent(value: float) -> str:
    return f"{value * 100 + 0.0:.1f} %"


def noise_lines(found: Noise) -> list[str]:
    """Say which op loses the accuracy, or that none does beyond chance.

    Parameters
    ----------
    found : Noise

    Returns
    -------
    list of str
    """
    lines = [f"Integers: {found.runner}. Float: {found.float_runner}. {found.n:,} inputs."]
    lines += [f"Note: {note}." for note in found.notes]
    if isinstance(found.right, Quantity) and isinstance(found.float_right, Quantity):
        text = f"Right answers: {_percent(found.right.value)} in integers, "
        text += f"{_percent(found.float_right.value)} in float"
        if isinstance(found.lost, Quantity):
            text += f"; lost {_lost(found.lost)}"
        lines.append(f"{text}.")
    elif isinstance(found.right, Missing):
        lines.append(f"The answers lost are not known: {found.right.reason}.")
    if found.unpaired:
        lines.append(f"Without a partner in the float model: {', '.join(found.unpaired)}.")
    noisiest, culprit = found.noisiest, found.culprit
    if noisiest is not None and not isinstance(noisiest.alone_db, Missing):
        lines.append(
            f"Op {noisiest.op}, {noisiest.kind}, adds most noise: "
            f"{_decibels(noisiest.alone_db)} signal to noise."
        )
    if culprit is not None and isinstance(culprit.lost, Quantity):
        lines.append(
            f"Op {culprit.op}, {culprit.kind}, loses the accuracy: with it alone in integers, "
            f"{_lost(culprit.lost)} of the answers are lost."
        )
    elif isinstance(found.lost, Quantity):
        lines.append("No op alone loses answers beyond chance on these inputs.")
    return lines
