"""Finds where a board differs, of which only the printed outputs are known.

Where the board follows a numeric profile, a runtime on this machine gives its outputs to the last
digit: that runtime then stands in for the board, and can be looked into op by op.
"""

from __future__ import annotations

from tinygauge import accuracy
from tinygauge.accuracy import Dataset, Limits, Run, Task
from tinygauge.diagnosis.board_log import BoardLog
from tinygauge.diagnosis.doctor import (
    DEFAULT_INPUTS,
    Diagnosis,
    Effect,
    OpDifference,
    base_run,
    choose_inputs,
    examine,
    gather,
)
from tinygauge.diagnosis.numerics import (
    Follows,
    Numerics,
    answered_inputs,
    stored_values,
    tell_numerics,
)
from tinygauge.diagnosis.trace import Array
from tinygauge.graph import Model
from tinygauge.quantity import Missing

__all__ = ["diagnose_board"]


def diagnose_board(
    model: Model,
    dataset: Dataset,
    log: BoardLog,
    *,
    profile: str = "two-rounding",
    inputs: int = DEFAULT_INPUTS,
    limits: Limits | None = None,
) -> Diagnosis:
    """Compare a board with a numeric profile.

    Parameters
    ----------
    model : Model
        That it ran, with integer arithmetic.
    dataset : Dataset
        That it was given.
    log : BoardLog
        What it printed.
    profile : str
        What it is compared with.
    inputs : int
        How many inputs are run op by op.
    limits : Limits, optional

    Returns
    -------
    Diagnosis
        Without ops where the board follows no profile: nothing here computes as it does.

    Raises
    ------
    ConfigError
        If the model computes in floating point, or the base profile is not a single rounding.
    DatasetError
        If log, model and data don't belong together.
    RunnerError
        If the model can't be run here.
    """
    numerics = tell_numerics(log, model, dataset, limits=limits)
    base, nearest = (base_run(model, dataset, name) for name in (profile, numerics.profile))
    outputs = base.outputs(limits)
    effect = _effect(base, outputs, log, numerics, profile)
    looked_at, ops = 0, tuple[OpDifference, ...]()
    if numerics.follows is not Follows.NONE and nearest.runner != base.runner:
        places = choose_inputs(model, (outputs, nearest.outputs(limits)), inputs)
        looked_at = len(places)
        ops, _ = examine(model, gather(base, places), base.runner, nearest.runner, limits)
    return Diagnosis(
        model=model.name,
        model_sha256=model.sha256,
        dataset=dataset.name,
        base=base.runner.label,
        other=f"the board of {log.path}",
        effect=effect,
        looked_at=looked_at,
        ops=ops,
        is_float=False,
        notes=_notes(numerics, nearest.runner.label, looked_at),
        numerics=numerics,
    )


def _effect(base: Run, outputs: Array, log: BoardLog, numerics: Numerics, profile: str) -> Effect:
    model, dataset = base.model, base.dataset
    (agreement,) = (each for each in numerics.agreements if each.profile == profile)
    changed: int | Missing = Missing("anomaly detection has no answer for a single input")
    if dataset.task is not Task.ANOMALY:
        answered = answered_inputs(log, model, dataset)
        ours = outputs[answered.places]
        theirs = stored_values(model, answered)
        answers = [accuracy.answers_of(model, each) for each in (ours, theirs)]
        changed = int((answers[0] != answers[1]).sum())
    return Effect(
        base=agreement.right,
        other=numerics.board_right,
        answers_changed=changed,
        inputs_differing=agreement.n - agreement.equal,
        n=agreement.n,
        largest=agreement.largest_steps,
    )


def _notes(numerics: Numerics, stand_in: str, looked_at: int) -> tuple[str, ...]:
    if numerics.follows is Follows.NONE:
        return (
            "the board follows no known profile, so that only its outputs can be compared: "
            f"nearest is '{numerics.profile}'",
        )
    best = numerics.agreements[0]
    equal = f"its outputs on {best.equal:,} of {best.n:,} inputs"
    if not looked_at:
        return (f"the board follows '{numerics.profile}', the base itself: {equal} are the same",)
    return (f"{stand_in} stands in for the board: it gives {equal}",)
