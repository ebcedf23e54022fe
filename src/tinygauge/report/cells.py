"""A quantity as text for a table's cell; apart, so that small tables load nothing large."""

from __future__ import annotations

from tinygauge.quantity import Basis, Method, Missing, Quantity
from tinygauge.units import Unit, format_value

__all__ = ["cell"]


def cell(quantity: Quantity | Missing, *, with_interval: bool = True) -> str:
    """Print a quantity in a table: ``~`` where it is predicted, value, how far it may be off.

    Parameters
    ----------
    quantity : Quantity or Missing
    with_interval : bool
        Whether to say how far it may be off.

    Returns
    -------
    str
        Such as ``"~18.2 ms ±15%"``, the larger half of the interval as a share of the value;
        for a ratio in points, ``"89.4 % ±1.4"``; an em dash where the number is missing.
    """
    if isinstance(quantity, Missing):
        return "—"
    mark = "~" if quantity.method is Method.PREDICTED else ""
    text = mark + format_value(quantity.value, quantity.unit)
    interval = quantity.interval
    if interval.basis is Basis.EXACT or not with_interval:
        return text
    if not interval.is_known or quantity.value == 0:
        return f"{text} ±?"
    half = max(quantity.value - interval.low, interval.high - quantity.value)
    if quantity.unit is Unit.RATIO:
        return f"{text} ±{100 * half:.1f}"
    return f"{text} ±{half / quantity.value:.0%}"
