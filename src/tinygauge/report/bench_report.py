"""A run on a board as lines for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygauge.bench.coding import to_plain
from tinygauge.bench.probe import Port, Probe
from tinygauge.bench.records import Mode, Run, WindowResult
from tinygauge.bench.replay import Replay
from tinygauge.measurement import energy_of, latency_of, score_of
from tinygauge.quantity import Missing, Quantity
from tinygauge.report.serialise import quantity_document
from tinygauge.units import Unit, format_value

__all__ = ["probe_document", "probe_lines", "replay_document", "run_document", "run_lines"]

Document = dict[str, Any]

_MET = {True: "met", False: "NOT met"}
_FAULTS_SHOWN = 5


def run_document(run: Run) -> Document:
    """Describe a run.

    Parameters
    ----------
    run : Run

    Returns
    -------
    dict
        Its metrics, rules and facts; windows in full, inputs counted (they are in the folder).
    """
    accuracy, latency, energy = score_of(run), latency_of(run), energy_of(run)
    plain = to_plain(run)
    inputs = plain.pop("inputs")
    metrics: dict[str, Quantity | Missing] = {
        "accuracy": accuracy if isinstance(accuracy, Missing) else accuracy.value,
        "latency": latency if isinstance(latency, Missing) else latency.per_inference,
        "energy": energy if isinstance(energy, Missing) else energy.per_inference,
    }
    document: Document = {
        "metrics": {name: quantity_document(value) for name, value in metrics.items()},
        "run": plain,
        "inputs_measured": len(inputs),
        "inputs_verified": sum(item["verified"] for item in inputs),
    }
    if not isinstance(latency, Missing):
        document["throughput_per_s"] = 1 / latency.per_inference.value
    if not isinstance(accuracy, Missing) and accuracy.correct is not None:
        document["correct"] = accuracy.correct
    return document


def replay_document(replay: Replay) -> Document:
    """Describe a replay.

    Parameters
    ----------
    replay : Replay

    Returns
    -------
    dict
        The run, and where it differs from what was kept.
    """
    return run_document(replay.run) | {"differences": list(replay.differences)}


def probe_document(probes: Sequence[Probe], ports: Sequence[Port]) -> list[Document]:
    """Describe what was found at ports.

    Parameters
    ----------
    probes : sequence of Probe
    ports : sequence of Port
        All of this computer; those that were not probed are listed as such.

    Returns
    -------
    list of dict
    """
    return [to_plain(probe) for probe in probes] + [
        {"port": port.name, "description": port.description, "probed": False}
        for port in _untouched(probes, ports)
    ]


def probe_lines(probes: Sequence[Probe], ports: Sequence[Port]) -> list[str]:
    """Tell what was found at ports, in lines.

    Parameters
    ----------
    probes : sequence of Probe
    ports : sequence of Port

    Returns
    -------
    list of str
    """
    lines = []
    for probe in probes:
        if probe.identity is None:
            lines += [f"{probe.port}: {probe.seen}", f"  {probe.advice}"]
            continue
        who, rate = probe.identity, f" at {probe.baud} baud" if probe.baud else ""
        lines.append(f"{probe.port}: {who.name}{rate}, model {who.model}: {probe.seen}")
        words = f"--port {probe.port}" + (f" --baud {probe.baud}" if probe.baud else "")
        lines.append(f"  Try: tinygauge bench run {words}{' --io-board' * probe.passed_on} …")
    left = _untouched(probes, ports)
    if left:
        names = ", ".join(port.name for port in left)
        lines.append(f"Not on USB, so left alone: {names} (name one: --port)")
    return lines or ["There is no serial port. Is the board connected, and its driver installed?"]


def _untouched(probes: Sequence[Probe], ports: Sequence[Port]) -> list[Port]:
    probed = {probe.port for probe in probes}
    return [port for port in ports if port.name not in probed]


def run_lines(run: Run) -> list[str]:
    """Tell a run in lines.

    Parameters
    ----------
    run : Run

    Returns
    -------
    list of str
    """
    lines = [_headline(run), *_figures(run)]
    lines += [_window(window) for window in run.windows]
    if run.faults:
        lines.append(f"{len(run.faults)} faults were ridden out:")
        lines += [f"  {fault.kind}: {fault.problem}" for fault in run.faults[:_FAULTS_SHOWN]]
        if len(run.faults) > _FAULTS_SHOWN:
            lines.append("  … the others stand in results.jsonl")
    if run.rules:
        lines.append("Rules:")
        lines += [
            f"  {_MET[rule.met]:8} {rule.rule}: {rule.clause} ({rule.why})"
            for rule in run.rules
            if rule.met is not None
        ]
    if run.folder:
        state = "Run" if run.complete else "Unfinished run"
        lines.append(f"{state}: {run.folder}")
    return lines


def _headline(run: Run) -> str:
    place = run.board or run.firmware_name or run.port or f"a board, by {run.tool}"
    firmware = ", ".join(part for part in (run.firmware_profile, run.firmware_model) if part)
    text = f"{run.benchmark} {run.mode.value} on {place}"
    return f"{text} ({firmware})" if firmware else text


def _figures(run: Run) -> list[str]:
    """Return the run's result, and for windows the throughput that the benchmark asks for."""
    lines = []
    if run.mode is Mode.ACCURACY:
        score = score_of(run)
        if isinstance(score, Missing):
            lines.append(f"  accuracy  {score}")
        else:
            right = f", {score.correct:,} of {score.n:,}" if score.correct is not None else ""
            lines.append(f"  accuracy  {score.value} ({score.metric}{right})")
        if run.port:
            verified = sum(item.verified for item in run.inputs)
            lines.append(f"  {verified:,} of {len(run.inputs):,} inputs were read back and right")
        return lines
    latency, energy = latency_of(run), energy_of(run)
    if isinstance(latency, Missing):
        return [f"  latency   {latency}"]
    value = latency.per_inference
    lines.append(f"  latency   {value} ({1 / value.value:.3f} inf./s)")
    if not isinstance(energy, Missing):
        spent = energy.per_inference
        lines.append(f"  energy    {spent} ({spent.value * 1e6:.3f} uJ/inf.)")
        above = [window.energy.above_idle_j for window in run.windows if window.energy]
        if None in above:
            lines.append("  above idle: unknown, as no idle stretch was recorded")
    return lines


def _window(window: WindowResult) -> str:
    each = format_value(window.elapsed_s / window.iterations, Unit.SECOND)
    text = (
        f"  window {window.index + 1}: {window.iterations:,} inferences in "
        f"{window.elapsed_s:.3f} s, {each} each"
    )
    if window.energy is not None:
        text += f", {format_value(window.energy.energy_j, Unit.JOULE)} in all"
        if window.energy.above_idle_j is not None:
            text += f" ({format_value(window.energy.above_idle_j, Unit.JOULE)} above idle)"
    return text
