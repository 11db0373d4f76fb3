"""The body of a loop as a list of statements with their text, for moves that write them several times."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from loopwright.analysis.ir import Loop
from loopwright.moves.move import Declined
from loopwright.moves.rewrite import blanked

_WORD = re.compile(rb"[A-Za-z_]\w*")
_SPACE = re.compile(rb"\s*")
_COMMENT = re.compile(rb"//(?:\\\r?\n|[^\n])*|/\*.*?\*/", re.DOTALL)
_SIMD = re.compile(rb"[ \t]*#[ \t]*pragma[ \t]+omp[ \t]+simd\b[^\n]*")
_LEAVES = (b"break", b"continue", b"return", b"goto", b"case", b"default", b"else", b"do")


@dataclass(frozen=True)
class Part:
    """One statement of a body.

    Attributes:
        start, end: byte range of its text, from its first character to its last (a semicolon, a brace).
        loop: the loop that it is, when that was opened. inside: the statements of such a loop's body, or of a
            plain block in braces; empty for any other statement.
        comments: those that stand before it. trailing: the one behind it on its last line.
        directive: a `#pragma omp simd` before it.
    """

    start: int
    end: int
    loop: Loop | None = None
    inside: tuple[Part, ...] = ()
    comments: tuple[str, ...] = ()
    trailing: str = ""
    directive: str = ""

    @property
    def is_block(self) -> bool:
        """Whether it is a list of statements in braces."""
        return self.loop is None and bool(self.inside)


def parts_of(data: bytes, loop: Loop, opened: Callable[[Loop], bool]) -> tuple[Part, ...]:
    """The statements of the body of `loop`. Loops that `opened` accepts are read further, others stay whole.

    Raises:
        Declined: when the text is not understood, or leaves the loop early.
    """
    loops = {inner.range.start: inner for inner in loop.walk()[1:]}
    return _Reader(data, loops, opened).body(loop)


class _Reader:
    def __init__(self, data: bytes, loops: dict[int, Loop], opened: Callable[[Loop], bool]) -> None:
        self.data, self.code = data, blanked(data)
        self.loops, self.opened = loops, opened

    def body(self, loop: Loop) -> tuple[Part, ...]:
        start = loop.body.start
        if self.code[start : start + 1] == b"{":
            return self._list(start + 1, self._closing(start))
        return self._list(start, self._end(start))

    def _list(self, start: int, stop: int) -> tuple[Part, ...]:
        found: list[Part] = []
        position, directive = start, ""
        while True:
            begin = self._skip(position)
            comments = self._comments(position, min(begin, stop))
            if found and comments and b"\n" not in self.data[position : self._first_comment(position)]:
                found[-1] = replace(found[-1], trailing=comments[0])
                comments = comments[1:]
            if begin >= stop:
                break
            if self.code[begin : begin + 1] == b"#":
                match = _SIMD.match(self.code, begin)
                if match is None or match.group().rstrip().endswith(b"\\") or directive:
                    raise Declined("there is a preprocessor directive in its body")
                directive = match.group().decode().strip()
                position = match.end()
                continue
            end = self._end(begin)
            found.append(self._part(begin, end, comments, directive))
            position, directive = end, ""
        return tuple(found)

    def _part(self, begin: int, end: int, comments: tuple[str, ...], directive: str) -> Part:
        loop = self.loops.get(begin)
        if directive and loop is None:
            raise Declined("a directive does not stand before a loop")
        if loop is not None and self.opened(loop):
            return Part(begin, end, loop, self.body(loop), comments, "", directive)
        if b"#" in self.code[begin:end] or directive:
            raise Declined("there is a preprocessor directive in its body")
        block = self.code[begin : begin + 1] == b"{"
        inside = self._list(begin + 1, end - 1) if block else ()
        return Part(begin, end, None, inside, comments)

    def _end(self, start: int) -> int:
        """The end of the statement that starts here."""
        code = self.code
        if code[start : start + 1] == b"{":
            return self._closing(start) + 1
        match = _WORD.match(code, start)
        word = match.group() if match is not None else b""
        if word in _LEAVES:
            raise Declined(f"'{word.decode()}' stands in its body")
        if match is not None and word in (b"for", b"while", b"if", b"switch"):
            opening = self._skip(match.end())
            if code[opening : opening + 1] != b"(":
                raise Declined(f"a '{word.decode()}' in its body is not understood")
            end = self._end(self._skip(self._closing(opening) + 1))
            other = re.compile(rb"\s*else\b\s*").match(code, end) if word == b"if" else None
            return self._end(other.end()) if other is not None else end
        depth = 0
        for position in range(start, len(code)):
            character = code[position : position + 1]
            depth += (character in b"([{") - (character in b")]}")
            if depth < 0:
                break
            if character == b";" and depth == 0:
                return position + 1
        raise Declined("the end of a statement was not found")

    def _closing(self, opening: int) -> int:
        """The bracket that closes the one at `opening`."""
        depth = 0
        for position in range(opening, len(self.code)):
            character = self.code[position : position + 1]
            depth += (character in b"([{") - (character in b")]}")
            if depth == 0:
                return position
        raise Declined("a bracket is not closed")

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self.code, position)
        assert match is not None
        return match.end()

    def _first_comment(self, position: int) -> int:
        match = _COMMENT.search(self.data, position)
        return match.start() if match is not None else len(self.data)

    def _comments(self, start: int, end: int) -> tuple[str, ...]:
        return tuple(
            m.group().decode("utf-8", "surrogateescape").rstrip()
            for m in _COMMENT.finditer(self.data, start, end)
        )
