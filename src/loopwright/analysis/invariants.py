"""Relations between integers that hold all through a program: `stride == columns + 2`.

A struct that is only ever made by braced lists such as `{rows, columns, columns + 2, NULL}`, and whose
members are never assigned, keeps the difference between two of its members. That is what proves rows of a
padded grid apart when its sizes are passed around one by one. All files of the program must be seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.analysis.assignments import Cells, binds, bound_cells, cell_of, structs_named_anew
from loopwright.analysis.objects import Objects
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.scopes import Effects
from loopwright.analysis.syntax import CType, Expr, Function, Unit, Variable
from loopwright.analysis.values import structure

Differences = dict[tuple[str, str, str], int]
"""(struct, member, other member) to member - other member."""


def member_differences(units: Sequence[Unit]) -> Differences:
    """The differences that hold for every object of each struct type. `units` must be the whole program."""
    found: Differences = {}
    spoiled: set[str] = set()
    for unit in units:
        for variable in unit.all_variables():
            _declared(variable, spoiled)
        for expr in unit.all_expressions():
            _examine(expr, unit, spoiled)
        for statement in unit.all_statements():
            spoiled |= {type_.spelling for type_ in structs_named_anew(statement)}
    lists = [
        e for unit in units for e in unit.all_expressions() if e.kind == "init" and e.type.stripped.fields
    ]
    for struct in {e.type.stripped.spelling for e in lists} - spoiled:
        made = [_of_one([e for e in lists if e.type.stripped.spelling == struct])]
        found.update({(struct, a, b): value for one in made for (a, b), value in one.items()})
    unread = {name for unit in units for name in unit.unread}
    return {key: value for key, value in found.items() if unread.isdisjoint(key)}


def _of_one(lists: list[Expr]) -> dict[tuple[str, str], int]:
    common: dict[tuple[str, str], int] | None = None
    for made in lists:
        fields = made.type.stripped.fields
        if len(made.args) != len(fields) or made.op or any(arg.kind == "other" for arg in made.args):
            return {}  # a designated or shortened list
        values = {
            name: _value(arg)
            for (name, type_), arg in zip(fields, made.args, strict=True)
            if type_.kind == "int"
        }
        here = {
            (a, b): difference
            for a, first in values.items()
            for b, second in values.items()
            if a != b and first is not None and second is not None
            if (difference := (first - second).value) is not None
        }
        common = here if common is None else {k: v for k, v in common.items() if here.get(k) == v}
    return common or {}


def _value(expr: Expr) -> Polynomial | None:
    """An expression over variables that are read at one moment."""
    if expr.kind == "int" and expr.value is not None:
        return Polynomial.constant(expr.value)
    if expr.kind == "ref" and expr.variable is not None and expr.type.kind == "int":
        return Polynomial.symbol(f"{expr.variable.name}@{id(expr.variable)}")
    if expr.kind == "binary" and expr.op in ("+", "-"):
        left, right = _value(expr.args[0]), _value(expr.args[1])
        if left is None or right is None:
            return None
        return left + right if expr.op == "+" else left - right
    return None


def _declared(variable: Variable, spoiled: set[str]) -> None:
    type_ = variable.type
    while type_.kind == "array" and type_.element is not None:
        type_ = type_.element
    if type_.kind == "record" and (variable.init is None or type_ is not variable.type):
        spoiled.add(type_.spelling)
    if variable.init is not None:
        if binds(variable.type):
            _bound(variable.init, spoiled)
        _converted(variable.type, variable.init, spoiled)


def _bound(value: Expr, spoiled: set[str]) -> None:
    """A member that has another name, too, may get anything."""
    spoiled.update(cell[1] for cell in bound_cells(value, "int") if isinstance(cell, tuple))


def _converted(target: CType, value: Expr, spoiled: set[str]) -> None:
    """Memory that was something else becomes a struct: an allocation, a buffer."""
    while value.kind == "cast":
        value = value.args[0]
    inner, given = target.element, value.type.stripped.element
    if target.kind == "pointer" and inner is not None and inner.kind == "record":
        same = given is not None and given.spelling == inner.spelling
        if not same and value.kind != "int":
            spoiled.add(inner.spelling)


def _examine(expr: Expr, unit: Unit, spoiled: set[str]) -> None:
    if expr.kind == "assign":
        _converted(expr.args[0].type, expr.args[1], spoiled)
    if expr.kind == "cast":
        _converted(expr.type, expr, spoiled)
    changed = expr.kind == "assign" or expr.op in ("++_", "--_", "_++", "_--")
    if (changed or (expr.kind == "unary" and expr.op == "&")) and expr.args[0].type.kind == "int":
        _bound(expr.args[0], spoiled)
    if expr.kind == "init" and any(binds(member) for _, member in expr.type.stripped.fields):
        for arg in expr.args:
            _bound(arg, spoiled)
    if expr.kind == "call":
        for arg, written in zip(expr.args, expr.by_reference, strict=False):
            if written:
                _bound(arg, spoiled)
        callee = unit.functions.get(expr.key)
        for position, arg in enumerate(expr.args):
            if callee is not None and not expr.method and position < len(callee.parameters):
                _converted(callee.parameters[position].type, arg, spoiled)
        if expr.name in _WRITERS:
            for arg in expr.args:
                _pointed(arg, spoiled)


_WRITERS = frozenset({"memcpy", "memset", "memmove", "fread", "read", "recv", "bzero"})


def _pointed(arg: Expr, spoiled: set[str]) -> None:
    while arg.kind == "cast":
        arg = arg.args[0]
    inner = arg.type.stripped.element
    if inner is not None and inner.kind == "record":
        spoiled.add(inner.spelling)


class Relations:
    """Differences between the integers of one function that a nest has as parameters."""

    def __init__(
        self,
        differences: Differences,
        cells: Cells,
        function: Function,
        whole: Effects,
        objects: Objects | None = None,
    ) -> None:
        self.differences = differences
        self.objects = objects
        self.passed = _arguments(cells, function) if differences else []
        self.function = function
        self.whole = whole

    def between(self, first: Expr, second: Expr) -> int | None:
        """first - second for two parameters of the nest, as the source has them; None: not known."""
        known = self._between(first, second)
        if known is None and self.objects is not None:
            return self.objects.differences(first, second, self.function)
        return known

    def _between(self, first: Expr, second: Expr) -> int | None:
        if first.kind == "member" and second.kind == "member":
            return self._members(first, second)
        if first.variable is None or second.variable is None or not self.passed:
            return None
        own = self.function.parameters
        if any(v not in own or self.whole.changes(v) for v in (first.variable, second.variable)):
            return None
        positions = own.index(first.variable), own.index(second.variable)
        found = {self._members(args[positions[0]], args[positions[1]]) for args in self.passed}
        return found.pop() if len(found) == 1 else None

    def _members(self, first: Expr, second: Expr) -> int | None:
        a, b = cell_of(first), cell_of(second)
        if (
            first.kind != "member"
            or second.kind != "member"
            or not isinstance(a, tuple)
            or not isinstance(b, tuple)
        ):
            return None
        if a[1] != b[1] or structure(first.args[0]) != structure(second.args[0]):
            return None
        return self.differences.get((a[1], a[2], b[2]))


def _arguments(cells: Cells, function: Function) -> list[tuple[Expr, ...]]:
    """The arguments of all calls of a function; empty when there may be calls that are not seen."""
    if not function.internal or function.is_method or function.key in cells.called_unseen:
        return []
    calls = [call.args for _, call in cells.calls.get(function.key, [])]
    return calls if all(len(args) == len(function.parameters) for args in calls) else []
