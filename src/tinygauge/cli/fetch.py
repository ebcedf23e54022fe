"""`tinygauge fetch`: reference models and datasets, each file checked against its SHA-256."""

from __future__ import annotations

__all__ = ["run"]
