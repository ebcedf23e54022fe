"""Measures what a plan asks for on a board, and keeps each result the moment it is known.

How often a window infers is found by a short trial. A window whose time is doubtful is measured
again: two readings that agree are believed, one alone is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tinygauge.bench.folder import RunFolder
from tinygauge.bench.inferring import SPREAD, Inferrer, Reading
from tinygauge.bench.plan import Plan, WireInput
from tinygauge.bench.records import Mode, WindowResult
from tinygauge.bench.rules import median_of

__all__ = ["Progress", "Runner"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""

# A trial must last this long to choose counts from it; its clock ticks in microseconds.
_TRIAL_S = 0.5
_MOST_ITERATIONS = 10_000_000
# So much longer than the rule asks, so that inputs that run faster still reach it.
_MARGIN = 1.05
_MOST_WARMUPS = 10
_WARMUP_S = 1.0
_MOST_READINGS = 3


class Runner:
    """Measures one plan on one board.

    Parameters
    ----------
    inferrer : Inferrer
    folder : RunFolder
        Results that it holds already are not measured again.
    plan : Plan
    remark : callable
        Takes a line for the transcript.
    progress : callable, optional
    """

    def __init__(
        self,
        inferrer: Inferrer,
        folder: RunFolder,
        plan: Plan,
        *,
        remark: Callable[[str], None],
        progress: Progress | None = None,
    ) -> None:
        self._inferrer = inferrer
        self._folder = folder
        self._plan = plan
        self._remark = remark
        self._progress = progress or (lambda *_: None)

    def measure(self) -> None:
        """Measure all that the plan asks for and the folder does not hold."""
        if self._plan.mode is Mode.ACCURACY:
            self._measure_inputs()
        else:
            self._measure_windows()

    def _measure_inputs(self) -> None:
        """Infer every input once."""
        held = self._folder.run.inputs
        done = {item.index for item in held}
        unverified = [item.index for item in held if not item.verified]
        due = [index for index in range(len(self._plan.inputs)) if index not in done]
        total = len(self._plan.inputs)
        loader = self._inferrer.loader
        while due:
            index = due.pop(0)
            mismatches = loader.mismatches
            reading = self._inferrer.read(self._plan.inputs[index], 1, 0)
            self._keep_input(index, reading)
            done.add(index)
            self._progress("inferring inputs", len(done), total)
            if not reading.verified:
                unverified.append(index)
            if loader.mismatches > mismatches and loader.can_read_back:
                # The link changes bytes: what was not read back may be of another input.
                due = [*unverified, *due]
                unverified = []

    def _measure_windows(self) -> None:
        """Measure the windows that are missing, then those whose times stand out once more."""
        items = self._plan.window_inputs()
        held = {window.index for window in self._folder.run.windows}
        if len(held) < len(items):
            iterations, warmups = self._counts(items[0])
            for index, item in enumerate(items):
                if index not in held:
                    reading = self._long_enough(index, item, iterations, warmups)
                    iterations = max(iterations, reading.reply.iterations)
                    self._keep_window(index, reading)
                self._progress("measuring windows", index + 1, len(items))
        for index, item in enumerate(items):
            self._settle(index, item)

    def _counts(self, item: WireInput) -> tuple[int, int]:
        """Return how many inferences a window takes, and how many before it."""
        held = self._folder.run.windows
        if held:
            return held[0].iterations, held[0].warmups
        if self._plan.iterations is not None and self._plan.warmups is not None:
            return self._plan.iterations, self._plan.warmups
        inference_s = self._trial(item)
        needed = math.ceil(self._plan.min_window_s * _MARGIN / inference_s)
        iterations = self._plan.iterations or max(self._plan.min_iterations, needed)
        warmups = self._plan.warmups
        if warmups is None:
            warmups = min(max(round(_WARMUP_S / inference_s), 1), _MOST_WARMUPS)
        self._remark(f"an inference takes {inference_s:.6g} s: {iterations} to a window")
        return iterations, warmups

    def _trial(self, item: WireInput) -> float:
        """Return the time of an inference, seconds, from a trial that is long enough to tell."""
        iterations = 1
        while True:
            took_s = self._inferrer.read(item, iterations, 0).reply.elapsed_s
            if took_s >= _TRIAL_S or iterations >= _MOST_ITERATIONS:
                return max(took_s, 1e-6) / iterations
            factor = _TRIAL_S * 1.5 / max(took_s, 1e-6)
            iterations = min(math.ceil(iterations * min(factor, 1000.0)), _MOST_ITERATIONS)

    def _long_enough(self, index: int, item: WireInput, iterations: int, warmups: int) -> Reading:
        while True:
            reading = self._inferrer.read(item, iterations, warmups, metered=True)
            long_enough = reading.elapsed_s >= self._plan.min_window_s
            if long_enough or self._plan.iterations is not None:
                return reading
            self._remark(f"window {index + 1} took {reading.elapsed_s:.3f} s: measured again")
            factor = self._plan.min_window_s * _MARGIN / max(reading.elapsed_s, 1e-6)
            iterations = math.ceil(iterations * max(factor, _MARGIN))

    def _settle(self, index: int, item: WireInput) -> None:
        """Measure a window again whose time stands out, until two readings agree."""
        windows = {window.index: window for window in self._folder.run.windows}
        first = windows[index]
        usual_s = median_of([_inference_s(each) for each in windows.values()])
        times = [_inference_s(first)]
        readings: list[Reading] = []
        while not _borne_out(times, usual_s) and len(times) < _MOST_READINGS:
            self._inferrer.fault(
                "doubtful window",
                f"window {index + 1} took {times[-1]:.6g} s an inference, "
                f"the median is {usual_s:.6g} s: measured again",
            )
            reading = self._inferrer.read(item, first.iterations, first.warmups, metered=True)
            readings.append(reading)
            times.append(reading.inference_s)
        if not readings:
            return
        best = _best(times, usual_s)
        if best > 0:
            self._keep_window(index, readings[best - 1])

    def _keep_input(self, index: int, reading: Reading) -> None:
        item = reading.item
        known = item.true_class if item.true_class is not None else "unknown"
        about = f"recording {item.recording} class {known} file {item.name}"
        self._remark(f"kept reading {reading.number} as input {index} {about}")
        self._folder.keep(reading.as_input(index))

    def _keep_window(self, index: int, reading: Reading) -> None:
        about = f"file {reading.item.name}"
        self._remark(f"kept reading {reading.number} as window {index} {about}")
        self._folder.keep(reading.as_window(index))


def _inference_s(window: WindowResult) -> float:
    return window.elapsed_s / window.iterations


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= SPREAD * other


def _borne_out(times: Sequence[float], usual_s: float) -> bool:
    """Whether the last time is as usual, or as one before it."""
    *before, last = times
    return any(_near(last, other) for other in (usual_s, *before))


def _best(times: Sequence[float], usual_s: float) -> int:
    """Return the place of the time to believe: the last where it is borne out, else the middle."""
    if _borne_out(times, usual_s):
        return len(times) - 1
    return sorted(range(len(times)), key=times.__getitem__)[len(times) // 2]
