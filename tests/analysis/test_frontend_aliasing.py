"""Which pointers are proved apart, and which are not."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import pytest
from frontend_reading import apart, cxx, nest, nests, touched

from loopwright.analysis.frontend import read_nests
from loopwright.analysis.ir import LoopNest
from loopwright.core.task import Argument, Dtype, Kernel, Language, Role
from loopwright.core.tree import Tree

HEAD = "#include <stdlib.h>\n#include <string.h>\n#include <stdio.h>\n"
LOOP = "for (int i = 0; i < n; i++) v[i] = u[i];"


EXTRA = """
double gu[100], gv[100];
void fill(double **, double *);
double *other(double *);
static double *make(int n) { double *p = malloc(8 * n); if (p == NULL) { exit(1); } return p; }
static double *kept;
static double *same(void) { if (!kept) kept = malloc(800); return kept; }
static double *shared(void) { double *p = malloc(800); kept = p; return p; }
"""


def in_main(setup: str) -> LoopNest:
    source = f"{HEAD}{EXTRA}\nint main(int argc, char **argv) {{ int n = argc; {setup}\n{LOOP}\n return 0; }}"
    return [x for x in nests(source) if x.function == "main"][-1]


@pytest.mark.parametrize(
    "setup",
    [
        "double *u = malloc(8 * n), *v = malloc(8 * n);",
        "double *u = calloc(n, 8); double v[100];",
        "double *u, *v; u = (double *)malloc(n * 8); v = aligned_alloc(64, n * 8);",
        "double *u = NULL, *v = NULL; u = malloc(8 * n); v = malloc(8 * n); if (!u || !v) return 1;",
        "double *u, *v; posix_memalign((void **)&u, 64, n); posix_memalign((void **)&v, 64, n);",
        "double *u = make(n), *v = make(n);",
        "double *u = malloc(8 * n), *v; v = malloc(4); v = realloc(v, 8 * n);",
        "static double u[100], v[100];",
        "double *u = gu; double *v = gv + 3;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); double *t = u; u = v; v = t;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); for (int k = 0; k < 3; k++) ; { double *t; t = u; u = v; v = t; }",
        "double *u = gu, *v = gv; { double *t = u; u = v; v = t; }",
        "double *w = malloc(8 * n), *u = malloc(8 * n), *v = malloc(8 * n);"
        " { double *t = u; u = v; v = t; } { double *t = w; w = v; v = t; }",
        "struct { double *a; } s; double *u = malloc(8 * n), *v = malloc(8 * n); s.a = u;",
    ],
)
def test_apart(setup: str) -> None:
    found = in_main(setup)
    first, second = sorted(a.id for a in found.arrays if not a.is_scalar)
    named = all(found.array(x).storage != "pointed" for x in (first, second))
    assert named or apart(found, first, second)


@pytest.mark.parametrize(
    "setup",
    [
        "double *u = malloc(8 * n), *v = u + 1;",
        "double *u = malloc(8 * n), *v = u; v = v + 1;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); v = u;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); if (n) { v = u; }",
        "double *u = malloc(8 * n), *v = malloc(8 * n); double *t = u; u = v; v = u;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); double *t = v; u = v; v = t;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); double *t = u; u = v + 1; v = t;",
        "double *u = malloc(8 * n), *v = malloc(8 * n); fill(&v, u);",
        "double *u = malloc(8 * n), *v = other(u);",
        "double *p[2]; p[0] = malloc(8); p[1] = p[0]; double *u = p[0], *v = p[1];",
        "double *u = same(), *v = same();",
        "double *u = shared(), *v = kept;",
        "double *w = malloc(8 * n), *u = w, *v = w + n;",
        "double *u = gu, *v = gv; for (int k = 0; k < n; k++) { double *t = u; u = v; v = t; u = gu; }",
        "double *u = (double *)argv, *v = (double *)argv[1];",
        "union { double *a; double *b; } x; x.a = malloc(8); double *u = x.a, *v = x.b;",
        "double *u = malloc(8 * n), *v; memcpy(&v, &u, sizeof u);",
    ],
)
def test_not_apart(setup: str) -> None:
    found = in_main(setup)
    ids = sorted(a.id for a in found.arrays if not a.is_scalar)
    # One array, reached in two ways, has one name.
    assert len(ids) == 1 or not apart(found, ids[0], ids[1])


def test_the_swap_in_a_time_loop() -> None:
    source = """#include <stdlib.h>
void run(int n, int steps) {
    double *u = malloc(n * 8), *v = malloc(n * 8);
    for (int t = 0; t < steps; t++) {
        for (int i = 0; i < n; i++) v[i] = u[i];
        double *w = u; u = v; v = EXPR;
    }
}"""
    good = nest(source.replace("EXPR", "w"))
    assert apart(good, "u", "v")
    assert any("pointer u is changed" in u.reason for s in good.root.statements() for u in s.unknowns)
    assert not [u for s in good.root.loops[0].statements() for u in s.unknowns]
    assert not apart(nest(source.replace("EXPR", "w + 1")), "u", "v")
    assert not apart(nest(source.replace("EXPR", "u")), "u", "v")


ROTATION = """#include <stdlib.h>
void run(int n, int steps) {
    double *old = malloc(n * 8), *now = malloc(n * 8), *next = malloc(n * 8), *t;
    for (int s = 0; s < steps; s++) {
        for (int i = 1; i < n - 1; i++) next[i] = 2 * now[i] - old[i] + now[i - 1];
        STEPS
    }
}"""


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("t = old; old = now; now = next; next = t;", True),
        ("t = old; old = now; now = next; next = now;", False),
        ("t = old; old = now; next = now; next = t;", False),
        ("t = old; old = now; now = next; next = t + 1;", False),
        ("t = old; old = now; now = old; next = t;", False),
        ("t = old; old = now; if (s) now = next; next = t;", False),
        ("t = old; old = now; now = t;", True),
    ],
)
def test_buffers_that_rotate_in_a_time_loop(steps: str, expected: bool) -> None:
    found = nest(ROTATION.replace("STEPS", steps))
    assert (apart(found, "next", "now") and apart(found, "next", "old")) is expected


def parameters(qualifier: str = "", static: str = "", calls: str = "") -> LoopNest:
    source = f"#include <stdlib.h>\n{static} void step(int n, const double *{qualifier} u, double *{qualifier} v) {{ {LOOP} }}\n{calls}"
    return next(x for x in nests(source) if x.function == "step")


def test_parameters() -> None:
    assert not apart(parameters(), "u", "v")
    assert apart(parameters("restrict"), "u", "v")
    assert not apart(parameters(static="static"), "u", "v")


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("void a(int n) { double x[9], y[9]; step(n, x, y); }", True),
        ("void a(int n) { double x[9], y[9]; step(n, x, y); step(n, y, x); }", True),
        ("void a(int n) { double *x = malloc(n), *y = malloc(n); for (;;) { step(n, x, y); double *t = x; x = y; y = t; } }", True),
        ("static void b(int n, double *p, double *q) { step(n, p, q); } void a(int n) { double x[9], y[9]; b(n, x, y); }", True),
        ("void a(int n) { double x[9], y[9]; step(n, x, y); step(n, x, x); }", False),
        ("void a(int n) { double x[9], y[9]; step(n, x, y); step(n, x, x + 4); }", False),
        ("void a(int n, double *p, double *q) { step(n, p, q); }", False),
        ("void (*pointer)(int, const double *, double *) = step; void a(int n) { double x[9], y[9]; step(n, x, y); }", False),
        ("static void b(int n, double *p, double *q) { step(n, p, q); } void a(int n) { double x[9]; b(n, x, x); }", False),
    ],
)  # fmt: skip
def test_parameters_of_static_functions_are_what_the_calls_pass(calls: str, expected: bool) -> None:
    assert apart(parameters(static="static", calls=calls), "u", "v") is expected
    # Without `static`, another file may call it.
    assert not apart(parameters(calls=calls), "u", "v")


def test_a_whole_program_shows_all_calls() -> None:
    calls = "int main(int n, char **a) { double x[9], y[9]; step(n, x, y); }"
    assert apart(parameters(calls=calls), "u", "v")


def test_a_kernel_task_promises_separate_arrays() -> None:
    source = "void k(int n, const double *u, double *v) { for (int i = 0; i < n; i++) v[i] = u[i]; }"
    arguments = tuple(Argument(x, Role.INOUT, Dtype.F64, ("n",)) for x in "uv")

    def kernel(**more: bool) -> Kernel:
        return Kernel("k", "void k(int n, const double *u, double *v)", arguments, **more)

    assert apart(nest(source, kernel=kernel()), "u", "v")
    assert not apart(nest(source, kernel=kernel(restrict=False)), "u", "v")


def test_types_that_cannot_share_memory() -> None:
    found = nest(
        "void f(int n, double *a, const int *p, float *q, unsigned *r, char *c, long *l, const double *b) {"
        " for (int i = 0; i < n; i++) { a[i] += p[i] + q[i] + r[i] + c[i] + l[i] + b[i]; } }"
    )
    assert apart(found, "a", "p")
    assert apart(found, "a", "q")
    assert apart(found, "l", "p")
    assert ("a", "p") in found.disjoint_by_type
    assert not apart(found, "p", "r")
    assert not apart(found, "a", "c")
    assert not apart(found, "a", "b")


def test_scalars_whose_address_is_known_elsewhere() -> None:
    source = "void g(double *); void f(int n, double *a, double s) { %s for (int i = 0; i < n; i++) { a[i] = s; s += 1; } }"
    assert nest(source % "").array("s").storage == "local"
    taken = nest(source % "g(&s);")
    assert taken.array("s").storage == "pointed"
    # `a` came from the caller, before `s` was there.
    assert apart(taken, "a", "s")
    moved = nest(
        "void f(int n, double *a, double s) { if (n > 2) a = &s; for (int i = 0; i < n; i++) { a[i] = s; s += 1; } }"
    )
    assert not apart(moved, "a", "s")


def test_members_of_a_struct_filled_by_allocations() -> None:
    source = """#include <stdlib.h>
typedef struct { int n; double *u, *v; } Grid;
static void sweep(Grid *g) { for (int i = 0; i < g->n; i++) g->v[i] = g->u[i]; }
static void flip(Grid *g) { double *t = g->u; g->u = g->v; g->v = t; }
static void make(Grid *g, int n) { g->n = n; g->u = malloc(n * 8); g->v = ALLOC; }
int main(int c, char **a) { Grid g; make(&g, c); for (;;) { sweep(&g); flip(&g); } }
"""
    for allocation, expected in (("malloc(n * 8)", True), ("g->u + 1", False)):
        found = next(x for x in nests(source.replace("ALLOC", allocation)) if x.function == "sweep")
        assert touched(found, "g->v") == ["W g->v[i]"]
        assert apart(found, "g->u", "g->v") is expected
    source = source.replace("ALLOC", "malloc(n * 8)").replace("main", "run")
    library = next(x for x in nests(source) if x.function == "sweep")
    assert not apart(library, "g->u", "g->v")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("Grid g[1] = {{n, malloc(8 * n), malloc(8 * n)}};", True),
        ("Grid g[1] = {0}; g->u = malloc(8 * n); g->v = malloc(8 * n);", True),
        ("Grid g[1] = {{n, p, p}};", False),
        ("Grid g[1] = {n, p, p};", False),
        ("Grid g[1] = {{.v = p, .u = p}};", False),
        ("Grid g[1]; g[0] = (Grid){n, p, p};", False),
        ("struct { Grid in[1]; } s = {{{n, p, p}}}; Grid *g = s.in;", False),
        ("struct { Grid in; } s = {n, p, p}; Grid *g = &s.in;", False),
    ],
)
def test_members_filled_by_a_braced_list_wherever_it_stands(made: str, expected: bool) -> None:
    source = f"""#include <stdlib.h>
typedef struct {{ int n; double *u, *v; }} Grid;
static void sweep(Grid *g) {{ for (int i = 0; i < g->n; i++) g->v[i] = g->u[i]; }}
int main(int n, char **a) {{ double *p = malloc(8 * n); {made} sweep(g); }}
"""
    found = next(x for x in nests(source) if x.function == "sweep")
    assert apart(found, "g->u", "g->v") is expected


def test_vectors() -> None:
    found = cxx(
        "#include <vector>\nvoid f(int n) { std::vector<double> u(n), v(n); for (int i = 0; i < n; i++) v[i] = u[i]; }"
    )
    assert {a.id: a.storage.value for a in found.arrays} == {"u": "local", "v": "local"}
    passed = (
        "#include <vector>\n%s void f(int n, const std::vector<double> &u, std::vector<double> &v) { "
        + LOOP
        + " }"
    )
    assert not apart(cxx(passed % ""), "u", "v")
    called = (passed % "static") + "int main() { std::vector<double> a(9), b(9); f(9, a, b); f(9, %s, a); }"
    assert apart(nests(called % "b", Language.CXX)[0], "u", "v")
    assert not apart(nests(called % "a", Language.CXX)[0], "u", "v")


def test_data_of_a_vector_is_the_vector() -> None:
    found = cxx(
        "#include <vector>\nvoid f(int n, std::vector<double> &w) { double *p = w.data(); std::vector<double> u(n);"
        " for (int i = 0; i < n; i++) { p[i] = u[i] + w[i]; } }"
    )
    ids = {a.id for a in found.arrays}
    assert "p" not in ids or not apart(found, "p", "w")


GRID_H = "typedef struct { int rows, columns, stride; double *cells; } Grid;\nGrid make(int r, int c);\nvoid run(Grid *g);\n"
MAKE_C = """#include <stdlib.h>
#include "grid.h"
Grid make(int r, int c) { Grid g = {r, c, PITCH, NULL}; g.cells = malloc(8 * r * g.stride); return g; }
int main(int n, char **a) { Grid g = make(n, n); run(&g); EXTRA return 0; }
"""
RUN_C = """#include "grid.h"
static void step(int rows, int columns, int stride, double *restrict q) {
    for (int i = 1; i < rows; i++) for (int j = 1; j <= columns; j++) q[i * stride + j] += q[i * stride + j + 1];
}
void run(Grid *g) {
    step(g->rows, g->columns, g->stride, g->cells);
    for (int i = 0; i < g->rows; i++) for (int j = 0; j < g->columns; j++) g->cells[i * g->stride + j] = 0;
}
"""


def grid(pitch: str = "c + 2", extra: str = "", sources: tuple[str, ...] = ("make.c", "run.c")) -> list[bool]:
    main = MAKE_C.replace("PITCH", pitch).replace("EXTRA", extra)
    files = {"grid.h": GRID_H.encode(), "make.c": main.encode(), "run.c": RUN_C.encode()}
    found = read_nests(Tree(files), sources, Language.C)
    assert not found.unreadable
    return [a.delinearised for n in found.nests for a in n.arrays if a.id in ("q", "g->cells")]


def test_members_of_a_struct_that_keep_their_difference() -> None:
    assert grid() == [True, True]
    # Too narrow for j + 1 up to columns + 1, wide enough for j < columns.
    assert grid("c + 1") == [False, True]
    assert grid("c * 2") == [False, False]


@pytest.mark.parametrize(
    "extra",
    [
        "g.stride = 3;",
        "g.columns++;",
        "Grid other = {1, 9, 2, 0}; run(&other);",
        "Grid other; run(&other);",
        "Grid other = {.stride = 1}; run(&other);",
        "Grid *other = malloc(sizeof *other); run(other);",
        "Grid all[2] = {{1, 1, 3, 0}}; run(all);",
        "int *p = &g.stride; *p = 1;",
    ],
)
def test_members_that_may_change_keep_nothing(extra: str) -> None:
    assert grid(extra=extra) == [False, False]


def test_other_files_of_the_program_may_do_anything() -> None:
    assert grid(sources=("run.c",)) == [False, False]
    source = "void step(int n, const double *u, double *v) { for (int i = 0; i < n; i++) v[i] = u[i]; }\n"
    whole = source + "int main(int n, char **a) { double x[9], y[9]; step(n, x, y); }"
    beside = Tree({"a.c": whole.encode(), "b.c": b"void step(int, const double *, double *);"})
    assert not apart(read_nests(beside, ["a.c"], Language.C).nests[0], "u", "v")
    calls = (
        source + "void other(void); int main(int n, char **a) { double x[9], y[9]; step(n, x, y); other(); }"
    )
    assert not apart(nest(calls), "u", "v")
