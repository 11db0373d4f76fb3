"""Shapes of device loops: only clauses change, in place, and the program does what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from offload_support import directive, printed

from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.moves.device_shape import device_shapes
from loopwright.moves.move import Proposal
from loopwright.toolchains.toolchain import Toolchain

TWO = """\
// #pragma omp target teams distribute parallel for collapse(2)
#include <stdio.h>
#define N 40
static double a[N][N][N];
int main(void)
{
    double sum = 0;
#pragma omp target teams distribute parallel for collapse(3) \\
        map(tofrom: a)
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                a[i][j][k] = i * 0.5 + j * 0.25 + k;
    #pragma omp  target teams   distribute parallel for thread_limit(64) reduction(+: sum) map(to: a)
    for (int i = 0; i < N; i++)
        sum += a[i][i][N - 1 - i];
#pragma omp parallel for
    for (int i = 0; i < N; i++)
        a[i][0][0] = 0;
    printf("%.17g\\n", sum);
    return 0;
}
"""


def shapes(text: str) -> list[Proposal]:
    return list(device_shapes(Tree({"p.c": text.encode()}), ["p.c", "gone.c"]))


def content(proposal: Proposal) -> str:
    return (proposal.edit.changes["p.c"] or b"").decode()


def test_each_clause_of_each_device_loop_by_itself() -> None:
    found = shapes(TWO)
    assert len({content(p) for p in found}) == len(found) and TWO not in map(content, found)
    assert {p.line for p in found} == {8, 14}
    first = [p.edit.title.partition(" for the")[0] for p in found if p.line == 8]
    assert [t for t in first if "collapse" in t] == ["collapse(2)", "no collapse"]
    assert [t for t in first if "over" in t] == ["the loop over i innermost", "the loop over j innermost"]
    assert {"thread_limit(64)", "thread_limit(256)", "num_teams(128)"} <= set(first)
    second = [p.edit.title.partition(" for the")[0] for p in found if p.line == 14]
    assert "thread_limit(64)" not in second and not any("collapse" in t for t in second)


def test_a_clause_that_is_there_gets_another_number_and_nothing_else_moves() -> None:
    by_title = {p.edit.title: content(p) for p in shapes(TWO)}
    changed = by_title["thread_limit(256) for the device loop at p.c:14"]
    assert changed == TWO.replace("thread_limit(64)", "thread_limit(256)")
    less = by_title["collapse(2) for the device loop at p.c:8"]
    assert less == TWO.replace("collapse(3)", "collapse(2)", 1)
    none = by_title["no collapse for the device loop at p.c:8"]
    assert (
        directive(none).splitlines()[1] == "#pragma omp target teams distribute parallel for map(tofrom: a)"
    )


def test_another_loop_is_the_innermost_one_and_the_rest_keeps_its_order() -> None:
    by_title = {p.edit.title: content(p) for p in shapes(TWO)}
    heads = [f"for (int {v} = 0; {v} < N; {v}++)" for v in "ijk"]
    before = "\n".join(f"{' ' * (4 + 4 * depth)}{head}" for depth, head in enumerate(heads))
    after = "\n".join(f"{' ' * (4 + 4 * depth)}{heads[at]}" for depth, at in enumerate((1, 2, 0)))
    turned = by_title["the loop over i innermost for the device loop at p.c:8"]
    assert before in TWO and turned == TWO.replace(before, after)
    back = {content(p) for p in shapes(turned) if p.edit.title.startswith("the loop over j innermost")}
    assert TWO not in back and TWO in {content(p) for text in back for p in shapes(text)}


@pytest.mark.parametrize(
    ("clauses", "second"),
    [
        ("collapse(2) lastprivate(last)", "int j = 0; j < n; j++"),
        ("collapse(2) order(concurrent)", "int j = 0; j < n; j++"),
        ("collapse(2)", "int j = 0; j < i; j++"),
        ("collapse(2)", "int j = i; j < n; j++"),
        ("collapse(3)", "int j = 0; j < n; j++"),
    ],
)
def test_an_order_that_matters_is_kept(clauses: str, second: str) -> None:
    text = f"#pragma omp target teams distribute parallel for {clauses}\n{LOOPS}"
    found = shapes(text.replace("int j = 0; j < n; j++", second))
    assert found and not any("innermost" in p.edit.title for p in found)


def test_shapes_of_shapes_do_not_pile_up() -> None:
    once = content(next(p for p in shapes(TWO) if p.edit.title.startswith("num_teams(64)")))
    twice = content(next(p for p in shapes(once) if p.edit.title.startswith("num_teams(256)")))
    assert twice == once.replace("num_teams(64)", "num_teams(256)")


LOOPS = "for (int i = 0; i < n; i++)\n    for (int j = 0; j < n; j++)\n        a[i][j] = i + j;\n"


@pytest.mark.parametrize(
    ("clauses", "kinds"),
    [
        ("map(tofrom: a)", {"thread_limit", "num_teams"}),
        ("num_teams(n / 2)", {"thread_limit"}),
        ("thread_limit( 32 )", {"num_teams"}),
        ("if(target: thread_limit(3) > 2)", {"num_teams"}),
        ("thread_limit(64) if(target: thread_limit(3) > 2)", {"num_teams"}),
        ("collapse(2), num_teams(8)", {"thread_limit", "num_teams"}),
        ("simd collapse(2)", {"thread_limit", "num_teams", "no collapse", "the loop over i innermost"}),
        (
            "/* thread_limit(8) */ collapse(2)",
            {"thread_limit", "num_teams", "no collapse", "the loop over i innermost"},
        ),
    ],
)
def test_a_clause_that_is_not_understood_is_left_alone(clauses: str, kinds: set[str]) -> None:
    found = shapes(f"#pragma omp target teams distribute parallel for {clauses}\n{LOOPS}")
    assert {p.edit.title.split(" for ")[0].partition("(")[0] for p in found} == kinds
    assert all("simd thread" in content(p) for p in found if "simd" in clauses and "thread" in p.edit.title)


def test_a_variable_that_would_be_shared_keeps_its_loop() -> None:
    text = "int i, j;\n#pragma omp target teams distribute parallel for collapse(2)\n"
    found = shapes(text + LOOPS.replace("int ", ""))
    assert found and not any("collapse" in p.edit.title for p in found)


def test_without_a_loop_on_a_device_there_is_nothing_to_shape() -> None:
    assert shapes("#pragma omp parallel for\nfor (;;) ;\n") == []


@pytest.mark.slow
def test_the_program_prints_the_same_in_any_shape(offload_toolchain: Toolchain, tmp_path: Path) -> None:
    found = {p.edit.title.partition(" for the")[0]: content(p) for p in shapes(TWO) if p.line == 8}
    expected = printed(offload_toolchain, {"p.c": TWO}, tmp_path / "as-it-was", Language.C)
    shown = ("thread_limit(32)", "num_teams(64)", "collapse(2)", "no collapse", "the loop over i innermost")
    for number, title in enumerate(shown):
        folder = tmp_path / str(number)
        assert printed(offload_toolchain, {"p.c": found[title]}, folder, Language.C) == expected
