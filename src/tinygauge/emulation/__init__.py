"""A board on the desk without the board: firmware that runs on an emulated core.

``emulate.py`` measures a model on an emulated board as on a real one, in QEMU (``qemu.py``);
``cycles.py`` turns counted instructions into cycles and time. Whatever comes from here is labelled
simulated: an emulated core has no wait states, no caches and no pipeline.
"""

from __future__ import annotations

from tinygauge.emulation.cycles import Simulation, simulate

__all__ = ["Simulation", "simulate"]
