"""What a sanitizer or memcheck found, by source line, and how findings of two programs are told apart."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable
from dataclasses import dataclass

from loopwright.core.tree import Tree

_SYSTEM = ("/usr/", "/lib", "/opt/")
_EXCERPT_CHARACTERS = 3000


@dataclass(frozen=True)
class Place:
    """A line of the task: the path inside the task and the line, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """One fault that a tool reported.

    Attributes:
        what: the tool's own words, as in "data race" or "heap-buffer-overflow (write of 8 bytes)".
        places: lines of the task that have a part in it; empty when the report names none.
        variable: its name as declared, empty when the report does not know it.
        excerpt: the part of the report that belongs to it, paths relative to the task.
        explained: why this report of the tool is no fault of the program, in words; empty for a fault.
        doubt: why the tool cannot tell whether this is a fault, in words; empty when it can.
    """

    what: str
    places: tuple[Place, ...] = ()
    variable: str = ""
    excerpt: str = ""
    explained: str = ""
    doubt: str = ""

    def message(self, tree: Tree) -> str:
        """One line that names the places with their source text."""
        variable = f" on {self.variable}" if self.variable else ""
        shown = [
            f"{p} `{text}`" if (text := source_text(tree, p)) else str(p) for p in dict.fromkeys(self.places)
        ]
        if len(self.places) > 1 and len(shown) == 1:
            shown[0] += " with itself"
        return f"{self.what}{variable}: {' and '.join(shown) or 'at a place that the report does not name'}"

    def identity(self, tree: Tree) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Equal for the same fault in two versions of a program: line numbers may differ, the text of the
        lines and the kind of fault may not. Numbers in the tool's words (addresses, values) do not count.
        """
        lines = sorted({(p.file, " ".join(source_text(tree, p).split())) for p in self.places})
        return re.sub(r"-?\d[\d.e+]*", "#", self.what), tuple(lines)


def source_text(tree: Tree, place: Place) -> str:
    """The line of source at `place`, stripped; empty when there is no such line."""
    lines = tree.get(place.file, b"").decode("utf-8", "replace").splitlines()
    return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""


def locate(path: str, line: str, tree: Tree) -> Place | None:
    """The place in the task that a report calls `path`:`line`; None for the system's and the driver's files.

    A report names files by absolute paths of the build or relative to where the compiler was started.
    """
    if not line or int(line) < 1 or path.startswith(_SYSTEM):
        return None
    path = os.path.normpath(path)
    for known in sorted(tree, key=len, reverse=True):
        if path == known or path.endswith(f"/{known}"):
            return Place(known, int(line))
    # A Makefile that starts the compiler in a subfolder: the name alone, where it is unique.
    named = [known for known in tree if known.endswith(f"/{path}")]
    return Place(named[0], int(line)) if len(named) == 1 else None


def excerpt(report: str, directory: str) -> str:
    """`report` with the folder of the build cut off from paths, at most 3000 characters."""
    return report.replace(f"{directory}/", "").strip()[:_EXCERPT_CHARACTERS]


def new_words(words: Iterable[bytes], original: Tree, candidate: Tree) -> list[str]:
    """Those of `words` that stand in `candidate` and nowhere in `original`."""
    before, after = (b"\n".join(tree.values()) for tree in (original, candidate))
    return [word.decode() for word in words if word in after and word not in before]
