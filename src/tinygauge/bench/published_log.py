"""Derive a run from the log of another runner: EEMBC's EnergyRunner, or MLCommons'.

EEMBC's log holds the board's own lines behind a time and a source, so they are read as they would
be from the board. Energy is not in those lines: it is integrated from the trace where that lies
beside the log, and else quoted from what the runner printed.

References
----------
The formats as published: mlcommons/tiny_results_v0.5 to v1.3; the MLCommons runner writes
``results.json`` by mlcommons/tiny @ 1afd2c9, benchmark/runner/main.py.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinygauge.bench.dialect import Kind, parse_line
from tinygauge.bench.energy import window_energy
from tinygauge.bench.exchange import InferReply, Timed, read_infer_reply
from tinygauge.bench.folder import file_sha256
from tinygauge.bench.metering import as_reading
from tinygauge.bench.records import (
    EnergyReading,
    FileRef,
    InputResult,
    Mode,
    Run,
    WindowResult,
)
from tinygauge.bench.rules import BENCHMARKS, check_rules
from tinygauge.bench.trace import windows_between_marks
from tinygauge.bench.trace_files import load_eembc_trace
from tinygauge.errors import RunFormatError

__all__ = ["replay_log"]

_LINE = re.compile(r"(\d{5,9}\.\d{3}) (\S{1,40}?): ?(.*)")
_BLOAD = re.compile(r'Command "bloadp? (?:dut )?"?([^"]{1,1000}?)"?(?: (\d{1,9}) \d{1,9})?"$')
_INFER = re.compile(r'Command "(?:io )?dut infer \d{1,12}')
_CONFIG = re.compile(r"key\[(\w+)\]-val\[([^\]]*)\]")
_VERSION = re.compile(r"m-version\[([^\]]{1,40})\]")
_SUPPLY = re.compile(r"m-voltage-mv\[(\d{1,5})\]")
_SPENT = re.compile(r" {2}Energy {7}: +([0-9.]{1,20}) uJ")
_RUNTIME = re.compile(r" {2}Runtime {6}: +([0-9.]{1,20}) sec")
_PASSED_PREFIX = "[dut]: "
_LONGEST_LINE = 6000
# Classes that the benchmarks' file names tell: tst_000000_Stop_7.bin, normal_id_01_00000003….bin.
_KWS_NAME = re.compile(r"tst_\d+_\w+?_(\d+)\.bin")
_AD_NAME = re.compile(r"(normal|anomaly)_id_\d+")


@dataclass(frozen=True, slots=True)
class _Inference:
    """An inference in a log."""

    input: str
    reply: InferReply


class _Eembc:
    """Follows an EEMBC log."""

    def __init__(self) -> None:
        self.inferences: list[_Inference] = []
        self.config: dict[str, str] = {}
        self.said: dict[Kind, str] = {}
        self.version = ""
        self.supply_v: float | None = None
        self.energies_j: list[float] = []
        self.runtimes_s: list[float] = []
        self.is_energy = False
        self._input = ""
        self._lines: list[Timed] | None = None

    def take(self, line: str) -> bool:
        """Follow one line; say whether it is of this format."""
        found = _LINE.match(line[:_LONGEST_LINE])
        if found is None:
            return False
        at_s, source, text = float(found[1]), found[2], found[3]
        if source in ("dut", "io"):
            self._take_board(source, text, at_s)
        elif source == "parser":
            self._take_runner(text)
        elif source == "emon":
            if supply := _SUPPLY.search(text):
                self.supply_v = int(supply[1]) / 1000
        elif source.startswith("ulp-"):
            self.is_energy |= source == "ulp-ml"
            self._take_result(text)
        return True

    def _take_runner(self, text: str) -> None:
        if found := _BLOAD.match(text):
            self._input = re.split(r"[\\/]", found[1].strip())[-1]
        elif _INFER.match(text):
            self._lines = []
        elif found := _CONFIG.search(text):
            self.config[found[1]] = found[2]
        elif found := _VERSION.match(text):
            self.version = found[1]

    def _take_board(self, source: str, text: str, at_s: float) -> None:
        if source == "io" and _PASSED_PREFIX not in text:
            return
        self.is_energy |= source == "io"
        message = parse_line(text)
        if message.kind in (Kind.NAME, Kind.PROFILE, Kind.MODEL):
            self.said[message.kind] = message.text
        if self._lines is None:
            return
        self._lines.append(Timed(at_s, message))
        if message.kind is Kind.READY:
            self._end_inference()

    def _end_inference(self) -> None:
        lines, self._lines = self._lines or [], None
        try:
            reply = read_infer_reply(lines)
        except ValueError:
            return  # the runner counted what it saw; here a torn inference is none
        self.inferences.append(_Inference(self._input, reply))

    def _take_result(self, text: str) -> None:
        if found := _SPENT.match(text):
            self.energies_j.append(float(found[1]) * 1e-6)
        elif found := _RUNTIME.match(text):
            self.runtimes_s.append(float(found[1]))


def replay_log(path: str | Path, labels: Mapping[str, int] | None = None) -> Run:
    """Derive a run from another runner's log.

    Parameters
    ----------
    path : str or Path
        A ``log.txt``, or the folder that holds it; ``results.txt``, ``results.json`` and an energy
        trace beside it are read as well.
    labels : mapping of str to int, optional
        The true class of each file, for accuracy. Without them those that a file's name tells.

    Returns
    -------
    Run

    Raises
    ------
    RunFormatError
        If there is no log of a known format, or no inference in it.
    TraceFormatError, SamplesLostError, MonitorOverloadError
        If the energy trace beside it can't be used.
    """
    log = Path(path)
    log = log / "log.txt" if log.is_dir() else log
    lines = _read(log)
    results = log.with_name("results.json")
    if results.is_file():
        return _checked(_mlcommons(log, results, lines, labels or {}))
    reader = _Eembc()
    matched = sum(reader.take(line) for line in lines)
    beside = log.with_name("results.txt")
    if not reader.energies_j and beside != log and beside.is_file():
        for line in _read(beside):
            reader.take(line)
    if not matched or not reader.inferences:
        problem = "no inference was found in it" if matched else "this is no log of a known runner"
        advice = "Give a log.txt of EEMBC's EnergyRunner, or of MLCommons' with its results.json"
        raise RunFormatError(str(log), problem, advice)
    return _checked(_eembc_run(log, reader, labels or {}))


def _checked(run: Run) -> Run:
    return replace(run, rules=check_rules(run))


def _read(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunFormatError(str(path), f"can't read it ({error.strerror or error})") from error
    # Some firmwares print a CR within a line.
    return content.decode("utf-8", "replace").replace("\r", "").split("\n")


def _eembc_run(log: Path, reader: _Eembc, labels: Mapping[str, int]) -> Run:
    accuracy = reader.config.get("runMode") == "multi"
    mode = Mode.ENERGY if reader.is_energy else Mode.PERFORMANCE
    model = reader.said.get(Kind.MODEL, "") or reader.config.get("model", "")
    run = Run(
        mode=Mode.ACCURACY if accuracy else mode,
        benchmark=_benchmark(model),
        port="",
        baud=0,
        simulated=False,
        supply_v=reader.supply_v,
        firmware_name=reader.said.get(Kind.NAME, ""),
        firmware_profile=reader.said.get(Kind.PROFILE, ""),
        firmware_model=model,
        complete=True,
        transcript=FileRef(str(log), file_sha256(log)),
        tool=f"EEMBC runner {reader.version}".strip(),
    )
    if accuracy:
        return _with_inputs(run, reader.inferences, labels)
    windows = [
        _window(index, each.input, each.reply) for index, each in enumerate(reader.inferences)
    ]
    if mode is Mode.ENERGY:
        windows = _with_energies(log, reader, windows)
    return replace(run, windows=tuple(windows))


def _window(index: int, name: str, reply: InferReply) -> WindowResult:
    return WindowResult(
        index=index, input=name, input_sha256="", iterations=reply.iterations,
        warmups=reply.warmups, start_us=reply.start_us, end_us=reply.end_us,
        elapsed_s=reply.elapsed_s, host_s=reply.host_s, outputs=reply.outputs, verified=False,
    )  # fmt: skip


def _with_energies(
    log: Path, reader: _Eembc, windows: Sequence[WindowResult]
) -> list[WindowResult]:
    """Give each window its energy: integrated from the trace, or as printed."""
    trace_file = log.with_name("trace1-energy.bin")
    readings: list[EnergyReading] = []
    if trace_file.is_file():
        trace = load_eembc_trace(trace_file)
        # The runner's `timestamp` command makes the first mark.
        cut = windows_between_marks(trace, skip=len(trace.marks_s) % 2, count=len(windows))
        reference = FileRef(str(trace_file), file_sha256(trace_file))
        readings = [
            replace(as_reading(window_energy(trace, each), "marks"), trace=reference)
            for each in cut
        ]
    elif len(reader.energies_j) >= len(windows) == len(reader.runtimes_s[: len(windows)]):
        # Printed once more for each time that the runner's own evaluation ran.
        readings = [
            EnergyReading(
                energy_j=energy_j, above_idle_j=None, duration_s=runtime_s, cut_by="marks",
                uncertainty_j=math.nan, trace=FileRef("", ""),
            )
            for energy_j, runtime_s in zip(reader.energies_j, reader.runtimes_s, strict=False)
        ]  # fmt: skip
    if not readings:
        problem = "it holds no energies, and there is neither a trace nor a results.txt beside it"
        raise RunFormatError(str(log), problem, "Put trace1-energy.bin beside it")
    return [
        replace(window, energy=energy, elapsed_s=energy.duration_s)
        for window, energy in zip(windows, readings, strict=False)
    ]


def _with_inputs(run: Run, inferences: Sequence[_Inference], labels: Mapping[str, int]) -> Run:
    recordings: dict[str, int] = {}
    inputs = tuple(
        InputResult(
            index=index,
            recording=recordings.setdefault(each.input, len(recordings)),
            input=each.input,
            input_sha256="",
            true_class=_true_class(each.input, labels),
            outputs=each.reply.outputs,
            elapsed_us=(
                round(each.reply.elapsed_s * 1e6) if each.reply.start_us is not None else None
            ),
            verified=False,
        )
        for index, each in enumerate(inferences)
    )
    benchmark = BENCHMARKS.get(run.benchmark)
    metric = benchmark.metric if benchmark is not None else "top1"
    return replace(run, inputs=inputs, inputs_planned=len(recordings), metric=metric)


def _true_class(name: str, labels: Mapping[str, int]) -> int | None:
    if labels:
        return labels.get(name)
    if found := _KWS_NAME.fullmatch(name):
        return int(found[1])
    if found := _AD_NAME.match(name):
        return int(found[1] == "anomaly")
    return None


def _benchmark(model: str) -> str:
    return next((each.name for each in BENCHMARKS.values() if model in each.models), "custom")


_MODEL = re.compile(r"Device model retrieved: (\S{1,40})")
_NAME = re.compile(r"Device name retrieved: (.{1,80})")
_PROFILE = re.compile(r"Device profile retrieved: (.{1,80})")
_MODES = {"p": Mode.PERFORMANCE, "a": Mode.ACCURACY, "e": Mode.ENERGY}


def _mlcommons(log: Path, file: Path, lines: Sequence[str], labels: Mapping[str, int]) -> Run:
    """Read what MLCommons' runner wrote: results in results.json, what the board is in the log."""
    said = {
        pattern: found[1]
        for line in lines
        for pattern in (_MODEL, _NAME, _PROFILE)
        if (found := pattern.search(line[:_LONGEST_LINE]))
    }
    try:
        passes = [each for each in json.loads(file.read_bytes()) if "infer" in each]
        mode = _MODES[passes[0]["mode"]]
        run = Run(
            mode=mode,
            benchmark=_benchmark(said.get(_MODEL, "")),
            port="",
            baud=0,
            simulated=False,
            supply_v=(passes[0].get("power") or {}).get("voltage"),
            firmware_name=said.get(_NAME, ""),
            firmware_profile=said.get(_PROFILE, ""),
            firmware_model=said.get(_MODEL, ""),
            complete=True,
            transcript=FileRef(str(log), file_sha256(log)),
            tool="MLCommons runner",
        )
        if mode is Mode.ACCURACY:
            told = {each["file"]: int(each["class"]) for each in passes} | dict(labels)
            inferences = [_Inference(each["file"], _mlc_reply(each)) for each in passes]
            return _with_inputs(run, inferences, told)
        windows = tuple(_mlc_window(index, each) for index, each in enumerate(passes))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        problem = f"these are no results of MLCommons' runner ({error!r})"
        raise RunFormatError(str(file), problem) from error
    return replace(run, windows=windows)


def _mlc_reply(each: Mapping[str, Any]) -> InferReply:
    infer = each["infer"]
    start_us, end_us = infer.get("start_time"), infer.get("end_time")
    lapped = start_us is not None and end_us is not None
    if int(infer["iterations"]) < 1:
        raise ValueError("it inferred 0 times")
    return InferReply(
        iterations=int(infer["iterations"]),
        warmups=int(infer["warmups"]),
        start_us=int(start_us) if lapped else None,
        end_us=int(end_us) if lapped else None,
        host_s=int(infer.get("elapsed_time") or 0) / 1e6,
        outputs=tuple(float(value) for value in _flat(infer["results"])),
    )


def _flat(results: Sequence[Any]) -> Sequence[float]:
    """Return the outputs; for anomaly detection a list of windows is one list each."""
    return results[0] if results and isinstance(results[0], list) else results


def _mlc_window(index: int, each: Mapping[str, Any]) -> WindowResult:
    window = _window(index, str(each["file"]), _mlc_reply(each))
    power = each.get("power")
    if not power:
        return window
    # Joules of one millisecond each; a timestamp holds how many samples came before it.
    first, last = (int(stamp[1]) for stamp in power["timestamps"][-2:])
    energy = EnergyReading(
        energy_j=math.fsum(power["samples"][first:last]),
        above_idle_j=None,
        duration_s=(last - first) / 1000,
        cut_by="marks",
        uncertainty_j=math.nan,
        trace=FileRef("", ""),
    )
    return replace(window, energy=energy, elapsed_s=energy.duration_s)
