"""Count a model's correct answers in two engines: TFLM's interpreter and TensorFlow Lite's.

TensorFlow Lite runs its reference kernels, without delegates. The two share an ancestor, but not
the code of today, so they check each other.

An answer is the class of the highest score; among equal scores, which int8 softmax often gives, the
first wins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from fashion_data import Pixels, to_real
from tflite_micro import runtime

ARENA_BYTES = 1 << 20

Classes = npt.NDArray[np.int64]


def round_half_away(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round as C++'s ``std::round`` does: halves away from zero (``np.round``: to even)."""
    whole = np.trunc(values)
    # The remainder is exact in float64, whereas adding 0.5 first might round up to the next whole.
    return whole + np.copysign(np.abs(values - whole) >= 0.5, values)


def to_model_input(x: Pixels, details: dict[str, Any]) -> npt.NDArray[Any]:
    """Convert pixels to what the model's input takes.

    Float models take the real value, computed in float64, as float32. Integer models take
    ``clip(round(x_real / scale) + zero_point)``, in float64 with the model's float32 scale widened.

    Parameters
    ----------
    x : ndarray of uint8, shape (n, 28, 28, 1)
        Pixels.
    details : dict
        The input's details as either interpreter gives them.

    Returns
    -------
    ndarray of the input's dtype, shape (n, 28, 28, 1)
    """
    real = to_real(x)
    dtype = np.dtype(details["dtype"])
    if dtype == np.float32:
        return real.astype(np.float32)
    parameters = details["quantization_parameters"]
    scale = np.float64(np.float32(parameters["scales"][0]))
    quantised = round_half_away(real / scale) + int(parameters["zero_points"][0])
    limits = np.iinfo(dtype)
    return np.clip(quantised, limits.min, limits.max).astype(dtype)


def answer_tflm(content: bytes, x: Pixels) -> Classes:
    """Classify pixels with TFLM's interpreter (its portable reference kernels).

    Parameters
    ----------
    content : bytes
        A ``.tflite`` file.
    x : ndarray of uint8, shape (n, 28, 28, 1)
        Pixels.

    Returns
    -------
    ndarray of int64, shape (n,)
        Classes.
    """
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)

    def scores(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        interpreter.set_input(image, 0)
        interpreter.invoke()
        return np.asarray(interpreter.get_output(0))

    return _answer(scores, to_model_input(x, interpreter.get_input_details(0)))


def answer_tflite(content: bytes, x: Pixels) -> Classes:
    """Classify pixels with TensorFlow Lite's reference kernels; see `answer_tflm`."""
    interpreter = tf.lite.Interpreter(
        model_content=content,
        num_threads=1,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    output = interpreter.get_output_details()[0]["index"]

    def scores(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        interpreter.set_tensor(details["index"], image)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(output))

    return _answer(scores, to_model_input(x, details))


def _answer(
    scores: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], images: npt.NDArray[Any]
) -> Classes:
    return np.array([np.argmax(scores(image[np.newaxis])) for image in images], np.int64)
