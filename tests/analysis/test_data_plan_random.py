"""Plans of random programs, played on a host and a device with separate memories: nothing may go missing."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

import pytest
from data_programs import Machine, Moved, Source, Wrong, random_source, written

from loopwright.analysis.data_plan import data_plan
from loopwright.core.data_plan import DataPlan, Direction, Placement, RegionPlan, expected
from loopwright.core.task import Language
from loopwright.core.tree import Tree

RUNS = (
    {"n": 9, "steps": 2, "flag": 1},
    {"n": 6, "steps": 3, "flag": 0},
    {"n": 9, "steps": 0, "flag": 1},
    {"n": 5, "steps": 1, "flag": 1},
)


@lru_cache(maxsize=64)
def planned(seed: int) -> tuple[Source, DataPlan]:
    source = random_source(random.Random(seed))
    plan = data_plan(Tree({"p.c": written(source).encode()}), ["p.c"], Language.C)
    assert not [u for u in plan.unknowns if u.what == "file"], plan.unknowns
    return source, plan


def faults(source: Source, plan: DataPlan) -> list[str]:
    """What goes wrong in some runs of the program."""
    found = []
    for values in RUNS:
        serial = Machine(source, None, values).run()
        machine = Machine(source, plan, values)
        try:
            got = machine.run()
        except Wrong as wrong:
            found.append(str(wrong))
            continue
        if got != serial:
            found.append(f"another result with {values}")
        found += miscounted(source, plan, machine, values)
    return found


def miscounted(source: Source, plan: DataPlan, machine: Machine, values: dict[str, int]) -> list[str]:
    """Arrays that moved another number of bytes than the plan expects (more, where it gives a limit)."""
    wrong = []
    functions = {loop.start for loop in source.inner.values()}
    for region in plan.regions:
        if region.span.start in functions:
            continue  # what n is there depends on the call
        times = machine.entered.get(region.span.start, 0)
        mapped = {array.name for array in region.mapped}
        for one in expected(region, values):
            if one.array not in mapped:
                continue
            moved = machine.moved.get((region.span.start, one.array), Moved())
            for have, each in ((moved.to_bytes, one.to_bytes), (moved.from_bytes, one.from_bytes)):
                assert each is not None
                if have != each * times if one.exact else have > each * times:
                    wrong.append(f"{one.array}: {have} bytes, expected {each} x {times}")
    return wrong


@pytest.mark.parametrize("seed", range(40_000, 40_036))
def test_no_plan_is_too_small(seed: int) -> None:
    source, plan = planned(seed)
    assert not faults(source, plan), source.text


def test_random_programs_exercise_every_kind_of_plan() -> None:
    plans = [planned(seed)[1] for seed in range(40_000, 40_036)]
    arrays = [array for plan in plans for region in plan.regions for array in region.arrays]
    assert {array.direction for array in arrays} == set(Direction)
    assert {a.placement for a in arrays} >= {Placement.DATA_REGION, Placement.RESIDENT, Placement.PER_LOOP}
    assert any(array.updates for array in arrays)
    assert any(array.swapped_with for array in arrays)
    assert any(loop.kind == "around" for plan in plans for region in plan.regions for loop in region.loops)


def with_direction(region: RegionPlan, number: int, direction: Direction) -> RegionPlan:
    arrays = list(region.arrays)
    arrays[number] = replace(arrays[number], direction=direction)
    return replace(region, arrays=tuple(arrays))


SMALLER = {
    Direction.TOFROM: (Direction.TO, Direction.FROM, Direction.ALLOC),
    Direction.TO: (Direction.ALLOC,),
    Direction.FROM: (Direction.ALLOC,),
}


def test_the_machine_notices_plans_that_are_too_small() -> None:
    noticed = tried = 0
    for seed in range(40_000, 40_008):
        source, plan = planned(seed)
        for place, region in enumerate(plan.regions):
            for number, array in enumerate(region.arrays):
                if array.scalar or region.function != "main":
                    continue
                for direction in SMALLER.get(array.direction, ()):
                    regions = list(plan.regions)
                    regions[place] = with_direction(region, number, direction)
                    tried += 1
                    noticed += bool(faults(source, replace(plan, regions=tuple(regions))))
    # Some copies only matter for runs that are not among these, or for values that are not looked at.
    assert noticed > 0.6 * tried > 20, (noticed, tried)
