"""TinyGauge tells an embedded engineer which trained model to ship on which microcontroller.

::

    import tinygauge as tg
    results = tg.evaluate("models/*.tflite", data="data/test.npz", boards=["ek-ra6m4"],
                          require=["accuracy>=0.90", "latency<=100ms", "ram<=128KiB"])
    print(tg.explain(results))
    results.to_dataframe()

Names are imported when first used, so that ``import tinygauge`` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tinygauge.accuracy import Dataset, load_dataset
    from tinygauge.calibration import load_calibration
    from tinygauge.catalog import Board, Engine, board, board_names, engine, engine_names
    from tinygauge.errors import TinygaugeError
    from tinygauge.evaluation import Results, evaluate
    from tinygauge.experiment import load_experiment
    from tinygauge.graph import Model
    from tinygauge.graph import load as load_model
    from tinygauge.inspection import Inspection, inspect
    from tinygauge.mlperf.fetch import fetch
    from tinygauge.prediction import predict
    from tinygauge.published import find_published
    from tinygauge.quantity import Missing, Quantity
    from tinygauge.report.decision import explain
    from tinygauge.report.write import write_report

_HOME = {
    "Board": "catalog",
    "Dataset": "accuracy",
    "Engine": "catalog",
    "Inspection": "inspection",
    "Missing": "quantity",
    "Model": "graph",
    "Quantity": "quantity",
    "Results": "evaluation",
    "TinygaugeError": "errors",
    "board": "catalog",
    "board_names": "catalog",
    "engine": "catalog",
    "engine_names": "catalog",
    "evaluate": "evaluation",
    "explain": "report.decision",
    "fetch": "mlperf.fetch",
    "find_published": "published",
    "inspect": "inspection",
    "load_calibration": "calibration",
    "load_dataset": "accuracy",
    "load_experiment": "experiment",
    "load_model": "graph",
    "predict": "prediction",
    "write_report": "report.write",
}

__all__ = [
    "Board",
    "Dataset",
    "Engine",
    "Inspection",
    "Missing",
    "Model",
    "Quantity",
    "Results",
    "TinygaugeError",
    "__version__",
    "board",
    "board_names",
    "engine",
    "engine_names",
    "evaluate",
    "explain",
    "fetch",
    "find_published",
    "inspect",
    "load_calibration",
    "load_dataset",
    "load_experiment",
    "load_model",
    "predict",
    "write_report",
]


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'tinygauge' has no attribute '{name}'")
    module = importlib.import_module(f"tinygauge.{_HOME[name]}")
    return getattr(module, "load" if name == "load_model" else name)
