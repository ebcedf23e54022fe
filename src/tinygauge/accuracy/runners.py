"""Which program on a desktop gives the outputs of which engine.

It was found by comparing the outputs printed in the published MLPerf Tiny
accuracy logs with those of desktop interpreters: tflite-micro gives those of TFLM, CMSIS-NN and
others to the bit ("two-rounding"), LiteRT with XNNPACK those of X-CUBE-AI and Plumerai
("one-rounding"), LiteRT's own kernels those of Andes' library ("litert"). Floating-point models
have no such roundings, so they all run in LiteRT.

The evaluator of `tinygauge.exact` gives the same bits as each of them, faster; the interpreters
then only check it, and run what it does not know.

How a program runs a model, apart from this process, stands in `processes.py`.

>>> [runner.name for runner in runners_for("one-rounding", is_float=False)]
['litert-xnnpack']
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass, replace
from enum import StrEnum

import tinygauge
from tinygauge.errors import UnknownNameError
from tinygauge.exact import Rounding

__all__ = ["PROFILES", "RUNNERS", "Choice", "Runner", "exact_counterpart", "runners_for"]


class Choice(StrEnum):
    """Which kind of program runs models."""

    AUTO = "auto"
    EXACT = "exact"
    CUDA = "exact-cuda"
    INTERPRETER = "interpreter"


@dataclass(frozen=True, slots=True)
class Runner:
    """A program that runs models.

    Parameters
    ----------
    name : str
        As the worker knows it.
    package : str
        The distribution that holds it.
    title : str
        For people; followed by the version in `label`.
    note : str
        Where its numbers may differ from the profile's; empty where they don't.
    """

    name: str
    package: str
    title: str
    note: str = ""

    @property
    def version(self) -> str | None:
        """Version of the installed package; None where it is absent."""
        if self.is_exact:  # a source tree need not be installed
            return tinygauge.__version__
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def is_exact(self) -> bool:
        """Whether it is the evaluator of `tinygauge.exact`."""
        return self.package == "tinygauge"

    @property
    def is_on_cuda(self) -> bool:
        """Whether it runs there."""
        return self.name.startswith(Choice.CUDA)

    @property
    def label(self) -> str:
        """Program, kernels and version, such as ``"LiteRT with XNNPACK 2.3.0"``."""
        return f"{self.title} {self.version or '(not installed)'}"


_TFLM = Runner("tflite-micro", "tflite-micro", "tflite-micro")
_XNNPACK = Runner("litert-xnnpack", "ai-edge-litert", "LiteRT with XNNPACK")
_BUILTIN = Runner("litert-builtin", "ai-edge-litert", "LiteRT built-in kernels")
_REFERENCE = Runner(
    "litert-reference",
    "ai-edge-litert",
    "LiteRT reference kernels",
    # 0.991 of the 1,000 MLPerf Tiny keyword-spotting inputs (LiteRT 2.3.0,
    # tflite-micro 0.dev20261023): all 12 outputs equal.
    "they agree with tflite-micro, which is not installed, on 99.1 % of outputs only",
)

# LiteRT's kernels round as the engines of these profiles do where it is built for x86-64, as
# `platform.machine` calls that. On an emulated Cortex-A76 (LiteRT 2.3.0, the packaged models)
# CONV_2D and FULLY_CONNECTED without a delegate and every SOFTMAX were at times one count off.
_MEASURED_ON = ("x86_64", "AMD64")
_ELSEWHERE = "LiteRT rounds as the profile does on x86-64, and now and then otherwise here"

_BY_PROFILE: dict[str, tuple[Runner, ...]] = {
    "two-rounding": (_TFLM,),
    "one-rounding": (_XNNPACK,),
    "litert": (_BUILTIN,),
    "unknown": (_TFLM, _XNNPACK),
}
PROFILES = tuple(_BY_PROFILE)
# No engine's arithmetic: a runtime that users compare with.
_ONNX = Runner("onnxruntime", "onnxruntime", "ONNX Runtime")

RUNNERS = {
    runner.name: replace(runner, note="")
    for runner in (_TFLM, _XNNPACK, _BUILTIN, _REFERENCE, _ONNX)
}
"""The interpreters by name, each standing for itself."""


_EXACT = {
    rounding: Runner(f"exact:{rounding}", "tinygauge", f"TinyGauge's exact evaluator ({rounding})")
    for rounding in Rounding
}
_EXACT_ON_CUDA = {
    rounding: replace(
        runner,
        name=f"exact-cuda:{rounding}",
        title=f"TinyGauge's exact evaluator on CUDA ({rounding})",
    )
    for rounding, runner in _EXACT.items()
}
_ROUNDINGS = {
    _TFLM.name: Rounding.TWO,
    _REFERENCE.name: Rounding.TWO,
    _XNNPACK.name: Rounding.ONE,
    _BUILTIN.name: Rounding.LITERT,
}


def exact_counterpart(interpreter: Runner, *, on_cuda: bool = False) -> tuple[Runner, Rounding]:
    """Return the exact evaluator with the rounding of an interpreter.

    Parameters
    ----------
    interpreter : Runner
        From `runners_for`.
    on_cuda : bool
        Whether it is to run there, in the user's PyTorch.

    Returns
    -------
    tuple of Runner and Rounding
        The runner, and what it rounds like.
    """
    rounding = _ROUNDINGS[interpreter.name]
    return (_EXACT_ON_CUDA if on_cuda else _EXACT)[rounding], rounding


def runners_for(profile: str, *, is_float: bool, machine: str | None = None) -> tuple[Runner, ...]:
    """Return the programs whose outputs are those of a numeric profile.

    Parameters
    ----------
    profile : str
        One of `PROFILES`. With ``"unknown"`` there are two: the truth lies with either.
    is_float : bool
        Whether the model computes in floating point only.
    machine : str, optional
        The processor that models run on, as `platform.machine` names it; by default this one.

    Returns
    -------
    tuple of Runner
        The first is the best guess; none of them need be installed.

    Raises
    ------
    UnknownNameError
        If there is no such profile.

    References
    ----------
    Own comparison of 2026-11-22 of the keyword-spotting accuracy logs in
    mlcommons/tiny_results_v0.5 to v1.2 with tflite-micro 0.dev20261023 and ai-edge-litert
    2.3.0; the catalogue's engines (data/engines/*.toml) state it for each.
    """
    if profile not in _BY_PROFILE:
        raise UnknownNameError("numeric profile", profile, PROFILES)
    if is_float:
        return (_XNNPACK,)
    return tuple(_as_on(machine or platform.machine(), runner) for runner in _BY_PROFILE[profile])


def _as_on(machine: str, runner: Runner) -> Runner:
    """Return an interpreter with what its outputs lack on a processor, or what stands in for it."""
    if runner is _TFLM:
        return _REFERENCE if runner.version is None else runner
    return runner if machine in _MEASURED_ON else replace(runner, note=_ELSEWHERE)
