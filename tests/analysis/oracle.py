"""Brute force for dependence analysis: runs a nest for concrete sizes and decides by definition.

Nothing here knows isl. A run is the list of all touches of memory in serial order. What the IR leaves open
(subscripts that are not affine, conditions, bounds, early exits) is filled in by a seeded hash, so that one
run is one program that the IR could stand for.
"""

from __future__ import annotations

import itertools
import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loopwright.analysis.facts import LoopFacts
from loopwright.analysis.ir import (
    Access,
    AccessKind,
    Affine,
    Array,
    Loop,
    LoopNest,
    Relation,
    Statement,
    Storage,
)

Element = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Touch:
    """One access of one run: when (position in the run), in which iteration of which loops, of what."""

    time: int
    iteration: tuple[tuple[str, int], ...]
    """(loop id, serial number of the iteration in the whole run) from the outermost loop inward."""
    values: tuple[int, ...]
    access: Access
    element: Element

    @property
    def writes(self) -> bool:
        return self.access.kind is AccessKind.WRITE

    def number(self, loop: str) -> int | None:
        """The serial number of the loop's iteration that it is in, None when outside of the loop."""
        return dict(self.iteration).get(loop)


@dataclass(frozen=True)
class Visit:
    """One execution of a loop: the serial numbers of its iterations, and its time span [start, end)."""

    loop: str
    start: int
    end: int
    iterations: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """Everything that happened."""

    nest: LoopNest
    touches: tuple[Touch, ...]
    visits: tuple[Visit, ...]

    def of(self, loop: str) -> list[Visit]:
        return [visit for visit in self.visits if visit.loop == loop]


def value(form: Affine, symbols: Mapping[str, int]) -> int:
    return form.constant + sum(c * symbols[s] for s, c in form.terms)


class _Runner:
    def __init__(self, nest: LoopNest, sizes: Mapping[str, int], seed: int) -> None:
        self.nest, self.sizes, self.seed = nest, sizes, seed
        self.touches: list[Touch] = []
        self.visits: list[Visit] = []
        self.iterations = itertools.count()
        self.arrays = {array.id: array for array in nest.arrays}

    def open(self, *key: object) -> random.Random:
        return random.Random(zlib.crc32(repr((self.seed, key)).encode()))

    def loop(self, loop: Loop, symbols: dict[str, int], around: tuple[tuple[str, int], ...]) -> None:
        start = len(self.touches)
        values = self.values(loop, symbols)
        numbers = []
        for current in values:
            number = next(self.iterations)
            numbers.append(number)
            inside = {**symbols, loop.id: current}
            for item in loop.body_items:
                if isinstance(item, Loop):
                    self.loop(item, inside, (*around, (loop.id, number)))
                else:
                    self.statement(item, inside, (*around, (loop.id, number)))
        self.visits.append(Visit(loop.id, start, len(self.touches), tuple(numbers)))

    def values(self, loop: Loop, symbols: dict[str, int]) -> Sequence[int]:
        chance = self.open(loop.id, tuple(sorted(symbols.items())))
        low = max(value(f, symbols) for f in loop.lower) if loop.lower else chance.randint(-1, 2)
        high = min(value(f, symbols) for f in loop.upper) if loop.upper else low + chance.randint(0, 3)
        step = loop.step or chance.choice([1, 2, -1])
        found = range(low, high, step) if step > 0 else range(high - 1, low - 1, step)
        return found[: chance.randint(0, len(found))] if loop.problems else found

    def statement(self, s: Statement, symbols: dict[str, int], around: tuple[tuple[str, int], ...]) -> None:
        for guard in s.guards:
            amount = value(guard.form, symbols)
            if amount < 0 or (guard.relation is Relation.EQ and amount != 0):
                return
        chance = self.open(s.id, tuple(sorted(symbols.items())))
        if not s.exact_guards and chance.random() < 0.4:
            return
        unknown: dict[tuple[str, int], int] = {}
        for access in s.accesses:
            element = []
            for n, form in enumerate(access.subscripts):
                if form is not None:
                    element.append(value(form, symbols))
                    continue
                # The read and the write of one update touch one element.
                key = (access.array, n)
                extent = self.arrays[access.array].extents[n]
                top = 3 if extent is None else max(0, value(extent, self.sizes) - 1)
                element.append(unknown.setdefault(key, chance.randint(0, top)))
            array = self.arrays[access.array]
            name = "anywhere" if array.storage is Storage.POINTED else array.id
            where: Element = (name, tuple(element))
            path = [loop for loop, _ in around]
            self.touches.append(
                Touch(len(self.touches), around, tuple(symbols[loop] for loop in path), access, where)
            )


def run(nest: LoopNest, sizes: Mapping[str, int], seed: int = 0) -> Run:
    """One run of the nest."""
    runner = _Runner(nest, sizes, seed)
    runner.loop(nest.root, dict(sizes), ())
    return Run(nest, tuple(runner.touches), tuple(runner.visits))


def _per_element(touches: Iterable[Touch]) -> dict[Element, list[Touch]]:
    found: dict[Element, list[Touch]] = defaultdict(list)
    for touch in touches:
        found[touch.element].append(touch)
    return found


def races(touches: Iterable[Touch], loop: str) -> bool:
    """Whether two iterations of the loop touch one element and one of them writes."""
    for same in _per_element(touches).values():
        if any(t.writes for t in same) and len({t.number(loop) for t in same}) > 1:
            return True
    return False


def fresh(array: Array, loop: Loop) -> bool:
    """Whether each iteration of the loop has its own object because it is declared in it."""
    return array.storage is Storage.LOCAL and array.declared_in in {inner.id for inner in loop.walk()}


def only_combines(touches: Sequence[Touch]) -> str | None:
    """The one operation of which all touches are updates."""
    operations = {t.access.reduction for t in touches}
    return operations.pop() if len(operations) == 1 else None


def writes_first(touches: Iterable[Touch], loop: str) -> bool:
    """Whether in each iteration every element that is read was written before in that iteration."""
    written: set[tuple[int | None, Element]] = set()
    for touch in touches:
        key = (touch.number(loop), touch.element)
        if touch.writes:
            written.add(key)
        elif key not in written:
            return False
    return True


def used_after(run: Run, visit: Visit, array: Array, *, kept: bool = False) -> bool:
    """Whether a value that the array got in this visit is read later in the run or after it.

    With `kept`, also a scalar's value from before a visit that did not write it: a private copy leaves it
    alone, a last-private one does not.
    """
    overwritten: set[Element] = set()
    inside = {
        t.element for t in run.touches[visit.start : visit.end] if t.access.array == array.id and t.writes
    }
    if array.is_scalar and kept:
        inside = {(array.id, ())}
    for touch in run.touches[visit.end :]:
        if touch.element in inside - overwritten:
            if not touch.writes:
                return True
            overwritten.add(touch.element)
    return array.live_out and bool(inside - overwritten)


def last_iteration_writes(run: Run, visit: Visit, array: Array) -> bool:
    """Whether there is a last iteration, and it writes the object."""
    if not visit.iterations:
        return False
    last = visit.iterations[-1]
    return any(
        t.writes and t.access.array == array.id and t.number(visit.loop) == last
        for t in run.touches[visit.start : visit.end]
    )


def objections(run: Run, loop: Loop, facts: LoopFacts) -> list[str]:
    """Why the claim 'parallel, with these private objects and reductions' is wrong for this run."""
    found: list[str] = []
    special = {*facts.private, *facts.last_private, *(r.variable for r in facts.reductions)}
    for visit in run.of(loop.id):
        inside = run.touches[visit.start : visit.end]
        shared = [
            t
            for t in inside
            if t.access.array not in special and not fresh(run.nest.array(t.access.array), loop)
        ]
        if races(shared, loop.id):
            found.append("two iterations touch one element")
        for reduction in facts.reductions:
            if only_combines([t for t in inside if t.access.array == reduction.variable]) not in (
                reduction.op,
                None,
            ):
                found.append(f"{reduction.variable} is not only combined with {reduction.op}")
            if any(t.access.reduction is None for t in inside if t.access.array == reduction.variable):
                found.append(f"{reduction.variable} has another use")
        for id in (*facts.private, *facts.last_private):
            array = run.nest.array(id)
            if not writes_first([t for t in inside if t.access.array == id], loop.id):
                found.append(f"{id} is read before it is written")
            if id in facts.private and used_after(run, visit, array):
                found.append(f"{id} is used after the loop")
            needed = id in facts.last_private and used_after(run, visit, array, kept=True)
            if needed and not last_iteration_writes(run, visit, array):
                found.append(f"the last iteration does not write {id}")
    return found


def parallelisable(runs: Sequence[Run], loop: Loop) -> bool:
    """Whether for all these runs every array is free of races, combined, or private in some way."""
    ids = {t.access.array for r in runs for t in r.touches}
    return all(_settled(runs, loop, id) for id in ids)


def _settled(runs: Sequence[Run], loop: Loop, id: str) -> bool:
    nest = runs[0].nest
    array = nest.array(id)
    if fresh(array, loop):
        return True
    per_visit = [
        (r, v, [t for t in r.touches[v.start : v.end] if t.access.array == id])
        for r in runs
        for v in r.of(loop.id)
    ]
    if not any(races(touches, loop.id) for _, _, touches in per_visit):
        return True
    if only_combines([t for _, _, touches in per_visit for t in touches]) is not None:
        return True
    if not array.is_scalar and array.storage is not Storage.LOCAL:
        return False
    if not all(writes_first(touches, loop.id) for _, _, touches in per_visit):
        return False
    if not any(used_after(r, v, array) for r, v, _ in per_visit):
        return True
    needed = [(r, v) for r, v, _ in per_visit if used_after(r, v, array, kept=True)]
    return array.is_scalar and all(last_iteration_writes(r, v, array) for r, v in needed)


def order_kept(run: Run, band: Sequence[str], new_time: Sequence[Sequence[int]]) -> bool:
    """Whether all pairs of touches of one element keep their order when iterations run in the order of
    `new_time` (rows over the loops' values). Private objects and exact reductions are left out.
    """
    outermost, innermost = band[0], band[-1]
    loops = {loop.id: loop for loop in run.nest.root.walk()}
    for visit in run.of(outermost):
        inside = run.touches[visit.start : visit.end]
        by_array: dict[str, list[Touch]] = defaultdict(list)
        for touch in inside:
            by_array[touch.access.array].append(touch)
        for id, touches in by_array.items():
            array = run.nest.array(id)
            operation = only_combines(touches)
            exact = operation is not None and (not array.is_float or operation in ("min", "max"))
            private = writes_first(touches, innermost) and not used_after(run, visit, array)
            local = array.storage is Storage.LOCAL or array.is_scalar
            if fresh(array, loops[innermost]) or exact or (private and local):
                continue
            if not _keeps(touches, band, new_time):
                return False
    return True


def _keeps(touches: Sequence[Touch], band: Sequence[str], new_time: Sequence[Sequence[int]]) -> bool:
    for same in _per_element(touches).values():
        timed = []
        for touch in same:
            depth = [loop for loop, _ in touch.iteration].index(band[0])
            vector = touch.values[depth : depth + len(band)]
            timed.append(
                (
                    tuple(sum(c * v for c, v in zip(row, vector, strict=True)) for row in new_time),
                    vector,
                    touch,
                )
            )
        for (early, first, a), (late, second, b) in itertools.combinations(timed, 2):
            if (a.writes or b.writes) and first != second and not early < late:
                return False
    return True
