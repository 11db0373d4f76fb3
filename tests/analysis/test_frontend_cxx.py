"""C++: containers, references, classes, lambdas; and small hostile programs in both languages."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import pytest
from frontend_reading import access, apart, bounds, cxx, nest, nests, problems, touched, unknowns

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Storage
from loopwright.core.task import Language

VECTOR = "#include <vector>\n"


def test_containers_and_references() -> None:
    found = cxx(
        VECTOR
        + "#include <array>\n#include <cmath>\n#include <algorithm>\nstruct B { double x, y; std::array<double, 3> v; };\n"
        "void f(std::vector<double> &a, const std::vector<B> &bs, std::vector<std::vector<double>> &g) {"
        " for (std::size_t i = 0; i < a.size(); ++i) { const auto &b = bs[i]; double &here = g[i][2];"
        " here = std::sqrt(b.x) + std::max(b.y, 2.0) + b.v[1]; a.at(i) = std::pow(b.x, 2); } }"
    )
    assert bounds(found.root) == "i: 0 <= . < a_size step 1"
    assert found.parameters[0].text == "a.size()"
    assert found.root.unsigned_variable
    assert found.root.variable_type == "unsigned long"
    assert touched(found, "bs.x") == ["R bs.x[i]", "R bs.x[i]"]
    assert touched(found, "bs.v") == ["R bs.v[i][1]"]
    assert touched(found, "g") == ["W g[i][2]"]
    assert touched(found, "a") == ["W a[i]"]
    assert not unknowns(found)


def test_a_vector_that_grows_has_no_fixed_size() -> None:
    found = cxx(
        VECTOR
        + "void f(std::vector<int> &a) { for (std::size_t i = 0; i < a.size(); ++i) a.push_back(a[i]); }"
    )
    assert found.root.upper is None
    assert "push_back" in unknowns(found)


def test_vector_of_bool_is_not_understood() -> None:
    found = cxx(VECTOR + "void f(int n, std::vector<bool> &a) { for (int i = 0; i < n; ++i) a[i] = true; }")
    assert unknowns(found)


def test_range_for_is_a_count_of_elements() -> None:
    found = cxx(
        VECTOR + "void f(std::vector<double> &a, int n, double *b) {"
        " for (auto &x : a) { for (int j = 0; j < n; j++) b[j] = j; x = 1; } }"
    )
    assert found.root.over_range
    assert bounds(found.root) == "x : a: 0 <= . < a_size step 1"
    assert bounds(found.root.loops[0]) == "j: 0 <= . < n step 1"
    assert touched(found, "a") == ["W a[x : a]"]
    assert not unknowns(found)


def test_ranges_by_value_and_of_arrays() -> None:
    found = cxx(
        VECTOR + "struct P { double x, y; }; void f(const std::vector<P> &a, double *s) {"
        " double t[4] = {1, 2, 3, 4}; for (P p : a) for (double v : t) s[0] += p.x * v; }"
    )
    assert touched(found, "a.x") == ["R a.x[p : a]"]
    assert found.array("p.x").declared_in == found.root.id
    assert bounds(found.root.loops[0]) == "v : t: 0 <= . < 4 step 1"


@pytest.mark.parametrize(
    "loop",
    [
        "for (double x : g(a)) s += x;",
        "for (double x : std::vector<double>(a)) s += x;",
        "for (double &x : a) { x = 1; a.push_back(x); }",
        "std::map<int, double> m; for (auto &x : m) s += x.second;",
        "for (auto [u, v] : p) s += u;",
    ],
)
def test_ranges_that_are_not_understood(loop: str) -> None:
    found = cxx(
        VECTOR + "#include <map>\n#include <utility>\nstd::vector<double> g(std::vector<double> &);"
        f"void f(std::vector<double> &a, std::vector<std::pair<int, int>> &p, double &s) {{ {loop} }}"
    )
    facts = analyse(found).loops[found.root.id]
    assert facts.parallel is not Answer.PROVED


def test_an_element_whose_address_is_kept_leads_into_the_range() -> None:
    found = nests(
        VECTOR + "void f(int n) { std::vector<double> a(n); double *p = nullptr; for (double &x : a) p = &x;"
        " for (int i = 0; i < n; i++) a[i] = p[i]; }",
        Language.CXX,
    )[1]
    assert found.array("a").storage is Storage.POINTED
    assert analyse(found).loops["i"].parallel is not Answer.PROVED


def test_a_pointer_out_of_a_range_may_lead_anywhere() -> None:
    found = cxx(
        VECTOR + "void f(int n, std::vector<double *> &ps, std::vector<double> &a) {"
        " for (double *p : ps) for (int i = 0; i < n; i++) p[i] = a[0]; }"
    )
    assert analyse(found).loops["i"].parallel is not Answer.PROVED


TEMPLATES = """
template <typename T> T twice(T x) { T y = x; y += x; return y; }
template <typename T> void scale(int n, T *v) { for (int i = 0; i < n; i++) v[i] = twice(v[i]); }
template <typename T> class Grid { public:
    Grid(int r, int c) : rows_(r), columns_(c), data_(r * c) {}
    T &operator()(int i, int j) { return data_[i * columns_ + j]; }
    int rows() const { return rows_; } int columns() const { return columns_; }
    private: int rows_, columns_; std::vector<T> data_; };
"""


def test_templates_are_read_as_they_are_instantiated() -> None:
    found = cxx(
        VECTOR + TEMPLATES + "void f(Grid<double> &g) { for (int i = 0; i < g.rows(); i++)"
        " for (int j = 0; j < g.columns(); j++) g(i, j) = twice(1.0); }"
    )
    assert not unknowns(found)
    assert touched(found, "g.data_") == ["W g.data_[i][j]"]
    assert analyse(found).loops["i"].parallel is Answer.PROVED


def test_a_loop_in_a_template_counts_when_there_is_one_instance_of_it() -> None:
    one = nests(VECTOR + TEMPLATES + "void f(int n, double *a) { scale(n, a); }", Language.CXX)
    assert [n.function for n in one] == ["scale"]
    two = nests(
        VECTOR + TEMPLATES + "void f(int n, double *a, float *b) { scale(n, a); scale(n, b); }", Language.CXX
    )
    assert not two


def test_locals_of_two_instances_are_two_variables() -> None:
    found = cxx(
        VECTOR + TEMPLATES + "void f(int n, double *a, int *b) {"
        " for (int i = 0; i < n; i++) { a[i] = twice(a[i]); b[i] = twice(b[i]); } }"
    )
    assert not unknowns(found)


def test_copies_of_plain_structs_are_assignments() -> None:
    source = "struct P { double x, y; }; struct Q { P p; int k; };"
    found = cxx(source + "void f(int n, Q *q, const P &p) { for (int i = 0; i < n; i++) q[i].p = p; }")
    assert "operator=" not in unknowns(found)
    assert touched(found, "q.p.x") == ["W q.p.x[i]"]
    own = cxx(
        "struct P { double x; P &operator=(const P &o) { x += o.x; return *this; } };"
        "void f(int n, P *q, const P &p) { for (int i = 0; i < n; i++) q[0] = p; }"
    )
    assert analyse(own).loops["i"].parallel is not Answer.PROVED


@pytest.mark.parametrize(
    "function",
    [
        "static int lesser(int a, int b) { return a < b ? a : b; }",
        "static int lesser(int a, int b) { if (a < b) return a; return b; }",
        "static int lesser(int a, int b) { if (a < b) { return a; } else { return b; } }",
        "template <typename T> T lesser(T a, T b) { if (b < a) return b; else return a; }",
    ],
)
def test_helpers_that_are_a_minimum_bound_a_loop(function: str) -> None:
    found = cxx(
        function + "void f(int n, double *a) { for (int t = 0; t < n; t += 32)"
        " for (int i = t; i < lesser(t + 32, n); i++) a[i] = 0; }"
    )
    inner = found.root.loops[0]
    assert inner.upper is not None
    assert len(inner.upper) == 2
    assert analyse(found).loops[found.root.id].parallel is Answer.PROVED


CLASS = (
    VECTOR + "class Grid { public: Grid(int r, int c) : rows(r), cols(c), data(r * c) {}\n"
    "double &operator()(int i, int j) { return data[i * cols + j]; }\n"
    "double operator()(int i, int j) const { return data[i * cols + j]; }\n"
    "int height() const { return rows; } int width() const { return cols; }\n"
    "void scale(double s) { for (int i = 0; i < rows; i++) for (int j = 0; j < cols; j++) data[i * cols + j] *= s; }\n"
    "private: int rows, cols; std::vector<double> data; };\n"
)


def test_accessors_of_a_class_are_read_through() -> None:
    found = {n.function: n for n in nests(
        CLASS + "static void sweep(const Grid &u, Grid &v) { for (int i = 1; i < u.height() - 1; i++)"
        " for (int j = 0; j < u.width(); j++) v(i, j) = u(i, j); }\n"
        "int main() { Grid a(9, 9), b(9, 7); sweep(a, b); }", Language.CXX)}  # fmt: skip
    sweep = found["sweep"]
    assert not unknowns(sweep)
    assert [bounds(loop) for loop in sweep.root.walk()] == [
        "i: 1 <= . < u_height-1 step 1",
        "j: 0 <= . < u_width step 1",
    ]
    assert touched(sweep, "u.data") == ["R u.data[i][j]"]
    assert apart(sweep, "u.data", "v.data")
    # v's own width is another number, which may be smaller than u's.
    assert touched(sweep, "v.data") == ["W v.data[?]"]
    scale = found["scale"]
    assert touched(scale, "this.data")[-1] == "W this.data[i][j] (*)"


def test_lambdas_and_unknown_methods() -> None:
    called = cxx(
        "void f(int n, double *a) { double s = 0; auto add = [&](double x) { s += x; };"
        " for (int i = 0; i < n; i++) add(a[i]); }"
    )
    assert "may do anything" in unknowns(called)
    seen = cxx(
        "void f(int n, double *a) { double s = 0; auto add = [&](double x) { s += x; };"
        " for (int i = 0; i < n; i++) a[i] = s; add(1); }"
    )
    assert seen.array("s").storage == "pointed"


def test_pure_functions_of_references_and_structs() -> None:
    found = cxx(
        VECTOR
        + "struct V { double x, y; };\nstatic double dot(const V &a, const V &b) { return a.x * b.x + a.y * b.y; }\n"
        "static inline double square(double x) { return x * x; }\n"
        "void f(int n, const std::vector<V> &p, std::vector<double> &o) { for (int i = 0; i < n; i++) o[i] = square(dot(p[i], p[0])); }"
    )
    assert not unknowns(found)
    assert {access(a) for s in found.root.statements() for a in s.accesses} == {
        "R p.x[i]", "R p.y[i]", "R p.x[0]", "R p.y[0]", "W o[i]",
    }  # fmt: skip


def test_user_operators_and_atomics_are_not_understood() -> None:
    source = (
        "#include <atomic>\nstruct V { double x; V operator+(const V &o) const { V r; r.x = x + o.x; return r; } };\n"
        "void f(int n, V *p, std::atomic<int> &c) { for (int i = 0; i < n; i++) { %s } }"
    )
    assert unknowns(cxx(source % "p[i] = p[i] + p[0];"))
    assert unknowns(cxx(source % "c++;"))
    assert unknowns(nest("void f(int n, _Atomic int *c) { for (int i = 0; i < n; i++) c[0] += i; }"))


def test_exceptions_leave_the_loop() -> None:
    found = cxx(
        "void f(int n, double *a) { for (int i = 0; i < n; i++) { if (a[i] < 0) throw 1; a[i] = 0; } }"
    )
    assert unknowns(found) or problems(found.root)


def test_pointers_into_local_containers_and_arrays() -> None:
    found = nests(
        "void f(int n) { double a[100]; double *p = &a[3]; if (n > 2) p = p + 1; for (int i = 0; i < n; i++) a[i] = p[i]; }"
    )[0]
    assert found.array("a").storage == "pointed"
    assert not apart(found, "a", "p")
    found = cxx(
        VECTOR + "void f(int n) { std::vector<double> a(n); double *p = &a[0]; if (n > 2) p = p + 1;"
        " for (int i = 0; i < n; i++) a[i] = p[i]; }"
    )
    assert found.array("a").storage == "pointed"
    assert not apart(found, "a", "p")
    found = cxx(
        VECTOR
        + "void f(int n) { std::vector<double> a(n); double &r = a[3]; for (int i = 0; i < n; i++) a[i] = r; }"
    )
    assert found.array("a").storage == "pointed"
    assert not apart(found, "a", "r")
    found = nest(
        "struct S { double v[9]; }; void g(double *); void f(int n, double *q) { struct S s; double *p = s.v; if (n) p = p + 1;"
        " for (int i = 0; i < n; i++) s.v[i] = p[i]; }"
    )
    assert not apart(found, "p", "s.v")
    assert found.array("s.v").storage == "pointed"


def test_conditional_assignments_inside_expressions_are_refused() -> None:
    for text in ("if (a[i] > 0 && (s = 1)) a[i] = s;", "a[i] = i > 3 ? (s = 2) : 1;", "i > 2 || c++;"):
        found = nest(
            f"void f(int n, double *a) {{ double s = 0; int c = 0; for (int i = 0; i < n; i++) {{ {text} }} }}"
        )
        assert "only under a condition" in unknowns(found), text


def test_unsigned_guards_that_wrap_are_not_exact() -> None:
    def guarded(condition: str) -> bool:
        found = nest(
            "void f(unsigned n, unsigned m, int s, double *a) { for (unsigned i = 0; i < n; i++)"
            f" if ({condition}) a[i] = 0; }}"
        )
        return found.root.statements()[-1].exact_guards

    assert guarded("i > 0")
    assert guarded("i + 1 < m")
    assert not guarded("i - 1 >= 0")
    assert not guarded("i < s")
    assert not guarded("i < m - 1")


def test_sizes_that_may_change_are_no_parameters() -> None:
    stored = nest("int n; void f(int *p, double *a) { for (int i = 0; i < n; i++) p[i] = 0; }")
    assert stored.root.upper is None
    kept = nest("int n; void f(double *p) { for (int i = 0; i < n; i++) p[i] = 0; }")
    assert bounds(kept.root) == "i: 0 <= . < n step 1"
    member = "typedef struct { int n; int *v; double *w; } G; void f(G *g, G *h) { for (int i = 0; i < g->n; i++) %s; }"
    assert nest(member % "g->v[i] = 0").root.upper is None
    assert nest(member % "h->n = i").root.upper is None
    assert nest(member % "*g = *h").root.upper is None
    assert bounds(nest(member % "g->w[i] = 0").root) == "i: 0 <= . < g_n step 1"
    through = nest("void f(int n, char *c, int *q) { q = &n; for (int i = 0; i < n; i++) q[i] = 0; }")
    assert through.root.upper is None


def test_constants_of_c_and_cxx() -> None:
    assert bounds(
        nest("enum { N = 12 }; void f(double *a) { for (int i = 0; i < N; i++) a[i] = 0; }").root
    ) == ("i: 0 <= . < 12 step 1")
    found = cxx(
        "constexpr int N = 3 * 5; static const int M = N; void f(double *a) { const int k = M + 1; for (int i = 0; i < k; i += 2) a[i] = 0; }"
    )
    assert bounds(found.root) == "i: 0 <= . < 16 step 2"
    assert not found.parameters


def test_odd_programs_do_not_raise() -> None:
    for source in (
        "void f(int n) { for (int i = 0; i < n; i++) ; }",
        "void f(int n) { for (;;) for (;;) { } }",
        "void f(int n, int *a) { do a[n]--; while (a[n]); }",
        "void f(int n, int *a) { while (n--) *a++ = n; }",
        "void f(int n, int **a) { for (int i = 0; i < n; i++) for (int *p = a[i]; *p; p++) *p = 0; }",
        "struct L { struct L *next; int v; }; void f(struct L *l) { for (; l; l = l->next) l->v = 0; }",
        "void f(int n, double a[n][n]) { for (int i = 0, j = n; i < j; i++, j--) a[i][j] = 0; }",
        "void f(int n, int *a) { for (int i = 0; i < n; i++) switch (a[i]) { case 0: for (int j = 0; j < n; j++) a[j] = 1; default: break; } }",
        "void f(n, a) int n; double *a; { for (int i = 0; i < n; i++) a[i] = 0; }",
        "void f(int n, double *a) { int i; for (i = 0; i < n; i++) lab: a[i] = 0; if (n) goto lab; }",
        "void f(int n, double (*a)[]) { for (int i = 0; i < n; i++) (*a)[i] = 0; }",
        "void f(int n, _Complex double *a) { for (int i = 0; i < n; i++) a[i] = a[i] * 2.0; }",
        'const char *f(int n, char *a) { for (int i = 0; i < n; i++) a[i] = "hello"[i % 5]; return a; }',
    ):
        nests(source)
    for source in (
        "template <class T> void f(int n, T *a) { for (int i = 0; i < n; i++) a[i] = T(); } template void f<int>(int, int *);",
        "struct A { int v[3]; A() { for (int i = 0; i < 3; i++) v[i] = i; } ~A() { for (int &x : v) x = 0; } };",
        VECTOR + "void f(std::vector<int> v) { for (auto it = v.begin(); it != v.end(); ++it) *it = 0; }",
        "namespace { namespace b { void f(int n, int *a) { for (auto i = 0; i < n; ++i) a[i] = [=] { return i; }(); } } }",
        "#include <algorithm>\n"
        "void f(int n, double *a) { std::for_each(a, a + n, [](double &x) { for (int i = 0; i < 3; i++) x += i; }); }",
        "void f(int n, int *a) { try { for (int i = 0; i < n; i++) a[i] = 1; } catch (...) { } if (int k = n) for (int i = 0; i < k; i++) a[i] = 2; }",
    ):
        nests(source, Language.CXX)
