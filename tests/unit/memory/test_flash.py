"""Code size: unions, and what happens beyond what was measured."""

from __future__ import annotations

import pytest

from tinygauge.memory.flash import CORES, predict_code


def flash(kinds: list[str], core: str = "cortex-m4", engine: str = "tflm-ref") -> float:
    return sum(predict_code(kinds, core=core, engine=engine).flash_bytes.values())


def test_shared_code_is_counted_once() -> None:
    """Two ops together take less than the sum of their increments."""
    base, conv, depthwise = flash([]), flash(["CONV_2D"]), flash(["DEPTHWISE_CONV_2D"])
    both = flash(["CONV_2D", "DEPTHWISE_CONV_2D"])

    assert max(conv, depthwise) < both < conv + depthwise - base


def test_a_firmware_without_ops_is_as_linked() -> None:
    """The base of the Cortex-M4 build: 18,528 bytes linked, its sections a little more."""
    assert flash([]) == pytest.approx(18_528, rel=0.005)


def test_ops_measured_on_one_core_alone_are_carried_over_with_an_interval() -> None:
    """ELU was linked for the Cortex-M4 alone; elsewhere its increment is uncertain."""
    here = predict_code(["ELU"], core="cortex-m4", engine="tflm-ref")
    there = predict_code(["ELU"], core="cortex-m0+", engine="tflm-ref")
    part = "kernels not measured"

    assert part not in here.flash_bytes
    assert there.low[part] < there.flash_bytes[part] < there.high[part]
    assert "ELU not measured" in there.note


def test_ops_never_measured_are_no_zero() -> None:
    """An op without any measured code adds bytes and a wide interval."""
    code = predict_code(["CUSTOM:CIRCULAR_BUFFER"], core="cortex-m4", engine="tflm-ref")
    part = "kernels not measured"

    assert code.flash_bytes[part] > 0
    assert code.high[part] > 4 * code.flash_bytes[part]


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("engine", ["tflm-ref", "tflm-cmsis-nn"])
def test_intervals_hold_their_values(core: str, engine: str) -> None:
    """Every part lies in its interval on every core."""
    code = predict_code(["CONV_2D", "SOFTMAX", "ELU"], core=core, engine=engine)

    for part, value in code.flash_bytes.items():
        assert code.low[part] <= value <= code.high[part]
    assert 0 <= code.static_bytes <= code.static_high_bytes
