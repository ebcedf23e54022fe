"""Units: what is read, what is printed, and that the one undoes the other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygauge.errors import ConfigError
from tinygauge.units import Unit, format_interval, format_value, parse, scale_for

# What the digits are multiplied with, and the base unit, for every spelling that is read.
SPELLINGS = {
    "": (1.0, Unit.RATIO),
    "ratio": (1.0, Unit.RATIO),
    "%": (1e-2, Unit.RATIO),
    "count": (1.0, Unit.COUNT),
    "CoreMark/MHz": (1.0, Unit.COREMARK_PER_MHZ),
    "s": (1.0, Unit.SECOND),
    "ms": (1e-3, Unit.SECOND),
    "us": (1e-6, Unit.SECOND),
    "µs": (1e-6, Unit.SECOND),  # micro sign
    "μs": (1e-6, Unit.SECOND),
    "ns": (1e-9, Unit.SECOND),
    "J": (1.0, Unit.JOULE),
    "mJ": (1e-3, Unit.JOULE),
    "uJ": (1e-6, Unit.JOULE),
    "µJ": (1e-6, Unit.JOULE),
    "nJ": (1e-9, Unit.JOULE),
    "W": (1.0, Unit.WATT),
    "mW": (1e-3, Unit.WATT),
    "uW": (1e-6, Unit.WATT),
    "B": (1.0, Unit.BYTE),
    "b": (1.0, Unit.BYTE),
    "byte": (1.0, Unit.BYTE),
    "bytes": (1.0, Unit.BYTE),
    "KiB": (1024.0, Unit.BYTE),
    "kib": (1024.0, Unit.BYTE),
    "kiB": (1024.0, Unit.BYTE),
    "MiB": (1024.0**2, Unit.BYTE),
    "mib": (1024.0**2, Unit.BYTE),
    "Hz": (1.0, Unit.HERTZ),
    "kHz": (1e3, Unit.HERTZ),
    "khz": (1e3, Unit.HERTZ),
    "MHz": (1e6, Unit.HERTZ),
    "mhz": (1e6, Unit.HERTZ),
    "GHz": (1e9, Unit.HERTZ),
    "V": (1.0, Unit.VOLT),
    "mV": (1e-3, Unit.VOLT),
    "A": (1.0, Unit.AMPERE),
    "mA": (1e-3, Unit.AMPERE),
    "uA": (1e-6, Unit.AMPERE),
    "nA": (1e-9, Unit.AMPERE),
}

# Counts are printed bare, so that "1,234" could be anything: they aren't meant to be read back.
_PRINTED_WITH_UNIT = [unit for unit in Unit if unit is not Unit.COUNT]


@pytest.mark.parametrize(("spelling", "expected"), SPELLINGS.items())
@pytest.mark.parametrize("template", ["{n}{unit}", "{n} {unit}", "  {n}   {unit} "])
def test_every_spelling_is_read_with_and_without_space(
    spelling: str, expected: tuple[float, Unit], template: str
) -> None:
    """Each spelling gives its factor and base unit, whatever the white space."""
    factor, unit = expected

    value, found = parse(template.format(n="12.5", unit=spelling))

    assert found is unit
    assert value == pytest.approx(12.5 * factor, rel=1e-15)


@pytest.mark.parametrize("digits", ["5", "5.", ".5", "+5", "-5", "5e3", "5E-3", "0.5e+2", "0"])
def test_numbers_are_read_as_python_reads_them(digits: str) -> None:
    """Signs, bare points and exponents are numbers."""
    assert parse(f"{digits} s") == (float(digits), Unit.SECOND)


@given(st.integers(1, 10**6), st.sampled_from(["ms", "us", "ns", "mJ", "%"]))
def test_a_decimal_is_the_nearest_double(number: int, suffix: str) -> None:
    """18 ms is the double that Python reads for 0.018: no rounding error from multiplying."""
    factor = {"ms": "e-3", "us": "e-6", "ns": "e-9", "mJ": "e-3", "%": "e-2"}[suffix]

    assert parse(f"{number} {suffix}")[0] == float(f"{number}{factor}")


@given(
    st.sampled_from(_PRINTED_WITH_UNIT),
    st.floats(min_value=1e-7, max_value=1e8, allow_nan=False),
    st.sampled_from([-1, 1]),
)
def test_what_is_printed_can_be_read_back(unit: Unit, size: float, sign: int) -> None:
    """Reading undoes printing, to the digits that are printed."""
    value = sign * size

    read, found = parse(format_value(value, unit).replace(",", ""))

    factor, _ = scale_for(value, unit)
    assert found is unit
    # Bytes and ratios have one decimal, the others three digits or six decimals.
    tolerance = 0.05 if unit in (Unit.BYTE, Unit.RATIO) else max(0.005 * size / factor, 5e-7)
    assert abs(read - value) <= tolerance * factor * (1 + 1e-9)


@given(st.sampled_from(list(Unit)), st.floats(min_value=1e-12, max_value=1e12))
def test_a_scaled_value_is_readable(unit: Unit, value: float) -> None:
    """A scaled value is at least 1 wherever a smaller prefix exists, and no prefix is skipped."""
    factor, symbol = scale_for(value, unit)

    smaller = [f for s, (f, u) in SPELLINGS.items() if u is unit and f < factor and s]
    assert value / factor >= 1 or not smaller or unit is Unit.RATIO
    assert symbol


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.0182, Unit.SECOND, "18.2 ms"),
        (1.0, Unit.SECOND, "1.00 s"),
        (0.00099949, Unit.SECOND, "999 us"),
        (3.2e-9, Unit.JOULE, "3.20 nJ"),
        (0.0, Unit.JOULE, "0 nJ"),
        (-0.018, Unit.SECOND, "-18.0 ms"),
        (1023, Unit.BYTE, "1,023 B"),
        (1024, Unit.BYTE, "1.0 KiB"),
        (1536.0, Unit.BYTE, "1.5 KiB"),
        (2.5, Unit.BYTE, "2.5 B"),
        (200e6, Unit.HERTZ, "200 MHz"),
        (0.901, Unit.RATIO, "90.1 %"),
        (7489664, Unit.COUNT, "7,489,664"),
        (4.02, Unit.COREMARK_PER_MHZ, "4.02 CoreMark/MHz"),
        (math.nan, Unit.SECOND, "unknown"),
    ],
)
def test_values_are_printed_in_the_prefix_that_suits(
    value: float, unit: Unit, expected: str
) -> None:
    """Three digits, binary prefixes for bytes, per cent for ratios, bare counts."""
    assert format_value(value, unit) == expected


def test_an_interval_is_printed_in_one_unit() -> None:
    """Both ends share the prefix of the larger, so that they can be compared at a glance."""
    assert format_interval(0.0009, 0.0203, Unit.SECOND) == "0.900 to 20.3 ms"
    assert format_interval(1000.0, 2048.0, Unit.BYTE) == "1.0 to 2.0 KiB"
    assert format_interval(0.0, math.inf, Unit.SECOND) == "0 to inf ns"
    assert format_interval(math.nan, math.nan, Unit.SECOND) == "interval unknown"


@pytest.mark.parametrize(
    ("text", "binary"), [("128kB", "KiB"), ("128 KB", "KiB"), ("1 MB", "MiB"), ("1mb", "MiB")]
)
def test_ambiguous_bytes_are_refused_with_the_spelling_to_use(text: str, binary: str) -> None:
    """KB means 1000 to some and 1024 to others, so the user is asked for KiB."""
    with pytest.raises(ConfigError, match=f"Write {binary}") as error:
        parse(text)

    assert "1024" in error.value.problem


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ms",
        "nan",
        "nan s",
        "inf",
        "-inf s",
        "1e999",
        "1e400 ms",
        "1e9999999 s",
        "1e99999999999999999999 s",
        "0x10 s",
        "1_000 s",
        "--5 s",
        "5 5 s",
        "5 parsec",
        "5 Ms",
        "5 %%",
        "1.2.3 s",
        "1,5 ms",
        "1,000 s",
        "5\x00s",
        "<script>",
    ],
)
def test_junk_is_refused(text: str) -> None:
    """What is no finite number with a known unit is quoted in a ConfigError."""
    with pytest.raises(ConfigError) as error:
        parse(text)

    assert f"'{text}'" in str(error.value)
    assert error.value.advice


@given(st.text(max_size=20))
def test_any_text_gives_a_finite_number_or_a_config_error(text: str) -> None:
    """No text makes the reader fail in another way."""
    try:
        value, unit = parse(text)
    except ConfigError:
        return

    assert math.isfinite(value)
    assert unit in Unit
