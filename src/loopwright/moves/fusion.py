"""Fusion and distribution of the loops of a region, with the interchange that they make possible.

Proof obligation: every dependence between the statements of the region goes forward in the new order
(`analysis.schedules.is_legal`); what runs on several threads carries none.
"""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.polyhedral import OutOfTime
from loopwright.analysis.scop import Scop
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, refusal
from loopwright.moves.plans import Plan, blocked, distributed, fused, memory_gain, reordered, schedule_of
from loopwright.moves.restructure import AsItIs, Rewrite, rewritten, scops

FAMILY = "fusion"


class Fusion:
    """Proposes to regroup the loops of a region: all data used in one pass, along memory, on all threads."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for scop in scops(source):
            if isinstance(scop, str):
                yield refusal(source, source.nest.root, FAMILY, scop)
                continue
            try:
                plans = list(_plans(scop))
            except OutOfTime:
                yield refusal(source, source.nest.root, FAMILY, "the proof did not end in time")
                continue
            for title, plan, factor in plans:
                try:
                    yield rewritten(source, scop, Rewrite(schedule_of(scop, plan), title, factor), FAMILY)
                except AsItIs:
                    continue
                except Declined as reason:
                    yield refusal(source, source.nest.root, FAMILY, f"{title}: {reason}")


def _plans(scop: Scop) -> Iterator[tuple[str, tuple[Plan, ...], float]]:
    apart = distributed(scop)
    joined = fused(scop, apart)
    blocks = blocked(scop, joined)
    fused_words = "loops fused that use the same data"
    # Whole rows are streamed faster than pieces of them: private copies of the sums come before blocks.
    gain = memory_gain(scop, joined)
    yield fused_words, joined, 2.0 * gain
    if blocks != joined:
        yield f"{fused_words}, in blocks", blocks, 1.9 * gain
    if joined != apart and reordered(scop, apart):
        gain = memory_gain(scop, apart)
        yield "loops distributed and ordered along memory", blocked(scop, apart), 1.6 * gain
