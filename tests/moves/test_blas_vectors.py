"""BLAS over vectors: dot, axpy, gemv and ger in their forms are called, near misses are not."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import FLAGS, ask, needs_openblas, text_of
from tile_support import same_results

from loopwright.moves.blas_vectors import BlasVectors

MOVE = BlasVectors()
SIZES = "int m, int n, int p, double alpha, double beta, "
FLAT = "const double *restrict a, const double *restrict x, double *restrict y"
ROWS = "double a[restrict m][n], const double *restrict x, double *restrict y"
FORMS = {
    "gemv": ("cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)i_count, (int)j_count, alpha", ROWS.replace("[n]", "[p]"), ("m*p", "p", "m"), "for (int i = 0; i < m; i++) for (int j = 0; j < p; j++) y[i] += alpha * a[i][j] * x[j];"),
    "gemv, columns": ("cblas_dgemv(CblasRowMajor, CblasTrans, (int)i_count, (int)j_count, -1.0", ROWS, ("m*n", "m", "n"), "for (int j = 0; j < n; j++) for (int i = 0; i < m; i++) y[j] -= x[i] * a[i][j];"),
    "gemv, flat, part of it": ("cblas_dgemv(", FLAT, ("m*n", "n", "m"), "for (int j = 1; j < n - 1; j++) for (int i = 1; i < m; i++) y[i] = y[i] + a[i * n + j] * x[j - 1];"),
    "gemv, with a column": ("&x[(int)i_low][p / 2], (int)(1 + p), 1.0, &y", "double a[restrict m][n], double x[restrict m][p + 1], double y[restrict n]", ("m*n", "m*(p+1)", "n"), "if (p > 0) for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) y[j] += a[i][j] * x[i][p / 2];"),
    "ger": ("cblas_dger(CblasRowMajor, (int)i_count, (int)j_count, alpha * beta", "const double *restrict x, const double *restrict y, double a[restrict m][n]", ("m", "n", "m*n"), "for (int j = 0; j < n; j++) for (int i = 0; i < m; i++) a[i][j] += alpha * x[i] * beta * y[j];"),
    "axpy": ("cblas_daxpy((int)i_count, -alpha", FLAT, ("n", "n", "n"), "for (int i = 0; i < n; i++) y[i] -= alpha * x[i];"),
    "axpy of rows": ("cblas_daxpy((int)j_count, r, ", FLAT, ("m", "n", "m*n"), "for (int i = 0; i < m; i++) { double r = a[i] + beta; for (int j = 0; j < n; j++) y[i * n + j] += r * x[j]; }"),
    "dot": ("sum += cblas_ddot((int)k_count, ", FLAT, ("n", "n", "1"), "double sum = beta; for (int k = 0; k < n; k++) sum += a[k] * x[k]; y[0] = sum;"),
    "dot of rows": ("sum += (2.0) * cblas_ddot(", FLAT, ("m*n", "n", "m"), "for (int i = 0; i < m; i++) { double sum = 0; for (int k = 0; k < n; k++) sum += 2.0 * a[i * n + k] * x[k]; y[i] = sum; }"),
}  # fmt: skip

# A stand-in with the interface of CBLAS, so that what is called can be checked where no BLAS is installed.
HEADER = """\
enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112 };
static inline double cblas_ddot(int n, const double *x, int ix, const double *y, int iy)
{ double s = 0; for (int i = 0; i < n; i++) s += x[(long)i * ix] * y[(long)i * iy]; return s; }
static inline void cblas_daxpy(int n, double alpha, const double *x, int ix, double *y, int iy)
{ for (int i = 0; i < n; i++) y[(long)i * iy] += alpha * x[(long)i * ix]; }
static inline void cblas_dgemv(int o, int t, int m, int n, double alpha, const double *a, int lda, const double *x, int ix, double beta, double *y, int iy)
{ (void)o; int r = t == CblasTrans ? n : m, c = t == CblasTrans ? m : n; for (int i = 0; i < r; i++) { double s = 0;
  for (int j = 0; j < c; j++) s += (t == CblasTrans ? a[(long)j * lda + i] : a[(long)i * lda + j]) * x[(long)j * ix];
  y[(long)i * iy] = beta * y[(long)i * iy] + alpha * s; } }
static inline void cblas_dger(int o, int m, int n, double alpha, const double *x, int ix, const double *y, int iy, double *a, int lda)
{ (void)o; for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) a[(long)i * lda + j] += alpha * x[(long)i * ix] * y[(long)j * iy]; }
"""


def whole(arguments: str, body: str) -> tuple[str, str]:
    prototype = SIZES + arguments
    return prototype, f"void kernel({prototype})\n{{\n    {body}\n}}\n"


@pytest.mark.parametrize("name", FORMS)
def test_forms_against_a_stand_in(name: str, tmp_path: Path) -> None:
    call, arguments, lengths, body = FORMS[name]
    prototype, before = whole(arguments, body)
    found, refusals = ask(MOVE, before, libraries=("m", "openblas"))
    assert found, [str(r) for r in refusals]
    after = text_of(found[0])
    assert call in after, after
    (tmp_path / "cblas.h").write_text(HEADER)
    flags = (*FLAGS, "-I.", "-Wno-unused-function", "-Wno-misleading-indentation")
    same_results(prototype, before, after, lengths, tmp_path, flags=flags)


@pytest.mark.parametrize("name", ["gemv, columns", "ger", "dot"])
def test_a_real_blas_takes_the_call(name: str, tmp_path: Path) -> None:
    _, arguments, lengths, body = FORMS[name]
    prototype, before = whole(arguments, body)
    needs_openblas(tmp_path)
    after = text_of(ask(MOVE, before, libraries=("openblas",))[0][0])
    same_results(prototype, before, after, lengths, tmp_path, link=("-lopenblas",))


def test_without_a_blas_nothing_is_said() -> None:
    _, arguments, _, body = FORMS["gemv"]
    assert ask(MOVE, whole(arguments, body)[1], libraries=("m",)) == ([], [])


NEAR = {
    "the sum in the product": "double sum = beta; for (int k = 0; k < n; k++) sum += sum * a[k] * x[k]; y[0] = sum;",
    "every second element": "for (int i = 0; i < n / 2; i++) y[i] += alpha * x[2 * i];",
    "backwards": "for (int i = 0; i < n; i++) y[i] += alpha * x[n - i];",
    "in place": "for (int i = 0; i < n - 1; i++) y[i] += alpha * y[i + 1];",
    "two products": "for (int i = 0; i < n; i++) y[i] += alpha * x[i] + a[i];",
    "a quotient": "for (int i = 0; i < n; i++) y[i] += x[i] / alpha;",
    "neither row nor column": "for (int i = 0; i < n; i++) for (int j = 0; j < i; j++) y[i] += a[i * n + 2 * j] * x[j];",
    "a condition": "for (int i = 0; i < n; i++) if (x[i] > 0) y[i] += alpha * x[i];",
    "a function": "for (int i = 0; i < n; i++) y[i] += alpha * fabs(x[i]);",
    "a scale in a macro": "for (int i = 0; i < n; i++) y[i] += WEIGHT * x[i];",
    "needed afterwards": "int i; for (i = 0; i < n; i++) y[i] += alpha * x[i]; y[0] = i;",
    "a diagonal": "for (int i = 0; i < n; i++) y[i] += a[i * n + i] * x[i];",
}  # fmt: skip


@pytest.mark.parametrize("name", NEAR)
def test_near_misses_are_no_calls(name: str) -> None:
    text = "#include <math.h>\n#define WEIGHT (i * 0.5)\n" + whole(FLAT, NEAR[name])[1]
    assert [p.edit.title for p in ask(MOVE, text, libraries=("openblas",))[0]] == []


def test_operands_that_may_overlap_are_no_call() -> None:
    body = FORMS["axpy"][3]
    assert ask(MOVE, whole(FLAT, body)[1], libraries=("blas",))[0]
    assert not ask(MOVE, whole(FLAT.replace("restrict ", ""), body)[1], libraries=("blas",))[0]
    mixed = FLAT.replace("const double *restrict x", "const float *restrict x")
    assert not ask(MOVE, whole(mixed, body)[1], libraries=("blas",))[0]
