"""Where something stands in a task file, and the TaskError that says so."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopwright.core.errors import TaskError

Key = tuple[str | int, ...]
"""A way into the file: table and key names, and positions in lists counted from 0."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")
_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*')


def key_lines(text: str) -> dict[Key, int]:
    """The line (counted from 1) of every table header and key that stands at the start of a line.

    Keys inside inline tables are not listed: the line of the key that holds the inline table stands for
    them. The text must be valid TOML, which keeps the scan simple.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    depth = 0
    closing: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if closing is not None:
            if closing in line:
                closing = None
            continue
        if depth == 0 and (header := _HEADER.match(line)):
            table = _table(header.group(2), header.group(1) == "[[", counts)
            lines.setdefault(table, number)
            continue
        if depth == 0 and (assignment := _ASSIGNMENT.match(line)):
            lines.setdefault(table + _names(assignment.group(1)), number)
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                closing = quotes
        if closing is None:
            bare = _LITERAL.sub("", line)
            depth = max(0, depth + bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}"))
    return lines


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _table(dotted: str, many: bool, counts: dict[Key, int]) -> Key:
    """The key of a header; the latest entry of a list of tables stands for the list, as in TOML."""
    key: Key = ()
    names = _names(dotted)
    for position, name in enumerate(names):
        key += (name,)
        if many and position == len(names) - 1:
            counts[key] = counts.get(key, -1) + 1
        if key in counts:
            key += (counts[key],)
    return key


def suggestion(word: object, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest of `known`, empty when none is near."""
    names = list(known)
    plain = {re.sub(r"[-_ ]", "", name).lower(): name for name in names}
    wanted = str(word)
    near = difflib.get_close_matches(re.sub(r"[-_ ]", "", wanted).lower(), plain, n=1, cutoff=0.6)
    if not near:
        return ""
    return f"; did you mean {plain[near[0]]!r}?"


def found(value: object) -> str:
    """A value of the file in words: what it is, shortened when long."""
    kind = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a table",
    }.get(type(value), "a date or time")
    if isinstance(value, bool):
        return f"{str(value).lower()} ({kind})"
    if isinstance(value, (list, dict)):
        return kind if value else f"an empty {kind.removeprefix('a ')}"
    shown = repr(value)
    return f"{shown if len(shown) <= 80 else shown[:77] + '...'} ({kind})"


@dataclass(frozen=True)
class TaskFile:
    """A task file as it was read: its path as the user gave it, its text and its parsed tables."""

    path: Path
    text: str
    data: Mapping[str, Any]

    def where(self, key: Sequence[str | int]) -> str:
        """`FILE:LINE: key`, with the line of the nearest enclosing key that can be found."""
        lines = key_lines(self.text)
        path = tuple(key)
        line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)
        place = f"{self.path}:{line}" if line is not None else str(self.path)
        shown = self._shown(path)
        return f"{place}: {shown}" if shown else place

    def problem(self, key: Sequence[str | int], message: str, hint: str = "") -> TaskError:
        """The error to raise about `key`."""
        return TaskError(message, where=self.where(key), hint=hint)

    def at(self, key: Sequence[str | int]) -> object:
        """The value at `key`, None when there is none."""
        value: Any = self.data
        for part in key:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def _shown(self, key: Key) -> str:
        text = ""
        for n, part in enumerate(key):
            if isinstance(part, str):
                text += f".{part}" if text else part
                continue
            entry = self.at(key[: n + 1])
            if isinstance(entry, dict):
                name = entry.get("name") or entry.get("path")
                text += f"[{name}]" if isinstance(name, str) else f"[#{part + 1}]"
        return text
