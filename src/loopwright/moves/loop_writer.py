"""Prints a tree of loops as C: the user's statements with the new loops around them.

The text of a statement stays as it was, byte for byte, but for loop variables that have another name or
value now. A value that is not a name is declared before the statement: `const int j = wave - 2 * i;`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from loopwright.analysis.scop import Piece, Scop
from loopwright.moves.loop_names import (
    loop_type,
    naming_of,
    piece_code,
    substituted_text,
    variables_in,
)
from loopwright.moves.loop_tree import For, If, Kept, Node, Run, runs
from loopwright.moves.loop_values import bound_text, extreme_call, extreme_values, text
from loopwright.moves.move import Declined
from loopwright.moves.rewrite import indentation

_LONG_BOUND = 40
"""Characters from which on a bound that is a choice gets a name of its own."""
_COMMENT = re.compile(rb"//(?:\\\r?\n|[^\n])*|/\*.*?\*/", re.DOTALL)


@dataclass
class LoopWriter:
    """Prints one region. `unit` is one step of indentation; lines come without the outer indentation."""

    scop: Scop
    data: bytes
    unit: str = "    "
    type: str = ""
    _comments: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Per piece the comments before it: how many loops stood between, and the text."""
    _kept: list[Kept] = field(default_factory=list)
    """The sums that the loops being written keep in scalars."""
    _words: set[str] = field(default_factory=set)
    """The names that are taken."""

    def __post_init__(self) -> None:
        self.type = self.type or loop_type(self.scop)
        self._words |= set(variables_in(self.data.decode("latin-1")))
        self._collect_comments()

    def lines(self, nodes: list[Node]) -> list[str]:
        """The lines of the tree."""
        return self._body(nodes, (), {})

    # -- comments

    def _collect_comments(self) -> None:
        pieces = sorted(self.scop.pieces, key=lambda p: p.start)
        start, end = self.scop.items[0].range.start, self.scop.items[-1].range.end
        from loopwright.moves.rewrite import blanked

        code = blanked(self.data)
        for match in _COMMENT.finditer(self.data, start, end):
            outside = not any(p.start <= match.start() < p.end for p in pieces)
            if not outside or code[match.start() : match.start() + 2].strip():
                continue  # in a string, or part of a piece's own text
            here = next((p for p in pieces if p.start >= match.end()), pieces[-1])
            same_line = [
                p
                for p in pieces
                if p.end <= match.start() and not self.data[p.end : match.start()].strip(b" \t;}")
            ]
            if same_line and b"\n" not in self.data[same_line[-1].end : match.start()]:
                here = same_line[-1]
            level = sum(loop.range.start >= match.end() for loop in here.loops)
            shown = match.group().decode("utf-8", "surrogateescape").rstrip()
            self._comments.setdefault(here.id, []).append((level, shown))

    def _comments_for(self, piece: str, *, loop: bool) -> list[str]:
        """Comments to print now: before the outermost loop that starts with the piece, or before itself."""
        waiting = self._comments.get(piece, [])
        now = [c for level, c in waiting if level > 0 or not loop]
        self._comments[piece] = [(level, c) for level, c in waiting if not (level > 0 or not loop)]
        return [line.strip() for c in now for line in c.splitlines()]

    # -- statements

    def _body(self, nodes: list[Node], around: tuple[For, ...], known: dict[str, str]) -> list[str]:
        lines: list[str] = []
        for node in nodes:
            if isinstance(node, For):
                lines += self._for(node, around, known)
            elif isinstance(node, If):
                lines += self._if(node, around, known)
            else:
                lines += self._run(node, around, known, alone=len(nodes) == 1)
        return lines

    def _for(self, loop: For, around: tuple[For, ...], known: Mapping[str, str]) -> list[str]:
        naming = naming_of(self.scop, around)
        self._require_natural(loop)
        first = next(runs(loop.body)).piece
        comments = self._comments_for(first, loop=True)
        name = loop.variable
        low, high, bounds = self._bounds(loop, naming, inside=bool(around))
        advance = f"{name}++" if loop.step == 1 else f"{name} += {loop.step}"
        header = f"for ({self.type} {name} = {low}; {name} < {high}; {advance})"
        shadowed = {v: e for v, e in known.items() if v != name}
        before, after = self._kept_lines(loop, naming)
        self._kept += loop.kept
        body = self._body(loop.body, (*around, loop), shadowed)
        del self._kept[len(self._kept) - len(loop.kept) :]
        lines = [*comments, *self._notes(loop), *before, *bounds, *loop.directives]
        lines += self._braced(header, body)
        return [*lines, *after]

    def _bounds(self, loop: For, naming: Mapping[str, str], *, inside: bool) -> tuple[str, str, list[str]]:
        """Both bounds, and declarations for those that would make the header of a loop unreadable."""
        low = bound_text(loop.lower, "max", naming, in_condition=False)
        high = bound_text(loop.upper, "min", naming, in_condition=True)
        declared: list[str] = []
        shown = []
        for part, which, bound, value in (("low", "max", loop.lower, low), ("high", "min", loop.upper, high)):
            if not inside or len(value) < _LONG_BOUND or not re.search(r"\?|_of\(", value):
                shown.append(value)
                continue
            wishes = (f"{loop.variable}_{part}{n or ''}" for n in (0, *range(2, 100)))
            name = next(wish for wish in wishes if wish not in self._words)
            self._words.add(name)
            called = extreme_call(which, extreme_values(bound, which), naming)
            declared.append(f"const {self.type} {name} = {called};")
            shown.append(name)
        return shown[0], shown[1], declared

    def _kept_lines(self, loop: For, naming: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """What stands before and after a loop that keeps sums in scalars."""
        before, after = [], []
        for kept in loop.kept:
            piece = self.scop.piece(kept.run.piece)
            values = {
                own.variable: text(value, naming)
                for own, value in zip(piece.loops, kept.run.values, strict=True)
                if value.coefficient(loop.name) == 0
            }
            start, end = kept.access.range.start, kept.access.range.end
            code = piece_code(piece, self.data)[start - piece.start : end - piece.start]
            target = substituted_text(self.data[start:end], code, values)
            before.append(f"{kept.type} {kept.name} = {target};")
            after.append(f"{target} = {kept.name};")
        return before, after

    def _notes(self, loop: For) -> list[str]:
        return [f"/* {note} */" for note in loop.notes]

    def _require_natural(self, loop: For) -> None:
        """Unsigned loops must not meet a negative number on the way."""
        if not self._is_unsigned():
            return
        for value in (loop.lower, loop.upper):
            if value.constant < 0 or any(f < 0 for _, f in value.terms):
                raise Declined("a bound of the new loops may be negative, and the loops count unsigned")

    def _is_unsigned(self) -> bool:
        return any(loop.unsigned_variable for piece in self.scop.pieces for loop in piece.loops)

    def _if(self, node: If, around: tuple[For, ...], known: dict[str, str]) -> list[str]:
        if self._is_unsigned():
            raise Declined("the new loops need a condition, and they count unsigned")
        condition = node.condition(naming_of(self.scop, around))
        lines = [f"if ({condition}) {{"]
        lines += [self._in(line) for line in self._body(node.body, around, dict(known))]
        if node.other:
            lines += ["} else {"]
            lines += [self._in(line) for line in self._body(node.other, around, dict(known))]
        return [*lines, "}"]

    def _run(self, run: Run, around: tuple[For, ...], known: dict[str, str], *, alone: bool) -> list[str]:
        piece = self.scop.piece(run.piece)
        naming = naming_of(self.scop, around)
        counters = {loop.variable for loop in around}
        code = piece_code(piece, self.data)
        mentioned = set(variables_in(code))
        renamed: dict[str, str] = {}
        declared: list[str] = []
        fresh: dict[str, str] = {}
        for loop, value in zip(piece.loops, run.values, strict=True):
            own = loop.variable
            if own not in mentioned:
                continue
            shown = text(value, naming)
            if shown == own or known.get(own) == shown:
                continue
            if value.atom is not None:
                renamed[own] = shown
            elif own in counters or not value.terms:
                renamed[own] = shown if not value.terms and value.constant >= 0 else f"({shown})"
            else:
                declared.append(f"const {loop.variable_type} {own} = {shown};")
                fresh[own] = shown
                if own not in known and not alone:
                    known[own] = shown
        comments = self._comments_for(piece.id, loop=False)
        lines = [*comments, *self._text(piece, code, renamed, run.directives)]
        if not declared:
            return lines
        if alone or all(known.get(name) == value for name, value in fresh.items()):
            return [*declared, *lines]
        return ["{", *(self._in(line) for line in [*declared, *lines]), "}"]

    def _text(
        self, piece: Piece, code: str, renamed: Mapping[str, str], directives: Mapping[int, str]
    ) -> list[str]:
        """The lines of a piece, with the indentation of its first line taken off the others."""
        spans = {
            (r.access.range.start - piece.start, r.access.range.end - piece.start): kept.name
            for kept in self._kept
            if kept.run.piece == piece.id
            for r in piece.references
            if r.array.id == kept.array and r.access.reduction is not None
        }
        for offset, directive in directives.items():
            here = offset - piece.start
            spans[here, here] = f"{directive}\n{indentation(self.data, offset).decode()}"
        whole = substituted_text(self.data[piece.start : piece.end], code, renamed, spans)
        before = indentation(self.data, piece.start).decode("latin-1")
        lines = whole.splitlines()
        stripped = [lines[0], *(line.removeprefix(before) for line in lines[1:])]
        compound = len(piece.items) > 1 or len(piece.statements) > 1
        declares = any(a.array for s in piece.statements for a in s.accesses if self._is_own(a.array, piece))
        if compound and declares and len(piece.items) > 1:
            return ["{", *(self._in(line) for line in stripped), "}"]
        return stripped

    def _is_own(self, array: str, piece: Piece) -> bool:
        declared = self.scop.array(array).declared_in
        return bool(piece.loops) and declared == piece.loops[-1].id

    # -- layout

    def _in(self, line: str) -> str:
        return self.unit + line if line.strip() else ""

    def _braced(self, header: str, body: list[str]) -> list[str]:
        inside = [self._in(line) for line in body]
        first = body[0] if body else ";"
        single = len(body) == 1 and not first.startswith(("if ", "if(", "const "))
        if single or (first.startswith("for (") and not first.endswith("{") and len(body) == 2):
            return [header, *inside]
        return [f"{header} {{", *inside, "}"]
