"""Every result type of an evaluation: read this file first.

All records are frozen and hold quantities, never bare floats; `report/json.py` writes them.
The order is that of the work: target, model, the four metrics, the evaluation, the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tinygauge.quantity import Missing, Quantity

__all__ = [
    "DatasetRef",
    "Deviation",
    "Energy",
    "Evaluation",
    "Execution",
    "Failure",
    "Finding",
    "Latency",
    "Memory",
    "MemoryPart",
    "Metric",
    "ModelSummary",
    "OpExecution",
    "OpLatency",
    "OpSummary",
    "Score",
    "Severity",
    "Target",
    "TensorPlacement",
]


class Metric(StrEnum):
    """What a bound can be set on and a candidate compared by."""

    ACCURACY = "accuracy"
    RAM = "ram"
    FLASH = "flash"
    LATENCY = "latency"
    ENERGY = "energy"

    @property
    def higher_is_better(self) -> bool:
        """Whether more is better; true for accuracy alone."""
        return self is Metric.ACCURACY


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the user should know, with what to do about it.

    Parameters
    ----------
    code : str
        Stable identifier, such as ``"TG101"``; listed in ``docs/findings.md``.
    severity : Severity
    message, advice : str
        What was found, and what to do.
    where : str
        The model, op or target it concerns.
    """

    code: str
    severity: Severity
    message: str
    advice: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a number is true of: a board at a clock and supply, running an engine.

    Parameters
    ----------
    board : str
        Catalogue name; empty where only a core is named.
    core : str
        Such as ``"cortex-m4"``.
    engine : str
        Catalogue name of the inference engine, such as ``"tflm-cmsis-nn"``.
    clock_hz, supply_v : float or None
        The operating point; None where unknown.
    sram_bytes, flash_bytes : float or None
        What the board has; None where only a core is named.
    sram_block_bytes : float or None
        The largest piece of its SRAM without a gap, which an arena must fit into.
    """

    board: str
    core: str
    engine: str
    clock_hz: float | None = None
    supply_v: float | None = None
    sram_bytes: float | None = None
    flash_bytes: float | None = None
    sram_block_bytes: float | None = None

    def __str__(self) -> str:
        clock = f" @ {self.clock_hz / 1e6:g} MHz" if self.clock_hz else ""
        return f"{self.board or self.core}{clock}, {self.engine}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpSummary:
    """What one op of a model's main subgraph does and holds, counted from the file.

    Parameters
    ----------
    op : int
        Its index.
    kind : str
        Such as ``"CONV_2D"``.
    macs, live_macs : int
        Multiply-accumulates, and those that remain without dead channels.
    weight_bytes, activation_bytes : int
        Bytes of its weights and biases, and of its inputs and outputs.
    """

    op: int
    kind: str
    macs: int
    live_macs: int
    weight_bytes: int
    activation_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A model's static figures, all counted from the file.

    Parameters
    ----------
    name, path, sha256 : str
        Which file.
    family : str
        Architecture, recognised from the graph: ``"mlp"``, ``"cnn"``, ``"ds-cnn"``, …
    precision : str
        ``"float32"``, ``"int8"``, ``"int16x8"``, ``"hybrid"`` or ``"mixed"``.
    file_size, parameters, weights, macs, live_macs : Quantity
        Bytes of the file; parameter count; bytes of weights; multiply-accumulates, and those
        that remain when channels with all-zero weights are left out.
    zero_weight_share : Quantity
        Ratio in 0..1.
    dead_channels : int
        Output channels whose weights are all zero.
    ops : int
        Number of ops.
    op_table : tuple of OpSummary
        The ops of the main subgraph, in order.
    """

    name: str
    path: str
    sha256: str
    family: str
    precision: str
    file_size: Quantity
    parameters: Quantity
    weights: Quantity
    macs: Quantity
    live_macs: Quantity
    zero_weight_share: Quantity
    dead_channels: int
    ops: int
    op_table: tuple[OpSummary, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRef:
    """Which data a score was made on."""

    name: str
    path: str
    sha256: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How well a model does its task.

    Parameters
    ----------
    metric : str
        ``"top1"`` or ``"auc"``.
    value : Quantity
        Ratio in 0..1 with a 95 % interval.
    n : int
        Inputs (files, for windowed data) scored.
    correct : int or None
        Right answers; None for AUC.
    dataset : DatasetRef
    runner : str
        Program and version that ran the model.
    profile : str
        Numeric profile, such as ``"two-rounding"``.
    why_interpreted : str
        Why an interpreter ran it; empty for the exact evaluator, and for boards.
    spanned : tuple of Quantity
        Where nobody knows how the engine rounds, the accuracy with each rounding that was tried:
        the interval of `value` spans theirs. Else empty.
    labels : tuple of str
        Class names; may be empty.
    recall : tuple of float
        Per class, ratio; nan for a class without inputs.
    confusion : tuple of tuple of int
        Rows are true classes, columns are answers.
    """

    metric: str
    value: Quantity
    n: int
    correct: int | None
    dataset: DatasetRef
    runner: str
    profile: str
    why_interpreted: str = ""
    spanned: tuple[Quantity, ...] = ()
    labels: tuple[str, ...] = ()
    recall: tuple[float, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPart:
    """A named share of RAM or flash."""

    name: str
    kind: str
    size: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorPlacement:
    """Where a tensor or scratch buffer lies in the arena, and while which ops.

    Parameters
    ----------
    name : str
    size_bytes, offset_bytes : int
    first_op, last_op : int
        Ops of the main subgraph, both included.
    role : str
        ``"input"``, ``"output"``, ``"tensor"`` or ``"scratch"``.
    """

    name: str
    size_bytes: int
    first_op: int
    last_op: int
    offset_bytes: int
    role: str = "tensor"


_NOT_PLANNED = Missing("not planned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a model needs of a target's memories.

    Parameters
    ----------
    ram, flash : Quantity
        Bytes; sums of the parts of their kind.
    parts : tuple of MemoryPart
        ``kind`` is ``"ram"`` or ``"flash"``.
    arena : Quantity
        Bytes of TFLM's tensor arena in use once it runs.
    peak_op : int
        Op during which the planned tensors need the most.
    lower_bound_bytes : int
        The most bytes of tensors ever live at once: no plan can need less.
    placements : tuple of TensorPlacement
        The plan.
    arena_head, arena_tail : Quantity or Missing
        The planned tensors, and what stays; they add up to `arena`.
    min_arena : Quantity or Missing
        Bytes of the smallest arena that works, one of the RAM parts: `arena`, rounded up to 16,
        or more where preparing needs more.
    min_arena_set_by : str
        What needs that much: ``"running"``, ``"planning"``, ``"preparing op 3 CONV_2D"``.
    op_kinds : tuple of str
        Of the main subgraph's ops.
    live_bytes : tuple of int
        Per op of the main subgraph, the most bytes of planned tensors live at once.
    """

    ram: Quantity
    flash: Quantity
    parts: tuple[MemoryPart, ...]
    arena: Quantity
    peak_op: int
    lower_bound_bytes: int
    placements: tuple[TensorPlacement, ...] = ()
    arena_head: Quantity | Missing = _NOT_PLANNED
    arena_tail: Quantity | Missing = _NOT_PLANNED
    min_arena: Quantity | Missing = _NOT_PLANNED
    min_arena_set_by: str = ""
    op_kinds: tuple[str, ...] = ()
    live_bytes: tuple[int, ...] = ()

    @property
    def needed_arena(self) -> Quantity:
        """The smallest arena that works; what is in use once running where that is not known."""
        return self.arena if isinstance(self.min_arena, Missing) else self.min_arena


@dataclass(frozen=True, slots=True, kw_only=True)
class OpLatency:
    """The share of one op in a latency."""

    op: int
    kind: str
    value: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time for one inference, seconds."""

    per_inference: Quantity
    by_op: tuple[OpLatency, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpExecution:
    """The share of one op in an execution."""

    op: int
    kind: str
    instructions: Quantity | Missing
    cycles: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What a core does for one inference: instructions and cycles, counts."""

    instructions: Quantity | Missing
    cycles: Quantity
    by_op: tuple[OpExecution, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Energy for one inference, joules.

    Parameters
    ----------
    per_inference : Quantity
    power : Quantity
        The mean active power it was made with, watts.
    scope : str
        ``"total"`` (idle included) or ``"above_idle"``.
    rail : str
        What was metered: ``"mcu"`` or ``"board"``.
    """

    per_inference: Quantity
    power: Quantity
    scope: str
    rail: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A metric that was measured on a board, beside what it was expected to be.

    Parameters
    ----------
    metric : Metric
    predicted : Quantity or Missing
        Predicted, or for accuracy simulated.
    measured : Quantity
    """

    metric: Metric
    predicted: Quantity | Missing
    measured: Quantity

    @property
    def share(self) -> float | None:
        """Predicted less measured, as a share of what was measured; None without either."""
        if isinstance(self.predicted, Missing) or self.measured.value == 0:
            return None
        return self.predicted.value / self.measured.value - 1

    @property
    def expected(self) -> bool | None:
        """Whether the two intervals meet; None where the predicted one is unknown."""
        if isinstance(self.predicted, Missing) or not self.predicted.interval.is_known:
            return None
        own, other = self.predicted.interval, self.measured.interval
        low, high = (other.low, other.high) if other.is_known else (self.measured.value,) * 2
        return own.low <= high and low <= own.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One model on one target: four metrics, each a number or the reason for its absence.

    Parameters
    ----------
    model : ModelSummary
    target : Target
    accuracy : Score or Missing
    memory : Memory or Missing
    latency : Latency or Missing
    energy : Energy or Missing
        Measured where a run on the board was given, else simulated or predicted.
    findings : tuple of Finding
    deviations : tuple of Deviation
        One for each metric that was measured.
    """

    model: ModelSummary
    target: Target
    accuracy: Score | Missing
    memory: Memory | Missing
    latency: Latency | Missing
    energy: Energy | Missing
    findings: tuple[Finding, ...] = ()
    deviations: tuple[Deviation, ...] = ()

    def metric(self, metric: Metric) -> Quantity | Missing:
        """Return the quantity of a metric, or why it is missing."""
        match metric:
            case Metric.ACCURACY:
                return self.accuracy if isinstance(self.accuracy, Missing) else self.accuracy.value
            case Metric.RAM:
                return self.memory if isinstance(self.memory, Missing) else self.memory.ram
            case Metric.FLASH:
                return self.memory if isinstance(self.memory, Missing) else self.memory.flash
            case Metric.LATENCY:
                found = self.latency
                return found if isinstance(found, Missing) else found.per_inference
            case Metric.ENERGY:
                spent = self.energy
                return spent if isinstance(spent, Missing) else spent.per_inference


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A model of the batch that could not be evaluated, and why.

    Parameters
    ----------
    model : str
        The file as the user named it.
    stage : str
        ``"load"``, ``"accuracy"``, …
    message : str
        One line: what, where, what to do.
    """

    model: str
    stage: str
    message: str
