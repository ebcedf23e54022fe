"""The catalogue: packaged boards and engines, and what a user's own file must hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tinygauge import catalog
from tinygauge.catalog import Board
from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.quantity import Basis, Method, Missing, Quantity
from tinygauge.units import Unit

ROOT = Path(__file__).resolve().parents[2]

# Core, clock (MHz), SRAM and flash (KiB) as the system files of the MLPerf Tiny results
# repositories state them. Three differ on purpose: NUCLEO-H7A3ZI-Q (submitters say 1208 to 1434
# KiB), NUCLEO-U575ZI-Q (they leave out SRAM4) and EK-RA8D1 (sold as 2 MB, 2016 KiB usable).
# The nRF5340 is from Nordic.
FACTS = {
    "cy8cproto-062-4343w": ("cortex-m4", 150, 1024, 2048),
    "disco-f746ng": ("cortex-m7", 216, 320, 1024),
    "ek-ra6m4": ("cortex-m33", 200, 256, 1024),
    "ek-ra8d1": ("cortex-m85", 480, 1024, 2016),
    "nrf5340-dk": ("cortex-m33", 128, 512, 1024),
    "nucleo-g0b1re": ("cortex-m0+", 64, 144, 512),
    "nucleo-h7a3zi-q": ("cortex-m7", 280, 1376, 2048),
    "nucleo-l4r5zi": ("cortex-m4", 120, 640, 2048),
    "nucleo-u575zi-q": ("cortex-m33", 160, 784, 2048),
    "rx65n-cloud-kit": ("rxv2", 120, 640, 2048),
    "xg24-dk2601b": ("cortex-m33", 78, 256, 1536),
}

UNITS = {
    "clock": Unit.HERTZ,
    "sram": Unit.BYTE,
    "sram_block": Unit.BYTE,
    "flash": Unit.BYTE,
    "supply": Unit.VOLT,
    "coremark": Unit.COREMARK_PER_MHZ,
    "active_power": Unit.WATT,
}

BOARD = """
name = "mine"
title = "My board"
core = "cortex-m4"
[clock]
value = "80 MHz"
source = "datasheet, table 1"
[sram]
value = "128 KiB"
source = "datasheet, table 1"
exact = true
[flash]
value = "1 MiB"
source = "datasheet, table 1"
exact = true
[active_power]
value = "30 mW"
low = "25 mW"
high = "40 mW"
level = 0.9
n = 5
basis = "repeats"
method = "measured"
rail = "board"
source = "our bench"
"""

ENGINE = """
name = "mine"
title = "My engine"
source = "its manual"
kernels = "mine"
cores = ["cortex-m4"]
ops = ["CONV_2D"]
[numerics]
profile = "unknown"
evidence = "nothing was compared"
"""


def quantities(board: Board) -> dict[str, Quantity | Missing]:
    return {name: getattr(board, name) for name in UNITS}


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_sram_is_one_piece_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    """An arena may fill all of it, or the largest block, which can't be larger than the whole."""
    block = '[sram_block]\nvalue = "{} KiB"\nsource = "its memory map"\n'
    whole = catalog.load_board(write(tmp_path, BOARD))
    parted = catalog.load_board(write(tmp_path, BOARD + block.format(96)))

    assert whole.sram_block == whole.sram
    assert parted.sram_block.value == 96 * 1024
    assert catalog.board("rx65n-cloud-kit").sram_block.value == 384 * 1024
    with pytest.raises(ConfigError, match=r"\[sram_block\]: it is larger than \[sram\]"):
        catalog.load_board(write(tmp_path, BOARD + block.format(256)))


@pytest.mark.parametrize("name", catalog.board_names())
def test_every_packaged_board_states_each_number_with_unit_and_source(name: str) -> None:
    """A number of a packaged board has its unit and a source, or a reason for its absence."""
    board = catalog.board(name)

    assert name == board.name
    for key, quantity in quantities(board).items():
        if isinstance(quantity, Missing):
            assert len(quantity.reason) > 20, key
        else:
            assert quantity.unit is UNITS[key]
            assert quantity.method is Method.QUOTED
            assert len(quantity.provenance.source) > 20, key


@pytest.mark.parametrize(("name", "facts"), FACTS.items())
def test_boards_agree_with_the_published_systems(
    name: str, facts: tuple[str, int, int, int]
) -> None:
    """Core, clock and memories are those that the submitters of MLPerf Tiny stated."""
    core, clock_mhz, sram_kib, flash_kib = facts

    board = catalog.board(name)

    assert board.core == core
    assert board.clock.value == clock_mhz * 1e6
    assert board.sram.value == sram_kib * 1024
    assert board.flash.value == flash_kib * 1024
    assert board.sram.interval.basis is Basis.EXACT


@pytest.mark.parametrize("name", catalog.board_names())
def test_active_power_has_an_interval_a_supply_and_a_known_rail(name: str) -> None:
    """Power that is given comes with 90 % interval, number of runs and supply; else neither."""
    board = catalog.board(name)

    if isinstance(board.active_power, Missing):
        assert isinstance(board.supply, Missing)
        return
    interval = board.active_power.interval
    assert isinstance(board.supply, Quantity)
    assert interval.low < board.active_power.value < interval.high
    assert interval.level == 0.9
    assert interval.n is not None
    assert interval.n >= 4
    assert board.power_rail == "mcu"


def test_active_power_is_what_the_derivation_prints(shared_data: Path) -> None:
    """Each power from published runs equals the line that tools/derive_power.py prints for it."""
    tool, data = str(ROOT / "tools/derive_power.py"), str(shared_data / "mlperf_tiny")
    command = [sys.executable, tool, "--data", data]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    printed = [line.split() for line in lines if re.match(r"[a-z0-9-]+ +\d+ +\d\.\d ", line)]
    compared = 0
    for name, clock, supply, runs, _, *powers in printed:
        board = catalog.board(name)
        assert isinstance(board.active_power, Quantity)
        assert isinstance(board.supply, Quantity)
        if board.supply.value != float(supply):
            continue
        interval = board.active_power.interval
        found = [board.active_power.value, interval.low, interval.high]
        assert [f"{value * 1e3:.1f}" for value in found] == powers
        assert (board.clock.value, interval.n) == (float(clock) * 1e6, int(runs))
        compared += 1

    assert compared == 6


@pytest.mark.parametrize("name", catalog.engine_names())
def test_every_packaged_engine_gives_its_numeric_profile_with_evidence(name: str) -> None:
    """An engine names its cores, its source and what its rounding was found by."""
    engine = catalog.engine(name)

    assert name == engine.name
    assert engine.cores
    assert len(engine.source) > 20
    assert len(engine.profile.evidence) > 20
    if engine.skips_dead_channels is not None:
        assert any("ead channels" in note for note in engine.notes)


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("tflm-ref", "two-rounding"),
        ("tflm-cmsis-nn", "two-rounding"),
        ("hale-1.0", "two-rounding"),
        ("microtvm-cmsis-nn", "two-rounding"),
        ("x-cube-ai", "one-rounding"),
        ("plumerai", "one-rounding"),
        ("tflm-andes-nn", "litert"),
        ("tflm-silabs-mvp", "unknown"),
        ("hale", "unknown"),
    ],
)
def test_numeric_profiles_are_those_found_on_the_published_outputs(name: str, profile: str) -> None:
    """The profile is the one whose desktop runner equals the published outputs."""
    assert catalog.engine(name).profile.name == profile


def test_tflm_engines_run_every_board_and_the_same_ops() -> None:
    """Both first-class engines cover the cores of all boards; CMSIS-NN adds kernels, not ops."""
    reference, cmsis_nn = catalog.engine("tflm-ref"), catalog.engine("tflm-cmsis-nn")
    cores = {catalog.board(name).core for name in catalog.board_names()}

    assert cores <= set(reference.cores)
    assert cores <= set(cmsis_nn.cores)
    assert reference.ops is not None
    assert cmsis_nn.ops == reference.ops
    assert cmsis_nn.accelerated_ops < reference.ops
    assert not reference.accelerated_ops


PROBE = """
import os, sys
from tflite_micro.python.tflite_micro import runtime
from support.tiny_models import ModelBuilder
for kind in sys.argv[1:]:
    builder = ModelBuilder()
    builder.op(kind, [], [])
    model = builder.build([], [])
    sys.stdout.write(f"\\n{kind}\\n")
    sys.stdout.flush()
    child = os.fork()
    if not child:  # an op without tensors may crash: only its message counts
        os.dup2(1, 2)
        try:
            runtime.Interpreter.from_bytes(model, arena_size=8192)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tflite-micro is built for Linux alone")
def test_tflm_ops_are_those_the_interpreter_resolves() -> None:
    """The interpreter finds a kernel for exactly the op kinds that the catalogue lists."""
    pytest.importorskip("tflite_micro")
    tflite = pytest.importorskip("tflite")
    kinds = [kind for kind in vars(tflite.BuiltinOperator) if kind.isupper()]
    command = [sys.executable, "-c", PROBE, *kinds]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT / "tests"
    ).stdout
    answers = dict(re.findall(r"^([A-Z0-9_]+)\n((?:(?![A-Z0-9_]+\n).*\n)*)", said, re.MULTILINE))

    assert set(answers) == set(kinds)
    lacking = {kind for kind, answer in answers.items() if "Didn't find op" in answer}
    assert catalog.engine("tflm-ref").ops == frozenset(kinds) - lacking - {"CUSTOM"}


@pytest.mark.parametrize(
    ("given", "meant"), [("ek-ra6m5", "ek-ra6m4"), ("nucleo-h7a3zi", "nucleo-h7a3zi-q")]
)
def test_unknown_board_names_the_nearest(given: str, meant: str) -> None:
    """A mistyped board gets a suggestion."""
    with pytest.raises(UnknownNameError, match=f"Did you mean.*{meant}"):
        catalog.board(given)


def test_unknown_engine_names_the_nearest() -> None:
    """A mistyped engine gets a suggestion."""
    with pytest.raises(UnknownNameError, match=r"Did you mean.*tflm-cmsis-nn"):
        catalog.engine("tflm-cmsisnn")


def test_name_like_nothing_lists_what_exists() -> None:
    """A name near to nothing gets the list of boards."""
    with pytest.raises(UnknownNameError, match=r"Known: .*ek-ra6m4"):
        catalog.board("zzz")


def test_names_are_found_in_any_case() -> None:
    """Makers write their boards in capitals."""
    assert catalog.board("EK-RA6M4").name == "ek-ra6m4"


def test_user_board_is_read_by_path(tmp_path: Path) -> None:
    """A board of the user's own gives its numbers in base units with interval and method."""
    board = catalog.board(str(write(tmp_path, BOARD)))

    power = board.active_power
    assert isinstance(power, Quantity)
    assert (power.value, power.interval.low, power.interval.high) == (0.03, 0.025, 0.04)
    assert (power.interval.level, power.interval.n) == (0.9, 5)
    assert power.interval.basis is Basis.REPEATS
    assert power.method is Method.MEASURED
    assert board.power_rail == "board"
    assert not board.clock.interval.is_known
    assert isinstance(board.coremark, Missing)
    assert "[coremark]" in board.coremark.advice


def test_user_engine_is_read_by_path(tmp_path: Path) -> None:
    """An engine of the user's own may leave out what is not known."""
    engine = catalog.engine(str(write(tmp_path, ENGINE)))

    assert engine.ops == frozenset({"CONV_2D"})
    assert engine.skips_dead_channels is None
    assert engine.version == "unknown"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "name = mine", "not valid TOML"),
        ('name = "mine"', "", "'name' is missing"),
        ('name = "mine"', 'name = ""', "'name' must be text, got ''"),
        ('core = "cortex-m4"', "core = 4", "'core' must be text, got 4"),
        ("[clock]", "[klock]", "unknown key 'klock'. Did you mean clock"),
        ("[flash]", "[notes_]", "unknown key 'notes_'. Did you mean notes"),
        ("[active_power]", "[active-power]", "unknown key 'active-power'. Did you mean active_po"),
        ("[clock]", "[supply]", r"the table \[clock\] is required"),
        ("level = 0.9", "levle = 0.9", r"\[active_power\]: unknown key 'levle'"),
        ('rail = "board"', 'rail = "usb"', "'rail' must be one of mcu, board, got 'usb'"),
        ('value = "80 MHz"', 'value = "80 ms"', r"\[clock\], 'value': expected a value in Hz"),
        ('value = "80 MHz"', 'value = "80 parsec"', r"\[clock\], 'value': .*unknown unit 'parsec'"),
        ('value = "80 MHz"', 'value = "0 MHz"', "must be above 0"),
        ('value = "80 MHz"', "value = 80", "'value' must be text, got 80"),
        ('value = "128 KiB"', 'value = "128 kB"', r"\[sram\], 'value': .*Write KiB"),
        ('value = "30 mW"', 'value = "50 mW"', "value 0.05 lies outside low 0.025 to high 0.04"),
        ('low = "25 mW"', "", "'low' is missing"),
        ("level = 0.9", "level = 90", r"'level' must lie in 0\.\.1, got 90"),
        ("level = 0.9", "", r"'level' must lie in 0\.\.1"),
        ('basis = "repeats"', 'basis = "luck"', "'basis' must be one of exact"),
        ('method = "measured"', 'method = "guessed"', "'method' must be one of counted"),
        ('source = "our bench"', "", "'source' is missing"),
        ('name = "mine"', "name = " + "[" * 5000, "not valid TOML"),
        ("exact = true", 'exact = "yes"', "'exact' must be true or false"),
    ],
)
def test_bad_board_file_gives_one_clear_error(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """Each mistake in a board file is named in one line with the file."""
    assert BOARD.count(old)
    path = write(tmp_path, BOARD.replace(old, new))

    with pytest.raises(ConfigError, match=message) as caught:
        catalog.load_board(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[numerics]", "[numeric]", "unknown key 'numeric'. Did you mean numerics"),
        ('ops = ["CONV_2D"]', 'opps = ["CONV_2D"]', "unknown key 'opps'. Did you mean ops"),
        ('profile = "unknown"', 'profiles = "x"', r"\[numerics\]: unknown key 'profiles'"),
        ('profile = "unknown"', 'profile = "three-rounding"', "must be one of two-rounding"),
        ('evidence = "nothing was compared"', "", "'evidence' is missing"),
        ('ops = ["CONV_2D"]', 'ops = "CONV_2D"', "'ops' must be a list of texts"),
        ('kernels = "mine"', "skips_dead_channels = 1\nkernels = 'x'", "must be true or false"),
    ],
)
def test_bad_engine_file_gives_one_clear_error(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """Each mistake in an engine file is named in one line with the file."""
    path = write(tmp_path, ENGINE.replace(old, new))

    with pytest.raises(ConfigError, match=message) as caught:
        catalog.load_engine(path)

    assert str(path) in str(caught.value)


def test_absent_file_is_a_clear_error(tmp_path: Path) -> None:
    """A path without a file says so, without a traceback of the system's error."""
    with pytest.raises(ConfigError, match=r"none\.toml: can't read the file"):
        catalog.board(str(tmp_path / "none.toml"))
