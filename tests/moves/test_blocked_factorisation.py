"""Blocked factorisations: the orders of loops that are understood, awkward sizes, and the illegal twins."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Target, ask, text_of
from tile_support import same_results

from loopwright.moves.blocked_factorisation import BlockedFactorisation

MOVE = BlockedFactorisation()

PROTOTYPE = "int m, int n, int p, double alpha, double beta, double *b, double *d, double a[n][n]"
LENGTHS = ("1", "1", "n*n")
DOMINANT = "for (int i = 0; i < n; i++) for (int j = 0; j <= i; j++) { double v = x[2][i * n + j] + (i == j ? 2 * n : 0); x[2][i * n + j] = x[2][j * n + i] = y[2][i * n + j] = y[2][j * n + i] = v; }"
SIZES = tuple((1, n, 500) for n in (0, 1, 2, 8, 63, 64, 65, 71, 72, 73, 127, 128, 129, 136, 200, 259))

SCALE = "for (int i = k + 1; i < n; i++) a[i][k] /= a[k][k];"
FORMS = {
    "LU by rows": "for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { for (int k = 0; k < j; k++) a[i][j] -= a[i][k] * a[k][j]; a[i][j] /= a[j][j]; } for (int j = i; j < n; j++) for (int k = 0; k < i; k++) a[i][j] -= a[i][k] * a[k][j]; }",
    "LU by pivots": "for (int k = 0; k < n; k++) { " + SCALE + " for (int i = k + 1; i < n; i++) for (int j = k + 1; j < n; j++) a[i][j] -= a[i][k] * a[k][j]; }",
    "LU by pivots, one loop over i": "for (int k = 0; k < n; k++) for (int i = k + 1; i < n; i++) { a[i][k] /= a[k][k]; for (int j = k + 1; j < n; j++) a[i][j] -= a[i][k] * a[k][j]; }",
    "Cholesky by rows": "for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { for (int k = 0; k < j; k++) a[i][j] -= a[i][k] * a[j][k]; a[i][j] /= a[j][j]; } for (int k = 0; k < i; k++) a[i][i] -= a[i][k] * a[i][k]; a[i][i] = sqrt(a[i][i]); }",
    "Cholesky by pivots": "for (int k = 0; k < n; k++) { a[k][k] = sqrt(a[k][k]); " + SCALE + " for (int i = k + 1; i < n; i++) for (int j = k + 1; j <= i; j++) a[i][j] -= a[i][k] * a[j][k]; }",
    "LDL^T without scaling, from row 1": "for (int k = 1; k < n; k++) for (int i = k + 1; i < n; i++) for (int j = k + 1; j <= i; j++) a[i][j] -= a[i][k] * a[j][k] / a[k][k];",
    "LU, sums in a scalar": "for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { double w = a[i][j]; for (int k = 0; k < j; k++) w -= a[i][k] * a[k][j]; a[i][j] = w / a[j][j]; } for (int j = i; j < n; j++) { double w = a[i][j]; for (int k = 0; k < i; k++) w -= a[i][k] * a[k][j]; a[i][j] = w; } }",
    "Cholesky, sums from zero": "for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { double s = 0.0; for (int k = 0; k < j; k++) s += a[i][k] * a[j][k]; a[i][j] = (a[i][j] - s) / a[j][j]; } double q = 0.0; for (int k = 0; k < i; k++) q += a[i][k] * a[i][k]; a[i][i] = sqrt(a[i][i] - q); }",
    "LU, one sum that goes on": "double t = 0; for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { double w = a[i][j]; for (int k = 0; k < j; k++) w -= a[i][k] * a[k][j]; a[i][j] = w / a[j][j]; } for (int j = i; j < n; j++) { t = t / n + a[i][j]; for (int k = 0; k < i; k++) t -= a[i][k] * a[k][j]; a[i][j] = t; } }",
    "LU, sums from zero": "for (int i = 0; i < n; i++) { for (int j = 0; j < i; j++) { double s = 0; for (int k = 0; k < j; k++) s += a[i][k] * a[k][j]; a[i][j] = (a[i][j] - s) / a[j][j]; } for (int j = i; j < n; j++) { double s = 0; for (int k = 0; k < i; k++) s += a[i][k] * a[k][j]; a[i][j] -= s; } }",
}  # fmt: skip


def whole(body: str) -> str:
    return f"#include <math.h>\nvoid kernel({PROTOTYPE})\n{{\n    {body}\n}}\n"


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str, tmp_path: Path) -> None:
    before = whole(FORMS[name])
    found, refusals = ask(MOVE, before)
    assert found, [str(r) for r in refusals]
    after = text_of(found[0])
    assert FORMS[name].removeprefix("double t = 0; ") in after, "the loops as they were stay for few pivots"
    assert "rounding may differ" in found[0].edit.proof
    prepare = DOMINANT.replace("+ (i == j ? 2 * n : 0)", "/ n + (i == j ? 2 * n : 0)")
    same_results(PROTOTYPE, before, after, LENGTHS, tmp_path, sizes=SIZES, prepare=prepare)


def test_sanitizers_and_the_serial_target(tmp_path: Path) -> None:
    checks = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize=vla-bound")
    before = whole(FORMS["Cholesky by rows"])
    after = text_of(ask(MOVE, before, target=Target.SERIAL)[0][0])
    assert "#pragma" not in after
    same_results(PROTOTYPE, before, after, LENGTHS, tmp_path, sizes=SIZES, prepare=DOMINANT, flags=checks)


UPDATE = "for (int i = k + 1; i < n; i++) for (int j = k + 1; j < n; j++) a[i][j] -= a[i][k] * a[k][j];"
ILLEGAL = {
    "the corner is read at every pivot": "for (int k = 0; k < n; k++) { " + SCALE + UPDATE + " d[k] = a[n - 1][n - 1]; }",
    "the corner is changed at every pivot": "for (int k = 0; k < n; k++) { " + SCALE + UPDATE + " a[n - 1][n - 1] *= 0.5; }",
    "pivot from the last column": "for (int k = 0; k < n; k++) { for (int i = k + 1; i < n; i++) a[i][k] /= a[k][n - 1]; for (int i = k + 1; i < n; i++) for (int j = k + 1; j < n; j++) a[i][j] -= a[i][n - 1] * a[k][j]; }",
    "all pairs (Floyd and Warshall with sums)": "for (int k = 0; k < n; k++) for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) a[i][j] -= a[i][k] * a[k][j];",
    "stencil": "for (int k = 0; k < n; k++) for (int i = 1; i < n - 1; i++) for (int j = 1; j < n - 1; j++) a[i][j] -= a[i - 1][j] * a[i][j - 1];",
    "partial pivoting": "for (int k = 0; k < n; k++) { int q = k; for (int i = k + 1; i < n; i++) if (a[i][k] > a[q][k]) q = i; for (int j = 0; j < n; j++) { double t = a[k][j]; a[k][j] = a[q][j]; a[q][j] = t; } " + SCALE + UPDATE + " }",
    "product, not sum": "for (int k = 0; k < n; k++) { " + SCALE + UPDATE.replace("-=", "*=") + " }",
    "an early end": "for (int k = 0; k < n; k++) { if (a[k][k] == 0) break; " + SCALE + UPDATE + " }",
    "k needed afterwards": "int k; for (k = 0; k < n; k++) { " + SCALE + UPDATE + " } a[0][0] = k;",
    "the scalar's sum reads its element": FORMS["LU, sums in a scalar"].replace("k < j;", "k <= j;"),
    "the scalar starts as another element": FORMS["LU, sums in a scalar"].replace("double w = a[i][j]; for (int k = 0; k < i", "double w = a[i][i]; for (int k = 0; k < i"),
    "the scalar is of another type": FORMS["LU, sums in a scalar"].replace("double w", "float w"),
    "the scalar is used again": FORMS["LU, sums in a scalar"].replace("a[i][j] = w / a[j][j];", "a[i][j] = w / a[j][j]; d[j] = w;"),
    "the scalar's sum is added, not taken off": FORMS["LU, sums from zero"].replace("(a[i][j] - s)", "(s - a[i][j])"),
    "other array may overlap": "for (int k = 0; k < n; k++) { " + SCALE + UPDATE.replace(" * a[k][j]", " * a[k][j] * b[k]") + " }",
}  # fmt: skip


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_twins_are_refused(name: str) -> None:
    assert ask(MOVE, whole(ILLEGAL[name]))[0] == []
