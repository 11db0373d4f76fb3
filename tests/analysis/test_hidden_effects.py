"""What a loop does without an assignment in its text: nothing is proved about it, as nobody has looked."""

from __future__ import annotations

import pytest
from frontend_reading import nests

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.core.task import Language

VECTOR = "#include <vector>\n"
LOGGER = '# 1 "logger.h" 1 3\nstruct Logger { int count; void log(int) { ++count; } };\n# 2 "t.cpp" 2\n'


def outer(source: str, language: Language = Language.CXX) -> Answer:
    (found,) = nests(source, language)
    return analyse(found).loops[found.root.id].parallel


@pytest.mark.parametrize("what", ["s[i].total += s[i].v", "S::total += s[i].v", "s[i].total = s[n - i].v"])
def test_a_static_member_is_one_variable(what: str) -> None:
    loop = f"for (int i = 0; i < n; i++) {{ {what}; x[i] = S::total; }}"
    source = f"struct S {{ static int total; int v; }}; void f(int n, S *s, double *x) {{ {loop} }}"
    assert outer(source) is not Answer.PROVED


def test_a_static_member_that_is_only_read_does_no_harm() -> None:
    source = "struct S { static int total; int v; };"
    loop = "void f(int n, S *s, double *x) { for (int i = 0; i < n; i++) x[i] = s[i].total; }"
    assert outer(f"{source} {loop}") is Answer.PROVED


FIRST = "static double first(double x, int y) { return x; }"
ARGUMENT = """void f(int n, const double *restrict a, double *restrict b) {
  for (int i = 0; i < n; i++) b[i] = first(a[i], ARG); }"""


def test_a_call_for_an_argument_that_is_not_used_still_happens() -> None:
    bump = f"int bump(void); {FIRST} {ARGUMENT}"
    assert outer(bump.replace("ARG", "bump()"), Language.C) is not Answer.PROVED
    assert outer(bump.replace("ARG", "i + 1"), Language.C) is Answer.PROVED


def test_a_pure_call_for_an_argument_that_is_not_used_may_go() -> None:
    source = f"#include <math.h>\n{FIRST} {ARGUMENT}"
    assert outer(source.replace("ARG", "sqrt(a[i])"), Language.C) is Answer.PROVED


def test_a_method_is_not_pure_by_its_name() -> None:
    loop = "void f(int n, double *x, Logger &l) { for (int i = 0; i < n; i++) { l.log(i); x[i] = i; } }"
    assert outer(LOGGER + loop) is not Answer.PROVED
    plain = "void f(int n, double *x) { for (int i = 0; i < n; i++) x[i] = std::log(i); }"
    assert outer("#include <cmath>\n" + plain) is Answer.PROVED


BITS = "struct S { unsigned a : 4, b : 4; int k, l; };"
APART = """void f(int n, int h, struct S *s) {
  for (int i = 0; i < n; i++) { if (i < h) s[i].FIRST = 5; if (i >= h) s[i - h].SECOND = 6; } }"""


@pytest.mark.parametrize("language", list(Language)[:2])
def test_two_bit_fields_are_one_memory(language: Language) -> None:
    source = f"{BITS} {APART}"
    assert outer(source.replace("FIRST", "a").replace("SECOND", "b"), language) is not Answer.PROVED
    assert outer(source.replace("FIRST", "k").replace("SECOND", "l"), language) is Answer.PROVED


def test_a_bit_field_does_not_hold_what_its_type_does() -> None:
    source = f"""{BITS} unsigned f(int n, const int *x) {{ struct S s = {{0}};
      for (int i = 0; i < n; i++) if (x[i] > s.FIELD) s.FIELD = x[i]; return s.FIELD; }}"""
    assert outer(source.replace("FIELD", "b"), Language.C) is not Answer.PROVED


AT = "for (int i = 0; i < n; i++) v.at(i) = i;"


def test_what_at_throws_leaves_the_loop_for_a_handler() -> None:
    caught = f"int f(int n, std::vector<int> &v) {{ try {{ {AT} }} catch (...) {{ return 1; }} return 0; }}"
    assert outer(VECTOR + caught) is not Answer.PROVED
    assert outer(VECTOR + caught.replace("v.at(i)", "v[i]")) is Answer.PROVED
    assert outer(f"{VECTOR} void f(int n, std::vector<int> &v) {{ {AT} }}") is Answer.PROVED


@pytest.mark.parametrize("value", ["a[i] > 0 && set(&t, a[i])", "a[i] > 0 ? set(&t, a[i]) : 0"])
def test_what_is_perhaps_written_does_not_cover_a_read(value: str) -> None:
    source = f"""static int set(double *p, double v) {{ *p = v; return 1; }}
    void f(int n, const double *restrict a, double *restrict b) {{ double t = 0;
      for (int i = 0; i < n; i++) {{ int got = {value}; b[i] = t + got; }} }}"""
    assert outer(source, Language.C) is not Answer.PROVED
    assert outer(source.replace(value, "set(&t, a[i])"), Language.C) is Answer.PROVED


GUARD = "static long total; struct G { int v; DESTRUCTOR };"
EMPTY = "~G() {}"
COUNTS = "~G() { total += v; }"


@pytest.mark.parametrize(
    "declared", ["G g = {i};", "G g{i};", "G g[2] = {{i}, {i}};", "struct H { G g; } g = {{i}};"]
)
def test_a_destructor_runs_with_each_iteration(declared: str) -> None:
    source = f"{GUARD} void f(int n, int *x) {{ for (int i = 0; i < n; i++) {{ {declared} x[i] = i; }} }}"
    assert outer(source.replace("DESTRUCTOR", COUNTS)) is not Answer.PROVED


@pytest.mark.parametrize("destructor", [EMPTY, "~G() = default;", ""])
def test_a_destructor_that_does_nothing_is_none(destructor: str) -> None:
    source = "void f(int n, int *x) { for (int i = 0; i < n; i++) { G g = {i}; x[i] = g.v; } }"
    assert outer(f"{GUARD.replace('DESTRUCTOR', destructor)} {source}") is Answer.PROVED


def test_a_destructor_runs_in_a_function_that_is_called() -> None:
    source = f"""{GUARD} static int work(int i) {{ G g = {{i}}; int r = 2 * g.v; return r; }}
    void f(int n, int *x) {{ for (int i = 0; i < n; i++) x[i] = work(i); }}"""
    assert outer(source.replace("DESTRUCTOR", COUNTS)) is not Answer.PROVED
    assert outer(source.replace("DESTRUCTOR", EMPTY)) is Answer.PROVED


def test_a_destructor_of_a_template_and_of_a_base_runs_too() -> None:
    loop = "void f(int n, int *x) { for (int i = 0; i < n; i++) { G<int> g = {i}; x[i] = i; } }"
    template = "static long total; template <class T> struct G { T v; ~G() { total += v; } };"
    assert outer(f"{template} {loop}") is not Answer.PROVED
    assert outer(f"template <class T> struct G {{ T v; }}; {loop}") is Answer.PROVED


CLEANUP = """void done(int *v);
void f(int n, int *x) { for (int i = 0; i < n; i++) { ATTRIBUTE int t = i; x[i] = t; } }"""


@pytest.mark.parametrize("written", ["__attribute__((cleanup(done)))", "CLEAN"])
def test_a_cleanup_runs_with_each_iteration(written: str) -> None:
    source = "#define CLEAN __attribute__((__cleanup__(done)))\n" + CLEANUP.replace("ATTRIBUTE", written)
    assert outer(source, Language.C) is not Answer.PROVED


@pytest.mark.parametrize("written", ["__attribute__((unused))", "__attribute__((aligned(16)))"])
def test_other_attributes_run_nothing(written: str) -> None:
    assert outer(CLEANUP.replace("ATTRIBUTE", written), Language.C) is Answer.PROVED


IN = "static int copies; struct In { int v; In() : v(1) {} OWN };"
COPY = "In(const In &o) : v(o.v) { ++copies; }"
ASSIGN = "In &operator=(const In &o) { v = o.v; ++copies; return *this; }"


def test_a_copy_of_a_struct_copies_its_members_in_their_own_way() -> None:
    source = f"""{IN} struct Out {{ In in; }};
    void f(int n, double *x, const Out *o) {{
      for (int i = 0; i < n; i++) {{ Out t = o[i]; x[i] = t.in.v; }} }}"""
    assert outer(source.replace("OWN", COPY)) is not Answer.PROVED
    assert outer(source.replace("OWN", "")) is Answer.PROVED


def test_an_assignment_of_a_struct_assigns_its_members_in_their_own_way() -> None:
    source = f"""{IN} struct Out {{ In in; }};
    void f(int n, Out *x, const Out *o) {{ for (int i = 0; i < n; i++) x[i] = o[0]; }}"""
    assert outer(source.replace("OWN", ASSIGN)) is not Answer.PROVED
    assert outer(
        source.replace("OWN", "In &operator=(const In &o) = default;").replace("o[0]", "o[i]")
    ) is outer(source.replace("OWN", "").replace("o[0]", "o[i]"))


def test_a_range_by_value_copies_its_elements() -> None:
    source = f"""{VECTOR}{IN}
    long f(const std::vector<In> &all) {{ long s = 0; for (In x : all) s += x.v; return s; }}"""
    assert outer(source.replace("OWN", COPY)) is not Answer.PROVED
    assert outer(source.replace("OWN", COPY).replace("(In x", "(const In &x")) is Answer.PROVED
    assert outer(source.replace("OWN", "")) is Answer.PROVED


def test_a_virtual_call_may_run_another_function() -> None:
    source = """struct B { int k; VIRTUAL int get() const { return k; } };
    void f(int n, double *x, const B *b) { for (int i = 0; i < n; i++) x[i] = b->get(); }"""
    assert outer(source.replace("VIRTUAL", "virtual")) is not Answer.PROVED
    assert outer(source.replace("VIRTUAL", "")) is Answer.PROVED


BOUND = "TYPE g; void f(int *a, const TYPE &n) { for (TYPE i = 0; i < n; i++) { a[i] = 5000; MORE } }"


def test_a_bound_by_reference_may_be_changed_by_the_loop() -> None:
    assert outer(BOUND.replace("TYPE", "int").replace("MORE", "")) is not Answer.PROVED
    assert outer(BOUND.replace("TYPE", "long").replace("MORE", "")) is Answer.PROVED
    assert outer(BOUND.replace("TYPE", "long").replace("MORE", "g = 7;")) is not Answer.PROVED


def test_a_vector_by_reference_keeps_its_size() -> None:
    loop = "void f(std::vector<char> &v) { for (int i = 0; i < v.size(); i++) v[i] = 1; }"
    assert outer(VECTOR + loop) is Answer.PROVED
