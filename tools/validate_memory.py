"""Compare predicted memory with what was measured, and print how far it is off.

Arenas (head, tail and the smallest that works) of models on emulated Cortex-M cores, and the
flash of linked firmwares. It takes the rows that the project ships, and all rows of the study
where ``../shared/data`` (or ``--data``) lies beside the checkout. Exit code 1 where an arena is
not exact or a firmware's flash is more than 2 % off.

Run with ``make validate-memory``. What was measured, and how: docs/design/memory.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tinygauge import graph
from tinygauge.errors import UnsupportedOpError
from tinygauge.memory import plan_arena
from tinygauge.memory.flash import predict_code
from tinygauge.memory.predict import ENGINES, kernel_set

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "tests" / "golden" / "data"
STUDY = ROOT.parent / "shared" / "data"

CORES = {
    "m0p": "cortex-m0+",
    "m3": "cortex-m3",
    "m4f": "cortex-m4",
    "m7": "cortex-m7",
    "m33": "cortex-m33",
    "m55": "cortex-m55",
}
FLASH_LIMIT = 0.02


@dataclass(frozen=True)
class Row:
    """One measured arena, bytes; `least` is None where the search crashed."""

    path: Path
    core: str
    engine: str
    head: int
    tail: int
    least: int | None


@dataclass(frozen=True)
class Outcome:
    """Predicted minus measured, bytes."""

    row: Row
    family: str
    head: int
    tail: int
    least: int | None

    @property
    def is_exact(self) -> bool:
        """Whether nothing deviates."""
        return self.head == self.tail == 0 and not self.least


def shipped_rows() -> Iterator[Row]:
    """Read the rows that the project ships."""
    with (SHIPPED / "arena_measured.csv").open(newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            yield Row(
                path=SHIPPED / "models" / f"{row['model']}.tflite",
                core=row["core"],
                engine=row["engine"],
                head=int(row["head_bytes"]),
                tail=int(row["tail_bytes"]),
                least=int(row["min_bytes"]) if row["min_bytes"] else None,
            )


def study_rows(data: Path) -> Iterator[Row]:
    """Read all rows of the study whose model is at hand."""
    folders = (data / "cortexm" / "models", data.parent / "mirror")
    models = {path.stem: path for folder in folders for path in sorted(folder.rglob("*.tflite"))}
    with (data / "cortexm" / "models.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            measured = row["engine"] in ENGINES and row["arena_used_bytes"]
            if measured and row["model"] in models:
                yield Row(
                    path=models[row["model"]],
                    core=CORES[row["core"]],
                    engine=row["engine"],
                    head=int(float(row["arena_nonpersistent"])),
                    tail=int(float(row["arena_persistent"])),
                    least=int(float(row["min_arena_16B"])) if row["min_arena_16B"] else None,
                )


@cache
def load(path: Path) -> graph.Model:
    """Read a model once."""
    return graph.load(path)


def check(row: Row) -> Outcome:
    """Predict one arena."""
    model = load(row.path)
    arena = plan_arena(model, kernel_set(row.core, row.engine))
    return Outcome(
        row=row,
        family=graph.family(model),
        head=arena.head_bytes - row.head,
        tail=arena.tail_bytes - row.tail,
        least=None if row.least is None else arena.least_bytes - row.least,
    )


def worst(values: Iterable[int | None]) -> str:
    """Print the largest deviation, with its sign."""
    known = [value for value in values if value is not None]
    return f"{max(known, key=abs):+d}" if any(known) else "0"


def share(values: Iterable[int | None]) -> str:
    """Print how many of those known are exact."""
    known = [value for value in values if value is not None]
    return f"{known.count(0)}/{len(known)}"


def print_arenas(outcomes: Sequence[Outcome]) -> None:
    """Print one line per core, engine and family, and the total."""
    groups: Mapping[str, Callable[[Outcome], str]] = {
        "core": lambda outcome: outcome.row.core,
        "engine": lambda outcome: outcome.row.engine,
        "family": lambda outcome: outcome.family,
    }
    titles = ("", "rows", "head", "worst", "tail", "worst", "smallest", "worst")
    print(("{:<22}" + "{:>12}" * 7).format(*titles))
    for key in groups.values():
        for name in sorted({key(outcome) for outcome in outcomes}):
            print_line(name, [outcome for outcome in outcomes if key(outcome) == name])
    print_line("all", outcomes)
    for outcome in outcomes:
        if not outcome.is_exact:
            row = outcome.row
            print(
                f"  {row.path.stem}, {row.core}, {row.engine}: head {outcome.head:+d}, "
                f"tail {outcome.tail:+d}, smallest {outcome.least}"
            )


def print_line(name: str, outcomes: Sequence[Outcome]) -> None:
    """Print exact matches and the worst deviation of head, tail and smallest arena."""
    cells: list[str] = []
    for values in (
        [outcome.head for outcome in outcomes],
        [outcome.tail for outcome in outcomes],
        [outcome.least for outcome in outcomes],
    ):
        cells += [share(values), worst(values)]
    print(("{:<22}{:>12}" + "{:>12}" * 6).format(name, len(outcomes), *cells))


def flash_errors() -> list[tuple[str, str, float]]:
    """Return core, engine and relative error of each linked firmware."""
    found: list[tuple[str, str, float]] = []
    with (SHIPPED / "flash_linked.csv").open(newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            code = predict_code(row["kinds"].split(), core=row["core"], engine=row["engine"])
            error = sum(code.flash_bytes.values()) / int(row["flash_bytes"]) - 1
            found.append((row["core"], row["engine"], error))
    return found


def print_flash(errors: Sequence[tuple[str, str, float]]) -> None:
    """Print one line per core and engine."""
    print(f"\n{'flash of linked firmwares':<34}{'rows':>8}{'low':>10}{'high':>10}")
    for pair in sorted({(core, engine) for core, engine, _ in errors}):
        mine = [error for core, engine, error in errors if (core, engine) == pair]
        print(f"{', '.join(pair):<34}{len(mine):>8}{min(mine):>+10.2%}{max(mine):>+10.2%}")
    every = [error for _, _, error in errors]
    print(f"{'all':<34}{len(every):>8}{min(every):>+10.2%}{max(every):>+10.2%}")


def edgemark_steps(data: Path) -> Iterator[int]:
    """Say by how many steps of its search a board's arena is above the prediction.

    The boards ran TFLM of February 2024. EdgeMark searched on a grid whose step follows from a
    first estimate of the arena, which is guessed here from the ops instead of the layers.
    """
    models = {path.stem: path for path in data.rglob("*.tflite")}
    seen: set[tuple[str, str]] = set()
    with (data / "arena_derived_l4r5zi.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            # Pruned and clustered models are the plain one with other weights.
            variant = {"p_50": "basic", "c_16": "basic"}.get(row["model_type"], row["model_type"])
            name = f"{row['model']}__{variant}"
            if name not in models and variant == "q_dynamic":
                name = f"{row['model']}__basic"
            if name not in models or (name, row["build_variant"] + variant) in seen:
                continue
            seen.add((name, row["build_variant"] + variant))
            model = load(models[name])
            step = edgemark_step(model, row["model"])
            try:
                least = plan_arena(model, kernel_set("cortex-m4", "tflm-cmsis-nn")).least_bytes
            except UnsupportedOpError:
                continue  # hybrid models, which gave wrong answers then and are refused today
            arena = int(row["arena_bytes"])
            if arena % step:
                step = 512  # the grid was finer than guessed
            yield (arena - -(-least // step) * step) // step


def edgemark_step(model: graph.Model, name: str) -> int:
    """Guess the step of EdgeMark's search, bytes (its `_estimate_arena_size`)."""
    main = model.main
    width = {graph.DType.FLOAT32: 4, graph.DType.INT16: 2}.get(
        main.tensors[main.inputs[0]].dtype, 1
    )
    if name.startswith(("simple", "GRU", "LSTM")):
        estimate = 300_000 // 4 * width
    elif "ResNet" in name:
        estimate = 190_000 // 4 * width
    else:
        ends = [(*op.inputs[:1], *op.outputs[:1]) for op in main.ops]
        estimate = width * max(sum(main.tensors[i].elements for i in pair) for pair in ends)
    return next((step for limit, step in ((14_336, 512), (63_488, 1024)) if estimate < limit), 2048)


def print_edgemark(steps: Sequence[int]) -> None:
    """Print how the older version compares; nothing is asserted of it."""
    print(
        f"\nEdgeMark's boards, TFLM of February 2024: {len(steps)} arenas; after rounding to its "
        f"steps {steps.count(0)} the same, {steps.count(1)} one step more, "
        f"{steps.count(-1)} one step less, {sum(abs(step) > 1 for step in steps)} further off"
    )


def main() -> int:
    """Print both tables; return 1 where something is worse than it was."""
    parser = argparse.ArgumentParser(description="Compare predicted memory with measurements.")
    parser.add_argument("--data", type=Path, default=STUDY, help="folder with the whole study")
    data = parser.parse_args().data
    outcomes = [check(row) for row in shipped_rows()]
    print(f"Arenas that the project ships: {len(outcomes)} rows, bytes predicted - measured")
    print_arenas(outcomes)
    if (data / "cortexm" / "models.csv").is_file():
        whole = [check(row) for row in study_rows(data)]
        print(f"\nThe whole study: {len(whole)} rows")
        print_arenas(whole)
        outcomes += whole
    errors = flash_errors()
    print_flash(errors)
    if (data / "edgemark").is_dir():
        print_edgemark(list(edgemark_steps(data / "edgemark")))
    exact = all(outcome.is_exact for outcome in outcomes)
    near = all(abs(error) <= FLASH_LIMIT for _, _, error in errors)
    print("\nevery arena exact, flash within 2 %" if exact and near else "\nworse than it was")
    return 0 if exact and near else 1


if __name__ == "__main__":
    sys.exit(main())
