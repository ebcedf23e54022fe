"""Fetching: every file is checked, kept or replaced as a whole; only the wire is faked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tinygauge.errors import ConfigError, FetchError, UnknownNameError
from tinygauge.mlperf import fetch as fetch_module  # its pauses are shortened below
from tinygauge.mlperf.fetch import Action, FetchedFile, collections, fetch, notes
from tinygauge.mlperf.manifest import load_manifest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TREE = {
    "models/kws.tflite": b"TFL3 a model",
    "datasets/kws01/y_labels.csv": b"a.bin,12,7\n",
    "datasets/kws01/a b.bin": b"\x00\x01\xff" * 100,
}
UPSTREAM_FOLDERS = {"models": "training/trained", "datasets/kws01": "datasets/kws01"}


@dataclass
class Wire:
    """A server on the loopback, whose answers a test may spoil by upstream path."""

    address: str = ""
    answers: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def upstream_path(local: str) -> str:
    folder, name = local.rsplit("/", 1)
    return f"maker/tiny/{COMMIT}/{UPSTREAM_FOLDERS[folder]}/{name}"


def make_handler(wire: Wire) -> type[BaseHTTPRequestHandler]:
    served = {"/" + upstream_path(local).replace(" ", "%20"): local for local in TREE}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            local = served.get(self.path, "")
            wire.asked.append(local)
            planned = wire.answers.get(local)
            if planned:
                status, body = planned.pop(0)
            else:
                status, body = (200, TREE[local]) if local else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(TREE.get(local, b""))))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            """Say nothing."""

    return Handler


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    monkeypatch.delenv("TINYGAUGE_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch_module, "FIRST_PAUSE_S", 0.01)
    wire = Wire()
    with ThreadingHTTPServer(("127.0.0.1", 0), make_handler(wire)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        wire.address = f"http://127.0.0.1:{server.server_port}"
        yield wire
        server.shutdown()
        thread.join()


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """Path of a manifest of the small tree."""
    lines = ['title = "A small tree"', 'notes = ["No inputs of vww01."]']
    for folder, upstream in UPSTREAM_FOLDERS.items():
        lines += ["[[folders]]", 'repository = "maker/tiny"', f'commit = "{COMMIT}"']
        lines += [f'path = "{upstream}"', f'local = "{folder}"', 'files = """']
        for local, content in TREE.items():
            if local.rpartition("/")[0] == folder:
                digest = hashlib.sha256(content).hexdigest()
                lines.append(f"{digest} {len(content)} {local.rpartition('/')[2]}")
        lines.append('"""')
    path = tmp_path / "manifest.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, hidden ones included, by its relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def actions(fetched: list[FetchedFile]) -> list[Action]:
    return [file.action for file in fetched]


def test_fetch_brings_the_tree(wire: Wire, manifest: str, tmp_path: Path) -> None:
    """All files arrive under their local names, in the manifest's order, and nothing else."""
    dest = tmp_path / "out"

    fetched = fetch(manifest, dest, upstream=wire.address)

    assert files_in(dest) == TREE
    assert [file.path.relative_to(dest).as_posix() for file in fetched] == list(TREE)
    assert actions(fetched) == [Action.DOWNLOADED] * 3
    assert fetched[0].source == upstream_path("models/kws.tflite")
    assert sorted(wire.asked) == sorted(TREE)


def test_upstream_address_comes_from_the_environment(
    wire: Wire, manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TINYGAUGE_UPSTREAM replaces the address; a slash at its end does no harm."""
    monkeypatch.setenv("TINYGAUGE_UPSTREAM", wire.address + "/")

    assert len(fetch(manifest, tmp_path / "out")) == 3


def test_second_fetch_keeps_what_is_right(wire: Wire, manifest: str, tmp_path: Path) -> None:
    """Only the missing and the wrong files are asked for again."""
    dest = tmp_path / "out"
    fetch(manifest, dest, upstream=wire.address)
    (dest / "models/kws.tflite").write_bytes(b"TFL3 a MODEL")
    (dest / "datasets/kws01/y_labels.csv").unlink()
    wire.asked.clear()

    fetched = fetch(manifest, dest, upstream=wire.address)

    assert sorted(wire.asked) == ["datasets/kws01/y_labels.csv", "models/kws.tflite"]
    assert actions(fetched) == [Action.DOWNLOADED, Action.DOWNLOADED, Action.KEPT]
    assert files_in(dest) == TREE


def test_only_takes_what_matches(wire: Wire, manifest: str, tmp_path: Path) -> None:
    """A pattern limits what is fetched."""
    fetched = fetch(manifest, tmp_path / "out", only="models/*", upstream=wire.address)

    assert [file.path.name for file in fetched] == ["kws.tflite"]
    assert wire.asked == ["models/kws.tflite"]


def test_progress_counts_the_files(wire: Wire, manifest: str, tmp_path: Path) -> None:
    """The caller is told after each file."""
    told: list[tuple[str, int, int]] = []

    fetch(manifest, tmp_path / "out", upstream=wire.address, progress=lambda *t: told.append(t))

    assert told == [("fetching", 1, 3), ("fetching", 2, 3), ("fetching", 3, 3)]


@pytest.mark.parametrize(
    "trouble",
    [(503, b""), (429, b""), (200, b"TFL3"), (200, b"")],
    ids=["unavailable", "too many requests", "cut short", "empty"],
)
def test_passing_trouble_is_retried(
    wire: Wire, manifest: str, tmp_path: Path, trouble: tuple[int, bytes]
) -> None:
    """A busy server and a body that ends early are asked again."""
    wire.answers["models/kws.tflite"] = [trouble, trouble]

    fetch(manifest, tmp_path / "out", upstream=wire.address)

    assert files_in(tmp_path / "out") == TREE
    assert wire.asked.count("models/kws.tflite") == 3


@dataclass(frozen=True)
class Trouble:
    """What the server answers, how the error tells it, and how often the file is asked for."""

    answers: list[tuple[int, bytes]]
    message: str
    asked: int


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble([(404, b"")], "HTTP 404", 1),
        Trouble([(503, b"")] * 9, "HTTP 503", 4),
        Trouble([(200, b"TFL3")] * 9, "expected 12 bytes, the answer ended after 4", 4),
        Trouble(
            [(200, b"TFL3 a MODEL")], r"expected 12 bytes with SHA-256 \w{64}, got 12 bytes", 1
        ),
    ],
    ids=["absent", "unavailable", "cut short", "another file"],
)
def test_bad_file_is_named_and_not_kept(
    wire: Wire, manifest: str, tmp_path: Path, trouble: Trouble
) -> None:
    """The error names the file and what was wrong; the right files stay, no part of it does."""
    wire.answers["models/kws.tflite"] = list(trouble.answers)
    dest = tmp_path / "out"

    with pytest.raises(FetchError, match=rf"1 of 3 .*kws\.tflite: {trouble.message}"):
        fetch(manifest, dest, upstream=wire.address)

    assert files_in(dest) == {local: TREE[local] for local in list(TREE)[1:]}
    assert wire.asked.count("models/kws.tflite") == trouble.asked


def test_failed_fetch_leaves_an_older_file_alone(wire: Wire, manifest: str, tmp_path: Path) -> None:
    """A file is replaced by the right one or not at all."""
    wire.answers["models/kws.tflite"] = [(200, b"TFL3 a MODEL")]
    older = tmp_path / "out/models/kws.tflite"
    older.parent.mkdir(parents=True)
    older.write_bytes(b"older")

    with pytest.raises(FetchError):
        fetch(manifest, tmp_path / "out", only="models/*", upstream=wire.address)

    assert files_in(tmp_path / "out") == {"models/kws.tflite": b"older"}


def test_fetch_that_keeps_failing_is_given_up_soon(wire: Wire, tmp_path: Path) -> None:
    """When several files can't be had, the rest of a long list is not tried."""
    with pytest.raises(FetchError, match=r"1028 of 1028 files were not fetched"):
        fetch("mlperf-tiny", tmp_path / "out", upstream=wire.address)

    assert len(wire.asked) < 100


def test_unreachable_server_is_a_clear_error(
    wire: Wire, manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listening is told as the system tells it, with advice."""
    monkeypatch.setattr(fetch_module, "ATTEMPTS", 2)

    with pytest.raises(FetchError, match=r"refused.*run it again"):
        fetch(manifest, tmp_path / "out", upstream="http://127.0.0.1:1")


def test_folder_that_cannot_be_written_is_a_clear_error(
    wire: Wire, manifest: str, tmp_path: Path
) -> None:
    """A file in the way of the folder is named."""
    (tmp_path / "out").write_bytes(b"")

    with pytest.raises(FetchError, match=r"can't write the file"):
        fetch(manifest, tmp_path / "out", upstream=wire.address)


def make_mirror(folder: Path) -> Path:
    for local, content in TREE.items():
        path = folder / upstream_path(local)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_mirror_is_copied_without_the_network(
    wire: Wire, manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TINYGAUGE_MIRROR set, nothing is downloaded."""
    monkeypatch.setenv("TINYGAUGE_MIRROR", str(make_mirror(tmp_path / "mirror")))
    monkeypatch.setenv("TINYGAUGE_UPSTREAM", wire.address)

    fetched = fetch(manifest, tmp_path / "out")

    assert actions(fetched) == [Action.COPIED] * 3
    assert files_in(tmp_path / "out") == TREE
    assert not wire.asked


def test_partial_mirror_lists_what_it_lacks(manifest: str, tmp_path: Path) -> None:
    """Each file that the mirror lacks, or has wrong, is named."""
    mirror = make_mirror(tmp_path / "mirror")
    (mirror / upstream_path("models/kws.tflite")).unlink()
    (mirror / upstream_path("datasets/kws01/y_labels.csv")).write_bytes(b"another")

    with pytest.raises(FetchError, match=r"2 of 3 files were not fetched") as caught:
        fetch(manifest, tmp_path / "out", mirror=mirror)

    assert "kws.tflite: not in the mirror" in str(caught.value)
    assert "y_labels.csv: expected 11 bytes" in str(caught.value)
    assert list(files_in(tmp_path / "out")) == ["datasets/kws01/a b.bin"]


def test_absent_mirror_is_a_clear_error(manifest: str, tmp_path: Path) -> None:
    """A mirror that is no folder is named at once."""
    with pytest.raises(FetchError, match="the mirror is no folder"):
        fetch(manifest, tmp_path / "out", mirror=tmp_path / "none")


def test_unknown_collection_and_pattern_are_clear_errors(tmp_path: Path) -> None:
    """A mistyped collection gets a suggestion, an empty choice an example."""
    with pytest.raises(UnknownNameError, match=r"Did you mean mlperf-tiny\?"):
        fetch("mlperf", tmp_path)
    with pytest.raises(ConfigError, match=r"no file of mlperf-tiny matches.*models/\*"):
        fetch("mlperf-tiny", tmp_path, only="model/*")
    with pytest.raises(ConfigError, match="no web address"):
        fetch("mlperf-tiny", tmp_path, upstream="file:///etc")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('local = "models"', 'local = "../models"'),
        ('local = "models"', 'local = "/models"'),
        (" 12 kws.tflite", " twelve kws.tflite"),
        (" 12 kws.tflite", ""),
        ("repository", "repo"),
        ("[[folders]]", "folders"),
    ],
)
def test_bad_manifest_is_a_clear_error(manifest: str, tmp_path: Path, old: str, new: str) -> None:
    """A manifest that does not parse, or leads out of the folder, is refused."""
    path = tmp_path / "bad.toml"
    path.write_text(Path(manifest).read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigError, match="this is no manifest"):
        fetch(str(path), tmp_path / "out")


def test_packaged_manifest_is_sound() -> None:
    """Names are unique, digests are digests, and what is lacking is said."""
    files = load_manifest("mlperf-tiny").files

    assert collections() == ["mlperf-tiny"]
    assert len({file.local for file in files}) == len({file.upstream for file in files}) == 1028
    assert {len(bytes.fromhex(file.sha256)) for file in files} == {32}
    assert {len(bytes.fromhex(file.commit)) for file in files} == {20}
    assert any("vww01" in note for note in notes("mlperf-tiny"))


def test_keyword_spotting_lies_as_evaluate_wants_it(mirror: Path, tmp_path: Path) -> None:
    """The official keyword-spotting inputs and their labels end in one folder, all 1,000."""
    fetched = fetch("mlperf-tiny", tmp_path, only="datasets/kws01/*", mirror=mirror)
    folder = tmp_path / "datasets/kws01"
    labels = (folder / "y_labels.csv").read_text(encoding="utf-8").split()

    assert len(fetched) == 1001
    assert {line.split(",")[0] for line in labels} == {p.name for p in folder.glob("*.bin")}
    assert len(labels) == 1000
