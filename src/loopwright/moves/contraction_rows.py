"""A work row that is filled and used in every iteration, as one row for each iteration.

    for q { for s { t[s] = 0; for p t[s] += a[q][p] * c[p][s]; }  for s a[q][s] = t[s]; }
is a product of matrices as soon as every q has its own t (array expansion: Feautrier, ICS 1988).

Proof obligation: t is local and used under q only, every read of it in an iteration of q is covered by a
write of that iteration, and it is not needed afterwards.
"""

from __future__ import annotations

from dataclasses import replace

from loopwright.analysis.dependence_private import covered
from loopwright.analysis.ir import AccessKind, Affine, Array, Loop, Statement, Storage
from loopwright.analysis.polyhedral import Model, OutOfTime, Solver
from loopwright.moves.contraction_sums import Draft, KeptRows, replaced_statements, written_array
from loopwright.moves.move import Declined

SECONDS = 2.0


def keep_rows(draft: Draft, path: tuple[Loop, ...]) -> None:
    """Give the result of the update a dimension for the loop that it is private to, when there is one.

    Raises:
        Declined: when the row has to stay one and the same.
    """
    nest = draft.nest
    array, _ = written_array(nest, draft.update)
    users = [s for s in nest.root.statements() if any(a.array == array.id for a in s.accesses)]
    around = [loop for loop in path if {s.id for s in users} <= {s.id for s in loop.statements()}]
    if array.storage is not Storage.LOCAL or array.live_out or len(array.extents) != 1 or not around:
        raise Declined(f"'{array.name}' is one row for all iterations")
    loop = around[-1]
    _require_private(draft, array, loop)
    length = _length(draft, array)
    row = Affine(0, ((loop.id, 1),))
    changed: dict[str, Statement | None] = {}
    for statement in users:
        accesses = tuple(
            replace(a, subscripts=(row, *a.subscripts)) if a.array == array.id else a
            for a in statement.accesses
        )
        changed[statement.id] = replace(statement, accesses=accesses)
    expanded = replace(array, extents=(None, *array.extents))
    arrays = tuple(expanded if a.id == array.id else a for a in nest.arrays)
    draft.nest = replaced_statements(replace(nest, arrays=arrays), changed)
    draft.update = next(s for s in draft.nest.root.statements() if s.id == draft.update.id)
    draft.kept = KeptRows(array.name, loop, length)
    draft.notes.append(
        f"every {loop.variable} fills {array.name} before it reads it, and gets a row of its own"
    )


def _require_private(draft: Draft, array: Array, loop: Loop) -> None:
    model = Model(draft.nest, Solver(SECONDS))
    inside = [r for r in model.arrays[array.id] if r.under(loop)]
    writes = [r for r in inside if r.access.kind is AccessKind.WRITE]
    try:
        if not all(r.is_write or covered(model, loop, r, writes) for r in inside):
            raise Declined(f"'{array.name}' may be read before it is written")
    except OutOfTime:
        raise Declined(f"the proof did not end within {SECONDS:g} s") from None


def _length(draft: Draft, array: Array) -> str:
    (extent,) = array.extents
    texts = {p.name: p.text for p in draft.nest.parameters}
    if extent is not None and not extent.terms:
        return str(extent.constant)
    if extent is not None and len(extent.terms) == 1 and extent.constant == 0:
        ((symbol, factor),) = extent.terms
        if factor == 1 and symbol in texts:
            return texts[symbol]
    raise Declined(f"the length of '{array.name}' is not known")
