"""From ops of a model's file to steps: every number that the kernels rely on is checked here.

A file is not trusted. What the kernels index with (shapes, strides, axes, zero points, shifts)
is checked before they see it, and whatever is out of the ordinary is refused with
`UnsupportedOpError`: the caller then runs the model with the interpreter.
"""

from tinygauge.exact.lowering.scope import Lower, Scope
from tinygauge.exact.lowering.table import LOWER, lower_ops

__all__ = ["LOWER", "Lower", "Scope", "lower_ops"]
