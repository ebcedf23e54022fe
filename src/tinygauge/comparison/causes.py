"""What would explain that a user's result differs from a published one, with the evidence.

Each function looks at facts of both results and says what follows from them; none of them
guesses without a fact. A cause *explains* the difference where the factor that it is known to
bring covers the one observed, give or take `NOISE`.

References
----------
Optimisation level, releases, copies, noise: TinyGauge study 2026-11-22 on EdgeMark's
measurements (Black3rror/EdgeMark @ 3e7237d) and on instruction counts; figures in
``docs/howto/compare-with-published.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tinygauge import catalog, graph
from tinygauge.comparison.nearest import Row
from tinygauge.comparison.own import OwnResult
from tinygauge.errors import InputError
from tinygauge.prediction import predict
from tinygauge.published import oddities
from tinygauge.quantity import Missing, Quantity
from tinygauge.roofline import fewest_cycles
from tinygauge.units import Unit, format_value

__all__ = ["NOISE", "Cause", "find_causes"]

NOISE = 0.05
"""Share by which equal builds may differ: layout and compiler 2 to 3 %, a release about 5 %."""

# Notes of the published results that touch what was measured.
_MATTERS = re.compile(r"windows|supply|image set|throughput")
# An int8 CNN and a float one, -Os over -O3 on NUCLEO-L4R5ZI: EdgeMark, sheets "-Os".
_SMALL_CODE_INTEGER, _SMALL_CODE_FLOAT = 1.5, 8.2
_TFLM_RELEASES = 1.7
_TFLM_RELEASES_SOURCE = (
    "NUCLEO-L4R5ZI: TFLM 2.3.1 of MLPerf Tiny v0.5 takes 1.1 to 1.7 times the cycles of EdgeMark's "
    "TFLM of February 2024"
)
# Beyond the clock of any microcontroller (the catalogue's fastest has 480 MHz).
_FASTEST_HZ = 2e9
_COPY_CYCLES = 73.0
"""Cycles per input or output element that EdgeMark's timed copies take: the study's fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One probable cause.

    Parameters
    ----------
    name : str
        ``"clock"``, ``"version"``, ``"dead channels"``, …
    text : str
        What it is, and what to look at.
    evidence : str
        The fact that it rests on, with its source.
    least, most : float or None
        Factor on the user's cycles over the row's that it is known to bring, from the least to
        the most; None where nobody knows.
    explains : bool
        Whether that covers the factor observed.
    """

    name: str
    text: str
    evidence: str
    least: float | None = None
    most: float | None = None
    explains: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    """What is to be explained.

    Parameters
    ----------
    own : OwnResult
    rows : tuple of Row
        Nearest first; empty where the prediction is what the result is set against.
    observed : float
        The user's cycles over the nearest row's, or over the predicted ones.
    source : str
        What that is taken from.
    """

    own: OwnResult
    rows: tuple[Row, ...]
    observed: float
    source: str

    def factor(self, name: str, text: str, evidence: str, *, least: float, most: float) -> Cause:
        """Return a cause that is known to bring a factor between two."""
        least, most = min(least, most), max(least, most)
        explains = least * (1 - NOISE) <= self.observed <= most * (1 + NOISE)
        return Cause(
            name=name, text=text, evidence=evidence, least=least, most=most, explains=explains
        )

    def differs(self, name: str) -> bool:
        """Tell whether the nearest row differs in something."""
        return bool(self.rows) and name in self.rows[0].differs


def find_causes(
    own: OwnResult, rows: tuple[Row, ...], predicted_ratio: Quantity | Missing
) -> tuple[Cause, ...]:
    """List what would explain the difference to the nearest row, or else to the prediction.

    Parameters
    ----------
    own : OwnResult
    rows : tuple of Row
        Nearest first.
    predicted_ratio : Quantity or Missing
        The user's latency over the predicted one; it counts where there is no row.

    Returns
    -------
    tuple of Cause
        Those that explain the difference first; empty where there is none worth explaining.
    """
    case = _case(own, rows, predicted_ratio)
    if case is None:
        return ()
    found: list[Cause] = []
    if abs(case.observed - 1) > NOISE:
        found = [cause for search in _SEARCHES for cause in search(case)]
    if rows:
        found += [*_energy(own, rows[0]), *_odd(rows[0])]
    return tuple(sorted(found, key=lambda cause: not cause.explains))


def _case(
    own: OwnResult, rows: tuple[Row, ...], predicted_ratio: Quantity | Missing
) -> _Case | None:
    if rows:
        return _Case(own, rows, rows[0].cycles_ratio.value, rows[0].result.source)
    if isinstance(predicted_ratio, Missing):
        return None
    return _Case(own, (), predicted_ratio.value, "the predicted latency")


def _odd(row: Row) -> Iterable[Cause]:
    """Say what of the published run itself could be off."""
    for note in oddities(row.result):
        if _MATTERS.search(note):
            yield Cause(
                name="the row",
                text=f"the published run is odd: {note}",
                evidence=row.result.source,
            )


def _too_fast(case: _Case) -> Iterable[Cause]:
    """Say that nothing but a slip makes a core faster than its multipliers."""
    own = case.own
    least = fewest_cycles(own.board.core, own.live_macs)
    if own.engine.accelerator or isinstance(least, Missing) or own.cycles.value >= least.value:
        return
    yield Cause(
        name="impossible",
        text=f"your time is {own.cycles.value:,.0f} cycles, and the core needs {least.value:,.0f} "
        "for the products alone: check the unit, whether the timed call ran the whole model, and "
        "whether something else than this core computed",
        evidence=least.provenance.source,
        explains=True,
    )


def _other_model(case: _Case) -> Iterable[Cause]:
    own, reference = case.own, case.own.reference
    if not case.rows or reference is None or own.is_reference:
        return
    share = own.macs / reference.macs
    yield case.factor(
        "model",
        f"your model is not the reference model of {own.benchmark}: it has {own.macs:,} products, "
        f"the reference {reference.macs:,}",
        f"{reference.file}, sha256 {reference.sha256[:12]}",
        least=share,
        most=share,
    )


def _other_weights(case: _Case) -> Iterable[Cause]:
    if case.differs("weights"):
        theirs = case.rows[0].result.quantization or "8-bit integers"
        yield Cause(
            name="weights",
            text=f"your model's numbers are of another type than the published run's ({theirs})",
            evidence=case.source,
        )


def _other_core(case: _Case) -> Iterable[Cause]:
    if not case.differs("core"):
        return
    own, result = case.own.board, case.rows[0].result
    text = f"the nearest published run is on a {result.core}, yours on a {own.core}"
    theirs = catalog.board(result.catalogue_board).coremark if result.catalogue_board else None
    ours = own.coremark
    if not (isinstance(theirs, Quantity) and isinstance(ours, Quantity)):
        yield Cause(name="core", text=text, evidence=result.source)
        return
    expected = theirs.value / ours.value
    evidence = f"CoreMark/MHz {ours.value:.2f} ({ours.provenance.source}) against "
    evidence += f"{theirs.value:.2f} ({theirs.provenance.source})"
    yield case.factor("core", text, evidence, least=expected, most=expected)


def _other_engine(case: _Case) -> Iterable[Cause]:
    if not case.differs("engine"):
        return
    engine, _ = case.own.published_engine
    nearest = case.rows[0].result
    near = [row.cycles_ratio.value for row in case.rows if row.result.board == nearest.board]
    text = f"nobody published {engine} on a {case.own.board.core}: {nearest.engine} is compared"
    evidence = f"{len(near)} published results on {nearest.board}"
    spread = max(near) / min(near)
    if spread > 1 + NOISE:
        text += f"; on {nearest.board} the engine moves this benchmark by {spread:.1f} times"
        yield case.factor("engine", text, evidence, least=1 / spread, most=spread)
    else:
        yield Cause(name="engine", text=text, evidence=evidence)


def _other_board(case: _Case) -> Iterable[Cause]:
    if not case.differs("board") or case.differs("core"):
        return
    nearest = case.rows[0].result
    alike = [
        row for row in case.rows
        if not {"core", "weights"} & set(row.differs)
        and (row.result.engine, row.result.engine_version)
        == (nearest.engine, nearest.engine_version)
    ]  # fmt: skip
    boards = {row.result.board: row.cycles_ratio.value for row in alike}
    spread = max(boards.values()) / min(boards.values())
    text = f"{case.own.board.name} is not {nearest.board}: flash wait states and caches differ"
    evidence = ", ".join(f"{row.result.board} {row.result.round}" for row in alike[:4])
    if spread > 1 + NOISE:
        text += f"; boards of this core with {nearest.engine} differ by {spread:.2f} times"
        yield case.factor("board", text, evidence, least=1 / spread, most=spread)
    else:
        yield Cause(name="board", text=text, evidence=evidence)


def _other_version(case: _Case) -> Iterable[Cause]:
    """Find versions of the engine whose cycles are the user's, or how much versions move."""
    engine, build = case.own.published_engine
    same = [
        row for row in case.rows
        if row.result.engine == engine and not {"core", "weights"} & set(row.differs)
    ]  # fmt: skip
    if not same:
        return
    here = [row for row in same if "board" not in row.differs] or same
    version = build or case.own.engine.version
    alike = [row for row in here[1:] if abs(row.cycles_ratio.value - 1) <= NOISE]
    alike.sort(key=lambda row: abs(row.cycles_ratio.value - 1))
    for row in alike:
        theirs = row.result.engine_version or "of a version it does not state"
        yield Cause(
            name="version",
            text=f"your cycles are those of {engine} {theirs} ({row.result.round}): is {version} "
            "what your firmware links?",
            evidence=row.result.source,
            explains=True,
        )
    if not alike and "version" in here[0].differs:
        yield _version_spread(case, here, version)


def _version_spread(case: _Case, here: list[Row], version: str) -> Cause:
    theirs = here[0].result.engine_version or "a version it does not state"
    text = f"the published run used {theirs}, you {version}"
    ratios = [row.cycles_ratio.value for row in here]
    spread, evidence = max(ratios) / min(ratios), f"{len(here)} published versions"
    if here[0].result.engine.startswith("tflm"):
        spread, evidence = _TFLM_RELEASES, _TFLM_RELEASES_SOURCE
    if spread <= 1 + NOISE:
        return Cause(name="version", text=text, evidence=here[0].result.source)
    text += f": releases differ by up to {spread:.1f} times"
    return case.factor("version", text, evidence, least=1 / spread, most=spread)


def _skips(name: str, version: str) -> bool | None:
    """Look up whether the engine of a published row skips dead channels."""
    if name not in catalog.engine_names():
        return None
    engine = catalog.engine(name)
    short = version.rsplit(maxsplit=1)[-1] if version else ""
    for build in engine.builds:
        if short and short in (build.name, build.version):
            return build.skips_dead_channels
    return engine.skips_dead_channels


def _dead_channels(case: _Case) -> Iterable[Cause]:
    own = case.own
    gain = own.macs / max(1, own.live_macs)
    if not case.rows or gain < 1.02:
        return
    row = case.rows[0].result
    theirs, ours = _skips(row.engine, row.engine_version), own.engine.skips_dead_channels
    facts = f"{own.macs - own.live_macs:,} of {own.macs:,} products belong to channels whose "
    facts += "weights are all 0"
    published = f"{row.engine} {row.engine_version}".rstrip()
    if theirs and not ours:
        does = "computes them" if ours is False else "may compute them"
        text = f"{published} skips dead channels, {own.engine.name} {does}"
        yield case.factor("dead channels", text, facts, least=1, most=gain)
    elif ours and theirs is False:
        text = f"{own.engine.name} skips dead channels, {published} does not"
        yield case.factor("dead channels", text, facts, least=1 / gain, most=1)


def _wrong_clock(case: _Case) -> Iterable[Cause]:
    """Say at which clock the user's time would be the expected number of cycles."""
    own = case.own
    implied_hz = own.clock.value / case.observed
    if implied_hz > _FASTEST_HZ:
        return
    implied = format_value(implied_hz, Unit.HERTZ)
    stated = format_value(own.clock.value, Unit.HERTZ)
    text = f"a core that ran at {implied} instead of {stated} would take just this long: print "
    text += "the clock that your timer counts"
    usual = own.board.clock
    evidence = f"{case.source}; {own.board.name} runs at {format_value(usual.value, usual.unit)} "
    yield Cause(name="clock", text=text, evidence=f"{evidence}({usual.provenance.source})")


def _other_clock(case: _Case) -> Iterable[Cause]:
    clock = case.rows[0].result.clock if case.differs("clock") else None
    if not isinstance(clock, Quantity):
        return
    theirs, ours = (format_value(each.value, Unit.HERTZ) for each in (clock, case.own.clock))
    more = "more" if case.own.clock.value > clock.value else "fewer"
    yield Cause(
        name="flash",
        text=f"cycles are compared, and at {ours} the flash needs {more} wait states than at "
        f"{theirs}: look at what your clock set-up programs",
        evidence=f"{case.source}; wait states by clock: the part's reference manual",
    )


def _compiler(case: _Case) -> Iterable[Cause]:
    own = case.own
    if not own.engine.base.startswith(("tflm", "microtvm")) or case.observed < 1:
        return
    is_float = own.model is not None and graph.precision(own.model) == "float32"
    most = _SMALL_CODE_FLOAT if is_float else _SMALL_CODE_INTEGER
    theirs = case.rows[0].result.compiler if case.rows else ""
    row = f"; the published run was built with {theirs}" if theirs else ""
    yield case.factor(
        "compiler",
        f"-Os instead of -O3 costs up to {most:g} times here, asserts compiled in more: check the "
        f"flags of the kernels, not of your application{row}",
        "EdgeMark @ 3e7237d, sheets default and -Os, NUCLEO-L4R5ZI; instruction counts of both",
        least=1,
        most=most,
    )


def _reference_kernels(case: _Case) -> Iterable[Cause]:
    own, core = case.own, case.own.board.core
    if own.engine.base != "tflm-cmsis-nn" or case.observed < 1 or own.model is None:
        return
    try:
        found = [
            predict(own.model, core, name).execution.cycles.value
            for name in ("tflm-ref", "tflm-cmsis-nn")
        ]
    except InputError:  # on a core that nobody counted instructions on
        return
    factor = found[0] / found[1]
    yield case.factor(
        "kernels",
        "a build without OPTIMIZED_KERNEL_DIR=cmsis_nn links the reference kernels, which take "
        f"{factor:.1f} times the cycles for this model",
        f"predicted for tflm-ref and tflm-cmsis-nn on {core}",
        least=factor,
        most=factor,
    )


def _timed_part(case: _Case) -> Iterable[Cause]:
    own = case.own
    if own.model is None or case.observed < 1 or own.engine.build == "edgemark":
        return
    main = own.model.main
    elements = sum(main.tensors[index].elements for index in {*main.inputs, *main.outputs})
    factor = 1 + _COPY_CYCLES * elements * case.observed / own.cycles.value
    if factor > 1.01:
        yield case.factor(
            "timed part",
            f"what you are set against times Invoke alone; copying {elements:,} inputs and outputs "
            f"one by one inside the timed part would add {factor - 1:.0%}",
            f"EdgeMark's timed copies: {_COPY_CYCLES:g} cycles an element on a Cortex-M4",
            least=1,
            most=factor,
        )


def _energy(own: OwnResult, row: Row) -> Iterable[Cause]:
    """Say what moves the power, which the energy follows once the time is known."""
    power = row.power_ratio
    if isinstance(power, Missing) or abs(power.value - 1) <= NOISE:
        return
    if {"core", "board", "clock"} & set(row.differs):  # then power differs anyway
        return
    facts = f"your energy over your latency is {power.value:.2f} times that of {row.result.source}"
    ours, theirs = own.supply, row.result.supply
    if isinstance(ours, Quantity) and isinstance(theirs, Quantity):
        expected = ours.value / theirs.value
        if abs(expected - 1) > NOISE:
            text = f"you ran at {ours.value:g} V, the published run at {theirs.value:g} V: with a "
            text += "linear regulator the current stays and the power follows the voltage"
            case = _Case(own, (row,), power.value, row.result.source)
            yield case.factor("supply", text, facts, least=expected, most=expected)
            return
    text = "the power differs: is the debugger, a sensor or an LED inside what you meter, and is "
    text += "the supply the same?"
    yield Cause(name="power", text=text, evidence=facts)


_SEARCHES: tuple[Callable[[_Case], Iterable[Cause]], ...] = (
    _too_fast, _other_model, _other_weights, _other_core, _other_engine, _other_board,
    _other_version, _dead_channels, _wrong_clock, _other_clock, _compiler,
    _reference_kernels, _timed_part,
)  # fmt: skip
