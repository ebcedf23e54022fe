"""A user's own result beside the published ones and the prediction, with probable causes.

`own.py` says what was measured, `nearest.py` which published results are like it, `causes.py`
what would explain the difference, each with its evidence; `compare.py` puts them together.
Nothing is run here.
"""

from tinygauge.comparison.causes import Cause
from tinygauge.comparison.compare import Comparison, compare
from tinygauge.comparison.nearest import Row
from tinygauge.comparison.own import OwnResult, own_result

__all__ = ["Cause", "Comparison", "OwnResult", "Row", "compare", "own_result"]
