"""Regions: consecutive loops and simple statements of a function, read as one."""

from __future__ import annotations

from loopwright.analysis.frontend import read_nests
from loopwright.analysis.ir import Loop, LoopNest
from loopwright.core.task import Language
from loopwright.core.tree import Tree


def regions(text: str) -> tuple[LoopNest, ...]:
    found = read_nests(Tree({"k.c": text.encode()}), ["k.c"], Language.C, regions=True)
    assert not found.unreadable
    return found.regions


def test_loops_and_assignments_that_follow_each_other_are_one_region() -> None:
    (region,) = regions(
        """void kernel(int n, double *restrict a, double *restrict b) {
    double s, t = 1.0;
    for (int i = 0; i < n; i++) a[i] = t;
    s = a[0];
    for (int i = 0; i < n; i++) b[i] = a[i] + s;
}
"""
    )
    assert [type(item).__name__ for item in region.root.body_items] == ["Loop", "Statement", "Loop"]
    assert region.root.lower is not None and region.root.upper is not None
    assert not region.array("s").live_out, "s is not read after the last loop"


def test_declarations_calls_and_blocks_end_a_region() -> None:
    found = regions(
        """void other(void);
double kernel(int n, double *restrict a) {
    for (int i = 0; i < n; i++) a[i] = 1;
    double s = a[0];
    for (int i = 0; i < n; i++) a[i] += s;
    other();
    if (n > 3) {
        for (int i = 0; i < n; i++) a[i] -= 1;
        s = a[1];
    }
    return s;
}
"""
    )
    assert [[loop.range.line for loop in r.root.loops] for r in found] == [[3], [5], [8]]
    assert found[2].array("s").live_out


def test_what_is_read_later_in_the_same_block_is_live() -> None:
    (region,) = regions(
        """double kernel(int n, double *restrict a) {
    double s;
    int i;
    s = 0;
    for (i = 0; i < n; i++) s += a[i];
    for (i = 0; i < n; i++) a[i] = s;
    return s + i;
}
"""
    )
    assert region.array("s").live_out
    last = region.root.body_items[-1]
    assert isinstance(last, Loop) and last.live_out_variable
