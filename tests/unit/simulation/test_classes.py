"""Every instruction has a class, and the classes that decide about cycles have the right ones."""

from __future__ import annotations

import pytest

from tinygauge.simulation.classes import CLASSES, class_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ldrsb.w r0, [r1, #2]", "ld_b"),
        ("ldrb r0, [r1]", "ld_b"),
        ("ldrh r0, [r1]", "ld_h"),
        ("ldr r0, [pc, #8]", "ld_w"),
        ("ldr pc, [r0]", "br_ind"),
        ("ldrd r0, r1, [sp]", "ld_d"),
        ("ldm r0!, {r1, r2}", "ldm"),
        ("pop {r4, pc}", "br_ind"),
        ("pop {r4, r5}", "ldm"),
        ("strb r0, [r1]", "st_b"),
        ("strheq r0, [r1]", "st_h"),
        ("str r0, [r1]", "st_w"),
        ("push {r4, lr}", "stm"),
        ("muls r0, r1, r0", "mul"),
        ("mla r0, r1, r2, r3", "mla"),
        ("smull r0, r1, r2, r3", "mull"),
        ("umlal r0, r1, r2, r3", "mull"),
        ("smlad r0, r1, r2, r3", "dsp_mac"),
        ("smlabb r0, r1, r2, r3", "dsp_mac"),
        ("sxtb16 r0, r1", "dsp_simd"),
        ("pkhtb r0, r1, r2, asr #16", "dsp_simd"),
        ("sadd16 r0, r1, r2", "dsp_simd"),
        ("sdiv r0, r1, r2", "div"),
        ("ssat r0, #8, r1", "sat"),
        ("adds r0, #1", "alu"),
        ("addgt r0, r0, #1", "alu"),
        ("bics r0, r1", "alu"),
        ("movs r0, #1", "mov"),
        ("movt r0, #1", "mov"),
        ("mvnlt r0, #0", "mov"),
        ("cmp r0, r1", "cmp"),
        ("asrs r0, r1, #2", "shift"),
        ("lsl.w r0, r1, #2", "shift"),
        ("uxtb r0, r1", "extend"),
        ("ite ge", "it"),
        ("bne #0x80", "br_cond"),
        ("bls.w #0x80", "br_cond"),
        ("cbz r0, #0x80", "br_cond"),
        ("b #0x80", "br_uncond"),
        ("bl #0x80", "call"),
        ("bleq #0x80", "call"),
        ("blx r3", "call"),
        ("bx lr", "br_ind"),
        ("mov pc, lr", "br_ind"),
        ("vldr s0, [r0]", "fp_ld"),
        ("vpush {d8}", "fp_st"),
        ("vfma.f32 s0, s1, s2", "fp_mac"),
        ("vmul.f32 s0, s1, s2", "fp_mul"),
        ("vadd.f32 s0, s1, s2", "fp_add"),
        ("vcvt.f32.s32 s0, s1", "fp_cvt"),
        ("vmov s0, r1", "fp_mov"),
        ("vabs.f32 s0, s1", "fp_other"),
        ("nop", "nop"),
        (" ", "other"),
    ],
)
def test_an_instruction_has_its_class(text: str, expected: str) -> None:
    """With and without conditions and widths."""
    mnemonic, _, operands = text.partition(" ")

    assert class_of(mnemonic, operands) == expected
    assert expected in CLASSES
