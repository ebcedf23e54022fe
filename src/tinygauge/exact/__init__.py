"""Evaluates quantised models exactly as the engines on boards do, at the speed of a desktop.

`compile_model` lowers a model to steps with integer scales (`lowering`, `steps`, `scales`,
`tables`), which C kernels evaluate, or NumPy where no compiler was there (`plain`): both give
the same bits, and so does the user's own PyTorch with CUDA, where asked (`torch_kernels`).
`Rounding` names whose bits.

>>> from tinygauge.exact import Rounding
>>> [rounding.value for rounding in Rounding]
['two-rounding', 'one-rounding', 'litert']
"""

from tinygauge.exact.identity import bits_id
from tinygauge.exact.kernels import backend
from tinygauge.exact.processors import open_processor
from tinygauge.exact.program import Program, compile_model, find_unsupported
from tinygauge.exact.scales import Rounding

__all__ = [
    "Program",
    "Rounding",
    "backend",
    "bits_id",
    "compile_model",
    "find_unsupported",
    "open_processor",
]
