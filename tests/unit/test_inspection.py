"""Inspection: a model's figures, which engines can run it, and what is worth saying."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import catalog, graph
from tinygauge.errors import ModelFormatError
from tinygauge.inspection import (
    engine_findings,
    inspect,
    model_findings,
    summarise,
    target_of,
    unsupported_ops,
)
from tinygauge.quantity import Basis, Method, Missing, Quantity
from tinygauge.records import Finding, Severity
from tinygauge.units import Unit


def _parse(content: bytes) -> graph.Model:
    return graph.parse(content, name="net")


def _custom() -> graph.Model:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    for kind in ("CUSTOM:Zeta", "RELU", "CUSTOM:Alpha"):
        builder.op(kind, [x], [x])
    return _parse(builder.build([x], [x]))


def _hybrid() -> graph.Model:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    w = builder.tensor((2, 4), "int8", data=np.ones((2, 4)), scale=0.1)
    y = builder.tensor((1, 2), "float32")
    builder.op("FULLY_CONNECTED", [x, w], [y])
    return _parse(builder.build([x], [y]))


def _half_dead(rows: int = 4, dead: int = 2) -> graph.Model:
    weights = np.ones((rows, 4))
    weights[:dead] = 0
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    w = builder.tensor((rows, 4), "float32", data=weights)
    y = builder.tensor((1, rows), "float32")
    builder.op("FULLY_CONNECTED", [x, w], [y])
    return _parse(builder.build([x], [y]))


def _findings(model: graph.Model, board: str, engine: str) -> dict[str, Finding]:
    found = engine_findings(model, summarise(model), catalog.board(board), catalog.engine(engine))
    return {finding.code: finding for finding in found}


def test_every_static_figure_is_counted_and_exact() -> None:
    """Read from the file, so without error, and with the tool that read it."""
    content = build_cnn(side=8, channels=4)
    summary = summarise(_parse(content))

    figures = {
        "file_size": (len(content), Unit.BYTE),
        "parameters": (40 + 40 + 15, Unit.COUNT),
        "weights": (36 + 16 + 36 + 16 + 12 + 12, Unit.BYTE),
        "macs": (4 * 4 * 4 * 9 * 2 + 12, Unit.COUNT),
    }
    for name, (value, unit) in figures.items():
        quantity: Quantity = getattr(summary, name)
        assert (quantity.value, quantity.unit) == (value, unit), name
        assert quantity.method is Method.COUNTED
        assert quantity.interval.basis is Basis.EXACT
        assert quantity.provenance.tool.startswith("tinygauge ")
    assert (summary.family, summary.precision, summary.ops) == ("ds-cnn", "int8", 6)


def test_a_file_is_inspected_with_every_engine_that_publishes_its_ops(tmp_path: Path) -> None:
    """Engines whose makers publish no list are left out rather than called able."""
    path = tmp_path / "net.tflite"
    path.write_bytes(build_cnn())

    found = inspect(path)

    published = {e for e in catalog.engine_names() if catalog.engine(e).ops is not None}
    assert set(found.support) == published
    assert "tflm-cmsis-nn" in published
    assert len(published) < len(catalog.engine_names())
    assert found.summary.path == str(path)


def test_a_packaged_model_has_the_same_path_wherever_it_is_installed() -> None:
    """So that the demo's results tell nothing of the machine that wrote them."""
    inside = "data/fashion_mnist/models/cnn_16_i8.tflite"
    with resources.as_file(resources.files("tinygauge").joinpath(inside)) as path:
        assert inspect(path.absolute()).summary.path == f"tinygauge/{inside}"


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """With the reader's own message."""
    with pytest.raises(ModelFormatError, match="No such file"):
        inspect(tmp_path / "gone.tflite")


def test_ops_without_a_kernel_are_named_sorted() -> None:
    """Custom ops are in no published list."""
    assert unsupported_ops(_custom(), catalog.engine("tflm-ref")) == ("CUSTOM:Alpha", "CUSTOM:Zeta")


def test_an_engine_without_a_list_is_not_accused() -> None:
    """Nobody knows, so nothing is said."""
    unknown = replace(catalog.engine("tflm-ref"), ops=None)

    assert unsupported_ops(_custom(), unknown) == ()


def test_ops_of_every_subgraph_must_have_kernels() -> None:
    """The body of a loop runs too."""
    model = _custom()
    main = graph.parse(build_fully_connected(), name="net").main
    both = replace(model, subgraphs=(main, *model.subgraphs))

    assert "CUSTOM:Alpha" in unsupported_ops(both, catalog.engine("tflm-ref"))


@pytest.mark.parametrize(
    ("make", "board", "engine", "code", "words"),
    [
        (_custom, "ek-ra6m4", "tflm-ref", "TG102", "no kernel for CUSTOM:Alpha, CUSTOM:Zeta"),
        (_hybrid, "ek-ra6m4", "tflm-cmsis-nn", "TG103", "refuses float activations"),
    ],
)
def test_what_cannot_run_is_an_error(
    make: Callable[[], graph.Model], board: str, engine: str, code: str, words: str
) -> None:
    """The finding says which model, where and what to do instead."""
    finding = _findings(make(), board, engine)[code]

    assert finding.severity is Severity.ERROR
    assert words in finding.message
    assert finding.where == f"net on {board}"
    assert finding.advice


def test_an_engine_for_other_cores_is_an_error() -> None:
    """An engine made for RX says so on an Arm core."""
    engine = replace(catalog.engine("tflm-ref"), cores=("rxv2", "rxv3"))
    model = _parse(build_fully_connected())

    found = engine_findings(model, summarise(model), catalog.board("ek-ra6m4"), engine)

    assert [finding.code for finding in found] == ["TG101"]
    assert found[0].message == "tflm-ref does not run on cortex-m33"
    assert found[0].advice == "It runs on rxv2, rxv3"


def test_float_on_a_core_without_a_float_unit_is_a_warning() -> None:
    """It runs, slowly; an int8 model, or a core with an FPU, gets no warning."""
    model = _parse(build_fully_connected(dtype="float32"))

    finding = _findings(model, "nucleo-g0b1re", "tflm-ref")["TG111"]
    assert finding.severity is Severity.WARNING
    assert _findings(model, "nucleo-l4r5zi", "tflm-ref") == {}
    assert _findings(_parse(build_fully_connected()), "nucleo-g0b1re", "tflm-ref") == {}


def test_dead_channels_worth_removing_are_said() -> None:
    """With how much goes, and how."""
    (finding,) = model_findings(summarise(_half_dead()))

    assert (finding.code, finding.severity) == ("TG110", Severity.INFO)
    assert finding.message.startswith("2 output channels have only zero weights")
    assert "50% of the MACs" in finding.message


@pytest.mark.parametrize("model", [_half_dead(100, 1), _half_dead(4, 0), _custom()])
def test_a_dead_channel_in_a_hundred_is_noise(model: graph.Model) -> None:
    """Nothing is said below 2 %, nor of a model without weights."""
    assert model_findings(summarise(model)) == ()


def test_a_target_has_the_boards_figures() -> None:
    """Clock, supply and memories in base units, from the catalogue."""
    board, engine = catalog.board("ek-ra6m4"), catalog.engine("tflm-ref")

    target = target_of(board, engine)

    assert str(target) == "ek-ra6m4 @ 200 MHz, tflm-ref"
    assert (target.sram_bytes, target.flash_bytes) == (256 * 1024, 1024 * 1024)


def test_an_unknown_supply_is_none() -> None:
    """Not 0 volt."""
    board = replace(catalog.board("ek-ra6m4"), supply=Missing("nobody said"))

    assert target_of(board, catalog.engine("tflm-ref")).supply_v is None
