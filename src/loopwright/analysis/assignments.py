"""All assignments to pointers in a translation unit, and which of them only exchange two pointers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from loopwright.analysis.callees import is_called_by_templates
from loopwright.analysis.scopes import chosen
from loopwright.analysis.syntax import CType, Expr, Stmt, Unit, Variable
from loopwright.analysis.values import structure

_FIELD = "field"

Cell = Variable | tuple[str, str, str]
"""What holds a pointer: a variable, or ("field", struct, member) for that member of all such structs. The
struct is the one that declares the member: objects of classes derived from it have the same one."""


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
    `swaps` the pairs that are exchanged, `called_unseen` the functions that may be called where no call
    stands.
    """

    assigned: dict[Cell, list[Assignment]] = field(default_factory=dict)
    spoiled: set[Cell] = field(default_factory=set)
    spoiled_structs: set[str] = field(default_factory=set)
    """All members of these, too."""
    swaps: list[tuple[Cell, Cell]] = field(default_factory=list)
    calls: dict[str, list[tuple[str, Expr]]] = field(default_factory=dict)
    defined: frozenset[str] = frozenset()
    called_unseen: set[str] = field(default_factory=set)
    moved: set[Variable | str] = field(default_factory=set)
    """Containers whose elements may go to another one: variables, or all of a type by its spelling."""
    returned: set[Variable] = field(default_factory=set)
    """Objects that functions return: what they own belongs to another one afterwards."""

    def all(self) -> frozenset[Cell]:
        """The cells that are assigned to or exchanged."""
        return frozenset(self.assigned) | {cell for pair in self.swaps for cell in pair}

    def is_spoiled(self, cell: Cell) -> bool:
        """Whether the cell may get anything, in a way that is not seen."""
        return cell in self.spoiled or (isinstance(cell, tuple) and cell[1] in self.spoiled_structs)

    def spoil_struct(self, type_: CType) -> None:
        """The pointers in a struct, and in the structs that lie in it, may get anything."""
        while (type_.kind == "array" or type_.container) and type_.element is not None:
            type_ = type_.element
        if type_.kind == "record":
            self.spoiled_structs.add(type_.spelling)
            for part in type_.parts:
                self.spoil_struct(part)

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
        return (_FIELD, expr.owner, expr.name)
    return None


def collect(unit: Unit) -> Cells:
    """All assignments to pointers, exchanges and calls of the unit."""
    cells = Cells(defined=frozenset(unit.functions))
    cells.called_unseen |= {
        f.key for f in unit.functions.values() if is_called_by_templates(f) or f.name in unit.unread
    }
    cells.spoiled |= {(_FIELD, struct, name) for struct, name in unit.defaults}
    for variable in unit.variables:
        if variable.init is not None:
            _assign(cells, variable, variable.init, "", repeats=False)
            _expressions(cells, [variable.init], "", repeats=False)
    for function in unit.functions.values():
        jumps = any(s.kind == "goto" for s in function.body.walk())
        for name, value in function.inits:
            if name:
                _assign(cells, (_FIELD, function.owner, name), value, function.key, repeats=True)
            _expressions(cells, [value], function.key, repeats=True)
        _block(cells, function.body, function.key, repeats=jumps)
        _returned(cells, function.body, by_reference=binds(function.result))
    for cell in cells.all():
        lasting = not isinstance(cell, Variable) or cell.scope in ("global", "static")
        if lasting and (cell.name if isinstance(cell, Variable) else cell[2]) in unit.unread:
            cells.spoiled.add(cell)
    return cells


def _returned(cells: Cells, body: Stmt, *, by_reference: bool) -> None:
    """What is returned by reference has another name, too; what a local object owns, it may hand on."""
    for statement in body.walk():
        if statement.kind == "return" and statement.expr is not None:
            if by_reference:
                _spoil(cells, statement.expr)
            value = uncast(statement.expr)
            if value.kind == "call" and value.name == "constructor" and len(value.args) == 1:
                value = uncast(value.args[0])
            variable = value.variable
            if variable is not None and variable.type.kind == "record":
                cells.returned.add(variable)


def _block(cells: Cells, stmt: Stmt, function: str, *, repeats: bool) -> None:
    inside = repeats or stmt.kind in ("for", "while", "do", "range-for", "label")
    skip: set[int] = set()
    for index in range(len(stmt.body) - 2):
        turned = _exchange(stmt.body[index:])
        cells.swaps += itertools.pairwise(turned)
        skip |= set(range(index + 1, index + 1 + len(turned)))
    if stmt.init is not None:
        _block(cells, stmt.init, function, repeats=repeats)
    _unbound(cells, stmt)
    for variable in stmt.variables:
        if stmt.kind == "range-for":
            cells.spoiled.add(variable)  # an element of whatever is gone through
        if variable.init is not None:
            if binds(variable.type):
                _spoil(cells, variable.init)
            _assign(cells, variable, variable.init, function, repeats=repeats)
    _expressions(cells, stmt.own_expressions(), function, repeats=inside)
    for index, child in enumerate(stmt.body):
        if index not in skip:
            _block(cells, child, function, repeats=inside)


def _unbound(cells: Cells, stmt: Stmt) -> None:
    """The members of a struct that a structured binding names may get anything by these names."""
    for type_ in structs_named_anew(stmt):
        cells.spoil_struct(type_)


def structs_named_anew(stmt: Stmt) -> Iterator[CType]:
    """The types of what a structured binding gives other names to, member by member."""
    bound = [part.expr for part in stmt.body] if stmt.name == "BINDING" else []
    for expr in [*bound, stmt.expr if stmt.kind == "range-for" else None]:
        if expr is not None and expr.op == "&" and expr.kind == "unary":
            yield expr.args[0].type.stripped


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
    cells.spoiled.update(bound_cells(bound, "pointer"))


def bound_cells(bound: Expr, kind: str) -> Iterator[Cell]:
    """The cells that may be what a reference is bound to; `kind` is that of their type."""
    for choice in chosen(bound):
        cell = cell_of(choice) if choice.type.stripped.kind == kind else None
        if cell is not None:
            yield cell


def _listed(cells: Cells, made: Expr, function: str) -> None:
    """A braced list gives values to the members of a struct. Where it names members, or leaves out inner
    braces, they may get any of them.
    """
    if len(made.args) == 1 and made.args[0].kind == "int" and made.args[0].value == 0:
        return  # all members are zero
    if not made.args:
        return
    type_ = made.type.stripped
    hidden = type_.kind == "record" and not type_.fields and not type_.container
    if hidden or any(binds(member) for _, member in type_.fields):
        for arg in made.args:
            _spoil(cells, arg)
    parts = [type_.element] * len(made.args) if type_.kind == "array" else [t for _, t in type_.fields]
    flattened = any(p is not None and _is_flattened(a, p) for a, p in zip(made.args, parts, strict=False))
    if hidden or flattened or made.op == "." or any(arg.kind == "other" for arg in made.args):
        cells.spoil_struct(type_)
        return
    for (name, member), arg in zip(type_.fields, made.args, strict=False):
        if member.kind == "pointer":
            _assign(cells, (_FIELD, type_.spelling, name), arg, function, repeats=True)


def _is_flattened(arg: Expr, part: CType) -> bool:
    """Whether a part that has parts of its own is given a single value of them."""
    if part.kind not in ("array", "record") or part.container:
        return False
    return arg.kind not in ("init", "string") and arg.type.stripped.kind not in ("array", "record")


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
        if expr.kind == "assign" and expr.type.kind in ("pointer", "record"):
            for target in chosen(expr.args[0]):
                cell = cell_of(target)
                if cell is not None and expr.op == "=":
                    _assign(cells, cell, expr.args[1], function, repeats=repeats)
        elif expr.kind == "unary" and expr.op == "&" and id(expr) not in filled:
            cells.spoiled.update(cell for c in chosen(expr.args[0]) if (cell := cell_of(c)) is not None)
        elif expr.kind == "init":
            _listed(cells, expr, function)
        elif expr.kind == "function":
            cells.called_unseen.add(expr.key)
        elif expr.kind == "call":
            _called(cells, expr, function, repeats=repeats)
        elif expr.kind == "other":
            cells.spoil_struct(expr.type)
        if expr.body is not None:
            _returned(cells, expr.body, by_reference=True)  # of a lambda, which may return a reference
            for statement in expr.body.walk():
                _unbound(cells, statement)
                for variable in statement.variables:
                    if variable.init is not None and binds(variable.type):
                        _spoil(cells, variable.init)


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
        if call.type.stripped.spelling.startswith("std::"):
            cells.spoil_struct(call.type.stripped)  # a pair of pointers
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
    cells.spoil_struct(inner)


def uncast(expr: Expr) -> Expr:
    """The expression below all casts."""
    while expr.kind == "cast":
        expr = expr.args[0]
    return expr
