"""What a piece of a function does to its variables: which it changes, whose address it takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from loopwright.analysis.syntax import Expr, Stmt, Variable


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
        calls: all calls.
    """

    writes: dict[Variable, int] = field(default_factory=dict)
    address_taken: set[Variable] = field(default_factory=set)
    exposed: set[Variable] = field(default_factory=set)
    indexed: set[Variable] = field(default_factory=set)
    stored_types: set[str] = field(default_factory=set)
    stored_members: set[str] = field(default_factory=set)
    calls: list[Expr] = field(default_factory=list)

    def changes(self, variable: Variable) -> bool:
        """Whether the variable itself may change here, other than by being declared."""
        return variable in self.writes or variable in self.address_taken


def effects_of(roots: Iterable[Stmt | Expr]) -> Effects:
    """The effects of statements and expressions, the bodies of lambdas included."""
    effects = Effects()
    for root in roots:
        if isinstance(root, Expr):
            _expression(root, effects)
            continue
        for statement in root.walk():
            for variable in statement.variables:
                if variable.type.kind == "reference" and variable.init is not None:
                    _bound(variable.init, variable.type.stripped.const, effects)
            for expr in statement.own_expressions():
                _expression(expr, effects)
                _exposures(expr, effects)
    return effects


def _exposures(expr: Expr, effects: Effects) -> None:
    """Marks arrays and containers that are handed on as a whole, so that a pointer may lead into them."""
    if expr.kind == "ref":
        type_ = expr.type.stripped
        if expr.variable is not None and (type_.kind == "array" or type_.container):
            effects.exposed.add(expr.variable)
        return
    args = list(expr.args)
    keeps = expr.kind == "index" or (
        expr.kind == "call" and expr.method and expr.name in ("operator[]", "at", "size", "empty", "length")
    )
    if keeps and args and args[0].kind == "ref":
        if args[0].type.stripped.kind == "array" or args[0].type.stripped.container:
            del args[0]
    elif keeps and args:
        _inner_array(args[0], effects)
        del args[0]
    for arg in args:
        _exposures(arg, effects)


def _inner_array(expr: Expr, effects: Effects) -> None:
    """The array part of a[i][j] or s.a[i]: its subscripts are looked at, it is not handed on."""
    if expr.kind == "index" or (expr.kind == "call" and expr.method and expr.name in ("operator[]", "at")):
        _inner_array(expr.args[0], effects)
        for arg in expr.args[1:]:
            _exposures(arg, effects)
    elif expr.kind == "member":
        _inner_array(expr.args[0], effects)
    elif expr.kind != "ref":
        _exposures(expr, effects)


def _expression(root: Expr, effects: Effects) -> None:
    for expr in root.walk():
        if expr.body is not None:
            for statement in expr.body.walk():
                for inner in statement.own_expressions():
                    for part in inner.walk():
                        if (
                            part.kind == "ref"
                            and part.variable is not None
                            and _captured(part.variable, expr)
                        ):
                            effects.address_taken.add(part.variable)
        if expr.kind == "assign" or (expr.kind == "unary" and expr.op in ("++_", "--_", "_++", "_--")):
            _stored(expr.args[0], effects)
        elif expr.kind == "unary" and expr.op == "&":
            _bound(expr.args[0], False, effects)
        elif expr.kind == "call":
            effects.calls.append(expr)
            _passed(expr, effects)
        if expr.kind == "index" and expr.args[0].kind == "ref" and expr.args[0].variable is not None:
            effects.indexed.add(expr.args[0].variable)
        elif expr.kind in ("binary", "assign", "unary") and expr.op in (
            "+",
            "-",
            "+=",
            "-=",
            "++_",
            "--_",
            "_++",
            "_--",
        ):
            for arg in expr.args:
                if arg.kind == "ref" and arg.variable is not None and arg.type.kind == "pointer":
                    effects.indexed.add(arg.variable)


def _captured(variable: Variable, closure: Expr) -> bool:
    return variable.scope in ("local", "param") and not closure.start <= variable.start < closure.end


def _stored(target: Expr, effects: Effects) -> None:
    if target.kind == "ref" and target.variable is not None:
        effects.writes[target.variable] = effects.writes.get(target.variable, 0) + 1
        if target.variable.type.kind == "reference":
            effects.stored_types.add(target.type.spelling)
        return
    if target.kind == "cond":
        for choice in target.args[1:]:
            _stored(choice, effects)
        return
    effects.stored_types.add(target.type.spelling)
    if target.kind == "member":
        effects.stored_members.add(target.name)


def _passed(call: Expr, effects: Effects) -> None:
    if call.name == "operator[]" or call.name in ("data", "at", "begin", "end", "front", "back"):
        return  # gives access to elements: what is done with them is seen where it is done
    for arg, written in zip(call.args, call.by_reference, strict=False):
        if not written:
            continue
        if arg.kind == "ref" and arg.variable is not None:
            effects.writes[arg.variable] = effects.writes.get(arg.variable, 0) + 1
        elif arg.kind == "member":
            _stored(arg, effects)


def _bound(target: Expr, const: bool, effects: Effects) -> None:
    while target.kind == "member" and target.args[0].type.kind != "pointer":
        target = target.args[0]
    if target.kind == "ref" and target.variable is not None and not const:
        effects.address_taken.add(target.variable)
