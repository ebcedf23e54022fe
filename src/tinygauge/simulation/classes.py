"""What kind of instruction an Arm Thumb instruction is: load, multiply, branch and so on.

The classes are those of the instruction mixes that TinyGauge's cost model was made from, so that a
firmware's mix can be laid beside them. `LOB` are the low-overhead branches of Armv8.1-M.

>>> class_of("ldrb", "r3, [r0], #1")
'ld_b'
>>> class_of("pop.w", "{r4, r5, pc}"), class_of("bx", "lr")
('br_ind', 'br_ind')

References
----------
Arm, "Armv7-M Architecture Reference Manual" (DDI 0403), A7.7, and "Armv8-M Architecture Reference
Manual" (DDI 0553), C2.4: alphabetical lists of instructions.
"""

from __future__ import annotations

import re

__all__ = ["CLASSES", "class_of"]

CLASSES = (
    "ld_b", "ld_h", "ld_w", "ld_d", "ldm", "st_b", "st_h", "st_w", "st_d", "stm",
    "mul", "mla", "mull", "dsp_mac", "dsp_simd", "div", "sat",
    "alu", "mov", "cmp", "shift", "extend", "it",
    "br_cond", "br_uncond", "call", "br_ind", "lob",
    "fp_ld", "fp_st", "fp_mac", "fp_mul", "fp_add", "fp_div", "fp_sqrt", "fp_cvt", "fp_mov",
    "fp_cmp", "fp_other", "nop", "other",
)  # fmt: skip
"""Names of the classes: ``ld_`` and ``st_`` by width, ``mull`` long multiplies, ``dsp_mac`` the
multiply-accumulates on halves, ``dsp_simd`` on packed values, ``br_ind`` branches to a register."""

_CONDITIONS = "eq|ne|hs|cs|lo|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al"

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("ld_b", r"ldrs?bt?|ldrexb|ldab|ldaexb"),
    ("ld_h", r"ldrs?ht?|ldrexh|ldah|ldaexh"),
    ("ld_d", r"ldrd|ldrexd"),
    ("ld_w", r"ldrt?|ldrex|lda|ldaex"),
    ("ldm", r"ldm(ia|db|fd|ea)?|pop"),
    ("st_b", r"strbt?|strexb|stlb|stlexb"),
    ("st_h", r"strht?|strexh|stlh|stlexh"),
    ("st_d", r"strd|strexd"),
    ("st_w", r"strt?|strex|stl|stlex"),
    ("stm", r"stm(ia|db|fd|ea)?|push"),
    ("mul", r"muls?|smul[bt][bt]|smulw[bt]|smmulr?"),
    ("mla", r"mla|mls|smmlar?|smmlsr?"),
    ("mull", r"[su]m(ul|la)l|umaal"),
    (
        "dsp_mac",
        r"smla[bt][bt]|smlaw[bt]|smlal[bt][bt]|smladx?|smlaldx?|smlsdx?|smlsldx?|smuadx?|smusdx?"
        r"|usada?8",
    ),
    (
        "dsp_simd",
        r"[su]xta?b16|pkh(bt|tb)|sel|(q|s|u|sh|uh|uq)(add8|add16|sub8|sub16|asx|sax)|q?d?(add|sub)q"
        r"|qd?add|qd?sub",
    ),
    ("div", r"[su]div"),
    ("sat", r"[su]sat(16)?"),
    ("extend", r"[su]xta?[bh]"),
    ("shift", r"(lsl|lsr|asr|ror)s?|rrxs?"),
    ("cmp", r"cmp|cmn|tst|teq"),
    ("mov", r"movs?|movw|movt|mvns?"),
    (
        "alu",
        r"(add|sub|rsb|adc|sbc|rsc|and|orr|orn|eor|bic|neg)s?|addw|subw|adr|clz|rev(16|sh)?|rbit"
        r"|bfi|bfc|[su]bfx|neg",
    ),
    ("it", r"it[te]{0,3}"),
    ("lob", r"dls|wls|le|letp|dlstp|wlstp|lctp|bf"),
    ("call", r"bl|blx|blxns"),
    ("br_ind", r"bx|bxns|tbb|tbh"),
    ("br_cond", r"cbz|cbnz"),
    ("br_uncond", r"b"),
    ("fp_ld", r"vldr|vldm(ia|db)?|vpop"),
    ("fp_st", r"vstr|vstm(ia|db)?|vpush"),
    ("fp_mac", r"vn?ml[as]|vfn?m[as]"),
    ("fp_mul", r"vn?mul"),
    ("fp_add", r"vadd|vsub"),
    ("fp_div", r"vdiv"),
    ("fp_sqrt", r"vsqrt"),
    ("fp_cvt", r"vcvt[bt]?r?|vcvt[anpm]|vrint[a-z]"),
    ("fp_mov", r"vmov|vmrs|vmsr|vins|vmovx"),
    ("fp_cmp", r"vcmpe?"),
    ("fp_other", r"v[a-z0-9]+"),
    ("nop", r"nop|yield|sev|wfe|wfi|dsb|dmb|isb"),
)
_CLASSES = tuple((name, re.compile(pattern)) for name, pattern in _PATTERNS)
_CONDITIONAL_BRANCH = re.compile(rf"b({_CONDITIONS})")
_CONDITIONAL = re.compile(rf"(.+?)({_CONDITIONS})")
_LOADS = {"ld_w", "ldm"}


def class_of(mnemonic: str, operands: str) -> str:
    """Name the class of an instruction.

    Parameters
    ----------
    mnemonic, operands : str
        As a disassembler writes them; conditions and widths (``.w``) may be appended.

    Returns
    -------
    str
        One of `CLASSES`.
    """
    word = mnemonic.partition(".")[0].lower()
    if _CONDITIONAL_BRANCH.fullmatch(word):
        return "br_cond"
    found = _look_up(word)
    if not found:
        conditional = _CONDITIONAL.fullmatch(word)
        found = _look_up(conditional[1]) if conditional else ""
    if found in _LOADS and _loads_pc(found, operands):
        return "br_ind"
    if found in ("mov", "alu") and operands.startswith("pc"):
        return "br_ind"
    return found or "other"


def _look_up(word: str) -> str:
    return next((name for name, pattern in _CLASSES if pattern.fullmatch(word)), "")


def _loads_pc(kind: str, operands: str) -> bool:
    if kind == "ld_w":
        return operands.startswith("pc")
    return re.search(r"\bpc\b", operands) is not None
