"""What is kept of earlier accuracy runs, for people and as JSON."""

from __future__ import annotations

from typing import Any

from tinygauge.accuracy.cache import CacheSurvey
from tinygauge.units import Unit, format_value

__all__ = ["cache_document", "cache_lines"]


def cache_document(survey: CacheSurvey, removed: int) -> dict[str, Any]:
    """Return the survey for JSON.

    Parameters
    ----------
    survey : CacheSurvey
    removed : int
        Entries that were removed just now.

    Returns
    -------
    dict
        Sizes in bytes.
    """
    return {
        "folder": str(survey.folder),
        "entries": survey.entries,
        "size_bytes": survey.size_bytes,
        "limit_bytes": survey.limit_bytes,
        "removed": removed,
    }


def cache_lines(survey: CacheSurvey, removed: int, *, said: bool) -> list[str]:
    """Return the survey for people.

    Parameters
    ----------
    survey : CacheSurvey
    removed : int
        Entries that were removed just now.
    said : bool
        Whether removing was asked for.

    Returns
    -------
    list of str
        Lines.
    """
    lines = [f"{removed:,} removed"] if said else []
    size, limit = (
        format_value(value, Unit.BYTE) for value in (survey.size_bytes, survey.limit_bytes)
    )
    runs = f"{survey.entries:,} run{'s' * (survey.entries != 1)}"
    return [*lines, f"{runs}, {size} of at most {limit}, in {survey.folder}"]
