"""The loops over register tiles: what is copied, multiplied and added, in the user's own expressions."""

from __future__ import annotations

from loopwright.analysis.ir import Loop
from loopwright.moves.code_template import Names, filled
from loopwright.moves.contraction import Contraction
from loopwright.moves.loop_bounds import bounds_of, without_cast
from loopwright.moves.move import NestSource
from loopwright.moves.products import names_in
from loopwright.moves.register_tile_kernel import kernel_name
from loopwright.moves.strides import Stride, stride
from loopwright.moves.tile_shape import TileShape
from loopwright.moves.written import TILES

_TILES = """
<team>
{
    $type @tile_block[@rows_at_once * $room] __attribute__((aligned(64)));
    $type @tile_sum[@tile_m * @tile_n] __attribute__((aligned(64)));
    for (long @j_block = @j_low; @j_block < @j_high; @j_block += @cols_at_once) {
        const long @j_end = @j_high - @j_block < @cols_at_once ? @j_high : @j_block + @cols_at_once;
        for (long @k_block = @k_low; @k_block < @k_high; @k_block += @tile_k) {
            const long @steps = @k_high - @k_block < @tile_k ? @k_high - @k_block : 0L + @tile_k;
            <share_columns>
            for (long @j_tile = @j_block; @j_tile < @j_end; @j_tile += @tile_n) {
                $type *const @to = @tile_panel + (@j_tile - @j_block) * ($room);
                <copy_columns>
            }
            <share_rows>
            for (long @i_block = @i_low; @i_block < @i_high; @i_block += @rows_at_once) {
                const long @i_end = @i_high - @i_block < @rows_at_once ? @i_high : @i_block + @rows_at_once;
                for (long @i_tile = @i_block; @i_tile < @i_end; @i_tile += @tile_m) {
                    $type *const @to = @tile_block + (@i_tile - @i_block) * ($room);
                    <copy_rows>
                }
                for (long @j_tile = @j_block; @j_tile < @j_end; @j_tile += @tile_n) {
                    for (long @i_tile = @i_block; @i_tile < @i_end; @i_tile += @tile_m) {
                        <skip>
                        $kernel($steps, @tile_block + (@i_tile - @i_block) * ($room),
                            @tile_panel + (@j_tile - @j_block) * ($room), @tile_sum);
                        for (long @r = 0; @r < @tile_m && @i_tile + @r < @i_end; @r++) {
                            const $i_type $i = ($i_type)(@i_tile + @r);
                            <own_row>
                            <add_row>
                        }
                    }
                }
            }
        }
    }
}
"""

_ADD_ROW = """
for (long @c = 0; @c < @tile_n && @j_tile + @c < @j_end; @c++) {
    const $j_type $j = ($j_type)(@j_tile + @c);
    $target += @tile_sum[@r * @tile_n + @c];
}
"""

_ADD_PART_OF_ROW = """
const long @first = $low > @j_tile ? $low - @j_tile : 0;
const long @end = $high < @j_end ? $high - @j_tile : @j_end - @j_tile;
for (long @c = @first; @c < @end && @c < @tile_n; @c++) {
    const $j_type $j = ($j_type)(@j_tile + @c);
    $target += @tile_sum[@r * @tile_n + @c];
}
"""

_COPY_ALONG = """
for (long @p = 0; @p < @steps; @p++) {
    const $k_type $k = ($k_type)(@k_block + @p);
    for (long @t = 0; @t < $width; @t++) {
        const $own_type $own = ($own_type)(@$own_tile + @t);
        <copies>
    }
}
"""

_COPY_ACROSS = """
for (long @t = 0; @t < $width; @t++) {
    const $own_type $own = ($own_type)(@$own_tile + @t);
    for (long @p = 0; @p < @steps; @p++) {
        const $k_type $k = ($k_type)(@k_block + @p);
        <copies>
    }
}
"""


class TileWriter:
    """Writes the tiles of one contraction. Lines are indented by four spaces a level.

    The tiles run over rows [@i_low, @i_high), columns [@j_low, @j_high) and depth [@k_low, @k_high), all of
    type long and declared around them. `cols` are the bounds of the columns of one row.
    """

    def __init__(self, source: NestSource, found: Contraction, shape: TileShape, *, parallel: bool) -> None:
        self.source, self.found, self.shape = source, found, shape
        self.parallel = parallel
        self.names = Names(source.data)
        i, j, k = found.rows, found.cols, found.depth
        self.roles = {"i": i.variable, "j": j.variable, "k": k.variable}
        rows, self.cols, depth = (bounds_of(source, loop) for loop in (i, j, k))
        self.rows = rows
        count = len(found.products)
        dtype = found.array.dtype.removeprefix("const ")
        self.words = {
            "mark": TILES, "m": str(shape.rows), "n": str(shape.cols), "depth": str(shape.depth),
            "rows": str(shape.row_block), "cols": str(shape.col_block),
            "type": dtype, "target": found.target, "kernel": kernel_name(shape, dtype),
            "i_first": without_cast(rows.low), "i_last": without_cast(rows.high),
            "k_first": without_cast(depth.low), "k_last": without_cast(depth.high),
            "i_type": i.variable_type, "j_type": j.variable_type, "k_type": k.variable_type,
            "room": "@tile_k" if count == 1 else f"@tile_k * {count}",
            "steps": "@steps" if count == 1 else f"@steps * {count}",
        }  # fmt: skip

    def filled(self, template: str, pieces: dict[str, list[str]] | None = None, **words: str) -> list[str]:
        """The template with the words of this contraction; see :func:`code_template.filled`."""
        return filled(
            template,
            {**self.words, "low": self.cols.low, "high": self.cols.high, **words},
            pieces or {},
            self.names,
            self.roles,
        )

    @property
    def is_triangle(self) -> bool:
        """Whether the columns depend on the row."""
        return self.found.rows.variable in names_in(self.cols.low) | names_in(self.cols.high)

    def col_range(self) -> list[str]:
        """Declares the columns that any of the rows has."""
        cols, i = self.cols, self.found.rows
        if not self.is_triangle:
            return [f"const long @j_low = {without_cast(cols.low)}, @j_high = {without_cast(cols.high)};"]
        first = cols.at(i.variable, f"({i.variable_type})@i_low")
        last = cols.at(i.variable, f"({i.variable_type})(@i_high - 1)")
        low = first.low if first.low == last.low else f"{first.low} < {last.low} ? {first.low} : {last.low}"
        high = first.high
        if first.high != last.high:
            high = f"{first.high} > {last.high} ? {first.high} : {last.high}"
        return [f"const long @j_low = {low};", f"const long @j_high = {high};"]

    def own_row(self) -> list[str]:
        """The declaration of the work row of one row, when it has one."""
        kept = self.found.kept
        if kept is None:
            return []
        return [f"$type *const {kept.name} = @kept_rows + ($i - @i_low) * (long)({kept.length});"]

    def tiles(self) -> list[str]:
        """The loops over tiles, shared by a team of threads when they are parallel."""
        triangle = self.is_triangle
        work = "(double)(@i_high - @i_low) * (@j_high - @j_low) * (@k_high - @k_low)"
        pieces = {
            "team": [f"#pragma omp parallel if({work} > 1e5)"] if self.parallel else [],
            "share_columns": ["#pragma omp for schedule(static)"] if self.parallel else [],
            "share_rows": ["#pragma omp for schedule(dynamic)"] if self.parallel else [],
            "copy_columns": self._copy(self.found.cols, "cols", "@tile_n", "@j_end"),
            "copy_rows": self._copy(self.found.rows, "rows", "@tile_m", "@i_end"),
            "skip": self._skip() if triangle else [],
            "own_row": self.own_row(),
            "add_row": self.filled(_ADD_PART_OF_ROW if triangle else _ADD_ROW),
        }
        return self.filled(_TILES, pieces)

    def _copy(self, loop: Loop, side: str, width: str, end: str) -> list[str]:
        """Copies one tile's rows or columns; beyond the edge there are zeros, whose sums nobody takes."""
        own = "i" if loop is self.found.rows else "j"
        inside = f"@{own}_tile + @t < {end}"
        if own == "i" and self.is_triangle:
            inside += f" && {self.cols.low} < {self.cols.high}"
        copies = []
        for n, product in enumerate(self.found.products):
            value = product.rows if side == "rows" else product.cols
            step = f"({n} * @steps + @p)" if n else "@p"
            copies.append(f"@to[{step} * {width} + @t] = {inside} ? {value} : 0;")
        template = (_COPY_ALONG if self._lies_along(loop) else _COPY_ACROSS).replace(
            "@$own_tile", f"@{own}_tile"
        )
        return self.filled(
            template, {"copies": copies}, width=width, own=loop.variable, own_type=loop.variable_type
        )

    def _lies_along(self, loop: Loop) -> bool:
        """Whether what is copied lies side by side in memory along `loop` rather than along the depth."""
        votes = 0
        for access in self.found.update.accesses:
            array = self.found.nest.array(access.array)
            if access.reduction or not any(
                f is not None and f.coefficient(loop.id) for f in access.subscripts
            ):
                continue
            votes += stride(array, access, loop) is Stride.UNIT
            votes -= stride(array, access, self.found.depth) is Stride.UNIT
        return votes > 0

    def _skip(self) -> list[str]:
        """Leave out tiles that lie outside of the triangle as a whole."""
        i = self.found.rows
        first = self.cols.at(i.variable, f"({i.variable_type})@i_tile")
        last = self.cols.at(i.variable, f"({i.variable_type})@last")
        outside = []
        if first.low != last.low:
            outside.append(f"(@j_tile + @tile_n <= {first.low} && @j_tile + @tile_n <= {last.low})")
        if first.high != last.high:
            outside.append(f"(@j_tile >= {first.high} && @j_tile >= {last.high})")
        return [
            "const long @last = @i_end - @i_tile < @tile_m ? @i_end - 1 : @i_tile + @tile_m - 1;",
            f"if ({' || '.join(outside)})",
            "    continue;",
        ]
