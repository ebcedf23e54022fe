"""The boards that QEMU emulates and the firmware has a port to, one for each Cortex-M core.

>>> machine_of("m4").name
'mps2-an386'
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygauge.errors import UnknownNameError

__all__ = ["MACHINES", "Machine", "machine_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One of Arm's prototyping boards, as QEMU emulates it.

    Parameters
    ----------
    cpu : str
        Its core, such as ``"cortex-m4"``.
    name : str
        As QEMU and the linker script call it.
    number : int
        ``TG_MACHINE`` of ``c/ports/mps.c``.
    gcc_flags : tuple of str
        The core for arm-none-eabi-gcc.
    zig_cpu : str
        The core for zig, floating-point unit included: without it, zig calls soft floats.
    zig_arch : str
        Architecture of zig's target.
    """

    cpu: str
    name: str
    number: int
    gcc_flags: tuple[str, ...]
    zig_cpu: str
    zig_arch: str = "thumb"


MACHINES: dict[str, Machine] = {
    machine.cpu: machine
    for machine in (
        Machine(
            cpu="cortex-m4",
            name="mps2-an386",
            number=386,
            gcc_flags=("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"),
            zig_cpu="cortex_m4+vfp4d16sp",
        ),
        Machine(
            cpu="cortex-m7",
            name="mps2-an500",
            number=500,
            gcc_flags=("-mcpu=cortex-m7", "-mfpu=fpv5-d16"),
            zig_cpu="cortex_m7+fp_armv8d16",
        ),
        Machine(
            cpu="cortex-m33",
            name="mps2-an505",
            number=505,
            gcc_flags=("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16"),
            zig_cpu="cortex_m33+fp_armv8d16sp",
        ),
        Machine(
            cpu="cortex-m55",
            name="mps3-an547",
            number=547,
            gcc_flags=("-mcpu=cortex-m55",),
            zig_cpu="cortex_m55+fp_armv8d16",
        ),
    )
}
"""By core. Arm application notes AN386, AN500, AN505 and AN547."""


def machine_of(cpu: str) -> Machine:
    """Return the emulated board with a core.

    Parameters
    ----------
    cpu : str
        Such as ``"cortex-m4"``, or ``"m4"`` for short.

    Returns
    -------
    Machine

    Raises
    ------
    UnknownNameError
        If no emulated board has it.
    """
    name = cpu.lower()
    if not name.startswith("cortex-"):
        name = f"cortex-{name}"
    if name not in MACHINES:
        raise UnknownNameError("emulated core", cpu, MACHINES)
    return MACHINES[name]
