"""Interchange towards stride 1, and the orders that dependences forbid."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import ask, runs_alike, text_of

from loopwright.moves.interchange import Interchange

MOVE = Interchange()

COLUMNS = """\
void kernel(int n, int m, double *restrict a, const double *restrict b)
{
    for (int j = 0; j < m; j++) { // columns
        for (int i = 2; i <= n - 1; i += 2)
            a[i * m + j] = a[(i - 2) * m + j] + b[i * m + j];
    }
}
"""


def test_headers_change_places_and_nothing_else(tmp_path: Path) -> None:
    (proposal,), refusals = ask(MOVE, COLUMNS)
    assert not refusals
    after = text_of(proposal)
    assert (
        after
        == """\
void kernel(int n, int m, double *restrict a, const double *restrict b)
{
    for (int i = 2; i <= n - 1; i += 2) { // columns
        for (int j = 0; j < m; j++)
            a[i * m + j] = a[(i - 2) * m + j] + b[i * m + j];
    }
}
"""
    )
    main = (
        "#include <stdio.h>\nvoid kernel(int, int, double *restrict, const double *restrict);\nint main(void) {"
        " static double a[600], b[600]; for (int i = 0; i < 600; i++) { a[i] = i % 7; b[i] = i * 0.3; }"
        ' kernel(30, 20, a, b); for (int i = 0; i < 600; i++) printf("%.17g ", a[i]); }'
    )
    runs_alike(COLUMNS, after, main, tmp_path)
    assert ask(MOVE, after)[0] == []  # and back again it does not go


def test_the_sum_of_a_matrix_product_may_move_inwards(tmp_path: Path) -> None:
    text = """\
void kernel(int n, double (*restrict c)[40], double (*restrict a)[40], double (*restrict b)[40])
{
    int i, j, k;
    for (i = 0; i < n; i++)
        for (j = 0; j < n; j++)
            for (k = 0; k < n; k++)
                c[i][j] += a[i][k] * b[k][j];
}
"""
    proposals, _ = ask(MOVE, text)
    swapped = text.replace("for (j", "for (x").replace("for (k", "for (j").replace("for (x", "for (k")
    swapped = swapped.replace("for (k = 0; j < n; j++)", "for (k = 0; k < n; k++)")
    swapped = swapped.replace("for (j = 0; k < n; k++)", "for (j = 0; j < n; j++)")
    assert swapped in [text_of(p) for p in proposals]
    main = (
        "#include <stdio.h>\ntypedef double row[40];\nvoid kernel(int, row *restrict, row *restrict, row *restrict);\n"
        "int main(void) { static row a[40], b[40], c[40]; for (int i = 0; i < 1600; i++) {"
        " a[i / 40][i % 40] = i % 7; b[i / 40][i % 40] = i % 11; } kernel(40, c, a, b);"
        ' for (int i = 0; i < 1600; i++) printf("%.17g ", c[i / 40][i % 40]); }'
    )
    for n, proposal in enumerate(proposals):
        runs_alike(text, text_of(proposal), main, tmp_path / str(n))


@pytest.mark.parametrize(
    "body",
    [
        # distance (1, -1): the order of the two iterations would be turned round
        "for (int j = 0; j < m - 1; j++) for (int i = 1; i < n; i++) a[i * m + j] = a[(i - 1) * m + j + 1];",
        # bounds depend on each other
        "for (int j = 0; j < m; j++) for (int i = j; i < n; i++) a[i * m + j] += 1;",
        "for (int j = 0; j < m; j++) for (int i = 0; i < j; i++) a[i * m + j] += 1;",
        # something else in the outer loop
        "for (int j = 0; j < m; j++) { a[j] = 0; for (int i = 0; i < n; i++) a[i * m + j] += 1; }",
        # may overlap
        "for (int j = 0; j < m; j++) for (int i = 0; i < n; i++) a[i * m + j] = b[i * m + j];",
        # a // comment in a header cannot move
        "for (int j = 0; // columns\n j < m; j++) for (int i = 0; i < n; i++) a[i * m + j] += 1;",
        # the variable is read afterwards
        "int i, j; for (j = 0; j < m; j++) for (i = 0; i < n; i++) a[i * m + j] += 1; a[0] = i + j;",
        # a directive belongs to the outer loop
        "\n#pragma omp parallel for collapse(2)\nfor (int k = 0; k < 4; k++) for (int j = 0; j < m; j++) for (int i = 0; i < n; i++) b[(k * m + j) * n] += a[i * m + j];",
        "\n#pragma omp parallel for\nfor (int j = 0; j < m; j++) for (int i = 0; i < n; i++) a[i * m + j] += 1;",
        "for (int j = 0; j < m; j++) for (int i = 0; i < n; i++) { if (a[i * m + j] > 9) break; a[i * m + j] += 1; }",
        # runs along memory already
        "for (int i = 0; i < n; i++) for (int j = 0; j < m; j++) a[i * m + j] += 1;",
    ],
)
def test_illegal_or_useless_orders_are_not_proposed(body: str) -> None:
    text = f"void kernel(int n, int m, double *a, double *b)\n{{\n{body}\n}}\n"
    assert ask(MOVE, text)[0] == []


def test_a_parallel_inner_loop_moves_out() -> None:
    text = """\
void kernel(int n, double (*restrict a)[64], double (*restrict b)[64][64])
{
    for (int t = 1; t < n; t++)
        for (int i = 0; i < 64; i++)
            a[0][0] = a[0][0], b[t][i][0] = b[t - 1][i][0] * 0.5;
}
"""
    plain = text.replace("a[0][0] = a[0][0], ", "")
    (proposal,), _ = ask(MOVE, plain)
    assert "becomes the parallel one, i" in proposal.edit.title
    assert ask(MOVE, text)[0] == []
