"""Whether one loop may run on a device, and what it then does to the arrays of the program."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from loopwright.analysis.data_bases import Base, NotSimple, base_of, expressions
from loopwright.analysis.data_elements import Flow, NestElements
from loopwright.analysis.dependence import analyse
from loopwright.analysis.domains import loop_range
from loopwright.analysis.facts import Answer, LoopFacts
from loopwright.analysis.frontend import ReadNest, UnitReader
from loopwright.analysis.ir import AccessKind, Array, Loop
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.syntax import Function, Stmt
from loopwright.core.data_plan import LoopClass

SMALL_WORK = 2000
"""Statement executions below which starting a device loop cannot pay by itself."""


@dataclass(frozen=True)
class Scalar:
    """A single value that a device loop gives back: a reduction's result or a last value."""

    name: str
    dtype: str
    element_bytes: int
    line: int
    operator: str


@dataclass(frozen=True)
class Access:
    """A line of a device loop that touches an array."""

    line: int
    reads: bool
    writes: bool


@dataclass(frozen=True)
class DeviceLoop:
    """A loop that may go to the device.

    `bounds`: how many elements of each array hold all that it touches, None when not known. `small`: too
    little work to go there for its own sake.
    """

    function: Function
    statement: Stmt
    read: ReadNest
    facts: LoopFacts
    kind: LoopClass
    reason: str
    small: bool
    flows: dict[Base, Flow] = field(default_factory=dict)
    bounds: dict[Base, Polynomial | None] = field(default_factory=dict)
    accesses: dict[Base, list[Access]] = field(default_factory=dict)
    scalars: tuple[Scalar, ...] = ()


class StaysOnHost(Exception):
    """Why a loop does not go to the device, in words."""


def device_loop(reader: UnitReader, function: Function, loop: Stmt) -> DeviceLoop:
    """The loop as it runs on a device. StaysOnHost with the reason when it cannot."""
    if loop.kind != "for":
        raise StaysOnHost(f"a {loop.kind} loop has no iterations to share out")
    read = reader.read(function, loop)
    root = read.nest.root
    if root.problems:
        raise StaysOnHost(root.problems[0].reason)
    known = analyse(read.nest).loops
    facts = known[root.id]
    if facts.parallel is not Answer.PROVED:
        raise StaysOnHost(_why_not(facts))
    meeting = [r.variable for r in facts.reductions if r.is_array]
    if meeting and any(_is_freer(known[inner.id]) for inner in root.walk()[1:]):
        raise StaysOnHost(f"its iterations meet in elements of {meeting[0]}, those of a loop inside do not")
    _require_device_code(reader, read, loop)
    kind = LoopClass.REDUCTION if facts.reductions else LoopClass.PARALLEL
    found = DeviceLoop(
        function, loop, read, facts, kind, _reason(facts), _is_small(root), scalars=_scalars(read, facts)
    )
    try:
        _add_arrays(found)
    except NotSimple as reason:
        raise StaysOnHost(str(reason)) from None
    return found


def _is_freer(facts: LoopFacts) -> bool:
    return facts.parallel is Answer.PROVED and not any(r.is_array for r in facts.reductions)


def _why_not(facts: LoopFacts) -> str:
    if facts.reason:
        return facts.reason
    return facts.unknowns[0].reason if facts.unknowns else "its iterations depend on each other"


def _reason(facts: LoopFacts) -> str:
    if not facts.reductions:
        return "no iteration needs another one"
    combined = ", ".join(f"{r.variable} ({r.op})" for r in facts.reductions)
    return f"iterations meet in {combined} only"


def _require_device_code(reader: UnitReader, read: ReadNest, loop: Stmt) -> None:
    for parameter in read.nest.parameters:
        if not re.fullmatch(r"[\w\s*+\-/()%]+", parameter.text.replace("->", "?").replace(".", "?")):
            words = "is read from an object on the host: it needs a variable of its own"
            raise StaysOnHost(f"{parameter.text} {words}")
    for expr in expressions(loop):
        if expr.kind != "call":
            continue
        effects = reader.summaries(expr)
        for variable in effects.globals if effects is not None else ():
            if not variable.is_constant or variable.type.kind == "array":
                words = f"the function {expr.name} reads the global variable {variable.name}"
                raise StaysOnHost(f"{words}, which would need a copy on the device")


def _scalars(read: ReadNest, facts: LoopFacts) -> tuple[Scalar, ...]:
    found = []
    given = [(r.variable, r.op) for r in facts.reductions] + [(v, "") for v in facts.last_private]
    for id_, operator in given:
        array = next((a for a in read.nest.arrays if a.id == id_), None)
        if array is not None and array.is_scalar and array.declared_in is None:
            root, path = read.objects[id_].key
            if root is None or path:
                raise StaysOnHost(f"the value combined, {array.name}, is not a plain variable")
            line = root.line
            found.append(Scalar(array.name, array.dtype, array.element_bytes, line, operator))
    return tuple(found)


def _add_arrays(made: DeviceLoop) -> None:
    nest = made.read.nest
    elements = NestElements(nest)
    scalars = {s.name for s in made.scalars}
    parts: dict[Base, list[Array]] = {}
    unfit: dict[str, None] = {}
    for array in nest.arrays:
        accesses = [a for s in nest.root.statements() for a in s.accesses if a.array == array.id]
        root, path = made.read.objects[array.id].key
        if array.declared_in is not None or not accesses or array.id in made.facts.private:
            if array.declared_in is not None and "*" in path:
                raise NotSimple(f"{array.name} is a pointer that each iteration sets anew")
            continue
        written = any(a.kind is AccessKind.WRITE for a in accesses)
        if array.is_scalar and not path and root is not None and root.type.stripped.is_arithmetic:
            if root.type.kind == "reference":
                raise NotSimple(f"{array.name} is a reference")
            if written and array.name not in scalars:
                raise NotSimple(f"the value of {array.name} is needed on the host")
            continue
        if array.is_scalar and array.dtype.endswith("*") and not written:
            continue  # a pointer: what it leads to is an array of its own
        if array.is_scalar:
            raise NotSimple(f"{array.name} is not an element of an array")
        try:
            parts.setdefault(base_of(made.read.objects[array.id]), []).append(array)
        except NotSimple as reason:
            unfit[str(reason)] = None
    if unfit:
        raise NotSimple("; ".join(unfit))
    for base, arrays in parts.items():
        ids = [a.id for a in arrays]
        whole = len(arrays) == 1 and base.element.is_arithmetic
        made.flows[base] = elements.flow(ids, whole=whole)
        flat = base.element.is_arithmetic or all(len(a.extents) == 1 for a in arrays)
        made.bounds[base] = elements.bound(ids) if flat else None
        made.accesses[base] = _accesses(nest.root, set(ids))


def _accesses(root: Loop, ids: set[str]) -> list[Access]:
    lines: dict[int, list[bool]] = {}
    for statement in root.statements():
        for access in statement.accesses:
            if access.array in ids:
                flags = lines.setdefault(access.range.line, [False, False])
                flags[access.kind is AccessKind.WRITE] = True
    return [Access(line, reads, writes) for line, (reads, writes) in sorted(lines.items())]


def _is_small(root: Loop) -> bool:
    total = _work(root)
    return total is not None and total < SMALL_WORK


def _work(loop: Loop) -> int | None:
    """Statement executions of one run of the loop when all trip counts are constants."""
    try:
        trips = len(loop_range(loop, {}))
    except (ValueError, KeyError):
        return None
    total = 0
    for item in loop.body_items:
        below = _work(item) if isinstance(item, Loop) else 1
        if below is None:
            return None
        total += below
    return trips * total
