"""Published MLPerf Tiny results, v0.5 to v1.2: search them, and set them against the roofline.

Every number is quoted from the round's public results repository; `PublishedResult.source`
names the folder. The roofline is the fewest cycles that a core could need for a model's
products, whatever else it does. Nothing is predicted here.

>>> rows = find_published(board="ek-ra6m4", benchmark="kws")
>>> [(row.round, row.engine, str(row.latency.value)[:5]) for row in rows]
[('v0.7', 'tflm-cmsis-nn', '0.050')]

References
----------
Banbury et al., "MLPerf Tiny Benchmark", NeurIPS 2021 Datasets and Benchmarks, arXiv 2106.07597;
mlcommons/tiny_results_v0.5, v0.7, v1.0, v1.1 and v1.2.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tinygauge import __version__, catalog
from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.quantity import Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.records import Target
from tinygauge.roofline import fewest_cycles, roofline_share
from tinygauge.units import Unit, parse

__all__ = [
    "PublishedResult",
    "ReferenceModel",
    "Roofline",
    "find_published",
    "load_published",
    "nearest_published",
    "oddities",
    "reference_models",
    "roofline",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedResult:
    """One system on one benchmark.

    Parameters
    ----------
    round, division, submitter, system : str
        Such as ``"v1.0"``, ``"closed"``, and as submitted.
    board : str
        As submitted.
    catalogue_board : str
        Its name in the catalogue; empty where it is not there.
    core, accelerator : str
        The accelerator is empty where the core computes.
    engine, engine_version : str
        The engine by its name in the catalogue where it is there; the version may be empty.
    compiler : str
        As submitted; may be empty.
    benchmark : str
        ``"ad"``, ``"ic"``, ``"kws"`` or ``"vww"``.
    quantization : str
        As submitted; may be empty.
    clock, supply : Quantity or Missing
        Hz and volt.
    latency, throughput : Quantity
        Seconds per inference, and inferences per second (in Hz): median of the windows.
    energy : Quantity or Missing
        Joules per inference.
    accuracy, auc : Quantity or Missing
        Ratios in 0..1.
    notes : tuple of str
        What is odd about the run.
    source : str
        Repository and folder.
    """

    round: str
    division: str
    submitter: str
    system: str
    board: str
    catalogue_board: str
    core: str
    accelerator: str
    engine: str
    engine_version: str
    compiler: str
    benchmark: str
    quantization: str
    clock: Quantity | Missing
    supply: Quantity | Missing
    latency: Quantity
    throughput: Quantity
    energy: Quantity | Missing
    accuracy: Quantity | Missing
    auc: Quantity | Missing
    notes: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """A result against the fewest cycles that its core could need.

    Parameters
    ----------
    model : ReferenceModel or Missing
        Missing where no reference model of the benchmark is known.
    fewest_cycles : Quantity or Missing
        For all its products.
    cycles : Quantity or Missing
        Latency times clock.
    share : Quantity or Missing
        Fewest over real cycles, a ratio. An engine that skips dead channels may exceed 1.
    live_share : Quantity or Missing
        The same for the live products alone.
    """

    model: ReferenceModel | Missing
    fewest_cycles: Quantity | Missing
    cycles: Quantity | Missing
    share: Quantity | Missing
    live_share: Quantity | Missing


_EIGHT_BITS = re.compile(r"int ?8|uniform|quantization-aware|\bqat\b|\bptq\b", re.IGNORECASE)


@cache
def _table(name: str) -> tuple[dict[str, str], ...]:
    file = resources.files("tinygauge").joinpath("data", "published", name)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"published results {name}", f"can't be read ({error})", "Reinstall tinygauge"
        ) from error
    return tuple(csv.DictReader(text.splitlines()))


@cache
def load_published() -> tuple[PublishedResult, ...]:
    """Return all published results.

    Returns
    -------
    tuple of PublishedResult
        In order of round and submitter.

    Raises
    ------
    ConfigError
        If the packaged file can't be read.
    """
    systems = _table("systems.csv")
    return tuple(_result(row, systems[int(row["system"])]) for row in _table("results.csv"))


def _result(row: dict[str, str], system: dict[str, str]) -> PublishedResult:
    repository = f"mlcommons/tiny_results_{system['round']}"
    source = f"{repository}, {row['folder']}"

    def quoted(text: str, unit: str, absent: str) -> Quantity | Missing:
        if not text:
            return Missing(f"{absent} in {source}", "See the notes")
        return _quoted(*parse(text + unit), source)

    throughput = _quoted(float(row["throughput_per_s"]), Unit.HERTZ, source)
    clock = quoted(system["clock_mhz"], "MHz", "no clock is stated")
    names = ("round", "division", "submitter", "board", "catalogue_board", "core")
    return PublishedResult(
        **{name: system[name] for name in names},
        system=system["system"],
        accelerator=system["accelerator"],
        engine=system["engine"],
        engine_version=system["engine_version"],
        compiler=system["compiler"],
        benchmark=row["benchmark"],
        quantization=row["quantization"],
        clock=clock,
        supply=quoted(row["supply_v"], "V", "no supply is stated"),
        latency=_quoted(1 / throughput.value, Unit.SECOND, source),
        throughput=throughput,
        energy=quoted(row["energy_uj"], "uJ", "no energy was measured"),
        accuracy=quoted(row["top1_percent"], "%", "no accuracy is stated"),
        auc=quoted(row["auc"], "", "no AUC is stated"),
        notes=tuple(note for note in row["notes"].split("; ") if note),
        source=f"{source}; {system['system_file']}",
    )


def _quoted(value: float, unit: Unit, source: str) -> Quantity:
    return Quantity(
        value, unit, Interval.unknown(), Provenance(method=Method.QUOTED, source=source)
    )


# Notes that state a fact of every run, not an oddity of this one.
_USUAL = re.compile(r"^(energy run supply|voltage_v taken from)")


def oddities(result: PublishedResult) -> tuple[str, ...]:
    """Say what is odd about a run.

    Parameters
    ----------
    result : PublishedResult

    Returns
    -------
    tuple of str
        Its notes, without those that only repeat its supply, and a warning where the supply is
        not the one that the catalogue's power of that board holds at.
    """
    odd = [note for note in result.notes if not _USUAL.match(note)]
    supply = result.supply
    if result.catalogue_board and isinstance(supply, Quantity):
        usual = catalog.board(result.catalogue_board).supply
        if isinstance(usual, Quantity) and abs(usual.value - supply.value) > 0.05:
            odd.insert(0, f"supply of {supply.value:g} V, where others ran at {usual.value:g} V")
    return tuple(odd)


@dataclass(frozen=True, slots=True)
class ReferenceModel:
    """The model that the closed division of a benchmark runs.

    Parameters
    ----------
    benchmark : str
    macs, live_macs : int
        Products, and those with channels that are not all zero.
    file, sha256 : str
        Where it is published, and its digest in hex.
    """

    benchmark: str
    macs: int
    live_macs: int
    file: str
    sha256: str


@cache
def reference_models() -> dict[str, ReferenceModel]:
    """Return the reference model of each benchmark.

    Returns
    -------
    dict of str to ReferenceModel
    """
    return {
        row["benchmark"]: ReferenceModel(
            row["benchmark"], int(row["macs"]), int(row["live_macs"]), row["model"], row["sha256"]
        )
        for row in _table("benchmarks.csv")
    }


def find_published(
    *,
    board: str | Sequence[str] = (),
    engine: str | Sequence[str] = (),
    benchmark: str | Sequence[str] = (),
    round: str | Sequence[str] = (),  # noqa: A002 (the word that MLPerf uses)
    submitter: str | Sequence[str] = (),
) -> tuple[PublishedResult, ...]:
    """Search the published results.

    Parameters
    ----------
    board, engine, benchmark, round, submitter : str or sequence of str
        Names in any case, of which one must match; all match where none is given. A board is
        known by its name in the catalogue and as submitted; an engine may name a version
        (``"x-cube-ai@7.3"``); ``"v1.0"`` and ``"1.0"`` are the same round.

    Returns
    -------
    tuple of PublishedResult
        By benchmark, then the fastest first.

    Raises
    ------
    UnknownNameError
        If a name occurs in no result.
    """
    found = list(load_published())
    wanted: list[tuple[str, Iterable[str]]] = [
        ("board", _several(board)),
        ("engine", _several(engine)),
        ("benchmark", _several(benchmark)),
        ("round", [f"v{name.lower().lstrip('v')}" for name in _several(round)]),
        ("submitter", _several(submitter)),
    ]
    for field, names in wanted:
        chosen = [_matching(field, name.lower()) for name in names]
        if chosen:
            found = [row for row in found if any(row in rows for rows in chosen)]
    return tuple(sorted(found, key=lambda row: (row.benchmark, row.latency.value)))


def _several(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _names_of(row: PublishedResult, field: str) -> tuple[str, ...]:
    if field == "board":
        return tuple(name for name in (row.catalogue_board, row.board.lower()) if name)
    return (str(getattr(row, field)).lower(),)


def _matching(field: str, name: str) -> list[PublishedResult]:
    """Return the results that have a name, which must be one that occurs."""
    wanted, _, version = name.partition("@") if field == "engine" else (name, "", "")
    rows = [row for row in load_published() if wanted in _names_of(row, field)]
    if not rows:
        known = {each for row in load_published() for each in _names_of(row, field)}
        raise UnknownNameError(f"published {field}", name, known)
    if not version:
        return rows
    exact = [row for row in rows if version in row.engine_version.lower()]
    if not exact:
        versions = {f"{wanted}@{row.engine_version}" for row in rows}
        raise UnknownNameError("published engine", name, versions)
    return exact


def nearest_published(target: Target, macs: int, most: int = 3) -> tuple[PublishedResult, ...]:
    """Find what others published that is most like a model on a target.

    Parameters
    ----------
    target : Target
    macs : int
        Multiply-accumulates of the model.
    most : int
        Return no more than these.

    Returns
    -------
    tuple of PublishedResult
        On the target's board before those on its core alone, then by the ratio of MACs between
        the two models, then on the target's engine before others, newest round first; none
        where nobody published anything on that core.
    """
    sizes = {row["benchmark"]: int(row["macs"]) for row in _table("benchmarks.csv")}
    board = target.board.lower()
    alike = [
        row
        for row in reversed(load_published())
        if not row.accelerator
        and (row.core == target.core or (board and row.catalogue_board == board))
    ]

    def distance(row: PublishedResult) -> tuple[bool, float, bool]:
        ratio = abs(math.log(sizes[row.benchmark] / max(macs, 1)))
        return row.catalogue_board != board, ratio, row.engine != target.engine

    return tuple(sorted(alike, key=distance)[:most])


def roofline(result: PublishedResult) -> Roofline:
    """Set a result against the fewest cycles that its core could need.

    Parameters
    ----------
    result : PublishedResult

    Returns
    -------
    Roofline
        Its parts are Missing where another than the core computes, where the weights are no
        8-bit integers, where the model may not be the reference model or none is known, or no
        clock is stated.
    """
    cycles = _cycles(result)
    model = reference_models().get(result.benchmark)
    if model is None:
        known = f"Known: {', '.join(reference_models())}"
        unknown = Missing(f"no reference model of {result.benchmark} is known here", known)
        return Roofline(
            model=unknown, fewest_cycles=unknown, cycles=cycles, share=unknown, live_share=unknown
        )
    odd = _no_roofline(result)
    fewest = odd or fewest_cycles(result.core, model.macs)
    live = odd or fewest_cycles(result.core, model.live_macs)
    evidence = Evidence("model", model.file, model.sha256)
    return Roofline(
        model=model,
        fewest_cycles=fewest,
        cycles=cycles,
        share=roofline_share(fewest, cycles, evidence),
        live_share=roofline_share(live, cycles, evidence),
    )


def _cycles(result: PublishedResult) -> Quantity | Missing:
    if isinstance(result.clock, Missing):
        return result.clock
    source = f"latency times clock, {result.source}"
    provenance = Provenance(Method.QUOTED, source, f"tinygauge {__version__}")
    count = result.latency.value * result.clock.value
    return Quantity(count, Unit.COUNT, Interval.unknown(), provenance)


def _no_roofline(result: PublishedResult) -> Missing | None:
    if result.accelerator:
        return Missing(f"{result.accelerator} computes, not the core alone")
    if result.division != "closed":
        return Missing("in the open division the model may be another")
    if result.quantization and not _EIGHT_BITS.search(result.quantization):
        return Missing(f"the weights are {result.quantization}, not 8-bit integers")
    return None
