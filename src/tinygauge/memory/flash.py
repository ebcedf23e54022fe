"""Flash and static RAM of the firmware around a model, from measured links.

The linker pulls in what the registered ops call. Ops share code (soft-float routines, tensor
helpers), so their sizes do not add up; the union of the sections that each op's link holds does.
`data/memory/code_sections.csv` keeps those sections in groups: the bytes that exactly one set of
ops pulls in. The union over a model's ops, with what a firmware without ops holds, is the
prediction.

It covers one build: see `BUILD`. Other compilers, optimisation levels and C libraries give
other sizes; so does what the application adds (drivers, its own buffers).

>>> predict_code(["SOFTMAX"], core="cortex-m4", engine="tflm-ref").flash_bytes["runtime"] > 10000
True

References
----------
.. [1] TinyGauge emulation study 2026-11-22 (TFLM 90b983c2b, CMSIS-NN 4ab83cc3): linker maps of
   firmware with one op each. Against 72 links of several ops (six cores, two engines, five
   MLPerf Tiny models and one more set of ops) the union is between 0.1 % too low and 1.6 % too
   high, for string constants that the linker merges.
.. [2] EdgeMark, github Black3rror/EdgeMark @ 3e7237d, published program sizes: less the model,
   the same TFLM programs take 1.12 to 1.53 times as much (mean 1.35, 73 programs) on an
   RX65N as on a NUCLEO-L4R5ZI (Cortex-M4).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["BUILD", "CORES", "Code", "predict_code"]

BUILD = "arm-none-eabi-gcc 12.2, core -Os, kernels -O2, error strings kept, newlib"

# Ratio of a real link to the union of sections [1], rounded outwards; number of links.
_LINK_LOW, _LINK_HIGH = 0.98, 1.005
LINKS = 72

# Static objects of the measured firmware that `structs.py` gives for the model at hand: a
# MicroMutableOpResolver<16> and a MicroInterpreter [1].
_MEASURED_OBJECTS_BYTES = 588 + 208
# Variables are padded to 8 at most when a link puts them together: up to 12 bytes seen [1].
_STATIC_PADDING_BYTES = 16

# An op whose code was measured on the Cortex-M4 alone: elsewhere its increment lies within these
# factors. Ops measured on all six cores span 0.51 to 2.15 times the Cortex-M4's [1].
_TRANSFER_LOW, _TRANSFER_HIGH = 0.5, 2.2

# An op whose code was not measured at all. Alone in a firmware an op adds 5.5 KiB (median, its
# soft-float code included) and at most 37 KiB [1]; beside others it adds less.
_UNMEASURED_BYTES, _UNMEASURED_HIGH_BYTES = 4096, 37 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Core:
    """Where the code size of a core comes from, and how far it may be off."""

    measured: str
    factor: float = 1.0
    low: float = _LINK_LOW
    high: float = _LINK_HIGH
    note: str = ""


def _alike(core: str, measured: str, low: float = 0.95) -> _Core:
    """Take the code size of a core that runs the same instructions."""
    note = f"not measured on {core}: taken from {measured}, which runs the same instructions"
    return _Core(measured=measured, low=low, high=1.05, note=note)


# Architectures: Arm DDI0419 (Armv6-M: M0, M0+, M1), DDI0553 (Armv8-M: M23 has the baseline, M33
# and M35P the mainline; Armv8.1-M: M52, M55 and M85), named from memory, not read again.
CORES: Mapping[str, _Core] = {
    "cortex-m0": _alike("cortex-m0", "cortex-m0+"),
    "cortex-m1": _alike("cortex-m1", "cortex-m0+"),
    # The baseline has a divider and longer immediates beyond Armv6-M, so code may be smaller.
    "cortex-m23": _alike("cortex-m23", "cortex-m0+", low=0.85),
    "cortex-m35p": _alike("cortex-m35p", "cortex-m33"),
    "cortex-m52": _alike("cortex-m52", "cortex-m55"),
    "cortex-m0+": _Core(measured="cortex-m0+"),
    "cortex-m3": _Core(measured="cortex-m3"),
    "cortex-m4": _Core(measured="cortex-m4"),
    "cortex-m7": _Core(measured="cortex-m7"),
    "cortex-m33": _Core(measured="cortex-m33"),
    "cortex-m55": _Core(measured="cortex-m55"),
    "cortex-m85": _alike("cortex-m85", "cortex-m55"),
    "rxv2": _Core(
        measured="cortex-m4",
        factor=1.35,
        low=0.8,
        high=1.2,
        note=(
            "not measured on RXv2: 1.35 times the Cortex-M4's, as the program sizes that EdgeMark "
            "published for an RX65N and a NUCLEO-L4R5ZI stand to each other (1.12 to 1.53)"
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Bytes of a firmware, less the model, the arena and the stack.

    Parameters
    ----------
    flash_bytes : mapping of str to float
        By part: ``"runtime"``, ``"kernels"``, ``"CMSIS-NN"``, ``"C library"``, and
        ``"kernels not measured"`` where there are such.
    low, high : mapping of str to float
        The ends of each part's interval, bytes.
    static_bytes : float
        Initialised and zeroed variables, less interpreter and resolver.
    static_high_bytes : float
        Upper end of its interval; the lower one is the value.
    note : str
        What is uncertain beyond the links; empty for nothing.
    """

    flash_bytes: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    static_bytes: float
    static_high_bytes: float
    note: str


@dataclass(frozen=True, slots=True)
class _Group:
    """Bytes that exactly one set of ops links."""

    part: str
    flash_bytes: int
    ram_bytes: int
    users: int


@dataclass(frozen=True, slots=True)
class _Table:
    """The data file: groups by core and engine, and the place of each kind in the bit sets."""

    bit: Mapping[str, int]
    groups: Mapping[tuple[str, str], tuple[_Group, ...]]

    def known(self, core: str, engine: str) -> int:
        """Return the kinds measured for a core and an engine, as a bit set."""
        found = 0
        for group in self.groups[core, engine]:
            found |= group.users
        return found

    def mask(self, kinds: Iterable[str]) -> int:
        found = 0
        for kind in kinds:
            found |= self.bit[kind]
        return found


@cache
def _table() -> _Table:
    text = resources.files("tinygauge").joinpath("data/memory/code_sections.csv").read_text("utf-8")
    lines = text.splitlines()
    kinds = next(line for line in lines if line.startswith("# kinds: ")).split()[2:]
    groups: dict[tuple[str, str], list[_Group]] = {}
    for line in lines[4:]:
        core, engine, part, flash, ram, users = line.split(",")
        group = _Group(part, int(flash), int(ram), int(users, 16))
        groups.setdefault((core, engine), []).append(group)
    return _Table(
        bit={kind: 1 << place for place, kind in enumerate(kinds)},
        groups={key: tuple(found) for key, found in groups.items()},
    )


def predict_code(kinds: Collection[str], *, core: str, engine: str) -> Code:
    """Predict flash and static RAM of a firmware that registers the given ops.

    Parameters
    ----------
    kinds : collection of str
        Kinds of the ops, such as ``"CONV_2D"``.
    core : str
        One of `CORES`.
    engine : str
        ``"tflm-ref"`` or ``"tflm-cmsis-nn"``.

    Returns
    -------
    Code

    References
    ----------
    [1] and [2] of this module.
    """
    table, target = _table(), CORES[core]
    wanted = {"BASE", *kinds}
    here = table.known(target.measured, engine)
    measured = {kind for kind in wanted if table.bit.get(kind, 0) & here}
    linked = table.mask(measured)
    flash: dict[str, float] = {}
    ram = 0
    for group in table.groups[target.measured, engine]:
        if group.users & linked:
            flash[group.part] = flash.get(group.part, 0.0) + group.flash_bytes * target.factor
            ram += group.ram_bytes
    low = {part: size * target.low for part, size in flash.items()}
    high = {part: size * target.high for part, size in flash.items()}
    notes = [target.note] if target.note else []
    others = wanted - measured
    if others:
        value, least, most = _other_kernels(table, measured, others, engine)
        part = "kernels not measured"
        flash[part], low[part], high[part] = value, least * target.low, most * target.high
        notes.append(f"code size of {', '.join(sorted(others))} not measured on this core")
    static = max(0, ram - _MEASURED_OBJECTS_BYTES)
    return Code(
        flash_bytes=flash,
        low=low,
        high=high,
        static_bytes=static,
        static_high_bytes=static * target.high + _STATIC_PADDING_BYTES,
        note="; ".join(notes),
    )


def _other_kernels(
    table: _Table, measured: Collection[str], others: Collection[str], engine: str
) -> tuple[float, float, float]:
    """Value, low and high of kernels that were not measured on the core, bytes."""
    groups = table.groups["cortex-m4", engine]
    on_m4 = table.known("cortex-m4", engine)
    transferred = {kind for kind in others if table.bit.get(kind, 0) & on_m4}
    before, added = table.mask(measured), table.mask(transferred)
    increment = sum(
        group.flash_bytes for group in groups if group.users & added and not group.users & before
    )
    unknown = len(others) - len(transferred)
    return (
        increment + unknown * _UNMEASURED_BYTES,
        increment * _TRANSFER_LOW,
        increment * _TRANSFER_HIGH + unknown * _UNMEASURED_HIGH_BYTES,
    )
