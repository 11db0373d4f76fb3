"""From the draft of a region to the plans of its arrays and loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loopwright.analysis.data_bases import Base, View
from loopwright.analysis.data_device import DeviceLoop, Scalar
from loopwright.analysis.data_elements import fills
from loopwright.analysis.data_host import Touch, touches_of
from loopwright.analysis.data_piece import HostTouch, Launch, Times
from loopwright.analysis.data_regions import Draft, is_open
from loopwright.analysis.data_sizes import Size, length_of, text_of
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.ir import Loop
from loopwright.analysis.nests import LOOPS
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.syntax import Stmt
from loopwright.core.data_plan import (
    ArrayPlan,
    Direction,
    LoopClass,
    LoopPlan,
    Placement,
    Side,
    Span,
    Transfer,
    Update,
    Use,
    product,
)


def span_of(reader: UnitReader, first: Stmt, last: Stmt) -> Span:
    """The place of some statements that follow each other."""
    source = reader.unit.source
    lines = (source.count(b"\n", 0, first.start) + 1, source.count(b"\n", 0, last.end - 1) + 1)
    return Span(reader.unit.file, *lines, first.start, last.end)


# -- loops


def loop_plans(draft: Draft) -> tuple[LoopPlan, ...]:
    """What becomes of the loops of a region, in source order."""
    found: dict[tuple[str, int], LoopPlan] = {}
    for held in draft.piece.loops:
        reader = draft.view.functions[held.function.key][0]
        kind = LoopClass.AROUND if held.around else LoopClass.HOST
        plan = LoopPlan(
            span_of(reader, held.statement, held.statement),
            held.function.name,
            _variable(held.statement),
            kind,
            held.reason,
            _count(held.times),
        )
        found.setdefault((plan.span.file, plan.span.start), plan)
    for launch in draft.piece.launches:
        for plan in _device_plans(draft, launch):
            key = (plan.span.file, plan.span.start)
            found[key] = _joined(found[key], plan) if key in found else plan
    return tuple(sorted(found.values(), key=lambda p: (p.span.file != draft.reader.unit.file, p.span.start)))


def _variable(loop: Stmt) -> str:
    if loop.init is not None and loop.init.variables:
        return loop.init.variables[0].name
    expr = loop.init.expr if loop.init is not None else None
    return expr.args[0].name if expr is not None and expr.kind == "assign" and expr.args else ""


def _joined(first: LoopPlan, second: LoopPlan) -> LoopPlan:
    """A loop of a function that is called from several places."""
    known = first.launches is not None and second.launches is not None
    arrays = tuple(dict.fromkeys((*first.arrays, *second.arrays)))
    return replace(first, launches=f"{first.launches} + {second.launches}" if known else None, arrays=arrays)


def _device_plans(draft: Draft, launch: Launch) -> Iterator[LoopPlan]:
    loop, root = launch.loop, launch.loop.read.nest.root
    count = _count(launch.times)
    names = tuple(base.name for base in launch.bases.values())
    reductions = tuple((r.op, _combined(draft, launch, r.variable)) for r in loop.facts.reductions)
    span = span_of(launch.reader, loop.statement, loop.statement)
    yield LoopPlan(span, loop.function.name, root.variable, loop.kind, loop.reason, count, names, reductions)
    for inner in root.walk()[1:]:
        yield _inner(inner, loop)


def _combined(draft: Draft, launch: Launch, id_: str) -> str:
    """The list item of a reduction: an array behind a pointer needs its section."""
    root, path = launch.loop.read.objects[id_].key
    base = None if root is None else Base(root, path[:1] == ("*",))
    if base is None or base not in launch.bases:
        return launch.loop.read.nest.array(id_).name
    size = launch.loop.bounds.get(base) if launch.loop.function is not draft.function else None
    return item_of(base, size or draft.sizes[launch.bases[base]].elements)


def _inner(inner: Loop, loop: DeviceLoop) -> LoopPlan:
    place = inner.range
    return LoopPlan(
        Span(place.file, place.line, place.end_line, place.start, place.end),
        loop.function.name,
        inner.variable,
        LoopClass.INSIDE,
        f"runs inside the loop at line {loop.statement.line}",
    )


def _count(times: Times) -> str | None:
    return None if times.count is None else text_of(times.count)


# -- arrays


def array_plans(view: View, draft: Draft, *, structured: bool) -> tuple[ArrayPlan, ...]:
    """The plans of the arrays of a region, and of the values that its device loops give back."""
    found = [_ArrayPlanner(view, draft, base, structured=structured).plan() for base in draft.piece.flows]
    return (*found, *_scalar_plans(draft))


class _ArrayPlanner:
    """Plans one array of a region."""

    def __init__(self, view: View, draft: Draft, base: Base, *, structured: bool) -> None:
        self.view, self.draft, self.base, self.structured = view, draft, base, structured
        self.size: Size = draft.sizes[base]
        self.group = (base, *draft.swapped.get(base, ()))
        self.held = [t for b, t in draft.needs_update if b == base]
        self.behind = self._first_use_behind()

    def plan(self) -> ArrayPlan:
        """The plan."""
        draft, base = self.draft, self.base
        direction, why = self._direction()
        scratch = direction is Direction.ALLOC and not self.held
        elements = text_of(self.size.elements)
        element_bytes = base.element.size
        bytes_ = product(str(element_bytes), elements)
        region = span_of(draft.reader, draft.statements[0], draft.statements[-1])
        updates = tuple(self._update_plans())
        to_device = [Transfer("1", bytes_, region.line, why)] if direction.goes_in else []
        from_device = [Transfer("1", bytes_, region.end_line, why)] if direction.comes_out else []
        for update, held in updates:
            copies = to_device if update.direction is Direction.TO else from_device
            times = _count(held.times)
            copies.append(Transfer(times, bytes_, update.span.line, update.reason, held.times.exact))
        variable = base.variable
        return ArrayPlan(
            name=base.name,
            item=item_of(base, self.size.elements),
            function="" if variable.scope == "global" else draft.function.name,
            file=draft.reader.unit.file,
            line=variable.line,
            dtype=base.element.spelling,
            element_bytes=element_bytes,
            elements=elements,
            extent_from=self.size.source,
            uses=tuple(self._uses()),
            direction=direction,
            lifetime=self._lifetime(),
            open_after=self._last_write_before(),
            close_before=self.behind,
            to_device=tuple(to_device),
            from_device=tuple(from_device),
            placement=self._placement(scratch=scratch),
            reason=why,
            updates=tuple(update for update, _ in updates),
            scratch=scratch,
            swapped_with=tuple(p.name for p in draft.swapped.get(base, ())),
        )

    def _direction(self) -> tuple[Direction, str]:
        flows = [self.draft.piece.flows[b] for b in self.group]
        exposed = any(flow.reads for flow in flows)
        writes = any(flow.writes for flow in flows)
        parts = self.draft.piece.flows[self.base].must
        filled = len(self.group) == 1 and fills(parts, self.size.elements)
        needed = writes and any(self._is_needed_after(b) for b in self.group)
        named = "it, or an array that it trades places with," if len(self.group) > 1 else "it"
        words = []
        if exposed:
            words.append("the device reads content from before")
        elif needed and not filled:
            words.append("the device may leave some of it as it was, which the copy back must not destroy")
        elif self.held and not filled:
            words.append("host code in the region needs all of it")
        if needed:
            words.append(f"{named} is changed on the device and needed afterwards")
        elif writes:
            words.append(f"what the device puts into {named.rstrip(',')} is not needed afterwards")
        goes_in = exposed or (not filled and (needed or bool(self.held)))
        if not goes_in and not needed:
            words = ["only the device writes and reads it: scratch"]
            if self.held:
                words = ["the device writes all of it; host code in the region gets it by updates"]
        if goes_in:
            return (Direction.TOFROM if needed else Direction.TO), "; ".join(words)
        return (Direction.FROM if needed else Direction.ALLOC), "; ".join(words)

    def _is_needed_after(self, base: Base) -> bool:
        """Whether code behind the region may look at the array."""
        if is_open(self.draft, base):
            return True
        return any(touch.reads for touch, _ in self._touches_behind(base))

    def _touches_behind(self, base: Base) -> Iterator[tuple[Touch, int]]:
        """Touches of an array that may come after the region."""
        draft, start, end = self.draft, self.draft.start, self.draft.end
        again = any(s.kind in LOOPS and s.start < start and end <= s.end for s in draft.function.body.walk())
        for root in draft.function.body.expressions():
            if start <= root.start < end or (root.start < start and not again):
                continue
            for touch in touches_of(root, draft.reader, ()):
                if not touch.frees and self._may_be(touch, base):
                    yield touch, root.line

    def _may_be(self, touch: Touch, base: Base) -> bool:
        if touch.base is None:
            return is_open(self.draft, base)
        # Where pointers are exchanged, an array goes by all of their names.
        if touch.base.variable in self.draft.reader.aliasing.cells.component(base.variable):
            return True
        if touch.base.variable.type.kind not in ("pointer", "array"):
            return False
        return not self.view.is_apart(self.draft.reader, self.draft.function, touch.base, base)

    def _first_use_behind(self) -> int:
        lines = [
            e.line
            for root in self.draft.function.body.expressions()
            if root.start >= self.draft.end
            for e in root.walk()
            if e.kind == "ref" and e.variable is self.base.variable
        ]
        return min(lines, default=0)

    def _last_write_before(self) -> int:
        lines = [self.base.variable.line] if self.base.variable.scope != "global" else [0]
        for root in self.draft.function.body.expressions():
            if root.start < self.draft.start:
                lines += [
                    t.line
                    for t in touches_of(root, self.draft.reader, ())
                    if t.writes and self._may_be(t, self.base)
                ]
        return max(lines)

    def _lifetime(self) -> Span:
        """From the first to the last statement of the region that uses the array on the device."""
        used = [
            stmt
            for stmt, bases in zip(self.draft.statements, self.draft.used, strict=True)
            if self.base in bases
        ]
        return span_of(self.draft.reader, used[0], used[-1])

    def _placement(self, *, scratch: bool) -> Placement:
        if scratch:
            return Placement.RESIDENT
        return Placement.DATA_REGION if self.structured else Placement.ENTER_EXIT

    def _update_plans(self) -> Iterator[tuple[Update, HostTouch]]:
        changes = any(self.draft.piece.flows[b].writes for b in self.group)
        seen: set[tuple[Direction, int]] = set()
        for held in self.held:
            place = span_of(self.draft.reader, held.statement, held.statement)
            verb = "writes" if held.touch.writes else "reads"
            words = f"host code at line {held.touch.line} {verb} {self.base.name}"
            wanted = [Direction.FROM] if changes else []
            wanted += [Direction.TO] if held.touch.writes else []
            for direction in wanted:
                if (direction, place.start) not in seen:
                    seen.add((direction, place.start))
                    yield Update(direction, place, words), held

    def _uses(self) -> Iterator[Use]:
        for launch in self.draft.piece.launches:
            for inner, outer in launch.bases.items():
                if outer == self.base:
                    for access in launch.loop.accesses[inner]:
                        yield Use(access.line, Side.DEVICE, access.reads, access.writes)
        for held in self.held:
            yield Use(held.touch.line, Side.HOST, held.touch.reads, held.touch.writes)


def item_of(base: Base, size: Polynomial) -> str:
    """The list item that maps `size` elements of an array: the array itself, or a section of a pointer."""
    type_ = base.variable.type
    if not base.pointed and not (base.variable.scope == "param" and type_.kind == "array"):
        return base.name
    row, tail, inner = 1, "", type_.element
    while inner is not None and inner.kind == "array" and inner.count is not None:
        row, tail, inner = row * inner.count, f"{tail}[0:{inner.count}]", inner.element
    rows = Polynomial.make({monomial: count // row for monomial, count in size.terms})
    return f"{base.name}[0:{length_of(rows)}]{tail}"


# -- single values


def _scalar_plans(draft: Draft) -> Iterator[ArrayPlan]:
    """The values that device loops give back: each is copied both ways whenever its loop runs."""
    found: dict[tuple[str, int], list[tuple[Scalar, Launch]]] = {}
    for launch in draft.piece.launches:
        for scalar in launch.loop.scalars:
            found.setdefault((scalar.name, scalar.line), []).append((scalar, launch))
    for (name, line), launches in found.items():
        scalar, first = launches[0]
        span = span_of(first.reader, first.loop.statement, first.loop.statement)
        reason = f"the loop at line {span.line} gives its value back to the host"
        copies = tuple(
            Transfer(
                _count(launch.times),
                str(scalar.element_bytes),
                launch.loop.statement.line,
                "copied whenever the loop runs",
                launch.times.exact,
            )
            for _, launch in launches
        )
        yield ArrayPlan(
            name=name,
            item=name,
            function=first.loop.function.name,
            file=first.reader.unit.file,
            line=line,
            dtype=scalar.dtype,
            element_bytes=scalar.element_bytes,
            elements="1",
            extent_from="one value",
            uses=tuple(Use(x.loop.statement.line, Side.DEVICE, True, True) for _, x in launches),
            direction=Direction.TOFROM,
            lifetime=span,
            open_after=line,
            close_before=span.end_line,
            to_device=copies,
            from_device=copies,
            placement=Placement.PER_LOOP,
            reason=reason,
            scalar=True,
        )
