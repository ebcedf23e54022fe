"""`tinygauge bench`: measure a model on a board."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinygauge import catalog, graph
from tinygauge.accuracy import load_labels
from tinygauge.bench.folder import load_run
from tinygauge.bench.monitors import open_monitor, parse_address
from tinygauge.bench.monitors.recorded import load_recorded
from tinygauge.bench.plan import Verify
from tinygauge.bench.probe import BAUDS, list_ports, probe_port
from tinygauge.bench.published_log import replay_log
from tinygauge.bench.recorded_energy import with_recorded_energy
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.replay import Replay, replay_folder
from tinygauge.cli.output import console, print_error, progress_bar
from tinygauge.emulation.inputs import RANDOM, random_inputs
from tinygauge.errors import BenchError, ConfigError, InputError
from tinygauge.measurement import Request, measure, resumed
from tinygauge.report.bench_report import (
    probe_document,
    probe_lines,
    replay_document,
    run_document,
    run_lines,
)
from tinygauge.report.serialise import render_json
from tinygauge.units import Unit, parse

__all__ = ["run", "run_probe", "run_replay"]


def run(options: argparse.Namespace) -> int:
    """Measure a model on a board; with --strict, 1 where a rule is not met."""
    request = _request(options)
    with ExitStack() as opened:
        progress = opened.enter_context(progress_bar())
        monitor = None
        if options.monitor:
            _refuse_recording(options.monitor)
            monitor = open_monitor(options.monitor)
            opened.callback(monitor.close)
        try:
            found = measure(request, monitor=monitor, progress=progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped{_kept(request.out)}") from None
        except BenchError:
            if kept := _kept(request.out):
                print_error(f"the run ended early{kept}")
            raise
    _print(found, as_json=options.json)
    broken = any(rule.met is False for rule in found.rules)
    return 1 if options.strict and broken else 0


def _kept(folder: Path) -> str:
    """Say what an early end left."""
    try:
        found = load_run(folder)
    except InputError:
        return ""
    count = len(found.windows) + len(found.inputs)
    what = f"{count:,} results are" if count != 1 else "1 result is"
    return f"; {what} kept, go on with: tinygauge bench run --resume {folder}"


def run_probe(options: argparse.Namespace) -> int:
    """Look for boards; 1 where there is none."""
    ports = list_ports()
    names = options.port or [port.name for port in ports if port.is_usb]
    found = [probe_port(name, tuple(options.baud or BAUDS)) for name in names]
    if options.json:
        sys.stdout.write(render_json(probe_document(found, ports)))
    else:
        _print_lines(probe_lines(found, ports))
    return 0 if any(each.identity is not None for each in found) else 1


def run_replay(options: argparse.Namespace) -> int:
    """Derive a run's results anew; 1 where they differ from those that were kept."""
    path = Path(options.path)
    if (path / "run.json").is_file():
        found = replay_folder(path)
    else:
        labels = load_labels(options.labels) if options.labels else None
        found = Replay(replay_log(path, labels), ())
    if options.trace:
        trace = load_recorded(parse_address(options.trace))
        found = Replay(with_recorded_energy(found.run, trace), found.differences)
    if options.json:
        sys.stdout.write(render_json(replay_document(found)))
    else:
        _print_lines(run_lines(found.run))
        _print_lines([f"DIFFERS: {each}" for each in found.differences])
    return 1 if found.differences else 0


def _print(found: Run, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(render_json(run_document(found)))
        return
    _print_lines(run_lines(found))


def _print_lines(lines: Sequence[str]) -> None:
    out = console()
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _request(options: argparse.Namespace) -> Request:
    """Make a request of the options; to resume a run, of what it was begun with and the options."""
    given = {
        "port": options.port,
        "benchmark": options.benchmark,
        "mode": Mode(options.mode) if options.mode else None,
        "data": options.data,
        "model": options.model,
        "baud": options.baud,
        "passed_on": options.io_board,
        "simulated": options.simulated,
        "board": catalog.board(options.board).name if options.board else None,
        "engine": catalog.engine(options.engine).name if options.engine else None,
        "clock_hz": _in(options.clock, "--clock", Unit.HERTZ),
        "supply_v": _in(options.supply, "--supply", Unit.VOLT),
        "limit": options.limit,
        "windows": options.windows,
        "min_window_s": options.min_window,
        "iterations": options.iterations,
        "warmups": options.warmups,
        "verify": Verify(options.verify) if options.verify else None,
    }
    chosen: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if options.resume:
        if options.out and Path(options.out) != Path(options.resume):
            raise ConfigError("--out", "--resume names the folder already", "Leave --out away")
        return _with_data(replace(resumed(Path(options.resume)), **chosen))
    if options.model and options.mode in ("performance", "energy"):
        chosen.setdefault("data", RANDOM)
    missing = [f"--{name}" for name in ("port", "mode", "data") if name not in chosen]
    if missing:
        names = ", ".join(missing)
        raise ConfigError("bench run", f"{names} must be given", "See: tinygauge bench run --help")
    chosen.setdefault("benchmark", "custom")
    parts = (chosen["benchmark"], options.mode, chosen.get("board", ""))
    folder = options.out or "run-" + "-".join(part for part in parts if part)
    return _with_data(Request(out=Path(folder), **chosen))


def _with_data(request: Request) -> Request:
    """Make the random inputs that time a model where no dataset was named."""
    if request.data != RANDOM or request.model is None:
        return request
    return replace(request, data=random_inputs(graph.load(request.model), request.benchmark))


def _in(text: str | None, option: str, unit: Unit) -> float | None:
    """Read a value with its unit."""
    if text is None:
        return None
    value, found = parse(text)
    if found is not unit or value <= 0:
        raise ConfigError(f"{option} '{text}'", f"this is no value in {unit.value} above 0")
    return value


def _refuse_recording(address: str) -> None:
    if parse_address(address).scheme == "file":
        problem = "a recording can't be made to start with the board"
        raise ConfigError("--monitor", problem, "Use it later: bench replay --trace")
