"""Ways to make two names lead to one memory. Each stands beside ordinary code that stays proved."""

from __future__ import annotations

import pytest
from frontend_reading import proved

from loopwright.core.task import Language


def cxx(source: str, function: str = "f") -> bool:
    return proved(source, Language.CXX, function)


HEAP = "#include <stdlib.h>\n"


@pytest.mark.parametrize(
    ("declared", "before", "loop", "expected"),
    [
        ("", "double *a = calloc(n, 8), *t[2]; t[0] = a; t[1] = a;", "t[0][i] = a[i - 1] + 1", False),
        ("static double *t[2]; static double a[9];", "t[0] = a;", "t[0][i] = a[i - 1] + 1", False),
        ("struct P { int x; } a[9];", "struct P *t[2]; t[0] = a;", "a[i].x = t[0]->x", False),
        ("", "double *a = calloc(n, 8), *b = (double *)4096;", "b[i] = a[i - 1]", False),
        ("", "double *a = calloc(n, 8), *b = calloc(n, 8);", "b[i] = a[i - 1]", True),
        ("", "double *a = calloc(n, 8), *b = 0; b = calloc(n, 8);", "b[i] = a[i - 1]", True),
        ("static double *b; static double a[9];", "b = calloc(n, 8);", "b[i] = a[i - 1] + 1", True),
    ],
)  # fmt: skip
def test_what_is_put_into_an_array_of_pointers_is_not_seen(
    declared: str, before: str, loop: str, expected: bool
) -> None:
    source = f"{HEAP}{declared} int main(int n, char **v) {{ {before} for (int i = 1; i < n; i++) {loop}; }}"
    assert proved(source, function="main") is expected


@pytest.mark.parametrize(
    ("first", "main", "expected"),
    [
        ("", "double b[99]; g = b; f(99, b);", False),
        ("", "double b[99], c[99]; g = b; f(99, c);", True),
        ("if (!g) g = calloc(n, 8);", "f(9, calloc(9, 8)); f(9, g);", False),
        ("if (!g) g = calloc(n, 8);", "double b[99]; f(9, b);", True),
        ("double own[99]; g = own; if (n > 9) f(n - 1, g);", "double b[9]; f(99, b);", False),
        ("double *h = calloc(n, 8); double *g = h;", "f(99, g);", True),
        ("double g[99];", "f(99, g);", True),
    ],
)
def test_a_parameter_may_lead_to_what_an_earlier_call_or_the_caller_left(
    first: str, main: str, expected: bool
) -> None:
    source = f"""{HEAP}static double *g;
static void f(int n, double *p) {{ {first} for (int i = 1; i < n; i++) p[i] = g[i - 1] + 1; }}
int main(void) {{ {main} }}"""
    assert proved(source) is expected


def test_a_parameter_may_lead_to_what_a_member_holds() -> None:
    source = """struct C { double *prev; };
static void f(int n, struct C *c, double *p) { for (int i = 1; i < n; i++) p[i] = c->prev[i - 1] + 1; }
int main(void) { double b[99], d[99]; struct C c; c.prev = b; f(99, &c, GIVEN); }"""
    assert not proved(source.replace("GIVEN", "b"))
    assert proved(source.replace("GIVEN", "d"))


VECTOR = "#include <vector>\n"


@pytest.mark.parametrize(
    ("members", "bound", "loop", "expected"),
    [
        ("std::vector<double> &in, &out;", "v, v", "s.out[i] = s.in[i - 1] + 1", False),
        ("std::vector<double> &out;", "v", "s.out[i] = v[i - 1] + 1", False),
        ("const std::vector<double> &in;", "v", "v[i] = s.in[i - 1] + 1", False),
        ("double &one;", "total", "{ s.one = v[i]; v[i] = total; }", False),
        ("const int &n;", "n", "{ v[s.n + i] = v[i]; n++; }", False),
        ("std::vector<double> in, out;", "v, v", "s.out[i] = s.in[i - 1] + 1", True),
        ("std::vector<double> &out;", "v", "s.out[i] = i", True),
        ("std::vector<double> &out; int k;", "v, 1", "v[i] = s.k", True),
    ],
)
def test_a_member_that_is_a_reference_may_be_bound_to_anything(
    members: str, bound: str, loop: str, expected: bool
) -> None:
    source = f"""{VECTOR}struct S {{ {members} }};
void f(int n) {{ std::vector<double> v(n); double total = 0; S s{{{bound}}};
for (int i = 1; i < n; i++) {loop}; }}"""
    assert cxx(source) is expected


def test_two_objects_may_be_bound_to_one_variable() -> None:
    source = "struct S { int TYPE; }; void f(int n, S *s) { for (int i = 0; i < n; i++) s[i].hits = i; }"
    assert not cxx(source.replace("TYPE", "&hits"))
    assert cxx(source.replace("TYPE", "hits"))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("double *&r = a; r = b;", False),
        ("double *c = a; double *&r = n ? a : c; r = b;", False),
        ("auto share = [&x = a, y = b] { x = y; }; share();", False),
        ("S s{a}; s.slot = b;", False),
        ("double *const &r = a;", True),
        ("auto share = [x = a] { return x; };", True),
        ("double &r = a[0];", True),
    ],
)
def test_a_pointer_with_another_name_may_get_anything(before: str, expected: bool) -> None:
    source = f"""struct S {{ double *&slot; }};
void f(int n) {{ double *a = new double[n](), *b = new double[n](); {before}
for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1; }}"""
    assert cxx(source) is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("int &st = g.stride; st = 1;", False),
        ("set(g.stride);", False),
        ("R r{g.stride}; r.to = 1;", False),
        ("const int &st = g.stride;", True),
        ("", True),
    ],
)
def test_a_member_with_another_name_keeps_no_relation(before: str, expected: bool) -> None:
    source = f"""struct G {{ int rows, cols, stride; double *d; }}; struct R {{ int &to; }};
static void set(int &x) {{ x = 1; }}
static void f(const G &g) {{
for (int i = 0; i < g.rows; i++) for (int j = 0; j < g.cols; j++) g.d[i * g.stride + j] = i; }}
int main(int c, char **) {{ G g{{c, c, c + 2, nullptr}}; {before} g.d = new double[99]; f(g); }}"""
    assert cxx(source) is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("double **first = (double **)&s; *first = s.q;", False),
        ("double **first; first = (void *)&s; *first = s.q;", False),
        ("memcpy(&o, t, sizeof o);", False),
        ("struct S *again = &s; again->n = 3;", True),
        ("memset(t, 0, sizeof t);", True),
    ],
)
def test_a_struct_that_is_written_as_something_else(before: str, expected: bool) -> None:
    source = f"""#include <stdlib.h>
#include <string.h>
struct S {{ double *p, *q; int n; }}; struct O {{ struct S s; }};
int main(int n, char **v) {{ struct S s; struct O o; double *t[3]; s.p = calloc(n, 8); s.q = calloc(n, 8);
{before} for (int i = 1; i < n; i++) s.p[i] = s.q[i - 1] + 1; }}"""
    assert proved(source, function="main") is expected


@pytest.mark.parametrize(("first", "second", "expected"), [("s[0]", "s[1]", False), ("z", "z", True)])
def test_pointers_exchanged_in_one_struct_of_several(first: str, second: str, expected: bool) -> None:
    source = f"""{HEAP}struct S {{ double *p, *q; }};
int main(int n, char **v) {{ struct S s[2], z; {first}.p = calloc(n, 8); {first}.q = calloc(n, 8);
s[1] = s[0]; double *t = {first}.p; {first}.p = {first}.q; {first}.q = t;
for (int i = 1; i < n; i++) {first}.q[i] = {second}.p[i - 1] + 1; }}"""
    assert proved(source, function="main") is expected


@pytest.mark.parametrize(
    ("before", "given", "expected"),
    [
        ("double *p = v.data(); std::swap(v, w);", "p, w.data()", False),
        ("double *p = v.data(); v.swap(w);", "p, w.data()", False),
        ("double *p = &v[0]; auto &r = v; w = std::move(r);", "p, w.data()", False),
        ("double *p = v.data(), *q = w.data();", "p, q", True),
        ("std::swap(v, w);", "v.data(), w.data()", True),
        ("double *p = v.data(); std::vector<double> x(9), y(9); x.swap(y);", "p, w.data()", True),
    ],
)
def test_elements_that_go_from_one_vector_to_another(before: str, given: str, expected: bool) -> None:
    source = f"""{VECTOR}#include <utility>
static void f(int n, double *a, double *b) {{ for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1; }}
int main() {{ std::vector<double> v(9), w(9); {before} f(9, {given}); }}"""
    assert cxx(source) is expected


def test_vectors_that_are_swapped_once_a_step_stay_apart() -> None:
    source = f"""{VECTOR}#include <utility>
static void f(int n, std::vector<double> &a, const std::vector<double> &b) {{
for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1; }}
int main() {{ std::vector<double> v(9), w(9);
for (int t = 0; t < 9; t++) {{ f(9, v, w); std::swap(v, w); }} }}"""
    assert cxx(source)


@pytest.mark.parametrize(
    ("declared", "parameters", "loop", "expected"),
    [
        ("#include <complex.h>", "double complex *z, const double *x", "z[i] += x[2 * i - 2] + 1", False),
        ("typedef int __attribute__((__may_alias__)) B;", "float *z, B *x", "z[i] += x[i - 1] + 1", False),
        ("", "float *z, int *x", "z[i] += x[i - 1] + 1", True),
    ],
)
def test_types_that_may_meet_others(declared: str, parameters: str, loop: str, expected: bool) -> None:
    source = f"{declared}\nvoid f(int n, {parameters}) {{ for (int i = 1; i < n; i++) {loop}; }}"
    assert proved(source) is expected


def test_a_byte_may_be_part_of_anything() -> None:
    source = (
        "void f(int n, double *d, const std::byte *k) { for (int i = 0; i < n; i++) d[i] = (int)k[100]; }"
    )
    assert not cxx(f"#include <cstddef>\n{source}")
