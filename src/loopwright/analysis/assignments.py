"""All assignments to pointers in a translation unit, and which of them only exchange two pointers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from loopwright.analysis.syntax import CType, Expr, Stmt, Unit, Variable
from loopwright.analysis.values import structure

_FIELD = "field"

Cell = Variable | tuple[str, str, str]
"""What holds a pointer: a variable, or ("field", struct, member) for that member of all such structs."""


@dataclass
class Assignment:
    """One value put into a cell, and the function it is in. `repeats`: it stands in a loop."""

    value: Expr
    function: str
    repeats: bool


@dataclass
class Cells:
    """All assignments to pointers of a translation unit.

    `defined` are the functions with a body, `spoiled` the cells that change in a way that is not understood,
    `swaps` the pairs that are exchanged.
    """

    assigned: dict[Cell, list[Assignment]] = field(default_factory=dict)
    spoiled: set[Cell] = field(default_factory=set)
    swaps: list[tuple[Cell, Cell]] = field(default_factory=list)
    calls: dict[str, list[tuple[str, Expr]]] = field(default_factory=dict)
    defined: frozenset[str] = frozenset()
    used_as_value: set[str] = field(default_factory=set)
    moved: set[Variable | str] = field(default_factory=set)
    """Containers whose elements may go to another one: variables, or all of a type by its spelling."""

    def all(self) -> frozenset[Cell]:
        """The cells that are assigned to or exchanged."""
        return frozenset(self.assigned) | {cell for pair in self.swaps for cell in pair}

    def component(self, cell: Cell) -> frozenset[Cell]:
        """The cells that `cell` is exchanged with, directly or by way of others."""
        found = {cell}
        grown = True
        while grown:
            grown = False
            for a, b in self.swaps:
                if (a in found) != (b in found):
                    found |= {a, b}
                    grown = True
        return frozenset(found)


def cell_of(expr: Expr) -> Cell | None:
    """The cell that an lvalue of pointer (or container) type is."""
    if expr.kind == "ref" and expr.variable is not None:
        return expr.variable
    if expr.kind == "member":
        owner = expr.args[0].type.stripped
        if owner.kind in ("pointer", "array") and owner.element is not None:
            owner = owner.element
        if owner.union:
            return None
        return (_FIELD, owner.spelling.replace("const ", ""), expr.name)
    return None


def collect(unit: Unit) -> Cells:
    """All assignments to pointers, exchanges and calls of the unit."""
    cells = Cells(defined=frozenset(unit.functions))
    cells.spoiled |= {(_FIELD, struct, name) for struct, name in unit.defaults}
    for variable in unit.variables:
        if variable.init is not None:
            _assign(cells, variable, variable.init, "", repeats=False)
            _expressions(cells, [variable.init], "", repeats=False)
    for function in unit.functions.values():
        jumps = any(s.kind == "goto" for s in function.body.walk())
        for name, value in function.inits:
            _assign(cells, (_FIELD, function.owner, name), value, function.key, repeats=True)
            _expressions(cells, [value], function.key, repeats=True)
        _block(cells, function.body, function.key, repeats=jumps)
    return cells


def _block(cells: Cells, stmt: Stmt, function: str, *, repeats: bool) -> None:
    inside = repeats or stmt.kind in ("for", "while", "do", "range-for", "label")
    skip: set[int] = set()
    for index in range(len(stmt.body) - 2):
        turned = _exchange(stmt.body[index:])
        cells.swaps += itertools.pairwise(turned)
        skip |= set(range(index + 1, index + 1 + len(turned)))
    if stmt.init is not None:
        _block(cells, stmt.init, function, repeats=repeats)
    for variable in stmt.variables:
        if stmt.kind == "range-for":
            cells.spoiled.add(variable)  # an element of whatever is gone through
        if variable.init is not None:
            if binds(variable.type):
                _spoil(cells, variable.init)
            _reinterpreted(cells, variable.type, variable.init)
            _assign(cells, variable, variable.init, function, repeats=repeats)
    _expressions(cells, stmt.own_expressions(), function, repeats=inside)
    for index, child in enumerate(stmt.body):
        if index not in skip:
            _block(cells, child, function, repeats=inside)


def _exchange(following: tuple[Stmt, ...]) -> tuple[Cell, ...]:
    """`t = a; a = b; b = t;` as (a, b), `t = a; a = b; b = c; c = t;` as (a, b, c), and so on; else ()."""
    first, rest = following[0], following[1:]
    if first.kind == "decl" and len(first.variables) == 1 and first.variables[0].init is not None:
        held, value = first.variables[0], first.variables[0].init
    elif (parts := _plain(first)) is not None and parts[0].kind == "ref" and parts[0].variable is not None:
        held, value = parts[0].variable, parts[1]
    else:
        return ()
    places = [value]
    for statement in rest:
        step = _plain(statement)
        if step is None or structure(step[0]) != structure(places[-1]):
            return ()
        if step[1].kind == "ref" and step[1].variable is held:
            break
        places.append(step[1])
    else:
        return ()
    cells = [cell_of(place) for place in places]
    if len(cells) < 2 or len(set(cells)) < len(cells) or None in cells or held in cells:
        return ()
    if any(place.type.kind != "pointer" for place in places):
        return ()
    owners = {structure(place.args[0]) if place.kind == "member" else None for place in places}
    return tuple(cell for cell in cells if cell is not None) if len(owners) == 1 else ()


def _plain(stmt: Stmt) -> tuple[Expr, Expr] | None:
    expr = stmt.expr
    if stmt.kind != "expr" or expr is None or expr.kind != "assign" or expr.op != "=":
        return None
    return expr.args[0], expr.args[1]


def _assign(cells: Cells, cell: Cell, value: Expr, function: str, *, repeats: bool) -> None:
    cells.assigned.setdefault(cell, []).append(Assignment(value, function, repeats))


def binds(type_: CType) -> bool:
    """Whether it is a reference through which what it is bound to may change."""
    return type_.kind == "reference" and type_.element is not None and not type_.element.const


def _spoil(cells: Cells, bound: Expr) -> None:
    """A pointer that has another name, too, may get anything."""
    for choice in bound.args[1:] if bound.kind == "cond" else (bound,):
        cell = cell_of(choice) if choice.type.stripped.kind == "pointer" else None
        if cell is not None:
            cells.spoiled.add(cell)


def _listed(cells: Cells, made: Expr, function: str) -> None:
    """A braced list gives values to the members of a struct. Where it names members, or leaves out inner
    braces, they may get any of them.
    """
    if len(made.args) == 1 and made.args[0].kind == "int" and made.args[0].value == 0:
        return  # all members are zero
    type_ = made.type.stripped
    opaque = type_.kind == "record" and not type_.fields and not type_.container
    if opaque or any(binds(member) for _, member in type_.fields):
        for arg in made.args:
            _spoil(cells, arg)
    parts = [type_.element] * len(made.args) if type_.kind == "array" else [t for _, t in type_.fields]
    flattened = any(p is not None and _is_flattened(a, p) for a, p in zip(made.args, parts, strict=False))
    if flattened or made.op == "." or any(arg.kind == "other" for arg in made.args):
        _spoil_all(cells, type_)
        return
    for (name, member), arg in zip(type_.fields, made.args, strict=False):
        if member.kind == "pointer":
            _assign(cells, (_FIELD, type_.spelling, name), arg, function, repeats=True)


def _is_flattened(arg: Expr, part: CType) -> bool:
    """Whether a part that has parts of its own is given a single value of them."""
    if part.kind not in ("array", "record") or part.container:
        return False
    return arg.kind not in ("init", "string") and arg.type.stripped.kind not in ("array", "record")


def _spoil_all(cells: Cells, type_: CType) -> None:
    """The pointers in a struct, and in the structs that lie in it, may get anything."""
    while type_.kind == "array" and type_.element is not None:
        type_ = type_.element
    for name, member in type_.fields:
        if member.kind == "pointer":
            cells.spoiled.add((_FIELD, type_.spelling, name))
        else:
            _spoil_all(cells, member)


def _expressions(cells: Cells, roots: Iterable[Expr], function: str, *, repeats: bool) -> None:
    filled: set[int] = set()
    for expr in walk_all(roots):
        if expr.kind == "call" and expr.name == "posix_memalign" and expr.args:
            target = expr.args[0]
            while target.kind == "cast":
                target = target.args[0]
            held = cell_of(target.args[0]) if target.kind == "unary" and target.op == "&" else None
            if held is not None:
                filled.add(id(target))
                _assign(cells, held, expr, function, repeats=repeats)
        if expr.kind == "assign":
            _reinterpreted(cells, expr.args[0].type, expr.args[1])
        if expr.kind == "assign" and expr.type.kind in ("pointer", "record"):
            cell = cell_of(expr.args[0])
            if cell is not None and expr.op == "=":
                _assign(cells, cell, expr.args[1], function, repeats=repeats)
        elif expr.kind == "unary" and expr.op == "&":
            cell = cell_of(expr.args[0])
            if cell is not None and id(expr) not in filled:
                cells.spoiled.add(cell)
        elif expr.kind == "cast":
            _reinterpreted(cells, expr.type, expr.args[0])
        elif expr.kind == "init":
            _listed(cells, expr, function)
        elif expr.kind == "function":
            cells.used_as_value.add(expr.key)
        elif expr.kind == "call":
            _called(cells, expr, function, repeats=repeats)


def walk_all(roots: Iterable[Expr]) -> Iterator[Expr]:
    """All expressions below these."""
    for root in roots:
        yield from root.walk()


def _called(cells: Cells, call: Expr, function: str, *, repeats: bool) -> None:
    cells.calls.setdefault(call.key, []).append((function, call))
    if call.name in ("swap", "exchange") or (call.name == "move" and len(call.args) == 1):
        for arg in call.args:
            _moved(cells, arg)
    pointers = all(arg.type.stripped.kind == "pointer" for arg in call.args)
    if call.name == "swap" and len(call.args) == 2 and pointers:
        a, b = cell_of(call.args[0]), cell_of(call.args[1])
        if a is not None and b is not None and a != b:
            same_owner = call.args[0].kind != "member" or (
                call.args[1].kind == "member"
                and structure(call.args[0].args[0]) == structure(call.args[1].args[0])
            )
            if same_owner:
                cells.swaps.append((a, b))
                return
    if call.key not in cells.defined:
        for arg in call.args:
            _spoil_members(cells, uncast(arg).type)
    for arg, written in zip(call.args, call.by_reference, strict=False):
        if written:
            _spoil(cells, arg)


def _moved(cells: Cells, arg: Expr) -> None:
    """The containers in it may give their elements to others."""
    type_ = arg.type.stripped
    if arg.kind == "ref" and arg.variable is not None and arg.variable.type.kind != "reference":
        cells.moved.add(arg.variable)
    if type_.kind == "record":
        inner = [type_] if type_.container else [member.stripped for _, member in type_.fields]
        if not inner and not type_.spelling.startswith("std::"):
            cells.moved.add("")  # a class that is not seen into
        whole = type_.container and not (arg.kind == "ref" and arg.variable in cells.moved)
        if whole or not type_.container:
            cells.moved |= {part.spelling for part in inner if part.container}


def _spoil_members(cells: Cells, type_: CType) -> None:
    """A function that is not seen may put anything into the members of a struct that it gets a pointer to."""
    inner = type_.element
    if type_.kind not in ("pointer", "array") or inner is None or inner.const or inner.kind != "record":
        return
    _spoil_all(cells, inner)


def _reinterpreted(cells: Cells, target: CType, value: Expr) -> None:
    """The pointers in a struct may get anything by way of a pointer of another type to it."""
    given, made = uncast(value).type.stripped.element, target.element
    if target.kind != "pointer" or given is None or made is None or made.kind == "void" or made.const:
        return
    if given.kind == "record" and not given.container and made.spelling != given.spelling:
        _spoil_all(cells, given)
    if made.kind == "record" and given.kind in ("record", "pointer") and made.spelling != given.spelling:
        _spoil_all(cells, made)


def uncast(expr: Expr) -> Expr:
    """The expression below all casts."""
    while expr.kind == "cast":
        expr = expr.args[0]
    return expr
