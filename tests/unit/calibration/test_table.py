"""Tables of measurements: what is read, how cells are spelt, and what is refused."""

from __future__ import annotations

import contextlib
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.tiny_models import build_cnn

from tinygauge.calibration.readings import Place, measurements
from tinygauge.calibration.table import read_table
from tinygauge.errors import InputError

NOWHERE = Place()
HERE = Place(board="nucleo-l4r5zi", engine="tflm-cmsis-nn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold two models."""
    made = tmp_path_factory.mktemp("measured")
    (made / "a.tflite").write_bytes(build_cnn(side=16))
    (made / "b.tflite").write_bytes(build_cnn(side=8))
    return made


def write(folder: Path, text: str) -> Path:
    path = folder / "own.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "model,board,engine,clock,latency,energy\na.tflite,ek-ra6m4,tflm-ref,100MHz,62 ms,3.1mJ",
        "model,board,engine,clock_mhz,latency_ms,energy_uj\na.tflite,ek-ra6m4,tflm-ref,100,62,3100",
        "Model,Board,Engine,Clock [MHz],Latency (µs),Energy (mJ)\n"
        "a.tflite,ek-ra6m4,tflm-ref,100,62 ms,3.1",
        "MODEL;Board;engine;clock_hz;latency_us;energy\r\n"
        "a.tflite;EK-RA6M4;tflm-ref;1e8;62000;3.1 mJ\r\n",
        "\ufeffmodel\tboard\tengine\tclock\tlatency_s\tenergy_J\tnote\n\n"
        'a.tflite\tek-ra6m4\ttflm-ref\t100 MHz\t0.062\t0.0031\t"at my desk"\n',
    ],
)
def test_values_may_be_spelt_in_several_ways(folder: Path, text: str) -> None:
    """With a unit in the cell or in the header, any usual separator, as spreadsheets write it."""
    (found,) = read_table(write(folder, text), NOWHERE)

    assert (found.model.name, found.board.name, found.engine.name) == ("a", "ek-ra6m4", "tflm-ref")
    assert found.clock_hz == 100e6
    assert found.latencies_s == pytest.approx((0.062,))
    assert found.energies_j == pytest.approx((0.0031,))


def test_what_a_line_does_not_say_is_taken_from_the_options(folder: Path) -> None:
    """A cell wins over the option; the clock is the board's, the energy may be absent."""
    path = write(folder, "model,board,latency\na.tflite,,62ms\nb.tflite,ek-ra6m4,10ms\n")

    here, there = read_table(path, HERE)

    assert (here.board.name, here.clock_hz) == ("nucleo-l4r5zi", 120e6)
    assert (there.board.name, there.engine.name) == ("ek-ra6m4", "tflm-cmsis-nn")
    assert here.energies_j == ()


def test_repeats_become_one_measurement_with_an_interval(folder: Path) -> None:
    """The median counts; of another clock or engine it is another measurement."""
    lines = ["a.tflite,,18ms", "a.tflite,,20ms", "a.tflite,,19ms", "a.tflite,60MHz,40ms"]
    path = write(folder, "\n".join(["model,clock,latency", *lines]))

    found = measurements(read_table(path, HERE))

    assert [each.latency.value for each in found] == pytest.approx([0.019, 0.04])
    interval = found[0].latency.interval
    assert (interval.low, interval.high, interval.n) == (0.018, 0.02, 3)
    assert interval.level == pytest.approx(0.75)
    assert not found[1].latency.interval.is_known
    assert found[0].source.count("line") == 3
    assert found[1].target.clock_hz == 60e6


GOOD = "model,latency\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty. Columns: model, board"),
        ("model,latency\n", "a header and no line below"),
        ("model,latncy\na.tflite,1ms", "unknown column 'latncy'. Did you mean latency"),
        ("model,latency_min\na.tflite,1", "unknown column 'latency_min'. Did you mean latency_ms"),
        ("model,board\na.tflite,x", "no column 'latency'"),
        ("model,latency,latency_ms\na.tflite,1ms,1", "two columns for latency"),
        (f"{GOOD}a.tflite", "line 2: 1 cells, the header has 2"),
        (f"{GOOD},62ms", "line 2: the model is empty"),
        (f"{GOOD}a.tflite,", "line 2: the latency is empty"),
        (f"{GOOD}a.tflite,62", "line 2, latency: expected a value in s above 0, got '62'. Write"),
        (f"{GOOD}a.tflite,62mJ", "line 2, latency: expected a value in s"),
        (f"{GOOD}a.tflite,-3ms", "line 2, latency: expected a value in s above 0"),
        (f"{GOOD}a.tflite,0ms", "line 2, latency: expected a value in s above 0"),
        (f"{GOOD}a.tflite,nan", "line 2, latency: 'nan': this is no number"),
        ("model;latency\na.tflite;62,5ms", "line 2, latency: '62,5ms': this is no number"),
        (f"{GOOD}c.tflite,62ms", "c.tflite: can't read it"),
        (f"{GOOD}own.csv,62ms", "own.csv: "),
        ("model,board,latency\na.tflite,ek-ra6m5,1ms", "Did you mean ek-ra6m4"),
        ("model,engine,latency\na.tflite,tflm@x,1ms", "unknown engine 'tflm'"),
        ("model,clock,latency\na.tflite,fast,1ms", "line 2, clock: 'fast'"),
        (f'{GOOD}"a.tflite,1ms', "this is no CSV"),
        (
            '{"schema": "tinygauge.calibration"}',
            "this is JSON, no table. A calibration goes behind",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(folder: Path, text: str, says: str) -> None:
    """One sentence says which file and line, what is wrong, and what to do."""
    path = write(folder, text)

    with pytest.raises(InputError) as caught:
        read_table(path, HERE)

    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_board_and_engine_must_be_named_somewhere(folder: Path) -> None:
    """By a column or by the option."""
    path = write(folder, f"{GOOD}a.tflite,62ms\n")

    with pytest.raises(InputError, match=r"no board is named\. Add a column, or --board NAME"):
        read_table(path, NOWHERE)
    with pytest.raises(InputError, match="no engine is named"):
        read_table(path, Place(board="ek-ra6m4"))


def test_a_file_that_is_no_table_is_refused(folder: Path) -> None:
    """Absent, a folder, or not text."""
    (folder / "binary.csv").write_bytes(b"\xff\xfe\x00model")

    for name, says in (("none.csv", "can't read it"), ("binary.csv", "no UTF-8"), (".", "can't")):
        with pytest.raises(InputError, match=says):
            read_table(folder / name, HERE)


def test_an_engine_of_another_maker_is_a_misnamed_one(folder: Path) -> None:
    """What can't have been measured is refused with its line."""
    path = write(folder, "model,board,engine,latency\na.tflite,ek-ra6m4,x-cube-ai,62ms\n")

    with pytest.raises(InputError, match=r"line 2: x-cube-ai runs on parts of ST"):
        measurements(read_table(path, NOWHERE))


@given(text=st.text(alphabet=string.printable + "é;\x00", max_size=120))
@settings(max_examples=50)
def test_no_text_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever the file holds: readings or an input error."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text, encoding="utf-8", newline="")

    with contextlib.suppress(InputError):
        assert read_table(path, HERE)
