"""The figure and the report folder: written, the same each time, and safe with any name."""

from __future__ import annotations

import csv
import json
import math
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.support.evaluations import evaluation, results

from tinygauge.errors import ConfigError
from tinygauge.evaluation import Results
from tinygauge.graph import FAMILIES
from tinygauge.quantity import Missing
from tinygauge.records import Failure
from tinygauge.report.plots import four_metric_figure, save_figure
from tinygauge.report.write import write_report

REQUIRE = ("accuracy>=0.85", "latency<=100ms", "ram<=64KiB")
UNKNOWN = math.nan


def _texts(figure: object) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]


def _some() -> Results:
    return results(
        [
            evaluation("chosen", accuracy=(0.9, 0.88, 0.92), latency=(0.05, 0.04, 0.06)),
            evaluation("slow", latency=(0.5, 0.4, 0.6), family="resnet"),
            evaluation("vague", energy=(0.002, UNKNOWN, UNKNOWN), board="ek-ra8d1"),
            evaluation("unknown", energy=Missing("no power figure")),
        ],
        REQUIRE,
    )


def test_the_figure_is_png_and_svg_and_the_same_each_time(tmp_path: Path) -> None:
    """Files are what their names say, and change only when a number does."""
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    found = results([evaluation("net", accuracy=(0.9, 0.88, 0.92))], REQUIRE)

    png, svg = save_figure(found, first)
    again = save_figure(found, second)

    assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert ET.parse(svg).getroot().tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - ours
    assert [path.read_bytes() for path in again] == [png.read_bytes(), svg.read_bytes()]


def test_the_figure_names_the_choice_and_what_it_leaves_out() -> None:
    """Three panels with units, the chosen model, and a note on what has no number."""
    texts = _texts(four_metric_figure(_some()))

    assert "Chosen: chosen on ek-ra6m4, tflm-cmsis-nn" in texts
    assert {"RAM (KiB)", "Latency (ms)", "Energy per inference (mJ)"} <= set(texts)
    assert "1 without a number not drawn" in texts
    assert {"cnn", "resnet", "predicted", "region of interest"} <= set(texts)


def test_an_empty_region_is_said_in_the_title() -> None:
    """No model is named where none is chosen."""
    texts = _texts(four_metric_figure(results([evaluation(latency=9.0)], REQUIRE)))

    assert "Nothing is surely inside the region" in texts


@pytest.mark.parametrize(
    "found",
    [
        results(),
        results(failures=[Failure(model="a", stage="load", message="a: empty")]),
        results([evaluation(accuracy=Missing("no dataset"))], REQUIRE),
        results([evaluation(latency=0.0, energy=0.0)], REQUIRE),
        # Rounding can put a value a hair beyond its own interval, on either side.
        results([evaluation(accuracy=(1.0, 0.9, 0.9999999), latency=(0.1, 0.1000001, 0.2))]),
        results([evaluation(latency=(0.1, 0.05, math.inf))]),
        results([evaluation(ram=10.0), evaluation("big", ram=1e6)], ["ram<=5B"]),
        results([evaluation(family, family=family) for family in FAMILIES]),
        results([evaluation(str(i), board=f"board-{i}") for i in range(9)]),
    ],
    ids=[
        "nothing",
        "failures",
        "no accuracy",
        "zeros",
        "beyond its interval",
        "open interval",
        "logarithmic",
        "families",
        "more targets than colours",
    ],
)
def test_odd_results_can_be_drawn(found: Results) -> None:
    """Whatever there is to draw, nothing fails and no warning is given."""
    four_metric_figure(found).draw_without_rendering()


HOSTILE = [
    "$x_{",
    "$a$ and $b$",
    "\\$x$",
    "<script>alert(1)</script>",
    "]]>-->&amp;",
    "[red]x[/red]",
    "%s {0} \\n",
    "x" * 300,
    "名前 é",
    "a\nb\tc",
    "\x1b[31mred",
    "lone \udcff surrogate",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_not_mathematics_and_fit_the_page(name: str) -> None:
    """A name in title, label and legend is printable text of bounded length."""
    from matplotlib.cbook import is_math_text

    figure = four_metric_figure(results([evaluation(name, board=name, engine=name)], REQUIRE))

    for text in _texts(figure):
        assert not is_math_text(text)
        assert text.isprintable()
        assert len(text) < 150


def test_hostile_names_leave_every_file_readable(tmp_path: Path) -> None:
    """XML, JSON and CSV are well-formed, and JSON has the names as they are."""
    found = results([evaluation(name, board=name) for name in HOSTILE], REQUIRE)

    write_report(found, tmp_path)

    svg = ET.parse(tmp_path / "four-metrics.svg")  # noqa: S314 - our own file
    assert not [item for item in svg.iter() if item.tag.endswith("script")]
    document = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [candidate["board"] for candidate in document["candidates"]] == HOSTILE
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(HOSTILE)


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    """Seven files, even of failures alone; none of them half-written, stale or private."""
    folder = tmp_path / "deep" / "report"
    write_report(results(failures=[Failure(model="old", stage="load", message="old: no")]), folder)
    names = sorted(path.name for path in folder.iterdir())

    assert write_report(results([evaluation("new")]), folder) == folder

    assert names == sorted(path.name for path in folder.iterdir())
    assert names == [
        "decision.txt",
        "four-metrics.png",
        "four-metrics.svg",
        "report.html",
        "report.md",
        "results.csv",
        "results.json",
    ]
    for name in ("decision.txt", "results.csv", "results.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "new" in text
        assert "old" not in text
    if os.name == "posix":
        assert (folder / "results.json").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file in the folder's place is named, with what to do."""
    blocked = tmp_path / "report"
    blocked.write_text("I am a file")

    with pytest.raises(ConfigError, match="can't write the report") as error:
        write_report(_some(), blocked)

    assert error.value.where == str(blocked)
    assert "--out" in error.value.advice
