"""Published MLPerf Tiny runs lie inside the predicted 90 % intervals.

Figures: mlcommons/tiny_results_v0.7, closed/renesas/results/EK-RA6M4, median throughput of the
performance runs and median energy per inference of the energy runs, 200 MHz and 3.0 V. They are
among the rows that the calibration was fitted to, so this shows that file, table and prediction
fit together; the validation table shows how far predictions hold beyond.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygauge import catalog, graph
from tinygauge.cost import predict_energy, predict_latency
from tinygauge.records import Energy, Latency, Target

PUBLISHED = {
    "ad01_int8": (1 / 216.772, 324.088e-6),
    "kws_ref_model": (1 / 19.774, 3796.957e-6),
    "pretrainedResnet_quant": (1 / 4.062, 17723.829e-6),
    "vww_96_int8": (1 / 6.159, 11851.829e-6),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_runs_lie_inside(mirror: Path, name: str) -> None:
    """Latency and energy of the reference models on the EK-RA6M4 with TFLM and CMSIS-NN."""
    seconds, joules = PUBLISHED[name]
    board = catalog.board("ek-ra6m4")
    target = Target(
        board=board.name, core=board.core, engine="tflm-cmsis-nn", clock_hz=board.clock.value
    )

    latency = predict_latency(graph.load(next(mirror.rglob(f"{name}.tflite"))), target)
    assert isinstance(latency, Latency)
    energy = predict_energy(latency, board)
    assert isinstance(energy, Energy)

    assert latency.per_inference.interval.low <= seconds <= latency.per_inference.interval.high
    assert energy.per_inference.interval.low <= joules <= energy.per_inference.interval.high
    assert latency.per_inference.interval.high < 3 * latency.per_inference.interval.low
