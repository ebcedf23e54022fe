"""Predict every timed model from fits that have not seen its group.

`HeldOut.all` leaves out networks, boards, cores, engines and families, and calibrates a board that
was left out with one run. Each fit starts from the effects of all rows and iterates; the spreads
of the prior are those chosen on all rows. Where a network is left out, its instructions come from
a table of work that had not counted it.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterable

import fit_prior
import fit_time
import numpy as np
from fit_prior import Mask
from fit_time import Facts
from numpy.typing import NDArray

from tinygauge.cost.posterior import Posterior, Prior, Row
from tinygauge.cost.table import WorkTable

FAMILIES = {"FC": "dense", "CNN": "conv", "GRU": "recurrent", "LSTM": "recurrent"}


def family(network: str) -> str:
    """Name the family of a network."""
    stem = network.split("_", maxsplit=1)[0]
    return "recurrent" if stem == "simple" else FAMILIES.get(stem, "mlperf")


@dataclasses.dataclass(frozen=True)
class Errors:
    """Held-out errors of one kind of transfer; a row may be predicted more than once, or never.

    `place` is the row, `log` measured over predicted, `standard` the predicted standard deviation,
    `distance` that to the nearest mix, `unit` what was left out.
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

    def __init__(
        self, facts: Facts, tabulate: Callable[[Facts], WorkTable], prior: Prior | None = None
    ) -> None:
        rows = self.rows = facts.rows(tabulate(facts))
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
        # What stands for the work of a row whose network, or family, was never counted.
        self.unseen = {name: self._unseen(facts, tabulate, name) for name in ("network", "family")}
        full = Posterior(prior or fit_prior.first_prior(), [row.row for row in rows])
        self.full = full if prior else self.choose(full, self.everything)

    def _unseen(self, facts: Facts, tabulate: Callable[[Facts], WorkTable], name: str) -> list[Row]:
        found = [row.row for row in self.rows]
        for label in sorted(set(self.labels[name])):
            mine = np.flatnonzero(self.labels[name] == label)
            networks = set(self.labels["network"][mine])
            rows = facts.rows(tabulate(facts.without(networks)), networks)
            for place, row in zip(mine, rows, strict=True):
                found[place] = row.row
        return found

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
        self, posterior: Posterior, test: Mask, unit: str, unseen: str = ""
    ) -> list[tuple[int, float, float, float, str]]:
        found = []
        kept = posterior.kept_rows()
        for place in np.flatnonzero(test):
            row = self.unseen[unseen][place] if unseen else self.rows[place].row
            one = posterior.predict(row)
            log = float(self.log_cycles[place] - one.log_cycles)
            distance = posterior.design.distance(row, kept)
            found.append((int(place), log, one.standard, distance, unit))
        return found

    @staticmethod
    def _errors(found: Iterable[tuple[int, float, float, float, str]]) -> Errors:
        place, log, standard, distance, unit = (np.array(each) for each in zip(*found, strict=True))
        return Errors(place, log, standard, distance, unit)

    def leave_out(self, name: str, *, network_too: bool = False, unseen: str = "") -> Errors:
        """Leave out one label after another, and with it each network everywhere if asked.

        `unseen` says what was not counted either: a network, or its whole family.
        """
        labels, networks = self.labels[name], self.labels["network"]
        found = []
        for label in sorted(set(labels)):
            mine = labels == label
            if not network_too:
                found += self._predict(self.full.among(~mine), mine, label, unseen)
                continue
            for network in sorted(set(networks[mine])):
                same = networks == network
                kept = self.full.among(~mine & ~same)
                found += self._predict(kept, mine & same, label, "network")
        return self._errors(found)

    def one_run(self, name: str, most: int = 6) -> Errors:
        """Leave out each board, or cell, but for one run, and predict that cell's other networks.

        A cell is a board with an engine and build.
        """
        found = []
        networks, cells, flagged = self.labels["network"], self.labels["cell"], self.flagged
        for cell in sorted(set(cells)):
            mine = (cells == cell) & ~flagged
            label = self.labels[name][cells == cell][0]
            others = self.labels[name] != label
            base = self.full.among(others)
            known = sorted(set(networks[mine]))
            for network in known[:: max(1, len(known) // most)]:
                test = mine & (networks != network)
                if not test.any():
                    continue
                run = np.flatnonzero(mine & (networks == network))[0]
                kept = others.copy()
                kept[run] = True
                found += self._predict(base.among(kept, trusted=run), test, label)
        return self._errors(found)

    def all(self) -> dict[str, Errors]:
        """Compute the held-out errors of every kind of transfer."""
        return {
            "pair": self.leave_out("network", unseen="network"),
            "board": self.leave_out("board"),
            "board and model": self.leave_out("board", network_too=True),
            "core": self.leave_out("core", network_too=True),
            "engine": self.leave_out("engine", network_too=True),
            "family": self.leave_out("family", unseen="network"),
            "family uncounted": self.leave_out("family", unseen="family"),
            "calibrated": self.one_run("board"),
            "calibrated build": self.one_run("cell"),
        }
