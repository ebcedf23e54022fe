"""What an evaluation returns: every candidate, every failure, the decision, as records and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinygauge.errors import MissingExtraError
from tinygauge.evaluation.notebook import selection_html
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import DatasetRef, Evaluation, Failure, Metric
from tinygauge.selection import Position, Region, Selection, Verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Alternative", "Results", "Row"]

Row = Mapping[str, str | float | int | bool | None]


@dataclass(frozen=True, slots=True)
class Alternative:
    """With nothing inside on the boards asked for: another board that would admit a model.

    Parameters
    ----------
    evaluation : Evaluation
        The best candidate on that board.
    admitted : int
        How many candidates it would admit.
    """

    evaluation: Evaluation
    admitted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The outcome of `evaluate`.

    Parameters
    ----------
    selection : Selection
        The decision, with a verdict for every candidate.
    failures : tuple of Failure
        Models that could not be evaluated, wholly or in their accuracy.
    dataset : DatasetRef or None
        What the accuracy was scored on.
    alternatives : tuple of Alternative
        Filled where nothing is inside.
    tool : str
        Name and version of what made this.
    created : str
        When, UTC, ISO 8601.
    found_again : int
        Accuracy runs whose outputs were kept from before.
    """

    selection: Selection
    failures: tuple[Failure, ...]
    dataset: DatasetRef | None
    alternatives: tuple[Alternative, ...]
    tool: str
    created: str
    found_again: int = 0

    def __repr__(self) -> str:
        """Say the decision in a line: in full, a few candidates would fill a notebook."""
        counts = Counter(verdict.position for verdict in self.selection.verdicts)
        parts = ", ".join(f"{counts[position]} {position.value}" for position in Position)
        chosen = self.chosen
        ship = f"{chosen.model.name} on {chosen.target.board}" if chosen else "nothing"
        return f"<Results: ship {ship}; {parts}, {len(self.failures)} failed>"

    def _repr_html_(self) -> str:
        """Say the decision and the best candidates, as a notebook shows them."""
        return selection_html(self.selection, len(self.failures))

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Every candidate, in the order of boards, engines and models."""
        return tuple(verdict.evaluation for verdict in self.selection.verdicts)

    @property
    def region(self) -> Region:
        """The bounds that were asked for."""
        return self.selection.region

    @property
    def chosen(self) -> Evaluation | None:
        """The candidate to ship; None where nothing is inside."""
        return self.selection.chosen

    def rows(self) -> list[Row]:
        """Return one flat record a candidate, for tables and CSV.

        Returns
        -------
        list of mapping
            Base units, said in the column names; None where a number is missing, with the
            reason in ``<metric>_missing``.
        """
        ranks = {id(verdict): rank for rank, verdict in enumerate(self.selection.ranked, start=1)}
        return [_row(verdict, ranks.get(id(verdict))) for verdict in self.selection.verdicts]

    def to_dataframe(self) -> pd.DataFrame:
        """Return the candidates as a pandas DataFrame, one row each.

        Returns
        -------
        pandas.DataFrame
            Columns as in `rows`.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("pandas", "pandas") from error
        return pd.DataFrame(self.rows())


_COLUMNS = {
    Metric.ACCURACY: ("accuracy", ""),
    Metric.RAM: ("ram", "_bytes"),
    Metric.FLASH: ("flash", "_bytes"),
    Metric.LATENCY: ("latency", "_s"),
    Metric.ENERGY: ("energy", "_j"),
}


def _row(verdict: Verdict, rank: int | None) -> Row:
    evaluation = verdict.evaluation
    model, target = evaluation.model, evaluation.target
    row: dict[str, str | float | int | bool | None] = {
        "model": model.name,
        "family": model.family,
        "precision": model.precision,
        "board": target.board,
        "core": target.core,
        "engine": target.engine,
        "clock_hz": target.clock_hz,
        "verdict": verdict.position.value,
        "rank": rank,
        "pareto": verdict.on_front,
        "reasons": "; ".join(verdict.reasons),
    }
    for metric, (name, unit) in _COLUMNS.items():
        row |= _metric_columns(name, unit, evaluation.metric(metric))
    return row | {
        "macs": model.macs.value,
        "live_macs": model.live_macs.value,
        "parameters": model.parameters.value,
        "dead_channels": model.dead_channels,
        "model_bytes": model.file_size.value,
        "sha256": model.sha256,
        "path": model.path,
    }


def _metric_columns(name: str, unit: str, quantity: Quantity | Missing) -> Row:
    if isinstance(quantity, Missing):
        value = low = high = level = method = None
        reason: str | None = quantity.reason
    else:
        known = quantity.interval.is_known
        value, method, reason = quantity.value, quantity.method.value, None
        low = quantity.interval.low if known else None
        high = quantity.interval.high if known else None
        level = quantity.interval.level if known else None
    return {
        f"{name}{unit}": value,
        f"{name}_low{unit}": low,
        f"{name}_high{unit}": high,
        f"{name}_level": level,
        f"{name}_method": method,
        f"{name}_missing": reason,
    }
