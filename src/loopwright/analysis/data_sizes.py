"""How large the arrays of a program are and how often its loops run, as polynomials over its variables."""

from __future__ import annotations

import ast
import itertools
import math
from dataclasses import dataclass

from loopwright.analysis.assignments import uncast
from loopwright.analysis.data_bases import Base, View, allocation_of
from loopwright.analysis.data_elements import factors, substituted
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.headers import read_header
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import CType, Expr, Function, Stmt, Variable
from loopwright.analysis.values import Scope
from loopwright.core.task import Kernel

_DEEPEST_CALL = 4


@dataclass(frozen=True)
class Size:
    """The number of elements of an array, and where that is known from, in words."""

    elements: Polynomial
    source: str


def text_of(polynomial: Polynomial) -> str:
    """The polynomial as C text, made of names, numbers, `+ - *` only."""
    parts: list[str] = []
    for monomial, coefficient in sorted(polynomial.terms, key=lambda t: (-len(t[0]), t[0])):
        factors_ = [*((str(abs(coefficient)),) if abs(coefficient) != 1 or not monomial else ()), *monomial]
        sign = "-" if coefficient < 0 else "+"
        parts += [sign, " * ".join(factors_)]
    if not parts:
        return "0"
    lead = parts[1] if parts[0] == "+" else f"-{parts[1]}"
    return " ".join([lead, *parts[2:]])


def length_of(polynomial: Polynomial) -> str:
    """A length as the source would write it, and never negative where sizes are small: of `n - 2` rows there
    are none when n is 1.

    A section of negative length ends the program, where the loop itself would have done nothing.
    """
    text = text_of(polynomial)
    return f"({text} > 0 ? {text} : 0)" if _may_be_negative(polynomial) else text


def _may_be_negative(polynomial: Polynomial) -> bool:
    """Whether small sizes, from 0 on, make it negative. With many variables the answer is yes at once."""
    symbols = sorted({symbol for monomial, _ in polynomial.terms for symbol in monomial})
    taken = -sum(factor for _, factor in polynomial.terms if factor < 0)
    values = range(min(taken, 8) + 2)
    if taken == 0 or len(symbols) > 3:
        return taken > 0
    for sizes in itertools.product(values, repeat=len(symbols)):
        size = dict(zip(symbols, sizes, strict=True))
        if sum(factor * math.prod(size[s] for s in monomial) for monomial, factor in polynomial.terms) < 0:
            return True
    return False


def polynomial_of(expr: Expr, reader: UnitReader, function: Function) -> Polynomial | None:
    """The value of an integer expression over variables of the function, those that never change replaced by
    what they were given; None when it is not such a one.
    """
    scope = Scope(effects_of(()), reader.aliasing.effects(function), reader.unit.source)
    value = scope.integer(expr)
    if value is None:
        return None
    return _over_texts(value, scope)


def _over_texts(value: Polynomial, scope: Scope) -> Polynomial | None:
    names = {
        name: Polynomial.make({factors(parameter.text): 1}) for name, parameter in scope.parameters.items()
    }
    return substituted(value, {s: names.get(s) for s in value.symbols})


def trips_of(loop: Stmt, reader: UnitReader, function: Function) -> tuple[Polynomial | None, bool]:
    """How often a loop runs its body, and whether that is exact (else it is the most that it can be)."""
    if loop.kind != "for":
        return None, False
    leaves = any(s.kind in ("break", "return", "goto") for s in loop.walk())
    condition, exact = loop.expr, not leaves
    while condition is not None and condition.kind == "binary" and condition.op == "&&":
        condition, exact = condition.args[0], False
    scope = Scope(
        effects_of([loop], reader.summaries),
        reader.aliasing.effects(function),
        reader.unit.source,
        nest_start=loop.start,
        nest_end=loop.end,
    )
    counted = Stmt(
        "for",
        loop.start,
        loop.end,
        loop.line,
        loop.body,
        condition,
        loop.init,
        loop.increment,
        loop.variables,
    )
    header = read_header(counted, scope)
    if not header.lower or not header.upper or not header.step:
        return None, False
    if len(header.lower) != 1 or len(header.upper) != 1:
        return None, False
    difference = _over_texts(header.upper[0] - header.lower[0], scope)
    step = abs(header.step)
    if difference is None or any(c % step for _, c in difference.terms):
        return None, False
    return Polynomial.make({m: c // step for m, c in difference.terms}), exact


def declared_size(
    base: Base, view: View, reader: UnitReader, function: Function, depth: int = 0
) -> Size | None:
    """The size that the task states, a declaration gives, or an allocation here or in a caller asks for."""
    stated = _stated(base, view.kernel, function)
    changing = {v.name for v in function.parameters if reader.aliasing.effects(function).changes(v)}
    if stated is not None and not stated.symbols & changing:
        return Size(stated, "the task states the shape")
    variable = base.variable
    type_ = variable.type
    if not base.pointed and not (variable.scope == "param" and type_.kind == "array"):
        count = _count(type_, list(variable.extents), reader, function)
        return None if count is None else Size(count, "declared")
    if base.is_parameter:
        return _given_size(base, view, function, depth)
    call = allocation_of(base, reader, function)
    if call is None:
        return None
    asked = _asked(call, base.element.size, reader, function)
    for partner in reader.aliasing.cells.component(base.variable) - {base.variable}:
        # The pointers of arrays of different sizes are exchanged: which is which is not known.
        theirs = (
            allocation_of(Base(partner, True), reader, function) if isinstance(partner, Variable) else None
        )
        if theirs is None or _asked(theirs, base.element.size, reader, function) != asked:
            return None
    return None if asked is None else Size(asked, f"{call.name} at line {call.line}")


def _given_size(base: Base, view: View, function: Function, depth: int) -> Size | None:
    """The size of the arrays that all callers give, in terms of the function's own parameters."""
    calls = view.calls_of(function)
    if not calls or depth >= _DEEPEST_CALL or base.variable not in function.parameters:
        return None
    found: list[Size] = []
    for reader, caller, call in calls:
        args = call.args[1:] if call.method else call.args
        if len(args) != len(function.parameters) or caller is function:
            return None
        given = dict(zip(function.parameters, args, strict=True))
        outer = uncast(given[base.variable])
        if outer.kind != "ref" or outer.variable is None:
            return None
        theirs = Base(outer.variable, outer.variable.type.kind == "pointer")
        if theirs.element.size != base.element.size:
            return None
        size = declared_size(theirs, view, reader, caller, depth + 1)
        if size is None:
            return None
        effects = view.functions[function.key][0].aliasing.effects(function)
        names: dict[str, Polynomial | None] = dict.fromkeys(size.elements.symbols)
        for parameter, arg in given.items():
            value = polynomial_of(arg, reader, caller) if parameter.type.kind == "int" else None
            if value is not None and len(value.symbols) == 1 and not effects.changes(parameter):
                (symbol,) = value.symbols
                if value == Polynomial.symbol(symbol):
                    names[symbol] = Polynomial.symbol(parameter.name)
        mine = substituted(size.elements, names)
        if mine is None:
            return None
        where = "" if " of " in size.source else f" of {theirs.name} in {caller.name}"
        found.append(Size(mine, size.source + where))
    return found[0] if all(s.elements == found[0].elements for s in found) else None


def _count(type_: CType, extents: list[Expr], reader: UnitReader, function: Function) -> Polynomial | None:
    total = Polynomial.constant(1)
    while type_.kind == "array" and type_.element is not None:
        expr = extents.pop(0) if extents else None
        size = Polynomial.constant(type_.count) if type_.count is not None else None
        if size is None and expr is not None:
            size = _fixed(expr, reader, function)
        if size is None:
            return None
        total, type_ = total * size, type_.element
    return total


def _fixed(expr: Expr, reader: UnitReader, function: Function) -> Polynomial | None:
    """The value when no variable in it ever changes in the function."""
    effects = reader.aliasing.effects(function)
    for part in expr.walk():
        variable = part.variable if part.kind == "ref" else None
        if part.kind in ("member", "index", "call"):
            return None
        if variable is not None and (
            effects.changes(variable) or (variable.scope in ("global", "static") and not variable.type.const)
        ):
            return None
    return polynomial_of(expr, reader, function)


def _asked(call: Expr, element_bytes: int, reader: UnitReader, function: Function) -> Polynomial | None:
    args = {"malloc": call.args[:1], "calloc": call.args, "aligned_alloc": call.args[1:]}.get(call.name)
    if not args or not element_bytes:
        return None
    total = Polynomial.constant(1)
    for arg in args:
        for factor in _factors(arg):
            known = factor.value if factor.kind in ("constant", "int") else None
            size = Polynomial.constant(known) if known is not None else _fixed(factor, reader, function)
            if size is None:
                return None
            total = total * size
    if any(coefficient % element_bytes for _, coefficient in total.terms):
        return None
    return Polynomial.make({m: c // element_bytes for m, c in total.terms})


def _factors(expr: Expr) -> list[Expr]:
    bare = uncast(expr)
    if bare.kind == "binary" and bare.op == "*":
        return [f for arg in bare.args for f in _factors(arg)]
    return [bare]


def _stated(base: Base, kernel: Kernel | None, function: Function) -> Polynomial | None:
    if kernel is None or function.name != kernel.function or base.variable not in function.parameters:
        return None
    position = function.parameters.index(base.variable)
    if position >= len(kernel.arguments) or not kernel.arguments[position].is_array:
        return None
    names = {
        argument.value: parameter.name
        for argument, parameter in zip(kernel.arguments, function.parameters, strict=False)
        if argument.value is not None
    }
    total = Polynomial.constant(1)
    for extent in kernel.arguments[position].shape:
        value = _parsed(extent, names)
        if value is None:
            return None
        total = total * value
    return total


def _parsed(text: str, names: dict[str, str]) -> Polynomial | None:
    """An expression of a task file over the kernel's arguments; `names` are theirs by the stated values."""
    if text in names:
        return Polynomial.symbol(names[text])
    try:
        return _of_node(ast.parse(text.strip(), mode="eval").body, names)
    except SyntaxError:
        return None


def _of_node(node: ast.expr, names: dict[str, str]) -> Polynomial | None:
    match node:
        case ast.Constant(value=int(number)):
            return Polynomial.constant(number)
        case ast.Name(id=name):
            return Polynomial.symbol(names[name]) if name in names else None
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
            a, b = _of_node(left, names), _of_node(right, names)
            if a is None or b is None:
                return None
            return a * b if isinstance(op, ast.Mult) else a + b if isinstance(op, ast.Add) else a - b
    return None
