"""Print how fast the exact evaluator is beside the interpreters, and how much memory it takes.

Run with ``make bench``. In every round each contender runs once, all in one process; a round is
short, and the fastest of many counts, so that ratios hold while others use the machine. XNNPACK
chooses its instructions itself, whatever kernels stand beside it.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.recurrent_models import lstm_model, svdf_model  # noqa: E402

from tinygauge import graph  # noqa: E402
from tinygauge.exact import compile_model  # noqa: E402
from tinygauge.exact.library import level, levels  # noqa: E402
from tinygauge.graph import Model  # noqa: E402

ROUNDS = 30
ROUND_S = 0.03
ROWS = 1000
MEMORY_ROWS = 20_000
GOAL_INTERPRETER = 20
GOAL_XNNPACK = 2
GOAL_PEAK_MB = 500
_KERNELS = "TINYGAUGE_KERNELS"

Work = Callable[[Any], object]


def litert(model: Model, *, is_reference: bool, threads: int) -> Work:
    """Return a function that runs LiteRT row by row: its reference kernels, or XNNPACK's."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF if is_reference else OpResolverType.BUILTIN
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


def tflite_micro(model: Model) -> Work:
    """Return a function that runs tflite-micro row by row."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model.content, arena_size=1 << 20)

    def run(rows: Any) -> None:
        for row in rows:
            interpreter.set_input(row, 0)
            interpreter.invoke()
            interpreter.get_output(0)

    return run


def ours(model: Model, kernels: str, threads: int) -> Work:
    """Return a function that runs the exact evaluator with the kernels of a level."""
    os.environ[_KERNELS] = kernels
    level.cache_clear()
    run = compile_model(model, threads=threads).run
    del os.environ[_KERNELS]
    level.cache_clear()
    return run


def round_size(work: Work, rows: Any) -> int:
    """Return how many inputs take a round: a start of its own must not count for much."""
    count = 2
    while count < len(rows):
        started = time.perf_counter()
        work(rows[:count])
        if time.perf_counter() - started > ROUND_S:
            break
        count *= 2
    return min(count, len(rows))


def input_s(contenders: dict[str, Work], rows: Any) -> dict[str, float]:
    """Return the seconds that an input takes each contender in its fastest round."""
    few = {name: rows[: round_size(work, rows)] for name, work in contenders.items()}
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(ROUNDS):
        for name, work in contenders.items():
            started = time.perf_counter()
            work(few[name])
            best[name] = min(best[name], (time.perf_counter() - started) / len(few[name]))
    return best


def random_rows(model: Model, count: int) -> Any:
    """Return random inputs of a model, of its type."""
    tensor = model.main.tensors[model.main.inputs[0]]
    dtype = np.dtype(tensor.dtype.value)
    limits = np.iinfo(dtype)
    draw = np.random.default_rng(0).integers
    return draw(limits.min, limits.max, (count, *tensor.shape), dtype, endpoint=True)


def bench(path: Path) -> None:
    """Print a model's rows: each level on one thread, and the fastest on two."""
    model = graph.load(path)
    rows = random_rows(model, ROWS)
    ways = [(kernels, 1) for kernels in levels()[::-1] or ["numpy"]]
    ways.append((ways[0][0], 2))
    contenders = {f"{kernels} {n}": ours(model, kernels, n) for kernels, n in ways}
    for n in (1, 2):
        contenders[f"XNNPACK {n}"] = litert(model, is_reference=False, threads=n)
    contenders["micro"] = tflite_micro(model)
    contenders["reference"] = litert(model, is_reference=True, threads=1)
    best = input_s(contenders, rows)
    print(path.stem)
    for kernels, n in ways:
        own = best[f"{kernels} {n}"]
        print(
            f"  {kernels:<9}{n} thread{'s' * (n > 1):<2}{own * 1e6:9.1f} us"
            f"{best['micro'] / own:8.1f} x tflite-micro (goal {GOAL_INTERPRETER})"
            f"{best['reference'] / own:8.1f} x LiteRT reference"
            f"{own / best[f'XNNPACK {n}']:7.2f} x XNNPACK's time (goal {GOAL_XNNPACK})"
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
        contenders = {n: compile_model(model, threads=int(n)).run for n in ("1", "2")}
        best = input_s({**contenders, "micro": tflite_micro(model)}, random_rows(model, ROWS))
        print(name)
        for n in contenders:
            print(
                f"  {n} thread{'s' * (n > '1'):<2}{best[n] * 1e6:9.1f} us"
                f"{best['micro'] / best[n]:8.1f} x tflite-micro"
            )


def peak(path: Path) -> None:
    """Print the memory of a process that evaluates many inputs and does nothing else."""
    model = graph.load(path)
    rows = random_rows(model, MEMORY_ROWS)
    outputs = compile_model(model).run(rows)
    unit = 1 if platform.system() == "Darwin" else 1024
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    own_mb = (rows.nbytes + sum(output.nbytes for output in outputs)) / 1e6
    print(
        f"  peak memory with {MEMORY_ROWS} inputs: {peak_mb:.0f} MB, of which inputs and outputs "
        f"{own_mb:.0f} MB (goal {GOAL_PEAK_MB} MB beside them)"
    )


def main() -> None:
    """Print the rows of the models given, and of ops with a state."""
    if sys.argv[1] == "--peak":
        peak(Path(sys.argv[2]))
        return
    print("exact evaluator, time of an input in the fastest round")
    for name in sys.argv[1:]:
        bench(Path(name))
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, "--peak", name], check=True)
    bench_recurrent()


if __name__ == "__main__":
    main()
