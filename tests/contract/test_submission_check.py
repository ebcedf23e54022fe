"""A submission that is built passes its check, and each requirement that is broken once is found.

The trees are built from complete runs by the code that users call; each breakage is one change to
one of them, as it happens in published submissions.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.support.official_rules import judge
from tests.support.submission_runs import keyword_folders, keyword_run

from tinygauge.bench.published_log import replay_log
from tinygauge.bench.records import Mode
from tinygauge.records import Severity
from tinygauge.submission import build_submission, check_submission
from tinygauge.submission.check import Checked
from tinygauge.submission.requirements import REQUIREMENTS
from tinygauge.submission.rounds import RunnerKind

ROUND = {RunnerKind.EEMBC: "v1.2", RunnerKind.MLC: "v1.3"}
WAKEWORDS = (
    "Power Edition Output\nEnergy data for trial 0\n  Elapsed time  : 1200.002\n"
    "  Inferences    : 1\n  Power         : 25.6220 mW.\n  Total Energy  : 30746401.810 uJ\n"
    "Accuracy: 44 True positives, 6 False negatives, 4 False positives\n"
    "Average duty cycle: 0.56085\nEstimated throughput: 55.742 inf./sec.\n"
)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[RunnerKind, Path]:
    """Build one tree in each runner's formats."""
    folder = tmp_path_factory.mktemp("runs")
    runs, system = keyword_folders(folder)
    built = {}
    for kind, round_name in ROUND.items():
        root = folder / kind.value
        build_submission(runs, system, root, round_name=round_name, runner=kind)
        built[kind] = root
    return built


class Tree:
    """A copy of a tree, to be broken."""

    def __init__(self, source: Path, root: Path) -> None:
        shutil.copytree(source, root)
        self.root = root
        self.organisation = root / "closed" / "example"
        self.results = self.organisation / "results" / "board_one"
        self.kws = self.results / "kws"
        self.json = self.organisation / "systems" / "board_one.json"

    def replace(self, path: Path, old: str, new: str, *, count: int = 0) -> None:
        """Change a text, which must be there."""
        text = path.read_text()
        changed = re.sub(old, new, text, count=count)
        assert changed != text, f"'{old}' is not in {path.name}"
        path.write_text(changed)

    def add_wakewords(self, text: str) -> None:
        """Add a streaming benchmark's energy folder."""
        folder = self.results / "sww" / "energy"
        folder.mkdir(parents=True)
        for name in ("log.txt", "energy_inf_000.png"):
            (folder / name).write_text("")
        (folder / "results.json").write_text("[]")
        (folder / "results.txt").write_text(text)


def _set_results(tree: Tree, test: str, old: str, new: str, count: int = 0) -> None:
    tree.replace(tree.kws / test / "results.txt", old, new, count=count)


def _performance(old: str, new: str, count: int = 0) -> Callable[[Tree], None]:
    return lambda tree: _set_results(tree, "performance", old, new, count)


def _log(test: str, old: str, new: str, count: int = 0) -> Callable[[Tree], None]:
    return lambda tree: tree.replace(tree.kws / test / "log.txt", old, new, count=count)


def _link(tree: Tree) -> None:
    (tree.organisation / "code" / "link.c").symlink_to("main.c")


def _huge(tree: Tree) -> None:
    with (tree.organisation / "code" / "huge.bin").open("wb") as file:
        file.truncate(501 * 2**20)


def _ic2(tree: Tree) -> None:
    shutil.copytree(tree.kws, tree.results / "ic2")


def _trace(tree: Tree) -> None:
    """Halve the energy of each sample."""
    path = tree.kws / "energy" / "trace1-energy.bin"
    content = path.read_bytes()
    path.write_bytes(content[:5] + (np.frombuffer(content[5:], dtype="<f4") / 2).tobytes())


def _pass_changed(tree: Tree) -> None:
    path = tree.kws / "performance" / "results.json"
    plain = json.loads(path.read_text())
    plain[2]["infer"]["elapsed_time"] += 5000
    path.write_text(json.dumps(plain))


def _variant(tree: Tree) -> None:
    """Put a level for the model between, as some published trees have."""
    for mode in Mode:
        folder = tree.kws / "kws_int8" / mode.value
        folder.parent.mkdir(exist_ok=True)
        (tree.kws / mode.value).rename(folder)


# Requirement, the runner whose tree is broken, and the breakage.
BREAKAGES: list[tuple[str, RunnerKind, Callable[[Tree], object]]] = [
    ("division", RunnerKind.MLC, lambda t: (t.root / "network").mkdir()),
    ("no-links", RunnerKind.MLC, _link),
    ("no-pycache", RunnerKind.MLC, lambda t: _with_file(t.organisation / "code/__pycache__/a.pyc")),
    ("no-empty-folders", RunnerKind.MLC, lambda t: (t.organisation / "code" / "empty").mkdir()),
    ("file-size", RunnerKind.MLC, _huge),
    ("plain-names", RunnerKind.MLC, lambda t: _with_file(t.organisation / "code" / "a b.c")),
    ("system-described", RunnerKind.MLC, lambda t: t.json.rename(t.json.with_name("other.json"))),
    ("system-json", RunnerKind.MLC, lambda t: t.replace(t.json, ",", "", count=1)),
    ("status", RunnerKind.MLC, lambda t: t.replace(t.json, '"available"', '"soon"')),
    ("benchmark-name", RunnerKind.MLC, lambda t: t.kws.rename(t.results / "keyword_spotting")),
    ("ic2-beside-ic", RunnerKind.MLC, _ic2),
    ("layout", RunnerKind.EEMBC, _variant),
    ("tests-present", RunnerKind.MLC, lambda t: shutil.rmtree(t.kws / "accuracy")),
    ("file-set", RunnerKind.EEMBC, lambda t: (t.kws / "accuracy" / "script.async").unlink()),
    (
        "accuracy-stated",
        RunnerKind.EEMBC,
        lambda t: _set_results(t, "accuracy", r".*Top-1", "Top-1"),
    ),
    (
        "accuracy-target",
        RunnerKind.MLC,
        lambda t: _set_results(t, "accuracy", r"90\.10", "89.90"),
    ),
    ("throughput-stated", RunnerKind.MLC, _performance(r"\S+ ulp-mlperf: Median", "Median")),
    ("energy-stated", RunnerKind.MLC, lambda t: _set_results(t, "energy", "Median.*", "")),
    (
        "wakewords-stated",
        RunnerKind.MLC,
        lambda t: t.add_wakewords(WAKEWORDS.replace("6 False neg", "5 False neg")),
    ),
    ("readable", RunnerKind.MLC, lambda t: _with_text(t.kws / "accuracy/results.json", "{")),
    (
        "five-windows",
        RunnerKind.EEMBC,
        _performance(r"(?s)\S+ \S+ Performance results for window 10.*?met\.\n", ""),
    ),
    ("window-10s", RunnerKind.MLC, _performance(r"Runtime: 10\.\d+", "Runtime: 9.99", 1)),
    ("window-10-iterations", RunnerKind.MLC, _performance(": 250", ": 9")),
    ("median", RunnerKind.EEMBC, _performance(r"(Median \D+)23", r"\g<1>24")),
    ("arithmetic", RunnerKind.EEMBC, _performance(r"Throughput   :       23", "Throughput   : 24")),
    (
        "no-complaint",
        RunnerKind.EEMBC,
        _performance("Runtime requirements have been met.", "e-[The run must take longer]"),
    ),
    ("log-agrees", RunnerKind.EEMBC, _log("performance", r"m-lap-us-1(?=\d{7}\n)", "m-lap-us-2")),
    ("json-agrees", RunnerKind.MLC, _pass_changed),
    ("five-inputs", RunnerKind.EEMBC, _log("performance", r"tst_\w+", "tst_000000_Stop_7")),
    ("firmware-model", RunnerKind.EEMBC, _log("accuracy", "kws01", "vww01")),
    ("full-set", RunnerKind.EEMBC, _log("accuracy", r"tst_000999_\w+", "tst_000998_Left_2")),
    ("accuracy-agrees", RunnerKind.EEMBC, lambda t: _set_results(t, "accuracy", "90.1", "90.3")),
    ("supply-stated", RunnerKind.EEMBC, _log("energy", r"m-voltage-mv\[\d+\]", "")),
    ("trace-agrees", RunnerKind.EEMBC, _trace),
    ("energy-files", RunnerKind.EEMBC, lambda t: (t.kws / "energy" / "log.txt").unlink()),
    ("real-board", RunnerKind.MLC, _log("performance", "^Log", "m-simulated[so it is]\nLog")),
    (
        "keys-once",
        RunnerKind.MLC,
        lambda t: t.replace(t.json, r"\{", '{"Software Notes": "v7",', count=1),
    ),
    ("described", RunnerKind.MLC, lambda t: t.replace(t.json, '"Board One"', '""')),
    ("code-published", RunnerKind.MLC, lambda t: shutil.rmtree(t.organisation / "code")),
    ("checklist", RunnerKind.MLC, lambda t: _checklist(t).unlink()),
]


def _with_file(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("one\n")


def _with_text(path: Path, text: str) -> None:
    path.write_text(text)


def _checklist(tree: Tree) -> Path:
    return tree.organisation / "systems" / "Submission_Checklist.pdf"


def _names(checked: Checked) -> set[str]:
    return {failure.requirement.name for failure in checked.failures}


@pytest.mark.parametrize("kind", RunnerKind)
def test_what_is_built_passes_without_a_word(
    trees: dict[RunnerKind, Path], kind: RunnerKind
) -> None:
    """In both runners' formats."""
    checked = check_submission(trees[kind], ROUND[kind])

    assert checked.failures == ()
    assert checked.passes
    assert len(checked.entries) == 1


def test_every_requirement_is_broken_here() -> None:
    """None is left that nothing shows to be found."""
    assert {name for name, _, _ in BREAKAGES} == set(REQUIREMENTS)


def test_every_requirement_is_documented() -> None:
    """With the right word on who checks it, so that a user can look it up."""
    page = Path(__file__).resolve().parents[2] / "docs" / "howto" / "submission.md"
    rows = [
        (name, row.rsplit("|", 2)[1].strip() == "yes")
        for row in page.read_text(encoding="utf-8").splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([a-z0-9-]+)`", row.split("|")[1])
    ]

    assert dict(rows) == {each.name: each.official for each in REQUIREMENTS.values()}


@pytest.mark.parametrize(("name", "kind", "breaks"), BREAKAGES, ids=[each[0] for each in BREAKAGES])
def test_a_requirement_that_is_broken_is_found(
    trees: dict[RunnerKind, Path],
    tmp_path: Path,
    name: str,
    kind: RunnerKind,
    breaks: Callable[[Tree], object],
) -> None:
    """With the file at fault; an error keeps the tree from passing, a warning does not."""
    tree = Tree(trees[kind], tmp_path / "tree")
    breaks(tree)

    checked = check_submission(tree.root, "v1.4" if name == "ic2-beside-ic" else ROUND[kind])

    found = [each for each in checked.failures if each.requirement.name == name]
    assert found, _names(checked)
    assert all(each.found and tree.root in each.file.parents for each in found)
    worst = {each.requirement.severity for each in checked.failures}
    assert checked.passes == (Severity.ERROR not in worst)
    assert checked.passes == (name in WARNINGS)


WARNINGS = {"plain-names", "real-board", "keys-once", "described", "code-published", "checklist"}
# The restatement knows neither warnings nor sww and ic2.
RESTATED = [
    each
    for each in BREAKAGES
    if each[0] not in {"plain-names", "wakewords-stated", "ic2-beside-ic"}
]


@pytest.mark.parametrize(("name", "kind", "breaks"), RESTATED, ids=[each[0] for each in RESTATED])
def test_what_is_called_official_is_what_the_official_checker_sees(
    trees: dict[RunnerKind, Path],
    tmp_path: Path,
    name: str,
    kind: RunnerKind,
    breaks: Callable[[Tree], object],
) -> None:
    """By its own logic, restated: it complains of the official breakages and of no others."""
    tree = Tree(trees[kind], tmp_path / "tree")
    if kind is RunnerKind.EEMBC:
        (tree.kws / "EEMBC_RUNNER").write_text("")
    assert judge(tree.root) == ({"kws"}, 0)

    breaks(tree)

    taken, errors = judge(tree.root)
    assert (errors > 0) == REQUIREMENTS[name].official
    if not REQUIREMENTS[name].official:
        assert taken == {"kws"}


def test_windows_are_found_where_only_the_median_stands_in_the_results(
    trees: dict[RunnerKind, Path], tmp_path: Path
) -> None:
    """As early builds of MLCommons' runner wrote it (Qualcomm, v1.3)."""
    tree = Tree(trees[RunnerKind.MLC], tmp_path / "tree")
    path = tree.kws / "performance" / "results.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[-3:]))
    assert check_submission(tree.root, "v1.3").failures == ()

    _pass_changed(tree)
    (tree.kws / "performance" / "results.json").write_text("[]")
    tree.replace(tree.kws / "performance" / "log.txt", r"10\.862 sec", "9.862 sec")

    assert _names(check_submission(tree.root, "v1.3")) >= {"window-10s"}


def test_samples_in_results_json_are_added_up(
    trees: dict[RunnerKind, Path], tmp_path: Path
) -> None:
    """MLCommons' runner keeps its trace there."""
    tree = Tree(trees[RunnerKind.MLC], tmp_path / "tree")
    path = tree.kws / "energy" / "results.json"
    plain = json.loads(path.read_text())
    start = plain[3]["power"]["timestamps"][0][1]
    plain[3]["power"]["samples"][start + 100] += 0.001  # of 0.358 J
    path.write_text(json.dumps(plain))

    (failure,) = check_submission(tree.root, "v1.3").failures

    assert failure.requirement.name == "trace-agrees"
    assert failure.file == path
    assert "energy window 4 of 5" in failure.found


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kind", RunnerKind)
def test_another_reader_finds_the_same_in_what_is_built(
    trees: dict[RunnerKind, Path], kind: RunnerKind, mode: Mode
) -> None:
    """The bench's reader of published logs, which shares no code with what wrote them."""
    folder = trees[kind] / "closed/example/results/board_one/kws" / mode.value
    wanted = keyword_run(mode)

    found = replay_log(folder if kind is RunnerKind.MLC else folder / "log.txt")

    assert (found.mode, found.benchmark) == (mode, "kws")
    assert [each.iterations for each in found.windows] == [
        each.iterations for each in wanted.windows
    ]
    assert [each.elapsed_s for each in found.windows] == pytest.approx(
        [each.elapsed_s for each in wanted.windows], abs=1.1e-3
    )
    for each, kept in zip(found.windows, wanted.windows, strict=True):
        assert (each.energy is None) == (kept.energy is None)
        if each.energy is not None and kept.energy is not None:
            assert each.energy.energy_j == pytest.approx(kept.energy.energy_j, rel=2e-4)
    assert [(each.input, each.outputs) for each in found.inputs] == [
        (each.input, each.outputs) for each in wanted.inputs
    ]


def test_false_wake_words_beyond_the_limit_are_found(
    trees: dict[RunnerKind, Path], tmp_path: Path
) -> None:
    """Eight of each kind may be; what is within passes."""
    good = Tree(trees[RunnerKind.MLC], tmp_path / "good")
    good.add_wakewords(WAKEWORDS)
    bad = Tree(trees[RunnerKind.MLC], tmp_path / "bad")
    bad.add_wakewords(WAKEWORDS.replace("4 False pos", "9 False pos"))

    assert check_submission(good.root, "v1.3").failures == ()
    assert _names(check_submission(bad.root, "v1.3")) == {"accuracy-target"}


def test_the_open_division_has_no_target_and_names_of_its_own(
    trees: dict[RunnerKind, Path], tmp_path: Path
) -> None:
    """A mapping says which benchmark a name means; the accuracy is recorded, never rejected."""
    tree = Tree(trees[RunnerKind.MLC], tmp_path / "tree")
    _set_results(tree, "accuracy", r"90\.10", "10.00")
    tree.kws.rename(tree.results / "my_keywords")
    (tree.root / "closed").rename(tree.root / "open")
    mapping = tree.root / "open" / "example" / "model_mapping.json"
    mapping.write_text('{"my_keywords": "kws"}')

    assert _names(check_submission(tree.root, "v1.3")) == {"accuracy-agrees"}


def test_an_energy_folder_of_another_name_is_found(
    trees: dict[RunnerKind, Path], tmp_path: Path
) -> None:
    """The official checker would overlook it, and the energy with it."""
    tree = Tree(trees[RunnerKind.EEMBC], tmp_path / "tree")
    (tree.kws / "energy").rename(tree.kws / "power")

    (failure,) = check_submission(tree.root, "v1.2").failures

    assert failure.requirement.name == "layout"
    assert failure.file == tree.kws / "power"


def test_the_marker_of_the_eembc_runner_decides_whose_files_are_asked_for(
    trees: dict[RunnerKind, Path], tmp_path: Path
) -> None:
    """From v1.3 on, files of the EEMBC runner need it."""
    tree = Tree(trees[RunnerKind.EEMBC], tmp_path / "tree")
    assert "file-set" in _names(check_submission(tree.root, "v1.3"))

    (tree.kws / "EEMBC_RUNNER").write_text("")

    assert check_submission(tree.root, "v1.3").failures == ()
