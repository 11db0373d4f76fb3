"""Which elements of an array a loop reads before it writes them, and which it certainly writes.

Elements are sets over subscripts, with the variables of the program as parameters: sets of different loops of
one function are about the same values as long as those variables are not assigned in between. A read is
"exposed" when the writes that certainly ran before it do not cover all of it (upward-exposed uses: K. Kennedy
and J. Allen, Optimizing Compilers for Modern Architectures, 2001, section 4.4; here per element).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from loopwright.analysis.dependence_private import covered
from loopwright.analysis.domains import Names, Precision, domain_texts
from loopwright.analysis.ir import Affine, LoopNest
from loopwright.analysis.polyhedral import Model, OutOfTime, Reference, Solver
from loopwright.analysis.polynomials import Polynomial

SECONDS = 3.0
"""For one question about elements; what takes longer is not known."""


@dataclass(frozen=True)
class Elements:
    """Some elements of one array.

    Attributes:
        shape: the extents of all dimensions but the first, as polynomials over program text: subscripts of
            sets of one shape mean the same element.
        body: constraints on e0, e1... as isl text over `symbols`; None: they may be any.
        symbols: the program's variables in it, as pairs of isl name and text.
    """

    shape: tuple[Polynomial, ...] = ()
    body: str | None = None
    symbols: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> frozenset[str]:
        """The program's variables that the set is about."""
        inside = {factor for _, text in self.symbols for factor in factors(text)}
        return frozenset(inside | {s for p in self.shape for s in p.symbols})


ANY = Elements()
"""Elements that are not known: covered by the whole array only, and covering nothing."""

MOVED = Elements(symbols=(("moved", "moved"),))
"""Elements of an array that had another name before: no write of before covers them."""


@dataclass(frozen=True)
class Flow:
    """What a piece of code does to one array.

    `reads` are exposed: their value comes from before the code. `must` are certainly written. `writes`:
    something may be written.
    """

    reads: tuple[Elements, ...] = ()
    must: tuple[Elements, ...] = ()
    writes: bool = False


def then(first: Flow, second: Flow, size: Polynomial | None) -> Flow:
    """What two pieces of code do that run one after the other, to an array of `size` elements."""
    exposed = tuple(r for r in second.reads if not is_covered(r, first.must, size))
    reads, must = dict.fromkeys((*first.reads, *exposed)), dict.fromkeys((*first.must, *second.must))
    return Flow(tuple(reads), tuple(must), first.writes or second.writes)


def without(flow: Flow, changed: Iterable[str]) -> Flow:
    """The flow after variables have changed: writes whose place depends on them are not known any more, and
    reads may have been of any element.
    """
    names = frozenset(changed)
    reads = tuple(ANY if r.texts & names else r for r in flow.reads)
    return Flow(reads, tuple(m for m in flow.must if not m.texts & names), flow.writes)


def moved(flow: Flow, *, now: bool) -> Flow:
    """The flow of an array whose pointer is exchanged in the code; `now`: at the end of it."""
    return Flow((MOVED,) if flow.reads else (), () if now else flow.must, flow.writes)


def is_covered(wanted: Elements, parts: Sequence[Elements], size: Polynomial | None) -> bool:
    """Whether `parts` together hold all of `wanted`, out of an array of `size` elements."""
    if not parts or wanted == MOVED:
        return False
    return fills(parts, size) or (wanted.body is not None and _holds(wanted, parts))


def fills(parts: Sequence[Elements], size: Polynomial | None) -> bool:
    """Whether `parts` together hold every element of an array of `size` elements."""
    if size is None:
        return False
    for shape in dict.fromkeys(p.shape for p in parts if p.body is not None):
        row = Polynomial.constant(1)
        for extent in shape:
            row = row * extent
        if not row.terms:
            continue
        rows, rest = size.divided(row)
        if not rest.terms and _holds(_box(shape, rows), parts):
            return True
    return False


def _holds(wanted: Elements, parts: Sequence[Elements]) -> bool:
    return _is_subset(wanted, tuple(parts))


@lru_cache(maxsize=4096)
def _is_subset(wanted: Elements, parts: tuple[Elements, ...]) -> bool:
    alike = [p for p in parts if p.body is not None and p.shape == wanted.shape]
    if not alike:
        return False
    names = sorted({name for part in (wanted, *alike) for name, _ in part.symbols})
    solver = Solver(SECONDS)
    try:
        inner, *outer = (solver.set(_set_text(part, names)) for part in (wanted, *alike))
        return solver.is_covered(inner, outer)
    except OutOfTime:
        return False


def _box(shape: tuple[Polynomial, ...], rows: Polynomial) -> Elements:
    """All elements of an array of `rows` rows."""
    symbols: dict[str, str] = {}
    limits = [_text(p, symbols) for p in (rows, *shape)]
    body = " and ".join(f"0 <= e{n} < {limit}" for n, limit in enumerate(limits))
    return Elements(shape, body, tuple(symbols.items()))


def _set_text(part: Elements, names: Sequence[str]) -> str:
    variables = ", ".join(f"e{n}" for n in range(len(part.shape) + 1))
    return f"[{', '.join(names)}] -> {{ [{variables}] : {part.body} }}"


# -- the variables of the program as symbols of isl


_WORD = r"[A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)*"


def factors(text: str) -> tuple[str, ...]:
    """The factors of a product of variables as `n*m`, sorted; any other text is one factor."""
    plain = re.fullmatch(rf"{_WORD}(?:\*{_WORD})*", text)
    return tuple(sorted(text.split("*"))) if plain else (text,)


def symbol_of(text: str) -> str:
    """The isl name of a variable, or of a product of variables: one text has one name."""
    text = "*".join(factors(text))
    if re.fullmatch(r"[A-Za-z_]\w*", text):
        return f"v_{text}"
    return "w" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in text)


def _text(polynomial: Polynomial, symbols: dict[str, str]) -> str:
    """A polynomial as isl text, a product of variables being a symbol of its own."""
    parts = []
    for monomial, coefficient in polynomial.terms:
        if not monomial:
            parts.append(str(coefficient))
            continue
        text = "*".join(sorted(monomial))
        symbols[symbol_of(text)] = text
        parts.append(f"{coefficient}*{symbol_of(text)}")
    return " + ".join(f"({p})" for p in parts) or "0"


# -- one nest


class NestElements:
    """The flows of the arrays of one nest."""

    def __init__(self, nest: LoopNest) -> None:
        self.nest = nest
        self.model = Model(nest, Solver(SECONDS))
        texts = {p.name: p.text for p in nest.parameters}
        self.texts = {symbol: texts.get(symbol, symbol) for symbol in self.model.names.parameters}
        self.names = Names({symbol: symbol_of(text) for symbol, text in self.texts.items()})

    def polynomial(self, form: Affine | None) -> Polynomial | None:
        """A form without loops over the texts of the program."""
        if form is None or not form.symbols <= set(self.texts):
            return None
        total = Polynomial.constant(form.constant)
        for symbol, coefficient in form.terms:
            total += Polynomial.make({factors(self.texts[symbol]): coefficient})
        return total

    def flow(self, ids: Iterable[str], *, whole: bool = True) -> Flow:
        """The flow of the array that the objects `ids` of the nest are, or are parts of.

        `whole`: the object is the array itself; parts of it (members of structs) cover nothing.
        """
        wanted = set(ids)
        references = [r for r in self.model.references if r.array.id in wanted]
        writes = [r for r in references if r.is_write]
        reads = [
            (self._elements(r, Precision.MAY) if whole else None) or ANY
            for r in references
            if not r.is_write and not self._is_written_first(r, writes)
        ]
        exact = [w for w in writes if whole and w.is_certain()]
        must = [self._elements(w, Precision.MUST) for w in exact]
        return then(Flow(tuple(reads), (), bool(writes)), Flow((), tuple(m for m in must if m)), None)

    def bound(self, ids: Iterable[str]) -> Polynomial | None:
        """How many elements from the first on hold all that are touched (in whole rows); None: not known."""
        wanted = set(ids)
        rows: dict[tuple[Polynomial, ...], list[Polynomial | None]] = {}
        for reference in self.model.references:
            if reference.array.id in wanted:
                found = self._elements(reference, Precision.MAY)
                if found is None:
                    return None
                rows.setdefault(found.shape, []).append(self._rows(reference, found))
        totals = []
        for shape, counts in rows.items():
            total = largest(counts)
            for extent in shape:
                total = None if total is None else total * extent
            totals.append(total)
        return largest(totals)

    def _is_written_first(self, read: Reference, writes: list[Reference]) -> bool:
        same = [w for w in writes if w.array.id == read.array.id]
        try:
            return bool(same) and covered(self.model, self.nest.root, read, same)
        except OutOfTime:
            return False

    def _elements(self, reference: Reference, precision: Precision) -> Elements | None:
        """The elements that all instances touch; None when they are not known."""
        try:
            forms = self.model.subscripts(reference, None)
        except OutOfTime:
            return None
        shape = [self.polynomial(extent) for extent in reference.array.extents[1:]]
        if not forms or any(f is None for f in forms) or any(s is None for s in shape):
            return None
        place = reference.place
        loops = {loop.id: f"t{n}" for n, loop in enumerate(place.loops)}
        texts = domain_texts(place, self.names, "t", precision)
        texts += [f"e{n} = {self.names.form(f, loops)}" for n, f in enumerate(forms) if f is not None]
        body = f"exists ({', '.join(loops.values())} : {' and '.join(texts)})"
        symbols = {symbol_of(text): "*".join(factors(text)) for text in self.texts.values()}
        used = tuple(p for p in symbols.items() if re.search(rf"\b{p[0]}\b", body))
        return Elements(tuple(s for s in shape if s is not None), body, used)

    def _rows(self, reference: Reference, found: Elements) -> Polynomial | None:
        """One more than the largest first subscript; None when that is not one form."""
        statement = reference.place.statement
        if not statement.exact_guards or statement.unknowns:
            return None
        names = sorted(name for name, _ in found.symbols)
        try:
            elements = self.model.solver.set(_set_text(found, names))
            with self.model.solver.limited() as isl:
                if not elements.dim_has_upper_bound(isl.dim_type.set, 0):
                    return None
                highest = _single(elements.dim_max(0), isl, [dict(found.symbols)[name] for name in names])
        except OutOfTime:
            return None
        return None if highest is None else highest + Polynomial.constant(1)


def largest(bounds: Iterable[Polynomial | None]) -> Polynomial | None:
    """The largest of some sizes, their variables being at least 1; None when one is not known, or which is
    larger is not.
    """
    best: Polynomial | None = None
    for bound in bounds:
        if bound is None:
            return None
        if best is None or _is_at_least(bound, best):
            best = bound
        elif not _is_at_least(best, bound):
            return None
    return best


def _is_at_least(first: Polynomial, second: Polynomial) -> bool:
    """Whether first >= second for all values from 1 on: each variable is written as 1 + another one."""
    one = Polynomial.constant(1)
    shifted = substituted(first - second, {s: Polynomial.symbol(s) + one for s in (first - second).symbols})
    return shifted is not None and all(coefficient >= 0 for _, coefficient in shifted.terms)


def substituted(polynomial: Polynomial, values: Mapping[str, Polynomial | None]) -> Polynomial | None:
    """The polynomial with variables replaced; None when one of them has no value that is known."""
    total = Polynomial()
    for monomial, coefficient in polynomial.terms:
        term = Polynomial.constant(coefficient)
        for symbol in monomial:
            value = values.get(symbol, Polynomial.symbol(symbol))
            if value is None:
                return None
            term = term * value
        total += term
    return total


def renamed(flow: Flow, values: Mapping[str, Polynomial | None]) -> Flow:
    """The flow of a function's parameter as the caller sees it: `values` are the arguments by parameter."""
    reads = tuple(_renamed(r, values) or ANY for r in flow.reads)
    must = (_renamed(m, values) for m in flow.must)
    return Flow(reads, tuple(m for m in must if m is not None), flow.writes)


def _renamed(elements: Elements, values: Mapping[str, Polynomial | None]) -> Elements | None:
    shape = [substituted(extent, values) for extent in elements.shape]
    if elements.body is None or any(s is None for s in shape):
        return None
    symbols: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, text in elements.symbols:
        value = substituted(Polynomial.make({factors(text): 1}), values)
        if value is None:
            return None
        texts[name] = f"({_text(value, symbols)})"
    body = re.sub(r"\b[vw]\w+", lambda m: texts.get(m.group(), m.group()), elements.body)
    return Elements(tuple(s for s in shape if s is not None), body, tuple(symbols.items()))


def _single(highest: Any, isl: Any, texts: Sequence[str]) -> Polynomial | None:
    """A piecewise form that has one piece, as a polynomial."""
    pieces = highest.get_pieces()
    if len(pieces) != 1:
        return None
    form, kind = pieces[0][1], isl.dim_type
    if form.dim(kind.div) or not form.get_denominator_val().is_one():
        return None
    total = Polynomial.constant(form.get_constant_val().to_python())
    for position, text in enumerate(texts):
        value = form.get_coefficient_val(kind.param, position)
        total += Polynomial.make({factors(text): value.to_python()})
    return total
