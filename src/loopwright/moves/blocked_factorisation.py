"""Blocked factorisation: LU, Cholesky and their kin, all but narrow blocks of pivots done by register tiles.

    for k { for i a[i][k] /= a[k][k];  for i for j a[i][j] -= a[i][k] * a[k][j]; }
in any order of its loops becomes, per block of pivots, the loops as they were on a narrow strip and products
of packed tiles for what is left. Sums of one element are formed in another order: rounding may differ.

Proof obligation: see :mod:`~loopwright.moves.factorisation_proof`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loopwright.analysis.ir import Loop
from loopwright.core.task import Target
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.contraction import Contraction
from loopwright.moves.factorisation import Factorisation, factorisations
from loopwright.moves.factorisation_code import factorised_text
from loopwright.moves.factorisation_proof import proved
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal
from loopwright.moves.regions import region_around
from loopwright.moves.register_tile_kernel import kernel_change
from loopwright.moves.rewrite import Replacement, apply
from loopwright.moves.sums_in_place import SumsInPlace, sums_in_place
from loopwright.moves.tile_shape import tile_shapes

FAMILY = "blocked-factorisation"
FACTOR = 8.0
"""Hoped-for gain per thread: the products run at near the machine's peak, the narrow blocks do not."""
WIDE = 64


class BlockedFactorisation:
    """Proposes blocks of pivots for nests that update the array they read."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        seen = sums_in_place(source)
        for region, updates in factorisations(seen.source, seen.texts):
            try:
                yield _edit(seen, region, updates)
            except Declined as reason:
                yield refusal(source, region, FAMILY, str(reason))


def _edit(seen: SumsInPlace, region: Loop, updates: tuple[Contraction, ...]) -> Proposal:
    source = seen.source
    data = source.data
    if directive := existing_openmp(data, region):
        raise Declined(f"it already has the directive '{directive}'")
    if data[region.range.start : region.range.start + 3] != b"for":
        raise Declined("the loop's place in the file is not what the parser said")
    array = updates[0].array
    dtype = array.dtype.removeprefix("const ")
    found = replace(proved(source, region, updates, WIDE), texts=seen.texts)
    shape = tile_shapes(source.vector, array.element_bytes, len(updates[0].products), depth=WIDE)[0]
    parallel = source.target is Target.OPENMP and not region_around(data, region.range.start)
    text = factorised_text(source, found, shape, parallel=parallel)
    changes = [Replacement(region.range.start, region.range.end, text.encode("utf-8", "surrogateescape"))]
    changes += kernel_change(data, region.range.start, shape, dtype, array.element_bytes)
    return proposal(
        source,
        region,
        FAMILY,
        content=apply(data, changes),
        title=f"blocks of {WIDE} pivots over {label(region)}, the rest by {shape.rows} x {shape.cols} tiles"
        + (", parallel" if parallel else ""),
        proof="; ".join([*dict.fromkeys(seen.notes), _words(source, found)]),
        factor=FACTOR * (0.8 * source.threads if parallel else 1.0),
        details={"wide": str(WIDE), "rows": str(shape.rows), "cols": str(shape.cols)},
    )


def _words(source: NestSource, found: Factorisation) -> str:
    names = {loop.variable for loop in found.pivots.values()}
    target = found.whole.target
    return (
        f"Every statement belongs to a pivot ({', '.join(sorted(names))}); updates of {target} beyond a "
        "block of pivots wait until the block is complete, and no dependence is turned round by that; "
        "updates that wait together read nothing that one of them writes, and different rows and columns "
        "are different elements; the terms of one sum are added in another order, so the rounding may differ."
    )
