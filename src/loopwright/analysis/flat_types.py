"""Types whose objects are numbers and nothing else: what a summary of a function can speak about."""

from __future__ import annotations

from loopwright.analysis.syntax import CType


def is_flat(type_: CType) -> bool:
    """Whether it is numbers through and through: a number, an array or a struct of such."""
    if type_.volatile or type_.runs_code:
        return False
    if type_.is_arithmetic:
        return True
    if type_.kind == "array" or type_.container == "array":
        return type_.element is not None and is_flat(type_.element)
    return type_.kind == "record" and bool(type_.fields) and all(is_flat(t) for _, t in type_.fields)


def is_plain_object(type_: CType) -> bool:
    """Whether everything that a method may read of the object lies in its members and their elements."""
    if type_.kind == "pointer" and type_.element is not None:
        type_ = type_.element
    fields = type_.fields
    return bool(fields) and all(is_flat(t) or holds_flat(t) or t.kind == "pointer" for _, t in fields)


def holds_flat(type_: CType) -> bool:
    """Whether it is a std::vector of numbers (or of such vectors)."""
    if type_.container != "vector" or type_.element is None:
        return False
    return is_flat(type_.element) or holds_flat(type_.element)


def is_one(type_: CType) -> bool:
    """Whether it is one object, not a sequence of them."""
    return type_.is_arithmetic or (type_.kind == "record" and not type_.container)


def is_number_or_array(type_: CType) -> bool:
    """Whether it is a number, or an array of numbers of any rank."""
    while type_.kind == "array" and type_.element is not None:
        type_ = type_.element
    return type_.is_arithmetic and not type_.volatile
