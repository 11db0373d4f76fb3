"""Source trees as values: paths to bytes, with a digest and a patch between two of them."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from types import MappingProxyType

from loopwright.core.errors import UsageError


@dataclass(frozen=True, eq=False)
class Tree(Mapping[str, bytes]):
    """An immutable set of files: relative POSIX path to content. Equal trees have equal digests.

    Raises:
        UsageError: when a path is absolute, climbs out with `..`, or is none that a file can have.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path == "." or "\0" in path:
                raise UsageError(f"not a relative path inside the task: {path!r}")
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    def __getitem__(self, path: str) -> bytes:
        return self.files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over paths, lengths and contents, as 64 hexadecimal digits."""
        state = hashlib.sha256()
        for path, content in self.files.items():
            name = _encoded(path)
            state.update(b"%d %d\n" % (len(name), len(content)) + name + content)
        return state.hexdigest()

    def replaced(self, changes: Mapping[str, bytes | None]) -> Tree:
        """This tree with `changes` laid over it; None removes a file."""
        files = {**self.files, **{p: c for p, c in changes.items() if c is not None}}
        return Tree({p: c for p, c in files.items() if not (p in changes and changes[p] is None)})

    def changes_to(self, other: Tree) -> dict[str, bytes | None]:
        """What turns this tree into `other`: path to new content, None for a file that is gone."""
        changes: dict[str, bytes | None] = {
            p: c for p, c in other.files.items() if p not in self.files or self.files[p] != c
        }
        changes.update({p: None for p in self.files if p not in other.files})
        return dict(sorted(changes.items()))


def unified_patch(old: Tree, new: Tree, *, context: int = 3) -> str:
    """A patch from `old` to `new` in the form `git apply` takes (paths with a/ and b/).

    Text is decoded as UTF-8 with surrogateescape, so that any byte survives a round trip through
    `patch.encode("utf-8", "surrogateescape")`.
    """
    pieces: list[str] = []
    for path, content in old.changes_to(new).items():
        before = _lines(old[path]) if path in old else []
        after = _lines(content) if content is not None else []
        old_name, new_name = _quoted(f"a/{path}"), _quoted(f"b/{path}")
        header = [f"diff --git {old_name} {new_name}\n"]
        if path not in old:
            header.append("new file mode 100644\n")
        elif content is None:
            header.append("deleted file mode 100644\n")
        left = old_name if path in old else "/dev/null"
        right = new_name if content is not None else "/dev/null"
        pieces += header
        for line in difflib.unified_diff(before, after, left, right, n=context):
            pieces.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(pieces)


def _quoted(name: str) -> str:
    # A name may hold a line break, and behind it what looks like the change of another file.
    if all(c.isprintable() and c not in '"\\' for c in name):
        return name
    octal = "".join(chr(b) if 32 < b < 127 and b not in b'"\\' else f"\\{b:03o}" for b in _encoded(name))
    return f'"{octal}"'


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _lines(content: bytes) -> list[str]:
    # Only "\n" ends a line for git: str.splitlines would also split at form feeds and others.
    text = content.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
