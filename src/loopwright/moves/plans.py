"""Plans: which loops run which pieces, as a tree that becomes a schedule, and the ways to change it.

Distribution gives every piece loops of its own as far as dependences allow (R. Allen and K. Kennedy,
"Automatic translation of FORTRAN programs to vector form", TOPLAS 1987), permutation puts the loop that runs
along memory innermost, and fusion joins loops again where they use the same data.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Access, Affine, Loop
from loopwright.analysis.schedules import Schedule, carried, is_legal
from loopwright.analysis.scop import CHEAPNESS, Piece, Scop
from loopwright.moves.strides import lines_per_iteration


@dataclass(frozen=True)
class Row:
    """What one loop of the plan is to one piece: a loop of its own, and by how much it is shifted."""

    loop: Loop
    shift: int = 0


@dataclass(frozen=True)
class Band:
    """A loop of the plan: per piece id its row, and what it runs in order. `name` is a suggestion."""

    rows: Mapping[str, Row]
    body: tuple[Plan, ...]
    block: int = 0
    """When not 0 the loop goes over blocks of this many iterations; the same rows follow inside."""

    @property
    def pieces(self) -> tuple[str, ...]:
        """Ids of the pieces in it, in order."""
        return pieces_in(self.body)


Plan = Band | str
"""A band, or the id of a piece."""


def pieces_in(plans: Sequence[Plan]) -> tuple[str, ...]:
    """Ids of all pieces of some plans, in order."""
    return tuple(id for plan in plans for id in ((plan,) if isinstance(plan, str) else plan.pieces))


def schedule_of(scop: Scop, plans: Sequence[Plan]) -> Schedule:
    """The schedule that runs the plans in order."""
    rows: dict[str, tuple[str, ...]] = {}
    names: dict[int, str] = {}

    def visit(plans: Sequence[Plan], before: Mapping[str, tuple[str, ...]]) -> None:
        for position, plan in enumerate(plans):
            here = {id: (*before.get(id, ()), str(position)) for id in pieces_in((plan,))}
            if isinstance(plan, str):
                rows[plan] = here[plan]
                continue
            for id in plan.pieces:
                text = row_text(scop.piece(id), plan.rows[id])
                if plan.block:
                    text = f"{plan.block}*floor(({text})/{plan.block})"
                    names[len(here[id])] = "block"
                here[id] = (*here[id], text)
            visit(plan.body, here)

    visit(plans, {})
    length = max(len(r) for r in rows.values())
    return Schedule(
        {id: (*r, *["0"] * (length - len(r))) for id, r in rows.items()},
        tuple(names.get(n, "") for n in range(length)),
    )


def row_text(piece: Piece, row: Row) -> str:
    """A row over the piece's variables s0, s1..."""
    number = [loop.id for loop in piece.loops].index(row.loop.id)
    sign = "" if (row.loop.step or 0) > 0 else "-"
    return f"{sign}s{number}{row.shift:+d}" if row.shift else f"{sign}s{number}"


def legal(scop: Scop, plans: Sequence[Plan]) -> bool:
    """Whether the plans run everything in a legal order."""
    return is_legal(scop, schedule_of(scop, plans))[0] is Answer.PROVED


# -- distribution


class Dependences:
    """Between which pieces there are dependences when the outer loops are in one iteration."""

    def __init__(self, scop: Scop) -> None:
        self.scop = scop
        self._maps: dict[tuple[str, str], list[Any]] = {}
        import islpy as isl

        self._isl = isl
        ends = isl.dim_type.in_, isl.dim_type.out
        for pairs in scop.dependences.values():
            found: list[Any] = []
            pairs.foreach_map(found.append)
            for one in found:
                key = one.get_tuple_name(ends[0]), one.get_tuple_name(ends[1])
                self._maps.setdefault(key, []).append(one)

    def between(self, first: str, second: str, level: int) -> bool:
        """Whether an instance of `second` depends on one of `first` with the same `level` outer loops."""
        kind = self._isl.dim_type
        for one in self._maps.get((first, second), ()):
            with self.scop.solver.limited(CHEAPNESS):
                for n in range(level):
                    one = one.equate(kind.in_, n, kind.out, n)
                if not one.is_empty():
                    return True
        return False


def distributed(scop: Scop) -> tuple[Plan, ...]:
    """Every piece in loops of its own, as far as the dependences allow, innermost along memory."""
    return _distributed(scop, Dependences(scop), [p.id for p in scop.pieces], 0)


def _distributed(scop: Scop, dependences: Dependences, ids: Sequence[str], level: int) -> tuple[Plan, ...]:
    found: list[Plan] = []
    for group in _components(ids, lambda a, b: dependences.between(a, b, level)):
        first = scop.piece(group[0])
        if len(group) == 1:
            found.append(_own_nest(scop, first, level))
            continue
        shared = first.loops[level]
        rows = {id: Row(shared) for id in group}
        found.append(Band(rows, _distributed(scop, dependences, group, level + 1)))
    return tuple(found)


def _components(ids: Sequence[str], edge: Any) -> list[list[str]]:
    """Strongly connected components in topological order, in source order where free."""
    reach = {a: {b for b in ids if a == b or edge(a, b)} for a in ids}
    for middle, a in itertools.product(ids, ids):
        if middle in reach[a]:
            reach[a] |= reach[middle]
    groups: list[list[str]] = []
    for id in ids:
        if not any(id in group for group in groups):
            groups.append([other for other in ids if other in reach[id] and id in reach[other]])
    ordered: list[list[str]] = []
    while groups:
        ready = next(g for g in groups if not any(g[0] in reach[o[0]] for o in groups if o is not g))
        groups.remove(ready)
        ordered.append(ready)
    return ordered


def _own_nest(scop: Scop, piece: Piece, level: int) -> Plan:
    order = [*piece.loops[:level], *best_order(scop, piece, level)]
    plan: Plan = piece.id
    for loop in reversed(order[level:]):
        plan = Band({piece.id: Row(loop)}, (plan,))
    return plan


def best_order(scop: Scop, piece: Piece, level: int) -> tuple[Loop, ...]:
    """The loops of a piece below `level`, the one that touches fewest new cache lines innermost."""
    free = piece.loops[level:]
    if len(free) < 2:
        return free
    cost = {loop.id: lines_per_iteration(scop.nest, piece.statements, loop) for loop in free}
    for inner in sorted(free, key=lambda loop: (cost[loop.id], -free.index(loop))):
        if cost[inner.id] > 0.75 * cost[free[-1].id]:
            break
        if _only_sums(piece, inner) and not _only_sums(piece, free[-1]):
            continue  # a dot product waits for its sum; compilers do well on the strided form
        order = (*(loop for loop in free if loop is not inner), inner)
        if _order_is_legal(scop, piece, level, order):
            return order
    return free


def _only_sums(piece: Piece, loop: Loop) -> bool:
    """Whether everything that the piece writes stays the same element all through the loop."""
    written = (r.access for r in piece.references if r.is_write)
    return not any(form is None or form.coefficient(loop.id) for a in written for form in a.subscripts)


def _order_is_legal(scop: Scop, piece: Piece, level: int, order: Sequence[Loop]) -> bool:
    """Whether the instances of one piece may run in another order among themselves."""
    alone = replace(scop, pieces=(piece,))
    texts = [row_text(piece, Row(loop)) for loop in (*piece.loops[:level], *order)]
    return is_legal(alone, Schedule({piece.id: tuple(texts)}))[0] is Answer.PROVED


def memory_gain(scop: Scop, plans: Sequence[Plan]) -> float:
    """How many times fewer cache lines the deepest pieces touch than in the source, 1 to 6; a guess."""
    deepest = max(p.depth for p in scop.pieces)
    now = then = 0.0
    for piece in (p for p in scop.pieces if p.depth == deepest and deepest):
        now += lines_per_iteration(scop.nest, piece.statements, piece.loops[-1])
        then += lines_per_iteration(scop.nest, piece.statements, _loops_of(plans, piece.id)[-1])
    return min(6.0, max(1.0, now / then)) if then else 1.0


def reordered(scop: Scop, plans: Sequence[Plan]) -> bool:
    """Whether some piece has its loops in another order than in the source."""
    return any(_loops_of(plans, p.id) != p.loops for p in scop.pieces)


def _loops_of(plans: Sequence[Plan], id: str) -> tuple[Loop, ...]:
    for plan in plans:
        if isinstance(plan, Band) and id in plan.rows:
            return (plan.rows[id].loop, *_loops_of(plan.body, id))
    return ()


# -- fusion


def fused(scop: Scop, plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """The plans with loops joined that use the same data in step, outermost first, where that is legal."""
    return _fused(scop, tuple(plans), lambda changed: tuple(changed), ())


def _fused(scop: Scop, plans: tuple[Plan, ...], whole: Any, around: tuple[Band, ...]) -> tuple[Plan, ...]:
    """`whole` puts a changed sequence back into the plan of the region."""
    position = 0
    while position < len(plans):
        first = plans[position]
        if isinstance(first, Band):
            for other in range(position + 1, len(plans)):
                second = plans[other]
                if not isinstance(second, Band):
                    continue
                joined = _joined(scop, plans, position, other, whole, around)
                if joined is not None:
                    plans = joined
                    break
            else:
                position += 1
            continue
        position += 1
    for position, plan in enumerate(plans):
        if isinstance(plan, Band) and len(plan.body) > 1:
            inside = partial(_inside, whole, plans, position)
            body = _fused(scop, plan.body, inside, (*around, plan))
            plans = (*plans[:position], replace(plan, body=body), *plans[position + 1 :])
    return plans


def _inside(whole: Any, plans: tuple[Plan, ...], position: int, body: tuple[Plan, ...]) -> Any:
    """The plan of the region when the band at `position` has another body."""
    band = plans[position]
    assert isinstance(band, Band)
    return whole((*plans[:position], replace(band, body=body), *plans[position + 1 :]))


_SHIFTS = (0, 1, 2)


def _joined(
    scop: Scop, plans: tuple[Plan, ...], first: int, second: int, whole: Any, around: tuple[Band, ...]
) -> tuple[Plan, ...] | None:
    a, b = plans[first], plans[second]
    assert isinstance(a, Band) and isinstance(b, Band)
    if a.block or b.block or not _in_step(scop, a, b, around):
        return None
    for shift in _SHIFTS:
        moved = {id: replace(row, shift=row.shift + shift) for id, row in b.rows.items()}
        body = (*a.body, *b.body)
        band = Band({**a.rows, **moved}, body)
        changed = (*plans[:first], band, *plans[first + 1 : second], *plans[second + 1 :])
        if legal(scop, whole(changed)):
            return changed
    return None


def _in_step(scop: Scop, a: Band, b: Band, around: tuple[Band, ...]) -> bool:
    """Whether two loops have the same bounds and use one array with the same subscripts of theirs."""
    some = False
    for p, q in itertools.product(a.pieces, b.pieces):
        one, two = a.rows[p].loop, b.rows[q].loop
        if (one.step, _bounds(one, p, around)) != (two.step, _bounds(two, q, around)):
            return False
        some = some or _share(scop, scop.piece(p), scop.piece(q), one, two)
    return some


def _bounds(loop: Loop, piece: str, around: tuple[Band, ...]) -> object:
    """The bounds with the loops around written as their depth in the plan."""
    depth = {band.rows[piece].loop.id: f"#{n}" for n, band in enumerate(around)}

    def renamed(form: Affine) -> Affine:
        return Affine(form.constant, tuple(sorted((depth.get(s, s), c) for s, c in form.terms)))

    return frozenset(map(renamed, loop.lower or ())), frozenset(map(renamed, loop.upper or ()))


def _share(scop: Scop, p: Piece, q: Piece, one: Loop, two: Loop) -> bool:
    for a, b in itertools.product(_accesses(p), _accesses(q)):
        if a.array != b.array or scop.array(a.array).is_scalar:
            continue
        mine = [form.coefficient(one.id) if form is not None else 0 for form in a.subscripts]
        theirs = [form.coefficient(two.id) if form is not None else 0 for form in b.subscripts]
        if any(mine) and mine == theirs:
            return True
    return False


def _accesses(piece: Piece) -> Iterator[Access]:
    return (access for statement in piece.statements for access in statement.accesses)


# -- blocks

BLOCK = 1024
"""Elements of a row in one block: of doubles 8 KiB, so that several vectors of a block stay in the first
cache, and two pages, so that the prefetcher is not started anew all the time."""


def blocked(scop: Scop, plans: Sequence[Plan], size: int = BLOCK) -> tuple[Plan, ...]:
    """Nests whose outer loop is not parallel but an inner one is: blocks of the inner one go outermost.

    Every thread then walks through all of the outer loop, on columns of its own.
    """
    found = tuple(plans)
    for position, plan in enumerate(plans):
        if not isinstance(plan, Band):
            continue
        depth = 0
        inner: Band = plan
        if _is_parallel(scop, found, position, depth):
            continue
        while len(inner.body) == 1 and isinstance(inner.body[0], Band):
            inner, depth = inner.body[0], depth + 1
            changed = (*found[:position], Band(inner.rows, (plan,), size), *found[position + 1 :])
            if _is_parallel(scop, found, position, depth) and _is_parallel(scop, changed, position, 0):
                if legal(scop, changed):
                    found = changed
                break
    return found


def _is_parallel(scop: Scop, plans: tuple[Plan, ...], position: int, depth: int) -> bool:
    """Whether the loop `depth` levels into a perfect nest carries nothing."""
    band = plans[position]
    assert isinstance(band, Band)
    return not carried(scop, schedule_of(scop, plans), 2 * depth + 1, band.pieces)
