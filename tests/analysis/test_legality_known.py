"""Legality of loop orders on kernels whose answers are known."""

from __future__ import annotations

import pytest
from oracle_build import Builder
from test_dependence_known import jacobi, lu, matmul, seidel

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import LoopNest, Parameter, Storage, Unknown
from loopwright.analysis.legality import (
    collapse_legal,
    determinant,
    interchange_legal,
    is_rectangular,
    order_legal,
    perfect_band,
    schedule_legal,
    tilable,
)

PROVED, REFUTED, UNKNOWN = Answer.PROVED, Answer.REFUTED, Answer.UNKNOWN


def test_seidel_needs_skewing_before_tiling() -> None:
    nest = seidel()
    answer, reason = interchange_legal(nest, "i", "j")
    assert answer is REFUTED
    assert "a, from line" in reason
    assert tilable(nest, ["t", "i", "j"])[0] is REFUTED
    assert tilable(nest, ["t", "i", "j"], [[1, 0, 0], [1, 1, 0], [2, 1, 1]])[0] is PROVED
    assert tilable(nest, ["t", "i", "j"], [[1, 0, 0], [1, 1, 0], [1, 1, 1]])[0] is REFUTED
    assert schedule_legal(nest, [[1, 0, 0], [1, 1, 0], [2, 1, 1]])[0] is PROVED
    assert schedule_legal(nest, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])[0] is REFUTED


def test_matmul_in_any_order() -> None:
    for order in ("ikj", "kij", "kji", "jik", "jki"):
        assert order_legal(matmul(), "ijk", order)[0] is PROVED
    assert tilable(matmul(), "ijk")[0] is PROVED
    assert collapse_legal(matmul(), "ij")[0] is PROVED
    assert is_rectangular(matmul(), "ijk")


def test_a_sum_over_two_loops_needs_rounding_to_change_order() -> None:
    def total(is_float: bool) -> LoopNest:
        b = Builder()
        root = b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("s", "a[i][j]", op="+")))
        return b.nest(root, arrays={"s": {"is_float": is_float, "live_out": True}})

    assert interchange_legal(total(False), "i", "j")[0] is PROVED
    assert interchange_legal(total(True), "i", "j")[0] is REFUTED
    assert interchange_legal(total(True), "i", "j", allow_rounding=True)[0] is PROVED
    assert collapse_legal(total(True), "ij")[0] is PROVED


def test_lu_is_not_one_perfect_band() -> None:
    assert perfect_band(lu()) == ("k", "i")
    answer, reason = order_legal(lu(), ["k", "i", "j"], ["i", "k", "j"])
    assert answer is UNKNOWN
    assert "more than the next loop" in reason


def test_a_perfect_lu_update_has_to_keep_k_outside() -> None:
    b = Builder()
    update = b.st("a[i][j]", "a[i][k] a[k][j] a[i][j]")
    nest = b.nest(b.loop("k", 0, "n", b.loop("i", "k+1", "n", b.loop("j", "k+1", "n", update))))
    facts = analyse(nest)
    assert [facts.loops[x].parallel for x in "kij"] == [REFUTED, PROVED, PROVED]
    assert interchange_legal(nest, "i", "j")[0] is PROVED
    assert tilable(nest, "kij")[0] is PROVED
    assert not is_rectangular(nest, "kij")
    assert is_rectangular(nest, "ij")
    assert collapse_legal(nest, "ij")[0] is PROVED
    assert collapse_legal(nest, "kij")[0] is not PROVED


def test_floyd_warshall_stays_unproved() -> None:
    b = Builder()
    s = b.st("p[i][j]", "p[i][j] p[i][k] p[k][j]")
    nest = b.nest(b.loop("k", 0, "n", b.loop("i", 0, "n", b.loop("j", 0, "n", s))))
    assert interchange_legal(nest, "k", "i")[0] is REFUTED
    assert tilable(nest, "kij")[0] is REFUTED


def test_jacobi_sweeps_exchange_only_inside() -> None:
    assert interchange_legal(jacobi(), "i", "j")[0] is PROVED
    assert interchange_legal(jacobi(), "t", "i")[0] is UNKNOWN
    assert collapse_legal(jacobi(), "xy")[0] is PROVED


@pytest.mark.parametrize(
    ("read", "legal"), [("a[i-1][j+1]", REFUTED), ("a[i-1][j-1]", PROVED), ("a[i-1][j]", PROVED)]
)
def test_direction_vectors(read: str, legal: Answer) -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 1, "n", b.loop("j", 1, "n", b.st("a[i][j]", read))))
    assert interchange_legal(nest, "i", "j")[0] is legal


def test_a_loop_that_counts_down_turns_the_direction() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 1, "n", b.loop("j", 1, "n", b.st("a[i][j]", "a[i-1][j+1]"), step=-1)))
    assert interchange_legal(nest, "i", "j")[0] is PROVED
    b = Builder()
    nest = b.nest(b.loop("i", 1, "n", b.loop("j", 1, "n", b.st("a[i][j]", "a[i-1][j-1]"), step=-1)))
    assert interchange_legal(nest, "i", "j")[0] is REFUTED


def test_private_scalars_do_not_bind_the_order() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("t", "a[j][i]"), b.st("b[i][j]", "t"))))
    assert interchange_legal(nest, "i", "j")[0] is PROVED
    b = Builder()
    root = b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("t", "a[j][i]"), b.st("b[i][j]", "t")))
    assert interchange_legal(b.nest(root, arrays={"t": {"live_out": True}}), "i", "j")[0] is not PROVED


def test_unknown_stays_unknown() -> None:
    b = Builder()
    indirect = b.nest(b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("a[?]", "k[i][j]"))))
    assert interchange_legal(indirect, "i", "j")[0] is UNKNOWN
    b = Builder()
    pointed = {"a": {"storage": Storage.POINTED}, "c": {"storage": Storage.POINTED}}
    overlap = b.nest(b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("a[i][j]", "c[i][j]"))), arrays=pointed)
    answer, reason = interchange_legal(overlap, "i", "j")
    assert (answer, "overlap" in reason) == (UNKNOWN, True)
    b = Builder()
    stop = (Unknown("a break leaves the loop", 2, local=True),)
    left = b.nest(b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("a[i][j]"), problems=stop)))
    assert interchange_legal(left, "i", "j")[0] is UNKNOWN
    assert interchange_legal(matmul(), "k", "i")[0] is UNKNOWN
    assert order_legal(matmul(), "ijk", "kij", seconds=0)[0] is UNKNOWN


def test_collapse_refuses_triangles_and_variables_needed_later() -> None:
    b = Builder()
    triangle = b.nest(b.loop("i", 0, "n", b.loop("j", 0, "i", b.st("a[i][j]"))))
    assert collapse_legal(triangle, "ij")[0] is REFUTED
    assert interchange_legal(triangle, "i", "j")[0] is PROVED
    b = Builder()
    later = b.loop("j", 0, "n", b.st("a[i][j]"), declared_here=False, live_out_variable=True)
    nest = b.nest(b.loop("i", 0, "n", later), parameters=(Parameter("n", "n", 1),))
    assert collapse_legal(nest, "ij")[0] is UNKNOWN


def test_wrong_use_is_an_error() -> None:
    with pytest.raises(ValueError, match="not an order"):
        order_legal(matmul(), "ij", "ik")
    with pytest.raises(ValueError, match="invertible"):
        tilable(matmul(), "ij", [[1, 1], [1, 1]])
    with pytest.raises(ValueError, match="rows of 3"):
        schedule_legal(matmul(), [[1, 0]])
    with pytest.raises(KeyError):
        order_legal(matmul(), ["zz"], ["zz"])


def test_determinant() -> None:
    assert determinant([[1, 0, 0], [1, 1, 0], [2, 1, 1]]) == 1
    assert determinant([[0, 1], [1, 0]]) == -1
    assert determinant([[2, 3], [4, 6]]) == 0
