"""Derive the memory room's data file and golden facts from the measured tables.

Reads `codesize_sections.csv`, `models.csv` and the models of the emulation study; writes

* `src/tinygauge/data/memory/code_sections.csv`: bytes of linked code, grouped by the set of ops
  that pull them in, per core and engine;
* `tests/golden/data/arena_measured.csv` and a few small models beside it;
* `tests/golden/data/flash_linked.csv`: what firmwares with several ops link to.

It does not measure anything.

Usage: ``python tools/make_memory_data.py --data DIR --mirror DIR`` where the first folder holds
`codesize_sections.csv` and the second MLPerf Tiny's reference models.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import shutil
from collections import defaultdict
from pathlib import Path

import tflite

from tinygauge import graph

ROOT = Path(__file__).resolve().parent.parent
STUDY = "TinyGauge emulation study 2026-11-22, TFLM 90b983c2b, CMSIS-NN 4ab83cc3, QEMU 7.2.22"
BUILD = "arm-none-eabi-gcc 12.2, core -Os, kernels -O2, error strings kept, newlib"

CORES = {
    "m0p": "cortex-m0+",
    "m3": "cortex-m3",
    "m4f": "cortex-m4",
    "m7": "cortex-m7",
    "m33": "cortex-m33",
    "m55": "cortex-m55",
}
ENGINES = ("tflm-ref", "tflm-cmsis-nn")

# Which part of the program an object file belongs to.
PARTS = {
    "app": "runtime",
    "libcore.a": "runtime",
    "libkcommon.a": "kernels",
    "libkref.a": "kernels",
    "libkcmsis.a": "kernels",
    "libnn.a": "CMSIS-NN",
    "libgcc.a": "C library",
    "libm.a": "C library",
    "libc.a": "C library",
}

GOLDEN_MODELS = (
    "add_128",
    "avg_8x8x64_k8_s0",
    "concat_8x8x32_16_c",
    "conv_16x16x8_8_k3x3_s1_Sn",
    "conv_1x128x4_8_k1x5_s1_Sr",
    "conv_8x8x32_32_k1x1_s1_Sr_g2",
    "dw_10x10x16_m1_k4x4_s2_Vr",
    "dw_16x16x1_m8_k3x3_s1_Sr",
    "fc_8_8_n",
    "fio_16x16x3",
    "hswish_16",
    "leaky_16",
    "logistic_16",
    "max_1x64x16_k1x2_s0",
    "maximum_16x16x8",
    "mean_4x4x16",
    "mul_8x8x7",
    "pad_16x16x16_11",
    "relu6_16",
    "relu_16x16x8",
    "rmax_8x8x16",
    "softmax_10",
    "sslice_32x32x8",
    "sub_16x16x8",
    "tanh_16",
    "tconv_8x8x8_8_k3_s1",
    "transpose_16x16x8",
)


def kinds_by_item() -> dict[str, str]:
    """Map names such as "Conv2D" to kinds such as "CONV_2D"."""
    names = [name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)]
    return {name.replace("_", "").lower(): name for name in names}


def write_code_sections(data: Path, target: Path) -> None:
    """Group sections by core, engine, part and the set of ops that link them."""
    kinds = kinds_by_item()
    users: dict[tuple[str, ...], set[str]] = defaultdict(set)
    sizes: dict[tuple[str, ...], int] = {}
    with (data / "codesize_sections.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["build"] != "logs" or row["item"].endswith("_INT8"):
                continue
            kind = row["item"] if row["item"] == "BASE" else kinds[row["item"].lower()]
            section = tuple(
                row[key] for key in ("core", "engine", "object", "in_section", "out_section")
            )
            users[section].add(kind)
            # A section may differ by a few bytes of padding between links.
            sizes[section] = max(sizes.get(section, 0), int(row["bytes"]))
    order = ["BASE", *sorted({kind for kind_set in users.values() for kind in kind_set} - {"BASE"})]
    groups: dict[tuple[str, str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for section, kind_set in users.items():
        core, engine, obj, _, out = section
        mask = sum(1 << order.index(kind) for kind in kind_set)
        group = groups[CORES[core], engine, PARTS[obj.split(":")[0]], mask]
        group[0] += sizes[section] if out != ".bss" else 0
        group[1] += sizes[section] if out in (".bss", ".data") else 0
    with target.open("w", newline="\n") as file:
        file.write(f"# source: {STUDY}; {BUILD}\n")
        file.write(
            "# users: hexadecimal, bit i set where kind i of the next line links the bytes\n"
        )
        file.write(f"# kinds: {' '.join(order)}\n")
        file.write("core,engine,part,flash_bytes,ram_bytes,users\n")
        for (core, engine, part, mask), (flash, ram) in sorted(groups.items()):
            file.write(f"{core},{engine},{part},{flash},{ram},{mask:x}\n")


def write_arena_facts(data: Path, folder: Path) -> None:
    """Write the arenas measured for the models that are small enough to commit."""
    folder.mkdir(parents=True, exist_ok=True)
    models = folder / "models"
    shutil.rmtree(models, ignore_errors=True)
    models.mkdir()
    for name in GOLDEN_MODELS:
        shutil.copyfile(data / "models" / f"{name}.tflite", models / f"{name}.tflite")
    with (
        (data / "models.csv").open(newline="") as source,
        (folder / "arena_measured.csv").open("w", newline="\n") as target,
    ):
        target.write(f"# source: {STUDY}\n")
        target.write("model,sha256,core,engine,head_bytes,tail_bytes,min_bytes\n")
        for row in csv.DictReader(source):
            name = row["model"]
            if name not in GOLDEN_MODELS or row["engine"] not in ENGINES:
                continue
            digest = hashlib.sha256((models / f"{name}.tflite").read_bytes()).hexdigest()
            head, tail = int(float(row["arena_nonpersistent"])), int(float(row["arena_persistent"]))
            # Blank where the search for the smallest arena crashed inside TFLM.
            least = f"{float(row['min_arena_16B']):.0f}" if row["min_arena_16B"] else ""
            target.write(
                f"{name},{digest[:16]},{CORES[row['core']]},{row['engine']},{head},{tail},{least}\n"
            )


def write_flash_facts(data: Path, mirror: Path | None, target: Path) -> None:
    """Write what firmwares with several ops link to, with the kinds that they register."""
    kinds = kinds_by_item()
    files = {path.stem: path for path in mirror.rglob("*.tflite")} if mirror else {}
    with (
        (data / "codesize.csv").open(newline="") as source,
        target.open("w", newline="\n") as file,
    ):
        file.write(f"# source: {STUDY}; {BUILD}; without model and arena\n")
        file.write("firmware,core,engine,kinds,flash_bytes\n")
        for row in csv.DictReader(source):
            if row["build"] != "logs" or row["kind"] not in ("combo", "model"):
                continue
            name = row["item"]
            if row["kind"] == "combo":
                found = {kinds[item.lower()] for item in name.split("+")}
                name = "five ops"
            elif name in files:
                found = {op.kind for op in graph.load(files[name]).main.ops}
            else:
                continue
            listed = " ".join(sorted(found))
            file.write(f"{name},{CORES[row['core']]},{row['engine']},{listed},{row['flash']}\n")


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the measured tables")
    parser.add_argument("--mirror", type=Path, help="folder of MLPerf Tiny's reference models")
    options = parser.parse_args()
    data = options.data
    write_code_sections(data, ROOT / "src/tinygauge/data/memory/code_sections.csv")
    write_arena_facts(data, ROOT / "tests/golden/data")
    write_flash_facts(data, options.mirror, ROOT / "tests/golden/data/flash_linked.csv")


if __name__ == "__main__":
    main()
