"""Register tiles: a contraction in cache blocks, copied panels and an inner kernel that lives in registers.

    for i for j for k  c[i][j] += a[i][k] * b[k][j];
becomes, per block of k, a copy of the columns (shared), a copy of a block of rows (one per thread) and
tiles of c that are summed in vector registers (Goto and van de Geijn, ACM TOMS 2008; Carr and Kennedy,
"Improving the ratio of memory operations to floating-point operations in loops", ACM TOPLAS 1994, for
unroll-and-jam with scalar replacement). One step, because blocking, packing and tiling alone gain little.

Proof obligation: see :mod:`~loopwright.moves.contraction_proof`. Sizes are compared, never multiplied, in
integers; sizes below a tile and a failed allocation take the loops as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loopwright.analysis.dependence import analyse
from loopwright.analysis.ir import AccessKind, Loop
from loopwright.core.task import Target
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.contraction import Contraction, contraction_of, updates
from loopwright.moves.contraction_proof import require_contraction_legal
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, proposal, refusal
from loopwright.moves.parallel_for import parallel_clauses
from loopwright.moves.regions import region_around
from loopwright.moves.register_tile_code import tiled_text
from loopwright.moves.register_tile_kernel import kernel_change
from loopwright.moves.rewrite import Replacement, apply
from loopwright.moves.tile_shape import tile_shapes

FAMILY = "register-tile"
FACTOR = 12.0
"""Hoped-for gain per thread over the plain loops: they run at 1 to 6 GFLOP/s, tiles at 40."""


class RegisterTile:
    """Proposes tiles for every contraction of a nest, in a few shapes."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for path, update in updates(source.nest):
            if len(path) < 3 or not any(a.kind is AccessKind.WRITE for a in update.accesses):
                continue
            try:
                found = contraction_of(source, path, update)
                proof = require_contraction_legal(source, found)
                yield from _edits(source, found, proof)
            except Declined as reason:
                yield refusal(source, path[-1], FAMILY, str(reason))


def _edits(source: NestSource, found: Contraction, proof: str) -> Iterator[Proposal]:
    region, data = found.region, source.data
    if data[region.range.start : region.range.start + 3] != b"for":
        raise Declined("the loop's place in the file is not what the parser said")
    if directive := existing_openmp(data, region):
        raise Declined(f"it already has the directive '{directive}'")
    dtype, size = found.array.dtype.removeprefix("const "), found.array.element_bytes
    parallel = source.target is Target.OPENMP and not _is_inside_team(source, region)
    factor = FACTOR * (source.threads * 0.9 if parallel else 1.0)
    around = _around(source, found) if parallel else ""
    for n, shape in enumerate(tile_shapes(source.vector, size, len(found.products))):
        text = tiled_text(source, found, shape, parallel=parallel, clauses=around)
        changes = [Replacement(region.range.start, region.range.end, text.encode("utf-8", "surrogateescape"))]
        changes += kernel_change(data, region.range.start, shape, dtype, size)
        names = f"{found.rows.variable}, {found.cols.variable}, {found.depth.variable}"
        yield proposal(
            source,
            region,
            FAMILY,
            content=apply(data, changes),
            title=f"register tiles over {names} ({source.file}:{region.range.line}): {shape.words}, packed"
            + (", parallel" if parallel else ""),
            proof=proof + _parallel_words(found, parallel=parallel),
            factor=factor * 0.97**n,
            details={
                "rows": str(shape.rows), "cols": str(shape.cols), "depth": str(shape.depth),
                "row_block": str(shape.row_block), "col_block": str(shape.col_block),
            },
        )  # fmt: skip


def _parallel_words(found: Contraction, *, parallel: bool) -> str:
    if not parallel:
        return ""
    return (
        f" Threads share blocks of {found.rows.variable}, which update different elements; columns are "
        "copied before any of them is used."
    )


def _is_inside_team(source: NestSource, region: Loop) -> bool:
    if region_around(source.data, region.range.start):
        return True
    around = source.ancestors(region)
    return any(existing_openmp(source.data, loop) for loop in around)


def _around(source: NestSource, found: Contraction) -> str:
    """The directive for the loops before and after the tiles; empty when they have to stay serial."""
    region = found.region
    if found.kept is not None:
        # With a row each, iterations are independent that were not before.
        source = replace(source, facts=analyse(found.nest))
    try:
        clauses = parallel_clauses(source, region)
    except Declined:
        return ""
    if clauses.sections or clauses.reductions or clauses.last_private:
        return ""
    return f"#pragma omp parallel for schedule(static){clauses.text}"
