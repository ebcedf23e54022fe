"""Which rounding profile a board follows, as text for the terminal and as JSON."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

from tinygauge.diagnosis.numerics import Agreement, Follows, Numerics
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.serialise import quantity_document
from tinygauge.units import format_value

__all__ = ["engine_entry", "numerics_document", "numerics_lines", "numerics_table"]

Document = dict[str, Any]


def numerics_document(found: Numerics) -> Document:
    """Describe which profile a board follows.

    Parameters
    ----------
    found : Numerics

    Returns
    -------
    dict
    """
    return {
        "follows": found.follows.value,
        "profile": None if found.follows is Follows.NONE else found.profile,
        "nearest": found.profile,
        "log": {"path": found.log.path, "sha256": found.log.sha256},
        "model": {"name": found.model, "sha256": found.model_sha256},
        "dataset": found.dataset,
        "answers": found.outputs,
        "inputs": found.inputs,
        "values_per_answer": found.values,
        "resolution": found.log.resolution,
        "board_right": quantity_document(found.board_right),
        "profiles": [_agreement(each) for each in found.agreements],
        "engine_entry": engine_entry(found) or None,
    }


def _agreement(each: Agreement) -> Document:
    return {
        "profile": each.profile,
        "runner": each.runner,
        "equal": each.equal,
        "n": each.n,
        "share": quantity_document(each.share),
        "largest_steps": each.largest_steps if each.largest_steps < float("inf") else None,
        "right": quantity_document(each.right),
    }


def numerics_table(found: Numerics) -> Table:
    """Return how often the board and each profile agree.

    Parameters
    ----------
    found : Numerics

    Returns
    -------
    Table
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("profile")
    for name in ("inputs with equal outputs", "share", "largest difference", "right answers"):
        table.add_column(name, justify="right")
    table.add_column("run with")
    for each in found.agreements:
        table.add_row(
            each.profile,
            f"{each.equal:,} of {each.n:,}",
            f"{each.share.value:.3f}",
            "none" if each.largest_steps == 0 else f"{each.largest_steps:.3g} steps",
            _share(each.right),
            each.runner,
        )
    table.add_row("the board itself", "", "", "", _share(found.board_right), "")
    return table


def _share(right: Quantity | Missing) -> str:
    return "?" if isinstance(right, Missing) else format_value(right.value, right.unit)


def numerics_lines(found: Numerics) -> list[str]:
    """Say which profile a board follows, and what to do with that.

    Parameters
    ----------
    found : Numerics

    Returns
    -------
    list of str
    """
    best = found.agreements[0]
    counted = f"{best.equal:,} of {best.n:,} inputs"
    each = "all outputs" if found.values == 1 else f"all {found.values} outputs"
    match found.follows:
        case Follows.ONE:
            lines = [f"The board follows '{best.profile}': {each} equal on {counted}."]
        case Follows.NEARLY:
            lines = [f"The board nearly follows '{best.profile}': {each} equal on {counted}."]
        case Follows.SEVERAL:
            tied = [f"'{one.profile}'" for one in found.agreements if one.equal == one.n]
            lines = [
                f"The board follows {' and '.join(tied)}, which give the same on these inputs.",
                "Give more inputs, or another model, to tell them apart.",
            ]
        case Follows.NONE:
            lines = [
                f"The board follows none: the nearest, '{best.profile}', equals it on {counted}.",
                *_causes(found),
            ]
    if isinstance(found.board_right, Missing):
        lines.append(f"How many answers are right is not known: {found.board_right.reason}.")
    if found.outputs < found.inputs:
        lines.append(f"The log answers {found.outputs:,} of the {found.inputs:,} inputs.")
    return lines


def _causes(found: Numerics) -> list[str]:
    best, board = found.agreements[0], found.board_right
    if isinstance(board, Missing) or isinstance(best.right, Missing):
        return ["Check that the log is of this model and these inputs, in this order."]
    if board.value < best.right.value - 0.1:
        return [
            f"It answers {_share(board)} right where the model does {_share(best.right)}: the log "
            "is of another model, other inputs or order, or the board scales its inputs otherwise.",
            "Give the log of an accuracy run: where an input is inferred many times, as in a "
            "performance or energy run, TFLM overwrites it after the first.",
        ]
    return [
        "It answers about as many right: the engine computes otherwise (float or int16 inside, "
        "approximated softmax), or runs a model converted anew.",
        "See where it differs with: tinygauge diff --against device --log LOG",
    ]


def engine_entry(found: Numerics) -> str:
    """Return what to write into an engine's file; empty where no profile was found.

    Parameters
    ----------
    found : Numerics

    Returns
    -------
    str
        TOML.
    """
    if found.follows not in (Follows.ONE, Follows.NEARLY):
        return ""
    best = found.agreements[0]
    others = ", ".join(f"{one.profile} on {one.share.value:.3f}" for one in found.agreements[1:])
    log = found.log.path.replace("\\", "/").rpartition("/")[2].replace('"', "'")
    evidence = (
        f"{log} (SHA-256 {found.log.sha256[:12]}), {best.n:,} inputs of {found.dataset} through "
        f"{found.model} (SHA-256 {found.model_sha256[:12]}): {best.runner} equals all "
        f"{found.values} outputs on {best.share.value:.3f} of the inputs; {others}"
    )
    return f'[numerics]\nprofile = "{best.profile}"\nevidence = "{evidence}"\n'
