"""What the MLPerf Tiny reference models are, and the dead channels of one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygauge import graph
from tinygauge.inspection import inspect

# Family and precision as their authors describe them (mlcommons/tiny, benchmark/training).
REFERENCE = {
    "ad01_fp32": ("autoencoder", "float32"),
    "ad01_int8": ("autoencoder", "int8"),
    "kws_ref_model": ("ds-cnn", "int8"),
    # Its convolutions have int8 weights: the name is its authors'.
    "kws_ref_model_float32": ("ds-cnn", "hybrid"),
    "pretrainedResnet": ("resnet", "float32"),
    "pretrainedResnet_quant": ("resnet", "int8"),
    "vww_96_float": ("ds-cnn", "float32"),
    "vww_96_int8": ("ds-cnn", "int8"),
}


def _find(mirror: Path, name: str) -> Path:
    found = sorted(mirror.rglob(f"{name}.tflite"))
    if not found:
        pytest.skip(f"the mirror holds no {name}.tflite")
    return found[0]


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_models_are_recognised(mirror: Path, name: str) -> None:
    """The rules for architecture and precision hold on models that we did not make."""
    model = graph.load(_find(mirror, name))

    assert (graph.family(model), graph.precision(model)) == REFERENCE[name]


def test_half_of_visual_wake_words_is_dead(mirror: Path) -> None:
    """971 of its filters hold only zeros; without them half of the work goes."""
    found = inspect(_find(mirror, "vww_96_int8"))

    counts = found.counts
    assert counts.dead_channels == 971
    assert (counts.zero_weights, counts.weights) == (172_258, 208_112)
    assert (counts.live_macs, counts.macs) == (3_742_091, 7_489_664)
    assert [finding.code for finding in found.findings] == ["TG110"]


@pytest.mark.parametrize("name", ["kws_ref_model", "pretrainedResnet_quant"])
def test_other_reference_models_have_next_to_no_dead_channels(mirror: Path, name: str) -> None:
    """Dead channels are a trait of one model's training, not of counting."""
    found = inspect(_find(mirror, name))

    assert found.findings == ()
    assert found.counts.live_macs > 0.98 * found.counts.macs
