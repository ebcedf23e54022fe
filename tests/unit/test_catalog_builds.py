"""Builds of engines: what is known of them, how they are named, and where they count."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import catalog, graph
from tinygauge.cost.times import time_table
from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.inspection import build_findings
from tinygauge.prediction import predict
from tinygauge.records import Latency

ENGINE = """
name = "mine"
title = "Mine"
source = "a release page"
kernels = "mine"
cores = ["cortex-m4"]
skips_dead_channels = true

[numerics]
profile = "unknown"
evidence = "nothing was compared"

[[build]]
name = "Late"
version = "2.0"
released = "2026-01"
timed = "Invoke alone"
source = "a log"

[[build]]
name = "early"
version = "1.0"
released = "2025-01"
compiler = "GCC 12"
flags = "-O2"
timed = "Invoke and copies"
copies_io = true
skips_dead_channels = false
source = "a log"
notes = ["slow"]

[build.numerics]
profile = "litert"
evidence = "100 of 100 outputs agreed"
"""


def test_every_timed_build_is_described_and_every_described_one_timed() -> None:
    """Catalogue and calibration know the same builds, and say the same of copies and channels."""
    table = time_table()
    for name in catalog.engine_names():
        engine = catalog.engine(name)
        if name in table.renamed:
            continue
        timed = table.engines[name].builds if name in table.engines else {}
        assert set(timed) == {build.name for build in engine.builds}, name
        for build in engine.builds:
            assert build.source
            assert build.timed
            assert build.copies_io == bool(timed[build.name].get("copies"))
            if build.skips_dead_channels is not None:
                assert build.skips_dead_channels == timed[build.name]["skips"], build.name


def test_a_build_is_an_engine_with_its_own_version_and_numerics() -> None:
    """In any case; what the build does not say holds for the engine."""
    engine = catalog.engine("HALE@1.0")

    assert (engine.name, engine.base, engine.build) == ("hale@1.0", "hale", "1.0")
    assert engine.profile == catalog.engine("hale-1.0").profile
    assert engine.cores == catalog.engine("hale").cores
    assert catalog.engine("x-cube-ai@7.3.0").skips_dead_channels is False
    assert catalog.engine("x-cube-ai").skips_dead_channels is True


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("x-cube-ai@7.2", "x-cube-ai@7.1"),
        ("tflm-cmsis-nn@edgmark", "tflm-cmsis-nn@edgemark"),
        ("tflm-cmsis-nn@", "tflm-cmsis-nn@edgemark"),
        ("ekkono@1", "ekkono"),
        ("tflm@edgemark", "tflm-ref"),
    ],
)
def test_an_unknown_build_names_the_nearest(name: str, meant: str) -> None:
    """A build or engine that is not there is refused, with those that are."""
    with pytest.raises(UnknownNameError, match=meant):
        catalog.engine(name)


def test_builds_of_a_users_own_engine(tmp_path: Path) -> None:
    """Oldest first; chosen behind the file's name; numerics of their own where they have them."""
    path = tmp_path / "mine.toml"
    path.write_text(ENGINE, encoding="utf-8")
    engine = catalog.engine(str(path))
    early = catalog.engine(f"{path}@early")

    assert [build.name for build in engine.builds] == ["early", "late"]
    assert (early.name, early.version, early.profile.name) == ("mine@early", "1.0", "litert")
    assert (early.skips_dead_channels, engine.skips_dead_channels) == (False, True)
    assert early.notes == ("slow",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "early"', 'name = "late"', "two builds"),
        ('name = "early"', 'name = "a@b"', "can't hold an '@'"),
        ('version = "1.0"', 'verson = "1.0"', "verson"),
        ('timed = "Invoke alone"\n', "", "timed"),
        ('[[build]]\nname = "Late"', '[build]\nname = "Late"', "TOML"),
    ],
)
def test_a_bad_build_is_one_clear_error(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """It says which key of which build is at fault."""
    path = tmp_path / "mine.toml"
    path.write_text(ENGINE.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ConfigError, match=problem):
        catalog.engine(str(path))


def test_builds_differ_in_latency_and_are_said_to_share_memory() -> None:
    """A build with copies inside the timed part takes other cycles; its memory is the newest's."""
    model = graph.parse(build_cnn(side=16), name="cnn")
    board = catalog.board("nucleo-l4r5zi")
    found = [predict(model, board, name) for name in ("x-cube-ai@7.1", "x-cube-ai")]
    old, new = (each.latency for each in found)

    assert isinstance(old, Latency)
    assert isinstance(new, Latency)
    assert old.per_inference.value > new.per_inference.value
    assert [f.code for f in build_findings(catalog.engine("tflm-ref@edgemark"))] == ["TG308"]
    assert build_findings(catalog.engine("tflm-ref")) == ()


def test_boards_sort_with_the_unknown_last() -> None:
    """Scores and memories from the highest, power from the lowest."""
    boards = [catalog.board(name) for name in catalog.board_names()]

    assert catalog.sort_boards(boards, "ulpmark")[0].name == "nucleo-u575zi-q"
    assert catalog.sort_boards(boards, "coremark")[0].name == "ek-ra8d1"
    assert catalog.sort_boards(boards, "power")[0].name == "xg24-dk2601b"
    assert catalog.sort_boards(reversed(boards), "name") == boards
