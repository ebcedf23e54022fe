"""Experiment files: paths, kinds of value, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.tiny_models import build_fully_connected

from tinygauge.errors import ConfigError
from tinygauge.evaluation import DEFAULT_ENGINES, find_models
from tinygauge.experiment import Experiment, load_experiment


def _write(folder: Path, text: str) -> Path:
    path = folder / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_experiment_is_read(tmp_path: Path) -> None:
    """Every key has its place."""
    path = _write(
        tmp_path,
        """
        models = ["a.tflite", "nets/*.tflite"]
        data = "test.npz"
        boards = ["ek-ra6m4"]
        engines = ["tflm-ref", "tflm-cmsis-nn"]
        require = ["accuracy>=0.9", "latency<=100ms"]
        rank = "latency"
        out = "report"
        """,
    )

    assert load_experiment(path) == Experiment(
        models=(f"{tmp_path}/a.tflite", f"{tmp_path}/nets/*.tflite"),
        data=f"{tmp_path}/test.npz",
        boards=("ek-ra6m4",),
        engines=("tflm-ref", "tflm-cmsis-nn"),
        require=("accuracy>=0.9", "latency<=100ms"),
        rank="latency",
        out=f"{tmp_path}/report",
    )


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """Models alone make an experiment."""
    found = load_experiment(_write(tmp_path, 'models = ["a.tflite"]'))

    assert found.engines == DEFAULT_ENGINES
    assert (found.boards, found.require) == ((), ())
    assert found.data is found.rank is found.out is None


def test_one_text_stands_for_a_list_of_one(tmp_path: Path) -> None:
    """As on the command line, where an option is given once."""
    found = load_experiment(
        _write(tmp_path, 'models = "a.tflite"\nboards = "ek-ra6m4"\nrequire = "ram<=1KiB"')
    )

    assert found.models == (f"{tmp_path}/a.tflite",)
    assert (found.boards, found.require) == (("ek-ra6m4",), ("ram<=1KiB",))


def test_paths_are_relative_to_the_file_and_names_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works from any working folder; a board is a path only if it is a TOML file."""
    folder = tmp_path / "lab"
    folder.mkdir()
    _write(folder, 'models = "/abs/a.tflite"\nboards = ["ek-ra6m4", "my.toml"]\nout = "../out"')
    monkeypatch.chdir(tmp_path)

    found = load_experiment("lab/experiment.toml")

    assert found.models == ("/abs/a.tflite",)
    assert found.boards == ("ek-ra6m4", "lab/my.toml")
    assert Path(found.out or "") == Path("lab/../out")


def test_a_folder_that_looks_like_a_pattern_is_a_folder(tmp_path: Path) -> None:
    """Only the names in the file are patterns."""
    folder = tmp_path / "nets [v2]"
    folder.mkdir()
    for name in ("a.tflite", "b.tflite"):
        (folder / name).write_bytes(build_fully_connected())

    for pattern in ('"*.tflite"', '["a.tflite", "[b].tflite"]'):
        found = find_models(load_experiment(_write(folder, f"models = {pattern}")).models)

        assert found == [folder / "a.tflite", folder / "b.tflite"]


@pytest.mark.parametrize(
    ("text", "problem", "advice"),
    [
        ('model = "a"', "unknown key 'model'", "Did you mean models?"),
        ('models = "a"\nboard = "x"', "unknown key 'board'", "Did you mean boards?"),
        (
            'models = "a"\nrequires = "x"',
            "unknown key 'requires'",
            "Did you mean require or engines?",
        ),
        (
            'models = "a"\nxyzzy = 1',
            "unknown key 'xyzzy'",
            "Known: boards, calibration, data, engines",
        ),
        ("models = 3", "'models' must be a list of texts, got 3", ""),
        ('models = ["a", 3]', "'models' must be a list of texts", ""),
        ('models = "a"\ndata = ["x"]', "'data' must be text, got ['x']", ""),
        ('models = "a"\nrank = 1.5', "'rank' must be text, got 1.5", ""),
        ('models = "a"\n[require]\nram = 1', "'require' must be a list of texts", ""),
        ("", "it names no models", 'Add models = ["models/*.tflite"]'),
        ("models = []", "it names no models", "Add models"),
        ("models = [", "this is not valid TOML", ""),
        ("a,b\n1,2\n", "this is not valid TOML", ""),
        ("a = " + "[" * 20_000, "this is not valid TOML", ""),
    ],
)
def test_a_mistake_is_named_with_what_to_do(
    tmp_path: Path, text: str, problem: str, advice: str
) -> None:
    """The file, the key and the nearest right one."""
    path = _write(tmp_path, text)

    with pytest.raises(ConfigError) as error:
        load_experiment(path)

    assert error.value.where == str(path)
    assert error.value.problem.startswith(problem)
    assert error.value.advice.startswith(advice)


@pytest.mark.parametrize("name", ["gone.toml", "."])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    """A missing file and a folder are refused with the system's reason."""
    with pytest.raises(ConfigError, match=r"can't read the file \((No such|Is a directory)"):
        load_experiment(tmp_path / name)


def test_a_binary_file_is_no_experiment(tmp_path: Path) -> None:
    """A model given in its place is said to be no TOML."""
    path = tmp_path / "experiment.toml"
    path.write_bytes(b"\x1c\x00\xff\xfeTFL3")

    with pytest.raises(ConfigError, match="not valid TOML"):
        load_experiment(path)


def test_a_folder_gives_its_models_whatever_the_case_of_their_suffix(tmp_path: Path) -> None:
    """Files from other systems end in capitals; other files are no models."""
    for name in ("b.tflite", "A.TFLITE", "notes.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in find_models(tmp_path)] == ["A.TFLITE", "b.tflite"]
