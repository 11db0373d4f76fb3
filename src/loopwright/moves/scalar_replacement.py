"""Scalar replacement: an element that an inner loop updates in memory is kept in a scalar while it runs.

    for j  y[i] += a[i][j] * x[j];     becomes     double s = y[i];  for j s += a[i][j] * x[j];  y[i] = s;
The compiler may not do that where it cannot prove that y overlaps nothing (Callahan, Carr and Kennedy,
"Improving register allocation for subscripted variables", PLDI 1990), and it may not reorder the sum into
vector lanes without being told.

Proof obligation: nothing else in the loop can touch the element, no condition decides about it, and the loop
runs to its end; without an iteration nothing is read or written unless a statement beside the loop does so
anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import AccessKind, Loop
from loopwright.core.task import Target
from loopwright.moves.canonical import require_canonical
from loopwright.moves.clauses import OPERATORS
from loopwright.moves.kept_elements import (
    Element,
    elements_of,
    innermost,
    is_declared_apart,
    repeats,
    with_scalars,
)
from loopwright.moves.move import (
    Declined,
    NestSource,
    Proposal,
    Refusal,
    label,
    overlap_note,
    proposal,
    refusal,
)
from loopwright.moves.rewrite import Replacement, apply

FAMILY = "scalar-replacement"


class ScalarReplacement:
    """Proposes scalars for elements that innermost loops update, with and without vector lanes for sums."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for loop in innermost(source):
            if not repeats(source, loop, AccessKind.WRITE):
                continue
            try:
                written = [e for e in elements_of(source, loop) if e.is_written]
                for element in written:
                    yield from _edits(source, loop, element)
            except Declined as reason:
                yield refusal(source, loop, FAMILY, str(reason))


def _edits(source: NestSource, loop: Loop, element: Element) -> Iterator[Proposal]:
    proof = "; ".join(
        piece
        for piece in (
            f"{element.text} is the same element in every iteration over {label(loop)} and nothing else in "
            "the loop can touch it",
            overlap_note(source, loop),
        )
        if piece
    )
    comment = f"{element.text} is kept in a scalar while the loop runs."
    if _is_sum(source, loop, element):
        directive = f"#pragma omp simd reduction({element.operation}: $name)"
        yield proposal(
            source,
            loop,
            FAMILY,
            content=_changed(source, loop, element, comment, directive),
            title=f"scalar for {element.text} over {label(loop)}, simd reduction({element.operation})",
            proof=f"{proof}; it is only combined, in another order, so the rounding may differ.",
            factor=2.4,
        )
    if is_declared_apart(source, element):
        return
    yield proposal(
        source,
        loop,
        FAMILY,
        content=_changed(source, loop, element, comment, ""),
        title=f"scalar for {element.text} over {label(loop)}",
        proof=f"{proof}.",
        factor=1.15,
    )


def _changed(source: NestSource, loop: Loop, element: Element, comment: str, directive: str) -> bytes:
    text = with_scalars(source, loop, [element], comment, directive)
    change = Replacement(loop.range.start, loop.range.end, text.encode("utf-8", "surrogateescape"))
    return apply(source.data, [change])


def _is_sum(source: NestSource, loop: Loop, element: Element) -> bool:
    """Whether the loop does nothing else that depends on its order."""
    facts = source.facts_of(loop)
    if source.target is not Target.OPENMP or element.operation not in OPERATORS:
        return False
    if facts.parallel is not Answer.PROVED or {r.variable for r in facts.reductions} != {element.array.id}:
        return False
    try:
        require_canonical(source, loop)
    except Declined:
        return False
    return not facts.private and not facts.last_private
