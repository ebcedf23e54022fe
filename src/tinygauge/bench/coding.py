"""Records as plain JSON values and back, checked against the types that the records declare."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

__all__ = ["from_plain", "to_plain"]

_Record = TypeVar("_Record")


def to_plain(value: Any) -> Any:
    """Return a record as dicts, lists and plain values.

    Parameters
    ----------
    value : record, tuple, StrEnum or plain value

    Returns
    -------
    dict, list or plain value
        Numbers that are not finite become None: JSON has none.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def from_plain(kind: type[_Record], value: Any) -> _Record:
    """Return the record that `to_plain` wrote.

    Parameters
    ----------
    kind : type
        A data class.
    value : dict
        Fields with a default may be absent; unknown ones are a mistake.

    Returns
    -------
    record
        Of type `kind`; a float that was None is nan.

    Raises
    ------
    ValueError
        If a field is missing, unknown or of another type; the message names it.
    """
    if not isinstance(value, dict):
        got = type(value).__name__
        raise ValueError(f"{kind.__name__} must be an object, got {got}")  # noqa: TRY004  # data
    hints = _hints(kind)  # type: ignore[arg-type]  # classes can be hashed
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise ValueError(f"{kind.__name__} has no field '{unknown[0]}'")
    fields = {name: _read(hints[name], item, name) for name, item in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:  # a field without a default is missing
        raise ValueError(str(error)) from None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(hint: Any, value: Any, name: str) -> Any:
    if isinstance(hint, types.UnionType):
        options = typing.get_args(hint)
        absent = value is None and type(None) in options
        return None if absent else _read(options[0], value, name)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"'{name}' must be a list, got {value!r}")
        return tuple(_read(typing.get_args(hint)[0], item, name) for item in value)
    if dataclasses.is_dataclass(hint):
        return from_plain(typing.cast("type", hint), value)
    return _read_plain(hint, value, name)


def _read_plain(hint: type, value: Any, name: str) -> Any:
    if hint is float and value is None:
        return math.nan
    if hint is float and type(value) is int:
        return float(value)
    if issubclass(hint, StrEnum) and type(value) is str:
        return hint(value)
    if type(value) is not hint:
        raise ValueError(f"'{name}' must be of type {hint.__name__}, got {value!r}")
    return value
