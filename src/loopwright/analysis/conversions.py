"""Where a value of one type becomes one of another, and what pointers without a type lead to."""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.analysis.assignments import Cells, cell_of, uncast
from loopwright.analysis.syntax import CType, Expr, Unit, Variable


def conversions(unit: Unit) -> Iterator[tuple[CType, Expr]]:
    """The type that something has, and a value that it gets: as a variable, a member, an argument, a result,
    or by a cast.
    """
    for variable in unit.all_variables():
        if variable.init is not None:
            yield variable.type, variable.init
    for function in unit.functions.values():
        for statement in function.body.walk():
            if statement.kind == "return" and statement.expr is not None:
                yield function.result, statement.expr
    for expr in unit.all_expressions():
        if expr.kind == "assign":
            yield expr.args[0].type, expr.args[1]
        elif expr.kind == "cast":
            yield expr.type, expr.args[0]
        elif expr.kind == "init":
            yield from _listed(expr)
        elif expr.kind == "call" and expr.key in unit.functions:
            args = expr.args[1:] if expr.method else expr.args
            for parameter, arg in zip(unit.functions[expr.key].parameters, args, strict=False):
                yield parameter.type, arg


def _listed(made: Expr) -> Iterator[tuple[CType, Expr]]:
    type_ = made.type.stripped
    if type_.kind == "array" and type_.element is not None:
        yield from ((type_.element, arg) for arg in made.args)
    elif made.op == ".":  # which value is whose is not known
        yield from ((part, arg) for part in type_.parts for arg in made.args)
    else:
        yield from ((part, arg) for (_, part), arg in zip(type_.fields, made.args, strict=False))


def reinterpret(unit: Unit, cells: Cells) -> None:
    """Notes the structs whose pointers may get anything by way of a pointer of another type to them."""
    untyped = Untyped(unit, cells)
    later: list[tuple[CType, Expr]] = []
    for target, value in conversions(unit):
        value = uncast(value)
        given = value.type.stripped
        if given.kind == "record" and target.kind in ("pointer", "record"):
            _mixed(cells, given, target)  # a cast of the object itself, to another lvalue
        elif (
            target.kind == "int"
            and target.spelling not in ("bool", "_Bool")
            and given.kind == "pointer"
            and given.element is not None
        ):
            cells.spoil_struct(given.element)  # what becomes of a number is not followed
        elif target.kind == "pointer" and target.element is not None and not target.element.const:
            if is_untyped(given):
                later.append((target.element, value))
            elif given.element is not None:
                _mixed(cells, given.element, target.element)
    for made, value in later:
        if made.kind in ("record", "pointer"):
            for known in untyped.given(value):
                _mixed(cells, known, made)


def _mixed(cells: Cells, given: CType, made: CType) -> None:
    """Something of one type is seen as something of another. Base classes need no care: their members belong
    to the class that declares them.
    """
    if made.kind == "void" or made.derives_from(given) or given.derives_from(made):
        return
    if given.kind == "record" and not given.container:
        cells.spoil_struct(given)
    if made.kind == "record" and given.kind in ("record", "pointer"):
        cells.spoil_struct(made)


class Untyped:
    """What is known of the pointers to void of a unit."""

    def __init__(self, unit: Unit, cells: Cells) -> None:
        self.unit = unit
        self.cells = cells
        self._parameters: dict[Variable, tuple[str, int]] = {
            parameter: (key, position)
            for key, function in unit.functions.items()
            for position, parameter in enumerate(function.parameters)
        }
        self._structs: list[CType] | None = None

    def given(self, value: Expr) -> list[CType]:
        """The types of all that a pointer may lead to; where that is lost, of all structs whose address is
        ever kept without its type.
        """
        found: list[CType] = []
        for type_ in self._leaves(value, set()):
            found += [type_] if type_ is not None else self.structs
        return found

    @property
    def structs(self) -> list[CType]:
        """The structs that some pointer to void leads to."""
        if self._structs is None:
            kept = [uncast(v).type.stripped.element for t, v in conversions(self.unit) if is_untyped(t)]
            self._structs = [t for t in kept if t is not None and t.kind == "record"]
        return self._structs

    def _leaves(self, value: Expr, seen: set[object]) -> Iterator[CType | None]:
        value = uncast(value)
        type_ = value.type.stripped
        if type_.kind not in ("pointer", "array"):
            return
        if type_.element is not None and type_.element.kind != "void":
            yield type_.element
        elif value.kind in ("ref", "member"):
            cell = cell_of(value)
            if cell not in seen:
                seen.add(cell)
                yield from self._held(cell, seen)
        elif value.kind in ("cond", "binary"):
            for arg in value.args:
                yield from self._leaves(arg, seen)
        elif value.kind == "call" and value.key in self.unit.functions:
            if value.key not in seen:
                seen.add(value.key)
                for statement in self.unit.functions[value.key].body.walk():
                    if statement.kind == "return" and statement.expr is not None:
                        yield from self._leaves(statement.expr, seen)
        elif value.kind == "call" and value.library:
            for arg in value.args:  # malloc gets none, bsearch gives back a part of one
                yield from self._leaves(arg, seen)
        else:
            yield None

    def _held(self, cell: object, seen: set[object]) -> Iterator[CType | None]:
        """What is put into a pointer to void."""
        if not isinstance(cell, Variable | tuple) or self.cells.is_spoiled(cell):
            yield None
            return
        for assignment in self.cells.assigned.get(cell, ()):
            yield from self._leaves(assignment.value, seen)
        if isinstance(cell, Variable) and cell.scope == "param":
            key, position = self._parameters.get(cell, ("", 0))
            if not key or key in self.cells.called_unseen:
                yield None
            for _, call in self.cells.calls.get(key, ()):
                args = call.args[1:] if call.method else call.args
                if position < len(args):
                    yield from self._leaves(args[position], seen)


def is_untyped(type_: CType) -> bool:
    """Whether it is a pointer to void."""
    return type_.kind == "pointer" and type_.element is not None and type_.element.kind == "void"
