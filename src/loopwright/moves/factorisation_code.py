"""Writing a factorisation in blocks of pivots: narrow ones by the loops as they were, the rest by tiles."""

from __future__ import annotations

from loopwright.analysis.ir import Loop, Statement
from loopwright.moves.code_template import laid_out, protected
from loopwright.moves.factorisation import NARROW, Factorisation
from loopwright.moves.loop_bounds import Bounds, bounds_of, without_cast
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import names_in
from loopwright.moves.rewrite import blanked, code, indent_unit, indentation, newline
from loopwright.moves.tile_loops import TileWriter
from loopwright.moves.tile_shape import TileShape

_BLOCK = """
{
    /* $mark a factorisation in blocks of pivots. $narrow at a time are done by the loops as they were;
       what they do to the other elements is added in blocks of $m x $n held in registers: first inside the
       wide block of $wide pivots (below and right of them), then, once that is complete, to all the rest. */
    enum { @tile_m = $m, @tile_n = $n, @rows_at_once = $rows, @cols_at_once = $cols };
    enum { @tile_k = $wide, @narrow = $narrow };
    const long @pivots_low = $first, @pivots_high = $last;
    const long @i_last = $i_last;
    char *@tile_room = NULL;
    if (@pivots_high - @pivots_low >= @tile_k) {
        @tile_room = (char *)malloc((size_t)@cols_at_once * $room * sizeof($type) + 64);
    }
    if (@tile_room == NULL) { /* few pivots, or no memory */
        <original>
    } else {
        $type *const @tile_panel = ($type *)(@tile_room + 64 - (size_t)@tile_room % 64);
        for (long @pivot = @pivots_low; @pivot < @pivots_high; @pivot += @narrow) {
            const long @narrow_end = @pivot + @narrow, @wide_low = @pivot - (@pivot - @pivots_low) % @tile_k;
            const long @wide_end = @wide_low + @tile_k;
            <restricted>
            for (int @part = 0; @part < 3; @part++) {
                const long @i_low = @part == 2 ? @wide_end : @narrow_end;
                const long @i_high = @part == 1 && @wide_end < @i_last ? @wide_end : @i_last;
                const long @k_low = @part == 2 ? @wide_low : @pivot;
                const long @k_top = @part == 2 ? @wide_end : @narrow_end;
                const long @k_high = @k_top < @pivots_high ? @k_top : @pivots_high;
                <columns>
                if (@i_low >= @i_high || @j_low >= @j_high)
                    continue;
                if (@part == 2 && @narrow_end < @wide_end && @narrow_end < @pivots_high)
                    continue;
                <tiles>
            }
        }
        free(@tile_room);
    }
}
"""


def factorised_text(source: NestSource, found: Factorisation, shape: TileShape, *, parallel: bool) -> str:
    """The text that takes the place of the nest; the depth of `shape` is the width of wide blocks.

    Raises:
        Declined: when something cannot be written down.
    """
    return _Writer(source, found, shape, parallel=parallel).text()


class _Writer(TileWriter):
    """The blocks of one factorisation."""

    def __init__(self, source: NestSource, found: Factorisation, shape: TileShape, *, parallel: bool) -> None:
        super().__init__(source, found.whole, shape, parallel=parallel)
        self.blocks = found
        pivots = bounds_of(source, found.region)
        depth = found.whole.depth
        # Bounds that name the depth hold for all rows and columns that wait; see factorisation_proof.
        unbounded = "@narrow_end"
        self.cols = Bounds(
            unbounded if depth.variable in names_in(self.cols.low) else self.cols.low,
            "@i_last" if depth.variable in names_in(self.cols.high) else self.cols.high,
        )
        self.words |= {
            "narrow": str(NARROW), "wide": str(shape.depth),
            "first": without_cast(pivots.low), "last": without_cast(pivots.high),
        }  # fmt: skip

    def text(self) -> str:
        """The text, in the user's indentation and line ends."""
        data, region = self.source.data, self.blocks.region
        if b"#" in blanked(data)[region.range.start : region.range.end]:
            raise Declined("there is a directive in the loops")
        original = data[region.range.start : region.range.end].decode("utf-8", "surrogateescape")
        unit = indent_unit(data, region).decode()
        pieces = {
            "original": [protected(original).replace("\n", "\n" + unit * 2)],
            "restricted": self._restricted(region, ()),
            "columns": self._columns(),
            "tiles": self.tiles(),
        }
        return laid_out(
            self.filled(_BLOCK, pieces),
            indentation(data, region.range.start).decode(),
            unit,
            newline(data, region.range.start).decode(),
        )

    def _columns(self) -> list[str]:
        """The columns that wait, of any of the rows that wait."""
        cols, i = self.cols, self.found.rows
        first = cols.at(i.variable, f"({i.variable_type})@i_low")
        last = cols.at(i.variable, f"({i.variable_type})(@i_high - 1)")
        low = first.low if first.low == last.low else f"{first.low} < {last.low} ? {first.low} : {last.low}"
        high = first.high
        if first.high != last.high:
            high = f"{first.high} > {last.high} ? {first.high} : {last.high}"
        return [
            "const long @j_from = @part == 0 ? @narrow_end : @wide_end;",
            f"const long @j_least = {low}, @j_most = {high};",
            "const long @j_low = @j_from > @j_least ? @j_from : @j_least;",
            "const long @j_high = @part == 0 && @wide_end < @j_most ? @wide_end : @j_most;",
        ]

    # -- the loops as they were, for the pivots of one narrow block

    def _restricted(self, loop: Loop, around: tuple[Loop, ...]) -> list[str]:
        """The loop with its statements for pivots in [@pivot, @narrow_end), without the updates that wait."""
        name, kind = loop.variable, loop.variable_type
        bounds = bounds_of(self.source, loop)
        low, high = bounds.low, bounds.high
        if loop.id in self.blocks.late:
            first = low == bounds_of(self.source, self.blocks.region).low
            low = "@pivot" if first else f"{low} > @pivot ? {low} : @pivot"
        cut = self._cut(loop, around)
        if cut == "always":
            high = f"{high} < @narrow_end ? {high} : @narrow_end"
        elif cut:
            high = f"{cut} < @narrow_end || {high} < @narrow_end ? {high} : @narrow_end"
        inner: list[str] = []
        for item in loop.body_items:
            if isinstance(item, Loop):
                inner += self._restricted(item, (*around, loop))
            else:
                inner += self._statement(item, (*around, loop))
        return [
            "{",
            f"    const long @{name}_from = {low}, @{name}_to = {high};",
            f"    for (long @{name}_at = @{name}_from; @{name}_at < @{name}_to; @{name}_at++) {{",
            f"        const {kind} {name} = ({kind})@{name}_at;",
            *(f"        {line}" for line in inner),
            "    }",
            "}",
        ]

    def _statement(self, item: Statement, around: tuple[Loop, ...]) -> list[str]:
        if item.guards or not item.exact_guards or item.is_condition:
            raise Declined("a condition stands among the updates")
        text = self.blocks.texts.get(item.id) or code(self.source.data, item.range.start, item.range.end)
        text = text.rstrip("; ") + ";"
        pivot = self.blocks.pivots[item.id]
        conditions = []
        if self._cut(pivot, around[: around.index(pivot)]) != "always":
            conditions.append(f"{pivot.variable} < @narrow_end")
        if pivot.id not in self.blocks.late:
            conditions.append(f"{pivot.variable} >= @pivot")
        update = self.blocks.update(item.id)
        if update is not None:
            last = max((update.rows, update.cols), key=around.index)
            if not self._cut(last, around[: around.index(last)]):
                conditions.append(
                    f"({update.rows.variable} < @narrow_end || {update.cols.variable} < @narrow_end)"
                )
        return [f"if ({' && '.join(conditions)})", f"    {text}"] if conditions else [text]

    def _cut(self, loop: Loop, around: tuple[Loop, ...]) -> str:
        """`always` when values from the narrow block's end on do nothing; the outer variable that has to lie
        beyond it as well for that; or nothing.
        """
        outer = ""
        for statement in loop.statements():
            if self.blocks.pivots[statement.id].id == loop.id:
                continue
            update = self.blocks.update(statement.id)
            if update is None or loop.id not in (update.rows.id, update.cols.id):
                return ""
            other = update.cols if loop.id == update.rows.id else update.rows
            if other not in around:
                return ""
            outer = other.variable
        return outer or "always"
