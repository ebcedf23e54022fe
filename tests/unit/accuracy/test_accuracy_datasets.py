"""Reading datasets: what is accepted, and the one line that refuses the rest."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tinygauge.accuracy import Dataset, Task, load_dataset
from tinygauge.errors import DatasetError
from tinygauge.quantity import Missing

X = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
Y = np.array([0, 1, 2, 1])


def save(path: Path, **arrays: Any) -> Path:
    file = path / "data.npz"
    np.savez(file, **arrays)
    return file


def test_npz_gives_inputs_classes_and_scale(tmp_path: Path) -> None:
    """All that a .npz states arrives, and two files of one content have one digest."""
    file = save(
        tmp_path, x=X.astype(np.uint8), y=Y, x_scale=0.5, x_zero_point=2, labels=["a", "b", "c"]
    )
    data = load_dataset(file)
    assert (data.name, len(data), data.row_shape) == ("data", 4, (2, 3))
    assert (data.x_scale, data.x_zero_point, data.labels) == (0.5, 2, ("a", "b", "c"))
    np.testing.assert_array_equal(data.reals(1, 2), (X[1:2] - 2) * 0.5)
    copy = tmp_path / "copy.npz"
    copy.write_bytes(file.read_bytes())
    assert load_dataset(copy).sha256 == data.sha256


@pytest.mark.parametrize(
    "y",
    [Y, Y.astype(np.float64), Y.reshape(4, 1), np.eye(3)[Y], Y.astype(np.uint8), np.eye(3)[Y] > 0],
    ids=["ints", "floats", "column", "one-hot", "bytes", "one-hot bools"],
)
def test_classes_come_as_numbers_or_one_hot(tmp_path: Path, y: np.ndarray[Any, Any]) -> None:
    """Each common way to write classes reads as the same numbers."""
    np.testing.assert_array_equal(load_dataset(save(tmp_path, x=X, y=y)).y, Y)


def test_classes_may_be_unknown_where_outputs_are_only_compared(tmp_path: Path) -> None:
    """Then nothing is right or wrong, and the reason is told."""
    data = load_dataset(save(tmp_path, x=X, labels=["a"]), needs_classes=False)

    assert (len(data), data.recordings, data.has_classes) == (4, 4, False)
    assert data.right_answers(np.arange(4)) == Missing(
        "data holds no classes", "Add the true classes as y"
    )


@pytest.mark.parametrize("case", ["scalar x", "empty y", "nan"])
def test_data_without_classes_are_checked_all_the_same(tmp_path: Path, case: str) -> None:
    """What is wrong with `x`, or with a `y` that is there, is no matter of scoring."""
    _, arrays, problem = next(each for each in BAD_NPZ if each[0] == case)

    with pytest.raises(DatasetError, match=re.escape(problem)):
        load_dataset(save(tmp_path, **arrays), needs_classes=False)


NAN = X.copy()
NAN[2, 1, 1] = np.nan
BAD_NPZ: list[tuple[str, dict[str, Any], str]] = [
    ("no y", {"x": X}, "no array 'y' in it, only x"),
    ("empty y", {"x": X, "y": Y[:0]}, "x has 4 inputs but y is empty"),
    ("nothing", {}, "no array 'x' in it, only nothing"),
    ("n differs", {"x": X, "y": Y[:3]}, "x has 4 inputs but y has 3 classes"),
    ("no rows", {"x": X[:0], "y": Y[:0]}, "no inputs"),
    ("nan", {"x": NAN, "y": Y}, "x holds nan (input 2)"),
    ("inf", {"x": np.where(np.isnan(NAN), np.inf, X), "y": Y}, "x holds inf (input 2)"),
    ("negative class", {"x": X, "y": Y - 1}, "class -1"),
    ("half a class", {"x": X, "y": Y / 2}, "0.5, which is no class number"),
    ("nan class", {"x": X, "y": np.array([0, 1, np.nan, 2])}, "nan, which is no class number"),
    ("two-hot", {"x": X, "y": np.ones((4, 3))}, "not one-hot"),
    ("too deep", {"x": X, "y": np.zeros((4, 1, 1))}, "y must have the shape (n,)"),
    (
        "class names",
        {"x": X, "y": np.array(["a", "b", "a", "b"])},
        "y must hold class numbers, got text",
    ),
    ("few labels", {"x": X, "y": Y, "labels": ["a", "b"]}, "class 2, but there are 2 labels"),
    ("text x", {"x": np.array(["a"] * 4), "y": Y}, "x must hold integers or floats"),
    ("complex x", {"x": X.astype(np.complex64), "y": Y}, "x must hold integers or floats"),
    ("scalar x", {"x": 1, "y": 0}, "x must be an array, got a single value"),
    ("objects", {"x": np.array([{}, {}, {}, {}]), "y": Y}, "no readable .npz"),
    ("zero scale", {"x": X, "y": Y, "x_scale": 0.0}, "x_scale must be above 0"),
    ("two scales", {"x": X, "y": Y, "x_scale": [1.0, 2.0]}, "'x_scale' must be one finite number"),
    ("half zero point", {"x": X, "y": Y, "x_zero_point": 0.5}, "'x_zero_point' must be whole"),
    ("unknown task", {"x": X, "y": Y, "task": "sort"}, "unknown task 'sort'"),
    ("anomaly class 2", {"x": X, "y": Y, "task": "anomaly"}, "class 2"),
]


@pytest.mark.parametrize(
    ("arrays", "told"), [case[1:] for case in BAD_NPZ], ids=[c[0] for c in BAD_NPZ]
)
def test_odd_npz_is_refused_in_one_line(tmp_path: Path, arrays: dict[str, Any], told: str) -> None:
    """Each fault of a .npz is named in one line that begins with the file."""
    file = save(tmp_path, **arrays)
    with pytest.raises(DatasetError) as caught:
        load_dataset(file)
    message = str(caught.value)
    assert told in message
    assert message.startswith(str(file))
    assert "\n" not in message


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
def test_damaged_npz_never_gets_past_dataset_error(seed: int, flips: int, cut: bool) -> None:
    """Whatever bytes are flipped or cut off, the file loads or raises DatasetError."""
    buffer = io.BytesIO()
    np.savez(buffer, x=X, y=Y)
    content = bytearray(buffer.getvalue())
    random = np.random.default_rng(seed)
    for _ in range(flips):
        content[random.integers(len(content))] ^= 1 << int(random.integers(8))
    if cut:
        del content[random.integers(len(content)) :]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "damaged.npz"
        file.write_bytes(content)
        try:
            assert len(load_dataset(file)) > 0
        except DatasetError as error:
            assert "\n" not in str(error)  # noqa: PT017  # it may also load


def test_anomaly_task_is_read_from_npz(tmp_path: Path) -> None:
    """A .npz can say that it is for anomaly detection."""
    data = load_dataset(save(tmp_path, x=X, y=Y % 2, task="anomaly"))
    assert data.task is Task.ANOMALY


@pytest.mark.parametrize(
    ("text", "labels", "y", "x"),
    [
        ("a,b,label\n1,2,0\n3,4,1\n", (), [0, 1], [[1, 2], [3, 4]]),
        ("label,a,b\ncat,1,2\nant,3,4\n", ("ant", "cat"), [1, 0], [[1, 2], [3, 4]]),
        ("a,y,b\n1,1,2\n3,0,4\n\n", (), [1, 0], [[1, 2], [3, 4]]),
        ("\ufeffa,b\n1.5,0\n-2e3,1.0\n", (), [0, 1], [[1.5], [-2000]]),
    ],
    ids=["last", "first, named", "middle, blank line", "unnamed last column, byte order mark"],
)
def test_csv_takes_the_class_from_its_column(
    tmp_path: Path, text: str, labels: tuple[str, ...], y: list[int], x: list[list[float]]
) -> None:
    """The class column is found by name or is the last; names become sorted labels."""
    file = tmp_path / "data.csv"
    file.write_text(text, encoding="utf-8")
    data = load_dataset(file)
    assert data.labels == labels
    np.testing.assert_array_equal(data.y, y)
    np.testing.assert_array_equal(data.x, np.array(x, dtype=np.float32))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no inputs"),
        (b"a,b,label\n", "no inputs"),
        (b"label\n1\n", "one column is too few"),
        (b"a;label\n1;0\n", "with commas between"),
        (b"1.5,0\n2.5,1\n", "line 1 holds only numbers, so there is no header"),
        (b"a,label\n1,0\n1,2,0\n", "row 3 has 3 values, the header has 2"),
        (b"a,label\n1,0\nx,0\n", "row 3, column 'a': 'x' is no number"),
        (b"a,label\n,0\n", "row 2, column 'a': '' is no number"),
        (b"a,label\nnan,0\n", "x holds nan"),
        (b"a,label\n1,\n1,0\n", "row 2 has no class"),
        (b"a,label\n1,0.5\n", "0.5, which is no class number"),
        (b"\xff\xfe\x00\x00", "no readable CSV"),
        (b"a,label\n\x00,1\n", "row 2, column 'a'"),
    ],
)
def test_odd_csv_is_refused_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    """Each fault of a CSV is named with its row and column."""
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        load_dataset(file)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_may_be_called_by_numbers(tmp_path: Path) -> None:
    """0, 1, 2 and so on is a header as data frames write it, and no input."""
    file = tmp_path / "data.csv"
    file.write_text("0,1,2\n5,6,1\n")

    assert np.asarray(load_dataset(file).x).tolist() == [[5, 6]]


def test_what_is_no_archive_is_said_without_talk_of_pickles(tmp_path: Path) -> None:
    """NumPy takes any other file for a pickle and says how to load it unsafely."""
    file = tmp_path / "data.npz"
    file.write_text("hello")

    with pytest.raises(DatasetError, match="it is no zip archive") as caught:
        load_dataset(file)
    assert "pickle" not in str(caught.value)


def image(folder: Path, name: str, mode: str = "L", size: tuple[int, int] = (5, 4)) -> Path:
    """Save an image of one value."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 51 if mode == "L" else (51, 102, 204)).save(file)
    return file


def test_image_folders_are_classes_in_order_of_name(tmp_path: Path) -> None:
    """Each folder is a class; values are pixels / 255; other files don't matter."""
    image(tmp_path, "dog/1.png")
    image(tmp_path, "cat/2.png")
    image(tmp_path, "cat/1.bmp")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    data = load_dataset(tmp_path)
    assert data.labels == ("cat", "dog")
    np.testing.assert_array_equal(data.y, [0, 0, 1])
    assert data.x.shape == (3, 4, 5, 1)
    np.testing.assert_allclose(data.reals(0, 3), 0.2)


def test_one_coloured_image_makes_all_of_them_coloured(tmp_path: Path) -> None:
    """Grey and coloured images together are read with three channels."""
    image(tmp_path, "a/1.png")
    image(tmp_path, "b/1.png", mode="RGB")
    data = load_dataset(tmp_path)
    np.testing.assert_array_equal(np.asarray(data.x)[:, 0, 0], [[51, 51, 51], [51, 102, 204]])


def test_dataset_toml_states_what_pixels_mean(tmp_path: Path) -> None:
    """dataset.toml beside the class folders sets scale and zero point, and changes the digest."""
    image(tmp_path, "a/1.png")
    before = load_dataset(tmp_path)
    (tmp_path / "dataset.toml").write_text("x_scale = 1.0\nx_zero_point = 128\n")
    after = load_dataset(tmp_path)
    assert after.reals(0, 1)[0, 0, 0, 0] == 51 - 128
    assert after.sha256 != before.sha256


def test_odd_image_folders_are_refused(tmp_path: Path) -> None:
    """Sizes that differ, files that are no images, and empty folders are named."""
    image(tmp_path / "sizes", "a/1.png")
    image(tmp_path / "sizes", "a/2.png", size=(9, 9))
    image(tmp_path / "broken", "a/1.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    image(tmp_path / "deep", "a/1.png").unlink()
    Image.new("I;16", (3, 3)).save(tmp_path / "deep/a/1.png")
    (tmp_path / "empty/a").mkdir(parents=True)
    (tmp_path / "nothing").mkdir()
    image(tmp_path / "toml", "a/1.png")
    (tmp_path / "toml/dataset.toml").write_text("scale = 1")
    told = {
        "sizes": "'1.png' is 5 x 4, '2.png' is 9 x 9",
        "broken": "no readable image",
        "deep": "mode 'I;16' are not read",
        "empty": "'a' holds no image",
        "nothing": "neither folders of images nor y_labels.csv",
        "toml": "unknown key 'scale'",
    }
    for name, words in told.items():
        with pytest.raises(DatasetError) as caught:
            load_dataset(tmp_path / name)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"), [("absent.npz", "no such file"), ("data.h5", "unknown kind of dataset '.h5'")]
)
def test_what_is_no_dataset_is_refused(tmp_path: Path, name: str, told: str) -> None:
    """An absent file and an unknown format name the known formats."""
    (tmp_path / "data.h5").touch()
    with pytest.raises(DatasetError, match=told) as caught:
        load_dataset(tmp_path / name)
    assert ".npz, .csv, a folder" in str(caught.value)


def test_a_dataset_made_in_python_is_checked_too() -> None:
    """The checks are those of the type, not of the readers."""
    with pytest.raises(DatasetError, match="x has 4 inputs but y has 2 classes"):
        Dataset(name="mine", path="", sha256="", x=X, y=Y[:2])
