"""Edits in a model's reply: whole files, or search and replace. Strict: what is unclear is refused, with why.

The form, each marker alone on its line, one or more blocks below a `FILE` line, prose around them:

    TITLE: one line about the edit
    EXPECT: 1.8x
    FILE src/a.c
    <<<<<<< SEARCH
    text that stands in the file exactly once
    =======
    what comes in its place
    >>>>>>> REPLACE
    FILE src/b.c
    <<<<<<< WHOLE
    the complete file
    >>>>>>> END

`STOP: reason` on a line of its own says that nothing is worth trying. Pure functions of texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

WHOLE_BLOCK = re.compile(
    r"^FILE (?P<path>\S[^\n]*)\n<<<<<<< WHOLE\n(?P<content>.*?)^>>>>>>> END$", re.MULTILINE | re.DOTALL
)
"""A whole file, as prompts show it and replies give it."""

_SEARCH, _MIDDLE, _REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
_WHOLE, _END = "<<<<<<< WHOLE", ">>>>>>> END"
_PART = "<<<<<<< PART"
_MARKER = re.compile(r"^(<{7}|={7}$|>{7})")
_FIELD = re.compile(r"^(TITLE|EXPECT|STOP):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_EXPECT = re.compile(r"^(\d+(?:\.\d+)?)\s*x?\b")
_LONGEST_TITLE = 100


class MalformedEdit(Exception):
    """The reply holds no edit that could be carried out; the text says why, for whoever wrote it."""


class NoChange(MalformedEdit):
    """The edit leaves every file as it was."""


@dataclass(frozen=True)
class _Block:
    """One block: `search` is None for a whole file."""

    path: str
    search: str | None
    text: str
    line: int


@dataclass(frozen=True)
class Proposal:
    """What a reply says.

    `changes` is path to new content; `expected` the speedup that the writer hopes for, None when it did not
    say; `stop` the reason for trying nothing, empty when there is an edit.
    """

    title: str
    changes: Mapping[str, bytes]
    expected: float | None = None
    stop: str = ""


def read_reply(text: str, files: Mapping[str, bytes], is_editable: Callable[[str], bool]) -> Proposal:
    """The edit that `text` makes of `files`, the editable files as they are.

    Raises:
        MalformedEdit: when there is none, or it is unclear what it does.
    """
    text = text.replace("\r\n", "\n")
    blocks = _blocks(text)
    fields = dict(reversed(_FIELD.findall(_outside(text))))
    if stop := fields.get("STOP", ""):
        if blocks:
            raise MalformedEdit("the reply says STOP and gives an edit as well: give one of the two")
        return Proposal("stop", {}, expected_speedup(text), stop)
    if not blocks:
        raise MalformedEdit(
            f"the reply holds no edit: write 'FILE path', then a block '{_SEARCH}' or '{_WHOLE}'; "
            "or 'STOP: why'"
        )
    changes: dict[str, str] = {}
    for block in blocks:
        _check_path(block, is_editable)
        old = changes.get(block.path, _decoded(files[block.path]) if block.path in files else None)
        changes[block.path] = _applied(block, old)
    encoded = {path: _encoded(content, files.get(path)) for path, content in changes.items()}
    real = {path: content for path, content in encoded.items() if files.get(path) != content}
    if not real:
        raise NoChange("the edit changes nothing: the files are the same after it")
    title = fields.get("TITLE", "")[:_LONGEST_TITLE].strip() or f"edit of {', '.join(sorted(real))}"
    return Proposal(title, real, expected_speedup(text))


def expected_speedup(text: str) -> float | None:
    """The number in a line `EXPECT: 1.8x`; None when there is no such line."""
    for name, value in _FIELD.findall(_outside(text)):
        if name == "EXPECT" and (match := _EXPECT.match(value)):
            return float(match[1])
    return None


def stop_reason(text: str) -> str:
    """The reason in a line `STOP: why`; empty when there is none."""
    return next(
        (value or "no reason given" for name, value in _FIELD.findall(_outside(text)) if name == "STOP"), ""
    )


def whole_file(path: str, content: bytes) -> str:
    """A file in the form in which replies give it back."""
    text = _decoded(content)
    return f"FILE {path}\n{_WHOLE}\n{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{_END}\n"


def file_part(path: str, content: bytes, first: int, last: int) -> str:
    """Lines `first` to `last` (from 1) of a file, marked as a part of it."""
    lines = _decoded(content).split("\n")[first - 1 : last]
    return f"FILE {path}\n{_PART} lines {first} to {last}\n" + "\n".join(lines) + f"\n{_END}\n"


def _blocks(text: str) -> list[_Block]:
    blocks: list[_Block] = []
    path = ""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at].rstrip()
        if line.startswith("FILE "):
            path = line.removeprefix("FILE ").strip().strip("`")
        elif line in (_SEARCH, _WHOLE):
            if not path:
                raise MalformedEdit(f"line {at + 1}: a block before any 'FILE path' line")
            block, at = _block(lines, at, path)
            blocks.append(block)
        elif _MARKER.match(line):
            raise MalformedEdit(f"line {at + 1}: {line[:40]!r} does not belong here")
        at += 1
    return blocks


def _block(lines: list[str], begin: int, path: str) -> tuple[_Block, int]:
    """The block that begins at `lines[begin]`, and the number of its last line."""
    if lines[begin].rstrip() == _WHOLE:
        end = _find(lines, begin, _END)
        return _Block(path, None, _joined(lines[begin + 1 : end]), begin + 1), end
    middle = _find(lines, begin, _MIDDLE)
    end = _find(lines, middle, _REPLACE)
    search, text = _joined(lines[begin + 1 : middle]), _joined(lines[middle + 1 : end])
    return _Block(path, search, text, begin + 1), end


def _find(lines: list[str], begin: int, marker: str) -> int:
    for at in range(begin + 1, len(lines)):
        line = lines[at].rstrip()
        if line == marker:
            return at
        if _MARKER.match(line) and not (marker == _END and line == _MIDDLE):
            raise MalformedEdit(f"line {at + 1}: {line[:40]!r} where {marker!r} was expected")
    raise MalformedEdit(f"line {begin + 1}: the block has no {marker!r}: the reply may have been cut off")


def _outside(text: str) -> str:
    """`text` without what is inside of blocks, where a line that looks like a field is code."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        stripped = line.rstrip()
        if stripped in (_SEARCH, _WHOLE):
            inside = True
        elif stripped in (_REPLACE, _END):
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def _joined(lines: list[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _check_path(block: _Block, is_editable: Callable[[str], bool]) -> None:
    pure = PurePosixPath(block.path)
    if pure.is_absolute() or ".." in pure.parts or str(pure) != block.path:
        raise MalformedEdit(f"line {block.line}: {block.path!r} is no path inside the task")
    if not is_editable(block.path):
        raise MalformedEdit(
            f"line {block.line}: {block.path} is protected; only the editable files may change"
        )


def _applied(block: _Block, old: str | None) -> str:
    where = f"line {block.line}, {block.path}"
    if block.search is None:
        if block.text.lstrip().startswith("```"):
            raise MalformedEdit(f"{where}: the file begins with ```: leave the fence out of the block")
        if not block.text.strip():
            raise MalformedEdit(f"{where}: the whole file would be empty")
        return block.text
    if old is None:
        raise MalformedEdit(f"{where}: there is no such file to search in; give it whole")
    if not block.search.strip():
        raise MalformedEdit(f"{where}: nothing to search for")
    # Ends of lines may differ from the file's; everything else has to be as it is there.
    text = old.replace("\r\n", "\n")
    padded = text if text.endswith("\n") else text + "\n"
    found = padded.count(block.search)
    if found != 1 or not (padded.startswith(block.search) or f"\n{block.search}" in padded):
        times = "nowhere" if found == 0 else f"{found} times"
        if found == 1:
            times = "only in the middle of a line"
        raise MalformedEdit(
            f"{where}: the text to search for stands {times} in the file; it has to be whole lines that "
            f"stand there just once. Its first line is {block.search.splitlines()[0].strip()[:60]!r}"
        )
    return padded.replace(block.search, block.text)


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _encoded(text: str, old: bytes | None) -> bytes:
    """`text` as bytes, with the ends of lines that the file had."""
    text = text.replace("\r\n", "\n")
    if old is not None and b"\r\n" in old:
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8", "surrogateescape")
