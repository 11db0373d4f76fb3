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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import AccessKind, Loop, Storage
from loopwright.core.task import Target
from loopwright.moves.canonical import is_name, require_canonical
from loopwright.moves.clauses import OPERATORS, sums_reordered
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
                yield from _sums(source, loop, written)
                for element in written:
                    yield from _edits(source, loop, element)
            except Declined as reason:
                yield refusal(source, loop, FAMILY, str(reason))


def _proof(source: NestSource, loop: Loop, elements: Sequence[Element]) -> str:
    names = ", ".join(e.text for e in elements)
    words = "is the same element" if len(elements) == 1 else "are the same elements"
    apart = overlap_note(source, loop)
    proof = f"{names} {words} in every iteration over {label(loop)} and nothing else in the loop can touch "
    return proof + ("it" if len(elements) == 1 else "them") + (f"; {apart}" if apart else "")


def _edits(source: NestSource, loop: Loop, element: Element) -> Iterator[Proposal]:
    if is_declared_apart(source, element) or element.array.is_scalar:
        return
    yield proposal(
        source,
        loop,
        FAMILY,
        content=_changed(source, loop, element),
        title=f"scalar for {element.text} over {label(loop)}",
        proof=f"{_proof(source, loop, [element])}.",
        factor=1.15,
    )


@dataclass(frozen=True)
class Lanes:
    """Elements that a loop only combines, kept in vector lanes: `directive` stands before the loop then, with
    `$id$` in the place of each element's scalar.
    """

    sums: tuple[Element, ...]
    directive: str
    operations: str

    def text(self, source: NestSource, loop: Loop) -> str:
        """The loop with the scalars and the directive."""
        names = ", ".join(e.text for e in self.sums)
        words = "is kept in a scalar" if len(self.sums) == 1 else "are kept in scalars"
        return with_scalars(source, loop, self.sums, f"{names} {words} while the loop runs.", self.directive)


def lanes_of(source: NestSource, loop: Loop, written: Sequence[Element]) -> Lanes | None:
    """The elements of `written` that are only combined; plain variables may be combined beside them. None
    without any, or where the iterations may not run in the lanes of a vector.
    """
    facts = source.facts_of(loop)
    if source.target is not Target.OPENMP or facts.parallel is not Answer.PROVED:
        return None
    combined = {r.variable: r.op for r in facts.reductions}
    sums = tuple(e for e in written if e.array.id in combined and e.operation in OPERATORS)
    plain = [source.nest.array(id) for id in combined if id not in {e.array.id for e in sums}]
    named = all(a.is_scalar and is_name(a.name) and a.storage is not Storage.POINTED for a in plain)
    if not sums or not named or facts.private or facts.last_private:
        return None
    try:
        require_canonical(source, loop)
    except Declined:
        return None
    items = [(e.operation or "", f"${e.array.id}$") for e in sums]
    items += [(combined[a.id], a.name) for a in plain]
    clauses = "".join(
        f" reduction({operation}: {', '.join(name for op, name in items if op == operation)})"
        for operation in dict.fromkeys(op for op, _ in items)
    )
    return Lanes(sums, f"#pragma omp simd{clauses}", ", ".join(dict.fromkeys(op for op, _ in items)))


def _sums(source: NestSource, loop: Loop, written: Sequence[Element]) -> Iterator[Proposal]:
    """All elements that are only combined, in vector lanes."""
    lanes = lanes_of(source, loop, written)
    if lanes is None:
        return
    names = ", ".join(e.text for e in lanes.sums)
    proof = (
        f"{_proof(source, loop, lanes.sums)}; only combined, in another order, so the rounding may differ."
    )
    text = lanes.text(source, loop).encode("utf-8", "surrogateescape")
    yield proposal(
        source,
        loop,
        FAMILY,
        content=apply(source.data, [Replacement(loop.range.start, loop.range.end, text)]),
        title=f"scalar for {names} over {label(loop)}, simd reduction({lanes.operations})",
        proof=proof,
        factor=1.2 if sums_reordered(source, loop)[1] else 2.4,
    )


def _changed(source: NestSource, loop: Loop, element: Element) -> bytes:
    text = with_scalars(source, loop, [element], f"{element.text} is kept in a scalar while the loop runs.")
    change = Replacement(loop.range.start, loop.range.end, text.encode("utf-8", "surrogateescape"))
    return apply(source.data, [change])
