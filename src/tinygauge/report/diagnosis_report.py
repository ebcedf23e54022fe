"""Where two runtimes differ, as text for the terminal and as JSON."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

from tinygauge.diagnosis.differences import Cause, Gap
from tinygauge.diagnosis.doctor import Diagnosis, Effect, OpDifference
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.numerics_report import numerics_document
from tinygauge.report.serialise import quantity_document
from tinygauge.units import format_value

__all__ = ["diagnosis_document", "diagnosis_lines", "diagnosis_table", "share_text"]

Document = dict[str, Any]


def diagnosis_document(found: Diagnosis) -> Document:
    """Describe where two runtimes differ.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    dict
    """
    first, effect = found.first, found.effect
    return {
        "model": {"name": found.model, "sha256": found.model_sha256},
        "dataset": found.dataset,
        "base": found.base,
        "other": found.other,
        "differs": found.differs,
        "first": None if first is None else {"op": first.op, "cause": first.cause.value},
        "effect": {
            "base": quantity_document(effect.base),
            "other": quantity_document(effect.other),
            "answers_changed": _plain(effect.answers_changed),
            "inputs_differing": effect.inputs_differing,
            "n": effect.n,
            "largest": _finite(effect.largest),
        },
        "largest_is": "share of the largest value" if found.is_float else "steps",
        "looked_at": found.looked_at,
        "ops": [_op(each) for each in found.ops],
        "notes": list(found.notes),
        "numerics": None if found.numerics is None else numerics_document(found.numerics),
    }


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None


def _plain(count: int | Missing) -> int | None:
    return None if isinstance(count, Missing) else count


def _op(each: OpDifference) -> Document:
    alone: Document
    if isinstance(each.alone, Missing):
        alone = {"alone": None, "alone_missing": each.alone.reason}
    else:
        alone = {"alone": _gap(each.alone)}
    return {
        "op": each.op,
        "kind": each.kind,
        "tensor": each.tensor,
        "cause": each.cause.value,
        **alone,
        "in_model": _gap(each.in_model),
    }


def _gap(gap: Gap) -> Document:
    return {
        "values": gap.values,
        "differing": gap.differing,
        "inputs": gap.inputs,
        "largest": _finite(gap.largest),
    }


def diagnosis_table(found: Diagnosis) -> Table:
    """Return every op, with its own difference and what it has become of those before.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    Table
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("op", justify="right")
    table.add_column("kind")
    for name in ("alone: differ", "largest", "in the model: differ", "largest"):
        table.add_column(name, justify="right")
    table.add_column("cause")
    first = found.first
    for each in found.ops:
        own = each.alone
        table.add_row(
            str(each.op),
            each.kind,
            *(("?", "?") if isinstance(own, Missing) else _cells(own, found)),
            *_cells(each.in_model, found),
            "" if each.cause is Cause.EQUAL else each.cause.value,
            style="bold" if each is first else None,
        )
    return table


def _cells(gap: Gap, found: Diagnosis) -> tuple[str, str]:
    if not gap.differing:
        return "", ""
    return share_text(gap.share), _largest(gap.largest, is_float=found.is_float)


def share_text(share: float) -> str:
    """Write a share above 0 so that it is never shown as 0.

    Parameters
    ----------
    share : float
        Ratio in 0..1.

    Returns
    -------
    str
    """
    return f"{share:.2%}".replace("%", " %") if share >= 0.0001 else f"{share * 100:.1g} %"


def _largest(largest: float, *, is_float: bool) -> str:
    if is_float:
        return f"{largest:.1e}"
    steps = f"{largest:.3g}"
    return f"{steps} step{'s' * (steps != '1')}"


def diagnosis_lines(found: Diagnosis) -> list[str]:
    """Say what differs first, of what kind, and what that does to the task.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    list of str
    """
    effect = found.effect
    lines = [f"Base: {found.base}. Compared: {found.other}."]
    lines += [f"Note: {note}." for note in found.notes]
    if effect.inputs_differing == 0 and found.first is None:
        return [*lines, f"No output differs on any of {effect.n:,} inputs."]
    if not found.differs:
        lines.append("Nothing differs but the last digits of floating-point numbers.")
    if found.first is not None:
        lines += _first_lines(found, found.first)
    return [*lines, *_effect_lines(effect, is_float=found.is_float)]


def _first_lines(found: Diagnosis, first: OpDifference) -> list[str]:
    where = f"First difference: op {first.op}, {first.kind}: {first.cause.value}."
    gap, how = (
        (first.in_model, "in the model")
        if isinstance(first.alone, Missing)
        else (first.alone, "given the same")
    )
    lines = [
        f"{where} {how.capitalize()}, {gap.differing:,} of {gap.values:,} values "
        f"({share_text(gap.share)}) differ, by {_largest(gap.largest, is_float=found.is_float)} "
        f"at most, on {gap.inputs:,} of the {found.looked_at:,} inputs looked at."
    ]
    own = [each for each in found.ops if each.cause not in (Cause.EQUAL, Cause.DRIFT)]
    kinds = dict.fromkeys(each.kind for each in own)
    if len(own) > 1:
        lines.append(f"{len(own)} ops differ of their own: {', '.join(kinds)}.")
    last = found.ops[-1]
    if last.op != first.op and last.in_model.differing:
        grown = _largest(last.in_model.largest, is_float=found.is_float)
        lines.append(f"By the last op that has become {grown}.")
    return lines


def _effect_lines(effect: Effect, *, is_float: bool) -> list[str]:
    text = f"Outputs differ on {effect.inputs_differing:,} of {effect.n:,} inputs"
    if effect.inputs_differing:
        share = share_text(effect.inputs_differing / effect.n)
        text += f" ({share}), by {_largest(effect.largest, is_float=is_float)} at most"
    lines = [f"{text}."]
    base, other = effect.base, effect.other
    if isinstance(base, Quantity) and isinstance(other, Quantity):
        text = f"Accuracy: {format_value(base.value, base.unit)} in the base, "
        text += f"{format_value(other.value, other.unit)} in the other"
        if not isinstance(effect.answers_changed, Missing):
            changed = effect.answers_changed
            text += f"; {changed:,} answer{'s' * (changed != 1)} change{'s' * (changed == 1)}"
        lines.append(f"{text}.")
    elif isinstance(base, Missing):
        lines.append(f"The accuracy is not known: {base.reason}.")
    return lines
