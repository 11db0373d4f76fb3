"""Threads for all hot loops at once: which edits are put together, and in which order they are tried."""

from __future__ import annotations

import pytest

from loopwright.agents.opening import opening
from loopwright.agents.ranking import hot_lines
from loopwright.agents.strategies.looks import is_joined, key_of, line_of
from loopwright.core.candidate import Candidate, Edit
from loopwright.core.profile import HotLine, Profile
from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.moves.proposals import Proposals, proposals

PROGRAM = """\
#include <stdio.h>
#define N 4000
static double a[N], b[N], c[N];

static int steps(int limit)
{
    int count = 0;
    for (int k = 0; k < limit; k++)
        count += (k * 7919) % 13 == 0;
    return count;
}

int main(void)
{
    for (int i = 0; i < N; i++)
        a[i] = 0.5 * steps(i);
    printf("%g\\n", a[7]);
    for (int i = 0; i < N; i++)
        b[i] = a[i] + i;
    printf("%g\\n", b[7]);
    for (int i = 1; i < N; i++)
        c[i] = c[i - 1] + b[i];
    printf("%g\\n", c[N - 1]);
    return 0;
}
"""


def asked(tree: Tree, functions: frozenset[str] | None = None) -> Proposals:
    return proposals(tree, ["p.c"], Language.C, functions=functions)


def again(edit: Edit, parent: Candidate) -> Edit | None:
    found = asked(Tree(parent.files), frozenset({(edit.details or {})["function"]})).edits
    return min((e for e in found if key_of(e) == key_of(edit)), key=line_of, default=None)


def opened(text: str) -> tuple[Edit | None, str]:
    parent = Candidate(Tree({"p.c": text.encode()}))
    edit = opening(asked(Tree(parent.files)).proposals, parent, again)
    content = edit.changes["p.c"] if edit is not None else b""
    return edit, (content or b"").decode()


def test_every_loop_that_may_have_threads_gets_them_once() -> None:
    edit, text = opened(PROGRAM)
    assert edit is not None and is_joined(edit) and not edit.speculative
    lines = text.splitlines()
    below = [lines[n + 1].strip() for n, line in enumerate(lines) if "#pragma omp parallel" in line]
    # Not the loop of `steps`, which runs inside of the first one, and not the recurrence.
    assert below == ["for (int i = 0; i < N; i++)"] * 2
    without = [line for line in lines if "#pragma" not in line]
    assert without == PROGRAM.splitlines()
    assert edit.proof.count("no dependence is carried") == 2


def test_a_loop_inside_of_a_called_function_comes_after_the_loop_round_the_call() -> None:
    found = asked(Tree({"p.c": PROGRAM.encode()})).proposals
    inner = [p for p in found if p.function == "steps" and p.family == "parallel-for"]
    outer = [p for p in found if p.function == "main" and p.line == 15 and p.family == "parallel-for"]
    assert inner and outer
    assert max(p.gain for p in outer) > max(p.gain for p in inner)
    assert (inner[0].edit.details or {})["called in"] == "i (p.c:15)"
    assert "called in" not in (outer[0].edit.details or {})


def test_one_loop_alone_is_no_opening() -> None:
    alone = PROGRAM.replace("b[i] = a[i] + i", "b[i] = b[i / 2] + a[i]")
    assert opened(alone)[0] is None
    assert asked(Tree({"p.c": alone.encode()})).proposals


def test_time_in_libraries_is_laid_to_the_lines_of_the_sources() -> None:
    def profile(elsewhere: float, *shares: float) -> Profile:
        lines = tuple(HotLine("p.c", number, share, "f") for number, share in enumerate(shares, 1))
        return Profile("perf", "given", 1000, lines, elsewhere)

    assert hot_lines(profile(0.0, 0.75, 0.25)) == {("p.c", 1): 0.75, ("p.c", 2): 0.25}
    assert hot_lines(profile(0.5, 0.375, 0.125)) == {("p.c", 1): 0.75, ("p.c", 2): 0.25}
    # A loop that does nothing but call `exp` is hot all the same; five samples of a thousand are not all.
    assert hot_lines(profile(0.995, 0.005)) == {("p.c", 1): pytest.approx(0.1)}
