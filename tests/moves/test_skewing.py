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
