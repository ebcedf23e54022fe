"""Predict every timed model from fits that have not seen its group.

`HeldOut.all` leaves out networks, boards, cores, engines and families, and calibrates a board that
was left out with one run. Each fit starts from the effects of all rows and iterates; the spreads
of the prior are those chosen on all rows, or (`nested`) chosen anew without the group.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence

import fit_prior
import fit_time
import fit_work
import numpy as np
from fit_prior import Mask
from fit_time import Timed
from numpy.typing import NDArray

from tinygauge.cost.posterior import Posterior, Prior

FAMILIES = {"FC": "dense", "CNN": "conv", "GRU": "recurrent", "LSTM": "recurrent"}


def family(network: str) -> str:
    """Name the family of a network."""
    stem = network.split("_", maxsplit=1)[0]
    return "recurrent" if stem == "simple" else FAMILIES.get(stem, "mlperf")


@dataclasses.dataclass(frozen=True)
class Errors:
    """Held-out errors of one kind of transfer; a row may be predicted more than once, or never.

    `place` is the row, `log` measured over predicted, `standard` the predicted standard deviation,
    `distance` that to the nearest profile, `unit` what was left out.
    """

    place: NDArray[np.intp]
    log: NDArray[np.float64]
    standard: NDArray[np.float64]
    distance: NDArray[np.float64]
    unit: NDArray[np.str_]

    def where(self, kept: Mask) -> Errors:
        """Keep the errors of the rows marked."""
        return self.keep(kept[self.place])

    def keep(self, mine: Mask) -> Errors:
        """Keep the errors marked."""
        return Errors(*(getattr(self, field.name)[mine] for field in dataclasses.fields(self)))

    @property
    def relative(self) -> NDArray[np.float64]:
        """|predicted / measured - 1|."""
        found: NDArray[np.float64] = np.abs(np.exp(-self.log) - 1)
        return found


class HeldOut:
    """The timed models, their labels, and predictions of what is left out.

    The prior is chosen unless one is given.
    """

    def __init__(self, rows: Sequence[Timed], prior: Prior | None = None) -> None:
        self.rows = list(rows)
        at = [row.row.labels for row in rows]
        self.labels: dict[str, NDArray[np.str_]] = {
            "network": np.array([row.network for row in rows]),
            "family": np.array([family(row.network) for row in rows]),
            "board": np.array([each.board for each in at]),
            "core": np.array([each.core for each in at]),
            "engine": np.array([each.engine for each in at]),
            "cell": np.array([each.groups["cell"] for each in at]),
        }
        self.published = np.array([row.published for row in rows])
        self.dtype = np.array([row.row.dtype for row in rows])
        self.flagged = np.array([each.flagged for each in at])
        self.counted = np.isin(self.labels["engine"], fit_time.COUNTED)
        self.log_cycles = np.log([row.row.cycles for row in rows])
        self.everything = np.ones(len(rows), bool)
        full = Posterior(prior or fit_prior.first_prior(), [row.row for row in rows])
        self.full = full if prior else self.choose(full, self.everything)

    def choose(self, start: Posterior, kept: Mask, rounds: int = 3) -> Posterior:
        """Choose the prior by the rows marked."""
        ways = fit_prior.transfers(self.published, kept, self.use, self.labels)
        return fit_prior.choose(start, kept, ways, rounds)

    @property
    def use(self) -> dict[str, Mask]:
        """Mark the rows that stand for a new board, a new core, and a new family.

        A new board: its engine was timed on another board of its core. A new core and family:
        engines whose own instructions were counted, on Arm.
        """
        boards = collections.defaultdict(set)
        for row in self.rows:
            at = row.row.labels
            boards[at.engine, at.core].add(at.board)
        pairs = zip(self.labels["engine"], self.labels["core"], strict=True)
        elsewhere = np.array([len(boards[pair]) > 1 for pair in pairs])
        own = self.counted & np.char.startswith(self.labels["core"], "cortex")
        return {"board": elsewhere, "core": own, "family": own}

    def _predict(
        self, posterior: Posterior, test: Mask, unit: str
    ) -> list[tuple[int, float, float, float, str]]:
        found = []
        kept = posterior.kept_rows()
        for place in np.flatnonzero(test):
            row = self.rows[place].row
            one = posterior.predict(row)
            log = float(self.log_cycles[place] - one.log_cycles)
            distance = posterior.design.distance(row, kept)
            found.append((int(place), log, one.standard, distance, unit))
        return found

    @staticmethod
    def _errors(found: Iterable[tuple[int, float, float, float, str]]) -> Errors:
        place, log, standard, distance, unit = (np.array(each) for each in zip(*found, strict=True))
        return Errors(place, log, standard, distance, unit)

    def leave_out(self, name: str, *, network_too: bool = False, nested: bool = False) -> Errors:
        """Leave out one label after another, and with it each network everywhere if asked."""
        labels, networks = self.labels[name], self.labels["network"]
        found = []
        for label in sorted(set(labels)):
            mine = labels == label
            base = self.choose(self.full, ~mine, 1) if nested else self.full
            if not network_too:
                found += self._predict(base.among(~mine), mine, label)
                continue
            for network in sorted(set(networks[mine])):
                same = networks == network
                found += self._predict(base.among(~mine & ~same), mine & same, label)
        return self._errors(found)

    def one_run(self, most: int = 6) -> Errors:
        """Leave out each board, add one run, and predict the other networks of board and engine."""
        found = []
        boards, networks, cells = (self.labels[name] for name in ("board", "network", "cell"))
        for board in sorted(set(boards)):
            others = boards != board
            base = self.full.among(others)
            for cell in sorted(set(cells[boards == board])):
                mine = (cells == cell) & ~self.flagged
                known = sorted(set(networks[mine]))
                for network in known[:: max(1, len(known) // most)]:
                    test = mine & (networks != network)
                    if not test.any():
                        continue
                    run = np.flatnonzero(mine & (networks == network))[0]
                    kept = others.copy()
                    kept[run] = True
                    found += self._predict(base.among(kept, trusted=run), test, board)
        return self._errors(found)

    def all(self) -> dict[str, Errors]:
        """Compute the held-out errors of every kind of transfer."""
        return {
            "pair": self.leave_out("network"),
            "board": self.leave_out("board"),
            "board and model": self.leave_out("board", network_too=True),
            "core": self.leave_out("core", network_too=True),
            "engine": self.leave_out("engine", network_too=True),
            "family": self.leave_out("family"),
            "calibrated": self.one_run(),
        }


def read(folder: fit_work.Path, table: fit_time.WorkTable, ops: fit_work.pd.DataFrame) -> HeldOut:
    """Read the facts."""
    return HeldOut(fit_time.read_rows(folder, ops, table))
