"""Schedules held against execution: what is_legal accepts must compute what the source computes.

Random small regions (several statements, imperfect and triangular nests, shared arrays and a scalar) are run
by a plain interpreter in the order of the source and in the order of random schedules. Values are formal:
each write stores a term built of what was read, so that two runs agree only when every read saw the same
write.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from loopwright.analysis.domains import loop_range
from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import read_nests
from loopwright.analysis.ir import Affine
from loopwright.analysis.schedules import Schedule, carried, is_legal, is_permutable, original
from loopwright.analysis.scop import Piece, Scop, scop_of
from loopwright.core.task import Language
from loopwright.core.tree import Tree


def region(seed: int) -> str:
    """A function with one or two nests, each with up to three loops and statements at any level."""
    pick = random.Random(seed)

    def index(around: str) -> str:
        if not around or pick.random() < 0.1:
            return str(pick.randint(0, 2))
        first = pick.choice(around)
        shape = pick.choice(["{a}", "{a}", "{a} + 1", "{a} - 1", "{a} + {b}", "{a} - {b} + 3", "4 - {a}"])
        return shape.format(a=first, b=pick.choice(around))

    def element(around: str) -> str:
        name = pick.choice("aAb")
        return f"{name}[{index(around)}][{index(around)}]" if name == "A" else f"{name}[{index(around)}]"

    def statement(around: str) -> str:
        if pick.random() < 0.1:
            return f"s = s + {element(around)};"
        return f"{element(around)} = {element(around)} + {element(around)};"

    def loop(around: str, names: list[str]) -> str:
        own = names.pop(0)
        low = pick.choice(["0", "1", around[-1] if around else "0", f"{around[-1]} + 1" if around else "1"])
        header = f"for (int {own} = {low}; {own} < n; {own}++)"
        if pick.random() < 0.15:
            header = f"for (int {own} = n - 1; {own} >= {low}; {own}--)"
        inside = around + own
        body = [statement(inside) for _ in range(pick.choice((0, 1, 1)))]
        if names and pick.random() < 0.75:
            body.append(loop(inside, names))
        if not body or pick.random() < 0.3:
            body.append(statement(inside))
        return f"{header} {{ {' '.join(body)} }}"

    nests = [loop("", list(names)) for names in (["i", "j", "k"], ["p", "q"])[: pick.choice((1, 2, 2))]]
    return (
        "void f(int n, double s, double a[restrict 40], double b[restrict 40], double A[restrict 40][40])"
        f" {{ {' '.join(nests)} a[0] = s; }}"
    )


@dataclass(frozen=True)
class Instance:
    """One execution of one piece."""

    piece: Piece
    values: Mapping[str, int]

    def time(self, schedule: Schedule, loops: Mapping[str, int]) -> tuple[int, ...]:
        names = {f"s{n}": self.values[loop.id] for n, loop in enumerate(self.piece.loops)}
        return tuple(eval(row, {"__builtins__": {}, **names}) for row in schedule.rows[self.piece.id])


def instances(scop: Scop, n: int) -> Iterator[Instance]:
    """All instances in the order of the source, by running the loops."""
    sizes = {p.name: n for p in scop.nest.parameters}

    def below(loops: tuple, values: dict[str, int]) -> Iterator[dict[str, int]]:  # type: ignore[type-arg]
        if not loops:
            yield values
            return
        for value in loop_range(loops[0], {**sizes, **values}):
            yield from below(loops[1:], {**values, loops[0].id: value})

    found = [Instance(p, v) for p in scop.pieces for v in below(p.loops, {})]
    return iter(found)


def element(forms: tuple[Affine | None, ...], values: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(f.constant + sum(c * values[s] for s, c in f.terms) for f in forms if f is not None)


def run(order: list[Instance], n: int) -> dict[tuple[str, tuple[int, ...]], object]:
    """Memory after running the instances in this order, with terms for values."""
    memory: dict[tuple[str, tuple[int, ...]], object] = {}
    terms: dict[object, int] = {}
    for one in order:
        values = {**one.values, "n": n}
        for access in one.piece.statements[0].accesses:
            where = (access.array, element(access.subscripts, values))
            if access.kind == "write":
                reads = tuple(
                    memory.get((a.array, element(a.subscripts, values)), ("start", a.array))
                    for a in one.piece.statements[0].accesses
                    if a.kind == "read"
                )
                key = (one.piece.id, reads)
                memory[where] = terms.setdefault(key, len(terms))
    named = {number: key for key, number in terms.items()}

    def full(value: object, depth: int = 0) -> object:
        if isinstance(value, int) and value in named:
            piece, reads = named[value]  # type: ignore[misc]
            return (piece, tuple(full(r, depth + 1) for r in reads))
        return value

    return {where: hash(full(value)) for where, value in memory.items()}


def random_schedule(scop: Scop, pick: random.Random) -> Schedule:
    """Rows that are permutations, shifts, skews and tiles of the loops, with constants in between."""
    rows: dict[str, tuple[str, ...]] = {}
    shared = [pick.randint(0, 1) for _ in range(4)]
    for number, piece in enumerate(scop.pieces):
        loops = [f"s{n}" for n in range(piece.depth)]
        signs = list(scop.original[piece.id][1::2])
        if pick.random() < 0.5:
            pick.shuffle(signs)
        mine: list[str] = []
        for level in range(3):
            row = signs[level] if level < len(signs) else "0"
            if level < len(signs) and loops and pick.random() < 0.3:
                row = f"({row}) + {pick.choice(loops)}"
            if pick.random() < 0.2:
                row = f"({row}) + {pick.randint(0, 2)}"
            mine += [str(number * shared[level]), row]
        rows[piece.id] = (*mine, str(number))
    return Schedule(rows)


def made(seed: int) -> Scop | None:
    data = region(seed).encode()
    found = read_nests(Tree({"k.c": data}), ["k.c"], Language.C, regions=True)
    assert not found.unreadable, (found.unreadable, data)
    first = found.regions[0]
    return scop_of(first, first.root.loops, (first.root,), data)


@pytest.mark.parametrize("block", range(4))
def test_accepted_schedules_compute_the_same(block: int) -> None:
    accepted = refused = wrong = 0
    for seed in range(block * 25, block * 25 + 25):
        scop = made(seed)
        assert scop is not None
        pick = random.Random(seed)
        runs = {n: list(instances(scop, n)) for n in (1, 2, 4)}
        ordered = {n: sorted(found, key=lambda i: i.time(original(scop), {})) for n, found in runs.items()}
        right = {n: run(order, n) for n, order in ordered.items()}
        assert is_legal(scop, original(scop))[0] is Answer.PROVED
        for _ in range(6):
            schedule = random_schedule(scop, pick)
            times = {n: [i.time(schedule, {}) for i in found] for n, found in ordered.items()}
            results = {
                n: run([i for _, i in sorted(zip(times[n], order, strict=True), key=lambda x: x[0])], n)
                for n, order in ordered.items()
            }
            if is_legal(scop, schedule)[0] is not Answer.PROVED:
                refused += 1
                wrong += results != right
                continue
            accepted += 1
            for n, order in ordered.items():
                pairs = set(zip(times[n], (i.piece.id for i in order), strict=True))
                assert len(pairs) == len(order), "two instances of a piece at one time"
            assert results == right, (region(seed), schedule)
    assert accepted > 10 and refused > 20, (accepted, refused)
    assert wrong > refused // 2, "the interpreter sees what is wrong with most refused schedules"


@pytest.mark.parametrize("block", range(2))
def test_parallel_loops_and_permutable_bands_by_definition(block: int) -> None:
    parallel = serial = bands = 0
    for seed in range(1000 + block * 15, 1015 + block * 15):
        scop = made(seed)
        assert scop is not None
        schedule = original(scop)
        ids = [p.id for p in scop.pieces]
        found = [i for n in (2, 4) for i in instances(scop, n) if n == 4]
        conflicts = []
        for one, two in itertools.combinations(sorted(found, key=lambda i: i.time(schedule, {})), 2):
            if _conflict(one, two, 4):
                conflicts.append((one.time(schedule, {}), two.time(schedule, {})))
        for dimension in range(schedule.length):
            padded = [(_pad(a, schedule.length), _pad(b, schedule.length)) for a, b in conflicts]
            broken = any(a[:dimension] == b[:dimension] and a[dimension] != b[dimension] for a, b in padded)
            claimed = not carried(scop, schedule, dimension, ids)
            assert not (claimed and broken), (region(seed), dimension)
            parallel += claimed
            serial += not claimed
        if is_permutable(scop, schedule, range(schedule.length))[0] is Answer.PROVED:
            bands += 1
            assert all(x <= y for a, b in conflicts for x, y in zip(a, b, strict=False)), region(seed)
    assert parallel > 10 and serial > 10


def _pad(time: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*time, *(0,) * (length - len(time)))


def _conflict(one: Instance, two: Instance, n: int) -> bool:
    def touched(i: Instance) -> tuple[set[object], set[object]]:
        values = {**i.values, "n": n}
        every = [(a.kind, (a.array, element(a.subscripts, values))) for a in i.piece.statements[0].accesses]
        return {w for _, w in every}, {w for kind, w in every if kind == "write"}

    (all_one, wrote_one), (all_two, wrote_two) = touched(one), touched(two)
    return bool(wrote_one & all_two or wrote_two & all_one)
