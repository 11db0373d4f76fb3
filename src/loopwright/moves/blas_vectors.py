"""BLAS idioms over vectors: a loop that is a dot or an axpy, two perfect ones that are a gemv or a ger.

Proof obligation: the loops hold one statement that adds a product to an element, that element's array shares
no memory with anything else in the loops, and the bounds of neither loop depend on the other. Then every
element receives the same products, in another order. Each operand has one subscript that runs along a loop
with coefficient 1, which makes it a vector with an increment, or two, which makes it a matrix with a leading
dimension (Dongarra, Du Croz, Hammarling, Hanson, "An extended set of Fortran basic linear algebra
subprograms", ACM TOMS 1988). A zero alpha, for which BLAS does not look at the operands, NaN or not, and
sizes beyond an int take the loops as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.ir import Access, AccessKind, Array, Loop, Statement
from loopwright.moves.assignment import assignment_of
from loopwright.moves.blas import LIBRARIES, leading_of
from loopwright.moves.canonical import governing_openmp, is_name, require_untroubled
from loopwright.moves.code_template import Names, laid_out, protected
from loopwright.moves.contraction_sums import plain_type, require_plain
from loopwright.moves.loop_bounds import bounds_of
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal
from loopwright.moves.products import hidden_names, product_text, squeezed, substituted
from loopwright.moves.register_tile_kernel import included
from loopwright.moves.rewrite import Replacement, apply, blanked, code, indent_unit, indentation, newline
from loopwright.moves.written import BLAS

FAMILY = "blas-vectors"
_FACTORS = {"dot": 1.2, "axpy": 1.1, "ger": 1.2, "gemv": 1.5}
"""Hoped-for gain per thread: these routines wait for memory."""


@dataclass(frozen=True)
class _Operand:
    """An element with the loops that move it: none, one for a vector, two (row, column) for a matrix."""

    text: str
    array: Array
    along: tuple[Loop, ...]
    leading: str = ""


class BlasVectors:
    """Proposes calls of dot, axpy, gemv and ger, when the task links a BLAS."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        if not LIBRARIES & set(source.libraries):
            return
        for inner in source.nest.root.walk():
            if len(inner.body_items) != 1 or not isinstance(inner.body_items[0], Statement):
                continue
            try:
                yield _edit(source, inner, inner.body_items[0])
            except Declined as reason:
                yield refusal(source, inner, FAMILY, f"no call of BLAS: {reason}")


def _edit(source: NestSource, inner: Loop, update: Statement) -> Proposal:
    data = source.data
    loops = _loops(source, inner)
    region = loops[0]
    for loop in loops:
        _require_counted(source, loop)
    require_plain(update)
    given = assignment_of(code(data, update.range.start, update.range.end))
    terms = given.added()
    if len(terms) != 1 or any(f.divides for f in terms[0].factors):
        raise Declined("it adds more than one product")
    variables = {loop.variable for loop in loops}
    words = frozenset(name for factor in terms[0].factors for name in factor.names)
    if hidden := variables & hidden_names(source.tree.files, words):
        raise Declined(f"a macro mentions the loop variable '{min(hidden)}'")
    moving = [f for f in terms[0].factors if f.names & variables]
    scale = tuple(f for f in terms[0].factors if f not in moving)
    alpha = ("-" if terms[0].negative else "") + (product_text(scale) if scale else "1.0")
    target = _operand(source, loops, update, given.left, AccessKind.WRITE)
    operands = [_operand(source, loops, update, f.text, AccessKind.READ) for f in moving]
    _require_apart(source, update, target, operands)
    writer = _Writer(source, loops, target, operands, alpha, constant=not scale)
    text = writer.block(region).encode("utf-8", "surrogateescape")
    changes = [Replacement(region.range.start, region.range.end, text)]
    changes += included(data, region.range.start, "<cblas.h>")
    names = " and ".join(label(loop) for loop in loops)
    return proposal(
        source,
        region,
        FAMILY,
        content=apply(data, changes),
        title=f"{writer.routine} for the loop over {names}",
        proof=f"{target.text} only receives products, in another order, so the rounding may differ; "
        f"'{target.array.name}' shares no memory with the operands, and no bound depends on a loop.",
        factor=_FACTORS[writer.kind] * source.threads,
        details={"routine": writer.routine, "rounding": "may differ"},
    )


def _loops(source: NestSource, inner: Loop) -> tuple[Loop, ...]:
    """The loop, with the one around it where that does nothing else and moves an operand."""
    around = source.ancestors(inner)
    if not around or not around[-1].is_perfect:
        return (inner,)
    outer = around[-1]
    forms = [f for s in inner.statements() for a in s.accesses for f in a.subscripts if f is not None]
    moves = any(f.coefficient(outer.id) for f in forms)
    depends = any(f.coefficient(outer.id) for f in (*(inner.lower or ()), *(inner.upper or ())))
    return (outer, inner) if moves and not depends else (inner,)


def _require_counted(source: NestSource, loop: Loop) -> None:
    require_untroubled(loop)
    if directive := governing_openmp(source, loop):
        raise Declined(f"the directive '{directive}' belongs to the loop over {loop.variable}")
    if loop.step != 1 or loop.lower is None or loop.upper is None or not is_name(loop.variable):
        raise Declined(f"the loop over {loop.variable} does not count up by one between bounds that stay")
    if loop.live_out_variable and not loop.declared_here:
        raise Declined(f"'{loop.variable}' may be read after the loop")


def _operand(
    source: NestSource, loops: tuple[Loop, ...], update: Statement, text: str, kind: AccessKind
) -> _Operand:
    found = [a for a in update.accesses if a.kind is kind and _is_written_as(source, a, text)]
    if not found:
        raise Declined(f"'{text}' is no element")
    access, array = found[0], source.nest.array(found[0].array)
    if any(form is None for form in access.subscripts) or array.dtype.count("*"):
        raise Declined(f"'{text}' is no element of a vector or matrix")
    forms = [form for form in access.subscripts if form is not None]
    places: dict[int, Loop] = {}
    for loop in loops:
        own = [n for n, form in enumerate(forms) if form.coefficient(loop.id)]
        if not own:
            continue
        if len(own) != 1 or own[0] in places or forms[own[0]].coefficient(loop.id) != 1:
            raise Declined(f"'{text}' is no vector or matrix along the loops")
        places[own[0]] = loop
    along = tuple(places[n] for n in sorted(places))
    if not places:
        return _Operand(text, array, ())
    last = len(forms) - 1
    if min(places) < last - 1 or (len(places) == 2 and max(places) != last):
        raise Declined(f"'{text}' has no increment that is known")
    steps = len(places) == 2 or max(places) < last
    leading = leading_of(source.nest, array) if steps else ""
    # A sum or product is compared with numbers and cast as a whole.
    return _Operand(text, array, along, leading if is_name(leading) or not leading else f"({leading})")


def _is_written_as(source: NestSource, access: Access, text: str) -> bool:
    return squeezed(code(source.data, access.range.start, access.range.end)) == squeezed(text)


def _require_apart(source: NestSource, update: Statement, target: _Operand, operands: list[_Operand]) -> None:
    type_ = plain_type(target.array.dtype)
    if type_ not in ("double", "float") or any(plain_type(o.array.dtype) != type_ for o in operands):
        raise Declined("its elements are not all double, or all float")
    for id in {a.array for a in update.accesses} - {target.array.id}:
        if not source.disjoint(id, target.array.id):
            names = source.nest.array(id).name, target.array.name
            raise Declined(f"'{names[0]}' and '{names[1]}' may overlap")
    uses = [a for a in update.accesses if a.array == target.array.id]
    # A product that reads the sum itself would not be marked as part of one.
    if {a.reduction for a in uses} != {"+"} or len({a.subscripts for a in uses}) != 1:
        raise Declined(f"'{target.array.name}' is read elsewhere, too")


class _Writer:
    """The call for one update.

    Raises:
        Declined: when it is none.
    """

    def __init__(
        self,
        source: NestSource,
        loops: tuple[Loop, ...],
        target: _Operand,
        operands: list[_Operand],
        alpha: str,
        *,
        constant: bool,
    ) -> None:
        self.source, self.loops, self.target, self.constant = source, loops, target, constant
        self.names, self.alpha = Names(source.data), alpha
        self.letter = "d" if plain_type(target.array.dtype) == "double" else "s"
        self.wide: list[_Operand] = [o for o in (target, *operands) if o.leading]
        shapes = [len(o.along) for o in operands]
        if len(loops) == 1 and target.along == () and shapes == [1, 1]:
            self.kind, self.call = "dot", self._dot(*operands)
        elif len(loops) == 1 and len(target.along) == 1 and shapes == [1]:
            self.kind, self.call = "axpy", self._axpy(*operands)
        elif len(loops) == 2 and len(target.along) == 1 and sorted(shapes) == [1, 2]:
            matrix, vector = sorted(operands, key=lambda o: -len(o.along))
            self.kind, self.call = "gemv", self._gemv(matrix, vector)
        elif len(loops) == 2 and len(target.along) == 2 and shapes == [1, 1]:
            self.kind, self.call = "ger", self._ger(*operands)
        else:
            raise Declined("it is no dot, axpy, gemv or ger")

    @property
    def routine(self) -> str:
        """As in `cblas_dgemv`."""
        return f"cblas_{self.letter}{self.kind}"

    def _low(self, loop: Loop) -> str:
        return self.names.fresh(f"{loop.variable}_low")

    def _count(self, loop: Loop) -> str:
        return self.names.fresh(f"{loop.variable}_count")

    def _at(self, operand: _Operand) -> str:
        starts = {loop.variable: f"({loop.variable_type}){self._low(loop)}" for loop in self.loops}
        return f"&{substituted(operand.text, starts)}"

    def _vector(self, operand: _Operand) -> str:
        step = f"(int){operand.leading}" if operand.leading else "1"
        return f"{self._at(operand)}, {step}"

    def _dot(self, first: _Operand, second: _Operand) -> str:
        count = f"(int){self._count(self.loops[0])}"
        value = f"{self.routine_of('dot')}({count}, {self._vector(first)}, {self._vector(second)})"
        if self.target.array.is_scalar and not is_name(self.target.text):
            raise Declined(f"'{self.target.text}' is no plain variable")
        product = f"({self.alpha}) * {value}" if self.alpha != "1.0" else value
        return f"{self.target.text} += {product};"

    def _axpy(self, vector: _Operand) -> str:
        count = f"(int){self._count(self.loops[0])}"
        arguments = f"{count}, {self.alpha}, {self._vector(vector)}, {self._vector(self.target)}"
        return f"{self.routine_of('axpy')}({arguments});"

    def _gemv(self, matrix: _Operand, vector: _Operand) -> str:
        row, column = matrix.along
        into = self.target.along[0]
        if {into, vector.along[0]} != {row, column} or into is vector.along[0]:
            raise Declined("it is no product of a matrix and a vector")
        form = "CblasNoTrans" if into is row else "CblasTrans"
        one = "1.0" if self.letter == "d" else "1.0f"
        return (
            f"{self.routine_of('gemv')}(CblasRowMajor, {form}, (int){self._count(row)}, "
            f"(int){self._count(column)}, {self.alpha}, {self._at(matrix)}, (int){matrix.leading}, "
            f"{self._vector(vector)}, {one}, {self._vector(self.target)});"
        )

    def _ger(self, first: _Operand, second: _Operand) -> str:
        row, column = self.target.along
        if first.along[0] is not row:
            first, second = second, first
        if first.along[0] is not row or second.along[0] is not column:
            raise Declined("it is no outer product")
        return (
            f"{self.routine_of('ger')}(CblasRowMajor, (int){self._count(row)}, (int){self._count(column)}, "
            f"{self.alpha}, {self._vector(first)}, {self._vector(second)}, {self._at(self.target)}, "
            f"(int){self.target.leading});"
        )

    def routine_of(self, kind: str) -> str:
        """The routine of one kind for the type of the elements."""
        return f"cblas_{self.letter}{kind}"

    def block(self, region: Loop) -> str:
        """The region with the call."""
        data = self.source.data
        start, end = region.range.start, region.range.end
        if b"#" in blanked(data)[start:end]:
            raise Declined("there is a directive in it")
        most = "2147483647"
        lines = ["{", f"    /* {BLAS} {self.target.text} += ... is a call of {self.routine}. */"]
        checks = []
        for loop in self.loops:
            bounds, count = bounds_of(self.source, loop), self._count(loop)
            lines.append(f"    const long {self._low(loop)} = {bounds.low};")
            lines.append(f"    const long {count} = {bounds.high} - {self._low(loop)};")
            checks.append(f"0 < {count} && {count} < {most}")
        for operand in self.wide:
            checks.append(f"0 < {operand.leading} && {operand.leading} < {most}")
            if len(operand.along) == 2 and operand.array.delinearised:
                # In flat memory a row may be longer than the distance of the rows; BLAS wants it shorter.
                checks.append(f"{self._count(operand.along[1])} <= {operand.leading}")
        if not self.constant:
            checks.append(f"({self.alpha}) != 0")
        unit = indent_unit(data, region).decode()
        original = protected(data[start:end].decode("utf-8", "surrogateescape"))
        lines += [
            f"    if ({' && '.join(dict.fromkeys(checks))}) {{",
            f"        {self.call}",
            "    } else {",
            "        " + original.replace("\n", "\n" + unit * 2),
            "    }",
            "}",
        ]
        ends = newline(data, start).decode()
        return laid_out(lines, indentation(data, start).decode(), unit, ends)
