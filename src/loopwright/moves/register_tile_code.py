"""Writing a contraction as blocks, packed panels and register tiles.

The user's own expressions are used for everything that is read and written, at the same indices; the loops as
they were stay in the branch for small sizes and for the case that no memory is left.
"""

from __future__ import annotations

from loopwright.analysis.ir import Loop
from loopwright.moves.code_template import laid_out, protected
from loopwright.moves.contraction import AFTER, BEFORE, Contraction
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.rewrite import blanked, code, indent_unit, indentation, newline
from loopwright.moves.tile_loops import TileWriter
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


class _Writer(TileWriter):
    """A contraction with what stands around it."""

    clauses: str = ""

    def text(self) -> str:
        """The text, in the user's indentation and line ends."""
        data, region = self.source.data, self.found.region
        original = data[region.range.start : region.range.end].decode("utf-8", "surrogateescape")
        unit = indent_unit(data, region).decode()
        pieces = {
            "col_range": self.col_range(),
            "original": [protected(original).replace("\n", "\n" + unit * 2)],
            "kept": self._kept(),
            "space": self._space(),
            "before": self._around(BEFORE),
            "tiles": self._extra(self.tiles()),
            "after": self._around(AFTER),
        }
        return laid_out(
            self.filled(_BLOCK, pieces, **self._extra_words()),
            indentation(data, region.range.start).decode(),
            unit,
            newline(data, region.range.start).decode(),
        )

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
        if loop.id == self.found.rows.id:
            inner = [*self.own_row(), *inner]
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
