"""Fusion, distribution and the interchange they make possible: same results, and the illegal twins refused."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import text_of
from restructured import (
    ATAX,
    CORRELATION,
    DOITGEN,
    GEMVER,
    JACOBI,
    MVT,
    TWO_PRODUCTS,
    Case,
    ask_regions,
    compare,
)

from loopwright.core.task import Target
from loopwright.moves.fusion import Fusion

MOVE = Fusion()


@pytest.mark.parametrize(
    "case",
    [MVT, ATAX, GEMVER, CORRELATION, TWO_PRODUCTS, DOITGEN, JACOBI],
    ids=["mvt", "atax", "gemver", "correlation", "2mm", "doitgen", "jacobi"],
)
def test_every_proposal_computes_the_same(case: Case, tmp_path: Path) -> None:
    proposals, _ = ask_regions(MOVE, case.text)
    compare(case, proposals, tmp_path)


def test_the_matrix_is_read_once(tmp_path: Path) -> None:
    proposals, _ = ask_regions(MOVE, MVT.text, target=Target.SERIAL)
    after = text_of(proposals[0])
    assert "x1[i] = x1[i] + A[i][j] * y1[j];\n" in after
    assert "x2[j] = x2[j] + A[i][j] * y2[i];\n" in after, "interchanged and renamed to run along rows"
    assert after.count("for (") == 2
    assert "/* the transposed matrix */" in after
    assert "#pragma" not in after, "no directive for a serial target"


def test_everything_outside_of_the_region_stays() -> None:
    head = "/* caf\u00e9 */\n#include <stdio.h>\nint  odd ( void ) { return 1 ; }\n\n"
    tail = "\n\nvoid after(void)  {  }\n"
    proposals, _ = ask_regions(MOVE, head + GEMVER.text + tail)
    assert proposals
    for proposal in proposals:
        after = text_of(proposal)
        signature, closing = GEMVER.text.split("{\n")[0], "\n}\n" + tail
        assert after.startswith(head + signature)
        assert after.endswith(closing)
        assert "// rank two" in after, "comments inside the region are kept"


@pytest.mark.parametrize(
    ("body", "forbidden"),
    [
        # b needs all of a: the second loop reads what the first writes later
        (
            "for (int i = 0; i < n; i++) a[i] = c[i]; for (int i = 0; i < n; i++) b[i] = a[n - 1 - i];",
            "joined",
        ),
        # the second loop overwrites what the first still reads
        (
            "for (int i = 0; i < n; i++) a[i] = b[n - 1 - i]; for (int i = 0; i < n; i++) b[i] = c[i];",
            "joined",
        ),
        # recurrence through both statements: they cannot be taken apart
        ("for (int i = 1; i < n; i++) { a[i] = b[i - 1]; b[i] = a[i] + 1; }", "apart"),
    ],
)
def test_orders_that_dependences_forbid_are_not_made(body: str, forbidden: str) -> None:
    text = f"void kernel(int n, double *restrict a, double *restrict b, double *restrict c)\n{{\n    {body}\n}}\n"
    for proposal in ask_regions(MOVE, text)[0]:
        loops = text_of(proposal).count("for (")
        assert loops == (2 if forbidden == "joined" else 1), text_of(proposal)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("for (int i = 0; i < n; i++) a[i] = 1; for (int i = 0; i < n; i++) b[i] = a[k[i]];", "not affine"),
        ("for (int i = 0; i < n; i++) { if (a[i] > 0) a[i] = 1; }", "condition"),
        ("for (int i = 0; i < n; i++) { if (i == k[0]) break; a[i] = 1; }", "break"),
        ("for (int i = 0; i * i < n; i++) a[i] = 1;", "comparison"),
    ],
)
def test_what_is_no_scop_says_why(body: str, why: str) -> None:
    text = f"void kernel(int n, const int *restrict k, double *restrict a, double *restrict b)\n{{\n    {body}\n}}\n"
    proposals, refusals = ask_regions(MOVE, text)
    assert not proposals
    assert any(why in r.reason for r in refusals), [r.reason for r in refusals]


def test_arrays_that_may_overlap_are_left_alone() -> None:
    text = MVT.text.replace("restrict ", "").replace("restrict", "").replace("A[ n][n]", "A[n][n]")
    proposals, refusals = ask_regions(MOVE, text)
    assert not proposals
    assert any("may overlap" in r.reason for r in refusals)


def test_a_macro_that_hides_a_loop_variable_is_seen() -> None:
    text = "#define HERE a[i]\nvoid kernel(int n, double *restrict a, double *restrict b)\n{\n    for (int i = 0; i < n; i++) {\n        HERE = 1;\n        b[i] = HERE;\n    }\n}\n"
    proposals, refusals = ask_regions(MOVE, text)
    assert not proposals
    assert any("macro HERE" in r.reason for r in refusals)


HANDED_ON = Case(
    """void kernel(int m, int n, double A[restrict m][n], const double *restrict x, double *restrict y)
{
    for (int j = 0; j < n; j++)
        y[j] = 0;
    for (int i = 0; i < m; i++) {
        double row = 0.0;
        for (int j = 0; j < n; j++)
            row += A[i][j] * x[j];
        for (int j = 0; j < n; j++)
            y[j] += A[i][j] * row;
    }
}
""",
    ("m", "n"),
    (("A", "m * n"), ("x", "n"), ("y", "n")),
    values=((1, 1), (7, 13), (64, 31), (130, 257)),
)


def test_loops_that_stay_in_their_piece_get_vectors(tmp_path: Path) -> None:
    proposals, _ = ask_regions(MOVE, HANDED_ON.text)
    after = text_of(proposals[0])
    assert "#pragma omp simd reduction(+: row)\n" in after
    assert proposals[0].edit.details["rounding"] == "may differ"
    compare(HANDED_ON, proposals, tmp_path)


def test_a_recurrence_in_a_piece_gets_none() -> None:
    twin = HANDED_ON.text.replace("row += A[i][j] * x[j];", "row = A[i][j] * x[j] - 0.5 * row;")
    twin = twin.replace("y[j] += A[i][j] * row;", "y[j] += y[j > 0 ? j - 1 : 0] * row;")
    for proposal in ask_regions(MOVE, twin)[0]:
        assert "simd" not in text_of(proposal).split("double row")[1], text_of(proposal)


def test_reading_rows_once_comes_first_and_says_that_it_saves_more() -> None:
    proposals, _ = ask_regions(MOVE, MVT.text)
    assert "fused" in proposals[0].edit.title
    assert proposals[0].gain > 2 * ask_regions(MOVE, ATAX.text)[0][0].gain


def test_a_loop_that_has_its_directive_gets_no_second_one() -> None:
    text = """void f(int n, double A[restrict n][n], const double *restrict x, double *restrict w, const double *restrict z)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            A[i][j] = A[i][j] + z[i] * z[j];
    for (int i = 0; i < n; i++) {
        double sum = w[i];
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < n; j++)
            sum += A[i][j] * x[j];
        w[i] = sum;
    }
}
"""
    proposals, _ = ask_regions(MOVE, text)
    assert proposals
    for proposal in proposals:
        lines = [line.strip() for line in text_of(proposal).splitlines()]
        directives = [n for n, line in enumerate(lines) if line.startswith("#pragma omp simd")]
        assert len(directives) == 2 and all(lines[n + 1].startswith("for (") for n in directives)
