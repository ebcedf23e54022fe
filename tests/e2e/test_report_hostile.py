"""Names that others chose can't run, hide or break anything, in any part of the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.browser import open_page
from tests.support.evaluations import DATASET, evaluation, results
from tinygauge.evaluation import Results
from tinygauge.quantity import Evidence, Missing, Quantity
from tinygauge.records import (
    Energy,
    Evaluation,
    Failure,
    Finding,
    Latency,
    Memory,
    OpSummary,
    Score,
    Severity,
    TensorPlacement,
)
from tinygauge.report.html import render_page

HOSTILE = (
    "</script><script>window.pwned = 1</script>",
    '<img src=x onerror="window.pwned = 1">',
    "\"'><svg onload=window.pwned=1>",
    "<!--<script>",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% raw %}${window.pwned=1}",
    "x onpointerenter=window.pwned=1 autofocus onfocus=window.pwned=1",
    "]]>&lt;script&gt;window.pwned=1&lt;/script&gt;\N{LINE SEPARATOR}`${window.pwned=1}`",
)


def _hostile_quantity(quantity: Quantity, text: str) -> Quantity:
    provenance = replace(
        quantity.provenance, source=text, tool=text, evidence=(Evidence(text, text, text),)
    )
    return replace(quantity, provenance=provenance)


def _hostile_evaluation(text: str) -> Evaluation:
    """One candidate that carries the text wherever a text can stand."""
    finding = Finding(
        code="TG101", severity=Severity.WARNING, message=text, where=text, advice=text
    )
    base = evaluation(text, board=text, engine=text, findings=(finding,))
    assert isinstance(base.accuracy, Score)
    assert isinstance(base.memory, Memory)
    assert isinstance(base.latency, Latency)
    assert isinstance(base.energy, Energy)
    ops = (OpSummary(op=0, kind=text, macs=1, live_macs=1, weight_bytes=1, activation_bytes=1),)
    placement = TensorPlacement(
        name=text, size_bytes=4, first_op=0, last_op=0, offset_bytes=0, role="tensor"
    )
    parts = tuple(replace(part, name=text) for part in base.memory.parts)
    memory = replace(
        base.memory, parts=parts, placements=(placement,), op_kinds=(text,), live_bytes=(4,),
        min_arena_set_by=text,
    )  # fmt: skip
    latency = _hostile_quantity(base.latency.per_inference, text)
    return replace(
        base,
        model=replace(base.model, op_table=ops, path=text, precision=text),
        target=replace(base.target, core=text),
        accuracy=replace(base.accuracy, labels=(text, text), runner=text),
        memory=memory,
        latency=replace(base.latency, per_inference=latency),
        energy=Missing(text, text),
    )


def _hostile_results(text: str) -> Results:
    failure = Failure(model=text, stage="load", message=text)
    found = results([_hostile_evaluation(text)], ["ram<=1KiB"], failures=[failure])
    return replace(found, tool=text, dataset=replace(DATASET, name=text))


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_texts_are_shown_and_never_run(
    browser: Browser, number: int, tmp_path: Path
) -> None:
    """The text stands in the page as it is, no element or script comes of it."""
    text = HOSTILE[number]
    path = tmp_path / "report.html"
    path.write_text(render_page(_hostile_results(text)), encoding="utf-8")
    shown = " ".join(text.replace("\N{LINE SEPARATOR}", "\N{REPLACEMENT CHARACTER}").split())

    with open_page(browser, path, "open=0") as opened:
        assert opened.text("#detail-title") == shown
        assert shown in opened.text("#detail-figures")
        assert shown in opened.text("#detail-ops")
        assert shown in opened.text("#detail-confusion")
        opened.page.keyboard.press("Escape")
        for tab in ("candidates", "matrix", "findings"):
            opened.page.click(f"#tab-{tab}")
            opened.settle()
            assert shown in opened.text(f"#part-{tab}")
        opened.page.locator(".plot").first.hover()
        assert opened.page.evaluate("window.pwned") is None
        assert opened.page.locator("script").count() == 3
        assert opened.page.locator("img, iframe, object, svg[onload], [onerror]").count() == 0


def test_the_policy_stops_what_is_put_in(browser: Browser, tmp_path: Path) -> None:
    """Were a hole found, inline script, handlers, frames and requests would still be refused."""
    path = tmp_path / "report.html"
    path.write_text(render_page(results([evaluation()])), encoding="utf-8")

    with open_page(browser, path) as opened:
        opened.page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "window.pwned = 1";
              document.body.append(script);
              document.body.insertAdjacentHTML("beforeend", "<b onclick='window.pwned = 1'>x</b>");
              document.body.lastElementChild.click();
            }"""
        )
        opened.settle()

        assert opened.page.evaluate("window.pwned") is None
        violations = [each for each in opened.complaints if "Content Security Policy" in each]
        assert len(violations) == len(opened.complaints) == 2
        opened.complaints.clear()
