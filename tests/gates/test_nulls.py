"""Null candidates: every kind is caught where the tolerance is right, and found out where it is loose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from loopwright.core.task import (
    Argument,
    Build,
    Case,
    Dtype,
    Kernel,
    Output,
    OutputFile,
    Role,
    StdoutMode,
    Task,
    Tolerance,
    Use,
)
from loopwright.core.tree import Tree
from loopwright.gates.compare import AnyArray, compare
from loopwright.gates.null_makers import nulls_of
from loopwright.gates.nulls import Known, NullResult, is_same, judge_nulls, stricter

EXACT = Tolerance(rtol=0.0)
EVERY = {
    "zeros", "constant", "poison", "reversed", "permuted", "half-zero", "half-poison", "first-only",
    "low-precision", "sign-flip", "off-by-ten",
}  # fmt: skip


def program(tolerance: Tolerance, *cases: Case, dtype: Dtype = Dtype.F64) -> Task:
    output = Output(StdoutMode.NUMBERS, (), (OutputFile("x.bin", dtype),), tolerance)
    cases = cases or (Case("small"), Case("full", Use.TIME))
    return Task("t", Tree({"a.c": b"int main;"}), ("a.c",), Build(("a.c",)), cases, output)


def judged(task: Task, **outputs: AnyArray) -> dict[str, NullResult]:
    known = Known({case: {"x.bin": array} for case, array in outputs.items()})
    return {result.name: result for result in judge_nulls(task, known)}


def noise(size: int, seed: int = 1) -> AnyArray:
    return np.random.default_rng(seed).normal(size=size)


def test_a_tight_tolerance_catches_every_kind() -> None:
    results = judged(program(Tolerance(1e-9)), small=noise(17), full=noise(400, 2))
    assert set(results) == EVERY | {"stale-case"}
    assert all(result.caught and result.case == "small" and result.by for result in results.values())


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_nulls_are_wrong_answers_of_the_right_shape(dtype: str) -> None:
    rng = np.random.default_rng(3)
    array = (rng.normal(size=(6, 7)) * 40 + 1).astype(dtype)
    nulls = dict(nulls_of(array, EXACT))
    expected = set(EVERY)
    if array.dtype.kind != "f":
        expected.discard("low-precision")
    if array.dtype.kind == "u":
        expected.discard("sign-flip")
    assert set(nulls) == expected
    before = array.copy()
    for name, null in nulls.items():
        assert (null.shape, null.dtype) == (array.shape, array.dtype), name
        assert compare("x", array, null, EXACT) is not None, name
    assert np.array_equal(array, before)


def test_one_number_is_neither_permuted_nor_half_done() -> None:
    names = {name for name, _ in nulls_of(np.array([3.25001]), EXACT)}
    assert names == {"zeros", "poison", "low-precision", "sign-flip", "off-by-ten"}
    assert list(nulls_of(np.array([]), EXACT)) == []


@pytest.mark.parametrize("size", range(2, 30))
def test_a_permutation_moves_something(size: int) -> None:
    array = np.arange(1.0, size + 1)
    permuted = dict(nulls_of(array, EXACT))["permuted"]
    assert sorted(permuted) == list(array)
    assert not np.array_equal(permuted, array)


def test_off_by_ten_is_caught_at_any_tolerance_and_size() -> None:
    for value in (1e-300, 1e-9, 1.0, -7.5, 1e30, 0.0):
        for tolerance in (EXACT, Tolerance(1e-9), Tolerance(1e-17), Tolerance(0.5), Tolerance(0, 3.0),
                          Tolerance(0, 0, 100)):  # fmt: skip
            for dtype in ("f4", "f8"):
                array = np.full(3, value).astype(dtype)
                null = dict(nulls_of(array, tolerance)).get("off-by-ten")
                if null is not None:
                    assert compare("x", array, null, tolerance) is not None, (value, tolerance, dtype)
    for dtype in ("i1", "u1", "i8", "u8"):
        array = np.full(2, np.iinfo(dtype).max, dtype=dtype)
        null = dict(nulls_of(array, Tolerance(0, 2)))["off-by-ten"]
        assert compare("x", array, null, Tolerance(0, 2)) is not None


def test_atol_above_the_outputs_lets_zeros_through_and_the_proposal_stops_them() -> None:
    small, full = noise(17) * 1e-4, noise(400, 2) * 1e-4
    zeros = judged(program(Tolerance(1e-9, 1e-2)), small=small, full=full)["zeros"]
    assert zeros.passed and zeros.let_through == ("small", "full")
    value = float(zeros.proposal.split(" = ")[1].split()[0])
    assert 1e-5 < value < 1e-2
    again = judged(program(Tolerance(1e-9, value)), small=small, full=full)["zeros"]
    assert again.caught and again.case == "full"


@pytest.mark.parametrize("seed", range(20))
def test_a_proposal_rejects_and_a_digit_more_does_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.normal(size=9) * 10.0 ** rng.integers(-8, 8)
    null = reference * (1 + rng.normal(size=9) * 10.0 ** rng.integers(-7, -2))
    atol = float(np.max(np.abs(null - reference))) * 2
    text = stricter(reference, null, Tolerance(0.0, atol))
    value = float(text.removeprefix("atol = ").removesuffix(" or less"))
    assert compare("x", reference, null, Tolerance(0.0, value)) is not None
    assert compare("x", reference, null, Tolerance(0.0, value * 2.01)) is None
    text = stricter(reference, null, Tolerance(0.9))
    value = float(text.removeprefix("rtol = ").removesuffix(" or less"))
    assert compare("x", reference, null, Tolerance(value)) is not None
    assert compare("x", reference, null, Tolerance(value * 2.01)) is None


def test_a_null_candidate_that_is_the_right_answer_is_called_so() -> None:
    flags = np.zeros(8, dtype=np.int32)
    results = judged(program(EXACT, dtype=Dtype.I32), small=flags, full=np.zeros(20, dtype=np.int32))
    assert results["zeros"].same and results["reversed"].same
    assert results["zeros"].by == "same as the output"
    assert results["off-by-ten"].caught
    mirror = np.array([1.0, 2.0, 3.0, 2.0, 1.0 + 2e-16])
    results = judged(program(Tolerance(1e-9)), small=mirror, full=mirror)
    assert results["reversed"].same and results["permuted"].caught


def test_sameness_forgives_rounding_alone() -> None:
    array = noise(50)
    assert is_same(array, array * (1 + 1e-15))
    assert not is_same(array, array * (1 + 1e-9))
    assert not is_same(array, np.zeros(50))
    assert is_same(np.array([np.nan, 1.0]), np.array([np.nan, 1.0]))
    assert not is_same(np.array([np.nan, 1.0]), np.array([0.0, 1.0]))
    assert not is_same(np.array([1.0, 1.0]), np.array([1.0, np.nan]))


def test_numbers_that_repeat_an_argument_do_not_catch_anything() -> None:
    cases = (Case("small", args=("64", "10")), Case("full", Use.TIME, args=("512", "10")))
    outputs = {"small": np.array([64.0, 10.0, 1e-3]), "full": np.array([512.0, 10.0, 2e-3])}
    task = program(Tolerance(1e-9, 0.5), *cases)
    known = Known({name: {"stdout": array} for name, array in outputs.items()})
    results = {result.name: result for result in judge_nulls(task, known)}
    assert results["zeros"].passed
    assert "permuted" not in results


def test_lines_of_text_are_tried_too() -> None:
    def text(*lines: bytes) -> Mapping[str, AnyArray]:
        return {"stdout": np.array(lines, dtype=object)}

    known = Known({"small": text(b"a", b"b", b""), "full": text(b"c", b"d", b"e", b"")})
    results = {result.name: result for result in judge_nulls(program(EXACT), known)}
    assert {"zeros", "reversed", "half-zero", "first-only", "stale-case"} <= set(results)
    assert all(result.caught for result in results.values())


def test_what_a_kernel_was_given_and_what_another_seed_gave_are_tried() -> None:
    kernel = Kernel("f", "void f(int n, double *x)", (Argument("x", Role.INOUT, Dtype.F64, ("n",)),))
    task = Task("t", Tree({}), (), Build(), (Case("small", params={"n": 9}),),
                Output(tolerance=Tolerance(1e-9, 1e-3)), kernel=kernel)  # fmt: skip
    right = noise(9)
    known = Known(
        {"small": {"x": right}},
        other_seed={"small": {"x": right + 1e-4}},
        inputs={"small": {"x": right + 5e-4, "short": right[:3]}},
    )
    results = {result.name: result for result in judge_nulls(task, known)}
    assert results["stale-seed"].passed and results["untouched"].passed
    assert "copied-input short" not in results
    assert results["zeros"].caught


def test_a_case_that_lets_through_what_another_catches_is_named() -> None:
    """Outputs of the tiny case lie below atol, those of the others do not."""
    task = program(Tolerance(1e-9, 1e-3), Case("tiny"), Case("small"), Case("full", Use.TIME))
    results = judged(task, tiny=noise(3) * 1e-5, small=noise(17), full=noise(400, 2) * 1e-5)
    zeros = results["zeros"]
    assert zeros.caught and zeros.case == "small" and not zeros.passed
    assert zeros.let_through == ("tiny", "full") and zeros.proposal.startswith("atol = ")
    assert results["poison"].let_through == ()


def test_outputs_beyond_the_bound_are_tried_only_against_what_nobody_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("loopwright.gates.nulls.LARGE", 100)
    task = program(Tolerance(1e-9, 1e-3))
    results = judged(task, small=noise(17), full=noise(400, 2) * 1e-5)
    assert results["zeros"].caught and results["zeros"].let_through == ()
    loose = judged(task, small=noise(17) * 1e-5, full=noise(400, 2) * 1e-5)
    assert loose["zeros"].passed and loose["zeros"].let_through == ("small", "full")
