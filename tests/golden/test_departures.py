"""Where `inspect` says that TFLM departs from a model, tflite-micro and LiteRT part indeed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder

from tinygauge import catalog, graph
from tinygauge.accuracy import RUNNERS, run_model
from tinygauge.inspection import departure_findings, engine_findings, summarise
from tinygauge.records import Severity

TFLM, LITERT = RUNNERS["tflite-micro"], RUNNERS["litert-reference"]
pytestmark = pytest.mark.skipif(TFLM.version is None, reason="tflite-micro is not installed")


def _blocks(dtype: str = "int8", *, padding: int = 2, zero_point: int = -100) -> bytes:
    """The first half of a dilated convolution, as converters write it."""
    builder = ModelBuilder()
    scale: dict[str, Any] = {} if dtype == "float32" else {"scale": 0.1, "zero_point": zero_point}
    x = builder.tensor((1, 2, 2, 1), dtype, **scale)
    blocks = builder.tensor((2,), "int32", data=[2, 2])
    paddings = builder.tensor((2, 2), "int32", data=[[padding, 0], [0, 0]])
    y = builder.tensor((4, 1 + padding // 2, 1, 1), dtype, **scale)
    builder.op("SPACE_TO_BATCH_ND", [x, blocks, paddings], [y])
    return builder.build([x], [y])


def _sum(zero_point: int) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "int8", scale=0.1, zero_point=zero_point)
    y = builder.tensor((1, 4), "int8", scale=0.4, zero_point=0)
    builder.op("ADD_N", [x, x], [y])
    return builder.build([x], [y])


def _greater(dtype: str) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), dtype, scale=0.1)
    small = builder.tensor((1, 4), dtype, data=[1, 1, 1, 1], scale=0.01)
    y = builder.tensor((1, 4), "bool")
    builder.op("GREATER", [x, small], [y])
    return builder.build([x], [y])


def _messages(content: bytes) -> list[str]:
    found = departure_findings(graph.parse(content, name="net"), where="net")
    assert {(each.code, each.severity) for each in found} <= {("TG112", Severity.WARNING)}
    return [each.message for each in found]


def test_blocks_are_padded_with_another_value() -> None:
    """LiteRT pads with the zero point; without padding, and in float, both agree."""
    x = np.full((1, 1, 2, 2, 1), 7, np.int8)
    (message,) = _messages(_blocks())
    assert message.endswith("not with its zero point -100")
    assert (run_model(_blocks(), x, LITERT).ravel()[::2] == -100).all()
    assert not (run_model(_blocks(), x, TFLM).ravel()[::2] == -100).any()

    assert _messages(_blocks(padding=0)) == _messages(_blocks("float32")) == []
    whole = _blocks(padding=0)
    np.testing.assert_array_equal(run_model(whole, x, LITERT), run_model(whole, x, TFLM))


@pytest.mark.parametrize("zero_point", [0, 10, -30])
def test_a_sum_begins_with_the_zero_point(zero_point: int) -> None:
    """LiteRT has no ADD_N of int8, so the real numbers are what to compare with."""
    x = np.array([[[-20, 0, 20, 40]]], np.int8)
    told = -zero_point if _messages(_sum(zero_point)) else 0
    expected = (2 * (x.astype(float) - zero_point) + told) * 0.1 / 0.4
    np.testing.assert_allclose(
        run_model(_sum(zero_point), x, TFLM).ravel(), expected.ravel(), atol=1
    )
    assert told == -zero_point


def test_no_int16_is_greater() -> None:
    """Though it is, by its scale; int8 is compared as it should be."""
    for dtype, expected in (("int16", False), ("int8", True)):
        y = run_model(_greater(dtype), np.full((1, 1, 4), 100, dtype), TFLM)
        assert (y == expected).all()
        assert bool(_messages(_greater(dtype))) is not expected


def test_only_engines_built_on_tflm_are_said_to_depart() -> None:
    """A vendor's own engine may do better; nobody looked."""
    model = graph.parse(_blocks(), name="net")
    board = catalog.board("nucleo-l4r5zi")
    for name, expected in (("tflm-ref", ["TG112"]), ("x-cube-ai", [])):
        found = engine_findings(model, summarise(model), board, catalog.engine(name))
        assert [each.code for each in found] == expected
