"""Loop interchange: two perfectly nested loops change places, towards stride 1 or a parallel outer loop.

Proof obligation: every dependence of the nest still goes forward in the new order (Allen and Kennedy 1984;
decided by `analysis.legality.order_legal`), and the bounds of neither loop depend on the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Loop
from loopwright.moves.canonical import governing_openmp, require_untroubled
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
from loopwright.moves.products import mentioned
from loopwright.moves.rewrite import Replacement, apply, blanked, code
from loopwright.moves.strides import lines_per_iteration

FAMILY = "interchange"


class Interchange:
    """Proposes to exchange an innermost loop with one around it when the new inner loop runs along memory."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for band in _perfect_bands(source.nest.root):
            inner = band[-1]
            for outer in band[:-1]:
                try:
                    reason, factor = _gain(source, outer, inner)
                except Declined:
                    continue
                try:
                    yield _edit(source, band, outer, inner, reason, factor)
                except Declined as refused:
                    yield refusal(source, outer, FAMILY, f"with {inner.variable}: {refused}")


def _perfect_bands(loop: Loop) -> Iterator[tuple[Loop, ...]]:
    """The longest chains of loops in which each is the whole body of the one before."""
    band = [loop]
    while band[-1].is_perfect:
        band.append(band[-1].loops[0])
    if len(band) > 1:
        yield tuple(band)
    for child in band[-1].loops:
        yield from _perfect_bands(child)


def _gain(source: NestSource, outer: Loop, inner: Loop) -> tuple[str, float]:
    statements = inner.statements()
    now = lines_per_iteration(source.nest, statements, inner)
    then = lines_per_iteration(source.nest, statements, outer)
    if then < 0.75 * now:
        words = f"an inner iteration touches {then:.2g} instead of {now:.2g} new cache lines"
        return words, min(8.0, now / max(then, 0.125))
    answers = [source.facts_of(loop).parallel for loop in (outer, inner)]
    if then <= now and answers == [Answer.REFUTED, Answer.PROVED]:
        return f"the outer loop becomes the parallel one, {inner.variable}", 1.2
    raise Declined("no gain")


def _edit(
    source: NestSource, band: tuple[Loop, ...], outer: Loop, inner: Loop, reason: str, factor: float
) -> Proposal:
    from loopwright.analysis.legality import interchange_legal, is_rectangular

    for loop in band[band.index(outer) :]:
        require_untroubled(loop)
        if directive := governing_openmp(source, loop):
            raise Declined(f"the directive '{directive}' belongs to one of the loops")
        if loop.live_out_variable and not loop.declared_here:
            raise Declined(f"'{loop.variable}' may be read after the loops")
    if not is_rectangular(source.nest, [loop.id for loop in band[band.index(outer) :]]):
        raise Declined("the bounds of one loop depend on the other")
    _require_exchangeable_text(source, outer, inner)
    answer, why = interchange_legal(source.nest, outer.id, inner.id)
    if answer is not Answer.PROVED:
        raise Declined(why)
    first, second = outer.header, inner.header
    data = source.data
    content = apply(
        data,
        [
            Replacement(first.start, first.end, data[second.start : second.end]),
            Replacement(second.start, second.end, data[first.start : first.end]),
        ],
    )
    pieces = [why, "the bounds of neither loop depend on the other", overlap_note(source, outer)]
    return proposal(
        source,
        outer,
        FAMILY,
        content=content,
        title=f"interchange of {outer.variable} and {label(inner)}: {reason}",
        proof="; ".join(piece for piece in pieces if piece) + ".",
        factor=factor,
        details={"with": label(inner)},
    )


def _require_exchangeable_text(source: NestSource, outer: Loop, inner: Loop) -> None:
    data = source.data
    for loop, other in ((outer, inner), (inner, outer)):
        header = code(data, loop.header.start, loop.header.end)
        if not header.startswith("for") or not header.endswith(")"):
            raise Declined("the place of a header in the file is not what the parser said")
        if other.variable in mentioned(source.tree.files, header):
            raise Declined(f"the header over {loop.variable} mentions {other.variable}")
        # A // comment in a header would swallow what follows it elsewhere; a directive needs its own line.
        if b"//" in data[loop.header.start : loop.header.end]:
            raise Declined(f"the header over {loop.variable} holds a // comment")
    if b"#" in blanked(data)[outer.range.start : inner.body.start]:
        raise Declined("there is a directive between the loops")
