"""Lengths of arrays: what the source says in C that means the same before the nest, and nothing else."""

from __future__ import annotations

import pytest

from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Language
from loopwright.core.tree import Tree

HEAD = "#include <stdlib.h>\n#define BINS 64\n"
LOOP = "for (int i = 0; i < n; i++) h[b[i]]++;"


def lengths(text: str, language: Language = Language.C, array: str = "h") -> list[tuple[str, str]]:
    name = "k.c" if language is Language.C else "k.cpp"
    found = read_nests(Tree({name: text.encode()}), [name], language)
    assert not found.unreadable, found.unreadable
    return [(a.first, a.length) for n in found.nests for a in n.arrays if a.id == array and a.extents]


@pytest.mark.parametrize(
    ("allocation", "length"),
    [
        ("malloc(BINS * sizeof(long))", "BINS"),
        ("malloc(sizeof(long) * m)", "m"),
        ("malloc(m * sizeof *h)", "m"),
        ("malloc(m * 3 * sizeof *h)", "m * 3"),
        ("malloc(sizeof *h * m * 3)", "(size_t)m * 3"),
        ("calloc(m + 1, sizeof(long))", "m + 1"),
        ("calloc(sizeof(long), m)", "m"),
        ("aligned_alloc(64, m * sizeof(long))", "m"),
        ("malloc(800)", ""),
        ("malloc(m)", ""),
        ("malloc(m * sizeof(int))", ""),
        ("malloc((unsigned char)m * sizeof(long))", ""),
        ("realloc(0, m * sizeof(long))", ""),
        ("malloc(size_of(m) * sizeof(long))", ""),
    ],
)
def test_an_allocation_tells_its_length(allocation: str, length: str) -> None:
    text = f"""{HEAD}long size_of(int);
void f(int n, int m, const int *b) {{ long *h = {allocation}; if (!h) return; {LOOP} free(h); }}
"""
    assert lengths(text) == [("h" if length else "", length)]


@pytest.mark.parametrize(
    "twin",
    [
        "long *h = malloc(m * sizeof *h); m = 5; LOOP",  # the size changes afterwards
        "long *h = malloc(m * sizeof *h); h++; LOOP",  # the pointer moves on
        "long *h = malloc(m * sizeof *h); if (n > 3) h = malloc(9 * sizeof *h); LOOP",  # two allocations
        "long *h; { int k = m; h = malloc(k * sizeof *h); } LOOP",  # the size has no name any more
        "long *h = malloc(m * sizeof *h); { int m = 3; b += m; LOOP }",  # the name means something else
        "long *h = malloc(m * sizeof *h); long **p = &h; *p = 0; LOOP",  # changed behind its back
        "long *h = malloc(m * sizeof *h), *g = malloc(8), *t = h; h = g; g = t; LOOP",  # exchanged
    ],
)
def test_what_may_be_another_length_is_none(twin: str) -> None:
    text = f"{HEAD}void f(int n, int m, const int *b) {{ {twin.replace('LOOP', LOOP)} }}\n"
    assert lengths(text) == [("", "")]


def test_a_pointer_that_is_filled_later() -> None:
    text = (
        f"{HEAD}void f(int n, int m, const int *b) {{ long *h = NULL; h = malloc(m * sizeof *h); {LOOP} }}\n"
    )
    assert lengths(text) == [("h", "m")]


def test_vectors_and_arrays_in_structs() -> None:
    text = """#include <vector>
struct Counts { std::vector<int> h; long fixed[32]; bool any; };
void f(const std::vector<int> &b, Counts &c, Counts *p) {
    for (int i = 0; i < (int)b.size(); i++) c.h[b[i]]++;
    for (int i = 0; i < (int)b.size(); i++) p->fixed[b[i]]++;
}
void g(int n, const int *b) { std::vector<double> h(n); for (int i = 0; i < n; i++) h[b[i]] += i; }
void yes(int n, const int *b) { std::vector<bool> h(n); for (int i = 0; i < n; i++) h[b[i]] = true; }
void grows(int n, const int *b) {
    std::vector<double> h(n);
    for (int i = 0; i < n; i++) { h[b[i]] += i; h.push_back(1); }
}
"""
    assert lengths(text, Language.CXX, "c.h") == [("c.h.data()", "c.h.size()")]
    assert lengths(text, Language.CXX, "p.fixed") == [("p->fixed", "32")]
    first, *others = lengths(text, Language.CXX)
    assert first == ("h.data()", "h.size()")
    assert others and all(other == ("", "") for other in others), others


def test_new_arrays() -> None:
    text = "void f(int n, int m, const int *b) { long *h = new long[m + 1](); " + LOOP + " delete[] h; }"
    assert lengths(text, Language.CXX) == [("h", "m + 1")]
    single = text.replace("new long[m + 1]()", "new long(m)")
    assert lengths(single, Language.CXX) == [("", "")]
