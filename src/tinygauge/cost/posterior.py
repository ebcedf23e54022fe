"""What the timed models say of a target that was not timed, and how sure they are.

A Gaussian process over logarithms of cycles. Its mean is the sum of work times cost (see
`cycles.py`), with a normal prior on each effect; what that leaves unexplained is shared between
models that spend their time alike (`likeness`) on the same engine, build, core or board. So a
prediction leans on what was measured of its core, its engine and similar models at once, and its
standard deviation grows with everything about it that is new. The user's own measurements enter
as further rows of the same kind. The non-linear sum is linearised at its most probable effects;
rows that fit nothing count less (Student's t noise).

>>> likeness(mix_of({"conv": 1e6}), mix_of({"conv": 1e6}), 0.8)
1.0

References
----------
Rasmussen, Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, sections 2.2, 2.7
(explicit basis with a prior), 9.3 (Student's t noise). Gelman et al., "Bayesian Data Analysis",
3rd edition, section 17.2 (t as a normal with unknown variances, which the weights iterate).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygauge.cost.cycles import OP_CLASSES, Labels, effect_keys, spread_name

__all__ = ["Design", "Estimate", "Posterior", "Prior", "Row", "likeness", "mix_of"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Work = tuple[tuple[str, str, float], ...]

# Degrees of freedom of the noise: heavy tails, finite variance (Lange, Little, Taylor, "Robust
# statistical modeling using the t distribution", JASA 84(408), 1989, who fix 4).
FREEDOM = 4.0
# The iteration stops where no effect moves by more than this.
SETTLED = 2e-3
# How far apart models of ten times the instructions are, where entirely different ones are 1.4.
_PER_DECADE = 0.15 * math.log(10)
# Likeness of models in other data types.
_OTHER_DTYPE = 0.5
# Instructions that a call of an op weighs in a mix; its cost in cycles has an effect.
_CALL = 300.0
# Below this many instructions a model's time is mostly fixed cost: its noise is larger.
_SMALL = 3e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One latency, with the work behind it.

    Parameters
    ----------
    labels : Labels
        What ran it.
    dtype : str
        Of the model's heaviest op.
    work : tuple of (str, str, float)
        Class, data type and amount, as in `cycles.CLASSES`.
    cycles : float
        Measured.
    noise : float
        Standard deviation of the logarithm of the measurement itself, beyond the model's. A row
        that states one is never taken for an outlier.
    weight : float
        Factor on the variance of the noise, above 1 for rows that fit nothing.
    doubt : float
        Standard deviation of the logarithm of the work, where that of a prediction is in doubt.
    """

    labels: Labels
    dtype: str
    work: Work
    cycles: float = math.nan
    noise: float = 0.0
    weight: float = 1.0
    doubt: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is assumed of effects and of noise before any row is seen.

    Parameters
    ----------
    start : mapping of str to float
        Prior mean of effects, logarithms; others are 0.
    spread : mapping of str to float
        Standard deviation by `cycles.spread_name`.
    likeness : mapping of str to float
        Standard deviation of what like models share, by kind of group (``""`` for all).
    length : float
        Distance of mixes at which likeness has fallen to 0.6.
    noise, small_noise : float
        Standard deviation of the logarithm of a row, and what small models add.
    counted, accelerated : frozenset of str
        Engines, as in `cycles.spread_name`.
    """

    start: Mapping[str, float]
    spread: Mapping[str, float]
    likeness: Mapping[str, float]
    length: float
    noise: float
    small_noise: float
    counted: frozenset[str]
    accelerated: frozenset[str]

    def spread_of(self, key: str) -> float:
        """Return the standard deviation of an effect."""
        name = spread_name(key, counted=self.counted, accelerated=self.accelerated)
        return self.spread[name]

    def shared(self, kind: str, *, counted: bool) -> float:
        """Return the standard deviation of what like models share within one kind of group."""
        return self.likeness.get(f"{kind}/counted" if counted and kind else kind, 0.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A prediction of log cycles.

    Parameters
    ----------
    log_cycles, standard : float
        Mean and standard deviation of the natural logarithm.
    """

    log_cycles: float
    standard: float


def mix_of(work: Mapping[str, float]) -> Vector:
    """Place a model among others by how it spends its time.

    Parameters
    ----------
    work : mapping of str to float
        Amounts by class, as in `cycles.CLASSES`.

    Returns
    -------
    ndarray of float64, shape (7,)
        Square roots of the shares of the work (so that distances are those of Hellinger), and
        the logarithm of the whole, scaled.
    """
    parts = np.array([*(work.get(kind, 0.0) for kind in OP_CLASSES), _CALL * work.get("call", 0.0)])
    total = max(float(parts.sum()), 1.0)
    return np.append(np.sqrt(parts / total), _PER_DECADE * math.log10(total))


def likeness(first: Vector, second: Vector, length: float) -> float:
    """Return how much of what is unexplained two models share.

    Parameters
    ----------
    first, second : ndarray of float64
        Of `mix_of`.
    length : float

    Returns
    -------
    float
        In 0..1; 1 for models that spend their time alike.
    """
    return math.exp(-float(((first - second) ** 2).sum()) / (2 * length**2))


def _by_class(work: Work) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, _, amount in work:
        found[kind] = found.get(kind, 0.0) + amount
    return found


def _smallness(work: Work) -> float:
    total = math.fsum(amount for kind, _, amount in work if kind in OP_CLASSES)
    return min(1.0, _SMALL / max(total, 1.0))


_GROUPS = ("engine", "build", "duo", "core-build", "board", "cell")


class Design:
    """Rows as matrices: amounts of work, which effects each has, and how alike the rows are.

    Parameters
    ----------
    rows : sequence of Row
    prior : Prior
    """

    def __init__(self, rows: Sequence[Row], prior: Prior) -> None:
        self.rows = tuple(rows)
        self.names: dict[str, int] = {}
        logs: list[float] = []
        owner: list[int] = []
        cells: list[tuple[int, int]] = []
        for number, row in enumerate(self.rows):
            for kind, dtype, amount in row.work:
                if amount > 0:
                    cells += [
                        (len(logs), self.names.setdefault(key, len(self.names)))
                        for key in effect_keys(kind, dtype, row.labels)
                    ]
                    owner.append(number)
                    logs.append(math.log(amount))
        self.log_work = np.array(logs)
        self._owner = np.array(owner)
        self._first = np.searchsorted(self._owner, np.arange(len(self.rows)))
        # Which term has which effect, and where in the matrix of rows by effects that belongs.
        self._term, self._effect = np.array(cells).T
        self._place = self._owner[self._term] * len(self.names) + self._effect
        self.start = np.array([prior.start.get(key, 0.0) for key in self.names])
        self.mixes = np.array([mix_of(_by_class(row.work)) for row in self.rows])
        self.dtypes = np.array([row.dtype for row in self.rows])
        self.engines = np.array([row.labels.engine for row in self.rows])
        self.small = np.array([_smallness(row.work) for row in self.rows])
        self.counted = np.array([row.labels.engine in prior.counted for row in self.rows])
        self.flagged = np.array([row.labels.flagged for row in self.rows])
        groups = [row.labels.groups for row in self.rows]
        self.groups = {
            kind: np.array([named.get(kind, "") for named in groups]) for kind in _GROUPS
        }

    def evaluate(self, effects: Vector) -> tuple[Vector, Matrix]:
        """Return log cycles per row and their derivatives by effect."""
        costs = np.bincount(self._term, effects[self._effect], len(self.log_work))
        logs = self.log_work + costs
        top = np.maximum.reduceat(logs, self._first)
        parts = np.exp(logs - top[self._owner])
        total = np.add.reduceat(parts, self._first)
        share = parts / total[self._owner]
        shape = len(self.rows), len(self.names)
        slope: Matrix = np.zeros(shape, np.float64)
        slope += np.bincount(self._place, share[self._term], slope.size).reshape(shape)
        return top + np.log(total), slope

    def like(self, prior: Prior, other: Design | None = None) -> Matrix:
        """Return what each of these rows shares with each of others beyond their effects.

        Parameters
        ----------
        prior : Prior
        other : Design, optional
            The others; by default these rows themselves.

        Returns
        -------
        ndarray of float64, shape (rows, others)
        """
        other = other or self
        squares = [(each.mixes**2).sum(1) for each in (self, other)]
        distance = squares[0][:, None] + squares[1] - 2 * self.mixes @ other.mixes.T
        alike = np.exp(-np.maximum(distance, 0.0) / (2 * prior.length**2))
        alike *= np.where(self.dtypes[:, None] == other.dtypes, 1.0, _OTHER_DTYPE)
        alike *= self.flagged[:, None] == other.flagged
        both = self.counted[:, None] == other.counted
        shared = np.full(alike.shape, prior.shared("", counted=False) ** 2)
        for kind, mine in self.groups.items():
            theirs = other.groups[kind]
            same = (mine[:, None] == theirs) & (theirs != "") & both
            variance = [prior.shared(kind, counted=counted) ** 2 for counted in (False, True)]
            shared += same * np.where(other.counted, variance[1], variance[0])
        found: Matrix = alike * shared
        return found

    def distance(self, row: Row, kept: NDArray[np.intp] | None = None) -> float:
        """Return how far a further row's mix is from the nearest of its engine and type."""
        among = np.arange(len(self.rows)) if kept is None else kept
        same = (self.dtypes[among] == row.dtype) & (self.engines[among] == row.labels.engine)
        if not same.any():
            return math.inf
        near = self.mixes[among][same] - mix_of(_by_class(row.work))
        return float(np.sqrt((near**2).sum(1).min()))

    def noise(self, prior: Prior) -> Vector:
        """Return the variance of each row's noise, unweighted."""
        own = np.array([row.noise for row in self.rows])
        flagged = prior.spread["flagged-noise"] * self.flagged
        found: Vector = prior.noise**2 + (prior.small_noise * self.small) ** 2 + own**2 + flagged**2
        return found


class Posterior:
    """The prior, updated by rows.

    Parameters
    ----------
    prior : Prior
    rows : sequence of Row
        At least one.
    effects : mapping of str to float, optional
        Most probable effects where they are known for these rows, which saves finding them.
    steps : int
        Of the iteration from known effects; 1 takes them as they are.
    """

    def __init__(
        self,
        prior: Prior,
        rows: Sequence[Row],
        effects: Mapping[str, float] | None = None,
        *,
        steps: int = 1,
    ) -> None:
        self.design = design = Design(rows, prior)
        self._assume(prior)
        self._target = np.log([row.cycles for row in design.rows])
        self._kept = np.arange(len(design.rows))
        self.weight = np.array([row.weight for row in design.rows])
        self._effects = design.start
        self._trusted = np.array([row.noise > 0 for row in design.rows])
        if effects is None:
            self._fit(steps=40)
        else:
            known = zip(design.names, design.start, strict=True)
            self._effects = np.array([effects.get(key, start) for key, start in known])
            self._fit(steps)

    def kept_rows(self) -> NDArray[np.intp]:
        """Return the places of the rows that this posterior has seen."""
        return self._kept

    def among(
        self, kept: NDArray[np.bool_], steps: int = 4, trusted: int | None = None
    ) -> Posterior:
        """Return the posterior of some of the rows, found from this one's effects.

        Parameters
        ----------
        kept : ndarray of bool, shape (rows,)
        steps : int
            Of the iteration.
        trusted : int, optional
            A row that is never taken for an outlier.

        Returns
        -------
        Posterior
        """
        other = copy.copy(self)
        other.weight = self.weight.copy()
        if trusted is not None:
            other._trusted = self._trusted.copy()
            other._trusted[trusted] = True
            other.weight[trusted] = 1.0
        other._kept = np.flatnonzero(kept)
        other._fit(steps)
        return other

    def under(self, prior: Prior) -> Posterior:
        """Return the posterior of the same rows under another prior.

        Parameters
        ----------
        prior : Prior
            With the same engines counted and accelerated.

        Returns
        -------
        Posterior
        """
        other = copy.copy(self)
        other.weight = self.weight.copy()
        other._assume(prior)
        other._fit(steps=40)
        return other

    def _assume(self, prior: Prior) -> None:
        self.prior = prior
        self._variance = np.array([prior.spread_of(key) ** 2 for key in self.design.names])
        self._like = self.design.like(prior)

    @property
    def effects(self) -> dict[str, float]:
        """The most probable effects."""
        return dict(zip(self.design.names, self._effects.tolist(), strict=True))

    def _fit(self, steps: int) -> None:
        """Iterate the linearisation and the weights of the noise, then keep the last."""
        design, kept = self.design, self._kept
        like = self._like[np.ix_(kept, kept)]
        noise = design.noise(self.prior)[kept]
        settled = False
        for left in reversed(range(steps)):
            effects = self._effects
            logs, slope = (each[kept] for each in design.evaluate(effects))
            variance = noise * self.weight[kept]
            self._slope_variance = slope * self._variance
            covariance = self._slope_variance @ slope.T + like + np.diag(variance)
            error = self._target[kept] - logs + slope @ (effects - design.start)
            if left == 0 or settled:
                self._inverse = np.linalg.inv(covariance)
                self._pull = self._inverse @ error
                return
            self._pull = np.linalg.solve(covariance, error)
            move = design.start + self._slope_variance.T @ self._pull - effects
            reach = float(np.abs(move).max())
            self._effects = effects + move * min(1.0, 1.0 / max(reach, 1e-9))
            unexplained = (variance * self._pull) ** 2 / noise
            weight = np.maximum(1.0, (FREEDOM + unexplained) / (FREEDOM + 1))
            weight = np.where(self._trusted[kept], 1.0, weight)
            change = float(np.abs(np.log(weight / self.weight[kept])).max())
            self.weight[kept] = np.sqrt(weight * self.weight[kept])
            settled = reach < SETTLED and change < 0.05

    def shares(self, row: Row) -> tuple[float, dict[str, float]]:
        """Return the log cycles of the sum of work, and its derivatives by effect."""
        terms = [
            (math.log(amount), effect_keys(kind, dtype, row.labels))
            for kind, dtype, amount in row.work
            if amount > 0
        ]
        logs = [log + math.fsum(self._effect(key) for key in keys) for log, keys in terms]
        top = max(logs)
        parts = [math.exp(log - top) for log in logs]
        total = math.fsum(parts)
        slopes: dict[str, float] = {}
        for part, (_, keys) in zip(parts, terms, strict=True):
            for key in keys:
                slopes[key] = slopes.get(key, 0.0) + part / total
        return top + math.log(total), slopes

    def predict(self, row: Row) -> Estimate:
        """Predict one row.

        Parameters
        ----------
        row : Row
            Its `cycles` play no part.

        Returns
        -------
        Estimate
            The standard deviation is that of the measurement to expect, its noise included.
        """
        logs, slopes = self.shares(row)
        like = self.design.like(self.prior, Design((row,), self.prior))[self._kept, 0]
        own = self._own_like(row)
        mean = logs + float(like @ self._pull)
        return Estimate(mean, math.sqrt(self._variance_of(slopes, like, own) + self._noise(row)))

    def cost(self, kind: str, dtype: str, labels: Labels) -> Estimate:
        """Estimate the logarithm of the cost of one unit of one class of work.

        Parameters
        ----------
        kind, dtype : str
        labels : Labels

        Returns
        -------
        Estimate
        """
        keys = effect_keys(kind, dtype, labels)
        mean = math.fsum(self._effect(k) for k in keys)
        unlike = np.zeros(len(self._kept))
        variance = self._variance_of(dict.fromkeys(keys, 1.0), unlike, 0.0)
        return Estimate(mean, math.sqrt(variance))

    def _effect(self, key: str) -> float:
        place = self.design.names.get(key)
        return self.prior.start.get(key, 0.0) if place is None else float(self._effects[place])

    def _own_like(self, row: Row) -> float:
        counted = row.labels.engine in self.prior.counted
        kinds = ["", *(kind for kind in _GROUPS if kind in row.labels.groups)]
        return math.fsum(self.prior.shared(kind, counted=counted) ** 2 for kind in kinds)

    def _noise(self, row: Row) -> float:
        flagged = self.prior.spread["flagged-noise"] * row.labels.flagged
        small = self.prior.small_noise * _smallness(row.work)
        return self.prior.noise**2 + small**2 + flagged**2 + row.doubt**2

    def _variance_of(self, slopes: Mapping[str, float], like: Vector, own: float) -> float:
        """Return the variance of a weighted sum of effects with what like rows share."""
        names = self.design.names
        known = [(names[key], value) for key, value in slopes.items() if key in names]
        prior = math.fsum((value * self.prior.spread_of(key)) ** 2 for key, value in slopes.items())
        places = [place for place, _ in known]
        values = np.array([value for _, value in known])
        shared = self._slope_variance[:, places] @ values + like
        variance = prior + own - float(shared @ self._inverse @ shared)
        return max(variance, 0.0)
