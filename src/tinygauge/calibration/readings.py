"""What a user measured, before anything is learnt from it: one model on one board, in seconds.

`table.py` reads readings from a CSV file and `runs.py` one from a run of the board bench; here
they become the measurements that `tinygauge.cost.calibrate` learns from.

>>> middle((0.019, 0.018, 0.02), Unit.SECOND, "bench").format()
'19.0 ms (18.0 to 20.0 ms)'
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tinygauge import __version__, catalog
from tinygauge.catalog import Board, Engine
from tinygauge.cost.calibrate import Measurement
from tinygauge.errors import ConfigError
from tinygauge.graph import Model, precision
from tinygauge.inspection import core_findings, maker_findings, target_of
from tinygauge.quantity import Interval, Method, Provenance, Quantity
from tinygauge.records import Severity
from tinygauge.units import Unit, parse

__all__ = ["Place", "Reading", "measurements", "middle", "parse_positive"]

_TOOL = f"tinygauge {__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a model took, once or more often, on a board with an engine.

    Parameters
    ----------
    where : str
        File and line, or the run's folder.
    model : Model
    board : Board
    engine : Engine
        May be a build.
    clock_hz : float
    latencies_s : tuple of float
        Seconds per inference; at least one.
    energies_j : tuple of float
        Joules per inference; may be empty.
    """

    where: str
    model: Model
    board: Board
    engine: Engine
    clock_hz: float
    latencies_s: tuple[float, ...]
    energies_j: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Board, engine and clock as the user named them; empty where the file says it.

    Parameters
    ----------
    board, engine, clock : str
    """

    board: str = ""
    engine: str = ""
    clock: str = ""

    def or_else(self, other: Place) -> Place:
        """Take from another what is not named here."""
        return Place(
            board=self.board or other.board,
            engine=self.engine or other.engine,
            clock=self.clock or other.clock,
        )

    def look_up(self, where: str) -> tuple[Board, Engine, float]:
        """Find board and engine in the catalogue, and the clock in hertz.

        Parameters
        ----------
        where : str
            What names them, for the error.

        Returns
        -------
        board : Board
        engine : Engine
        clock_hz : float
            The board's own where none is named.

        Raises
        ------
        ConfigError
            If board or engine is not named, or the clock is none.
        UnknownNameError
            If the catalogue has no such board or engine.
        """
        for kind, name in (("board", self.board), ("engine", self.engine)):
            if not name:
                raise ConfigError(where, f"no {kind} is named", f"Add a column, or --{kind} NAME")
        board = catalog.board(self.board)
        clock_hz = board.clock.value
        if self.clock:
            clock_hz = parse_positive(self.clock, Unit.HERTZ, f"{where}, clock")
        return board, catalog.engine(self.engine), clock_hz


def parse_positive(text: str, unit: Unit, where: str) -> float:
    """Read a value above 0 with its unit.

    Parameters
    ----------
    text : str
        Such as ``"62ms"``.
    unit : Unit
    where : str
        For the error.

    Returns
    -------
    float
        In `unit`.

    Raises
    ------
    ConfigError
        If it is no such value.
    """
    examples = {Unit.SECOND: "62ms", Unit.JOULE: "3.1mJ", Unit.HERTZ: "120MHz"}
    try:
        value, found = parse(text)
    except ConfigError as error:
        raise ConfigError(where, f"{error.where}: {error.problem}", error.advice) from error
    if found is not unit or value <= 0:
        problem = f"expected a value in {unit.value} above 0, got '{text}'"
        raise ConfigError(where, problem, f"Write {examples[unit]}")
    return value


def middle(values: Sequence[float], unit: Unit, source: str) -> Quantity:
    """Return the median of repeats.

    Parameters
    ----------
    values : sequence of float
        At least one.
    unit : Unit
    source : str

    Returns
    -------
    Quantity
        Measured, with the interval of a median.
    """
    provenance = Provenance(Method.MEASURED, source, _TOOL)
    return Quantity(statistics.median(values), unit, Interval.of_median(values), provenance)


def measurements(readings: Iterable[Reading]) -> list[Measurement]:
    """Make measurements of readings: of those of one model on one target, the median counts.

    Parameters
    ----------
    readings : iterable of Reading

    Returns
    -------
    list of Measurement
        In the order in which their models and targets first came.

    Raises
    ------
    ConfigError
        If the engine can't run the model on the board, so that something is misnamed.
    """
    groups: dict[tuple[str, str, str, float], list[Reading]] = {}
    for reading in readings:
        key = (reading.model.sha256, reading.board.name, reading.engine.name, reading.clock_hz)
        groups.setdefault(key, []).append(reading)
    return [_measurement(group) for group in groups.values()]


def _measurement(group: Sequence[Reading]) -> Measurement:
    first = group[0]
    _refuse_impossible(first)
    source = ", ".join(dict.fromkeys(reading.where for reading in group))
    latencies = [value for reading in group for value in reading.latencies_s]
    energies = [value for reading in group for value in reading.energies_j]
    return Measurement(
        model=first.model,
        target=replace(target_of(first.board, first.engine), clock_hz=first.clock_hz),
        latency=middle(latencies, Unit.SECOND, source),
        energy=middle(energies, Unit.JOULE, source) if energies else None,
        source=source,
    )


def _refuse_impossible(reading: Reading) -> None:
    model, board, engine = reading.model, reading.board, reading.engine
    what = f"{model.name} on {board.name}"
    findings = (
        *maker_findings(board, engine, where=what),
        *core_findings(model, precision(model), board.core, engine, where=what),
    )
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise ConfigError(reading.where, finding.message, "Correct the board or the engine")
