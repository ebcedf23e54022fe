"""Read a ``log.txt`` of either runner: what was inferred, how long it took and what came out.

The EEMBC runner's log holds the board's own lines, each behind a time and a source; MLCommons'
holds what the runner says. Both are read line by line, whatever else stands between.

References
----------
mlcommons/tiny_results_v0.5 to v1.3 (formats as published).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Log", "LoggedInference", "parse_log"]


@dataclass(slots=True)
class LoggedInference:
    """One ``infer`` command, as the log has it.

    Parameters
    ----------
    input : str
        File name, without its folder; empty where the log does not say.
    offset_bytes : int
        Where in the file the input begins; above 0 for windows of a recording.
    iterations, warmups : int or None
    elapsed_s : float or None
        By the board's clock; None in energy logs, which have no laps.
    outputs : tuple of float
        Empty where none came.
    """

    input: str
    offset_bytes: int = 0
    iterations: int | None = None
    warmups: int | None = None
    elapsed_s: float | None = None
    outputs: tuple[float, ...] = ()


@dataclass(slots=True)
class Log:
    """What a log says.

    Parameters
    ----------
    inferences : list of LoggedInference
    model : str
        As the firmware names it; empty where it did not.
    supply_v : float or None
        The last voltage that the energy monitor reported.
    simulated : bool
        Whether it says that its times are those of an emulator.
    """

    inferences: list[LoggedInference] = field(default_factory=list)
    model: str = ""
    supply_v: float | None = None
    simulated: bool = False


_LONGEST_LINE = 6000
_EEMBC = re.compile(r"\d{5,9}\.\d{3} +\S{1,40}?: ?")
_MLC = re.compile(r"\d{4}\.\d{6} +\S{1,40}?: ?")
_LOAD = re.compile(r'Command "bloadp? (?:\w+ )?"?([^"]{1,400})"?(?: (\d{1,9}) \d{1,9})?')
_INFER = re.compile(r'Command "(?:io )?dut infer (\d{1,12})(?: (\d{1,9}))?')
_START = re.compile(r"m-infer-start-(\d{1,12})")
_WARMUPS = re.compile(r"m-warmup-start-(\d{1,9})")
_LAP = re.compile(r"m-lap-us-(\d{1,20})")
_OUTPUTS = re.compile(r"m-results-\[([^\]]{0,4000})\]")
_MODEL = re.compile(r"m-model-\[([^\]]{0,40})\]|Device model retrieved: (\S{1,40})")
_SUPPLY = re.compile(r"m-voltage-mv\[(\d{1,5})\]")
_MLC_LOAD = re.compile(r"Loading file (\S.{0,300}?) segment (\d{1,6})")
_MLC_RUN = re.compile(r"Running inference with (\d{1,9})/(\d{1,12}) ")
_MLC_RUNTIME = re.compile(r"Runtime      : +(\d{1,9}\.\d{1,9}) sec")
_MLC_OUTPUTS = re.compile(r"m-results    : \[([^\]]{0,4000})\]")


def parse_log(text: str) -> Log:
    """Read a log.

    Parameters
    ----------
    text : str

    Returns
    -------
    Log
        With what was found; nothing is an error here.
    """
    reader = _Reader()
    for line in text.replace("\r", "").split("\n"):  # some firmwares send CR within a line
        reader.take(line[:_LONGEST_LINE])
    return reader.log


class _Reader:
    def __init__(self) -> None:
        self.log = Log()
        self._input, self._offset = "", 0
        self._iterations: int | None = None
        self._warmups: int | None = None
        self._laps: list[int] = []
        self._timing = False

    def take(self, line: str) -> None:
        if found := _MODEL.search(line):
            self.log.model = found[1] or found[2] or ""
        elif found := _SUPPLY.search(line):
            self.log.supply_v = int(found[1]) / 1000
        elif "m-simulated[" in line:
            self.log.simulated = True
        elif _EEMBC.match(line):
            self._take_eembc(line)
        else:
            self._take_mlc(line)

    def _take_eembc(self, line: str) -> None:
        if found := _LOAD.search(line):
            self._input = re.split(r"[\\/]", found[1].strip())[-1]
            self._offset = int(found[2] or 0)
        elif found := _INFER.search(line):
            self._iterations = int(found[1])
            self._warmups = int(found[2]) if found[2] else None
            self._timing = False
        if found := _WARMUPS.search(line):
            self._warmups = int(found[1])
        if found := _START.search(line):
            self._iterations, self._laps, self._timing = int(found[1]), [], True
        elif self._timing and (found := _LAP.search(line)):
            self._laps.append(int(found[1]))
        elif found := _OUTPUTS.search(line):
            self._add(found[1], self._elapsed_s())

    def _elapsed_s(self) -> float | None:
        if len(self._laps) < 2:
            return None
        return (self._laps[-1] - self._laps[0]) / 1e6

    def _take_mlc(self, line: str) -> None:
        if found := _MLC_LOAD.search(line):
            self._input, self._offset = found[1], int(found[2])
        elif found := _MLC_RUN.search(line):
            self._warmups, self._iterations = int(found[1]), int(found[2])
            # An energy log says no more of it than that samples were captured.
            self.log.inferences.append(
                LoggedInference(self._input, self._offset, self._iterations, self._warmups)
            )
        elif (found := _MLC_RUNTIME.search(line)) and self.log.inferences:
            self.log.inferences[-1].elapsed_s = float(found[1])
        elif (found := _MLC_OUTPUTS.search(line)) and self.log.inferences:
            self.log.inferences[-1].outputs = _floats(found[1].split(","))

    def _add(self, outputs: str, elapsed_s: float | None) -> None:
        self.log.inferences.append(
            LoggedInference(
                self._input,
                self._offset,
                self._iterations,
                self._warmups,
                elapsed_s,
                _floats(outputs.split(",")),
            )
        )
        self._laps, self._timing = [], False


def _floats(items: Iterable[str]) -> tuple[float, ...]:
    try:
        values = tuple(float(item) for item in items)
    except ValueError:
        return ()
    return values if all(math.isfinite(value) for value in values) else ()
