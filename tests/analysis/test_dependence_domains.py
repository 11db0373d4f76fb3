"""Counting iterations, and the iteration domains against brute force."""

from __future__ import annotations

import random
from typing import Any

import pytest
from islpy import dim_type
from oracle import run
from oracle_build import Builder
from oracle_random import Generator

from loopwright.analysis.domains import Precision, iterations, path_to, places
from loopwright.analysis.ir import LoopNest, Parameter
from loopwright.analysis.polyhedral import Model, Solver


def counted(nest: LoopNest, loop: str, n: int) -> int:
    return sum(len(visit.iterations) for visit in run(nest, {"n": n}).of(loop))


def test_iterations_are_counted_exactly_on_small_nests() -> None:
    seen = 0
    for seed in range(300):
        nest = Generator(seed, affine=True).nest()
        n = random.Random(seed).randint(0, 7)
        for loop in nest.root.walk():
            expected = counted(nest, loop.id, n)
            assert iterations(nest, loop.id, {"n": n}) == expected, (seed, loop.id, n)
            seen += expected > 0
    assert seen > 200


def test_a_rectangular_nest_is_counted_at_once() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.loop("j", 1, "n", b.st("a[i][j]"), step=2)))
    assert iterations(nest, "j", {"n": 1_000_001}, limit=10) == 1_000_001 * 500_000


def test_a_large_triangle_is_estimated() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.loop("j", 0, "i", b.loop("k", "j", "n", b.st("a[i][j]")))))
    n = 400
    exact = sum(n - j for i in range(n) for j in range(i))
    assert abs(iterations(nest, "k", {"n": n}, limit=400) / exact - 1) < 0.05
    assert iterations(nest, "k", {"n": n}, limit=10**9) == exact


def test_unknown_bounds_cannot_be_counted() -> None:
    b = Builder()
    nest = b.nest(b.loop("i", 0, "n", b.loop("k", None, None, b.st("a[i]"))))
    with pytest.raises(ValueError, match="not affine"):
        iterations(nest, "k", {"n": 3})
    with pytest.raises(KeyError):
        iterations(nest, "i", {})
    with pytest.raises(KeyError):
        path_to(nest, "zz")


def test_domains_hold_exactly_the_instances_that_run() -> None:
    points = 0
    for seed in range(40_000, 40_080):
        nest = Generator(seed, affine=True).nest()
        model = Model(nest, Solver(60))
        n = max(3, nest.parameters[0].minimum or 0)
        touched = {(t.access.range.line, t.values) for t in run(nest, {"n": n}).touches}
        for place in places(nest):
            line = place.statement.accesses[0].range.line
            ran = {values for at, values in touched if at == line}
            for precision in Precision:
                fixed = model.instances(place, "s", [f"p0 = {n}"], precision)
                found: set[tuple[int, ...]] = set()

                depth = place.depth

                def keep(point: Any, into: set[tuple[int, ...]] = found, size: int = depth) -> None:
                    into.add(
                        tuple(point.get_coordinate_val(dim_type.set, k).to_python() for k in range(size))
                    )

                fixed.project_out_all_params().foreach_point(keep)
                assert found == ran, (seed, line, precision)
                points += len(found)
    assert points > 500


def test_an_unsigned_64_bit_bound_keeps_its_meaning() -> None:
    b = Builder()
    wide = b.nest(
        b.loop("i", 0, "n-1", b.st("a[i]"), unsigned_variable=True, variable_type="size_t"),
        parameters=(Parameter("n", "n", 0),),
    )
    b = Builder()
    narrow = b.nest(
        b.loop("i", 0, "n-1", b.st("a[i]"), unsigned_variable=True, variable_type="unsigned int"),
        parameters=(Parameter("n", "n", 0),),
    )
    for nest, empty in ((wide, True), (narrow, False)):
        solver = Solver(60)
        model = Model(nest, solver)
        assert solver.is_empty(model.instances(places(nest)[0], "s", ["p0 = 0"])) is empty
        assert solver.is_empty(model.instances(places(nest)[0], "s", ["p0 = 0"], Precision.MUST))
