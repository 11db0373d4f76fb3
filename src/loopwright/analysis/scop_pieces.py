"""The statements of a SCoP: which source text moves as one piece, and why a run of code is no SCoP.

Usually a piece is one simple statement. Statements that hand a value on in a local scalar (`double t = ...;
a[i] = t;`) are one piece together with everything between them: the scalar is then the piece's own business,
and its text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from loopwright.analysis.declared import declared_names
from loopwright.analysis.dependence_private import Copies, privacy
from loopwright.analysis.ir import Affine, Array, Constraint, Loop, LoopNest, Statement, Storage
from loopwright.analysis.polyhedral import Model, Reference, may_overlap

Item = Loop | Statement
_NAME = re.compile(r"[A-Za-z_]\w*")


class NotAScop(Exception):
    """Why a run of code is outside of the polyhedral model, in words for people."""


@dataclass(frozen=True)
class Piece:
    """Source text that moves as one.

    Attributes:
        id: "S0", "S1"... in source order.
        items: what it stands for: one statement, or several items of one loop body.
        loops: the loops of the SCoP around it, outermost first; its instances are their iterations.
        path: its position in the body of the SCoP, of its first loop, ... (one longer than `loops`).
        start, end: byte range of its text. line: of its start, 1-based.
        guards: under which it runs. references: what it touches, its private objects left out.
        private: names of objects declared outside of it that each thread needs a copy of.
    """

    id: str
    items: tuple[Item, ...]
    loops: tuple[Loop, ...]
    path: tuple[int, ...]
    start: int
    end: int
    line: int
    guards: tuple[Constraint, ...] = ()
    references: tuple[Reference, ...] = ()
    private: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """Number of loops around it."""
        return len(self.loops)

    @property
    def tuple_text(self) -> str:
        """`S0[s0, s1]`, as isl writes an instance."""
        return f"{self.id}[{', '.join(f's{n}' for n in range(self.depth))}]"

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All simple statements in it."""
        return statements_of(self.items)


class Rules:
    """What holds for one run of items: its references, and the conditions for being a SCoP."""

    def __init__(
        self, nest: LoopNest, model: Model, outer: tuple[Loop, ...], items: tuple[Item, ...], source: bytes
    ) -> None:
        self.nest, self.model, self.outer, self.items, self.source = nest, model, outer, items, source
        self._nowhere = replace(nest.root, id="", body_items=())
        self.inside = {s.id for s in statements_of(items)}
        self.references = [r for r in model.references if r.place.statement.id in self.inside]
        self.written = {r.array.id for r in self.references if r.is_write}
        self._check_loops()
        self._check_statements()
        self._check_overlaps()

    def subscripts(self, reference: Reference) -> tuple[Affine, ...]:
        """The subscripts; NotAScop when one is not affine (checked for everything that is written)."""
        top = reference.place.loops[len(self.outer) :]
        forms = self.model.subscripts(reference, top[0] if top else self._nowhere)
        if any(form is None for form in forms):
            raise NotAScop(f"a subscript of {reference.array.name} is not affine (line {reference.line})")
        return tuple(form for form in forms if form is not None)

    def names_in(self, item: Item) -> frozenset[str]:
        """All identifiers in an item's text: a local that the analysis replaced by its value counts too."""
        text = self.source[item.range.start : item.range.end].decode("utf-8", "replace")
        return frozenset(_NAME.findall(text))

    def _check_loops(self) -> None:
        for unknown in self.nest.unknowns:
            raise NotAScop(unknown.reason)
        for loop in _loops(self.items):
            line = loop.header.line
            for problem in loop.problems:
                raise NotAScop(f"{problem.reason} (line {problem.line or line})")
            if not _NAME.fullmatch(loop.variable):
                raise NotAScop(f"the loop has no variable of its own (line {line})")
            if not loop.step:
                raise NotAScop(f"the loop has no constant step (line {line})")
            if not loop.lower or not loop.upper:
                raise NotAScop(f"the bounds of the loop over {loop.variable} are not affine (line {line})")
            if loop.live_out_variable:
                raise NotAScop(f"the loop variable {loop.variable} may be needed after it (line {line})")
            if any(r.array.is_scalar and r.array.name == loop.variable for r in self.references):
                raise NotAScop(f"the loop variable {loop.variable} is used outside of its loop (line {line})")

    def _check_statements(self) -> None:
        for statement in statements_of(self.items):
            line = statement.range.line
            for unknown in statement.unknowns:
                raise NotAScop(f"{unknown.reason} (line {unknown.line or line})")
            if not statement.exact_guards:
                raise NotAScop(f"a condition is not affine (line {line})")
            if statement.is_condition and any(a.kind == "write" for a in statement.accesses):
                raise NotAScop(f"a condition changes something (line {line})")

    def _check_overlaps(self) -> None:
        arrays = {r.array.id: r.array for r in self.references}
        for first in self.written:
            for second in arrays:
                if may_overlap(arrays[first], arrays[second], self.nest.disjoint):
                    names = f"{arrays[first].name} and {arrays[second].name}"
                    raise NotAScop(f"{names} may overlap")


def pieces_of(rules: Rules) -> tuple[Piece, ...]:
    """The pieces of a run of items, in source order. NotAScop when it is none."""
    found: list[Piece] = []
    _collect(rules, rules.items, (), (), found)
    if not found:
        raise NotAScop("there is no statement in it")
    return tuple(found)


def _collect(
    rules: Rules, items: Sequence[Item], loops: tuple[Loop, ...], path: tuple[int, ...], found: list[Piece]
) -> None:
    position = 0
    for group in _groups(rules, items, loops):
        here = (*path, position)
        position += 1
        first = group[0]
        if len(group) == 1 and isinstance(first, Loop):
            _collect(rules, first.body_items, (*loops, first), here, found)
        elif len(group) == 1 and isinstance(first, Statement) and first.is_condition:
            continue  # what it guards says so itself
        else:
            found.append(_piece(rules, group, loops, here, f"S{len(found)}"))


def _groups(rules: Rules, items: Sequence[Item], loops: tuple[Loop, ...]) -> list[tuple[Item, ...]]:
    """The items, those that share a private scalar joined with everything between them."""
    joined = [[n, n] for n in range(len(items))]
    if loops:
        declared = {
            name for item in items if isinstance(item, Statement) for name in declared_names(item.text)
        }
        for name in sorted(declared | set(_own_objects(rules, items, loops[-1]))):
            users = [n for n, item in enumerate(items) if name in rules.names_in(item)]
            if len(users) > 1:
                joined.append([users[0], users[-1]])
    spans: list[list[int]] = []
    for first, last in sorted(joined):
        if spans and first <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], last)
        else:
            spans.append([first, last])
    return [tuple(items[first : last + 1]) for first, last in spans]


def _own_objects(rules: Rules, items: Sequence[Item], loop: Loop) -> list[str]:
    """Names of local objects whose values live within one iteration of the loop."""
    found: list[str] = []
    for id in dict.fromkeys(a.array for s in statements_of(items) for a in s.accesses):
        array = rules.nest.array(id)
        if id not in rules.written or array.storage is not Storage.LOCAL:
            continue
        deeper = {inner.id for inner in _loops(items)}
        if array.declared_in in deeper:
            continue
        if array.declared_in == loop.id or (
            array.is_scalar and privacy(rules.model, loop, array).copies is Copies.PRIVATE
        ):
            found.append(_first_name(array))
    return found


def _piece(
    rules: Rules, group: tuple[Item, ...], loops: tuple[Loop, ...], path: tuple[int, ...], id: str
) -> Piece:
    statements = statements_of(group)
    ids = {s.id for s in statements}
    direct = [item for item in group if isinstance(item, Statement)]
    guards = direct[0].guards if direct else ()
    if len(group) > 1 and any(s.guards or s.is_condition for s in statements):
        raise NotAScop(f"a condition decides about a local value (line {statements[0].range.line})")
    own, private = set(), []
    inner = {loop.id for loop in _loops(group)}
    for array in {a.array: rules.nest.array(a.array) for s in statements for a in s.accesses}.values():
        if array.id not in rules.written or array.storage is not Storage.LOCAL:
            continue
        if array.declared_in in inner or (loops and array.declared_in == loops[-1].id):
            own.add(array.id)
        elif loops and array.is_scalar and _is_private(rules, array.id, loops[-1]):
            own.add(array.id)
            private.append(array.name)
    private += [loop.variable for loop in _loops(group) if not loop.declared_here]
    references = tuple(
        r for r in rules.references if r.place.statement.id in ids and r.array.id in rules.written - own
    )
    for reference in references:
        rules.subscripts(reference)
    first, last = group[0].range, group[-1].range
    return Piece(
        id,
        group,
        loops,
        path,
        first.start,
        last.end,
        first.line,
        guards,
        references,
        tuple(dict.fromkeys(private)),
    )


def _is_private(rules: Rules, id: str, loop: Loop) -> bool:
    """Whether the object is only used in this loop's body, where each iteration may have its own."""
    users = {r.place.loops[-1].id for r in rules.model.references if r.array.id == id}
    below = {inner.id for inner in loop.walk()}
    array = rules.nest.array(id)
    return users <= below and privacy(rules.model, loop, array).copies is Copies.PRIVATE


def _first_name(array: Array) -> str:
    """The variable that an object belongs to: `row` of "row (pointer)", `s` of "s.x"."""
    found = _NAME.match(array.name)
    return found.group() if found else array.name


def statements_of(items: Iterable[Item]) -> tuple[Statement, ...]:
    """All simple statements of some items, in source order."""
    found: list[Statement] = []
    for item in items:
        found += item.statements() if isinstance(item, Loop) else (item,)
    return tuple(found)


def _loops(items: Iterable[Item]) -> tuple[Loop, ...]:
    return tuple(loop for item in items if isinstance(item, Loop) for loop in item.walk())


__all__ = ["Item", "NotAScop", "Piece", "Rules", "pieces_of", "statements_of"]
