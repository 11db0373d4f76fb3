"""What libclang complains about, sorted: what is wrong with the user's source, and which header it misses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MISSING = re.compile(r"'([^']+)' file not found")


def folder_of_missing_header(tu: Any, files: Mapping[str, bytes]) -> str | None:
    """The one folder among `files` from which the header that was not found can be included, else None.

    Builds by make or cmake keep their include folders to themselves.
    """
    for diagnostic in tu.diagnostics:
        if missing := _MISSING.fullmatch(diagnostic.spelling):
            ending = f"/{missing[1]}"
            folders = {f"/{path}"[: -len(ending)] for path in files if f"/{path}".endswith(ending)}
            return folders.pop().removeprefix("/") if len(folders) == 1 else None
    return None


def errors_of(tu: Any, root: str) -> list[tuple[str, int]]:
    """What is wrong, with lines; not what is wrong inside of functions that system headers define.

    The compiler's own headers define intrinsics by builtins that libclang may not know. A call of a function
    from outside `root` may do anything, whether its body was understood or not.
    """
    from clang import cindex

    found: list[tuple[str, int]] = []
    outside: dict[str, list[tuple[int, int]]] | None = None
    for diagnostic in tu.diagnostics:
        if diagnostic.severity < cindex.Diagnostic.Error:
            continue
        file, offset = diagnostic.location.file, diagnostic.location.offset
        if (
            file is not None
            and not file.name.startswith(root)
            and diagnostic.severity < cindex.Diagnostic.Fatal
        ):
            outside = _definitions_outside(tu, root) if outside is None else outside
            if any(start <= offset < end for start, end in outside.get(file.name, ())):
                continue
        found.append((diagnostic.spelling, diagnostic.location.line))
    return found


def _definitions_outside(tu: Any, root: str) -> dict[str, list[tuple[int, int]]]:
    """Where functions are defined outside of `root`: offsets, by file."""
    found: dict[str, list[tuple[int, int]]] = {}
    waiting = list(tu.cursor.get_children())
    while waiting:
        cursor = waiting.pop()
        file = cursor.location.file
        if file is None or file.name.startswith(root):
            continue
        if cursor.kind.name in ("NAMESPACE", "LINKAGE_SPEC", "UNEXPOSED_DECL"):
            waiting.extend(cursor.get_children())
        elif cursor.kind.name == "FUNCTION_DECL" and cursor.is_definition():
            extent = cursor.extent
            found.setdefault(file.name, []).append((extent.start.offset, extent.end.offset))
    return found
