"""Finding in-place factorisations: `a(i, j) -= a(i, k) * a(k, j)` among divisions by pivots (LU, Cholesky).

Every statement belongs to a pivot: an update to its k, any other statement to one of the loops around it.
Done pivot by pivot in narrow blocks, an update of an element that lies beyond the block can wait and be done
with the others of the block, as a product of matrices; beyond a wide block it can wait for all of that.
Dongarra, Du Croz, Duff and Hammarling, "A set of level 3 basic linear algebra subprograms", ACM TOMS 1990;
the narrow blocks inside wide ones are the first two levels of Toledo's recursion (SIMAX 1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from loopwright.analysis.ir import AccessKind, Affine, Loop, Statement
from loopwright.moves.assignment import assignment_of
from loopwright.moves.contraction import Contraction, products_of
from loopwright.moves.contraction_sums import UPDATE, Draft, path_to, require_plain, written_array
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.rewrite import code

NARROW = 8
"""Pivots that are done by the loops as they were before the rest of the wide block is updated."""


@dataclass(frozen=True)
class Factorisation:
    """A nest whose updates are contractions of the array that they write.

    Attributes:
        region: the outermost loop. updates: each with its loops in their roles; all write the same array.
        pivots: for each statement the loop whose value is its pivot.
        whole: the update that stands for all of them in tiles; its columns may be those of two updates.
        low: the first pivot.
        late: loops of which no value comes before the pivot of a statement inside.
        texts: statements that are not written as they stand in the source, by id.
    """

    region: Loop
    updates: tuple[Contraction, ...]
    pivots: dict[str, Loop]
    whole: Contraction
    low: Affine
    late: frozenset[str]
    texts: Mapping[str, str] = field(default_factory=dict)

    def update(self, statement: str) -> Contraction | None:
        """The update that the statement is, or None."""
        return next((u for u in self.updates if u.update.id == statement), None)


def factorisations(
    source: NestSource, texts: Mapping[str, str]
) -> Iterator[tuple[Loop, tuple[Contraction, ...]]]:
    """Outermost loops with the in-place updates under them; `texts` as in :class:`Factorisation`."""
    root = source.nest.root
    found = []
    for statement in root.statements():
        try:
            found.append(_update(source, root, statement, texts))
        except Declined:
            continue
    if found:
        yield root, tuple(found)


def _update(source: NestSource, root: Loop, statement: Statement, texts: Mapping[str, str]) -> Contraction:
    require_plain(statement)
    path = path_to(root, statement.id)
    if len(path) != 3 or len({loop.variable for loop in path}) != 3:
        raise Declined("an update stands in three loops")
    text = texts.get(statement.id) or code(source.data, statement.range.start, statement.range.end)
    assigned = assignment_of(text)
    terms = assigned.added()
    array, write = written_array(source.nest, statement)
    forms = [form for form in write.subscripts if form is not None]
    if array.is_scalar or len(forms) != len(write.subscripts):
        raise Declined("the result is no array element")
    own = [a for a in statement.accesses if a.kind is AccessKind.READ and a.range == write.range]
    others = [a for a in statement.accesses if a.kind is AccessKind.READ and a.range != write.range]
    if not any(a.array == array.id for a in others) or len(own) != 1:
        raise Declined("it does not read what it writes")
    marked = replace(
        statement,
        accesses=(*others, replace(own[0], reduction="+"), replace(write, reduction="+")),
    )
    used = {symbol for form in forms for symbol in form.symbols}
    free = [loop for loop in path if loop.id in used]
    summed = [loop for loop in path if loop.id not in used]
    if len(free) != 2:
        raise Declined("its result does not depend on two loops")
    draft = Draft(source.nest, marked, assigned.left, terms, {}, {}, [])
    if abs(forms[-1].coefficient(free[1].id)) != 1:
        free.reverse()
    (rows, cols), depth = free, summed[0]
    for loop in path:
        if loop.step != 1 or len(loop.lower or ()) != 1 or len(loop.upper or ()) != 1:
            raise Declined(f"the loop over {loop.variable} does not count up by one between known bounds")
    products = products_of(source, draft, rows, cols, depth)
    return Contraction(
        root, path, rows, cols, depth, assigned.left, products, array, marked, source.nest,
        {statement.id: UPDATE},
    )  # fmt: skip
