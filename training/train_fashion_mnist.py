"""Make the packaged Fashion-MNIST example: train, convert, score and write the table.

Run it from the repository root; see ``training/README.md``::

    python training/train_fashion_mnist.py

A network whose weights already lie in the work folder isn't trained again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import logging
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import architectures
import conversion
import fitting
import numpy as np
import scoring
from fashion_data import load_split, save_subset, stratified_index, to_real
from plan import NETWORKS, PACKAGED_PER_CLASS, REPRESENTATIVE_IMAGES, SEED, Network

REPOSITORY = Path(__file__).resolve().parent.parent
DEBIAN_DATA = Path("/usr/share/datasets/fashion-mnist")
log = logging.getLogger("train_fashion_mnist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of ``models.csv``; ``training/README.md`` says what each column is."""

    name: str
    file: str
    architecture: str
    width: int
    variant: str
    bytes: int
    sha256: str
    parameters: int
    macs: int
    correct_10000_tflm: int
    correct_10000_tflite_ref: int
    correct_2000_tflm: int
    correct_2000_tflite_ref: int
    epochs: int
    seed: int


def in_fresh_processes(
    jobs: int, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
) -> list[Any]:
    """Run `function` once per tuple of arguments, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        futures = [pool.submit(function, *call) for call in calls]
        return [future.result() for future in futures]


def train_all(data: Path, work: Path, jobs: int) -> None:
    """Train, then prune, every network that has no weights in `work` yet."""

    def calls(networks: Iterable[Network], *, is_pruned: bool) -> list[tuple[Any, ...]]:
        return [
            (network, data, work)
            for network in networks
            if not fitting.weights_path(network, work, is_pruned=is_pruned).exists()
        ]

    # The widest first, so that the last process doesn't run alone for long.
    by_width = sorted(NETWORKS, key=lambda network: -network.width)
    in_fresh_processes(jobs, fitting.train, calls(by_width, is_pruned=False))
    to_prune = [network for network in NETWORKS if network.pruned_fraction]
    in_fresh_processes(jobs, fitting.prune, calls(to_prune, is_pruned=True))


def convert_network(network: Network, data: Path, work: Path, models: Path) -> tuple[int, int]:
    """Write every variant of one network to `models` and return its parameters and MACs."""
    fitting.make_deterministic(network.seed)
    train = load_split(data, "train")
    drawn = np.random.default_rng(SEED).choice(len(train.y), REPRESENTATIVE_IMAGES, replace=False)
    images = to_real(train.x[drawn]).astype(np.float32)
    model = architectures.build(network.architecture, network.width)
    for variant in network.variants:
        is_pruned = variant == "i8_pruned"
        model.load_weights(fitting.weights_path(network, work, is_pruned=is_pruned))
        content = conversion.convert(model, variant, images)
        conversion.check(content, is_pruned=is_pruned)
        (models / f"{network.model_name(variant)}.tflite").write_bytes(content)
    return architectures.count_parameters(model), architectures.count_macs(model)


def score(path: Path, data: Path) -> dict[str, int]:
    """Count one model's correct answers on the whole and the packaged test set, in both engines.

    Returns
    -------
    dict of str to int
        The four ``correct_`` columns of `Row`.
    """
    test = load_split(data, "t10k")
    packaged = stratified_index(test.y, PACKAGED_PER_CLASS, SEED)
    content = path.read_bytes()
    counts = {}
    answers = {
        "tflm": scoring.answer_tflm(content, test.x),
        "tflite_ref": scoring.answer_tflite(content, test.x),
    }
    for engine, classes in answers.items():
        is_correct = classes == test.y
        counts[f"correct_{is_correct.size}_{engine}"] = int(is_correct.sum())
        counts[f"correct_{packaged.size}_{engine}"] = int(is_correct[packaged].sum())
    # Workers of a spawned pool inherit no logging configuration, so print.
    differ = int((answers["tflm"] != answers["tflite_ref"]).sum())
    print(f"{path.stem}: {counts}, engines differ on {differ} images", flush=True)
    return counts


def make_table(data: Path, work: Path, out: Path, jobs: int) -> list[Row]:
    """Convert and score every variant of every network."""
    models = out / "models"
    models.mkdir(parents=True, exist_ok=True)
    calls = [(network, data, work, models) for network in NETWORKS]
    sizes = in_fresh_processes(jobs, convert_network, calls)
    plan = [
        (network, variant, models / f"{network.model_name(variant)}.tflite", *size)
        for network, size in zip(NETWORKS, sizes, strict=True)
        for variant in network.variants
    ]
    counts = in_fresh_processes(jobs, score, [(path, data) for _, _, path, *_ in plan])
    return [
        Row(
            name=path.stem,
            file=path.relative_to(out).as_posix(),
            architecture=network.architecture,
            width=network.width,
            variant=variant,
            bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            parameters=parameters,
            macs=macs,
            epochs=network.epochs + (network.pruned_epochs if variant == "i8_pruned" else 0),
            seed=network.pruned_seed if variant == "i8_pruned" else network.seed,
            **correct,
        )
        for (network, variant, path, parameters, macs), correct in zip(plan, counts, strict=True)
    ]


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows as CSV with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def main() -> None:
    """Parse the options and run the stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DEBIAN_DATA, help="folder of the *-ubyte.gz")
    parser.add_argument("--work", type=Path, default=REPOSITORY / "build" / "fashion_mnist")
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "src" / "tinygauge" / "data" / "fashion_mnist"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time, default 2")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options.work.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)

    log.info("training into %s", options.work)
    train_all(options.data, options.work, options.jobs)
    test = load_split(options.data, "t10k")
    packaged = stratified_index(test.y, PACKAGED_PER_CLASS, SEED)
    save_subset(options.out / f"test_{packaged.size}.npz", test, packaged)
    log.info("converting and scoring into %s", options.out)
    rows = make_table(options.data, options.work, options.out, options.jobs)
    write_table(options.out / "models.csv", rows)
    log.info("%d models, %d bytes in all", len(rows), sum(row.bytes for row in rows))


if __name__ == "__main__":
    main()
