"""Which names a statement declares, by its text: what the accesses of a statement do not tell.

References and pointers that the frontend follows leave no access behind, but the text of other statements
still needs their declaration.
"""

from __future__ import annotations

import re

_START = re.compile(
    r"\s*(?!(?:return|goto|delete|throw|else|case)\b)[A-Za-z_][\w:]*"
    r"(?:\s*<[^;=]*>)?(?:::[A-Za-z_]\w*)*(?:\s*[*&]+\s*(?:const\s+|restrict\s+|__restrict\w*\s+)*|\s+)"
    r"(?:[A-Za-z_]|\(\s*[*&]|\[)"
)
_NAME = re.compile(r"[A-Za-z_]\w*")


_UNUSUAL = re.compile(
    r"\s*(?:(?:const|volatile)\s+)*(?:enum\b|(?:struct|union|class)\b[^;=(]*\{"
    r"|(?:_Alignas|alignas|__attribute__|_Static_assert|static_assert)\b|\[\[)"
)


def is_unusual(text: str) -> bool:
    """Whether a statement declares something that these rules do not tell the names of: a type, or an object
    with attributes before it.
    """
    return _UNUSUAL.match(text) is not None


def is_declaration(text: str) -> bool:
    """Whether the text of a statement looks like a declaration (an odd product `a * b;` does too)."""
    return _START.match(text) is not None or is_unusual(text)


def declared_names(text: str) -> frozenset[str]:
    """The names that a declaration declares; all its names when it is of an unusual kind, none for others."""
    if not is_declaration(text):
        return frozenset()
    if is_unusual(text):
        return frozenset(_NAME.findall(text))
    if re.match(r"[^=;]*[\[(]\s*[*&\w]", text.split("=")[0]) and not re.match(r"[^=(\[]*\w\s*\[", text):
        return frozenset(_NAME.findall(text))
    found = []
    for part in _split(text.rstrip("; \t\r\n")):
        head = re.split(r"[=\[({]", part, maxsplit=1)[0]
        names = _NAME.findall(head)
        if not names:
            return frozenset(_NAME.findall(text))
        found.append(names[-1])
    return frozenset(found)


def _split(text: str) -> list[str]:
    """The declarators, parted at commas outside of all brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([{<") - (character in ")]}>")
        if character == "," and depth <= 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]
