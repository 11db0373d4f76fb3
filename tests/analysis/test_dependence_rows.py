"""Loops whose length only the data knows, as rows of a sparse matrix: fixed if nothing in them changes it."""

from __future__ import annotations

import pytest

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer, LoopFacts
from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Language
from loopwright.core.tree import Tree

HEAD = "void f(int n, int i, int *restrict row, const double *restrict v, double *restrict y)\n"


def innermost(body: str, head: str = HEAD) -> LoopFacts:
    found = read_nests(Tree({"k.c": f"{head}{{ {body} }}\n".encode()}), ["k.c"], Language.C)
    assert not found.unreadable, found.unreadable
    facts = analyse(found.nests[0])
    loop = found.nests[0].root.walk()[-1]
    return facts.loops[loop.id]


@pytest.mark.parametrize(
    ("body", "reductions"),
    [
        ("double s = 0; for (int k = row[i]; k < row[i + 1]; k++) s += v[k]; y[i] = s;", ["s"]),
        ("for (int k = row[i]; k < row[i + 1]; k++) y[k] = 2 * v[k];", []),
        ("for (int k = row[i + 1] - 1; k >= row[i]; k--) y[k] = 2 * v[k];", []),
        ("for (int j = 0; j < n; j++) for (int k = row[j]; k < row[j + 1]; k++) y[j] += v[k];", ["y"]),
    ],
)
def test_rows_are_parallel(body: str, reductions: list[str]) -> None:
    facts = innermost(body)
    assert facts.parallel is Answer.PROVED, facts.reason
    assert [r.variable for r in facts.reductions] == reductions


@pytest.mark.parametrize(
    "body",
    [
        "for (int k = row[i]; k < row[i + 1]; k++) row[k] = 0;",  # the end moves
        "for (int k = row[i]; k < (int)y[3]; k++) y[k] = v[k];",
        "int end = row[i]; for (int k = 0; k < end; k++) { if (v[k] < 0) end--; y[k] = 1; }",
        "for (int k = row[i]; k < row[i + 1]; k++) y[k] = y[k + 1];",  # the usual reasons hold
        "double last = 0; for (int k = row[i]; k < row[i + 1]; k++) last = v[k]; y[i] = last;",  # may not run
        "int k = row[i]; while (k < row[i + 1]) { y[k] = 1; k += 2; if (v[k] > 0) k++; }",
        "for (int k = row[i]; k < row[i + 1]; k++) { y[k] = v[k]; if (v[k] < 0) break; }",
        "for (int k = row[i]; k < row[i + 1]; k++) { y[k] = v[k]; k += 1; }",
    ],
)
def test_twins_are_not(body: str) -> None:
    assert innermost(body).parallel is not Answer.PROVED


def test_the_end_may_hide_behind_another_pointer() -> None:
    head = HEAD.replace("restrict ", "").replace("double *y", "int *y")
    facts = innermost("for (int k = row[i]; k < row[i + 1]; k++) y[k] = k;", head)
    assert facts.parallel is not Answer.PROVED
