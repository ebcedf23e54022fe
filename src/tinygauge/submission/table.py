"""Load a submission's tree into the same records as the published results have.

Figures are taken as published: the median that ``results.txt`` states, or, where that file is
missing as in some trees of v0.5, the median of the windows in the log. Nothing is checked here;
what is odd about a result stands in its notes.

References
----------
mlcommons/tiny_results_v0.5 to v1.3.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinygauge import catalog
from tinygauge.published import PublishedResult
from tinygauge.quantity import Interval, Method, Missing, Provenance, Quantity
from tinygauge.submission.check import Checked
from tinygauge.submission.contents import Contents, Test, load_contents
from tinygauge.submission.system import System
from tinygauge.submission.tree import find_entries, find_organisations
from tinygauge.units import Unit

__all__ = ["ReadResult", "Unread", "read_submission", "results_of"]

_ROUND = re.compile(r"v\d\.\d")
_CORE = re.compile(r"cortex[- ]?(m\d{1,2}\+?|a)", re.IGNORECASE)
_FREQUENCY = re.compile(r"(\d{1,5}(?:\.\d{1,6})?) ?([GMk]?)Hz", re.IGNORECASE)
_SCALE = {"g": 1e9, "m": 1e6, "k": 1e3, "": 1.0}
_VERSION = re.compile(r"\bv?(\d{1,3}(?:\.\d{1,4}){1,3})\b", re.IGNORECASE)
# What submitters call an engine, and its name in the catalogue; the first that fits counts.
_ENGINES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"x-?cube-?ai|stm32cube\.?ai|st ?edge ?ai", "x-cube-ai"),
        (r"micro ?tvm.*cmsis|cmsis.*micro ?tvm", "microtvm-cmsis-nn"),
        (r"micro ?tvm", "microtvm-native"),
        (r"plumerai", "plumerai"),
        (r"\bhale\b|hardware[- ]aware.*engine", "hale"),
        (r"syntiant", "syntiant-core2-sdk"),
        (r"hls4ml", "hls4ml"),
        (r"\bfinn\b", "finn"),
        (r"fpgaconvnet", "fpgaconvnet"),
        (r"\bonnc\b", "onnc"),
        (r"\bleip\b", "leip"),
        (r"gapflow|nntool", "gapflow"),
        (r"\bmvp\b", "tflm-silabs-mvp"),
        (r"andes.?nn|libnn", "tflm-andes-nn"),
        (r"(tflm|tflite|tensorflow lite).*cmsis[- ]?nn|cmsis[- ]?nn", "tflm-cmsis-nn"),
        (r"tflm|tflite ?micro|tensorflow ?lite|tf-?lite", "tflm-ref"),
    )
)
# Published under other names than the catalogue's.
_BOARDS = {"nucleo-h7a3zi": "nucleo-h7a3zi-q"}


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry of which no throughput could be read: where it stands, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a tree holds.

    Parameters
    ----------
    results : tuple of PublishedResult
    unread : tuple of Unread
    """

    results: tuple[PublishedResult, ...]
    unread: tuple[Unread, ...]


def read_submission(root: str | Path, round_name: str = "") -> ReadResult:
    """Read a published tree, or one's own.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``closed`` or ``open``.
    round_name : str, optional
        By default what the folder's name tells, as ``tiny_results_v1.2`` does.

    Returns
    -------
    ReadResult
        By division, organisation and path.

    Raises
    ------
    ConfigError
        If it is no such folder.
    """
    top = Path(root)
    name = round_name or _round_of(top)
    contents = [
        load_contents(organisation, entry)
        for organisation in find_organisations(top)
        for entry in find_entries(organisation)
    ]
    return _read(top, name, contents)


def results_of(checked: Checked) -> ReadResult:
    """Return the results of a tree that was checked.

    Parameters
    ----------
    checked : Checked

    Returns
    -------
    ReadResult
    """
    return _read(checked.root, checked.round, checked.entries)


def _read(
    top: Path, round_name: str, contents: list[Contents] | tuple[Contents, ...]
) -> ReadResult:
    results: list[PublishedResult] = []
    unread: list[Unread] = []
    for each in contents:
        found = _result(top, round_name, each)
        if isinstance(found, PublishedResult):
            results.append(found)
        else:
            unread.append(found)
    return ReadResult(tuple(results), tuple(unread))


def _round_of(top: Path) -> str:
    found = _ROUND.findall(top.resolve().name)
    return found[-1] if found else ""


def _result(top: Path, round_name: str, contents: Contents) -> PublishedResult | Unread:
    entry = contents.entry
    if not entry.benchmark:
        return Unread(entry.path, f"'{entry.folder_name}' is no benchmark's name")
    notes: list[str] = []
    per_second = _throughput(contents, notes)
    if per_second is None:
        return Unread(entry.path, "no throughput is stated, and no windows are in a log")
    where = f"{top.name}, {entry.path.relative_to(top).as_posix()}"

    def quoted(value: float | None, unit: Unit, absent: str) -> Quantity | Missing:
        if value is None:
            return Missing(f"{absent} in {where}")
        source = Provenance(Method.QUOTED, where)
        return Quantity(value, unit, Interval.unknown(), source)

    system = contents.system or System({})
    notes += _system_notes(contents)
    clock_hz = _frequency_hz(system.get("processor_frequency"))
    supply_v = _supply_v(contents)
    top1, auc = _accuracy(contents)
    throughput = quoted(per_second, Unit.HERTZ, "")
    latency = quoted(1 / per_second, Unit.SECOND, "")
    assert isinstance(throughput, Quantity)  # noqa: S101
    assert isinstance(latency, Quantity)  # noqa: S101
    board = system.get("board")
    engine, version = _engine(system)
    return PublishedResult(
        round=round_name or "unknown",
        division=entry.division,
        submitter=entry.organisation,
        system=entry.title,
        board=board,
        catalogue_board=_catalogue_board(board),
        core=_core(system),
        accelerator=_accelerator(system),
        engine=engine,
        engine_version=version,
        compiler=system.get("compiler"),
        benchmark=entry.benchmark,
        quantization=system.get("quantization_method"),
        clock=quoted(clock_hz, Unit.HERTZ, "no clock is stated"),
        supply=quoted(supply_v, Unit.VOLT, "no supply is stated"),
        latency=latency,
        throughput=throughput,
        energy=quoted(_energy_j(contents, notes), Unit.JOULE, "no energy was measured"),
        accuracy=quoted(top1, Unit.RATIO, "no accuracy is stated"),
        auc=quoted(auc, Unit.RATIO, "no AUC is stated"),
        notes=tuple(notes),
        source=where,
    )


def _throughput(contents: Contents, notes: list[str]) -> float | None:
    """Return the stated median, or that of what is there."""
    energy, performance = contents.tests.get("energy"), contents.tests.get("performance")
    if contents.entry.benchmark == "sww":
        test = energy or performance
        notes.append("throughput is that of a frame, estimated from the duty cycle")
        value = None if test is None else test.results.wakewords.throughput_per_s
        return value or None
    if performance is not None:
        found = _of_test(performance, notes)
        if found:
            return found
    if energy is not None:
        notes.append("throughput is that of the energy run")
        return _of_test(energy, notes) or _of_energy(energy)
    return None


def _of_test(test: Test, notes: list[str]) -> float | None:
    if test.results.median_throughput_per_s:
        return test.results.median_throughput_per_s
    rates = [w.throughput_per_s for w in test.results.windows if w.throughput_per_s]
    if rates:
        notes.append("no median is stated: it is that of the windows")
        return statistics.median(rates)
    logged = [
        each.iterations / each.elapsed_s
        for each in test.log.inferences
        if each.iterations and each.elapsed_s
    ]
    if logged:
        notes.append(f"no results: median of {len(logged)} windows in the log")
        return statistics.median(logged)
    return None


def _of_energy(test: Test) -> float | None:
    rates = [
        w.inferences / w.duration_s
        for w in test.results.energy_windows
        if w.inferences and w.duration_s
    ]
    return statistics.median(rates) if rates else None


def _energy_j(contents: Contents, notes: list[str]) -> float | None:
    test = contents.tests.get("energy")
    if test is None:
        return None
    if contents.entry.benchmark == "sww":
        power_mw, rate = test.results.official.get("power"), test.results.wakewords.throughput_per_s
        if power_mw is not None and rate:
            notes.append(f"mean power over the stream: {power_mw:g} mW; no energy of a frame")
        return None
    value = test.results.median_energy_uj
    shares = [w.energy_uj_per_inference for w in test.results.energy_windows]
    known = [share for share in shares if share is not None]
    if value is None and known:
        notes.append("no median energy is stated: it is that of the windows")
        value = statistics.median(known)
    short = [w for w in test.results.energy_windows if w.duration_s and w.duration_s < 10]
    if short:
        notes.append(f"{len(short)} energy windows are shorter than 10 s")
    return None if value is None else value * 1e-6


def _accuracy(contents: Contents) -> tuple[float | None, float | None]:
    test = contents.tests.get("accuracy")
    if contents.entry.benchmark == "sww":
        words = contents.tests.get("energy") or contents.tests.get("performance")
        return (None if words is None else words.results.wakewords.f1), None
    if test is None:
        return None, None
    # What the EEMBC runner calls Top-1 of anomaly detection is the best of a sweep over thresholds.
    top1 = None if contents.entry.benchmark == "ad" else test.results.top1
    return top1, test.results.auc


def _supply_v(contents: Contents) -> float | None:
    test = contents.tests.get("energy")
    if test is None:
        return None
    return test.log.supply_v or next((p.supply_v for p in test.passes if p.supply_v), None)


def _system_notes(contents: Contents) -> Iterator[str]:
    system = contents.system
    if system is None:
        yield "no description of the system was found"
        return
    if not system.strict:
        yield f"the description is no strict JSON: {'; '.join(system.repairs) or 'no object'}"
    if contents.system_file is not None and contents.system_file.stem != contents.entry.system:
        yield f"the description is {contents.system_file.name}"


def _frequency_hz(text: str) -> float | None:
    found = _FREQUENCY.search(text)
    if not found or not float(found[1]):
        return None
    return float(found[1]) * _SCALE[found[2].lower()]


def _core(system: System) -> str:
    for name in ("processor", "soc"):
        found = _CORE.search(system.get(name))
        if found:
            return f"cortex-{found[1].lower()}"
    return " ".join(system.get("processor").split())[:60]


def _accelerator(system: System) -> str:
    text = system.get("accelerator")
    return "" if text.strip(" .-").lower() in {"", "none", "n/a", "na", "no"} else text


def _engine(system: System) -> tuple[str, str]:
    said = system.get("inference_framework") or system.get("software_libraries")
    everything = f"{said} {system.get('software_libraries')}"
    for pattern, name in _ENGINES:
        if pattern.search(everything):
            found = _VERSION.search(said)
            return name, found[1] if found else ""
    return said[:60] or "unknown", ""


def _catalogue_board(board: str) -> str:
    name = re.sub(r"[ _]+", "-", board.strip().lower())
    name = _BOARDS.get(name, name)
    return name if name in catalog.board_names() else ""
