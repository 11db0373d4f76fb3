"""Members that keep the value of their constructor: what is believed of them, and what is not."""

from __future__ import annotations

import pytest
from frontend_reading import apart, nests

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.core.task import Language

GRID = """
#include <vector>
#include <cstring>
#include <utility>
struct Grid {
    Grid(int r, int c) : rows(r), columns(c), data(r * c) { BODY }
    double &operator()(int i, int j) { return data[i * columns + j]; }
    const double &operator()(int i, int j) const { return data[i * columns + j]; }
    METHODS
    int rows, columns;
    std::vector<double> data;
};
void copy(const Grid &from, Grid &to) {
    for (int i = 0; i < from.rows; i++)
        for (int j = 0; j < from.columns; j++)
            to(i, j) = 2 * from(i, j);
}
HEAD
int main(int argc, char **argv) {
    const int n = argc, m = argc + 1;
    Grid a(n, m), b(n, m);
    USE
    copy(a, b);
    REST
    return 0;
}
"""


def answer(use: str = "", rest: str = "", head: str = "", methods: str = "", body: str = "") -> Answer:
    """Whether the outer loop of `copy` is proved parallel, which rests on equal numbers of columns."""
    source = GRID.replace("USE", use).replace("REST", rest).replace("HEAD", head)
    source = source.replace("METHODS", methods).replace("BODY", body)
    found = next(n for n in nests(source, Language.CXX) if n.function == "copy")
    return analyse(found).loops[found.root.id].parallel


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rest": "Grid c(n, 5), d(n, 5); copy(c, d);"},
        {"rest": "Grid c(n, m + 2), d(n, 2 + m); copy(d, c);"},
        {"methods": "int width() const { return columns; }", "use": "int w = a.width(); (void)w;"},
        {"head": "void twice(const Grid &p, Grid &q) { copy(p, q); }", "use": "twice(a, b);"},
        {"body": "if (columns > 3) data[0] = 1;"},
    ],
)
def test_equal_constructor_arguments_are_equal_members(changes: dict[str, str]) -> None:
    assert answer(**changes) is Answer.PROVED


@pytest.mark.parametrize(
    "changes",
    [
        {"rest": "Grid c(n, m), d(n, n); copy(c, d);"},
        {"use": "b.columns = 1;"},
        {"use": "b.columns--;"},
        {"use": "int *p = &b.columns; *p = 1;"},
        {"use": "int &r = b.columns; r = 1;"},
        {"use": "b = Grid(n, n);"},
        {"use": "Grid c(n, n); std::swap(b, c);"},
        {"use": "Grid c(n, n); b = std::move(c);"},
        {"use": "std::memset((void *)&b, 0, 8);"},
        {"use": "char *p = (char *)&b; p[4] = 1;"},
        {"head": "void spoil(void *p) { ((int *)p)[1] = 1; }", "use": "spoil(&b);"},
        {"head": "void spoil(int &c) { c = 1; }", "use": "spoil(b.columns);"},
        {"head": "struct R { int &c; }; void spoil(R r) { r.c = 1; }", "use": "R r{b.columns}; spoil(r);"},
        {"head": "struct R { R(int &x) : c(x) {} int &c; };", "use": "R r(b.columns); r.c = 1;"},
        {"head": "void far(Grid &);", "use": "far(b);"},
        {"head": "void far(Grid *);", "use": "far(&b);"},
        {"methods": "void narrow() { columns = 1; }", "use": "b.narrow();"},
        {"methods": "int &width() { int &w = columns; return w; }", "use": "b.width() = 1;"},
        {"body": "columns = 1;"},
        {"use": "auto change = [&] { b.columns = 1; }; change();"},
        {"use": "new (&b) Grid(n, n);", "head": "#include <new>"},
        {"head": "Grid *kept; void (*call)(const Grid &, Grid &) = copy;"},
        {
            "head": "void twice(const Grid &p, Grid &q) { copy(p, p.rows > 3 ? q : q); }",
            "use": "twice(a, b);",
        },
    ],
)
def test_members_that_may_change_are_not_believed(changes: dict[str, str]) -> None:
    assert answer(**changes) is not Answer.PROVED


def test_pointers_set_by_a_constructor_are_known() -> None:
    source = """
    #include <cstdlib>
    struct Pair { PAIR double *u, *v; };
    int main(int argc, char **argv) {
        Pair p(argc);
        for (int i = 1; i < argc; i++) p.u[i] = p.v[i - 1];
        return 0;
    }"""
    own = "Pair(int n) : u((double *)malloc(n * 8)), v((double *)malloc(n * 8)) {}"
    found = nests(source.replace("PAIR", own), Language.CXX)[0]
    assert apart(found, "p->u", "p->v") or analyse(found).loops["i"].parallel is Answer.PROVED
    shared = "Pair(int n) : u((double *)malloc(n * 8)), v(u) {}"
    found = nests(source.replace("PAIR", shared), Language.CXX)[0]
    assert analyse(found).loops["i"].parallel is not Answer.PROVED


def test_pointers_that_the_struct_itself_sets_are_not_believed() -> None:
    source = """
    double pool[100];
    struct Pair { double *u = pool; double *v = pool; };
    int main(int argc, char **argv) {
        Pair p;
        for (int i = 1; i < argc; i++) p.u[i] = p.v[i - 1];
        return 0;
    }"""
    found = nests(source, Language.CXX)[0]
    assert analyse(found).loops["i"].parallel is not Answer.PROVED
