"""Where pointers come from, and which therefore cannot lead to the same memory.

An origin is an allocation, a variable, or what the caller passed. The analysis ignores the order of
statements: a pointer may have any origin that is assigned to it anywhere. Two pointers are apart when no
origin of one can be an origin of the other. Pointers that are exchanged (`t = a; a = b; b = t`) share
their origins but stay apart: each of a group holds a different object, and an exchange only permutes them.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from loopwright.analysis.assignments import Cell, cell_of, collect, uncast, walk_all
from loopwright.analysis.conversions import reinterpret
from loopwright.analysis.scopes import CallSummary, Effects, effects_of
from loopwright.analysis.syntax import Expr, Function, Unit, Variable

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


def is_allocation(call: Expr) -> bool:
    """Whether it is a call of an allocator, which gives memory that nothing else leads to."""
    if call.name not in ALLOCATORS or not call.library:
        return False
    if call.name != "mmap":
        return True
    # Two mappings of one file share memory, and so may what is mapped to a given address.
    flags = _bits(call.args[3]) if len(call.args) == 6 and uncast(call.args[0]).value == 0 else None
    return flags is not None and bool(flags & mmap.MAP_ANONYMOUS)


def _bits(expr: Expr) -> int | None:
    """A constant, as flags combined with | are."""
    expr = uncast(expr)
    if expr.kind == "binary" and expr.op == "|":
        sides = [_bits(arg) for arg in expr.args]
        return None if sides[0] is None or sides[1] is None else sides[0] | sides[1]
    return expr.value if expr.kind == "int" else None


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

_FORGETFUL = frozenset({"free", "memset", "bzero", "printf", "fprintf", "posix_memalign", "memcpy"})
"""Library functions that do not keep the pointers they are given. memcpy is asked for its target only."""


def _is_kept(pointer: Variable, function: Function) -> bool:
    """Whether the value of a local pointer may be stored anywhere else in the function."""

    def is_it(expr: Expr) -> bool:
        bare = uncast(expr)
        if bare.kind == "binary" and bare.type.kind == "pointer":
            return any(is_it(arg) for arg in bare.args)
        return bare.kind == "ref" and bare.variable is pointer

    for statement in function.body.walk():
        if any(v.init is not None and is_it(v.init) for v in statement.variables):
            return True
        for expr in walk_all(statement.own_expressions()):
            if expr.kind == "assign" and is_it(expr.args[1]):
                return True
            hands_on = expr.kind in ("init", "cond") or (expr.kind == "call" and expr.name not in _FORGETFUL)
            if hands_on and any(is_it(arg) for arg in expr.args):
                return True
    return False


def _is_followed(variable: Variable) -> bool:
    """Whether one pointer or reference is all that the variable holds: the pointers in an array (or in a
    container) are assigned to one by one, which is not followed.
    """
    of_array = variable.scope == "param" and variable.type.kind == "array"
    return of_array or variable.type.stripped.kind == "pointer" or variable.type.kind == "reference"


class Aliasing:
    """Answers whether two pointers of one function can lead to overlapping memory.

    `whole`: the unit is the whole program, so that all calls and all assignments are in it. `promised` are
    the keys of functions whose pointer parameters the task promises to be apart; `calls` knows functions
    that keep no pointer.
    """

    def __init__(
        self,
        unit: Unit,
        *,
        whole: bool,
        promised: frozenset[str] = frozenset(),
        calls: CallSummary = lambda call: None,
    ) -> None:
        self.unit = unit
        self.calls = calls
        self.whole = whole
        self.promised = promised
        self.cells = collect(unit)
        reinterpret(unit, self.cells)
        self._effects: dict[str, Effects] = {}
        self._busy: set[object] = set()
        self._known: dict[tuple[Cell, str], Origins] = {}
        self._kept: frozenset[Origin] | None = None

    def effects(self, function: Function) -> Effects:
        """The effects of a whole function, computed once."""
        if function.key not in self._effects:
            self._effects[function.key] = effects_of([function.body], self.calls)
        return self._effects[function.key]

    @property
    def kept(self) -> frozenset[Origin]:
        """What a global, a static or a member may still lead to when a function is called again."""
        if self._kept is None:
            lasting = [
                c for c in self.cells.all() if not isinstance(c, Variable) or c.scope in ("global", "static")
            ]
            found = (self.cell_origins(c, "") for c in lasting)
            self._kept = frozenset(origin for known in found if known is not None for origin in known)
        return self._kept

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
        if self.cells.is_spoiled(cell):
            return None
        found: set[Origin] = set()
        if isinstance(cell, Variable):
            if cell.scope == "param":
                found.add(Origin("param", variable=cell))
            elif cell.scope in ("global", "static") and not (cell.internal or self.whole):
                return None
            if cell.type.volatile or not _is_followed(cell):
                return None
        elif not self.whole:
            return None
        lasting = not isinstance(cell, Variable) or cell.scope in ("global", "static")
        for assignment in self.cells.assigned.get(cell, ()):
            value = self.lasting_origins(assignment.value, assignment.function)
            if value is None or (lasting and any(o.variable in self.cells.returned for o in value)):
                return None
            found |= value
        exchanged = any(cell in pair for pair in self.cells.swaps)
        if not found and not self.cells.assigned.get(cell) and not exchanged:
            return None  # it is given a value in a way that is not seen
        return frozenset(found)

    def lasting_origins(self, value: Expr, function: str) -> Origins:
        """Where a pointer comes from that may be older than a swap or a move of containers."""
        found = self.origins(value, function)
        moved = self.cells.moved
        for origin in found or ():
            variable = origin.variable
            if variable is None or variable.type.kind == "pointer":
                continue
            type_ = variable.type.stripped
            if variable in moved or type_.spelling in moved or ("" in moved and type_.kind == "record"):
                return None
        return found

    def origins(self, value: Expr, function: str) -> Origins:
        """Where the value of a pointer expression in `function` comes from."""
        type_ = value.type.stripped
        match value.kind:
            case "int":
                # Null leads nowhere; any other number may be the address of anything.
                return frozenset() if value.value == 0 else None
            case "string":
                return frozenset()
            case "cast":
                return self.origins(value.args[0], function)
            case "new" if value.op != "placement":
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
        if is_allocation(call):
            return frozenset({Origin("alloc", function, call.start)})
        if call.method and call.name == "data" and call.args and call.args[0].type.stripped.container:
            return self.object_origins(call.args[0], function)
        callee = self.unit.functions.get(call.key)
        if callee is not None and not callee.doubt and self._allocates(callee):
            return frozenset({Origin("alloc", function, call.start)})
        return None

    def _allocates(self, function: Function) -> bool:
        """Whether every pointer it returns is newly allocated in the same call and kept nowhere else."""
        returned = [s.expr for s in function.body.walk() if s.kind == "return" and s.expr is not None]
        for value in returned:
            bare = uncast(value)
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
