"""Time tiles: the same bits for every size, and stencils without a skew that goes forward left alone."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import text_of
from restructured import HEAT, JACOBI, LINE, SEIDEL, Case, ask_regions, compare

from loopwright.core.task import Target
from loopwright.moves.skewing import TimeTiles

MOVE = TimeTiles()


@pytest.mark.parametrize(
    "case", [JACOBI, SEIDEL, HEAT, LINE], ids=["jacobi-2d", "seidel-2d", "heat-3d", "line"]
)
def test_time_tiles_give_the_same_bits(case: Case, tmp_path: Path) -> None:
    proposals, refusals = ask_regions(MOVE, case.text)
    assert len(proposals) >= 2, [r.reason for r in refusals]
    assert all((p.edit.details or {})["rounding"] == "unchanged" for p in proposals)
    assert all((p.edit.details or {})["threads"] == "1" for p in proposals), "waves run on all threads"
    assert "one wave do not depend on each other" in " ".join(text_of(proposals[0]).split())
    compare(case, proposals, tmp_path)


def test_serial_tiles_have_no_waves(tmp_path: Path) -> None:
    proposals, _ = ask_regions(MOVE, JACOBI.text, target=Target.SERIAL)
    assert proposals
    assert "wave" not in text_of(proposals[0])
    assert "#pragma" not in text_of(proposals[0])
    compare(JACOBI, proposals, tmp_path)


def test_gauss_seidel_points_are_visited_along_lines() -> None:
    proposals, _ = ask_regions(MOVE, SEIDEL.text)
    assert "const int j = line - 2 * i;" in text_of(proposals[0])


@pytest.mark.parametrize(
    "body",
    [
        # reaches across the whole grid: no finite slope goes forward
        "a[i] = 0.5 * (a[i] + a[n - 1 - i]);",
        # periodic boundary: every sweep wraps around
        "a[i] = a[i] + a[(i + 1) % n];",
        # a neighbour five away needs a slope of five
        "a[i] = a[i + 5] + 1;",
        # what is read is not affine
        "a[i] = a[k[i]] + 1;",
    ],
)
def test_illegal_twins_are_refused(body: str) -> None:
    text = f"void kernel(int steps, int n, double *restrict a, const int *restrict k)\n{{\n    for (int t = 0; t < steps; t++)\n        for (int i = 0; i < n - 5; i++)\n            {body}\n}}\n"
    assert ask_regions(MOVE, text)[0] == []


def test_a_loop_over_time_with_output_in_it_is_left_alone() -> None:
    text = JACOBI.text.replace("    for (int t", "    for (int t").replace(
        "steps; t++) {", 'steps; t++) {\n        report(t);'
    )  # fmt: skip
    assert ask_regions(MOVE, "void report(int);\n" + text)[0] == []


YEE = Case(
    """void kernel(int steps, int m, int n, const double *restrict source, double ex[restrict m][n], double ey[restrict m][n], double hz[restrict m][n])
{
    for (int t = 0; t < steps; t++) {
        for (int j = 0; j < n; j++)
            ey[0][j] = source[t];
        for (int i = 1; i < m; i++)
            for (int j = 0; j < n; j++)
                ey[i][j] -= 0.5 * (hz[i][j] - hz[i - 1][j]);
        for (int i = 0; i < m; i++)
            for (int j = 1; j < n; j++)
                ex[i][j] -= 0.5 * (hz[i][j] - hz[i][j - 1]);
        for (int i = 0; i < m - 1; i++)
            for (int j = 0; j < n - 1; j++)
                hz[i][j] -= 0.7 * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j]);
    }
}
""",
    ("steps", "m", "n"),
    (("source", "steps"), ("ex", "m * n"), ("ey", "m * n"), ("hz", "m * n")),
    values=(
        (0, 5, 5),
        (1, 0, 3),
        (1, 1, 1),
        (2, 1, 4),
        (2, 4, 1),
        (3, 2, 2),
        (9, 33, 7),
        (20, 70, 40),
        (7, 5, 90),
    ),
)
RIM = Case(
    """void kernel(int steps, int n, double a[restrict n][n], double b[restrict n][n])
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                b[i][j] = 0.25 * (a[i - 1][j] + a[i + 1][j] + a[i][j - 1] + a[i][j + 1]);
        for (int j = 0; j < n; j++) {
            b[0][j] = 1.0;
            b[n - 1][j] = b[n - 2][j]; /* no flow through the far side */
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                a[i][j] = b[i][j];
    }
}
""",
    ("steps", "n"),
    (("a", "n * n"), ("b", "n * n")),
    values=((0, 5), (1, 1), (1, 2), (2, 3), (5, 7), (9, 33), (17, 41), (20, 70)),
)


@pytest.mark.parametrize("case", [YEE, RIM], ids=["yee", "rim"])
def test_statements_at_the_rim_go_with_their_points(case: Case, tmp_path: Path) -> None:
    proposals, refusals = ask_regions(MOVE, case.text)
    assert proposals, [r.reason for r in refusals]
    assert "else { /* part of it has nothing to do */" in text_of(proposals[0])
    compare(case, proposals, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        # The rim takes what the other side has: every sweep goes round.
        ("b[0][j] = 1.0;", "b[0][j] = b[n - 2][j];", "goes forward only"),
        # Columns are set from rows.
        ("b[0][j] = 1.0;", "b[0][j] = b[j][1];", "goes forward only"),
        # Something else is written, at no point of the grid.
        ("b[0][j] = 1.0;", "sum[0] += b[0][j];", "writes nothing that they write"),
    ],
)
def test_illegal_rims_are_refused(old: str, new: str, reason: str) -> None:
    text = RIM.text.replace(old, new).replace("int n,", "int n, double *restrict sum,")
    assert old not in text
    proposals, refusals = ask_regions(MOVE, text)
    assert proposals == []
    assert any(reason in r.reason for r in refusals), [r.reason for r in refusals]
