"""The five network families of the packaged Fashion-MNIST example, as Keras models.

Every network takes a float image ``(1, 28, 28, 1)`` in 0..1 and returns ten softmax scores.
The batch is fixed at one only at conversion (:mod:`conversion`); here it is left open for training.
Layer names are short because the converter copies them into the model file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorflow import keras

Tensor = Any  # Keras ships no usable type for a symbolic tensor.
Masks = Mapping[str, npt.NDArray[np.float32]]

IMAGE_SHAPE = (28, 28, 1)
CLASSES = 10
NO_MASKS: Masks = {}


@keras.utils.register_keras_serializable(package="tinygauge")
class KeepMask(keras.constraints.Constraint):  # type: ignore[misc]
    """Hold masked values at exactly zero: Keras applies it after every optimiser step.

    Parameters
    ----------
    mask : ndarray of float32
        Zeros and ones, broadcastable to the weight.
    """

    def __init__(self, mask: npt.NDArray[np.float32]) -> None:
        self.mask = mask

    def __call__(self, weight: Tensor) -> Tensor:
        """Return `weight` with the masked values set to zero."""
        return weight * keras.ops.convert_to_tensor(self.mask)


def _keep(masks: Masks, name: str, shape: tuple[int, ...]) -> KeepMask | None:
    return KeepMask(masks[name].reshape(shape)) if name in masks else None


def _normalise(x: Tensor, name: str, masks: Masks) -> Tensor:
    # gamma = beta = 0 makes both the folded filter and the folded bias of a pruned channel zero.
    return keras.layers.BatchNormalization(
        name=f"{name}_bn",
        momentum=0.95,
        gamma_constraint=_keep(masks, name, (-1,)),
        beta_constraint=_keep(masks, name, (-1,)),
    )(x)


def _activate(x: Tensor, name: str, ceiling: float | None) -> Tensor:
    return keras.layers.ReLU(max_value=ceiling, name=f"{name}_relu")(x)


def _conv(
    x: Tensor,
    name: str,
    filters: int,
    *,
    size: int = 3,
    stride: int = 1,
    padding: str = "same",
    masks: Masks = NO_MASKS,
) -> Tensor:
    """Convolution and batch norm, without an activation."""
    x = keras.layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_constraint=_keep(masks, name, (1, 1, 1, -1)),
        name=name,
    )(x)
    return _normalise(x, name, masks)


def _depthwise(
    x: Tensor, name: str, *, stride: int = 1, padding: str = "same", masks: Masks = NO_MASKS
) -> Tensor:
    """3x3 depthwise convolution and batch norm, without an activation."""
    x = keras.layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding=padding,
        use_bias=False,
        depthwise_initializer="he_normal",
        depthwise_constraint=_keep(masks, name, (1, 1, -1, 1)),
        name=name,
    )(x)
    return _normalise(x, name, masks)


def _scores(x: Tensor) -> Tensor:
    x = keras.layers.Dense(CLASSES, name="fc")(x)
    return keras.layers.Softmax(name="softmax")(x)


def _mlp(image: Tensor, width: int, masks: Masks) -> Tensor:
    """Stack one hidden layer or, from width 64 on, two, the second of half the width."""
    x = keras.layers.Flatten(name="flat")(image)
    x = keras.layers.Dense(width, activation="relu", name="h1")(x)
    if width >= 64:
        x = keras.layers.Dense(width // 2, activation="relu", name="h2")(x)
    return _scores(x)


def _cnn(image: Tensor, width: int, masks: Masks) -> Tensor:
    """Stack three 3x3 convolutions with pooling; average pooling last, so that both kinds occur."""
    x = _activate(_conv(image, "c1", width, masks=masks), "c1", None)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)
    x = _activate(_conv(x, "c2", 2 * width, masks=masks), "c2", None)
    x = keras.layers.MaxPooling2D(2, name="pool2")(x)
    x = _activate(_conv(x, "c3", 2 * width, masks=masks), "c3", None)
    x = keras.layers.AveragePooling2D(2, name="pool3")(x)
    return _scores(keras.layers.Flatten(name="flat")(x))


def _dscnn(image: Tensor, width: int, masks: Masks) -> Tensor:
    """Stack a strided convolution and four depthwise-separable blocks (Zhang et al. 2017)."""
    x = _activate(_conv(image, "c1", width, stride=2, masks=masks), "c1", None)
    blocks = ((width, 1), (2 * width, 2), (2 * width, 1), (2 * width, 1))
    for number, (filters, stride) in enumerate(blocks, start=1):
        x = _depthwise(x, f"d{number}", stride=stride, masks=masks)
        x = _activate(x, f"d{number}", None)
        x = _activate(_conv(x, f"p{number}", filters, size=1, masks=masks), f"p{number}", None)
    return _scores(keras.layers.GlobalAveragePooling2D(name="gap")(x))


def _resnet(image: Tensor, width: int, masks: Masks) -> Tensor:
    """Stack a strided convolution and two residual blocks (He et al. 2016)."""
    x = _activate(_conv(image, "c1", width, stride=2), "c1", None)
    for number, (filters, stride) in enumerate(((width, 1), (2 * width, 2)), start=1):
        shortcut = x if stride == 1 else _conv(x, f"r{number}s", filters, size=1, stride=stride)
        y = _activate(_conv(x, f"r{number}a", filters, stride=stride), f"r{number}a", None)
        y = _conv(y, f"r{number}b", filters)
        x = keras.layers.Add(name=f"r{number}_add")([shortcut, y])
        x = _activate(x, f"r{number}", None)
    return _scores(keras.layers.GlobalAveragePooling2D(name="gap")(x))


def _mobilenetv2(image: Tensor, width: int, masks: Masks) -> Tensor:
    """Stack inverted residuals with linear bottlenecks (Sandler et al. 2018), expansion 4, ReLU6.

    The strided layers pad all four sides by one, as PyTorch's MobileNetV2 does. TensorFlow's SAME
    pads only right and below, so the converter has to keep these as PAD ops.
    """
    x = keras.layers.ZeroPadding2D(1, name="c1_pad")(image)
    x = _activate(_conv(x, "c1", width, stride=2, padding="valid"), "c1", 6.0)
    for number, (filters, stride) in enumerate(((width, 1), (2 * width, 2), (2 * width, 1)), 1):
        y = _activate(_conv(x, f"e{number}", 4 * x.shape[-1], size=1), f"e{number}", 6.0)
        if stride == 2:
            y = keras.layers.ZeroPadding2D(1, name=f"d{number}_pad")(y)
        padding = "valid" if stride == 2 else "same"
        y = _depthwise(y, f"d{number}", stride=stride, padding=padding)
        y = _conv(_activate(y, f"d{number}", 6.0), f"p{number}", filters, size=1)
        x = keras.layers.Add(name=f"a{number}")([x, y]) if stride == 1 else y
    return _scores(keras.layers.GlobalAveragePooling2D(name="gap")(x))


_FAMILIES: dict[str, Callable[[Tensor, int, Masks], Tensor]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "dscnn": _dscnn,
    "resnet": _resnet,
    "mobilenetv2": _mobilenetv2,
}

# A depthwise filter fed by a dead channel is itself useless, so it shares its feeder's mask.
PRUNABLE: dict[str, tuple[str, ...]] = {
    "cnn": ("c1", "c2", "c3"),
    "dscnn": ("c1", "p1", "p2", "p3", "p4"),
}
DEPTHWISE_AFTER: dict[str, dict[str, str]] = {
    "cnn": {},
    "dscnn": {"c1": "d1", "p1": "d2", "p2": "d3", "p3": "d4"},
}


def build(architecture: str, width: int, masks: Masks = NO_MASKS) -> keras.Model:
    """Build one untrained network.

    Parameters
    ----------
    architecture : str
        ``mlp``, ``cnn``, ``dscnn``, ``resnet`` or ``mobilenetv2``.
    width : int
        Filters of the first layer (units of the hidden layer for ``mlp``).
    masks : mapping of str to ndarray of float32, shape (filters,)
        Per layer, 0 for a filter held at zero and 1 for one that trains.

    Returns
    -------
    keras.Model
    """
    image = keras.Input(IMAGE_SHAPE, name="image")
    scores = _FAMILIES[architecture](image, width, masks)
    return keras.Model(image, scores, name="n")


def count_macs(model: keras.Model) -> int:
    """Count multiply-accumulates of one inference from the layers' shapes.

    Convolutions, depthwise convolutions and dense layers only; padded positions are counted.
    """
    macs = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
            height, width = layer.output.shape[1:3]
            macs += height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Dense):
            macs += int(np.prod(layer.kernel.shape))
    return macs


def count_parameters(model: keras.Model) -> int:
    """Count weights and biases as they are deployed: batch norm folded into one bias per filter."""
    parameters = 0
    for layer in model.layers:
        if isinstance(
            layer,
            keras.layers.DepthwiseConv2D | keras.layers.Conv2D | keras.layers.Dense,
        ):
            parameters += int(np.prod(layer.kernel.shape)) + int(layer.output.shape[-1])
    return parameters
