"""Linked firmware read back: totals as the linker counts, parts by name, damage in one line."""

from __future__ import annotations

import csv
import hashlib
import random
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tinygauge.errors import InputError
from tinygauge.memory.attribution import Piece, flash_part, owner_parts
from tinygauge.memory.firmware import Firmware, read_firmware
from tinygauge.quantity import Basis, Method

MAPS = Path(__file__).parent / "maps"

RAM_PARTS = {
    "interpreter and resolver": 316,
    "stack allowance": 2048,
    "static data": 128,
    "tensor arena": 8192,
}
EVAL = "_ZN6tflite12_GLOBAL__N_14EvalEP13TfLiteContextP10TfLiteNode"
INVOKE = "_ZN6tflite16MicroInterpreter6InvokeEv"

SOURCE = """
#include <cstdint>
#include <cstring>
struct TfLiteContext;
struct TfLiteNode;
namespace tflite {
class MicroInterpreter {
 public:
  int Invoke(const unsigned char* model);
  int state[52];
};
__attribute__((noinline)) int MicroInterpreter::Invoke(const unsigned char* model) {
  state[0] = model[8];
  return state[0];
}
__attribute__((noinline)) int EvalConv(TfLiteContext* context, TfLiteNode* node) {
  return static_cast<int>(context != nullptr) + static_cast<int>(node != nullptr);
}
}  // namespace tflite
extern "C" __attribute__((noinline)) int arm_convolve_s8(const std::int8_t* at, int count) {
  int sum = 0;
  for (int i = 0; i < count; i++) sum += at[i] * at[i];
  return sum;
}
extern const unsigned char g_weights[4096];
alignas(16) const unsigned char g_weights[4096] = {32, 0, 0, 0, 'T', 'F', 'L', '3', 1};
alignas(16) static std::uint8_t tensor_arena[8192];
static tflite::MicroInterpreter interpreter;
static int counter = 7;
int main() {
  std::memset(tensor_arena, counter++, sizeof tensor_arena);
  return interpreter.Invoke(g_weights) + arm_convolve_s8((std::int8_t*)tensor_arena, counter) +
         tflite::EvalConv((TfLiteContext*)tensor_arena, nullptr);
}
"""

LINKER_SCRIPT = """
MEMORY {
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 512K
  RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 128K
}
ENTRY(main)
SECTIONS {
  .isr_vector : { LONG(0x20020000) LONG(0) } > FLASH
  .text : { *(.text .text.*) KEEP(*(.init)) KEEP(*(.fini)) } > FLASH
  .rodata : { *(.rodata .rodata.*) } > FLASH
  .ARM.exidx : { *(.ARM.exidx*) *(.ARM.extab*) } > FLASH
  .data : { *(.data .data.*) *(.*_array) } > RAM AT> FLASH
  .bss (NOLOAD) : {
    __bss_start__ = .; *(.bss .bss.*) *(COMMON) __bss_end__ = .; end = .;
  } > RAM
  ._user_stack (NOLOAD) : { . = . + 0x800; } > RAM
}
"""


def sizes(firmware: Firmware, kind: str) -> dict[str, int]:
    """The parts of one kind."""
    return {part.name: int(part.size.value) for part in firmware.parts if part.kind == kind}


@dataclass(frozen=True)
class Section:
    """An input of `elf32`."""

    name: str
    kind: int = 1
    flags: int = 2
    content: bytes = b""
    size: int = 0
    link: int = 0


def elf32(sections: Sequence[Section], symbols: Sequence[tuple[str, int, int, int, int]]) -> bytes:
    """Write an ELF file for 32-bit Arm; symbols are (name, section, offset, size, type)."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name, *_ in symbols)
    table, at = bytes(16), 1
    for name, index, offset, size, kind in symbols:
        value = 0x1000 * index + offset + (1 if kind == 2 else 0)
        place = 0xFFF1 if kind == 4 else index
        table += struct.pack("<IIIBBH", at, value, size, kind, 0, place)
        at += len(name) + 1
    every = [Section("", kind=0, flags=0), *sections]
    every += [
        Section(".symtab", 2, 0, table, link=len(every) + 1),
        Section(".strtab", 3, 0, strings),
    ]
    names = b"\0" + b"".join(f"{s.name}\0".encode() for s in every[1:]) + b".shstrtab\0"
    every.append(Section(".shstrtab", 3, 0, names))
    body, headers, at = b"", b"", 0
    for index, section in enumerate(every):
        size = len(section.content) or section.size
        headers += struct.pack(
            "<10I", at, section.kind, section.flags, 0x1000 * index if section.flags else 0,
            52 + len(body), size, section.link, 0, 4, 16 if section.kind == 2 else 0,
        )  # fmt: skip
        at += len(section.name) + 1
        body += section.content
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack(
        "<HHIIIIIHHHHHH", 2, 40, 1, 0, 0, 52 + len(body), 0, 52, 32, 0, 40, len(every),
        len(every) - 1,
    )  # fmt: skip
    return head + body + headers


def small_elf() -> bytes:
    """A firmware of code, a model, a variable, and an arena."""
    model = b"\x20\0\0\0TFL3" + bytes(92)
    return elf32(
        [
            Section(".text", flags=6, content=bytes(160)),
            Section(".rodata", content=model + b"text\0\0\0\0"),
            Section(".data", flags=3, content=bytes(8)),
            Section(".bss", kind=8, flags=3, size=2048),
        ],
        [
            ("main.cc", 0, 0, 0, 4),
            ("main", 1, 0, 20, 2),
            (INVOKE, 1, 20, 40, 2),
            (EVAL, 1, 60, 40, 2),
            ("arm_convolve_s8", 1, 100, 30, 2),
            ("__aeabi_dadd", 1, 132, 0, 2),  # in assembly language: no size
            ("g_weights", 2, 0, 100, 1),
            ("counter", 3, 0, 4, 1),
            ("tensor_arena", 4, 0, 1024, 1),
            ("interpreter", 4, 1024, 208, 1),
            ("alias_of_arena", 4, 0, 16, 1),
        ],
    )


def test_an_elf_is_cut_at_its_symbols(tmp_path: Path) -> None:
    """Totals are those of `size`; the model is known by its bytes, whatever it is called."""
    path = tmp_path / "app.elf"
    path.write_bytes(small_elf())
    firmware = read_firmware(path)

    assert firmware.format == "ELF"
    assert sizes(firmware, "flash") == {
        "model": 100,
        "runtime": 40,
        "kernels": 40,
        "CMSIS-NN": 30,
        "C library": 28,
        "application": 20 + 2 + 8 + 8,
    }
    assert sizes(firmware, "ram") == {
        "tensor arena": 1024,
        "interpreter and resolver": 208,
        "application": 8 + 816,
    }
    assert (firmware.flash.value, firmware.ram.value) == (276, 2056)


@pytest.mark.parametrize(
    ("name", "format_name", "flash", "ram_application"),
    [
        (
            "gnu_ld.map",
            "GNU ld map",
            {"C library": 120, "kernels": 1258, "runtime": 58, "application": 362},
            4,
        ),
        (
            "armlink.map",
            "armlink map",
            {"C library": 116, "kernels": 1260, "runtime": 56, "application": 368},
            20,
        ),
        (
            "iar.map",
            "IAR map",
            {"C library": 20, "kernels": 1260, "runtime": 56, "application": 462},
            20,
        ),
    ],
)
def test_maps_are_attributed(
    name: str, format_name: str, flash: dict[str, int], ram_application: int
) -> None:
    """Three linkers' maps of one program give the same parts; only what each adds differs."""
    firmware = read_firmware(MAPS / name)

    assert firmware.format == format_name
    assert sizes(firmware, "ram") == RAM_PARTS | {"application": ram_application}
    assert sizes(firmware, "flash") == flash | {"model": 4096, "CMSIS-NN": 1464}


def test_numbers_are_counted_and_lead_to_the_file() -> None:
    """Every part is exact, counted, and names the map with its digest."""
    path = MAPS / "gnu_ld.map"
    firmware = read_firmware(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    for size in (firmware.ram, firmware.flash, *(part.size for part in firmware.parts)):
        assert size.method is Method.COUNTED
        assert size.interval.basis is Basis.EXACT
        assert [proof.sha256 for proof in size.provenance.evidence] == [digest]
    assert sum(sizes(firmware, "ram").values()) == firmware.ram.value == 10688
    assert sum(sizes(firmware, "flash").values()) == firmware.flash.value == 7358


def test_discarded_and_debug_sections_do_not_count() -> None:
    """What the linker dropped, and what stays in the file for debuggers, takes no memory."""
    text = (MAPS / "gnu_ld.map").read_text()

    assert "0x4000 build/main.o" in text
    assert "0x9000 build/main.o" in text
    assert read_firmware(MAPS / "gnu_ld.map").flash.value < 0x4000


def test_compressed_variables_keep_the_linkers_total(tmp_path: Path) -> None:
    """Where armlink compresses initial values, its own total of the ROM holds."""
    text = (MAPS / "armlink.map").read_text()
    path = tmp_path / "app.map"
    path.write_text(text.replace("7360 (   7.19kB)", "7300 (   7.13kB)"))
    firmware = read_firmware(path)

    assert firmware.flash.value == 7300
    assert sizes(firmware, "ram") == sizes(read_firmware(MAPS / "armlink.map"), "ram")


@pytest.mark.parametrize(
    ("name", "cut_before"),
    [("gnu_ld.map", "OUTPUT("), ("armlink.map", "Total ROM"), ("iar.map", "  2 990 bytes")],
)
def test_truncated_maps_are_refused(tmp_path: Path, name: str, cut_before: str) -> None:
    """A map without its end is said to be truncated."""
    path = tmp_path / "short.map"
    path.write_text((MAPS / name).read_text().partition(cut_before)[0])

    with pytest.raises(InputError, match="truncated") as caught:
        read_firmware(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "no ELF file and no map"),
        (b"\x7fELF", "damaged"),
        (b"\x7fELF\x01\x01\x01" + bytes(100), "not linked"),
        (b"             VMA              LMA     Size Align Out     In      Symbol\n", "no map"),
        (b"\n  Linker script and memory map\n\nOUTPUT(a elf)\n", "places nothing in flash"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """The message says what was expected."""
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(InputError, match=expected):
        read_firmware(path)


def test_an_absent_file_is_one_line(tmp_path: Path) -> None:
    """So is a folder."""
    for path in (tmp_path / "absent.elf", tmp_path):
        with pytest.raises(InputError, match="can't read"):
            read_firmware(path)


def test_damage_is_found_in_numbers(tmp_path: Path) -> None:
    """Sections that are larger than what holds them are not added up."""
    path = tmp_path / "app.map"
    text = (MAPS / "gnu_ld.map").read_text()
    path.write_text(text.replace("0x08000624      0x5b8", "0x08000624     0x55b8"))

    with pytest.raises(InputError, match="add up to"):
        read_firmware(path)


def _survives(path: Path, content: bytes) -> bool:
    """Whether the file is read; if not, it must be refused."""
    path.write_bytes(content)
    try:
        firmware = read_firmware(path)
    except InputError:
        return False
    assert sum(sizes(firmware, "flash").values()) == firmware.flash.value
    assert sum(sizes(firmware, "ram").values()) == firmware.ram.value
    return True


@pytest.mark.parametrize("name", ["elf", "gnu_ld.map", "armlink.map", "iar.map"])
def test_damaged_files_never_crash(tmp_path: Path, name: str) -> None:
    """Changed and missing bytes end in a result or in one clear line."""
    whole = small_elf() if name == "elf" else (MAPS / name).read_bytes()
    source = random.Random(7)  # noqa: S311 (not for secrets)
    read = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(source.choice([1, 2, 8])):
            content[source.randrange(len(content))] = source.randrange(256)
        if source.random() < 0.3:
            del content[source.randrange(len(content)) :]
        read += _survives(tmp_path / "damaged", bytes(content))

    assert 0 < read < 300


def test_claims_of_a_damaged_elf_cost_nothing(tmp_path: Path) -> None:
    """Counts and sizes that the file can't hold are refused before they are believed."""
    content = bytearray(small_elf())
    start = struct.unpack_from("<I", content, 32)[0]
    for offset, value in ((48, b"\xff\xff"), (32, b"\xff\xff\xff\x7f")):
        damaged = bytearray(content)
        damaged[offset : offset + len(value)] = value
        assert not _survives(tmp_path / "damaged", bytes(damaged))
    huge = bytearray(content)
    huge[start + 4 * 40 + 20 : start + 4 * 40 + 24] = b"\xff\xff\xff\xff"  # size of .bss
    assert not _survives(tmp_path / "damaged", bytes(huge))


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [
        ("libgcc.a(_arm_muldf3.o)", "", "C library"),
        ("/usr/lib/libstdc++_nano.a(del_op.o)", "", "C library"),
        ("dl7M_tln.a(exit.o)", "", "C library"),
        ("mc_w.l(memseta.o)", "", "C library"),
        ("build/crt0.o", "", "C library"),
        ("tflite-micro/tensorflow/lite/micro/kernels/cmsis_nn/add.o", "", "kernels"),
        ("third_party/cmsis_nn/Source/ActivationFunctions/x.o", "", "CMSIS-NN"),
        ("libtensorflow-microlite.a(micro_log.o)", "", "runtime"),
        ("", "arm_softmax_s8", "CMSIS-NN"),
        ("", "arm_cfft_f32", "application"),
        ("", "_ZN6tflite5micro16MicroInterpreter6InvokeEv", "runtime"),
        ("", EVAL, "kernels"),
        ("", "_ZNK11flatbuffers5Table22GetOptionalFieldOffsetEt", "runtime"),
        ("", "TfLiteIntArrayGetSizeInBytes", "runtime"),
        ("", "_ZN8gemmlowp22exp_on_negative_valuesIlLi5EEE", "kernels"),
        ("", "__aeabi_fadd", "C library"),
        ("", "memcpy", "C library"),
        ("", "HAL_Init", "application"),
        ("src/add.o", "add", "application"),
    ],
)
def test_names_decide(owner: str, name: str, expected: str) -> None:
    """Libraries and prefixes lead to parts; the user's own code stays the application's."""
    piece = Piece(
        size_bytes=4, in_flash=True, in_ram=False, section=".text", owner=owner, symbol=name
    )

    assert flash_part(piece, owner_parts([piece])) == expected


def test_measured_links_are_attributed(shared_data: Path) -> None:
    """Of sections measured with known origin, at least 99 % of the bytes go where they belong."""
    origin = {"core": "runtime", "nn": "CMSIS-NN", "gcc": "C library", "m": "C library"}
    origin |= {"c": "C library", "kcommon": "kernels", "kref": "kernels", "kcmsis": "kernels"}
    pieces: dict[tuple[str, str, str], tuple[Piece, str]] = {}
    with (shared_data / "cortexm" / "codesize_sections.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            archive, member = row["object"].split(":", 1)
            if archive == "app" or row["core"] != "m4f" or row["build"] != "logs":
                continue
            library = archive.removeprefix("lib").removesuffix(".a")
            if library not in ("gcc", "m", "c"):  # as TFLM's own build: one library for all
                archive, member = "libtensorflow-microlite.a", member.rpartition("__")[2]
            piece = Piece(
                size_bytes=int(row["bytes"]),
                in_flash=row["out_section"] != ".bss",
                in_ram=row["out_section"] in (".bss", ".data"),
                section=row["in_section"],
                owner=f"{archive}({member})",
            )
            key = (row["object"], row["in_section"], row["out_section"])
            pieces[key] = piece, origin[library]
    owners = owner_parts(piece for piece, _ in pieces.values())
    whole = [(piece, part) for piece, part in pieces.values() if piece.in_flash]
    right = sum(piece.size_bytes for piece, part in whole if flash_part(piece, owners) == part)

    assert right / sum(piece.size_bytes for piece, _ in whole) >= 0.99


def test_a_real_link(tmp_path: Path) -> None:
    """GNU's linker, its map and `size` agree on a program built here."""
    compiler, size = shutil.which("arm-none-eabi-g++"), shutil.which("arm-none-eabi-size")
    if compiler is None or size is None:
        pytest.skip("no arm-none-eabi-g++ on this machine")
    (tmp_path / "app.cc").write_text(SOURCE)
    (tmp_path / "link.ld").write_text(LINKER_SCRIPT)
    words = f"{compiler} -mcpu=cortex-m4 -mthumb -Os -ffunction-sections -fdata-sections"
    words += " -fno-exceptions -fno-rtti --specs=nosys.specs -Wl,--gc-sections -nostartfiles"
    words += " -T link.ld -Wl,-Map=app.map app.cc -o app.elf"
    subprocess.run(words.split(), cwd=tmp_path, check=True, capture_output=True)
    printed = subprocess.run(
        [size, "app.elf"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    text, data, bss = (int(word) for word in printed.splitlines()[1].split()[:3])
    elf, linked = read_firmware(tmp_path / "app.elf"), read_firmware(tmp_path / "app.map")

    for firmware in (elf, linked):
        assert (firmware.flash.value, firmware.ram.value) == (text + data, data + bss)
        ram = sizes(firmware, "ram")
        assert ram["tensor arena"] == 8192
        assert ram["interpreter and resolver"] == 208
        assert ram["stack allowance"] == 2048
        flash = sizes(firmware, "flash")
        assert min(flash[part] for part in ("runtime", "kernels", "CMSIS-NN", "C library")) > 0
    assert sizes(elf, "flash")["model"] == 4096
