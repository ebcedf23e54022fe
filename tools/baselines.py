"""Predict cycles in three simple ways, to judge what a better model is worth.

Each way sees the rows that the split leaves it: all but those with the same label.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from held_out import HeldOut
from numpy.typing import NDArray
from scipy.optimize import nnls

from tinygauge import catalog
from tinygauge.quantity import Missing

Logs = NDArray[np.float64]


def all_three(found: HeldOut, unit: str) -> tuple[Logs, Logs, Logs]:
    """Return log of measured over predicted per row: by MACs, by neighbour, by CoreMark.

    Parameters
    ----------
    found : HeldOut
    unit : str
        Name of the label that is left out, such as ``"board"``.

    Returns
    -------
    tuple of ndarray of float64, each of shape (rows,)
        Of the last, nan where no CoreMark is known.
    """
    return macs_only(found, unit), neighbour(found, unit), coremark_only(found, unit)


def _macs(found: HeldOut) -> NDArray[np.float64]:
    return np.array([row.macs for row in found.rows], float)


def _choices(found: HeldOut, unit: str) -> Iterator[tuple[int, list[NDArray[np.bool_]]]]:
    """List for each row the rows to learn from, the most similar first."""
    labels, at = found.labels[unit], found.labels
    for number in range(len(found.rows)):
        others = (labels != labels[number]) & (found.dtype == found.dtype[number])
        same = others & (at["engine"] == at["engine"][number])
        board, core = (at[name] == at[name][number] for name in ("board", "core"))
        yield number, [same & board, same & core, same, others & core, others]


def macs_only(found: HeldOut, unit: str) -> Logs:
    """Predict a constant plus a rate times MACs, fitted to the most similar rows."""
    macs, logs = _macs(found), np.empty(len(found.rows))
    cycles = np.exp(found.log_cycles)
    design = np.column_stack([macs, np.ones_like(macs)]) / cycles[:, None]
    for number, choices in _choices(found, unit):
        chosen = next(choice for choice in choices if choice.sum() > 1)
        rate, constant = nnls(design[chosen], np.ones(chosen.sum()))[0]
        logs[number] = math.log(cycles[number] / max(1.0, rate * macs[number] + constant))
    return logs


def neighbour(found: HeldOut, unit: str) -> Logs:
    """Scale the cycles of the row nearest in MACs, among the most similar, by the MACs."""
    per_mac = found.log_cycles - np.log(_macs(found))
    size, logs = np.log(_macs(found)), np.empty(len(found.rows))
    for number, choices in _choices(found, unit):
        chosen = np.flatnonzero(next(choice for choice in choices if choice.any()))
        nearest = chosen[np.argmin(np.abs(size[chosen] - size[number]))]
        logs[number] = per_mac[number] - per_mac[nearest]
    return logs


def coremark_only(found: HeldOut, unit: str) -> Logs:
    """Scale the typical cycles per MAC of other rows by the ratio of CoreMark/MHz."""
    score = np.array([_coremark(board) for board in found.labels["board"]])
    work = found.log_cycles - np.log(_macs(found)) + np.log(score)
    network, labels = found.labels["network"], found.labels[unit]
    logs = np.empty(len(found.rows))
    for number in range(len(found.rows)):
        others = (labels != labels[number]) & (found.dtype == found.dtype[number])
        others &= ~np.isnan(work)
        same = others & (network == network[number])
        logs[number] = work[number] - np.median(work[same if same.any() else others])
    return logs


def _coremark(board: str) -> float:
    if board not in catalog.board_names():
        return math.nan
    score = catalog.board(board).coremark
    return math.nan if isinstance(score, Missing) else score.value
