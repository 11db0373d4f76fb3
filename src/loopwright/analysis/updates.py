"""Which assignments are one step of a reduction: `x = x op e`, minima and maxima in all their spellings."""

from __future__ import annotations

from loopwright.analysis.purity import extremum_by_name
from loopwright.analysis.syntax import Expr
from loopwright.analysis.values import structure

REDUCTIONS = {"+": "+", "-": "+", "*": "*", "&": "&", "|": "|", "^": "^", "&&": "&&", "||": "||"}
"""Operators to the operation that they combine with: x - e combines like x + e."""


def self_update(target: Expr, value: Expr) -> str | None:
    """The operation of `x = x op e` or `x = e op x` (or a call of min or max), None for anything else."""
    same = structure(target)
    value = _uncast(value)
    if value.kind == "binary" and value.op in REDUCTIONS:
        left, right = (_uncast(arg) for arg in value.args)
        if structure(left) == same or (value.op != "-" and structure(right) == same):
            return REDUCTIONS[value.op]
        if value.op in ("+", "-") and left.kind == "binary" and left.op in ("+", "-"):
            # x + a - b is (x + a) - b
            return "+" if self_update(target, left) == "+" else None
    if (which := extremum_by_name(value)) is not None:
        return which if any(structure(_uncast(arg)) == same for arg in value.args) else None
    if value.kind == "cond":
        return _chosen(value, same)
    return None


def _chosen(value: Expr, same: object) -> str | None:
    """min or max for `e < x ? e : x` and the like."""
    test, yes, no = value.args
    if test.kind != "binary" or test.op not in ("<", "<=", ">", ">="):
        return None
    left, right = structure(test.args[0]), structure(test.args[1])
    first, second = structure(yes), structure(no)
    if same not in (left, right) or {left, right} != {first, second} or left == right:
        return None
    smaller = test.op in ("<", "<=")
    return "min" if (left == first) == smaller else "max"


def _uncast(expr: Expr) -> Expr:
    while expr.kind == "cast" and expr.type.kind == "float" and expr.args[0].type.kind == "float":
        if expr.args[0].type.size > expr.type.size:
            return expr
        expr = expr.args[0]
    return expr
