"""The roofline: the fewest cycles in which a core could finish a model's products.

Nothing is predicted here: products are counted, and how many a core finishes in a cycle follows
from its instructions.

>>> fewest_cycles("cortex-m4", 2656768).value
1328384

References
----------
S. Williams, A. Waterman, D. Patterson, "Roofline", CACM 52(4), 2009; here the flat part alone:
operands are taken to be in registers.
"""

from __future__ import annotations

from tinygauge import __version__
from tinygauge.quantity import Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = ["fewest_cycles", "roofline_share"]

_ONE = "one multiply an instruction, one cycle each: Arm {} TRM, not read again for this"
_PAIR = "SMLAD adds two products of 16-bit halves in one cycle: Arm {} TRM, not read again"
_BEATS = (
    "a 128-bit MVE instruction (16 products of 8 bits) holds its pipe for two cycles: Arm DDI0553 "
    "(not read again), beats; llvm/llvm-project @ {}, llvm/lib/Target/ARM/{}, ReleaseAtCycles=[2]"
)
# Most products of 8 bits that a core finishes in a cycle, with the source.
_MACS_PER_CYCLE: dict[str, tuple[int, str]] = {
    "cortex-m0": (1, _ONE.format("Cortex-M0 (DDI0432), with the fast multiplier")),
    "cortex-m0+": (1, _ONE.format("Cortex-M0+ (DDI0484), with the fast multiplier")),
    "cortex-m3": (1, _ONE.format("Cortex-M3 (DDI0337)")),
    "cortex-m4": (2, _PAIR.format("Cortex-M4 (DDI0439)")),
    "cortex-m7": (
        2,
        "SMLAD adds two products of 16-bit halves, and there is one multiplier: "
        "llvm/llvm-project @ 6a555331, llvm/lib/Target/ARM/ARMScheduleM7.td, M7UnitMAC",
    ),
    "cortex-m33": (
        2,
        "single-cycle multiply-accumulate and 16-bit SIMD with the DSP extension, SMLAD: Nordic "
        "nRF54L15 datasheet, CPU",
    ),
    "cortex-m55": (8, _BEATS.format("2f206a08", "ARMScheduleM55.td")),
    "cortex-m85": (8, _BEATS.format("06d9edc0", "ARMScheduleM85.td")),
}


def fewest_cycles(core: str, macs: int) -> Quantity | Missing:
    """Return the fewest cycles in which a core could finish products of 8 bits.

    Parameters
    ----------
    core : str
        Such as ``"cortex-m4"``.
    macs : int
        Multiply-accumulates.

    Returns
    -------
    Quantity or Missing
        A count, exact; Missing where the core's multipliers are not known here.
    """
    known = _MACS_PER_CYCLE.get(core)
    if known is None:
        return Missing(
            f"the products that {core} finishes in a cycle are not known here",
            f"Known: {', '.join(_MACS_PER_CYCLE)}",
        )
    per_cycle, source = known
    value = -(-macs // per_cycle)
    text = f"{macs:,} products, {per_cycle} a cycle: {source}"
    provenance = Provenance(Method.COUNTED, text, f"tinygauge {__version__}")
    return Quantity(value, Unit.COUNT, Interval.exact(value), provenance)


def roofline_share(
    fewest: Quantity | Missing, cycles: Quantity | Missing, evidence: Evidence
) -> Quantity | Missing:
    """Divide the fewest cycles by those that a run took.

    Parameters
    ----------
    fewest, cycles : Quantity or Missing
        Counts.
    evidence : Evidence
        The model whose products were counted.

    Returns
    -------
    Quantity or Missing
        A ratio by the method of `cycles`, with the interval that follows from theirs; Missing
        where either is.
    """
    if isinstance(fewest, Missing):
        return fewest
    if isinstance(cycles, Missing):
        return cycles
    source = f"{fewest.provenance.source}, over {cycles.provenance.source}"
    method = cycles.provenance.method
    provenance = Provenance(method, source, f"tinygauge {__version__}", (evidence,))
    ends, interval = cycles.interval, Interval.unknown()
    if ends.is_known and ends.low > 0:
        low, high = fewest.value / ends.high, fewest.value / ends.low
        interval = Interval(low, high, ends.level, ends.basis, ends.n)
    return Quantity(fewest.value / cycles.value, Unit.RATIO, interval, provenance)
