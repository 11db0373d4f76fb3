"""Writing a contraction as blocks, packed panels and register tiles.

The user's own expressions are used for everything that is read and written, at the same indices; the loops as
they were stay in the branch for small sizes and for the case that no memory is left.
"""

from __future__ import annotations

from loopwright.moves.contraction import Contraction
from loopwright.moves.contraction_code import ContractionWriter
from loopwright.moves.move import NestSource
from loopwright.moves.tile_shape import TileShape

_BLOCK = """
{
    /* $mark $target in blocks of $m x $n, held in registers while $k runs.
       Rows and columns are first copied in the order in which they are used. */
    enum { @tile_m = $m, @tile_n = $n, @tile_k = $depth, @rows_at_once = $rows, @cols_at_once = $cols };
    const long @i_low = $i_first, @i_high = $i_last;
    const long @k_low = $k_first, @k_high = $k_last;
    <col_range>
    <kept>
    char *@tile_room = NULL;
    if (@i_high - @i_low >= @tile_m && @j_high - @j_low >= @tile_n && @k_high - @k_low >= 8$fits) {
        const long @wide = @j_high - @j_low < @cols_at_once ? @j_high - @j_low + @tile_n : 0L + @cols_at_once;
        @tile_room = (char *)malloc(((size_t)@wide * $room$more) * sizeof($type) + 64);
    }
    if (@tile_room == NULL) { /* few elements, or no memory */
        <original>
    } else {
        <space>
        <before>
        <tiles>
        <after>
        free(@tile_room);
    }
}
"""


def tiled_text(
    source: NestSource, found: Contraction, shape: TileShape, *, parallel: bool, clauses: str
) -> str:
    """The text that takes the place of the region.

    `parallel`: threads share the work; `clauses`: a directive for the loops that do what stands before and
    after the update, empty when they stay serial.

    Raises:
        Declined: when something cannot be written down.
    """
    writer = _Writer(source, found, shape, parallel=parallel)
    writer.clauses = clauses if parallel else ""
    return writer.text()


class _Writer(ContractionWriter):
    """The tiles of one contraction."""

    def text(self) -> str:
        """The text, in the user's indentation and line ends."""
        pieces = {
            "col_range": self.col_range(),
            "kept": self._kept(),
            "space": self._space(),
            "tiles": self.extra(self.tiles()),
        }
        return self.block(_BLOCK, pieces, **self._extra_words())

    def _kept(self) -> list[str]:
        kept = self.found.kept
        if kept is None:
            return []
        count = f"(size_t)(@i_high - @i_low) * (size_t)({kept.length})"
        return [f"const size_t @kept = {count} / 16 * 16 + 16; /* elements of all rows of {kept.name} */"]

    def _space(self) -> list[str]:
        aligned = "($type *)(@tile_room + 64 - (size_t)@tile_room % 64)"
        if self.found.kept is None:
            return [f"$type *const @tile_panel = {aligned};"]
        return [
            f"$type *const @kept_rows = {aligned};",
            "$type *const @tile_panel = @kept_rows + @kept;",
        ]

    def _extra_words(self) -> dict[str, str]:
        """What room for the work rows adds to the allocation and to the conditions for it."""
        kept = self.found.kept
        if kept is None:
            return {"fits": "", "more": ""}
        return {
            "fits": f" && (double)(@i_high - @i_low) * ({kept.length}) < 1e12",
            "more": " + @kept",
        }
