"""Schedules of well-known nests whose legality is known."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

import pytest

from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import read_nests
from loopwright.analysis.schedules import (
    Schedule,
    is_legal,
    is_permutable,
    original,
    parallel_dimensions,
)
from loopwright.analysis.scop import NotAScop, Scop, scop_of
from loopwright.core.task import Language
from loopwright.core.tree import Tree


def scop(text: str) -> Scop:
    data = text.encode()
    found = read_nests(Tree({"k.c": data}), ["k.c"], Language.C, regions=True)
    assert not found.unreadable, found.unreadable
    (region,) = found.regions
    return scop_of(region, region.root.body_items, (region.root,), data)


def legal(text: str, **rows: tuple[str, ...]) -> bool:
    return is_legal(scop(text), Schedule(rows))[0] is Answer.PROVED


SEIDEL = "void f(int T, int n, double A[restrict n][n]) { for (int t = 0; t < T; t++) for (int i = 1; i < n - 1; i++) for (int j = 1; j < n - 1; j++) A[i][j] = A[i-1][j-1] + A[i-1][j] + A[i-1][j+1] + A[i][j-1] + A[i][j] + A[i][j+1] + A[i+1][j-1] + A[i+1][j] + A[i+1][j+1]; }"
JACOBI = "void f(int T, int n, double *restrict A, double *restrict B) { for (int t = 0; t < T; t++) { for (int i = 1; i < n - 1; i++) B[i] = A[i-1] + A[i] + A[i+1]; for (int i = 1; i < n - 1; i++) A[i] = B[i-1] + B[i] + B[i+1]; } }"
LU = "void f(int n, double A[restrict n][n]) { for (int k = 0; k < n; k++) { for (int i = k + 1; i < n; i++) A[i][k] /= A[k][k]; for (int i = k + 1; i < n; i++) for (int j = k + 1; j < n; j++) A[i][j] -= A[i][k] * A[k][j]; } }"


def test_seidel() -> None:
    assert legal(SEIDEL, S0=("s0", "s1", "s2"))
    assert not legal(SEIDEL, S0=("s0", "s2", "s1")), "interchange of i and j"
    skewed = Schedule({"S0": ("s0", "s0 + s1", "2*s0 + s1 + s2")})
    made = scop(SEIDEL)
    assert is_permutable(made, skewed, (0, 1, 2))[0] is Answer.PROVED
    assert is_permutable(made, Schedule({"S0": ("s0", "s1", "s2")}), (0, 1, 2))[0] is Answer.REFUTED
    assert parallel_dimensions(made, Schedule({"S0": ("s0", "2*s1 + s2", "s1")})) == (2,)


def test_jacobi() -> None:
    same = {"S0": ("s0", "s1", "0"), "S1": ("s0", "s1", "1")}
    assert not legal(JACOBI, **same), "naive fusion"
    shifted = {"S0": ("s0", "s1", "0"), "S1": ("s0", "s1 + 1", "1")}
    assert legal(JACOBI, **shifted)
    skewed = Schedule({"S0": ("s0", "2*s0 + s1", "0"), "S1": ("s0", "2*s0 + s1 + 1", "1")})
    assert is_permutable(scop(JACOBI), skewed, (0, 1))[0] is Answer.PROVED
    too_flat = Schedule({"S0": ("s0", "s0 + s1", "0"), "S1": ("s0", "s0 + s1 + 1", "1")})
    assert is_permutable(scop(JACOBI), too_flat, (0, 1))[0] is Answer.REFUTED


def test_lu() -> None:
    made = scop(LU)
    # loops: k (1), then the two nests of i (3), j (5)
    assert {3, 5} <= set(parallel_dimensions(made, original(made))), "i and j, for one k"
    assert 1 not in parallel_dimensions(made, original(made)), "k"
    band = Schedule({"S0": ("s0", "s1", "s0", "0"), "S1": ("s0", "s1", "s2", "1")})
    assert is_legal(made, band)[0] is Answer.PROVED
    assert is_permutable(made, band, (0, 1, 2))[0] is Answer.PROVED, "k, i, j may be tiled"
    assert not legal(LU, S0=("s0", "1", "s1"), S1=("s0", "0", "s1", "s2")), "update before division"
    assert not legal(LU, S0=("-s0", "s1", "s0"), S1=("-s0", "s1", "s2"))


def test_two_instances_at_one_time_are_no_schedule() -> None:
    text = "void f(int n, double *restrict a, double *restrict b) { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) b[i] = a[j]; }"
    answer, why = is_legal(scop(text), Schedule({"S0": ("s0",)}))
    assert answer is Answer.REFUTED
    assert "at one time" in why


def test_the_dependence_that_breaks_is_named() -> None:
    text = "void f(int n, double *restrict a, double *restrict b) {\n  for (int i = 0; i < n; i++)\n    a[i] = i;\n  for (int i = 0; i < n; i++)\n    b[i] = a[n - 1 - i];\n}"
    answer, why = is_legal(scop(text), Schedule({"S0": ("s0", "0"), "S1": ("s0", "1")}))
    assert answer is Answer.REFUTED
    assert "a, from line 3 to line 5" in why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("for (int i = 0; i < n; i++) a[k[i]] += 1;", "not affine"),
        ("for (int i = 0; i < n; i++) a[i] = p[i];", "overlap"),
        ("for (unsigned i = 0; i < m - 1; i++) a[i] = 1;", "wrap"),
        (
            "for (int i = 0; i < n; i++) a[i] = i; for (int i = 0; i < n; i++) if (a[i] > 1) a[i] = 2;",
            "condition",
        ),
    ],
)
def test_what_is_no_scop_says_why(body: str, why: str) -> None:
    text = f"void f(int n, unsigned m, const int *k, double *a, double *p) {{ {body} }}"
    with pytest.raises(NotAScop, match=why):
        scop(text)


def test_values_that_live_in_one_iteration_move_with_it() -> None:
    text = "void f(int n, double *restrict a, double *restrict b) { for (int i = 0; i < n; i++) { double t = a[i]; t = t * t; b[i] = t; } }"
    made = scop(text)
    assert len(made.pieces) == 1, "the statements share t and are one piece"
    assert 1 in parallel_dimensions(made, original(made))
    outside = text.replace("{ for", "{ double t; for", 1).replace("double t = a", "t = a", 1)
    assert scop(outside).pieces[0].private == ("t",)
    reference = "struct b { double x; }; void f(int n, double *restrict a, struct b *restrict s) { for (int i = 0; i < n; i++) { struct b *one = &s[i]; one->x = a[i]; } }"
    assert len(scop(reference).pieces) == 1, "what needs the declaration of `one` stays with it"
