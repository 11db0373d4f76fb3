"""Members of a union are one memory, however deep they lie: nothing is proved about loops that use them."""

from __future__ import annotations

import pytest
from frontend_reading import nests, unknowns

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.core.task import Language

TWICE = "struct T { double x, y; }; union U { struct T t, s; }; struct S { union U u; };"
NAMED = "union both { double x; double y; }; struct S { union both u; int k; };"
LOOP = "void f(int n, struct S *p) { for (int i = 0; i < n - 1; i++) p[i + 1].FIRST = p[i].SECOND + 1; }"


def outer(source: str, language: Language) -> Answer:
    (found,) = nests(source, language)
    return analyse(found).loops[found.root.id].parallel


@pytest.mark.parametrize("language", list(Language)[:2])
@pytest.mark.parametrize(
    ("declared", "first", "second"),
    [
        ("struct S { union { double x; double y; }; int k; };", "y", "x"),
        ("struct S { union { double x; int y; }; int k; };", "y", "x"),
        ("struct S { union { double v[2]; struct { double x, y; }; }; int k; };", "v[1]", "y"),
        (NAMED, "u.y", "u.x"),
        (TWICE, "u.s.x", "u.t.x"),
    ],
)
def test_two_members_of_a_union_are_not_apart(
    declared: str, first: str, second: str, language: Language
) -> None:
    source = f"{declared} {LOOP.replace('FIRST', first).replace('SECOND', second)}"
    assert outer(source, language) is Answer.UNKNOWN
    (found,) = nests(source, language)
    assert "of a union is not understood" in unknowns(found)


def test_a_struct_that_holds_a_union_keeps_its_other_members_apart() -> None:
    source = LOOP.replace("FIRST", "k").replace("SECOND", "kind")
    assert (
        outer(f"struct S {{ union {{ double x, y; }} u; int k, kind; }}; {source}", Language.C)
        is Answer.PROVED
    )


def test_a_struct_without_a_name_is_no_union() -> None:
    source = LOOP.replace("FIRST", "x").replace("SECOND", "y")
    assert outer(f"struct S {{ struct {{ double x, y; }}; int k; }}; {source}", Language.C) is Answer.PROVED


def test_a_type_that_the_bindings_do_not_know_is_refused_in_words() -> None:
    source = "struct S { _Float16 h; double x; };" + LOOP.replace("FIRST", "h").replace("SECOND", "h")
    assert outer(source, Language.C) is not Answer.PROVED
