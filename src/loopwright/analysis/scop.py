"""Static control parts: consecutive loops and statements of one function as sets and maps of isl.

A SCoP is a run of loops and simple statements at one level, perfect or not, in which everything that decides
about order is known exactly: domains, the elements of everything that is written, and who overlaps whom.
The loops around it are parameters. Dependences are memory-based, per object: all pairs of instances of which
one writes what the other touches, the earlier one first (flow, anti and output alike).
S. Verdoolaege, "isl: An Integer Set Library for the Polyhedral Model", ICMS 2010; C. Bastoul, "Code
Generation in the Polyhedral Model Is Easier Than You Think", PACT 2004 (the 2d+1 schedules).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from loopwright.analysis.dependence import is_exact_reduction, reduction_operation
from loopwright.analysis.domains import (
    Names,
    Precision,
    constraint_text,
    context_text,
    loop_texts,
)
from loopwright.analysis.ir import Affine, Array, Loop, LoopNest
from loopwright.analysis.polyhedral import Model, Reference, Solver
from loopwright.analysis.scop_pieces import Item, NotAScop, Piece, Rules, pieces_of

__all__ = ["CHEAPNESS", "NotAScop", "Piece", "Scop", "scop_of"]

CHEAPNESS = 20
"""See `Solver.limited`: operations on dependences took a few microseconds."""


@dataclass(frozen=True)
class Scop:
    """A run of loops and statements with its isl model. Made by :func:`scop_of`.

    Attributes:
        nest: what it was read from. outer: loops around it, which are parameters here, outermost first.
        items: the loops and statements of the run, in order.
        pieces: its statements (see :class:`Piece`), in source order.
        solver: isl with the time limit of this SCoP.
    """

    nest: LoopNest
    outer: tuple[Loop, ...]
    items: tuple[Item, ...]
    pieces: tuple[Piece, ...]
    solver: Solver
    _names: Names
    _context: tuple[str, ...]
    _accesses: Mapping[str, tuple[tuple[str, bool, Reference], ...]]
    """By array id: access relation as text, whether it writes, and the reference."""

    @property
    def header(self) -> str:
        """The parameter tuple that starts every isl text of this SCoP."""
        return self._names.header

    @property
    def parameters(self) -> Mapping[str, str]:
        """From the isl name of a parameter to how the source writes it."""
        texts: dict[str, str] = {p.name: p.text for p in self.nest.parameters}
        texts |= {loop.id: loop.variable for loop in self.outer}
        return {name: texts.get(symbol, symbol) for symbol, name in self._names.parameters.items()}

    def piece(self, id: str) -> Piece:
        """The piece called `id`; KeyError when there is none."""
        for piece in self.pieces:
            if piece.id == id:
                return piece
        raise KeyError(id)

    def affine(self, form: Affine, piece: Piece) -> str:
        """An affine form over the loops of a piece as isl text over s0, s1..."""
        return self._names.form(form, {loop.id: f"s{n}" for n, loop in enumerate(piece.loops)})

    @cached_property
    def context(self) -> Any:
        """What is known about the parameters, as an isl set."""
        return self.solver.set(f"{self.header}{{ : {' and '.join(self._context) or '1 = 1'} }}")

    @cached_property
    def domain(self) -> Any:
        """The instances of all pieces, as an isl union set."""
        texts = [f"{p.tuple_text} : {_all(domain_texts(p, self._names))}" for p in self.pieces]
        with self.solver.limited(CHEAPNESS) as isl:
            return isl.UnionSet(f"{self.header}{{ {'; '.join(texts)} }}", self.solver.context)

    @cached_property
    def original(self) -> Mapping[str, tuple[str, ...]]:
        """The schedule of the source: per piece its rows, as isl texts over s0, s1..."""
        found: dict[str, tuple[str, ...]] = {}
        for piece in self.pieces:
            rows = [str(piece.path[0])]
            for n, loop in enumerate(piece.loops):
                rows += [f"s{n}" if (loop.step or 0) > 0 else f"-s{n}", str(piece.path[n + 1])]
            found[piece.id] = tuple(rows)
        return found

    def union_map(self, texts: Iterable[str]) -> Any:
        """The isl union map that holds all of `texts`, each a map such as `S0[s0] -> [s0, 1]`."""
        with self.solver.limited(CHEAPNESS) as isl:
            return isl.UnionMap(f"{self.header}{{ {'; '.join(texts)} }}", self.solver.context)

    def timed(self, rows: Mapping[str, Sequence[str]]) -> Any:
        """A schedule as an isl union map from instances to times; shorter rows are filled up with zeros."""
        length = max(len(r) for r in rows.values())
        filled = {id: [*r, *["0"] * (length - len(r))] for id, r in rows.items()}
        return self.union_map(f"{p.tuple_text} -> [{', '.join(filled[p.id])}]" for p in self.pieces)

    @cached_property
    def dependences(self) -> Mapping[str, Any]:
        """By array id the pairs (earlier instance, later instance) as an isl union map; no empty ones."""
        found: dict[str, Any] = {}
        order = self.timed(self.original)
        for id, accesses in self._accesses.items():
            writes = self.union_map(text for text, is_write, _ in accesses if is_write)
            touches = self.union_map(text for text, _, _ in accesses)
            domain = self.domain
            with self.solver.limited(CHEAPNESS):
                writes = writes.intersect_domain(domain)
                touches = touches.intersect_domain(domain)
                pairs = writes.apply_range(touches.reverse())
                pairs = pairs.union(pairs.reverse()).intersect(order.lex_lt_union_map(order))
                pairs = pairs.coalesce()
                if not pairs.is_empty():
                    found[id] = pairs
        return found

    def accesses_of(self, array: str, pieces: Iterable[str]) -> tuple[Any, Any]:
        """The accesses of some pieces to one object as isl union maps: updates `x = x op e`, and others."""
        chosen = {id(r) for p in self.pieces if p.id in set(pieces) for r in p.references}
        mine = [(text, r) for text, _, r in self._accesses.get(array, ()) if id(r) in chosen]
        updates = self.union_map(text for text, r in mine if r.access.reduction is not None)
        return updates, self.union_map(text for text, r in mine if r.access.reduction is None)

    def reduction(self, array: str, pieces: Iterable[str]) -> tuple[str, bool] | None:
        """When the given pieces only combine the object with one operation: that, and whether it is exact."""
        chosen = set(pieces)
        references = [r for p in self.pieces if p.id in chosen for r in p.references if r.array.id == array]
        operation = reduction_operation(references) if references else None
        if operation is None:
            return None
        return operation, is_exact_reduction(references[0].array, operation)

    def array(self, id: str) -> Array:
        """The object called `id`."""
        return self.nest.array(id)


def domain_texts(piece: Piece, names: Names) -> list[str]:
    """Constraints on the instances of a piece over s0, s1... (exact: see `Rules`)."""
    loops = {loop.id: f"s{n}" for n, loop in enumerate(piece.loops)}
    texts: list[str] = []
    for n, loop in enumerate(piece.loops):
        around = {inner.id: loops[inner.id] for inner in piece.loops[: n + 1]}
        texts += loop_texts(loop, names, around, Precision.MAY)
    return texts + [constraint_text(c, names, loops) for c in piece.guards]


def scop_of(
    nest: LoopNest,
    items: Sequence[Item],
    outer: Sequence[Loop],
    source: bytes,
    *,
    seconds: float = 5.0,
) -> Scop:
    """The SCoP of consecutive body items of `outer[-1]`; of a region's items, `outer` is its root.

    `source` is the file that the ranges of the nest are offsets into.

    Raises:
        NotAScop: with the reason in words, also when the time does not suffice.
    """
    solver = Solver(seconds)
    model = Model(nest, solver)
    rules = Rules(nest, model, tuple(outer), tuple(items), source)
    names = _names(model, outer)
    pieces = pieces_of(rules)
    accesses: dict[str, list[tuple[str, bool, Reference]]] = {}
    for piece in pieces:
        for reference in piece.references:
            text = _access_text(piece, reference, rules, names)
            accesses.setdefault(reference.array.id, []).append((text, reference.is_write, reference))
    context = [*context_text(nest, names)]
    for loop in outer:
        around = {inner.id: names.parameters[inner.id] for inner in outer}
        context += loop_texts(loop, names, around, Precision.MAY)
    made = Scop(
        nest,
        tuple(outer),
        tuple(items),
        pieces,
        solver,
        names,
        tuple(context),
        {id: tuple(found) for id, found in accesses.items()},
    )
    _require_exact_domains(made)
    return made


def _names(model: Model, outer: Sequence[Loop]) -> Names:
    names = dict(model.names.parameters)
    names |= {loop.id: f"q{n}" for n, loop in enumerate(outer)}
    return Names(names)


def _all(texts: Sequence[str]) -> str:
    return " and ".join(texts) or "1 = 1"


def _access_text(piece: Piece, reference: Reference, rules: Rules, names: Names) -> str:
    """The elements that each instance of the piece touches through one reference."""
    inner = reference.place.loops[len(rules.outer) + len(piece.loops) :]
    loops = {loop.id: f"s{n}" for n, loop in enumerate(piece.loops)}
    loops |= {loop.id: f"x{n}" for n, loop in enumerate(inner)}
    constraints: list[str] = []
    for loop in inner:
        constraints += loop_texts(loop, names, loops, Precision.MAY)
    if inner:
        constraints += [constraint_text(c, names, loops) for c in reference.place.statement.guards]
    forms = rules.subscripts(reference)
    elements = [f"e{n}" for n in range(len(forms))]
    constraints += [f"{e} = {names.form(f, loops)}" for e, f in zip(elements, forms, strict=True)]
    body = _all(constraints)
    if inner:
        body = f"exists ({', '.join(f'x{n}' for n in range(len(inner)))} : {body})"
    number = [array.id for array in rules.nest.arrays].index(reference.array.id)
    return f"{piece.tuple_text} -> A{number}[{', '.join(elements)}] : {body}"


def _require_exact_domains(scop: Scop) -> None:
    """The domains must hold the iterations that run, no more and no less."""
    for piece in scop.pieces:
        if not any(loop.unsigned_variable for loop in piece.loops):
            continue
        loops = {loop.id: f"s{n}" for n, loop in enumerate(piece.loops)}
        certain: list[str] = []
        for n, loop in enumerate(piece.loops):
            around = {inner.id: loops[inner.id] for inner in piece.loops[: n + 1]}
            certain += loop_texts(loop, scop._names, around, Precision.MUST)
        certain += [constraint_text(c, scop._names, loops) for c in piece.guards]
        variables = ", ".join(loops.values())
        both = [
            scop.solver.set(f"{scop.header}{{ [{variables}] : {_all([*scop._context, *texts])} }}")
            for texts in (domain_texts(piece, scop._names), certain)
        ]
        if not scop.solver.is_covered(both[0], [both[1]]):
            line = piece.line
            raise NotAScop(f"an unsigned loop variable may wrap around (line {line})")
