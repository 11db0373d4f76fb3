"""Writing a contraction as blocks, packed panels and register tiles.

The user's own expressions are used for everything that is read and written, at the same indices; the loops as
they were stay in the branch for small sizes and for the case that no memory is left.
"""

from __future__ import annotations

from loopwright.analysis.ir import Loop
from loopwright.moves.code_template import Names, filled, laid_out, protected
from loopwright.moves.contraction import AFTER, BEFORE, Contraction, is_triangle
from loopwright.moves.loop_bounds import bounds_of, without_cast
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.register_tile_kernel import kernel_name
from loopwright.moves.rewrite import blanked, code, indent_unit, indentation, newline
from loopwright.moves.strides import Stride, stride
from loopwright.moves.tile_shape import TileShape
from loopwright.moves.written import MARK

_BLOCK = """
{
    /* $mark $target in blocks of $m x $n, held in registers while $k runs.
       Rows and columns are first copied in the order in which they are used. */
    enum { @tile_m = $m, @tile_n = $n, @tile_k = $depth, @rows_at_once = $rows, @cols_at_once = $cols };
    const long @i_low = $i_first, @i_high = $i_last;
    const long @k_low = $k_first, @k_high = $k_last;
    <col_range>
    char *@tile_room = NULL;
    if (@i_high - @i_low >= @tile_m && @j_high - @j_low >= @tile_n && @k_high - @k_low >= 8) {
        const long @wide = @j_high - @j_low < @cols_at_once ? @j_high - @j_low + @tile_n : 0L + @cols_at_once;
        @tile_room = (char *)malloc((size_t)@wide * $room * sizeof($type) + 64);
    }
    if (@tile_room == NULL) { /* few elements, or no memory */
        <original>
    } else {
        $type *const @tile_panel = ($type *)(@tile_room + 64 - (size_t)@tile_room % 64);
        <before>
        <tiles>
        free(@tile_room);
        <after>
    }
}
"""

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


def tiled_text(
    source: NestSource, found: Contraction, shape: TileShape, *, parallel: bool, clauses: str
) -> str:
    """The text that takes the place of the region.

    `parallel`: threads share the work; `clauses`: a directive for the loops that do what stands before and
    after the update, empty when they stay serial.

    Raises:
        Declined: when something cannot be written down.
    """
    return _Writer(source, found, shape, parallel=parallel, clauses=clauses).text()


class _Writer:
    """One region being written. Lines are indented by four spaces a level until the end."""

    def __init__(
        self, source: NestSource, found: Contraction, shape: TileShape, *, parallel: bool, clauses: str
    ) -> None:
        self.source, self.found, self.shape = source, found, shape
        self.parallel, self.clauses = parallel, clauses if parallel else ""
        self.names = Names(source.data)
        i, j, k = found.rows, found.cols, found.depth
        self.roles = {"i": i.variable, "j": j.variable, "k": k.variable}
        rows, self.cols, depth = (bounds_of(source, loop) for loop in (i, j, k))
        count = len(found.products)
        dtype = found.array.dtype.removeprefix("const ")
        self.words = {
            "mark": MARK, "m": str(shape.rows), "n": str(shape.cols), "depth": str(shape.depth),
            "rows": str(shape.row_block), "cols": str(shape.col_block),
            "type": dtype, "target": found.target, "kernel": kernel_name(shape, dtype),
            "i_first": without_cast(rows.low), "i_last": without_cast(rows.high),
            "k_first": without_cast(depth.low), "k_last": without_cast(depth.high),
            "i_type": i.variable_type, "j_type": j.variable_type, "k_type": k.variable_type,
            "room": "@tile_k" if count == 1 else f"@tile_k * {count}",
            "steps": "@steps" if count == 1 else f"@steps * {count}",
            "low": self.cols.low, "high": self.cols.high,
        }  # fmt: skip

    def text(self) -> str:
        """The text, in the user's indentation and line ends."""
        data, region = self.source.data, self.found.region
        original = data[region.range.start : region.range.end].decode("utf-8", "surrogateescape")
        unit = indent_unit(data, region).decode()
        pieces = {
            "col_range": self._col_range(),
            "original": [protected(original).replace("\n", "\n" + unit * 2)],
            "before": self._around(BEFORE),
            "tiles": self._extra(self._tiles()),
            "after": self._around(AFTER),
        }
        return laid_out(
            self._filled(_BLOCK, pieces),
            indentation(data, region.range.start).decode(),
            unit,
            newline(data, region.range.start).decode(),
        )

    def _filled(self, template: str, pieces: dict[str, list[str]] | None = None, **words: str) -> list[str]:
        return filled(template, {**self.words, **words}, pieces or {}, self.names, self.roles)

    def _col_range(self) -> list[str]:
        cols, i = self.cols, self.found.rows
        if not is_triangle(self.found):
            return [f"const long @j_low = {without_cast(cols.low)}, @j_high = {without_cast(cols.high)};"]
        first = cols.at(i.variable, f"({i.variable_type})@i_low")
        last = cols.at(i.variable, f"({i.variable_type})(@i_high - 1)")
        low = first.low if first.low == last.low else f"{first.low} < {last.low} ? {first.low} : {last.low}"
        high = first.high
        if first.high != last.high:
            high = f"{first.high} > {last.high} ? {first.high} : {last.high}"
        return [f"const long @j_low = {low};", f"const long @j_high = {high};"]

    # -- what stands around the update

    def _around(self, phase: int) -> list[str]:
        lines = self._part(self.found.region, 0, phase)
        return [self.clauses, *lines] if lines and self.clauses else lines

    def _part(self, loop: Loop, level: int, phase: int) -> list[str]:
        """The loop with those of its items that run in `phase`; nothing when there are none."""
        path = self.found.path
        kept = {s.id for s in self.found.nest.root.statements()}
        inner: list[str] = []
        for item in loop.body_items:
            if isinstance(item, Loop):
                if level + 1 < len(path) and item.id == path[level + 1].id:
                    inner += self._part(item, level + 1, phase)
                elif {self.found.phases.get(s.id) for s in item.statements()} == {phase}:
                    inner += self._verbatim(item.range.start, item.range.end)
            elif self.found.phases.get(item.id) == phase and item.id in kept:
                if item.guards or not item.exact_guards or item.is_condition:
                    raise Declined("a condition stands around the sum")
                text = self.found.texts.get(item.id)
                inner += [text] if text else self._verbatim(item.range.start, item.range.end, ";")
        if not inner:
            return []
        header = code(self.source.data, loop.header.start, loop.header.end)
        return [f"{header} {{", *(f"    {line}" for line in inner), "}"]

    def _verbatim(self, start: int, end: int, closing: str = "") -> list[str]:
        if b"#" in blanked(self.source.data)[start:end]:
            raise Declined("a directive stands around the sum")
        text = protected(self.source.data[start:end].decode("utf-8", "surrogateescape")).rstrip()
        lines = (text if text.endswith(closing) else text + closing).splitlines()
        margins = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
        least = min(margins, default=0)
        return [lines[0], *(line[least:].replace("\t", "    ") for line in lines[1:])]

    def _extra(self, lines: list[str]) -> list[str]:
        for loop in reversed(self.found.extra):
            header = code(self.source.data, loop.header.start, loop.header.end)
            lines = [f"{header} {{", *(f"    {line}" for line in lines), "}"]
        return lines

    # -- tiles

    def _tiles(self) -> list[str]:
        triangle = is_triangle(self.found)
        work = "(double)(@i_high - @i_low) * (@j_high - @j_low) * (@k_high - @k_low)"
        pieces = {
            "team": [f"#pragma omp parallel if({work} > 1e5)"] if self.parallel else [],
            "share_columns": ["#pragma omp for schedule(static)"] if self.parallel else [],
            "share_rows": ["#pragma omp for schedule(dynamic)"] if self.parallel else [],
            "copy_columns": self._copy(self.found.cols, "cols", "@tile_n", "@j_end"),
            "copy_rows": self._copy(self.found.rows, "rows", "@tile_m", "@i_end"),
            "skip": self._skip() if triangle else [],
            "add_row": self._filled(_ADD_PART_OF_ROW if triangle else _ADD_ROW),
        }
        return self._filled(_TILES, pieces)

    def _copy(self, loop: Loop, side: str, width: str, end: str) -> list[str]:
        """Copies one tile's rows or columns; beyond the edge there are zeros, whose sums nobody takes."""
        own = "i" if loop is self.found.rows else "j"
        inside = f"@{own}_tile + @t < {end}"
        if own == "i" and is_triangle(self.found):
            inside += f" && {self.cols.low} < {self.cols.high}"
        copies = []
        for n, product in enumerate(self.found.products):
            value = product.rows if side == "rows" else product.cols
            step = f"({n} * @steps + @p)" if n else "@p"
            copies.append(f"@to[{step} * {width} + @t] = {inside} ? {value} : 0;")
        template = (_COPY_ALONG if self._lies_along(loop) else _COPY_ACROSS).replace(
            "@$own_tile", f"@{own}_tile"
        )
        return self._filled(
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
