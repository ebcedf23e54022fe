"""The page in a real browser, without network, held against results.json and the library."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.browser import OpenPage, open_page
from tests.support.evaluations import evaluation, results
from tinygauge.evaluation import Results
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Failure, Metric
from tinygauge.report.decision import decision_lines
from tinygauge.report.html import render_page
from tinygauge.report.write import write_report
from tinygauge.selection import Bound, Region, parse_region, select

REQUIRE = ("accuracy>=0.8", "ram<=32KiB", "latency<=60ms", "energy<=3mJ")
METRICS = ("accuracy", "ram", "flash", "latency", "energy")
MODELS = (
    "cnn_8_i8", "cnn_16_i8", "cnn_16_pruned_i8", "dscnn_32_i8", "mlp_64_f32", "resnet_16_i8",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(found: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of these."""
    return write_report(found, tmp_path_factory.mktemp("report"))


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[OpenPage]:
    """The report as its reader first sees it."""
    with open_page(browser, folder / "report.html", viewport={"width": 1300, "height": 1000}) as it:
        yield it


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    """results.json of the same report."""
    loaded: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return loaded


def _decided(found: Results, *require: str) -> Results:
    """Decide anew, as the command line would with these bounds."""
    selection = select(found.evaluations, parse_region(require))
    return replace(found, selection=selection, alternatives=())


def _heading(found: Results) -> str:
    return decision_lines(found)[0]


def _counts(found: Results) -> list[str]:
    positions = [verdict.position.value for verdict in found.selection.verdicts]
    return [f"{positions.count(each)} {each}" for each in ("inside", "undecided", "outside")]


def _check_decision(opened: OpenPage, expected: Results) -> None:
    """What the page says must be what the command line says of the same bounds."""
    assert opened.text("#decision-heading") == _heading(expected)
    assert opened.texts("#counts .count") == _counts(expected)


def test_the_page_shows_what_results_json_holds(
    opened: OpenPage, found: Results, document: dict[str, Any]
) -> None:
    """The decision, and of every candidate its position, names and five numbers."""
    candidates = document["candidates"]

    _check_decision(opened, found)
    rows = opened.page.locator("#candidate-rows tr")
    assert rows.count() == len(candidates) == 24
    for row in rows.all():
        candidate = candidates[int(row.get_attribute("data-candidate") or "")]
        cells = [" ".join(text.split()) for text in row.locator("th, td").all_inner_texts()]
        rank = "" if candidate["rank"] is None else f"{candidate['rank']} "
        mark = {"inside": "✓", "undecided": "?", "outside": "✗"}[candidate["verdict"]]
        assert cells[0] == f"{rank}{mark} {candidate['verdict']}"
        assert cells[1] == candidate["model"]
        assert cells[2] == f"{candidate['board']} {candidate['engine']}"
        for metric, cell in zip(METRICS, cells[3:8], strict=True):
            value = candidate[metric]["value"]
            assert _base_value(cell) == pytest.approx(value, rel=0.006)


def _base_value(cell: str) -> float:
    """Read a printed number back into its base unit."""
    match = re.match(r"~?([\d,.]+) (\S+)", cell)
    assert match, cell
    factors = {"%": 0.01, "B": 1, "KiB": 1024, "MiB": 1024**2, "s": 1, "ms": 1e-3, "us": 1e-6}
    factors |= {"J": 1, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9}
    return float(match[1].replace(",", "")) * factors[match[2]]


def test_typed_bounds_decide_anew_at_once(opened: OpenPage, found: Results) -> None:
    """Position, counts and choice follow each bound, and reset brings the report's own back."""
    opened.set_limit("latency", "20 ms")
    expected = _decided(found, "accuracy>=0.8", "ram<=32KiB", "latency<=20ms", "energy<=3mJ")
    _check_decision(opened, expected)
    assert opened.fragment() == "latency=0.02"

    opened.set_limit("accuracy", "")
    expected = _decided(found, "ram<=32KiB", "latency<=20ms", "energy<=3mJ")
    _check_decision(opened, expected)
    assert opened.page.get_attribute("#limit-accuracy", "placeholder") == "no bound"

    opened.page.click("#reset")
    opened.settle()
    _check_decision(opened, found)
    assert opened.fragment() == ""


_SELECT = """([region, ranking]) => {
  const found = tinygauge.select(tinygauge.data, region, ranking);
  return [[...found.positions], found.ranked, found.relaxation?.relaxed ?? null];
}"""


def test_the_browser_decides_as_the_library_on_real_models(
    opened: OpenPage, found: Results
) -> None:
    """Positions, ranking and relaxed limit for 60 regions, bounds on and between the values."""
    random = Random(4)  # noqa: S311 (the same cases every time)
    values = {
        metric: sorted(
            {q.value for e in found.evaluations if isinstance(q := e.metric(metric), Quantity)}
        )
        for metric in Metric
    }
    for _ in range(60):
        bounds = {
            metric: random.choice(values[metric]) * random.choice((1.0, 1.0, 0.7, 1.4))
            for metric in random.sample(list(Metric), random.randint(0, 5))
        }
        bounds = {
            m: min(limit, 1.0) if m is Metric.ACCURACY else limit for m, limit in bounds.items()
        }
        ranking = random.sample(list(Metric), random.randint(1, 5))
        region = Region(
            tuple(Bound(metric, bounds[metric]) for metric in Metric if metric in bounds)
        )
        expected = select(found.evaluations, region, ranking)

        limits = {metric.value: limit for metric, limit in bounds.items()}
        names = [metric.value for metric in ranking]
        positions, ranked, relaxed = opened.page.evaluate(_SELECT, [limits, names])

        numbers = {id(verdict): number for number, verdict in enumerate(expected.verdicts)}
        words = ("inside", "undecided", "outside")
        assert [words[p] for p in positions] == [v.position.value for v in expected.verdicts]
        assert ranked == [numbers[id(verdict)] for verdict in expected.ranked]
        change = expected.relaxation
        assert relaxed == (None if change is None else change.relaxed.limit)


def test_a_bound_that_makes_no_sense_is_refused_with_advice(
    opened: OpenPage, found: Results
) -> None:
    """The field says what is wrong, and the decision stays."""
    opened.set_limit("ram", "32 kB")

    assert "write KiB or B" in opened.text("#limit-ram-error")
    assert opened.page.get_attribute("#limit-ram", "aria-invalid") == "true"
    _check_decision(opened, found)
    opened.set_limit("energy", "5 ms")
    assert opened.text("#limit-energy-error") == "Give it with its unit, such as 3 mJ"


def _grip(opened: OpenPage, panel: int) -> tuple[float, float]:
    """Where the vertical bound of a panel can be taken hold of, in pixels of the page."""
    box = opened.page.locator(".plot").nth(panel).bounding_box()
    assert box is not None
    inside = opened.page.evaluate(
        """(n) => { const p = tinygauge.page.panels[n];
        return [p.handleX(), (p.box.y0 + p.box.y1) / 2]; }""",
        panel,
    )
    return box["x"] + inside[0], box["y"] + inside[1]


def test_a_bound_can_be_dragged(opened: OpenPage, found: Results) -> None:
    """The field, the address and the decision follow the pointer to what is printed."""
    latency = 2
    x, y = _grip(opened, latency)
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x - 60, y, steps=4)
    opened.settle()
    opened.page.mouse.up()

    typed = opened.page.input_value("#limit-latency")
    assert typed.endswith(" ms")
    assert float(typed.split()[0]) < 60
    require = ("accuracy>=0.8", "ram<=32KiB", "energy<=3mJ", f"latency<={typed}")
    _check_decision(opened, _decided(found, *require))
    assert "latency=" in opened.fragment()


def test_an_edge_can_be_dragged_to_set_a_bound_and_back_to_drop_it(
    opened: OpenPage, found: Results
) -> None:
    """Flash is not bounded at first; beyond the axis the bound is gone again."""
    flash = 1
    x, y = _grip(opened, flash)
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x - 200, y, steps=4)
    opened.settle()
    assert opened.page.input_value("#limit-flash").endswith("KiB")
    opened.page.mouse.move(x + 40, y, steps=2)
    opened.settle()
    opened.page.mouse.up()

    assert opened.page.input_value("#limit-flash") == ""
    _check_decision(opened, found)


def test_an_empty_region_names_the_one_bound_to_relax(opened: OpenPage, found: Results) -> None:
    """The sentences are those of the command line, and a click relaxes."""
    opened.set_limit("accuracy", "99 %")
    expected = _decided(found, "accuracy>=99%", "ram<=32KiB", "latency<=60ms", "energy<=3mJ")
    assert expected.selection.relaxation is not None

    _check_decision(opened, expected)
    shown = opened.text("#decision-lines")
    for line in decision_lines(expected)[1:]:
        if not line.startswith("No other board"):  # the page knows of its own boards alone
            assert " ".join(line.split()) in shown
    opened.page.click("#decision-relax")
    opened.settle()
    assert opened.text("#decision-heading").startswith("Ship ")


def test_axes_scales_colours_and_ranking_stand_in_the_address(
    opened: OpenPage, browser: Browser, folder: Path
) -> None:
    """Whoever opens the address sees the same view."""
    page = opened.page
    page.locator(".x-metric").nth(0).select_option("energy")
    page.locator(".x-scale").nth(1).click()
    page.select_option("#y-metric", "latency")
    page.select_option("#colour", "engine")
    page.select_option("#rank", "ram")
    page.click("#tab-matrix")
    opened.settle()
    shared = opened.fragment()

    with open_page(browser, folder / "report.html", shared) as other:
        assert other.fragment() == shared
        assert other.page.locator(".x-metric").nth(0).input_value() == "energy"
        assert other.page.input_value("#y-metric") == "latency"
        assert other.page.input_value("#colour") == "engine"
        assert other.page.input_value("#rank") == "ram"
        assert other.page.is_visible("#part-matrix")
        assert other.text("#decision-heading") == opened.text("#decision-heading")
        label = other.page.locator(".plot").nth(0).get_attribute("aria-label") or ""
        assert label.startswith("Latency against Energy per inference")


def test_a_damaged_address_still_opens(browser: Browser, folder: Path, found: Results) -> None:
    """What can't be read in a shared address is left out."""
    damaged = "latency=NaN&ram=-3&x=a,b&rank=&open=999&tab=%3Cscript%3E&accuracy=7"
    with open_page(browser, folder / "report.html", damaged) as opened:
        _check_decision(opened, found)
        assert not opened.page.is_visible("#detail")


def test_one_model_can_be_looked_into(opened: OpenPage, document: dict[str, Any]) -> None:
    """Figures with sources, ops that sort, the arena, confusion, other targets, published runs."""
    page = opened.page
    number = next(
        i for i, each in enumerate(document["candidates"]) if each["model"] == "cnn_16_pruned_i8"
    )
    candidate = document["candidates"][number]
    page.click(f'[data-candidate="{number}"] .look')
    opened.settle()

    assert page.is_visible("#detail")
    assert opened.text("#detail-title") == "cnn_16_pruned_i8"
    figures = opened.text("#detail-figures")
    for metric in METRICS:
        assert candidate[metric]["source"] in figures
    assert "TG110" in opened.text("#detail-findings")
    assert len(opened.texts("#detail-compare tbody tr")) == 4
    assert opened.page.locator("#detail-confusion tbody tr").count() == 10
    assert page.locator("#detail-timeline canvas").count() == 1
    assert page.locator("#detail-published tbody tr").count() == 3
    _check_ops(opened, candidate, document)
    page.keyboard.press("Escape")
    opened.settle()
    assert not page.is_visible("#detail")
    assert opened.fragment() == ""


def _check_ops(opened: OpenPage, candidate: dict[str, Any], document: dict[str, Any]) -> None:
    """Hold the table of ops against results.json, as written and sorted by MACs."""
    (model,) = (m for m in document["models"] if m["sha256"] == candidate["model_sha256"])
    kinds = [each["kind"] for each in model["by_op"]]
    macs = [each["macs"] for each in model["by_op"]]
    assert opened.texts("#detail-ops tbody td:nth-child(2)") == kinds

    opened.page.click("#detail-ops .sort >> text=MACs")

    column = opened.texts("#detail-ops tbody td:nth-child(6)")
    assert [int(cell.replace(",", "")) for cell in column] == sorted(macs, reverse=True)
    head = opened.page.locator("#detail-ops th", has_text="MACs")
    assert head.get_attribute("aria-sort") == "descending"
    shares = [float(s.rstrip("%")) for s in opened.texts("#detail-ops tbody td:nth-child(4)")]
    assert sum(shares) == pytest.approx(100, abs=0.5)


def test_the_matrix_applies_the_bounds(opened: OpenPage, document: dict[str, Any]) -> None:
    """Every model on every board and engine, with its verdict in words."""
    opened.page.click("#tab-matrix")
    opened.settle()

    verdicts = {
        (each["model"], each["board"], each["engine"]): each["verdict"]
        for each in document["candidates"]
    }
    heads = [tuple(text.split()) for text in opened.texts("#matrix-heads th")[1:]]
    for row in opened.page.locator("#matrix-rows tr").all():
        model = row.locator("th").inner_text()
        cells = row.locator("td").all()
        for (board, engine), cell in zip(heads, cells, strict=True):
            assert cell.get_attribute("class") == verdicts.pop((model, board, engine))
    assert verdicts == {}


def test_everything_can_be_done_from_the_keyboard(opened: OpenPage) -> None:
    """Arrows walk along the marks and the tabs, Enter looks into a candidate, Escape returns."""
    page = opened.page
    page.locator(".plot").nth(3).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    opened.settle()
    pointed = opened.page.inner_text("#pointed")
    assert " on " in pointed
    assert page.is_visible("#tip")

    page.keyboard.press("Enter")
    opened.settle()
    assert pointed.startswith(opened.text("#detail-title"))
    page.keyboard.press("Escape")
    page.locator("#tab-candidates").focus()
    page.keyboard.press("ArrowRight")
    opened.settle()
    assert page.is_visible("#part-matrix")


_NAMELESS = """() => [...document.querySelectorAll("button, input, select, a, dialog, table")]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.innerText || e.caption?.innerText || e.labels?.[0]?.innerText
    || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")))
  .map((e) => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("view", ["", "open=1", "tab=matrix", "tab=findings"])
def test_screen_readers_find_a_name_for_everything(
    browser: Browser, folder: Path, view: str
) -> None:
    """Each control and table is named, each chart is described and has a table beside it."""
    with open_page(browser, folder / "report.html", view) as opened:
        assert opened.page.evaluate(_NAMELESS) == []
        for plot in opened.page.locator(".plot").all():
            assert "of 24 candidates" in (plot.get_attribute("aria-label") or "")
        if view == "open=1":
            label = opened.page.get_attribute("#detail-timeline", "aria-label") or ""
            assert "buffers" in label
            assert opened.page.locator("#detail-placements tbody tr").count() > 0


@pytest.mark.parametrize("view", ["", "open=1", "tab=matrix"])
def test_the_page_fits_a_phone(browser: Browser, folder: Path, view: str) -> None:
    """Nothing but tables, in boxes of their own, is wider than the screen."""
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with open_page(browser, folder / "report.html", view, **phone) as opened:
        assert opened.eventually("document.documentElement.scrollWidth", 360) == 360
        assert opened.page.evaluate("document.getElementById('detail').scrollWidth") <= 360


def test_a_finger_moves_a_bound_and_not_the_page(browser: Browser, folder: Path) -> None:
    """The bound of accuracy lies across: dragged up it follows, and the page stays."""
    phone: dict[str, Any] = {
        "viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True,
    }  # fmt: skip
    with open_page(browser, folder / "report.html", **phone) as opened:
        page = opened.page
        page.locator(".plot").first.scroll_into_view_if_needed()
        box = page.locator(".plot").first.bounding_box()
        assert box is not None
        x = box["x"] + box["width"] / 2
        y = box["y"] + page.evaluate("tinygauge.page.panels[0].handleY()")
        session = page.context.new_cdp_session(page)
        for kind, shift in (("touchStart", 0), ("touchMove", -8), ("touchMove", -30)):
            points = [{"x": x, "y": y + shift}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        opened.settle()

        assert page.evaluate("tinygauge.page.view.region.accuracy") > 0.8
        after = page.locator(".plot").first.bounding_box()
        assert after is not None
        assert after["y"] == pytest.approx(box["y"], abs=1)


_UNKNOWN = Missing("not asked for")
_ODD = {
    "nothing": results(failures=[Failure(model="x", stage="load", message="x: no")]),
    "one": results([evaluation()], ["ram<=1KiB"]),
    "no accuracy": results([evaluation(accuracy=_UNKNOWN), evaluation("b", accuracy=_UNKNOWN)]),
    "no numbers": results(
        [
            evaluation(
                accuracy=_UNKNOWN, ram=_UNKNOWN, flash=_UNKNOWN, latency=_UNKNOWN, energy=_UNKNOWN
            )
        ],
        ["ram<=1KiB"],
    ),
    "unknown intervals and zero": results(
        [evaluation(latency=(0.02, math.nan, math.nan), energy=0.0)], ["latency<=30ms"]
    ),
}


@pytest.mark.parametrize("case", _ODD)
def test_the_page_shows_what_little_there_is(browser: Browser, tmp_path: Path, case: str) -> None:
    """Without candidates, datasets, numbers or intervals every view still opens."""
    path = tmp_path / "report.html"
    path.write_text(render_page(_ODD[case]), encoding="utf-8")

    with open_page(browser, path) as opened:
        _check_decision(opened, _ODD[case])
        for view in ("tab=matrix", "tab=findings", "open=0", "energy=0.001&x=accuracy,ram,ram,ram"):
            opened.page.evaluate("(hash) => { location.hash = hash; }", view)
            opened.settle()
    drawn = path.read_text(encoding="utf-8")
    assert "NaN" not in drawn.split('id="data">')[1].split("</script>")[0]


def test_the_page_can_be_read_without_script(
    browser: Browser, folder: Path, found: Results
) -> None:
    """The decision, the candidates and the findings are in the page itself."""
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())

    assert page.inner_text("#decision-heading") == _heading(found)
    assert page.locator("noscript tbody tr").count() == 24
    assert page.is_visible("text=TG110")
    assert not page.is_visible("#panels")
    context.close()


def test_the_page_prints(opened: OpenPage, tmp_path: Path) -> None:
    """On paper there are no controls, and dark screens do not print dark."""
    opened.page.emulate_media(media="print", color_scheme="dark")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert not opened.page.is_visible("#theme")
    assert not opened.page.is_visible("#filter")
    assert opened.page.evaluate("tinygauge.page.theme.paper") == "rgb(255, 255, 255)"
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.evaluate("tinygauge.page.theme.paper") != "rgb(255, 255, 255)"
    opened.page.set_viewport_size({"width": 720, "height": 1000})
    assert opened.eventually("document.documentElement.scrollWidth", 720) == 720
    pdf = opened.page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")


def test_dark_can_be_chosen(opened: OpenPage) -> None:
    """The button changes the page and what is painted in it."""
    before = opened.page.evaluate("tinygauge.page.theme.ink")
    opened.page.click("#theme")
    opened.settle()

    assert opened.text("#theme") == "Light"
    assert opened.page.evaluate("tinygauge.page.theme.ink") != before
