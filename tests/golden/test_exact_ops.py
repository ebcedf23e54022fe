"""Single ops give what tflite-micro gives, value by value, and refuse what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.micro import adversarial_inputs, assert_refused, run_litert, run_micro
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.errors import DatasetError
from tinygauge.exact import Program, Rounding, compile_model, find_unsupported
from tinygauge.exact.lowering import LOWER, lower_ops
from tinygauge.exact.plain import PLAIN
from tinygauge.exact.processors import Host
from tinygauge.exact.steps import Array, Step

pytest.importorskip("tflite_micro", reason="tflite-micro is for Linux only")

ROWS = 12
Shape = Sequence[int]
Make = Callable[[], bytes]
_STORED = ("int8", "uint8", "int16")
# Kinds of which there is no second version, as LiteRT checks.
_FIRST = ("NEG", "SHAPE")


def one(
    kind: str,
    shape: Shape,
    out: Shape,
    *,
    types: tuple[str, str] = ("int8", "int8"),
    before: tuple[float, int] = (0.05, 3),
    after: tuple[float, int] | None = None,
    constants: Sequence[Any] = (),
    **options: Any,
) -> Make:
    """Return what builds a model of one op on one input, with integer constants behind it."""

    def make() -> bytes:
        builder = ModelBuilder()

        def tensor(of: Shape, dtype: str, numbers: tuple[float, int]) -> int:
            scale, zero = numbers
            if dtype not in _STORED:
                return builder.tensor(of, dtype)
            zero = 0 if dtype == "int16" else zero
            return builder.tensor(of, dtype, scale=scale, zero_point=zero)

        x = tensor(shape, types[0], before)
        others = [builder.tensor(np.shape(c), "int32", data=c) for c in constants]
        y = tensor(out, types[1], after or before)
        version = 1 if kind in _FIRST else 2
        builder.op(kind, [x, *others], [y], version=version, **options)
        return builder.build([x], [y])

    return make


def _resize(sizes: Shape, **options: Any) -> Make:
    return one("RESIZE_BILINEAR", (2, 5, 6, 3), (2, *sizes, 3), constants=[list(sizes)], **options)


def _filled(dtype: str) -> Make:
    def make() -> bytes:
        builder = ModelBuilder()
        scale = 0.05 if dtype == "int8" else ()
        shape = builder.tensor((2,), "int32", data=[2, 4])
        value = builder.tensor((), dtype, scale=scale)
        y = builder.tensor((2, 4), dtype, scale=scale)
        builder.op("FILL", [shape, value], [y])
        return builder.build([value], [y])

    return make


def _times_nothing() -> bytes:
    """A constant of zeros whose scale is 0, as a converter writes it for a GRU's first state."""
    builder = ModelBuilder()
    x = builder.tensor((1, 8), "int16", scale=0.1)
    zeros = builder.tensor((1, 8), "int16", data=np.zeros(8), scale=0.0)
    y = builder.tensor((1, 8), "int16", scale=0.1)
    builder.op("MUL", [x, zeros], [y], version=2)
    return builder.build([x], [y])


def several(
    kind: str,
    shapes: Sequence[Shape],
    out: Shape,
    *,
    types: Sequence[str],
    gives: str | None = None,
    numbers: Sequence[tuple[float, int]],
    constants: Sequence[int] = (),
    **options: Any,
) -> Make:
    """Return what builds a model of one op on several operands, some of them constants.

    `numbers` are scale and zero point of each operand, and of the output.
    """

    def make() -> bytes:
        builder, rng = ModelBuilder(), np.random.default_rng(5)
        operands, given = [], []
        dtypes = [*types, gives or types[0]]
        for place, (shape, dtype, (scale, zero)) in enumerate(
            zip((*shapes, out), dtypes, numbers, strict=True)
        ):
            quantised: dict[str, Any] = {}
            if dtype in _STORED:
                quantised = {"scale": scale, "zero_point": 0 if dtype == "int16" else zero}
            if place in constants:
                limits = np.iinfo(dtype)
                quantised["data"] = rng.integers(limits.min, limits.max + 1, shape)
            operands.append(builder.tensor(shape, dtype, **quantised))
            if place not in constants:
                given.append(operands[-1])
        builder.op(kind, operands[:-1], [operands[-1]], **options)
        return builder.build(given[:-1], [operands[-1]])

    return make


_S = (1, 4, 5, 3)
_NUMBERS = {
    "near": ((0.05, 3), (0.02, -7), (0.03, 9)),
    "far": ((0.05, -128), (0.001, 0), (0.004, -54)),
    "extreme": ((0.5, 127), (0.9, -128), (0.0003, 5)),
}
_COMPARISONS = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
_WIDE = ((0.001, 0), (0.0007, 0), (1.0, 0))
_MATRICES: dict[str, tuple[tuple[Shape, Shape, Shape], dict[str, Any]]] = {
    "plain": (((2, 3, 5), (2, 5, 4), (2, 3, 4)), {}),
    "a constant": (((2, 3, 5), (5, 4), (2, 3, 4)), {}),
    "left turned": (((2, 5, 3), (2, 5, 4), (2, 3, 4)), {"adj_x": True}),
    "right turned": (((2, 3, 5), (2, 4, 5), (2, 3, 4)), {"adj_y": True}),
    "repeated": (((2, 1, 3, 5), (1, 3, 5, 4), (2, 3, 3, 4)), {}),
    "left repeated": (((1, 2, 5), (3, 5, 4), (3, 2, 4)), {}),
}


def _pairs(name: str, numbers: tuple[tuple[float, int], ...]) -> dict[str, Make]:
    """Return the models of two operands with some scales and zero points."""
    a, b, out = numbers
    both = ("int8", "int8")
    return {
        f"prelu, {name}": several(
            "PRELU", [_S, (1, 1, 3)], _S, types=both, numbers=numbers, constants=[1]
        ),
        f"prelu int16, {name}": several(
            "PRELU", [_S, (3,)], _S, types=("int16", "int8"), numbers=numbers, constants=[1]
        ),
        f"squared difference, {name}": several(
            "SQUARED_DIFFERENCE", [_S, (1, 1, 1, 3)], _S, types=both, numbers=numbers
        ),
        **{
            f"{kind}, {name}": several(
                kind, [_S, _S], _S, types=both, gives="bool", numbers=numbers
            )
            for kind in _COMPARISONS
        },
        f"add n, {name}": several(
            "ADD_N", [_S] * 4, _S, types=("int8",) * 4, numbers=(a, a, a, a, out)
        ),
        f"abs, {name}": one("ABS", _S, _S, before=a, after=out),
        f"elu, {name}": one("ELU", _S, _S, before=a, after=out),
        f"inverse root, {name}": one("RSQRT", _S, _S, before=(a[0], -128), after=out),
        f"normalize, {name}": one("L2_NORMALIZATION", _S, _S, before=b, after=(1 / 128, 0)),
        **{
            f"product {kind}, {what}, {name}": several(
                "BATCH_MATMUL", shapes[:2], shapes[2], types=(kind, kind),
                numbers=(a, b, (0.1, 9)), constants=[1] if what == "a constant" else [],
                **options,
            )
            for kind in ("int8", "int16")
            for what, (shapes, options) in _MATRICES.items()
        },
    }  # fmt: skip


_SIZES = ((4, 4), (7, 5), (3, 9), (16, 16), (1, 1), (2, 13), (10, 12))
_BLOCKS = ("BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND")
OPS: dict[str, Make] = {
    **{f"resize to {size}": _resize(size) for size in _SIZES},
    **{f"resize to {size}, half": _resize(size, half_pixel_centers=True) for size in _SIZES},
    **{f"resize to {size}, aligned": _resize(size, align_corners=True) for size in _SIZES},
    **{
        f"cast {a} to {b}": one("CAST", (1, 300), (1, 300), types=(a, b))
        for a in ("int8", "int16", "int32")
        for b in ("int8", "int16", "int32", "float32", "bool")
        if a != b
    },
    "negate": one("NEG", (1, 30), (1, 30), types=("float32", "float32")),
    "space to batch": one(
        _BLOCKS[1], (2, 4, 6, 3), (8, 2, 3, 3), constants=[[2, 2], [[0, 0], [0, 0]]]
    ),
    "space to batch, a line": one(_BLOCKS[1], (2, 9, 3), (6, 3, 3), constants=[[3], [[0, 0]]]),
    "batch to space": one(
        _BLOCKS[0], (8, 3, 4, 3), (2, 4, 7, 3), constants=[[2, 2], [[1, 1], [0, 1]]]
    ),
    "batch to space, a line": one(_BLOCKS[0], (6, 3, 3), (2, 7, 3), constants=[[3], [[1, 1]]]),
    "depth to space": one("DEPTH_TO_SPACE", (2, 3, 2, 12), (2, 6, 4, 3), block_size=2),
    "space to depth": one("SPACE_TO_DEPTH", (2, 6, 4, 3), (2, 3, 2, 12), block_size=2),
    **{
        f"broadcast {kind}": one(
            "BROADCAST_TO", (3, 1, 2), (2, 3, 4, 2), types=(kind, kind), constants=[[2, 3, 4, 2]]
        )
        for kind in ("int8", "int16", "int32")
    },
    **{
        f"reverse {kind}": one(
            "REVERSE_V2", (2, 3, 4, 2), (2, 3, 4, 2), types=(kind, kind), constants=[[1, 2]]
        )
        for kind in ("int8", "int16")
    },
    "gather n-d": one("GATHER_ND", (3, 4, 5), (2, 5), constants=[[[0, 1], [2, 3]]]),
    "shape": one("SHAPE", (3, 4, 5), (3,), types=("int8", "int32"), out_type=2),  # int32
    "fill int8": _filled("int8"),
    "fill int32": _filled("int32"),
    "times nothing": _times_nothing,
    **{
        f"quantize {a} to {b}": one(
            "QUANTIZE", (1, 300), (1, 300), types=(a, b), before=(0.05, 100), after=(0.07, 17)
        )
        for a, b in (("uint8", "int8"), ("int8", "uint8"), ("int8", "int16"), ("int16", "int8"))
    },
    **{key: make for name, each in _NUMBERS.items() for key, make in _pairs(name, each).items()},
    "squared difference int16": several(
        "SQUARED_DIFFERENCE", [_S, (1, 4, 5, 1)], _S, types=("int16", "int16"), numbers=_WIDE
    ),
    "equal truths": several("EQUAL", [(3, 3)] * 2, (3, 3), types=("bool", "bool"), numbers=_WIDE),
    "normalize a long row": one("L2_NORMALIZATION", (2, 900), (2, 900), after=(1 / 128, 0)),
    "normalize the longest row": one(
        "L2_NORMALIZATION", (1, 32767), (1, 32767), before=(0.05, 127), after=(1 / 128, 0)
    ),
    **{
        f"select {kind}": several(
            "SELECT_V2",
            [(1, 1, 1, 3), _S, (1,)],
            _S,
            types=("bool", kind, kind),
            gives=kind,
            numbers=[(1, 0), (0.1, 3), (0.2, 4), (0.1, 9)],
        )
        for kind in ("int8", "int16")
    },
    "dequantize uint8": one(
        "DEQUANTIZE", (1, 300), (1, 300), types=("uint8", "float32"), before=(0.05, 200)
    ),
}


class _NumPy(Host):
    """Evaluates steps as where nothing was compiled."""

    def bind(self, step: Step) -> Callable[[list[Array]], list[Array]]:
        return partial(PLAIN[type(step)], step)


@pytest.mark.parametrize("name", OPS)
def test_an_op_agrees_with_micro(name: str) -> None:
    """On extreme and random values, by the compiled kernels and by NumPy."""
    model = graph.parse(OPS[name](), name=name)
    inputs = adversarial_inputs(model, ROWS)
    (expected,) = run_micro(model, inputs)

    (found,) = compile_model(model).run(inputs)

    np.testing.assert_array_equal(found, expected, strict=True)
    plain = Program(model, Rounding.TWO, lower_ops(model), processor=_NumPy())
    np.testing.assert_array_equal(plain.run(inputs)[0], expected, strict=True)


@pytest.mark.parametrize("rounding", [Rounding.ONE, Rounding.LITERT])
@pytest.mark.parametrize("name", OPS)
def test_an_op_taken_for_another_profile_agrees_with_litert(name: str, rounding: Rounding) -> None:
    """Ops that only move values do; others are left to LiteRT."""
    model = graph.parse(OPS[name](), name=name)
    if find_unsupported(model, rounding) is not None:
        return
    inputs = adversarial_inputs(model, ROWS)

    (found,) = compile_model(model, rounding).run(inputs)

    np.testing.assert_array_equal(found, run_litert(rounding)(model, inputs)[0], strict=True)


REFUSED: dict[str, tuple[Make, str, bool]] = {
    "resize both ways": (
        _resize((4, 4), half_pixel_centers=True, align_corners=True), "half pixels", False
    ),
    "resize int16": (
        one("RESIZE_BILINEAR", (1, 3, 3, 1), (1, 4, 4, 1), types=("int16", "int16"),
            constants=[[4, 4]]), "int16", False,
    ),
    "resize beyond the image": (
        one("RESIZE_BILINEAR", (1, 3, 3, 1), (1, 2000, 3, 1), constants=[[2000, 3]]),
        "reads beyond", True,
    ),
    "negate int8": (one("NEG", (1, 3), (1, 3)), "int8", False),
    "gather int16": (
        one("GATHER", (5, 3), (2, 3), types=("int16", "int16"), constants=[[1, 4]]), "int16", False
    ),
    "padded blocks": (
        one(_BLOCKS[1], (1, 3, 1, 2), (2, 2, 1, 2), constants=[[2, 1], [[1, 0], [0, 0]]]),
        "never sets", True,
    ),
    "quantize to uint8": (
        one("QUANTIZE", (1, 3), (1, 3), types=("int16", "uint8")), "to uint8", False
    ),
    "add n int16": (
        several("ADD_N", [_S] * 2, _S, types=("int16",) * 2, numbers=_WIDE), "int16", False
    ),
    "greater int16": (
        several("GREATER", [_S] * 2, _S, types=("int16",) * 2, gives="bool", numbers=_WIDE),
        "int16", True,
    ),
    "inverse root of a negative value": (one("RSQRT", _S, _S, before=(0.05, 3)), "zero", False),
    "reverse apart": (
        one("REVERSE_V2", (2, 3, 4), (2, 3, 4), constants=[[0, 2]]), "axes", False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_micro_refuses_or_leaves_to_chance_is_refused(name: str) -> None:
    """The reason names the op; where tflite-micro runs, its result hangs on stray memory."""
    make, why, micro_runs = REFUSED[name]
    model = graph.parse(make(), name=name)

    assert_refused(model, why, micro_runs=micro_runs)


def _tokens(places: int = 5, rows: int = 26) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor((1, places), "float32")
    place = builder.tensor((1, places), "int32")
    table = builder.tensor(
        (rows, 3), "int8", data=np.arange(rows * 3).reshape(rows, 3) - 40, scale=0.1
    )
    y = builder.tensor((1, places, 3), "int8", scale=0.1)
    builder.op("CAST", [x], [place])
    builder.op("GATHER", [table, place], [y], axis=0)
    return builder.build([x], [y])


def test_rows_of_a_table_agree_with_micro() -> None:
    """A network's embedding: real numbers, cut to places of a table."""
    model = graph.parse(_tokens(), name="tokens")
    tokens = np.random.default_rng(2).uniform(0, 26, (40, 1, 5)).astype(np.float32)

    (found,) = compile_model(model).run([tokens])

    np.testing.assert_array_equal(found, run_micro(model, [tokens])[0])


@pytest.mark.parametrize("token", [26.0, -1.0, 1e12, np.nan])
def test_a_place_outside_the_table_is_an_error(token: float) -> None:
    """Nothing is read there; the message says which row was asked for."""
    model = graph.parse(_tokens(), name="tokens")
    tokens = np.zeros((3, 1, 5), np.float32)
    tokens[1, 0, 2] = token

    with pytest.raises(DatasetError, match="of a table of 26"):
        compile_model(model, threads=1).run([tokens])


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exact-ops.md"
_KIND = re.compile(r"`([A-Z][A-Z0-9_]+)`")


def test_the_page_lists_every_op() -> None:
    """The first column of its table has the ops that can be lowered, and no other."""
    cells = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]

    assert sorted(_KIND.findall("".join(cells))) == sorted(LOWER)
