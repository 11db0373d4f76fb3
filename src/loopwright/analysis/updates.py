"""Which assignments are one step of a reduction: `x = x op e`, minima and maxima in all their spellings."""

from __future__ import annotations

from loopwright.analysis.integers import is_boolean
from loopwright.analysis.purity import STD_MIN_MAX, extremum_by_name, is_pure_by_name
from loopwright.analysis.syntax import Expr
from loopwright.analysis.values import Scope, structure

REDUCTIONS = {"+": "+", "-": "+", "*": "*", "&": "&", "|": "|", "^": "^", "&&": "&&", "||": "||"}
"""Operators to the operation that they combine with: x - e combines like x + e."""


def self_update(target: Expr, value: Expr) -> str | None:
    """The operation of `x = x op e` or `x = e op x` (or a call of min or max), None for anything else."""
    same = structure(target)
    value = _uncast(value)
    if value.kind == "binary" and value.op in REDUCTIONS:
        left, right = (_uncast(arg) for arg in value.args)
        if structure(left) == same:
            return combining(target, value.op, right)
        if value.op != "-" and structure(right) == same:
            return combining(target, value.op, left)
        if value.op in ("+", "-") and left.kind == "binary" and left.op in ("+", "-"):
            # x + a - b is (x + a) - b
            return combining(target, value.op, right) if self_update(target, left) == "+" else None
    if (which := extremum_by_name(value)) is not None:
        first, second = (_uncast(arg) for arg in value.args)
        # std::max(a, b) is a < b ? b : a, which takes a when one of them is no number.
        skips = value.name not in STD_MIN_MAX or structure(first) == same
        if same not in (structure(first), structure(second)) or not (
            skips or target.type.stripped.kind == "int"
        ):
            return None
        other = second if structure(first) == same else first
        return which if _comparable(target, value) and _comparable(target, other) else None
    if value.kind == "cond":
        return _chosen(target, value, same)
    return None


def assignments_for_effect(expr: Expr) -> tuple[Expr, ...]:
    """The assignments in an expression statement whose values nobody sees. That of `s += x` in
    `y[i] = s += x` is a partial sum, and so is that of `k++` in `y[i] = k++`: their order is seen.
    """
    if expr.kind == "cast" and expr.type.kind == "void":
        return assignments_for_effect(expr.args[0])
    if expr.kind == "binary" and expr.op == ",":
        return tuple(each for arg in expr.args for each in assignments_for_effect(arg))
    return (expr,)


def combining(target: Expr, op: str, operand: Expr | None) -> str | None:
    """The operation that `x = x op e` combines with, None when the order of the updates may matter.

    An integer rounds after each step when the operand is no integer, and bool holds no sums.
    """
    type_ = target.type.stripped
    if type_.kind == "int" and operand is not None and operand.type.stripped.kind != "int":
        return None
    if is_boolean(type_) and op in ("+", "-", "*", "^"):
        return None
    return REDUCTIONS.get(op)


def reduction_step(target: Expr, value: Expr, scope: Scope) -> str | None:
    """Like `self_update`, but && and || only where all right sides may be evaluated, none of them too."""
    op = self_update(target, value)
    if op in ("&&", "||") and not (_stays_a_truth(target, scope) and _may_be_evaluated(value)):
        return None
    return op


def _stays_a_truth(target: Expr, scope: Scope) -> bool:
    """Whether what `x = x && e` sets is 0 or 1 before the first update too, for there may be none."""
    variable = target.variable
    if is_boolean(target.type.stripped):
        return True
    if target.kind != "ref" or variable is None or variable.scope != "local" or variable.init is None:
        return False
    init = variable.init
    truth = init.op in _TRUTHS if init.kind in ("binary", "unary") else init.value in (0, 1)
    return truth and scope.function.writes.get(variable) == 1 and variable not in scope.function.address_taken


_TRUTHS = ("&&", "||", "!", "<", "<=", ">", ">=", "==", "!=")


def _may_be_evaluated(update: Expr) -> bool:
    """Whether the right side of the && or || in `x = x && e` does nothing but give a value.

    The source evaluates it only until the answer is known: what it divides by, or what a pointer leads to,
    may be good up to there only, as in comparing strings up to their ends.
    """
    value = _uncast(update)
    return value.kind == "binary" and not any(_may_trap(part) for part in value.args[1].walk())


def _may_trap(part: Expr) -> bool:
    match part.kind:
        case "ref" | "int" | "float" | "constant" | "cast" | "cond" | "string":
            return False
        case "binary":
            return part.op in ("/", "%") and part.type.stripped.kind == "int"
        case "unary":
            return part.op not in ("+", "-", "!", "~")
        case "call":
            elements = part.method and part.name == "operator[]" and part.args[0].type.stripped.container
            return not (elements or is_pure_by_name(part))
        case "index":
            # An array parameter is a pointer too.
            base = part.args[0]
            decays = base.kind == "ref" and base.variable is not None and base.variable.scope == "param"
            return base.type.stripped.kind != "array" or decays
        case "member":
            return part.args[0].type.kind == "pointer"
    return True


def _chosen(target: Expr, value: Expr, same: object) -> str | None:
    """min or max for `e < x ? e : x` and the like."""
    test, yes, no = value.args
    if test.kind != "binary" or test.op not in ("<", "<=", ">", ">="):
        return None
    left, right = structure(test.args[0]), structure(test.args[1])
    first, second = structure(yes), structure(no)
    if same not in (left, right) or {left, right} != {first, second} or left == right:
        return None
    if not all(_comparable(target, arg) for arg in (*test.args, yes, no)):
        return None
    if second != same and target.type.stripped.kind == "float":
        return None  # `x > e ? x : e` takes an e that is no number, and then whatever comes next
    smaller = test.op in ("<", "<=")
    return "min" if (left == first) == smaller else "max"


def _comparable(target: Expr, other: Expr) -> bool:
    """Whether the larger of both is a value of the target, and is found by comparing them as they are."""
    own, type_ = target.type.stripped, other.type.stripped
    if own.kind != "int" or type_.kind != "int":
        return own.kind == "float" and type_.is_arithmetic
    if own.unsigned == type_.unsigned:
        return type_.size <= own.size
    return type_.unsigned and type_.size < own.size


def _uncast(expr: Expr) -> Expr:
    while expr.kind == "cast":
        inner = expr.args[0]
        same = expr.type.kind == "float" and inner.type.kind == "float" and inner.type.size <= expr.type.size
        truth = is_boolean(expr.type) and inner.kind == "binary" and inner.op in ("&&", "||")
        if not same and not truth:
            break
        expr = inner
    return expr
