"""A board that is known by what it printed: where nothing differs, and what is looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import accuracy, graph
from tinygauge.accuracy import Dataset
from tinygauge.diagnosis.board_log import BoardLog, parse_board_log
from tinygauge.diagnosis.device import diagnose_board
from tinygauge.diagnosis.doctor import base_run
from tinygauge.diagnosis.numerics import Follows

MODEL = graph.parse(build_cnn(), name="cnn")
X = np.random.default_rng(7).normal(0, 2, (200, 8, 8, 1)).astype(np.float32)


def _data(rows: npt.NDArray[np.float32]) -> Dataset:
    return Dataset(name="data", path="data.npz", sha256="d", x=rows, y=np.arange(len(rows)) % 3)


def _outputs(profile: str) -> npt.NDArray[np.generic]:
    return base_run(MODEL, _data(X), profile).outputs()


ONCE, TWICE = _outputs("one-rounding"), _outputs("two-rounding")
SAME = (ONCE == TWICE).all(axis=1)


def _log(outputs: npt.NDArray[np.generic]) -> BoardLog:
    lines = [",".join(map(str, row)) for row in outputs.tolist()]
    return parse_board_log("\n".join(lines).encode(), "log.txt")


@pytest.mark.parametrize("profile", ["two-rounding", "one-rounding"])
def test_a_base_that_gives_all_that_was_printed_does_not_differ(profile: str) -> None:
    """Whichever it is of the profiles that fit, and though they differ on other inputs."""
    assert SAME.any()
    assert not SAME.all()
    data, log = _data(np.concatenate([X[SAME], X[~SAME]])), _log(ONCE[SAME])
    found = diagnose_board(MODEL, data, log, profile=profile)
    assert found.numerics is not None
    assert found.numerics.follows is Follows.SEVERAL
    assert (found.differs, found.first, found.looked_at, found.ops) == (False, None, 0, ())
    assert found.effect.n == SAME.sum()
    (note,) = found.notes
    assert note.startswith(f"several profiles, the base's '{profile}' among them, fit all that ")
    assert "'two-rounding'" in note
    assert "'one-rounding'" in note


def test_only_answered_inputs_are_looked_at() -> None:
    """Of data of which the log answers a part; the first difference is on one of these."""
    data = _data(np.concatenate([X[~SAME][:2], X[SAME][:3], X[~SAME][2:]]))
    log = _log(np.concatenate([ONCE[~SAME][:2], ONCE[SAME][:3]]))
    found = diagnose_board(MODEL, data, log)
    assert found.numerics is not None
    assert found.numerics.profile == "one-rounding"
    assert (found.looked_at, found.effect.n, found.effect.inputs_differing) == (5, 5, 2)
    assert found.first is not None
    assert found.ops[-1].in_model.inputs == 2


def test_a_part_that_an_interpreter_checks_is_not_checked_here() -> None:
    """A difference from the interpreter is what is looked for: it must not end the search."""
    (run,) = accuracy.plan_runs(MODEL, _data(X), "two-rounding")  # type: ignore[misc]
    assert base_run(MODEL, _data(X), "two-rounding").check is None
    assert base_run(MODEL, _data(X), "two-rounding").runner == run.runner
