"""The conditions of #if, decided for the macros that a compiler defines by itself (C11 6.10.1)."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Collection, Mapping

_DEFINED = re.compile(r"\bdefined\s*(?:\(\s*(\w+)\s*\)|(\w+))")
_NUMBER = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\b")
_NAME = re.compile(r"\b[A-Za-z_]\w*\b(?!\s*\()")
_OPERATORS: Mapping[type, Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.LShift: operator.lshift,
}  # fmt: skip
"""Those that bind in Python as they do in C, one beside the other; & and | do not."""


class _NotPlain(Exception):
    """The condition has something that is not decided here, such as __has_include(...)."""


def holds(condition: str, macros: Mapping[str, str], own: Collection[str]) -> bool | None:
    """Whether the condition holds under these macros; None when that is not known. `own` are the names of
    which something else than `macros` decides.
    """
    if set(re.findall(r"[A-Za-z_]\w*", condition)) & {*own} or "~" in condition:
        return None

    def defined(match: re.Match[str]) -> str:
        return "1" if (match[1] or match[2]) in macros else "0"

    text = _DEFINED.sub(defined, condition)
    text = _NAME.sub(lambda match: f"({macros.get(match[0], '0')})", text)
    text = _NUMBER.sub(_decimal, text).replace("&&", " and ").replace("||", " or ")
    text = re.sub(r"!(?!=)", "~", text)  # which binds as tightly as C's !
    try:
        return bool(_value(ast.parse(text.strip(), mode="eval").body))
    except (SyntaxError, ValueError, _NotPlain, RecursionError):
        return None


def _decimal(match: re.Match[str]) -> str:
    digits = match[1].lower()
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] != "x"
    return str(int(digits, 8 if octal else 0))


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.BoolOp(op=ast.And(), values=values):
            return int(all(_value(v) for v in values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return int(any(_value(v) for v in values))
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return int(not _value(operand))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return int(_OPERATORS[type(op)](_value(left), _value(right)))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            return int(_OPERATORS[type(op)](_value(left), _value(right)))
    raise _NotPlain
