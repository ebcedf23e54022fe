"""The page as a file: its policy, what is escaped, what it holds; and Markdown and notebooks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.evaluations import evaluation, results

from tinygauge.quantity import Missing
from tinygauge.records import Failure, Finding, Severity
from tinygauge.report.html import render_page
from tinygauge.report.html.join import join_modules
from tinygauge.report.markdown import render_markdown
from tinygauge.report.plain import shown

_STYLE = Path(__file__).resolve().parents[3] / "src/tinygauge/report/html/style.css"
_TEXTS = st.text(min_size=1, max_size=40) | st.sampled_from(
    [
        "</script><script>x",
        "<!--",
        "<img onerror=x>",
        "a|b`c`",
        "@all #1",
        "[x](y)",
        "]]>",
        "\u2028",
    ]
)


class _Outline(HTMLParser):
    """What elements a page has, and what its scripts and styles hold."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.raw: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.raw.append(data)
        else:
            self.text += data


def _hostile(text: str) -> str:
    finding = Finding(code="TG1", severity=Severity.INFO, message=text, where=text, advice=text)
    each = evaluation(text, board=text, engine=text, findings=[finding], energy=Missing(text, text))
    return render_page(results([each], failures=[Failure(model=text, stage="load", message=text)]))


@settings(max_examples=60)
@given(_TEXTS)
def test_no_text_changes_the_outline_of_the_page(text: str) -> None:
    """The same elements and attributes as with a plain name, and the name in the data."""
    plain, hostile = _Outline(_hostile("net")), _Outline(_hostile(text))

    assert hostile.tags == plain.tags
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]
    document = json.loads(hostile.raw[1])
    assert document["models"][0]["name"] == shown(text)
    assert shown(text).strip() in hostile.text.replace("\n", " ") or not shown(text).strip()


def test_the_policy_names_the_digests_of_what_runs() -> None:
    """Style, library and script are let in by their SHA-256; nothing else is."""
    outline = _Outline(render_page(results([evaluation()])))
    policy = next(v for k, v in outline.attributes if k == "content" and "default-src" in str(v))
    style, _, library, script = outline.raw

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest(library)}' 'sha256-{digest(script)}'; "
        f"style-src 'sha256-{digest(style)}'; base-uri 'none'; form-action 'none'"
    )
    names = {name for name, _ in outline.attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}


def test_the_page_refers_to_nothing_outside() -> None:
    """No source, link or style sheet: the address of an SVG's names is the only one."""
    outline = _Outline(render_page(results([evaluation()])))

    links = [value for name, value in outline.attributes if name in {"src", "href", "action"}]
    assert links == ["#decision"]
    assert not re.search(r"@import|url\(", outline.raw[0])


def test_the_carried_library_is_the_one_that_was_bundled() -> None:
    """Its digest, licence and notice stand beside it."""
    vendor = _STYLE.parent / "vendor"
    record = json.loads((vendor / "bundle.json").read_text(encoding="utf-8"))

    assert hashlib.sha256((vendor / record["bundle"]).read_bytes()).hexdigest() == record["sha256"]
    for name in ("LICENSE-echarts", "NOTICE-echarts", "LICENSE-zrender", "LICENSE-tslib"):
        assert (vendor / name).stat().st_size > 100


def _module(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.mjs").write_text(text, encoding="utf-8")


def test_modules_are_joined_in_the_order_in_which_they_need_each_other(tmp_path: Path) -> None:
    """Each once, its names its own but for what it exports."""
    _module(tmp_path, "c", "const own = 1;\nexport const one = own;\n")
    _module(
        tmp_path, "b", 'import { one } from "./c.mjs";\nexport function two() { return one; }\n'
    )
    _module(
        tmp_path,
        "a",
        'import {\n  one,\n} from "./c.mjs";\nimport { two } from "./b.mjs";\ntwo();\n',
    )

    joined = join_modules(tmp_path, "a")

    assert re.findall(r"^const module_(\w)", joined, re.MULTILINE) == ["c", "b", "a"]
    assert "return { one };" in joined
    assert "import" not in joined
    assert "export" not in joined


@pytest.mark.parametrize(
    "line", ['import x from "./c.mjs";', 'import * as c from "./c.mjs";', "export default 1;"]
)
def test_forms_that_are_not_understood_are_errors(tmp_path: Path, line: str) -> None:
    """Better no page than one whose script is torn."""
    _module(tmp_path, "c", "export const one = 1;\n")
    _module(tmp_path, "a", f"{line}\n")

    with pytest.raises(ValueError, match=r"a\.mjs: can't join"):
        join_modules(tmp_path, "a")


def test_modules_that_need_each_other_are_an_error(tmp_path: Path) -> None:
    """There is no order to join them in."""
    _module(tmp_path, "a", 'import { b } from "./b.mjs";\nexport const a = 1;\n')
    _module(tmp_path, "b", 'import { a } from "./a.mjs";\nexport const b = 1;\n')

    with pytest.raises(ValueError, match="a > b > a"):
        join_modules(tmp_path, "a")


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2, "relative luminance")."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


_PAIRS = [
    ("ink", "paper"), ("ink", "ground"), ("muted", "paper"), ("muted", "ground"),
    ("accent", "paper"), ("error", "paper"), ("inside", "inside-fill"),
    ("undecided", "undecided-fill"), ("outside", "outside-fill"),
]  # fmt: skip


@pytest.mark.parametrize(("front", "back"), _PAIRS, ids="-on-".join)
def test_text_can_be_told_from_its_ground(front: str, back: str) -> None:
    """At least 4.5 to 1, light and dark (WCAG 2.2, criterion 1.4.3)."""
    pattern = r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)"
    colours = {m[1]: m.groups()[1:] for m in re.finditer(pattern, _STYLE.read_text("utf-8"))}

    for one, other in zip(colours[front], colours[back], strict=True):
        high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (front, back, one, other)


def test_markdown_says_what_the_command_line_says() -> None:
    """The decision first, its figures with method and source, the bounds, every candidate."""
    found = results([evaluation("small"), evaluation("slow", latency=0.3)], ["latency<=100ms"])

    text = render_markdown(found)

    assert text.startswith("## Ship small on ek-ra6m4 with tflm-cmsis-nn.\n")
    assert "| latency | predicted | 50.0 ms | exact | a test |" in text
    assert "1 inside (ranked by energy, then latency, then ram, then flash)" in text
    assert "Region of interest: latency \\<= 100 ms." in text
    assert re.search(r"\| ✓ 1 \| `small` \|.*\| ✗ \| `slow` \|.*latency \+200%", text, re.DOTALL)


def test_markdown_of_an_empty_region_says_what_to_relax() -> None:
    """Reasons are points of a list under their sentence."""
    found = results([evaluation("slow", latency=0.3)], ["latency<=100ms"])

    text = render_markdown(found)

    assert text.startswith("## Nothing is surely inside the region of interest.\n")
    assert "tflm-cmsis-nn:\n\n- latency 300 ms" in text
    assert "Relax latency \\<= 100 ms to \\<= 300 ms (200.0%) to admit slow" in text


@settings(max_examples=60)
@given(_TEXTS)
def test_markdown_keeps_every_row_in_its_table(text: str) -> None:
    """No name adds a cell, a line, an element or a call to somebody."""
    rendered = render_markdown(results([evaluation(text, board=text)], ["ram<=1KiB"]))

    (row,) = [line for line in rendered.split("\n") if line.startswith("| ✗ ")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 10
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", rendered)
    assert not re.search(r"(?<!\\)<(?!!-- -->|/?details|/?summary)", outside_code)
    assert not re.search(r"@\w", outside_code)


@given(_TEXTS)
def test_a_notebook_shows_names_as_text(text: str) -> None:
    """The representation has a row a candidate, and nothing of a name becomes markup."""
    found: Any = results([evaluation(text), evaluation("other", latency=0.3)], ["latency<=100ms"])

    plain = _Outline(results([evaluation("a"), evaluation("b")])._repr_html_())
    outline = _Outline(found._repr_html_())

    assert outline.tags == plain.tags
    assert outline.attributes == []
    assert outline.tags.count("tr") == 3
