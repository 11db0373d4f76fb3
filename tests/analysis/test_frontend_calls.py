"""Calls of the user's own functions: what they do to their arguments, and that nothing else is believed."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from frontend_reading import cxx, nest, nests, touched, unknowns

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import LoopNest, Storage
from loopwright.moves.move import hot_share


def parallel(found: LoopNest) -> Answer:
    return analyse(found).loops[found.root.id].parallel


def in_loop(function: str, call: str, head: str = "") -> LoopNest:
    source = f"{head}\n{function}\nvoid f(int n, double *restrict a, double *restrict b) {{"
    return nests(f"{source} for (int i = 0; i < n; i++) {{ {call} }} }}")[-1]


def test_an_output_parameter_is_one_element() -> None:
    found = in_loop("static void g(double x, double *out) { *out = 2 * x; }", "g(a[i], &b[i]);")
    assert touched(found, "b") == ["W b[i]"]
    assert parallel(found) is Answer.PROVED


def test_an_output_parameter_that_may_stay_as_it_is_is_read_and_written() -> None:
    found = in_loop("static void g(double x, double *out) { if (x > 0) *out = x; }", "g(a[i], &b[i]);")
    assert touched(found, "b") == ["R b[i]", "W b[i]"]
    assert parallel(found) is Answer.PROVED


def test_a_local_whose_address_is_lent_stays_local() -> None:
    found = in_loop(
        "static int g(double x, double *out) { *out = x; return 1; }", "double t; g(a[i], &t); b[i] = t;"
    )
    assert found.array("t").storage is Storage.LOCAL
    assert parallel(found) is Answer.PROVED


def test_a_lent_local_outside_of_the_loop_is_private_only_when_it_is_certainly_set() -> None:
    function = "static int g(double x, double *out) { BODY return 1; }"
    caller = "double t = 0; for (int i = 0; i < n; i++) { g(a[i], &t); b[i] = t; } }"
    head = "void f(int n, double *restrict a, double *restrict b) { "
    sets = nests(function.replace("BODY", "*out = x;") + head + caller)[-1]
    assert analyse(sets).loops["i"].private == ("t",)
    for body in (
        "if (x > 0) *out = x;",
        "*out += x;",
        "if (x < 0) return 0; *out = x;",
        "x = *out; *out = x;",
    ):
        may = nests(function.replace("BODY", body) + head + caller)[-1]
        assert parallel(may) is not Answer.PROVED, body


def test_an_array_that_is_written_somewhere_is_no_parallel_loop() -> None:
    found = in_loop("static void g(double x, double *out, int k) { out[k] = x; }", "g(a[i], b, i);")
    assert touched(found, "b") == ["R b[?]", "W b[?]"]
    assert parallel(found) is not Answer.PROVED


def test_two_parameters_that_are_one_object() -> None:
    # The read of *in comes before the write of *out, whatever the order of the parameters.
    found = nests(
        "static void g(double *out, const double *in) { double t = *in; *out = t + 1; }"
        "double f(int n, double *a) { double x = 0; for (int i = 0; i < n; i++) { g(&x, &x); a[i] = x; } return 0; }"
    )[-1]
    assert parallel(found) is not Answer.PROVED


@pytest.mark.parametrize(
    "function",
    [
        "double *kept; static void g(double x, double *out) { kept = out; *out = x; }",
        "double *kept[2]; static void g(double x, double *out) { kept[0] = out; *out = x; }",
        "static double *g(double x, double *out) { *out = x; return out; }",
        "static void g(double x, double *out) { static double last; *out = last; last = x; }",
        "double sum; static void g(double x, double *out) { sum += x; *out = sum; }",
        "static void g(double x, double *out) { double *q = out; *q = x; q[1] = x; }",
        "static void g(double x, double *out) { out++; *out = x; }",
        '#include <stdio.h>\nstatic void g(double x, double *out) { printf("%g", x); *out = x; }',
        "#include <stdlib.h>\nstatic void g(double x, double *out) { *out = rand() + x; }",
        "double h(double); static void g(double x, double *out) { *out = h(x); }",
        "static void g(double x, double *out) { volatile double v = x; *out = v; }",
        'static void g(double x, double *out) { asm volatile(""); *out = x; }',
        "static void g(double x, double *out) { *(double *)(long)x = 1; *out = x; }",
        "static void g(double x, double *out) { ((double *)(void *)&x)[1] = 1; *out = x; }",
        "double *away; static void g(double x, double *out) { away[0] = x; *out = x; }",
        "double *away; static void g(double x, double *out) { *out = away[0]; }",
        "double fabs2(double); static void g(double x, double *out) { *out = fabs2(x); }",
    ],
)
def test_what_a_function_may_not_do(function: str) -> None:
    found = in_loop(function, "g(a[i], &b[i]);")
    assert "call of g" in unknowns(found)
    assert parallel(found) is not Answer.PROVED


def test_a_function_of_the_user_is_not_taken_for_one_of_the_library() -> None:
    for name in ("min", "fmax", "hypot"):
        function = (
            f"static int calls; static double {name}(double x, double y) {{ calls++; return x < y ? x : y; }}"
        )
        found = in_loop(function, f"b[i] = {name}(a[i], 1);")
        assert parallel(found) is not Answer.PROVED, name


def test_a_bound_by_a_wrong_minimum_of_the_user_is_no_minimum() -> None:
    found = nests(
        "static int min(int x, int y) { int t = x; if (y > 3) t = y; return t; }"
        "void f(int n, int m, double *a) { for (int i = 0; i < min(n, m); i++) a[i] = 0; }"
    )[-1]
    assert found.root.upper is None or len(found.root.upper) == 1
    assert not any(p.text in ("n", "m") for p in found.parameters)


def test_globals_that_a_function_reads_are_read_at_the_call() -> None:
    source = "static double scale = 2; static double g(double x) { double t = x * scale; return t; }"
    plain = in_loop(source, "b[i] = g(a[i]);")
    assert touched(plain, "scale") == ["R scale"]
    assert parallel(plain) is Answer.PROVED
    changed = in_loop(source, "b[i] = g(a[i]); scale += a[i];")
    assert parallel(changed) is not Answer.PROVED


def test_a_bound_that_a_call_changes_is_not_fixed() -> None:
    found = nests(
        "static void g(int *n) { *n = *n - 1; }"
        "void f(int n, double *a) { for (int i = 0; i < n; i++) { g(&n); a[i] = 0; } }"
    )[-1]
    assert found.root.upper is None
    member = nests(
        "struct s { int n; double *a; }; static void g(int *n) { *n = *n - 1; }"
        "void f(struct s *s, double *a) { for (int i = 0; i < s->n; i++) { g(&s->n); a[i] = 0; } }"
    )[-1]
    assert member.root.upper is None


def test_scratch_arrays_of_a_function_are_its_own() -> None:
    found = in_loop(
        "static double g(const double *x, int m) { double t[8]; for (int k = 0; k < 8; k++) t[k] = x[k % m];"
        " double s = 0; for (int k = 0; k < 8; k++) s += t[k]; return s; }",
        "b[i] = g(a + 3 * i, 2);",
    )
    assert touched(found, "a") == ["R a[?]"]
    assert parallel(found) is Answer.PROVED


def test_structs_and_vectors_are_read_through() -> None:
    found = cxx(
        """#include <vector>
        struct P { double x, y; }; struct Q { P p; double m; };
        static double g(const Q &q, const std::vector<double> &w, int k) { double t = q.p.x; t += w[k]; return t; }
        void f(std::vector<Q> &q, const std::vector<double> &w, int n) {
            for (int i = 0; i < n; i++) q[i].m = g(q[i], w, i);
        }"""
    )
    assert not unknowns(found)
    assert touched(found, "q.m") == ["R q.m[i]", "W q.m[i]"]


def test_a_method_reads_its_object_and_nothing_behind_its_pointers() -> None:
    source = """#include <vector>
        class C { public: std::vector<double> v, w; double *raw; int n;
            double at(int i) const { double t = v[i]; return t; }
            double behind(int i) const { double t = raw[i]; return t; }
            double &change(int i) { n++; return v[i]; }
            void f() { for (int i = 0; i < n; i++) w[i] = CALL; } };"""
    good = cxx(source.replace("CALL", "at(i)"))
    assert "call of" not in unknowns(good)
    assert parallel(good) is not Answer.PROVED  # the whole object is read: w too
    assert "call of behind" in unknowns(cxx(source.replace("CALL", "behind(i)")))
    assert "call of change" in unknowns(cxx(source.replace("CALL", "change(i)")))


# -- against execution: what is proved parallel gives the same backwards

_PIECES = (
    "*p = x;",
    "*p += x;",
    "if (x & 1) *p = x;",
    "p[k] = x;",
    "p[k] += q[k];",
    "x += *q;",
    "x += q[k];",
    "x = x * 3 + *p;",
    "{ long t[4] = {x, k, 1, 2}; t[x & 3] += 5; x += t[k & 3]; }",
    "if (x > 40) return x;",
    "for (int j = 0; j < 3; j++) x += q[j];",
)
_CALLS = (
    "r = g(&a[i], b, i, b[i]);",
    "r = g(a, b, i, i);",
    "r = g(&a[i], &b[i], 0, 3);",
    "r = g(&t, b, i, i); a[i] += t;",
    "long u = i; r = g(&u, &a[i], 0, b[i]); a[i] = u;",
    "r = g(&a[i], a, i, 1);",
    "r = g(&a[i + 1], &a[i], 0, 1);",
    "r = g(b, &a[i], 0, 2);",
    "r = g(&a[2 * i], &b[i], 0, i);",
)


def test_what_is_proved_parallel_gives_the_same_backwards(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    chance = random.Random(20)
    proved: list[str] = []
    for _ in range(200):
        body = " ".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 3)))
        call = chance.choice(_CALLS)
        function = f"static long g(long *p, const long *q, int k, long x) {{ {body} return x; }}"
        loop = f"for (int i = 0; i < 8; i++) {{ long r; {call} b[i + 8] = r; }}"
        text = f"{function}\nvoid f(long *restrict a, long *restrict b) {{ long t = 7; {loop} }}"
        found = nest(text) if "for (int j" not in body else nests(text)[-1]
        facts = analyse(found).loops[found.root.id]
        if facts.parallel is Answer.PROVED and not facts.reductions and not facts.last_private:
            proved.append(text)
    assert len(set(proved)) > 12
    _run_both_ways(sorted(set(proved)), tmp_path)


def _run_both_ways(texts: list[str], folder: Path) -> None:
    parts = ["#include <stdio.h>\n#include <string.h>\n"]
    calls = []
    for number, text in enumerate(texts):
        for way in ("forward", "back"):
            made = text.replace(" g(", f" g{number}_{way}(").replace(" f(", f" f{number}_{way}(")
            if way == "back":
                made = made.replace("for (int i = 0; i < 8; i++)", "for (int i = 7; i >= 0; i--)")
            parts.append(made)
        calls.append(
            f"fill(a, b); f{number}_forward(a, b); memcpy(c, a, sizeof a); memcpy(d, b, sizeof b); fill(a, b);"
            f"f{number}_back(a, b);"
            f'if (memcmp(c, a, sizeof a) || memcmp(d, b, sizeof b)) printf("%d\\n", {number});'
        )
    parts.append(
        "static void fill(long *a, long *b) { for (int i = 0; i < 32; i++) { a[i] = i * 7 % 5; b[i] = i * 5 % 9; } }"
        "int main(void) { long a[32], b[32], c[32], d[32]; " + "\n".join(calls) + " return 0; }"
    )
    source = folder / "both.c"
    source.write_text("\n".join(parts))
    subprocess.run(["gcc", "-O1", "-w", "-o", str(folder / "both"), str(source)], check=True, timeout=60)
    wrong = subprocess.run(
        [str(folder / "both")], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert not wrong, texts[int(wrong.split()[0])]


def test_a_loop_knows_the_functions_in_which_its_time_is_spent() -> None:
    found = nests(
        "static double deep(double x) {\n return x * x;\n}\n"
        "static double g(double x) {\n double t = deep(x);\n return t + 1;\n}\n"
        "static double other(double x) { return x; }\n"
        "void f(int n, double *restrict a, double *restrict b) {\n"
        " for (int i = 0; i < n; i++)\n  b[i] = g(a[i]);\n for (int i = 0; i < n; i++) b[i] = other(1); }"
    )
    first, second = found
    assert set(first.root.callees) == {("t.c", 1, 3), ("t.c", 4, 7)}
    assert set(second.root.callees) == {("t.c", 8, 8)}
    hot = {("t.c", 2): 0.5, ("t.c", 5): 0.25, ("t.c", 11): 0.1}
    assert hot_share(first.root, hot) == pytest.approx(0.85)
    assert hot_share(second.root, hot) == 0
