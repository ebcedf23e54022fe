"""A dataset as a board takes it: bytes on the wire, in the order of the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tinygauge.accuracy import Dataset, fit
from tinygauge.bench.plan import WireInput
from tinygauge.errors import DatasetError
from tinygauge.graph import Model

__all__ = ["wire_inputs"]

# MAX_DB_INPUT_SIZE of the reference firmware, mlcommons/tiny @ 1afd2c9,
# benchmark/api/internally_implemented.h.
MOST_BYTES = 96 * 96 * 3


class _WireInputs(Sequence[WireInput]):
    """The inputs of a dataset; bytes are made when they are asked for."""

    def __init__(self, dataset: Dataset, model: Model | None) -> None:
        self._dataset = dataset
        self._fitted = fit(model, dataset) if model is not None else None
        # A name of its own for every input, also where several come from one file.
        self._digits = len(str(len(dataset) - 1))

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> WireInput:  # type: ignore[override]  # no slices
        if not 0 <= index < len(self):
            raise IndexError(index)
        data = self._dataset
        recording = index if data.windows is None else int(data.windows.recording[index])
        rows = data.rows(index, index + 1)
        if self._fitted is not None:
            rows = self._fitted[index : index + 1]
        little = rows.astype(rows.dtype.newbyteorder("<"), copy=False)
        return WireInput(
            name=data.files[recording] if data.files else f"{data.name}[{index:0{self._digits}}]",
            content=np.ascontiguousarray(little).tobytes(),
            recording=recording,
            true_class=int(data.y[recording]) if data.has_classes else None,
        )

    def __iter__(self) -> Iterator[WireInput]:
        return (self[index] for index in range(len(self)))


def wire_inputs(
    dataset: Dataset, model: Model | None = None, *, expected_bytes: int | None = None
) -> Sequence[WireInput]:
    """Return a dataset's inputs as bytes for a board.

    Parameters
    ----------
    dataset : Dataset
    model : Model, optional
        The model on the board: inputs are then the bytes of its input tensor (quantised as it
        says). Without it they are the dataset's own, as for the MLPerf Tiny benchmarks.
    expected_bytes : int, optional
        What the benchmark's inputs have.

    Returns
    -------
    sequence of WireInput
        In the order of the dataset.

    Raises
    ------
    DatasetError
        If the dataset does not fit the model or the benchmark, or an input is too large for a
        board's buffer.
    """
    found = _WireInputs(dataset, model)
    where = dataset.path or dataset.name
    size_bytes = len(found[0].content)
    if expected_bytes is not None and size_bytes != expected_bytes:
        problem = f"its inputs have {size_bytes:,} bytes, the benchmark's {expected_bytes:,}"
        raise DatasetError(where, problem, "Give the benchmark's dataset, or --benchmark custom")
    if size_bytes > MOST_BYTES:
        problem = f"its inputs have {size_bytes:,} bytes, a board's buffer holds {MOST_BYTES:,}"
        raise DatasetError(where, problem, "Name the model, so that inputs are quantised for it")
    return found
