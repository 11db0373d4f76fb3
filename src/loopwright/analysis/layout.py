"""How a loop stands in the text: its exact ranges, and what around it forbids editing it."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable

from loopwright.analysis.clang_parts import header_marks
from loopwright.analysis.ir import SourceRange
from loopwright.analysis.syntax import Stmt, Token, Unit


class Layout:
    """Ranges and obstacles in the text of one file."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    def range(self, start: int, end: int) -> SourceRange:
        """The bytes [start, end) with line and column."""
        source = self.unit.source
        line = source.count(b"\n", 0, start) + 1
        column = start - (source.rfind(b"\n", 0, start) + 1) + 1
        return SourceRange(
            self.unit.file, start, end, line, column, line + source.count(b"\n", start, max(start, end - 1))
        )

    def ranges(self, stmt: Stmt) -> dict[str, SourceRange]:
        """Of a loop: range, header, init, condition, increment, body. Empty ones where there is none."""
        whole = self.range(stmt.start, stmt.end)
        body = self.range(stmt.body[0].start, stmt.body[0].end) if stmt.body else whole
        made = {"range": whole, "body": body}
        parts = self._header_parts(stmt) if stmt.kind in ("for", "while", "range-for") else None
        empty = self.range(stmt.start, stmt.start)
        for name in ("header", "init", "condition", "increment"):
            made[name] = parts[name] if parts is not None and name in parts else empty
        return made

    def _header_parts(self, stmt: Stmt) -> dict[str, SourceRange] | None:
        """The parts of the header by the tokens as written; None when they do not have the usual shape."""
        tokens = self.unit.tokens
        first = bisect_left(tokens, stmt.start, key=lambda t: t.start)
        if first + 1 >= len(tokens) or tokens[first].start != stmt.start or tokens[first + 1].text != "(":
            return None
        semicolons, end = header_marks(token.text for token in itertools.islice(tokens, first + 1, None))
        if end is None:
            return None
        stops, close = [first + 1 + at for at in semicolons], first + 1 + end
        header = self.range(stmt.start, tokens[close].end)
        if stmt.kind == "while":
            return {"header": header, "condition": self._between(tokens, first + 1, close)}
        if stmt.kind == "range-for" or len(stops) != 2:
            return {"header": header}
        edges = [first + 1, *stops, close]
        names = ("init", "condition", "increment")
        return {"header": header} | {
            name: self._between(tokens, edges[i], edges[i + 1]) for i, name in enumerate(names)
        }

    def _between(self, tokens: list[Token], left: int, right: int) -> SourceRange:
        """From the token after `left` to the one before `right`; empty, after `left`, when there is none."""
        if right == left + 1:
            return self.range(tokens[left].end, tokens[left].end)
        return self.range(tokens[left + 1].start, tokens[right - 1].end)

    def obstacles(self, stmt: Stmt, header: SourceRange) -> Iterable[str]:
        """What in the text around and in the loop forbids editing it."""
        tokens = self.unit.tokens
        first = bisect_left(tokens, stmt.start, key=lambda t: t.start)
        last = bisect_left(tokens, stmt.end, key=lambda t: t.start)
        keyword = {"for": "for", "while": "while", "do": "do", "range-for": "for"}[stmt.kind]
        if first >= len(tokens) or tokens[first].start != stmt.start or tokens[first].text != keyword:
            yield "the loop comes from a macro"
            return
        body = stmt.body[0]
        for start, end in self.unit.macros:
            if start == stmt.start or (start <= body.start < end) or (start < body.end <= end):
                # A body that is one expression may itself be a macro call; its edges are then not ours.
                yield "the edges of the loop body come from a macro"
                break
            if start < header.end < end:
                yield "the loop header comes from a macro"
                break
        found: set[str] = set()
        pragmas: list[str] = []
        for index in range(first, last):
            if tokens[index].text == "#" and index + 1 < len(tokens):
                found.add(tokens[index + 1].text)
                pragmas += [tokens[index + 2].text] if tokens[index + 1].text == "pragma" else []
            elif tokens[index].text == "_Pragma":
                pragmas.append(tokens[index + 2].text)
        pragmas += self._pragma_before(first)
        if any("omp" in pragma for pragma in pragmas):
            yield "there is an OpenMP directive at or in the loop"
        elif pragmas:
            yield f"there is a #pragma {pragmas[0]} at or in the loop"
        if found - {"pragma"}:
            yield f"preprocessor directive #{min(found - {'pragma'})} inside the loop"

    def _pragma_before(self, first: int) -> list[str]:
        """The kind of the directive that stands directly before the token `first`, as in ["omp"]."""
        tokens = self.unit.tokens
        if first >= 4 and tokens[first - 4].text == "_Pragma":
            return [tokens[first - 2].text]
        start = first - 1
        while start > 0 and self._continued(tokens[start - 1], tokens[start]):
            start -= 1
        if start >= 0 and tokens[start].text == "#" and tokens[start + 1].text == "pragma":
            return [tokens[start + 2].text]
        return []

    def _continued(self, before: Token, token: Token) -> bool:
        """Whether two tokens stand in one logical line."""
        gap = self.unit.source[before.end : token.start]
        return b"\n" not in gap.replace(b"\\\n", b"").replace(b"\\\r\n", b"")
