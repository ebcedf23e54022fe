"""The `tinygauge` command: options, verbs and exit codes.

Exit codes: 0 yes; 1 the answer is no (nothing inside the region); 2 the input can't be used;
3 something outside failed (a download, the process that runs a model, writing to stdout); 70 our
bug; 130 stopped by the user; 128 and its number for another signal (141: the reader of stdout went
away, so that a gate behind a pipe never passes for want of a reader).
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence

from tinygauge import __version__
from tinygauge.errors import FetchError, RunnerError, TinygaugeError

__all__ = ["main"]

EXIT_INPUT = 2
EXIT_OUTSIDE = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_NO_READER = 141

_Run = Callable[[argparse.Namespace], int]


def _evaluate(options: argparse.Namespace) -> int:
    from tinygauge.cli.evaluate import run

    return run(options)


def _demo(options: argparse.Namespace) -> int:
    from tinygauge.cli.evaluate import run_demo

    return run_demo(options)


def _inspect(options: argparse.Namespace) -> int:
    from tinygauge.cli.inspect import run

    return run(options)


def _memory(options: argparse.Namespace) -> int:
    from tinygauge.cli.memory import run

    return run(options)


def _deploy(options: argparse.Namespace) -> int:
    from tinygauge.cli.deploy import run

    return run(options)


def _predict(options: argparse.Namespace) -> int:
    from tinygauge.cli.predict import run

    return run(options)


def _published(options: argparse.Namespace) -> int:
    from tinygauge.cli.published import run

    return run(options)


def _battery(options: argparse.Namespace) -> int:
    from tinygauge.cli.battery import run

    return run(options)


def _boards(options: argparse.Namespace) -> int:
    from tinygauge.cli.catalogue import run_boards

    return run_boards(options)


def _engines(options: argparse.Namespace) -> int:
    from tinygauge.cli.catalogue import run_engines

    return run_engines(options)


def _fetch(options: argparse.Namespace) -> int:
    from tinygauge.cli.fetch import run

    return run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tinygauge",
        description="Tells which trained model to ship on which microcontroller.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tinygauge {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is done, to stderr")
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
    _add_evaluate(verbs)
    demo = _verb(verbs, "demo", _demo, "run the main job on the packaged models and data")
    _add_run_options(demo)
    inspect = _verb(verbs, "inspect", _inspect, "ops, shapes, MACs, parameters, quantisation")
    inspect.add_argument("models", nargs="+", metavar="MODEL", help=".tflite files")
    _add_memory(verbs)
    _add_predict(verbs)
    _add_published(verbs)
    _add_battery(verbs)
    _add_deploy(verbs)
    boards = _verb(verbs, "boards", _boards, "the boards, with a source for each number")
    boards.add_argument("names", nargs="*", metavar="NAME", help="catalogue name or TOML file")
    boards.add_argument("--sort", choices=("name", "coremark"), default="name", help="order")
    engines = _verb(verbs, "engines", _engines, "the inference engines and how they round")
    engines.add_argument("names", nargs="*", metavar="NAME", help="catalogue name or TOML file")
    fetch = _verb(verbs, "fetch", _fetch, "reference models and datasets, checked by SHA-256")
    fetch.add_argument("collection", choices=("mlperf-tiny",), help="what to fetch")
    fetch.add_argument("--out", metavar="DIR", default="mlperf-tiny", help="where to (%(default)s)")
    fetch.add_argument(
        "--only", metavar="PATTERN", help="only files whose path matches, as *.tflite"
    )
    return parser


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: _Run, text: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def _add_evaluate(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    evaluate = _verb(verbs, "evaluate", _evaluate, "evaluate models on boards and choose one")
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
    evaluate.add_argument("--rank", metavar="METRICS", help="order of those inside: energy,latency")
    _add_run_options(evaluate)


def _add_memory(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    memory = _verb(verbs, "memory", _memory, "RAM and flash of models, part by part, to the byte")
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


def _add_predict(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    predict = _verb(
        verbs, "predict", _predict, "instructions, cycles, latency and energy, without the board"
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
    predict.add_argument("--per-op", action="store_true", help="list the ops")


def _add_published(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    published = _verb(verbs, "published", _published, "search the published MLPerf Tiny results")
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


def _add_battery(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    battery = _verb(verbs, "battery", _battery, "average current and battery life with a model")
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


def _add_deploy(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    deploy = _verb(verbs, "deploy", _deploy, "write a model as C++ for a TFLM firmware")
    deploy.add_argument("model", metavar="MODEL", help=".tflite file")
    deploy.add_argument("--engine", metavar="NAME", required=True, help="tflm-cmsis-nn, tflm-ref")
    deploy.add_argument("--board", metavar="NAME", help="board; gives the core")
    deploy.add_argument("--core", metavar="NAME", help="core without a board (cortex-m4)")
    deploy.add_argument("--out", metavar="DIR", help="folder to write; by default NAME_model")
    deploy.add_argument("--name", metavar="NAME", help="C++ namespace: becomes NAME_model")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", help="write the report here")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="models run at once")
    parser.add_argument("--no-cache", action="store_true", help="score every model again")
    parser.add_argument("--all", action="store_true", help="print every candidate")


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got '{text}'")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words behind the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be valid text
            stream.reconfigure(errors="backslashreplace")
    _unwind_on_signals()
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="tinygauge: %(message)s",
        stream=sys.stderr,
    )
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except (FetchError, RunnerError) as error:
        return _failed(error, EXIT_OUTSIDE)
    except TinygaugeError as error:
        return _failed(error, EXIT_INPUT)
    except KeyboardInterrupt:
        return _failed("stopped", EXIT_INTERRUPTED)
    except OSError as error:
        return _cut_off(error)
    except Exception as error:
        logging.getLogger(__name__).info("internal error", exc_info=error)
        text = f"internal error ({type(error).__name__}: {error}): please report it, with --verbose"
        return _failed(text, EXIT_BUG)
    return code


def _unwind_on_signals() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C, so that no process of ours stays behind."""

    def unwind(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # else under nohup
            signal.signal(number, unwind)


def _cut_off(error: OSError) -> int:
    """Tell what could not be written: most often stdout, for files are told where they fail."""
    # Else Python would fail once more when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return EXIT_NO_READER
    where = error.filename or "the output"
    return _failed(f"{where}: can't read or write ({error.strerror or error})", EXIT_OUTSIDE)


def _failed(message: object, code: int) -> int:
    from tinygauge.cli.output import print_error

    print_error(message)
    return code


if __name__ == "__main__":
    sys.exit(main())
