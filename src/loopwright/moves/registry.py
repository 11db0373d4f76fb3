"""Every move, in the order in which families are asked. A new move is one file and one line here."""

from __future__ import annotations

from loopwright.moves.accumulate import AccumulateInPlace
from loopwright.moves.blas import Blas
from loopwright.moves.blocked_factorisation import BlockedFactorisation
from loopwright.moves.fusion import Fusion
from loopwright.moves.interchange import Interchange
from loopwright.moves.invariant import Invariant
from loopwright.moves.move import Move
from loopwright.moves.parallel_for import ParallelFor
from loopwright.moves.register_tile import RegisterTile
from loopwright.moves.scalar_replacement import ScalarReplacement
from loopwright.moves.shortest_paths import ShortestPaths
from loopwright.moves.simd import Simd
from loopwright.moves.skewing import TimeTiles
from loopwright.moves.tiling import Tiling

MOVES: tuple[Move, ...] = (
    Blas(),
    RegisterTile(),
    BlockedFactorisation(),
    ShortestPaths(),
    AccumulateInPlace(),
    ParallelFor(),
    Interchange(),
    Simd(),
    ScalarReplacement(),
    Invariant(),
)

REGION_MOVES: tuple[Move, ...] = (Fusion(), TimeTiles(), Tiling())
"""Moves about several nests of a function together: `source.nest` is a region (`SourceFacts.regions`)."""
