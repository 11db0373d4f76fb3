"""What a program has to map: arrays by the variable that names them, and what is known about their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from loopwright.analysis.aliasing import disjoint_pairs, values_apart
from loopwright.analysis.assignments import cell_of, uncast
from loopwright.analysis.frontend import Program, UnitReader
from loopwright.analysis.ir import Storage
from loopwright.analysis.lowering import LoweredObject
from loopwright.analysis.member_pointers import MemberPointers
from loopwright.analysis.origins import is_allocation
from loopwright.analysis.purity import is_pure_by_name
from loopwright.analysis.syntax import CType, Expr, Function, Stmt, Variable
from loopwright.core.task import Kernel


@dataclass(frozen=True)
class Base:
    """An array: the variable itself, or (`pointed`) what the pointer in the variable leads to."""

    variable: Variable
    pointed: bool

    @property
    def name(self) -> str:
        """As the program writes it."""
        return self.variable.name

    @property
    def element(self) -> CType:
        """The type of one element; of an array of arrays, of the innermost one."""
        type_ = self.variable.type
        if self.pointed and type_.element is not None:
            type_ = type_.element
        while type_.kind == "array" and type_.element is not None:
            type_ = type_.element
        return type_

    @property
    def is_parameter(self) -> bool:
        """Whether the caller's array is meant."""
        return self.variable.scope == "param"

    @property
    def is_global(self) -> bool:
        """Whether it lives as long as the program."""
        return self.variable.scope in ("global", "static")


class NotSimple(Exception):
    """Why an object cannot be mapped, in words."""


def base_of(made: LoweredObject) -> Base:
    """The array that an object of a nest is, or is a part of. NotSimple when that is no plain array."""
    root, path = made.key
    if root is None:
        raise NotSimple(f"{made.name} is a member of the object of a method")
    type_ = root.type
    if container := type_.stripped.container:
        words = (
            "no region keeps it on the device, its loops map it one by one through a pointer to its elements"
        )
        raise NotSimple(f"{root.name} is a std::{container}: {words}")
    if type_.kind == "reference":
        raise NotSimple(f"{root.name} is a reference: it needs a pointer to its elements")
    stars = [n for n, step in enumerate(path) if step == "*"]
    if stars not in ([], [0]):
        raise NotSimple(f"{made.name} is reached through a pointer in a struct, or through two pointers")
    if stars and (type_.kind != "pointer" or type_.element is None):
        raise NotSimple(f"{made.name} is not reached through a plain pointer")
    base = Base(root, bool(stars))
    inner = base.element
    if inner.kind not in ("int", "float", "record") or not inner.size or inner.volatile:
        raise NotSimple(f"the elements of {made.name} are not plain numbers")
    if inner.kind == "record" and (inner.union or not _is_plain(inner)):
        raise NotSimple(f"{made.name} lies in structs that hold more than numbers")
    return base


def _is_plain(type_: CType) -> bool:
    if type_.kind == "array" and type_.element is not None:
        return _is_plain(type_.element)
    if type_.kind == "record":
        return bool(type_.fields) and not type_.container and all(_is_plain(t) for _, t in type_.fields)
    return type_.is_arithmetic


@dataclass
class View:
    """A parsed program as the data plan needs it. `editable` says which files may get directives, `on_device`
    of a loop by file and offset whether it is to go to the device (None: wherever it can); `whole`: all code
    that can call its functions has been read.
    """

    program: Program
    kernel: Kernel | None
    editable: Callable[[str], bool]
    whole: bool
    on_device: Callable[[str, int], bool] | None = None
    functions: dict[str, tuple[UnitReader, Function]] = field(default_factory=dict)
    members: MemberPointers = field(init=False)
    _apart: dict[tuple[str, Base, Base], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.members = MemberPointers(self.program.units)
        for reader in self.program.units:
            for function in reader.unit.functions.values():
                self.functions.setdefault(function.key, (reader, function))

    def calls_of(self, function: Function) -> list[tuple[UnitReader, Function, Expr]] | None:
        """All calls of a function; None when there may be others that are not seen."""
        is_kernel = self.kernel is not None and function.name == self.kernel.function
        seen = self.whole or function.internal or (self.kernel is not None and not is_kernel)
        if not seen or function.name == "main":
            return None
        found = []
        for reader in self.program.units:
            if function.key in reader.aliasing.cells.called_unseen:
                return None
            for caller, call in reader.aliasing.cells.calls.get(function.key, []):
                around = reader.unit.functions.get(caller)
                if around is None:
                    return None
                found.append((reader, around, call))
        return found

    def is_apart(self, reader: UnitReader, function: Function, first: Base, second: Base) -> bool:
        """Whether two arrays are proved to share no memory."""
        key = (function.key, first, second)
        if key not in self._apart:
            self._apart[key] = first.variable is not second.variable and (
                _disjoint(reader, function, first, second)
                or self._apart_at_calls(function, first, second)
                or self._apart_as_members(reader, function, first, second)
            )
        return self._apart[key]

    def _apart_at_calls(self, function: Function, first: Base, second: Base) -> bool:
        """Two parameters that are given different objects by every call in the program."""
        bases = (first, second)
        if any(b.variable not in function.parameters for b in bases):
            return False
        calls = self.calls_of(function)
        if not calls:
            return False
        positions = [function.parameters.index(b.variable) for b in bases]
        for reader, caller, call in calls:
            args = call.args[1:] if call.method else call.args
            if len(args) != len(function.parameters) or caller is function:
                return False
            one, two = (args[p] for p in positions)
            if not values_apart(reader.aliasing, one, two, caller):
                return False
        return True

    def _apart_as_members(self, reader: UnitReader, function: Function, first: Base, second: Base) -> bool:
        """Two pointers out of structs whose members never lead to memory of one allocation."""
        found = [_member_in(b, reader, function) for b in (first, second)] if self.whole else []
        cells = [c for c in found if c is not None]
        return len(cells) == 2 and self.members.apart(cells[0], cells[1])


def _member_in(base: Base, reader: UnitReader, function: Function) -> tuple[str, str] | None:
    """The struct and the member that a local pointer is a copy of, when it is one of nothing else."""
    variable, cells = base.variable, reader.aliasing.cells
    if not base.pointed or variable.scope != "local" or variable in cells.spoiled:
        return None
    values = [uncast(v) for v in assigned_to(variable, function)]
    cell = cell_of(values[0]) if len(values) == 1 and values[0].kind == "member" else None
    return cell[1:] if isinstance(cell, tuple) and len(cells.component(variable)) == 1 else None


def _disjoint(reader: UnitReader, function: Function, first: Base, second: Base) -> bool:
    made = [
        LoweredObject(
            key=(base.variable, ("*",) if base.pointed else ()),
            id=f"{base.name}@{n}",
            name=base.name,
            type=base.element,
            extents=(None,),
            storage=storage_of(base),
        )
        for n, base in enumerate((first, second))
    ]
    if Storage.POINTED not in {o.storage for o in made}:
        return True
    pairs, _ = disjoint_pairs(made, function, reader.aliasing)
    return bool(pairs)


def storage_of(base: Base) -> Storage:
    """Where the array lives, as far as the variable tells."""
    if base.pointed or (base.variable.scope == "param" and base.variable.type.kind == "array"):
        return Storage.POINTED
    return Storage.GLOBAL if base.is_global else Storage.LOCAL


def assigned_to(variable: Variable, function: Function) -> list[Expr]:
    """The values that a pointer of the function gets, its initialiser and NULL included."""
    values = [variable.init] if variable.init is not None else []
    values += [
        e.args[1]
        for e in expressions(function.body)
        if e.kind == "assign" and e.args[0].kind == "ref" and e.args[0].variable is variable
    ]
    return values


def allocation_of(base: Base, reader: UnitReader, function: Function) -> Expr | None:
    """The one call of an allocator that gives a local pointer its value (before it is exchanged with others,
    if it is); None when there is another way.
    """
    variable = base.variable
    if not base.pointed or variable.scope != "local" or variable in reader.aliasing.cells.spoiled:
        return None
    partners = reader.aliasing.cells.component(variable)
    values = [uncast(v) for v in assigned_to(variable, function)]
    if len(partners) > 1:
        values = [v for v in values if v.kind != "ref"]
    values = [v for v in values if v.kind != "int"]
    if len(values) != 1 or variable in reader.aliasing.effects(function).address_taken:
        return None
    call = values[0]
    return call if call.kind == "call" and is_allocation(call) and call.name != "realloc" else None


def may_be_null(base: Base, function: Function, start: int) -> bool:
    """Whether a pointer may lead nowhere at `start`: it is set under a condition, or asked about.

    A question whose answer NULL leaves the function, as after an allocation, settles it.
    """
    variable = base.variable
    for stmt in function.body.walk():
        if not base.pointed or stmt.kind != "if" or stmt.expr is None:
            continue
        if stmt.start < start < stmt.end:
            continue
        leaves = any(s.kind in ("return", "goto") for s in stmt.walk()) or any(
            e.kind == "call" and e.name in ("exit", "abort") for e in expressions(stmt)
        )
        if not leaves and (_asks(stmt.expr, variable) or _sets(stmt, variable)):
            return True
    return False


def _asks(expr: Expr, variable: Variable) -> bool:
    """Whether a condition is about the pointer itself."""
    if expr.kind == "ref":
        return expr.variable is variable
    return expr.kind in ("binary", "unary", "cast") and any(_asks(arg, variable) for arg in expr.args)


def _sets(stmt: Stmt, variable: Variable) -> bool:
    return any(
        e.kind == "assign" and e.args[0].variable is variable and uncast(e.args[1]).kind == "call"
        for e in expressions(stmt)
    )


def expressions(stmt: Stmt) -> Iterator[Expr]:
    """Every expression of a statement, with its parts."""
    for root in stmt.expressions():
        yield from root.walk()


_HARMLESS = frozenset(
    """printf fprintf puts putchar fputs fputc fflush fopen fclose perror exit abort malloc calloc
    aligned_alloc clock clock_gettime gettimeofday time omp_get_wtime omp_get_max_threads rand srand
    atoi atof atol strtol strtod strcmp strlen getenv __assert_fail fwrite write memcmp""".split()  # noqa: SIM905
)
"""Library functions that keep no pointer and only read what is handed to them."""

_WRITERS = frozenset(
    "free memcpy memmove memset fread qsort posix_memalign bzero scanf fscanf sprintf snprintf".split()  # noqa: SIM905
)
"""Library functions that keep no pointer."""


def library_effect(call: Expr) -> tuple[bool, bool] | None:
    """Whether a library function reads and writes the arrays handed to it; None: it may do anything."""
    if not call.library:
        return None
    if is_pure_by_name(call) or call.name in _HARMLESS:
        return True, False
    return (True, True) if call.name in _WRITERS else None


def escapes(base: Base, reader: UnitReader, function: Function, is_known: Callable[[Expr], bool]) -> bool:
    """Whether the caller, or code that is called, may find the array by another way than what it is given.

    `is_known` says which calls keep no pointer.
    """
    variable = base.variable
    if variable.scope != "local" or (base.pointed and allocation_of(base, reader, function) is None):
        return True
    known, waiting = {variable}, [variable]
    while waiting:
        pointer = waiting.pop()
        for stmt in function.body.walk():
            if stmt.kind == "return" and stmt.expr is not None and _mentions_pointer(stmt.expr, pointer):
                return True
            targets = [v for v in stmt.variables if v.init is not None and _mentions_pointer(v.init, pointer)]
            for root in stmt.own_expressions():
                if _is_kept_in(root, pointer, is_known):
                    return True
                targets += _assigned_from(root, pointer)
            if any(v.scope != "local" for v in targets):
                return True
            waiting += [v for v in targets if v not in known]
            known |= set(targets)
    return False


def keeps_pointers(view: View, function: Function, within: frozenset[str] = frozenset()) -> bool:
    """Whether a function of the program may store or return a pointer that it is given."""
    if function.key in within:
        return True
    deeper = within | {function.key}
    for stmt in function.body.walk():
        returned = stmt.expr if stmt.kind == "return" else None
        if stmt.kind in ("asm", "other") or (returned is not None and returned.type.kind == "pointer"):
            return True
    for expr in expressions(function.body):
        if expr.kind == "assign" and expr.type.kind == "pointer":
            target = expr.args[0].variable if expr.args[0].kind == "ref" else None
            if target is None or target.scope not in ("local", "param"):
                return True
        elif expr.kind == "call":
            found = view.functions.get(expr.key)
            if library_effect(expr) is None and (found is None or keeps_pointers(view, found[1], deeper)):
                return True
        elif expr.kind in ("lambda", "new", "other", "init"):
            return True
    return False


def _assigned_from(root: Expr, pointer: Variable) -> list[Variable]:
    return [
        e.args[0].variable
        for e in root.walk()
        if e.kind == "assign" and e.args[0].variable is not None and _mentions_pointer(e.args[1], pointer)
    ]


def _is_kept_in(root: Expr, variable: Variable, is_known: Callable[[Expr], bool]) -> bool:
    for expr in root.walk():
        stored = expr.kind == "assign" and expr.args[0].kind != "ref"
        if stored and _mentions_pointer(expr.args[1], variable):
            return True
        if expr.kind == "call" and not is_known(expr):
            if any(_mentions_pointer(arg, variable) for arg in expr.args):
                return True
        elif expr.kind in ("lambda", "init", "new", "other") and any(
            e.variable is variable for e in expr.walk()
        ):
            return True
    return False


def _mentions_pointer(expr: Expr, variable: Variable) -> bool:
    """Whether the value of the expression may lead into the array of the variable."""
    match expr.kind:
        case "ref":
            return expr.variable is variable and expr.type.stripped.kind in ("pointer", "array", "record")
        case "index":
            return expr.type.kind in ("array", "pointer") and _mentions_pointer(expr.args[0], variable)
        case "binary" if expr.type.kind != "pointer":
            return False
        case "unary" if expr.op == "&":
            return any(e.variable is variable for e in expr.walk())
        case "unary" if expr.op == "*":
            return expr.type.kind in ("array", "pointer") and _mentions_pointer(expr.args[0], variable)
        case "call":
            return expr.type.kind == "pointer" and any(_mentions_pointer(a, variable) for a in expr.args)
    return any(_mentions_pointer(arg, variable) for arg in expr.args)
