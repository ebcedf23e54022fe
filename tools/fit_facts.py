"""Condense measured data into the fact tables that `fit_latency.py` fits.

Reads the folders `cortexm`, `edgemark` and `mlperf_tiny` of measurements with their models,
and the upstream MLPerf Tiny models, and writes to `calibration/`:

- `ops.csv`: the features of every distinct op of every measured model, and how often it occurs;
- `instructions.csv`: executed instructions per group of ops, one column per build and core;
- `latencies.csv`: seconds on boards, published or measured.

Run it when the measurements change::

    python tools/fit_facts.py --data ../shared/data --mirror ../shared/mirror
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
from pathlib import Path

import pandas as pd

from tinygauge import graph
from tinygauge.cost.features import OpFeatures, model_features

BUILDS = ("tflm-ref", "tflm-cmsis-nn", "tflm-cmsis-nn@emO3")
BENCHMARKS = {
    ("ad", "int8"): "ad01_int8",
    ("ic", "int8"): "pretrainedResnet_quant",
    ("kws", "int8"): "kws_ref_model",
    ("vww", "int8"): "vww_96_int8",
    ("ad", "float32"): "ad01_fp32",
    ("ic", "float32"): "pretrainedResnet",
    ("kws", "float32"): "kws_ref_model_float32",
    ("vww", "float32"): "vww_96_float",
}
# When the results of a round were published (mlcommons.org, MLPerf Tiny announcements).
ROUNDS = {
    "v0.5": "2021-06",
    "v0.7": "2022-04",
    "v1.0": "2022-11",
    "v1.1": "2023-06",
    "v1.2": "2024-04",
}
# Names of the published boards in the catalogue; others keep a slug of their own.
BOARDS = {
    "NUCLEO-H7A3ZI": "nucleo-h7a3zi-q",
    "NUCLEO-H7A3ZI-Q": "nucleo-h7a3zi-q",
    "Nucleo-L4R5ZI": "nucleo-l4r5zi",
    "Renesas RH850/F1KM-S4 R7F701649": "rh850-f1km-s4",
    "PCL Scepu02": "pcl-scepu02",
    "RX65N": "rx65n-cloud-kit",
}


def model_files(data: Path, mirror: Path) -> dict[str, Path]:
    """Find every measured model by its name."""
    folders = (data / "cortexm" / "models", data / "edgemark" / "models", mirror)
    files = [file for folder in folders for file in sorted(folder.rglob("*.tflite"))]
    return {file.stem: file for file in files}


def op_rows(name: str, ops: tuple[OpFeatures, ...], by_kind: bool) -> list[dict[str, object]]:
    """List the distinct ops of a model: those of one group were counted together."""
    rows = []
    for number, (op, count) in enumerate(collections.Counter(ops).items()):
        group = op.kind if by_kind else str(number)
        rows.append({"model": name, "group": group, "count": count, **dataclasses.asdict(op)})
    return rows


def instruction_rows(
    name: str, ops: tuple[OpFeatures, ...], layers: pd.DataFrame
) -> list[dict[str, object]]:
    """Sum the measured instructions of a model over the ops of each group, per build and core."""
    distinct = {op: str(number) for number, op in enumerate(collections.Counter(ops))}
    groups = layers["layer"].map(lambda layer: distinct[ops[layer]])
    kinds = layers["layer"].map(lambda layer: ops[layer].kind)
    if not (kinds == layers["op"]).all():
        raise SystemExit(f"{name}: the ops of the file are not those that were measured")
    table = layers.groupby([groups, layers["column"]])["insns"].sum().unstack()
    return [{"model": name, "group": group, **row.dropna()} for group, row in table.iterrows()]


def build_name(engine: str, version: object, stage: str, submitter: str, system: str) -> str:
    """Name the build of a published run: by version, or for TFLM by who built it and when."""
    if engine.startswith("tflm"):
        return f"{submitter.lower()}-{stage}"
    name = str(version).split()[-1] if isinstance(version, str) else stage
    name = {"7.1.0": "7.1", "9.0.0": "9.0"}.get(name, name)
    variant = [word for word in ("max_performance", "min_ram") if system.endswith(word)]
    return "-".join([name, *variant]).replace("_", "-")


def published(data: Path) -> pd.DataFrame:
    """Take the published MLPerf Tiny latencies of microcontrollers."""
    table = pd.read_csv(data / "mlperf_tiny" / "results.csv")
    cores = table["core"].fillna("").str.match(r"cortex-m|rx|rh850|riscv-rv32")
    table = table[
        cores
        & (table["accelerator"].isna() | (table["engine"] == "other:tflm-silabs-mvp"))
        & (table["division"] == "closed")
    ]
    floats = table["quantization"].fillna("").str.contains("float32")
    precision = floats.map({True: "float32", False: "int8"})
    columns = ("engine", "engine_version", "round", "submitter", "system")
    keys = list(zip(table["benchmark"], precision, strict=True))
    return pd.DataFrame(
        {
            "source": "mlperf-tiny-" + table["round"],
            "board": table["board"].map(lambda board: BOARDS.get(board, board.lower())),
            "core": table["core"],
            "clock_hz": table["frequency_mhz"] * 1e6,
            "engine": table["engine"].str.removeprefix("other:"),
            "build": [build_name(*row) for row in zip(*(table[c] for c in columns), strict=True)],
            "released": table["round"].map(ROUNDS),
            "model": [BENCHMARKS[key] for key in keys],
            "seconds": table["latency_ms"] / 1e3,
            "energy_j": table["energy_uj_per_inf"] / 1e6,
            "power_w": table["average_power_mw"] / 1e3,
        }
    )


def edgemark(data: Path) -> pd.DataFrame:
    """Take EdgeMark's default builds; pruned and clustered rows repeat `basic`, hybrid failed."""
    table = pd.read_csv(data / "edgemark" / "results.csv")
    kept = ~table["model_type"].isin(["p_50", "c_16", "q_dynamic"]) & table["build_variant"].isna()
    table = table[kept & table["latency_ms"].notna()]
    engine = table["engine"].replace("tflm", "tflm-cmsis-nn")
    # Without CMSIS-NN for its core, TFLM on the RX65N runs the reference kernels.
    engine = engine.mask((engine == "tflm-cmsis-nn") & (table["board"] == "RX65N"), "tflm-ref")
    table, engine = table[engine != "ekkono"], engine[engine != "ekkono"]  # other networks
    return pd.DataFrame(
        {
            "source": "edgemark",
            "board": table["board"].map(lambda board: BOARDS.get(board, board.lower())),
            "core": table["board"].map({"NUCLEO-L4R5ZI": "cortex-m4", "RX65N": "rxv2"}),
            "clock_hz": 120e6,
            "engine": engine,
            "build": "edgemark",
            "released": "2024-02",
            "model": table["model"] + "__" + table["model_type"],
            "seconds": table["latency_ms"] / 1e3,
        }
    )


def layer_table(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read instructions per op, and sums per kind of op where no op was measured alone."""
    folder = data / "edgemark" / "instructions"
    columns = ["model", "core", "engine", "layer", "op", "insns"]
    layers = pd.concat(
        [
            pd.read_csv(f, usecols=columns)
            for f in (data / "cortexm/layers.csv", folder / "layers.csv")
        ]
    )
    totals = pd.read_csv(folder / "op_totals.csv")
    totals = totals[~totals["model"].isin(set(layers["model"]))]
    for table in (layers, totals):
        table["column"] = table["engine"] + "/" + table["core"]
    return layers[layers["engine"].isin(BUILDS)], totals[totals["engine"].isin(BUILDS)]


def main() -> None:
    """Write the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the measurements")
    parser.add_argument("--mirror", type=Path, required=True, help="folder of upstream models")
    parser.add_argument("--out", type=Path, default=Path("calibration"))
    options = parser.parse_args()
    layers, totals = layer_table(options.data)
    files = model_files(options.data, options.mirror)
    latencies = pd.concat([published(options.data), edgemark(options.data)])
    latencies = latencies[latencies["model"].isin(files)]
    ops_out: list[dict[str, object]] = []
    counted: list[dict[str, object]] = []
    copied: dict[str, int] = {}
    names = sorted(
        (set(layers["model"]) | set(totals["model"]) | set(latencies["model"])) & set(files)
    )
    for name in names:
        model = graph.load(files[name])
        ops, ends = model_features(model), (*model.main.inputs, *model.main.outputs)
        copied[name] = sum(model.main.tensors[index].elements for index in ends)
        mine, summed = layers[layers["model"] == name], totals[totals["model"] == name]
        ops_out += op_rows(name, ops, by_kind=mine.empty)
        if mine.empty:
            table = summed.pivot_table(index="op", columns="column", values="insns", aggfunc="sum")
            counted += [{"model": name, "group": k, **row.dropna()} for k, row in table.iterrows()]
        else:
            counted += instruction_rows(name, ops, mine)
    options.out.mkdir(exist_ok=True)
    pd.DataFrame(ops_out).to_csv(options.out / "ops.csv", index=False)
    pd.DataFrame(counted).to_csv(options.out / "instructions.csv", index=False, float_format="%.0f")
    # EdgeMark's timer covers the copies of inputs and outputs, element by element.
    timed = latencies["source"] == "edgemark"
    latencies["copied"] = latencies["model"].map(copied).where(timed, 0)
    latencies = latencies.sort_values(list(latencies.columns))
    latencies.to_csv(options.out / "latencies.csv", index=False, float_format="%.9g")


if __name__ == "__main__":
    main()
