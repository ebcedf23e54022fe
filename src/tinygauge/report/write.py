"""Write a report folder: results.json, results.csv, decision.txt and the figure."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

from rich.console import Console

from tinygauge.errors import ConfigError
from tinygauge.evaluation import Results
from tinygauge.report.plots import save_figure
from tinygauge.report.serialise import render_csv, render_json, results_document
from tinygauge.report.text import decision_table, explain

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
        _write(target / "results.json", render_json(results_document(results)))
        _write(target / "results.csv", render_csv(results))
        _write(target / "decision.txt", _decision(results))
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


def _write(path: Path, text: str) -> None:
    """Replace a file whole, so that a reader never sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        # mkstemp makes private files; a report is as readable as any new file.
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
