"""Sweeps: what was scored is kept, a failure is its own, an interruption loses nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.tiny_models import build_cnn

from tinygauge import graph
from tinygauge.accuracy import Dataset, cache, score, stop_workers
from tinygauge.errors import ConfigError, DatasetError, RunnerError
from tinygauge.evaluation.sweep import Sweep, SweepOptions
from tinygauge.records import Score

X = np.random.default_rng(4).normal(0, 2, (20, 8, 8, 1)).astype(np.float32)
DATA = Dataset(name="data", path="data.npz", sha256="5ha", x=X, y=np.arange(20) % 3)
MODELS = [graph.parse(build_cnn(seed=seed), name=f"model_{seed}") for seed in range(4)]
LONG = 10_000
SLOW = graph.parse(build_cnn(side=64, channels=64), name="slow")


def swept(models: list[graph.Model], *profiles: str, **options: object) -> Sweep:
    sweep = Sweep(models, DATA, profiles or ("two-rounding",), SweepOptions(**options))  # type: ignore[arg-type]
    sweep.work()
    return sweep


def test_a_sweep_gives_each_model_what_it_gets_alone() -> None:
    """Score by score, for each profile; 'unknown' shares its runs with the two that it joins."""
    profiles = ("two-rounding", "one-rounding", "unknown")
    sweep = swept(MODELS, *profiles, jobs=2)
    assert sweep.total == 2 * len(MODELS)
    for model, scores in zip(MODELS, sweep.scores, strict=True):
        assert scores == {profile: score(model, DATA, profile) for profile in profiles}


def test_what_was_scored_before_an_interruption_is_found_again() -> None:
    """The second sweep runs only what the first did not reach, and says how many it found."""
    told: list[tuple[str, int, int]] = []

    def stop_at_two(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(MODELS, jobs=1, progress=stop_at_two)
    kept = cache.survey().entries
    assert 2 <= kept < len(MODELS)
    sweep = swept(MODELS, jobs=1, progress=lambda *words: told.append(words))
    assert sweep.found_again == kept
    assert told[0] == ("found again from earlier runs", kept, len(MODELS))
    assert told[1:3] == [("scoring accuracy", kept + each, len(MODELS)) for each in (0, 1)]
    assert told[-1] == ("scoring accuracy", len(MODELS), len(MODELS))
    assert all(isinstance(scores["two-rounding"], Score) for scores in sweep.scores)


def test_one_model_that_hangs_or_does_not_fit_costs_only_itself() -> None:
    """Its fault stands where its score would; the others have theirs.

    The 24 billion products of the slow model do not fit into a millisecond on any processor.
    """
    x = np.zeros((LONG, 64, 64, 1), dtype=np.int8)
    data = Dataset(name="many", path="", sha256="m", x=x, y=np.zeros(LONG, int), x_scale=0.05)
    sweep = Sweep([SLOW, MODELS[0]], data, ["two-rounding"], SweepOptions(time_limit_s=0.001))
    sweep.work()
    hung, misfit = (scores["two-rounding"] for scores in sweep.scores)
    assert isinstance(hung, RunnerError)
    assert "did not end within 0.001 s" in str(hung)
    assert isinstance(misfit, DatasetError)


def test_a_bad_size_of_the_cache_is_told_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after it, when hours of results would be lost."""
    monkeypatch.setenv("TINYGAUGE_CACHE_SIZE", "many")
    with pytest.raises(ConfigError, match="TINYGAUGE_CACHE_SIZE=many"):
        swept(MODELS[:1], progress=lambda *_words: pytest.fail("it worked"))


def test_the_cache_stays_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not used for longest goes first; clearing removes all, pruning what must."""
    swept(MODELS, jobs=1)
    size_bytes = cache.survey().size_bytes
    swept(MODELS[:1])
    monkeypatch.setenv("TINYGAUGE_CACHE_SIZE", f"{size_bytes // 2}B")
    assert cache.prune() == 2
    monkeypatch.delenv("TINYGAUGE_CACHE_SIZE")
    assert swept(MODELS[:1]).found_again == 1
    assert cache.clear() == 2
    assert cache.survey().entries == 0
    stop_workers()
