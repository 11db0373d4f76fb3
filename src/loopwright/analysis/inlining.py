"""Replaces calls of one-line functions by what they return: index functions, accessors of a class.

`static int at(int i, int j, int n) { return i * n + j; }` and `double &operator()(int i, int j)` are how
much scientific code writes a subscript. The tree is changed, never the source: the places of the call stay.
"""

from __future__ import annotations

from dataclasses import replace

from loopwright.analysis.calls import CONTAINER_METHODS
from loopwright.analysis.purity import is_pure_by_name
from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import Expr, Function, Stmt, Unit, Variable

_DEEPEST = 6
_LARGEST = 200
"""Expressions in the function; beyond that a call is left as it is."""


def inline_calls(unit: Unit) -> None:
    """Replaces them in all functions of the unit."""
    inliner = _Inliner(unit)
    for function in unit.functions.values():
        inliner.statement(function.body, (function.key,))


class _Inliner:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._returned: dict[str, Expr | None] = {}

    def statement(self, root: Stmt, within: tuple[str, ...]) -> None:
        for stmt in root.walk():
            if stmt.expr is not None:
                stmt.expr = self.expression(stmt.expr, within)
            if stmt.increment is not None:
                stmt.increment = self.expression(stmt.increment, within)
            for variable in stmt.variables:
                if variable.init is not None:
                    variable.init = self.expression(variable.init, within)

    def expression(self, expr: Expr, within: tuple[str, ...]) -> Expr:
        expr.args = tuple(self.expression(arg, within) for arg in expr.args)
        if expr.kind != "call" or expr.key in within or len(within) > _DEEPEST:
            return expr
        callee = self.unit.functions.get(expr.key)
        if callee is None or callee.virtual or callee.doubt or any(_has_effect(arg) for arg in expr.args):
            return expr
        value = self._value_of(callee)
        operands = expr.args[1:] if expr.method else expr.args
        if any(e.type.runs_code for e in operands) or callee.result.runs_code:
            return expr  # what is handed over by value is copied, and destroyed
        if value is None or len(operands) != len(callee.parameters) or expr.method != callee.is_method:
            return expr
        given = dict(zip(callee.parameters, operands, strict=True))
        dropped = [arg for parameter, arg in given.items() if not _mentions(value, parameter)]
        if expr.method and not any(part.kind == "this" for part in value.walk()):
            dropped.append(expr.args[0])
        if any(_calls(arg) for arg in dropped):
            return expr  # what the function does not use is computed all the same
        made = _substituted(value, given, expr.args[0] if expr.method else None, expr)
        return self.expression(made, (*within, expr.key))

    def _value_of(self, callee: Function) -> Expr | None:
        if callee.key not in self._returned:
            self._returned[callee.key] = _only_return(callee)
        return self._returned[callee.key]


def _only_return(callee: Function) -> Expr | None:
    value = _returned(callee.body.body)
    if value is None:
        return None
    effects = effects_of([value])
    parts = list(value.walk())
    if effects.writes or effects.address_taken or len(parts) > _LARGEST:
        return None
    if any(p.kind in ("lambda", "new", "other", "assign", "init") for p in parts):
        return None
    own = {
        p.variable
        for p in parts
        if p.kind == "ref" and p.variable is not None and p.variable.scope == "static"
    }
    return None if own else value


def _returned(body: tuple[Stmt, ...]) -> Expr | None:
    """The one value of `return x;` and of `if (c) return x; return y;` or `else return y;`."""
    if not body:
        return None
    first, rest = body[0], body[1:]
    if first.kind == "block" and not rest:
        return _returned(first.body)
    if first.kind == "return":
        return first.expr if not rest else None
    if first.kind != "if" or first.expr is None or not 1 <= len(first.body) <= 2:
        return None
    yes = _returned((first.body[0],))
    no = _returned(rest) if len(first.body) == 1 else _returned((first.body[1],)) if not rest else None
    if yes is None or no is None or yes.type.spelling != no.type.spelling:
        return None
    return Expr("cond", yes.type, first.start, first.end, first.line, args=(first.expr, yes, no))


def _has_effect(arg: Expr) -> bool:
    return any(e.kind in ("assign", "lambda") or e.op in ("++_", "--_", "_++", "_--") for e in arg.walk())


def _mentions(value: Expr, parameter: Variable) -> bool:
    return any(part.kind == "ref" and part.variable is parameter for part in value.walk())


def _calls(arg: Expr) -> bool:
    """Whether computing it may do more than give a value."""
    return any(
        e.kind in ("new", "other") or (e.kind == "call" and not (is_pure_by_name(e) or _gives_access(e)))
        for e in arg.walk()
    )


def _gives_access(call: Expr) -> bool:
    owner = call.args[0].type.stripped if call.method and call.args else None
    return owner is not None and bool(owner.container) and call.name in CONTAINER_METHODS


def _substituted(expr: Expr, given: dict[Variable, Expr], owner: Expr | None, call: Expr) -> Expr:
    if expr.kind == "ref" and expr.variable in given and expr.variable is not None:
        return given[expr.variable]
    if expr.kind == "this" and owner is not None:
        return owner
    if expr.kind == "unary" and expr.op == "*" and expr.args[0].kind == "this" and owner is not None:
        return owner if owner.type.kind != "pointer" else replace(expr, args=(owner,))
    args = tuple(_substituted(arg, given, owner, call) for arg in expr.args)
    return replace(expr, args=args, start=call.start, end=call.end, line=call.line)
