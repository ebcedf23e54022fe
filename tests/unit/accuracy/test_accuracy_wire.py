"""The MLPerf Tiny evaluation format: what the bytes mean, windows, and faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygauge.accuracy import Task, load_dataset
from tinygauge.errors import DatasetError, UnknownNameError


def folder_of(place: Path, labels: str, **files: bytes) -> Path:
    (place / "y_labels.csv").write_text(labels)
    for name, content in files.items():
        (place / f"{name}.bin").write_bytes(content)
    return place


def test_keyword_bytes_are_those_of_the_reference_model(tmp_path: Path) -> None:
    """kws01 files are int8 with scale and zero point of the reference model's input."""
    content = np.arange(490).astype(np.int8)
    data = load_dataset(folder_of(tmp_path, "a.bin,12,7\n", a=content.tobytes()))
    assert data.x.dtype == np.dtype(np.int8)
    assert data.x_zero_point == 83
    assert data.x_scale == pytest.approx(0.58470291)
    np.testing.assert_array_equal(data.rows(0, 1).reshape(-1), content)
    assert data.labels[7] == "stop"


@pytest.mark.parametrize(
    ("size_bytes", "shape", "scale"), [(3072, (32, 32, 3), 1.0), (27648, (96, 96, 3), 1 / 255)]
)
def test_image_bytes_are_pixels(
    tmp_path: Path, size_bytes: int, shape: tuple[int, ...], scale: float
) -> None:
    """ic01 and vww01 files are unsigned bytes, told by their size."""
    classes = 10 if size_bytes == 3072 else 2
    data = load_dataset(folder_of(tmp_path, f"a.bin,{classes},1", a=b"\xff" * size_bytes))
    assert (data.row_shape, data.x_scale, np.max(data.x)) == (shape, scale, 255)


def test_recordings_are_cut_into_all_windows_that_fit(tmp_path: Path) -> None:
    """A 102,400-byte recording gives the benchmark's 196 windows; no copy is made of them."""
    first = np.arange(25600, dtype="<f4")
    second = -np.arange(640 + 128 + 127, dtype="<f4")
    labels = "a.bin,2,0,2560,512\nb.bin,2,1,2560,512\n"
    data = load_dataset(folder_of(tmp_path, labels, a=first.tobytes(), b=second.tobytes()))
    assert data.task is Task.ANOMALY
    assert data.windows is not None
    assert len(data) == 196 + 2
    assert data.x.size == first.size + second.size
    np.testing.assert_array_equal(data.windows.recording, [0] * 196 + [1] * 2)
    np.testing.assert_array_equal(data.rows(1, 2)[0], first[128:768])
    np.testing.assert_array_equal(data.rows(195, 198)[0], first[-640:])
    np.testing.assert_array_equal(data.rows(195, 198)[2], second[128:768])


def test_the_digest_covers_labels_and_files(tmp_path: Path) -> None:
    """Another label or another byte is another dataset."""
    digests = set()
    for number, (labels, content) in enumerate(
        [("a.bin,12,1", b"0" * 490), ("a.bin,12,2", b"0" * 490), ("a.bin,12,1", b"1" * 490)]
    ):
        place = tmp_path / str(number)
        place.mkdir()
        digests.add(load_dataset(folder_of(place, labels, a=content)).sha256)
    assert len(digests) == 3


KWS = b"\0" * 490
WINDOW = b"\0" * 2560
FAULTS: list[tuple[str, dict[str, bytes], str]] = [
    ("", {}, "the file is empty"),
    ("a.bin,12,0\nb.bin,12,1\nc.bin,12,2", {"b": KWS}, "2 of 3 files are missing, first 'a.bin'"),
    ("a.bin,12,0", {"a": b""}, "inputs of 0 bytes are of no MLPerf Tiny benchmark"),
    ("a.bin,12,0\nb.bin,12,0", {"a": KWS, "b": KWS[:9]}, "'b.bin' has 9 bytes"),
    ("a.bin,12,12", {"a": KWS}, "line 1: class 12 is not in 0..11"),
    ("a.bin,12,-1", {"a": KWS}, "class -1"),
    ("a.bin,10,1", {"a": KWS}, "10 classes, kws01 has 12"),
    ("a.bin,12", {"a": KWS}, "line 1: 2 values"),
    ("a.bin,12,x", {"a": KWS}, "'12,x' are no integers"),
    ("a.bin,12,0\nb.bin,2,0", {"a": KWS, "b": KWS}, "'classes' differs between lines: 2 and 12"),
    ("../a.bin,12,0", {"a": KWS}, "no plain file name"),
    ("/a.bin,12,0", {"a": KWS}, "no plain file name"),
    ("a.bin,2,0,2560,0", {"a": WINDOW}, "must be above 0"),
    ("a.bin,2,0,2560,510", {"a": WINDOW}, "the stride 510 is no multiple of 4 bytes"),
    ("a.bin,2,0,2560,512", {"a": WINDOW[:-4]}, "'a.bin' has 2,556 bytes"),
    ("a.bin,2,0,2560,512", {"a": WINDOW + b"0"}, "'a.bin' has 2,561 bytes"),
    ("a.bin,2,0,2560,512", {"a": b"\xff" * 2560}, "x holds nan"),
]


@pytest.mark.parametrize(("labels", "files", "told"), FAULTS)
def test_faults_are_named_in_one_line(
    tmp_path: Path, labels: str, files: dict[str, bytes], told: str
) -> None:
    """Each fault of the list or its files is one line that says which."""
    with pytest.raises(DatasetError) as caught:
        load_dataset(folder_of(tmp_path, labels, **files) / "y_labels.csv")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_benchmark_can_be_named(tmp_path: Path) -> None:
    """A named benchmark is checked against the sizes; an unknown one gets a suggestion."""
    place = folder_of(tmp_path, "a.bin,12,0", a=KWS)
    assert len(load_dataset(place, wire="kws01")) == 1
    with pytest.raises(DatasetError, match="10"):
        load_dataset(place, wire="ic01")
    with pytest.raises(UnknownNameError, match="Did you mean kws01"):
        load_dataset(place, wire="kws1")
