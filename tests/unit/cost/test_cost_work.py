"""Which kernel runs an op, and what it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.cost.features import OpFeatures
from tinygauge.cost.table import WorkTable, parse_work, work_table
from tinygauge.cost.work import KERNELS, fallback, op_class, path, terms
from tinygauge.errors import ConfigError


def conv(kind: str = "CONV_2D", dtype: str = "int8", **changed: int) -> OpFeatures:
    """Return a 3x3 op on 8x8x8, changed."""
    shape = {"in_h": 8, "in_w": 8, "out_h": 8, "out_w": 8, "in_c": 8, "out_c": 8}
    shape |= {"k_h": 3, "k_w": 3, "padded": 1, "batch": 1} | changed
    depthwise = kind == "DEPTHWISE_CONV_2D"
    taps = shape["batch"] * shape["out_h"] * shape["out_w"] * shape["k_h"] * shape["k_w"]
    products = taps * shape["out_c"] * (1 if depthwise else shape["in_c"])
    counted = {
        "valid_taps": taps,
        "out_elements": taps // shape["k_h"] // shape["k_w"] * shape["out_c"],
        "in_elements": shape["in_h"] * shape["in_w"] * shape["in_c"],
        "macs": products,
        "live_macs": products,
        "groups": shape["in_c"] if depthwise else shape.get("groups", 1),
    }
    return OpFeatures(kind=kind, dtype=dtype, out_dtype=dtype, **(shape | counted))


@pytest.mark.parametrize(
    ("op", "kernels", "expected"),
    [
        (conv(), "reference", "CONV_2D/int8"),
        (conv(), "cmsis-nn", "CONV_2D/int8"),
        (conv(k_h=1, k_w=1, padded=0), "cmsis-nn", "CONV_2D/int8/pointwise"),
        (conv(k_h=1, k_w=1, padded=0), "reference", "CONV_2D/int8"),
        (conv(k_h=1, k_w=1, padded=0, dtype="float32"), "cmsis-nn", "CONV_2D/float32"),
        (conv(groups=2), "cmsis-nn", "CONV_2D/int8/grouped"),
        (conv(kind="DEPTHWISE_CONV_2D"), "cmsis-nn", "DEPTHWISE_CONV_2D/int8/3x3"),
        (conv(kind="DEPTHWISE_CONV_2D", k_h=5), "cmsis-nn", "DEPTHWISE_CONV_2D/int8/unit"),
        (conv(kind="DEPTHWISE_CONV_2D", dilation=2), "cmsis-nn", "DEPTHWISE_CONV_2D/int8"),
        (conv(kind="DEPTHWISE_CONV_2D", out_c=32), "cmsis-nn", "DEPTHWISE_CONV_2D/int8/four"),
        (conv(kind="QUANTIZE"), "cmsis-nn", "QUANTIZE/int8-int8"),
    ],
)
def test_the_dispatch_names_a_path(op: OpFeatures, kernels: str, expected: str) -> None:
    """Ops of one path run the same loops."""
    assert path(op, kernels) == expected


def test_classes_and_fallbacks() -> None:
    """Ops share a cost by class, and unknown kinds borrow one by what they do."""
    assert op_class(conv(kind="DEPTHWISE_CONV_2D")) == "depthwise"
    assert op_class(OpFeatures(kind="RELU", dtype="int8")) == "other"
    assert fallback(conv(kind="CONV_3D")) == "*/int8/macs"
    assert fallback(OpFeatures(kind="PACK", dtype="int8")) == "*/int8/moves"
    assert fallback(OpFeatures(kind="ABS", dtype="int16")) == "*/int16"


@pytest.mark.parametrize("place", sorted(work_table().coefficients), ids="/".join)
@given(
    kind=st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D"]),
    side=st.integers(1, 24),
    channels=st.integers(1, 16),
    kernel=st.sampled_from([1, 3, 5]),
)
def test_more_of_the_same_costs_more(
    place: tuple[str, str], kind: str, side: int, channels: int, kernel: int
) -> None:
    """Twice the pixels, or twice the channels by fours, never take fewer instructions."""
    base = {"k_h": kernel, "k_w": kernel, "padded": int(kernel > 1), "in_h": side, "out_h": side}
    base |= {"in_c": 4 * channels, "out_c": 4 * channels}
    taller = base | {"in_h": 2 * side, "out_h": 2 * side}
    wider = base | {"in_c": 8 * channels, "out_c": 8 * channels}

    small, tall, wide = (
        instructions(work_table(), conv(kind, "int8", **shape), *place)
        for shape in (base, taller, wider)
    )

    assert 0 < small < min(tall, wide)


def instructions(table: WorkTable, op: OpFeatures, build: str, core: str) -> float:
    found = table.op_work(op, build, core)
    assert found is not None
    assert found.known
    return found.instructions


def test_what_was_never_measured_is_marked() -> None:
    """Unknown kinds take a typical cost, sizes far off are outside, unknown types have no cost."""
    table = work_table()
    unknown = table.op_work(conv(kind="CONV_3D"), "tflm-ref", "m4f")
    huge = table.op_work(conv(out_h=8000), "tflm-ref", "m4f")

    assert unknown is not None
    assert not unknown.known
    assert unknown.instructions > conv(kind="CONV_3D").macs
    assert huge is not None
    assert huge.known
    assert not huge.inside
    assert table.op_work(conv(dtype="int64"), "tflm-ref", "m4f") is None


@pytest.mark.parametrize("kernels", KERNELS)
def test_terms_are_counts(kernels: str) -> None:
    """Every term of every measured path counts something, and none is negative."""
    for kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "ADD", "PAD"):
        counted = terms(conv(kind=kind), kernels)

        assert counted["op"] == 1
        assert min(counted.values()) >= 0


def test_a_table_with_unknown_kernels_is_refused() -> None:
    """The error names the build and its kernels."""
    raw = {"builds": {"x": {"kernels": "magic", "cores": {}}}, "domain": {}, "source": "s"}

    with pytest.raises(ConfigError, match="unknown kernels 'magic'"):
        parse_work(raw)
