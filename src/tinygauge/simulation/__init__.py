"""Counts what a firmware executes: instructions by function, by basic block and by class.

The firmware runs on an emulated core, in a process of its own with limits of time and memory.
Nothing here knows how long an instruction takes (see `tinygauge.emulation`).
"""

from __future__ import annotations

from tinygauge.simulation.counting import (
    CORES,
    BlockCount,
    FunctionCount,
    Limits,
    Profile,
    count_instructions,
)

__all__ = [
    "CORES",
    "BlockCount",
    "FunctionCount",
    "Limits",
    "Profile",
    "count_instructions",
]
