"""Attributes of declarations, and what they mean. libclang tells no names of most: the text does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_HARMLESS = {"unused", "maybe_unused", "used", "nonstring", "uninitialized"}
"""Attributes of variables that no code comes with, and no other name."""

_ONLY_PLACED = {"section", "weak", "common", "nocommon", "tls_model", "deprecated", "init_priority", "retain"}
"""These say where a variable is, or when it is made; it is an object of its own."""


def _unnamed(declaration: Any) -> list[Any]:
    """The attributes that libclang has no name for."""
    return [c for c in declaration.get_children() if c.kind.name == "UNEXPOSED_ATTR"]


def _first_words(variable: Any) -> set[str]:
    return {next((t.spelling.strip("_") for t in a.get_tokens()), "") for a in _unnamed(variable)}


def is_cleaned_up(variable: Any) -> bool:
    """Whether one of the attributes of a variable may be `cleanup`."""
    return not _first_words(variable) <= _HARMLESS


def is_another_name(variable: Any) -> bool:
    """Whether a declaration may name what another variable is, too: by the attribute `alias` or `weakref`, or
    by a name for the assembler.
    """
    if any(c.kind.name == "ASM_LABEL_ATTR" for c in variable.get_children()):
        return True
    is_automatic = variable.linkage.name == "NO_LINKAGE" and variable.storage_class.name != "EXTERN"
    return not is_automatic and not _first_words(variable) <= _HARMLESS | _ONLY_PLACED


def is_weak(function: Any) -> bool:
    """Whether another file may have the body of the function that runs."""
    words = (t.spelling.lower() for attribute in _unnamed(function) for t in attribute.get_tokens())
    return any("weak" in word or "ifunc" in word for word in words)


def names_may_alias(tu: Any, folders: tuple[str, ...]) -> bool:
    """Whether the source, or a header outside of `folders` (those of the system), names that attribute."""
    files = [tu.spelling, *(i.include.name for i in tu.get_includes())]
    own = {name for name in files if not name.startswith(folders)}
    return any(b"may_alias" in Path(name).read_bytes() for name in own)
