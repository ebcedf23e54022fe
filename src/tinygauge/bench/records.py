"""What a run on a board gave: read this before the rest of the bench.

A `Run` is what `folder.py` keeps on disk, `replay.py` derives from a transcript, and the rules,
the submission and the evaluation read. Times are seconds unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "BenchFault",
    "EnergyReading",
    "FileRef",
    "InputResult",
    "Mode",
    "RuleResult",
    "Run",
    "Settings",
    "WindowResult",
]


class Mode(StrEnum):
    """What a run measures."""

    PERFORMANCE = "performance"
    ACCURACY = "accuracy"
    ENERGY = "energy"


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that a run used or made: its name, and its SHA-256 in hex ('' where unknown)."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyReading:
    """The energy of one window.

    Parameters
    ----------
    energy_j : float
        Of the whole window, idle power included, joules.
    above_idle_j : float or None
        The same less the idle power before it; None where idle was not seen.
    duration_s : float
        Of the window, by the monitor.
    cut_by : str
        ``"marks"`` (the board's timestamp pin) or ``"edges"`` (steps of the current).
    uncertainty_j : float
        Half-width at 95 %, joules; nan where the instrument's is not known.
    trace : FileRef
        The recorded trace.
    """

    energy_j: float
    above_idle_j: float | None
    duration_s: float
    cut_by: str
    uncertainty_j: float
    trace: FileRef


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """One timed window of a performance or energy run.

    Parameters
    ----------
    index : int
        From 0.
    input, input_sha256 : str
        What was inferred.
    iterations, warmups : int
    start_us, end_us : int or None
        The board's clock, microseconds; None for energy firmware, which pulls a pin.
    elapsed_s : float
        By the board's clock, or the monitor's, or (with neither) the host's.
    host_s : float
        By the host's clock.
    outputs : tuple of float
        Of the last inference.
    verified : bool
        Whether the loaded input was read back and was right.
    energy : EnergyReading or None
    """

    index: int
    input: str
    input_sha256: str
    iterations: int
    warmups: int
    start_us: int | None
    end_us: int | None
    elapsed_s: float
    host_s: float
    outputs: tuple[float, ...]
    verified: bool
    energy: EnergyReading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputResult:
    """One inferred input of an accuracy run.

    Parameters
    ----------
    index : int
        Place among the inferences, from 0.
    recording : int
        Place of its file in the dataset; that of the input where a file is one.
    input, input_sha256 : str
        Its file, and the digest of the bytes that were loaded.
    true_class : int or None
        None where nobody told.
    outputs : tuple of float
    elapsed_us : int or None
        By the board's clock, microseconds.
    verified : bool
        Whether the loaded input was read back and was right.
    """

    index: int
    recording: int
    input: str
    input_sha256: str
    true_class: int | None
    outputs: tuple[float, ...]
    elapsed_us: int | None
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchFault:
    """Something that went wrong and was put right: what, and what was done."""

    at_s: float
    kind: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """Whether a run meets a rule (None: it does not tell), and why."""

    rule: str
    clause: str
    met: bool | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run was asked for, so that it goes on as it began.

    Parameters
    ----------
    windows : int
    min_window_s : float
    iterations, warmups : int or None
        None to find them by a trial.
    limit : int or None
        Only so many inputs of an accuracy run.
    verify : str
        Which inputs are read back; a word of `plan.Verify`.
    passed_on : bool
        Whether commands go through an interface board.
    """

    windows: int
    min_window_s: float
    iterations: int | None
    warmups: int | None
    limit: int | None
    verify: str
    passed_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run on a board.

    Parameters
    ----------
    mode : Mode
    benchmark : str
        ``"kws"``, ``"ic"``, ``"vww"``, ``"ad"``, ``"sww"`` or ``"custom"``.
    port : str
        Where the board was.
    baud : int
        0 for a socket.
    simulated : bool
        Whether times are those of an emulator or a fake, and so of no board.
    board, engine : str
        Catalogue names that the user gave; may be empty.
    clock_hz, supply_v : float or None
        The operating point that the user gave.
    firmware_name, firmware_profile, firmware_model : str
        What the board said of itself.
    model, dataset : FileRef or None
        What the user said is on the board, and what the inputs are from.
    settings : Settings or None
        Of runs of this program.
    metric : str
        What accuracy is told in: ``"top1"`` or ``"auc"``; empty in other modes.
    inputs_planned : int
        Inputs (files, for recordings) of the dataset; 0 in other modes.
    windows : tuple of WindowResult
        Of performance and energy runs.
    inputs : tuple of InputResult
        Of accuracy runs, in the order of the dataset.
    faults : tuple of BenchFault
        What was put right on the way.
    complete : bool
        Whether all that was planned was measured.
    rules : tuple of RuleResult
    transcript : FileRef
        Every byte both ways.
    folder : str
        Where it lies; empty for runs that were not read from a folder.
    tool : str
        Name and version of what measured; of a published log, its runner.
    started, finished : str
        UTC, ISO 8601; `finished` is empty while it is not.
    """

    mode: Mode
    benchmark: str
    port: str
    baud: int
    simulated: bool
    board: str = ""
    engine: str = ""
    clock_hz: float | None = None
    supply_v: float | None = None
    firmware_name: str = ""
    firmware_profile: str = ""
    firmware_model: str = ""
    model: FileRef | None = None
    dataset: FileRef | None = None
    settings: Settings | None = None
    metric: str = ""
    inputs_planned: int = 0
    windows: tuple[WindowResult, ...] = ()
    inputs: tuple[InputResult, ...] = ()
    faults: tuple[BenchFault, ...] = ()
    complete: bool = False
    rules: tuple[RuleResult, ...] = ()
    transcript: FileRef = FileRef("", "")
    folder: str = ""
    tool: str = ""
    started: str = ""
    finished: str = ""
