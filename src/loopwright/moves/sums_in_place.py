"""Sums that are kept in a scalar while they grow, seen as sums in the element that they end in.

    w = a[i][j];  for k  w -= e;  a[i][j] = w / d;      is  for k  a[i][j] -= e;  a[i][j] = a[i][j] / d
    w = 0;        for k  w += e;  a[i][j] -= w;         is  for k  a[i][j] -= e      (rounded otherwise)

Most people write factorisations so; blocks of pivots need the partial sums in memory.
Proof obligation: between the first of the three statements and the last nothing else touches that element in
one iteration of the loop that holds them, and the scalar is used by these three alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from loopwright.analysis.ir import Access, AccessKind, Array, Loop, Statement, Storage
from loopwright.analysis.polyhedral import Model, OutOfTime, Solver
from loopwright.moves.assignment import Assignment, assignment_of
from loopwright.moves.contraction_sums import (
    path_to,
    plain_type,
    replaced_statements,
    require_plain,
    written_array,
)
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import names_in, squeezed, substituted
from loopwright.moves.rewrite import code

_SECONDS = 2.0


@dataclass(frozen=True)
class SumsInPlace:
    """A nest in terms of the elements.

    Attributes:
        source: with the nest changed; the file is as it was.
        texts: how statements read now, by id, where that is not in the file. notes: words for the proof.
    """

    source: NestSource
    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()


def sums_in_place(source: NestSource) -> SumsInPlace:
    """The nest with every scalar sum moved for which that is proved; the others stay."""
    found = SumsInPlace(source, {})
    for scalar in source.nest.arrays:
        if scalar.is_scalar and scalar.storage is Storage.LOCAL and not scalar.live_out:
            try:
                found = _moved(found, scalar)
            except (Declined, OutOfTime):
                continue
    return found


@dataclass(frozen=True)
class _Sum:
    """The three statements in the loop `holder`. `negated`: what the scalar adds, the element loses."""

    holder: Loop
    begin: Statement
    update: Statement
    end: Statement
    write: Access
    negated: bool
    last: str
    """What the element becomes at the end, in terms of itself; empty when that is nothing new."""


def _moved(found: SumsInPlace, scalar: Array) -> SumsInPlace:
    source, nest = found.source, found.source.nest
    users = [s for s in nest.root.statements() if any(a.array == scalar.id for a in s.accesses)]
    if len(users) != 3:
        raise Declined(f"'{scalar.name}' is not used by three statements")
    begin, update, end = users
    for statement in users:
        require_plain(statement)
    holder = path_to(nest.root, begin.id)[-1]
    order = [item.id for item in holder.body_items]
    around = [item for item in holder.body_items if isinstance(item, Loop) and update in item.statements()]
    if (
        not around
        or end.id not in order
        or not (order.index(begin.id) < order.index(around[0].id) < order.index(end.id))
    ):
        raise Declined(f"'{scalar.name}' is not set just before and used just after its sum")
    made = _understood(source, scalar, holder, begin, update, end)
    _require_alone(source, made, scalar)
    return _rewritten(found, scalar, made)


def _texts(source: NestSource, *statements: Statement) -> list[Assignment]:
    return [assignment_of(code(source.data, s.range.start, s.range.end)) for s in statements]


def _understood(
    source: NestSource, scalar: Array, holder: Loop, begin: Statement, update: Statement, end: Statement
) -> _Sum:
    """Raises Declined unless the statements are one of the two forms."""
    nest, name = source.nest, scalar.name
    result, write = written_array(nest, end)
    first, middle, last = _texts(source, begin, update, end)
    if result.is_scalar or plain_type(result.dtype) != plain_type(scalar.dtype):
        raise Declined(f"'{last.left}' is not of the type of '{name}'")
    if {a.array for s in (begin, update) for a in s.accesses if a.kind is AccessKind.WRITE} != {scalar.id}:
        raise Declined("its statements write something else")
    if (first.operator, first.left, middle.left) != ("=", name, name):
        raise Declined(f"'{name}' is not set, then changed")
    if middle.operator not in ("+=", "-=") or name in names_in(middle.right):
        raise Declined(f"'{name}' is not a sum")
    reads = [a for a in begin.accesses if a.kind is AccessKind.READ]
    own = [a for a in end.accesses if a.kind is AccessKind.READ and a.array == result.id]
    again = [a for a in own if a.subscripts == write.subscripts]
    element = squeezed(last.left)
    negated, text = False, ""
    if [(a.array, a.subscripts) for a in reads] == [(result.id, write.subscripts)] and not again:
        if squeezed(first.right) != element or last.operator != "=":
            raise Declined(f"'{name}' does not start as '{last.left}'")
        text = "" if last.right == name else substituted(last.right, {name: last.left})
    elif not reads and re.fullmatch(r"0*\.?0*[fFlL]?", first.right):
        if last.operator in ("+=", "-=") and last.right == name and len(own) == len(again):
            negated = last.operator == "-="
        elif last.operator == "=" and len(again) == 1:
            difference = r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", f"{element}-{name}")))
            alone = re.fullmatch(difference, last.right) is not None
            text = "" if alone else re.sub(rf"\(\s*{difference}\s*\)", f"({last.left})", last.right)
            negated = True
            if name in names_in(text):
                raise Declined(f"what becomes of '{name}' is not understood")
        else:
            raise Declined(f"what becomes of '{name}' is not understood")
    else:
        raise Declined(f"'{name}' starts as something else")
    return _Sum(holder, begin, update, end, write, negated, text)


def _require_alone(source: NestSource, made: _Sum, scalar: Array) -> None:
    """Nothing else touches the element from the first statement to the last of one iteration."""
    nest, holder = source.nest, made.holder
    model = Model(nest, Solver(_SECONDS))
    (target,) = [
        r for r in model.references if r.place.statement.id == made.end.id and r.access is made.write
    ]
    depth = [loop.id for loop in target.place.loops].index(holder.id)
    inside = [s.id for s in holder.statements()]
    span = set(inside[inside.index(made.begin.id) : inside.index(made.end.id) + 1])
    for reference in model.references:
        id, access = reference.place.statement.id, reference.access
        if id not in span or access.array == scalar.id or access is made.write:
            continue
        if access.array != made.write.array:
            if not source.disjoint(access.array, made.write.array):
                raise Declined(f"'{reference.array.name}' may overlap with the element")
            continue
        own = id in (made.begin.id, made.end.id) and access.subscripts == made.write.subscripts
        if own and not reference.is_write:
            continue
        pairs, _ = model.conflicts(target, reference, holder)
        same = model.ordered(target.place, reference.place, f"s{depth} = t{depth}")
        if not model.solver.is_empty(pairs, same):
            raise Declined("something else touches the element meanwhile")


def _rewritten(found: SumsInPlace, scalar: Array, made: _Sum) -> SumsInPlace:
    source, nest = found.source, found.source.nest
    middle, last = _texts(source, made.update, made.end)
    place = next(a.range for a in made.update.accesses if a.array == scalar.id and a.kind is AccessKind.WRITE)
    old = replace(made.write, kind=AccessKind.READ, reduction=None)
    pair = tuple(replace(a, range=place, reduction="+") for a in (old, made.write))
    others = tuple(a for a in made.update.accesses if a.array != scalar.id)
    changed: dict[str, Statement | None] = {
        made.begin.id: None,
        made.update.id: replace(made.update, accesses=(*others, *pair)),
        made.end.id: None,
    }
    flipped = {"+=": "-=", "-=": "+="}[middle.operator] if made.negated else middle.operator
    texts = {**found.texts, made.update.id: f"{last.left} {flipped} {middle.right};"}
    if made.last:
        kept = tuple(
            a
            for a in made.end.accesses
            if a is not made.write and a.array != scalar.id
            and (a.array, a.subscripts) != (old.array, old.subscripts)
        )  # fmt: skip
        changed[made.end.id] = replace(made.end, accesses=(*kept, old, replace(made.write, reduction=None)))
        texts[made.end.id] = f"{last.left} = {made.last};"
    arrays = tuple(a for a in nest.arrays if a.id != scalar.id)
    nest = replace(replaced_statements(nest, changed), arrays=arrays)
    note = f"{scalar.name} is kept in {last.left}, which nothing else touches meanwhile"
    moved = replace(source, facts=replace(source.facts, nest=nest))
    return SumsInPlace(moved, texts, (*found.notes, note))
