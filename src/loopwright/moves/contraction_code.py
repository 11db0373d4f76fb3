"""Writing what stands around the update of a contraction: the loops before and after it."""

from __future__ import annotations

from loopwright.analysis.ir import Loop
from loopwright.moves.code_template import laid_out, protected
from loopwright.moves.contraction import AFTER, BEFORE
from loopwright.moves.move import Declined
from loopwright.moves.rewrite import blanked, code, indent_unit, indentation, newline
from loopwright.moves.tile_loops import TileWriter


class ContractionWriter(TileWriter):
    """A contraction with what stands around it. `clauses` is a directive for the loops around, or nothing."""

    clauses: str = ""

    def block(self, template: str, pieces: dict[str, list[str]], **words: str) -> str:
        """The template for the whole region, in the user's indentation and line ends.

        `<before>`, `<after>` and `<original>` (the loops as they were, two levels deep) are provided.
        """
        data, region = self.source.data, self.found.region
        original = data[region.range.start : region.range.end].decode("utf-8", "surrogateescape")
        unit = indent_unit(data, region).decode()
        provided = {
            "original": [protected(original).replace("\n", "\n" + unit * 2)],
            "before": self._around(BEFORE),
            "after": self._around(AFTER),
        }
        return laid_out(
            self.filled(template, {**provided, **pieces}, **words),
            indentation(data, region.range.start).decode(),
            unit,
            newline(data, region.range.start).decode(),
        )

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

    def extra(self, lines: list[str]) -> list[str]:
        """The lines inside the loops of the path beyond the three."""
        for loop in reversed(self.found.extra):
            header = code(self.source.data, loop.header.start, loop.header.end)
            lines = [f"{header} {{", *(f"    {line}" for line in lines), "}"]
        return lines
