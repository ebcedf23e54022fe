"""A run in the formats of EEMBC's runner: ``log.txt``, ``results.txt`` and ``script.async``.

The log is written from the run's records and says so; its version line names this program. The
laps of accuracy runs count from the log's own begin: the records keep how long each input took,
the transcript keeps the board's clock.

References
----------
mlcommons/tiny_results_v0.7 (formats as published).
"""

from __future__ import annotations

import statistics

from tinygauge.bench.records import InputResult, Mode, Run, WindowResult
from tinygauge.submission.formats import AD_BYTES, AD_STRIDE, DASHES, MET, numbered_inputs
from tinygauge.submission.rounds import TARGETS, RunnerKind

__all__ = ["eembc_files"]

_NOT_MET = "e-[The run must take at least 10 seconds and 10 iterations to be valid]"


def eembc_files(run: Run, score: float | None) -> dict[str, str]:
    """Return the files of a run's folder.

    Parameters
    ----------
    run : Run
    score : float or None
        A ratio, of accuracy runs.

    Returns
    -------
    dict of str
        Content by file name.
    """
    contents = (_log(run), _results(run, score), _script(run))
    return dict(zip(RunnerKind.EEMBC.files, contents, strict=True))


class _Lines:
    """Lines with the time of the session before them."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.lines: list[str] = []

    def add(self, source: str, text: str) -> None:
        self.lines.append(f"{self.at_s:09.3f} {source}: {text}")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def _code(run: Run) -> str:
    return "ulp-ml" if run.mode is Mode.ENERGY else "ulp-mlperf"


def _log(run: Run) -> str:
    out = _Lines()
    session = "".join(character for character in run.started if character.isdigit())[:14]
    name = "ML Energy" if run.mode is Mode.ENERGY else "ML Performance"
    # Behind an interface board the log has its lines as the board's own, in brackets.
    source, said = ("io", "[dut]: ") if run.mode is Mode.ENERGY else ("dut", "")
    out.add("session", f"m-session-start-id[{session}]")
    out.add("parser", f"m-bmark-run-name[{name}]-code[{_code(run)}]")
    out.add("parser", f"m-version[{run.tool}]")
    out.add("parser", f"m-rendered-from[{run.transcript.name} {run.transcript.sha256}]")
    mode = "multi" if run.mode is Mode.ACCURACY else "bmark"
    for key, value in (("runMode", mode), ("model", run.firmware_model)):
        out.add("parser", f"m-bm-cfg-name[{_code(run)}]-key[{key}]-val[{value}]")
    if run.simulated:
        out.add("parser", "m-simulated[times are those of an emulator, not of a board]")
    out.add("parser", 'Command "dut profile"')
    out.add(source, f"{said}m-profile-[{run.firmware_profile}]")
    out.add(source, f"{said}m-model-[{run.firmware_model}]")
    out.add(source, f"{said}m-ready")
    for window in run.windows:
        _log_window(out, window, source, said)
    for item, number in numbered_inputs(run):
        part = f" {number * AD_STRIDE} {AD_BYTES}" if run.benchmark == "ad" else ""
        _log_input(out, item, part)
    if run.mode is Mode.ENERGY and run.supply_v is not None:
        out.add("emon", f"m-voltage-mv[{round(run.supply_v * 1000)}]")
    out.add("session", f"m-session-stop-id[{session}]")
    return out.text()


def _log_window(out: _Lines, window: WindowResult, source: str, said: str) -> None:
    command = "bload dut" if source == "dut" else "bloadp"
    infer = f"{'' if source == 'dut' else 'io '}dut infer {window.iterations} {window.warmups}"
    out.add("parser", f'Command "{command} "{window.input}""')
    out.add("parser", f"m-{command.split(maxsplit=1)[0]}-done")
    out.add("parser", f'Command "{infer}"')
    out.add(source, f"{said}m-warmup-start-{window.warmups}")
    out.add(source, f"{said}m-warmup-done")
    out.add(source, f"{said}m-infer-start-{window.iterations}")
    if window.start_us is not None and window.end_us is not None:
        out.add(source, f"{said}m-lap-us-{window.start_us}")
        out.at_s += window.elapsed_s
        out.add(source, f"{said}m-lap-us-{window.end_us}")
    else:
        out.at_s += window.elapsed_s
    out.add(source, f"{said}m-infer-done")
    out.add(source, f"{said}m-results-[{_decimals(window.outputs)}]")
    out.add(source, f"{said}m-ready")


def _log_input(out: _Lines, item: InputResult, part: str) -> None:
    out.add("parser", f'Command "bload dut "{item.input}"{part}"')
    out.add("parser", "m-bload-done")
    out.add("parser", 'Command "dut infer 1 0"')
    out.add("dut", "m-warmup-start-0")
    out.add("dut", "m-warmup-done")
    out.add("dut", "m-infer-start-1")
    if item.elapsed_us is not None:
        start_us = round(out.at_s * 1e6)
        out.add("dut", f"m-lap-us-{start_us}")
        out.at_s += item.elapsed_us / 1e6
        out.add("dut", f"m-lap-us-{start_us + item.elapsed_us}")
    out.add("dut", "m-infer-done")
    out.add("dut", f"m-results-[{_decimals(item.outputs)}]")
    out.add("dut", "m-ready")


def _decimals(outputs: tuple[float, ...]) -> str:
    return ",".join(f"{value:.3f}" for value in outputs)


def _results(run: Run, score: float | None) -> str:
    out = _Lines()
    out.at_s = sum(window.elapsed_s for window in run.windows)
    code = _code(run)
    if run.mode is Mode.ACCURACY:
        if score is not None:
            top1 = TARGETS[run.benchmark][0] == "top1"
            out.add(code, f"Top-1: {score * 100:.1f}%" if top1 else f"AUC: {score:.2f}")
        return out.text()
    if run.mode is Mode.ENERGY:
        _energy_results(out, run, code)
    for number, window in enumerate(run.windows, start=1):
        met = window.elapsed_s >= 10 and window.iterations >= 10
        out.add(code, f"Performance results for window {2 * number}:")
        out.add(code, f"  # Inferences : {window.iterations:12d}")
        out.add(code, f"  Runtime      : {window.elapsed_s:12.3f} sec.")
        rate = window.iterations / window.elapsed_s
        out.add(code, f"  Throughput   : {rate:12.3f} inf./sec.")
        out.add(code, MET if met else _NOT_MET)
    rates = [window.iterations / window.elapsed_s for window in run.windows]
    out.add(code, DASHES)
    out.add(code, f"Median throughput is {statistics.median(rates):.3f} inf./sec.")
    out.add(code, DASHES)
    return out.text()


def _energy_results(out: _Lines, run: Run, code: str) -> None:
    at_s = 0.0
    shares = []
    for number, window in enumerate(run.windows, start=1):
        reading = window.energy
        if reading is None:
            continue
        energy_uj = reading.energy_j * 1e6
        shares.append(energy_uj / window.iterations)
        head = f"Energy data for window {2 * number} at time {at_s:.2f}"
        out.add(code, f"{head} for {reading.duration_s:.2f} sec.:")
        out.add(code, f"  Energy       : {energy_uj:13.3f} uJ")
        out.add(code, f"  Power        : {energy_uj / reading.duration_s:13.3f} uW")
        out.add(code, f"  Energy/Inf.  : {shares[-1]:13.3f} uJ/inf.")
        at_s += reading.duration_s
    out.add(code, DASHES)
    out.add(code, f"Median energy cost is {statistics.median(shares):.3f} uJ/inf.")
    out.add(code, DASHES)


def _script(run: Run) -> str:
    """Write what was asked of the board, in the shape of the runner's script."""
    through = "io dut" if run.mode is Mode.ENERGY else "dut"
    load = "bloadp" if run.mode is Mode.ENERGY else "bload dut"
    steps = [("version", "parser: m-ready"), (f"{through} profile", "dut.?: m-ready")]
    names = [(w.input, w.iterations, w.warmups) for w in run.windows]
    names += [(item.input, 1, 0) for item in run.inputs]
    for name, iterations, warmups in names:
        steps.append((f'{load} "{name}"', "parser: m-ready"))
        steps.append((f"{through} infer {iterations} {warmups}", "dut.?: m-ready"))
    lines = [f"    {{ cmd: '{command}', ms: -1, ack: /{ack}/ }}," for command, ack in steps]
    about = f"// what {run.tool} asked of the board"
    return "\n".join([about, "[", "  [", "  ],", "  [", *lines, "  ],", "]"]) + "\n"
