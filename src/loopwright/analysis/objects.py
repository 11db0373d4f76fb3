"""What the integers in an object are from its construction on: `columns()` of a matrix made as Matrix(n, m).

A member that is set in the initialiser list of the constructor and written nowhere else in the program keeps
that value as long as the object lives. All code of the program has to be seen.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from loopwright.analysis.assignments import Cells, cell_of, uncast
from loopwright.analysis.calls import STEPS
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.scopes import Effects, chosen, effects_of
from loopwright.analysis.syntax import CType, Expr, Function, Unit, Variable

_DEEPEST_CALL = 3


class Objects:
    """The integer members of objects, for a program of one file."""

    def __init__(self, unit: Unit, cells: Cells) -> None:
        self.unit = unit
        self.cells = cells
        self.written: set[tuple[str, str]] = set()
        self.replaced: set[str] = set()
        self._effects: dict[str, Effects] = {}
        for variable in unit.all_variables():
            if variable.init is not None:
                self._bound(variable.type, variable.init)
        for function in unit.functions.values():
            for statement in function.body.walk():
                if statement.kind == "return" and statement.expr is not None:
                    self._bound(function.result, statement.expr)
        for expr in unit.all_expressions():
            self._examine(expr)

    def differences(self, first: Expr, second: Expr, function: Function) -> int | None:
        """first - second, when that is one number wherever the function is called from; else None."""
        pairs = self._values((first, second), function, 0)
        found = {None if pair is None else (pair[0] - pair[1]).value for pair in pairs}
        return found.pop() if len(found) == 1 else None

    # -- what is written

    def _bound(self, target: CType, value: Expr) -> None:
        """A variable, a parameter, a member or a result of this type gets this value: through a reference to
        a member, or a pointer of another type to an object, it may be written.
        """
        if target.kind == "reference" and target.element is not None and not target.element.const:
            if value.kind == "member":
                self._changed(value, address=True)
        elif target.kind == "pointer" and target.element is not None:
            given = uncast(value).type.element
            if given is not None and given.spelling != target.element.spelling:
                self._overwritten(given)
                self._overwritten(target.element)

    def _examine(self, expr: Expr) -> None:
        if expr.kind == "assign":
            self._bound(expr.args[0].type, expr.args[1])
        if expr.kind == "init":
            fields = expr.type.stripped.fields
            in_order = zip(fields, expr.args, strict=False)
            for (_, type_), arg in itertools.product(fields, expr.args) if expr.op == "." else in_order:
                self._bound(type_, arg)
        if expr.kind == "assign" or (expr.kind == "unary" and expr.op in (*STEPS, "&")):
            self._changed(expr.args[0], address=expr.op == "&")
        elif expr.kind == "call":
            callee = self.unit.functions.get(expr.key)
            seen = callee is not None
            if callee is not None:
                args = expr.args[1:] if expr.method else expr.args
                for parameter, arg in zip(callee.parameters, args, strict=False):
                    self._bound(parameter.type, arg)
            for arg, written in zip(expr.args, expr.by_reference, strict=False):
                if written and arg.kind == "member":
                    self._changed(arg, address=False)
                if written and not seen:
                    self._overwritten(arg.type.stripped)
            if not seen:
                for arg in expr.args:
                    self._overwritten(uncast(arg).type.element)
            if expr.name == "operator=" and expr.args:
                self._overwritten(expr.args[0].type.stripped)
        elif expr.kind == "cast" and expr.type.element is not None:
            self._bound(expr.type, expr.args[0])
            if expr.args[0].type.element is None:
                self._overwritten(expr.type.element)  # made of a number
        elif expr.kind == "new" and expr.type.element is not None:
            if expr.op == "placement":  # an object is made where another one was
                self._overwritten(expr.type.element)
        elif expr.kind == "other":
            self._overwritten(expr.type.stripped)

    def _changed(self, target: Expr, *, address: bool) -> None:
        cells = map(cell_of, chosen(target))
        self.written |= {(cell[1], cell[2]) for cell in cells if isinstance(cell, tuple)}
        if not address:
            self._overwritten(target.type.stripped)

    def _overwritten(self, type_: CType | None) -> None:
        if type_ is not None and type_.kind == "record" and not type_.const:
            self.replaced.add(type_.spelling)

    # -- values

    def _values(
        self, exprs: tuple[Expr, Expr], function: Function, depth: int
    ) -> list[tuple[Polynomial, Polynomial] | None]:
        """Both values, for each way in which the function is called."""
        here = [self._value(e, function) for e in exprs]
        if here[0] is not None and here[1] is not None:
            return [(here[0], here[1])]
        calls = self.cells.calls.get(function.key, [])
        if depth >= _DEEPEST_CALL or not calls or function.key in self.cells.called_unseen:
            return [None]
        found: list[tuple[Polynomial, Polynomial] | None] = []
        for caller, call in calls:
            around = self.unit.functions.get(caller)
            args = call.args[1:] if call.method else call.args
            if around is None or around is function or len(args) != len(function.parameters):
                return [None]
            given = dict(zip(function.parameters, args, strict=True))
            passed = [self._passed(e, given, function) for e in exprs]
            if passed[0] is None or passed[1] is None:
                return [None]
            found += self._values((passed[0], passed[1]), around, depth + 1)
        return found

    def _passed(self, expr: Expr, given: dict[Variable, Expr], function: Function) -> Expr | None:
        """The expression as the caller would write it; None when it is about more than parameters."""
        match expr.kind:
            case "int":
                return expr
            case "ref" if expr.variable is not None:
                if expr.variable not in given or self._effects_of(function).changes(expr.variable):
                    return None
                return given[expr.variable]
            case "member" if expr.args[0].kind == "ref" and expr.args[0].type.kind != "pointer":
                owner = expr.args[0].variable
                # What a parameter refers to keeps its members whatever else is done with it.
                if owner is None or owner not in given or owner.type.kind != "reference":
                    return None
                return replace(expr, args=(given[owner],))
            case "binary" if expr.op in ("+", "-", "*"):
                parts = [self._passed(arg, given, function) for arg in expr.args]
                if any(p is None for p in parts):
                    return None
                return replace(expr, args=tuple(p for p in parts if p is not None))
        return None

    def _value(self, expr: Expr, function: Function) -> Polynomial | None:
        """An integer over the variables of `function` that never change in it."""
        match expr.kind:
            case "int" if expr.value is not None:
                return Polynomial.constant(expr.value)
            case "ref" if expr.variable is not None and expr.type.kind == "int":
                variable = expr.variable
                fixed = variable.scope == "local" and not self._effects_of(function).changes(variable)
                fixed = fixed and variable.init is not None
                return Polynomial.symbol(f"{variable.name}@{id(variable)}") if fixed else None
            case "member" if expr.args[0].kind == "ref" and expr.args[0].variable is not None:
                return self._member(expr, expr.args[0].variable, function)
            case "binary" if expr.op in ("+", "-", "*"):
                left, right = (self._value(arg, function) for arg in expr.args)
                if left is None or right is None:
                    return None
                return left + right if expr.op == "+" else left - right if expr.op == "-" else left * right
        return None

    def _member(self, expr: Expr, owner: Variable, function: Function) -> Polynomial | None:
        made, class_, name = owner.init, owner.type.spelling, expr.name
        if owner.scope != "local" or owner.type.kind != "record" or made is None or expr.owner != class_:
            return None
        if class_ in self.replaced or (class_, name) in self.written or name in self.unit.unread:
            return None
        constructor = self.unit.functions.get(made.key) if made.kind == "call" else None
        if constructor is None or constructor.owner != class_:
            return None
        if len(made.args) != len(constructor.parameters):
            return None
        given = dict(zip(constructor.parameters, made.args, strict=True))
        for member, init in constructor.inits:
            if member == name:
                passed = self._passed(init, given, constructor)
                return None if passed is None else self._value(passed, function)
        return None

    def _effects_of(self, function: Function) -> Effects:
        if function.key not in self._effects:
            self._effects[function.key] = effects_of([function.body])
        return self._effects[function.key]
