"""Latency and energy without the board: predicted from the graph, each with an interval."""

from tinygauge.cost.energy import predict_energy
from tinygauge.cost.latency import predict_execution, predict_latency

__all__ = ["predict_energy", "predict_execution", "predict_latency"]
