"""The words of the command line: every verb with its options, and nothing that is slow to import.

A verb's `run` is named, not imported: `main` imports it when it is called.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tinygauge import __version__
from tinygauge.cli.arguments import count
from tinygauge.cli.bench_parser import add_bench
from tinygauge.cli.diagnosis_parser import add_diff, add_numerics
from tinygauge.cli.simulate_parser import add_simulate
from tinygauge.cli.submission_parser import add_submission

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_verb", "build_parser"]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="tinygauge",
        description="Tells which trained model to ship on which microcontroller.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tinygauge {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is done, to stderr")
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
    _add_evaluate(verbs)
    demo = add_verb(
        verbs, "demo", "evaluate:run_demo", "run the main job on the packaged models and data"
    )
    _add_run_options(demo)
    inspect = add_verb(
        verbs, "inspect", "inspect:run", "show ops, shapes, MACs, parameters, quantisation"
    )
    inspect.add_argument("models", nargs="+", metavar="MODEL", help=".tflite files")
    _add_memory(verbs)
    _add_predict(verbs)
    _add_published(verbs)
    _add_compare(verbs)
    _add_calibrate(verbs)
    _add_battery(verbs)
    _add_deploy(verbs)
    add_simulate(
        add_verb(
            verbs,
            "simulate",
            "simulate:run",
            "count the instructions that a firmware executes, by function",
        )
    )
    add_bench(
        _add_group(
            verbs, "bench", "measure models on a board, with the MLPerf Tiny protocol and rules"
        ),
        add_verb,
    )
    add_numerics(
        add_verb(
            verbs,
            "numerics",
            "numerics:run",
            "tell which rounding a board follows, from its outputs",
        )
    )
    add_diff(
        add_verb(verbs, "diff", "diff:run", "find where two runtimes differ on a model, op by op")
    )
    add_submission(
        _add_group(verbs, "submission", "build, check and read MLPerf Tiny submissions"), add_verb
    )
    _add_cache(verbs)
    _add_catalogue(verbs)
    _add_fetch(verbs)
    return parser


def add_verb(verbs: Verbs, name: str, run: str, text: str) -> argparse.ArgumentParser:
    """Add a verb that prints a result.

    Parameters
    ----------
    verbs : Verbs
        What it is added to.
    name : str
        The word on the command line.
    run : str
        The function that runs it, as ``"module:function"`` below `tinygauge.cli`; imported when
        it is needed, so that no verb pays for another's start-up.
    text : str
        What it does.

    Returns
    -------
    ArgumentParser
        To add the verb's own options to.
    """
    parser = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def _add_group(verbs: Verbs, name: str, text: str) -> argparse.ArgumentParser:
    """Add a verb that has verbs of its own."""
    return verbs.add_parser(name, help=text, description=text, allow_abbrev=False)


def _add_evaluate(verbs: Verbs) -> None:
    evaluate = add_verb(
        verbs, "evaluate", "evaluate:run", "evaluate models on boards and choose one"
    )
    evaluate.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help=".tflite files or folders, or one experiment.toml",
    )
    evaluate.add_argument("--data", metavar="PATH", help="dataset: .npz, .csv or a folder")
    evaluate.add_argument("--board", action="append", metavar="NAME", help="board; repeatable")
    evaluate.add_argument("--engine", action="append", metavar="NAME", help="engine; repeatable")
    evaluate.add_argument(
        "--require", action="append", metavar="BOUND", help="such as 'latency<=100ms'; repeatable"
    )
    evaluate.add_argument(
        "--measured",
        action="append",
        metavar="DIR",
        help="a run of bench on the board, in place of predictions; repeatable",
    )
    evaluate.add_argument("--rank", metavar="METRICS", help="order of those inside: energy,latency")
    _add_calibration(evaluate)
    _add_run_options(evaluate)


def _add_memory(verbs: Verbs) -> None:
    memory = add_verb(
        verbs, "memory", "memory:run", "predict RAM and flash of models, part by part, to the byte"
    )
    memory.add_argument("models", nargs="+", metavar="MODEL", help=".tflite files")
    memory.add_argument("--board", action="append", metavar="NAME", help="board; repeatable")
    memory.add_argument(
        "--core", action="append", metavar="NAME", help="core without a board (cortex-m4)"
    )
    memory.add_argument("--engine", action="append", metavar="NAME", help="engine; repeatable")
    memory.add_argument("--out", metavar="DIR", help="draw the arena's timeline here")
    memory.add_argument(
        "--firmware", metavar="FILE", help="an ELF or linker map, to print beside the prediction"
    )


def _add_predict(verbs: Verbs) -> None:
    predict = add_verb(
        verbs,
        "predict",
        "predict:run",
        "predict instructions, cycles, latency and energy, without the board",
    )
    predict.add_argument("models", nargs="+", metavar="MODEL", help=".tflite files")
    predict.add_argument("--board", action="append", metavar="NAME", help="board; repeatable")
    predict.add_argument(
        "--core", action="append", metavar="NAME", help="core without a board (cortex-m4)"
    )
    predict.add_argument(
        "--engine",
        action="append",
        metavar="NAME",
        required=True,
        help="engine, or a build of it (x-cube-ai@7.3.0); repeatable",
    )
    predict.add_argument("--clock", metavar="CLOCK", help="such as 100MHz; the board's by default")
    predict.add_argument("--supply", metavar="VOLTAGE", help="such as 3V; the board's by default")
    predict.add_argument("--per-op", action="store_true", help="list the ops")
    _add_calibration(predict)


def _add_published(verbs: Verbs) -> None:
    published = add_verb(
        verbs, "published", "published:run", "search the published MLPerf Tiny results"
    )
    for name, example in (
        ("board", "nucleo-l4r5zi"),
        ("engine", "x-cube-ai, x-cube-ai@7.3"),
        ("benchmark", "ad, ic, kws, vww"),
        ("round", "v1.0"),
        ("submitter", "plumerai"),
    ):
        published.add_argument(
            f"--{name}", action="append", metavar="NAME", help=f"such as {example}; repeatable"
        )


def _add_compare(verbs: Verbs) -> None:
    compare = add_verb(
        verbs,
        "compare",
        "compare:run",
        "set your own number beside the published ones and the prediction, with probable causes",
    )
    compare.add_argument("model", nargs="?", metavar="MODEL", help=".tflite file that was timed")
    compare.add_argument(
        "--benchmark", metavar="NAME", help="ad, ic, kws or vww; found by itself from MODEL"
    )
    compare.add_argument("--board", metavar="NAME", required=True, help="board")
    compare.add_argument(
        "--engine",
        metavar="NAME",
        required=True,
        help="engine, or a build of it: tflm-ref@edgemark",
    )
    compare.add_argument("--latency", metavar="TIME", required=True, help="of one inference: 62ms")
    compare.add_argument("--energy", metavar="ENERGY", help="of one inference: 3.1mJ")
    compare.add_argument("--clock", metavar="CLOCK", help="such as 80MHz; the board's by default")
    compare.add_argument("--supply", metavar="VOLTAGE", help="at which the energy was metered: 3V")
    compare.add_argument("--accuracy", metavar="SHARE", help="such as 90.1%%")
    compare.add_argument(
        "--top", type=count, default=8, metavar="N", help="rows to list (%(default)s)"
    )


def _add_calibrate(verbs: Verbs) -> None:
    calibrate = add_verb(
        verbs,
        "calibrate",
        "calibrate:run",
        "learn from your own measurements: write a file for --calibration",
    )
    calibrate.add_argument(
        "measurements", nargs="+", metavar="FILE", help="CSV file, or folder of a bench run"
    )
    calibrate.add_argument(
        "--out",
        metavar="FILE",
        default="calibration.json",
        help="where to write it (%(default)s); a calibration there is replaced",
    )
    calibrate.add_argument(
        "--add", metavar="FILE", help="a calibration whose measurements stay in the new one"
    )
    calibrate.add_argument("--board", metavar="NAME", help="where FILE does not say")
    calibrate.add_argument("--engine", metavar="NAME", help="where FILE does not say")
    calibrate.add_argument("--clock", metavar="CLOCK", help="where FILE does not say: 120MHz")
    calibrate.add_argument(
        "--model", action="append", metavar="FILE", help="a model that a run names; repeatable"
    )


def _add_calibration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calibration", metavar="FILE", help="your own measurements: see tinygauge calibrate"
    )


def _add_battery(verbs: Verbs) -> None:
    battery = add_verb(
        verbs, "battery", "battery:run", "predict average current and battery life with a model"
    )
    battery.add_argument("model", metavar="MODEL", help=".tflite file")
    battery.add_argument("--board", metavar="NAME", required=True, help="board")
    battery.add_argument(
        "--engine", metavar="NAME", default="tflm-cmsis-nn", help="engine (%(default)s)"
    )
    battery.add_argument("--rate", metavar="RATE", required=True, help="such as 4/min or 1200/h")
    battery.add_argument(
        "--cell", metavar="CELL", required=True, help="cr2032, cr2450, ls26500 or 230mAh@3.0V"
    )
    battery.add_argument("--sleep-current", metavar="CURRENT", help="between inferences: 2uA")
    battery.add_argument("--wake-energy", metavar="ENERGY", help="of each wake-up: 20uJ")
    battery.add_argument("--self-discharge", metavar="SHARE", help="of the cell: 1%%/year")
    _add_calibration(battery)


def _add_deploy(verbs: Verbs) -> None:
    deploy = add_verb(verbs, "deploy", "deploy:run", "write a model as C++ for a TFLM firmware")
    deploy.add_argument("model", metavar="MODEL", help=".tflite file")
    deploy.add_argument("--engine", metavar="NAME", required=True, help="tflm-cmsis-nn, tflm-ref")
    deploy.add_argument("--board", metavar="NAME", help="board; gives the core")
    deploy.add_argument("--core", metavar="NAME", help="core without a board (cortex-m4)")
    deploy.add_argument("--out", metavar="DIR", help="folder to write; by default NAME_model")
    deploy.add_argument("--name", metavar="NAME", help="C++ namespace: becomes NAME_model")


def _add_cache(verbs: Verbs) -> None:
    cache = add_verb(
        verbs, "cache", "cache:run", "show what is kept of earlier accuracy runs, or remove it"
    )
    cache.add_argument(
        "action",
        nargs="?",
        choices=("info", "clear", "prune"),
        default="info",
        help="show it, remove all, or remove what was not used for longest (%(default)s)",
    )
    cache.add_argument(
        "--to", metavar="SIZE", help="prune to this size (TINYGAUGE_CACHE_SIZE, or 1GiB)"
    )


def _add_catalogue(verbs: Verbs) -> None:
    boards = add_verb(
        verbs, "boards", "catalogue:run_boards", "list the boards, with a source for each number"
    )
    boards.add_argument("names", nargs="*", metavar="NAME", help="catalogue name or TOML file")
    boards.add_argument(
        "--sort",
        choices=("name", "coremark", "ulpmark", "clock", "sram", "flash", "power"),
        default="name",
        help="order: the best first, unknown last",
    )
    engines = add_verb(
        verbs,
        "engines",
        "catalogue:run_engines",
        "list the inference engines, their builds, how they round",
    )
    engines.add_argument(
        "names", nargs="*", metavar="NAME", help="catalogue name, ENGINE@BUILD or TOML file"
    )


def _add_fetch(verbs: Verbs) -> None:
    fetch = add_verb(
        verbs, "fetch", "fetch:run", "download reference models and datasets, checked by SHA-256"
    )
    fetch.add_argument("collection", choices=("mlperf-tiny",), help="what to fetch")
    fetch.add_argument("--out", metavar="DIR", default="mlperf-tiny", help="where to (%(default)s)")
    fetch.add_argument(
        "--only", metavar="PATTERN", help="only files whose path matches, as *.tflite"
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", help="write the report here")
    parser.add_argument("--jobs", type=count, metavar="N", help="models run at once")
    parser.add_argument(
        "--runner",
        choices=("auto", "exact", "exact-cuda", "interpreter"),
        default="auto",
        help="what runs the models: auto evaluates exactly, in an interpreter where it can't; "
        "exact-cuda needs PyTorch and CUDA of your own",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="run the models on a Dask cluster: tcp://10.0.0.1:8786"
    )
    parser.add_argument("--no-cache", action="store_true", help="score every model again")
    parser.add_argument(
        "--time-limit", metavar="TIME", help="for one model over all inputs (600s); then it failed"
    )
    parser.add_argument("--all", action="store_true", help="print every candidate")
