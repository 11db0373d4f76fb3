"""Every move, in the order in which families are asked. A new move is one file and one line here."""

from __future__ import annotations

from loopwright.core.task import Target
from loopwright.moves.accumulate import AccumulateInPlace
from loopwright.moves.blas import Blas
from loopwright.moves.blas_vectors import BlasVectors
from loopwright.moves.blocked_factorisation import BlockedFactorisation
from loopwright.moves.column_strips import ColumnStrips
from loopwright.moves.fission import Fission
from loopwright.moves.fusion import Fusion
from loopwright.moves.interchange import Interchange
from loopwright.moves.invariant import Invariant
from loopwright.moves.move import Move
from loopwright.moves.offload import Offload
from loopwright.moves.packed_members import PackedMembers
from loopwright.moves.parallel_for import ParallelFor
from loopwright.moves.register_tile import RegisterTile
from loopwright.moves.restrict import Restrict
from loopwright.moves.scalar_replacement import ScalarReplacement
from loopwright.moves.shortest_paths import ShortestPaths
from loopwright.moves.simd import Simd
from loopwright.moves.skewing import TimeTiles
from loopwright.moves.tiling import Tiling
from loopwright.moves.unroll_and_jam import UnrollAndJam

MOVES: tuple[Move, ...] = (
    Blas(),
    BlasVectors(),
    RegisterTile(),
    BlockedFactorisation(),
    ShortestPaths(),
    ColumnStrips(),
    AccumulateInPlace(),
    ParallelFor(),
    Fission(),
    Interchange(),
    Simd(),
    ScalarReplacement(),
    PackedMembers(),
    Invariant(),
    UnrollAndJam(),
    Restrict(),
)

OFFLOAD_MOVES: tuple[Move, ...] = (Offload(),)
"""For the target `offload`. What else helps there only a device can tell."""

REGION_MOVES: tuple[Move, ...] = (Fusion(), TimeTiles(), Tiling())
"""Moves about several nests of a function together: `source.nest` is a region (`SourceFacts.regions`)."""


def moves_for(target: Target) -> tuple[tuple[Move, ...], tuple[Move, ...]]:
    """The moves about single nests and those about regions, for a target."""
    return (OFFLOAD_MOVES, ()) if target is Target.OFFLOAD else (MOVES, REGION_MOVES)
