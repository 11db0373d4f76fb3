"""Writing a loop unrolled and jammed: every statement once for each iteration that runs side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopwright.analysis.declared import declared_names, is_unusual
from loopwright.analysis.ir import Loop
from loopwright.moves.body_parts import Part
from loopwright.moves.code_template import Names
from loopwright.moves.loop_names import substituted_text, variables_in
from loopwright.moves.move import Declined
from loopwright.moves.rewrite import blanked, indentation

_LASTING = re.compile(r"\s*(?:static|extern|typedef|register|thread_local|_Thread_local|using)\b")

Copies = Sequence[Mapping[str, str]]
"""For each of the iterations what its names become."""


@dataclass(frozen=True)
class Triangle:
    """How the bound of an inner loop moves with the outer one. `grows`: iterations are added at its end, so
    that the common ones come first; else the first ones fall away. `low`, `high` are as written, `more` is
    " + 1" for <=.
    """

    grows: bool
    low: str
    high: str
    more: str = ""


class JamWriter:
    """Writes the body of `loop` for `factor` iterations. `triangles` are by loop id.
    Lines are indented by `unit`.

    Raises Declined when a name cannot be told apart.
    """

    def __init__(
        self, data: bytes, loop: Loop, factor: int, triangles: Mapping[str, Triangle], unit: str, names: Names
    ) -> None:
        self.data, self.code = data, blanked(data)
        self.loop, self.factor, self.triangles, self.unit, self.names = loop, factor, triangles, unit, names

    def body(self, parts: Sequence[Part]) -> list[str]:
        """The lines of the jammed body."""
        variable = self.loop.variable
        copies = [{variable: f"({variable} + {n})"} if n else {} for n in range(self.factor)]
        return self._list(parts, copies)

    def _list(self, parts: Sequence[Part], copies: Copies) -> list[str]:
        copies = self._renamed(parts, copies)
        lines: list[str] = []
        for part in parts:
            lines += [line.strip() for comment in part.comments for line in comment.splitlines()]
            if part.loop is not None:
                lines += self._loop(part, part.loop, copies)
            elif part.is_block:
                lines += ["{", *self._in(self._list(part.inside, copies)), "}"]
            else:
                for n, copy in enumerate(copies):
                    text = self._text(part.start, part.end, copy)
                    if n == 0 and part.trailing:
                        text[-1] += f" {part.trailing}"
                    lines += text
        return lines

    def _renamed(self, parts: Sequence[Part], copies: Copies) -> Copies:
        """The copies with a name of their own for everything that these statements declare."""
        found: dict[str, None] = {}
        before: set[str] = set()
        for part in parts:
            code = self.code[part.start : part.end].decode("utf-8", "replace")
            plain = part.loop is None and not part.inside
            declared = declared_names(code) if plain else frozenset()
            if plain and is_unusual(code):
                raise Declined("a declaration in its body is not understood")
            if declared and _LASTING.match(code):
                raise Declined(f"'{min(declared)}' is declared to last")
            if clash := declared & before:
                raise Declined(f"'{min(clash)}' is used before it is declared")
            if self.loop.variable in declared:
                raise Declined(f"'{self.loop.variable}' is declared again in its body")
            found |= dict.fromkeys(n for n in variables_in(code) if n in declared)
            before |= set(variables_in(code))
        return [
            {**copy, **({name: self.names.fresh(f"{name}{n}") for name in found} if n else {})}
            for n, copy in enumerate(copies)
        ]

    def _loop(self, part: Part, loop: Loop, copies: Copies) -> list[str]:
        if loop.variable == self.loop.variable:
            raise Declined(f"two of its loops count with '{loop.variable}'")
        lines = [self._directive(part.directive, copies)] if part.directive else []
        header = self._text(loop.header.start, loop.header.end, {})
        triangle = self.triangles.get(loop.id)
        inside = self._list(part.inside, copies)
        if triangle is None:
            return [*lines, *self._braced(header, inside)]
        if part.directive:
            raise Declined("an inner loop with a directive has other bounds in each iteration")
        return self._triangle(part, loop, triangle, copies, inside)

    def _triangle(
        self, part: Part, loop: Loop, triangle: Triangle, copies: Copies, inside: list[str]
    ) -> list[str]:
        """The iterations that all have, jammed, and for each outer iteration those beyond them."""
        counter = f"{loop.variable_type} {loop.variable}" if loop.declared_here else loop.variable

        def header(low: str, high: str) -> list[str]:
            return [f"for ({counter} = {low}; {loop.variable} < {high}; {loop.variable}++)"]

        bound = triangle.high + triangle.more if triangle.grows else triangle.low
        ends = [self._moved(bound, n) for n in range(self.factor)]
        common = ends[0] if triangle.grows else ends[-1]
        alone: list[str] = []
        for end, copy in zip(ends, copies, strict=True):
            if end != common:
                beyond = header(common, end) if triangle.grows else header(end, common)
                alone += self._braced(beyond, self._list(part.inside, [copy]))
        if triangle.grows:
            return [*self._braced(header(triangle.low, common), inside), *alone]
        return [*alone, *self._braced(header(common, triangle.high + triangle.more), inside)]

    def _moved(self, bound: str, n: int) -> str:
        variable = self.loop.variable
        if n:
            bound = re.sub(rf"(?<![\w.>]){re.escape(variable)}\b", f"({variable} + {n})", bound)
        return folded(f"={bound};", variable)[1:-1]

    def _directive(self, directive: str, copies: Copies) -> str:
        def all_copies(match: re.Match[str]) -> str:
            name = match.group()
            return ", ".join(dict.fromkeys(copy.get(name, name) for copy in copies))

        head, _, clauses = directive.partition("simd")
        return head + "simd" + re.sub(r"[A-Za-z_]\w*", all_copies, clauses)

    def _text(self, start: int, end: int, copy: Mapping[str, str]) -> list[str]:
        code = self.code[start:end].decode("latin-1")
        text = folded(substituted_text(self.data[start:end], code, copy), self.loop.variable)
        before = indentation(self.data, start).decode("latin-1")
        first, *rest = text.splitlines()
        return [first, *(line.removeprefix(before) for line in rest)]

    def _braced(self, header: list[str], body: list[str]) -> list[str]:
        single = len(body) == 1 and body[0].endswith(";")
        return (
            [*header, *self._in(body)] if single else [*header[:-1], f"{header[-1]} {{", *self._in(body), "}"]
        )

    def _in(self, lines: Sequence[str]) -> list[str]:
        return [self.unit + line if line.strip() else "" for line in lines]


def folded(text: str, variable: str) -> str:
    """`a[(i + 2) - 1]` as `a[i + 1]`: where nothing binds closer, a sum with two numbers becomes one."""
    pattern = re.compile(
        rf"(?P<before>[\[=<]\s*)\({re.escape(variable)} \+ (?P<n>\d+)\)"
        r"(?:\s*(?P<sign>[+-])\s*(?P<m>0|[1-9]\d{0,8}))?(?P<after>\s*[\];])"
    )

    def one(match: re.Match[str]) -> str:
        total = int(match["n"]) + int((match["sign"] or "") + (match["m"] or "0"))
        rest = f" {'+' if total > 0 else '-'} {abs(total)}" if total else ""
        return f"{match['before']}{variable}{rest}{match['after']}"

    return pattern.sub(one, text)
