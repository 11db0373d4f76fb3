"""Differences as rows: both versions can be read back from them, and their HTML is harmless."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.reports.difference import FileDifference, Row, differences

LINES = st.sampled_from(
    ["int x;", "", "}", "\tif (a < b && c > d)", "/* begin", "end */", '"a string', "// </td><script>",
     "é \u2028 x", "a\x0cb", "#define X \\", "x\r", "'\"'"]
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=30).map("\n".join)


def read(row: Row) -> str:
    """The source text of a row."""
    return html.unescape(re.sub(r"<[^>]*>", "", row.html))


def only(old: str, new: str, language: Language = Language.C) -> FileDifference:
    return differences(Tree({"a.c": old.encode()}), Tree({"a.c": new.encode()}), language)[0]


@given(TEXTS, TEXTS, st.sampled_from(Language))
def test_rows_hold_the_lines_of_both_versions(old: str, new: str, language: Language) -> None:
    if old == new:
        assert differences(Tree({"a.c": old.encode()}), Tree({"a.c": new.encode()}), language) == ()
        return
    before = [line.replace("\r", "") for line in old.split("\n")]
    after = [line.replace("\r", "") for line in new.split("\n")]
    shown_old: set[int] = set()
    shown_new: set[int] = set()
    for row in only(old, new, language).rows:
        if row.old is not None:
            assert read(row) == before[row.old - 1] and row.kind in ("old", "same")
            shown_old.add(row.old)
        if row.new is not None:
            assert read(row) == after[row.new - 1] and row.kind in ("new", "same")
            shown_new.add(row.new)
        assert row.kind == "gap" or row.old or row.new
    # What is left out is the same in both.
    left = [old.split("\n")[i] for i in range(len(before)) if i + 1 not in shown_old]
    right = [new.split("\n")[i] for i in range(len(after)) if i + 1 not in shown_new]
    assert left == right


@given(TEXTS, TEXTS)
def test_html_of_a_row_is_spans_and_text(old: str, new: str) -> None:
    for difference in differences(Tree({"a.c": old.encode()}), Tree({"a.c": new.encode()}), Language.C):
        for row in difference.rows:
            assert not re.sub(r'<span class="\w+">|</span>', "", row.html).count("<")
            assert row.html.count("<span") == row.html.count("</span>")


def test_far_apart_changes_have_a_gap_between_them() -> None:
    lines = [f"int x{i};" for i in range(40)]
    changed = ["long y;" if i in (5, 30) else line for i, line in enumerate(lines)]
    found = only("\n".join(lines), "\n".join(changed))
    assert [row.kind for row in found.rows].count("gap") == 1
    assert len(found.rows) < 20
    assert (found.added, found.removed) == (2, 2)


def test_files_that_come_and_go() -> None:
    old, new = (
        Tree({"a.c": b"int a;\n", "b.c": b"int b;\n"}),
        Tree({"b.c": b"int b;\n", "c.c": b"int c;\nint d;\n"}),
    )
    found = {d.path: d for d in differences(old, new, Language.C)}
    assert set(found) == {"a.c", "c.c"}
    assert (found["a.c"].added, found["a.c"].removed) == (0, 1)
    assert (found["c.c"].added, found["c.c"].removed) == (2, 0)


def test_bytes_that_are_no_text_are_shown_as_far_as_they_can_be() -> None:
    old, new = Tree({"a.c": b"\xff\xfe\x00\n"}), Tree({"a.c": b"\xff\xfe\x01\n"})
    rows = differences(old, new, Language.CXX)[0].rows
    assert [row.kind for row in rows][:2] == ["old", "new"]


def test_keywords_are_coloured_by_the_language() -> None:
    row = next(r for r in only("int x;", "template <class T> int x;", Language.CXX).rows if r.kind == "new")
    assert re.search(r'<span class="k\w?">template</span>', row.html)
