"""How large register tiles and the blocks around them are, from the vector unit of the machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from loopwright.core.machine import Machine

STACK_BYTES = 64 << 10
"""Room for the block of rows that each thread keeps on its stack; it should fit half a second-level cache."""
PANEL_COLUMNS = 2048
"""Columns copied at one time: with the usual depth a panel of 4 MB, which a third-level cache holds."""


@dataclass(frozen=True)
class VectorUnit:
    """Width of a vector register in bytes, and how many there are. The default is AVX2's."""

    bytes: int = 32
    registers: int = 16


AVX2 = VectorUnit()
"""What is assumed where the machine is not known."""


def vector_unit(machine: Machine) -> VectorUnit:
    """The vector unit that the machine's features tell of."""
    features = frozenset(machine.features)
    if "avx512f" in features:
        return VectorUnit(64, 32)
    if "avx2" in features or "avx" in features:
        return VectorUnit(32, 16)
    if machine.architecture in ("aarch64", "arm64"):
        return VectorUnit(16, 32)
    return VectorUnit(16, 16)


@dataclass(frozen=True)
class TileShape:
    """A register tile of `rows` x (`vectors` * lanes) and the blocks around it.

    Attributes:
        rows, vectors: rows of the tile, vectors in a row; `lanes` elements in a vector.
        depth: products summed in registers before they are added to the result.
        row_block: rows that are copied at one time. col_block: columns likewise.
    """

    rows: int
    vectors: int
    lanes: int
    depth: int
    row_block: int
    col_block: int

    @property
    def cols(self) -> int:
        """Columns of the tile."""
        return self.vectors * self.lanes

    @property
    def words(self) -> str:
        """`6 x 8 tiles, depth 256`."""
        return f"{self.rows} x {self.cols} tiles, depth {self.depth}"


def tile_shapes(
    unit: VectorUnit, element_bytes: int, products: int, *, depth: int = 0
) -> tuple[TileShape, ...]:
    """Shapes worth trying, the best guess first; one of the given `depth` when there is one.

    The accumulators of a tile, the vectors of one row of the panel and one broadcast have to fit the
    registers; more rows load less of the panel, more vectors load less of the block (Goto and van de Geijn,
    "Anatomy of high-performance matrix multiplication", ACM TOMS 2008).
    """
    lanes = unit.bytes // element_bytes
    many = unit.registers >= 32
    choices = [(8, 3, 256), (8, 3, 384), (12, 2, 256)] if many else [(6, 2, 256), (6, 2, 384), (4, 3, 256)]
    if depth:
        (rows, vectors, _), *_ = choices
        shape = _shape(rows, vectors, lanes, depth, element_bytes, 1)
        return (replace(shape, row_block=min(shape.row_block, 8 * rows)),)
    return tuple(
        _shape(rows, vectors, lanes, deep, element_bytes, products) for rows, vectors, deep in choices
    )


def _shape(rows: int, vectors: int, lanes: int, depth: int, element_bytes: int, products: int) -> TileShape:
    each = max(64, depth // products)
    held = STACK_BYTES // (each * products * element_bytes)
    cols = vectors * lanes
    return TileShape(
        rows, vectors, lanes, each, max(1, held // rows) * rows, max(1, PANEL_COLUMNS // cols) * cols
    )
