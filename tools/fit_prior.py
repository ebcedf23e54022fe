"""Choose the spreads of the prior: by how well they predict what was left out.

Each spread (see `tinygauge.cost.posterior.Prior`) says how much one kind of thing may differ: two
boards, two engines, two models alike. They are chosen together so that leaving out networks,
boards, cores, engines and families is predicted with the highest density, mean and standard
deviation counted alike. Leaving a group out of a Gaussian process needs no new fit, and the
gradient is exact, so that this takes seconds.

References
----------
Rasmussen, Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, section 5.4.2
(choice by predictive density of what is left out, with the gradient for single rows; here for
groups). Student's t density with 5 degrees of freedom, so that no outlier decides.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np
from fit_time import ACCELERATED, COUNTED, START
from numpy.typing import NDArray
from scipy.optimize import minimize

from tinygauge.cost.cycles import spread_name
from tinygauge.cost.posterior import Posterior, Prior

Mask = NDArray[np.bool_]
# What is drawn towards: two boards, builds and pairs differ by 8 %, engines by 30 %, and so on.
FIRST = {
    "base": 0.5,
    "base-fixed": 0.5,
    "dtype": 0.4,
    "core": 0.25,
    "core/": 0.1,
    "foreign-core": 0.8,
    "foreign-core/": 0.4,
    "engine": 0.3,
    "engine/": 0.3,
    "engine/call": 0.5,
    "accelerated": 1.5,
    "counted": 0.1,
    "counted/": 0.1,
    "counted/call": 0.3,
    "board": 0.08,
    "board/": 0.08,
    "build": 0.15,
    "build/": 0.12,
    "build/call": 0.2,
    "pair": 0.08,
    "pair/": 0.08,
    "duo": 0.08,
    "duo/": 0.08,
    "duo/call": 0.2,
    "uncounted-duo": 0.2,
    "uncounted-duo/": 0.1,
    "uncounted-duo/call": 0.2,
    "core-build": 0.08,
    "core-build/": 0.08,
}
# Not chosen: four networks are flagged, between a factor 3 and 10.
FIXED = {"flagged": 1.5, "flagged-noise": 0.35}
GROUPS = ("engine", "build", "duo", "core-build", "board", "cell")
LIKENESS = ("", *GROUPS, *(f"{kind}/counted" for kind in GROUPS))
FIRST_LIKENESS = 0.05
FIRST_NOISE, FIRST_SMALL = 0.04, 0.1
# How freely a spread moves from where it starts, in logarithms.
FREE = 1.5
LENGTH = 0.8
FREEDOM = 5.0
# Rows that a kind of transfer counts for in all, beside the pull towards the start.
COUNTS_FOR = 100.0


def first_prior() -> Prior:
    """Return the prior before any choice."""
    return Prior(
        start=START,
        spread=FIRST | FIXED,
        likeness=dict.fromkeys(LIKENESS, FIRST_LIKENESS),
        length=LENGTH,
        noise=FIRST_NOISE,
        small_noise=FIRST_SMALL,
        counted=frozenset(COUNTED),
        accelerated=frozenset(ACCELERATED),
    )


def as_vector(prior: Prior) -> NDArray[np.float64]:
    """Return the logarithms of the spreads that are chosen."""
    chosen = [prior.spread[name] for name in FIRST] + [prior.likeness[kind] for kind in LIKENESS]
    return np.log([*chosen, prior.noise, prior.small_noise])


def with_vector(prior: Prior, logs: NDArray[np.float64]) -> Prior:
    """Return a prior with other spreads."""
    values = [float(f"{value:.4g}") for value in np.exp(logs)]
    spread, shared = values[: len(FIRST)], values[len(FIRST) : -2]
    return dataclasses.replace(
        prior,
        spread=dict(zip(FIRST, spread, strict=True)) | FIXED,
        likeness=dict(zip(LIKENESS, shared, strict=True)),
        noise=values[-2],
        small_noise=values[-1],
    )


@dataclasses.dataclass(frozen=True)
class Fold:
    """Rows left out together, and how much each of them counts; some only leave, and count 0."""

    out: Mask
    weight: NDArray[np.float64]


def transfers(
    published: Mask, kept: Mask, use: dict[str, Mask], labels: dict[str, NDArray[np.str_]]
) -> list[Fold]:
    """List what is left out, by kind of transfer; each network of a cell counts once."""
    cells = list(zip(labels["cell"], labels["network"], strict=True))
    sizes = collections.Counter(cells)
    each = np.array([1 / sizes[cell] for cell in cells]) * kept
    shares = (
        ("network", published, 1.5),
        ("network", ~published, 1.5),
        ("board", use["board"] & published, 1.0),
        ("core", use["core"], 0.7),
        ("engine", kept, 0.7),
        ("family", use["family"], 0.7),
    )
    found = []
    for name, mine, share in shares:
        weight = each * mine
        folds = [labels[name] == label for label in sorted(set(labels[name][kept]))]
        found += _folds([(fold & kept, weight * fold) for fold in folds], share)
    return found + _folds(_one_run(published & kept, kept, each, labels), 1.0)


def _one_run(
    timed: Mask, kept: Mask, each: NDArray[np.float64], labels: dict[str, NDArray[np.str_]]
) -> list[tuple[Mask, NDArray[np.float64]]]:
    """Leave out a board but for one run, and count the other networks of that cell."""
    found = []
    for cell in sorted(set(labels["cell"][timed])):
        mine = timed & (labels["cell"] == cell)
        board = labels["board"] == labels["board"][mine][0]
        for network in sorted(set(labels["network"][mine])):
            run = np.flatnonzero(mine & (labels["network"] == network))[0]
            out = board & kept
            out[run] = False
            found.append((out, each * (mine & (labels["network"] != network))))
    return found


def _folds(found: list[tuple[Mask, NDArray[np.float64]]], share: float) -> list[Fold]:
    total = sum(float(weight.sum()) for _, weight in found)
    return [Fold(out, COUNTS_FOR * share * weight / total) for out, weight in found if weight.any()]


class Choice:
    """The density of what is left out, and its gradient, at one linearisation."""

    def __init__(self, posterior: Posterior, kept: Mask, folds: Sequence[Fold]) -> None:
        index = np.flatnonzero(kept)
        self.parts, self.error = self._matrices(posterior, index)
        self.groups = []
        for fold in folds:
            inside = np.flatnonzero(fold.out[index])
            self.groups.append((inside, fold.weight[index][inside]))

    @staticmethod
    def _matrices(
        posterior: Posterior, index: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what each variance multiplies in the covariance of the rows, and their errors."""
        design, prior = posterior.design, posterior.prior
        effects = np.array([posterior.effects[key] for key in design.names])
        logs, slope = (each[index] for each in design.evaluate(effects))
        named = [
            spread_name(key, counted=prior.counted, accelerated=prior.accelerated)
            for key in design.names
        ]
        parts = []
        for name in FIRST:
            columns = slope[:, [spread == name for spread in named]]
            parts.append(columns @ columns.T)
        bare = dataclasses.replace(prior, likeness={})
        for kind in LIKENESS:
            one = dataclasses.replace(bare, likeness={kind: 1.0})
            parts.append(design.like(one)[np.ix_(index, index)])
        weight = posterior.weight[index]
        parts += [np.diag(weight), np.diag(weight * design.small[index] ** 2)]
        target = np.log([design.rows[i].cycles for i in index])
        fixed = np.array([design.names[key] for key in design.names if key in prior.start])
        offset = effects.copy()
        offset[fixed] -= design.start[fixed]
        return np.array(parts), target - logs + slope @ offset

    def density(
        self, logs: NDArray[np.float64], first: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        """Return the negative log density, with the pull to the first spreads, and its gradient."""
        variances = np.exp(2 * logs)
        covariance = np.tensordot(variances, self.parts, 1) + 1e-5 * np.eye(len(self.error))
        inverse = np.linalg.inv(covariance)
        pull = inverse @ self.error
        total, push = 0.0, np.zeros_like(covariance)
        for inside, weight in self.groups:
            own = np.linalg.inv(inverse[np.ix_(inside, inside)])
            reach = own @ inverse[inside]
            error, variance = own @ pull[inside], np.diag(own)
            scaled = FREEDOM * variance + error**2
            total += float(
                weight
                @ (
                    (FREEDOM + 1) / 2 * np.log1p(error**2 / (FREEDOM * variance))
                    + np.log(variance) / 2
                )
            )
            by_error = weight * (FREEDOM + 1) * error / scaled
            by_variance = weight * ((FREEDOM + 1) * error**2 / (variance * scaled) - 1 / variance)
            push += np.outer(reach.T @ by_error, reach.T @ pull[inside] - pull)
            push -= 0.5 * (reach.T * by_variance) @ reach
        gradient = np.tensordot(self.parts, push, 2) * 2 * variances
        away = (logs - first) / FREE
        return total + float(away @ away) / 2, gradient + away / FREE


def choose(
    posterior: Posterior, kept: Mask, folds: Sequence[Fold], rounds: int = 3, steps: int = 40
) -> Posterior:
    """Choose the spreads for some rows, relinearising in between.

    Parameters
    ----------
    posterior : Posterior
        Of all rows; where to start.
    kept : ndarray of bool
        Rows to choose by.
    folds : sequence of Fold
    rounds, steps : int

    Returns
    -------
    Posterior
        Of all rows with the prior that was chosen; `among` restricts it.
    """
    first = as_vector(first_prior())
    for _ in range(rounds):
        choice = Choice(posterior.among(kept, steps=20), kept, folds)
        found = minimize(
            choice.density,
            as_vector(posterior.prior),
            args=(first,),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-5.0, 1.0)] * len(first),
            options={"maxiter": steps},
        )
        posterior = posterior.under(with_vector(posterior.prior, found.x))
    return posterior
