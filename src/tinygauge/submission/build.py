"""Make a submission's tree from runs on a board and one description of the system.

The description is a TOML with each key once::

    submitter = "Example Ltd"
    status = "available"
    board = "NUCLEO-L4R5ZI"
    processor = "Arm Cortex-M4"
    processor_frequency = "120 MHz"
    inference_framework = "TFLM with CMSIS-NN"

`tinygauge.submission.system.KEYS` has all keys. The runs' own files, every byte of their
transcripts among them, go below ``code``, where reviewers find the evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinygauge.bench.folder import load_run
from tinygauge.bench.records import Mode, Run
from tinygauge.bench.rules import check_rules
from tinygauge.catalog.toml_table import TomlTable, read_toml
from tinygauge.errors import ConfigError
from tinygauge.files import write_whole
from tinygauge.measurement.metrics import score_of
from tinygauge.quantity import Missing
from tinygauge.submission.formats_eembc import eembc_files
from tinygauge.submission.formats_mlc import mlc_files
from tinygauge.submission.rounds import LATEST, TARGETS, Round, RunnerKind, round_named
from tinygauge.submission.system import KEYS
from tinygauge.submission.traces import eembc_trace_files

__all__ = ["Built", "Description", "build_submission", "load_description"]

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_STATUSES = ("available", "preview", "rdi")
_DIVISIONS = ("closed", "open")
_NEEDED = ("submitter", "status", "board", "processor", "processor_frequency",
           "inference_framework")  # fmt: skip
# Words that are no key of the JSON: what the folder is called, and where files come from.
_OURS = ("name", "organisation", "code", "documents")
_LARGEST_FILE = 500 * 2**20


@dataclass(frozen=True, slots=True)
class Description:
    """A system, as its TOML has it.

    Parameters
    ----------
    name, organisation : str
        Folder names of the system and of who submits it.
    division : str
    values : dict of str
        By our words for the keys of the JSON.
    code, documents : Path or None
        Folders whose files go to ``code`` and to ``systems``.
    """

    name: str
    organisation: str
    division: str
    values: dict[str, str]
    code: Path | None
    documents: Path | None


@dataclass(frozen=True, slots=True)
class Built:
    """What was made.

    Parameters
    ----------
    root : Path
    folder : Path
        Of the system's results.
    files : tuple of Path
        In order of writing.
    notes : tuple of str
        What a submitter should know before sending it off.
    """

    root: Path
    folder: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def load_description(path: str | Path) -> Description:
    """Read a system's TOML.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Description

    Raises
    ------
    ConfigError
        If it can't be read, a key is unknown, missing or no text, or a name is no folder's.
    """
    file = Path(path)
    table = read_toml(file, str(path))
    table.refuse_unknown((*KEYS, *_OURS))
    for key in _NEEDED:
        table.text(key)
    values = {key: table.text(key, "") for key in KEYS}
    division = (values["division"] or "closed").lower()
    _one_of(table, "division", division, _DIVISIONS)
    _one_of(table, "status", values["status"].lower(), _STATUSES)
    values["division"] = division
    return Description(
        name=_folder_name(table, "name", values["board"]),
        organisation=_folder_name(table, "organisation", values["submitter"]),
        division=division,
        values=values,
        code=_folder(table, "code", file),
        documents=_folder(table, "documents", file),
    )


def _one_of(table: TomlTable, key: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(table.where, f"{key} is '{value}'", f"Write one of {', '.join(known)}")


def _folder_name(table: TomlTable, key: str, other: str) -> str:
    given = table.text(key, "")
    name = given or re.sub(r"[^A-Za-z0-9._-]+", "_", other).strip("_.-")
    if not _PLAIN.fullmatch(name):
        raise ConfigError(
            table.where,
            f"{key} '{name}' is no name for a folder",
            "Use letters, digits, dots, dashes and underscores",
        )
    return name


def _folder(table: TomlTable, key: str, file: Path) -> Path | None:
    text = table.text(key, "")
    if not text:
        return None
    folder = file.parent / text
    if not folder.is_dir():
        raise ConfigError(table.where, f"{key}: there is no folder {folder}")
    return folder


def build_submission(
    runs: Sequence[str | Path],
    system: str | Path,
    out: str | Path,
    *,
    round_name: str = LATEST,
    runner: RunnerKind = RunnerKind.MLC,
) -> Built:
    """Make a submission's tree, or add a system to one.

    Parameters
    ----------
    runs : sequence of str or Path
        Folders of complete runs.
    system : str or Path
        Its TOML.
    out : str or Path
        Where the tree is, or is to be.
    round_name : str
    runner : RunnerKind
        Whose formats the files are in.

    Returns
    -------
    Built

    Raises
    ------
    ConfigError
        If a run does not fit, two are of one test, or results of the system are there already.
    RunFormatError
        If a run can't be read.
    """
    rules = round_named(round_name)
    if runner is RunnerKind.MLC and not rules.has_mlc_runner:
        raise ConfigError(
            f"round {rules.name}", "it knows no MLCommons runner", "Build it with --runner eembc"
        )
    described = load_description(system)
    loaded = _load_runs(runs, rules)
    top = Path(out)
    base = top / described.division / described.organisation
    folder = base / "results" / described.name
    if folder.exists():
        raise ConfigError(
            str(folder), "results of this system are here already", "Name another folder with --out"
        )
    files: list[Path] = []
    # Scored first: what can't be scored is told before anything is written.
    scored = [(run, _score(run) if run.mode is Mode.ACCURACY else None) for run in loaded]
    for run, score in scored:
        target = folder / run.benchmark / run.mode.value
        for name, content in _files(run, score, runner).items():
            files.append(_write(target / name, content))
        if runner is RunnerKind.EEMBC and rules.has_mlc_runner:
            files.append(_write(folder / run.benchmark / "EEMBC_RUNNER", b""))
        place = base / "code" / run.benchmark / described.name / "measurements" / run.mode.value
        files += _copied(Path(run.folder), place)
    simulated = any(run.simulated for run in loaded)
    json_text = _system_json(described, simulated=simulated)
    files.append(_write(base / "systems" / f"{described.name}.json", json_text.encode()))
    for source, name in ((described.code, "code"), (described.documents, "systems")):
        if source is not None:
            files += _copied(source, base / name)
    notes = tuple(dict.fromkeys(_notes(described, scored)))
    return Built(top, folder, tuple(dict.fromkeys(files)), notes)


def _load_runs(paths: Sequence[str | Path], rules: Round) -> list[Run]:
    if not paths:
        raise ConfigError("runs", "none is named", "Name folders of bench run")
    loaded: dict[tuple[str, Mode], Run] = {}
    for path in paths:
        run = load_run(path)
        key = (run.benchmark, run.mode)
        if not run.complete:
            raise ConfigError(
                str(path), "this run is not complete", f"Go on with it: --resume {path}"
            )
        if run.benchmark not in rules.benchmarks or run.benchmark not in TARGETS:
            raise ConfigError(
                str(path),
                f"a run of '{run.benchmark}' can't be put into {rules.name}",
                f"Known: {', '.join(name for name in rules.benchmarks if name in TARGETS)}",
            )
        if key in loaded:
            raise ConfigError(
                str(path), f"{loaded[key].folder} is of {run.benchmark} {run.mode.value} too"
            )
        _refuse_empty(run, path)
        loaded[key] = run
    return list(loaded.values())


def _score(run: Run) -> float:
    """Return the accuracy of a run by its benchmark's metric, a ratio."""
    score = score_of(replace(run, metric=TARGETS[run.benchmark][0]))
    if isinstance(score, Missing):
        raise ConfigError(run.folder or run.benchmark, score.reason, score.advice)
    return score.value.value


def _refuse_empty(run: Run, path: str | Path) -> None:
    if run.mode is Mode.ACCURACY:
        return  # _score says what is missing
    if not run.windows or any(not window.elapsed_s > 0 for window in run.windows):
        raise ConfigError(str(path), "a window is missing or took no time", "Measure again")
    if run.mode is Mode.ENERGY and any(window.energy is None for window in run.windows):
        raise ConfigError(str(path), "a window has no energy", "Measure again with a monitor")


def _files(run: Run, score: float | None, runner: RunnerKind) -> dict[str, bytes]:
    is_eembc = runner is RunnerKind.EEMBC
    texts = eembc_files(run, score) if is_eembc else mlc_files(run, score)
    found = {name: text.encode() for name, text in texts.items()}
    if is_eembc and run.mode is Mode.ENERGY:
        found |= eembc_trace_files(run)
    return found


def _write(path: Path, content: bytes) -> Path:
    try:
        write_whole(path, content)
    except OSError as error:
        raise ConfigError(str(path), f"can't write it ({error.strerror or error})") from error
    return path


def _copied(source: Path, target: Path) -> Iterator[Path]:
    """Copy a folder's files; links and hidden files are left out."""
    for path in sorted(source.rglob("*")):
        parts = path.relative_to(source).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if hidden or path.is_symlink() or not path.is_file():
            continue
        try:
            if path.stat().st_size > _LARGEST_FILE:
                raise ConfigError(str(path), "it is larger than 500 MiB, which no round takes")
            content = path.read_bytes()
        except OSError as error:
            raise ConfigError(str(path), f"can't read it ({error.strerror})") from error
        yield _write(target.joinpath(*(part.replace(" ", "_") for part in parts)), content)


def _system_json(described: Description, *, simulated: bool) -> str:
    """Return the description as the checker reads it: each key of the template once."""
    plain = {key: described.values[name] for name, key in KEYS.items()}
    if simulated:
        note = "Times are simulated by an emulator, not measured on a board."
        plain["Hardware Notes"] = f"{plain['Hardware Notes']} {note}".strip()
    return json.dumps(plain, indent=4, ensure_ascii=False) + "\n"


def _notes(described: Description, scored: list[tuple[Run, float | None]]) -> Iterator[str]:
    """Say which rules the runs do not meet, and what is still to be added by hand."""
    for run, score in scored:
        for result in check_rules(run):
            if result.met is False:
                what = f"{run.benchmark} {run.mode.value}: {result.clause}"
                yield f"{what} — not met: {result.why}"
        target = TARGETS[run.benchmark][1]
        if score is not None and described.division == "closed" and score < target:
            yield f"{run.benchmark}: accuracy {score:.4f} misses the target of {target:g}"
    if described.code is None:
        yield "no code was added: name its folder as code in the TOML, the rules ask for it"
    if described.documents is None:
        yield "no documents were added: the signed checklist belongs into systems"
