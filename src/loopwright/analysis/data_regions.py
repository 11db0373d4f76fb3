"""Which statements of a function share their arrays on the device: the drafts of data regions.

A region is a run of statements of one block from the first device loop to the last one. It may hold no jump
out of it, no code that may touch its arrays unseen, and no array whose place or identity is not settled for
all of it. Where a run does not fit, each statement is tried by itself, then what stands in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loopwright.analysis.data_bases import Base, View, escapes, keeps_pointers, library_effect, may_be_null
from loopwright.analysis.data_elements import largest
from loopwright.analysis.data_piece import HostTouch, Piece
from loopwright.analysis.data_pieces import Pieces
from loopwright.analysis.data_sizes import Size
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.nests import LOOPS
from loopwright.analysis.syntax import Expr, Function, Stmt


@dataclass(frozen=True)
class Draft:
    """A region: its statements, what they do, and how large its arrays are.

    `needs_update` are the touches on the host of arrays that the device changes or reads. `swapped` says of
    an array whose pointer is exchanged with which others, `used` of each statement which arrays the device
    uses in it.
    """

    reader: UnitReader
    function: Function
    statements: tuple[Stmt, ...]
    piece: Piece
    sizes: dict[Base, Size]
    view: View
    used: tuple[frozenset[Base], ...]
    needs_update: tuple[tuple[Base, HostTouch], ...] = ()
    swapped: dict[Base, tuple[Base, ...]] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """Byte where it starts."""
        return self.statements[0].start

    @property
    def end(self) -> int:
        """Byte where it ends."""
        return self.statements[-1].end


def is_open(draft: Draft, base: Base) -> bool:
    """Whether code that is not given an array of the region may find it."""
    return is_findable(draft.view, draft.reader, draft.function, base)


def is_findable(view: View, reader: UnitReader, function: Function, base: Base) -> bool:
    """Whether code that is not given the array by this function may find it."""

    def known(call: Expr) -> bool:
        if reader.summaries(call) is not None or library_effect(call) is not None:
            return True
        found = view.functions.get(call.key)
        return found is not None and not found[1].doubt and not keeps_pointers(view, found[1])

    return escapes(base, reader, function, known)


class Unfit(Exception):
    """Why some statements cannot be one region, in words."""


class Drafts:
    """The drafts of one function. `denied` collects loops that turned out unfit for the device, and why."""

    def __init__(self, pieces: Pieces, reader: UnitReader, function: Function) -> None:
        self.pieces, self.reader, self.function = pieces, reader, function
        self.denied: dict[int, str] = {}
        self.notes: list[tuple[Stmt, str]] = []
        self._known: dict[int, Piece] = {}

    def find(self) -> list[Draft]:
        """All drafts, in source order."""
        jumps = any(s.kind in ("goto", "label") for s in self.function.body.walk())
        if jumps or self.function.doubt:
            why = "the function has jumps" if jumps else f"the function holds {self.function.doubt}"
            for stmt in self.function.body.walk():
                if stmt.kind in LOOPS:
                    self._deny(self._piece(stmt), why)
            return []
        return list(self._block(self.function.body.body))

    def _piece(self, stmt: Stmt) -> Piece:
        if id(stmt) not in self._known:
            self._known[id(stmt)] = self.pieces.piece(self.reader, self.function, stmt)
        return self._known[id(stmt)]

    def _sequence(self, statements: Sequence[Stmt]) -> Piece:
        block = Stmt("block", statements[0].start, statements[-1].end, statements[0].line, tuple(statements))
        return self.pieces.piece(self.reader, self.function, block)

    def _block(self, statements: Sequence[Stmt]) -> Iterator[Draft]:
        run: list[Stmt] = []
        for child in statements:
            piece = self._piece(child)
            if piece.barrier:
                yield from self._run(run)
                run = []
                yield from self._inside(child)
            else:
                run.append(child)
        yield from self._run(run)

    def _inside(self, stmt: Stmt) -> Iterator[Draft]:
        for child in stmt.body:
            yield from self._block(child.body if child.kind == "block" else (child,))

    def _run(self, run: Sequence[Stmt]) -> Iterator[Draft]:
        """Drafts of statements that follow each other and hold nothing that forbids it by itself."""
        with_device = [n for n, stmt in enumerate(run) if self._piece(stmt).has_device]
        if not with_device:
            return
        chosen = tuple(run[with_device[0] : with_device[-1] + 1])
        for edge in (chosen[0], chosen[-1]):
            loops = self._piece(edge).launches
            if all(launch.loop.small and launch.loop.statement is edge for launch in loops):
                self._deny(self._piece(edge), "too little work to go to the device by itself")
                return
        try:
            yield self._draft(chosen)
        except Unfit as reason:
            if len(with_device) > 1:
                # Cut where it does no harm: each statement with device loops by itself.
                self.notes.append((chosen[0], str(reason)))
                for n in with_device:
                    yield from self._run((run[n],))
                return
            piece = self._piece(chosen[0])
            if any(launch.loop.statement is chosen[0] for launch in piece.launches):
                self._deny(piece, str(reason))
                return
            self.notes.append((chosen[0], str(reason)))
            yield from self._inside(chosen[0])

    def _deny(self, piece: Piece, reason: str) -> None:
        for launch in piece.launches:
            self.denied[id(launch.loop.statement)] = reason

    # -- one draft

    def _draft(self, statements: tuple[Stmt, ...]) -> Draft:
        piece = self._sequence(statements)
        bases = tuple(piece.flows)
        start, end = statements[0].start, statements[-1].end
        swapped = self._settled(piece, bases, start, end)
        self._apart(piece, bases)
        needed = self._updates(piece, swapped)
        sizes = {base: self._size(piece, (base, *swapped.get(base, ()))) for base in bases}
        used = tuple(frozenset(self._piece(stmt).flows) for stmt in statements)
        return Draft(
            self.reader, self.function, statements, piece, sizes, self.pieces.view, used, needed, swapped
        )

    def _settled(
        self, piece: Piece, bases: Sequence[Base], start: int, end: int
    ) -> dict[Base, tuple[Base, ...]]:
        """That each array keeps its place, pointers that are exchanged apart: these, with their partners."""
        cells = self.reader.aliasing.cells
        swapped: dict[Base, tuple[Base, ...]] = {}
        for base in bases:
            variable = base.variable
            if variable in piece.declared:
                raise Unfit(f"{base.name} is declared in it")
            if may_be_null(base, self.function, start):
                raise Unfit(f"the pointer {base.name} may be NULL")
            if not base.pointed or variable not in piece.assigned:
                continue
            group = cells.component(variable)
            others = {a.value.start for a in cells.assigned.get(variable, [])}
            if len(group) < 2 or any(start <= offset < end for offset in others):
                raise Unfit(f"the pointer {base.name} is set in it")
            partners = tuple(b for b in bases if b.pointed and b.variable in group and b is not base)
            if len(partners) + 1 < len(group):
                raise Unfit(f"{base.name} is exchanged with a pointer to an array that is not on the device")
            swapped[base] = tuple(p for p in partners if p != base)
        return swapped

    def _apart(self, piece: Piece, bases: Sequence[Base]) -> None:
        written = {b for b in bases if piece.flows[b].writes}
        written |= {t.touch.base for t in piece.touches if t.touch.base is not None and t.touch.writes}
        promised = self._promised(piece)
        for first, second in itertools.combinations(bases, 2):
            if not {first, second} & written or frozenset((first, second)) in promised:
                continue
            if not self.pieces.view.is_apart(self.reader, self.function, first, second):
                raise Unfit(f"{first.name} and {second.name} may share memory")

    def _promised(self, piece: Piece) -> set[frozenset[Base]]:
        """Arrays that a function gets as restrict pointers and of which it writes one: they are apart, or
        the program has no meaning (C11 6.7.3.1)."""
        found: set[frozenset[Base]] = set()
        for launch in piece.launches:
            inner = launch.loop.flows
            for a, b in itertools.combinations(inner, 2):
                restrict = a.variable.type.restrict or b.variable.type.restrict
                parameters = a.is_parameter and b.is_parameter
                if restrict and parameters and (inner[a].writes or inner[b].writes):
                    outer = [launch.bases.get(a), launch.bases.get(b)]
                    if outer[0] is not None and outer[1] is not None:
                        found.add(frozenset(o for o in outer if o is not None))
        return found

    def _updates(
        self, piece: Piece, swapped: Mapping[Base, Sequence[Base]]
    ) -> tuple[tuple[Base, HostTouch], ...]:
        bases = tuple(piece.flows)
        found: list[tuple[Base, HostTouch]] = []
        for held in piece.touches:
            for base in self._touched(held, bases):
                changes = any(piece.flows[b].writes for b in (base, *swapped.get(base, ())))
                if not held.touch.writes and not changes:
                    continue
                if held.called or held.touch.base != base:
                    words = held.touch.what or f"{held.touch.base.name if held.touch.base else 'something'}"
                    raise Unfit(f"host code at line {held.touch.line} may touch {base.name} ({words})")
                whole = self._piece(held.statement)
                if base.pointed and base.variable in whole.assigned:
                    words = f"exchanges {base.name} and touches it"
                    raise Unfit(f"host code at line {held.touch.line} {words}")
                if any(b in whole.flows for b in (base, *swapped.get(base, ()))):
                    # A condition that is asked again after each iteration, a value that a call returns.
                    words = f"touches {base.name} in a statement that uses it on the device, too"
                    raise Unfit(f"host code at line {held.touch.line} {words}")
                found.append((base, held))
        return tuple(found)

    def _touched(self, held: HostTouch, bases: Sequence[Base]) -> Iterator[Base]:
        """The arrays of the region that a touch may be of."""
        touched = held.touch.base
        for base in bases:
            if touched is None:
                if is_findable(self.pieces.view, self.reader, self.function, base):
                    yield base
            elif touched.variable is base.variable or not self._is_apart(touched, base):
                yield base

    def _is_apart(self, first: Base, second: Base) -> bool:
        if first.variable.type.kind not in ("pointer", "array"):
            return True  # a single variable
        return self.pieces.view.is_apart(self.reader, self.function, first, second)

    def _size(self, piece: Piece, group: Sequence[Base]) -> Size:
        """The size of the first of some arrays that are exchanged with each other."""
        base = group[0]
        known = self.pieces.size(self.reader, self.function, base)
        if known is None:
            needed = largest(n for b in group for n in piece.sizes.get(b, [None]))
            known = None if needed is None else Size(needed, "what the loops touch, in whole rows")
        if known is None:
            raise Unfit(f"the size of {base.name} is not known")
        if known.elements.symbols & piece.changed:
            raise Unfit(f"the size of {base.name} changes in it")
        return known
