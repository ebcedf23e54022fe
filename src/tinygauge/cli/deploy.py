"""`tinygauge deploy`: a folder of C++ to paste into a firmware."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinygauge import catalog, graph
from tinygauge.catalog import Engine
from tinygauge.cli.output import console, print_error
from tinygauge.deploy import Deployment, render_deployment, write_deployment
from tinygauge.errors import ConfigError, InputError
from tinygauge.inspection import target_of
from tinygauge.memory import predict_memory
from tinygauge.quantity import Missing
from tinygauge.records import Target
from tinygauge.report.serialise import quantity_document, render_json

__all__ = ["run"]

_USUAL_CORE = "cortex-m4"


def run(options: argparse.Namespace) -> int:
    """Write the folder; return 1 where the model does not fit the board."""
    engine = catalog.engine(options.engine)
    target = _target(options, engine)
    model = graph.load(options.model)
    memory = predict_memory(model, core=target.core, engine=engine.base)
    if isinstance(memory, Missing):
        raise InputError(options.model, memory.reason, memory.advice)
    deployment = render_deployment(model, memory, target, name=options.name)
    folder = Path(options.out or deployment.name)
    write_deployment(deployment, folder)
    if options.json:
        sys.stdout.write(render_json(_document(deployment, options.model, folder)))
    else:
        _print(deployment, folder)
    return _check(deployment)


def _target(options: argparse.Namespace, engine: Engine) -> Target:
    if options.board and options.core:
        raise ConfigError("--core", "a board has its core", "Name --board or --core, not both")
    if options.board:
        return target_of(catalog.board(options.board), engine)
    return Target(board="", core=(options.core or _USUAL_CORE).lower(), engine=engine.name)


def _document(deployment: Deployment, model: str, folder: Path) -> dict[str, object]:
    memory, target = deployment.memory, deployment.target
    return {
        "model": model,
        "board": target.board,
        "core": target.core,
        "engine": target.engine,
        "namespace": deployment.name,
        "folder": str(folder),
        "files": list(deployment.files),
        "operators": list(deployment.methods),
        "arena_needed_bytes": deployment.arena.needed_bytes,
        "arena_margin_bytes": deployment.arena.margin_bytes,
        "arena_bytes": deployment.arena.size_bytes,
        "ram": quantity_document(memory.ram),
        "flash": quantity_document(memory.flash),
        "fits": not deployment.shortages,
    }


def _print(deployment: Deployment, folder: Path) -> None:
    arena, memory = deployment.arena, deployment.memory
    lines = (
        f"{folder}: {', '.join(deployment.files)}",
        f"for {deployment.target}, namespace {deployment.name}",
        f"operators: {len(deployment.methods)} ({', '.join(deployment.methods)})",
        f"arena: {arena.size_bytes:,} bytes, of which {arena.margin_bytes:,} are margin",
        f"RAM: {memory.ram}, flash: {memory.flash} (without the margin)",
    )
    out = console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _check(deployment: Deployment) -> int:
    for shortage in deployment.shortages:
        print_error(f"does not fit: {shortage}")
    return 1 if deployment.shortages else 0
