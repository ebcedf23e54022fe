"""Reports: tables and sentences, JSON and CSV, figures."""

from tinygauge.report.serialise import (
    SCHEMA_VERSION,
    inspection_document,
    render_csv,
    render_json,
    results_document,
)
from tinygauge.report.text import explain
from tinygauge.report.write import write_report

__all__ = [
    "SCHEMA_VERSION",
    "explain",
    "inspection_document",
    "render_csv",
    "render_json",
    "results_document",
    "write_report",
]
