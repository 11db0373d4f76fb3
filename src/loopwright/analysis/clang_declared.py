"""What libclang's cursors say of a declaration: of the library or of the user, a reference, in a union."""

from __future__ import annotations

import itertools
from typing import Any

from loopwright.analysis.purity import MACROS, PURE_FUNCTIONS

FUNCTIONS = {"FUNCTION_DECL", "CXX_METHOD", "CONSTRUCTOR", "DESTRUCTOR", "CONVERSION_FUNCTION"}
"""Cursor kinds of functions."""

_ALLOCATE = {"malloc", "calloc", "realloc", "aligned_alloc"}


def is_library(function: Any) -> bool:
    """Whether the callee is of the standard library. A declaration by hand of a name that C reserves
    (C11 7.1.3) counts, as long as there is no body to be seen: not that of a method,
    of a function in a namespace, or of one of C++ with other parameters, which may do anything.
    """
    if function is None:
        return True
    if function.location.file is None or function.location.is_in_system_header:
        return True
    known = (PURE_FUNCTIONS - MACROS) | _ALLOCATE
    if function.get_definition() is not None or function.spelling not in known:
        return False
    return bool(function.kind.name == "FUNCTION_DECL" and function.mangled_name == function.spelling)


def is_defined_by_the_user(function: Any) -> bool:
    """Whether its body stands in another file of the user."""
    if function.kind.name not in ("FUNCTION_DECL", "CXX_METHOD") or function.get_definition() is not None:
        return False
    return function.location.file is not None and not function.location.is_in_system_header


def is_flexible(member: Any) -> bool:
    """Whether a member has the memory behind its struct (C11 6.7.2.1p18); one of no elements has it, too."""
    return str(member.type.get_canonical().spelling).endswith(("[]", "[0]"))


def is_reference(declared: Any) -> bool:
    """By the spelling: the bindings have no name for the kind of some types, such as _Float16."""
    return bool(declared.type.get_canonical().spelling.endswith("&"))


def is_placement(made: Any) -> bool:
    """Whether a `new` is given more than its type, other than std::nothrow or an alignment."""
    words = [token.spelling for token in itertools.islice(made.get_tokens(), 6)]
    words = [word for word in words if word not in ("::", "std")]
    return words[:1] != ["new"] or (words[1:2] == ["("] and words[2:3] not in (["nothrow"], ["align_val_t"]))


def in_union(member: Any) -> bool:
    """Whether a member belongs to a union, by way of structs without a name too (C11 6.7.2.1p13)."""
    referenced = member.referenced
    parent = referenced.semantic_parent if referenced is not None else None
    while parent is not None and parent.kind.name in ("STRUCT_DECL", "CLASS_DECL"):
        if not parent.is_anonymous():
            return False
        parent = parent.semantic_parent
    return parent is not None and parent.kind.name == "UNION_DECL"
