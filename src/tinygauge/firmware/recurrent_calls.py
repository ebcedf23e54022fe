"""SVDF and LSTM as C; see `calls.py`.

The state is scratch that each call fills anew: an inference begins as behind a reset, as the
accuracy of a model is found on inputs that have nothing to do with each other.
"""

from __future__ import annotations

from tinygauge.exact.recurrent import Lstm, Svdf
from tinygauge.exact.scales import Scale
from tinygauge.exact.tables import curve16_table
from tinygauge.firmware.text import c_scale
from tinygauge.firmware.writer import C_TYPES, Writer, ends_of
from tinygauge.graph import DType

__all__ = ["write_lstm", "write_svdf"]


def _reset_state(writer: Writer, count: int, dtype: DType, zero: int) -> str:
    """Make room for a state, fill it with its zero point, and return its pointer."""
    kind, width = C_TYPES[dtype], dtype.bits // 8
    state = writer.scratch(count * width, kind)
    writer.call("tg_fill", width, count, writer.array(kind, [zero]), state)
    return state


def write_svdf(writer: Writer, step: Svdf) -> None:
    """Write SVDF.

    Parameters
    ----------
    writer : Writer
    step : Svdf
    """
    source, goal = ends_of(writer, step)
    filters, inputs = step.features.shape
    memory = step.times.shape[1]
    batch = source.elements // inputs
    dtype = DType(step.times.dtype.name)
    form = writer.struct(
        "tg_svdf",
        batch=batch,
        inputs=inputs,
        filters=filters,
        rank=step.rank,
        memory=memory,
        in_zero=step.in_zero,
        state_zero=step.state_zero,
        out_zero=step.out_zero,
        to_state=c_scale(step.to_state),
        to_output=c_scale(step.to_output),
    )
    arrays = (
        writer.array("int8_t", step.features),
        writer.array(C_TYPES[dtype], step.times),
        writer.array("int32_t", step.bias),
    )
    state = _reset_state(writer, batch * filters * memory, dtype, step.state_zero)
    writer.call(f"tg_svdf_s{dtype.bits}", form, source.pointer, *arrays, state, goal.pointer)


def _four(scales: tuple[Scale, ...]) -> str:
    return "{" + ", ".join(map(c_scale, scales)) + "}"


def write_lstm(writer: Writer, step: Lstm) -> None:
    """Write UNIDIRECTIONAL_SEQUENCE_LSTM.

    Parameters
    ----------
    writer : Writer
    step : Lstm
    """
    source, goal = ends_of(writer, step)
    _, units, inputs = step.weights.shape
    batch, steps = source.shape[:2][:: -1 if step.is_time_major else 1]
    form = writer.struct(
        "tg_lstm",
        batch=batch,
        steps=steps,
        inputs=inputs,
        units=units,
        is_time_major=int(step.is_time_major),
        in_zero=step.in_zero,
        hidden_zero=step.hidden_zero,
        from_input=_four(step.from_input),
        from_hidden=_four(step.from_hidden),
        kept=c_scale(step.kept),
        added=c_scale(step.added),
        hidden=c_scale(step.hidden),
        cell_low=step.cell_low,
        cell_high=step.cell_high,
        tanh=f"{{{step.tanh_multiplier}, {step.tanh_shift}, 1}}",
    )
    sums = "int64_t" if source.dtype is DType.INT16 else "int32_t"
    weights = [
        writer.array(kind, values)
        for kind, values in (
            ("int8_t", step.weights),
            ("int8_t", step.recurrent),
            (sums, step.bias),
        )
    ]
    room = writer.scratch(8 * units * (8 if sums == "int64_t" else 4), sums)
    hidden = _reset_state(writer, batch * units, source.dtype, step.hidden_zero)
    cell = _reset_state(writer, batch * units, DType.INT16, 0)
    table = writer.array("uint16_t", curve16_table())
    writer.call(
        f"tg_lstm_{source.kind}", form, table, source.pointer, *weights, room, hidden, cell,
        goal.pointer,
    )  # fmt: skip
