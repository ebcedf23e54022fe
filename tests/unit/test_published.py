"""Published results: what ships, how it is searched, and the roofline."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from tinygauge import catalog
from tinygauge.errors import UnknownNameError
from tinygauge.published import (
    PublishedResult,
    find_published,
    load_published,
    roofline,
)
from tinygauge.quantity import Method, Missing, Quantity
from tinygauge.report.published_report import published_document, published_notes, roofline_notes
from tinygauge.roofline import fewest_cycles


def only(**names: str) -> PublishedResult:
    (found,) = find_published(**names)
    return found


def test_all_rounds_are_there() -> None:
    """306 results, every number quoted with the repository and folder it stands in."""
    results = load_published()

    assert len(results) == 306
    assert {result.round for result in results} == {"v0.5", "v0.7", "v1.0", "v1.1", "v1.2"}
    for result in results:
        assert result.source.startswith(f"mlcommons/tiny_results_{result.round}, ")
        assert result.latency.method is Method.QUOTED
        assert result.latency.value * result.throughput.value == pytest.approx(1)
        assert result.catalogue_board in ("", *catalog.board_names())


def test_a_known_row_is_as_published() -> None:
    """The reference system of v0.5 on visual wake words, in base units."""
    found = only(board="NUCLEO-L4R5ZI", round="0.5", benchmark="vww")

    assert (found.engine, found.engine_version, found.core) == (
        "tflm-cmsis-nn", "TFLM v2.3.1", "cortex-m4",
    )  # fmt: skip
    assert isinstance(found.clock, Quantity)
    assert found.clock.value == 120e6
    assert isinstance(found.accuracy, Quantity)
    assert 0.8 < found.accuracy.value < 0.9
    assert isinstance(found.energy, Quantity)
    assert 0.02 < found.energy.value < 0.03
    assert 0.5 < found.latency.value < 0.7


def test_rows_equal_the_table_they_come_from(shared_data: Path) -> None:
    """Latency, energy and notes of every row, against the full table."""
    with (shared_data / "mlperf_tiny" / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    for row, result in zip(rows, load_published(), strict=True):
        assert (row["round"], row["system"], row["benchmark"]) == (
            result.round, result.system, result.benchmark,
        )  # fmt: skip
        assert result.latency.value == pytest.approx(float(row["latency_ms"]) / 1e3, rel=1e-3)
        assert bool(row["energy_uj_per_inf"]) == isinstance(result.energy, Quantity)
        assert len(result.notes) == len([n for n in row["notes"].split("; ") if n])
        assert all(
            path.startswith(result.source.split(", ")[1].split("; ")[0])
            for path in row["source_paths"].split("|")[1:]
        )


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ({"board": "nucleo-h7a3zi-q", "benchmark": "ad"}, 11),
        ({"board": "nucleo-h7a3zi"}, 13),
        ({"engine": "x-cube-ai@7.3", "board": "nucleo-l4r5zi", "benchmark": "kws"}, 2),
        ({"submitter": "PLUMERAI", "round": "v1.1"}, 20),
        ({"round": ["v0.5", "1.2"], "benchmark": "vww"}, None),
        ({"round": "v0.5", "engine": "plumerai"}, 0),
    ],
)
def test_search_combines_names(names: dict[str, str | list[str]], count: int | None) -> None:
    """All fields must match, one name of each is enough; the fastest of a benchmark first."""
    found = find_published(**names)

    if count is None:
        assert {result.round for result in found} == {"v0.5", "v1.2"}
    else:
        assert len(found) == count
    keys = [(result.benchmark, result.latency.value) for result in found]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ({"board": "nucleo-l4r5z"}, "nucleo-l4r5zi"),
        ({"engine": "plumeria"}, "plumerai"),
        ({"engine": "x-cube-ai@6.0"}, "x-cube-ai@"),
        ({"benchmark": "kwd"}, "kws"),
        ({"round": "2.0"}, "v1.0"),
    ],
)
def test_unknown_names_are_refused(names: dict[str, str], hint: str) -> None:
    """With those that occur."""
    with pytest.raises(UnknownNameError) as caught:
        find_published(**names)

    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("core", "cycles"),
    [("cortex-m0+", 1001), ("cortex-m3", 1001), ("cortex-m4", 501), ("cortex-m33", 501),
     ("cortex-m7", 501), ("cortex-m55", 126), ("cortex-m85", 126)],
)  # fmt: skip
def test_fewest_cycles(core: str, cycles: int) -> None:
    """Of 1,001 products, rounded up, with a source."""
    found = fewest_cycles(core, 1001)

    assert isinstance(found, Quantity)
    assert found.value == cycles
    assert any(word in found.provenance.source for word in ("llvm", "TRM", "datasheet"))


def test_no_engine_beats_the_roofline() -> None:
    """Every share lies in 0..1, on the live products too, where one is given."""
    shares = [roofline(result) for result in load_published()]
    known = [line for line in shares if isinstance(line.share, Quantity)]

    assert len(known) > 150
    for line in known:
        assert isinstance(line.share, Quantity)
        assert isinstance(line.live_share, Quantity)
        assert 0 < line.live_share.value <= line.share.value < 1


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"board": "NDP9120", "round": "v1.0", "benchmark": "ad"}, "computes, not the core alone"),
        ({"board": "Nezha", "benchmark": "kws"}, "open division"),
        ({"board": "rx65n-cloud-kit", "benchmark": "kws"}, "not known here"),
    ],
)
def test_a_roofline_that_says_nothing_is_missing(names: dict[str, str], reason: str) -> None:
    """Accelerators, other models, cores nobody described."""
    for result in find_published(**names):
        share = roofline(result).share
        assert isinstance(share, Missing)
        assert reason in share.reason


def test_a_benchmark_without_a_reference_model_has_no_roofline() -> None:
    """Later rounds know more benchmarks: nothing is compared, and the reason is given."""
    (any_board,) = find_published(board="ek-ra6m4", benchmark="kws")
    result = replace(any_board, benchmark="sww")

    document = published_document(result)

    assert isinstance(roofline(result).share, Missing)
    for key in ("macs", "live_macs", "fewest_cycles", "roofline_share"):
        assert document[key] is None
        assert document[f"{key}_missing"] == "no reference model of sww is known here"
    assert document["cycles"] == pytest.approx(any_board.latency.value * 200e6)
    assert roofline_notes([result]) == []


def test_documents_give_a_reason_for_every_null() -> None:
    """And notes are listed once each."""
    results = load_published()
    for result in results:
        document = published_document(result)
        for key, value in document.items():
            if value is None and key != "roofline_source":
                assert document[f"{key}_missing"]
    notes = published_notes(results)
    assert len(notes) == len({note.partition(" ")[2] for note in notes})
