"""The difference of two trees as rows for a page, with the language's own colours."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from loopwright.core.task import Language
from loopwright.core.tree import Tree

_CONTEXT = 3


@dataclass(frozen=True)
class Row:
    """One line of a difference. `kind` is "same", "old", "new" or "gap"; `html` is safe to insert."""

    kind: str
    old: int | None
    new: int | None
    html: str


@dataclass(frozen=True)
class FileDifference:
    """All changed places of one file."""

    path: str
    rows: tuple[Row, ...]

    @property
    def added(self) -> int:
        """Number of new lines."""
        return sum(row.kind == "new" for row in self.rows)

    @property
    def removed(self) -> int:
        """Number of lines that are gone."""
        return sum(row.kind == "old" for row in self.rows)


def differences(old: Tree, new: Tree, language: Language) -> tuple[FileDifference, ...]:
    """What changed between two trees, file by file."""
    found = []
    for path, content in old.changes_to(new).items():
        before = _coloured(old.get(path, b""), language)
        after = _coloured(content or b"", language)
        plain = [
            (old.get(path) or b"").decode("utf-8", "replace").split("\n"),
            (content or b"").decode("utf-8", "replace").split("\n"),
        ]
        found.append(FileDifference(path, tuple(_rows(plain[0], plain[1], before, after))))
    return tuple(found)


def style_sheet() -> str:
    """The colours of the code, as CSS."""
    formatter: Any = HtmlFormatter(style="friendly")
    return str(formatter.get_style_defs(".code"))


def _coloured(content: bytes, language: Language) -> list[str]:
    lexer = get_lexer_by_name("cpp" if language is Language.CXX else "c", stripnl=False)
    text = content.decode("utf-8", "replace").replace("\r", "")
    html: str = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return html.split("\n")


def _rows(old: list[str], new: list[str], before: list[str], after: list[str]) -> Iterator[Row]:
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    first = True
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if not first:
            yield Row("gap", None, None, "")
        first = False
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                for i, j in zip(range(a1, a2), range(b1, b2), strict=True):
                    yield Row("same", i + 1, j + 1, _at(before, i))
                continue
            for i in range(a1, a2):
                yield Row("old", i + 1, None, _at(before, i))
            for j in range(b1, b2):
                yield Row("new", None, j + 1, _at(after, j))


def _at(lines: list[str], index: int) -> str:
    return lines[index] if index < len(lines) else ""
