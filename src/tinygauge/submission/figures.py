"""Check what each ``results.txt`` states: its figures, quality targets, windows, arithmetic."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from tinygauge.bench.rules import MIN_ITERATIONS, MIN_WINDOW_S, WINDOWS
from tinygauge.submission.contents import Contents, Test
from tinygauge.submission.requirements import Failure, failure
from tinygauge.submission.results_text import Results, TimedWindow
from tinygauge.submission.rounds import FALSE_LIMIT, TARGETS, WAKEWORDS

__all__ = ["figure_failures"]

# What is printed is rounded to three decimals, each by the runner of its day.
_ROUNDING = 0.00075
# Energies and their shares are printed with two to four decimals, from unrounded sums.
_SHARE = 0.002


def figure_failures(contents: Contents) -> Iterator[Failure]:
    """Yield what an entry's results fail to state or to meet.

    Parameters
    ----------
    contents : Contents

    Yields
    ------
    Failure
    """
    for test in contents.tests.values():
        for error in test.unreadable:
            yield failure("readable", Path(error.where), error.problem)
    if contents.entry.benchmark == "sww":
        yield from _wakewords(contents)
        return
    accuracy, performance = contents.tests.get("accuracy"), contents.tests.get("performance")
    energy = contents.tests.get("energy")
    if accuracy is not None:
        yield from _accuracy(contents, accuracy)
    if performance is not None:
        yield from _stated(performance, "throughput-stated", "throughput", "Median throughput")
        yield from _timed_windows(performance)
    if energy is not None:
        yield from _stated(energy, "energy-stated", "energy", "Median energy cost")
        yield from _energy_windows(energy)


def _file(test: Test) -> Path:
    return test.results_file or test.folder.path / "results.txt"


def _stated(test: Test, rule: str, key: str, words: str) -> Iterator[Failure]:
    if key in test.results.official:
        return
    value = test.results.median_throughput_per_s if key == "throughput" else None
    found = f"no line '{words} is …'"
    if value is not None:
        found = f"'{words} is {value:g}' has no text before it, and so is not seen"
    yield failure(rule, _file(test), found)


def _accuracy(contents: Contents, test: Test) -> Iterator[Failure]:
    metric, target = TARGETS.get(contents.entry.benchmark, ("top1", 0.0))
    value = test.results.official.get(metric)
    name = {"top1": "Top-1", "auc": "AUC"}[metric]
    if value is None:
        bare = test.results.top1 if metric == "top1" else test.results.auc
        why = "has no text before it, and so is not seen" if bare is not None else "is not there"
        yield failure("accuracy-stated", _file(test), f"{name} {why}")
        return
    if contents.entry.division == "closed" and value < target - 1e-9:
        said = f"{value:.1%} of {target:.0%}" if metric == "top1" else f"{value:g} of {target:g}"
        yield failure("accuracy-target", _file(test), f"{name} is {said}")


def _complaints(test: Test) -> Iterator[Failure]:
    for fault in dict.fromkeys(test.results.faults):
        times = test.results.faults.count(fault)
        yield failure("no-complaint", _file(test), f"'{fault}' ({times} times)")


def _windows_of(test: Test) -> tuple[list[TimedWindow], Path]:
    """Return the windows and where they stand.

    Early builds of MLCommons' runner wrote the median alone into ``results.txt``: then they are
    in ``results.json``, or in the log.
    """
    if test.results.windows:
        return test.results.windows, _file(test)
    found = [(each.iterations, each.elapsed_s) for each in test.passes]
    where = test.json_file
    if not found:
        found = [(each.iterations, each.elapsed_s) for each in test.log.inferences]
        where = test.log_file
    windows = [
        TimedWindow(number, count, elapsed_s, count / elapsed_s if count and elapsed_s else None)
        for number, (count, elapsed_s) in enumerate(found, start=1)
    ]
    return windows, where or _file(test)


def _timed_windows(test: Test) -> Iterator[Failure]:
    windows, file = _windows_of(test)
    yield from _complaints(test)
    if len(windows) != WINDOWS:
        yield failure("five-windows", file, f"there are {len(windows)}")
    for window in windows:
        where = f"window {window.number}"
        if window.runtime_s is None or window.inferences is None:
            yield failure("arithmetic", file, f"{where} has no runtime or no inferences")
            continue
        if window.runtime_s < MIN_WINDOW_S:
            yield failure("window-10s", file, f"{where} takes {window.runtime_s:g} s")
        if window.inferences < MIN_ITERATIONS:
            yield failure("window-10-iterations", file, f"{where} has {window.inferences}")
        if window.throughput_per_s is None or not window.runtime_s:
            continue
        rate = window.inferences / window.runtime_s
        slack = _ROUNDING * (1 + rate / window.runtime_s)
        if abs(rate - window.throughput_per_s) > slack:
            yield failure(
                "arithmetic",
                file,
                f"{where}: {window.inferences} in {window.runtime_s:g} s are {rate:.3f} a second, "
                f"not {window.throughput_per_s:.3f}",
            )
    rates = [w.throughput_per_s for w in windows if w.throughput_per_s is not None]
    stated = test.results.median_throughput_per_s
    yield from _median(_file(test), rates, stated, "inferences a second")


def _median(file: Path, values: list[float], stated: float | None, unit: str) -> Iterator[Failure]:
    if not values or stated is None:
        return
    median = statistics.median(values)
    if abs(median - stated) > _ROUNDING + 1e-6 * median:
        yield failure("median", file, f"it states {stated:.3f} {unit}, the windows {median:.3f}")


def _energy_windows(test: Test) -> Iterator[Failure]:
    results, file = test.results, _file(test)
    yield from _complaints(test)
    windows = results.energy_windows
    if len(windows) != WINDOWS:
        yield failure("five-windows", file, f"there are {len(windows)} of energy")
    inferences = _inferences(results)
    for window in windows:
        where = f"energy window {window.number}"
        if window.duration_s is None or window.energy_uj is None:
            yield failure("arithmetic", file, f"{where} has no duration or no energy")
            continue
        if window.duration_s < MIN_WINDOW_S:
            yield failure("window-10s", file, f"{where} takes {window.duration_s:g} s")
        count = inferences.get(window.number)
        if count is not None and count < MIN_ITERATIONS:
            yield failure("window-10-iterations", file, f"{where} has {count}")
        share = window.energy_uj_per_inference
        if not (count and share):
            continue
        if abs(window.energy_uj / count - share) > _SHARE * share:
            yield failure(
                "arithmetic",
                file,
                f"{where}: {window.energy_uj:g} uJ for {count} are {window.energy_uj / count:.3f} "
                f"each, not {share:.3f}",
            )
    shares = [
        window.energy_uj_per_inference
        for window in windows
        if window.energy_uj_per_inference is not None
    ]
    yield from _median(file, shares, results.median_energy_uj, "uJ")


def _inferences(results: Results) -> dict[int, int]:
    """Return the inferences of each energy window; EEMBC's runner prints them further down."""
    found = {w.number: w.inferences for w in results.windows if w.inferences is not None}
    return found | {
        w.number: w.inferences for w in results.energy_windows if w.inferences is not None
    }


def _wakewords(contents: Contents) -> Iterator[Failure]:
    test = contents.tests.get("energy") or contents.tests.get("performance")
    if test is None:
        return
    words, file = test.results.wakewords, _file(test)
    missing = [
        name
        for name, value in (
            ("throughput", words.throughput_per_s),
            ("duty cycle", words.duty_cycle),
            ("counts", words.f1),
        )
        if value is None
    ]
    if missing:
        yield failure("wakewords-stated", file, f"missing: {', '.join(missing)}")
    if words.f1 is not None:
        hits, missed = words.true_positives or 0, words.false_negatives or 0
        wrong = words.false_positives or 0
        if hits + missed != WAKEWORDS:
            yield failure("wakewords-stated", file, f"{hits} found and {missed} missed of them")
        if contents.entry.division == "closed" and max(missed, wrong) > FALSE_LIMIT:
            said = f"{missed} missed and {wrong} wrong, {FALSE_LIMIT} may be"
            yield failure("accuracy-target", file, said)
    if "energy" in contents.tests:
        if "power" not in test.results.official:
            yield failure("energy-stated", file, "no line 'Power : … mW'")
        if len(test.results.energy_windows) != 1:
            yield failure("five-windows", file, f"there are {len(test.results.energy_windows)}")
