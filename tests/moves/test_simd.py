"""`simd` on innermost loops."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import ask, runs_alike, text_of

from loopwright.core.task import Target
from loopwright.moves.simd import Simd

MOVE = Simd()

DOT = """\
double kernel(int n, const double *x, const double *y)
{
    double s = 0.0, t;
    for (int i = 0; i < n; i++) {
        t = x[i] * y[i];
        s += t;
    }
    return s;
}
"""


def test_reduction_and_private_whole_file_and_result(tmp_path: Path) -> None:
    (proposal,), refusals = ask(MOVE, DOT)
    assert not refusals
    assert text_of(proposal) == DOT.replace(
        "    for", "    #pragma omp simd private(t) reduction(+: s)\n    for"
    )
    assert "rounding may differ" in proposal.edit.proof
    main = (
        "#include <stdio.h>\ndouble kernel(int, const double *, const double *);\nint main(void) {"
        " static double x[999], y[999]; for (int i = 0; i < 999; i++) { x[i] = i % 7; y[i] = i % 5; }"
        ' printf("%.17g", kernel(999, x, y)); }'
    )
    runs_alike(DOT, text_of(proposal), main, tmp_path)


def test_the_inner_loop_of_a_parallel_nest_is_still_seen() -> None:
    text = """\
void kernel(int n, int m, double *restrict a, const double *restrict b)
{
    #pragma omp parallel for schedule(static)
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            a[i * m + j] += b[j];
}
"""
    (proposal,), _ = ask(MOVE, text)
    assert text_of(proposal) == text.replace("        for", "        #pragma omp simd\n        for")


def test_last_values_are_copied_out(tmp_path: Path) -> None:
    text = """\
double kernel(const double *restrict x, double *restrict y)
{
    int i;
    double t;
    for (i = 0; i < 61; i++) {
        t = x[i] * 3.0;
        y[i] = t;
    }
    return i * 1000 + t;
}
"""
    (proposal,), _ = ask(MOVE, text)
    assert "lastprivate(" in text_of(proposal)
    main = (
        "#include <stdio.h>\ndouble kernel(const double *restrict, double *restrict);\nint main(void) {"
        " static double x[61], y[61]; for (int i = 0; i < 61; i++) x[i] = i % 7 + 1;"
        ' printf("%.17g ", kernel(x, y)); for (int i = 0; i < 61; i++) printf("%.17g ", y[i]); }'
    )
    runs_alike(text, text_of(proposal), main, tmp_path)


def test_not_twice() -> None:
    text = "void f(int n, double *a) {\n#pragma omp simd\nfor (int i = 0; i < n; i++) a[i] = i; }"
    assert ask(MOVE, text) == ([], [])
    collapsed = (
        "void f(int n, double (*a)[9]) {\n#pragma omp parallel for collapse(2)\n"
        "for (int i = 0; i < n; i++) for (int j = 0; j < 9; j++) a[i][j] = i; }"
    )
    assert ask(MOVE, collapsed) == ([], [])
    assert ask(MOVE, text.replace("#pragma omp simd\n", ""), target=Target.SERIAL) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "void f(int n, double *a) { for (int i = 1; i < n; i++) a[i] = a[i - 1] * 0.5; }",
        "void f(int n, double *a) { for (int i = 4; i < n; i++) a[i] = a[i - 4] * 0.5; }",
        "void f(int n, double *a, double *b) { for (int i = 0; i < n; i++) a[i] = b[i]; }",
        "void f(double *a) { for (int i = 0; i < 4; i++) a[i] = i; }",
        "void f(int n, int *restrict h, const int *restrict b) { for (int i = 0; i < n; i++) h[b[i]]++; }",
        "double f(int n, double *a) { double s = 0; for (int i = 0; i < n; i++) { s += a[i]; a[i] = s; } return s; }",
        "int f(int n, int *a) { for (int i = 0; i < n; i++) if (a[i]) return i; return -1; }",
    ],
)
def test_illegal_twins_are_refused(text: str) -> None:
    proposals, refusals = ask(MOVE, text)
    assert not proposals
    assert refusals


def test_rows_of_a_sparse_matrix(tmp_path: Path) -> None:
    text = """\
void multiply(int n, const int *row, const int *column, const double *value, const double *x, double *restrict y)
{
    for (int i = 0; i < n; i++) {
        double sum = 0.0;
        for (int k = row[i]; k < row[i + 1]; k++)
            sum += value[k] * x[column[k]];
        y[i] = sum;
    }
}
"""
    ((proposal,), _) = ask(MOVE, text)
    after = text_of(proposal)
    assert "        #pragma omp simd reduction(+: sum)\n        for (int k = row[i];" in after
    main = """#include <stdio.h>
void multiply(int, const int *, const int *, const double *, const double *, double *restrict);
int main(void) { static int row[201], column[9999]; static double value[9999], x[200], y[200]; int used = 0;
for (int i = 0; i < 200; i++) { x[i] = i % 9 - 3.5; row[i] = used;
for (int k = 0; k < i % 37; k++, used++) { column[used] = (k * 31 + i) % 200; value[used] = k - 4.25; } }
row[200] = used; multiply(200, row, column, value, x, y); for (int q = 0; q < 200; q++) printf("%.17g\\n", y[q]); }
"""
    runs_alike(text, after, main, tmp_path, rtol=1e-12)
