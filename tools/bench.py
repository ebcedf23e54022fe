"""Print how fast TinyGauge is, and how large, beside what a user would pick instead.

Run with ``make bench``. Every figure is the median of several runs on the machine named in the
first line; ratios to the alternative, timed in the same minute, are what carries over to other
machines. Nothing here is asserted.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

RUNS = 5
PACKAGED = Path(str(resources.files("tinygauge"))) / "data" / "fashion_mnist"

LITERT_DETAILS = (
    "import sys; from ai_edge_litert.interpreter import Interpreter; "
    "i = Interpreter(model_path=sys.argv[1]); i.allocate_tensors(); i.get_tensor_details()"
)
STATIC_SWEEP = """
import sys, time
from tinygauge import catalog
from tinygauge.evaluation import evaluate
started = time.perf_counter()
results = evaluate(sys.argv[2:], boards=catalog.board_names()[:10])
print(time.perf_counter() - started, len(results.evaluations), file=sys.stderr)
"""
MEMORY_SWEEP = """
import sys
from tinygauge import catalog, graph, memory
boards = [catalog.board(name) for name in catalog.board_names()[:10]]
for path in sys.argv[1:]:
    model = graph.load(path)
    for board in boards:
        memory.predict_memory(model, core=board.core, engine="tflm-cmsis-nn")
"""
LATENCY_SWEEP = """
import sys
from tinygauge import catalog, graph
from tinygauge.prediction import predict
boards = [catalog.board(name) for name in catalog.board_names()[:10]]
engine = catalog.engine("tflm-cmsis-nn")
for path in sys.argv[1:]:
    model = graph.load(path)
    for board in boards:
        predict(model, board, engine)
"""
BARE_INTERPRETER = """
import sys
import numpy as np
from tflite_micro import runtime
inputs = np.load(sys.argv[2])
interpreter = runtime.Interpreter.from_file(sys.argv[1], arena_size=1 << 20)
for row in inputs:
    interpreter.set_input(row, 0)
    interpreter.invoke()
    interpreter.get_output(0)
"""


def median_s(work: Callable[[], object], runs: int = RUNS) -> float:
    """Time a piece of work and return the median, seconds."""
    times: list[float] = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def command_s(*words: str) -> float:
    """Time a whole process, start-up included, and return the median, seconds."""

    def work() -> None:
        subprocess.run(words, check=True, capture_output=True)

    work()  # once to warm the file cache
    return median_s(work)


def largest_model() -> Path:
    """Return a model of about 300 KB: the visual-wake-words reference, or the largest packaged."""
    mirror = Path(os.environ.get("TINYGAUGE_MIRROR", "../shared/mirror"))
    found = sorted(mirror.rglob("vww_96_int8.tflite")) if mirror.is_dir() else []
    packaged = sorted(PACKAGED.glob("models/*.tflite"), key=lambda path: path.stat().st_size)
    return found[0] if found else packaged[-1]


def installed_bytes(distribution: str, seen: set[str]) -> int:
    """Add up the files of a distribution and of all that it requires by default."""
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    if name in seen:
        return 0
    seen.add(name)
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return 0  # required on other platforms only
    paths = [Path(str(found.locate_file(file))) for file in found.files or ()]
    total = sum(path.stat().st_size for path in paths if path.is_file())
    for requirement in found.requires or ():
        if "extra ==" not in requirement:
            total += installed_bytes(re.split(r"[^A-Za-z0-9._-]", requirement)[0], seen)
    return total


def line(what: str, value: str, beside: str = "") -> None:
    """Print one figure."""
    print(f"{what:<58} {value:>14}  {beside}")


def processor() -> str:
    """Name the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return next(row.split(":")[1].strip() for row in text.splitlines() if "model name" in row)
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def bench_start_up(python: str, model: Path) -> None:
    """Time whole commands."""
    numpy_s = command_s(python, "-c", "import numpy")
    version_s = command_s(python, "-m", "tinygauge", "--version")
    inspect_s = command_s(python, "-m", "tinygauge", "inspect", str(model))
    details_s = command_s(python, "-c", LITERT_DETAILS, str(model))
    kib = model.stat().st_size / 1024
    line("tinygauge --version", f"{version_s:.3f} s", f"{version_s / numpy_s:.2f} x import numpy")
    line(
        f"tinygauge inspect, {kib:.0f} KiB model, cold process",
        f"{inspect_s:.3f} s",
        f"{inspect_s / details_s:.2f} x LiteRT's tensor details ({details_s:.3f} s); goal 0.7 s",
    )


def bench_parsing(model: Path) -> None:
    """Time reading a model in a warm process."""
    from ai_edge_litert import schema_py_generated as schema

    from tinygauge import graph

    content = model.read_bytes()
    ours_s = median_s(lambda: graph.parse(content, name=model.stem), 20)
    theirs_s = median_s(lambda: schema.ModelT.InitFromPackedBuf(content, 0), 20)
    line(
        "read a model into a graph",
        f"{ours_s * 1e3:.2f} ms",
        f"{ours_s / theirs_s:.2f} x LiteRT's object API",
    )


def write_copies(folder: str, count: int) -> list[str]:
    """Write the packaged models over and over, as files that differ."""
    packaged = sorted(PACKAGED.glob("models/*.tflite"))
    copies: list[str] = []
    for i in range(count):
        # Other bytes behind the model make another file, so that nothing is found in a cache.
        copy = Path(folder) / f"model_{i:04}.tflite"
        copy.write_bytes(packaged[i % len(packaged)].read_bytes() + i.to_bytes(4, "little"))
        copies.append(str(copy))
    return copies


def bench_static(python: str) -> None:
    """Time 100 models on 10 boards without accuracy."""
    with tempfile.TemporaryDirectory() as folder:
        copies = write_copies(folder, 100)
        took_s = command_s(python, "-c", STATIC_SWEEP, "-", *copies)
    line("static metrics, 100 models x 10 boards, cold process", f"{took_s:.2f} s", "goal 20 s")


def bench_memory(python: str, model: Path) -> None:
    """Time one memory prediction, and 1,000 models on 10 boards."""
    from tinygauge import graph, memory

    parsed = [graph.load(model) for _ in range(21)]  # each is planned once and remembered
    memory.predict_memory(parsed.pop(), core="cortex-m4", engine="tflm-cmsis-nn")
    one_s = median_s(
        lambda: memory.predict_memory(parsed.pop(), core="cortex-m4", engine="tflm-cmsis-nn"), 20
    )
    ops = len(graph.load(model).main.ops)
    line(f"memory of one model on one target, {ops} ops", f"{one_s * 1e3:.1f} ms", "goal 50 ms")
    packaged = [str(path) for path in sorted(PACKAGED.glob("models/*.tflite"))]
    paths = (packaged * (1000 // len(packaged) + 1))[:1000]
    started = time.perf_counter()
    subprocess.run([python, "-c", MEMORY_SWEEP, *paths], check=True)
    took_s = time.perf_counter() - started
    line("memory, 1,000 models x 10 boards, one process", f"{took_s:.1f} s", "goal 60 s")


def bench_latency(python: str, model: Path) -> None:
    """Time one model on all boards with all engines, and 1,000 models on 10 boards."""
    from tinygauge import catalog, graph
    from tinygauge.errors import InputError
    from tinygauge.prediction import predict

    boards = [catalog.board(name) for name in catalog.board_names()]
    engines = [catalog.engine(name) for name in catalog.engine_names()]
    known: list[int] = []

    def everywhere() -> None:
        parsed = graph.load(model)  # anew, so that nothing is remembered of it
        known.append(0)
        for board in boards:
            for engine in engines:
                try:
                    predict(parsed, board, engine)
                except InputError:  # the engine does not run there, or was never timed
                    continue
                known[-1] += 1

    everywhere()
    one_s = median_s(everywhere)
    what = f"latency and energy of one model on all {known[0]} known boards and engines"
    line(what, f"{one_s:.2f} s", "goal 0.2 s")
    with tempfile.TemporaryDirectory() as folder:
        copies = write_copies(folder, 1000)
        started = time.perf_counter()
        subprocess.run([python, "-c", LATENCY_SWEEP, *copies], check=True)
        took_s = time.perf_counter() - started
    line("latency, 1,000 models x 10 boards, one process", f"{took_s:.1f} s", "goal 60 s")


def bench_accuracy(python: str) -> None:
    """Time an accuracy run against the interpreter alone in a loop."""
    import numpy as np

    from tinygauge import accuracy, graph

    model = PACKAGED / "models" / "cnn_8_i8.tflite"
    dataset = accuracy.load_dataset(PACKAGED / "test_2000.npz")
    parsed = graph.load(model)
    ours_s = median_s(lambda: accuracy.score(parsed, dataset, "two-rounding", use_cache=False), 3)
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npy"
        with np.load(PACKAGED / "test_2000.npz") as arrays:
            np.save(inputs, (arrays["x"].astype(np.int16) - 128).astype(np.int8)[:, None])
        bare_s = command_s(python, "-c", BARE_INTERPRETER, str(model), str(inputs))
    line(
        "score a model on 2,000 images, no cache",
        f"{ours_s:.2f} s",
        f"{ours_s / bare_s:.2f} x the bare interpreter in a loop",
    )


def bench_exact(python: str) -> None:
    """Time the exact evaluator, apart, as its threads and memory are its own."""
    mirror = Path(os.environ.get("TINYGAUGE_MIRROR", "../shared/mirror"))
    names = ("kws_ref_model.tflite", "pretrainedResnet_quant.tflite", "vww_96_int8.tflite")
    found = [path for name in names for path in sorted(mirror.rglob(name))]
    models = found or sorted(PACKAGED.glob("models/dscnn_32_i8.tflite"))
    script = Path(__file__).with_name("bench_exact.py")
    subprocess.run([python, str(script), *map(str, models)], check=True)


def main() -> None:
    """Print all figures."""
    python = sys.executable
    model = largest_model()
    version = platform.python_version()
    print(f"{platform.node()}: {processor()}, {os.cpu_count()} cores, Python {version}")
    bench_start_up(python, model)
    bench_parsing(model)
    bench_static(python)
    bench_memory(python, model)
    bench_latency(python, model)
    bench_accuracy(python)
    sys.stdout.flush()
    bench_exact(python)
    megabytes = installed_bytes("tinygauge", set()) / 1e6
    line("default install, with all it requires", f"{megabytes:.0f} MB", "goal 350 MB")


if __name__ == "__main__":
    main()
