"""Loop headers, layout and control flow: what the frontend says of a loop itself."""

# ruff: noqa: E501  (programs in one line)

from __future__ import annotations

import pytest
from frontend_reading import accesses, bounds, facts, form, nest, nests, problems, touched, unknowns

from loopwright.analysis.ir import Loop, Relation
from loopwright.core.task import Language


def in_loop(header: str, body: str = "a[i] = 0;", before: str = "") -> str:
    return f"void f(int n, int m, long k, double *a, const int *p) {{ {before} for ({header}) {{ {body} }} }}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("int i = 0; i < n; i++", "i: 0 <= . < n step 1"),
        ("int i = 0; i <= n; ++i", "i: 0 <= . < n+1 step 1"),
        ("int i = 1; n > i; i += 1", "i: 1 <= . < n step 1"),
        ("int i = 1; n - 1 >= i; i = i + 1", "i: 1 <= . < n step 1"),
        ("int i = 0; i < n; i = 2 + i", "i: 0 <= . < n step 2"),
        ("int i = 0; i != n; i++", "i: 0 <= . < n step 1"),
        ("int i = n - 1; i >= 0; i--", "i: 0 <= . < n step -1"),
        ("int i = n; i > 0; i -= 3", "i: 1 <= . < n+1 step -3"),
        ("int i = n; i != 0; --i", "i: 1 <= . < n+1 step -1"),
        ("long i = 2 * n + m; i < 3 * (n + m) - 4; i += 1", "i: m+2*n <= . < 3*m+3*n-4 step 1"),
        ("int i = 0; i < n && i < m; i++", "i: 0 <= . < n,m step 1"),
        ("int i = 0; i < (n < m ? n : m); i++", "i: 0 <= . < n,m step 1"),
        ("int i = 0; i < (n > m ? m : n); i++", "i: 0 <= . < m,n step 1"),
        ("int i = 0; i < n / 2; i++", "i: 0 <= . < n_2 step 1"),
        ("int i = 0; i < n * m; i++", "i: 0 <= . < m_n step 1"),
        ("int i = 0; i < 8 * sizeof(double); i++", "i: 0 <= . < 64 step 1"),
        ("int i = 0; i < p[0]; i++", "i: 0 <= . < ? step 1"),
        ("int i = 0; i < (n > m ? n : m); i++", "i: 0 <= . < n_m_n_m step 1"),
    ],
)
def test_bounds(header: str, expected: str) -> None:
    assert bounds(nest(in_loop(header)).root) == expected


def test_parameter_keeps_the_source_text() -> None:
    found = nest(in_loop("int i = 0; i < n / 2; i++"))
    assert {p.name: p.text for p in found.parameters} == {"n": "n", "n_2": "n / 2"}


@pytest.mark.parametrize(
    ("header", "body", "reason"),
    [
        ("int i = 0; i < n; i *= 2", "a[i] = 0;", "no constant step"),
        ("int i = 0; i < n; i++", "a[i] = 0; i++;", "changed in the loop body"),
        ("int i = 0; i < n; i++", "int *q = &i; a[*q] = 0;", "changed from elsewhere"),
        ("int i = 0; a[i] > 0; i++", "a[i] = 0;", "not a comparison"),
        ("int i = 0; i < n && a[i] > 0; i++", "a[i] = 0;", "not a comparison"),
        ("int i = 0, j = 0; i < n; i++", "a[i] = 0;", "not set in the loop header"),
        ("short i = 0; i < n; i++", "a[i] = 0;", "induction variable of type short"),
        ("double x = 0; x < n; x += 1", "a[0] = x;", "induction variable of type double"),
        ("int i = 0; i < n; i++", "if (a[i] > 0) break;", "break in the loop body"),
        ("int i = 0; i < n; i++", "if (a[i] > 0) return;", "return in the loop body"),
        (
            "int i = 0; i < n; i++",
            "if (a[i] > 0) goto out; a[i] = 1; out: a[i] = 2;",
            "goto in the loop body",
        ),
        ("int i = 0; i < n; i++", "switch (n) { case 1: a[i] = 1; }", "switch in the loop body"),
    ],
)
def test_problems(header: str, body: str, reason: str) -> None:
    assert reason in problems(nest(in_loop(header, body)).root)


def test_a_loop_whose_variable_changes_has_no_symbol() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "a[i] = 0; i++;"))
    assert found.root.step is None
    assert touched(found, "a") == ["W a[?]"]


def test_wrong_direction_gives_no_bound() -> None:
    assert nest(in_loop("int i = 0; i > n; i++")).root.upper is None


def test_only_a_return_or_goto_reaches_the_loops_around() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "for (int j = 0; j < m; j++) { if (a[j] > 0) break; }"))
    inner = found.root.loops[0]
    assert not found.root.problems
    assert inner.problems[0].local
    found = nest(in_loop("int i = 0; i < n; i++", "for (int j = 0; j < m; j++) { if (a[j] > 0) return; }"))
    assert not found.root.problems[0].local


def test_triangular_nest_and_shape() -> None:
    found = nest(
        "void f(int n, double a[n][n]) { for (int i = 0; i < n; i++) { a[i][i] = 1;"
        " for (int j = i + 1; j < n; j++) for (int k = j; k <= i + j; k++) a[i][j] = 0; } }"
    )
    assert [bounds(loop) for loop in found.root.walk()] == [
        "i: 0 <= . < n step 1",
        "j: i+1 <= . < n step 1",
        "k: j <= . < i+j+1 step 1",
    ]
    assert not found.root.is_perfect
    assert found.root.loops[0].is_perfect


def test_equal_names_get_different_ids() -> None:
    found = nest(
        "void f(int n, double *a) { for (int t = 0; t < n; t++) {"
        " for (int i = 0; i < n; i++) a[i] = 0; for (int i = 1; i < n; i++) a[i] = 1; } }"
    )
    assert [loop.id for loop in found.root.walk()] == ["t", "i", "i_2"]
    assert touched(found, "a") == ["W a[i]", "W a[i_2]"]


def test_ranges_are_the_exact_text() -> None:
    source = (
        "// ärger in bytes\nvoid f(int n, double *a) {\n"
        "  for (int i = 0;  i < n ; i++ )\n    for (int j=0;j<n;++j)\n      a[i] += j; // end\n}\n"
    )
    root = nest(source).root
    data = source.encode()

    def text(part: object) -> str:
        return data[part.start : part.end].decode()  # type: ignore[attr-defined]

    assert text(root.header) == "for (int i = 0;  i < n ; i++ )"
    assert (text(root.init), text(root.condition), text(root.increment)) == ("int i = 0", "i < n", "i++")
    inner = root.loops[0]
    assert text(root.body) == text(inner.range) == "for (int j=0;j<n;++j)\n      a[i] += j;"
    assert text(inner.body) == "a[i] += j;" == inner.statements()[0].text
    assert (root.range.line, root.range.column, root.range.end_line) == (3, 3, 5)
    assert [text(a.range) for a in inner.statements()[0].accesses] == ["a[i]", "a[i]"]


def test_empty_header_parts() -> None:
    source = "void f(int n, double *a) { int i = 0; for (;;) { a[i] = 0; if (++i == n) break; } }"
    root = nest(source).root
    assert root.range.start == source.index("for")
    assert (root.init.start, root.init.end) == (source.index(";;"), source.index(";;"))
    assert root.condition.start == root.condition.end
    assert root.lower is root.upper is root.step is None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("#define LOOP(i, n) for (int i = 0; i < n; i++)\nvoid f(int n, double *a) { LOOP(i, n) a[i] = 0; }",
         "from a macro"),
        ("#define HEAD int i = 0; i < n; i++\nvoid f(int n, double *a) { for (HEAD) a[i] = 0; }",
         "from a macro"),
        ("#define BEGIN {\n#define END }\nvoid f(int n, double *a) { for (int i = 0; i < n; i++) BEGIN a[i] = 0; END }",
         "from a macro"),
        ("void f(int n, double *a) { for (int i = 0; i < n; i++) {\n#ifdef X\n a[i] = 1;\n#else\n a[i] = 0;\n#endif\n } }",
         "preprocessor directive #"),
        ("void f(int n, double *a) {\n#pragma omp parallel for\nfor (int i = 0; i < n; i++) a[i] = 0; }", "OpenMP"),
        ("void f(int n, double *a) {\n#pragma GCC ivdep\nfor (int i = 0; i < n; i++) a[i] = 0; }", "#pragma GCC"),
        ('void f(int n, double *a) { _Pragma("omp simd") for (int i = 0; i < n; i++) a[i] = 0; }', "OpenMP"),
        ("void f(int n, double *a) { for (int i = 0; i < n; i++) {\n#pragma omp atomic\n a[0] += i; } }", "OpenMP"),
    ],
)  # fmt: skip
def test_layout_that_forbids_editing(source: str, reason: str) -> None:
    assert reason in problems(nest(source).root)


def test_macros_inside_expressions_are_fine() -> None:
    found = nest(
        "#define N 100\n#define IDX(i, j) ((i) * N + (j))\nvoid f(double *a) {"
        " for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) a[IDX(i, j)] = 0; }"
    )
    assert not any(loop.problems for loop in found.root.walk())
    assert bounds(found.root) == "i: 0 <= . < 100 step 1"
    assert touched(found, "a") == ["W a[100*i+j]"]


def test_a_pragma_after_the_loop_before_is_not_its_own() -> None:
    source = (
        "void f(int n, double *a) {\n#pragma omp simd\nfor (int i = 0; i < n; i++) a[i] = 0;\n"
        "for (int i = 0; i < n; i++) a[i] = 1; }"
    )
    first, second = nests(source)
    assert "OpenMP" in problems(first.root)
    assert not second.root.problems


def test_affine_guards() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "if (i > 2 && i != n) a[i] = 0; else a[i] = 1;"))
    guarded = [s for s in found.root.statements() if not s.is_condition]
    assert [s.exact_guards for s in guarded] == [False, False]
    found = nest(in_loop("int i = 0; i < n; i++", "if (i > 2 && i <= m) a[i] = 0;"))
    then = next(s for s in found.root.statements() if not s.is_condition)
    assert [form(g.form) for g in then.guards] == ["i-3", "-i+m"]
    assert then.exact_guards
    found = nest(in_loop("int i = 0; i < n; i++", "if (i == m) a[i] = 0; else a[i] = 1;"))
    same, other = (s for s in found.root.statements() if not s.is_condition)
    assert same.guards[0].relation is Relation.EQ
    assert not other.exact_guards
    assert not other.guards


def test_conditions_are_statements_before_what_they_guard() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "if (a[i] > 0) a[i] = 1;"))
    condition, guarded = found.root.statements()
    assert condition.is_condition
    assert accesses(condition) == ["R a[i]"]
    assert not guarded.exact_guards


def test_continue_guards_what_follows() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "if (i == 3) continue; if (i < 5) continue; a[i] = 0;"))
    last = found.root.statements()[-1]
    assert [form(g.form) for g in last.guards] == ["i-5"]
    assert not last.exact_guards
    found = nest(in_loop("int i = 0; i < n; i++", "if (i > 1) { if (a[i] > 0) continue; } a[i] = 0;"))
    last = found.root.statements()[-1]
    assert not last.guards
    assert not last.exact_guards


def test_an_if_between_two_loops_is_not_a_perfect_nest() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "if (i > m) for (int j = 0; j < m; j++) a[j] = 0;"))
    assert not found.root.is_perfect
    assert form(found.root.statements()[-1].guards[0].form) == "i-m-1"


def test_compressed_rows() -> None:
    found = nest(
        "void f(int n, const int *row, const int *col, const double *v, const double *x, double *y) {"
        " for (int i = 0; i < n; i++) { double s = 0;"
        " for (int k = row[i]; k < row[i + 1]; k++) s += v[k] * x[col[k]]; y[i] = s; } }"
    )
    inner = found.root.loops[0]
    assert (inner.lower, inner.upper, inner.step) == (None, None, 1)
    assert touched(found, "row") == ["R row[i]", "R row[i+1]", "R row[i+1]"]
    assert touched(found, "x") == ["R x[?]"]
    assert touched(found, "col") == ["R col[k]"]


def test_while_loops_are_read_inside() -> None:
    found = nest(
        "void f(int n, double *a) { double e = 1; while (e > 0.1) { e = 0;"
        " for (int i = 0; i < n; i++) { e += a[i]; a[i] = 0; } } }"
    )
    assert "no iteration count" in problems(found.root)
    assert found.root.problems[0].local
    assert bounds(found.root.loops[0]) == "i: 0 <= . < n step 1"
    assert touched(found, "e")[0] == "R e"


@pytest.mark.parametrize(
    ("after", "live"),
    [
        ("", False),
        ("a[i] = 1;", True),
        ("i = 3; a[i] = 1;", False),
        ("for (i = 0; i < m; i++) a[i] = 2;", False),
    ],
)
def test_induction_variable_after_the_loop(after: str, live: bool) -> None:
    found = nests(f"void f(int n, int m, double *a) {{ int i; for (i = 0; i < n; i++) a[i] = 0; {after} }}")
    assert found[0].root.live_out_variable is live
    assert not found[0].root.declared_here


def test_inner_induction_variable_declared_outside() -> None:
    clean = nest(
        "void f(int n, double a[n][n]) { int i, j; for (i = 0; i < n; i++) for (j = 0; j < n; j++) a[i][j] = 0; }"
    )
    assert not clean.root.loops[0].live_out_variable
    used = nest(
        "void f(int n, double a[n][n]) { int i, j = 0; for (i = 0; i < n; i++) {"
        " a[i][0] = j; for (j = 0; j < n; j++) a[i][j] = 0; } }"
    )
    assert used.root.loops[0].live_out_variable


def test_an_inner_loop_with_the_outer_variable() -> None:
    found = nest(
        "void f(int n, double *a) { int i; for (i = 0; i < n; i++) for (i = 0; i < n; i++) a[i] = 0; }"
    )
    assert found.root.step is None
    assert "changed in the loop body" in problems(found.root)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ('printf("%d", i);', "call of printf"),
        ("a[i] = rand();", "call of rand"),
        ("a[i] = g(a[i]);", "call of g"),
        ('__asm__ volatile ("nop");', "inline assembly"),
        ("static int count; count = count + 1;", ""),
        ("vol = i;", "volatile"),
        ("a[i] = ({ int q = i; q; });", "not understood"),
    ],
)
def test_what_is_not_understood(statement: str, reason: str) -> None:
    found = nest(
        "#include <stdio.h>\n#include <stdlib.h>\nvolatile int vol;\n"
        f"void f(int n, double *a, double (*g)(double)) {{ for (int i = 0; i < n; i++) {{ {statement} }} }}"
    )
    assert reason in unknowns(found)
    assert unknowns(found) or "static" in statement


def test_files_with_errors_are_listed() -> None:
    found = facts("void f(int n) { for (int i = 0; i < n; i++) undeclared[i] = 0; }")
    assert not found.nests
    assert "undeclared" in found.unreadable[0].reason
    assert found.unreadable[0].line == 1
    assert "no_such.h" in facts('#include "no_such.h"\n').unreadable[0].reason
    assert facts("int x;").nests == ()
    assert facts("").unreadable == ()
    assert facts("\x00\xff garbage {{{").unreadable
    assert facts("class { ", Language.CXX).unreadable


def test_deep_nesting_is_refused_not_crashed_on() -> None:
    deep = "(" * 3000 + "1" + ")" * 3000
    found = facts(f"void f(int n, double *a) {{ for (int i = 0; i < n; i++) a[i] = {deep}; }}")
    assert found.unreadable


def test_statements_count_floating_point_operations() -> None:
    found = nest(in_loop("int i = 0; i < n; i++", "a[i] = a[i] * 2.0 + a[i] / 3.0 - (i + 1);"))
    assert found.root.statements()[0].flops == 4


def test_walk_and_items_are_loops_and_statements() -> None:
    root: Loop = nest(in_loop("int i = 0; i < n; i++", "int q = i; a[q] = 0;")).root
    assert [s.id for s in root.statements()] == ["S0", "S1"]
