"""Cached results: they come back whole, or not at all."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygauge.accuracy import cache

RESULT = np.arange(12, dtype=np.int8).reshape(3, 4)


def entry() -> Path:
    """Return the one file in the cache."""
    (file,) = (path for path in cache.cache_folder().rglob("*") if path.is_file())
    return file


def test_what_is_stored_comes_back() -> None:
    """Type, shape, values and note survive; another key has nothing."""
    key = cache.key_of("model", "data", 1)
    assert cache.load(key) is None
    for note in ("", "not compared: é"):
        cache.store(key, RESULT, note)
        entry = cache.load(key)
        assert entry is not None
        found, told = entry
        assert (found.dtype, told) == (RESULT.dtype, note)
        np.testing.assert_array_equal(found, RESULT)
    assert cache.load(cache.key_of("model", "data", 2)) is None


def test_keys_tell_parts_apart() -> None:
    """Where one part ends and the next begins is in the key, and so is each type."""
    keys = {
        cache.key_of("ab", "c"),
        cache.key_of("a", "bc"),
        cache.key_of("1"),
        cache.key_of(1),
        cache.key_of((1, 2)),
        cache.key_of(1, 2),
    }
    assert len(keys) == 6


@pytest.mark.parametrize("at", [0, 5, 40, 100, -40, -33, -32, -1])
def test_one_damaged_byte_voids_an_entry(at: int) -> None:
    """Header, data or digest: whatever is damaged, the entry is not there."""
    key = cache.key_of("x")
    cache.store(key, RESULT)
    content = bytearray(entry().read_bytes())
    content[at] ^= 1
    entry().write_bytes(content)
    assert cache.load(key) is None


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 100])
def test_a_truncated_entry_is_not_there(size: int) -> None:
    """However much of an entry is left, it is not used; storing again repairs it."""
    key = cache.key_of("x")
    cache.store(key, RESULT)
    entry().write_bytes(entry().read_bytes()[:size])
    assert cache.load(key) is None
    cache.store(key, RESULT)
    assert cache.load(key) is not None


def test_an_entry_under_a_strange_name_is_not_trusted() -> None:
    """A whole file, moved to where another key's would be, is not there."""
    cache.store(cache.key_of("x"), RESULT)
    other = cache.key_of("y")
    moved = cache.cache_folder() / "accuracy" / other[:2] / f"{other}.npy"
    moved.parent.mkdir(parents=True, exist_ok=True)
    entry().rename(moved)
    assert cache.load(other) is None


def test_an_unwritable_folder_warns_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a place to write, nothing is kept, nothing fails, and one warning is logged."""
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("TINYGAUGE_CACHE", str(blocked / "cache"))
    key = cache.key_of("x")
    with caplog.at_level(logging.WARNING):
        cache.store(key, RESULT)
        cache.store(key, RESULT)
    assert len(caplog.records) == 1
    assert "results are not kept" in caplog.text
    assert cache.load(key) is None


def test_nothing_unfinished_is_left(tmp_path: Path) -> None:
    """A stored entry is one file."""
    for number in range(3):
        cache.store(cache.key_of("x"), RESULT + number)
    assert entry().suffix == ".npy"


@pytest.mark.skipif(sys.platform == "win32", reason="XDG folders are not used on Windows")
def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """TINYGAUGE_CACHE, then XDG_CACHE_HOME, then ~/.cache."""
    monkeypatch.setenv("TINYGAUGE_CACHE", "/chosen")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache.cache_folder() == Path("/chosen")
    monkeypatch.delenv("TINYGAUGE_CACHE")
    assert cache.cache_folder() == Path("/xdg/tinygauge")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path.home() / ".cache" / "tinygauge"
