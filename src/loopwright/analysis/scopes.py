"""What a piece of a function does to its variables: which it changes, whose address it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from loopwright.analysis.calls import CallEffects, Use
from loopwright.analysis.flat_types import is_flat
from loopwright.analysis.syntax import CType, Expr, Stmt, Variable

CallSummary = Callable[[Expr], "CallEffects | None"]
"""Says what a call does to its arguments; None: anything may happen."""


@dataclass
class Effects:
    """What statements do to variables.

    Attributes:
        writes: per variable how often it is assigned (initialisers not counted), elements not included.
        address_taken: variables that something else may read or change: & applied, captured, or bound to
            a reference that is not const.
        exposed: local arrays and containers that a pointer may lead to: used other than by subscript.
        indexed: pointers that are subscripted or moved by arithmetic, not only followed by -> or *.
        stored_types: element types written through pointers, references and arrays, by spelling.
        stored_members: names of struct members written.
    """

    writes: dict[Variable, int] = field(default_factory=dict)
    address_taken: set[Variable] = field(default_factory=set)
    exposed: set[Variable] = field(default_factory=set)
    indexed: set[Variable] = field(default_factory=set)
    stored_types: set[str] = field(default_factory=set)
    stored_members: set[str] = field(default_factory=set)

    def may_store(self, type_: CType) -> bool:
        """Whether something of this type may be changed through a pointer, reference or subscript."""
        name = plain_name(type_.spelling)
        if any("char" in stored or "byte" in stored for stored in self.stored_types):
            return True
        # An enumeration is compatible with some integer type (C11 6.7.2.2p4).
        named = type_.kind == "int" and name not in _INTEGERS
        return name in self.stored_types or (named and not _INTEGERS.isdisjoint(self.stored_types))

    def may_change_referred(self, variable: Variable, seen: set[Variable]) -> bool:
        """Whether what a reference leads to may be changed here, when that is a number or a pointer. `seen`
        are variables that it may lead to, besides those that live outside of functions.
        """
        type_ = variable.type.stripped
        if variable.type.kind != "reference" or not (type_.is_arithmetic or type_.kind == "pointer"):
            return False
        name = plain_name(type_.spelling)
        return self.may_store(type_) or any(
            plain_name(v.type.stripped.spelling) == name
            for v in self.writes
            if v in seen or v.scope in ("global", "static")
        )

    def changes(self, variable: Variable) -> bool:
        """Whether the variable itself may change here, other than by being declared."""
        return variable in self.writes or variable in self.address_taken


def effects_of(roots: Iterable[Stmt | Expr], calls: CallSummary = lambda call: None) -> Effects:
    """The effects of statements and expressions, the bodies of lambdas included.

    What is handed to a function of which `calls` knows that it keeps no pointer is changed by it at most.
    """
    effects = Effects()
    ranges: list[tuple[tuple[Variable, ...], Variable | None]] = []
    for root in roots:
        if isinstance(root, Expr):
            _expression(root, effects, calls)
            continue
        for statement in _statements(root):
            if statement.kind == "range-for" and statement.expr is not None:
                ranges.append((statement.variables, root_variable(statement.expr)))
                _inner_array(statement.expr, effects, calls)
            for variable in statement.variables:
                if variable.type.kind == "reference" and variable.init is not None:
                    _bound(variable.init, effects)
                    # What a call returns may lead to whatever was handed to it by reference.
                    _handed_on(variable.init, variable.init.refers, effects)
                if variable.init is not None and not is_flat(variable.type) and _takes_over(variable.init):
                    effects.exposed.add(variable)
            for expr in statement.own_expressions():
                _expression(expr, effects, calls)
                if statement.kind != "range-for" or expr is not statement.expr:
                    _exposures(expr, effects, calls)
    for variables, over in ranges:
        # A pointer to the element of a range leads into what is gone through.
        if over is not None and any(v in effects.exposed | effects.address_taken for v in variables):
            effects.exposed.add(over)
    return effects


def _takes_over(init: Expr) -> bool:
    """Whether an object may start with what another one owned, to which a pointer may be kept."""
    if init.kind in ("cast", "init") or (init.kind == "call" and init.name == "constructor"):
        return any(_takes_over(arg) for arg in init.args)
    type_ = init.type.stripped
    return init.kind in ("call", "cond", "other") and bool(type_.container or type_.parts)


def _statements(root: Stmt) -> Iterator[Stmt]:
    """The statements of a piece, those inside of its expressions (a GNU extension) included."""
    for statement in root.walk():
        yield statement
        for expr in statement.own_expressions():
            for part in expr.walk():
                if part.kind == "other" and part.body is not None:
                    yield from part.body.walk()


_INTEGERS = frozenset({"int", "short", "long", "long long", "_Bool", "bool", "__int128"})
_ELEMENT_METHODS = ("operator[]", "at")
_STEPS = ("++_", "--_", "_++", "_--")
_POINTER_ARITHMETIC = ("+", "-", "+=", "-=", *_STEPS)


def gives_element(call: Expr) -> bool:
    """Whether a call does no more than name an element of a container."""
    return call.method and call.name in _ELEMENT_METHODS and bool(call.args[0].type.stripped.container)


def chosen(lvalue: Expr) -> Iterator[Expr]:
    """What an lvalue stands for: `(x, c ? a : b)` for a or b, `a = b` for a (C++17 [expr.ass] 1)."""
    if lvalue.kind == "cond":
        for choice in lvalue.args[1:]:
            yield from chosen(choice)
    elif lvalue.kind == "binary" and lvalue.op == ",":
        yield from chosen(lvalue.args[1])
    elif lvalue.kind in ("assign", "cast") or (lvalue.kind == "unary" and lvalue.op in _STEPS):
        yield from chosen(lvalue.args[0])
    elif lvalue.kind == "other" and lvalue.args:
        for part in lvalue.args:
            yield from chosen(part)
    else:
        yield lvalue


def root_variable(lvalue: Expr) -> Variable | None:
    """The variable that an lvalue is a part of; None when it is reached through a pointer."""
    while lvalue.kind != "ref":
        inside = lvalue.kind == "member" and lvalue.args[0].type.kind != "pointer"
        inside = inside or (lvalue.kind == "index" and lvalue.args[0].type.stripped.kind == "array")
        inside = inside or (lvalue.kind == "call" and lvalue.method and lvalue.name in _ELEMENT_METHODS)
        if not inside:
            return None
        lvalue = lvalue.args[0]
    return lvalue.variable


def _exposures(expr: Expr, effects: Effects, calls: CallSummary) -> None:
    """Marks arrays and containers that are handed on as a whole, so that a pointer may lead into them."""
    type_ = expr.type.stripped
    if type_.kind == "array" or type_.container:
        root = root_variable(expr)
        if root is not None:
            effects.exposed.add(root)
    if expr.kind == "unary" and expr.op == "&":
        roots = map(root_variable, chosen(expr.args[0]))
        effects.exposed |= {root for root in roots if root is not None}
    args = list(expr.args)
    keeps = expr.kind == "index" or (
        expr.kind == "call" and expr.method and expr.name in (*_ELEMENT_METHODS, "size", "empty", "length")
    )
    if keeps and args:
        _inner_array(args[0], effects, calls)
        del args[0]
    elif expr.kind == "member":
        _inner_array(expr, effects, calls)
        return
    elif expr.kind == "call" and (known := calls(expr)) is not None:
        for arg, use in known.arguments(expr):
            if use is None:
                _exposures(arg, effects, calls)
            else:
                _inner_array(lent(arg), effects, calls)
        return
    for arg in args:
        _exposures(arg, effects, calls)


def _inner_array(expr: Expr, effects: Effects, calls: CallSummary) -> None:
    """The array part of a[i][j] or s.a[i]: its subscripts are looked at, it is not handed on."""
    if expr.kind == "index" or (expr.kind == "call" and expr.method and expr.name in _ELEMENT_METHODS):
        _inner_array(expr.args[0], effects, calls)
        for arg in expr.args[1:]:
            _exposures(arg, effects, calls)
    elif expr.kind == "member":
        _inner_array(expr.args[0], effects, calls)
    elif expr.kind != "ref":
        _exposures(expr, effects, calls)


def lent(arg: Expr) -> Expr:
    """The object whose address an argument `&x` is; any other argument is itself."""
    return arg.args[0] if arg.kind == "unary" and arg.op == "&" else arg


def plain_name(spelling: str) -> str:
    """The name of a type without sign and qualifiers: what may share memory has one name (C11 6.5p7)."""
    words = [w for w in spelling.split() if w not in ("unsigned", "signed", "const", "volatile")]
    return " ".join(words) or "int"


def _expression(root: Expr, effects: Effects, calls: CallSummary) -> None:
    borrowed: set[int] = set()
    for expr in root.walk():
        if expr.body is not None and expr.kind == "other":
            # Run where it stands, but only what it sets is looked at: it counts as set by who knows what.
            for part in (p for inner in expr.body.expressions() for p in inner.walk()):
                changed = part.kind == "assign" or (part.kind == "unary" and part.op in _STEPS)
                targets = (root_variable(t) for t in chosen(part.args[0])) if changed else ()
                effects.address_taken |= {v for v in targets if v is not None and _captured(v, expr)}
        elif expr.body is not None:
            for inner in expr.body.expressions():
                captured = (p.variable for p in inner.walk() if p.kind == "ref")
                effects.address_taken |= {v for v in captured if v is not None and _captured(v, expr)}
        if expr.kind == "assign" or (expr.kind == "unary" and expr.op in _STEPS):
            _stored(expr.args[0], effects)
        elif expr.kind == "unary" and expr.op == "&":
            if id(expr) not in borrowed:
                _bound(expr.args[0], effects)
        elif expr.kind == "call":
            known = calls(expr)
            if known is None:
                _passed(expr, effects)
            else:
                borrowed |= {id(arg) for arg in expr.args}
                for arg, use in known.arguments(expr):
                    _lent(arg, use, effects)
        elif expr.kind == "init":
            # Members that are references are other names of what they start with.
            for arg, (_, type_) in zip(expr.args, expr.type.fields, strict=False):
                if type_.kind == "reference":
                    _bound(arg, effects)
        if expr.kind == "index" and expr.args[0].variable is not None:
            effects.indexed.add(expr.args[0].variable)
        elif expr.kind in ("binary", "assign", "unary") and expr.op in _POINTER_ARITHMETIC:
            for arg in expr.args:
                if arg.kind == "ref" and arg.variable is not None and arg.type.kind == "pointer":
                    effects.indexed.add(arg.variable)


def _captured(variable: Variable, closure: Expr) -> bool:
    return variable.scope in ("local", "param") and not closure.start <= variable.start < closure.end


def _stored(lvalue: Expr, effects: Effects) -> None:
    for target in chosen(lvalue):
        _stored_one(target, effects)


def _stored_one(target: Expr, effects: Effects) -> None:
    if target.kind == "ref" and target.variable is not None:
        effects.writes[target.variable] = effects.writes.get(target.variable, 0) + 1
        if target.variable.type.kind == "reference":
            _store_through(target, effects)
        return
    _store_through(target, effects)


def _store_through(target: Expr, effects: Effects) -> None:
    effects.stored_types.add(plain_name(target.type.spelling))
    if target.kind == "member":
        effects.stored_members.add(target.name)
    _store_type(target.type.stripped, effects)


def _store_type(type_: CType, effects: Effects) -> None:
    """Something of this type, all of its members and elements, is written."""
    effects.stored_types.add(plain_name(type_.spelling))
    pending: list[CType] = [type_]
    while pending:
        inner = pending.pop()
        if inner.element is not None and (inner.kind == "array" or inner.container):
            effects.stored_types.add(plain_name(inner.element.spelling))
            pending.append(inner.element)
        for name, member in inner.fields:
            effects.stored_members.add(name)
            pending.append(member)


def _passed(call: Expr, effects: Effects) -> None:
    if call.name == "operator[]" or call.name in ("data", "at", "begin", "end", "front", "back"):
        return  # gives access to elements: what is done with them is seen where it is done
    _handed_on(call, call.keeps, effects)
    for arg, written in zip(call.args, call.by_reference, strict=False):
        if not written:
            continue
        if arg.kind == "ref" and arg.variable is not None:
            effects.writes[arg.variable] = effects.writes.get(arg.variable, 0) + 1
        elif arg.kind == "member":
            _stored(arg, effects)


def _handed_on(call: Expr, which: tuple[bool, ...], effects: Effects) -> None:
    """References to some arguments of a call are kept."""
    for arg, kept in zip(call.args, which, strict=False):
        if kept:
            _bound(arg, effects)


def _lent(arg: Expr, use: Use | None, effects: Effects) -> None:
    """An argument of a function that is understood."""
    if use is None or not use.writes:
        return
    target = lent(arg)
    if target is arg and arg.type.stripped.kind in ("pointer", "array"):
        element = arg.type.stripped.element
        if element is not None:
            _store_type(element, effects)
        return
    if target.kind == "index" and target.args[0].kind == "ref" and target.args[0].variable is not None:
        effects.indexed.add(target.args[0].variable)
    _stored(target, effects)
    _store_type(target.type.stripped, effects)


def _bound(target: Expr, effects: Effects) -> None:
    """A pointer or reference to `target` is made."""
    for choice in chosen(target):
        root = root_variable(choice)
        if root is None:
            continue
        effects.exposed.add(root)
        if choice.kind == "ref" or root.type.kind == "record":
            effects.address_taken.add(root)
