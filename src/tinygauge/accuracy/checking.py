"""Checks the exact evaluator against an interpreter, on a part of the inputs of every run.

The two must agree to the bit. Where they don't, what shows it is kept for a bug report: the model,
the input, and both outputs.
"""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy.cache import cache_folder
from tinygauge.accuracy.inputs import ModelInputs
from tinygauge.accuracy.processes import Limits, run_model
from tinygauge.accuracy.runners import Runner
from tinygauge.errors import RunnerError
from tinygauge.files import write_whole
from tinygauge.graph import Model

__all__ = ["CHECKED_SHARE", "checked_inputs", "cross_check"]

CHECKED_SHARE = 0.02
"""Of the inputs, at least one: ratio."""


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
    outputs: npt.NDArray[Any],
    runners: tuple[Runner, Runner],
    limits: Limits | None = None,
) -> str:
    """Compare outputs with those that an interpreter gives for a part of the inputs.

    Parameters
    ----------
    model : Model
    inputs : ModelInputs
    outputs : ndarray, shape (n, k)
        Of all inputs.
    runners : tuple of two Runner
        What gave the outputs, and the interpreter.
    limits : Limits, optional

    Returns
    -------
    str
        Why nothing was compared, where the interpreter can't run the model; else empty.

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
        return f"{model.name} is not cross-checked: {error}"
    theirs = found.reshape(len(places), -1)
    differ = (theirs != outputs[places]).any(axis=1)
    if not differ.any():
        return ""
    first = int(differ.argmax())
    labels = [runner.label for runner in runners]
    kept = _keep(model, rows[first], outputs[places[first]], theirs[first], labels)
    problem = (
        f"outputs of {labels[0]} differ from those of {labels[1]} on {int(differ.sum()):,} of "
        f"{len(places):,} inputs compared, first on input {int(places[first]):,}; {kept}"
    )
    raise RunnerError(model.name, problem, "Please report it; until then: --runner interpreter")


def _keep(
    model: Model,
    row: npt.NDArray[Any],
    ours: npt.NDArray[Any],
    theirs: npt.NDArray[Any],
    labels: list[str],
) -> str:
    """Write what shows a difference to a file, and say where."""
    path = cache_folder() / "differences" / f"{model.sha256[:16]}.npz"
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        model=np.frombuffer(model.content, np.uint8),
        input=row,
        outputs=np.stack([ours, theirs]),
        runners=np.array(labels),
    )
    return _written(path, buffer.getvalue())


def _written(path: Path, content: bytes) -> str:
    try:
        write_whole(path, content)
    except OSError as error:
        return f"it could not be kept in {path} ({error.strerror or error})"
    return f"it is kept in {path}"
