"""Tiles of imperfect nests: the same bits for every size; twins that no common band fits are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import text_of
from restructured import CHOLESKY, LU, Case, ask_regions, compare

from loopwright.moves.tiling import Tiling

MOVE = Tiling()


@pytest.mark.parametrize("case", [LU, CHOLESKY], ids=["lu", "cholesky"])
def test_factorisations_give_the_same_bits(case: Case, tmp_path: Path) -> None:
    proposals, refusals = ask_regions(MOVE, case.text)
    assert len(proposals) >= 3, [r.reason for r in refusals]
    compare(case, proposals, tmp_path)


def test_lu_runs_along_rows() -> None:
    proposals, _ = ask_regions(MOVE, LU.text)
    assert "order i, k, j" in proposals[0].edit.title
    assert any("of k" in p.edit.title or "k, j" in p.edit.title for p in proposals)
    plain = text_of(proposals[-1])
    assert "A[i][j] -= A[i][k] * A[k][j];" in plain, "k and j keep their names"


def test_a_nest_without_a_common_band_is_refused() -> None:
    # every row is scaled by the sum of the whole row before it: columns are needed in both directions
    text = """void kernel(int n, double A[restrict n][n], double *restrict s)
{
    for (int i = 1; i < n; i++) {
        s[i] = 0;
        for (int j = 0; j < n; j++)
            for (int k = 0; k < n; k++)
                A[i][j] += A[i - 1][k] * A[i][n - 1 - j];
    }
}
"""
    proposals, refusals = ask_regions(MOVE, text)
    assert not proposals
    assert any("no common band" in r.reason for r in refusals)
