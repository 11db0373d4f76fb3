"""Where pointers come from, and which therefore cannot lead to the same memory.

An origin is an allocation, a variable, or what the caller passed. The analysis ignores the order of
statements: a pointer may have any origin that is assigned to it anywhere. Two pointers are apart when no
origin of one can be an origin of the other. Pointers that are exchanged (`t = a; a = b; b = t`) share
their origins but stay apart: each of a group holds a different object, and an exchange only permutes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from loopwright.analysis.scopes import Effects, effects_of
from loopwright.analysis.syntax import CType, Expr, Function, Stmt, Unit, Variable
from loopwright.analysis.values import structure

ALLOCATORS = frozenset(
    {
        "malloc",
        "calloc",
        "realloc",
        "aligned_alloc",
        "posix_memalign",
        "memalign",
        "valloc",
        "_mm_malloc",
        "mmap",
    }
)
_FIELD = "field"


@dataclass(frozen=True)
class Origin:
    """One place that a pointer can come from.

    kind "alloc": the allocation at byte `offset` in the function `function`; "var": the object `variable`
    (with `path` below it, for a buffer that a container owns); "param": what `variable` was given.
    """

    kind: Literal["alloc", "var", "param"]
    function: str = ""
    offset: int = 0
    variable: Variable | None = None
    path: tuple[str, ...] = ()


Origins = frozenset[Origin] | None
"""None: unknown, may come from anywhere."""

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
        if owner.kind == "pointer" and owner.element is not None:
            owner = owner.element
        if owner.union:
            return None
        return (_FIELD, owner.spelling.replace("const ", ""), expr.name)
    return None


def collect(unit: Unit) -> Cells:
    """All assignments to pointers, exchanges and calls of the unit."""
    cells = Cells(defined=frozenset(unit.functions))
    for variable in unit.variables:
        if variable.init is not None:
            _assign(cells, variable, variable.init, "", repeats=False)
            _expressions(cells, [variable.init], "", repeats=False)
    for function in unit.functions.values():
        jumps = any(s.kind == "goto" for s in function.body.walk())
        _block(cells, function.body, function.key, repeats=jumps)
    return cells


def _block(cells: Cells, stmt: Stmt, function: str, *, repeats: bool) -> None:
    inside = repeats or stmt.kind in ("for", "while", "do", "range-for", "label")
    skip: set[int] = set()
    for index in range(len(stmt.body) - 2):
        pair = _exchange(stmt.body[index : index + 3])
        if pair is not None:
            cells.swaps.append(pair)
            skip |= {index + 1, index + 2}
    if stmt.init is not None:
        _block(cells, stmt.init, function, repeats=repeats)
    for variable in stmt.variables:
        if variable.init is not None:
            _assign(cells, variable, variable.init, function, repeats=repeats)
    _expressions(cells, stmt.own_expressions(), function, repeats=inside)
    for index, child in enumerate(stmt.body):
        if index not in skip:
            _block(cells, child, function, repeats=inside)


def _exchange(three: tuple[Stmt, ...]) -> tuple[Cell, Cell] | None:
    """`t = a; a = b; b = t;` as (a, b)."""
    first, second, third = three
    if first.kind == "decl" and len(first.variables) == 1 and first.variables[0].init is not None:
        held, a1 = first.variables[0], first.variables[0].init
    elif (parts := _plain(first)) is not None and parts[0].kind == "ref" and parts[0].variable is not None:
        held, a1 = parts[0].variable, parts[1]
    else:
        return None
    middle, last = _plain(second), _plain(third)
    if middle is None or last is None or last[1].variable is not held:
        return None
    same = structure(a1) == structure(middle[0]) and structure(middle[1]) == structure(last[0])
    a, b = cell_of(a1), cell_of(last[0])
    if not same or a is None or b is None or a == b or a1.type.kind != "pointer" or held in (a, b):
        return None
    if a1.kind == "member" and structure(a1.args[0]) != (
        structure(last[0].args[0]) if last[0].kind == "member" else None
    ):
        return None
    return a, b


def _plain(stmt: Stmt) -> tuple[Expr, Expr] | None:
    expr = stmt.expr
    if stmt.kind != "expr" or expr is None or expr.kind != "assign" or expr.op != "=":
        return None
    return expr.args[0], expr.args[1]


def _assign(cells: Cells, cell: Cell, value: Expr, function: str, *, repeats: bool) -> None:
    cells.assigned.setdefault(cell, []).append(Assignment(value, function, repeats))
    if value.kind == "init" and value.type.stripped.fields:
        fields = value.type.stripped.fields
        for position, (name, type_) in enumerate(fields):
            if type_.kind != "pointer" or position >= len(value.args):
                continue
            member = (_FIELD, value.type.stripped.spelling, name)
            if any(arg.kind == "other" for arg in value.args):
                cells.spoiled.add(member)  # designated initialisers may come in any order
            else:
                _assign(cells, member, value.args[position], function, repeats=True)


def _expressions(cells: Cells, roots: Iterable[Expr], function: str, *, repeats: bool) -> None:
    filled: set[int] = set()
    for expr in _walk(roots):
        if expr.kind == "call" and expr.name == "posix_memalign" and expr.args:
            target = expr.args[0]
            while target.kind == "cast":
                target = target.args[0]
            held = cell_of(target.args[0]) if target.kind == "unary" and target.op == "&" else None
            if held is not None:
                filled.add(id(target))
                _assign(cells, held, expr, function, repeats=repeats)
        if expr.kind == "assign" and expr.type.kind in ("pointer", "record"):
            cell = cell_of(expr.args[0])
            if cell is not None and expr.op == "=":
                _assign(cells, cell, expr.args[1], function, repeats=repeats)
        elif expr.kind == "unary" and expr.op == "&":
            cell = cell_of(expr.args[0])
            if cell is not None and id(expr) not in filled:
                cells.spoiled.add(cell)
        elif expr.kind == "function":
            cells.used_as_value.add(expr.key)
        elif expr.kind == "call":
            _called(cells, expr, function, repeats=repeats)


def _walk(roots: Iterable[Expr]) -> Iterator[Expr]:
    for root in roots:
        yield from root.walk()


def _called(cells: Cells, call: Expr, function: str, *, repeats: bool) -> None:
    cells.calls.setdefault(call.key, []).append((function, call))
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
            _spoil_members(cells, _uncast(arg).type)
    for arg, written in zip(call.args, call.by_reference, strict=False):
        cell = cell_of(arg) if written and arg.type.stripped.kind == "pointer" else None
        if cell is not None:
            cells.spoiled.add(cell)


def _spoil_members(cells: Cells, type_: CType) -> None:
    """A function that is not seen may put anything into the members of a struct that it gets a pointer to."""
    inner = type_.element
    if type_.kind not in ("pointer", "array") or inner is None or inner.const or inner.kind != "record":
        return
    for name, member in inner.fields:
        if member.kind == "pointer":
            cells.spoiled.add((_FIELD, inner.spelling, name))


_FORGETFUL = frozenset({"free", "memset", "bzero", "printf", "fprintf", "posix_memalign", "memcpy"})
"""Library functions that do not keep the pointers they are given. memcpy is asked for its target only."""


def _uncast(expr: Expr) -> Expr:
    while expr.kind == "cast":
        expr = expr.args[0]
    return expr


def _is_kept(pointer: Variable, function: Function) -> bool:
    """Whether the value of a local pointer may be stored anywhere else in the function."""

    def is_it(expr: Expr) -> bool:
        bare = _uncast(expr)
        if bare.kind == "binary" and bare.type.kind == "pointer":
            return any(is_it(arg) for arg in bare.args)
        return bare.kind == "ref" and bare.variable is pointer

    for statement in function.body.walk():
        if any(v.init is not None and is_it(v.init) for v in statement.variables):
            return True
        for expr in _walk(statement.own_expressions()):
            if expr.kind == "assign" and is_it(expr.args[1]):
                return True
            hands_on = expr.kind in ("init", "cond") or (expr.kind == "call" and expr.name not in _FORGETFUL)
            if hands_on and any(is_it(arg) for arg in expr.args):
                return True
    return False


class Aliasing:
    """Answers whether two pointers of one function can lead to overlapping memory.

    `whole`: the unit is the whole program, so that all calls and all assignments are in it. `promised` are
    the keys of functions whose pointer parameters the task promises to be apart.
    """

    def __init__(self, unit: Unit, *, whole: bool, promised: frozenset[str] = frozenset()) -> None:
        self.unit = unit
        self.whole = whole
        self.promised = promised
        self.cells = collect(unit)
        self._effects: dict[str, Effects] = {}
        self._busy: set[object] = set()
        self._known: dict[tuple[Cell, str], Origins] = {}

    def effects(self, function: Function) -> Effects:
        """The effects of a whole function, computed once."""
        if function.key not in self._effects:
            self._effects[function.key] = effects_of([function.body])
        return self._effects[function.key]

    # -- origins

    def cell_origins(self, cell: Cell, function: str) -> Origins:
        """Everything that is ever assigned to a pointer."""
        key = (cell, function)
        if key in self._known:
            return self._known[key]
        if key in self._busy:
            return frozenset()
        self._busy.add(key)
        found = self._joined_origins(cell, function)
        self._busy.discard(key)
        if not self._busy:
            self._known[key] = found
        return found

    def _joined_origins(self, cell: Cell, function: str) -> Origins:
        found: set[Origin] = set()
        for member in self.cells.component(cell):
            own = self._own_origins(member)
            if own is None:
                return None
            found |= own
        return frozenset(found)

    def _own_origins(self, cell: Cell) -> Origins:
        """What is assigned to this cell, exchanges left out."""
        if cell in self.cells.spoiled:
            return None
        found: set[Origin] = set()
        if isinstance(cell, Variable):
            if cell.scope == "param":
                found.add(Origin("param", variable=cell))
            elif cell.scope in ("global", "static") and not (cell.internal or self.whole):
                return None
            if cell.type.volatile:
                return None
        elif not self.whole:
            return None
        for assignment in self.cells.assigned.get(cell, ()):
            value = self.origins(assignment.value, assignment.function)
            if value is None:
                return None
            found |= value
        return frozenset(found)

    def origins(self, value: Expr, function: str) -> Origins:
        """Where the value of a pointer expression in `function` comes from."""
        type_ = value.type.stripped
        match value.kind:
            case "int":
                return frozenset()
            case "string":
                return frozenset()
            case "cast":
                return self.origins(value.args[0], function)
            case "new":
                return frozenset({Origin("alloc", function, value.start)})
            case "call":
                return self._call_origins(value, function)
            case "cond":
                return self._union(value.args[1:], function)
            case "assign":
                return self.origins(value.args[1 if value.op == "=" else 0], function)
            case "binary" | "unary" if value.op in ("+", "-", "++_", "--_", "_++", "_--"):
                sides = [a for a in value.args if a.type.stripped.kind in ("pointer", "array")]
                return self.origins(sides[0], function) if len(sides) == 1 else None
            case "unary" if value.op == "&":
                return self.object_origins(value.args[0], function)
            case "ref" | "member" if type_.kind == "pointer":
                cell = cell_of(value)
                return None if cell is None else self.cell_origins(cell, function)
        if type_.kind == "array":
            return self.object_origins(value, function)
        return None

    def _union(self, values: Iterable[Expr], function: str) -> Origins:
        found: set[Origin] = set()
        for value in values:
            part = self.origins(value, function)
            if part is None:
                return None
            found |= part
        return frozenset(found)

    def _call_origins(self, call: Expr, function: str) -> Origins:
        if call.name in ALLOCATORS:
            return frozenset({Origin("alloc", function, call.start)})
        if call.method and call.name == "data" and call.args and call.args[0].type.stripped.container:
            return self.object_origins(call.args[0], function)
        callee = self.unit.functions.get(call.key)
        if callee is not None and self._allocates(callee):
            return frozenset({Origin("alloc", function, call.start)})
        return None

    def _allocates(self, function: Function) -> bool:
        """Whether every pointer it returns is newly allocated in the same call and kept nowhere else."""
        returned = [s.expr for s in function.body.walk() if s.kind == "return" and s.expr is not None]
        for value in returned:
            bare = _uncast(value)
            local = bare.kind == "ref" and bare.variable is not None and bare.variable.scope == "local"
            if bare.kind not in ("call", "int") and not local:
                return False
            found = self.origins(bare, function.key)
            if found is None or any(o.kind != "alloc" or o.function != function.key for o in found):
                return False
            if local and bare.variable is not None and _is_kept(bare.variable, function):
                return False
        return bool(returned)

    def object_origins(self, lvalue: Expr, function: str) -> Origins:
        """In which object an lvalue lies (for a container: the elements it owns)."""
        match lvalue.kind:
            case "ref" if lvalue.variable is not None:
                return self.variable_origins(lvalue.variable, ())
            case "index":
                base = lvalue.args[0] if lvalue.args[0].type.kind != "int" else lvalue.args[1]
                return self.origins(base, function)
            case "unary" if lvalue.op == "*":
                return self.origins(lvalue.args[0], function)
            case "member":
                base = lvalue.args[0]
                if base.type.stripped.kind == "pointer" or base.kind == "this":
                    return None if base.kind == "this" else self.origins(base, function)
                return self.object_origins(base, function)
            case "call" if lvalue.method and lvalue.name in ("operator[]", "at"):
                return self.object_origins(lvalue.args[0], function)
        return None

    def variable_origins(self, variable: Variable, path: tuple[str, ...]) -> Origins:
        """The object that a variable is, or what the reference of that name refers to."""
        if variable.type.kind == "reference" or (variable.scope == "param" and variable.type.kind == "array"):
            return self.cell_origins(variable, "") if variable.scope == "param" else None
        return frozenset({Origin("var", variable=variable, path=path)})
