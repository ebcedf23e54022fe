"""Measures what a plan asks for on a board, keeps each result at once, and rides out faults.

A fault (a lost byte, a reset, a stall) is noted, the board is brought back into step, and the
same thing is measured again; after several in a row the run ends with the error, and resumes
later where it stopped. A window whose time is doubtful is measured again: two readings that agree
are believed, one alone is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from tinygauge.bench.board import Board
from tinygauge.bench.clock import Clock
from tinygauge.bench.exchange import InferReply
from tinygauge.bench.folder import RunFolder
from tinygauge.bench.loading import Loader
from tinygauge.bench.plan import Plan, WireInput
from tinygauge.bench.records import BenchFault, InputResult, Mode, WindowResult
from tinygauge.bench.rules import median_of
from tinygauge.errors import DialectError, LinkClosedError, LinkTimeoutError

__all__ = ["Progress", "Runner"]

_T = TypeVar("_T")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""

# Faults in a row on one input before the run ends.
_TRIES = 6
# A trial must last this long to choose counts from it; its clock ticks in microseconds.
_TRIAL_S = 0.5
_MOST_ITERATIONS = 10_000_000
# So much longer than the rule asks, so that inputs that run faster still reach it.
_MARGIN = 1.05
_MOST_WARMUPS = 10
_WARMUP_S = 1.0
# Windows of one run agree to 0.01 % in the published logs; more than this is looked at again.
_SPREAD = 0.002
# Host and board may differ by what a line is late (a USB adapter keeps it back for 16 ms, twice)
# and by the board's oscillator.
_LATE_S = 0.05
_CLOCK_SHARE = 0.05
_REOPEN_S = 15.0


class Runner:
    """Measures one plan on one board.

    Parameters
    ----------
    board : Board
    folder : RunFolder
        Results that it holds already are not measured again.
    plan : Plan
    clock : Clock
        That of the board's link.
    simulated : bool
        Whether the board's clock is no clock of the real world, and is not compared with it.
    reopen : callable, optional
        Opens the board's port anew after it went away; raises `LinkClosedError` where it can't.
    progress : callable, optional
    """

    def __init__(
        self,
        board: Board,
        folder: RunFolder,
        plan: Plan,
        *,
        clock: Clock,
        simulated: bool = False,
        reopen: Callable[[], None] | None = None,
        remark: Callable[[str], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.board = board
        self.folder = folder
        self.plan = plan
        self._clock = clock
        self._start_s = clock.now_s()
        self._simulated = simulated
        self._reopen = reopen
        self._remark = remark or (lambda _: None)
        self._progress = progress or (lambda *_: None)
        self._confirms = True
        self._clock_ratio: float | None = None
        # The longest that one inference took, by the host's clock.
        self._host_inference_s = 30.0
        self._host_known = False
        self.loader = Loader(
            board,
            plan.verify,
            loads=len(plan.inputs) if plan.mode is Mode.ACCURACY else plan.windows + 1,
            size_bytes=len(plan.inputs[0].content),
            note=self._remark,
        )

    # --- accuracy

    def measure_inputs(self) -> None:
        """Infer every input once; those that the folder holds already are left out."""
        done = {item.index for item in self.folder.run.inputs}
        unverified = [item.index for item in self.folder.run.inputs if not item.verified]
        due = [index for index in range(len(self.plan.inputs)) if index not in done]
        total, measured = len(self.plan.inputs), len(done)
        while due:
            index = due.pop(0)
            mismatches = self.loader.mismatches
            result = self._measure_input(index)
            self.folder.keep(result)
            measured += 1
            self._progress("inferring inputs", min(measured, total), total)
            if not result.verified:
                unverified.append(index)
            if self.loader.mismatches > mismatches and self.loader.can_read_back:
                # The link changes bytes: what was not read back may be of another input.
                due = [*unverified, *due]
                unverified = []

    def _measure_input(self, index: int) -> InputResult:
        item = self.plan.inputs[index]
        reply, verified = self._insist(item.name, lambda: self._infer(item, 1, 0))
        has_laps = reply.start_us is not None
        return InputResult(
            index=index,
            recording=item.recording,
            input=item.name,
            input_sha256=item.sha256,
            true_class=item.true_class,
            outputs=reply.outputs,
            elapsed_us=round(reply.elapsed_s * 1e6) if has_laps else None,
            verified=verified,
        )

    # --- performance

    def measure_windows(self) -> None:
        """Measure the windows that are missing, then those whose times stand out once more."""
        items = self.plan.window_inputs()
        held = {window.index: window for window in self.folder.run.windows}
        iterations, warmups = self.counts(items[0])
        for index, item in enumerate(items):
            if index not in held:
                window = self._long_enough_window(index, item, iterations, warmups)
                iterations = max(iterations, window.iterations)
                self.folder.keep(window)
            self._progress("measuring windows", index + 1, len(items))
        for index, item in enumerate(items):
            self._settle(index, item)

    def counts(self, item: WireInput) -> tuple[int, int]:
        """Return how many inferences a window takes, and how many before it."""
        held = self.folder.run.windows
        if held:
            return held[0].iterations, held[0].warmups
        if self.plan.iterations is not None and self.plan.warmups is not None:
            return self.plan.iterations, self.plan.warmups
        inference_s = self._trial(item)
        needed = math.ceil(self.plan.min_window_s * _MARGIN / inference_s)
        iterations = self.plan.iterations or max(self.plan.min_iterations, needed)
        fitting = round(_WARMUP_S / inference_s)
        warmups = self.plan.warmups
        if warmups is None:
            warmups = min(max(fitting, 1), _MOST_WARMUPS)
        self._remark(f"an inference takes {inference_s:.6g} s: {iterations} to a window")
        return iterations, warmups

    def _trial(self, item: WireInput) -> float:
        """Return the time of an inference, seconds, from a trial that is long enough to tell."""
        iterations = 1
        while True:
            reply, _ = self._insist(item.name, lambda n=iterations: self._infer(item, n, 0))
            took_s = reply.elapsed_s
            if took_s >= _TRIAL_S or iterations >= _MOST_ITERATIONS:
                return max(took_s, 1e-6) / iterations
            factor = _TRIAL_S * 1.5 / max(took_s, 1e-6)
            iterations = min(math.ceil(iterations * min(factor, 1000.0)), _MOST_ITERATIONS)

    def _long_enough_window(
        self, index: int, item: WireInput, iterations: int, warmups: int
    ) -> WindowResult:
        while True:
            window = self._window(index, item, iterations, warmups)
            long_enough = window.elapsed_s >= self.plan.min_window_s
            if long_enough or self.plan.iterations is not None:
                return window
            self._remark(f"window {index + 1} took {window.elapsed_s:.3f} s: measured again")
            factor = self.plan.min_window_s * _MARGIN / max(window.elapsed_s, 1e-6)
            iterations = math.ceil(iterations * max(factor, _MARGIN))

    def _window(self, index: int, item: WireInput, iterations: int, warmups: int) -> WindowResult:
        reply, verified = self._insist(item.name, lambda: self._timed(item, iterations, warmups))
        return WindowResult(
            index=index,
            input=item.name,
            input_sha256=item.sha256,
            iterations=reply.iterations,
            warmups=reply.warmups,
            start_us=reply.start_us,
            end_us=reply.end_us,
            elapsed_s=reply.elapsed_s,
            host_s=reply.host_s,
            outputs=reply.outputs,
            verified=verified,
        )

    def _settle(self, index: int, item: WireInput) -> None:
        """Measure a window again whose time stands out, until two readings agree."""
        windows = {window.index: window for window in self.folder.run.windows}
        first = windows[index]
        usual = median_of([_inference_s(each) for each in windows.values()])
        readings = [first]
        while not _agree([*map(_inference_s, readings)], usual) and len(readings) < 3:
            self._fault(
                "doubtful window",
                f"window {index + 1} took {_inference_s(readings[-1]):.6g} s an inference, "
                f"the median is {usual:.6g} s: measured again",
            )
            readings.append(self._window(index, item, first.iterations, first.warmups))
        if len(readings) > 1:
            middle = sorted(readings, key=_inference_s)[len(readings) // 2]
            near = min(readings, key=lambda each: abs(_inference_s(each) - usual))
            pair = _agreeing(readings)
            self.folder.keep(pair or (near if len(readings) < 3 else middle))

    # --- one inference, and what can go wrong with it

    def _timed(self, item: WireInput, iterations: int, warmups: int) -> tuple[InferReply, bool]:
        reply, verified = self._infer(item, iterations, warmups)
        self._check_clock(reply)
        return reply, verified

    def _infer(self, item: WireInput, iterations: int, warmups: int) -> tuple[InferReply, bool]:
        self._remark(f"input {item.name} sha256 {item.sha256}")
        verified = self.loader.load(item.content)
        longest_s = self._host_inference_s
        reply = self.board.infer(
            iterations,
            warmups,
            warmup_s=self.board.reply_s + 2 * warmups * longest_s,
            infer_s=self.board.reply_s + 2 * iterations * longest_s,
        )
        self._confirm(reply)
        took_s = reply.host_s / iterations
        longer = max(took_s, self._host_inference_s if self._host_known else 0.0)
        # One inference is timed by when its lines came, which says little.
        self._host_inference_s = max(longer, 0.05 / iterations)
        self._host_known = True
        return reply, verified

    def _confirm(self, reply: InferReply) -> None:
        """Ask for the outputs once more: two readings of a damaged line differ."""
        if not self._confirms:
            return
        again = self.board.outputs()
        if again is None:
            self._confirms = False
            self._remark("the firmware has no command results: outputs are read once")
        elif again != reply.outputs:
            problem = f"it gave the outputs {reply.outputs}, then {again}"
            raise DialectError(self.board.link.name, problem, "See the transcript")

    def _check_clock(self, reply: InferReply) -> None:
        """Compare the board's time with the host's; a damaged lap line differs wildly."""
        if self._simulated or reply.start_us is None:
            return
        usual = self._clock_ratio or 1.0
        share = _CLOCK_SHARE if self._clock_ratio is None else _SPREAD
        expected_s = reply.host_s * usual
        if abs(reply.elapsed_s - expected_s) <= _LATE_S + share * expected_s:
            return
        ratio = reply.elapsed_s / max(reply.host_s, 1e-9)
        doubted, self._clock_ratio = self._clock_ratio, ratio
        if doubted is not None and abs(ratio / doubted - 1) < _SPREAD:
            return
        problem = f"its clock says {reply.elapsed_s:.3f} s where {reply.host_s:.3f} s went by"
        raise DialectError(self.board.link.name, problem, "See the transcript")

    def _insist(self, what: str, action: Callable[[], _T]) -> _T:
        """Do something until it goes well, getting back into step in between."""
        for attempt in range(1, _TRIES + 1):
            try:
                return action()
            except LinkClosedError as error:
                self._fault("link closed", f"{what}: {error.problem}")
                if attempt == _TRIES or not self._opened_anew():
                    raise
            except (LinkTimeoutError, DialectError) as error:
                self._fault(type(error).__name__, f"{what}: {error.problem}")
                if attempt == _TRIES:
                    raise
            self.loader.doubt()
            self._synchronise()
        raise AssertionError("Bug: the last attempt returns or raises")

    def _synchronise(self) -> None:
        busy_s = 30.0 + 2 * self._host_inference_s * (self.plan.iterations or 1)
        try:
            self.board.synchronise(busy_s)
        except LinkClosedError:
            if not self._opened_anew():
                raise
            self.board.synchronise(busy_s)

    def _opened_anew(self) -> bool:
        """Wait for a port that went away to come back, as that of a board that restarts does."""
        if self._reopen is None:
            return False
        end_s = self._clock.now_s() + _REOPEN_S
        while self._clock.now_s() < end_s:
            self._clock.sleep(0.5)
            try:
                self._reopen()
            except LinkClosedError:
                continue
            return True
        return False

    def _fault(self, kind: str, problem: str) -> None:
        self._remark(f"fault: {kind}: {problem}")
        at_s = round(self._clock.now_s() - self._start_s, 6)
        self.folder.keep(BenchFault(at_s=at_s, kind=kind, problem=problem))


def _inference_s(window: WindowResult) -> float:
    return window.elapsed_s / window.iterations


def _agree(readings: list[float], usual: float) -> bool:
    """Whether the last reading is as usual, or as one before it."""
    *before, last = readings
    return any(abs(last / other - 1) <= _SPREAD for other in (usual, *before))


def _agreeing(readings: list[WindowResult]) -> WindowResult | None:
    """Return a reading that another one bears out."""
    for index, one in enumerate(readings):
        for other in readings[index + 1 :]:
            if abs(_inference_s(one) / _inference_s(other) - 1) <= _SPREAD:
                return other
    return None
