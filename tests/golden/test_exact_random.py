"""Random small models give what tflite-micro gives, and the other profiles what LiteRT gives."""

from __future__ import annotations

import faulthandler
import os
import traceback
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from tests.support.micro import adversarial_inputs, run_litert, run_micro
from tests.support.random_models import random_model
from tests.support.rare_models import rare_model

from tinygauge.exact import Rounding, compile_model, find_unsupported
from tinygauge.graph import Model

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="interpreters run in forks")

SAMPLE = 90
ROWS = 6
_SAME, _DIFFERENT, _CRASHED = 0, 1, 2


def in_a_fork(work: Callable[[], bool]) -> int:
    """Do work apart: the interpreters crash at some models that users never meet."""
    child = os.fork()
    if child == 0:
        code = _DIFFERENT
        faulthandler.disable()  # a crash is an answer here, not a fault to be shown
        try:
            code = _SAME if work() else _DIFFERENT
        except BaseException:  # noqa: BLE001  # the child must end here
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else _CRASHED


def agrees(model: Model, rounding: Rounding) -> bool:
    """Compare all outputs of a random model with the interpreter that stands for a profile."""
    inputs = adversarial_inputs(model, ROWS)
    run = run_micro if rounding is Rounding.TWO else run_litert(rounding)
    try:
        theirs = run(model, inputs)
    except RuntimeError:  # the interpreter refuses the model
        os._exit(_CRASHED)
    found = compile_model(model, rounding, threads=1).run(inputs)
    return all(np.array_equal(a, b) for a, b in zip(found, theirs, strict=True))


@pytest.mark.parametrize("rounding", Rounding)
def test_random_models_agree_with_their_interpreter(rounding: Rounding) -> None:
    """Each profile is its interpreter's, bit for bit, on a third of the models at least."""
    pytest.importorskip("tflite_micro")
    taken = [
        seed for seed in range(SAMPLE) if find_unsupported(random_model(seed), rounding) is None
    ]

    found = {seed: in_a_fork(partial(agrees, random_model(seed), rounding)) for seed in taken}

    assert [seed for seed, code in found.items() if code == _DIFFERENT] == []
    assert sum(code == _SAME for code in found.values()) > SAMPLE / 3


def test_random_models_of_rarer_ops_agree_with_micro() -> None:
    """Those with states, blocks, sizes, comparisons and products of matrices."""
    pytest.importorskip("tflite_micro")
    models = [rare_model(seed) for seed in range(SAMPLE)]
    taken = [model for model in models if find_unsupported(model) is None]

    found = {model.name: in_a_fork(partial(agrees, model, Rounding.TWO)) for model in taken}

    assert [name for name, code in found.items() if code == _DIFFERENT] == []
    assert sum(code == _SAME for code in found.values()) > SAMPLE * 0.9
