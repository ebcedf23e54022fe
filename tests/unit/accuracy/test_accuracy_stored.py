"""Large arrays stay in their file: what is read of them is what NumPy reads, or one clear line."""

from __future__ import annotations

import pickle
import shutil
import sys
import tempfile
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.support.tiny_models import ModelBuilder

from tinygauge import graph
from tinygauge.accuracy import RUNNERS, Dataset, Task, load_dataset, plan_runs
from tinygauge.accuracy.processes import run_stored
from tinygauge.accuracy.stored import StoredArray, collect
from tinygauge.errors import DatasetError

ROWS = 1000
X = (np.arange(ROWS * 17_000) // 7).astype(np.uint8).reshape(ROWS, 170, 100)  # no row is another
Y = np.arange(ROWS) % 2


@pytest.fixture(scope="module", params=["savez", "savez_compressed"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large dataset as NumPy writes it."""
    path: Path = tmp_path_factory.mktemp("large") / "data.npz"
    getattr(np, request.param)(path, x=X, y=Y)
    return path


def test_a_large_array_is_read_a_slice_at_a_time(file: Path) -> None:
    """Every slice equals NumPy's, from several threads at once, and so does the whole pickled."""
    data = load_dataset(file)
    assert isinstance(data.x, StoredArray)
    assert (data.x.shape, data.x.dtype, data.x.ndim, data.x.size) == (X.shape, X.dtype, 3, X.size)
    assert (len(data), data.row_shape) == (ROWS, (170, 100))
    parts = [slice(0, 1), slice(3, 700), slice(990, 2000), slice(5, 5), slice(-2, None)]

    def rows(part: slice) -> npt.NDArray[np.generic]:
        assert isinstance(data.x, StoredArray)
        return data.x[part]

    with ThreadPoolExecutor(4) as pool:
        for part, found in zip(parts * 8, pool.map(rows, parts * 8), strict=True):
            np.testing.assert_array_equal(found, X[part])
    np.testing.assert_array_equal(data.reals(7, 9), X[7:9].astype(np.float32))
    travelled = pickle.loads(pickle.dumps(data.x))  # noqa: S301  # our own bytes
    assert type(travelled) is np.ndarray
    np.testing.assert_array_equal(travelled, X)


def test_small_and_odd_arrays_are_read_by_numpy(tmp_path: Path) -> None:
    """A column-major array is not in the order of rows; a small one costs nothing."""
    for name, x in (("odd", np.asfortranarray(X)), ("small", X[:20])):
        np.savez(tmp_path / f"{name}.npz", x=x, y=Y[: len(x)])
        data = load_dataset(tmp_path / f"{name}.npz")
        assert isinstance(data.x, np.ndarray)
        np.testing.assert_array_equal(data.x, x)


@pytest.mark.skipif(sys.platform == "win32", reason="a file in use can't be replaced there")
def test_a_file_that_changes_behind_our_back_is_refused(tmp_path: Path) -> None:
    """Its digest would stand for other content; one that was replaced is read as it was."""
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=Y)
    data = load_dataset(path)
    np.savez(tmp_path / "other.npz", x=X + 1, y=Y)
    (tmp_path / "other.npz").replace(path)
    np.testing.assert_array_equal(data.rows(0, 2), X[:2])
    data = load_dataset(path)
    with path.open("r+b") as changed:
        changed.truncate(1000)
    with pytest.raises(DatasetError, match=r"data\.npz: it was changed while it was in use"):
        data.rows(ROWS - 1, ROWS)


@pytest.mark.parametrize("at", [0.1, 0.5, 0.999])
def test_a_damaged_byte_is_found(file: Path, tmp_path: Path, at: float) -> None:
    """The checksum is verified, though the array is not kept."""
    content = bytearray(file.read_bytes())
    content[int(at * (len(content) - 10_000))] ^= 1
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(DatasetError, match=r"no readable \.npz"):
        load_dataset(tmp_path / "bad.npz")


def _npy(shape: str, content: bytes) -> bytes:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_npy("(-1000, -17000)", bytes(17_000_000)), "no readable"),
        (_npy("(1000, 17000, 17000)", bytes(17_000_000)), "no readable"),
        (b"x" * 17_000_000, "'x' is no array"),
    ],
    ids=["negative shape", "more than there is", "no array"],
)
def test_a_forged_array_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """What its header claims must be what is there."""
    path = tmp_path / "forged.npz"
    np.savez(path, y=Y)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(DatasetError, match=told):
        load_dataset(path)


def test_what_would_fill_the_disk_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small archive may hold a large array of nothing."""
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((1000, 20_000), np.uint8), y=Y)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(100, 90, 10))
    with pytest.raises(DatasetError, match=r"can't unpack its 19 MiB.*No space left"):
        load_dataset(path)
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(DatasetError, match="can't unpack its 19 MiB"):
        load_dataset(path)


@pytest.mark.parametrize("count", [3, 1000])
def test_rows_are_collected_wherever_they_fit(count: int) -> None:
    """Few stay in memory, many go to a file; they read alike."""
    found = collect(iter(X[:count]), X.shape[1:], X.dtype, "rows")
    assert isinstance(found, np.ndarray if count == 3 else StoredArray)
    np.testing.assert_array_equal(found, X[:count])


def test_rows_without_room_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset is named, and what to do."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(DatasetError, match=r"rows: can't write to a temporary file.*Make room"):
        collect(iter(X), X.shape[1:], X.dtype, "rows")


def test_large_images_are_decoded_one_at_a_time(tmp_path: Path) -> None:
    """A folder of them reads as the pixels that they were made of, in order of name."""
    for number in range(10):
        file = tmp_path / f"class_{number % 2}" / f"{number}.bmp"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(np.broadcast_to(X[number][..., None], (170, 100, 3))).resize(
            (1000, 1700), Image.Resampling.NEAREST
        ).save(file)
    data = load_dataset(tmp_path)
    assert isinstance(data.x, StoredArray)
    assert data.x.shape == (10, 1700, 1000, 3)
    assert data.y.tolist() == [0] * 5 + [1] * 5
    for place, number in enumerate([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]):
        pixels = data.rows(place, place + 1)[0, ::10, ::10]
        np.testing.assert_array_equal(pixels, np.broadcast_to(X[number][..., None], pixels.shape))


def test_recordings_larger_than_what_is_held_are_cut_into_windows(tmp_path: Path) -> None:
    """Each window is what it would be of an array, wherever a slice begins."""
    lengths = [640 + 128 * (number % 5) + 70_000 for number in range(64)]
    lengths = [length - length % 128 for length in lengths]
    values = np.arange(sum(lengths), dtype="<f4")
    files = np.split(values, np.cumsum(lengths)[:-1])
    for number, content in enumerate(files):
        content.tofile(tmp_path / f"{number}.bin")
    lines = [f"{number}.bin,2,{number % 2},2560,512" for number in range(len(files))]
    (tmp_path / "y_labels.csv").write_text("\n".join(lines))
    data = load_dataset(tmp_path)
    assert isinstance(data.x, StoredArray)
    assert data.windows is not None
    starts = data.windows.starts
    assert len(data) == sum((length - 640) // 128 + 1 for length in lengths)
    for part in (slice(0, 3), slice(540, 560), slice(len(data) - 2, len(data)), slice(4, 4)):
        expected = values[starts[part, np.newaxis] + np.arange(640)]
        np.testing.assert_array_equal(data.rows(part.start, part.stop), expected)


@pytest.mark.skipif(
    RUNNERS["litert-xnnpack"].version is None, reason="no interpreter for float models is installed"
)
def test_large_outputs_of_a_model_stay_in_a_file() -> None:
    """They are scored as those that are held: an autoencoder gives as much as it takes."""
    builder = ModelBuilder()
    given, result = (builder.tensor((1, 17_000), "float32") for _ in range(2))
    builder.op("RELU", [given], [result])
    model = graph.parse(builder.build([given], [result]), name="relu")
    x = X[:300].reshape(300, -1).astype(np.float32) - 99
    runner = RUNNERS["litert-xnnpack"]
    outputs = run_stored(model.content, x[:, np.newaxis], runner)
    assert isinstance(outputs, StoredArray)
    np.testing.assert_array_equal(outputs, np.maximum(x, 0))
    data = Dataset(name="d", path="", sha256="d", x=x, y=Y[:300], task=Task.ANOMALY)
    (run,) = plan_runs(model, data, "two-rounding")  # type: ignore[misc]
    errors = (np.minimum(x, 0).astype(np.float64) ** 2).mean(axis=1)
    np.testing.assert_allclose(run.make().values.astype(np.float64), errors, rtol=1e-12)
