"""Which objects of a nest are proved not to overlap."""

from __future__ import annotations

from loopwright.analysis.assignments import Assignment, Cell, cell_of
from loopwright.analysis.ir import Storage
from loopwright.analysis.lowering import LoweredObject
from loopwright.analysis.origins import Aliasing, Origin, Origins
from loopwright.analysis.scopes import plain_name
from loopwright.analysis.syntax import CType, Expr, Function, Unit, Variable
from loopwright.analysis.values import structure

_DEEPEST_CALL = 4


def disjoint_pairs(
    objects: list[LoweredObject], function: Function, aliasing: Aliasing
) -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """Pairs of ids proved apart: all of them, and those apart only because their types differ."""
    judge = _Judge(function, aliasing)
    apart: set[tuple[str, str]] = set()
    by_type: set[tuple[str, str]] = set()
    for index, first in enumerate(objects):
        for second in objects[index + 1 :]:
            if Storage.POINTED not in (first.storage, second.storage):
                continue
            pair = (min(first.id, second.id), max(first.id, second.id))
            if judge.apart(first, second):
                apart.add(pair)
            elif apart_by_type(aliasing.unit, first.type, second.type, retyped=judge.retyped(first, second)):
                by_type.add(pair)
    return frozenset(apart | by_type), frozenset(by_type)


def values_apart(aliasing: Aliasing, first: Expr, second: Expr, function: Function) -> bool:
    """Whether two pointer (or array) values in `function` lead to different objects."""
    return _Judge(function, aliasing).values_apart(first, second, function, 0)


def origins_apart(aliasing: Aliasing, first: Origins, second: Origins, function: Function) -> bool:
    """Whether no object that one stands for in `function` can be one that the other stands for."""
    return _Judge(function, aliasing).origins_apart(first, second, function, 0)


def apart_by_type(unit: Unit, first: CType, second: CType, *, retyped: bool) -> bool:
    """Whether two accesses cannot meet, because no object may be accessed as both types.

    `retyped`: one may be stored to after the other was read for the last time. In C the store gives allocated
    memory another type then (C11 6.5p6), as where integers are made floating-point numbers in their place.
    Only numbers are taken to be replaced so: what pointers lead there is needed to the end.
    """
    if unit.may_alias or (retyped and not unit.in_cxx and first.is_arithmetic and second.is_arithmetic):
        return False
    return distinct_types(first, second)


def distinct_types(first: CType, second: CType) -> bool:
    """Whether an object cannot be accessed as both types (C11 6.5p7; C++17 [basic.lval] 11)."""
    if any(word in _plain_name(t) for word in ("char", "byte", "_Complex") for t in (first, second)):
        return False  # a complex number is an array of two real ones, too (C11 6.2.5p13)
    if "pointer" in (first.kind, second.kind):
        return first.is_arithmetic or second.is_arithmetic
    if not (first.is_arithmetic and second.is_arithmetic):
        return False
    both_integers = first.kind == second.kind == "int"
    return _plain_name(first) != _plain_name(second) and not (both_integers and _is_named(first, second))


def _plain_name(type_: CType) -> str:
    return "pointer" if type_.kind == "pointer" else plain_name(type_.spelling)


def _is_named(first: CType, second: CType) -> bool:
    # An enumeration is compatible with some integer type that the implementation chooses.
    basic = {"int", "short", "long", "long long", "_Bool", "bool", "__int128"}
    return not {_plain_name(first), _plain_name(second)} <= basic


class _Judge:
    def __init__(self, function: Function, aliasing: Aliasing) -> None:
        self.function = function
        self.aliasing = aliasing

    def apart(self, first: LoweredObject, second: LoweredObject) -> bool:
        """Whether two objects of the nest cannot overlap."""
        (root, path), (other, other_path) = first.key, second.key
        if root is other and self._parts_of_one(path, other_path):
            return True
        cell, other_cell = self._cell(first), self._cell(second)
        if cell is not None and other_cell is not None and cell != other_cell:
            same_root = root is other and path[:-2] == other_path[:-2] and self._is_one(root, path[:-2])
            both_variables = isinstance(cell, Variable) and isinstance(other_cell, Variable)
            if (same_root or both_variables) and self.exchanged(cell, other_cell):
                return True
        return self.origins_apart(self._origins(first), self._origins(second), self.function, 0)

    def retyped(self, first: LoweredObject, second: LoweredObject) -> bool:
        """Whether the nest goes from place to place in both, and sets what it has not read as that type."""
        if first.reads_first and second.reads_first:
            return False
        return not any(_is_one_place(o) or is_declared(self._origins(o)) for o in (first, second))

    def _parts_of_one(self, path: tuple[str, ...], other: tuple[str, ...]) -> bool:
        """Two members of one struct object that is not left again through a pointer."""
        for step, other_step in zip(path, other, strict=False):
            if step != other_step:
                rest = path[path.index(step) :] if step in path else path
                other_rest = other[other.index(other_step) :] if other_step in other else other
                return step.startswith(".") and other_step.startswith(".") and "*" not in (*rest, *other_rest)
        return False

    def _cell(self, made: LoweredObject) -> Cell | None:
        """The pointer through which the object is reached."""
        root, path = made.key
        if path == ("*",) and root is not None:
            return root if root.type.stripped.kind == "pointer" else None
        if len(path) >= 2 and path[-1] == "*" and path[-2].startswith(".") and made.owner:
            return ("field", made.owner, path[-2][1:])
        return None

    def _is_one(self, root: Variable | None, path: tuple[str, ...]) -> bool:
        """Whether the way leads to one object only, not to one of several in an array."""
        if root is None:
            return not path
        if path[:1] == ("*",) and root in self.aliasing.effects(self.function).indexed:
            return False
        type_ = root.type.stripped
        if path[:1] == ("*",) and type_.element is not None:
            type_, path = type_.element, path[1:]
        for step in path:
            member = dict(type_.fields).get(step.removeprefix("."))
            if member is None:
                return False
            type_ = member
        return type_.kind == "record" and not type_.container

    def _origins(self, made: LoweredObject) -> Origins:
        root, path = made.key
        cell = self._cell(made)
        if cell is not None:
            return self.aliasing.cell_origins(cell, self.function.key)
        if root is None:
            return None
        if path[:1] == ("*",) and "*" not in path[1:] and root.type.stripped.kind == "pointer":
            return self.aliasing.cell_origins(root, self.function.key)
        if "*" in path:
            return None
        return self.aliasing.variable_origins(root, ())

    # -- values

    def exchanged(self, first: Cell, second: Cell) -> bool:
        """Whether two pointers of a group that is only filled once and then permuted stay apart."""
        cells = self.aliasing.cells
        group = cells.component(first)
        if second not in group:
            return False
        owned: dict[Cell, frozenset[Origin]] = {}
        for cell in group:
            mine = self.aliasing._own_origins(cell)
            if mine is None:
                return False
            fresh = all(o.kind == "alloc" for o in mine)
            assigned = cells.assigned.get(cell, [])
            if not fresh and not _filled_once(cell, assigned):
                return False
            owned[cell] = mine
        pairs = [(a, b) for a in group for b in group if a is not b]
        return all(self.origins_apart(owned[a], owned[b], self.function, 0) for a, b in pairs)

    def origins_apart(self, first: Origins, second: Origins, function: Function, depth: int) -> bool:
        """Whether no origin of one can be (part of) an origin of the other."""
        if first is None or second is None:
            return False
        return all(self._two(a, b, function, depth) for a in first for b in second)

    def _two(self, a: Origin, b: Origin, function: Function, depth: int) -> bool:
        if a == b:
            return False
        if a.kind != "param" and b.kind != "param":
            return a.kind != b.kind or a.kind == "alloc" or a.variable is not b.variable
        if a.kind != "param":
            a, b = b, a
        if a.variable is None or a.variable not in function.parameters:
            return False
        if b.kind == "param":
            return self._two_parameters(a.variable, b.variable, function, depth)
        if a.variable.type.restrict:
            return True
        if self._is_made_here(b, function) and b not in self.aliasing.kept:
            return True  # the caller cannot have passed what was not there yet
        return self._at_all_calls(a.variable, frozenset({b}), function, depth)

    def _is_made_here(self, origin: Origin, function: Function) -> bool:
        """Whether each call of the function makes the object anew."""
        if origin.kind == "alloc":
            return origin.function == function.key
        variable = origin.variable
        if variable is None or variable.scope not in ("local", "param"):
            return False
        declared = (v for statement in function.body.walk() for v in statement.variables)
        return variable in function.parameters or variable in declared

    def _two_parameters(self, a: Variable, b: Variable | None, function: Function, depth: int) -> bool:
        if b is None or b not in function.parameters:
            return False
        if a.type.restrict or b.type.restrict or function.key in self.aliasing.promised:
            return True
        if a.type.kind == "array" and "restrict" in a.type.spelling + b.type.spelling:
            return True
        positions = [function.parameters.index(a), function.parameters.index(b)]
        calls = self._calls(function, depth)
        if not calls:
            return False
        for caller, call in calls:
            args = [self._argument(call, p) for p in positions]
            if args[0] is None or args[1] is None:
                return False
            if not self.values_apart(args[0], args[1], caller, depth + 1):
                return False
        return True

    def _at_all_calls(self, a: Variable, fixed: Origins, function: Function, depth: int) -> bool:
        calls = self._calls(function, depth)
        position = function.parameters.index(a)
        for caller, call in calls:
            arg = self._argument(call, position)
            mine = None if arg is None else self._value_origins(arg, caller)
            if arg is not None and arg.type.stripped.kind == "pointer":
                mine = self.aliasing.lasting_origins(arg, caller.key)
            if not self.origins_apart(mine, fixed, caller, depth + 1):
                return False
        return bool(calls)

    def _argument(self, call: Expr, position: int) -> Expr | None:
        args = call.args[1:] if call.method else call.args
        return args[position] if position < len(args) else None

    def _calls(self, function: Function, depth: int) -> list[tuple[Function, Expr]]:
        """All calls of the function; empty when there may be others that are not seen."""
        cells = self.aliasing.cells
        if depth >= _DEEPEST_CALL or not (function.internal or self.aliasing.whole):
            return []
        if function.key in cells.called_unseen:
            return []
        found = []
        for caller, call in cells.calls.get(function.key, []):
            if caller not in self.aliasing.unit.functions or caller == function.key:
                return []
            found.append((self.aliasing.unit.functions[caller], call))
        return found

    def values_apart(self, first: Expr, second: Expr, function: Function, depth: int) -> bool:
        """Whether two pointer (or reference) arguments lead to different objects."""
        a, b = cell_of(_bare(first)), cell_of(_bare(second))
        pointers = first.type.stripped.kind == second.type.stripped.kind == "pointer"
        if pointers and a is not None and b is not None and a != b:
            one, two = _bare(first), _bare(second)
            same_owner = one.kind == two.kind == "member" and structure(one.args[0]) == structure(two.args[0])
            if (same_owner or (one.kind == two.kind == "ref")) and self.exchanged(a, b):
                return True
        return self.origins_apart(
            self._value_origins(first, function), self._value_origins(second, function), function, depth
        )

    def _value_origins(self, value: Expr, function: Function) -> Origins:
        if value.type.stripped.kind in ("pointer", "int"):
            return self.aliasing.origins(value, function.key)
        return self.aliasing.object_origins(value, function.key)


def _is_one_place(made: LoweredObject) -> bool:
    """Whether the nest accesses one element of it only."""
    if not made.subscripts:
        return not made.extents
    return all(s is not None and not s.terms for subs in made.subscripts.values() for s in subs)


def is_declared(origins: Origins) -> bool:
    """Whether all of it lies in variables, which keep the type that they are declared with."""
    return origins is not None and all(
        o.kind == "var" and o.variable is not None and _keeps_type(o.variable.type) for o in origins
    )


def _keeps_type(type_: CType) -> bool:
    while type_.kind == "array" and type_.element is not None:
        type_ = type_.element
    if type_.kind == "record":
        return bool(type_.fields) and all(_keeps_type(member) for _, member in type_.fields)
    return "char" not in type_.spelling


def _filled_once(cell: Cell, assigned: list[Assignment]) -> bool:
    """Whether the cell gets a value from outside its group one time at most in its life."""
    if not isinstance(cell, Variable) or any(a.repeats for a in assigned):
        return False
    if cell.scope in ("global", "static"):
        # A function may run many times; the initialiser of a global runs once.
        return len(assigned) <= 1 and all(a.function == "" for a in assigned)
    return len(assigned) <= (0 if cell.scope == "param" else 1)


def _bare(expr: Expr) -> Expr:
    while expr.kind == "cast":
        expr = expr.args[0]
    return expr
