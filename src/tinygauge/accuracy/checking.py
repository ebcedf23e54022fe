"""Checks the exact evaluator against an interpreter, on a part of the inputs of every run.

The two must agree to the bit. Where they don't, what shows it is kept for a bug report: the model,
the input, and both outputs. Where the interpreter can't run the model, nothing is compared, and
the results say so.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy.cache import cache_folder
from tinygauge.accuracy.inputs import ModelInputs
from tinygauge.accuracy.processes import Limits, run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.accuracy.stored import StoredArray
from tinygauge.errors import RunnerError
from tinygauge.files import write_whole
from tinygauge.graph import Model

__all__ = ["CHECKED_SHARE", "Check", "checked_inputs", "cross_check"]

CHECKED_SHARE = 0.02
"""Of the inputs, at least one: ratio."""

_ADVICE = (
    "Please report it; until then, `tinygauge evaluate --runner interpreter` does without the "
    "exact evaluator"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What came of comparing outputs with those of an interpreter; no difference, that is sure.

    Parameters
    ----------
    by : str
        Label of the interpreter.
    failure : str
        Why it gave nothing to compare with, as said of it; empty where it did.
    """

    by: str
    failure: str = ""

    def __str__(self) -> str:
        if self.failure:
            return f"not compared with {self.by}: it {self.failure}"
        return f"a random {CHECKED_SHARE:.0%} of the inputs compared with {self.by}"


def checked_inputs(model: Model, inputs: ModelInputs) -> npt.NDArray[np.int64]:
    """Choose the inputs that are checked: at random, and the same for the same model and data.

    Parameters
    ----------
    model : Model
    inputs : ModelInputs

    Returns
    -------
    ndarray of int64
        Sorted places.
    """
    digest = hashlib.sha256(f"{model.sha256} {inputs.dataset.sha256}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    count = math.ceil(CHECKED_SHARE * len(inputs))
    return np.sort(random.choice(len(inputs), count, replace=False))


def cross_check(
    model: Model,
    inputs: ModelInputs,
    outputs: npt.NDArray[Any] | StoredArray,
    runners: tuple[Runner, Runner],
    limits: Limits | None = None,
) -> Check:
    """Compare outputs with those that an interpreter gives for a part of the inputs.

    Parameters
    ----------
    model : Model
    inputs : ModelInputs
    outputs : ndarray or StoredArray, shape (n, k)
        Of all inputs.
    runners : tuple of two Runner
        What gave the outputs, and the interpreter.
    limits : Limits, optional

    Returns
    -------
    Check
        That the outputs compared are equal, or why none were: the interpreter can't run the model.

    Raises
    ------
    RunnerError
        If an output differs; the message names the file that shows it.
    """
    places = checked_inputs(model, inputs)
    rows = np.concatenate([inputs[place : place + 1] for place in places.tolist()])
    try:
        found = run_model(model.content, rows, runners[1], name=model.name, limits=limits)
    except RunnerError as error:
        return Check(by=runners[1].label, failure=_said_of(runners[1], error))
    theirs = found.reshape(len(places), -1)
    ours = np.concatenate([outputs[place : place + 1] for place in places.tolist()])
    differ = (theirs != ours).any(axis=1)
    labels = [runner.label for runner in runners]
    if not differ.any():
        return Check(by=labels[1])
    first = int(differ.argmax())
    content = _evidence(model, rows[first], ours[first], theirs[first], labels)
    # The name tells models, roundings and data apart: none may cover up another's difference.
    rounds = runners[0].name.replace(":", "-")
    kept = _keep(f"{model.sha256[:16]}-{rounds}-{inputs.dataset.sha256[:16]}", content)
    problem = (
        f"outputs of {labels[0]} differ from those of {labels[1]} on {int(differ.sum()):,} of "
        f"{len(places):,} inputs compared, first on input {int(places[first]):,}; {kept}"
    )
    raise RunnerError(model.name, problem, _ADVICE)


def _said_of(runner: Runner, error: RunnerError) -> str:
    """Return what an error says of the runner itself, without its name and the advice."""
    return error.problem.removeprefix(runner.label).strip()


def _evidence(
    model: Model,
    row: npt.NDArray[Any],
    ours: npt.NDArray[Any],
    theirs: npt.NDArray[Any],
    labels: list[str],
) -> bytes:
    """Return the bytes of an `.npz` that shows a difference."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        model=np.frombuffer(model.content, np.uint8),
        input=row,
        outputs=np.stack([ours, theirs]),
        runners=np.array(labels),
    )
    return buffer.getvalue()


def _keep(stem: str, content: bytes) -> str:
    """Write a file beside the cache, or else among the system's temporary ones; say where."""
    path = cache_folder() / "differences" / f"{stem}.npz"
    try:
        write_whole(path, content)
    except OSError:
        return _keep_for_now(stem, content)
    return f"it is kept in {path}"


def _keep_for_now(stem: str, content: bytes) -> str:
    place = tempfile.gettempdir()
    try:
        descriptor, place = tempfile.mkstemp(prefix=f"tinygauge-{stem}-", suffix=".npz")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError:
            with suppress(OSError):
                Path(place).unlink()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        return f"it could be kept neither in {cache_folder()} nor in {place} ({reason})"
    return f"it is kept in {place}"
