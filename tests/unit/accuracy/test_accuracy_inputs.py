"""Pairing a dataset with a model: quantisation, shapes, channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.accuracy import Dataset
from tinygauge.accuracy.inputs import find_range_fault, fit, output_tensor, quantize
from tinygauge.errors import DatasetError
from tinygauge.graph import Quantization


def dataset(x: np.ndarray[Any, Any], **fields: Any) -> Dataset:
    y = np.zeros(len(x), dtype=np.int64)
    return Dataset(name="data", path="", sha256="", x=x, y=y, **fields)


def model_of(
    shape: tuple[int, ...], dtype: str, *, scale: float | None = None, zero_point: int = 0
) -> graph.Model:
    """Return a model of one RELU op; only its input and output matter here."""
    builder = ModelBuilder()
    scales = () if scale is None else (scale,)
    zero_points = () if scale is None else (zero_point,)
    x = builder.tensor(shape, dtype, scale=scales, zero_point=zero_points)
    y = builder.tensor(shape, dtype, scale=scales, zero_point=zero_points)
    builder.op("RELU", [x], [y])
    return graph.parse(builder.build([x], [y]), name="model")


@pytest.mark.parametrize(
    ("real", "stored"),
    [
        (0.5, 1),
        (-0.5, -1),
        (1.5, 2),
        (2.5, 3),
        (-2.5, -3),
        (0.49999997, 0),
        (1e9, 127),
        (-1e9, -128),
    ],
)
def test_halves_are_rounded_away_from_zero_and_ends_clipped(real: float, stored: int) -> None:
    """As C's round() does on a device, and not as numpy's, which rounds halves to even."""
    assert quantize(np.array([real], np.float32), np.dtype(np.int8), None)[0] == stored


@given(
    st.integers(-128, 127),
    st.integers(-128, 127),
    st.floats(2**-10, 8, width=32),
)
def test_what_was_quantised_comes_back(stored: int, zero_point: int, scale: float) -> None:
    """Quantising the real value of a stored one gives it again."""
    quantization = Quantization(scale=(scale,), zero_point=(zero_point,))
    real = np.array([np.float32(stored - zero_point) * np.float32(scale)])
    assert quantize(real, np.dtype(np.int8), quantization)[0] == stored


@pytest.mark.parametrize(
    ("x_scale", "scale"), [(1 / 255, 0.003921568859368563), (1.0, 1.0)], ids=["vww01", "ic01"]
)
def test_every_pixel_reaches_the_reference_models_as_firmware_gives_it(
    x_scale: float, scale: float
) -> None:
    """With the MLPerf Tiny image models' scale and zero point -128, a pixel v becomes v - 128."""
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 256)
    inputs = fit(
        model_of((1, 256), "int8", scale=scale, zero_point=-128), dataset(pixels, x_scale=x_scale)
    )
    np.testing.assert_array_equal(inputs[0:1].reshape(-1), np.arange(256) - 128)


def test_bytes_pass_unchanged_where_scales_agree() -> None:
    """Data in the model's own scale are not computed with; scales compare as float32."""
    x = np.arange(-4, 4, dtype=np.int8).reshape(2, 4)
    inputs = fit(
        model_of((1, 4), "int8", scale=0.1, zero_point=3), dataset(x, x_scale=0.1, x_zero_point=3)
    )
    part = inputs[0:2]
    assert np.shares_memory(part, x)
    assert part.shape == (2, 1, 4)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "expected"),
    [
        ("int8", 0.5, 10, [10, 12, 14, 127]),
        ("uint8", 0.5, 10, [10, 12, 14, 210]),
        ("int16", 0.5, 0, [0, 2, 4, 200]),
        ("float32", None, 0, [0.0, 1.0, 2.0, 100.0]),
        ("int8", None, 0, [0, 1, 2, 100]),
    ],
)
def test_reals_become_the_models_type(
    dtype: str, scale: float | None, zero_point: int, expected: list[float]
) -> None:
    """Each input type that models have is quantised with their scale and zero point."""
    x = np.array([[0, 1, 2, 100]], dtype=np.float64)
    inputs = fit(model_of((1, 4), dtype, scale=scale, zero_point=zero_point), dataset(x))
    assert inputs[0:1].dtype == np.dtype(dtype)
    np.testing.assert_array_equal(inputs[0:1][0, 0], expected)


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ((8, 8), (1, 8, 8, 1)),
        ((64,), (1, 8, 8, 1)),
        ((8, 8, 1), (1, 64)),
        ((1, 8, 1, 8), (1, 8, 8)),
    ],
)
def test_shapes_that_differ_by_ones_or_are_flat_fit(
    row: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    """Elements keep their order."""
    x = np.arange(64, dtype=np.float32).reshape(1, *row)
    inputs = fit(model_of(shape, "float32"), dataset(x))
    np.testing.assert_array_equal(inputs[0:1], x.reshape(1, *shape))


@pytest.mark.parametrize(
    ("row", "shape", "told"),
    [
        (
            (3, 8, 8),
            (1, 8, 8, 3),
            "each input is 3 x 8 x 8, but model takes 1 x 8 x 8 x 3. The order",
        ),
        ((28, 28), (1, 32, 32, 1), "each input is 28 x 28, but model takes 1 x 32 x 32 x 1. Give"),
        ((4,), (32, 4), "The model takes 32 inputs at once"),
        ((), (1, 4), "each input is a scalar"),
    ],
)
def test_shapes_that_do_not_fit_are_told(
    row: tuple[int, ...], shape: tuple[int, ...], told: str
) -> None:
    """The message holds both shapes and what to do."""
    with pytest.raises(DatasetError, match="model takes") as caught:
        fit(model_of(shape, "float32"), dataset(np.zeros((2, *row), np.float32)))
    assert told in str(caught.value)


def test_images_take_the_models_channels() -> None:
    """Coloured images are made grey by luma, grey ones are repeated; arrays are not converted."""
    colour = np.full((1, 4, 4, 3), (255, 0, 0), dtype=np.uint8)
    grey = fit(model_of((1, 4, 4, 1), "float32"), dataset(colour, is_images=True))
    np.testing.assert_allclose(grey[0:1].astype(np.float64), 0.299 * 255, rtol=1e-6)
    one = np.full((1, 4, 4, 1), 7, dtype=np.uint8)
    coloured = fit(model_of((1, 4, 4, 3), "uint8", scale=1.0), dataset(one, is_images=True))
    np.testing.assert_array_equal(coloured[0:1], np.full((1, 1, 4, 4, 3), 7))
    with pytest.raises(DatasetError):
        fit(model_of((1, 4, 4, 1), "float32"), dataset(colour))
    with pytest.raises(DatasetError):
        fit(model_of((1, 5, 5, 1), "float32"), dataset(colour, is_images=True))


def test_slices_equal_the_whole() -> None:
    """However the inputs are cut, the bytes are the same."""
    x = np.random.default_rng(1).normal(0, 3, (7, 8, 8, 1)).astype(np.float32)
    inputs = fit(graph.parse(build_cnn(), name="cnn"), dataset(x))
    parts = [inputs[start : start + 3] for start in range(0, 7, 3)]
    np.testing.assert_array_equal(np.concatenate(parts), inputs[0:7])
    assert len(inputs) == 7


def test_models_that_data_cannot_feed_are_told() -> None:
    """Several inputs or outputs, and input types without a rule, are refused."""
    builder = ModelBuilder()
    a, b = builder.tensor((1, 4), "float32"), builder.tensor((1, 4), "float32")
    c = builder.tensor((1, 4), "float32")
    builder.op("ADD", [a, b], [c])
    two = graph.parse(builder.build([a, b], [c, a]), name="two")
    with pytest.raises(DatasetError, match="2 inputs, accuracy needs one"):
        fit(two, dataset(np.zeros((1, 4))))
    with pytest.raises(DatasetError, match="2 outputs, accuracy needs one"):
        output_tensor(two)
    with pytest.raises(DatasetError, match="takes int32 inputs"):
        fit(model_of((1, 4), "int32"), dataset(np.zeros((1, 4))))


def test_a_model_without_batch_dimension_fits() -> None:
    """A model whose input is the bare vector takes it."""
    inputs = fit(model_of((4,), "float32"), dataset(np.ones((2, 4), np.float32)))
    assert inputs[0:2].shape == (2, 4)
    assert graph.parse(build_fully_connected(), name="fc").main.inputs == (0,)


PIXELS = np.arange(256, dtype=np.uint8).reshape(2, 128)


@pytest.mark.parametrize(
    ("data", "scale", "zero_point", "told"),
    [
        (dataset(PIXELS), 1 / 255, -128, "99% of the values of 'data' lie outside 0 to 1"),
        (dataset(PIXELS.astype(np.int16) - 128), 1 / 255, -128, "lie outside 0 to 1"),
        (dataset(PIXELS, x_scale=1 / 255), 1.0, -128, "within 1, which is one step"),
        (dataset(PIXELS, x_scale=1 / 255), 1 / 255, -128, ""),
        (dataset(PIXELS, x_scale=1.04 / 255), 1 / 255, -128, ""),
        (dataset(PIXELS), 1.0, -128, ""),
        (dataset(PIXELS.astype(np.float32)), None, 0, ""),
    ],
    ids=[
        "raw pixels",
        "raw int8",
        "divided twice",
        "right",
        "outliers",
        "raw model",
        "float model",
    ],
)
def test_data_of_another_scale_than_the_models_are_told(
    data: Dataset, scale: float | None, zero_point: int, told: str
) -> None:
    """Raw pixels for a model of 0 to 1, and the reverse; a few outliers are usual."""
    model = model_of((1, 128), "float32" if scale is None else "int8", scale=scale,
                     zero_point=zero_point)  # fmt: skip

    fault = find_range_fault(model, data)

    assert told in fault
    assert bool(fault) == bool(told)
