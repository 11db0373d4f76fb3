"""Iteration domains of a nest as text for isl, and counting the points in them.

Every loop bounds its induction variable from what the IR says. Two readings of the same loop are needed:
`Precision.MAY` holds at least the iterations that run (for dependences and for reads), `Precision.MUST`
holds only iterations that do run (for writes that must cover a read).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from loopwright.analysis.ir import Affine, Constraint, Loop, LoopNest, Relation, Statement

_WIDE = ("size_t", "unsigned long", "unsigned long long", "uint64_t", "uintptr_t", "uintmax_t", "size_type")
"""Unsigned types of 64 bits on the machines that Loopwright runs on."""


class Precision(Enum):
    """Which side a domain errs on where the IR is not exact."""

    MAY = "may"
    MUST = "must"


@dataclass(frozen=True)
class Place:
    """A statement with the loops around it (outermost first) and its position in the text."""

    statement: Statement
    loops: tuple[Loop, ...]
    position: int

    @property
    def depth(self) -> int:
        """Number of loops around the statement."""
        return len(self.loops)


def places(nest: LoopNest) -> tuple[Place, ...]:
    """All statements of the nest with their loops, in source order."""
    found: list[Place] = []

    def visit(loop: Loop, around: tuple[Loop, ...]) -> None:
        inside = (*around, loop)
        for item in loop.body_items:
            if isinstance(item, Loop):
                visit(item, inside)
            else:
                found.append(Place(item, inside, len(found)))

    visit(nest.root, ())
    return tuple(found)


def path_to(nest: LoopNest, loop_id: str) -> tuple[Loop, ...]:
    """The loops from the root down to `loop_id`, both included; KeyError when it is not in the nest."""

    def visit(loop: Loop, around: tuple[Loop, ...]) -> tuple[Loop, ...] | None:
        inside = (*around, loop)
        if loop.id == loop_id:
            return inside
        for child in loop.loops:
            if (found := visit(child, inside)) is not None:
                return found
        return None

    found = visit(nest.root, ())
    if found is None:
        raise KeyError(loop_id)
    return found


def is_exact(loop: Loop) -> bool:
    """Whether the iterations are known exactly: bounds and stride are, and nothing leaves the loop early."""
    return not loop.problems and bool(loop.step and loop.lower and loop.upper)


@dataclass(frozen=True)
class Names:
    """isl names of the symbols of a nest: parameters are p0, p1...; the loops' names depend on the tuple."""

    parameters: Mapping[str, str]

    @classmethod
    def of(cls, nest: LoopNest) -> Names:
        """Names for the parameters of the nest, and for every other symbol that no loop explains."""
        loops = {loop.id for loop in nest.root.walk()}
        symbols = [p.name for p in nest.parameters]
        for form in _forms(nest):
            symbols += sorted(form.symbols - loops - set(symbols))
        return cls({symbol: f"p{n}" for n, symbol in enumerate(dict.fromkeys(symbols))})

    @property
    def header(self) -> str:
        """The parameter tuple that starts every isl text of the nest."""
        return f"[{', '.join(self.parameters.values())}] -> "

    def form(self, form: Affine, loops: Mapping[str, str]) -> str:
        """An affine form with loop symbols replaced by `loops`. KeyError for a loop that is not around."""
        parts = [str(form.constant)] if form.constant or not form.terms else []
        for symbol, coefficient in form.terms:
            name = loops[symbol] if symbol in loops else self.parameters[symbol]
            parts.append(name if coefficient == 1 else f"{coefficient}*{name}")
        return " + ".join(f"({p})" if p.startswith("-") else p for p in parts)


def _forms(nest: LoopNest) -> list[Affine]:
    forms = [c.form for c in nest.assumptions]
    for loop in nest.root.walk():
        forms += [*(loop.lower or ()), *(loop.upper or ())]
    for statement in nest.root.statements():
        forms += [c.form for c in statement.guards]
        forms += [s for access in statement.accesses for s in access.subscripts if s is not None]
    for array in nest.arrays:
        forms += [e for e in array.extents if e is not None]
    return forms


def constraint_text(constraint: Constraint, names: Names, loops: Mapping[str, str]) -> str:
    """A constraint as isl text."""
    sign = ">=" if constraint.relation is Relation.GE else "="
    return f"{names.form(constraint.form, loops)} {sign} 0"


def context_text(nest: LoopNest, names: Names) -> list[str]:
    """What is proved about the parameters."""
    texts = [
        constraint_text(c, names, {}) for c in nest.assumptions if c.form.symbols <= set(names.parameters)
    ]
    texts += [
        f"{names.parameters[parameter.name]} >= {parameter.minimum}"
        for parameter in nest.parameters
        if parameter.minimum is not None
    ]
    return texts


def loop_texts(loop: Loop, names: Names, loops: Mapping[str, str], precision: Precision) -> list[str]:
    """Constraints on the induction variable of `loop`, whose own name and those around it are in `loops`.

    An unsigned variable compared with a bound below zero is compared with a huge number instead (C11
    6.3.1.8 and 6.2.5p9), so that such a bound does not bound the MAY domain. With 64 bits that is left out:
    a loop of more than 2**63 iterations never ends, so that no program depends on what it does.
    """
    name, may = loops[loop.id], precision is Precision.MAY
    wraps = loop.unsigned_variable and (
        bool(loop.problems) or loop.variable_type.split("::")[-1] not in _WIDE
    )
    texts: list[str] = []
    for form in loop.lower or ():
        texts.append(f"{name} >= {names.form(form, loops)}")
        if loop.unsigned_variable and not may and form.terms:
            texts.append(f"{names.form(form, loops)} >= 0")
    for form in loop.upper or ():
        text = f"{name} < {names.form(form, loops)}"
        if wraps and may:
            slack = -1 if loop.step is not None and loop.step < 0 else 0
            limit = names.form(form + Affine(slack), loops)
            if form.terms or form.constant + slack < 0:
                text = f"({text} or {limit} < 0)"
        texts.append(text)
    if loop.unsigned_variable:
        texts.append(f"{name} >= 0")
    texts += _stride_texts(loop, names, loops, may=may)
    return texts


def _stride_texts(loop: Loop, names: Names, loops: Mapping[str, str], *, may: bool) -> list[str]:
    step = loop.step
    if step is None or abs(step) <= 1:
        return []
    start = loop.lower if step > 0 else loop.upper
    if not start:
        return []
    offsets = [names.form(form if step > 0 else form + Affine(-1), loops) for form in start]
    choices = []
    for n, offset in enumerate(offsets):
        # The loop starts at the largest lower bound, or at the smallest upper one when it counts down.
        sign = ">=" if step > 0 else "<="
        chosen = [f"{offset} {sign} {other}" for m, other in enumerate(offsets) if m != n]
        choices.append(" and ".join([*chosen, f"({loops[loop.id]} - ({offset})) mod {abs(step)} = 0"]))
        if may and loop.unsigned_variable:
            # Where the start wraps, the remainder is not the one of the mathematical value.
            choices.append(f"{offset} < 0")
    return ["(" + " or ".join(f"({choice})" for choice in choices) + ")"]


def domain_texts(place: Place, names: Names, tuple_name: str, precision: Precision) -> list[str]:
    """Constraints on the instances of a statement, over variables {tuple_name}0, {tuple_name}1..."""
    loops = {loop.id: f"{tuple_name}{n}" for n, loop in enumerate(place.loops)}
    texts: list[str] = []
    for n, loop in enumerate(place.loops):
        around = {inner.id: loops[inner.id] for inner in place.loops[: n + 1]}
        texts += loop_texts(loop, names, around, precision)
    return texts + [constraint_text(c, names, loops) for c in place.statement.guards]


def evaluate(form: Affine, values: Mapping[str, int]) -> int:
    """The value of an affine form; KeyError when a symbol has no value."""
    return form.constant + sum(coefficient * values[symbol] for symbol, coefficient in form.terms)


def loop_range(loop: Loop, values: Mapping[str, int]) -> range:
    """The values that the induction variable takes, in order, for concrete values of the symbols around it.

    ValueError when the bounds or the step of the loop are not known.
    """
    if not loop.step or not loop.lower or not loop.upper:
        raise ValueError(f"the trip count of loop {loop.id} (line {loop.header.line}) is not affine")
    low = max(evaluate(form, values) for form in loop.lower)
    high = min(evaluate(form, values) for form in loop.upper)
    return range(low, high, loop.step) if loop.step > 0 else range(high - 1, low - 1, loop.step)


def iterations(nest: LoopNest, loop_id: str, params: Mapping[str, int], *, limit: int = 2_000_000) -> int:
    """How many iterations the loop runs in one run of the nest, for concrete sizes: an estimate of its work.

    Exact while fewer than about `limit` iterations of the loops around it have to be looked at; beyond that
    the outer loops are sampled evenly. ValueError when a bound is not affine, KeyError for a size that
    `params` lacks.
    """
    path = path_to(nest, loop_id)
    return _count(path, dict(params), limit)


def _count(path: Sequence[Loop], values: dict[str, int], limit: int) -> int:
    loop, rest = path[0], path[1:]
    reached = loop_range(loop, values)
    below = {
        symbol
        for inner in rest
        for form in (*(inner.lower or ()), *(inner.upper or ()))
        for symbol in form.symbols
    }
    if not rest:
        return len(reached)
    if loop.id not in below:
        values[loop.id] = reached[0] if reached else 0
        return len(reached) * _count(rest, values, limit) if reached else 0
    stride = max(1, -(-len(reached) // max(limit, 1)))
    sampled = reached[stride // 2 :: stride] if stride > 1 else reached
    total = 0
    for value in sampled:
        values[loop.id] = value
        total += _count(rest, values, max(1, limit // max(1, len(sampled))))
    return round(total * len(reached) / len(sampled)) if sampled else 0
