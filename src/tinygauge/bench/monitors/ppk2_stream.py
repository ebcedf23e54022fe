"""What a Power Profiler Kit II sends while it measures: words of 32 bits, 100,000 in a second.

Bits 0 to 13 are the ADC's value in steps of four, 14 to 16 the range, 18 to 23 a counter, 24 to
31 the digital inputs D0 to D7, little-endian. The counter tells how many words are missing, but
only up to multiples of 64: the computer's clock must say the rest. A word whose range is above 4
is no sample, and an ADC at its end is a current beyond the range.

References
----------
Nordic's pc-nrfconnect-ppk, as described in tipoLi5890/ppk2lab @ 04a7c043, docs/protocol-spec.md;
conversion to ampere as in IRNAS/ppk2-api-python @ 076a7a54, `get_adc_result`, without its filter
of spikes, which changes samples after a change of range and would colour their sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE_HZ", "Words", "ampere", "read_words"]

RATE_HZ = 100_000.0
_ADC_FULL = 0x3FFF
# Volt a step of the ADC stands for; ppk2-api: adc_mult.
_ADC_V = 1.8 / 163_840
_COUNTER = 64


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Words of the stream, placed by their counter.

    Parameters
    ----------
    place : ndarray of int64, shape (n,)
        Which sample of the stream each is, missing ones counted.
    adc, range_ : ndarray of int64, shape (n,)
        ADC value in its own steps (of four), and the range 0 to 4.
    digital : ndarray of uint8, shape (n,)
        Bit k is Dk.
    overload : ndarray of bool, shape (n,)
        Whether the ADC was at its end, or the range was none.
    """

    place: NDArray[np.int64]
    adc: NDArray[np.int64]
    range_: NDArray[np.int64]
    digital: NDArray[np.uint8]
    overload: NDArray[np.bool_]


def read_words(data: bytes) -> Words:
    """Take the bytes of a stream apart.

    Parameters
    ----------
    data : bytes
        From its first word on; an incomplete word at the end is left out.

    Returns
    -------
    Words
    """
    words = np.frombuffer(data[: len(data) // 4 * 4], dtype="<u4").astype(np.int64)
    counter = words >> 18 & 0x3F
    steps = np.diff(counter, prepend=counter[:1] - 1) % _COUNTER
    steps[steps == 0] = _COUNTER  # the same count again: a whole round is missing
    place = np.cumsum(steps) - 1
    adc, range_ = words & 0x3FFF, words >> 14 & 0x7
    return Words(
        place,
        adc * 4,
        np.minimum(range_, 4),
        (words >> 24).astype(np.uint8),
        np.asarray((adc == _ADC_FULL) | (range_ > 4), dtype=np.bool_),
    )


def ampere(
    words: Words, modifiers: Mapping[str, Mapping[str, float]], supply_v: float
) -> NDArray[np.float64]:
    """Convert ADC values with the calibration that the instrument keeps.

    Parameters
    ----------
    words : Words
    modifiers : mapping
        ``R``, ``GS``, ``GI``, ``O``, ``S``, ``I`` and ``UG``, each by the range ``"0"`` to ``"4"``.
    supply_v : float
        Volt.

    Returns
    -------
    ndarray of float64, shape (n,)
        Ampere.
    """
    table = {
        name: np.array([float(modifiers[name][str(k)]) for k in range(5)])[words.range_]
        for name in ("R", "GS", "GI", "O", "S", "I", "UG")
    }
    plain = (words.adc - table["O"]) * (_ADC_V / table["R"])
    offset = table["S"] * supply_v + table["I"]
    found = table["UG"] * (plain * (table["GS"] * plain + table["GI"]) + offset)
    return np.asarray(found, dtype=np.float64)
