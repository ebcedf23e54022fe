"""A line says what ran the models whose accuracy is told."""

from __future__ import annotations

from dataclasses import replace

from tests.support.evaluations import evaluation

from tinygauge.quantity import Method, Missing
from tinygauge.records import Evaluation, Score
from tinygauge.report.scoring import scoring_line


def scored(
    name: str, why: str = "", runner: str = "exact 1", *, roundings: int = 0, **rest: str
) -> Evaluation:
    """Make a candidate whose accuracy came from a run on the desktop."""
    made = evaluation(name, **rest)  # type: ignore[arg-type]
    score = made.accuracy
    assert isinstance(score, Score)
    provenance = replace(score.value.provenance, method=Method.SIMULATED)
    value = replace(score.value, provenance=provenance)
    model = replace(made.model, sha256=name)
    score = replace(
        score, value=value, runner=runner, why_interpreted=why, spanned=(value,) * roundings
    )
    return replace(made, model=model, accuracy=score)


def test_models_are_counted_once_by_what_ran_them() -> None:
    """However many boards and engines; the interpreters' with the reasons."""
    line = scoring_line(
        [
            scored("a"),
            scored("a", board="nrf5340-dk"),
            scored("b"),
            scored("c", "op 3 CUMSUM: not known", "tflm 2"),
            scored("d", "op 1 DIV: not known", "tflm 2"),
            scored("e", "floating point", "LiteRT 3"),
        ]
    )

    assert line == (
        "Scored exactly: 2 models; in tflm 2: 2 models (op 3 CUMSUM: not known; 1 more reason); "
        "in LiteRT 3: 1 model (floating point)."
    )


def test_roundings_that_were_tried_are_told_with_the_engines_that_nobody_knows() -> None:
    """Such a score is none of an exact rounding, whatever ran it."""
    line = scoring_line(
        [
            scored("a", roundings=2, engine="hale"),
            scored("b", roundings=2, engine="ekkono"),
            scored("c", "not known", "A and B", roundings=2, engine="hale"),
            scored("a"),
        ]
    )

    assert line == (
        "Scored exactly: 1 model; exactly with 2 roundings, which the interval spans because "
        "nobody knows how hale or ekkono rounds: 2 models; in A and B with 2 roundings, which the "
        "interval spans because nobody knows how hale rounds: 1 model (not known)."
    )


def test_boards_and_models_without_a_score_are_not_counted() -> None:
    """What was not run on the desktop has no line."""
    assert scoring_line([evaluation("a"), evaluation("b", accuracy=Missing("no data"))]) == ""
