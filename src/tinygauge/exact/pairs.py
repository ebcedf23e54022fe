"""Steps of two operands, and a few of one, that users' models meet less often.

The operands' shapes are filled with 1 in front to as many dimensions as the output has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Step

__all__ = [
    "AddMany",
    "Compare",
    "Normalize",
    "Pair",
    "Prelu",
    "Product",
    "Select",
    "SquaredDifference",
    "operands",
]

Shape = tuple[int, ...]


class Pair(Protocol):
    """A step of two operands, whose shapes have the output's dimensions."""

    @property
    def a_shape(self) -> Shape:
        """Of the first."""

    @property
    def b_shape(self) -> Shape:
        """Of the second."""


def operands(step: Pair, xs: Sequence[Any]) -> list[Any]:
    """Give both operands as many dimensions as the output has.

    Parameters
    ----------
    step : Pair
    xs : sequence of two arrays
        Of NumPy or of PyTorch, with the batch in front.

    Returns
    -------
    list of two arrays
    """
    shapes = (step.a_shape, step.b_shape)
    return [x.reshape(-1, *shape) for x, shape in zip(xs, shapes, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prelu(Step):
    """PRELU: values below zero are multiplied with those of the second operand, of int8.

    Parameters
    ----------
    a_shape, b_shape : tuple of int
    a_zero, b_zero, out_zero : int
    identity, product : Scale
        Of values from 0 up, and of products.
    """

    a_shape: Shape
    b_shape: Shape
    a_zero: int
    b_zero: int
    out_zero: int
    identity: Scale
    product: Scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SquaredDifference(Step):
    """SQUARED_DIFFERENCE; the fields are those of `tinygauge.exact.steps.Add`."""

    a_shape: Shape
    b_shape: Shape
    a_zero: int
    b_zero: int
    out_zero: int
    a: Scale
    b: Scale
    out: Scale
    left_shift: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AddMany(Step):
    """ADD_N of tensors of one shape and quantisation."""

    in_zero: int
    out_zero: int
    each: Scale
    out: Scale
    left_shift: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compare(Step):
    """EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL.

    Parameters
    ----------
    kind : str
        As TFLite has it.
    a_shape, b_shape : tuple of int
    a_zero, b_zero : int
    a, b : Scale or None
        None where stored values are compared as they are.
    left_shift : int
        Bits gained before rescaling.
    """

    kind: str
    a_shape: Shape
    b_shape: Shape
    a_zero: int = 0
    b_zero: int = 0
    a: Scale | None = None
    b: Scale | None = None
    left_shift: int = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Select(Step):
    """SELECT_V2: the second operand's values where the first is true, else the third's."""

    shapes: tuple[Shape, Shape, Shape]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product(Step):
    """BATCH_MATMUL: products of matrices, those in front of them repeated where they are one.

    Parameters
    ----------
    a_shape, b_shape : tuple of int
    is_a_turned, is_b_turned : bool
        Whether the last two dimensions are the other way round.
    a_zero, b_zero, out_zero : int
    out : Scale
    """

    a_shape: Shape
    b_shape: Shape
    is_a_turned: bool
    is_b_turned: bool
    a_zero: int
    b_zero: int
    out_zero: int
    out: Scale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normalize(Step):
    """L2_NORMALIZATION of int8 along the last axis; the output's scale is 1/128."""

    in_zero: int
