"""Read power traces that were recorded elsewhere: the EEMBC runner's files, and CSV exports.

In a CSV the columns are found by their names and units, as Joulescope's, Nordic's and Qoitech's
programs write them: ``time`` or ``timestamp``; ``current``, ``voltage``, ``power`` or their first
letters; digital inputs such as ``D0``, ``gpi0`` or ``D0-D7``. A bare name means the base unit.
A cell that is empty or ``nan`` is a lost sample: it leaves a hole, and nothing is filled in.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinygauge.bench.trace import Floats, Instrument, PowerTrace
from tinygauge.errors import ConfigError, TraceFormatError, did_you_mean
from tinygauge.quantity import Evidence, Missing
from tinygauge.units import Unit, parse

__all__ = ["CsvOptions", "load_csv_trace", "load_eembc_trace"]

UNKNOWN = Instrument(
    "unnamed instrument",
    Missing("nobody said what recorded the trace", "Name it: ?instrument=lpm01a"),
)

_EEMBC_VERSION = 0xF1
_BITS = re.compile(r"[dD](\d)-[dD](\d)")
_NAME = re.compile(r"^(?P<name>.*?)\s*(?:[(\[](?P<unit>[^)\]]*)[)\]])?$")
_SUFFIX = re.compile(r"^(?P<name>.+)_(?P<unit>[munµμ]?[sAVW]|[munµμ]?[avw])$")
_STATISTIC = re.compile(r"(min|max|std|rms|avg)\b|\b(charge|energy)\b|_(min|max|std|rms)$")
_KINDS = {
    "time": (re.compile(r"^(time|timestamp|t)\b"), Unit.SECOND),
    "current": (re.compile(r"\bcurrent\b|^i$"), Unit.AMPERE),
    "voltage": (re.compile(r"\bvoltage\b|^v$"), Unit.VOLT),
    "power": (re.compile(r"\bpower\b|^p$"), Unit.WATT),
}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that can't be one
        why = getattr(error, "strerror", None) or error
        raise TraceFormatError(str(path), f"can't read the file ({why})") from error


def _evidence(path: Path, content: bytes) -> Evidence:
    return Evidence("trace", path.name, hashlib.sha256(content).hexdigest())


def load_eembc_trace(
    path: str | Path, *, marks: str | Path | None = None, instrument: Instrument = UNKNOWN
) -> PowerTrace:
    """Read the EEMBC runner's energy trace and its timestamps.

    Parameters
    ----------
    path : str or Path
        ``trace1-energy.bin``.
    marks : str or Path, optional
        ``trace1-timestamps.json``; by default the one beside it, where there is one.
    instrument : Instrument
        What recorded it; the files don't say.

    Returns
    -------
    PowerTrace

    Raises
    ------
    TraceFormatError
        If a file can't be read or is no such trace.

    Notes
    -----
    Byte 0 is 0xF1, then the sample rate and the samples follow as little-endian float32, each the
    microjoules of one sample period. The published energies of a window are those of the samples
    after its first timestamp up to and with the one at its last, mostly to the last printed digit:
    sample k therefore ends at k periods.
    """
    file = Path(path)
    content = _read(file)
    if len(content) < 9 or content[0] != _EEMBC_VERSION or (len(content) - 5) % 4:
        raise TraceFormatError(
            str(path),
            f"this is no EEMBC energy trace: {len(content)} bytes, the first "
            f"{content[:1].hex() or 'missing'}, expected f1 and whole float32 samples",
            "Give trace1-energy.bin as the runner wrote it",
        )
    (rate_hz,) = struct.unpack_from("<f", content, 1)
    energy_j = np.frombuffer(content, dtype="<f4", offset=5).astype(np.float64) * 1e-6
    if not (math.isfinite(rate_hz) and rate_hz > 0):
        raise TraceFormatError(str(path), f"a sample rate of {rate_hz} Hz is impossible")
    trace = PowerTrace.uniform(
        file.name, instrument, rate_hz, energy_j * rate_hz, start_s=-1 / rate_hz
    )
    beside = file.with_name(file.name.replace("-energy.bin", "-timestamps.json"))
    source = Path(marks) if marks is not None else beside
    evidence = [_evidence(file, content)]
    if marks is not None or (source != file and source.exists()):
        stamps = _read(source)
        trace = trace.with_marks(_timestamps(source, stamps))
        evidence.append(_evidence(source, stamps))
    return replace(trace, evidence=tuple(evidence))


def _timestamps(path: Path, content: bytes) -> list[float]:
    try:
        values = json.loads(content)
        marks = [float(value) for value in values]
    except (ValueError, TypeError, RecursionError) as error:
        raise TraceFormatError(str(path), f"this is no list of seconds ({error})") from error
    if not all(math.isfinite(mark) for mark in marks) or marks != sorted(marks):
        raise TraceFormatError(str(path), "the timestamps do not rise")
    return marks


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvOptions:
    """What a CSV does not say of itself.

    Parameters
    ----------
    voltage_v : float or None
        The supply, where only current was recorded.
    rate_hz : float or None
        Samples in a second, where there is no column of times.
    time, current, voltage, power : str
        Headings of the columns, where names leave a choice.
    mark : str
        Heading of the digital input that carries the timestamps, such as ``"D0"``.
    edge : str
        ``"falling"`` or ``"rising"``.
    """

    voltage_v: float | None = None
    rate_hz: float | None = None
    time: str = ""
    current: str = ""
    voltage: str = ""
    power: str = ""
    mark: str = ""
    edge: str = "falling"


@dataclass(frozen=True, slots=True)
class _Column:
    index: int
    factor: float


def load_csv_trace(
    path: str | Path, options: CsvOptions | None = None, *, instrument: Instrument = UNKNOWN
) -> PowerTrace:
    """Read a CSV that an instrument's own program exported.

    Parameters
    ----------
    path : str or Path
    options : CsvOptions, optional
    instrument : Instrument
        What recorded it.

    Returns
    -------
    PowerTrace

    Raises
    ------
    TraceFormatError
        If it can't be read, a cell is no number, or no power can be told from its columns; the
        message names the line or the headings.
    """
    file = Path(path)
    options = options or CsvOptions()
    content = _read(file)
    sheet = _split(file, content)
    columns = _find_columns(str(path), sheet.heading, options)
    table = _numbers(str(path), sheet)
    trace = _assemble(file, table, columns, options, instrument)
    marks = _marks(str(path), sheet.heading, table, options, trace)
    return replace(trace, marks_s=marks, evidence=(_evidence(file, content),))


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Headings, the lines below them, and the number of the first of these."""

    heading: list[str]
    delimiter: str
    lines: list[str]
    first_line: int


def _split(file: Path, content: bytes) -> _Sheet:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    lines = text.splitlines()
    at = 0
    for at, line in enumerate(lines):  # noqa: B007 (where it ends matters)
        if not line.strip():
            continue
        delimiter = next((mark for mark in ";\t," if mark in line), ",")
        cells = [cell.strip().strip('"') for cell in line.lstrip("#").split(delimiter)]
        if any(_KINDS[kind][0].search(_plain(cell)[0]) for cell in cells for kind in _KINDS):
            break
    else:
        raise TraceFormatError(
            str(file),
            "no line names a time, current, voltage or power",
            "Keep the heading line of the export",
        )
    below = lines[at + 1 :]
    if delimiter == ";":  # then a comma is the decimal point
        below = [line.replace(",", ".") for line in below]
    return _Sheet(cells, delimiter, below, at + 2)


def _plain(heading: str) -> tuple[str, str]:
    """Split a heading into its name and its unit."""
    match = _NAME.match(heading.strip())
    name, unit = (match["name"], match["unit"] or "") if match else (heading, "")
    suffix = _SUFFIX.match(name)
    if not unit and suffix is not None:
        name, unit = suffix["name"], suffix["unit"]
    return name.strip().lower().replace("_", " "), unit.strip()


def _find_columns(where: str, heading: list[str], options: CsvOptions) -> dict[str, _Column]:
    found: dict[str, _Column] = {}
    for kind, (pattern, unit) in _KINDS.items():
        named = getattr(options, kind)
        if named:
            if named not in heading:
                raise TraceFormatError(
                    where, f"there is no column '{named}'", did_you_mean(named, heading)
                )
            chosen = [heading.index(named)]
        else:
            chosen = [
                index
                for index, text in enumerate(heading)
                if pattern.search(_plain(text)[0]) and not _STATISTIC.search(_plain(text)[0])
            ]
        if len(chosen) > 1:
            names = ", ".join(f"'{heading[index]}'" for index in chosen)
            raise TraceFormatError(
                where, f"several columns may be the {kind}: {names}", f"Choose one: ?{kind}=NAME"
            )
        if chosen:
            found[kind] = _Column(chosen[0], _factor(where, heading[chosen[0]], unit))
    if "power" not in found and "current" not in found:
        raise TraceFormatError(
            where, f"no column is a power or a current; it has: {', '.join(heading)}"
        )
    return found


def _factor(where: str, heading: str, unit: Unit) -> float:
    text = _plain(heading)[1]
    if not text:
        return 1.0
    spelling = text[:-1] + text[-1].upper() if unit is not Unit.SECOND else text
    try:
        factor, parsed = parse(f"1 {spelling}")
    except ConfigError as error:
        raise TraceFormatError(where, f"heading '{heading}': {error.problem}") from error
    if parsed is not unit:
        raise TraceFormatError(where, f"heading '{heading}': '{text}' is no unit of {unit.name}")
    return factor


def _numbers(where: str, sheet: _Sheet) -> Floats:
    """Return the cells as numbers; nan for a cell that is empty or says so."""
    filled = [line for line in sheet.lines if line.split("#", 1)[0].strip()]  # NumPy warns of none
    if not filled:
        raise TraceFormatError(where, "there is nothing below the headings")
    try:  # in one go, where every cell is a number
        table = np.loadtxt(filled, delimiter=sheet.delimiter, quotechar='"', ndmin=2)
    except ValueError:
        table = _numbers_by_cell(where, sheet)
    if table.shape[1] < len(sheet.heading):
        raise TraceFormatError(
            where, f"{table.shape[1]} columns stand below {len(sheet.heading)} headings"
        )
    return np.asarray(table, dtype=np.float64)


def _numbers_by_cell(where: str, sheet: _Sheet) -> Floats:
    width = len(sheet.heading)
    rows = []
    for number, line in enumerate(sheet.lines, sheet.first_line):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip().strip('"') for cell in line.split(sheet.delimiter)]
        if len(cells) < width:
            raise TraceFormatError(
                where,
                f"line {number} has {len(cells)} cells, expected {width}",
                "The file may be cut off",
            )
        try:
            rows.append([float(cell) if cell else math.nan for cell in cells[:width]])
        except ValueError as error:
            raise TraceFormatError(where, f"line {number}: {error}") from None
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _assemble(
    file: Path,
    table: Floats,
    columns: dict[str, _Column],
    options: CsvOptions,
    instrument: Instrument,
) -> PowerTrace:
    where = str(file)
    values = {kind: table[:, at.index] * at.factor for kind, at in columns.items()}
    notes = []
    t_s = values.get("time")
    if t_s is None:
        if options.rate_hz is None:
            raise TraceFormatError(where, "it has no column of times", "Give ?rate=1kHz")
        t_s = np.arange(len(table)) / options.rate_hz
    i_a, v_v = values.get("current"), values.get("voltage")
    p_w = values.get("power")
    if p_w is None:
        p_w = values["current"] * _supply(where, v_v, options.voltage_v)
        if v_v is None:
            notes.append(f"the supply is taken as {options.voltage_v} V: it was not recorded")
    keep = np.isfinite(t_s) & np.isfinite(p_w)
    if len(table) and not keep.all():
        notes.append(f"{int((~keep).sum())} of {len(keep)} samples have no value: they are holes")
    t_s, p_w = t_s[keep], p_w[keep]
    if len(t_s) < 2:
        raise TraceFormatError(where, f"{len(t_s)} samples are no trace")
    return PowerTrace(
        name=file.name,
        instrument=instrument,
        t_s=t_s - t_s[0],
        period_s=float(np.median(np.diff(t_s))),
        p_w=p_w,
        overload=np.zeros(len(p_w), dtype=np.bool_),
        i_a=None if i_a is None else i_a[keep],
        v_v=None if v_v is None else v_v[keep],
        supply_v=options.voltage_v,
        notes=tuple(notes),
    )


def _supply(where: str, v_v: Floats | None, voltage_v: float | None) -> Floats | float:
    if v_v is not None:
        return v_v
    if voltage_v is None:
        raise TraceFormatError(
            where, "it has a current but no voltage", "Give the supply: ?voltage=3.0"
        )
    return voltage_v


def _marks(
    where: str,
    heading: list[str],
    table: Floats,
    options: CsvOptions,
    trace: PowerTrace,
) -> Floats:
    if not options.mark:
        return np.zeros(0)
    if options.edge not in ("falling", "rising"):
        raise TraceFormatError(where, f"edge '{options.edge}' is neither falling nor rising")
    levels = _levels(where, heading, table, options.mark)
    if len(levels) != len(trace.t_s):
        raise TraceFormatError(where, "marks can't be placed in a trace whose samples have holes")
    wanted = -1 if options.edge == "falling" else 1
    edges = np.flatnonzero(np.diff(levels.astype(np.int8)) == wanted) + 1
    return np.asarray(trace.t_s[edges], dtype=np.float64)


def _levels(where: str, heading: list[str], table: Floats, mark: str) -> NDArray[np.bool_]:
    if mark in heading:
        return np.asarray(table[:, heading.index(mark)] > 0.5, dtype=np.bool_)
    digit = re.fullmatch(r"[dD](\d)", mark)
    for index, text in enumerate(heading):
        match = _BITS.fullmatch(text)
        if match and digit and int(match[1]) <= int(digit[1]) <= int(match[2]):
            # The bits stand as digits, the first input first: "01000000" is D1.
            place = 10 ** (int(match[2]) - int(digit[1]))
            bits: NDArray[np.bool_] = table[:, index] // place % 10 == 1
            return bits
    raise TraceFormatError(where, f"there is no column '{mark}'", did_you_mean(mark, heading))
