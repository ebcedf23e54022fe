"""Power traces as a run keeps them: NumPy archives that hold all of a `PowerTrace`."""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tinygauge.bench.trace import Accuracy, Gap, Instrument, PowerTrace
from tinygauge.errors import RunFormatError, RunStorageError, TraceFormatError
from tinygauge.files import write_whole
from tinygauge.quantity import Missing

__all__ = ["load_trace", "save_trace"]

_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


def save_trace(path: Path, trace: PowerTrace) -> None:
    """Write a trace, whole or not at all.

    Parameters
    ----------
    path : Path
        Ends in ``.npz``.
    trace : PowerTrace

    Raises
    ------
    RunStorageError
        If it can't be written.
    """
    accuracy = trace.instrument.accuracy
    stated: dict[str, Any] = {"missing": accuracy.reason} if isinstance(accuracy, Missing) else {
        "gain": accuracy.gain, "offset_a": accuracy.offset_a, "source": accuracy.source,
    }  # fmt: skip
    about = {
        "name": trace.name,
        "instrument": trace.instrument.name,
        "identity": trace.instrument.identity,
        "accuracy": stated,
        "period_s": trace.period_s,
        "supply_v": trace.supply_v,
        "gaps": [[gap.start_s, gap.end_s, gap.reason] for gap in trace.gaps],
        "notes": list(trace.notes),
    }
    columns: dict[str, Any] = {"t_s": trace.t_s, "p_w": trace.p_w, "marks_s": trace.marks_s}
    columns |= {
        name: column for name in ("i_a", "v_v") if (column := getattr(trace, name)) is not None
    }
    content = io.BytesIO()
    np.savez_compressed(
        content, about=np.array(json.dumps(about)), overload=trace.overload, **columns
    )
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        problem = f"can't write it ({error.strerror or error})"
        advice = "What was measured before is kept: make room, then go on with --resume"
        raise RunStorageError(str(path), problem, advice) from error


def load_trace(path: Path) -> PowerTrace:
    """Read a trace that `save_trace` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    PowerTrace

    Raises
    ------
    RunFormatError
        If it can't be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
        about = json.loads(str(columns.pop("about")))
        return PowerTrace(
            name=about["name"],
            instrument=Instrument(
                about["instrument"], _accuracy(about["accuracy"]), about["identity"]
            ),
            period_s=about["period_s"],
            supply_v=about["supply_v"],
            gaps=tuple(Gap(*gap) for gap in about["gaps"]),
            notes=tuple(about["notes"]),
            **columns,
        )
    except (*_DAMAGE, TraceFormatError) as error:
        raise RunFormatError(str(path), f"this is no readable trace ({error})") from error


def _accuracy(stated: dict[str, Any]) -> Accuracy | Missing:
    if "missing" in stated:
        return Missing(stated["missing"])
    if not math.isfinite(stated["gain"] + stated["offset_a"]):
        raise ValueError("its accuracy is no number")
    return Accuracy(stated["gain"], stated["offset_a"], stated["source"])
