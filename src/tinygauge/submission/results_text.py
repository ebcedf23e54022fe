"""Read a ``results.txt`` of either runner: windows, medians, accuracy, wake words.

Lines of the EEMBC runner carry a time and a source, those of MLCommons' mostly none; where the
EEMBC runner evaluated a session several times, each line stands several times in a row. Numbers
that are no finite numbers are no numbers here.

>>> text = "00135.981 ulp-mlperf: Median throughput is 6.324 inf./sec."
>>> parse_results(text).median_throughput_per_s
6.324

References
----------
mlcommons/tiny_results_v0.5 to v1.3 (formats as published); mlcommons/tiny @ 1afd2c9,
tools/submission/submission_checker.py (which lines the official checker sees).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from tinygauge.submission.rounds import RunnerKind

__all__ = ["EnergyWindow", "Results", "TimedWindow", "Wakewords", "parse_results"]


@dataclass(slots=True)
class TimedWindow:
    """One window of a performance run, as printed.

    Parameters
    ----------
    number : int
        2, 4, … with the EEMBC runner, 1, 2, … with MLCommons'.
    inferences : int or None
    runtime_s, throughput_per_s : float or None
        None where the line is missing.
    """

    number: int
    inferences: int | None = None
    runtime_s: float | None = None
    throughput_per_s: float | None = None


@dataclass(slots=True)
class EnergyWindow:
    """One window of an energy run, as printed.

    Parameters
    ----------
    number : int
    duration_s : float or None
    inferences : int or None
        None with the EEMBC runner, which prints them with the throughput.
    energy_uj, energy_uj_per_inference, power_mw : float or None
    """

    number: int
    duration_s: float | None = None
    inferences: int | None = None
    energy_uj: float | None = None
    energy_uj_per_inference: float | None = None
    power_mw: float | None = None


@dataclass(slots=True)
class Wakewords:
    """What a streaming wake-word run prints; None where it does not."""

    true_positives: int | None = None
    false_negatives: int | None = None
    false_positives: int | None = None
    duty_cycle: float | None = None
    throughput_per_s: float | None = None

    @property
    def f1(self) -> float | None:
        """The accuracy that is reported: 2 TP / (2 TP + FP + FN), a ratio."""
        counts = (self.true_positives, self.false_positives, self.false_negatives)
        if any(count is None for count in counts):
            return None
        hits, wrong, missed = (count or 0 for count in counts)
        total = 2 * hits + wrong + missed
        return 2 * hits / total if total else None


@dataclass(slots=True)
class Results:
    """What a ``results.txt`` says.

    Parameters
    ----------
    runner : RunnerKind or None
        Whose format it is; None where nothing tells.
    windows : list of TimedWindow
    energy_windows : list of EnergyWindow
    median_throughput_per_s, median_energy_uj : float or None
        The last ones printed.
    top1, auc : float or None
        Ratios; the last ones printed.
    official : dict of float
        What the official checker finds, by ``"throughput"``, ``"energy"``, ``"top1"``, ``"auc"``,
        ``"power"``: it asks for a prefix before some lines.
    wakewords : Wakewords
    faults : list of str
        Lines in which the runner complains.
    """

    runner: RunnerKind | None = None
    windows: list[TimedWindow] = field(default_factory=list)
    energy_windows: list[EnergyWindow] = field(default_factory=list)
    median_throughput_per_s: float | None = None
    median_energy_uj: float | None = None
    top1: float | None = None
    auc: float | None = None
    official: dict[str, float] = field(default_factory=dict)
    wakewords: Wakewords = field(default_factory=Wakewords)
    faults: list[str] = field(default_factory=list)


_LONGEST_LINE = 4000
_NUMBER = r"(\d{1,15}(?:\.\d{1,20})?)"
_EEMBC_LINE = re.compile(r"\d{5,9}\.\d{3} +(\S{1,40}?): ?(.*)")
_MLC_LINE = re.compile(r"\d{4}\.\d{6} +(\S{1,40}?): ?(.*)")
_WINDOW = re.compile(r"Performance results for window (\d{1,6})")
_ENERGY = re.compile(rf"Energy data for window (\d{{1,6}}) at time {_NUMBER} for {_NUMBER} sec")
_TRIAL = re.compile(r"Energy data for trial (\d{1,6})")
_INFERENCES = re.compile(r"#? ?Inferences +: *(\d{1,15})|# Inferences : (\d{1,15})")
_RUNTIME = re.compile(rf"Runtime *: *{_NUMBER} sec")
_THROUGHPUT = re.compile(rf"Throughput *: *{_NUMBER} inf")
_ELAPSED = re.compile(rf"Elapsed time *: *{_NUMBER}")
_JOULES = re.compile(rf"(?:Total )?Energy *: *{_NUMBER} uJ\b")
_PER_INFERENCE = re.compile(rf"Energy/Inf\.? *: *{_NUMBER} uJ")
_POWER = re.compile(rf"Power *: *{_NUMBER} (uW|mW)")
_MEDIAN_THROUGHPUT = re.compile(rf"Median throughput is +{_NUMBER} inf\./sec\.")
_MEDIAN_ENERGY = re.compile(rf"Median energy cost is +{_NUMBER} uJ/inf")
_TOP1 = re.compile(rf"Top[- ]1%?\s?[:=] {_NUMBER}")
_AUC = re.compile(rf"AUC\s?[:=] {_NUMBER}")
_WORDS = re.compile(
    r"Accuracy: (\d{1,9}) True positives, (\d{1,9}) False negatives, (\d{1,9}) False positives"
)
_DUTY = re.compile(rf"Average duty cycle: {_NUMBER}")
_ESTIMATED = re.compile(rf"Estimated throughput: {_NUMBER} inf")
_FAULT = re.compile(r"e-\[[^\[\]]{0,300}\]|ERROR \d+|<<<< below minimum duration")


def parse_results(text: str) -> Results:
    """Read a ``results.txt``.

    Parameters
    ----------
    text : str

    Returns
    -------
    Results
        With what was found; nothing is an error here.
    """
    reader = _Reader()
    for line in _without_repeats(_lines(text)):
        reader.take(line)
    return reader.results


def _lines(text: str) -> Iterable[str]:
    """Yield lines; some firmwares send CR within one, and none of ours is as long as the limit."""
    return (line[:_LONGEST_LINE] for line in text.replace("\r", "").split("\n"))


def _without_repeats(lines: Iterable[str]) -> Iterable[str]:
    """Yield lines, those that repeat the one before (but for the time) only once."""
    for said, group in groupby(lines, key=lambda line: _split(line)[1]):
        first = next(group)
        if said.strip():
            yield first


def _split(line: str) -> tuple[RunnerKind | None, str]:
    """Return whose line it is where its prefix tells, and what it says behind that."""
    for kind, pattern in ((RunnerKind.EEMBC, _EEMBC_LINE), (RunnerKind.MLC, _MLC_LINE)):
        found = pattern.fullmatch(line.rstrip())
        if found:
            return kind, found[2]
    return None, line.rstrip()


class _Reader:
    """Takes lines one by one; a line of figures belongs to the window that was named last."""

    def __init__(self) -> None:
        self.results = Results()
        self._timed: TimedWindow | None = None
        self._energy: EnergyWindow | None = None

    def take(self, line: str) -> None:
        kind, said = _split(line)
        self.results.runner = self.results.runner or kind or _kind(said)
        if found := _FAULT.search(said):
            self.results.faults.append(found[0])
        if not self._heading(said):
            self._figure(said)
            self._summary(said, line)

    def _heading(self, said: str) -> bool:
        if found := _WINDOW.search(said):
            self._timed, self._energy = TimedWindow(int(found[1])), None
            self.results.windows.append(self._timed)
        elif found := _ENERGY.search(said):
            self._energy = EnergyWindow(int(found[1]), duration_s=float(found[3]))
            self._timed = None
            self.results.energy_windows.append(self._energy)
        elif found := _TRIAL.search(said):
            self._timed, self._energy = None, EnergyWindow(int(found[1]))
            self.results.energy_windows.append(self._energy)
        return bool(found)

    def _figure(self, said: str) -> None:
        if found := _INFERENCES.search(said):
            target = self._timed or self._energy
            if target is not None:
                target.inferences = int(found[1] or found[2])
        if self._timed is not None:
            if found := _RUNTIME.search(said):
                self._timed.runtime_s = float(found[1])
            elif found := _THROUGHPUT.search(said):
                self._timed.throughput_per_s = float(found[1])
        if self._energy is not None:
            self._energy_figure(said, self._energy)

    def _energy_figure(self, said: str, window: EnergyWindow) -> None:
        if found := _ELAPSED.search(said):
            window.duration_s = float(found[1])
        elif found := _PER_INFERENCE.search(said):
            window.energy_uj_per_inference = float(found[1])
        elif found := _JOULES.search(said):
            window.energy_uj = float(found[1])
        elif found := _POWER.search(said):
            window.power_mw = float(found[1]) / (1000 if found[2] == "uW" else 1)
            if found[2] == "mW":
                self.results.official["power"] = window.power_mw

    def _summary(self, said: str, line: str) -> None:
        results = self.results
        if found := _MEDIAN_THROUGHPUT.search(said):
            results.median_throughput_per_s = float(found[1])
            if " Median throughput" in line:
                results.official["throughput"] = float(found[1])
        elif found := _MEDIAN_ENERGY.search(said):
            results.median_energy_uj = results.official["energy"] = float(found[1])
        elif found := _TOP1.search(said):
            results.top1 = float(found[1]) / 100
            if re.search(r" Top[- ]1", line):
                results.official["top1"] = results.top1
        elif found := _AUC.search(said):
            results.auc = float(found[1])
            if " AUC" in line:
                results.official["auc"] = results.auc
        else:
            _wakeword_line(said, results.wakewords)


def _kind(said: str) -> RunnerKind | None:
    """Tell the runner by a line without a prefix."""
    if said.startswith(("Power Edition Output", "Energy data for trial", "Runtime:")):
        return RunnerKind.MLC
    return RunnerKind.MLC if _WORDS.search(said) else None


def _wakeword_line(said: str, into: Wakewords) -> None:
    if found := _WORDS.search(said):
        counts = (int(found[k]) for k in (1, 2, 3))
        into.true_positives, into.false_negatives, into.false_positives = counts
    elif found := _DUTY.search(said):
        into.duty_cycle = float(found[1])
    elif found := _ESTIMATED.search(said):
        into.throughput_per_s = float(found[1])
