"""Which lines a loop covers, from its text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.profilers.extents import innermost_first, loops_in


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for (;;) x++;", [(1, 1)]),
        ("for (i = 0;\n     i < n;\n     i++)\n  a[i] = (b\n   + c);\nd();", [(1, 5)]),
        ("for (;;)\n  for (;;)\n    x++;\ny++;", [(1, 3), (2, 3)]),
        ("for (;;) {\n  x();\n  for (;;) { y(); }\n}\nz();", [(1, 4), (3, 3)]),
        ("while (a)\n  if (b) {\n    c();\n  } else if (d)\n    e();\n  else\n    f();\ng();", [(1, 7)]),
        ("do {\n  x++;\n} while (x < 3);\ny();", [(1, 3), (3, 3)]),
        ("do\n  for (;;)\n    x++;\nwhile (0);\ny();", [(1, 4), (2, 3), (4, 4)]),
        ("// for (;;)\n/* while (1)\n {*/ s = \"for (;;) {\"; c = '{';\nfor (;;)\n  x++;", [(4, 5)]),
        (
            "#define LOOP for (;;) \\\n  {\nfor (;;)\n#pragma omp simd\n  for (;;) {\n    x++;\n  }\n",
            [(3, 7), (5, 7)],
        ),
        ("for (auto x : {1, 2, 3})\n  f([&] {\n    g();\n  });\nh();", [(1, 4)]),
        ("int fortune(int format) { return format; }", []),
        ("for (;;", [(1, 1)]),
        ("for (;;) {\n\n", [(1, 2)]),
        ("{ for (;;) x(\n) }", [(1, 2)]),
    ],
)
def test_extents(source: str, expected: list[tuple[int, int]]) -> None:
    assert [(e.first, e.last) for e in loops_in(source.encode())] == expected


def test_innermost_first() -> None:
    extents = loops_in(b"for (;;) {\n  a();\n  for (;;)\n    b();\n}\n")
    assert [e.first for e in innermost_first(extents, 4)] == [3, 1]
    assert [e.first for e in innermost_first(extents, 2)] == [1]
    assert innermost_first(extents, 9) == ()


@given(st.text(alphabet="for while do if else(){};\n\"'/*# x", max_size=200))
def test_any_text_gives_extents_inside_it(source: str) -> None:
    lines = source.count("\n") + 1
    for extent in loops_in(source.encode()):
        assert 1 <= extent.first <= extent.last <= lines
        assert extent.column >= 1


def test_deeply_nested_or_broken_text_ends() -> None:
    start = time.process_time()
    loops_in(b"for (;;) " * 2000)
    loops_in(b"for (" * 2000)
    assert time.process_time() - start < 30
