"""Loop variables declared at the top of a function, as C89 wants it: when their last value is needed."""

from __future__ import annotations

import pytest
from frontend_reading import cxx, nest, nests

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer

HEAD = "int g(int); void f(int n, double *restrict a, int *restrict out) { int i, j, k = 0; "


def needed(rest: str, loop: int = 0) -> bool:
    """Whether `i` may be needed after the first outermost loop of a function (or an inner one of it)."""
    found = nests(HEAD + rest + " }")[0]
    return found.root.walk()[loop].live_out_variable


FILL = "for (i = 0; i < n; i++) a[i] = 0;"


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "for (i = 0; i < n; i++) a[i] += 1;",
        "for (j = 0; j < n; j++) for (i = 0; i < n; i++) a[i] += j;",
        "for (j = 0; j < n; j++) { a[j] = 1; for (i = 0; i < n; i++) a[i] += j; out[0] = i; }",
        "i = 3; out[0] = i;",
        "i = j = 0; out[0] = i;",
        "if (k) { i = 1; } else { i = 2; } out[0] = i;",
        "if (k) { i = 1; out[0] = i; }",
        "while (k < n) { i = k; out[i] = 0; k++; }",
        "k = (int)(i = 4); out[0] = i;",
        "if (k) return; i = 0; out[0] = i;",
        "{ int i = 3; out[0] = i; }",
    ],
)
def test_a_variable_that_is_set_before_it_is_read_is_not_needed(rest: str) -> None:
    assert not needed(FILL + rest)


@pytest.mark.parametrize(
    "rest",
    [
        "out[0] = i;",
        "i = i + 1;",
        "i++; out[0] = i;",
        "for (j = 0; j < n; j++) out[j] = i;",
        "for (j = i; j < n; j++) out[j] = 0;",
        "for (j = 0; j < i; j++) out[j] = 0;",
        "for (j = 0; j < n; j++) i = 0; out[0] = i;",
        "if (k) i = 0; out[0] = i;",
        "if (k) { i = 0; } else { g(3); } out[0] = i;",
        "k && (i = 0); out[0] = i;",
        "k = k ? (i = 0) : 1; out[0] = i;",
        "while (k < n) { if (g(k)) break; i = 0; k++; } out[0] = i;",
        "do { if (g(k)) continue; i = 0; } while (i < n);",
        "for (j = 0; j < n; i++, j++) { if (g(j)) continue; i = 0; }",
        "switch (k) { case 0: i = 0; default: out[0] = i; }",
        "return g(i) ? (void)0 : (void)1;",
        'asm volatile("" : : "r"(i));',
        "a[i] = 0;",
        "out[i] = (i = 2);",
    ],
)
def test_a_variable_that_may_be_read_first_is_needed(rest: str) -> None:
    assert needed(FILL + rest)


def test_goto_proves_nothing() -> None:
    assert needed(FILL + "if (k) goto end; i = 0; end: g(i);")


INNER = "for (k = 0; k < n; k++) { BEFORE for (i = 0; i < n; i++) a[k * n + i] = k; AFTER }"


@pytest.mark.parametrize(
    ("before", "after", "rest", "expected"),
    [
        ("", "", "", False),
        ("", "i = 0; out[k] = i;", "", False),
        ("", "out[k] = i;", "", True),
        ("out[k] = i;", "", "", True),  # the value of the iteration before
        ("i = 0; out[k] = i;", "", "", False),
        ("if (k > 3) i = 0; out[k] = i;", "", "", True),
        ("", "", "out[0] = i;", True),
        ("", "if (g(k)) break; i = 0;", "out[0] = i;", True),  # left before it is set
        ("", "if (g(k)) continue; i = 0;", "out[0] = i;", True),
        ("", "i = 0;", "i = 1; out[0] = i;", False),
        ("", "if (g(k)) break; i = 0;", "i = 1; out[0] = i;", False),
    ],
)
def test_inner_loops_and_the_ways_on_from_them(before: str, after: str, rest: str, expected: bool) -> None:
    text = INNER.replace("BEFORE", before).replace("AFTER", after)
    found = nests(HEAD + text + rest + " }")[0]
    loop = next(each for each in found.root.walk() if each.variable == "i")
    assert loop.live_out_variable is expected


def test_a_time_loop_over_loops_that_share_their_counters_is_no_obstacle() -> None:
    found = nest(
        """
        void f(int n, int steps, double a[restrict n][n], double b[restrict n][n]) {
            int i, j, t;
            for (t = 0; t < steps; t++) {
                for (i = 1; i < n - 1; i++)
                    for (j = 1; j < n - 1; j++)
                        b[i][j] = a[i - 1][j] + a[i + 1][j];
                for (j = 0; j < n; j++)
                    b[0][j] = b[1][j];
                for (i = 0; i < n; i++)
                    for (j = 0; j < n; j++)
                        a[i][j] = b[i][j];
            }
        }
        """
    )
    facts = analyse(found)
    parallel = {
        loop.range.line for loop in found.root.walk() if facts.loops[loop.id].parallel is Answer.PROVED
    }
    assert parallel == {5, 6, 8, 10, 11}


def test_a_variable_that_a_lambda_sees_stays_needed() -> None:
    found = cxx(
        "int f(int n, double *a) { int i; auto g = [&] { return i; };"
        " for (i = 0; i < n; i++) a[i] = 0; i = 3; return g(); }"
    )
    assert found.root.live_out_variable
