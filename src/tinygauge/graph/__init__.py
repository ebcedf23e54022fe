"""Models as graphs: reading `.tflite`, counting work, looking at weights."""

from tinygauge.graph.counts import ModelCounts, OpCounts, count_model, count_op, count_ops
from tinygauge.graph.family import FAMILIES, family, precision
from tinygauge.graph.float_weights import hybrid_weights, with_float_weights
from tinygauge.graph.slicing import cut, given_tensors, shown_tensors
from tinygauge.graph.tflite import load, parse
from tinygauge.graph.types import DType, Model, Op, Quantization, Subgraph, Tensor

__all__ = [
    "FAMILIES",
    "DType",
    "Model",
    "ModelCounts",
    "Op",
    "OpCounts",
    "Quantization",
    "Subgraph",
    "Tensor",
    "count_model",
    "count_op",
    "count_ops",
    "cut",
    "family",
    "given_tensors",
    "hybrid_weights",
    "load",
    "parse",
    "precision",
    "shown_tensors",
    "with_float_weights",
]
