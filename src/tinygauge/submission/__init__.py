"""MLPerf Tiny submissions as trees of files: build one from runs, check one, read a published one.

`rounds` says what a round asks for, `tree` finds the files in every round's layout, `results_text`
and `logs` read them, `check` applies the official checker's requirements and the rules that it
leaves unchecked, `table` makes the same records of a tree as `tinygauge.published` has, and
`build` writes a tree.
"""

from tinygauge.submission.build import build_submission
from tinygauge.submission.check import check_submission
from tinygauge.submission.table import read_submission

__all__ = ["build_submission", "check_submission", "read_submission"]
