"""A team for every row: two levels of loops on a device, and the program does what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from offload_support import directive, printed

from loopwright.core.task import Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.move import Proposal
from loopwright.moves.proposals import proposals
from loopwright.toolchains.toolchain import Toolchain

ROWS = """\
#include <stdio.h>
#define N 300
#define ONE 1
static double a[N][N], x[N], y[N];
static int start[N + 1];
int main(void)
{
    double all = 0;
    for (int i = 0; i < N; i++) {
        x[i] = 1.0 / (i + 1);
        start[i + 1] = (i * 7) % N;
        for (int j = 0; j < N; j++)
            a[i][j] = (i * 3 + j) % 11;
    }
#pragma omp target teams distribute parallel for reduction(+: all) map(to: a, x, start) map(from: y)
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < start[i + 1]; j++)
            sum += a[i][j] * x[j];
        y[i] = sum;
        double carried = 0;
        for (int j = 0; j < N; j++)
            carried = carried * 0.5 + a[i][j];
        all += carried;
    }
    for (int i = 0; i < N; i++)
        all += y[i];
    printf("%.9g\\n", all);
    return 0;
}
"""


def rows(text: str, *, on_device: bool = True) -> list[Proposal]:
    tree = Tree({"p.c": text.encode()})
    found = proposals(tree, ["p.c"], Language.C, target=Target.OFFLOAD, timed_on_device=on_device)
    return [p for p in found.proposals if p.edit.title.startswith("a team for every")]


def test_the_loops_that_are_parallel_get_the_threads_of_the_team() -> None:
    (found,) = rows(ROWS)
    text = (found.edit.changes["p.c"] or b"").decode()
    outer = "target teams distribute reduction(+: all) map(to: a, x, start) map(from: y)"
    assert directive(text).splitlines() == [
        f"#pragma omp {outer}",
        "#pragma omp parallel for reduction(+: sum)",
    ]
    assert (
        "for (int j = 0; j < start[i + 1]; j++)" in text.split("#pragma omp parallel for")[1].splitlines()[1]
    )
    assert found.edit.details is not None and found.edit.details["move"] == "device-shape"
    assert not rows(text), "it is proposed once"


def test_only_where_a_device_says_what_is_faster() -> None:
    assert rows(ROWS, on_device=False) == []


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("parallel for reduction", "parallel for simd reduction"),
        ("parallel for reduction", "parallel for schedule(static) reduction"),
        ("parallel for reduction", "parallel for collapse(ONE) reduction"),
        ("sum += a[i][j] * x[j];", "sum = sum * 0.5 + a[i][j];"),
        ("double sum = 0;\n        for", "double sum = 0;\n#pragma omp simd reduction(+: sum)\n        for"),
    ],
)
def test_what_is_not_proved_or_not_plain_stays(there: str, instead: str) -> None:
    assert there in ROWS and rows(ROWS.replace(there, instead)) == []


@pytest.mark.slow
def test_the_program_prints_the_same(offload_toolchain: Toolchain, tmp_path: Path) -> None:
    (found,) = rows(ROWS)
    text = (found.edit.changes["p.c"] or b"").decode()
    before = printed(offload_toolchain, {"p.c": ROWS}, tmp_path / "flat", Language.C)
    assert printed(offload_toolchain, {"p.c": text}, tmp_path / "rows", Language.C) == before
