"""Write a report folder: the page, Markdown, the figure, the decision as text, JSON and CSV."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from tinygauge.errors import ConfigError
from tinygauge.evaluation import Results
from tinygauge.files import write_whole
from tinygauge.report.decision import explain
from tinygauge.report.html import render_page
from tinygauge.report.markdown import render_markdown
from tinygauge.report.plots import save_figure
from tinygauge.report.serialise import render_csv, render_json, results_document
from tinygauge.report.text import decision_table

__all__ = ["write_report"]

_TEXT_WIDTH = 220


def write_report(results: Results, folder: str | Path) -> Path:
    """Write everything there is to see of an evaluation.

    Parameters
    ----------
    results : Results
    folder : str or Path
        Made where it does not exist; files of the same names are replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError
        If the folder can't be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        write_whole(target / "report.html", _bytes(render_page(results)))
        write_whole(target / "report.md", _bytes(render_markdown(results)))
        write_whole(target / "results.json", _bytes(render_json(results_document(results))))
        write_whole(target / "results.csv", _bytes(render_csv(results)))
        write_whole(target / "decision.txt", _bytes(_decision(results)))
        save_figure(results, target)
    except OSError as error:
        problem = f"can't write the report ({error.strerror})"
        raise ConfigError(str(target), problem, "Name another folder with --out") from error
    return target


def _decision(results: Results) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=_TEXT_WIDTH, no_color=True)
    console.print(decision_table(results))
    return f"{buffer.getvalue()}\n{explain(results)}\n"


def _bytes(text: str) -> bytes:
    # A file name that is no UTF-8 holds lone surrogates, which can only be said escaped.
    return text.encode("utf-8", "backslashreplace")
