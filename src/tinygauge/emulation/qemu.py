"""Runs a firmware in QEMU, its serial line on a socket of this machine.

The emulated clock is QEMU's instruction counter (``-icount``): every instruction takes the same
nominal time, whatever this machine is busy with. So times repeat, and they are no board's.

References
----------
QEMU 7.2, "System emulation", invocation: ``-icount``, ``-chardev socket``; "Arm MPS2 and MPS3
boards".
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from tinygauge.errors import ToolError

__all__ = ["NOMINAL_HZ", "QEMU", "Emulator", "find_qemu"]

QEMU = "qemu-system-arm"
"""The program, as found on the PATH."""

_SHIFT = 5  # an instruction takes 2^5 ns
NOMINAL_HZ = 1e9 / 2**_SHIFT
"""Instructions per second of the emulated clock, near the 20 to 32 MHz of the boards."""

_START_S = 30.0
_END_S = 10.0
_MOMENT_S = 2.0
_KEEPER = Path(__file__).with_name("keeper.py")
# It says: info: QEMU waiting for connection on: disconnected:tcp:127.0.0.1:40961,server=on
_LISTENING = re.compile(r"waiting for connection on: .*127\.0\.0\.1:(\d+)")
_KEPT_LINES = 20
_UNIX_SIGNALS = 128


def find_qemu() -> tuple[str, str]:
    """Return where QEMU is, and its name and version.

    Returns
    -------
    path, version : str

    Raises
    ------
    ToolError
        If it is not installed or can't be run.
    """
    path = shutil.which(QEMU)
    if path is None:
        advice = "Try: apt-get install qemu-system-arm, or: brew install qemu"
        raise ToolError(QEMU, "this program is not installed", advice)
    try:
        done = subprocess.run(  # noqa: S603  # no shell; a found program
            [path, "--version"], capture_output=True, text=True, errors="replace", check=True,
            timeout=_START_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(path, f"it can't be run ({error})", "Install it anew") from error
    found = re.search(r"version (\S+)", done.stdout)
    return path, f"QEMU {found[1] if found else 'of unknown version'}"


class Emulator:
    """An emulated board that runs a firmware until it is closed.

    It waits for the first connection before it runs anything, so that no greeting is lost.

    Parameters
    ----------
    machine : str
        QEMU's name of the board, such as ``"mps2-an386"``.
    elf : Path
        The firmware.

    Attributes
    ----------
    port : str
        Where the serial line is, such as ``"socket://127.0.0.1:40961"``.

    Raises
    ------
    ToolError
        If QEMU is missing or does not start.
    """

    def __init__(self, machine: str, elf: Path) -> None:
        self.machine = machine
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listening = threading.Event()
        self._port = 0
        words = [sys.executable, "-I", str(_KEEPER), *_words(find_qemu()[0], machine, elf)]
        # A session of its own: Ctrl-C is for the runner, which then closes this.
        self._process = subprocess.Popen(  # noqa: S603  # no shell, our own file
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._listening.wait(_START_S) or not self._port:
            self.close()
            raise self.failure() or ToolError(QEMU, f"it opened no port within {_START_S:g} s")
        self.port = f"socket://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the emulation."""
        self.close()

    def failure(self) -> ToolError | None:
        """Say why QEMU ended by itself; None while it runs, or where it was closed.

        Its socket closes a moment before it has ended: so long this waits.
        """
        try:
            code = self._process.wait(_MOMENT_S)
        except subprocess.TimeoutExpired:
            return None
        if code == _UNIX_SIGNALS + 9:
            return None
        self._reader.join(_END_S)
        ended = f"exit code {code}" if code < _UNIX_SIGNALS else f"signal {code - _UNIX_SIGNALS}"
        said = "; ".join(line for line in self._said if not _LISTENING.search(line))
        return ToolError(QEMU, f"it ended with {ended}" + (f": {said}" if said else ""))

    def close(self) -> None:
        """End the emulation; once is enough."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_S)

    def _read(self) -> None:
        """Keep what QEMU says, and find the port in it."""
        said = self._process.stderr
        if said is None:
            raise AssertionError("Bug: QEMU was started without a pipe")
        with said:
            for line in said:
                self._said.append(line.strip())
                found = _LISTENING.search(line)
                if found:
                    self._port = int(found[1])
                    self._listening.set()
        self._listening.set()


def _words(qemu: str, machine: str, elf: Path) -> list[str]:
    listen = "socket,id=uart,host=127.0.0.1,port=0,server=on,wait=on,nodelay=on"
    return [
        qemu,
        *("-M", machine, "-kernel", str(elf)),
        *("-nodefaults", "-nic", "none", "-display", "none", "-monitor", "none"),
        *("-icount", f"shift={_SHIFT},sleep=off"),
        *("-chardev", listen, "-serial", "chardev:uart"),
    ]
