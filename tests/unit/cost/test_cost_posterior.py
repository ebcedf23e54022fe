"""What timed models say of one that was not: exactly, on a few rows made up for it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.cost.amounts import doubt_of
from tinygauge.cost.cycles import Labels
from tinygauge.cost.posterior import Posterior, Row, likeness, mix_of
from tinygauge.cost.table import OpWork
from tinygauge.cost.times import time_table

PRIOR = time_table().prior


def row(
    cycles: float, *, board: str = "one", conv: float = 1e6, dense: float = 1e3, noise: float = 0.0
) -> Row:
    labels = Labels(core="cortex-m4", engine="tflm-ref", build="b", board=board)
    work = (("conv", "int8", conv), ("dense", "int8", dense), ("call", "int8", 5.0))
    return Row(labels=labels, dtype="int8", work=work, cycles=cycles, noise=noise)


def test_a_timed_model_is_predicted_as_timed() -> None:
    """Its own row weighs most, and little spread is left."""
    rows = [row(3e6), row(6.2e6, conv=2e6)]
    estimate = Posterior(PRIOR, rows).predict(rows[0])

    assert math.exp(estimate.log_cycles) == pytest.approx(3e6, rel=0.05)
    assert estimate.standard < 0.1


def test_what_is_new_is_less_sure() -> None:
    """Another board, another kind of work and another core each add to the spread."""
    posterior = Posterior(PRIOR, [row(3e6), row(6.2e6, conv=2e6)])
    near = row(math.nan, conv=1.5e6)
    core = dataclasses.replace(near, labels=dataclasses.replace(near.labels, core="cortex-m7"))
    news = [near, row(math.nan, conv=1.5e6, board="two"), row(math.nan, conv=1e3, dense=1e6), core]
    nearest, *others = (posterior.predict(each).standard for each in news)

    assert all(nearest < other for other in others)


def test_doubt_about_the_work_is_in_the_spread() -> None:
    """It adds in quadrature, and the estimate stays."""
    posterior = Posterior(PRIOR, [row(3e6)])
    sure = posterior.predict(row(math.nan))
    unsure = posterior.predict(dataclasses.replace(row(math.nan), doubt=0.3))

    assert unsure.log_cycles == sure.log_cycles
    assert unsure.standard == pytest.approx(math.hypot(sure.standard, 0.3))


def test_an_outlier_counts_less_unless_the_user_measured_it() -> None:
    """Ten like rows hold against one that is eight times slower; a trusted one is believed."""
    many = [row(3e6 * (1 + n / 100), conv=1e6 + n) for n in range(10)]
    wild = row(2.4e7)
    weights = Posterior(PRIOR, [*many, wild]).weight

    assert weights[-1] > 5 * weights[:-1].max()
    assert Posterior(PRIOR, [*many, dataclasses.replace(wild, noise=0.01)]).weight[-1] == 1.0


def test_leaving_rows_out_is_never_having_seen_them() -> None:
    """A posterior among some rows is that of those rows alone."""
    rows = [row(3e6), row(7e6, conv=2e6), row(9e6, conv=4e6, board="two")]
    left = Posterior(PRIOR, rows).among(np.array([True, True, False]), steps=30)
    alone = Posterior(PRIOR, rows[:2])

    for mine, theirs in zip(
        dataclasses.astuple(left.predict(rows[2])),
        dataclasses.astuple(alone.predict(rows[2])),
        strict=True,
    ):
        assert mine == pytest.approx(theirs, rel=1e-2)


@given(
    first=st.dictionaries(st.sampled_from(["conv", "dense", "call"]), st.floats(1, 1e9)),
    second=st.dictionaries(st.sampled_from(["conv", "dense", "call"]), st.floats(1, 1e9)),
)
def test_likeness_is_of_both_alike(first: dict[str, float], second: dict[str, float]) -> None:
    """It lies in 0 to 1, goes both ways, and a model is like itself."""
    a, b = mix_of(first), mix_of(second)

    assert 0 <= likeness(a, b, 0.8) == likeness(b, a, 0.8) <= 1
    assert likeness(a, a, 0.8) == 1


@pytest.mark.parametrize(
    ("known", "instructions", "strange"),
    [(True, 1e6, ()), (False, 1e3, ()), (False, 1e6, (1,))],
)
def test_strange_ops_matter_by_their_share(
    known: bool, instructions: float, strange: tuple[int, ...]
) -> None:
    """A kind that was never counted is in doubt only where it is more than a little of the work."""
    rest = OpWork(instructions, known, inside=known, missed=1.1 if known else 3.0)
    doubt, found = doubt_of([OpWork(1e6, known=True, inside=True, missed=1.05), rest], [1, 1])

    assert found == strange
    assert (doubt > 0.2) is bool(strange)
