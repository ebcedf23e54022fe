"""What an emulated board runs where the user names nothing: fetched references, random inputs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygauge.accuracy import Dataset
from tinygauge.bench.rules import WINDOWS
from tinygauge.errors import ConfigError
from tinygauge.firmware import wire_of
from tinygauge.graph import DType, Model

__all__ = ["FETCHED", "RANDOM", "random_inputs", "reference_data", "reference_model"]

FETCHED = "mlperf-tiny"
"""Folder of ``tinygauge fetch mlperf-tiny``."""
RANDOM = "random inputs"
"""Name of the dataset that stands in for one."""

_MODELS = {
    "kws": "kws_ref_model.tflite",
    "ic": "pretrainedResnet_quant.tflite",
    "vww": "vww_96_int8.tflite",
    "ad": "ad01_int8.tflite",
}
_DATA = {"kws": "kws01", "ic": "ic01", "vww": "vww01", "ad": "ad01"}
_SEED = 0


def reference_model(benchmark: str, folder: Path = Path(FETCHED)) -> Path:
    """Return the int8 reference model of a benchmark, as it was fetched.

    Parameters
    ----------
    benchmark : str
    folder : Path
        Where `FETCHED` is.

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        If it was not fetched, or the benchmark has none.
    """
    if benchmark not in _MODELS:
        raise ConfigError("--model", f"no model is named, and '{benchmark}' has none of its own")
    path = folder / "models" / _MODELS[benchmark]
    if not path.is_file():
        advice = "Try: tinygauge fetch mlperf-tiny, or name a .tflite file with --model"
        raise ConfigError(str(path), "the reference model is not here", advice)
    return path


def reference_data(benchmark: str, folder: Path = Path(FETCHED)) -> Path | None:
    """Return the inputs of a benchmark, as they were fetched; None where they were not.

    Only those of keyword spotting can be fetched; the others are found where the user put them.
    """
    path = folder / "datasets" / _DATA.get(benchmark, "")
    inputs = benchmark in _DATA and path.is_dir() and any(path.glob("*.bin"))
    return path if inputs else None


def random_inputs(model: Model, benchmark: str) -> Dataset:
    """Make inputs for timing where there is no dataset: the same every time, of no class.

    Parameters
    ----------
    model : Model
        With one input.
    benchmark : str
        What goes over the wire.

    Returns
    -------
    Dataset
        As many inputs as there are windows, drawn from all that the input tensor can hold.
    """
    tensor = model.main.tensors[model.main.inputs[0]]
    shape = (WINDOWS, *tensor.shape)
    found = tensor.quantization
    scale, zero = (found.scale[0], found.zero_point[0]) if found else (1.0, 0)
    most = 2**15 if tensor.dtype is DType.INT16 else 2**7
    stored = np.random.default_rng(_SEED).integers(-most, most, shape)
    sent = "floats" if tensor.dtype is DType.FLOAT32 else wire_of(benchmark).sent
    x: npt.NDArray[Any]
    if sent == "floats":
        x, scale, zero = (scale * (stored - zero)).astype(np.float32), 1.0, 0
    elif sent == "pixels":
        x, zero = (stored + 128).astype(np.uint8), zero + 128
    else:
        x = stored.astype(np.int16 if tensor.dtype is DType.INT16 else np.int8)
    return Dataset(
        name=RANDOM,
        path="",
        sha256=hashlib.sha256(x.tobytes()).hexdigest(),
        x=x,
        y=np.zeros(WINDOWS, dtype=np.int64),
        x_scale=scale,
        x_zero_point=zero,
    )
