"""Which arrays a piece of host code reads and writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from loopwright.analysis.calls import STEPS
from loopwright.analysis.data_bases import Base, library_effect
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.syntax import CType, Expr, Variable


@dataclass(frozen=True)
class Touch:
    """Host code that may read or write an array.

    `base` is None when it is not known which: any array that code elsewhere can find. `frees`: the array
    is given back.
    """

    base: Base | None
    reads: bool
    writes: bool
    line: int
    what: str = ""
    frees: bool = False


def touches_of(expr: Expr, reader: UnitReader, skipped: Collection[int]) -> Iterator[Touch]:
    """The touches of an expression; calls whose `id` is in `skipped` are looked at by someone else."""
    yield from _Walk(reader, skipped).value(expr)


class _Walk:
    def __init__(self, reader: UnitReader, skipped: Collection[int]) -> None:
        self.reader, self.skipped = reader, skipped

    def value(self, expr: Expr) -> Iterator[Touch]:
        """An expression that is evaluated."""
        match expr.kind:
            case "assign":
                yield from self._place(expr.args[0], reads=expr.op != "=", writes=True)
                yield from self.value(expr.args[1])
            case "unary" if expr.op in STEPS:
                yield from self._place(expr.args[0], reads=True, writes=True)
            case "unary" if expr.op == "&":
                yield from self._parts(expr.args[0])
            case "index" | "member":
                yield from self._place(expr, reads=True, writes=False)
            case "unary" if expr.op == "*":
                yield from self._place(expr, reads=True, writes=False)
            case "call":
                yield from self._call(expr)
            case "lambda" | "new" | "other":
                yield Touch(None, True, True, expr.line, f"a {expr.kind} expression")
            case _:
                for arg in expr.args:
                    yield from self.value(arg)

    def _parts(self, lvalue: Expr) -> Iterator[Touch]:
        """What is evaluated on the way to a place: subscripts, pointers on the way."""
        match lvalue.kind:
            case "index":
                base, subscript = lvalue.args
                yield from self._parts(base)
                yield from self.value(subscript)
            case "unary" if lvalue.op == "*":
                yield from self.value(lvalue.args[0])
            case "member" | "cast":
                yield from self._parts(lvalue.args[0])
            case "ref":
                return
            case _:
                yield from self.value(lvalue)

    def _place(self, lvalue: Expr, *, reads: bool, writes: bool) -> Iterator[Touch]:
        yield from self._parts(lvalue)
        if lvalue.type.stripped.kind == "array":
            return  # a row: what is done with it is seen where it is used
        base = named(lvalue)
        if base is not None:
            yield Touch(base, reads, writes, lvalue.line)
        elif lvalue.kind != "ref":
            yield Touch(None, reads, writes, lvalue.line, "a place that is not followed")
        elif lvalue.variable is not None and lvalue.variable.type.kind == "reference":
            yield Touch(None, reads, writes, lvalue.line, f"the reference {lvalue.variable.name}")

    def _call(self, call: Expr) -> Iterator[Touch]:
        for arg in call.args:
            yield from self.value(arg)
        if id(call) in self.skipped:
            return
        known = self.reader.summaries(call)
        if known is not None:
            for variable in known.globals:
                if variable.type.kind in ("array", "pointer"):
                    yield Touch(Base(variable, variable.type.kind == "pointer"), True, False, call.line)
            for arg, use in known.arguments(call):
                if use is not None:
                    yield from self._handed(arg, use.reads, use.writes, call)
            return
        effect = library_effect(call)
        if effect is None:
            yield Touch(None, True, True, call.line, f"{call.name or 'a function'} is called")
        reads, writes = effect or (True, True)
        for position, arg in enumerate(call.args):
            first_only = call.name in ("memcpy", "memmove") and position > 0
            frees = call.name == "free"
            yield from self._handed(arg, reads and not frees, writes and not first_only and not frees, call)

    def _handed(self, arg: Expr, reads: bool, writes: bool, call: Expr) -> Iterator[Touch]:
        if arg.type.stripped.kind not in ("pointer", "array") and not arg.type.stripped.container:
            return
        bare = arg
        while bare.kind == "cast":
            bare = bare.args[0]
        if bare.kind in ("string", "int") or _is_opaque(bare.type):
            return
        base = _pointed(bare)
        if base is None and bare.kind == "unary" and bare.op == "&":
            base = named(bare.args[0])
            target = bare.args[0]
            if base is None and target.kind == "ref":
                return  # a single variable
        yield Touch(base, reads, writes, call.line, f"{call.name} is given it", call.name == "free")


def _is_opaque(type_: CType) -> bool:
    """A pointer to something that holds no numbers of the program, as FILE."""
    element = type_.stripped.element
    return element is not None and element.kind in ("record", "other") and not element.fields


def named(lvalue: Expr) -> Base | None:
    """The array that an element belongs to; None when it has no name, or is a single variable."""
    match lvalue.kind:
        case "index":
            base = lvalue.args[0] if lvalue.args[0].type.kind != "int" else lvalue.args[1]
            return _pointed(base)
        case "unary" if lvalue.op == "*":
            return _pointed(lvalue.args[0])
        case "member":
            owner = lvalue.args[0]
            if owner.type.stripped.kind == "pointer":
                return _pointed(owner)
            return named(owner) if owner.kind != "ref" else _variable(owner.variable)
        case "cast":
            return named(lvalue.args[0])
    return None


def _pointed(pointer: Expr) -> Base | None:
    """The array that a pointer expression leads into."""
    match pointer.kind:
        case "ref":
            return _variable(pointer.variable)
        case "cast":
            return _pointed(pointer.args[0])
        case "index" if pointer.type.kind == "array":
            return named(pointer)
        case "unary" if pointer.op == "*" and pointer.type.kind == "array":
            return _pointed(pointer.args[0])
        case "unary" if pointer.op == "&":
            return named(pointer.args[0])
        case "binary" if pointer.op in ("+", "-"):
            sides = [a for a in pointer.args if a.type.stripped.kind in ("pointer", "array")]
            return _pointed(sides[0]) if len(sides) == 1 else None
        case "unary" if pointer.op in STEPS:
            return _pointed(pointer.args[0])
    return None


def _variable(variable: Variable | None) -> Base | None:
    if variable is None or variable.type.kind == "reference":
        return None
    return Base(variable, variable.type.kind == "pointer")
