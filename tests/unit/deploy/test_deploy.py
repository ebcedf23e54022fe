"""Generated folders: what they say, that they compile, and that they compute what TFLM does."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.tiny_models import ModelBuilder

from tinygauge import catalog
from tinygauge.deploy import Deployment, render_deployment, write_deployment
from tinygauge.deploy.operators import METHODS, resolver_methods
from tinygauge.errors import ConfigError, InputError, UnsupportedOpError
from tinygauge.graph import Model, parse
from tinygauge.quantity import Basis, Interval, Method, Provenance, Quantity
from tinygauge.records import Memory, MemoryPart, Target
from tinygauge.units import Unit

STUBS = Path(__file__).parent / "stubs"
WARNINGS = ("-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
TARGET = Target(board="", core="cortex-m4", engine="tflm-cmsis-nn")

INPUT_SCALE, INPUT_ZERO = 0.0470588244497776, -7
# Values at and around half steps, at both ends, far outside, and not numbers.
VALUES = np.concatenate(
    [
        (np.arange(-140, 140, dtype=np.float32) + np.float32(0.5)) * np.float32(INPUT_SCALE),
        np.linspace(-8, 8, 501, dtype=np.float32),
        np.array([0.0, -0.0, 1e-45, 1e30, -1e30, np.inf, -np.inf, np.nan], dtype=np.float32),
    ]
)

PROGRAM = """
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "model.h"
#include "model_data.h"
NAMESPACE

int main(int count, char** words) {
  if (count > 1 && std::strcmp(words[1], "data") == 0) {
    if (reinterpret_cast<std::uintptr_t>(kModelData) % 16 != 0) return 3;
    return std::fwrite(kModelData, 1, kModelDataBytes, stdout) == kModelDataBytes ? 0 : 4;
  }
  float value;
  while (std::fread(&value, sizeof value, 1, stdin) == 1) {
    const auto stored = QuantizeInput0(value);
    const float back = DequantizeInput0(stored);
    std::uint32_t bits;
    std::memcpy(&bits, &back, sizeof bits);
    std::printf("%d %" PRIu32 "\\n", static_cast<int>(stored), bits);
  }
  return 0;
}
"""

STARTS = """
#include <cstdio>

#include "model.h"
NAMESPACE

int main() {
  if (Run() || Input0() != nullptr || ArenaUsedBytes() != 0) return 2;
  if (!Start() || !Start() || !Run()) return 3;
  Input0()[0] = 42;
  std::printf("%d %zu\\n", static_cast<int>(Output0()[0]), ArenaUsedBytes());
  return 0;
}
"""


def memory(arena_bytes: float = 5000, high_bytes: float | None = None) -> Memory:
    """What a model might need."""
    source = Provenance(Method.PREDICTED, "test", "TFLM 90b983c2b")
    high = arena_bytes if high_bytes is None else high_bytes
    arena = Quantity(arena_bytes, Unit.BYTE, Interval(arena_bytes, high, 0.95, Basis.BOUND), source)
    other = Quantity(70000, Unit.BYTE, Interval.exact(70000), source)
    return Memory(
        ram=Quantity(9000, Unit.BYTE, Interval(8000, 9500, 0.9, Basis.BOUND), source),
        flash=other,
        parts=(
            MemoryPart(name="tensor arena", kind="ram", size=arena),
            MemoryPart(name="kernels", kind="flash", size=other),
        ),
        arena=arena,
        peak_op=0,
        lower_bound_bytes=0,
    )


def int8_model(name: str = "two_ops", input_name: str = "image") -> Model:
    """A model of two op kinds, three ops, with int8 ends."""
    builder = ModelBuilder()
    scale, zero = INPUT_SCALE, INPUT_ZERO
    first = builder.tensor((1, 4), "int8", scale=scale, zero_point=zero, name=input_name)
    second = builder.tensor((1, 4), "int8", scale=scale, zero_point=zero)
    third = builder.tensor((1, 4), "int8", scale=scale, zero_point=zero)
    last = builder.tensor((1, 4), "int8", scale=1 / 256, zero_point=-128)
    builder.op("RELU", [first], [second])
    builder.op("RELU", [second], [third])
    builder.op("SOFTMAX", [third], [last], beta=1.0)
    return parse(builder.build([first], [last]), name=name)


def streaming_model() -> Model:
    """A model that keeps two variables between runs; three ops name them."""
    builder = ModelBuilder()
    left, right = builder.tensor((1,), "resource"), builder.tensor((1,), "resource")
    start = builder.tensor((1, 4), "float32", name="in")
    builder.op("VAR_HANDLE", [], [left])
    builder.op("VAR_HANDLE", [], [right])
    builder.op("VAR_HANDLE", [], [right])
    builder.op("ASSIGN_VARIABLE", [left, start], [])
    builder.op("ASSIGN_VARIABLE", [right, start], [])
    model = parse(builder.build([start], [start]), name="streaming")
    names = iter(("left", "right", "right"))
    ops = tuple(
        replace(op, options={"shared_name": next(names)}) if op.kind == "VAR_HANDLE" else op
        for op in model.main.ops
    )
    return replace(model, subgraphs=(replace(model.main, ops=ops),))


def compiler(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def compile_program(
    folder: Path, deployment: Deployment, program: str, options: Sequence[str] = ()
) -> Path:
    """Compile the folder's files named in `options` with a main program."""
    write_deployment(deployment, folder)
    main = folder / "main.cc"
    main.write_text(program.replace("NAMESPACE", f"using namespace {deployment.name};"))
    binary = folder / "program"
    words = [compiler("g++"), *WARNINGS, "-I", str(folder), *options, str(main)]
    done = subprocess.run([*words, "-o", str(binary)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return binary


@pytest.fixture(scope="module")
def data_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts without TFLM, compiled once."""
    folder = tmp_path_factory.mktemp("plain")
    deployment = render_deployment(int8_model(), memory(), TARGET)
    return compile_program(folder, deployment, PROGRAM, [str(folder / "model_data.cc")])


def test_the_array_holds_the_model(data_program: Path) -> None:
    """The compiled array is the file, byte for byte, at an address that 16 divides."""
    done = subprocess.run([data_program, "data"], capture_output=True, check=True)

    assert done.stdout == int8_model().content


def test_conversions_are_tflms(data_program: Path) -> None:
    """Values are rounded half away from zero in float32, saturated, and read back alike."""
    done = subprocess.run([data_program], input=VALUES.tobytes(), capture_output=True, check=True)
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    stored = np.array([int(row[0]) for row in rows])
    back = np.array([struct.unpack("<f", struct.pack("<I", int(row[1])))[0] for row in rows])

    with np.errstate(all="ignore"):
        steps = (VALUES / np.float32(INPUT_SCALE)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + INPUT_ZERO
    expected = np.where(np.isnan(steps), -128, np.clip(rounded, -128, 127)).astype(int)

    assert stored.tolist() == expected.tolist()
    assert set(stored) >= {-128, 127, INPUT_ZERO}
    reals = np.float32(INPUT_SCALE) * (expected - INPUT_ZERO).astype(np.float32)
    assert back.tolist() == reals.tolist()


@pytest.mark.parametrize("place", [[], ["-DSTUB_IN_MICRO"]], ids=["tflite", "tflite-micro"])
def test_the_model_starts(tmp_path: Path, place: list[str]) -> None:
    """The code fits TFLM's interface, and registers as many ops as its resolver has room for."""
    deployment = render_deployment(int8_model(), memory(), TARGET)
    sources = [str(tmp_path / name) for name in ("model.cc", "model_data.cc")]
    program = compile_program(tmp_path, deployment, STARTS, [*place, "-I", str(STUBS), *sources])
    done = subprocess.run([program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["42", str(deployment.arena.size_bytes)]


def test_a_model_with_variables_starts(tmp_path: Path) -> None:
    """A model that keeps state gets room for each of its variables."""
    deployment = render_deployment(streaming_model(), memory(), TARGET)
    sources = [str(tmp_path / name) for name in ("model.cc", "model_data.cc")]
    program = compile_program(tmp_path, deployment, STARTS, ["-I", str(STUBS), *sources])
    done = subprocess.run([program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["42", "2"]


def test_every_method_exists(tmp_path: Path) -> None:
    """Each method of the table is one of the resolver's."""
    calls = "\n".join(f"  resolver.{method}();" for method in METHODS.values())
    source = tmp_path / "all.cc"
    source.write_text(
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"\n'
        f"void All() {{\n  tflite::MicroMutableOpResolver<{len(METHODS)}> resolver;\n{calls}\n}}\n"
    )
    words = [compiler("g++"), *WARNINGS, "-fsyntax-only", "-I", str(STUBS), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_it_compiles_for_the_target(tmp_path: Path) -> None:
    """Arm's compiler takes all of it, with the flags of TFLM's own build."""
    words = [compiler("arm-none-eabi-g++"), *WARNINGS, "-mcpu=cortex-m4", "-mthumb", "-Os"]
    words += ["-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics", "-funsigned-char"]
    deployment = render_deployment(int8_model(), memory(), TARGET)
    write_deployment(deployment, tmp_path)
    for name in ("model.cc", "model_data.cc"):
        done = subprocess.run(
            [*words, "-I", str(STUBS), "-c", str(tmp_path / name), "-o", str(tmp_path / "x.o")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_readme_example_compiles(tmp_path: Path) -> None:
    """What the README tells to write is C++."""
    deployment = render_deployment(int8_model(), memory(), TARGET)
    write_deployment(deployment, tmp_path)
    example = deployment.files["README.md"].split("```")[1].removeprefix("cpp\n")
    source = tmp_path / "example.cc"
    source.write_text(example)
    words = [compiler("g++"), *WARNINGS, "-fsyntax-only", "-I", str(tmp_path), str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_hostile_names_stay_harmless(tmp_path: Path) -> None:
    """Names in the file that are code, ends of comments or line continuations do nothing."""
    evil = 'x */ #error "a" \\\n#include </etc/passwd> ??/\n`$(id)`'
    deployment = render_deployment(int8_model(evil, evil), memory(), TARGET)
    sources = [str(tmp_path / "model_data.cc")]
    compile_program(tmp_path, deployment, PROGRAM, sources)

    for text in deployment.files.values():
        assert "#error" not in text
        assert "/etc/passwd>" not in text
        assert "$(" not in text


def test_methods_are_exact() -> None:
    """Each kind is registered once, whatever the number of ops."""
    assert resolver_methods(int8_model()) == ("AddRelu", "AddSoftmax")
    assert "MicroMutableOpResolver<2>" in _files()["model.cc"]


def test_all_ops_of_the_engines_have_a_method() -> None:
    """What the catalogue says TFLM can run, the resolver can register."""
    for name in ("tflm-cmsis-nn", "tflm-ref"):
        ops = catalog.engine(name).ops

        assert ops
        assert ops <= METHODS.keys()


def test_tflms_own_custom_ops_are_registered() -> None:
    """Custom ops that TFLM ships have methods; N counts them."""
    builder = ModelBuilder()
    first, last = builder.tensor((1, 4), "int16"), builder.tensor((1, 4), "int16")
    builder.op("CUSTOM:SignalWindow", [first], [last])

    assert resolver_methods(parse(builder.build([first], [last]), name="w")) == ("AddWindow",)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("CUSTOM:Mine", "custom op 'Mine'"), ("LSTM", "no kernel for LSTM")],
)
def test_ops_without_a_kernel_are_refused(kind: str, expected: str) -> None:
    """The message names the op; nothing is written."""
    builder = ModelBuilder()
    first, last = builder.tensor((1, 4), "int8"), builder.tensor((1, 4), "int8")
    builder.op(kind, [first], [last])
    model = parse(builder.build([first], [last]), name="odd")

    with pytest.raises(UnsupportedOpError, match=expected):
        render_deployment(model, memory(), TARGET)


def test_ends_without_a_type_are_refused() -> None:
    """An input of strings can't be handed over from C++."""
    builder = ModelBuilder()
    first, last = builder.tensor((1,), "string"), builder.tensor((1,), "int32")
    builder.op("SHAPE", [first], [last])
    model = parse(builder.build([first], [last]), name="odd")

    with pytest.raises(UnsupportedOpError, match="input 0 is of type string"):
        render_deployment(model, memory(), TARGET)


@pytest.mark.parametrize(
    ("arena_bytes", "high_bytes", "needed", "margin"),
    [(5000, None, 5008, 256), (5000, 6001, 6016, 304), (100000, None, 100000, 5008)],
)
def test_the_arena_covers_the_upper_end(
    arena_bytes: float, high_bytes: float | None, needed: int, margin: int
) -> None:
    """The constants are the interval's end and a stated margin, multiples of 16."""
    deployment = render_deployment(int8_model(), memory(arena_bytes, high_bytes), TARGET)
    header = deployment.files["model.h"]

    assert (deployment.arena.needed_bytes, deployment.arena.margin_bytes) == (needed, margin)
    assert f"kArenaNeededBytes = {needed};" in header
    assert f"kArenaMarginBytes = {margin};" in header


def test_starting_may_need_more_than_running() -> None:
    """The smallest arena that works decides, not what is in use once the model runs."""
    known = memory()
    more = replace(known.arena, value=7000, interval=Interval.exact(7000))
    deployment = render_deployment(int8_model(), replace(known, min_arena=more), TARGET)

    assert deployment.arena.needed_bytes == 7008
    assert "arena 7,000 bytes, predicted; once running 5,000 bytes" in deployment.files["model.h"]


def test_an_unbounded_arena_is_refused() -> None:
    """A size that nothing bounds is not written down as if it were known."""
    known = memory()
    source = known.arena.provenance
    loose = Quantity(5000, Unit.BYTE, Interval.unknown(), source)
    open_end = replace(known, arena=loose)

    with pytest.raises(InputError, match="nothing bounds its arena"):
        render_deployment(int8_model(), open_end, TARGET)


def test_shortages_name_the_board() -> None:
    """What does not fit is said with both numbers; what fits is not mentioned."""
    small = Target(
        board="tiny", core="cortex-m4", engine="tflm-ref", sram_bytes=4096, flash_bytes=1e6
    )
    deployment = render_deployment(int8_model(), memory(), small)

    assert deployment.shortages == ("RAM: needs 9,264 bytes, tiny has 4,096",)


def test_shortages_name_the_piece_that_is_too_small() -> None:
    """An arena larger than the largest piece of SRAM is a shortage, though SRAM is enough."""
    split = Target(
        board="split",
        core="cortex-m4",
        engine="tflm-ref",
        sram_bytes=1 << 20,
        sram_block_bytes=2048,
        flash_bytes=1e6,
    )
    (shortage,) = render_deployment(int8_model(), memory(), split).shortages

    assert shortage.startswith("RAM in one piece: needs ")
    assert shortage.endswith("split has 2,048")


def test_figures_carry_their_method() -> None:
    """Numbers in the text say how they were obtained and of which TFLM."""
    header, readme = _files()["model.h"], _files()["README.md"]

    assert "RAM   9,000 bytes (8,000 to 9,500), predicted" in header
    assert "TFLM 90b983c2b" in header
    assert "| flash, kernels | 70,000 bytes, predicted |" in readme
    assert "Apache License 2.0" in header


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be is said."""
    (tmp_path / "taken").write_text("")

    with pytest.raises(ConfigError, match="can't write"):
        write_deployment(render_deployment(int8_model(), memory(), TARGET), tmp_path / "taken")


def _files() -> dict[str, str]:
    return dict(render_deployment(int8_model(), memory(), TARGET).files)
