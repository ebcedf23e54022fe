"""AUC against an independent implementation, scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from tinygauge.accuracy import scores


@pytest.mark.parametrize("seed", range(20))
def test_auc_is_that_of_scikit_learn(seed: int) -> None:
    """The values agree, with and without equal scores."""
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(seed)
    m, n = random.integers(1, 200, size=2)
    values = random.normal(size=m + n)
    if seed % 2:
        values = np.round(values)
    positive = np.arange(m + n) < m

    expected = roc_auc_score(positive, values)
    assert scores.auc(values, positive) == pytest.approx(expected, abs=1e-12)
