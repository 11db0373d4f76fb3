"""Byte-exact editing of C and C++ sources: everything outside an edit stays as the user wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from loopwright.analysis.ir import Loop
from loopwright.moves.move import Declined


@dataclass(frozen=True)
class Replacement:
    """Bytes [start, end) of the original become `text`; start == end inserts."""

    start: int
    end: int
    text: bytes


def apply(data: bytes, replacements: Iterable[Replacement]) -> bytes:
    """`data` with all `replacements` made; offsets are those of `data`.

    Raises:
        ValueError: when two replacements overlap or one lies outside of `data`.
    """
    pieces: list[bytes] = []
    position = 0
    for change in sorted(replacements, key=lambda r: (r.start, r.end)):
        if not position <= change.start <= change.end <= len(data):
            raise ValueError(f"replacement {change.start}..{change.end} overlaps another or leaves the file")
        pieces += (data[position : change.start], change.text)
        position = change.end
    return b"".join([*pieces, data[position:]])


def line_start(data: bytes, offset: int) -> int:
    """Offset of the first byte of the line that holds `offset`."""
    return data.rfind(b"\n", 0, offset) + 1


def indentation(data: bytes, offset: int) -> bytes:
    """The spaces and tabs that the line of `offset` starts with."""
    start = line_start(data, offset)
    match = re.compile(rb"[ \t]*").match(data, start)
    assert match is not None
    return match.group()


def newline(data: bytes, offset: int) -> bytes:
    """How the line of `offset` ends: CR LF or LF; the line before decides for an unterminated last line."""
    end = data.find(b"\n", offset)
    if end < 0:
        end = data.rfind(b"\n", 0, offset)
    return b"\r\n" if end > 0 and data[end - 1 : end] == b"\r" else b"\n"


_TOKEN = re.compile(
    rb"//(?:\\\r?\n|[^\n])*"
    rb"|/\*.*?\*/"
    rb'|(?P<raw>\b(?:u8|[uUL])?R"(?P<fence>[^()\\\s]{0,16})\(.*?\)(?P=fence)")'
    rb'|"(?:\\.|[^"\\\n])*"'
    rb"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'"
    rb"|(?P<number>\.?[0-9](?:[eEpP][+-]|'[0-9A-Za-z_]|[0-9A-Za-z_.])*)",
    re.DOTALL,
)
_NOT_NEWLINE = re.compile(rb"[^\r\n]")


@lru_cache(maxsize=64)
def blanked(data: bytes) -> bytes:
    """`data` with comments and the insides of literals turned to blanks; every offset stays as it is."""

    def blank(match: re.Match[bytes]) -> bytes:
        text = match.group()
        if match.lastgroup == "number":
            return text
        if text.startswith(b"/"):
            return _NOT_NEWLINE.sub(b" ", text)
        return b'"' + _NOT_NEWLINE.sub(b" ", text[1:-1]) + b'"'

    return _TOKEN.sub(blank, data)


def code(data: bytes, start: int, end: int) -> str:
    """The code in [start, end) without comments, white space collapsed."""
    return " ".join(blanked(data)[start:end].decode("utf-8", "replace").split())


def closing_brace(text: bytes, opening: int) -> int:
    """Offset of the brace that closes the one at `opening` in blanked code; its length without one."""
    depth = 0
    for match in re.compile(rb"[{}]").finditer(text, opening):
        depth += 1 if match.group() == b"{" else -1
        if depth == 0:
            return match.start()
    return len(text)


def pragma_before(data: bytes, offset: int) -> str:
    """The `#` directive that stands directly before `offset` (only blanks and comments between), or ''."""
    before = blanked(data)[:offset].rstrip()
    end = len(before)
    start = line_start(before, end)
    while start >= 2 and before[:start].rstrip(b"\r\n").endswith(b"\\"):
        start = line_start(before, start - 1)
    line = before[start:end]
    return data[start:end].decode("utf-8", "replace").strip() if line.lstrip().startswith(b"#") else ""


def in_statement_list(data: bytes, offset: int) -> bool:
    """Whether what stands before `offset` shows that it is inside braces, so that two statements may
    take the place of one.
    """
    return blanked(data)[:offset].rstrip()[-1:] in (b"{", b"}", b";")


def require_writable_twice(text: bytes) -> None:
    """Raise Declined when the blanked code `text` cannot stand in a function a second time."""
    if re.search(rb"\bstatic\b|(?:^|[;{})])\s*\w+\s*:(?!:)", text):
        raise Declined("its body cannot be written twice (static variable or label)")


_PRAGMA = re.compile(r"#\s*pragma\b")
_BEFORE_STATEMENT = re.compile(rb"(?:[{};)]|\belse|\bdo)$")


def place_before(data: bytes, loop: Loop, line: str) -> Replacement:
    """The insertion of `line` as a line of its own directly before `loop`, in the loop's indentation.

    When other code shares the loop's line, the line is broken there: a directive needs a line for itself.
    A directive together with its loop is one statement, so the body of an `if` or of another `for` without
    braces stays right.

    Raises:
        Declined: when the place is not understood (a label, another directive, a continued line).
    """
    start = loop.range.start
    if data[start : start + 3] != b"for":
        raise Declined("the loop's place in the file is not what the parser said")
    directive = pragma_before(data, start)
    if _PRAGMA.match(directive):
        raise Declined(f"it already has the directive '{directive}'")
    if re.search(rb"_Pragma\s*\([^()]*\)\s*$", blanked(data)[:start]):
        raise Declined("it already has a _Pragma")
    ends, indent = newline(data, start), indentation(data, start)
    first = line_start(data, start)
    if data[:first].rstrip(b"\r\n").endswith(b"\\") and first > 0:
        raise Declined("its line continues the one before")
    text = line.encode()
    if data[first:start] == indent:
        return Replacement(first, first, indent + text + ends)
    before = blanked(data)[first:start].rstrip()
    if before and not _BEFORE_STATEMENT.search(before):
        raise Declined("other code shares its line")
    keep = first + len(data[first:start].rstrip(b" \t"))
    inner = indent if not before else indent + indent_unit(data, loop)
    return Replacement(keep, start, ends + inner + text + ends + inner)


def indent_unit(data: bytes, loop: Loop) -> bytes:
    """One step of indentation as used around `loop`: what its first inner line has more than its own, else
    a tab when it is indented by tabs, else four spaces.
    """
    own = indentation(data, loop.range.start)
    for line in data[loop.body.start : loop.body.end].split(b"\n")[1:]:
        if not line.strip():
            continue
        inner = line[: len(line) - len(line.lstrip(b" \t"))]
        if inner.startswith(own) and len(inner) > len(own):
            return inner[len(own) :]
        break
    return b"\t" if own.endswith(b"\t") else b"    "
