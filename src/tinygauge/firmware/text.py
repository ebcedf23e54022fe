r"""Numbers as C: the only way in which anything of a model reaches generated code.

>>> c_float(0.1)
'0x1.99999a0000000p-4f'
>>> c_array("int8_t", "w", [1, -2])
'static const int8_t w[2] = {\n    1, -2,\n};'
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np

from tinygauge.exact.scales import Scale

__all__ = ["c_array", "c_float", "c_scale", "c_struct"]

_PER_LINE = 16


def c_float(value: float) -> str:
    """Return a literal of type float that reads back as the same number.

    Parameters
    ----------
    value : float
        Rounded to float32.

    Returns
    -------
    str
        In hexadecimal, as C11 has it; what is not finite as a quotient.
    """
    if not math.isfinite(value):
        return f"({0 if math.isnan(value) else math.copysign(1, value):.0f}.0f / 0.0f)"
    return float(np.float32(value)).hex() + "f"


def c_scale(scale: Scale) -> str:
    """Return the initialiser of a ``tg_scale``.

    Parameters
    ----------
    scale : Scale

    Returns
    -------
    str
    """
    return f"{{{scale.multiplier}, {scale.shift}}}"


def _literal(value: int) -> str:
    # -2147483648 is an expression on a constant that does not fit into an int; so with 64 bits.
    return f"({value + 1} - 1)" if value in (-(2**31), -(2**63)) else str(value)


def c_array(kind: str, name: str, values: Iterable[float]) -> str:
    """Define a constant array.

    Parameters
    ----------
    kind, name : str
        Element type and name, ours.
    values : iterable of int or float
        At least one; reals where the type is ``float``.

    Returns
    -------
    str
    """
    is_real = kind == "float"
    numbers = iter([c_float(each) if is_real else _literal(int(each)) for each in values])
    lines = []
    count = 0
    while part := list(islice(numbers, _PER_LINE)):
        count += len(part)
        lines.append("    " + ", ".join(part) + ",")
    return f"static const {kind} {name}[{count}] = {{\n" + "\n".join(lines) + "\n};"


def c_struct(kind: str, name: str, fields: Mapping[str, int | str]) -> str:
    """Define a constant struct.

    Parameters
    ----------
    kind, name : str
        Its type and name, ours.
    fields : mapping of str to int or str
        Values; text stands as it is.

    Returns
    -------
    str
    """
    values = [
        f"    .{field} = {value if isinstance(value, str) else _literal(value)},"
        for field, value in fields.items()
    ]
    return f"static const {kind} {name} = {{\n" + "\n".join(values) + "\n};"
