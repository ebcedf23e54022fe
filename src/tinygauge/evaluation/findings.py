"""Findings that need more than the model: how it ran on the data, how it fits the board's SRAM."""

from __future__ import annotations

from collections.abc import Mapping

from tinygauge.catalog import Board, Engine
from tinygauge.quantity import Missing
from tinygauge.records import Finding, Memory, Score, Severity
from tinygauge.units import format_value

__all__ = ["piece_findings", "run_findings"]


def piece_findings(name: str, board: Board, plan: Memory | Missing) -> list[Finding]:
    """Say that an arena fits into no single piece of a board's SRAM.

    Where SRAM is one piece, its size is a bound of the region already.

    Parameters
    ----------
    name : str
        Of the model.
    board : Board
    plan : Memory or Missing
        What the model needs there.

    Returns
    -------
    list of Finding
        TG107 or none.
    """
    if isinstance(plan, Missing) or board.sram_block.value == board.sram.value:
        return []
    arena = plan.needed_arena
    least = arena.interval.low if arena.interval.is_known else arena.value
    piece = board.sram_block
    if least <= piece.value:
        return []
    message = (
        f"its arena of {format_value(arena.value, arena.unit)} ({arena.method.value}) does not fit "
        f"into one piece of {board.name}'s SRAM, {format_value(piece.value, piece.unit)} at most"
    )
    return [
        Finding(
            code="TG107",
            severity=Severity.ERROR,
            message=message,
            advice="Choose a board with more SRAM in one piece",
            where=name,
        )
    ]


def run_findings(
    name: str,
    engine: Engine,
    scores: Mapping[str, Score | Missing],
    fault: str,
    range_fault: str,
) -> list[Finding]:
    """Say that a model could not be run, was fed oddly, or that roundings disagree on it.

    Parameters
    ----------
    name : str
        Of the model.
    engine : Engine
        That it is to run on.
    scores : mapping of str to Score or Missing
        By numeric profile, of all engines asked for.
    fault : str
        Why it could not be run with the profile of this engine; empty where it could.
    range_fault : str
        What is odd about the data; see `tinygauge.accuracy.find_range_fault`.

    Returns
    -------
    list of Finding
        TG104 alone, or TG105, TG106 and TG108 as they apply.
    """
    if fault:
        message = f"it could not be run: {fault}"
        return [Finding(code="TG104", severity=Severity.ERROR, message=message, where=name)]
    findings: list[Finding] = []
    if range_fault:
        advice = "Scale the data as for training: --data with x_scale and x_zero_point"
        findings.append(
            Finding(
                code="TG106",
                severity=Severity.WARNING,
                message=range_fault,
                advice=advice,
                where=name,
            )
        )
    return [*findings, *_disagreement(name, scores), *_doubt(name, engine, scores)]


def _doubt(name: str, engine: Engine, scores: Mapping[str, Score | Missing]) -> list[Finding]:
    """Say that the accuracy depends on a rounding that nobody knows."""
    score = scores[engine.profile.name]
    if isinstance(score, Missing) or len({value.value for value in score.spanned}) < 2:
        return []
    each = ", ".join(
        f"{format_value(value.value, value.unit)} with {value.provenance.tool}"
        for value in score.spanned
    )
    message = f"how {engine.name} rounds is not known: accuracy {each}; the interval spans them"
    return [
        Finding(
            code="TG108",
            severity=Severity.INFO,
            message=message,
            advice="tinygauge numerics tells from the outputs of your board which one it follows",
            where=name,
        )
    ]


def _disagreement(name: str, scores: Mapping[str, Score | Missing]) -> list[Finding]:
    found = {
        profile: score.value
        for profile, score in sorted(scores.items())
        if isinstance(score, Score)
    }
    if len({value.value for value in found.values()}) < 2:
        return []
    each = ", ".join(
        f"{format_value(value.value, value.unit)} with "
        f"{'either' if profile == 'unknown' else profile}"
        for profile, value in found.items()
    )
    return [
        Finding(
            code="TG105",
            severity=Severity.INFO,
            message=f"the engines round differently: accuracy {each}",
            advice="tinygauge engines says which engine rounds how, with the evidence",
            where=name,
        )
    ]
