"""From one statement of the source to one :class:`~loopwright.analysis.ir.Statement`: its accesses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from loopwright.analysis.calls import CallEffects, Use
from loopwright.analysis.integers import held
from loopwright.analysis.ir import AccessKind, Unknown
from loopwright.analysis.places import Place
from loopwright.analysis.purity import is_pure_by_name
from loopwright.analysis.scopes import CallSummary, lent
from loopwright.analysis.syntax import Expr, Stmt, Variable
from loopwright.analysis.updates import assignments_for_effect, combining, reduction_step
from loopwright.analysis.values import Scope, structure

_STEPS = ("++_", "--_", "_++", "_--")
_OPAQUE = {"lambda", "new", "init"}


@dataclass(frozen=True)
class RawAccess:
    """An access before its subscripts are known to be affine. `expr` is the lvalue."""

    place: Place
    kind: AccessKind
    expr: Expr
    reduction: str | None = None
    conditional: bool = False


@dataclass
class Reading:
    """What one statement does."""

    accesses: list[RawAccess]
    unknowns: list[Unknown]
    flops: int = 0


class StatementReader:
    """Reads the accesses of expressions in the scope of a nest."""

    def __init__(self, scope: Scope, summary: CallSummary) -> None:
        self.scope = scope
        self.summary = summary
        self.found = Reading([], [])
        self.conditional = False
        self.for_effect: tuple[Expr, ...] = ()

    def read(self, expressions: Iterable[Expr | None], *, for_effect: bool = False) -> Reading:
        """Everything that these expressions do, in order of evaluation; nobody sees values `for_effect`."""
        self.found = Reading([], [])
        for expr in expressions:
            if expr is not None:
                self.for_effect = assignments_for_effect(expr) if for_effect else ()
                self._value(expr)
        return self.found

    def declaration(self, statement: Stmt) -> Reading:
        """What a declaration with initialisers does; locals that can be substituted become known."""
        self.found = Reading([], [])
        for variable in statement.variables:
            self._declare(variable)
        return self.found

    def copied(self, variable: Variable, element: Expr) -> Reading:
        """What `variable` does that is declared as a copy of `element`."""
        self.found = Reading([], [])
        self._value(element)
        self._whole(Place(variable, (), (), variable.type), AccessKind.WRITE, _reference(variable, element))
        return self.found

    # -- declarations

    def _declare(self, variable: Variable) -> None:
        init, scope = variable.init, self.scope
        for size in variable.extents:
            self._value(size)
        if variable.scope == "static" or variable.cleaned_up:
            kind = "static variable" if variable.scope == "static" else "cleanup of"
            self._unknown(f"{kind} {variable.name}", variable.line)
        if variable.type.kind == "reference":
            place = scope.place(init) if init is not None else None
            scope.known[variable] = place if place is not None and self._stays(place) else None
            if init is not None:
                self._subscripts(init)
                if scope.known[variable] is None:
                    what = f"reference {variable.name} to something that is not understood"
                    self._unknown(what, variable.line)
            return
        if init is None:
            return
        if variable.type.kind in ("array", "record"):
            self._value_list(init)
            built = variable.type.kind == "record" and init.kind == "call" and not variable.type.container
            if built or variable.type.made_by_code:
                self._unknown(f"constructor of {variable.type.spelling}", variable.line)
            place = Place(variable, (), (), variable.type)
            self._whole(place, AccessKind.WRITE, _reference(variable, init))
            return
        self._value(init)
        if not scope.function.changes(variable):
            if variable.type.kind == "int":
                value = held(scope.integer(init), variable.type)
                narrowed = init.type.stripped.size > variable.type.size
                if value is not None and not (narrowed and value.value is None):
                    scope.known[variable] = value
            elif variable.type.kind == "pointer":
                pointer = scope.pointer(init)
                if pointer is not None and self._stays(pointer.array):
                    scope.known[variable] = pointer.held_by(variable)
        self._add(Place(variable, (), (), variable.type), AccessKind.WRITE, _reference(variable, init))

    def _stays(self, place: Place) -> bool:
        """Whether the way to the object leads through no pointer that the nest changes."""
        changed = place.root is not None and "*" in place.path and self.scope.inside.changes(place.root)
        members = {step[1:] for step, after in zip(place.path, place.path[1:], strict=False) if after == "*"}
        return not changed and not members & self.scope.inside.stored_members

    def _value_list(self, init: Expr) -> None:
        if init.kind == "init" or (init.kind == "call" and init.name == "constructor"):
            for arg in init.args:
                self._value_list(arg)
        else:
            self._value(init)

    # -- expressions

    def _value(self, expr: Expr) -> None:
        """Reads `expr` for its value."""
        match expr.kind:
            case "int" | "float" | "string" | "constant" | "function" | "this":
                return
            case "assign":
                self._assign(expr)
            case "unary" if expr.op in _STEPS:
                self._update(expr, expr.args[0], combining(expr.args[0], "+", None))
            case "unary" if expr.op == "&":
                self._subscripts(expr.args[0])
            case "ref" | "index" | "member":
                self._load(expr)
            case "unary" if expr.op == "*":
                self._load(expr)
            case "call":
                self._call(expr)
            case "binary" | "unary" | "cond" | "cast":
                if (
                    expr.type.kind == "float"
                    and expr.kind in ("binary", "unary")
                    and expr.op in ("+", "-", "*", "/")
                ):
                    self.found.flops += 1
                if expr.op in ("?", "real", "imag", "await", ".*", "->*", "<=>"):
                    self._unknown(f"operator {expr.op}", expr.line)
                for position, arg in enumerate(expr.args):
                    if position > 0 and (expr.kind == "cond" or expr.op in ("&&", "||")):
                        self._refuse_effects(arg)
                        self._perhaps(self._value, arg)
                    else:
                        self._value(arg)
            case _:
                self._unknown(f"{_words(expr)} is not understood", expr.line)
                if expr.kind not in _OPAQUE:
                    for arg in expr.args:
                        self._value(arg)

    def _perhaps(self, read: Callable[..., None], *what: object) -> None:
        """Reads what may or may not be evaluated."""
        before, self.conditional = self.conditional, True
        read(*what)
        self.conditional = before

    def _refuse_effects(self, expr: Expr) -> None:
        """What may or may not be evaluated must not change anything: the IR has no way to say that."""
        if any(e.kind == "assign" or e.op in _STEPS for e in expr.walk()):
            self._unknown("an assignment that happens only under a condition", expr.line)

    def _load(self, expr: Expr) -> None:
        self._subscripts(expr)
        if expr.type.stripped.kind == "array":
            return  # decays to a pointer: nothing is read
        if expr.kind == "index" and expr.args[0].kind == "string":
            return  # nothing changes a string literal
        place = self.scope.place(expr)
        if place is None:
            self._unknown(f"cannot tell which object {self.scope.text(expr)} is", expr.line)
        else:
            self._whole(place, AccessKind.READ, expr)

    def _subscripts(self, expr: Expr) -> None:
        """Reads what an lvalue needs to be found: its subscripts and pointers, not itself."""
        match expr.kind:
            case "index":
                for arg in expr.args:
                    if arg.type.stripped.kind == "array":
                        self._subscripts(arg)
                    else:
                        self._value(arg)
            case "unary" if expr.op == "*":
                self._value(expr.args[0])
            case "member":
                base = expr.args[0]
                if base.type.kind == "pointer":
                    self._value(base)
                else:
                    self._subscripts(base)
            case "call":
                for arg in expr.args[1:]:
                    self._value(arg)
                self._subscripts(expr.args[0])
            case "ref" | "this":
                return
            case _:
                self._value(expr)

    def _assign(self, expr: Expr) -> None:
        target, value = expr.args
        if expr.op != "=":
            op = expr.op[:-1]
            self._value(value)
            if expr.type.kind == "float":
                self.found.flops += 1
            self._update(expr, target, combining(target, op, value), value)
            return
        op_ = reduction_step(target, value, self.scope)
        if op_ in ("min", "max") and value.kind == "cond":
            # `x = e < x ? e : x` mentions x twice, but is one update of it.
            other = next(arg for arg in value.args[1:] if structure(arg) != structure(target))
            self._value(other)
            self._update(expr, target, op_, other)
            return
        self._value(value)
        self._subscripts(target)
        place = self.scope.place(target)
        if place is None:
            self._unknown(f"cannot tell which object {self.scope.text(target)} is", expr.line)
            return
        self._whole(place, AccessKind.WRITE, target)
        self._changed_pointer(place, expr)
        if op_ is not None:
            self._mark(expr, target, op_)

    def _update(self, expr: Expr, target: Expr, op: str | None, value: Expr | None = None) -> None:
        self._subscripts(target)
        place = self.scope.place(target)
        if place is None:
            self._unknown(f"cannot tell which object {self.scope.text(target)} is", expr.line)
            return
        self._whole(place, AccessKind.READ, target)
        self._whole(place, AccessKind.WRITE, target)
        self._changed_pointer(place, expr)
        if op is not None and place.type.is_arithmetic:
            self._mark(expr, target, op)

    def _changed_pointer(self, place: Place, expr: Expr) -> None:
        if place.type.kind == "pointer":
            self._unknown(f"pointer {self.scope.text(expr.args[0])} is changed", expr.line)

    def _mark(self, expr: Expr, target: Expr, op: str) -> None:
        """Marks the read and the write of `target` as a reduction, when nothing else touches the object."""
        place = self.scope.place(target)
        if place is None or not any(expr is each for each in self.for_effect):
            return
        same = [i for i, a in enumerate(self.found.accesses) if a.place.key == place.key]
        kinds = [self.found.accesses[i].kind for i in same]
        mine = all(structure(self.found.accesses[i].expr) == structure(target) for i in same)
        if mine and sorted(kinds) == [AccessKind.READ, AccessKind.WRITE]:
            for i in same:
                self.found.accesses[i] = replace(self.found.accesses[i], reduction=op)

    # -- calls

    def _call(self, expr: Expr) -> None:
        if expr.method and expr.args and expr.args[0].type.stripped.container:
            if expr.name in ("operator[]", "at"):
                self._load(expr)
                return
            if expr.name in ("size", "length", "data", "empty"):
                self._subscripts(expr.args[0])
                return
        known = None if is_pure_by_name(expr) else self.summary(expr)
        if is_pure_by_name(expr) or (known is not None and known.is_pure):
            if expr.type.stripped.kind == "float":
                self.found.flops += 1
            for arg in expr.args:
                self._value(arg)
        elif known is not None:
            self._summarised(expr, known)
        else:
            self._unknown(f"call of {expr.name or 'a function pointer'}, which may do anything", expr.line)
            for arg in expr.args:
                self._value(arg)

    def _summarised(self, expr: Expr, known: CallEffects) -> None:
        """What a function reads comes before what it writes: its own order is not known here."""
        for arg, use in known.arguments(expr):
            if use is None:
                self._value(arg)
            else:
                self._handed_over(arg)
                if use.reads or (use.writes and not use.sets):
                    self._through(arg, use, AccessKind.READ)
        for variable in known.globals:
            self._whole(Place(variable, (), (), variable.type), AccessKind.READ, expr)
        for arg, use in known.arguments(expr):
            if use is not None and use.writes:
                self._through(arg, use, AccessKind.WRITE)

    def _handed_over(self, arg: Expr) -> None:
        """What finding the object that an argument leads to needs: pointers and subscripts."""
        target = lent(arg)
        if target is arg and arg.type.stripped.kind == "pointer":
            self._value(arg)
        else:
            self._subscripts(target)

    def _through(self, arg: Expr, use: Use, kind: AccessKind) -> None:
        """An access to the object that an argument leads to, or to any element of the array at it."""
        type_ = arg.type.stripped
        place: Place | None
        if type_.kind in ("pointer", "array"):
            target = lent(arg)
            is_element = target.kind in ("index", "call") or target is arg
            pointer = self.scope.pointer(arg) if is_element else None
            if not is_element:
                place = self.scope.place(target)
            elif pointer is None or type_.element is None:
                place = None
            else:
                first = None if use.whole else pointer.offset
                subscripts = (*pointer.array.subscripts, first)
                place = replace(pointer.array, subscripts=subscripts, type=type_.element)
        else:
            place = self.scope.place(arg)
        if place is None:
            self._unknown(f"cannot tell which object {self.scope.text(arg)} leads to", arg.line)
        elif use.sets and kind is AccessKind.WRITE:
            self._whole(place, kind, arg)
        else:
            self._perhaps(self._whole, place, kind, arg)

    # -- results

    def _whole(self, place: Place, kind: AccessKind, expr: Expr) -> None:
        """Adds an access to everything at `place`: all members of a struct, all elements of an array."""
        type_ = place.type.stripped
        if type_.volatile:
            self._unknown(f"{self.scope.text(expr)} is volatile", expr.line)
        if type_.kind in ("other", "void"):
            self._unknown(f"an object of type {type_.spelling}", expr.line)
        if type_.kind == "array" or type_.container:
            if type_.element is not None:
                inner = replace(place, subscripts=(*place.subscripts, None), type=type_.element)
                self._whole(inner, kind, expr)
        elif type_.kind == "record":
            if not type_.fields or type_.runs_code:
                self._unknown(f"an object of type {type_.spelling} is used as a whole", expr.line)
            for name, member in type_.fields:
                self._whole(replace(place, path=(*place.path, f".{name}"), type=member), kind, expr)
        else:
            self._add(place, kind, expr)

    def _add(self, place: Place, kind: AccessKind, expr: Expr) -> None:
        if place.root is not None and place.root in self.scope.loops and not place.path:
            if kind is AccessKind.WRITE:
                self._unknown(f"loop variable {place.root.name} is changed in its loop", expr.line)
            return
        if kind is AccessKind.READ and place.root is not None and place.root.is_constant and not place.path:
            return
        if place.root is not None and place.root.per_thread:
            self._unknown(f"{place.root.name} is another object in each thread", expr.line)
        pointer = place.root if place.type.kind == "pointer" and not place.path else None
        if kind is AccessKind.READ and pointer is not None and self._is_steady(pointer):
            return
        plain = kind is AccessKind.READ and not place.path and not place.subscripts
        if plain and self._is_steady(place.root):
            known = (a.place.key for a in self.found.accesses if a.kind is AccessKind.READ)
            if place.key in known:
                return  # one read of a value that does not change says as much as ten
        self.found.accesses.append(RawAccess(place, kind, expr, conditional=self.conditional))

    def _is_steady(self, variable: Variable | None) -> bool:
        """Whether the variable keeps its value all through the nest."""
        inside = self.scope.inside
        return variable is not None and not inside.changes(variable) | self.scope.declared_inside(variable)

    def _unknown(self, reason: str, line: int) -> None:
        self.found.unknowns.append(Unknown(reason, line))


def _reference(variable: Variable, like: Expr) -> Expr:
    at = variable.start, variable.end, like.line
    return Expr("ref", variable.type, *at, name=variable.name, variable=variable)


def _words(expr: Expr) -> str:
    names = {"lambda": "a lambda", "new": "an allocation", "init": "a braced list"}
    return expr.name.lower() if expr.kind == "other" else names.get(expr.kind, expr.kind)
