"""The words of `tinygauge bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tinygauge.cli.arguments import count, count_or_0, seconds
from tinygauge.cli.emulate_parser import add_emulate, add_firmware

__all__ = ["add_bench"]

_BENCHMARKS = ("kws", "ic", "vww", "ad", "sww", "custom")
_PORT = "/dev/ttyACM0, COM3, socket://host:port, rfc2217://host:port"


def add_bench(
    bench: argparse.ArgumentParser, add_verb: Callable[..., argparse.ArgumentParser]
) -> None:
    """Add the verbs of the bench.

    Parameters
    ----------
    bench : ArgumentParser
        Of the verb.
    add_verb : callable
        As `tinygauge.cli.parser.add_verb`.
    """
    verbs = bench.add_subparsers(title="verbs", dest="bench_verb", metavar="VERB", required=True)
    _add_run(add_verb(verbs, "run", "bench:run", "measure a model on a board"))
    _add_probe(add_verb(verbs, "probe", "bench:run_probe", "find boards and their baud rates"))
    _add_replay(
        add_verb(
            verbs, "replay", "bench:run_replay", "derive a run's results anew from its transcript"
        )
    )
    add_emulate(
        add_verb(verbs, "emulate", "emulate:run", "measure a model on an emulated Cortex-M")
    )
    add_firmware(
        add_verb(verbs, "firmware", "emulate:run_firmware", "write the sources of a firmware")
    )


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("--port", metavar="PORT", help=_PORT)
    run.add_argument("--baud", type=count, metavar="N", help="of the port (115200)")
    run.add_argument("--benchmark", choices=_BENCHMARKS, help="whose rules (custom)")
    run.add_argument(
        "--mode",
        choices=("performance", "accuracy", "energy"),
        help="time per inference, right answers, or energy per inference",
    )
    run.add_argument(
        "--data", metavar="PATH", help="inputs: .npz, .csv or a folder; random ones to time MODEL"
    )
    run.add_argument("--model", metavar="FILE", help="the .tflite on the board")
    run.add_argument("--out", metavar="DIR", help="folder of the run; by default by its names")
    run.add_argument(
        "--resume", metavar="DIR", help="go on with the run in this folder, as it was begun"
    )
    run.add_argument("--board", metavar="NAME", help="catalogue name of the board")
    run.add_argument("--engine", metavar="NAME", help="catalogue name of the engine")
    run.add_argument("--clock", metavar="CLOCK", help="at which the board runs: 200MHz")
    run.add_argument("--supply", metavar="VOLTAGE", help="of the board: 3.3V")
    run.add_argument("--monitor", metavar="ADDRESS", help="energy monitor: lpm01a:///dev/ttyACM1")
    run.add_argument(
        "--limit", type=count, metavar="N", help="infer only the first N inputs (accuracy)"
    )
    run.add_argument(
        "--iterations", type=count, metavar="N", help="per window; by default as a trial tells"
    )
    run.add_argument(
        "--warmups", type=count_or_0, metavar="N", help="before them; by default as a trial tells"
    )
    run.add_argument("--windows", type=count, metavar="N", help="how many (5)")
    run.add_argument("--min-window", type=seconds, metavar="S", help="seconds at least (10)")
    run.add_argument(
        "--verify",
        choices=("auto", "always", "sampled", "never"),
        help="which loaded inputs are read back (auto)",
    )
    run.add_argument("--strict", action="store_true", help="exit with 1 if a rule is not met")
    for name, text in (
        ("--io-board", "PORT is the benchmark's interface board, which passes commands on"),
        ("--simulated", "PORT is an emulator: its times are no board's"),
    ):
        run.add_argument(name, action="store_true", default=None, help=text)


def _add_probe(probe: argparse.ArgumentParser) -> None:
    probe.add_argument(
        "--port",
        action="append",
        metavar="PORT",
        help=f"{_PORT}; repeatable; by default all on USB",
    )
    probe.add_argument(
        "--baud",
        action="append",
        type=count,
        metavar="N",
        help="baud rate to try; repeatable; by default the usual ones",
    )


def _add_replay(replay: argparse.ArgumentParser) -> None:
    replay.add_argument(
        "path", metavar="PATH", help="folder of a run, or a log.txt of another runner"
    )
    replay.add_argument(
        "--labels", metavar="FILE", help="y_labels.csv with the true classes, for a log"
    )
    replay.add_argument(
        "--trace", metavar="ADDRESS", help="a recorded energy trace of the run: file:trace.csv"
    )
