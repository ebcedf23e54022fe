"""Turns a dataset into the bytes of a model's input tensor, a slice at a time.

Checks that the shapes fit, converts the channels of images, and quantises real values with
the model's own scale and zero point, as a device does. Integer data whose scale and zero point
are the model's own pass unchanged. It does no feature extraction and never resizes.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy.datasets import Dataset
from tinygauge.errors import DatasetError
from tinygauge.graph import DType, Model, Quantization, Tensor

__all__ = ["ModelInputs", "find_range_fault", "fit", "output_tensor", "quantize"]

# Raise this whenever the bytes that a dataset becomes change: cached outputs are then unused.
SCHEME_VERSION = 1

# Enough inputs to see a wrong scale; calibration leaves a few outliers outside the range.
_LOOKED_AT = 64
_CLIPPED_SHARE = 0.05

_STORED: dict[DType, type[np.generic]] = {
    DType.INT8: np.int8,
    DType.UINT8: np.uint8,
    DType.INT16: np.int16,
    DType.FLOAT32: np.float32,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelInputs:
    """A dataset as a model takes it; slices are made when they are asked for.

    Parameters
    ----------
    dataset : Dataset
    shape : tuple of int
        Of the model's input tensor.
    dtype : dtype
        Of the model's input tensor.
    quantization : Quantization or None
        Of the model's input tensor.
    """

    dataset: Dataset
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    quantization: Quantization | None

    def __len__(self) -> int:
        """Return the number of inputs."""
        return len(self.dataset)

    def __getitem__(self, part: slice) -> npt.NDArray[np.generic]:
        """Return inputs `part`, shape ``(k, *shape)``, as the model takes them."""
        start, stop, _ = part.indices(len(self.dataset))
        if self._passes_unchanged:
            stored = self.dataset.rows(start, stop)
        else:
            reals = self._match_channels(self.dataset.reals(start, stop))
            stored = reals
            if self.dtype.kind != "f":
                stored = quantize(reals, self.dtype, self.quantization)
        return stored.reshape(stop - start, *self.shape)

    @property
    def identity(self) -> Hashable:
        """What decides the content: equal for two models that take a dataset alike."""
        scale, zero_point = 1.0, 0
        if self.quantization is not None:
            scale, zero_point = self.quantization.scale[0], self.quantization.zero_point[0]
        return weakref.ref(self.dataset), self.shape, self.dtype.str, scale, zero_point

    @property
    def _passes_unchanged(self) -> bool:
        """Whether stored values are already those of the tensor."""
        data = self.dataset
        if data.x.dtype != self.dtype or self._channels_differ:
            return False
        if self.quantization is None:
            return data.x_scale == 1.0 and data.x_zero_point == 0
        # The file holds scales in float32, so that is how they are compared.
        same_scale = np.float32(data.x_scale) == np.float32(self.quantization.scale[0])
        return bool(same_scale) and data.x_zero_point == self.quantization.zero_point[0]

    @property
    def _channels_differ(self) -> bool:
        return self.dataset.is_images and self.dataset.row_shape[-1] != self.shape[-1]

    def _match_channels(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Make images grey or coloured, as the model takes them.

        References
        ----------
        ITU-R BT.601-7, 2.5.1: luma = 0.299 red + 0.587 green + 0.114 blue.
        """
        if not self._channels_differ:
            return images
        if self.shape[-1] == 3:
            return np.repeat(images, 3, axis=-1)
        grey = images @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        return grey[..., np.newaxis]


def quantize(
    reals: npt.NDArray[np.float32],
    dtype: np.dtype[np.generic],
    quantization: Quantization | None,
) -> npt.NDArray[np.generic]:
    """Quantise real values: clip(round(real / scale) + zero_point), halves away from zero.

    Parameters
    ----------
    reals : ndarray of float32
    dtype : dtype
        An integer type.
    quantization : Quantization or None
        One scale and zero point; None stands for 1 and 0.

    Returns
    -------
    ndarray
        Of `dtype`, the shape of `reals`.

    References
    ----------
    The division is in float32 and the rounding is C's ``round``, as devices do it:
    tensorflow/tflite-micro @ 7f51872, tensorflow/lite/kernels/internal/reference/quantize.h,
    PerChannelQuantize; the MLPerf Tiny firmware of microTVM rounds alike (QuantizeFloatToInt8).
    """
    scale, zero_point = (1.0, 0)
    if quantization is not None:
        scale, zero_point = quantization.scale[0], quantization.zero_point[0]
    steps = (reals / np.float32(scale)).astype(np.float64)
    # Adding a half is exact in float64, where in float32 0.49999997 + 0.5 would give 1.
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + zero_point
    limits = np.iinfo(np.dtype(dtype.str))
    return np.asarray(np.clip(rounded, limits.min, limits.max).astype(dtype))


def fit(model: Model, dataset: Dataset) -> ModelInputs:
    """Check that a dataset fits a model, and pair them.

    Parameters
    ----------
    model : Model
        With one input.
    dataset : Dataset
        Each of its inputs has as many elements as the model's; where both are shaped, the
        shapes are equal but for dimensions of 1. Images may differ in channels (1 or 3).

    Returns
    -------
    ModelInputs

    Raises
    ------
    DatasetError
        If they don't fit, or the model can't be fed from a dataset.
    """
    where = dataset.path or dataset.name
    tensor = _only(model, model.main.inputs, "input")
    if tensor.dtype not in _STORED:
        problem = f"{model.name} takes {tensor.dtype.value} inputs"
        raise DatasetError(where, problem, f"Known: {', '.join(kind.value for kind in _STORED)}")
    if tensor.quantization is not None and tensor.quantization.per_channel:
        raise DatasetError(where, f"{model.name} takes inputs quantised per channel", "Export anew")
    shape = tuple(1 if extent < 0 else extent for extent in tensor.shape)
    _check_shape(model, dataset, shape, where)
    return ModelInputs(
        dataset=dataset,
        shape=shape,
        dtype=np.dtype(_STORED[tensor.dtype]),
        quantization=tensor.quantization,
    )


def find_range_fault(model: Model, dataset: Dataset) -> str:
    """Tell whether the data's scale can't be the one that a quantised model was made for.

    Parameters
    ----------
    model : Model
        That `dataset` fits.
    dataset : Dataset
        Its first 64 inputs are looked at.

    Returns
    -------
    str
        What is wrong: more than 5 % of the values lie outside the range of the model's input,
        or all of them within one step of it. Empty where neither holds, or the input is float.
    """
    inputs = fit(model, dataset)
    if inputs.dtype.kind == "f" or inputs.quantization is None:
        return ""
    scale, zero_point = inputs.quantization.scale[0], inputs.quantization.zero_point[0]
    limits = np.iinfo(np.dtype(inputs.dtype.str))
    low, high = ((end - zero_point) * scale for end in (limits.min, limits.max))
    reals = dataset.reals(0, min(len(dataset), _LOOKED_AT))
    clipped = float(np.mean((reals < low - scale) | (reals > high + scale)))
    if clipped > _CLIPPED_SHARE:
        return (
            f"{clipped:.0%} of the values of '{dataset.name}' lie outside {low:.4g} to {high:.4g}, "
            "which is all that the model's input holds, and were clipped"
        )
    if float(np.ptp(reals)) <= scale:
        return (
            f"all values of '{dataset.name}' lie within {scale:.4g}, which is one step of the "
            "model's input"
        )
    return ""


def output_tensor(model: Model) -> Tensor:
    """Return a model's output.

    Parameters
    ----------
    model : Model

    Returns
    -------
    Tensor

    Raises
    ------
    DatasetError
        If the model has several outputs: which one holds the answer is then unknown.
    """
    return _only(model, model.main.outputs, "output")


def _only(model: Model, indices: tuple[int, ...], kind: str) -> Tensor:
    if len(indices) != 1:
        problem = f"the model has {len(indices)} {kind}s, accuracy needs one"
        raise DatasetError(model.path or model.name, problem, f"Export it with one {kind}")
    return model.main.tensors[indices[0]]


def _check_shape(model: Model, dataset: Dataset, shape: tuple[int, ...], where: str) -> None:
    row, wanted = list(dataset.row_shape), list(shape)
    if dataset.is_images and len(shape) == 4 and shape[-1] in (1, 3):
        row[-1] = shape[-1]
    if math.prod(row) == math.prod(wanted):
        row_extents = [extent for extent in row if extent != 1]
        extents = [extent for extent in wanted if extent != 1]
        if row_extents == extents or len(row_extents) <= 1 or len(extents) <= 1:
            return
        advice = "The order of the dimensions differs: transpose the data"
    elif shape and shape[0] > 1 and math.prod(row) == math.prod(wanted[1:]):
        advice = f"The model takes {shape[0]} inputs at once: export it with a batch of 1"
    else:
        advice = "Give data of the model's shape"
    problem = f"each input is {_by(dataset.row_shape)}, but {model.name} takes {_by(shape)}"
    raise DatasetError(where, problem, advice)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(extent) for extent in shape) or "a scalar"
