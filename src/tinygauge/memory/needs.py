"""What an op takes from the arena: the terms in which kernels are described.

The formulas are in `kernels.py`, the sizes of plain structures in `op_data.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygauge.errors import UnsupportedOpError
from tinygauge.graph.types import Op, Subgraph, Tensor
from tinygauge.memory.cmsis_nn import Isa
from tinygauge.memory.structs import ARM32, Abi, Layout

__all__ = ["KernelSet", "Needs", "Site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSet:
    """Which kernels are linked.

    Parameters
    ----------
    is_cmsis_nn : bool
        CMSIS-NN where it has a kernel; the reference kernels elsewhere.
    isa : Isa
        What CMSIS-NN is compiled for; the reference kernels need the same on every core.
    abi : Abi
        How the compiler lays out structures.
    """

    is_cmsis_nn: bool
    isa: Isa
    abi: Abi = ARM32


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one op takes from the arena.

    Parameters
    ----------
    op_data_bytes : int
        What `Init` takes; 0 for kernels without.
    kept_bytes : tuple of int
        What `Prepare` takes for good, in order.
    scratch_bytes : tuple of int
        Scratch buffers, in order.
    low_bytes, high_bytes : int
        How far the truth may lie below and above; 0 and 0 where a formula gives it.
    """

    op_data_bytes: int = 0
    kept_bytes: tuple[int, ...] = ()
    scratch_bytes: tuple[int, ...] = ()
    low_bytes: int = 0
    high_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An op in its subgraph, and the kernels that will run it."""

    where: str
    graph: Subgraph
    op: Op
    kernels: KernelSet

    def bytes(self, structure: Layout) -> int:
        """Return the size of a structure as the kernels' compiler lays it out."""
        return structure.on(self.kernels.abi).size

    def input(self, position: int) -> Tensor:
        """Return an input; refuse the op where it is absent."""
        return self._required(self.graph.input_of(self.op, position), f"input {position}")

    def output(self, position: int = 0) -> Tensor:
        """Return an output; refuse the op where it is absent."""
        return self._required(self.graph.output_of(self.op, position), f"output {position}")

    def _required(self, tensor: Tensor | None, what: str) -> Tensor:
        if tensor is None:
            raise self.refusal(f"has no {what}")
        return tensor

    def refusal(self, problem: str, advice: str = "") -> UnsupportedOpError:
        """Return the error that says why TFLM would not run the op."""
        return UnsupportedOpError(
            self.where, f"op {self.op.index} {self.op.kind} {problem}", advice
        )

    def shape4(self, tensor: Tensor) -> tuple[int, int, int, int]:
        """Return a shape of four dimensions; refuse the op for any other."""
        if len(tensor.shape) != 4:
            raise self.refusal(f"needs a 4-dimensional tensor, got shape {tensor.shape}")
        return tensor.shape[0], tensor.shape[1], tensor.shape[2], tensor.shape[3]

    def extent(self, tensor: Tensor, axis: int) -> int:
        """Return one extent of a shape; refuse the op where the shape is too short."""
        if not -len(tensor.shape) <= axis < len(tensor.shape):
            raise self.refusal(f"needs more dimensions than shape {tensor.shape} has")
        return tensor.shape[axis]

    def stride(self) -> tuple[int, int]:
        """Return the stride along height and width."""
        return max(1, self.op.option_int("stride_h", 1)), max(1, self.op.option_int("stride_w", 1))
