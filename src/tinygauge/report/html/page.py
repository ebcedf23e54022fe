"""Put the page together: one file that holds its data, style, script and charting library.

Nothing in it runs but two scripts whose digests stand in its content security policy. Names,
reasons and labels reach it as data, and its script writes them as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from tinygauge.evaluation import Results
from tinygauge.records import Metric
from tinygauge.report.cells import cell
from tinygauge.report.decision import (
    decision_lines,
    findings_by_code,
    order_verdicts,
    why_not,
)
from tinygauge.report.html.document import page_document, render_document
from tinygauge.report.html.join import join_modules
from tinygauge.report.plain import LONGEST_NAME, shown

__all__ = ["render_page"]

_HERE = resources.files("tinygauge") / "report" / "html"
# The candidates that a reader without script sees.
_PLAIN_ROWS = 50
_PANELS = 4


def render_page(results: Results) -> str:
    """Write the report as one HTML page.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        Needs no network and no other file.
    """
    heading, *lines = map(shown, decision_lines(results))
    files = _files()
    return _template().render(
        files,
        policy=_policy(files),
        title=f"TinyGauge: {heading}",
        heading=heading,
        lines=lines,
        about=_about(results),
        tool=shown(results.tool),
        created=shown(results.created[:16].replace("T", " ")),
        table=_plain_table(results),
        findings=_findings(results),
        failures=[
            (item.stage, shown(item.model, LONGEST_NAME), shown(item.message))
            for item in results.failures
        ],
        panels=range(_PANELS),
        data=render_document(page_document(results)),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("tinygauge.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")


@cache
def _files() -> Mapping[str, str]:
    """Read what is the same on every page."""
    bundle = json.loads(_read("vendor/bundle.json"))
    return {
        "style": _read("style.css"),
        "library": _read(f"vendor/{bundle['bundle']}"),
        "script": join_modules(_HERE / "script", "main"),
        "library_version": bundle["versions"]["echarts"],
    }


def _read(name: str) -> str:
    return _HERE.joinpath(name).read_text(encoding="utf-8")


def _policy(files: Mapping[str, str]) -> str:
    """Return a policy that lets these two scripts and this style in, and nothing else.

    References
    ----------
    W3C, "Content Security Policy Level 3", 2.3 and 8.3 (sources by hash).
    """
    scripts = f"{_digest(files['library'])} {_digest(files['script'])}"
    return (
        f"default-src 'none'; script-src {scripts}; style-src {_digest(files['style'])}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _about(results: Results) -> str:
    evaluations = results.evaluations
    models = len({(each.model.path, each.model.sha256) for each in evaluations})
    targets = len({each.target for each in evaluations})
    data = results.dataset
    scored = f", scored on {shown(data.name, LONGEST_NAME)} ({data.n:,} inputs)" if data else ""
    return f"{_count(models, 'model')} on {_count(targets, 'target')}{scored}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _plain_table(results: Results) -> dict[str, Any]:
    """Lay out the best candidates as text, for readers without script."""
    ordered = order_verdicts(results.selection)
    rows = [
        (
            verdict.position.value,
            shown(verdict.evaluation.model.name, LONGEST_NAME),
            shown(verdict.evaluation.target.board, LONGEST_NAME),
            shown(verdict.evaluation.target.engine, LONGEST_NAME),
            *(cell(verdict.evaluation.metric(metric)) for metric in Metric),
            shown(why_not(verdict)),
        )
        for verdict in ordered[:_PLAIN_ROWS]
    ]
    heads = ("", "Model", "Board", "Engine", *(m.value.capitalize() for m in Metric), "Why not")
    return {"heads": heads, "rows": rows, "hidden": max(0, len(ordered) - _PLAIN_ROWS)}


def _findings(results: Results) -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "severity": found[0].severity.value,
            "advice": shown(found[0].advice),
            "items": [(shown(item.where, LONGEST_NAME), shown(item.message)) for item in found],
        }
        for code, found in findings_by_code(results.evaluations).items()
    ]
