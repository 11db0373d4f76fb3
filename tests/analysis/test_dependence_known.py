"""Dependence analysis on kernels whose answers are known."""

from __future__ import annotations

import random

import pytest
from oracle_build import Builder, form

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer, NestFacts, Reduction
from loopwright.analysis.ir import Constraint, LoopNest, Parameter, Relation, Storage, Unknown

PROVED, REFUTED, UNKNOWN = Answer.PROVED, Answer.REFUTED, Answer.UNKNOWN


def verdicts(nest: LoopNest) -> dict[str, Answer]:
    return {id: facts.parallel for id, facts in analyse(nest).loops.items()}


def matmul(**arrays: dict[str, object]) -> LoopNest:
    b = Builder()
    update = b.st("c[i][j]", "a[i][k] b[k][j]", op="+")
    return b.nest(b.loop("i", 0, "n", b.loop("j", 0, "n", b.loop("k", 0, "n", update))), arrays=arrays)


def test_matmul_reduces_into_each_element() -> None:
    facts = analyse(matmul())
    assert [facts.loops[x].parallel for x in "ijk"] == [PROVED] * 3
    assert facts.loops["k"].reductions == (Reduction("c", "+", True, False),)
    assert facts.loops["i"].reductions == ()
    assert "rounding may change" in facts.loops["k"].reason
    assert "c" in facts.loops["i"].reason


def test_arrays_behind_pointers_may_overlap() -> None:
    pointed = {name: {"storage": Storage.POINTED} for name in "abc"}
    facts = analyse(matmul(**pointed))
    assert facts.loops["i"].parallel is UNKNOWN
    assert any("may overlap" in u.reason for u in facts.loops["i"].unknowns)
    assert "c" in facts.loops["i"].unknowns[0].reason


def test_disjoint_pointers_are_as_good_as_arrays() -> None:
    nest = matmul(**{name: {"storage": Storage.POINTED} for name in "abc"})
    pairs = frozenset({("a", "c"), ("b", "c")})
    known = LoopNest(nest.function, nest.root, nest.arrays, nest.parameters, disjoint=pairs)
    assert verdicts(known)["i"] is PROVED


def test_a_pointer_may_point_into_a_global_array() -> None:
    assert verdicts(matmul(a={"storage": Storage.POINTED}))["i"] is UNKNOWN


def jacobi() -> LoopNest:
    b = Builder()
    one = b.st("v[i][j]", "u[i][j-1] u[i][j+1] u[i-1][j] u[i+1][j]")
    two = b.st("u[x][y]", "v[x][y]")
    return b.nest(
        b.loop(
            "t",
            0,
            "steps",
            b.loop("i", 1, "n-1", b.loop("j", 1, "n-1", one)),
            b.loop("x", 1, "n-1", b.loop("y", 1, "n-1", two)),
        ),
        parameters=("n", "steps"),
    )


def test_jacobi_only_time_is_serial() -> None:
    assert verdicts(jacobi()) == {"t": REFUTED, "i": PROVED, "j": PROVED, "x": PROVED, "y": PROVED}


def seidel() -> LoopNest:
    b = Builder()
    s = b.st(
        "a[i][j]",
        "a[i-1][j-1] a[i-1][j] a[i-1][j+1] a[i][j-1] a[i][j] a[i][j+1] a[i+1][j-1] a[i+1][j] a[i+1][j+1]",
    )
    return b.nest(
        b.loop("t", 0, "steps", b.loop("i", 1, "n-1", b.loop("j", 1, "n-1", s))), parameters=("n", "steps")
    )


def test_seidel_is_serial_everywhere() -> None:
    facts = analyse(seidel())
    assert {f.parallel for f in facts.loops.values()} == {REFUTED}
    distances = {(d.kind, d.distance) for d in facts.loops["j"].carried}
    assert ("flow", (0, 0, 1)) in distances
    assert ("anti", (0, 0, 1)) in distances
    assert {d.distance for d in facts.loops["i"].carried} == {(0, 1, 1), (0, 1, 0), (0, 1, -1)}


def lu() -> LoopNest:
    b = Builder()
    scale = b.st("a[i][k]", "a[k][k] a[i][k]")
    update = b.st("a[i][j]", "a[i][k] a[k][j] a[i][j]")
    return b.nest(b.loop("k", 0, "n", b.loop("i", "k+1", "n", scale, b.loop("j", "k+1", "n", update))))


def test_lu_inner_loops_are_parallel() -> None:
    assert verdicts(lu()) == {"k": REFUTED, "i": PROVED, "j": PROVED}


def test_floyd_warshall_is_not_proved() -> None:
    b = Builder()
    s = b.st("p[i][j]", "p[i][j] p[i][k] p[k][j]")
    nest = b.nest(b.loop("k", 0, "n", b.loop("i", 0, "n", b.loop("j", 0, "n", s))))
    assert PROVED not in verdicts(nest).values()


def test_private_scalar_and_array() -> None:
    b = Builder()
    nest = b.nest(
        b.loop(
            "i",
            0,
            "n",
            b.st("s"),
            b.loop("z", 0, 8, b.st("w[z]", "a[i]")),
            b.loop("j", 0, 8, b.st("s", "w[j] w[7-j]", op="+")),
            b.st("y[i]", "s"),
        ),
        arrays={"w": {"extents": (form("8"),), "storage": Storage.LOCAL, "live_out": False}},
    )
    facts = analyse(nest).loops["i"]
    assert facts.parallel is PROVED
    assert set(facts.private) == {"s", "w"}
    assert facts.reductions == ()
    inner = analyse(nest).loops["j"]
    assert inner.reductions == (Reduction("s", "+", False, False),)


def test_half_covered_array_is_not_private() -> None:
    b = Builder()
    nest = b.nest(
        b.loop(
            "i", 0, "n", b.loop("z", 0, 7, b.st("w[z]", "a[i]")), b.loop("j", 0, 8, b.st("y[i][j]", "w[j]"))
        ),
        arrays={"w": {"extents": (form("8"),), "storage": Storage.LOCAL, "live_out": False}},
    )
    assert verdicts(nest)["i"] is REFUTED


@pytest.mark.parametrize(("step", "answer"), [(1, PROVED), (-1, REFUTED)])
def test_the_inner_direction_decides_what_was_written_before(step: int, answer: Answer) -> None:
    b = Builder()
    inner = b.loop("j", 1, 8, b.st("w[j]", "a[i][j]"), b.st("y[i][j]", "w[j-1]"), step=step)
    nest = b.nest(
        b.loop("i", 0, "n", b.st("w[0]"), inner),
        arrays={"w": {"extents": (form("8"),), "storage": Storage.LOCAL, "live_out": False}},
    )
    assert verdicts(nest)["i"] is answer


@pytest.mark.parametrize("exact", [True, False])
def test_a_conditional_write_does_not_cover(exact: bool) -> None:
    b = Builder()
    guards = ("i-2",) if exact else ()
    nest = b.nest(b.loop("i", 0, "n", b.st("t", "a[i]", guards=guards, exact=exact), b.st("b[i]", "t")))
    assert verdicts(nest)["i"] is (REFUTED if exact else UNKNOWN)


def test_a_write_under_the_same_condition_covers() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.st("t", "a[i]", guards=("i-2",)), b.st("b[i]", "t", guards=("i-2",))))
    assert analyse(nest).loops["i"].private == ("t",)


def test_last_private_needs_an_iteration() -> None:
    def build(*assumptions: Constraint) -> NestFacts:
        b = Builder()
        root = b.loop("i", 0, "n", b.st("t", "a[i]"), b.st("b[i]", "t"))
        return analyse(b.nest(root, arrays={"t": {"live_out": True}}, assumptions=assumptions))

    maybe = build().loops["i"]
    assert maybe.parallel is not PROVED
    assert "may run no iteration" in " ".join(u.reason for u in maybe.unknowns)
    positive = form("n-1")
    assert positive is not None
    sure = build(Constraint(positive, Relation.GE)).loops["i"]
    assert sure.parallel is PROVED
    assert sure.last_private == ("t",)


def test_needed_by_a_later_loop_of_the_nest() -> None:
    b = Builder()
    inner = b.loop("j", 0, "n", b.st("t", "a[j]"), b.st("b[j]", "t"))
    nest = b.nest(b.loop("i", 0, "n", inner, b.st("c[i]", "t")), parameters=(Parameter("n", "n", 1),))
    assert analyse(nest).loops["j"].last_private == ("t",)
    b = Builder()
    inner = b.loop("j", 0, "n", b.st("t", "a[j]"), b.st("b[j]", "t"))
    other = b.loop("k", 0, "n", b.st("t", "a[k]"), b.st("c[i][k]", "t"))
    facts = analyse(b.nest(b.loop("i", 0, "n", inner, other)))
    assert facts.loops["j"].private == ("t",)
    assert facts.loops["k"].private == ("t",)
    assert facts.loops["i"].parallel is REFUTED  # b[j] is written in each


def test_histogram_is_an_array_reduction() -> None:
    b = Builder()
    nest = b.nest(
        b.loop("i", 0, "n", b.st("h[?]", "key[i]", op="+")),
        arrays={"h": {"is_float": False, "dtype": "int"}},
    )
    facts = analyse(nest).loops["i"]
    assert facts.parallel is PROVED
    assert facts.reductions == (Reduction("h", "+", True, True),)


def test_indirect_writes_are_unknown_unless_another_dimension_separates() -> None:
    b = Builder()
    assert verdicts(b.nest(b.loop("i", 0, "n", b.st("a[?]", "k[i]"))))["i"] is UNKNOWN
    b = Builder()
    assert verdicts(b.nest(b.loop("i", 0, "n", b.st("a[i][?]", "k[i]"))))["i"] is PROVED


def test_csr_rows_with_unknown_inner_bounds() -> None:
    b = Builder()
    inner = b.loop("k", None, None, b.st("s", "val[k] x[?] col[k]", op="+"))
    facts = analyse(b.nest(b.loop("i", 0, "n", b.st("s"), inner, b.st("y[i]", "s"))))
    assert facts.loops["i"].parallel is PROVED
    assert facts.loops["i"].private == ("s",)
    assert facts.loops["k"].parallel is UNKNOWN


def test_a_break_concerns_its_own_loop_only() -> None:
    b = Builder()
    stop = (Unknown("a break leaves the loop", 3, local=True),)
    inner = b.loop("j", 0, "n", b.st("t", "a[i][j]"), problems=stop)
    nest = b.nest(b.loop("i", 0, "n", b.st("t"), inner, b.st("y[i]", "t")))
    assert verdicts(nest) == {"i": PROVED, "j": UNKNOWN}
    b = Builder()
    inner = b.loop("j", 0, "n", b.st("t", "a[i][j]"), problems=stop)
    nest = b.nest(b.loop("i", 0, "n", inner, b.st("y[i]", "t")))
    assert verdicts(nest)["i"] is not PROVED
    b = Builder()
    inner = b.loop("j", 0, "n", b.st("y[i]"), problems=(Unknown("return in the loop body", 3),))
    assert verdicts(b.nest(b.loop("i", 0, "n", inner)))["i"] is UNKNOWN


def test_parameters_with_bounds_separate() -> None:
    b = Builder()
    far = b.nest(b.loop("i", 0, "n", b.st("a[i]", "a[i+m]")), parameters=("n", "m"))
    assert verdicts(far)["i"] is REFUTED
    gap = form("m-n")
    assert gap is not None
    b = Builder()
    apart = b.nest(
        b.loop("i", 0, "n", b.st("a[i]", "a[i+m]")),
        parameters=("n", "m"),
        assumptions=(Constraint(gap, Relation.GE),),
    )
    assert verdicts(apart)["i"] is PROVED


def test_strides_and_negative_steps() -> None:
    b = Builder()
    assert verdicts(b.nest(b.loop("i", 0, "n", b.st("a[i]", "a[i+1]"), step=2)))["i"] is PROVED
    b = Builder()
    facts = analyse(b.nest(b.loop("i", 0, "n", b.st("a[i]", "a[i+1]"), step=-1))).loops["i"]
    assert [(d.kind, d.distance) for d in facts.carried] == [("flow", (1,))]
    b = Builder()
    facts = analyse(b.nest(b.loop("i", 0, "n", b.st("a[i]", "a[i-6]"), step=3))).loops["i"]
    assert [(d.kind, d.distance) for d in facts.carried] == [("flow", (2,))]


def test_unsigned_wrap_is_unknown() -> None:
    b = Builder()
    wraps = b.nest(b.loop("i", 0, "n", b.st("a[i]", "b[i]"), b.st("b[i-1]"), unsigned_variable=True))
    assert verdicts(wraps)["i"] is not PROVED
    b = Builder()
    from_zero = b.nest(b.loop("i", 0, "n", b.st("a[i-1]"), unsigned_variable=True))
    assert verdicts(from_zero)["i"] is UNKNOWN
    b = Builder()
    from_one = b.nest(b.loop("i", 1, "n", b.st("a[i-1]"), unsigned_variable=True))
    assert verdicts(from_one)["i"] is PROVED


def test_an_unsigned_bound_below_zero_bounds_nothing() -> None:
    b = Builder()
    nest = b.nest(
        b.loop("i", 0, "n-1", b.st("a[i]", "a[i+n-1]"), unsigned_variable=True),
        parameters=(Parameter("n", "n", 0),),
    )
    assert verdicts(nest)["i"] is not PROVED  # n = 0: i < 2^32 - 1, and a[i - 1] is read
    b = Builder()
    nest = b.nest(
        b.loop("i", 0, "n-1", b.st("a[i]", "a[i+n-1]"), unsigned_variable=True),
        parameters=(Parameter("n", "n", 1),),
    )
    assert verdicts(nest)["i"] is PROVED


@pytest.mark.parametrize(("type_name", "answer"), [("std::size_t", PROVED), ("unsigned int", REFUTED)])
def test_a_loop_of_2_to_the_64_iterations_never_ends(type_name: str, answer: Answer) -> None:
    b = Builder()
    root = b.loop("i", 1, "n-1", b.st("a[i]", "a[i+n-1]"), unsigned_variable=True, variable_type=type_name)
    assert verdicts(b.nest(root, parameters=(Parameter("n", "n", 0),)))["i"] is answer


def test_rows_of_a_flat_array_are_not_trusted() -> None:
    def build(upper: str) -> Answer:
        b = Builder()
        root = b.loop("i", 0, "n", b.loop("j", 0, upper, b.st("a[i][j]")))
        said = {"a": {"extents": (None, form("m")), "delinearised": True}}
        return verdicts(b.nest(root, parameters=("n", "m", "w"), arrays=said))["i"]

    assert build("m") is PROVED
    assert build("w") is UNKNOWN


def test_a_pointer_declared_in_the_loop_may_point_anywhere() -> None:
    b = Builder()
    root = b.loop("i", 0, "n", b.loop("j", 0, "n", b.st("row[j]", "x[j]")))
    nest = b.nest(
        root,
        arrays={"row": {"storage": Storage.POINTED, "declared_in": "i"}},
        disjoint=frozenset({("row", "x")}),
    )
    assert verdicts(nest) == {"i": UNKNOWN, "j": PROVED}


def test_outer_loop_variables_declared_outside() -> None:
    b = Builder()
    inner = b.loop("j", 0, "n", b.st("a[i][j]"), declared_here=False)
    assert analyse(b.nest(b.loop("i", 0, "n", inner))).loops["i"].private == ("j",)
    b = Builder()
    inner = b.loop("j", 0, "n", b.st("a[i][j]"), declared_here=False)
    early = b.nest(b.loop("i", 0, "n", b.st("c[i]", "j"), inner))
    assert verdicts(early)["i"] is not PROVED


def test_members_and_their_struct() -> None:
    b = Builder()
    nest = b.nest(
        b.loop("i", 0, "n", b.st("p.x[i]", "p.y[i]")),
        arrays={"p.x": {"storage": Storage.POINTED}, "p.y": {"storage": Storage.POINTED}},
    )
    assert verdicts(nest)["i"] is PROVED
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.st("p.x[i]", "p[i]")))
    assert verdicts(nest)["i"] is UNKNOWN


def test_statement_unknowns_and_nest_unknowns() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.st("a[i]", unknowns=["call of f"])))
    facts = analyse(nest).loops["i"]
    assert facts.parallel is UNKNOWN
    assert "call of f" in facts.reason


def test_odd_nests_do_not_raise() -> None:
    b = Builder()
    odd = b.nest(b.loop("i", 0, "q", b.st("a[zz]", "b[i]")))
    assert set(verdicts(odd)) == {"i"}
    b = Builder()
    unordered = b.nest(b.loop("i", "j", "n", b.loop("j", 0, "n", b.st("a[i]"))))
    verdicts(unordered)
    b = Builder()
    stuck = b.nest(b.loop("i", 0, "n", b.st("a[i]"), step=0))
    assert verdicts(stuck)["i"] is UNKNOWN


def test_time_limit_answers_unknown() -> None:
    facts = analyse(lu(), seconds=0.0)
    assert {f.parallel for f in facts.loops.values()} == {UNKNOWN}
    assert "did not end within" in facts.loops["k"].reason


def test_a_nest_that_is_too_hard_ends_as_unknown() -> None:
    chance, b = random.Random(1), Builder()

    def awkward() -> str:
        factors = [chance.randint(1, 97) for _ in range(5)]
        return "{}*i+{}*j-{}*k+{}*l+{}*n".format(*factors)

    statements = [
        b.st(f"a[{awkward()}][{awkward()}]", " ".join(f"a[{awkward()}][{awkward()}]" for _ in range(6)))
        for _ in range(30)
    ]
    innermost = b.loop("l", "k-j;i", "n", *statements, step=7)
    middle = b.loop("j", "i;3", "n;m", b.loop("k", "2*j-i;7", "n;m;5*i", innermost, step=5), step=3)
    facts = analyse(b.nest(b.loop("i", 0, "n", middle), parameters=("n", "m")), seconds=0.3)
    assert {f.parallel for f in facts.loops.values()} == {UNKNOWN}
    assert all("did not end within" in f.reason for f in facts.loops.values())
