"""Drives one board over a link: asks, waits, and gets back in step when an answer was lost.

A method either returns what the board said, whole and in order, or raises; nothing is guessed.
Trying again is the caller's business (`runner.py`), behind `synchronise`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tinygauge.bench.clock import Clock, HostClock
from tinygauge.bench.dialect import (
    DUT_CHUNK_BYTES,
    PASSED_CHUNK_BYTES,
    READY,
    Kind,
    LineSplitter,
    Message,
    command,
    command_infer,
    command_load,
    command_print,
    commands_hex,
    parse_line,
)
from tinygauge.bench.exchange import InferReply, Timed, fault_in, read_infer_reply, read_outputs
from tinygauge.bench.link import Link
from tinygauge.errors import BoardResetError, DialectError, LinkTimeoutError

__all__ = ["Board", "Identity"]

# mlcommons/tiny's runner waits 5 s for a line, 30 s for an inference.
REPLY_S = 5.0
# Commands of so much time are on their way while the answers to earlier ones are: that hides the
# 16 ms that a USB serial adapter may keep an answer back (FTDI's default latency timer).
_AHEAD_S = 0.04
_LEAST_AHEAD = 8
_MOST_AHEAD = 64
_PASSED_PREFIX = "[dut]: "
_QUIET_S = 0.05
_BABBLE_S = 3.0
_SHOWN = 60
_MOST_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Identity:
    """What a board says of itself.

    Parameters
    ----------
    name : str
        Of its maker (``m-name-dut-[…]``).
    profile : str
        The firmware (``m-profile-[…]``).
    model : str
        The model built into it, such as ``kws01``.
    """

    name: str
    profile: str
    model: str


class _Loading:
    """Follows the answers to the commands that load an input."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._expected: int | None = None
        self._done_behind: int | None = None
        self.answered = 0
        self.fault = ""

    def take(self, message: Message) -> None:
        """Take a line; the first that is wrong is the fault."""
        fault = ""
        if message.kind is Kind.READY:
            self.answered += 1
        elif message.kind is Kind.EXPECTING:
            self._expected = message.number
            if self._expected != self._size_bytes or self.answered:
                fault = f"it expects {self._expected} bytes of {self._size_bytes}"
        elif message.kind is Kind.LOAD_DONE:
            self._done_behind = self.answered
        elif message.kind is Kind.FAULT:
            fault = f"e-[{message.text}] to command {self.answered + 1} of the load"
        self.fault = self.fault or fault

    def what_is_missing(self, commands: int) -> str:
        """Say what the answers to all commands lack; empty where nothing."""
        if self._expected is None:
            return "the line 'm-[Expecting …]' is missing or damaged"
        if self._done_behind == commands - 1:
            return ""
        counted = "never"
        if self._done_behind is not None:
            counted = f"behind command {self._done_behind + 1}"
        return f"m-load-done came {counted}, due behind command {commands}"


class Board:
    """A board that speaks the MLPerf Tiny protocol.

    Parameters
    ----------
    link : Link
        Open; the board closes nothing.
    clock : Clock, optional
        To wait by.
    passed_on : bool
        Whether commands go through an interface board (``dut …``), as for energy.
    reply_s : float
        How long to wait for a line.
    remark : callable, optional
        Told what happens, for the transcript.
    """

    def __init__(
        self,
        link: Link,
        *,
        clock: Clock | None = None,
        passed_on: bool = False,
        reply_s: float = REPLY_S,
        remark: Callable[[str], None] | None = None,
    ) -> None:
        self.link = link
        self.reply_s = reply_s
        self.pipelined = not passed_on
        self.chunk_bytes = PASSED_CHUNK_BYTES if passed_on else DUT_CHUNK_BYTES
        self._clock = clock or HostClock()
        self._passed_on = passed_on
        self._remark = remark or (lambda _: None)
        self._splitter = LineSplitter()
        self._waiting: deque[Timed] = deque()
        self._received_bytes = 0
        self._last_line = ""

    def synchronise(self, patience_s: float = 30.0) -> str:
        """Get in step: whatever was going on, wait until the board answers its name.

        Parameters
        ----------
        patience_s : float
            How long to try; longer than what the board may be busy with.

        Returns
        -------
        str
            The board's name.

        Raises
        ------
        LinkTimeoutError
            If it never answers.
        LinkClosedError
            If the port went away.
        """
        end_s = self._clock.now_s() + patience_s
        wait_s = min(1.0, self.reply_s)
        while True:
            self._drain()
            try:
                lines = self.ask(command("name"), reply_s=wait_s)
            except (LinkTimeoutError, BoardResetError) as error:
                # An empty command would crash the reference firmware, so the name is asked for
                # again: behind half a command, the first one only ends that.
                if self._clock.now_s() >= end_s:
                    if isinstance(error, LinkTimeoutError):
                        raise
                    raise self._timeout("name%", patience_s) from error
                wait_s = min(2 * wait_s, self.reply_s)
                continue
            names = [line.message.text for line in lines if line.message.kind is Kind.NAME]
            if names:
                self._drain()
                return names[-1]
            if self._clock.now_s() >= end_s:
                raise self._unexpected("name%", "no line m-name-dut-[…]")

    def identify(self) -> Identity:
        """Ask for name, firmware and model."""
        name = self._only(self.ask(command("name")), Kind.NAME, "name%").text
        lines = self.ask(command("profile"))
        model = self._only(lines, Kind.MODEL, "profile%").text
        # Some firmwares print e-[ULPMark for tinyML Firmware V0.0.1] in its place.
        profiles = [line.message.text for line in lines if line.message.kind is Kind.PROFILE]
        return Identity(name, profiles[0] if profiles else fault_in(lines), model)

    def timestamp(self) -> int | None:
        """Return the board's clock, microseconds; None where it pulled its pin instead."""
        lines = self.ask(command("timestamp"))
        laps = [line.message.number for line in lines if line.message.kind is Kind.LAP]
        return laps[0] if laps else None

    def load(self, content: bytes) -> None:
        """Load an input.

        Parameters
        ----------
        content : bytes
            All of it.

        Raises
        ------
        DialectError
            If the board refuses it, or counts other bytes than were sent.
        LinkTimeoutError
            If an answer is missing.
        """
        commands = [command_load(len(content)), *commands_hex(content, self.chunk_bytes)]
        loading = _Loading(len(content))
        ahead = self._commands_ahead() if self.pipelined else 1
        sent = 0
        while loading.answered < (sent if loading.fault else len(commands)):
            burst = commands[sent : loading.answered + ahead]
            if burst and not loading.fault:
                self._send(b"".join(burst))
                sent += len(burst)
            loading.take(self._line(self.reply_s, "db …%").message)
        problem = loading.fault or loading.what_is_missing(len(commands))
        if problem:
            raise self._unexpected("db …%", problem)

    def _commands_ahead(self) -> int:
        if self.link.baud <= 0:
            return _MOST_AHEAD
        command_s = 2 * self.chunk_bytes * 10 / self.link.baud
        return min(max(_LEAST_AHEAD, round(_AHEAD_S / command_s)), _MOST_AHEAD)

    def read_back(self) -> bytes:
        """Return the input that the board holds, as far as it prints it."""
        lines = self.ask(command_print())
        return b"".join(line.message.data for line in lines)

    def infer(
        self, iterations: int, warmups: int, *, warmup_s: float = 30.0, infer_s: float = 30.0
    ) -> InferReply:
        """Infer the loaded input.

        Parameters
        ----------
        iterations, warmups : int
            Timed inferences, and untimed ones before them.
        warmup_s, infer_s : float
            How long each part may take.

        Returns
        -------
        InferReply

        Raises
        ------
        DialectError
            If the answer is not whole, or is to other counts.
        LinkTimeoutError, BoardResetError
        """
        words = command_infer(iterations, warmups)
        slow = {
            Kind.WARMUP_START: warmup_s,
            Kind.INFER_START: infer_s,
            Kind.LAP: infer_s,
            Kind.OTHER: max(warmup_s, infer_s),  # a line that we can't read may be any of these
        }
        lines = self.ask(words, slow=slow)
        try:
            reply = read_infer_reply(lines)
        except ValueError as error:
            raise self._unexpected(words.decode(), str(error)) from error
        if (reply.iterations, reply.warmups) != (iterations, warmups):
            problem = f"it inferred {reply.iterations} times behind {reply.warmups}"
            raise self._unexpected(words.decode(), problem)
        return reply

    def outputs(self) -> tuple[float, ...] | None:
        """Ask once more for the outputs of the last inference; None where it knows no such word."""
        lines = self.ask(command("results"))
        # A damaged command is unknown as well, but is not called "results".
        if fault_in(lines) == "Unknown command: results":
            return None
        try:
            return read_outputs(lines)
        except ValueError as error:
            raise self._unexpected("results%", str(error)) from error

    def ask(
        self,
        words: bytes,
        *,
        reply_s: float | None = None,
        slow: Mapping[Kind, float] | None = None,
    ) -> list[Timed]:
        """Send a command and return all lines up to ``m-ready``.

        Parameters
        ----------
        words : bytes
            The command with its ``%``.
        reply_s : float, optional
            How long to wait for each line; that of the board by default.
        slow : mapping of Kind to float, optional
            How long to wait for the line behind one of that kind.

        Returns
        -------
        list of Timed

        Raises
        ------
        LinkTimeoutError
            If a line is missing.
        BoardResetError
            If the board started anew.
        """
        self._send(words)
        lines: list[Timed] = []
        wait_s = usual_s = reply_s or self.reply_s
        while True:
            line = self._line(wait_s, words.decode())
            lines.append(line)
            if line.message.kind is Kind.READY:
                return lines
            if len(lines) > _MOST_LINES:
                raise self._unexpected(words.decode(), f"more than {_MOST_LINES:,} lines")
            wait_s = max(usual_s, (slow or {}).get(line.message.kind, 0.0))

    def _send(self, data: bytes) -> None:
        if self._passed_on:
            data = b"".join(b"dut " + each + b"%" for each in data.split(b"%") if each)
        self._received_bytes = 0
        self.link.write(data)

    def _line(self, wait_s: float, behind: str) -> Timed:
        """Return the next line, or raise."""
        end_s = self._clock.now_s() + wait_s
        while not self._waiting:
            left_s = end_s - self._clock.now_s()
            if left_s <= 0:
                raise self._timeout(behind, wait_s)
            self._receive(left_s)
        line = self._waiting.popleft()
        if line.message.kind in (Kind.INIT_DONE, Kind.TIMESTAMP_MODE):
            self._remark("the board started anew")
            problem = f'it started anew behind "{behind}" ({line.message.text})'
            raise BoardResetError(self.link.name, problem, "Check its supply and its reset line")
        return line

    def _receive(self, wait_s: float) -> None:
        data = self.link.read(wait_s)
        self._received_bytes += len(data)
        at_s = self._clock.now_s()
        for text in self._splitter.feed(data):
            if text:
                self._last_line = text
                self._waiting.append(Timed(at_s, self._parse(text)))

    def _parse(self, text: str) -> Message:
        if not self._passed_on:
            return parse_line(text)
        found = parse_line(text)
        if _PASSED_PREFIX in text or found.kind is Kind.FAULT:
            return found
        return Message(Kind.PASSED, text)  # the interface board's own m-ready is not the board's

    def _drain(self) -> None:
        """Read on until the line is quiet, and forget all of it."""
        end_s = self._clock.now_s() + _BABBLE_S
        while self._clock.now_s() < end_s and self.link.read(_QUIET_S):
            pass
        self._splitter.drop()
        self._waiting.clear()

    def _timeout(self, behind: str, wait_s: float) -> LinkTimeoutError:
        got = f"{self._received_bytes} bytes received"
        rest = self._splitter.drop() or self._last_line
        if self._received_bytes and rest:
            got += f", last {rest[:_SHOWN]!r}"
        problem = f'no "{READY}" {wait_s:.1f} s after "{behind}" ({got})'
        rate = f"Is its baud rate {self.link.baud}? " if self.link.baud else ""
        advice = f"{rate}Try: tinygauge bench probe --port {self.link.name}"
        return LinkTimeoutError(self.link.name, problem, advice)

    def _unexpected(self, behind: str, problem: str) -> DialectError:
        return DialectError(self.link.name, f'to "{behind}": {problem}', "See the transcript")

    def _only(self, lines: list[Timed], kind: Kind, behind: str) -> Message:
        found = [line.message for line in lines if line.message.kind is kind]
        if not found:
            said = fault_in(lines) or ", ".join(line.message.text for line in lines[:-1])
            raise self._unexpected(behind, f"no line '{kind.value}' (it said: {said[:_SHOWN]})")
        return found[0]
