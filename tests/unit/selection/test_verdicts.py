"""Verdicts, front, ranking and relaxation, checked by brute force on random candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.evaluations import Span, evaluation

from tinygauge.quantity import Interval, Missing, Quantity
from tinygauge.records import Evaluation, Finding, Metric, Severity
from tinygauge.selection import (
    DEFAULT_RANKING,
    Bound,
    Position,
    Region,
    Selection,
    Verdict,
    pareto_front,
    parse_bound,
    parse_region,
    select,
)
from tinygauge.units import Unit

UNKNOWN = math.nan


def _select(evaluations: Sequence[Evaluation], *require: str) -> Selection:
    return select(evaluations, parse_region(require))


def _only(candidate: Evaluation, *require: str) -> Verdict:
    (verdict,) = _select([candidate], *require).verdicts
    return verdict


def test_a_candidate_within_all_bounds_is_inside_and_chosen() -> None:
    """With nothing against it there is no reason to give."""
    selection = _select([evaluation(latency=0.05)], "latency<=100ms", "accuracy>=0.9")

    (verdict,) = selection.verdicts
    assert verdict.position is Position.INSIDE
    assert verdict.reasons == ()
    assert selection.chosen is verdict.evaluation
    assert selection.nearest_miss is None
    assert selection.relaxation is None


def test_one_failed_bound_puts_a_candidate_outside() -> None:
    """However good the rest; the reason says by which bound and how far."""
    verdict = _only(evaluation(latency=0.15, accuracy=0.99), "latency<=100ms", "accuracy>=0.9")

    assert verdict.position is Position.OUTSIDE
    assert verdict.reasons == ("latency 150 ms (predicted) fails <= 100 ms by 50%",)
    assert verdict.worst_overshoot == pytest.approx(0.5)


def test_a_miss_by_a_hair_is_not_printed_as_zero_per_cent() -> None:
    """0 % would read as no miss at all."""
    assert _only(evaluation(latency=0.1001), "latency<=100ms").reasons == (
        "latency 100 ms (predicted) fails <= 100 ms",
    )


@pytest.mark.parametrize(
    ("bound", "numbers", "measurement"),
    [
        ("ram<=50000B", {"ram": (49_000.0, 45_000.0, 52_000.0)}, "arena_used_bytes() on ek-ra6m4"),
        ("flash<=99000B", {"flash": (98_000.0, 9e4, 1.1e5)}, "read the map file"),
        ("latency<=50ms", {"latency": (0.049, 0.04, 0.06)}, "time the model on ek-ra6m4"),
        ("energy<=2mJ", {"energy": (0.0019, 0.001, 0.003)}, "meter the energy"),
    ],
)
def test_a_straddled_bound_names_the_measurement_that_settles_it(
    bound: str, numbers: dict[str, Span], measurement: str
) -> None:
    """Undecided candidates tell the user what to do at the bench."""
    verdict = _only(evaluation(**numbers), bound)  # type: ignore[arg-type]

    (reason,) = verdict.reasons
    assert verdict.position is Position.UNDECIDED
    assert f"straddles {parse_bound(bound).sign}" in reason
    assert "to settle it" in reason
    assert measurement in reason


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval (Brown, Cai, DasGupta 2001, eq. 4)."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


@given(st.integers(30, 5000), st.floats(0.02, 1.0), st.floats(0.05, 0.95))
def test_the_number_of_inputs_settles_an_accuracy(n: int, share: float, place: float) -> None:
    """At the number named, Wilson's interval no longer holds the limit; now it does."""
    low, high = _wilson(share, n)
    limit = low + place * (high - low)
    assume(abs(share - limit) > 1e-3)
    candidate = evaluation(accuracy=(share, low, min(high, 1.0)))

    (reason,) = select([candidate], Region((Bound(Metric.ACCURACY, limit),))).verdicts[0].reasons

    needed = int(reason.split(" about ")[1].split()[0].replace(",", ""))
    assert needed > n
    low, high = _wilson(share, needed)
    assert not low * (1 + 1e-6) < limit < high * (1 - 1e-6)


@pytest.mark.parametrize(
    ("accuracy", "bound"), [((0.9, 0.85, 0.95), "accuracy>=0.9"), ((0.98, 0.9, 1.0), "accuracy>=1")]
)
def test_where_no_number_of_inputs_is_sure_to_settle_it_none_is_named(
    accuracy: Span, bound: str
) -> None:
    """An estimate on the limit, or a limit of 100 %, has no formula."""
    (reason,) = _only(evaluation(accuracy=accuracy), bound).reasons

    assert reason.endswith("score it on more inputs")


def test_a_number_of_unknown_error_is_undecided() -> None:
    """A best estimate alone proves nothing, either way."""
    verdict = _only(evaluation(latency=(0.001, UNKNOWN, UNKNOWN)), "latency<=100ms")

    assert verdict.position is Position.UNDECIDED
    assert "interval unknown" in verdict.reasons[0]


def test_a_missing_metric_is_undecided_with_its_reason() -> None:
    """Missing is neither 0 nor a pass."""
    missing = Missing("no power figure for this board", "Meter it")

    verdict = _only(evaluation(energy=missing), "energy<=2mJ")

    assert verdict.position is Position.UNDECIDED
    assert verdict.reasons == ("energy unknown: no power figure for this board; Meter it",)
    assert verdict.worst_overshoot == math.inf


def test_a_missing_metric_without_a_bound_is_no_obstacle() -> None:
    """What nobody asked for can't fail."""
    verdict = _only(evaluation(energy=Missing("no power figure")), "latency<=100ms")

    assert verdict.position is Position.INSIDE


def test_a_board_too_small_is_a_failed_bound() -> None:
    """The model that does not fit is outside, by the board's name, without any user bound."""
    verdict = _only(evaluation(ram=100_000.0, sram_bytes=65_536.0))

    assert verdict.position is Position.OUTSIDE
    assert verdict.reasons == ("ram 97.7 KiB (predicted) fails <= 64 KiB of ek-ra6m4 by 53%",)


def _blocker(message: str = "tflm-ref has no kernel for LSTM") -> Finding:
    return Finding(code="TG102", severity=Severity.ERROR, message=message)


def test_a_model_that_cannot_run_is_outside() -> None:
    """A blocker comes first among the reasons, and no bound can be relaxed for it."""
    selection = _select([evaluation(latency=0.2, findings=[_blocker()])], "latency<=100ms")

    (verdict,) = selection.verdicts
    assert verdict.position is Position.OUTSIDE
    assert verdict.blockers == verdict.reasons[:1] == ("tflm-ref has no kernel for LSTM",)
    assert verdict.worst_overshoot == math.inf
    assert (selection.relaxation, selection.nearest_miss) == (None, None)


def test_a_warning_blocks_nothing() -> None:
    """Only errors say that a model can't run."""
    warning = Finding(code="TG111", severity=Severity.WARNING, message="slow")

    assert _only(evaluation(findings=[warning])).position is Position.INSIDE


def test_reasons_come_failed_before_undecided() -> None:
    """The hopeless is said before the doubtful."""
    verdict = _only(
        evaluation(latency=(0.09, 0.05, 0.2), energy=0.01), "latency<=100ms", "energy<=2mJ"
    )

    assert [reason.split()[0] for reason in verdict.reasons] == ["energy", "latency"]


def test_nothing_to_judge_gives_an_empty_selection() -> None:
    """No candidates is no crash."""
    selection = _select([], "latency<=100ms")

    assert selection.verdicts == selection.ranked == ()
    assert selection.chosen is None
    assert selection.nearest_miss is None
    assert selection.relaxation is None
    assert pareto_front([]) == ()


def test_those_inside_are_ranked_by_the_metrics_in_order() -> None:
    """The first metric decides, the next breaks ties, then the name."""
    candidates = [
        evaluation("d", energy=0.002, latency=0.02),
        evaluation("c", energy=0.001, latency=0.03),
        evaluation("b", energy=0.002, latency=0.01),
        evaluation("a", energy=0.002, latency=0.02),
    ]

    names = [verdict.evaluation.model.name for verdict in _select(candidates).ranked]

    assert names == ["c", "b", "a", "d"]


def test_ranking_by_accuracy_puts_the_highest_first() -> None:
    """More is better for accuracy alone."""
    candidates = [evaluation("low", accuracy=0.8), evaluation("high", accuracy=0.95)]

    selection = select(candidates, Region(), (Metric.ACCURACY,))

    assert selection.chosen is candidates[1]


def test_an_empty_ranking_is_the_default() -> None:
    """Ranking by nothing would rank by name without saying so."""
    assert select([evaluation()], Region(), ()).ranking == DEFAULT_RANKING


def test_a_missing_ranking_metric_comes_last() -> None:
    """Unknown energy must not win for want of a number."""
    candidates = [evaluation("unknown", energy=Missing("none")), evaluation("known", energy=9.0)]

    assert _select(candidates).chosen is candidates[1]


def test_the_nearest_miss_has_the_smallest_worst_violation() -> None:
    """20 % over one bound is nearer than 5 % over one and 30 % over another."""
    candidates = [
        evaluation("two", latency=0.105, ram=65_000.0),
        evaluation("one", latency=0.12, ram=40_000.0),
        evaluation("unknown", latency=Missing("none")),
    ]

    selection = _select(candidates, "latency<=100ms", "ram<=50000B")

    assert selection.nearest_miss is selection.verdicts[1]


def test_the_smallest_single_relaxation_is_found() -> None:
    """12 % on latency lets one in; the candidate that misses by 5 % on two bounds can't be."""
    candidates = [
        evaluation("two", latency=0.105, energy=0.0021),
        evaluation("slow", latency=(0.11, 0.105, 0.112), energy=0.001),
        evaluation("hungry", latency=0.05, energy=0.0026),
    ]

    relaxation = _select(candidates, "latency<=100ms", "energy<=2mJ").relaxation

    assert relaxation is not None
    assert str(relaxation.bound) == "latency <= 100 ms"
    assert str(relaxation.relaxed) == "latency <= 112 ms"
    assert relaxation.share == pytest.approx(0.12)
    assert relaxation.verdict.evaluation is candidates[1]


@pytest.mark.parametrize(
    ("numbers", "bound"),
    [
        ({"ram": 100_000.0, "sram_bytes": 65_536.0}, "latency<=100ms"),  # the board itself
        ({"latency": (0.2, UNKNOWN, UNKNOWN)}, "latency<=100ms"),  # no limit is surely enough
        ({"latency": (0.2, 0.1, math.inf)}, "latency<=100ms"),
        ({"accuracy": (0.1, 0.0, 0.3)}, "accuracy>=0.9"),  # only dropping the bound would do
        ({"accuracy": (0.1, 0.0004, 0.3)}, "accuracy>=0.9"),  # 0.0 % is no bound either
        ({"latency": Missing("none")}, "latency<=100ms"),
    ],
)
def test_no_relaxation_is_offered_where_none_would_do(numbers: dict[str, Span], bound: str) -> None:
    """Boards don't grow, and what is unknown can't be let in by a number."""
    assert _select([evaluation(**numbers)], bound).relaxation is None  # type: ignore[arg-type]


# --- properties over random candidates ---------------------------------------------------------

_sizes = st.floats(0.01, 1.0).map(lambda size: float(f"{size:.4g}"))


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    kind = draw(st.sampled_from(["exact", "interval", "interval", "unknown", "missing"]))
    value = draw(_sizes)
    if kind == "missing":
        return Missing("not known")
    if kind == "unknown":
        return (value, UNKNOWN, UNKNOWN)
    if kind == "exact":
        return value
    below, above = draw(st.floats(0, 0.3)), draw(st.floats(0, 0.3))
    return (value, value * (1 - below), value * (1 + above))


@st.composite
def _candidates(draw: st.DrawFn) -> Evaluation:
    accuracy = draw(_spans())
    if isinstance(accuracy, tuple) and accuracy[2] > 1:
        accuracy = (accuracy[0], accuracy[1], 1.0)
    return evaluation(
        draw(st.text("abc", min_size=1, max_size=3)),
        accuracy=accuracy,
        ram=draw(_sizes) * 1e5,
        flash=draw(_sizes) * 1e6,
        latency=draw(_spans()),
        energy=draw(_spans()),
        sram_bytes=draw(st.sampled_from([None, 5e4])),
        findings=draw(st.sampled_from([[], [], [], [_blocker()]])),
    )


_many = st.lists(_candidates(), max_size=8)
_regions = st.builds(
    lambda accuracy, latency, energy, ram: Region(
        tuple(
            Bound(metric, limit)
            for metric, limit in (
                (Metric.ACCURACY, accuracy),
                (Metric.LATENCY, latency),
                (Metric.ENERGY, energy),
                (Metric.RAM, ram and ram * 1e5),
            )
            if limit
        )
    ),
    *[st.none() | _sizes] * 4,
)


def _costs(candidate: Evaluation) -> list[float]:
    found = [candidate.metric(metric) for metric in Metric]
    return [
        math.nan if isinstance(q, Missing) else -q.value if m.higher_is_better else q.value
        for m, q in zip(Metric, found, strict=True)
    ]


def _dominates(one: Evaluation, other: Evaluation) -> bool:
    pairs = list(zip(_costs(one), _costs(other), strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


_complete = st.lists(
    st.builds(
        evaluation,
        accuracy=st.sampled_from([0.7, 0.8, 0.9]),
        ram=st.sampled_from([1e4, 2e4]),
        flash=st.sampled_from([1e5, 2e5]),
        latency=st.sampled_from([0.01, 0.02]),
        energy=st.sampled_from([0.001, 0.002]),
    ),
    max_size=8,
)


@given(_complete)
def test_the_front_holds_just_what_nothing_dominates(candidates: list[Evaluation]) -> None:
    """Nobody on the front is beaten; everybody off it is beaten by one on it."""
    front = pareto_front(candidates)
    on = [candidate for candidate, flag in zip(candidates, front, strict=True) if flag]

    for candidate, flag in zip(candidates, front, strict=True):
        assert flag is not any(_dominates(other, candidate) for other in candidates)
        assert flag or any(_dominates(other, candidate) for other in on)


@settings(max_examples=30)
@given(_many, st.data())
def test_the_order_of_candidates_does_not_move_the_front(
    candidates: list[Evaluation], data: st.DataObject
) -> None:
    """Shuffled candidates keep their place on or off it."""
    order = data.draw(st.permutations(range(len(candidates))))

    front = pareto_front(candidates)
    shuffled = pareto_front([candidates[i] for i in order])

    assert list(shuffled) == [front[i] for i in order]


@settings(max_examples=30)
@given(_many)
def test_what_cannot_run_or_lacks_a_number_is_never_on_the_front(
    candidates: list[Evaluation],
) -> None:
    """A blocked candidate is off it, and so is one without a number that another has."""
    runnable = [c for c in candidates if not c.findings]
    compared = [
        metric for metric in Metric if any(isinstance(c.metric(metric), Quantity) for c in runnable)
    ]

    for candidate, flag in zip(candidates, pareto_front(candidates), strict=True):
        lacks = any(isinstance(candidate.metric(metric), Missing) for metric in compared)
        assert not (flag and (candidate.findings or lacks))


@settings(max_examples=40)
@given(_many, _regions)
def test_positions_follow_the_intervals(candidates: list[Evaluation], region: Region) -> None:
    """Inside means every end of every bounded interval satisfies its bound, and no blocker."""
    for verdict in select(candidates, region).verdicts:
        candidate = verdict.evaluation
        satisfied = []
        for bound in region.for_target(candidate.target):
            found = candidate.metric(bound.metric)
            interval = Interval.unknown() if isinstance(found, Missing) else found.interval
            end = interval.low if bound.metric.higher_is_better else interval.high
            satisfied.append(bound.overshoot(end) <= 0)  # nan is not
        assert (verdict.position is Position.INSIDE) is (all(satisfied) and not candidate.findings)
        assert bool(verdict.reasons) is (verdict.position is not Position.INSIDE)


@settings(max_examples=30)
@given(_many, _regions)
def test_those_inside_are_ranked_and_no_other(candidates: list[Evaluation], region: Region) -> None:
    """The ranking is a permutation of those inside, best cost first."""
    selection = select(candidates, region, (Metric.LATENCY,))

    inside = [v for v in selection.verdicts if v.position is Position.INSIDE]
    assert len(selection.ranked) == len(inside)
    assert all(any(v is w for w in inside) for v in selection.ranked)
    costs = [_costs(v.evaluation)[list(Metric).index(Metric.LATENCY)] for v in selection.ranked]
    known = [cost for cost in costs if not math.isnan(cost)]
    assert costs[: len(known)] == sorted(known)


def _relaxed(region: Region, bound: Bound, limit: float) -> Region:
    return Region(tuple(replace(b, limit=limit) if b is bound else b for b in region.bounds))


def _printed_step(bound: Bound, share: float) -> float:
    """Return the coarsest digit of a relaxed limit, as a share of the bound."""
    if bound.unit is Unit.BYTE:
        return 102.4 / bound.limit
    return 0.001 / bound.limit if bound.unit is Unit.RATIO else 0.01 * (1 + share)


@settings(max_examples=100)
@given(_many, _regions)
def test_the_offered_relaxation_admits_its_candidate_and_none_smaller_admits_any(
    candidates: list[Evaluation], region: Region
) -> None:
    """By brute force: apply it; then try every bound, relaxed by less, in steps as printed."""
    selection = select(candidates, region)
    relaxation = selection.relaxation
    if relaxation is None:
        if not selection.ranked:
            for bound in region.bounds:
                extreme = 0.001 if bound.metric.higher_is_better else 1e9
                assert not select(candidates, _relaxed(region, bound, extreme)).ranked
        return

    # What is printed can be typed, and lets in the candidate that it names.
    typed = parse_bound(str(relaxation.relaxed))
    assert typed == relaxation.relaxed
    admitted = select(candidates, _relaxed(region, relaxation.bound, typed.limit))
    place = next(i for i, v in enumerate(selection.verdicts) if v is relaxation.verdict)
    assert admitted.verdicts[place].position is Position.INSIDE

    for bound in region.bounds:
        sign = -1 if bound.metric.higher_is_better else 1
        share = relaxation.share - _printed_step(bound, relaxation.share)
        if share > 0 and (limit := bound.limit * (1 + sign * share)) > 0:
            assert not select(candidates, _relaxed(region, bound, limit)).ranked


@settings(max_examples=30)
@given(_many, _regions)
def test_the_nearest_miss_is_nearest(candidates: list[Evaluation], region: Region) -> None:
    """No other candidate that can run, with all its numbers known, misses by less."""
    selection = select(candidates, region)
    miss = selection.nearest_miss
    finite = [v for v in selection.verdicts if math.isfinite(v.worst_overshoot)]

    if selection.ranked or not finite:
        assert miss is None
    else:
        assert miss is not None
        assert miss.worst_overshoot == min(v.worst_overshoot for v in finite)
