"""One inference on a board, insisted on: load, infer, make sure, and ride out what goes wrong.

A fault (a lost byte, a reset, a stall, a pulled cable) is noted, the board is brought back into
step, and the same thing is done again; after several in a row the error ends the run, which
resumes later where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tinygauge.bench.board import Board, Identity
from tinygauge.bench.clock import Clock
from tinygauge.bench.exchange import InferReply
from tinygauge.bench.loading import Loader
from tinygauge.bench.metering import Meter
from tinygauge.bench.plan import WireInput
from tinygauge.bench.records import BenchFault, EnergyReading, InputResult, WindowResult
from tinygauge.errors import (
    BenchError,
    DialectError,
    LinkClosedError,
    LinkTimeoutError,
    MonitorOverloadError,
    SamplesLostError,
)

__all__ = ["SPREAD", "Inferrer", "Reading", "Surroundings"]

_T = TypeVar("_T")

# Windows of one run agree to 0.01 % in the published logs; more than this is looked at again.
SPREAD = 0.002
# Faults in a row on one input before the run ends.
_TRIES = 6
# Host and board may differ by what a line is late (a USB adapter keeps it back for 16 ms, twice)
# and by the board's oscillator.
_LATE_S = 0.05
_CLOCK_SHARE = 0.05
_REOPEN_S = 15.0
_UNKNOWN_INFERENCE_S = 30.0
_BUSY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a measurement happens in.

    Parameters
    ----------
    clock : Clock
        That of the board's link.
    fault : callable
        Keeps a fault that was met.
    remark : callable
        Takes a line for the transcript.
    reopen : callable or None
        Opens the board's port anew after it went away; raises `LinkClosedError` where it can't.
    simulated : bool
        Whether the board's clock is no clock of the real world, and is not compared with it.
    """

    clock: Clock
    fault: Callable[[BenchFault], None]
    remark: Callable[[str], None]
    reopen: Callable[[], None] | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An inference that went well.

    Parameters
    ----------
    number : int
        Counts the readings of a session; the transcript names it.
    item : WireInput
    reply : InferReply
    verified : bool
        Whether the input was read back and was right.
    energy : EnergyReading or None
    """

    number: int
    item: WireInput
    reply: InferReply
    verified: bool
    energy: EnergyReading | None = None

    @property
    def elapsed_s(self) -> float:
        """The timed part: by the board's clock, the monitor's, or the host's."""
        if self.reply.start_us is None and self.energy is not None:
            return self.energy.duration_s
        return self.reply.elapsed_s

    @property
    def inference_s(self) -> float:
        """Time of one inference, seconds."""
        return self.elapsed_s / self.reply.iterations

    def as_window(self, index: int) -> WindowResult:
        """Return it as the result of a window."""
        return WindowResult(
            index=index,
            input=self.item.name,
            input_sha256=self.item.sha256,
            iterations=self.reply.iterations,
            warmups=self.reply.warmups,
            start_us=self.reply.start_us,
            end_us=self.reply.end_us,
            elapsed_s=self.elapsed_s,
            host_s=round(self.reply.host_s, 6),
            outputs=self.reply.outputs,
            verified=self.verified,
            energy=self.energy,
        )

    def as_input(self, index: int) -> InputResult:
        """Return it as the result of an input."""
        reply = self.reply
        timed = reply.start_us is not None and reply.end_us is not None
        return InputResult(
            index=index,
            recording=self.item.recording,
            input=self.item.name,
            input_sha256=self.item.sha256,
            true_class=self.item.true_class,
            outputs=reply.outputs,
            elapsed_us=round(reply.elapsed_s * 1e6) if timed else None,
            verified=self.verified,
        )


class Inferrer:
    """Infers inputs on one board.

    Parameters
    ----------
    board : Board
    loader : Loader
        Of the same board.
    around : Surroundings
    meter : Meter, optional
        Records the energy of the timed part.
    """

    def __init__(
        self, board: Board, loader: Loader, around: Surroundings, meter: Meter | None = None
    ) -> None:
        self.board = board
        self.loader = loader
        self._around = around
        self._meter = meter
        self._start_s = around.clock.now_s()
        self._readings = 0
        self._confirms = True
        self._prints_laps = False
        self._clock_ratio = 1.0
        self._clock_share = _CLOCK_SHARE
        self._doubted_ratio: float | None = None
        # The longest that one inference took, by the host's clock.
        self._inference_s = _UNKNOWN_INFERENCE_S
        self._known = False
        self._iterations = 1

    def read(
        self, item: WireInput, iterations: int, warmups: int, *, metered: bool = False
    ) -> Reading:
        """Infer an input until it goes well.

        Parameters
        ----------
        item : WireInput
        iterations, warmups : int
        metered : bool
            Whether the energy is recorded.

        Returns
        -------
        Reading

        Raises
        ------
        BenchError
            That of the last try.
        """
        meter = self._meter if metered else None
        return self._insist(item.name, lambda: self._read(item, iterations, warmups, meter))

    def identify(self) -> Identity:
        """Ask what the board is until two answers agree; raises as `read`."""
        return self._insist("its identity", self._identify_twice)

    def _identify_twice(self) -> Identity:
        first, second = self.board.identify(), self.board.identify()
        if first != second:
            raise DialectError(self.board.link.name, f"it said {first}, then {second}")
        laps = [self.board.timestamp() is not None for _ in range(2)]
        if laps[0] != laps[1]:
            raise DialectError(self.board.link.name, "it printed its time only once of twice")
        self._prints_laps = laps[0]
        return first

    def _insist(self, what: str, action: Callable[[], _T]) -> _T:
        """Do something until it goes well, getting back into step in between."""
        for attempt in range(1, _TRIES + 1):
            try:
                return action()
            except LinkClosedError as error:
                self.fault("LinkClosedError", f"{what}: {error.problem}")
                if attempt == _TRIES or not self._opened_anew():
                    raise
            except (
                LinkTimeoutError, DialectError, SamplesLostError, MonitorOverloadError,
            ) as error:  # fmt: skip
                if self.loader.is_excused and attempt < _TRIES:
                    self._around.remark("the board takes no command ahead of its answers")
                    self.synchronise()
                    continue
                self.fault(type(error).__name__, f"{what}: {error.problem}")
                if attempt == _TRIES:
                    raise
            self.loader.doubt()
            self.synchronise()
        raise AssertionError("Bug: the last attempt returns or raises")

    def fault(self, kind: str, problem: str) -> None:
        """Keep a fault, here and in the transcript."""
        self._around.remark(f"fault {kind}: {problem}")
        at_s = round(self._around.clock.now_s() - self._start_s, 6)
        self._around.fault(BenchFault(at_s=at_s, kind=kind, problem=problem))

    def synchronise(self) -> str:
        """Get in step with the board, through a port that went away if need be."""
        busy_s = _BUSY_S + 2 * self._inference_s * self._iterations
        try:
            return self.board.synchronise(busy_s)
        except LinkClosedError:
            if not self._opened_anew():
                raise
            return self.board.synchronise(busy_s)

    def _read(self, item: WireInput, iterations: int, warmups: int, meter: Meter | None) -> Reading:
        self._around.remark(f"input {item.name} sha256 {item.sha256}")
        verified = self.loader.load(item.content)
        energy = None
        if meter is None:
            reply = self._infer(iterations, warmups)
        else:
            reply, energy = meter.record(lambda: self._infer(iterations, warmups))
        if self._prints_laps and reply.start_us is None:
            raise DialectError(self.board.link.name, "both of its laps are missing or damaged")
        self._confirm(reply)
        self._check_clock(reply)
        self._readings += 1
        self._around.remark(f"reading {self._readings}")
        return Reading(
            number=self._readings, item=item, reply=reply, verified=verified, energy=energy
        )

    def _infer(self, iterations: int, warmups: int) -> InferReply:
        self._iterations = iterations
        patience_s = self.board.reply_s
        reply = self.board.infer(
            iterations,
            warmups,
            warmup_s=patience_s + 2 * warmups * self._inference_s,
            infer_s=patience_s + 2 * iterations * self._inference_s,
        )
        took_s = reply.host_s / iterations
        longer_s = max(took_s, self._inference_s if self._known else 0.0)
        # One inference is timed by when its lines came, which says little.
        self._inference_s = max(longer_s, 0.05 / iterations)
        self._known = True
        return reply

    def _confirm(self, reply: InferReply) -> None:
        """Ask for the outputs once more: two readings of a damaged line differ."""
        if not self._confirms:
            return
        again = self.board.outputs()
        if again is None:
            self._confirms = False
            self._around.remark("the firmware has no command results: outputs are read once")
        elif again != reply.outputs:
            problem = f"it gave the outputs {reply.outputs}, then {again}"
            raise DialectError(self.board.link.name, problem, "See the transcript")

    def _check_clock(self, reply: InferReply) -> None:
        """Compare the board's time with the host's; a damaged lap line differs wildly.

        A clock that is off by more is believed when two readings agree on how much.
        """
        if self._around.simulated or reply.start_us is None:
            return
        expected_s = reply.host_s * self._clock_ratio
        if abs(reply.elapsed_s - expected_s) <= _LATE_S + self._clock_share * expected_s:
            return
        ratio = reply.elapsed_s / max(reply.host_s, 1e-9)
        doubted, self._doubted_ratio = self._doubted_ratio, ratio
        if doubted is not None and abs(ratio / max(doubted, 1e-9) - 1) < SPREAD:
            self._clock_ratio, self._clock_share = ratio, SPREAD
            return
        problem = f"its clock says {reply.elapsed_s:.6f} s where {reply.host_s:.6f} s went by"
        raise DialectError(self.board.link.name, problem, "See the transcript")

    def _opened_anew(self) -> bool:
        """Wait for a port that went away to come back, as that of a board that restarts does."""
        if self._around.reopen is None:
            return False
        clock = self._around.clock
        end_s = clock.now_s() + _REOPEN_S
        while clock.now_s() < end_s:
            clock.sleep(0.5)
            try:
                self._around.reopen()
            except BenchError:
                continue
            self._around.remark("the port was opened anew")
            return True
        return False
