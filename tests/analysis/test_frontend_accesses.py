"""Subscripts, delinearisation, substitution of locals, reductions, liveness."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import pytest
from frontend_reading import accesses, apart, form, nest, nests, touched, unknowns

from loopwright.analysis.ir import Storage


def loops_2d(body: str, bounds: tuple[str, str, str, str] = ("0", "n", "0", "m"), extra: str = "") -> str:
    a, b, c, d = bounds
    return (
        f"void f(int n, int m, int k, double *restrict a, double *restrict b{extra}) {{"
        f" for (int i = {a}; i < {b}; i++) for (int j = {c}; j < {d}; j++) {{ {body} }} }}"
    )


def test_arrays_of_several_dimensions() -> None:
    found = nest(
        "double g[10][20];\nvoid f(int n, int m, double a[n][m], double (*b)[m], double c[][30]) {"
        " double d[n][m]; for (int i = 0; i < n; i++) for (int j = 1; j < m; j++) {"
        " a[i][j] = b[j][i - 1] + c[2 * i][m - j]; d[i][j] = g[3][j]; (*(a + i))[j] = *(b[i] + j); } }"
    )
    assert touched(found, "a") == ["W a[i][j]", "W a[i][j]"]
    assert touched(found, "b") == ["R b[j][i-1]", "R b[i][j]"]
    assert touched(found, "c") == ["R c[2*i][-j+m]"]
    assert touched(found, "g") == ["R g[3][j]"]
    extents = {a.id: [form(e) for e in a.extents] for a in found.arrays}
    assert extents["a"] == ["n", "m"]
    assert extents["b"] == ["?", "m"]
    assert extents["c"] == ["?", "30"]
    assert extents["d"] == ["n", "m"]
    assert extents["g"] == ["10", "20"]
    storage = {a.id: a.storage for a in found.arrays}
    assert (storage["a"], storage["b"]) == (Storage.POINTED, Storage.POINTED)
    assert (storage["d"], storage["g"]) == (Storage.LOCAL, Storage.GLOBAL)


@pytest.mark.parametrize(
    ("body", "bounds", "expected"),
    [
        ("a[i * m + j] = 0;", ("0", "n", "0", "m"), ["W a[i][j]"]),
        ("a[j + m * i] = 0;", ("0", "n", "0", "m"), ["W a[i][j]"]),
        ("a[(i - 1) * m + j - 1] = 0;", ("1", "n", "1", "m"), ["W a[i-1][j-1]"]),
        ("a[(i + 1) * m - 1 - j] = 0;", ("0", "n", "0", "m"), ["W a[i][-j+m-1]"]),
        ("a[i * (m + 2) + j + 1] = 0;", ("0", "n", "0", "m"), ["W a[i][j+1]"]),
        ("a[(i + 1) * (m + 2) + (j + 1)] = a[i * (m + 2) + j];", ("0", "n", "0", "m"),
         ["R a[i][j]", "W a[i+1][j+1]"]),
        ("a[2 * i * m + j] = 0;", ("0", "n", "0", "m"), ["W a[i][j]"]),
        ("a[i * m + j] = a[3 * m];", ("0", "n", "0", "m"), ["R a[3][0]", "W a[i][j]"]),
        ("a[4 * (i * m + j) + 3] = 0;", ("0", "n", "0", "m"), ["W a[i][j][3]"]),
        ("a[(i * m + j) * k] = 0;", ("0", "n", "0", "m"), None),
        # refused: an inner subscript may leave its row
        ("a[i * m + j] = 0;", ("0", "n", "0", "m + 1"), None),
        ("a[i * m + j + 1] = 0;", ("0", "n", "0", "m"), None),
        ("a[i * m + j - 1] = 0;", ("0", "n", "0", "m"), None),
        ("a[i * m + j] = 0;", ("0", "n", "0", "n"), None),
        ("a[i * m + j] = 0;", ("0", "n", "0", "k"), None),
        ("a[i * m + j] = a[j];", ("0", "n", "0", "2 * m"), None),
        ("a[i * m + j] = a[i * k + j];", ("0", "n", "0", "m"), None),
        ("a[i * j] = 0;", ("0", "n", "0", "m"), None),
    ],
)  # fmt: skip
def test_delinearisation(body: str, bounds: tuple[str, str, str, str], expected: list[str] | None) -> None:
    found = nest(loops_2d(body, bounds))
    if expected is None:
        assert all("[?]" in text for text in touched(found, "a")) or "k" in body
        assert not found.array("a").delinearised or "k" in body
    else:
        assert touched(found, "a") == expected
        assert found.array("a").delinearised


def test_delinearisation_with_a_product_of_sizes_needs_its_own_range() -> None:
    # (i*m + j)*k with nothing below k: rows of k elements of which the first is used.
    assert touched(nest(loops_2d("a[(i * m + j) * k] = 0;")), "a") in (["W a[?]"], ["W a[i][j][0]"])


def test_three_dimensions_in_every_spelling() -> None:
    found = nest(
        "void f(int n, int m, int l, double *restrict a, const double *restrict b) { int plane = m * l;"
        " for (int i = 1; i < n - 1; i++) for (int j = 1; j < m - 1; j++) for (int k = 1; k < l - 1; k++) {"
        " int p = (i * m + j) * l + k; const double *row = b + i * plane + j * l;"
        " a[p] = b[p - plane] + b[p + l] + row[k - 1] + row[k + 1] + b[i * m * l + j * l + k]; } }"
    )
    assert touched(found, "b") == [
        "R b[i-1][j][k]", "R b[i][j+1][k]", "R b[i][j][k-1]", "R b[i][j][k+1]", "R b[i][j][k]",
    ]  # fmt: skip
    assert touched(found, "a") == ["W a[i][j][k]"]
    assert [form(e) for e in found.array("a").extents] == ["?", "m", "l"]


def test_guards_help_to_prove_a_row() -> None:
    inside = nest(loops_2d("if (j > 0) a[i * m + j - 1] = 0;"))
    assert touched(inside, "a") == ["W a[i][j-1]"]


def test_one_bad_access_spoils_all() -> None:
    found = nest(loops_2d("a[i * m + j] = a[i * m + j + 1];"))
    assert touched(found, "a") == ["R a[?]", "W a[?]"]


def test_flat_indexing_with_a_constant_width_stays_flat() -> None:
    found = nest(loops_2d("a[i * 64 + j] = 0;"))
    assert touched(found, "a") == ["W a[64*i+j]"]
    assert not found.array("a").delinearised


def test_indirect_and_nonlinear_subscripts() -> None:
    found = nest(
        loops_2d("a[p[i]] = b[i % 3] + b[i / 2] + b[(int)a[i]] + b[i << 1];", extra=", const int *p")
    )
    assert touched(found, "a") == ["R a[i]", "W a[?]"]
    assert touched(found, "b") == ["R b[?]", "R b[?]", "R b[?]", "R b[2*i]"]
    assert touched(found, "p") == ["R p[i]"]


def test_narrowing_is_not_the_same_number() -> None:
    found = nest(
        "void f(long n, double *a) { for (long i = 0; i < n; i++) { int q = i; a[q] = 0; a[(int)i] = 1;"
        " a[(unsigned char)i] = 2; a[(short)3] = 4; } }"
    )
    assert touched(found, "a") == ["W a[?]", "W a[?]", "W a[?]", "W a[3]"]


def test_substituted_locals_keep_their_accesses() -> None:
    found = nest(loops_2d("int q = i * m + j; a[q] = b[q];"))
    first, second = found.root.statements()
    assert accesses(first) == ["R m", "W q"]
    assert accesses(second) == ["R q", "R b[i][j]", "R q", "W a[i][j]"]
    assert found.array("q").declared_in == "j"


def test_a_local_that_changes_is_not_substituted() -> None:
    found = nest(loops_2d("int q = i * m + j; if (k) q = 0; a[q] = 1;"))
    assert touched(found, "a") == ["W a[?]"]
    found = nest("void f(int n, double *a) { double *p = a; for (int i = 0; i < n; i++) *p++ = i; }")
    assert "pointer p is changed" in unknowns(found)


def test_pointers_declared_before_the_nest() -> None:
    found = nest(
        "void f(int n, double *a, int off) { double *p = a + off; const double *q = &a[2];"
        " for (int i = 0; i < n; i++) p[i] = q[i] + a[i]; }"
    )
    assert touched(found, "a") == ["R a[i+2]", "R a[i]", "W a[i+off]"]


def test_a_pointer_that_moves_before_the_nest_keeps_its_name() -> None:
    found = nest(
        "void f(int n, double *a) { double *p = a; if (n > 3) p = a + 1; for (int i = 0; i < n; i++) p[i] = a[i]; }"
    )
    assert touched(found, "p") == ["W p[i]"]
    assert not apart(found, "a", "p")


def test_a_pointer_into_an_exchanged_array_is_not_followed() -> None:
    found = nests(
        "#include <stdlib.h>\nvoid f(int n, int s) { double *u = malloc(8 * n), *v = malloc(8 * n);"
        " for (int t = 0; t < s; t++) { double *o = u; u = v; v = o; for (int i = 0; i < n; i++) o[i] = u[i]; } }"
    )[0]
    assert touched(found, "u") == ["R u[i]"]
    assert touched(found, "o") == ["W o[i]"]
    assert not apart(found, "o", "u")


def test_struct_members() -> None:
    found = nest(
        "typedef struct { double x, pos[3]; struct { int k; } in; double *data; } P;"
        "void f(int n, P *p, P s, P *q) { for (int i = 0; i < n; i++) {"
        " p[i].x = p[i].pos[2] + s.x; p[i].in.k = 1; q->x = s.data[i]; q->data[i] = 0; } }"
    )
    assert touched(found, "p.x") == ["W p.x[i]"]
    assert touched(found, "p.pos") == ["R p.pos[i][2]"]
    assert touched(found, "p.in.k") == ["W p.in.k[i]"]
    assert touched(found, "q.x") == ["W q.x"]
    assert touched(found, "s->data") == ["R s->data[i]"]
    assert touched(found, "q->data") == ["W q->data[i]"]
    assert apart(found, "p.x", "p.pos")
    assert not apart(found, "p.x", "q.x")
    assert not apart(found, "q->data", "s->data")


def test_copying_a_struct_touches_its_members() -> None:
    found = nest(
        "typedef struct { double x, y; } P; void f(int n, P *p) { for (int i = 1; i < n; i++) p[i] = p[i - 1]; }"
    )
    assert touched(found, "p.x") == ["R p.x[i-1]", "W p.x[i]"]
    assert touched(found, "p.y") == ["R p.y[i-1]", "W p.y[i]"]


def test_arrays_of_pointers_may_hold_one_row_twice() -> None:
    found = nest(
        "void f(int n, double **a) { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) a[i][j] = 0; }"
    )
    written = [
        t
        for t in touched(found, found.arrays[0].id) + touched(found, found.arrays[-1].id)
        if t.startswith("W")
    ]
    assert written
    assert all("[?]" in t for t in written)


def test_unions_are_not_understood() -> None:
    found = nest(
        "union U { int i; float f; }; void f(int n, union U *u, union U w) { for (int i = 0; i < n; i++) u[i] = w; }"
    )
    assert "as a whole" in unknowns(found)


@pytest.mark.parametrize(
    ("update", "op"),
    [
        ("s += x[i];", "+"),
        ("s = s + x[i];", "+"),
        ("s = x[i] + s;", "+"),
        ("s -= x[i];", "+"),
        ("s = s - x[i];", "+"),
        ("s = s + x[i] - y[i];", "+"),
        ("s *= x[i];", "*"),
        ("s = fmax(s, x[i]);", "max"),
        ("s = fmin(x[i], s);", "min"),
        ("if (x[i] > s) s = x[i];", "max"),
        ("if (s > x[i]) { s = x[i]; }", "min"),
        ("s = x[i] < s ? x[i] : s;", "min"),
        ("s = s < x[i] ? x[i] : s;", "max"),
        ("c++;", "+"),
        ("--c;", "+"),
        ("c &= p[i];", "&"),
        ("c = c | p[i];", "|"),
        ("c ^= p[i];", "^"),
        ("c = c && n - i;", "&&"),
        ("c = c || n - i;", "||"),
        ("h[p[i]] += x[i];", "+"),
        ("++h[p[i]];", "+"),
        ("h[3] = h[3] + x[i];", "+"),
        ("h[i] = fmax(h[i], x[i]);", "max"),
    ],
)
def test_reductions(update: str, op: str) -> None:
    found = nest(reduction_source(update))
    assert {a.reduction for s in found.root.statements() for a in s.accesses if a.array in "sch"} == {op}


@pytest.mark.parametrize(
    "update",
    [
        "s = x[i] - s;",
        "s /= x[i];",
        "s = s * 2 + x[i];",
        "s += s * x[i];",
        "s = s + s;",
        "s = fmax(s, s + x[i]);",
        "if (x[i] > s) s = y[i];",
        "if (x[i] > s) s = x[i]; else c = 1;",
        "if (x[i] > s) { s = x[i]; c = i; }",
        "s = x[i] < s ? s + 1 : s;",
        "c <<= 1;",
        "c = c / 2;",
        "h[p[i]] += h[i];",
        "h[i] = h[i + 1] + x[i];",
        "h[p[i]] = h[p[i + 1]] + x[i];",
        "s = c = c + 1;",
    ],
)
def test_not_reductions(update: str) -> None:
    found = nest(reduction_source(update))
    marked = {a.array for s in found.root.statements() for a in s.accesses if a.reduction}
    assert marked <= ({"c"} if "c = c + 1" in update else set())


def reduction_source(update: str) -> str:
    return (
        "#include <math.h>\ndouble f(int n, const double *restrict x, const double *restrict y,"
        " const int *restrict p, double *restrict h) { double s = 0; int c = 0;"
        f" for (int i = 0; i < n; i++) {{ {update} }} return s + c; }}"
    )


def test_liveness_of_scalars() -> None:
    found = nest(
        "double f(int n, double *a, double q) { double dead, used, set, from; from = 1;"
        " for (int i = 0; i < n; i++) { double own = a[i]; dead = own; used = own; set = from; q = set; a[i] = q; }"
        " set = 0; return used + set; }"
    )
    live = {a.id: (a.live_in, a.live_out) for a in found.arrays}
    assert live["own"] == (False, False)
    assert live["dead"] == (False, False)
    assert live["used"] == (False, True)
    assert live["set"] == (False, False)
    assert live["from"] == (True, False)
    assert live["q"] == (True, False)
    assert live["a"] == (True, True)


def test_liveness_is_careful() -> None:
    taken = nest(
        "void g(double *); void f(int n, double *a) { double s; g(&s); for (int i = 0; i < n; i++) s = a[i]; }"
    )
    assert taken.array("s").live_out
    assert taken.array("s").storage is Storage.POINTED
    static = nest("void f(int n, double *a) { static double s; for (int i = 0; i < n; i++) s = a[i]; }")
    assert static.array("s").live_out
    again = nest(
        "void f(int n, double *a) { double s; again: for (int i = 0; i < n; i++) { a[i] = s; s = 1; } goto again; }"
    )
    assert again.array("s").live_in
    assert again.array("s").live_out
    branch = nest(
        "double f(int n, double *a) { double s = 0; if (n > 1) { for (int i = 0; i < n; i++) s = a[i]; } return s; }"
    )
    assert branch.array("s").live_out


def test_functions_without_effects_are_read_through() -> None:
    found = nests(_CALLS)
    by_name = {n.function: n for n in found}
    assert touched(by_name["f"], "a") == ["W a[i][j]"]
    assert touched(by_name["f"], "b") == ["R b[j][i]"]
    assert not unknowns(by_name["f"])
    assert touched(by_name["g"], "b") == ["R b[?]"]
    assert not unknowns(by_name["g"])
    assert "spoil" not in unknowns(by_name["h"])  # it writes one element of what it is given
    assert "counted" in unknowns(by_name["h"])


_CALLS = """#include <math.h>
static inline int at(int i, int j, int n) { return i * n + j; }
static double smooth(double x) { double t = x * x; if (t > 1) return 1; return sqrt(t); }
static double total(int n, const double *v) { double s = 0; for (int k = 0; k < n; k++) s += v[k]; return s; }
static double spoil(double *v) { v[0] = 1; return 2; }
double calls;
static double counted(double x) { calls += 1; return x; }
void f(int n, double *restrict a, const double *restrict b) {
    for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) a[at(i, j, n)] = smooth(b[at(j, i, n)]);
}
void g(int n, double *restrict a, double *restrict b) { for (int i = 0; i < n; i++) a[i] = total(n, b); }
void h(int n, double *restrict a, double *restrict b) { for (int i = 0; i < n; i++) a[i] = spoil(b) + counted(1); }
"""
