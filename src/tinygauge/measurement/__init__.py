"""Models measured on a board: datasets become bytes for it, and its runs become results.

``inputs.py`` a dataset as a board takes it; ``measure.py`` one run; ``metrics.py`` accuracy,
latency and energy of a run, as measured quantities with evidence.
"""

from tinygauge.measurement.inputs import wire_inputs
from tinygauge.measurement.measure import Request, measure, resumed
from tinygauge.measurement.metrics import energy_of, latency_of, score_of

__all__ = ["Request", "energy_of", "latency_of", "measure", "resumed", "score_of", "wire_inputs"]
