"""Which lines each loop of a C or C++ source covers, from its text alone. Pure.

This is for showing a profile only: it needs no compiler, forgives anything and proves nothing. What a move
may rely on is in `loopwright.analysis`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HIDDEN = re.compile(
    r"""//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
    r"""|^[ \t]*\#(?:\\\n|[^\n])*""",
    re.DOTALL | re.MULTILINE,
)
_LOOP = re.compile(r"\b(?:for|while|do)\b")
_WORD = re.compile(r"\s*(for|while|if|else|do|switch)\b")
_DEEPEST = 200


@dataclass(frozen=True)
class Extent:
    """The lines of one loop, header and body, counted from 1; `column` is that of its keyword."""

    first: int
    last: int
    column: int


def loops_in(source: bytes) -> tuple[Extent, ...]:
    """The loops in `source`, in the order of their headers."""
    text = _HIDDEN.sub(_blank, source.decode("utf-8", "replace"))
    starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
    found: list[Extent] = []
    for match in _LOOP.finditer(text):
        first = _line(starts, match.start())
        last = _line(starts, max(match.start(), _statement(text, match.start(), 0) - 1))
        found.append(Extent(first, last, match.start() - starts[first - 1] + 1))
    return tuple(found)


def innermost_first(extents: tuple[Extent, ...], line: int) -> tuple[Extent, ...]:
    """Those of `extents` that cover `line`, the smallest first."""
    around = (e for e in extents if e.first <= line <= e.last)
    return tuple(sorted(around, key=lambda e: (e.last - e.first, -e.first, -e.column)))


def _blank(match: re.Match[str]) -> str:
    return "".join(c if c == "\n" else " " for c in match[0])


def _line(starts: list[int], position: int) -> int:
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if starts[middle] <= position else (low, middle)
    return low + 1


def _statement(text: str, at: int, depth: int) -> int:
    """The position after the statement that starts at `at`."""
    if depth > _DEEPEST:
        return at
    word = _WORD.match(text, at)
    if word is None:
        at = _skip_space(text, at)
        return _closed(text, at) if text[at : at + 1] == "{" else _to_semicolon(text, at)
    at = word.end()
    if word[1] not in ("do", "else"):
        at = _closed(text, _skip_space(text, at))
    at = _statement(text, at, depth + 1)
    following = _WORD.match(text, at)
    if following is not None and (word[1], following[1]) in (("if", "else"), ("do", "while")):
        return _to_semicolon(text, at) if word[1] == "do" else _statement(text, at, depth + 1)
    return at


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _closed(text: str, at: int) -> int:
    """The position after the bracket that closes the one at `at`."""
    depth = 0
    for position in range(at, len(text)):
        if text[position] in "([{":
            depth += 1
        elif text[position] in ")]}":
            depth -= 1
        if depth <= 0:
            return position + 1
    return len(text)


def _to_semicolon(text: str, at: int) -> int:
    depth = 0
    for position in range(at, len(text)):
        character = text[position]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth < 0:
            return position
        if character == ";" and depth == 0:
            return position + 1
    return len(text)
