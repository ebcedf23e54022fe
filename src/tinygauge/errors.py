"""The error tree: every failure a user can cause or meet, with what to do about it.

::

    TinygaugeError
    ├── InputError            the user's files or words are wrong (exit code 2)
    │   ├── ModelFormatError      not a readable .tflite
    │   ├── UnsupportedOpError    an op that no engine or formula knows
    │   ├── DatasetError          the data do not fit the model or the format
    │   ├── ConfigError           a TOML file, bound or option that does not parse
    │   ├── TraceFormatError      a recorded power trace that can't be read
    │   ├── RunFormatError        a run's folder or a log that can't be read
    │   └── UnknownNameError      no such board, engine or column ("did you mean")
    ├── ComparisonError       units or targets differ
    ├── BenchError            something on the bench failed (exit code 3); what was measured is kept
    │   ├── LinkClosedError       the port can't be opened, or went away
    │   ├── LinkTimeoutError      the board did not answer
    │   ├── DialectError          the board answered, but not what the protocol says
    │   │   └── BoardResetError       the board started anew in the middle
    │   ├── RunStorageError       a run's files can't be written
    │   ├── ToolError             a compiler or an emulator is missing, or failed
    │   ├── MonitorError          an energy monitor does not answer, answers nonsense or went away
    │   ├── MonitorOverloadError  the current went beyond what the monitor can measure
    │   └── SamplesLostError      a measured stretch has holes in it
    ├── RunnerError           the process that runs the model failed, crashed or hit a limit
    ├── FetchError            a download failed or a checksum differs
    └── MissingExtraError     an optional package is not installed

Messages say what failed and where, what was expected and what was found, and what to do.
A model that does not fit its board is a result, not an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

__all__ = [
    "BenchError",
    "BoardResetError",
    "ComparisonError",
    "ConfigError",
    "DatasetError",
    "DialectError",
    "FetchError",
    "InputError",
    "LinkClosedError",
    "LinkTimeoutError",
    "MissingExtraError",
    "ModelFormatError",
    "MonitorError",
    "MonitorOverloadError",
    "RunFormatError",
    "RunStorageError",
    "RunnerError",
    "SamplesLostError",
    "TinygaugeError",
    "ToolError",
    "TraceFormatError",
    "UnknownNameError",
    "UnsupportedOpError",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Advise on a name that does not exist.

    Parameters
    ----------
    name : str
        The name given.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        The nearest names, or all of them where none is near.
    """
    names, wanted = sorted(known), name.lower()
    within = [other for other in names if len(wanted) > 1 and wanted in other][:3]  # m4: cortex-m4
    close = within or difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(names)}"


class TinygaugeError(Exception):
    """Base of every error that TinyGauge raises on purpose.

    Parameters
    ----------
    where : str
        The file, board, option or op at fault.
    problem : str
        What failed: expected and got.
    advice : str
        What the user can do; may be empty.
    """

    def __init__(self, where: str, problem: str, advice: str = "") -> None:
        self.where = where
        self.problem = problem
        self.advice = advice
        super().__init__(f"{where}: {problem}" + (f". {advice}" if advice else ""))

    def __reduce__(self) -> tuple[Callable[..., TinygaugeError], tuple[object, ...]]:
        """Let errors travel between processes, whatever their constructors take."""
        return _restored, (type(self), str(self), self.__dict__)


def _restored(
    kind: type[TinygaugeError], message: str, fields: dict[str, object]
) -> TinygaugeError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(fields)
    return error


class InputError(TinygaugeError):
    """The user's input can't be used."""


class ModelFormatError(InputError):
    """A file is not a readable `.tflite` model."""


class UnsupportedOpError(InputError):
    """A model holds an op that nothing here can count or run."""


class DatasetError(InputError):
    """A dataset can't be read or does not fit the model."""


class ConfigError(InputError):
    """A TOML file, a bound or an option does not parse."""


class RunFormatError(InputError):
    """A run's folder, transcript or log can't be read, or was changed since it was written."""


class UnknownNameError(InputError):
    """A name is not in a catalogue.

    Parameters
    ----------
    kind : str
        What was looked for: ``"board"``, ``"engine"``.
    name : str
        The name given.
    known : iterable of str
        The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        advice = did_you_mean(name, self.known)
        super().__init__(f"unknown {kind} '{name}'", f"there is no such {kind}", advice)


class TraceFormatError(InputError):
    """A recorded power trace can't be read or does not hold what was asked of it."""


class ComparisonError(TinygaugeError):
    """Two numbers can't be compared or added: their units or targets differ."""


class BenchError(TinygaugeError):
    """Something on the bench failed: a board, its link, an energy monitor."""


class LinkClosedError(BenchError):
    """The port to a board can't be opened, or went away."""


class LinkTimeoutError(BenchError):
    """A board did not answer in time."""


class DialectError(BenchError):
    """A board answered, but not what the protocol says."""


class BoardResetError(DialectError):
    """A board started anew in the middle of a command: what was loaded is gone."""


class RunStorageError(BenchError):
    """The files of a run can't be written."""


class ToolError(BenchError):
    """A program that the bench needs, a compiler or an emulator, is missing or failed."""


class MonitorError(BenchError):
    """An energy monitor does not answer, answers nonsense or went away."""


class MonitorOverloadError(BenchError):
    """The current went beyond what the monitor can measure."""


class SamplesLostError(BenchError):
    """A stretch that was to be measured has holes in it."""


class RunnerError(TinygaugeError):
    """The process that runs a model failed, crashed, or ran into its limit."""


class FetchError(TinygaugeError):
    """A download failed, or a file's SHA-256 is not the expected one."""


class MissingExtraError(TinygaugeError):
    """An optional package is needed and not installed.

    Parameters
    ----------
    package : str
        The package that can't be imported.
    extra : str
        The extra of `tinygauge` that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            package, "this package is not installed", f"Try: pip install 'tinygauge[{extra}]'"
        )
