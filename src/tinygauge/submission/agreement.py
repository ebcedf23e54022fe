"""Check that log, results, ``results.json`` and energy trace of an entry tell the same story."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tinygauge.accuracy.scores import auc
from tinygauge.bench.energy import window_energy
from tinygauge.bench.trace import windows_between_marks
from tinygauge.bench.trace_files import load_eembc_trace
from tinygauge.errors import TinygaugeError
from tinygauge.submission.contents import Contents, Test
from tinygauge.submission.requirements import Failure, failure
from tinygauge.submission.rounds import SET_SIZES, TARGETS
from tinygauge.submission.tree import require_plain

__all__ = ["agreement_failures"]

# Three decimals in the results, six in the log, or the other way round.
_RUNTIME_S = 0.0011
# One decimal of a percentage; AUC has two or three, and EEMBC's sums over thresholds.
_TOP1, _AUC = 0.00051, 0.0151
_TRACE = 0.002
_TRACE_FILE = "trace1-energy.bin"
_MARKS_FILE = "trace1-timestamps.json"
_KWS_CLASS = re.compile(r"_(\d{1,2})\.bin$")
_NORMAL = re.compile(r"^(normal|anomaly)_")


def agreement_failures(contents: Contents) -> Iterator[Failure]:
    """Yield where the files of an entry contradict each other.

    Parameters
    ----------
    contents : Contents

    Yields
    ------
    Failure
    """
    benchmark = contents.entry.benchmark
    if benchmark == "sww":
        return
    for name, test in contents.tests.items():
        yield from _model(test, benchmark)
        if test.log_file is not None and test.log.simulated:
            yield failure("real-board", test.log_file, "it says that they are an emulator's")
        if name in {"performance", "energy"}:
            yield from _windows(test)
            yield from _inputs(test)
        if name == "energy":
            yield from _supply(test)
            yield from _trace(test)
        if name == "accuracy":
            yield from _set(test, benchmark)
            yield from _score(test, benchmark)


def _model(test: Test, benchmark: str) -> Iterator[Failure]:
    wanted = f"{benchmark}01"
    if test.log_file is not None and test.log.model != wanted:
        said = f"'{test.log.model}'" if test.log.model else "none"
        yield failure("firmware-model", test.log_file, f"it names {said}, not '{wanted}'")


def _windows(test: Test) -> Iterator[Failure]:
    """Compare the windows of the results with those of the log and of ``results.json``."""
    results = test.results
    stated = [(w.number, w.inferences, w.runtime_s) for w in results.windows] or [
        (w.number, w.inferences, w.duration_s) for w in results.energy_windows
    ]
    logged = [(each.iterations, each.elapsed_s) for each in test.log.inferences]
    passes = [(each.iterations, each.elapsed_s) for each in test.passes]
    if test.log_file is not None and stated and not logged:
        yield failure("log-agrees", test.log_file, "no inference is in it")
    elif test.log_file is not None and stated:
        yield from _compare("log-agrees", test.log_file, stated, logged)
    if test.json_file is not None and stated and not test.unreadable:
        yield from _compare("json-agrees", test.json_file, stated, passes)


def _compare(
    rule: str,
    file: Path,
    stated: Sequence[tuple[int, int | None, float | None]],
    logged: Sequence[tuple[int | None, float | None]],
) -> Iterator[Failure]:
    if len(stated) != len(logged):
        yield failure(rule, file, f"{len(logged)} windows, {len(stated)} in the results")
        return
    for (number, count, runtime_s), (iterations, elapsed_s) in zip(stated, logged, strict=True):
        if None not in (count, iterations) and count != iterations:
            said = f"window {number} has {iterations} inferences, {count} in the results"
            yield failure(rule, file, said)
        if runtime_s is not None and elapsed_s is not None:
            slack = _RUNTIME_S + 1e-6 * runtime_s
            if abs(runtime_s - elapsed_s) > slack:
                said = f"window {number} takes {elapsed_s:.6g} s, {runtime_s:.6g} in the results"
                yield failure(rule, file, said)


def _inputs(test: Test) -> Iterator[Failure]:
    names = [each.input for each in test.log.inferences if each.input]
    if test.log_file is not None and len(names) > 1 and len(set(names)) < len(names):
        yield failure("five-inputs", test.log_file, f"{len(set(names))} in {len(names)} windows")


def _supply(test: Test) -> Iterator[Failure]:
    stated = test.log.supply_v or next((each.supply_v for each in test.passes), None)
    if not stated:
        where = test.json_file or test.log_file or test.folder.path
        yield failure("supply-stated", where, "no voltage is in the log or in results.json")


def _trace(test: Test) -> Iterator[Failure]:
    """Integrate what was recorded, in either runner's format, and compare with what is stated."""
    path = test.folder.find(_TRACE_FILE)
    stated = [window.energy_uj for window in test.results.energy_windows]
    if path is not None and stated:
        try:
            energies_uj = _integrated(test, path, len(stated))
        except TinygaugeError as error:
            yield failure("trace-agrees", path, error.problem)
        else:
            yield from _energies(path, stated, energies_uj)
    sums_j = [each.energy_j for each in test.passes if each.energy_j is not None]
    if test.json_file is not None and len(sums_j) == len(stated):
        yield from _energies(test.json_file, stated, [each * 1e6 for each in sums_j])


def _integrated(test: Test, path: Path, count: int) -> list[float]:
    for name in (_TRACE_FILE, _MARKS_FILE):  # a foreign file may be a pipe, or endless
        require_plain(test.folder.path / name)
    trace = load_eembc_trace(path)
    windows = windows_between_marks(trace, skip=1, count=count)
    return [window_energy(trace, each).total.value * 1e6 for each in windows]


def _energies(
    file: Path, stated: Sequence[float | None], energies_uj: Sequence[float]
) -> Iterator[Failure]:
    for number, (printed, energy_uj) in enumerate(zip(stated, energies_uj, strict=True), start=1):
        if printed is not None and abs(energy_uj - printed) > _TRACE * printed:
            said = (
                f"energy window {number} of {len(stated)}: {energy_uj:.1f} uJ, {printed:.1f} stated"
            )
            yield failure("trace-agrees", file, said)


def _set(test: Test, benchmark: str) -> Iterator[Failure]:
    """Count the files that accuracy was scored over."""
    size = SET_SIZES.get(benchmark)
    names = {each.input for each in test.log.inferences if each.input}
    where = test.log_file
    if not names:
        names, where = {each.file for each in test.passes if each.file}, test.json_file
    if size is None or where is None:
        return
    if len(names) != size:
        yield failure("full-set", where, f"{len(names):,} of {size:,} files")


def _score(test: Test, benchmark: str) -> Iterator[Failure]:
    """Score the outputs anew where the right answers are known."""
    metric, _ = TARGETS.get(benchmark, ("top1", 0.0))
    found = _scored(test, benchmark, metric)
    stated = test.results.top1 if metric == "top1" else test.results.auc
    if found is None or stated is None:
        return
    score, where = found
    slack = _TOP1 if metric == "top1" else _AUC
    if abs(score - stated) > slack:
        said = f"its outputs give {score:.4g}, {stated:.4g} is stated"
        yield failure("accuracy-agrees", where, said)


def _scored(test: Test, benchmark: str, metric: str) -> tuple[float, Path] | None:
    answers = [(each.file, each.outputs, each.true_class) for each in test.passes]
    where = test.json_file
    if not answers:
        answers = [
            (each.input, each.outputs, _class_in_name(each.input, benchmark))
            for each in test.log.inferences
        ]
        where = test.log_file
    if where is None or not answers or any(not out for _, out, _ in answers):
        return None
    if any(true is None for _, _, true in answers):
        return None
    if metric == "top1":
        right = [int(np.argmax(out)) == true for _, out, true in answers]
        return sum(right) / len(right), where
    return _auc(answers, where)


def _class_in_name(name: str, benchmark: str) -> int | None:
    """Return the class that some benchmarks' file names tell."""
    if benchmark == "kws" and (found := _KWS_CLASS.search(name)):
        return int(found[1])
    if benchmark == "ad" and (found := _NORMAL.search(name)):
        return int(found[1] == "anomaly")
    return None


def _auc(
    answers: Sequence[tuple[str, tuple[float, ...], int | None]], where: Path
) -> tuple[float, Path] | None:
    """Score recordings by the mean error of their windows, as both runners do."""
    errors: dict[str, list[float]] = {}
    truth: dict[str, bool] = {}
    for name, outputs, true in answers:
        errors.setdefault(name, []).append(outputs[0])
        truth[name] = bool(true)
    positive = np.array([truth[name] for name in errors], dtype=np.bool_)
    if positive.all() or not positive.any():
        return None
    scores = np.array([float(np.mean(each)) for each in errors.values()])
    return float(auc(scores, positive)), where
