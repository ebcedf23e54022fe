"""Boards and engines as JSON, with a source for each number."""

from __future__ import annotations

from dataclasses import fields

from tinygauge.catalog import Board, Build, Engine
from tinygauge.report.serialise import Document, quantity_document

__all__ = ["board_document", "engine_document"]


def board_document(board: Board) -> Document:
    """Describe a board with a source for each number.

    Parameters
    ----------
    board : Board

    Returns
    -------
    dict
    """
    return {
        "name": board.name,
        "title": board.title,
        "vendor": board.vendor,
        "mcu": board.mcu,
        "mcu_maker": board.mcu_maker or None,
        "core": board.core,
        "clock": quantity_document(board.clock),
        "supply": quantity_document(board.supply),
        "sram": quantity_document(board.sram),
        "sram_block": quantity_document(board.sram_block),
        "flash": quantity_document(board.flash),
        "coremark_per_mhz": quantity_document(board.coremark),
        "ulpmark_cp": quantity_document(board.ulpmark_cp),
        "ulpmark_pp": quantity_document(board.ulpmark_pp),
        "ulpmark_cm": quantity_document(board.ulpmark_cm),
        "active_power": quantity_document(board.active_power),
        "power_rail": board.power_rail,
        "notes": list(board.notes),
    }


def engine_document(engine: Engine) -> Document:
    """Describe an engine with its numeric profile and the evidence for it.

    Parameters
    ----------
    engine : Engine

    Returns
    -------
    dict
    """
    return {
        "name": engine.name,
        "title": engine.title,
        "version": engine.version,
        "source": engine.source,
        "kernels": engine.kernels,
        "cores": list(engine.cores),
        "makers": list(engine.makers),
        "profile": engine.profile.name,
        "profile_evidence": engine.profile.evidence,
        "skips_dead_channels": engine.skips_dead_channels,
        "ops": sorted(engine.ops) if engine.ops is not None else None,
        "notes": list(engine.notes),
        "build": engine.build or None,
        "builds": [_build(build) for build in engine.builds],
    }


def _build(build: Build) -> Document:
    document: Document = {field.name: getattr(build, field.name) for field in fields(build)}
    profile = build.profile
    return document | {
        "compiler": build.compiler or None,
        "flags": build.flags or None,
        "notes": list(build.notes),
        "profile": profile and profile.name,
        "profile_evidence": profile and profile.evidence,
    }
