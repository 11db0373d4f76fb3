"""Column strips: the same bits for every size, and columns that depend on each other left alone."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Target, ask, text_of
from restructured import Case, compare

from loopwright.moves.column_strips import ColumnStrips

MOVE = ColumnStrips()
SYMM = Case(
    """void kernel(int m, int n, double alpha, double beta, const double a[restrict m][m], const double b[restrict m][n], double c[restrict m][n])
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double left = 0.0;
            for (int k = 0; k < i; k++) {
                const double w = a[i][k];
                c[k][j] += alpha * w * b[i][j];
                left += w * b[k][j];
            }
            c[i][j] = beta * c[i][j] + alpha * (a[i][i] * b[i][j] + left);
        }
}
""",
    ("m", "n"),
    (("a", "m * m"), ("b", "m * n"), ("c", "m * n")),
    ("alpha", "beta"),
    values=((0, 3), (3, 0), (1, 1), (5, 63), (7, 64), (9, 65), (33, 130), (40, 7)),
)
SOLVE = Case(
    """void kernel(int steps, int m, int n, const double *restrict d, double x[restrict m][n])
{
    for (int t = 0; t < steps; ++t)
        for (int j = 1; j <= n - 1; j++) {
            double last;
            last = x[0][j];
            for (int i = 1; i < m; i++)
                x[i][j] = (x[i][j] - x[i - 1][j] - last) / d[i];
            for (int i = m - 2; i >= 0; i--) {
                x[i][j] -= 0.25 * x[i + 1][j];
            }
        }
}
""",
    ("steps", "m", "n"),
    (("d", "m"), ("x", "m * n + 1")),
    values=((0, 3, 3), (1, 1, 1), (2, 1, 5), (3, 5, 66), (2, 9, 131), (1, 2, 0)),
)


@pytest.mark.parametrize("case", [SYMM, SOLVE], ids=["symm", "solve"])
def test_strips_give_the_same_bits(case: Case, tmp_path: Path) -> None:
    proposed, refused = ask(MOVE, case.text)
    assert len(proposed) == 1, [str(r) for r in refused]
    serial, _ = ask(MOVE, case.text, target=Target.SERIAL)
    assert "#pragma" not in text_of(serial[0])
    assert "#pragma omp parallel for" in text_of(proposed[0])
    compare(case, [*proposed, *serial], tmp_path)


def test_a_scalar_of_one_iteration_gets_a_row() -> None:
    text = text_of(ask(MOVE, SYMM.text)[0][0])
    assert "double left_of[64];" in text and "left_of[j - j_low] += w * b[k][j];" in text


@pytest.mark.parametrize(
    ("case", "old", "new", "reason"),
    [
        (SYMM, "+ left)", "+ left + c[i][j - 1])", "depend on each other"),
        (SYMM, "c[k][j] +=", "c[k][0] +=", "depend on each other"),
        (SYMM, "k < i", "k < j", "depend on j"),
        (SYMM, "int j = 0; j < n", "int j = i; j < n", "depend on the loops around"),
        (SYMM, "double left = 0.0", "double row[2], left = 0.0; row[0] = 0", ""),
        (SYMM, "            double left = 0.0;", "            if (i == j) continue; double left = 0.0;", ""),
        (SOLVE, "            double last;\n", "", "shared by all columns"),
        (SOLVE, "x[i - 1][j] -", "x[i - 1][j + 1] -", "depend on each other"),
    ],
)
def test_illegal_twins_are_refused(case: Case, old: str, new: str, reason: str) -> None:
    text = case.text.replace(old, new)
    assert text != case.text
    if "double last;" in old:
        text = text.replace("    for (int t", "    double last = 0;\n    for (int t")
    proposed, refused = ask(MOVE, text)
    assert proposed == []
    assert any(reason in r.reason for r in refused), [str(r) for r in refused]


def test_loops_that_run_along_memory_already_are_left_alone() -> None:
    text = SYMM.text.replace("b[k][j]", "b[j][k]").replace("c[k][j] +=", "c[j][k] +=")
    assert ask(MOVE, text)[0] == []
