"""Invariant motion: elements that an inner loop only reads, again in every iteration, are read once.

The compiler does that itself unless what the loop writes might overlap them.

Proof obligation: the subscripts do not change while the loop runs and nothing that it writes can overlap the
elements; they are read before it only when it runs, or when a statement beside it reads them anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.ir import AccessKind, Loop, Storage
from loopwright.moves.kept_elements import Element, elements_of, innermost, is_declared_apart, with_scalars
from loopwright.moves.move import (
    Declined,
    NestSource,
    Proposal,
    Refusal,
    label,
    overlap_note,
    proposal,
)
from loopwright.moves.rewrite import Replacement, apply

FAMILY = "invariant"


class Invariant:
    """Proposes scalars for elements that innermost loops read over and over beside writes."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for loop in innermost(source):
            try:
                read = [e for e in elements_of(source, loop) if not e.is_written]
                if read and _is_in_doubt(source, loop, read):
                    yield _edit(source, loop, read)
            except Declined:
                continue  # compilers see to it in most cases: no news


def _is_in_doubt(source: NestSource, loop: Loop, elements: list[Element]) -> bool:
    """Whether the compiler has to fear that a write changes one of the elements: both reached by pointers."""
    nest = source.nest
    writes = {a.array for s in loop.statements() for a in s.accesses if a.kind is AccessKind.WRITE}
    pointed = [nest.array(id) for id in writes if nest.array(id).storage is Storage.POINTED]
    return any(
        e.array.storage is not Storage.LOCAL
        and not is_declared_apart(source, e)
        and e.array.dtype.removeprefix("const ") == p.dtype
        for e in elements
        for p in pointed
    )


def _edit(source: NestSource, loop: Loop, elements: list[Element]) -> Proposal:
    names = ", ".join(e.text for e in elements)
    text = with_scalars(source, loop, elements, f"{names}: read once, the loop does not change it.")
    change = Replacement(loop.range.start, loop.range.end, text.encode("utf-8", "surrogateescape"))
    note = overlap_note(source, loop)
    return proposal(
        source,
        loop,
        FAMILY,
        content=apply(source.data, [change]),
        title=f"{names} read once before the loop over {label(loop)}",
        proof=f"{names} stays the same while the loop runs" + (f"; {note}" if note else "") + ".",
        factor=1.1,
    )
