"""What can be told of a model without running it: summary, ops, engine support, findings.

Nothing here runs a model or predicts anything, so it starts fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinygauge import __version__, catalog, graph
from tinygauge.catalog import Board, Engine
from tinygauge.files import named_path
from tinygauge.quantity import Interval, Method, Provenance, Quantity
from tinygauge.records import Finding, ModelSummary, OpSummary, Severity, Target
from tinygauge.units import Unit

__all__ = [
    "TOOL",
    "Inspection",
    "build_findings",
    "core_findings",
    "departure_findings",
    "engine_findings",
    "inspect",
    "maker_findings",
    "model_findings",
    "summarise",
    "target_of",
    "unsupported_ops",
]

TOOL = f"tinygauge {__version__}"

# Cores without a floating-point unit for float32 (Arm Cortex-M0+, M3 technical reference
# manuals: no FPU option).
_SOFT_FLOAT_CORES = {"cortex-m0", "cortex-m0+", "cortex-m1", "cortex-m3", "cortex-m23"}
# Below this share, dead channels are noise of training rather than a saving worth having.
_DEAD_MACS_WORTH_SAYING = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A model seen from outside.

    Parameters
    ----------
    model : Model
    summary : ModelSummary
    counts : ModelCounts
    ops : tuple of OpCounts
        Of all subgraphs, in order.
    support : mapping of str to tuple of str
        By engine, the kinds of op that it can't run; engines without a published list are
        left out.
    findings : tuple of Finding
    """

    model: graph.Model
    summary: ModelSummary
    counts: graph.ModelCounts
    ops: tuple[graph.OpCounts, ...]
    support: dict[str, tuple[str, ...]]
    findings: tuple[Finding, ...]


def inspect(path: str | Path) -> Inspection:
    """Read a model file and count what is in it.

    Parameters
    ----------
    path : str or Path
        A `.tflite` file.

    Returns
    -------
    Inspection

    Raises
    ------
    ModelFormatError
        If the file is no readable model.
    """
    model = graph.load(path)
    ops = graph.count_ops(model)
    counts = graph.count_model(model, ops)
    summary = summarise(model, ops)
    engines = [catalog.engine(name) for name in catalog.engine_names()]
    return Inspection(
        model=model,
        summary=summary,
        counts=counts,
        ops=ops,
        support={e.name: unsupported_ops(model, e) for e in engines if e.ops is not None},
        findings=(*model_findings(summary), *departure_findings(model, where=model.name)),
    )


def _counted(value: float, unit: Unit, what: str) -> Quantity:
    provenance = Provenance(method=Method.COUNTED, source=what, tool=TOOL)
    return Quantity(value, unit, Interval.exact(value), provenance)


def summarise(model: graph.Model, ops: tuple[graph.OpCounts, ...] | None = None) -> ModelSummary:
    """Count a model's static figures.

    Parameters
    ----------
    model : Model
    ops : tuple of OpCounts, optional
        Of the model, where the caller has them already.

    Returns
    -------
    ModelSummary
        Every figure exact, counted from the file.
    """
    if ops is None:
        ops = graph.count_ops(model)
    counts = graph.count_model(model, ops)
    return ModelSummary(
        name=model.name,
        path=named_path(model.path),
        sha256=model.sha256,
        family=graph.family(model),
        precision=graph.precision(model),
        file_size=_counted(model.size_bytes, Unit.BYTE, "size of the file"),
        parameters=_counted(counts.parameters, Unit.COUNT, "weights and biases in the file"),
        weights=_counted(counts.weight_bytes, Unit.BYTE, "weights and biases in the file"),
        macs=_counted(counts.macs, Unit.COUNT, "formulas in docs/design/counts.md"),
        live_macs=_counted(counts.live_macs, Unit.COUNT, "formulas in docs/design/counts.md"),
        zero_weight_share=_counted(counts.zero_share, Unit.RATIO, "weights in the file"),
        dead_channels=counts.dead_channels,
        ops=sum(len(subgraph.ops) for subgraph in model.subgraphs),
        op_table=tuple(_op_summary(counted) for counted in ops if counted.subgraph == 0),
    )


def _op_summary(counted: graph.OpCounts) -> OpSummary:
    return OpSummary(
        op=counted.op.index,
        kind=counted.op.kind,
        macs=counted.macs,
        live_macs=counted.live_macs,
        weight_bytes=counted.weight_bytes,
        activation_bytes=counted.input_bytes + counted.output_bytes,
    )


def target_of(board: Board, engine: Engine) -> Target:
    """Return the target of a board at its catalogue clock and supply."""
    return Target(
        board=board.name,
        core=board.core,
        engine=engine.name,
        clock_hz=board.clock.value,
        supply_v=board.supply.value if isinstance(board.supply, Quantity) else None,
        sram_bytes=board.sram.value,
        flash_bytes=board.flash.value,
        sram_block_bytes=board.sram_block.value,
    )


def unsupported_ops(model: graph.Model, engine: Engine) -> tuple[str, ...]:
    """List the kinds of op in a model that an engine can't run.

    Parameters
    ----------
    model : Model
    engine : Engine

    Returns
    -------
    tuple of str
        Sorted; empty too for an engine whose makers publish no list.
    """
    if engine.ops is None:
        return ()
    kinds = {op.kind for subgraph in model.subgraphs for op in subgraph.ops}
    return tuple(sorted(kinds - engine.ops))


def engine_findings(
    model: graph.Model, summary: ModelSummary, board: Board, engine: Engine
) -> tuple[Finding, ...]:
    """Tell whether an engine can run a model on a board; an error means that it can't.

    Parameters
    ----------
    model : Model
    summary : ModelSummary
        Of the model.
    board : Board
    engine : Engine

    Returns
    -------
    tuple of Finding
    """
    where = f"{model.name} on {board.name}"
    return (
        *maker_findings(board, engine, where=where),
        *core_findings(model, summary.precision, board.core, engine, where=where),
    )


def maker_findings(board: Board, engine: Engine, *, where: str) -> tuple[Finding, ...]:
    """Tell whether an engine that belongs to a maker runs on the parts of another.

    Parameters
    ----------
    board : Board
    engine : Engine
    where : str
        What the findings are about.

    Returns
    -------
    tuple of Finding
        Empty where it does, or where nobody states who makes the part.
    """
    if engine.runs_on_parts_of(board.mcu_maker):
        return ()
    makers = " or ".join(engine.makers)
    return (
        Finding(
            code="TG101",
            severity=Severity.ERROR,
            message=(
                f"{engine.name} runs on parts of {makers} alone, and that of {board.name} "
                f"({board.mcu}) is made by {board.mcu_maker}"
            ),
            advice=f"Choose another engine, or a board with a part of {makers}",
            where=where,
        ),
    )


def build_findings(engine: Engine) -> tuple[Finding, ...]:
    """Say what of a build is not known: its memory is that of the newest release.

    Parameters
    ----------
    engine : Engine

    Returns
    -------
    tuple of Finding
        Empty for an engine without a build.
    """
    if not engine.build:
        return ()
    return (
        Finding(
            code="TG308",
            severity=Severity.INFO,
            message=f"RAM and flash are those of the newest {engine.base}, not of this build",
            advice="Link the build and compare: tinygauge memory --firmware FILE",
            where=engine.name,
        ),
    )


def core_findings(
    model: graph.Model, precision: str, core: str, engine: Engine, *, where: str
) -> tuple[Finding, ...]:
    """Tell whether an engine can run a model on a core; an error means that it can't.

    Parameters
    ----------
    model : Model
    precision : str
        Of the model, as `graph.precision` names it.
    core : str
    engine : Engine
    where : str
        What the findings are about.

    Returns
    -------
    tuple of Finding
    """
    findings: list[Finding] = []
    if engine.cores and core not in engine.cores:
        findings.append(
            Finding(
                code="TG101",
                severity=Severity.ERROR,
                message=f"{engine.name} does not run on {core}",
                advice=f"It runs on {', '.join(engine.cores)}",
                where=where,
            )
        )
    missing = unsupported_ops(model, engine)
    if missing:
        findings.append(
            Finding(
                code="TG102",
                severity=Severity.ERROR,
                message=f"{engine.name} has no kernel for {', '.join(missing)}",
                advice="Replace the op, or choose an engine that has it",
                where=where,
            )
        )
    if precision == "hybrid" and engine.name.startswith("tflm"):
        # tensorflow/lite/micro/kernels/{fully_connected,conv}_common.cc refuse them on Prepare.
        findings.append(
            Finding(
                code="TG103",
                severity=Severity.ERROR,
                message=f"{engine.name} refuses float activations with int8 weights",
                advice="Convert with full-integer quantisation and a representative dataset",
                where=where,
            )
        )
    if engine.name.startswith("tflm"):
        findings += departure_findings(model, where=where)
    if precision == "float32" and core in _SOFT_FLOAT_CORES:
        findings.append(
            Finding(
                code="TG111",
                severity=Severity.WARNING,
                message=f"{core} computes float32 in software",
                advice="Quantise the model to int8",
                where=where,
            )
        )
    return tuple(findings)


def departure_findings(model: graph.Model, *, where: str) -> tuple[Finding, ...]:
    """Name the ops that TFLM computes otherwise than the model says, and than LiteRT does.

    Seen in tflite-micro 0.dev20261023, and tested (tests/golden/test_departures.py).

    Parameters
    ----------
    model : Model
    where : str
        What the findings are about.

    Returns
    -------
    tuple of Finding
        One for each way, however many ops of the model it concerns.
    """
    ways = (_departure(op, part) for part in model.subgraphs for op in part.ops)
    return tuple(
        Finding(
            code="TG112",
            severity=Severity.WARNING,
            message=f"{kind} of TFLM {what}",
            advice=advice,
            where=where,
        )
        for kind, what, advice in dict.fromkeys(way for way in ways if way)
    )


def _departure(op: graph.Op, subgraph: graph.Subgraph) -> tuple[str, str, str] | None:
    """Return an op's kind, what TFLM does instead, and what helps."""
    tensors = [subgraph.tensors[index] for index in op.inputs if index >= 0]
    if not tensors:
        return None
    x = tensors[0]
    zero_point = x.quantization.zero_point[0] if x.quantization else 0
    match op.kind:
        case "SPACE_TO_BATCH_ND" if len(tensors) > 2 and x.dtype is graph.DType.INT8:
            # kernels/space_to_batch_nd.cc: nothing sets output_offset of the op's parameters.
            paddings = tensors[2].data
            if paddings is None or paddings.any():
                what = f"pads with what is in memory, often 0, not with its zero point {zero_point}"
                return op.kind, what, "Convert dilated convolutions into CONV_2D with a dilation"
        case "GREATER" if x.dtype is graph.DType.INT16:
            # kernels/comparisons.cc: ComparisonsPrepare sets the scales of int8 alone.
            what = "compares int16 without their scales, and says no to all"
            return op.kind, what, "Compare values of int8"
        case "ADD_N" if x.dtype is graph.DType.INT8 and zero_point != 0:
            # kernels/internal/reference/add_n.h: the sum begins with input1_offset.
            what = f"adds {-zero_point} steps of the input's scale to each sum"
            return op.kind, what, "Use ADD instead"
    return None


def model_findings(summary: ModelSummary) -> tuple[Finding, ...]:
    """Tell what is odd about a model whatever it runs on.

    Parameters
    ----------
    summary : ModelSummary

    Returns
    -------
    tuple of Finding
    """
    macs, live = summary.macs.value, summary.live_macs.value
    saving = 1 - live / macs if macs else 0.0
    if saving < _DEAD_MACS_WORTH_SAYING:
        return ()
    return (
        Finding(
            code="TG110",
            severity=Severity.INFO,
            message=(
                f"{summary.dead_channels:,} output channels have only zero weights: without them "
                f"{saving:.0%} of the MACs go ({macs / 1e6:.2f} M to {live / 1e6:.2f} M)"
            ),
            advice="Remove them before conversion, or use an engine that skips them",
            where=summary.name,
        ),
    )
