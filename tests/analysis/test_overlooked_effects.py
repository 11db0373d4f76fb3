"""What a reader of a loop overlooks: values of updates, names that stand for other things, numbers that wrap.

Each stands beside ordinary code that stays proved.
"""

from __future__ import annotations

import pytest
from frontend_reading import nests, proved

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Language
from loopwright.core.tree import Tree


def cxx(source: str, function: str = "f") -> bool:
    return proved(source, Language.CXX, function)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x[i] = k++;", False),
        ("x[i] = s += a[i];", False),
        ("if (i % 3) s += a[k++];", False),
        ("x[i] = (s = a[i] > s ? a[i] : s);", False),
        ("if ((s += a[i]) > 9) x[i] = 1;", False),
        ("t += (s += a[i]);", False),
        ("t = s += a[i];", False),
        ("k++;", True),
        ("(void)k++;", True),
        ("s += a[i], t += x[i];", True),
        ("if (a[i] > s) s = a[i];", True),
    ],
)
def test_the_value_of_an_update_makes_it_more_than_a_step_of_a_reduction(body: str, expected: bool) -> None:
    head = "double f(int n, const double *restrict a, double *restrict x) { int k = 0; double s = 0, t = 0;"
    assert proved(f"{head} for (int i = 0; i < n; i++) {{ {body} }} return k + s + t; }}") is expected


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("namespace rng { double exp(double); }", "rng::exp(2.0)", False),
        ("struct Rng { static double exp(double); };", "Rng::exp(2.0)", False),
        ("struct Game; double round(Game &); extern Game &g;", "round(g)", False),
        ('extern "C" double exp(double);', "exp(2.0)", True),
        ("#include <cmath>\n", "std::exp(2.0)", True),
    ],
)
def test_a_function_of_the_user_may_have_the_name_of_one_of_the_library(
    declared: str, value: str, expected: bool
) -> None:
    loop = f"for (int i = 0; i < n; i++) x[i] = {value};"
    assert cxx(f"{declared} void f(int n, double *x) {{ {loop} }}") is expected


def test_a_macro_of_the_library_is_no_function_of_it() -> None:
    loop = "void f(int n, double *x) { for (int i = 0; i < n; i++) x[i] = NAME(i); }"
    assert not proved("double signbit(double); " + loop.replace("NAME", "signbit"))
    assert proved("double sqrt(double); " + loop.replace("NAME", "sqrt"))


@pytest.mark.parametrize(("type_", "expected"), [("V", False), ("double", True)])
def test_the_larger_of_two_objects_is_found_by_an_operator_of_the_user(type_: str, expected: bool) -> None:
    source = "#include <algorithm>\nstruct V { int v; }; bool operator<(const V &, const V &);"
    head = "void f(int n, const T *__restrict__ a, const T *__restrict__ b, T *__restrict__ c)"
    loop = "{ for (int i = 0; i < n; i++) c[i] = std::max(a[i], b[i]); }"
    assert cxx(source + (head + loop).replace("T ", f"{type_} ")) is expected


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        ("static double get(void) { return t * 2; }", "get()", False),
        ("static double get(double y) { double r = y; r = r + t; return r; }", "get(i)", False),
        ("static double get(double y) { return y; }", "t * 2", True),
    ],
)
def test_a_function_reads_the_variable_that_all_threads_share(
    function: str, value: str, expected: bool
) -> None:
    loop = f"for (int i = 0; i < 9; i++) {{ t = a[i]; x[i] = {value}; }}"
    source = f"static double t; {function} void f(const double *restrict a, double *restrict x) {{ {loop} }}"
    assert proved(source) is expected


@pytest.mark.parametrize(
    ("start", "expected"), [("x", False), ("tick()", False), ("2.5", True), ("2 * scale", True)]
)
def test_a_constant_of_a_function_may_depend_on_its_first_call(start: str, expected: bool) -> None:
    function = (
        f"static double rel(double x) {{ static const double x0 = {start}; double r = x - x0; return r; }}"
    )
    loop = "void f(int n, double *x) { for (int i = 0; i < n; i++) x[i] = rel(x[i]); }"
    assert cxx(f"double tick(); static const double scale = 3; {function} {loop}") is expected


def test_an_own_allocator_with_a_name_of_the_library_may_give_the_same_memory_again() -> None:
    own = "static double pool[99]; static double *memalign(int n) { if (n < 0) return 0; return pool; }"
    loop = "for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1; return a[0]; }"
    body = f"double f(int n) {{ double *a = memalign(n), *b = memalign(n); {loop}"
    assert not proved(f"{own} {body}")
    assert proved("#include <stdlib.h>\n" + body.replace("memalign", "malloc"))
    assert proved("void *malloc(unsigned long);" + body.replace("memalign", "malloc"))


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        ("i * 1103515245u < 1000000000u", False),
        ("(i << 16) < 100u", False),
        ("i < 1u", True),
        ("i + 1u < 2u", True),
    ],
)
def test_products_of_unsigned_numbers_wrap_in_conditions(guard: str, expected: bool) -> None:
    loop = f"for (unsigned i = 0; i < n; i++) if ({guard}) x[0] = i;"
    assert proved(f"void f(unsigned n, long *x) {{ {loop} }}") is expected


def test_a_product_of_an_unsigned_number_is_still_a_place_in_an_array() -> None:
    loop = "for (unsigned i = 0; i < n; i++) for (unsigned j = 0; j < 9; j++) x[i * 65536u + j] = j;"
    assert proved(f"void f(unsigned n, double *x) {{ {loop} }}")


def test_a_loop_that_counts_away_from_its_limit_ends_when_it_wraps() -> None:
    loop = "void f(unsigned n, double *x) { for (unsigned i = n - 1; CONDITION; i--) x[i] = i; }"
    assert not proved(loop.replace("CONDITION", "i < n"))
    assert proved(loop.replace("CONDITION", "i > 0"))


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("for (int j = 0; j < n; j++) row[1][j] = row[0][j] + 1;", False),
        ("for (int j = 0; j < n; j++) row[1][j] = 2 * row[1][j];", True),
        ("for (int i = 0; i < n; i++) row[i][i] = i;", False),
        ("double *a = row[k[0]], *b = row[k[1]]; for (int j = 0; j < n; j++) b[j] = a[j] + 1;", False),
        ("double *a = row[k[0]]; for (int j = 0; j < n; j++) a[j] = a[j] + 1;", True),
        ("for (int j = 0; j < n; j++) p[1].d[j] = p[0].d[j] + 1;", False),
        ("for (int j = 0; j < n; j++) p->d[j] = 2 * p->d[j];", True),
    ],
)
def test_rows_out_of_an_array_of_pointers_may_be_shifted_against_each_other(
    loop: str, expected: bool
) -> None:
    source = f"struct P {{ double *d; }}; void f(int n, double **row, struct P *p, const int *k) {{ {loop} }}"
    assert proved(source) is expected


def test_an_inner_loop_over_one_row_of_an_array_of_pointers_is_parallel() -> None:
    inner = "for (int j = 0; j < n; j++) for (int k = 0; k < n; k++) c[i][j] += a[i][k] * b[k][j];"
    head = "static void f(int n, double *restrict *restrict c, const double *restrict *restrict a,"
    (found,) = nests(f"{head} const double *restrict *restrict b) {{ for (int i = 0; i < n; i++) {inner} }}")
    writes = [a for s in found.root.statements() for a in s.accesses if a.kind == "write"]
    assert [w.subscripts[0] for w in writes] == [None] and all(w.subscripts[1] is not None for w in writes)


@pytest.mark.parametrize(
    ("write", "read", "expected"),
    [
        ("p[9 + j]", "m[1][j - 1]", False),
        ("p[9 + j]", "p[9 + j]", True),
        ("m[0][j]", "m[1][j - 1]", True),
    ],
)
def test_a_pointer_to_the_start_of_a_matrix_goes_through_all_of_its_rows(
    write: str, read: str, expected: bool
) -> None:
    loop = f"double *p = &m[0][0]; for (int j = 1; j < 9; j++) {write} = {read} + 1;"
    assert proved(f"static double m[2][9]; void f(void) {{ {loop} }}") is expected


PAIR = "#include <stdlib.h>\nstruct S { double *p, *q; };"
PAIRED = "S s; s.p = (double *)calloc(n, 8); s.q = (double *)calloc(n, 8);"


@pytest.mark.parametrize(
    ("declared", "does", "expected"),
    [
        ("", "auto &[x, y] = s; x = y;", False),
        ("", "auto [x, y] = s; x = y;", True),
        ("", "double *S::*m = &S::p; s.*m = s.q;", False),
        ("", "for (auto &[x, y] : {&s, &s + 1}) x = y;", False),
        ("template <class T> void share(T &s) { s.p = s.q; }", "void (*g)(S &) = share<S>; g(s);", False),
        ("template <class T> void look(T &s) { s.p[0] = 1; }", "void (*g)(S &) = look<S>; g(s);", True),
        (
            "template <class T> struct Guard { T &t; ~Guard() { t.p = t.q; } };",
            "{ Guard<S> g{s}; }",
            False,
        ),
        ("template <class T> struct Owner { T *p; ~Owner() { delete[] p; free(p); } };", "", True),
        (
            "struct B { virtual void go(S &); }; template <class T> struct D : B { "
            "void go(T &s) override { s.p = s.q; } };",
            "D<S> d; B &b = d; b.go(s);",
            False,
        ),
        (
            "struct B { virtual void go(S &); };",
            "struct D : B { void go(S &s) override { s.p = s.q; } } d; B &b = d; b.go(s);",
            False,
        ),
    ],
)  # fmt: skip
def test_members_change_in_code_that_does_not_name_them_or_that_nobody_calls(
    declared: str, does: str, expected: bool
) -> None:
    if "{&s" in does:
        does = "S t[1]; t[0] = s; for (auto &[x, y] : t) x = y;"
    loop = "for (int i = 1; i < n; i++) s.p[i] = s.q[i - 1] + 1;"
    source = f"{PAIR}{declared} int main(int n, char **) {{ {PAIRED} {does} {loop} }}"
    (found,) = [n for n in nests(source, Language.CXX) if n.function == "main" and n.root.variable == "i"]
    assert (analyse(found).loops[found.root.id].parallel is Answer.PROVED) is expected


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("", True),
        ("auto &[r, c, st, e] = g; st = 1;", False),
        ("int G::*m = &G::stride; g.*m = 1;", False),
        ("void (*h)(G &) = squeeze; h(g);", False),
    ],
)
def test_a_difference_of_members_ends_where_one_of_them_has_another_name(does: str, expected: bool) -> None:
    squeeze = "template <class T> void squeeze(T &g) { g.stride = 1; }"
    struct = f"struct G {{ int rows, cols, stride; double *d; }}; {squeeze}"
    body = "for (int j = 0; j < g.cols; j++) g.d[i * g.stride + j] = i + j;"
    loop = f"static void f(const G &g) {{ for (int i = 0; i < g.rows; i++) {body} }}"
    made = f"double *d = new double[999]; G g{{n, n, n + 2, d}}; {does} f(g);"
    assert cxx(f"{struct} {loop} int main(int n, char **) {{ {made} }}") is expected


def test_an_object_with_a_call_operator_is_called_by_others() -> None:
    loop = "{ for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1; }"
    calls = "int main() { static double x[9], y[9]; K k; k.NAME(9, x, y); }"
    source = f"struct K {{ void NAME(int n, double *a, double *b) const {loop} }}; {calls}"
    assert not cxx(source.replace("NAME", "operator()"), "operator()")
    assert cxx(source.replace("NAME", "go"), "go")


@pytest.mark.parametrize(
    ("more", "expected"),
    [("g = f<B>;", False), ("", True), ("} template int f<B>(int, int *); void h() {", False)],
)
def test_a_template_is_edited_only_where_all_that_it_stands_for_is_seen(more: str, expected: bool) -> None:
    kinds = "struct A { static constexpr int off = 0; }; struct B { static constexpr int off = 1; };"
    loop = "for (int i = 0; i < n; i++) a[i + T::off] = a[i] + 1; return a[0];"
    source = f"{kinds} template <class T> int f(int n, int *a) {{ {loop} }}"
    calls = f"int (*g)(int, int *); int main() {{ static int a[9]; f<A>(5, a); {more} }}"
    assert bool(nests(f"{source} {calls}", Language.CXX)) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("int j = -1; j < 3u; j++", False),
        ("int j = -i; j < 3u; j++", False),
        ("int j = 0; j < 3u; j++", True),
        ("int j = -1; j < 3; j++", True),
    ],
)
def test_a_number_below_zero_is_large_where_it_is_compared_as_unsigned(header: str, expected: bool) -> None:
    loop = f"for (int i = 0; i < n; i++) {{ for ({header}) t = a[i] + j; x[i] = t; }}"
    assert (
        proved(f"void f(int n, const double *restrict a, double *restrict x) {{ double t; {loop} }}")
        is expected
    )


COUNTED = (
    "static int made; int tick(); struct C { int v; C() { v = ++made; } }; struct Z { int v; Z() : v(0) {} };"
)


@pytest.mark.parametrize(
    ("more", "local", "expected"),
    [
        ("struct P { int id = ++made; double x; };", "P p{};", False),
        ("struct P { int id = tick(); double x; };", "P p{};", False),
        ("struct P { int id = 3; double x; };", "P p{};", True),
        ("struct P { double x; C c; };", "P p{1.0};", False),
        ("struct P { double x; };", "P p{1.0}; std::array<C, 2> t{};", False),
        ("struct P { double x; };", "P p{1.0}; C t[2];", False),
        ("struct P { double x; };", "P p{1.0}; Z t[2];", True),
    ],
)
def test_objects_that_count_themselves_when_they_are_made(more: str, local: str, expected: bool) -> None:
    loop = f"void f(int n, double *x) {{ for (int i = 0; i < n; i++) {{ {local} x[i] = p.x + i; }} }}"
    assert cxx(f"#include <array>\n{COUNTED} {more} {loop}") is expected


@pytest.mark.parametrize(("more", "expected"), [("~T() { total += v; }", False), ("", True)])
def test_two_functions_may_have_classes_of_one_name(more: str, expected: bool) -> None:
    other = "int g() { struct T { int v; }; T t = {1}; return t.v; }"
    loop = "for (int i = 0; i < n; i++) { T t = {i}; x[i] = t.v; }"
    mine = f"void f(int n, int *x) {{ struct T {{ int v; {more} }}; {loop} }}"
    assert cxx(f"static int total; {other} {mine}") is expected


@pytest.mark.parametrize(("attribute", "expected"), [("weak", False), ("noinline", True)])
def test_a_weak_function_may_be_another_one(attribute: str, expected: bool) -> None:
    function = f"__attribute__(({attribute})) double shape(double v) {{ double r = v; r = r * 2; return r; }}"
    loop = "void f(int n, double *x) { for (int i = 0; i < n; i++) x[i] = shape(i); }"
    assert proved(f"{function} {loop}") is expected


@pytest.mark.parametrize(("name", "expected"), [("scale", False), ("other", True)])
def test_each_thread_has_a_variable_of_its_own(name: str, expected: bool) -> None:
    source = f"static int scale, other;\n#pragma omp threadprivate({name})\n"
    loop = "void f(int n, double *x) { for (int i = 0; i < n; i++) x[i] = scale * i; }"
    assert proved(source + loop) is expected


def test_a_text_that_is_read_twice_is_not_edited() -> None:
    loop = b"void NAME(int n, int *a) { for (int i = 0; i < n; i++) a[i + OFF] = a[i] + 1; }\n"
    part = b"#ifndef OFF\n#define OFF 0\n#define NAME f\n#endif\n" + loop
    around = b'#define OFF 1\n#define NAME g\n#include "part.c"\n'
    alone = read_nests(Tree({"part.c": part}), ["part.c"], Language.C)
    both = read_nests(Tree({"part.c": part, "main.c": around}), ["part.c", "main.c"], Language.C)
    (nest,) = alone.nests
    assert nest.function == "f" and not nest.unknowns
    (nest,) = both.nests
    assert "text that main.c includes" in nest.unknowns[0].reason
    assert all(loop.parallel is not Answer.PROVED for loop in analyse(nest).loops.values())
    other = read_nests(Tree({"part.c": part, "gpu.cu": around}), ["part.c"], Language.C)
    assert not other.nests[0].unknowns


@pytest.mark.parametrize(
    ("declared", "written", "expected"),
    [
        ("enum E { A, B }; struct H { enum E n; };", "int", False),
        ("enum E { A, B }; struct H { enum E n; };", "double", True),
        ("typedef float __attribute__((may_alias)) any; struct H { int n; };", "any", False),
        ("struct H { int n; };", "float", True),
    ],
)
def test_a_limit_may_be_written_as_another_type(declared: str, written: str, expected: bool) -> None:
    loop = f"void f({written} *a, const struct H *h) {{ for (int i = 0; i < h->n; i++) a[i] = 3; }}"
    assert proved(f"{declared} {loop}") is expected


@pytest.mark.parametrize("size", ["", "0"])
def test_a_flexible_member_lies_where_the_next_struct_does(size: str) -> None:
    struct = f"struct P {{ double x; double rest[{size}]; }};"
    several = "void f(int n, struct P *p) { for (int i = 0; i < n; i++) p[i].rest[0] = p[i].x + 1; }"
    one = "void f(int n, struct P *p) { for (int i = 0; i < n; i++) p->rest[i] = p->x + 1; }"
    assert not proved(f"{struct} {several}")
    assert proved(f"{struct} {one}")


@pytest.mark.parametrize(
    ("before", "after", "type_", "expected"),
    [
        ("fesetround(FE_UPWARD);", "", "double", False),
        ("", "if (fetestexcept(FE_DIVBYZERO)) x[0] = 0;", "double", False),
        ("fesetround(FE_UPWARD);", "", "int", True),
        ("errno = 0;", "if (errno) x[0] = 0;", "double", False),
        ("errno = 0;", "if (errno) x[0] = 0;", "int", True),
        ("", "", "double", True),
    ],
)
def test_what_each_thread_has_of_its_own_is_not_seen_by_the_others(
    before: str, after: str, type_: str, expected: bool
) -> None:
    value = "log(x[i])" if type_ == "double" else "x[i] + 1"
    loop = f"for (int i = 0; i < n; i++) x[i] = {value};"
    head = "#include <errno.h>\n#include <fenv.h>\n#include <math.h>\n"
    assert proved(f"{head}void f(int n, {type_} *x) {{ {before} {loop} {after} }}") is expected
