"""Finds the compiled kernels, and says what they are called with."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from ctypes import POINTER, Structure, c_char_p, c_float, c_int32, c_int64, c_void_p
from dataclasses import fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tinygauge.errors import ConfigError
from tinygauge.exact.scales import Scale
from tinygauge.exact.steps import Array, Window

__all__ = [
    "LEVELS",
    "BatchConvolution",
    "CCurve",
    "CLstm",
    "CPair",
    "CReduction",
    "CResize",
    "CScale",
    "CSoftmax",
    "CSvdf",
    "CWindow",
    "level",
    "level_for_int16",
    "levels",
    "library",
    "pointer",
    "succeed",
    "whole",
]

LEVELS = ("portable", "avx2", "avxvnni", "avx512", "neon", "dotprod")
"""Instruction sets that inner loops may exist for, as c/desktop/batch.h numbers them.

Of those that a machine has, the last one is the fastest.
"""

# Those whose loops multiply int16.
_WIDE = ("portable", "avx2")
# One of LEVELS, or "numpy" for none at all: to compare them, and to find a fault.
_VARIABLE = "TINYGAUGE_KERNELS"
_NAMES = ("numpy", *LEVELS)
_ADVICE = f"Leave {_VARIABLE} unset for the fastest that there are"
# Beside the package, where CMakeLists.txt installs it.
_FOLDER = "_tinygauge_kernels"
_SUFFIXES = {"win32": ".dll", "cygwin": ".dll", "darwin": ".dylib"}


class CScale(Structure):
    """``tg_scale``."""

    _fields_ = (("multiplier", c_int32), ("shift", c_int32))

    @classmethod
    def of(cls, scale: Scale) -> CScale:
        """Copy a scale."""
        return cls(scale.multiplier, scale.shift)


# The order is that of kernels.h; the names are those of `Window`.
_WINDOW = (
    "in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "filter_h", "filter_w", "stride_h",
    "stride_w", "dilation_h", "dilation_w", "pad_h", "pad_w", "filter_c", "in_zero", "out_zero",
    "low", "high",
)  # fmt: skip


class CWindow(Structure):
    """``tg_window``."""

    _fields_ = tuple((name, c_int32) for name in _WINDOW)

    @classmethod
    def of(cls, window: Window) -> CWindow:
        """Copy a window."""
        return cls(**{field.name: getattr(window, field.name) for field in fields(window)})


class BatchConvolution(Structure):
    """``tg_batch_conv``."""

    _fields_ = (
        ("window", CWindow),
        ("rounding", c_int32),
        ("level", c_int32),
        ("is_wide", c_int32),
        ("is_quick", c_int32),
        ("runs", c_int32),
        ("run", c_int32),
        ("taps", c_int32),
        ("rows", c_int32),
        ("patterns", c_int32),
        ("weights", c_void_p),
        ("bias", c_void_p),
        ("multipliers", c_void_p),
        ("shifts", c_void_p),
        ("factors", c_void_p),
        ("quick", c_void_p),
    )


class CPair(Structure):
    """``tg_pair``."""

    _fields_ = (
        ("a_zero", c_int32),
        ("b_zero", c_int32),
        ("out_zero", c_int32),
        ("a", CScale),
        ("b", CScale),
        ("out", CScale),
        ("left_shift", c_int32),
        ("negate_b", c_int32),
        ("low", c_int32),
        ("high", c_int32),
    )


class CSoftmax(Structure):
    """``tg_softmax``."""

    _fields_ = (("rows", c_int32), ("depth", c_int32), ("scale", CScale), ("diff_min", c_int32))


class CResize(Structure):
    """``tg_resize``."""

    _fields_ = (
        ("images", c_int32),
        ("in_h", c_int32),
        ("in_w", c_int32),
        ("channels", c_int32),
        ("out_h", c_int32),
        ("out_w", c_int32),
    )


class CReduction(Structure):
    """``tg_reduction``."""

    _fields_ = (
        ("outer", c_int32),
        ("reduced", c_int32),
        ("inner", c_int32),
        ("in_zero", c_int32),
        ("out_zero", c_int32),
        ("scale", CScale),
    )


class CCurve(Structure):
    """``tg_curve``."""

    _fields_ = (("multiplier", c_int32), ("shift", c_int32), ("is_tanh", c_int32))


class CSvdf(Structure):
    """``tg_svdf``."""

    _fields_ = (
        ("batch", c_int32),
        ("inputs", c_int32),
        ("filters", c_int32),
        ("rank", c_int32),
        ("memory", c_int32),
        ("in_zero", c_int32),
        ("state_zero", c_int32),
        ("out_zero", c_int32),
        ("to_state", CScale),
        ("to_output", CScale),
    )


class CLstm(Structure):
    """``tg_lstm``; the last three numbers are its ``tg_curve``."""

    _fields_ = (
        ("batch", c_int32),
        ("steps", c_int32),
        ("inputs", c_int32),
        ("units", c_int32),
        ("is_time_major", c_int32),
        ("in_zero", c_int32),
        ("hidden_zero", c_int32),
        ("from_input", CScale * 4),
        ("from_hidden", CScale * 4),
        ("kept", CScale),
        ("added", CScale),
        ("hidden", CScale),
        ("cell_low", c_int32),
        ("cell_high", c_int32),
        ("tanh_multiplier", c_int32),
        ("tanh_shift", c_int32),
        ("is_tanh", c_int32),
    )


def pointer(array: Array | None) -> int | None:
    """Return the address of an array's first element; the caller keeps the array alive."""
    return None if array is None else array.ctypes.data


def whole(array: Array) -> Array:
    """Return an array in order in memory, as kernels read it."""
    return np.ascontiguousarray(array)


def succeed(code: int) -> None:
    """Raise MemoryError where a kernel found no room to work in."""
    if code != 0:
        raise MemoryError("no room for the compiled kernels")


_I, _L, _P = c_int32, c_int64, c_void_p
# What each function takes and returns.
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "tg_batch_convolve": (_I, (POINTER(BatchConvolution), _I, _P, _P)),
    "tg_batch_depthwise": (_I, (POINTER(BatchConvolution), _I, _P, _P)),
    "tg_batch_lstm_step_s8": (_I, (POINTER(CLstm), _I, _I, _P, _P, _P, _P, _P)),
    "tg_batch_lstm_step_s16": (_I, (POINTER(CLstm), _I, _I, _P, _P, _P, _P, _P)),
    "tg_batch_pool": (_I, (POINTER(CWindow), _I, _I, _P, _P)),
    "tg_batch_rescaled_sum": (_I, (POINTER(CReduction), _P, _P)),
    "tg_batch_products_s8": (_I, (_I, _I, _I, _I, _P, _P, _P, _P)),
    "tg_batch_products_s8_long": (_I, (_I, _I, _I, _I, _P, _P, _P, _P)),
    "tg_batch_products_s16": (_I, (_I, _I, _I, _I, _P, _P, _P, _P)),
    "tg_batch_sum": (None, (_I, _I, _I, _I, _P, _P)),
    "tg_batch_add": (None, (POINTER(CPair), _I, _L, _P, _P, _P)),
    "tg_batch_add_s16": (None, (POINTER(CPair), _L, _P, _P, _P)),
    "tg_batch_mul_s8": (None, (POINTER(CPair), _L, _P, _P, _P)),
    "tg_batch_mul_s16": (None, (POINTER(CPair), _L, _P, _P, _P)),
    "tg_batch_softmax_s8": (None, (_L, _I, _P, _P, _P)),
    "tg_add_n_s8": (None, (POINTER(CPair), _I, _I, _P, _P)),
    "tg_compare_s8": (None, (POINTER(CPair), _I, _I, _P, _I, _P, _I, _P)),
    "tg_curve_s16": (None, (POINTER(CCurve), _P, _I, _P, _P)),
    "tg_dequantize_s8": (None, (c_float, _I, _I, _P, _P)),
    "tg_dequantize_s16": (None, (c_float, _I, _I, _P, _P)),
    "tg_quantize_s8": (None, (c_float, _I, _I, _P, _P)),
    "tg_quantize_s16": (None, (c_float, _I, _I, _P, _P)),
    "tg_requantize_s8_s16": (None, (CScale, _I, _I, _I, _P, _P)),
    "tg_requantize_s16_s8": (None, (CScale, _I, _I, _I, _P, _P)),
    "tg_requantize_s16": (None, (CScale, _I, _I, _I, _P, _P)),
    "tg_has_level": (_I, (_I,)),
    "tg_loop_convolve_s8": (_I, (POINTER(CWindow), _I, _I, _P, _P, _P, _P, _P)),
    "tg_loop_convolve_s16": (_I, (POINTER(CWindow), _I, _I, _P, _P, _P, _P, _P)),
    "tg_loop_pool_s16": (None, (POINTER(CWindow), _I, _I, _P, _P)),
    "tg_lstm_s8": (None, (POINTER(CLstm), *(_P,) * 9)),
    "tg_lstm_s16": (None, (POINTER(CLstm), *(_P,) * 9)),
    "tg_l2_normalize_s8": (None, (_I, _I, _I, _P, _P)),
    "tg_leaky_relu_s16": (None, (POINTER(CPair), _I, _P, _P)),
    "tg_lookup_s8": (None, (_P, _I, _P, _P)),
    "tg_svdf_s8": (None, (POINTER(CSvdf), *(_P,) * 6)),
    "tg_svdf_s16": (None, (POINTER(CSvdf), *(_P,) * 6)),
    "tg_resize_bilinear_s8": (None, (POINTER(CResize), _P, _P, _P, _P)),
    "tg_softmax_s16": (None, (POINTER(CSoftmax), _P, _P, _P, _P)),
}


def _candidates() -> list[Path]:
    """Return where the build may have put the library."""
    found = importlib.util.find_spec(_FOLDER)
    folders = (found.submodule_search_locations or ()) if found is not None else ()
    name = "_kernels" + _SUFFIXES.get(sys.platform, ".so")
    return [Path(folder) / name for folder in folders]


def _wanted() -> str:
    """Return what the user asks for: one of LEVELS, ``numpy``, or nothing."""
    wanted = os.environ.get(_VARIABLE, "")
    if wanted and wanted not in _NAMES:
        known = f"Known: {', '.join(_NAMES)}"
        raise ConfigError(f"{_VARIABLE}={wanted}", "there are no such kernels", known)
    return wanted


@cache
def library() -> ctypes.CDLL | None:
    """Load the compiled kernels.

    Returns
    -------
    ctypes.CDLL or None
        None where none were built, or where TINYGAUGE_KERNELS is ``numpy``.

    Raises
    ------
    ConfigError
        If they were built from other C sources than this package's, or TINYGAUGE_KERNELS asks
        for what nobody wrote or for compiled kernels where there are none.
    """
    wanted = _wanted()
    if wanted == "numpy":
        return None
    for path in _candidates():
        if not path.is_file():
            continue
        try:
            loaded = ctypes.CDLL(str(path))
        except OSError:  # built for another machine
            continue
        _refuse_stale(loaded, path)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
        return loaded
    if wanted:
        raise ConfigError(f"{_VARIABLE}={wanted}", "no compiled kernels were built here", _ADVICE)
    return None


def _sources_id() -> str:
    """Digest the C sources of this package as CMakeLists.txt does."""
    folder = Path(__file__).parent / "c"
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.[ch]")}
    listing = "".join(
        f"{name} {sha256(files[name].read_bytes()).hexdigest()}\n" for name in sorted(files)
    )
    return sha256(listing.encode()).hexdigest()


def _refuse_stale(loaded: ctypes.CDLL, path: Path) -> None:
    """Raise where other sources made the library: it may lay out its structures otherwise."""
    try:
        loaded.tg_sources_id.restype = c_char_p
        built_from = loaded.tg_sources_id().decode()
    except AttributeError:  # from before libraries said so
        built_from = ""
    if built_from != _sources_id():
        raise ConfigError(
            str(path),
            "these compiled kernels were built from other sources than this package holds",
            f"Install the package again (in a checkout: make demo); {_VARIABLE}=numpy does without",
        )


def _has_level(place: int) -> bool:
    loaded = library()
    return loaded is not None and bool(loaded.tg_has_level(place))


def levels() -> list[str]:
    """Return those of `LEVELS` that this machine can run, the fastest last."""
    return [name for place, name in enumerate(LEVELS) if _has_level(place)]


@cache
def level() -> int:
    """Return the place in `LEVELS` of the instruction set that is used here.

    Raises
    ------
    ConfigError
        If TINYGAUGE_KERNELS asks for one that this machine lacks.
    """
    if library() is None:
        return 0
    wanted, known = _wanted() or levels()[-1], levels()
    if wanted not in known:
        problem = f"this machine can't run them, but {', '.join(known)}"
        raise ConfigError(f"{_VARIABLE}={wanted}", problem, _ADVICE)
    return LEVELS.index(wanted)


def level_for_int16() -> int:
    """Return the place in `LEVELS` of the loops for int16 values, which not every level has."""
    used = level()
    return next(
        place for place in range(used, -1, -1) if LEVELS[place] in _WIDE and _has_level(place)
    )
