"""Arithmetic over size parameters: the expressions of a task file, as in `"16 * n * n * steps"`.

Only numbers, names, `+ - * / // % **`, unary minus, comparison-free parentheses and the functions
min, max, ceil, floor, sqrt, log2 are allowed: the text is parsed, never executed.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from loopwright.core.errors import TaskError

Number = int | float

_BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "min": min,
    "max": max,
    "ceil": math.ceil,
    "floor": math.floor,
    "sqrt": math.sqrt,
    "log2": math.log2,
}
_LARGEST_EXPONENT = 64
_LARGEST = 2**63
_LARGEST_BETWEEN = 2**1000
"""Bounds what is computed on the way, so that towers of powers cost nothing."""
_LONGEST = 1000
"""Characters. The parser is only safe from running out of stack on texts that are not too long."""


def names_in(expression: str) -> frozenset[str]:
    """The parameter names that `expression` uses.

    Raises:
        TaskError: when the text is not such an expression.
    """
    tree = _parse(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called
    )


def evaluate(expression: str, params: Mapping[str, Number]) -> Number:
    """The value of `expression` with `params` put in.

    Raises:
        TaskError: for a syntax that is not allowed, a name that `params` lacks, a division by zero,
            the root of a negative number, or a value beyond 2**63.
    """
    try:
        value = _value(_parse(expression).body, params, expression)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise TaskError(f"cannot compute {expression!r} with {_shown(params)}: {error}") from error
    except RecursionError as error:
        raise TaskError(f"nested too deeply: {_shortened(expression)}") from error
    if abs(value) >= _LARGEST:
        raise TaskError(f"{expression!r} with {_shown(params)} is {float(value):g}: beyond 2**63")
    return value


def evaluate_int(expression: str, params: Mapping[str, Number]) -> int:
    """Like :func:`evaluate`, for a value that must be a whole number (a length, a count)."""
    value = evaluate(expression, params)
    if value != int(value):
        raise TaskError(f"{expression!r} with {_shown(params)} is {value}, not a whole number")
    return int(value)


def _parse(expression: str) -> ast.Expression:
    if len(expression) > _LONGEST:
        raise TaskError(f"an expression of more than {_LONGEST} characters: {_shortened(expression)}")
    try:
        return ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TaskError(f"not an arithmetic expression: {_shortened(expression)}") from error


def _value(node: ast.expr, params: Mapping[str, Number], whole: str) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _real(number)
        case ast.Name(id=name):
            if name in params:
                return params[name]
            raise TaskError(
                f"{whole!r} uses {name!r}; known parameters: {', '.join(sorted(params)) or 'none'}"
            )
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, params, whole)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            a, b = _value(left, params, whole), _value(right, params, whole)
            if isinstance(op, ast.Pow) and abs(b) > _LARGEST_EXPONENT:
                raise TaskError(f"exponent {b} in {whole!r} is larger than {_LARGEST_EXPONENT}")
            return _real(_BINARY[type(op)](a, b))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
            return _real(_FUNCTIONS[name](*(_value(arg, params, whole) for arg in args)))
    raise TaskError(f"{ast.unparse(node)!r} is not allowed in an expression ({whole!r})")


def _real(value: Number | complex) -> Number:
    """`value`, when it is a real number of bearable size; else an error that `evaluate` tells."""
    if isinstance(value, complex):
        raise ValueError("a negative number has no real power of this exponent")
    if not -_LARGEST_BETWEEN < value < _LARGEST_BETWEEN:
        raise OverflowError("a number on the way is too large")
    return value


def _shortened(expression: str) -> str:
    return repr(expression if len(expression) <= 80 else expression[:80] + "...")


def _shown(params: Mapping[str, Number]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in params.items()) or "no parameters"
