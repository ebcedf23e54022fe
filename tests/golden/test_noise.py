"""Which op loses the accuracy of an integer model: packaged pairs, and one spoiled on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.e2e.conftest import PACKAGED

from tinygauge import accuracy, graph
from tinygauge.cli.main import main
from tinygauge.diagnosis.noise import compare_with_float, noise_ratio_db
from tinygauge.diagnosis.trace import trace
from tinygauge.graph import Model
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.noise_report import noise_document, noise_lines

MODELS = PACKAGED / "models"
DATA = PACKAGED / "test_2000.npz"


def _spoiled(model: Model, op: int) -> bytes:
    """Return a model of which one op's weights are rounded to -127, 0 and 127."""
    weights = model.main.tensors[model.main.ops[op].inputs[1]].data
    assert weights is not None
    raw = weights.tobytes()
    start = model.content.index(raw)
    coarse = (np.frombuffer(raw, np.int8).astype(int) + 64) // 128 * 128
    coarse = coarse.clip(-127, 127).astype(np.int8)
    return model.content[:start] + coarse.tobytes() + model.content[start + len(raw) :]


def _diff(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    code = main(["diff", *map(str, words), "--data", str(DATA), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_op_whose_weights_were_spoiled_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It adds most noise, it alone loses the answers, and the others' noise stays what it was."""
    whole = MODELS / "cnn_8_i8.tflite"
    model = graph.load(whole)
    spoiled_op = 4
    assert model.main.ops[spoiled_op].kind == "CONV_2D"
    spoiled = tmp_path / "spoiled.tflite"
    spoiled.write_bytes(_spoiled(model, spoiled_op))
    words = (MODELS / "cnn_8_f32.tflite", "--inputs", "300")
    code, found = _diff(capsys, spoiled, *words)
    assert (code, found["culprit"], found["noisiest"]) == (1, spoiled_op, spoiled_op)
    clean_code, clean = _diff(capsys, whole, *words)
    assert clean["culprit"] is None
    assert clean_code == 0
    for before, after in zip(clean["ops"], found["ops"], strict=True):
        same = before["alone_db"] == after["alone_db"]
        assert same == (before["op"] != spoiled_op)
        assert (before["in_model_db"] == after["in_model_db"]) == (before["op"] < spoiled_op)


@pytest.mark.parametrize("name", ["mlp_8", "dscnn_8", "mobilenetv2_4", "resnet_4"])
def test_packaged_pairs_belong_together_op_by_op(name: str) -> None:
    """Each op has its partner; noise is what 8 bits make, and nothing only moves values."""
    model, partner = (graph.load(MODELS / f"{name}_{kind}.tflite") for kind in ("i8", "f32"))
    found = compare_with_float(model, partner, accuracy.load_dataset(DATA), inputs=60)
    assert found.unpaired == ()
    assert found.n == 60
    for each in found.ops:
        assert not isinstance(each.alone_db, Missing)
        assert isinstance(each.lost, Quantity)
        moves = each.kind in ("RESHAPE", "PAD", "MAX_POOL_2D")
        assert (each.alone_db == float("inf")) == moves
        if not moves:
            assert 15 < each.alone_db < 70


KWS = (
    "mlcommons/tiny/1afd2c9820f795965a6134facd0b4dfae41ef23f/benchmark/training/"
    "keyword_spotting/trained_models"
)
KWS_DATA = "eembc/energyrunner/cf7c2f2634608a7c0ea7458ab7cb3379f2863424/datasets/kws01"


def test_the_keyword_spotting_pair_is_compared(mirror: Path) -> None:
    """The reference's float model has int8 weights in part: a note says what that means."""
    data = accuracy.load_dataset(mirror / KWS_DATA)
    model = graph.load(mirror / KWS / "kws_ref_model.tflite")
    partner = graph.load(mirror / KWS / "kws_ref_model_float32.tflite")
    found = compare_with_float(model, partner, data, inputs=40)
    assert [each.kind for each in found.ops] == [op.kind for op in model.main.ops]
    assert found.culprit is None
    assert found.float_sha256 == partner.sha256
    (note,) = noise_document(found)["notes"]
    assert note.startswith("kws_ref_model_float32 is hybrid: 5 of its weights are integers")
    assert f"Note: {note}." in noise_lines(found)


def _signal_to_noise_of_first_op(model: Model, rows: npt.NDArray[np.generic]) -> float:
    """Compare LiteRT with a convolution summed in float64, decibels: SAME, stride 2, RELU."""
    op, tensors = model.main.ops[0], model.main.tensors
    found = trace(model, rows, accuracy.RUNNERS["litert-xnnpack"])[op.outputs[0]]
    weights, bias = (tensors[index] for index in op.inputs[1:])
    assert weights.data is not None
    scale = 1.0 if weights.quantization is None else weights.quantization.scale[0]
    kernel = weights.data[..., 0].astype(np.float64) * scale
    padded = np.pad(rows.reshape(-1, 49, 10).astype(np.float64), ((0, 0), (4, 5), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (10, 4), axis=(1, 2))[:, ::2, ::2]
    exact = np.maximum(np.einsum("nyxij,cij->nyxc", windows, kernel) + bias.data, 0)
    return noise_ratio_db(exact, found)


def test_hybrid_weights_run_as_float_give_float_arithmetic(mirror: Path) -> None:
    """LiteRT quantises what int8 weights are multiplied with, and not what float32 ones are."""
    partner = graph.load(mirror / KWS / "kws_ref_model_float32.tflite")
    rows = accuracy.fit(partner, accuracy.load_dataset(mirror / KWS_DATA))[0:20]
    assert _signal_to_noise_of_first_op(partner, rows) < 40
    assert _signal_to_noise_of_first_op(graph.with_float_weights(partner), rows) > 120
