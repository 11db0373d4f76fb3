"""`#pragma omp simd`: consecutive iterations run in the lanes of a vector.

Proof obligation: the same independence as for `parallel for` (stronger than needed: a vector of length v only
needs dependences no shorter than v), so that the compiler need not prove or test it at run time.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.ir import Loop
from loopwright.core.task import Target
from loopwright.moves.canonical import governing_openmp, require_canonical, require_untroubled
from loopwright.moves.clauses import Clauses, clauses_for, require_parallel, sums_reordered
from loopwright.moves.move import (
    Declined,
    NestSource,
    Proposal,
    Refusal,
    constant_trips,
    label,
    overlap_note,
    proposal,
    refusal,
)
from loopwright.moves.rewrite import apply, place_before
from loopwright.moves.strides import Stride, stride

FAMILY = "simd"
SHORTEST = 8
"""Fewest iterations for which vectors are worth a directive: one AVX-512 vector of doubles."""


class Simd:
    """Proposes `simd` for innermost loops that are proved parallel."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        if source.target is not Target.OPENMP:
            return
        for loop in source.nest.root.walk():
            if loop.loops or governing_openmp(source, loop):
                continue
            try:
                yield _edit(source, loop)
            except Declined as reason:
                yield refusal(source, loop, FAMILY, str(reason))


def simd_clauses(source: NestSource, loop: Loop) -> Clauses:
    """The clauses for `simd` on an innermost loop.

    Raises:
        Declined: when its iterations may not, or cannot profitably, run in the lanes of a vector.
    """
    require_untroubled(loop)
    require_parallel(source.facts_of(loop))
    require_canonical(source, loop)
    trips = constant_trips(loop)
    if trips is not None and trips < SHORTEST:
        raise Declined(f"it has {trips} iterations only")
    return clauses_for(source, loop, inner_variables=False, arrays=False)


def _edit(source: NestSource, loop: Loop) -> Proposal:
    clauses = simd_clauses(source, loop)
    content = apply(source.data, [place_before(source.data, loop, f"#pragma omp simd{clauses.text}")])
    accesses = [(source.nest.array(a.array), a) for s in loop.statements() for a in s.accesses]
    strides = [stride(array, access, loop) for array, access in accesses if not array.is_scalar]
    # Compilers vectorise a clean loop themselves; a float reduction they may not reorder without being told.
    far = any(s in (Stride.FAR, Stride.UNKNOWN) for s in strides)
    reordered, single = sums_reordered(source, loop)
    factor = (1.2 if single else 2.5 if reordered else 1.3) * (0.8 if far else 1.0)
    if loop.upper is None or loop.lower is None:
        factor = 1.2  # rows of a sparse matrix are short
    pieces = [
        f"no dependence is carried by the loop over {label(loop)}",
        overlap_note(source, loop),
        *clauses.notes,
    ]
    return proposal(
        source,
        loop,
        FAMILY,
        content=content,
        title=f"simd over {label(loop)}{clauses.summary}",
        proof="; ".join(piece for piece in pieces if piece) + ".",
        factor=factor,
        details={"directive": "simd", "clauses": clauses.text.strip()},
    )
