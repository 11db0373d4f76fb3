"""The program that is analysed is the whole one that is built: uncalled and oddly placed code too."""

from __future__ import annotations

import frontend_reading
import pytest

from loopwright.analysis.data_plan import data_plan
from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.core.task import Language
from loopwright.core.tree import Tree


def proved(source: str, language: Language = Language.CXX, function: str = "f") -> bool:
    return frontend_reading.proved(source, language, function)


SHIFT = "for (int i = 1; i < n; i++) a[i] = b[i - 1] + 1;"
CALLED = {
    "a constructor": f"struct S {{ S(int n, double *a, double *b) {{ {SHIFT} }} }};"
    "int main() { static double x[9], y[9]; S s(9, x, y); }",
    "an operator": f"struct S {{ void operator()(int n, double *a, double *b) {{ {SHIFT} }} }};"
    "int main() { static double x[9], y[9]; S s; s(9, x, y); }",
    "what overload resolution finds": f"struct T {{ int n; }}; void swap(T t, double *a, double *b) "
    f"{{ int n = t.n; {SHIFT} }} int main() {{ static double x[9], y[9]; swap(T{{9}}, x, y); }}",
    "a template argument": "template <void (*F)(int, double *, double *)> void run(double *x) { F(9, x, x); }"
    f"static void f(int n, double *a, double *b) {{ {SHIFT} }}"
    "int main() { static double x[9], y[9]; f(9, x, y); run<f>(x); }",
}
CALLED_BY_NAME = {
    "a function": f"static void f(int n, double *a, double *b) {{ {SHIFT} }}"
    "int main() { static double x[9], y[9]; f(9, x, y); }",
    "a method": f"struct S {{ void f(int n, double *a, double *b) {{ {SHIFT} }} }};"
    "int main() { static double x[9], y[9]; S s; s.f(9, x, y); }",
    "an instance": f"template <class T> static void f(int n, T *a, T *b) {{ {SHIFT} }}"
    "int main() { static double x[9], y[9]; f(9, x, y); }",
}
NAMES = {"a constructor": "S", "an operator": "operator", "what overload resolution finds": "swap"}


@pytest.mark.parametrize("name", CALLED)
def test_templates_of_the_library_may_call_it_too(name: str) -> None:
    assert not proved(CALLED[name], function=NAMES.get(name, "f"))


@pytest.mark.parametrize("name", CALLED_BY_NAME)
def test_what_is_called_by_name_is_called_where_the_name_stands(name: str) -> None:
    assert proved(CALLED_BY_NAME[name])


POINTERS = "static double *a = new double[99](), *b = new double[99]();\n"
LOOP = f"\nvoid f(int n) {{ {SHIFT} }}\nint main() {{ f(99); }}"
HIDDEN = {
    "a block that catches": "void share() try { a = b; } catch (...) { }",
    "a constructor that catches": "struct S { int k; S() try : k(0) { a = b; } catch (...) { } };",
    "a friend": "struct S { friend void share(S) { a = b; } };",
    "a union": "union U { int k; void share() { a = b; } };",
    "a local class": "void share() { struct L { void go() { a = b; } }; L().go(); }",
    "a nested class": "struct S { struct T { static void go() { a = b; } }; };",
    "a default argument": "void share(double *x = (a = b)) { }",
    "an initial value in a class": "struct S { double *p = (a = b); };",
    "an initial value of a static": "struct S { static inline double *p = (a = b); };",
    "an initial value of a base": "struct B { B(double *) { } }; struct S : B { S() : B(a = b) { } };",
    "a destructor of a template": "template <class T> struct S { T k; ~S() { a = b; } };",
    "an operator of a template": "template <class T> struct S { bool operator<(S) { a = b; return 1; } };",
    "a template called by one": "template <class T> void share(T) { a = b; }"
    "template <class T> struct S { T k; ~S() { share(k); } };",
    "a specialisation": "template <class T> void share(T) { } template <> void share(int) { a = b; }",
    "a template handed on": "template <class T> void share(T) { a = b; } void (*held)(int) = share<int>;",
    "a lambda in a default argument": "void share(int x = [] { a = b; return 1; }()) { }",
    "an anonymous namespace": "namespace { struct S { S() { a = b; } }; }",
    "an inline namespace": 'inline namespace v { extern "C" { void share() { a = b; } } }',
    "a thread's own variable": "thread_local double *mine = (a = b);",
}
OPEN = {
    "a class": "struct S { double *p = nullptr; S() { p = b; } };",
    "a default argument": "void share(double *x = b, int k = 3) { }",
    "a destructor of a template": "template <class T> struct S { T *a; ~S() { delete[] a; } };",
    "a method that nobody calls": "template <class T> struct S { void share() { a = b; } };",
    "a size": "void g(int n) { typedef double row[n]; row r; r[0] = 0; }",
    "a type": "void g() { decltype(a) c = b; (void)c; }",
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_an_assignment_in_an_odd_place_counts(name: str) -> None:
    assert not proved(POINTERS + HIDDEN[name] + LOOP)


@pytest.mark.parametrize("name", OPEN)
def test_odd_places_that_change_nothing_are_no_matter(name: str) -> None:
    assert proved(POINTERS + OPEN[name] + LOOP)


HEAD = "void f(int n, double *a) { int k = 0; "
ADD = "for (int i = 0; i < n; i++) a[i + k] = a[i] + 1; }"
IF = {
    "if (k = 5; n > 3) a[0] = 1;": False,
    "if (k = 5; n > 3) { a[0] = 1; } else a[0] = 2;": False,
    "switch (k = 5; n) { case 1: a[0] = 1; }": False,
    "for (double t[2] = {}; double x : (k = 5, t)) a[0] = x;": False,
    "if (n > 3) a[0] = 1; else a[0] = 2;": True,
    "if (n > 5) a[0] = 1; else if (n > 3) a[0] = 2; else a[0] = 3;": True,
}


@pytest.mark.parametrize("before", IF)
def test_an_init_statement_is_no_condition(before: str) -> None:
    assert proved(HEAD + before + ADD) is IF[before]


@pytest.mark.parametrize(("part", "expected"), [("x = 0; x > i", False), ("x > i", True)])
def test_an_init_statement_in_a_loop_is_run(part: str, expected: bool) -> None:
    source = "void f(int n, int *a, int x) { for (int i = 0; i < n; i++) if (PART) a[i] = 1; else a[i] = x; }"
    assert proved(source.replace("PART", part)) is expected


AT = """#include <vector>
void f(int n, std::vector<int> &v) { for (int i = 0; i < n; i++) v.at(i) = i; }
int main() { std::vector<int> v(5); CALL }"""


def test_what_at_throws_may_be_caught_by_a_caller() -> None:
    assert not proved(AT.replace("CALL", "try { f(9, v); } catch (...) { return 1; }"))
    assert proved(AT.replace("CALL", "f(9, v);"))


OWNERS = """#include <memory>
#include <vector>
static long total; struct S { int v; DESTRUCTOR };
struct U { int k; std::unique_ptr<S> s; };
struct V { int k; std::vector<S> s; };
struct P { int k; std::pair<S, int> s; };
void u(int n, int *x) { for (int i = 0; i < n; i++) { U h = {i}; x[i] = h.k; } }
void v(int n, int *x) { for (int i = 0; i < n; i++) { V h = {i}; x[i] = h.k; } }
void p(int n, int *x) { for (int i = 0; i < n; i++) { P h = {i}; x[i] = h.k; } }"""


def test_what_an_owner_destroys_may_run_code() -> None:
    found = frontend_reading.nests(OWNERS.replace("DESTRUCTOR", "~S() { total += v; }"), Language.CXX)
    answers = {n.function: analyse(n).loops[n.root.id].parallel for n in found}
    assert set(answers) == set("uvp")
    assert Answer.PROVED not in answers.values()


CHANGES = {
    "(n, k) = 5;": False,
    "(m = 1, k) += 5;": False,
    "++(n, k);": False,
    "int *p = &(n, k); *p = 5;": False,
    "int &p = n > 3 ? k : m; p = 5;": False,
    "(n, m) = k;": True,
    "int &p = n > 3 ? m : n; p = 5;": True,
}


@pytest.mark.parametrize("before", CHANGES)
def test_an_lvalue_may_be_one_of_several(before: str) -> None:
    assert proved("void f(int n, double *a) { int k = 0, m = 0; " + before + ADD) is CHANGES[before]


POINTED = {
    "void g(int n) { double *c = b; (n ? a : c) = b; }": False,
    "void g(int n) { (n, a) = b; }": False,
    'extern double *c __attribute__((alias("a"))); void g() { c = b; }': False,
    'extern double *c asm("a"); void g() { c = b; }': False,
    "void g(int n) { double *c = 0; (n, c) = b; }": True,
    'void g() { asm("nop"); }': True,
}


@pytest.mark.parametrize("other", POINTED)
def test_a_pointer_is_changed_by_another_name(other: str) -> None:
    assert proved(POINTERS + other + LOOP) is POINTED[other]


def test_a_pointer_to_a_member_names_it() -> None:
    source = f"""struct S {{ double *p; }}; static S s = {{new double[9]()}};
    static double *b = new double[9]();
    void g() {{ double *S::*m = &S::p; s.*m = b; }} void f(int n) {{ {SHIFT.replace("a[", "s.p[")} }}
    int main() {{ g(); f(9); }}"""
    assert not proved(source)
    assert proved(source.replace("s.*m = b", "*(s.*m) = 1").replace("&S::p", "nullptr"))


def test_a_binding_outside_of_functions_names_members() -> None:
    source = f"""struct S {{ double *p, *q; }}; static S s{{new double[9](), new double[9]()}};
    static auto &[first, second] = s; void f(int n) {{ first = second;
    {SHIFT.replace("a[", "s.p[").replace("b[", "s.q[")} }} int main() {{ f(9); }}"""
    assert not proved(source)
    assert proved(source.replace("static auto &[first, second] = s;", "double *first, *second;"))


def test_a_method_of_a_template_overrides_one_that_is_called() -> None:
    source = f"""struct S {{ double *p, *q; }}; struct B {{ virtual void go(S &) {{}} }};
    template <class T> struct D : B {{ void go(T &s) override {{ s.p = s.q; }} }};
    void run(B &b, S &s) {{ b.go(s); }}
    void f(int n) {{ S s; s.p = new double[n](); s.q = new double[n](); D<S> d; run(d, s);
    {SHIFT.replace("a[", "s.p[").replace("b[", "s.q[")} }} int main() {{ f(9); }}"""
    assert not proved(source)
    assert proved(source.replace("template <class T> struct D : B", "//").replace("D<S> d", "B d"))


EACH = {
    "char t[sizeof(int[++k])]; x[i] = sizeof t;": False,
    "D d{.w = 1}; x[i] = d.w;": False,
    "x[i] = va_arg(l, int);": False,
    "E e{.w = 1}; x[i] = e.w;": True,
    "char t[m]; x[i] = sizeof t;": True,
}


@pytest.mark.parametrize("body", EACH)
def test_each_iteration_does_what_it_names(body: str) -> None:
    source = f"""#include <stdarg.h>
static int total; struct D {{ int v = ++total, w; }}; struct E {{ int v = 3, w; }};
void f(int n, int m, int *x, ...) {{ int k = 0; va_list l; va_start(l, x);
  for (int i = 0; i < n; i++) {{ {body} }} va_end(l); }}"""
    assert proved(source) is EACH[body]


WITH_K = "%s\nint f(int *a, int n) { for (int i = 0; i < n; i++) a[i + K] = a[i] + 1; return a[n]; }"
CONDITIONS = {
    "#ifdef __clang__\n#define K 0\n#else\n#define K 1\n#endif": False,
    "#ifdef _OPENMP\n#define K 1\n#else\n#define K 0\n#endif": False,
    "#define NEW (__GNUC__ > 4)\n#if NEW\nenum { K = 1 };\n#else\nenum { K = 0 };\n#endif": False,
    "#if defined(__GNUC__) && __GNUC__ > 9\nconst int K = 1;\n#else\nconst int K = 0;\n#endif": False,
    "#define K (__OPTIMIZE__ - 1)": False,
    "#ifdef __SSE2__\n#define K 0\n#else\n#define K 1\n#endif": True,
    "#ifdef __AVX2__\n#define WIDE 4\n#else\n#define WIDE 0\n#endif\nenum { K = WIDE };": False,
    "#if __has_builtin(x)\n#define X\n#endif\n#ifdef X\n#define K 0\n#else\n#define K 1\n#endif": False,
    "#ifdef _OPENMP\n#include <omp.h>\n#endif\n#define K 0": True,
    "#ifdef __GNUC__\n#define K 0\n#else\n#define K 1\n#endif": True,
    "#ifndef __T_H__\n#define __T_H__\n#define K 0\n#endif": True,
    "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n#include <stdlib.h>\n#define K 0": True,
    "#ifdef _OPENMP\n#pragma message(\"threads\")\n#endif\n#define K 0": True,
    "#ifdef __project_float__\ntypedef float real;\n#else\ntypedef int real;\n#endif\n#define K 0": True,
    "#ifdef __CUDA_ARCH__\n#define K 1\n#else\n#define K 0\n#endif": True,
    "#ifdef __clang__\n#define UNROLL 4\n#endif\n#define K 0": True,
    "#if defined(__GNUC__) && __GNUC__ >= 3\n#define K 0\n#else\n#define K 1\n#endif": True,
    "#if __GNUC__ * 100 + __GNUC_MINOR__ >= 700\n#define K 0\n#else\n#define K 1\n#endif": False,
    "#if __clang_major__ > 19\n#define K 0\n#else\n#define K 1\n#endif": False,
    "#ifdef NDEBUG\n#define K 1\n#else\n#define K 0\n#endif": True,
    "#ifdef VERBOSE\n#define K 1\n#else\n#define K 0\n#endif": True,
}  # fmt: skip


@pytest.mark.parametrize("head", CONDITIONS)
def test_another_compiler_may_read_another_program(head: str) -> None:
    assert proved(WITH_K % head, Language.C) is CONDITIONS[head]


NOW = """#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif
static double now(void) {
#ifdef _OPENMP
  return omp_get_wtime();
#else
  return (double)clock() / CLOCKS_PER_SEC;
#endif
}
static double *a, *b;
static void share(void) {
#ifdef __clang__
  REST
#endif
}
void f(int n) { double start = now(); for (int i = 1; i < n; i++) a[i] = b[i - 1] + start; }
#include <stdlib.h>
int main(void) { a = calloc(9, 8); b = calloc(9, 8); share(); f(9); }"""


def test_a_clock_that_depends_on_the_compiler_is_no_matter() -> None:
    assert proved(NOW.replace("REST", ""), Language.C)
    assert not proved(NOW.replace("REST", "a = b;"), Language.C)


THREADS = """#include <stdio.h>
#ifdef _OPENMP
#include <omp.h>
#endif
void f(int *a, int n) {
  int k = 0, w = 1, count = 0;
#ifdef _OPENMP
  FIRST
#else
  SECOND
#endif
  for (int i = 0; i < n; i++) a[i + k] = a[i] + w;
  printf("%d %d", a[n], count);
}"""
BRANCHES = {
    ('printf("%d threads", omp_get_max_threads());', ""): True,
    ("count = 5;", "count = 6;"): True,
    ("double start = omp_get_wtime(); (void)start;", ""): True,
    ("k = 1;", ""): False,
    ("int *p = &k; *p = 1;", ""): False,
    ("if (n > 5)", ""): False,
    ("", "if (n > 5)"): False,
}


@pytest.mark.parametrize(("first", "second"), BRANCHES)
def test_conditional_statements_change_what_they_name(first: str, second: str) -> None:
    source = THREADS.replace("FIRST", first).replace("SECOND", second)
    assert proved(source, Language.C) is BRANCHES[first, second]


SHOWN = """#include <stdlib.h>
static void show(double *a) {
#ifdef __clang__
#else
  REST
#endif
}
int main(void) {
  int n = 1000;
  double *a = calloc(n, 8), *b = calloc(n, 8);
  for (int t = 0; t < 9; t++) {
    for (int i = 0; i < n; i++) a[i] = b[i] + 1;
    show(a);
    for (int i = 0; i < n; i++) b[i] = a[i];
  }
}"""


@pytest.mark.parametrize(("rest", "expected"), [("a[3] = 7;", False), ("if (a)", False), ("", True)])
def test_nothing_stays_on_a_device_while_the_host_may_use_it(rest: str, expected: bool) -> None:
    source = SHOWN.replace("REST", rest).encode()
    plan = data_plan(Tree({"t.c": source}), ["t.c"], Language.C)
    around = source.index(b"for (int t")
    assert any(region.span.start == around for region in plan.regions) is expected
