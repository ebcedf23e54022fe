"""Print how fast the exact evaluator is beside the interpreters, and how much memory it takes.

Run with ``make bench``. All of a model's figures come from one process and one minute, so that
their ratios hold on other machines; each is the median of several runs.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.recurrent_models import lstm_model, svdf_model  # noqa: E402

from tinygauge import graph  # noqa: E402
from tinygauge.exact import backend, compile_model  # noqa: E402
from tinygauge.graph import Model  # noqa: E402

RUNS = 5
GOAL_INTERPRETER = 20
GOAL_XNNPACK = 2


def input_s(work: Callable[[Any], object], rows: Any) -> float:
    """Return the median time of an input, seconds."""
    work(rows)
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work(rows)
        times.append((time.perf_counter() - started) / len(rows))
    return statistics.median(times)


def litert(model: Model, kernels: Any, threads: int) -> Callable[[Any], object]:
    """Return a function that runs LiteRT row by row."""
    interpreter = Interpreter(
        model_content=model.content, num_threads=threads, experimental_op_resolver_type=kernels
    )
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def run(rows: Any) -> None:
        for row in rows:
            interpreter.set_tensor(source, row)
            interpreter.invoke()
            interpreter.get_tensor(result)

    return run


def tflite_micro(model: Model) -> Callable[[Any], object]:
    """Return a function that runs tflite-micro row by row."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model.content, arena_size=1 << 20)

    def run(rows: Any) -> None:
        for row in rows:
            interpreter.set_input(row, 0)
            interpreter.invoke()
            interpreter.get_output(0)

    return run


def bench(path: Path) -> None:
    """Print a model's row for one and for two threads."""
    model = graph.load(path)
    shape = model.main.tensors[model.main.inputs[0]].shape
    rows = np.random.default_rng(0).integers(-128, 128, (500, *shape)).astype(np.int8)
    micro_s = input_s(tflite_micro(model), rows[:20])
    reference_s = input_s(litert(model, OpResolverType.BUILTIN_REF, 1), rows[:10])
    for threads in (1, 2):
        ours_s = input_s(compile_model(model, threads=threads).run, rows)
        xnnpack_s = input_s(litert(model, OpResolverType.BUILTIN, threads), rows[:100])
        print(
            f"{path.stem:<24} {threads} threads  {ours_s * 1e6:8.1f} us  "
            f"{micro_s / ours_s:6.1f} x tflite-micro (goal {GOAL_INTERPRETER})  "
            f"{reference_s / ours_s:6.1f} x LiteRT reference  "
            f"{ours_s / xnnpack_s:5.2f} x XNNPACK's time (goal {GOAL_XNNPACK})"
        )


def bench_recurrent() -> None:
    """Print the rows of an LSTM over 100 steps and of an SVDF, beside tflite-micro alone."""
    steps: dict[str, Any] = {"shape": (1, 100, 32), "units": 64}
    models = {
        "LSTM, 64 units": lstm_model(**steps),
        "LSTM, 64 units, int16": lstm_model(**steps, dtype="int16", in_scale=2.0**-15),
        "SVDF, 128 units": svdf_model(shape=(1, 400), units=128, rank=2, memory=8),
    }
    for name, content in models.items():
        model = graph.parse(content, name=name)
        tensor = model.main.tensors[model.main.inputs[0]]
        limits = np.iinfo(tensor.dtype.value)
        drawn = np.random.default_rng(0).integers(limits.min, limits.max, (500, *tensor.shape))
        rows = drawn.astype(tensor.dtype.value)
        micro_s = input_s(tflite_micro(model), rows[:20])
        for threads in (1, 2):
            ours_s = input_s(compile_model(model, threads=threads).run, rows)
            print(
                f"{name:<24} {threads} threads  {ours_s * 1e6:8.1f} us  "
                f"{micro_s / ours_s:6.1f} x tflite-micro"
            )


def main() -> None:
    """Print the rows of the models given, and of ops with a state."""
    print(f"exact evaluator ({backend()}), time of an input")
    for name in sys.argv[1:]:
        bench(Path(name))
    bench_recurrent()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"peak memory of this process, interpreters included: {peak_mb:.0f} MB (goal 500 MB)")


if __name__ == "__main__":
    main()
