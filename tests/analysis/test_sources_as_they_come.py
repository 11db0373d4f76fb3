"""Sources with intrinsics, and with headers in folders that only their makefile knows."""

from __future__ import annotations

import platform

import pytest

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import SourceFacts, read_nests
from loopwright.core.task import Language
from loopwright.core.tree import Tree

SCALE = b"""#include "scale.h"
void scale(int n, double *x)
{
    for (int i = 0; i < n; i++)
        x[i] *= FACTOR;
}
"""


def read(files: dict[str, bytes], *sources: str) -> SourceFacts:
    return read_nests(Tree(files), sources, Language.C)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="intrinsics of x86")
def test_a_file_with_intrinsics_is_read() -> None:
    source = b"""#include <immintrin.h>
void by_hand(int n, float *restrict x)
{
    for (int i = 0; i + 4 <= n; i += 4)
        _mm_storeu_ps(x + i, _mm_mul_ps(_mm_set1_ps(2), _mm_loadu_ps(x + i)));
}
void plain(int n, float *x)
{
    for (int i = 0; i < n; i++)
        x[i] = 2 * x[i];
}
"""
    facts = read({"both.c": source}, "both.c")
    assert not facts.unreadable
    by_hand, plain = (analyse(nest) for nest in facts.nests)
    assert next(iter(by_hand.loops.values())).parallel is Answer.UNKNOWN, "calls nobody looked into"
    assert next(iter(plain.loops.values())).parallel is Answer.PROVED


def test_an_error_in_the_program_itself_is_one() -> None:
    facts = read({"a.c": b"static int f(void)\n{\n    return missing;\n}\n"}, "a.c")
    assert [unknown.line for unknown in facts.unreadable] == [3]
    facts = read({"h.h": b"static int f(void) { return missing; }\n", "a.c": b'#include "h.h"\n'}, "a.c")
    assert facts.unreadable


def test_a_header_is_found_where_only_one_can_be_meant() -> None:
    header = b"#define FACTOR 2.0\n"
    facts = read({"src/scale.c": SCALE, "include/scale.h": header}, "src/scale.c")
    assert not facts.unreadable and len(facts.nests) == 1
    nested = {"src/scale.c": SCALE.replace(b'"scale.h"', b"<lib/scale.h>"), "a/b/lib/scale.h": header}
    assert not read(nested, "src/scale.c").unreadable


def test_of_two_headers_none_is_guessed() -> None:
    two = {"src/scale.c": SCALE, "a/scale.h": b"#define FACTOR 2\n", "b/scale.h": b"#define FACTOR 3\n"}
    assert "scale.h" in read(two, "src/scale.c").unreadable[0].reason
    assert read({"src/scale.c": SCALE}, "src/scale.c").unreadable


def test_headers_that_need_each_other_s_folders_are_found() -> None:
    files = {
        "main.c": SCALE,
        "one/scale.h": b'#include "factor.h"\n',
        "two/factor.h": b"#define FACTOR 2.0\n",
    }
    assert not read(files, "main.c").unreadable
