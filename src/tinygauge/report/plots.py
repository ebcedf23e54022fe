"""The four-metric figure: accuracy against memory, latency and energy, for a paper or a README.

Marker shape says the architecture, colour the target, fill how the horizontal value was
obtained (filled: measured or counted; half: simulated; open: predicted or quoted). The region
of interest is shaded and the chosen model named.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tinygauge.evaluation import Results
from tinygauge.graph import FAMILIES
from tinygauge.quantity import Method, Quantity
from tinygauge.records import Evaluation, Metric
from tinygauge.selection import Bound, Position, Verdict
from tinygauge.units import Unit, scale_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["four_metric_figure", "save_figure"]

_PANELS = (Metric.RAM, Metric.LATENCY, Metric.ENERGY)
_TITLES = {Metric.RAM: "RAM", Metric.LATENCY: "Latency", Metric.ENERGY: "Energy per inference"}
_MARKERS = dict(zip(FAMILIES, "osD^vPX*", strict=True))
_Fill = Literal["full", "left", "none"]
_FILLS: dict[Method, _Fill] = {
    Method.MEASURED: "full",
    Method.COUNTED: "full",
    Method.SIMULATED: "left",
    Method.PREDICTED: "none",
    Method.QUOTED: "none",
}
# Okabe and Ito's colours, told apart with any colour vision ("Color Universal Design", 2008).
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_REGION = "#F0E442"
_BOUND = "#555555"
# Beyond this ratio of largest to smallest a linear axis crowds the small ones.
_LOG_RATIO = 12.0
# Longer names would push the panels off the page.
_LONGEST_NAME = 40


def four_metric_figure(results: Results) -> Figure:
    """Draw accuracy against RAM, latency and energy.

    Parameters
    ----------
    results : Results

    Returns
    -------
    matplotlib.figure.Figure
        Three panels; candidates whose accuracy or horizontal value is missing are not drawn,
        and each panel says how many.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 5.4), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    targets = _targets(results)
    for panel, metric in zip(axes, _PANELS, strict=True):
        _draw_panel(panel, metric, results, targets)
    axes[0].set_ylabel("Accuracy (ratio)" if _has_auc(results) else "Accuracy, top-1 (%)")
    chosen = results.chosen
    figure.suptitle(
        f"Chosen: {_name(chosen)}" if chosen else "Nothing is surely inside the region",
        fontsize=12,
    )
    handles, labels = _legend(results, targets)
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(7, len(labels)), frameon=False
    )
    return figure


def save_figure(results: Results, folder: Path) -> list[Path]:
    """Write the figure as PNG (150 dots an inch) and SVG.

    Parameters
    ----------
    results : Results
    folder : Path
        Must exist.

    Returns
    -------
    list of Path
        ``four-metrics.png`` and ``four-metrics.svg``; the same results give the same bytes.
    """
    import matplotlib as mpl

    figure = four_metric_figure(results)
    paths = [folder / "four-metrics.png", folder / "four-metrics.svg"]
    with mpl.rc_context({"svg.hashsalt": "tinygauge"}), warnings.catch_warnings():
        # A letter that matplotlib's font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(paths[0], dpi=150, metadata={"Software": None})
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def _name(evaluation: Evaluation) -> str:
    target = evaluation.target
    return f"{_plain(evaluation.model.name)} on {_plain(target.board)}, {_plain(target.engine)}"


def _plain(name: str) -> str:
    """Shorten a name and keep matplotlib from reading it as mathematics, and XML valid."""
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 1]}…"
    printable = "".join(char if char.isprintable() else "�" for char in name)
    return printable.replace("$", r"\$")


def _targets(results: Results) -> dict[tuple[str, str], str]:
    """Give each board and engine a colour, in order of appearance."""
    keys = dict.fromkeys((e.target.board, e.target.engine) for e in results.evaluations)
    return {key: _COLOURS[i % len(_COLOURS)] for i, key in enumerate(keys)}


def _has_auc(results: Results) -> bool:
    return any(getattr(e.accuracy, "metric", "top1") != "top1" for e in results.evaluations)


def _points(results: Results, metric: Metric) -> list[tuple[Verdict, Quantity, Quantity]]:
    points: list[tuple[Verdict, Quantity, Quantity]] = []
    for verdict in results.selection.verdicts:
        across = verdict.evaluation.metric(metric)
        up = verdict.evaluation.metric(Metric.ACCURACY)
        if isinstance(across, Quantity) and isinstance(up, Quantity):
            points.append((verdict, across, up))
    return points


def _draw_panel(
    axes: Axes, metric: Metric, results: Results, targets: dict[tuple[str, str], str]
) -> None:
    points = _points(results, metric)
    up_factor = 1.0 if _has_auc(results) else scale_for(1.0, Unit.RATIO)[0]
    if not points:
        axes.text(0.5, 0.5, "nothing to draw", ha="center", va="center", transform=axes.transAxes)
        axes.set_xlabel(_TITLES[metric])
        return
    values = sorted(across.value for _, across, _ in points)
    factor, symbol = scale_for(values[len(values) // 2], points[0][1].unit)
    if values[0] > 0 and values[-1] / values[0] > _LOG_RATIO:
        _log_axis(axes)
    for verdict, across, up in points:
        colour = targets[verdict.evaluation.target.board, verdict.evaluation.target.engine]
        _draw_point(axes, verdict, (across, factor), (up, up_factor), colour)
        if verdict.evaluation is results.chosen:
            _name_point(axes, verdict, across.value / factor, up.value / up_factor)
    axes.set_xlabel(f"{_TITLES[metric]} ({symbol})")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    _shade_region(axes, results.region.bounds, metric, factor, up_factor)
    hidden = len(results.evaluations) - len(points)
    if hidden:
        note = f"{hidden} without a number not drawn"
        axes.text(0.98, 0.02, note, ha="right", fontsize=8, transform=axes.transAxes)


def _log_axis(axes: Axes) -> None:
    """Use a logarithmic axis with plain numbers at 1, 2 and 5."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_point(
    axes: Axes,
    verdict: Verdict,
    horizontal: tuple[Quantity, float],
    vertical: tuple[Quantity, float],
    colour: str,
) -> None:
    """Draw one candidate; each value comes with the factor of its axis."""
    (across, x_factor), (up, y_factor) = horizontal, vertical
    faded = verdict.position is Position.OUTSIDE
    axes.errorbar(
        across.value / x_factor,
        up.value / y_factor,
        xerr=_errors(across, x_factor),
        yerr=_errors(up, y_factor),
        fmt=_MARKERS[verdict.evaluation.model.family],
        fillstyle=_FILLS[across.method],
        color=colour,
        markersize=7,
        elinewidth=0.6,
        alpha=0.35 if faded else 0.95,
        zorder=2 if faded else 3,
    )


def _name_point(axes: Axes, verdict: Verdict, x: float, y: float) -> None:
    axes.plot(x, y, marker="o", markersize=15, fillstyle="none", color="black", zorder=4)
    axes.annotate(
        _plain(verdict.evaluation.model.name),
        (x, y),
        textcoords="offset points",
        xytext=(-10, 12),
        ha="right",
        fontsize=9,
        fontweight="bold",
        bbox={"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 1.5},
        zorder=5,
    )


def _errors(quantity: Quantity, factor: float) -> list[list[float]] | None:
    interval = quantity.interval
    if interval.width == 0 or not math.isfinite(interval.width):
        return None
    # Rounding can put a value a hair beyond its own interval.
    below, above = quantity.value - interval.low, interval.high - quantity.value
    return [[max(0.0, below) / factor], [max(0.0, above) / factor]]


def _shade_region(
    axes: Axes, bounds: Sequence[Bound], metric: Metric, factor: float, up_factor: float
) -> None:
    """Shade what the bounds on the panel's two metrics allow."""
    limits = {bound.metric: bound.limit for bound in bounds}
    if metric not in limits and Metric.ACCURACY not in limits:
        return
    low_x, high_x = axes.get_xlim()
    low_y, high_y = axes.get_ylim()
    right = limits[metric] / factor if metric in limits else high_x
    bottom = limits[Metric.ACCURACY] / up_factor if Metric.ACCURACY in limits else low_y
    axes.fill_between(
        [low_x, right], bottom, max(high_y, bottom), color=_REGION, alpha=0.25, zorder=0, lw=0
    )
    style: dict[str, Any] = {"color": _BOUND, "linewidth": 1.0, "linestyle": "--", "zorder": 1}
    if metric in limits:
        axes.axvline(right, **style)
    if Metric.ACCURACY in limits:
        axes.axhline(bottom, **style)
    axes.set_xlim(low_x, max(high_x, right))
    axes.set_ylim(min(low_y, bottom), max(high_y, bottom))


def _legend(results: Results, targets: dict[tuple[str, str], str]) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(marker: str, colour: str, fill: _Fill = "full") -> Line2D:
        line = Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=7)
        line.set_fillstyle(fill)
        return line

    entries: dict[str, Any] = {
        f"{_plain(board)}, {_plain(engine)}": Patch(color=colour)
        for (board, engine), colour in targets.items()
    }
    families = {e.model.family for e in results.evaluations}
    entries |= {name: mark(_MARKERS[name], "#555555") for name in FAMILIES if name in families}
    methods = {across.method for metric in _PANELS for _, across, _ in _points(results, metric)}
    entries |= {
        method.value: mark("o", "#555555", _FILLS[method]) for method in Method if method in methods
    }
    if results.region.bounds:
        entries["region of interest"] = Patch(facecolor=_REGION, alpha=0.35)
    return list(entries.values()), list(entries)
