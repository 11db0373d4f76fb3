"""OpenMP directives for generated loops: threads on the outermost parallel loop, vectors on the innermost.

The proof is that of the schedule's dimension: no dependence is carried by it, but for objects that all pieces
in the loop only combine with one operation (a reduction, OpenMP 5.0, 2.19.5.4). A sum that the innermost loop
keeps in one element gets a scalar of its own, so that the compiler may keep it in a vector register.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from loopwright.analysis.dependence import loop_facts
from loopwright.analysis.facts import NestFacts
from loopwright.analysis.ir import Access, Affine, Loop, Storage
from loopwright.analysis.polyhedral import Model, OutOfTime, Solver
from loopwright.analysis.schedules import Schedule, carried, meets_others
from loopwright.analysis.scop import Scop
from loopwright.moves.canonical import is_name
from loopwright.moves.loop_names import variables_in
from loopwright.moves.loop_tree import For, If, Kept, Node, Run, constant_trips, is_innermost, loops, runs
from loopwright.moves.loop_values import Sum, extreme_values
from loopwright.moves.move import Declined, NestSource, label
from loopwright.moves.rewrite import blanked, line_start, pragma_before
from loopwright.moves.sections import STACK_BYTES, constant_elements, length_of
from loopwright.moves.simd import simd_clauses

_WORDS = {"+": "sum", "*": "product"}
_MOST_AROUND = 1
"""Serial loops around a loop that runs on all threads."""
_SECONDS = 2.0
"""For the proofs about loops that stay inside their piece."""
_SHORTEST = 8
"""Fewest iterations for which vectors are worth a directive."""


@dataclass
class Marks:
    """What was marked.

    Attributes:
        notes: why, in words, for the proof. threads: how many nests run on all threads.
        kept: how many sums are kept in scalars.
        limits: array sections that a private copy is made of, as (length in C, most elements).
        reordered: whether floating-point sums are combined in another order.
    """

    notes: list[str] = field(default_factory=list)
    threads: int = 0
    limits: list[tuple[str, int]] = field(default_factory=list)
    reordered: bool = False
    kept: int = 0


class Marker:
    """Marks the loops of one tree."""

    def __init__(self, source: NestSource, scop: Scop, schedule: Schedule) -> None:
        self.source, self.scop, self.schedule = source, scop, schedule
        self.marks = Marks()
        self.taken = set(variables_in(blanked(source.data).decode("utf-8", "replace")))

    def mark(self, nodes: list[Node], *, threads: bool = True, vectors: bool = True) -> Marks:
        """Sets the directives of all loops of the tree."""
        deepest = max((self._depth(loop) for loop in loops(nodes)), default=0)
        for loop in list(loops(nodes)):
            self._carried(loop)
        if threads:
            self._threads(nodes, deepest, 0)
        if vectors:
            self._vectors(nodes, ())
            self._vectors_in_pieces(nodes)
        return self.marks

    def _carried(self, loop: For) -> tuple[str, ...]:
        """The objects that the loop carries dependences of; asked once."""
        if loop.carried is None:
            pieces = {run.piece for run in runs(loop.body)}
            loop.carried = carried(self.scop, self.schedule, loop.dimension, pieces)
        return loop.carried

    def _depth(self, loop: For) -> int:
        return 1 + max((self._depth(inner) for inner in loops(loop.body)), default=0)

    # -- threads

    def _threads(self, nodes: list[Node], deepest: int, around: int) -> None:
        for node in nodes:
            if isinstance(node, If):
                self._threads(node.body, deepest, around)
                self._threads(node.other, deepest, around)
            # A team for every iteration of one loop may pay, of two it costs more than it brings.
            elif (
                isinstance(node, For) and not self._parallel(node, deepest, around) and around < _MOST_AROUND
            ):
                self._threads(node.body, deepest, around + 1)

    def _parallel(self, loop: For, deepest: int, around: int) -> bool:
        """Puts `parallel for` on the loop if that is legal and not plainly useless."""
        trips = constant_trips(loop)
        if self._depth(loop) < min(2, deepest) or (trips is not None and trips < 2):
            return False
        inside = [self.scop.piece(run.piece) for run in runs(loop.body)]
        clauses: list[str] = []
        found: dict[str, str] = {}
        limits: list[tuple[str, int]] = []
        reordered = False
        for array in self._carried(loop):
            combined = self.scop.reduction(array, {p.id for p in inside})
            if combined is None:
                return False
            try:
                item, limit = self._list_item(array)
            except Declined:
                return False
            if around and not self.scop.array(array).is_scalar:
                return False  # copies of the array would be combined again and again
            found[item] = combined[0]
            limits += limit
            reordered |= not combined[1]
        for operation in dict.fromkeys(found.values()):
            items = ", ".join(item for item, op in found.items() if op == operation)
            clauses.append(f" reduction({operation}: {items})")
        private = list(dict.fromkeys(name for p in inside for name in p.private))
        if private:
            clauses.insert(0, f" private({', '.join(private)})")
        spread = "schedule(dynamic, 4)" if self._uneven(loop) else "schedule(static)"
        loop.directives.append(f"#pragma omp parallel for {spread}{''.join(clauses)}")
        words = f"the loop over {loop.variable} carries no dependence"
        if found:
            words += f" but those of {', '.join(found)}, which it only combines"
            words += ", in another order, so the rounding may differ" if reordered else ""
        self.marks.notes.append(words)
        self.marks.threads += 1
        self.marks.limits += limits
        self.marks.reordered |= reordered
        return True

    def _list_item(self, array: str) -> tuple[str, list[tuple[str, int]]]:
        """How a reduction clause names the object. Declined when it cannot."""
        found = self.scop.array(array)
        if not is_name(found.name):
            raise Declined(f"'{found.name}' cannot be named in a clause")
        if found.is_scalar:
            if found.storage is Storage.POINTED:
                raise Declined(f"'{found.name}' is reached through a pointer")
            return found.name, []
        if len(found.extents) != 1:
            raise Declined("private copies of a matrix take too much memory")
        if found.storage is not Storage.POINTED:
            elements = constant_elements(found)
            if elements is None or elements * found.element_bytes > STACK_BYTES:
                raise Declined("private copies take too much memory")
            return found.name, []
        if found.first not in ("", found.name):
            raise Declined(f"'{found.name}' is no pointer")
        length = self._touched_length(array) or length_of(self.source, found)
        return f"{found.name}[:{length}]", [(length, STACK_BYTES // max(1, found.element_bytes))]

    def _touched_length(self, array: str) -> str:
        """How many elements from the first on the SCoP touches, when loops over 0 to a size run over all."""
        lengths: set[str] = set()
        for piece in self.scop.pieces:
            for reference in (r for r in piece.references if r.array.id == array):
                form = reference.access.subscripts[0]
                loops = {loop.id: loop for loop in piece.loops}
                name = next(iter(form.symbols), "") if form is not None else ""
                if form is None or form != Affine.of(**{name: 1}) or name not in loops:
                    return ""
                lower, upper = loops[name].lower or (), loops[name].upper or ()
                texts = {p.name: p.text for p in self.scop.nest.parameters}
                size = upper[0].terms[0][0] if len(upper) == 1 and len(upper[0].terms) == 1 else ""
                if (
                    lower != (Affine(),)
                    or upper != (Affine.of(**{size: 1}),)
                    or not is_name(texts.get(size, ""))
                ):
                    return ""
                lengths.add(texts[size])
        return lengths.pop() if len(lengths) == 1 else ""

    def _uneven(self, loop: For) -> bool:
        """Whether an inner loop is longer for some iterations than for others."""
        for inner in loops(loop.body):
            bounds = [*extreme_values(inner.lower, "max"), *extreme_values(inner.upper, "min")]
            if inner.step == 1 and len(bounds) == 2 and any(b.coefficient(loop.name) != 0 for b in bounds):
                return bounds[1].plus(bounds[0], -1).coefficient(loop.name) != 0
        return False

    # -- vectors

    def _vectors(self, nodes: list[Node], around: tuple[For, ...]) -> None:
        for node in nodes:
            if isinstance(node, If):
                self._vectors(node.body, around)
                self._vectors(node.other, around)
            elif isinstance(node, For):
                self._vectors(node.body, (*around, node))
                if is_innermost(node):
                    self._vector(node, nodes, around)

    def _vector(self, loop: For, siblings: list[Node], around: tuple[For, ...]) -> None:
        trips = constant_trips(loop)
        if (trips is not None and trips < _SHORTEST) or any(isinstance(n, If) for n in loop.body):
            return
        inside = list(runs(loop.body))
        if not all(self._runs_along_memory(run, loop) for run in inside):
            return
        kept: list[Kept] = []
        for array in self._carried(loop):
            found = self._kept(array, loop, siblings, around)
            if found is None:
                return
            kept.append(found)
        names = {
            op: ", ".join(k.name for k in kept if k.operation == op) for op in (k.operation for k in kept)
        }
        clauses = "".join(f" reduction({op}: {items})" for op, items in names.items())
        private = list(dict.fromkeys(n for run in inside for n in self.scop.piece(run.piece).private))
        clauses += f" private({', '.join(private)})" if private else ""
        if loop.directives:
            loop.directives[0] = loop.directives[0].replace("parallel for", "parallel for simd", 1)
            if kept:
                return
        else:
            loop.directives.append(f"#pragma omp simd{clauses}")
        loop.kept = kept
        self.marks.kept += len(kept)
        if kept:
            self.marks.reordered = True
            words = ", ".join(self.scop.array(k.array).name for k in kept)
            self.marks.notes.append(f"sums into {words} are kept in vectors, so the rounding may differ")

    def _vectors_in_pieces(self, nodes: list[Node]) -> None:
        """`simd` for the innermost loops of pieces that move as a whole, with their own text."""
        inside = [
            (run, loop)
            for run in runs(nodes)
            for item in self.scop.piece(run.piece).items
            if isinstance(item, Loop)
            for loop in item.walk()
            if not loop.loops
        ]
        if not inside:
            return
        model = Model(self.scop.nest, Solver(_SECONDS))
        for run, loop in inside:
            start = loop.range.start
            if self.source.data[line_start(self.source.data, start) : start].strip():
                continue
            if pragma_before(self.source.data, start).startswith("#"):
                continue  # it has its directive, or one that another would come between
            try:
                facts = NestFacts(self.scop.nest, {loop.id: loop_facts(model, loop)})
                clauses = simd_clauses(replace(self.source, facts=facts), loop)
            except (Declined, OutOfTime):
                continue
            run.directives[start] = f"#pragma omp simd{clauses.text}"
            self.marks.reordered |= any(not r.exact for r in facts.loops[loop.id].reductions)
            self.marks.notes.append(f"no dependence is carried by the loop over {label(loop)}")
            self.marks.notes += clauses.notes

    def _runs_along_memory(self, run: Run, loop: For) -> bool:
        piece = self.scop.piece(run.piece)
        if len(piece.items) > 1 or any(s.unknowns for s in piece.statements):
            return False
        steps = {
            own.id: value.coefficient(loop.name) for own, value in zip(piece.loops, run.values, strict=True)
        }
        if any(step is None for step in steps.values()):
            return False
        for access in (a for s in piece.statements for a in s.accesses):
            moved = [
                None if form is None else sum(c * (steps.get(s) or 0) for s, c in form.terms)
                for form in access.subscripts
            ]
            if any(moved[:-1]) or (moved and (moved[-1] is None or abs(moved[-1]) > 1)):
                return False
        return True

    def _kept(self, array: str, loop: For, siblings: list[Node], around: tuple[For, ...]) -> Kept | None:
        """The sum that the loop may keep in a scalar; None when it may not."""
        inside = list(runs(loop.body))
        found = self.scop.array(array)
        users = [(run, a) for run in inside for a in self._accesses(run.piece, array)]
        updates = [(run, a) for run, a in users if a.reduction is not None]
        operations = {a.reduction for _, a in updates}
        if not found.is_float or len({run.piece for run, _ in updates}) != 1 or len(operations) != 1:
            return None
        run, access = updates[0]
        operation = access.reduction
        if operation not in _WORDS:
            return None
        if any(not self._is_steady(run, a, loop) or a.subscripts != access.subscripts for _, a in updates):
            return None
        pieces = {run.piece for run in inside}
        if len(updates) < len(users) and meets_others(
            self.scop, self.schedule, loop.dimension, array, pieces
        ):
            return None
        if found.is_scalar or not self._is_reached(array, loop, siblings, around, run, access):
            return None
        name = next(n for n in _numbered(_WORDS[operation]) if n not in self.taken)
        self.taken.add(name)
        return Kept(array, name, found.dtype.replace("const ", ""), operation, run, access)

    def _accesses(self, piece: str, array: str) -> list[Access]:
        return [r.access for r in self.scop.piece(piece).references if r.array.id == array]

    def _is_steady(self, run: Run, access: Access, loop: For) -> bool:
        """Whether the access touches one element all through the loop, and its text can be written before."""
        piece = self.scop.piece(run.piece)
        for own, value in zip(piece.loops, run.values, strict=True):
            moves = any(form is None or form.coefficient(own.id) for form in access.subscripts)
            if moves and (value.coefficient(loop.name) != 0 or (value.atom is None and value.terms)):
                return False
        return True

    def _is_reached(
        self,
        array: str,
        loop: For,
        siblings: list[Node],
        around: tuple[For, ...],
        run: Run,
        access: Access,
    ) -> bool:
        """Whether the element is touched even when the loop runs no iteration."""
        bounds = (loop.lower, loop.upper)
        if any((outer.lower, outer.upper) == bounds for outer in around):
            return True
        # Something else in the same body writes the element in any case, before or after.
        for node in siblings:
            if isinstance(node, Run):
                theirs = [
                    r.access.subscripts
                    for r in self.scop.piece(node.piece).references
                    if r.array.id == array and r.is_write
                ]
                if any(_same_element(self.scop, node, t, run, access.subscripts) for t in theirs):
                    return True
        return False


def _same_element(scop: Scop, a: Run, first: Sequence[object], b: Run, second: Sequence[object]) -> bool:
    """Whether two accesses have the same subscripts in the new iterators."""
    return _in_new_terms(scop, a, first) == _in_new_terms(scop, b, second)


def _in_new_terms(scop: Scop, run: Run, subscripts: Sequence[object]) -> list[object]:
    values: Mapping[str, Sum] = {
        loop.id: value for loop, value in zip(scop.piece(run.piece).loops, run.values, strict=True)
    }
    found: list[object] = []
    for form in subscripts:
        assert isinstance(form, Affine)
        total = Sum(form.constant)
        for symbol, factor in form.terms:
            total = total.plus(values.get(symbol, Sum.of(symbol)), factor)
        found.append((total.constant, frozenset(total.terms)))
    return found


def _numbered(wish: str) -> list[str]:
    return [wish, *(f"{wish}{n}" for n in range(2, 100))]
