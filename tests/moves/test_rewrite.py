"""Byte-exact editing: offsets, layouts, literals."""

from __future__ import annotations

import pytest

from loopwright.moves.regions import region_around, without_loop_directives
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    code,
    in_statement_list,
    indentation,
    newline,
    pragma_before,
)


def test_replacements_keep_every_other_byte() -> None:
    data = bytes(range(256)) * 2
    changed = apply(
        data, [Replacement(300, 310, b"X"), Replacement(0, 0, b"first"), Replacement(512, 512, b"end")]
    )
    assert changed == b"first" + data[:300] + b"X" + data[310:] + b"end"


@pytest.mark.parametrize(
    "changes",
    [[Replacement(0, 5, b""), Replacement(4, 6, b"")], [Replacement(3, 2, b"")], [Replacement(9, 11, b"")]],
)
def test_overlapping_or_outlying_replacements_are_refused(changes: list[Replacement]) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        apply(b"0123456789", changes)


def test_line_layout_is_read_from_the_line_itself() -> None:
    data = b"a;\r\n\t  for(;;);\nlast"
    assert indentation(data, data.index(b"for")) == b"\t  "
    assert newline(data, 0) == b"\r\n"
    assert newline(data, data.index(b"for")) == b"\n"
    assert newline(data, len(data) - 1) == b"\n"
    assert newline(b"one line", 2) == b"\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a /* { */ b", "a         b"),
        ("a // } \\\n still\nb", "a       \n      \nb"),
        ('s = "/*"; t = "*/";', 's = "  "; t = "  ";'),
        ("c = '\"'; d = '\\''; /*}*/e", 'c = " "; d = "  ";      e'),
        ("x = 1'000'000; y = '}';", "x = 1'000'000; y = \" \";"),
        ('r = R"q(" // }" )q"; z', ""),
        ("a = 0x1p-3 / b; // c", "a = 0x1p-3 / b;     "),
        ('L"{" u8"}" x', 'L" " u8" " x'),
    ],
)
def test_comments_and_literals_are_blanked_in_place(text: str, expected: str) -> None:
    result = blanked(text.encode()).decode()
    assert len(result) == len(text)
    if "R" not in text:
        assert result == expected
    assert "{" not in result
    assert "}" not in result
    assert "//" not in result
    assert text.endswith("z") == result.endswith("z")


def test_code_drops_comments_and_collapses_white_space() -> None:
    data = b"for (i /* the row */ = 0;\n   // all\n i < n; i++)"
    assert code(data, 0, len(data)) == "for (i = 0; i < n; i++)"


@pytest.mark.parametrize(
    ("before", "directive"),
    [
        (b"#pragma omp simd\n  ", "#pragma omp simd"),
        (b"x;\n# pragma GCC ivdep\n\n /* why */\n", "# pragma GCC ivdep"),
        (b"#pragma omp parallel for \\\n  private(x)\n", "#pragma omp parallel for \\\n  private(x)"),
        (b"x; /* #pragma omp simd */\n", ""),
        (b"#pragma omp simd\n x;\n", ""),
    ],
)
def test_the_directive_before_a_loop_is_seen(before: bytes, directive: str) -> None:
    data = before + b"for(;;);"
    assert pragma_before(data, len(before)) == directive


def test_statement_lists_are_told_from_bodies_without_braces() -> None:
    for text, expected in (
        (b"{ for", True),
        (b"} for", True),
        (b"x; // y)\nfor", True),
        (b"if (x) for", False),
    ):
        assert in_statement_list(text, text.index(b"for")) is expected
    assert not in_statement_list(b"if (x) y; else for", 15)


def test_loop_directives_become_blanks_and_others_stay() -> None:
    data = (
        b"  #pragma omp parallel for \\\r\n  reduction(+: s)\r\nfor\n#pragma omp simd\n"
        b"#pragma omp atomic\n#pragma omp parallel\n"
    )
    result = without_loop_directives(data)
    assert len(result) == len(data)
    assert result.count(b"\n") == data.count(b"\n")
    assert result.split() == b"for #pragma omp atomic #pragma omp parallel".split()
    assert without_loop_directives(b"/* #pragma omp simd */") == b"/* #pragma omp simd */"


def test_the_region_around_a_place_is_found() -> None:
    data = b'#pragma omp parallel\n{ f("}"); for } for\n#pragma omp single\n{ }'
    assert region_around(data, data.index(b"for")) == "#pragma omp parallel"
    assert region_around(data, data.rindex(b"for")) == ""
