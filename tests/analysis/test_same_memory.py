"""Two names for one memory: members of base classes, untyped pointers, placement, mappings, aliases.

Each way stands beside ordinary code that stays proved.
"""

from __future__ import annotations

import pytest
from frontend_reading import nests, proved

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Language
from loopwright.core.tree import Tree


def cxx(source: str, function: str = "main") -> bool:
    return proved(source, Language.CXX, function)


SHIFTED = "for (int i = 1; i < n; i++) x[i] = y[i - 1] + 1;"


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("SET set(&d, d.q);", False),
        ("MADE Made e(d.q);", False),
        ("Base *b = &d; b->p = d.q;", False),
        ("Base &b = d; b.p = d.q;", False),
        ("d.Base::p = d.q;", False),
        ("Derived e{{d.q}, d.p};", False),
        ("memset(&d, 0, sizeof d);", False),
        ("Base *b = &d; b->n = 3;", True),
        ("static_cast<Derived *>(static_cast<Base *>(&d))->m = 3;", True),
        ("Derived e{}; e.m = 3;", True),
    ],
)
def test_a_member_of_a_base_class_is_one_whatever_the_object_is_seen_as(before: str, expected: bool) -> None:
    declared = {
        "SET": "static void set(Base *b, double *a) { b->p = a; }",
        "MADE": "struct Made : Base { Made(double *a) : Base{a} {} };",
    }.get(before.split()[0], "")
    before = before.removeprefix("SET ").removeprefix("MADE ")
    source = f"""#include <string.h>
struct Base {{ double *p; int n; }}; struct Derived : Base {{ double *q; int m; }};
{declared}
int main(int n, char **) {{ Derived d; d.p = new double[n](); d.q = new double[n](); {before}
double *x = d.p, *y = d.q; {SHIFTED} }}"""
    assert cxx(source) is expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("d.B::x", "d.x", False), ("d.base()", "d.x", False), ("d.z", "d.x", True), ("d.B::z", "d.z", True)],
)
def test_two_members_of_one_name(first: str, second: str, expected: bool) -> None:
    source = f"""struct B {{ double x, z; double base() const {{ return x; }} }};
struct D : B {{ double x; }};
void f(int n, const double *__restrict a, double *__restrict b) {{ D d; d.x = 0; d.z = 0; d.B::x = 0;
for (int i = 0; i < n; i++) {{ {second} = a[i]; b[i] = {second} + {first}; }} }}"""
    assert cxx(source, "f") is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("void *v = &s; double **first = v; *first = s.q;", False),
        ("void *v; v = &s; first_of(v, s.q);", False),
        ("void *v[2]; v[0] = &s; double **first = v[0]; *first = s.q;", False),
        ("double **first = same(&s); *first = s.q;", False),
        ("uintptr_t at = (uintptr_t)&s; double **first = (double **)at; *first = s.q;", False),
        ("void *v = &s; struct S *again = v; again->n = 3;", True),
        ("double **rows = malloc(9 * sizeof *rows); rows[0] = s.q;", True),
        ("void *v = &s; set_size(v);", True),
    ],
)
def test_a_struct_that_is_kept_without_its_type(before: str, expected: bool) -> None:
    source = f"""#include <stdlib.h>
#include <stdint.h>
struct S {{ double *p, *q; int n; }};
static void first_of(double **first, double *q) {{ *first = q; }}
static void *same(void *v) {{ return v; }}
static void set_size(void *v) {{ struct S *s = v; s->n = 3; }}
int main(int n, char **a) {{ struct S s; s.p = calloc(n, 8); s.q = calloc(n, 8); {before}
double *x = s.p, *y = s.q; {SHIFTED} }}"""
    assert proved(source, function="main") is expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("new (buf) double[n]", False),
        ("::new (static_cast<void *>(buf)) double[n]", False),
        ("new double[n]", True),
        ("::new double[n]()", True),
        ("new (std::nothrow) double[n]", True),
        ("new (std::align_val_t(64)) double[n]", True),
    ],
)
def test_only_new_without_a_place_gives_memory_of_its_own(made: str, expected: bool) -> None:
    source = f"#include <new>\nvoid f(int n, char *buf) {{ double *x = {made}, *y = {made}; {SHIFTED} }}"
    assert cxx(source, "f") is expected


@pytest.mark.parametrize(
    ("at", "flags", "expected"),
    [
        ("0", "MAP_SHARED, fd", False),
        ("(void *)4096", "MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1", False),
        ("0", "flags, fd", False),
        ("NULL", "MAP_PRIVATE | MAP_ANONYMOUS, -1", True),
        ("0", "MAP_ANONYMOUS | MAP_SHARED | MAP_POPULATE, -1", True),
    ],
)
def test_two_mappings_of_one_file(at: str, flags: str, expected: bool) -> None:
    call = f"mmap({at}, 8L * n, PROT_READ | PROT_WRITE, {flags}, 0)"
    source = f"""#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
void f(int n, int fd, int flags) {{ double *x = {call}, *y = {call}; {SHIFTED} }}"""
    assert proved(source) is expected


def test_an_allocator_of_the_program_itself_may_give_one_memory_twice() -> None:
    source = f"""NAMED
void f(int n) {{ double *x = valloc(8 * n), *y = valloc(8 * n); {SHIFTED} }}"""
    own = "double pool[99]; int used; static void *valloc(int n) { used += n; return pool; }"
    assert not proved(source.replace("NAMED", own))
    assert proved(source.replace("NAMED", "#include <stdlib.h>"))
    by_hand = source.replace("NAMED", "void *malloc(unsigned long);").replace("valloc", "malloc")
    assert proved(by_hand), "a name that C reserves"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ('double x[99]; extern double y[99] __attribute__((alias("x")));', False),
        ('double y[99]; extern double x[99] __attribute__((__alias__("y")));', False),
        ('double x[99]; extern double y[99] __asm__("x");', False),
        ('double x[99]; static double y[99] __attribute__((weakref("x")));', False),
        ("double x[99]; extern double y[99];", True),
        ('double x[99]; static double y[99] __attribute__((aligned(64), used, section("fast")));', True),
    ],
)
def test_a_variable_that_is_another_name_of_one(declared: str, expected: bool) -> None:
    assert proved(f"{declared} void f(int n) {{ {SHIFTED} }}") is expected


def test_a_number_that_changes_under_another_name() -> None:
    source = """int n; extern int m MARK;
void f(double *x) { for (int i = 0; i < n; i++) { x[i] = 1; m = 3; } }"""
    assert not proved(source.replace("MARK", '__attribute__((alias("n")))'))


def test_a_type_that_a_header_lets_share_memory() -> None:
    source = (
        b'#include "bits.h"\nvoid f(int n, float *x, bits *y) { for (int i = 1; i < n; i++) x[i] = y[i]; }'
    )
    for attribute, expected in ((b"", True), (b"__attribute__((__may_alias__)) ", False)):
        tree = Tree({"t.cpp": source, "bits.h": b"typedef int " + attribute + b"bits;"})
        (nest,) = read_nests(tree, ["t.cpp"], Language.CXX).nests
        assert (analyse(nest).loops[nest.root.id].parallel is Answer.PROVED) is expected
        assert any(p.by_type for p in nest.pointers) is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("slot() = y;", False),
        ("(n ? x : z) = y;", False),
        ("(n = 3, x) = y;", False),
        ("(x = z) = y;", False),
        ("double **at = &(n ? x : z); *at = y;", False),
        ("auto name = [&] { double *&r = x; r = y; }; name();", False),
        ("[&]() -> double *& { return x; }() = y;", False),
        ("double *w = n ? x : z; w[0] = 3;", True),
        ("(n ? n : n) = 3;", True),
    ],
)
def test_a_pointer_that_is_set_by_way_of_another_lvalue(before: str, expected: bool) -> None:
    source = f"""static double *x, *y;
static double *&slot() {{ return x; }}
int main(int n, char **) {{ double *z = new double[n]; x = new double[n]; y = new double[n]; {before}
{SHIFTED} }}"""
    if "slot" not in before:
        source = source.replace("static double *&slot() { return x; }", "")
    assert cxx(source) is expected


@pytest.mark.parametrize(
    ("declared", "parameters", "loop", "expected"),
    [
        ("", "double *d, const int *k", "for (int i = n - 1; i >= 0; i--) d[i] = k[i];", False),
        ("", "const double *d, int *k", "for (int i = 0; i < n; i++) k[i] = d[i];", False),
        ("", "double *d, int *k", "for (int i = 0; i < n; i++) { d[i] = i; k[2 * i] = i; }", False),
        ("", "double *d, struct S *k", "for (int i = n - 1; i >= 0; i--) d[i] = k[i].m;", False),
        ("", "double *d, const int *k", "for (int i = 0; i < n; i++) d[i] += k[i];", True),
        ("", "double *d, const int *k", "for (int i = 0; i < n; i++) d[i] = d[i] + k[i];", True),
        ("", "double *d, const int *k", "for (int i = 0; i < n; i++) d[i] = *k;", True),
        ("", "double *d, struct S *k", "for (int i = 0; i < k->m; i++) d[i] = k->m;", True),
        ("", "double **d, int n2", "for (int j = 0; j < n2; j++) d[0][j] = 1;", True),
        ("static double d[99];", "const int *k", "for (int i = n - 1; i >= 0; i--) d[i] = k[i];", True),
        ("", "double *restrict d, const int *k", "for (int i = 0; i < n; i++) d[i] = k[i];", True),
    ],
)
def test_memory_that_gets_another_type_while_it_is_read(
    declared: str, parameters: str, loop: str, expected: bool
) -> None:
    source = f"{declared} struct S {{ int m; }}; void f(int n, {parameters}) {{ {loop} }}"
    assert proved(source) is expected
    if "restrict" not in source and expected is False:
        assert cxx(source, "f"), "in C++ an assignment makes no object of another type"


def test_restrict_is_no_promise_about_memory_that_gets_another_type() -> None:
    source = "void f(int n, double *d, int *k) { for (int i = n - 1; i >= 0; i--) d[i] OP k[i]; }"
    for op, expected in (("=", False), ("+=", True)):
        (nest,) = nests(source.replace("OP", op))
        assert [not p.reason for p in nest.pointers] == [expected, expected]


@pytest.mark.parametrize(
    ("kept", "used", "expected"),
    [
        ("kept = v.data(); return v;", "x[i] = kept[i - 1]", False),
        ("kept = v.data(); auto moved = std::move(v); return moved;", "x[i] = kept[i - 1]", False),
        ("std::vector<double> w(9); kept = w.data(); return v;", "x[i] = kept[i - 1]", True),
        ("double *p = v.data(), *q = w.data(); for (int i = 1; i < n; i++) p[i] = q[i]; return v;", "", True),
    ],
)
def test_what_a_function_returns_owns_what_its_local_object_did(kept: str, used: str, expected: bool) -> None:
    source = f"""#include <vector>
static double *kept; static std::vector<double> w(9);
static std::vector<double> make(int n) {{ std::vector<double> v(n); {kept} }}
int main(int n, char **) {{ auto x = make(n); for (int i = 1; i < n; i++) {used}; }}"""
    assert cxx(source) is expected
    assert "for" not in kept or cxx(source, "make")


@pytest.mark.parametrize(
    ("declared", "name", "calls", "expected"),
    [
        ("virtual void run(int, double *, double *);", "run", "A *b = &k; b->run(n, x, x);", False),
        ("", "operator()", "std::function<void(int, double *, double *)> g = k; g(n, x, x);", False),
        ("", "run", "", True),
    ],
)
def test_calls_that_do_not_name_the_function(declared: str, name: str, calls: str, expected: bool) -> None:
    source = f"""{"#include <functional>" if "std::" in calls else ""}
struct A {{ {declared} }};
struct K : A {{ void {name}(int n, double *x, double *y) {{ {SHIFTED} }} }};
int main(int n, char **) {{ K k; double *x = new double[n](), *y = new double[n]();
k.{name}(n, x, y); {calls} }}"""
    assert cxx(source, name.removesuffix("()")) is expected


def test_a_constructor_may_be_inherited() -> None:
    source = f"""struct B {{ B(int n, double *x, double *y) {{ {SHIFTED} }} }};
struct D : B {{ using B::B; }};
int main(int n, char **) {{ double *x = new double[n](), *y = new double[n]();
B b(n, x, y); D d(n, x, x); }}"""
    assert not cxx(source, "B")


@pytest.mark.parametrize(("given", "expected"), [("y, x", False), ("x, y", False)])
def test_a_pair_of_pointers_holds_what_it_is_made_of(given: str, expected: bool) -> None:
    source = f"""#include <utility>
using Two = std::pair<double *, double *>;
int main(int n, char **) {{ double *x = new double[n](), *y = new double[n](); Two p({given}), q(x, x);
p.first = new double[n](); q.second = new double[n]();
for (int i = 1; i < n; i++) p.second[i] = q.first[i - 1]; }}"""
    assert cxx(source) is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("double *U::*which = &U::p; u.*which = y;", False),
        ("auto &[first, second] = u; first = second;", False),
        ("auto set = [&] { auto &[first, second] = u; first = second; }; set();", False),
        ("auto [first, second] = u; first = second;", True),
        ("U v; v.p = y;", False),
        ("u.p[0] = 3;", True),
    ],
)
def test_members_that_are_set_by_another_name(before: str, expected: bool) -> None:
    source = f"""struct U {{ double *p, *q; }};
int main(int n, char **) {{ U u; double *y = new double[n](); u.p = new double[n](); u.q = y; {before}
for (int i = 1; i < n; i++) u.p[i] = u.q[i - 1] + 1; }}"""
    assert cxx(source) is expected
