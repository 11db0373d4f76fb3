"""Which pointers in structs lead to memory of different allocations, in a program of several C files.

A member that is only ever given results of `malloc` (or `calloc`, `aligned_alloc`), or places inside of them,
leads to one of these allocations whenever it leads anywhere. Two members whose allocations are different ones
share no memory: every call makes an object of its own (C11 7.22.3).

That needs all values that the members ever get. They are known when all code of the program has been read
and no pointer to such a struct is seen as one of another type, handed to a library, or taken of a member: the
members then change by their names only, or when a whole struct of that type is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loopwright.analysis.assignments import cell_of, uncast
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.syntax import CType, Expr, Function, Unit

_FRESH = frozenset(("malloc", "calloc", "aligned_alloc"))
_NOT_FOLLOWED = frozenset(("other", "lambda", "new"))

Allocation = tuple[str, str, int]
"""A call of an allocator: the file, the function, and the offset in the file."""


@dataclass(frozen=True)
class _Value:
    """What a member gets, and where: the function is empty for a variable outside of all functions."""

    reader: UnitReader
    function: str
    expr: Expr


class _Unseen(Exception):
    """The members of a struct may change in a way that is not followed."""


class MemberPointers:
    """The pointers in the structs of a program; `readers` are all of its files."""

    def __init__(self, readers: Sequence[UnitReader]) -> None:
        self.readers = readers
        self._functions = {k: f for reader in readers for k, f in reader.unit.functions.items()}
        self._values: dict[str, dict[str, list[_Value]] | None] = {}

    def apart(self, first: tuple[str, str], second: tuple[str, str]) -> bool:
        """Whether two members, as (struct, member), never lead to memory of one allocation."""
        one, two = self._allocations(*first), self._allocations(*second)
        return bool(one and two) and one.isdisjoint(two)

    def _allocations(self, struct: str, member: str) -> frozenset[Allocation]:
        """Everything that the member ever leads to; empty when that is not known."""
        if struct not in self._values:
            try:
                self._values[struct] = _Scan(self.readers, self._functions, struct).values()
            except _Unseen:
                self._values[struct] = None
        if any(member in reader.unit.unread for reader in self.readers):
            return frozenset()
        found: set[Allocation] = set()
        for value in (self._values[struct] or {}).get(member, []):
            unit = value.reader.unit
            origins = value.reader.aliasing.origins(value.expr, value.function)
            if origins is None or not {(o.function, o.offset) for o in origins} <= _fresh(unit):
                return frozenset()
            found |= {(unit.file, o.function, o.offset) for o in origins}
        return frozenset(found)


def _fresh(unit: Unit) -> frozenset[tuple[str, int]]:
    """The calls that allocate anew, by function and offset."""
    return frozenset(
        (key, expr.start)
        for key, function in unit.functions.items()
        for root in function.body.expressions()
        for expr in root.walk()
        if _is_fresh(expr)
    )


def _is_fresh(expr: Expr) -> bool:
    return expr.kind == "call" and expr.library and expr.name in _FRESH


class _Scan:
    """Collects all values of the members of one struct, out of all files."""

    def __init__(self, readers: Sequence[UnitReader], functions: dict[str, Function], struct: str) -> None:
        self.readers = readers
        self.functions = functions
        self.struct = struct
        self.found: dict[str, list[_Value]] = {}

    def values(self) -> dict[str, list[_Value]]:
        """By member. _Unseen when there may be others."""
        for reader in self.readers:
            if not reader.unit.file.endswith(".c"):
                raise _Unseen  # C++ has references, constructors and methods
            for variable in reader.unit.variables:
                if variable.init is not None:
                    self._bound(variable.type, variable.init)
                    for expr in variable.init.walk():
                        self._examine(reader, "", expr)
            for function in reader.unit.functions.values():
                for expr in self._expressions(function):
                    self._examine(reader, function.key, expr)
        return self.found

    def _expressions(self, function: Function) -> Iterator[Expr]:
        """The expressions of a function, after what its statements do with them has been looked at."""
        for statement in function.body.walk():
            if statement.kind in ("asm", "other"):
                raise _Unseen
            for variable in statement.variables:
                if variable.init is not None:
                    self._bound(variable.type, variable.init)
            if statement.kind == "return" and statement.expr is not None:
                self._bound(function.result, statement.expr)
            for root in statement.own_expressions():
                yield from root.walk()

    def _is_it(self, type_: CType | None) -> bool:
        """Whether something is such a struct, or an array of them."""
        while type_ is not None and type_.kind == "array":
            type_ = type_.element
        return type_ is not None and type_.kind == "record" and type_.spelling == self.struct

    def _leads_to_it(self, expr: Expr) -> bool:
        return expr.type.kind in ("pointer", "array") and self._is_it(expr.type.element)

    def _bound(self, target: CType, value: Expr) -> None:
        """Something of the type `target` gets this value: a pointer to such a struct has to stay one, and
        has to come from one, or from an allocation.
        """
        given = uncast(value)
        if target.kind == "pointer" and self._is_it(target.element):
            is_null = given.kind == "int" and given.value == 0
            if not (self._leads_to_it(given) or is_null or _is_fresh(given)):
                raise _Unseen
        elif self._leads_to_it(given) and target.kind != "void" and not self._is_it(target):
            raise _Unseen

    def _member(self, expr: Expr) -> str:
        """The name of the member of such a struct that an expression is; else empty."""
        cell = cell_of(expr) if expr.kind == "member" else None
        return cell[2] if isinstance(cell, tuple) and cell[1] == self.struct else ""

    def _examine(self, reader: UnitReader, function: str, expr: Expr) -> None:
        if expr.kind in _NOT_FOLLOWED or (expr.kind == "member" and self._is_it(expr.type)):
            raise _Unseen  # a struct that lies in another object may change together with that
        if expr.kind == "assign" and expr.op == "=":
            target, value = expr.args
            self._bound(target.type, value)
            if (name := self._member(target)) and target.type.kind == "pointer":
                self.found.setdefault(name, []).append(_Value(reader, function, value))
        elif expr.kind == "init":
            self._listed(reader, function, expr)
        elif expr.kind == "unary" and expr.op == "&" and self._member(expr.args[0]):
            raise _Unseen
        elif expr.kind == "cast":
            self._bound(expr.type, expr.args[0])
        elif expr.kind == "cond":
            for arg in expr.args[1:]:
                self._bound(expr.type, arg)
        elif expr.kind == "call":
            self._called(expr)

    def _listed(self, reader: UnitReader, function: str, made: Expr) -> None:
        """A braced list. Inner braces that are left out would put values into other members than it seems."""
        if self._is_it(made.type):
            within = made.type.kind == "array" and any(a.kind != "init" for a in made.args)
            if within or made.op == "." or (made.type.kind == "record" and not made.type.fields):
                raise _Unseen
        for (name, type_), arg in zip(made.type.fields, made.args, strict=False):
            if type_.kind in ("array", "record") and arg.kind not in ("init", "string"):
                raise _Unseen
            self._bound(type_, arg)
            if self._is_it(made.type) and type_.kind == "pointer":
                self.found.setdefault(name, []).append(_Value(reader, function, arg))

    def _called(self, call: Expr) -> None:
        callee = self.functions.get(call.key)
        if callee is None:
            if call.name != "free" and any(self._leads_to_it(uncast(arg)) for arg in call.args):
                raise _Unseen
            return
        if len(call.args) != len(callee.parameters):
            raise _Unseen
        for parameter, arg in zip(callee.parameters, call.args, strict=True):
            self._bound(parameter.type, arg)
