"""Which loops of a nest may run their iterations in any order, and what has to be private or combined.

A loop is parallel when no two of its iterations touch one element of which one is a write (memory-based
dependences), after setting aside objects that each iteration may have a copy of and reductions.
Everything that is not certain ends as UNKNOWN: nothing here raises for an odd nest or runs without end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from loopwright.analysis.dependence_private import (
    Copies,
    privacy,
    runs_at_least_once,
)
from loopwright.analysis.dependence_words import described
from loopwright.analysis.domains import path_to
from loopwright.analysis.facts import Answer, Dependence, LoopFacts, NestFacts, Reduction
from loopwright.analysis.ir import AccessKind, Array, Loop, LoopNest, Statement, Storage, Unknown
from loopwright.analysis.polyhedral import Model, OutOfTime, Reference, Solver, earlier, may_overlap

_EXACT_OPERATIONS = ("min", "max", "&", "|", "^", "&&", "||")
_MOST_REPORTED = 24
"""Dependences listed per loop and array: more do not help anyone."""


@dataclass
class _Findings:
    """What has been found about one loop so far."""

    private: list[str] = field(default_factory=list)
    last_private: list[str] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    carried: list[Dependence] = field(default_factory=list)
    unknowns: list[Unknown] = field(default_factory=list)
    refuted: bool = False
    written: list[str] = field(default_factory=list)


def analyse(nest: LoopNest, *, seconds: float = 5.0) -> NestFacts:
    """Facts about every loop of the nest, in at most about `seconds`.

    Objects are named by array id, induction variables declared outside of their loop by their name. Loops
    that the time does not suffice for, and nests that the IR describes inconsistently, are UNKNOWN
    with the reason in words; no exception leaves this function for them.
    """
    started = time.monotonic()
    facts: dict[str, LoopFacts] = {}
    loops = nest.root.walk()
    model: Model | None = None
    trouble: Unknown | None = None
    try:
        model = Model(nest, Solver(seconds))
    except Exception as error:
        trouble = Unknown(
            f"the nest could not be modelled ({type(error).__name__}: {error})", _line(nest.root)
        )
    for loop in loops:
        if model is None:
            facts[loop.id] = _unknown(loop, trouble or Unknown("not analysed"))
            continue
        try:
            facts[loop.id] = loop_facts(model, loop)
        except OutOfTime:
            facts[loop.id] = _unknown(
                loop, Unknown(f"the proof did not end within {seconds:g} s", _line(loop))
            )
        except Exception as error:
            # A nest that contradicts itself (a symbol of a loop that is not around...) proves nothing.
            words = f"the analysis of this loop failed ({type(error).__name__}: {error})"
            facts[loop.id] = _unknown(loop, Unknown(words, _line(loop)))
    return NestFacts(nest, facts, time.monotonic() - started)


def _line(loop: Loop) -> int:
    return loop.header.line


def _unknown(loop: Loop, why: Unknown) -> LoopFacts:
    return LoopFacts(loop.id, Answer.UNKNOWN, unknowns=(why,), reason=f"unknown: {why.reason}")


def loop_facts(model: Model, loop: Loop) -> LoopFacts:
    """Facts about one loop of a modelled nest. Raises OutOfTime."""
    found = _Findings()
    found.unknowns += obstacles(model.nest, loop)
    _induction_variables(model, loop, found)
    found.unknowns += overlaps(model, loop)
    for id, references in model.arrays.items():
        inside = [r for r in references if r.under(loop)]
        if any(r.is_write for r in inside) and not _is_fresh(inside[0].array, loop):
            _examine(model, loop, inside[0].array, inside, found)
            found.written.append(id)
    answer = Answer.PROVED
    if found.unknowns or found.carried:
        answer = Answer.REFUTED if found.refuted else Answer.UNKNOWN
    facts = LoopFacts(
        loop.id,
        answer,
        tuple(dict.fromkeys(found.private)),
        tuple(dict.fromkeys(found.last_private)),
        tuple(found.reductions),
        tuple(found.carried),
        tuple(dict.fromkeys(found.unknowns)),
    )
    return replace(facts, reason=described(facts, model.nest, found.written))


def obstacles(nest: LoopNest, loop: Loop) -> list[Unknown]:
    """What forbids any proof about the loop, whatever its accesses."""
    found = [*nest.unknowns, *loop.problems]
    for inner in loop.walk()[1:]:
        found += [problem for problem in inner.problems if not problem.local]
    for statement in loop.statements():
        found += statement.unknowns
    if not loop.step:
        found.append(Unknown("no induction variable changes by a constant step", _line(loop)))
    elif (not loop.lower or not loop.upper) and not _count_is_fixed(loop):
        found.append(Unknown("the number of iterations is not known before the loop starts", _line(loop)))
    return found


def _count_is_fixed(loop: Loop) -> bool:
    """Whether the loop itself changes nothing that its condition reads, as in `k < row[i + 1]`: then the
    iterations are settled when it starts, though not how many. What may overlap is asked for elsewhere.
    """
    start, end = loop.condition.start, loop.condition.end
    conditions = [
        s
        for s in loop.body_items
        if isinstance(s, Statement) and s.is_condition and start <= s.range.start and s.range.end <= end
    ]
    statements = loop.statements()
    changed = {a.array for s in statements for a in s.accesses if a.kind is AccessKind.WRITE}
    read = {a.array for s in conditions for a in s.accesses}
    return bool(conditions) and not changed & read and not any(s.unknowns for s in statements)


def overlaps(model: Model, loop: Loop) -> list[Unknown]:
    """Pairs of arrays used in the loop that may share memory, where one is written."""
    used: dict[str, tuple[Array, bool, int]] = {}
    for id, references in model.arrays.items():
        inside = [r for r in references if r.under(loop)]
        if inside:
            lines = [r.line for r in inside if r.is_write] or [inside[0].line]
            used[id] = (inside[0].array, any(r.is_write for r in inside), lines[0])
    found: list[Unknown] = []
    items = list(used.values())
    for n, (first, first_written, line) in enumerate(items):
        for second, second_written, other in items[n + 1 :]:
            if (first_written or second_written) and may_overlap(first, second, model.nest.disjoint):
                where = line if first_written else other
                found.append(Unknown(f"{first.name} and {second.name} may overlap", where))
    return found


def _induction_variables(model: Model, loop: Loop, found: _Findings) -> None:
    """Induction variables declared outside of their header: private, if nobody looks at them elsewhere."""
    scalars = {
        r.array.name: [q for q in model.references if q.array.name == r.array.name] for r in model.references
    }
    for inner in loop.walk():
        uses = scalars.get(inner.variable, [])
        strange = [
            r for r in uses if r.array.is_scalar and r.under(loop) and (r.is_write or not r.under(inner))
        ]
        if inner.declared_here or not inner.variable:
            continue
        for use in strange:
            what = "changed" if use.is_write else "read outside of its loop"
            found.unknowns.append(Unknown(f"the loop variable {inner.variable} is {what}", use.line))
        needed = inner.live_out_variable or any(
            r.array.is_scalar and not r.under(loop) and not r.is_write for r in uses
        )
        if not needed:
            if inner is not loop:
                found.private.append(inner.variable)
        elif (inner is loop or _is_reached(inner)) and runs_at_least_once(model, loop):
            found.last_private.append(inner.variable)
        else:
            words = f"the loop variable {inner.variable} may be needed after the loop, which may not run"
            found.unknowns.append(Unknown(words, _line(inner)))


def _is_reached(loop: Loop) -> bool:
    """Whether nothing conditional stands around the loop: a statement directly in it is free of guards."""
    return any(not s.guards and s.exact_guards for s in loop.body_items if not isinstance(s, Loop))


def _is_fresh(array: Array, loop: Loop) -> bool:
    """Whether each iteration has an object of its own because it is declared in the loop."""
    return array.storage is Storage.LOCAL and array.declared_in in {inner.id for inner in loop.walk()}


def _examine(model: Model, loop: Loop, array: Array, inside: Sequence[Reference], found: _Findings) -> None:
    """Finds what one array that is written in the loop means for it."""
    carried = carried_by(model, loop, inside)
    if not carried:
        return
    operation = reduction_operation(inside)
    if operation is not None:
        found.reductions.append(
            Reduction(array.id, operation, not array.is_scalar, is_exact_reduction(array, operation))
        )
        return
    verdict = privacy(model, loop, array)
    if verdict.copies is Copies.PRIVATE:
        found.private.append(array.id)
    elif verdict.copies is Copies.LAST_PRIVATE:
        found.last_private.append(array.id)
    else:
        refuted = any(item.certain for item in carried)
        found.carried += dependences(model, loop, carried)
        found.refuted |= refuted
        if not refuted:
            found.unknowns.append(Unknown(_doubt(array, inside), carried[0].sink.line))
        elif array.is_scalar:
            found.unknowns.append(Unknown(verdict.reason, carried[0].sink.line))


def _doubt(array: Array, inside: Sequence[Reference]) -> str:
    if any(form is None for r in inside for form in r.access.subscripts):
        return f"iterations may touch the same element of {array.name}: a subscript is not affine"
    if any(not r.place.statement.exact_guards for r in inside):
        return f"iterations may touch the same element of {array.name}, under a condition that is not affine"
    return f"iterations may touch the same element of {array.name}"


def reduction_operation(references: Sequence[Reference]) -> str | None:
    """The one operation that all of these accesses combine with, None when there is another use."""
    operations = {r.access.reduction for r in references}
    return operations.pop() if len(operations) == 1 else None


def is_exact_reduction(array: Array, operation: str) -> bool:
    """Whether another order of combining gives the same bits."""
    return not array.is_float or operation in _EXACT_OPERATIONS


@dataclass(frozen=True)
class Carried:
    """Pairs of instances of two accesses between which a dependence is carried."""

    source: Reference
    sink: Reference
    turned: bool
    """The set has the instances of the sink first."""
    pairs: Any
    order: Any
    certain: bool


def carried_by(model: Model, loop: Loop, references: Sequence[Reference]) -> list[Carried]:
    """Memory-based dependences among accesses to one array that `loop` carries."""
    found: list[Carried] = []
    depth = len(path_to(model.nest, loop.id)) - 1
    forward = earlier(loop, f"s{depth}", f"t{depth}") or f"s{depth} != t{depth}"
    backward = earlier(loop, f"t{depth}", f"s{depth}") or f"s{depth} != t{depth}"
    for n, first in enumerate(references):
        for second in references[n:]:
            if not (first.is_write or second.is_write):
                continue
            pairs, certain = model.conflicts(first, second, loop)
            if model.solver.is_empty(pairs):
                continue
            orders = [(forward, False)] if first is second else [(forward, False), (backward, True)]
            for order, turned in orders:
                ordered = model.ordered(first.place, second.place, order)
                if not model.solver.is_empty(pairs, ordered):
                    source, sink = (second, first) if turned else (first, second)
                    found.append(Carried(source, sink, turned, pairs, ordered, certain and bool(loop.step)))
    return found


def dependences(model: Model, loop: Loop, found: Sequence[Carried]) -> list[Dependence]:
    """Carried dependences as facts for people, each once."""
    made: dict[Dependence, None] = {}
    for item in found:
        source, sink = item.source, item.sink
        first, second = (sink, source) if item.turned else (source, sink)
        carried = model.solver.intersection(item.pairs, item.order)
        distance = model.distances(carried, first.place, second.place)
        if item.turned:
            distance = tuple(None if d is None else -d for d in distance)
        kind = "output" if source.is_write and sink.is_write else "flow" if source.is_write else "anti"
        made[Dependence(source.array.id, kind, source.line, sink.line, loop.id, distance)] = None
        if len(made) >= _MOST_REPORTED:
            break
    return list(made)
