"""What a run is to measure: the inputs as bytes on the wire, and how often."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tinygauge.bench.records import Mode
from tinygauge.bench.rules import MIN_ITERATIONS, MIN_WINDOW_S, WINDOWS

__all__ = ["Plan", "Verify", "WireInput"]


class Verify(StrEnum):
    """Which loaded inputs are read back from the board and compared.

    The protocol counts bytes but has no checksum: a digit that became another digit on the way
    is seen in no other way.
    """

    AUTO = "auto"
    ALWAYS = "always"
    SAMPLED = "sampled"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireInput:
    """One input as a board takes it.

    Parameters
    ----------
    name : str
        Its file, or its place in the dataset.
    content : bytes
    recording : int
        Place of its file in the dataset.
    true_class : int or None
    """

    name: str
    content: bytes
    recording: int = 0
    true_class: int | None = None

    @property
    def sha256(self) -> str:
        """Digest of the bytes, in hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run measures.

    Parameters
    ----------
    mode : Mode
    inputs : sequence of WireInput
        At least one; performance and energy take the first of as many recordings as there are
        windows, accuracy takes all.
    windows : int
        Of performance and energy.
    min_window_s : float
        Seconds that each must take.
    min_iterations : int
        Inferences that each must hold.
    iterations, warmups : int or None
        Inferences per window, timed and before; None to choose them from a trial.
    verify : Verify
        Which inputs are read back.
    """

    mode: Mode
    inputs: Sequence[WireInput]
    windows: int = WINDOWS
    min_window_s: float = MIN_WINDOW_S
    min_iterations: int = MIN_ITERATIONS
    iterations: int | None = None
    warmups: int | None = None
    verify: Verify = Verify.AUTO

    def window_inputs(self) -> list[WireInput]:
        """Return the input of each window: different ones as far as there are."""
        firsts: dict[int, WireInput] = {}
        for item in self.inputs:
            firsts.setdefault(item.recording, item)
            if len(firsts) == self.windows:
                break
        found = list(firsts.values())
        return [found[index % len(found)] for index in range(self.windows)]
