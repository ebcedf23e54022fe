"""Write the published MLPerf Tiny results that ship with the package.

Reads the table of results (one row per system and benchmark of the rounds v0.5 to v1.2) and the
reference models, and writes `src/tinygauge/data/published/{systems,results,benchmarks}.csv`: what
holds for a whole system once, each result with its notes and the folder of the round's public
repository that it stands in, and the products of each reference model, counted from its file.

    python tools/make_published_data.py --data ../shared/data --mirror ../shared/mirror
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import posixpath
from pathlib import Path

from tinygauge import graph
from tinygauge.catalog import board_names

FOLDER = Path(__file__).resolve().parents[1] / "src" / "tinygauge" / "data" / "published"

# Column of the package, and of the table.
SYSTEM_FIELDS = {
    "round": "round",
    "division": "division",
    "submitter": "submitter",
    "system": "system",
    "board": "board",
    "core": "core",
    "clock_mhz": "frequency_mhz",
    "accelerator": "accelerator",
    "engine": "engine",
    "engine_version": "engine_version",
    "compiler": "compiler",
}
RESULT_FIELDS = {
    "benchmark": "benchmark",
    "supply_v": "voltage_v",
    "quantization": "quantization",
    "throughput_per_s": "median_throughput_inf_s",
    "energy_uj": "energy_uj_per_inf",
    "top1_percent": "accuracy_top1",
    "auc": "auc",
    "notes": "notes",
}
# Published under other names than the catalogue's.
BOARDS = {"nucleo-h7a3zi": "nucleo-h7a3zi-q"}
COMMIT = "1afd2c9820f795965a6134facd0b4dfae41ef23f"
MODELS = {
    "ad": "anomaly_detection/trained_models/ad01_int8.tflite",
    "ic": "image_classification/trained_models/pretrainedResnet_quant.tflite",
    "kws": "keyword_spotting/trained_models/kws_ref_model.tflite",
    "vww": "visual_wake_words/trained_models/vww_96_int8.tflite",
}


def system_row(row: dict[str, str]) -> dict[str, str]:
    """Return what holds for a whole system."""
    found = {name: row[column] for name, column in SYSTEM_FIELDS.items()}
    found["engine"] = found["engine"].removeprefix("other:")
    name = row["board"].lower()
    name = BOARDS.get(name, name)
    found["catalogue_board"] = name if name in board_names() else ""
    found["system_file"] = row["source_paths"].partition("|")[0]
    return found


def results_folder(row: dict[str, str]) -> str:
    """Return the folder that holds the files behind a row."""
    files = row["source_paths"].split("|")[1:]
    return posixpath.commonpath([posixpath.dirname(file) for file in files])


def write(name: str, rows: list[dict[str, str]]) -> None:
    """Write one table."""
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def benchmark_rows(mirror: Path) -> list[dict[str, str]]:
    """Count the products of the reference models."""
    rows = []
    for name, path in MODELS.items():
        full = f"mlcommons/tiny/{COMMIT}/benchmark/training/{path}"
        content = (mirror / full).read_bytes()
        counts = graph.count_model(graph.parse(content, name=name))
        rows.append(
            {
                "benchmark": name,
                "macs": str(counts.macs),
                "live_macs": str(counts.live_macs),
                "model": f"mlcommons/tiny @ {COMMIT[:8]}, benchmark/training/{path}",
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
    return rows


def main() -> None:
    """Write the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with mlperf_tiny/")
    parser.add_argument("--mirror", type=Path, help="upstream files (beside --data)")
    options = parser.parse_args()
    with (options.data / "mlperf_tiny" / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    systems: list[dict[str, str]] = []
    results: list[dict[str, str]] = []
    for row in rows:
        system = system_row(row)
        if system not in systems:
            systems.append(system)
        result = {"system": str(systems.index(system))}
        result |= {name: row[column] for name, column in RESULT_FIELDS.items()}
        result["notes"] = row["notes"].replace(" not in mirror", " not read")
        results.append(result | {"folder": results_folder(row)})
    write("systems.csv", systems)
    write("results.csv", results)
    write("benchmarks.csv", benchmark_rows(options.mirror or options.data.parent / "mirror"))


if __name__ == "__main__":
    main()
