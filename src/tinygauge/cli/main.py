"""The `tinygauge` command: it runs a verb and turns what happens into an exit code.

Exit codes: 0 yes; 1 the answer is no (nothing inside the region); 2 the input can't be used;
3 something outside failed (a download, the process that runs a model, a board, writing to
stdout); 70 our bug; 130 stopped by the user; 128 and its number for another signal (141: the
reader of stdout went away, so that a gate behind a pipe never passes for want of a reader).
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence

from tinygauge.cli.parser import build_parser
from tinygauge.errors import BenchError, FetchError, RunnerError, TinygaugeError

__all__ = ["main"]

EXIT_INPUT = 2
EXIT_OUTSIDE = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_NO_READER = 141


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
    options = build_parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="tinygauge: %(message)s",
        stream=sys.stderr,
    )
    try:
        module, _, function = options.run.partition(":")
        run = getattr(importlib.import_module(f"tinygauge.cli.{module}"), function)
        code: int = run(options)
        sys.stdout.flush()
    except (BenchError, FetchError, RunnerError) as error:
        return _failed(error, EXIT_OUTSIDE)
    except TinygaugeError as error:
        return _failed(error, EXIT_INPUT)
    except KeyboardInterrupt as stop:
        return _failed(str(stop) or "stopped", EXIT_INTERRUPTED)
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
