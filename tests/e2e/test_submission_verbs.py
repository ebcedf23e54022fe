"""`tinygauge submission` as a user calls it: build, check and read, and what may be wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.submission_runs import SYSTEM, keep, keyword_folders, keyword_run
from tinygauge.bench.records import Mode
from tinygauge.cli.main import main


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a board, so to speak: three runs and a description."""
    folder = tmp_path_factory.mktemp("bench")
    keyword_folders(folder)
    return folder


def _build(bench: Path, out: Path, *more: str) -> list[str]:
    runs = [str(bench / mode.value) for mode in Mode]
    system = str(bench / "system.toml")
    return ["submission", "build", *runs, "--system", system, "--out", str(out), *more]


@pytest.mark.parametrize("more", [(), ("--runner", "eembc", "--round", "v1.2")])
def test_build_check_and_read(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    """A tree is made that passes, and read back to the figures that were measured."""
    tree = tmp_path / "tree"
    rounds = more[2:]

    assert main(_build(bench, tree, *more)) == 0
    assert "it passes, with 0 errors" in capsys.readouterr().out
    assert main(["submission", "check", str(tree), *rounds, "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["passes"]
    assert checked["failures"] == []
    assert main(["submission", "read", str(tree), "--json"]) == 0

    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["benchmark"] == "kws"
    assert result["throughput_per_s"] == pytest.approx(250 / (10.862042 - 2 * 0.007364), abs=6e-4)
    assert result["energy_j"] == pytest.approx(0.033 * (10.862042 - 2 * 0.007364) / 250, rel=1e-5)
    assert result["accuracy"] == pytest.approx(0.901)
    assert result["supply_v"] == 3.0
    assert result["core"] == "cortex-m4"
    assert result["engine"] == "tflm-cmsis-nn"


def test_the_evidence_is_in_the_tree(bench: Path, tmp_path: Path) -> None:
    """The runs' own files, whole, below code."""
    assert main(_build(bench, tmp_path / "tree")) == 0

    place = tmp_path / "tree/closed/example/code/kws/board_one/measurements"
    for mode in Mode:
        for name in ("run.json", "results.jsonl", "transcript.log"):
            copied = (place / mode.value / name).read_bytes()
            assert copied == (bench / mode.value / name).read_bytes()


def test_a_second_system_joins_the_tree_and_the_first_is_safe(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results that are there are never written over."""
    tree = tmp_path / "tree"
    assert main(_build(bench, tree)) == 0
    assert main(_build(bench, tree)) == 2
    assert "results of this system are here already" in capsys.readouterr().err
    for name in ("code", "documents"):
        shutil.copytree(bench / name, tmp_path / name)
    other = tmp_path / "other.toml"
    other.write_text(SYSTEM.replace("board_one", "board_two"))

    assert main([*_build(bench, tree), "--system", str(other)]) == 0
    assert "2 results held to v1.4: it passes" in capsys.readouterr().out


def test_what_a_simulated_run_is_stays_visible(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An emulator's times make a tree, which says so in the description, the log and the notes."""
    run = keep(tmp_path / "run", replace(keyword_run(Mode.PERFORMANCE), simulated=True))
    accuracy = str(bench / "accuracy")
    system = str(bench / "system.toml")
    tree = tmp_path / "tree"

    code = main(["submission", "build", str(run), accuracy, "--system", system, "--out", str(tree)])

    assert code == 0
    assert "Times are measured on the board — not met" in capsys.readouterr().out
    description = tree / "closed/example/systems/board_one.json"
    assert "simulated by an emulator" in json.loads(description.read_text())["Hardware Notes"]
    log = tree / "closed/example/results/board_one/kws/performance/log.txt"
    assert "m-simulated[" in log.read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text + 'colour = "red"\n', "unknown key 'colour'"),
        (lambda text: text.replace('board = "Board One"\n', ""), "'board' is missing"),
        (lambda text: text.replace('"available"', '"soon"'), "status is 'soon'"),
        (lambda text: text + 'division = "ajar"\n', "division is 'ajar'"),
        (lambda text: text.replace('"board_one"', '"../../etc"'), "no name for a folder"),
        (lambda text: text.replace('"code"', '"nowhere"'), "there is no folder"),
        (lambda text: text + "submitter = 'again'\n", "not valid TOML"),
        (lambda text: text.replace('"Board One"', "7"), "'board' must be text"),
    ],
)
def test_what_is_wrong_with_a_description_is_said(
    bench: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str],
    message: str,
) -> None:
    """Before anything is written."""
    for name in ("code", "documents"):
        shutil.copytree(bench / name, tmp_path / name)
    system = tmp_path / "system.toml"
    system.write_text(change(SYSTEM))

    assert main([*_build(bench, tmp_path / "tree"), "--system", str(system)]) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "tree").exists()


def test_what_is_wrong_with_runs_is_said(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None, half of one, the same twice, one without labels, one of another kind, a bad round."""
    half = keep(tmp_path / "half", keyword_run(Mode.PERFORMANCE), complete=False)
    accuracy = keyword_run(Mode.ACCURACY)
    blind = replace(
        accuracy, inputs=tuple(replace(each, true_class=None) for each in accuracy.inputs[:3])
    )
    custom = replace(keyword_run(Mode.PERFORMANCE), benchmark="custom")
    empty = replace(keyword_run(Mode.ENERGY), windows=())
    cases = [
        ([tmp_path / "nowhere"], "can't read it"),
        ([half], "not complete"),
        ([bench / "energy", bench / "energy"], "is of kws energy too"),
        ([keep(tmp_path / "blind", blind)], "the true class of 3 inputs is not known"),
        ([keep(tmp_path / "custom", custom)], "a run of 'custom' can't be put into v1.4"),
        ([keep(tmp_path / "empty", empty)], "a window is missing"),
    ]
    for runs, message in cases:
        words = ["submission", "build", *map(str, runs), "--system", str(bench / "system.toml")]
        assert main([*words, "--out", str(tmp_path / "tree")]) == 2
        assert message in capsys.readouterr().err
    for more, message in (
        (("--round", "v9"), "unknown round 'v9'"),
        (("--round", "v1.2"), "knows no MLCommons runner"),
    ):
        assert main(_build(bench, tmp_path / "tree", *more)) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "tree").exists()


def test_a_tree_without_results_does_not_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing at all is no success; something that is no tree is an input error."""
    (tmp_path / "tree" / "closed").mkdir(parents=True)

    assert main(["submission", "check", str(tmp_path / "tree")]) == 1
    assert "holds no result" in capsys.readouterr().out
    assert main(["submission", "read", str(tmp_path / "tree")]) == 1
    assert main(["submission", "check", str(tmp_path / "nowhere")]) == 2
    assert main(["submission", "read", str(tmp_path)]) == 2
    assert "neither closed/ nor open/" in capsys.readouterr().err


def test_a_hostile_tree_is_checked_and_read_without_a_traceback(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loops, pipes, odd names, endless nesting, control characters, files beyond reading."""
    tree = tmp_path / "tree"
    main(_build(bench, tree))
    base = tree / "closed" / "example"
    kws = base / "results" / "board_one" / "kws"
    (base / "results" / "loop").symlink_to(base)
    os.mkfifo(kws / "energy" / "trace1-energy.bin")
    (kws / "performance" / "results.json").write_text("[" * 100_000)
    (kws / "accuracy" / "results.txt").write_bytes(b"\xff\xfe\0x Top-1: 90.1%\x1b[31m\n" * 3)
    (base / "results" / "a\x1b[31mb").mkdir()
    (base / "systems" / "board_one.json").write_text('"' + "\n" * 500_000 + "{" * 5000)
    deep = base / "code"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    capsys.readouterr()

    assert main(["submission", "check", str(tree), "--round", "v1.3"]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "trace-agrees" in out
    assert main(["submission", "read", str(tree)]) == 0
    assert main(["submission", "check", str(tree), "--json"]) == 1


@pytest.mark.parametrize("seed", range(4))
def test_no_damage_crashes_a_check(
    bench: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    """Twelve times, bytes of some files are changed, cut off or repeated."""
    tree = tmp_path / "tree"
    main(_build(bench, tree))
    files = sorted((tree / "closed/example/results").rglob("*.*"))
    files += sorted((tree / "closed/example/systems").glob("*.json"))
    dice = random.Random(seed)  # noqa: S311  # damage, no secrets
    for _ in range(12):
        path = dice.choice(files)
        content = bytearray(path.read_bytes()) or bytearray(b"x")
        at = dice.randrange(len(content))
        kind = dice.randrange(4)
        if kind == 0:
            content[at] = dice.randrange(256)
        elif kind == 1:
            del content[at:]
        elif kind == 2:
            content[at:at] = content[: min(at, 3000)]
        else:
            content[at : at + 20] = dice.randbytes(20)
        path.write_bytes(content)
        assert main(["submission", "check", str(tree)]) in {0, 1}
        assert main(["submission", "read", str(tree), "--json"]) in {0, 1}
        capsys.readouterr()
