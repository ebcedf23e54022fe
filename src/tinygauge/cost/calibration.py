"""What a user measured, as a basis for predictions: a record that can be saved and loaded.

Each measurement is a row like those that ship with the package, so it tells of its board, its
engine and similar models at once, and one is enough to help. Power that was measured takes the
place of the catalogue's. Measurements become such a record in `calibrate.py`.

>>> UserCalibration.from_dict(UserCalibration().as_dict()) == UserCalibration()
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tinygauge.cost.cycles import Labels
from tinygauge.cost.posterior import Posterior, Row
from tinygauge.cost.times import packaged_posterior, parse_row, row_entry, time_table
from tinygauge.errors import ConfigError

__all__ = ["MeasuredPower", "UserCalibration", "updated_posterior"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPower:
    """Power that a user's measurement implies.

    Parameters
    ----------
    board, engine : str
        Catalogue names; the engine may carry a build.
    clock_hz : float
    power_w : float
        Energy over latency of one measured model.
    """

    board: str
    engine: str
    clock_hz: float
    power_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCalibration:
    """A user's measurements, in the terms of the prediction.

    Parameters
    ----------
    rows : tuple of Row
        Latencies.
    clocks_hz : tuple of float
        At which they were measured, one each.
    powers : tuple of MeasuredPower
    sources : tuple of str
        Where the measurements are from, one each.
    """

    rows: tuple[Row, ...] = ()
    clocks_hz: tuple[float, ...] = ()
    powers: tuple[MeasuredPower, ...] = ()
    sources: tuple[str, ...] = ()

    def count(self, labels: Labels) -> int:
        """Count the measurements on a board with an engine.

        Parameters
        ----------
        labels : Labels

        Returns
        -------
        int
        """
        here = (labels.board, labels.core, labels.engine)
        rows = (row.labels for row in self.rows)
        return sum((at.board, at.core, at.engine) == here for at in rows)

    def clocks_of(self, board: str) -> frozenset[float]:
        """Return the clocks at which a board was timed.

        Parameters
        ----------
        board : str

        Returns
        -------
        frozenset of float
        """
        timed = zip(self.rows, self.clocks_hz, strict=True)
        return frozenset(clock for row, clock in timed if row.labels.board == board)

    def power_of(self, board: str, clock_hz: float | None = None) -> tuple[MeasuredPower, ...]:
        """Return what was measured of a board's power, at one clock if given.

        Parameters
        ----------
        board : str
        clock_hz : float, optional

        Returns
        -------
        tuple of MeasuredPower
        """
        mine = (power for power in self.powers if power.board == board)
        return tuple(p for p in mine if clock_hz is None or abs(p.clock_hz / clock_hz - 1) < 1e-3)

    def as_dict(self) -> dict[str, Any]:
        """Lay out the record as JSON has it; `from_dict` reads it back."""
        return {
            "format": _FORMAT,
            "rows": [row_entry(row) for row in self.rows],
            "clocks_hz": list(self.clocks_hz),
            "powers": [
                {
                    "board": power.board,
                    "engine": power.engine,
                    "clock_hz": power.clock_hz,
                    "power_w": power.power_w,
                }
                for power in self.powers
            ],
            "sources": list(self.sources),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], name: str = "calibration") -> UserCalibration:
        """Read what `as_dict` laid out.

        Parameters
        ----------
        content : mapping
        name : str
            Of the file, for the error.

        Returns
        -------
        UserCalibration

        Raises
        ------
        ConfigError
            If the content is of another format, or damaged.
        """
        again = "Run tinygauge calibrate again"
        try:
            if content["format"] != _FORMAT:
                raise ConfigError(name, f"format {content['format']}, expected {_FORMAT}", again)
            rows = tuple(parse_row(entry) for entry in content["rows"])
            clocks_hz = tuple(float(clock) for clock in content["clocks_hz"])
            powers = tuple(
                MeasuredPower(
                    board=str(entry["board"]),
                    engine=str(entry["engine"]),
                    clock_hz=float(entry["clock_hz"]),
                    power_w=float(entry["power_w"]),
                )
                for entry in content["powers"]
            )
            sources = tuple(str(source) for source in content["sources"])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(name, f"is no calibration ({error!r})", again) from error
        if not all(row.cycles > 0 and row.work for row in rows):
            raise ConfigError(name, "holds a row without cycles or work", again)
        if len(clocks_hz) != len(rows):
            raise ConfigError(name, "has not one clock for each row", again)
        return cls(rows=rows, clocks_hz=clocks_hz, powers=powers, sources=sources)

    def with_more(self, other: UserCalibration) -> UserCalibration:
        """Return this record and another as one.

        Parameters
        ----------
        other : UserCalibration

        Returns
        -------
        UserCalibration
        """
        return replace(
            self,
            rows=self.rows + other.rows,
            clocks_hz=self.clocks_hz + other.clocks_hz,
            powers=self.powers + other.powers,
            sources=self.sources + other.sources,
        )


@lru_cache(maxsize=16)
def updated_posterior(calibration: UserCalibration) -> Posterior:
    """Return what the packaged rows and a user's say together.

    Parameters
    ----------
    calibration : UserCalibration

    Returns
    -------
    Posterior
    """
    if not calibration.rows:
        return packaged_posterior()
    table = time_table()
    return Posterior(table.prior, (*table.rows, *calibration.rows), table.effects, steps=4)
