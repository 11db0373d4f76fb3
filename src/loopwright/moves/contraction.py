"""Finding contractions: `c(i, j) += a(i, k) * b(k, j)` somewhere in a nest, whatever its loops are called.

The statement may be the whole body of three loops or stand among others (`c = 0` before the k loop, a scaling
after it), its sum may be kept in a scalar, factors may be kept in a temporary. What stands before the update
and what stands after it become loops of their own; `contraction_proof` decides whether that is legal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

from loopwright.analysis.ir import AccessKind, Array, Loop, LoopNest, Statement
from loopwright.moves.assignment import assignment_of
from loopwright.moves.contraction_rows import keep_rows
from loopwright.moves.contraction_sums import (
    UPDATE,
    Draft,
    KeptRows,
    base_name,
    expand_scalar,
    path_to,
    plain_type,
    put_in_temporaries,
    require_plain,
    written_array,
)
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import (
    Factor,
    Term,
    hidden_names,
    names_in,
    product_text,
    squeezed,
)
from loopwright.moves.rewrite import code

BEFORE, AFTER = 0, 2
MOST_TERMS = 4
SHORT = 16
"""A loop of a constant number of iterations below this is not worth a tile."""


@dataclass(frozen=True)
class Product:
    """One product of the update: what depends on the row loop, and what on the column loop. The sign and what
    depends on neither are with the rows.
    """

    rows: str
    cols: str


@dataclass(frozen=True)
class Contraction:
    """An update that a nest consists of, with its roles.

    Attributes:
        region: the outermost loop that is replaced. path: the loops from it down to the update.
        rows, cols, depth: the loops over i, j and k. extra: the other loops of the path.
        target: c(i, j) as written, updated with `target += products`.
        phases: for each statement under `region` whether it runs before, in, or after the update.
        texts: statements that are not written as they stand in the source.
        nest: the nest in these terms, for the proof. update: its update. notes: words for the proof.
        kept: the row of work space that each row has to have of its own.
    """

    region: Loop
    path: tuple[Loop, ...]
    rows: Loop
    cols: Loop
    depth: Loop
    target: str
    products: tuple[Product, ...]
    array: Array
    update: Statement
    nest: LoopNest
    phases: Mapping[str, int]
    texts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kept: KeptRows | None = None

    @property
    def extra(self) -> tuple[Loop, ...]:
        """Loops of the path beyond the three."""
        three = {self.rows.id, self.cols.id, self.depth.id}
        return tuple(loop for loop in self.path if loop.id not in three)


def updates(nest: LoopNest) -> Iterator[tuple[tuple[Loop, ...], Statement]]:
    """Every statement that adds to something, with the loops around it, outermost first."""

    def visit(loop: Loop, around: tuple[Loop, ...]) -> Iterator[tuple[tuple[Loop, ...], Statement]]:
        for item in loop.body_items:
            if isinstance(item, Loop):
                yield from visit(item, (*around, loop))
            elif any(a.kind is AccessKind.WRITE and a.reduction == "+" for a in item.accesses):
                yield (*around, loop), item

    yield from visit(nest.root, ())


def contraction_of(source: NestSource, path: tuple[Loop, ...], update: Statement) -> Contraction:
    """The contraction that `update` is.

    Raises:
        Declined: with the reason why it is none.
    """
    draft = _draft(source, path, update)
    reasons: list[str] = []
    around = path_to(draft.nest.root, draft.update.id)
    for triple in _triples(draft, around):
        try:
            return _with_roles(source, draft, around, *triple)
        except Declined as reason:
            reasons.append(str(reason))
    raise Declined(reasons[0] if reasons else "it is no sum of products over a third loop")


# -- the update in terms of an array


def _draft(source: NestSource, path: tuple[Loop, ...], update: Statement) -> Draft:
    require_plain(update)
    assigned = assignment_of(code(source.data, update.range.start, update.range.end))
    target, access = written_array(source.nest, update)
    if access.subscripts and any(form is None for form in access.subscripts):
        raise Declined("the subscript of the result is not affine")
    terms = assigned.added()
    draft = Draft(source.nest, update, assigned.left, terms, {}, {}, [])
    put_in_temporaries(source, draft, path)
    if target.is_scalar:
        expand_scalar(source, draft, path, target)
    elif len({s for form in access.subscripts if form for s in form.symbols} & {p.id for p in path}) == 1:
        keep_rows(draft, path)
    return draft


def is_triangle(found: Contraction) -> bool:
    return any(
        form.coefficient(found.rows.id) for form in (*(found.cols.lower or ()), *(found.cols.upper or ()))
    )


# -- the roles of the loops


def _triples(draft: Draft, path: tuple[Loop, ...]) -> Iterator[tuple[Loop, Loop, Loop]]:
    """Rows, columns and depth to try, the smallest regions first."""
    _, write = written_array(draft.nest, draft.update)
    used = {symbol for form in write.subscripts if form is not None for symbol in form.symbols}
    free = [loop for loop in path if loop.id in used]
    summed = [loop for loop in path if loop.id not in used]
    choices = [(a, b, k) for a, b in permutations(free, 2) for k in summed]
    last = write.subscripts[-1] if write.subscripts else None

    def order(choice: tuple[Loop, Loop, Loop]) -> tuple[int, int, int]:
        outermost = min(path.index(loop) for loop in choice)
        unit = last is not None and abs(last.coefficient(choice[1].id)) == 1
        return -outermost, sum(_is_short(loop) for loop in choice), 0 if unit else 1

    yield from sorted(choices, key=order)


def _is_short(loop: Loop) -> bool:
    from loopwright.moves.move import constant_trips

    trips = constant_trips(loop)
    return trips is not None and trips < SHORT


def _with_roles(
    source: NestSource, draft: Draft, path: tuple[Loop, ...], rows: Loop, cols: Loop, depth: Loop
) -> Contraction:
    inside = path[min(path.index(loop) for loop in (rows, cols, depth)) :]
    if any(_is_short(loop) for loop in (rows, cols, depth)):
        raise Declined(f"one of its loops has fewer than {SHORT} iterations")
    variables = [loop.variable for loop in inside]
    if len(set(variables)) != len(variables):
        raise Declined("two of its loops have the same variable")
    if draft.kept is not None and rows.id != draft.kept.loop.id:
        raise Declined(f"'{draft.kept.name}' is a row of {draft.kept.loop.variable}")
    _require_bounds(inside, rows, cols)
    products = products_of(source, draft, rows, cols, depth)
    array, _ = written_array(draft.nest, draft.update)
    phases = _phases(draft, inside)
    texts = dict(draft.texts)
    return Contraction(
        inside[0], inside, rows, cols, depth, draft.target, products, array, draft.update, draft.nest,
        phases, texts, tuple(draft.notes), draft.kept,
    )  # fmt: skip


def products_of(source: NestSource, draft: Draft, rows: Loop, cols: Loop, depth: Loop) -> tuple[Product, ...]:
    """The terms of an update as products of a factor for the rows and one for the columns.

    Raises:
        Declined: when they are none, or of another type than the result.
    """
    array, _ = written_array(draft.nest, draft.update)
    if plain_type(array.dtype) not in ("double", "float"):
        raise Declined(f"'{array.name}' holds {array.dtype}: tiles are for double and float")
    left: list[Factor] = []
    products = tuple(_sides(source, draft, t, array, rows, cols, left) for t in draft.terms)
    _require_accesses_agree(draft, left, rows, cols)
    for product in products:
        for side in (product.rows, product.cols):
            if depth.variable not in names_in(side):
                raise Declined(f"'{side}' does not depend on {depth.variable}")
    if not products or len(products) > MOST_TERMS:
        raise Declined(f"it adds {len(products)} products at a time")
    named = {cols.variable} if draft.kept is not None else {rows.variable, cols.variable}
    if not names_in(draft.target) >= named:
        raise Declined(f"'{draft.target}' does not name both {rows.variable} and {cols.variable}")
    return products


def _require_bounds(path: tuple[Loop, ...], rows: Loop, cols: Loop) -> None:
    roles = {loop.id: loop.variable for loop in path}
    for loop in path:
        if loop.step != 1 or not loop.lower or not loop.upper:
            raise Declined(f"the loop over {loop.variable} does not count up by one between known bounds")
        if len(loop.lower) != 1 or len(loop.upper) != 1:
            raise Declined(f"the loop over {loop.variable} has several bounds")
        depends = {s for form in (*loop.lower, *loop.upper) for s in form.symbols if s in roles}
        if not depends:
            continue
        if depends != {rows.id} or loop.id != cols.id:
            names = ", ".join(sorted(roles[s] for s in depends))
            raise Declined(f"the bounds of the loop over {loop.variable} depend on {names}")
        steps = [form.coefficient(rows.id) for form in (*loop.lower, *loop.upper)]
        if all(steps) or any(abs(step) > 1 for step in steps):
            raise Declined(f"the loop over {loop.variable} does not run over a triangle")


def _sides(
    source: NestSource,
    draft: Draft,
    term: Term,
    array: Array,
    rows: Loop,
    cols: Loop,
    all_left: list[Factor],
) -> Product:
    left: list[Factor] = []
    right: list[Factor] = []
    for factor in term.factors:
        _require_floating(draft, factor, term, array)
        seen = factor.names
        if hidden_names(source.tree.files, seen) & {loop.variable for loop in source.nest.root.walk()}:
            raise Declined(f"a macro in '{factor.text}' hides what it depends on")
        of_rows, of_cols = rows.variable in seen, cols.variable in seen
        if of_rows and of_cols:
            raise Declined(f"'{factor.text}' depends on both {rows.variable} and {cols.variable}")
        (right if of_cols else left).append(factor)
    if not any(rows.variable in f.names for f in left) or not right:
        raise Declined(
            f"'{term.text}' is no product of one factor for {rows.variable} and one for {cols.variable}"
        )
    all_left += left
    sign = "-" if term.negative else ""
    return Product(sign + product_text(tuple(left)), product_text(tuple(right)))


def _require_accesses_agree(draft: Draft, left: list[Factor], rows: Loop, cols: Loop) -> None:
    """The text and the accesses have to say the same about what depends on what."""
    names = {name for f in left for name in f.names}
    for access in draft.update.accesses:
        if access.kind is AccessKind.WRITE or access.reduction:
            continue
        symbols = {s for form in access.subscripts if form is not None for s in form.symbols}
        if {rows.id, cols.id} <= symbols:
            raise Declined("a factor depends on rows and columns at once")
        if base_name(draft.nest.array(access.array)) not in names and rows.id in symbols:
            raise Declined("a factor of the rows is not where it was thought to be")


def _require_floating(draft: Draft, factor: Factor, term: Term, array: Array) -> None:
    """Every factor is of the result's type, so that products may be formed in another order."""
    wanted, is_float = plain_type(array.dtype), plain_type(array.dtype) == "float"
    if factor.divides:
        return
    if factor.is_float_number:
        if (factor.text[-1] in "fF" and not is_float) or (factor.text[-1] not in "fF" and is_float):
            raise Declined(f"'{factor.text}' is not of type {wanted}")
        return
    if factor.text.isdigit():
        if any(f.divides for f in term.factors):
            raise Declined(f"'{term.text}' divides and holds an integer")
        return
    known = {base_name(draft.nest.array(a.array)): draft.nest.array(a.array) for a in draft.update.accesses}
    outside = factor.text
    while (shorter := re.sub(r"\[[^\[\]]*\]", "", outside)) != outside:
        outside = shorter
    if re.search(r"[<>!?&|%^~,]|==", outside.replace("->", "")):
        raise Declined(f"'{factor.text}' is more than a number")
    names = names_in(outside)
    if not names:
        raise Declined(f"'{factor.text}' is not understood")
    for name in names:
        if name not in known or plain_type(known[name].dtype) != wanted:
            raise Declined(f"'{name}' in '{factor.text}' is not of type {wanted}")
    if is_float and re.search(r"\d\.|\.\d", outside) and not re.search(r"[\d.][fF]\b", outside):
        raise Declined(f"'{factor.text}' is not of type {wanted}")


def _phases(draft: Draft, path: tuple[Loop, ...]) -> dict[str, int]:
    """Whether each statement of the region stands before or after the update in the text of its loop."""
    phases: dict[str, int] = {draft.update.id: UPDATE}
    children: tuple[Loop | Statement, ...] = (*path[1:], draft.update)
    for loop, child in zip(path, children, strict=True):
        seen = False
        for item in loop.body_items:
            if item.id == child.id:
                seen = True
                continue
            for statement in item.statements() if isinstance(item, Loop) else (item,):
                phases[statement.id] = draft.phases.get(statement.id, AFTER if seen else BEFORE)
    return phases


__all__ = ["AFTER", "BEFORE", "UPDATE", "Contraction", "Product", "contraction_of", "squeezed", "updates"]
