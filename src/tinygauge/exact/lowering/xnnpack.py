"""Which ops of int8 XNNPACK takes from LiteRT; the rest LiteRT's own kernels evaluate.

References
----------
LiteRT 2.3.0, tflite/delegates/xnnpack/xnnpack_delegate.cc; every bound was met and crossed in
comparisons with it.
"""

from __future__ import annotations

import numpy as np

__all__ = ["takes_ratio", "takes_slope", "takes_sum", "takes_transpose"]

_LEAST_RATIO, _MOST_RATIO = 2.0**-8, 2.0**7
_MOST_NEGATIVE_SLOPE = -127.99609375


def takes_ratio(ratio: np.float32) -> bool:
    """Whether QUANTIZE and LEAKY_RELU with this factor of positive values are XNNPACK's."""
    return _LEAST_RATIO <= float(ratio) <= _MOST_RATIO


def takes_slope(slope: np.float32) -> bool:
    """Whether LEAKY_RELU with this factor of negative values is XNNPACK's."""
    in_range = _MOST_NEGATIVE_SLOPE <= float(slope) <= _MOST_RATIO
    return in_range and abs(float(slope)) >= _LEAST_RATIO


def takes_sum(*ratios: np.float32) -> bool:
    """Whether ADD and SUB of operands with these scales over the output's are XNNPACK's."""
    return all(2.0**-10 <= float(ratio) < 2.0**8 for ratio in ratios)


def takes_transpose(filters: tuple[int, ...], strides: tuple[int, ...], padding: str) -> bool:
    """Whether TRANSPOSE_CONV is XNNPACK's: not where a filter within an image leaves gaps."""
    return padding == "VALID" or all(
        size >= stride for size, stride in zip(filters, strides, strict=True)
    )
