"""Compare the exact evaluator with the interpreter of each profile, and print the table.

Every output of every model, on random and on extreme inputs: the packaged models, those of
MLPerf Tiny and of the studies where ``../shared`` lies beside the checkout, and random graphs.
Exit code 1 where an output differs; which models those are goes to stderr.

Run with ``make validate-accuracy``. What the table means: docs/design/accuracy.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.micro import adversarial_inputs, run_litert, run_micro  # noqa: E402
from tests.support.random_models import random_model  # noqa: E402
from tests.support.rare_models import rare_model  # noqa: E402

from tinygauge import graph  # noqa: E402
from tinygauge.exact import Rounding, backend, compile_model, find_unsupported  # noqa: E402
from tinygauge.graph import Model  # noqa: E402

PACKAGED = ROOT / "src" / "tinygauge" / "data" / "fashion_mnist" / "models"
SHARED = ROOT.parent / "shared"
EQUAL, DIFFERENT, REFUSED = range(3)


def sets(seeds: range) -> Iterator[tuple[str, Iterable[Model]]]:
    """Yield the sets of models by name; those that are not here are left out."""
    places = {
        "packaged": PACKAGED,
        "MLPerf Tiny": SHARED / "mirror" / "mlcommons",
        "EdgeMark": SHARED / "data" / "edgemark" / "models",
        "Cortex-M study": SHARED / "data" / "cortexm",
    }
    for name, folder in places.items():
        if folder.is_dir():
            yield name, (graph.load(path) for path in sorted(folder.rglob("*.tflite")))
    yield "random graphs", (random_model(seed) for seed in seeds)
    yield "random graphs of rarer ops", (rare_model(seed) for seed in seeds)


def compare(model: Model, rounding: Rounding, rows: int) -> int:
    """Compare in a fork, as the interpreters crash at some random graphs."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else REFUSED
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    inputs = adversarial_inputs(model, rows)
    try:
        run = run_micro if rounding is Rounding.TWO else run_litert(rounding)
        theirs = run(model, inputs)
    except (RuntimeError, ValueError):
        os._exit(REFUSED)
    try:
        ours = compile_model(model, rounding, threads=1).run(inputs)
        same = all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
        os._exit(EQUAL if same else DIFFERENT)
    finally:
        os._exit(DIFFERENT)


def main() -> int:
    """Print a row for every set and profile."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, default=400, help="random graphs")
    parser.add_argument("--first", type=int, default=0, help="seed of the first of them")
    parser.add_argument("--rows", type=int, default=16, help="inputs of each model")
    words = parser.parse_args()
    print(f"exact evaluator ({backend()}), {words.rows} inputs each, extreme ones among them\n")
    print("| models | profile | all outputs equal | different | left to an interpreter | not run |")
    print("|---|---|---|---|---|---|")
    wrong = 0
    for name, models in sets(range(words.first, words.first + words.random)):
        known = list(models)
        for rounding in Rounding:
            counts: Counter[int | str] = Counter()
            for model in known:
                if find_unsupported(model, rounding) is not None:
                    counts["left"] += 1
                    continue
                outcome = compare(model, rounding, words.rows)
                counts[outcome] += 1
                if outcome == DIFFERENT:
                    print(f"different: {model.path or model.name}, {rounding}", file=sys.stderr)
            wrong += counts[DIFFERENT]
            cells = (counts[EQUAL], counts[DIFFERENT], counts["left"], counts[REFUSED])
            print(f"| {name} | {rounding} | " + " | ".join(map(str, cells)) + " |", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
