"""Where an array of a nest begins and how many elements it has, as C that can be written before the nest.

A std::vector says so itself, an array member has a constant count, and a pointer that is filled once, by an
allocation whose size is made of variables that never change, leads to as many elements as were asked for
(C11 7.22.3). Everything else has no length here: a length is never guessed from the subscripts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.analysis.assignments import Cells, uncast
from loopwright.analysis.lowering import LoweredObject
from loopwright.analysis.scopes import Effects
from loopwright.analysis.syntax import CType, Expr, Function, Variable

_ALLOCATORS = {"malloc": 0, "aligned_alloc": 1, "valloc": 0}
"""Functions that allocate, and which of their arguments is the number of bytes."""


@dataclass(frozen=True)
class Length:
    """The first element's address and the number of elements, as C text; empty when they are not known."""

    first: str = ""
    count: str = ""


UNKNOWN = Length()


@dataclass(frozen=True)
class Lengths:
    """Answers for one nest.

    Attributes:
        function: the one that the nest is in. effects: those of the whole function. inside: of the nest.
        cells: all assignments to pointers. start: offset of the nest.
    """

    function: Function
    effects: Effects
    inside: Effects
    cells: Cells
    source: bytes
    start: int

    def of(self, made: LoweredObject) -> Length:
        """The length of one object of the nest."""
        root, path = made.key
        if root is None or (len(made.extents) != 1 and not made.delinearised):
            return UNKNOWN
        owner = path[:-1] if path[-1:] == ("*",) else path
        text = self._text(root, owner)
        type_ = _type_at(root, owner)
        if not text or type_ is None or self._changes(root, owner):
            return UNKNOWN
        if owner != path:
            count = self._allocated(root, made.type) if not owner else ""
            return Length(text, count) if count else UNKNOWN
        if type_.container == "vector" and made.type.spelling != "bool":
            return Length(f"{text}.data()", f"{text}.size()")
        if type_.kind == "array" and type_.count and path:
            return Length(text, str(type_.count))
        return UNKNOWN

    def _text(self, root: Variable, path: tuple[str, ...]) -> str:
        """How the source names what is at the end of a way of members and pointers to structs."""
        text, follows = root.name, False
        for step in path:
            if step == "*":
                if follows:
                    return ""
                follows = True
            else:
                text += ("->" if follows else ".") + step[1:]
                follows = False
        return "" if follows else text

    def _changes(self, root: Variable, path: tuple[str, ...]) -> bool:
        """Whether the nest may put another array there."""
        members = {step[1:] for step in path if step != "*"}
        return self.inside.changes(root) or bool(members & self.inside.stored_members)

    # -- allocations

    def _allocated(self, pointer: Variable, element: CType) -> str:
        """The number of elements that a local pointer leads to; empty when it may lead to other memory."""
        if pointer.scope != "local" or pointer in self.cells.spoiled or pointer in self.effects.address_taken:
            return ""
        assigned = self.cells.assigned.get(pointer, [])
        steps = self.effects.writes.get(pointer, 0) + (pointer.init is not None)
        values = [uncast(a.value) for a in assigned]
        values = [v for v in values if not (v.kind == "int" and v.value == 0)]
        swapped = len(self.cells.component(pointer)) > 1
        if len(values) != 1 or len(assigned) != steps or swapped or not element.size:
            return ""
        return self._asked_for(values[0], element.size)

    def _asked_for(self, call: Expr, size: int) -> str:
        if call.kind == "new":
            head = self.source[call.start : call.end]
            is_array = re.match(rb"new\s+[\w:\s]+\[", head) is not None
            return self._written(call.args[0]) if is_array and call.args else ""
        if call.kind != "call" or not call.library:
            return ""
        if call.name == "calloc" and len(call.args) == 2:
            count, each = call.args
            if uncast(each).value != size:
                count, each = each, count
            return self._written(count) if uncast(each).value == size else ""
        position = _ALLOCATORS.get(call.name)
        if position is None or position >= len(call.args):
            return ""
        return self._divided(_widened(call.args[position]), size)

    def _divided(self, size: Expr, each: int) -> str:
        """A number of bytes as a number of elements."""
        if each == 1:
            return self._written(size)
        factors = _factors(size)
        whole = next((f for f in factors if self._is_sizeof(f) and f.value == each), None)
        if whole is None:
            return ""
        rest = [f for f in factors if f is not whole]
        texts = [self._written(f, inside=True) for f in rest]
        if not all(texts):
            return ""
        direct = size.kind == "binary" and any(_widened(a) is whole for a in size.args)
        # `sizeof(double) * n * m` multiplies n and m as a size_t; `n * m * sizeof(double)` does not.
        prefix = "" if direct or len(texts) < 2 else "(size_t)"
        return prefix + " * ".join(texts) if texts else "1"

    def _is_sizeof(self, expr: Expr) -> bool:
        return self.source[expr.start : expr.start + 6] == b"sizeof"

    def _written(self, expr: Expr, *, inside: bool = False) -> str:
        """The expression as it can be written before the nest with the value it had; empty when it cannot."""
        if expr.kind == "int" and expr.value is not None:
            text = self.source[expr.start : expr.end].decode("utf-8", "replace")
            return text if re.fullmatch(r"[A-Za-z_]\w*", text) else str(expr.value)
        if expr.kind == "ref" and expr.variable is not None and expr.type.stripped.kind == "int":
            return expr.variable.name if self._keeps(expr.variable) else ""
        if (wide := _widened(expr)) is not expr:
            return self._written(wide, inside=inside)
        if expr.kind == "binary" and expr.op in ("+", "-", "*"):
            left, right = (self._written(arg, inside=True) for arg in expr.args)
            if not left or not right:
                return ""
            shown = f"{left} {expr.op} {right}"
            return f"({shown})" if inside else shown
        return ""

    def _keeps(self, variable: Variable) -> bool:
        """Whether a variable has one value for all of the function and its name means it before the nest."""
        if variable.scope not in ("param", "local") or self.effects.changes(variable):
            return False
        declared = [v for s in self.function.body.walk() for v in s.variables]
        named = [v for v in (*self.function.parameters, *declared) if v.name == variable.name]
        if named != [variable]:
            return False
        return variable in self.function.parameters or any(
            variable in child.variables and child.start < self.start
            for block in self.function.body.walk()
            if block.kind == "block" and block.start <= self.start < block.end
            for child in block.body
            if child.kind == "decl"
        )


def _factors(product: Expr) -> list[Expr]:
    bare = _widened(product)
    if bare.kind == "binary" and bare.op == "*":
        return [f for arg in bare.args for f in _factors(arg)]
    return [bare]


def _widened(expr: Expr) -> Expr:
    """The integer below casts that keep its value, or make a negative size one that no allocation grants."""
    while expr.kind == "cast" and expr.args[0].type.stripped.kind == "int" == expr.type.stripped.kind:
        if expr.type.stripped.size < expr.args[0].type.stripped.size:
            break
        expr = expr.args[0]
    return expr


def _type_at(root: Variable, path: tuple[str, ...]) -> CType | None:
    """The type of what is at the end of a way."""
    type_: CType | None = root.type.stripped
    for step in path:
        if type_ is None:
            return None
        if step == "*":
            type_ = type_.element if type_.kind == "pointer" else None
        else:
            member = dict(type_.fields).get(step[1:])
            type_ = member.stripped if member is not None else None
    return type_
