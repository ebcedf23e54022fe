"""Finds where a board differs, of which only the printed outputs are known.

Where the board follows a numeric profile, a runtime on this machine gives its outputs to the last
digit: that runtime then stands in for the board, and can be looked into op by op.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygauge import accuracy
from tinygauge.accuracy import Dataset, Limits, Run, Task
from tinygauge.accuracy.jobs import Progress, silent
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
    run_whole,
)
from tinygauge.diagnosis.numerics import (
    Agreement,
    Answered,
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
    progress: Progress = silent,
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
    progress : callable, optional
        Called with what is being done, and how far it is.

    Returns
    -------
    Diagnosis
        Without ops where the board follows no profile, as nothing here computes as it does; and
        where the base gives all that it printed, as there is no difference to look for.

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
    outputs = run_whole(base, limits, progress)
    agreement = next(each for each in numerics.agreements if each.profile == profile)
    looked_at, ops = 0, tuple[OpDifference, ...]()
    # Of several profiles that fit, the base may be any: it needs nothing to stand in for the board.
    fits = agreement.equal == agreement.n or nearest.runner == base.runner
    if not fits and numerics.follows is not Follows.NONE:
        pair = outputs, run_whole(nearest, limits, progress)
        places = _answered_places(answered_inputs(log, model, dataset), model, pair, inputs)
        looked_at = len(places)
        runners = base.runner, nearest.runner
        rows = gather(base, places)
        ops, _ = examine(model, rows, runners, limits=limits, progress=progress)
    return Diagnosis(
        model=model.name,
        model_sha256=model.sha256,
        dataset=dataset.name,
        base=base.runner.label,
        other=f"the board of {log.path}",
        effect=_effect(base, outputs, log, numerics, agreement),
        looked_at=looked_at,
        ops=ops,
        is_float=False,
        notes=_notes(numerics, profile if fits else nearest.runner.label, fits=fits),
        numerics=numerics,
    )


def _answered_places(
    answered: Answered, model: Model, outputs: tuple[Array, Array], wanted: int
) -> npt.NDArray[np.int64]:
    """Choose inputs to look at of those that the board answered: of others nothing is known."""
    places = np.unique(answered.places)
    base, stand_in = outputs
    return places[choose_inputs(model, (base[places], stand_in[places]), wanted)]


def _effect(
    base: Run, outputs: Array, log: BoardLog, numerics: Numerics, agreement: Agreement
) -> Effect:
    model, dataset = base.model, base.dataset
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


def _notes(numerics: Numerics, stand_in: str, *, fits: bool) -> tuple[str, ...]:
    """Say what the board follows; the stand-in is the base's profile where that fits."""
    if numerics.follows is Follows.NONE:
        return (
            "the board follows no known profile, so that only its outputs can be compared: "
            f"nearest is '{numerics.profile}'",
        )
    best = numerics.agreements[0]
    equal = f"its outputs on {best.equal:,} of {best.n:,} inputs"
    several = numerics.follows is Follows.SEVERAL
    names = ", ".join(f"'{each.profile}'" for each in numerics.agreements if each.equal == each.n)
    more = f"fit all that the board printed ({names}): give more inputs to tell them apart"
    if fits and several:
        return (f"several profiles, the base's '{stand_in}' among them, {more}",)
    if fits:
        return (f"the board follows '{stand_in}', the base itself: {equal} are the same",)
    note = f"{stand_in} stands in for the board: it gives {equal}"
    return (f"several profiles {more}", note) if several else (note,)
