"""BLAS idioms: gemm and syrk in their transpositions are called, near misses are not, and none without a BLAS."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import FLAGS, ask, needs_openblas, text_of
from tile_support import same_results

from loopwright.moves.blas import Blas

MOVE = Blas()
SIZES = "int m, int n, int p, double alpha, double beta, "
FORMS = {
    "gemm": ("cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans", "double a[restrict m][p], double b[restrict p][n], double c[restrict m][n]", ("m*p", "p*n", "m*n"), "for (int i = 0; i < m; i++) { for (int j = 0; j < n; j++) c[i][j] *= beta; for (int k = 0; k < p; k++) for (int j = 0; j < n; j++) c[i][j] += alpha * a[i][k] * b[k][j]; }"),
    "flat, part of the matrices": ("cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans", "const double *restrict a, const double *restrict b, double *restrict c", ("m*p", "n*p", "m*n"), "for (int i = 1; i < m; i++) for (int j = 0; j < n - 1; j++) { double s = 0; for (int k = 1; k < p; k++) s += a[i * p + k] * b[j * p + k]; c[i * n + j] = c[i * n + j] - s; }"),
    "both transposed": ("cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans", "double a[restrict p][m], double b[restrict n][p], double c[restrict m][n]", ("m*p", "p*n", "m*n"), "for (int k = 0; k < p; k++) for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) c[i][j] += a[k][i] * b[j][k];"),
    "syrk": ("cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans", "double a[restrict m][p], double b[restrict m][p], double c[restrict m][m]", ("m*p", "m*p", "m*m"), "for (int i = 0; i < m; i++) for (int k = 0; k < p; k++) for (int j = 0; j <= i; j++) c[i][j] += alpha * a[i][k] * a[j][k];"),
    "syrk, transposed": ("cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans", "double a[restrict p][m], double b[restrict m][p], double c[restrict m][m]", ("m*p", "m*p", "m*m"), "for (int i = 0; i < m; i++) for (int j = 0; j <= i; j++) for (int k = 0; k < p; k++) c[i][j] += a[k][i] * a[k][j];"),
    "single precision": ("cblas_sgemm(", "const float *restrict a, const float *restrict b, float *restrict c", ("m*p", "p*n", "m*n"), "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { float s = 0.0f; for (int k = 0; k < p; k++) s += a[i * p + k] * b[k * n + j]; c[i * n + j] = alpha * s; }"),
}  # fmt: skip

# A stand-in with the interface of CBLAS, so that what is called can be checked where no BLAS is installed.
HEADER = """\
#ifndef STAND_IN
#define STAND_IN
enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112, CblasLower = 122 };
#define GEMM(name, T) \\
    static inline void name(int o, int ta, int tb, int m, int n, int k, T alpha, const T *a, int la, const T *b, int lb, T beta, T *c, int lc) \\
    { (void)o; for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { T s = 0; for (int q = 0; q < k; q++) \\
        s += (ta == CblasTrans ? a[q * la + i] : a[i * la + q]) * (tb == CblasTrans ? b[j * lb + q] : b[q * lb + j]); \\
        c[i * lc + j] = beta * c[i * lc + j] + alpha * s; } }
GEMM(cblas_dgemm, double)
GEMM(cblas_sgemm, float)
static inline void cblas_dsyrk(int o, int uplo, int ta, int n, int k, double alpha, const double *a, int la, double beta, double *c, int lc)
{
    (void)o; (void)uplo;
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double s = 0;
            for (int q = 0; q < k; q++)
                s += ta == CblasTrans ? a[q * la + i] * a[q * la + j] : a[i * la + q] * a[j * la + q];
            c[i * lc + j] = beta * c[i * lc + j] + alpha * s;
        }
}
#endif
"""


def whole(arguments: str, body: str) -> tuple[str, str]:
    prototype = (SIZES if "float" not in arguments else SIZES.replace("double", "float")) + arguments
    return prototype, f"void kernel({prototype})\n{{\n    {body}\n}}\n"


@pytest.mark.parametrize("name", FORMS)
def test_forms_against_a_stand_in(name: str, tmp_path: Path) -> None:
    call, arguments, lengths, body = FORMS[name]
    prototype, before = whole(arguments, body)
    found, refusals = ask(MOVE, before, libraries=("m", "openblas"))
    assert found, [str(r) for r in refusals]
    after = text_of(found[0])
    assert call in after
    assert body in after
    (tmp_path / "cblas.h").write_text(HEADER)
    flags = (*FLAGS, "-I.", "-Wno-unused-function", "-Wno-misleading-indentation")
    same_results(prototype, before, after, lengths, tmp_path, flags=flags)


def test_a_real_blas_takes_the_call(tmp_path: Path) -> None:
    _, arguments, lengths, body = FORMS["gemm"]
    prototype, before = whole(arguments, body)
    needs_openblas(tmp_path)
    after = text_of(ask(MOVE, before, libraries=("openblas",))[0][0])
    same_results(prototype, before, after, lengths, tmp_path, link=("-lopenblas",))


def test_without_a_blas_the_refusal_says_so() -> None:
    _, arguments, _, body = FORMS["gemm"]
    found, refusals = ask(MOVE, whole(arguments, body)[1], libraries=("m",))
    assert found == []
    assert "links no BLAS" in refusals[0].reason


NEAR = {
    "three factors": "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) c[i][j] += a[i][k] * a[i][0] * b[k][j];",
    "every second row": "for (int i = 0; i < m / 2; i++) for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) c[i][j] += a[2 * i][k] * b[k][j];",
    "strict triangle": "for (int i = 0; i < m; i++) for (int j = 0; j < i; j++) for (int k = 0; k < p; k++) c[i][j] += a[i][k] * b[k][j];",
    "two products": "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) c[i][j] += a[i][k] * b[k][j] + alpha * a[i][k] * b[k][j];",
    "shifted in the sum": "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (int k = 0; k < p - 1; k++) c[i][j] += (a[i][k] + alpha) * b[k][j];",
    "in place": "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) c[i][j] += c[i][k] * b[k][j];",
}  # fmt: skip


@pytest.mark.parametrize("name", NEAR)
def test_near_misses_are_no_calls(name: str) -> None:
    text = whole(FORMS["gemm"][1], NEAR[name])[1]
    assert ask(MOVE, text, libraries=("openblas",))[0] == []
