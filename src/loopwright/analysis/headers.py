"""The header of a `for` loop: its variable, bounds and step."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.analysis.integers import held, is_negative
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.purity import extremum_by_name
from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import CType, Expr, Stmt, Variable
from loopwright.analysis.values import Scope

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!="}
_NEGATIVE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


@dataclass(frozen=True)
class Header:
    """What a header says. Bounds as in :class:`~loopwright.analysis.ir.Loop`, still as polynomials."""

    variable: Variable | None
    declared_here: bool
    lower: tuple[Polynomial, ...] | None
    upper: tuple[Polynomial, ...] | None
    step: int | None
    problems: tuple[str, ...]
    opaque: bool = False
    """Not even what the header does is known."""
    natural: bool = False
    """The variable is never negative in the loop."""


def read_header(loop: Stmt, scope: Scope) -> Header:
    """Reads the header of a `for` in the scope outside of it (its variable is not open yet)."""
    if loop.name == "macro":
        return Header(None, False, None, None, None, ("the loop header comes from a macro",), True)
    variable, start, declared = _initial(loop.init)
    problems: list[str] = []
    if variable is None:
        variable = _tested(loop.expr) or _stepped(loop.increment)
        if variable is None:
            return Header(None, False, None, None, None, ("the loop has no single induction variable",))
        problems.append(f"{variable.name} is not set in the loop header")
    if variable.type.kind != "int" or variable.type.volatile or variable.type.size < 4:
        return Header(
            variable, declared, None, None, None, (f"induction variable of type {variable.type.spelling}",)
        )
    if variable.scope not in ("local", "param") or variable in scope.function.address_taken:
        problems.append(f"{variable.name} can be changed from elsewhere")
    fixed = variable.scope in ("local", "param") and variable not in scope.function.address_taken
    step = _step(loop.increment, variable) if fixed else None
    body = effects_of(loop.body)
    if variable in body.writes:
        problems.append(f"{variable.name} is changed in the loop body")
        step = None
    first = held(scope.integer(start), variable.type) if start is not None else None
    if step is None or problems:
        return Header(
            variable, declared, None, None, step, (*problems, *([] if step else ["no constant step"]))
        )
    limits = _limits(loop.expr, variable, step, scope)
    if limits is None and not _is_comparison(loop.expr, variable, step):
        problems.append("the loop condition is not a comparison of the induction variable")
    one = Polynomial.constant(1)
    starts: tuple[Polynomial, ...] | None = None if first is None else (first,)
    if start is not None and not variable.type.unsigned and not start.type.unsigned:
        # A start of max(a, b) bounds the variable by both; unsigned ones are compared in another way.
        starts = _extremes(start, "max" if step > 0 else "min", scope)
    least = starts if step > 0 else limits
    natural = variable.type.unsigned or any(_is_natural(value, scope) for value in least or ())
    if step > 0 and not natural and _compared_unsigned(loop.expr, variable):
        problems.append(f"{variable.name} may be negative, and is compared as an unsigned number")
    if step < 0:
        upper = None if starts is None else tuple(value + one for value in starts)
        return Header(variable, declared, limits, upper, step, tuple(problems), natural=natural)
    return Header(variable, declared, starts, limits, step, tuple(problems), natural=natural)


def read_range(loop: Stmt, scope: Scope) -> Header:
    """The header of a range-based `for` over a std::vector, std::array or C array, as a count of elements."""
    over, variables = loop.expr, loop.variables
    opaque = Header(None, False, None, None, None, ("the range of a range-based loop is not understood",))
    if over is None or len(variables) != 1 or over.kind not in ("ref", "member", "index"):
        return opaque
    type_ = over.type.stripped
    counted = type_.container or type_.kind == "array"
    if not counted or not scope.is_invariant(over) or scope.place(over) is None:
        return opaque
    name = f"{variables[0].name} : {scope.text(over)}"
    index = Variable(name, _INDEX, "local", loop.start, loop.start, loop.line)
    size = Polynomial.constant(type_.count) if type_.count is not None else scope.length(over)
    return Header(index, True, (Polynomial(),), (size,), 1, ())


_INDEX = CType("long", "int", 8)


def element_of_range(over: Expr, index: Variable) -> Expr:
    """The element of a range at an index, as an expression."""
    type_ = over.type.stripped
    element = type_.element if type_.element is not None else type_
    at = Expr("ref", index.type, over.start, over.end, over.line, name=index.name, variable=index)
    if type_.kind == "array":
        return Expr("index", element, over.start, over.end, over.line, args=(over, at))
    return Expr(
        "call", element, over.start, over.end, over.line, args=(over, at), name="operator[]", method=True
    )


def _initial(init: Stmt | None) -> tuple[Variable | None, Expr | None, bool]:
    if init is None:
        return None, None, False
    if init.kind == "decl":
        if len(init.variables) != 1:
            return None, None, False
        return init.variables[0], init.variables[0].init, True
    expr = init.expr
    if expr is not None and expr.kind == "assign" and expr.op == "=" and expr.args[0].kind == "ref":
        return expr.args[0].variable, expr.args[1], False
    return None, None, False


def _tested(condition: Expr | None) -> Variable | None:
    if condition is not None and condition.kind == "binary" and condition.op in _TURNED:
        for arg in condition.args:
            if (inner := _widened(arg)).kind == "ref" and inner.type.kind == "int":
                return inner.variable
    return None


def _stepped(increment: Expr | None) -> Variable | None:
    if increment is not None and increment.kind in ("unary", "assign") and increment.args[0].kind == "ref":
        return increment.args[0].variable
    return None


def _widened(expr: Expr) -> Expr:
    while (
        expr.kind == "cast" and expr.args[0].type.kind == "int" and expr.args[0].type.size <= expr.type.size
    ):
        expr = expr.args[0]
    return expr


def _is(expr: Expr, variable: Variable) -> bool:
    return (inner := _widened(expr)).kind == "ref" and inner.variable is variable


def _step(increment: Expr | None, variable: Variable) -> int | None:
    if increment is None or not increment.args or not _is(increment.args[0], variable):
        return None
    if increment.kind == "unary":
        return {"++_": 1, "_++": 1, "--_": -1, "_--": -1}.get(increment.op)
    if increment.kind != "assign":
        return None
    sign, amount = {"+=": 1, "-=": -1}.get(increment.op, 0), increment.args[1]
    if increment.op == "=" and amount.kind == "binary" and amount.op in ("+", "-"):
        left, right = amount.args
        if _is(left, variable):
            sign, amount = (1 if increment.args[1].op == "+" else -1), right
        elif _is(right, variable) and amount.op == "+":
            sign, amount = 1, left
    value = _amount(amount, variable.type)
    return sign * value or None if value is not None else None


def _amount(expr: Expr, type_: CType) -> int | None:
    """The number that is added to a variable of that type, None when it is none or changes on the way."""
    value: int | None = None
    if expr.kind == "cast":
        value = _amount(expr.args[0], expr.type)
    elif expr.kind == "int":
        value = expr.value
    elif expr.kind == "unary" and expr.op == "-" and expr.args[0].value is not None:
        value = -expr.args[0].value
    elif expr.kind == "ref" and expr.variable is not None and expr.variable.type.const:
        init = expr.variable.init
        value = init.value if init is not None else None
    if value is None or expr.type.kind != "int" or type_.kind != "int":
        return None
    number = Polynomial.constant(value)
    return value if all(held(number, t) is not None for t in (expr.type, type_)) else None


def _is_comparison(condition: Expr | None, variable: Variable, step: int) -> bool:
    """Whether the condition compares the variable with a limit that it comes nearer to."""
    if condition is None or condition.kind != "binary" or condition.op not in _TURNED:
        return False
    op = condition.op if _is(condition.args[0], variable) else _TURNED[condition.op]
    nearer = op in (("<", "<=", "!=") if step > 0 else (">", ">=", "!="))
    return nearer and sum(_is(arg, variable) for arg in condition.args) == 1


def _is_natural(value: Polynomial, scope: Scope) -> bool:
    """Whether a value is never negative: a sum of unsigned numbers and of variables of such loops."""
    unsigned = {name for name, expr in scope.meaning.items() if expr.type.stripped.unsigned}
    return value.symbols <= scope.natural | unsigned and all(factor >= 0 for _, factor in value.terms)


def _compared_unsigned(condition: Expr | None, variable: Variable) -> bool:
    """Whether the variable is less than or equal to something as an unsigned number, which makes a large one
    of a negative one (C11 6.3.1.8). OpenMP counts the iterations in the type of the variable.
    """
    if condition is None or condition.kind != "binary":
        return False
    if condition.op == "&&":
        return any(_compared_unsigned(arg, variable) for arg in condition.args)
    types = [arg.type.stripped for arg in condition.args]
    return condition.op != "!=" and any(t.unsigned and t.size >= variable.type.size for t in types)


def _limits(
    condition: Expr | None, variable: Variable, step: int, scope: Scope
) -> tuple[Polynomial, ...] | None:
    """What the condition bounds the variable with, on the side where the loop ends."""
    if condition is None or condition.kind != "binary":
        return None
    if condition.op == "&&":
        parts = [_limits(arg, variable, step, scope) for arg in condition.args]
        return None if any(p is None for p in parts) else tuple(b for p in parts if p is not None for b in p)
    if condition.op not in _TURNED:
        return None
    left, right = condition.args
    op, bound = condition.op, right
    if not _is(left, variable):
        if not _is(right, variable):
            return None
        op, bound = _TURNED[op], left
    if op == "!=" and abs(step) != 1:
        return None
    if (step > 0 and op in (">", ">=")) or (step < 0 and op in ("<", "<=")):
        return None
    values = _extremes(bound, "min" if step > 0 else "max", scope)
    if values is None:
        return None
    if any(arg.type.stripped.unsigned for arg in condition.args) and any(is_negative(v) for v in values):
        return None  # compared as a large number
    one = Polynomial.constant(1)
    shifted = {"<=": True, ">": True}.get(op, op == "!=" and step < 0)
    return tuple(v + one for v in values) if shifted else values


def _extremes(bound: Expr, which: str, scope: Scope) -> tuple[Polynomial, ...] | None:
    """The bound as several: min(a, b) above, max(a, b) below."""
    value = scope.integer_without_parameter(bound)
    if value is not None:
        return (value,)
    pair: tuple[Expr, Expr] | None = None
    inner = _widened(bound)
    if extremum_by_name(inner) == which:
        pair = inner.args[0], inner.args[1]
    elif inner.kind == "cond":
        pair = _choice(inner, which)
    if pair is not None:
        parts = [_extremes(arg, which, scope) for arg in pair]
        if all(p is not None for p in parts):
            return tuple(b for p in parts if p is not None for b in p)
    value = scope.integer(bound)
    return None if value is None else (value,)


def _choice(expr: Expr, which: str) -> tuple[Expr, Expr] | None:
    from loopwright.analysis.values import structure

    test, yes, no = expr.args
    if test.kind != "binary" or test.op not in ("<", "<=", ">", ">="):
        return None
    left, right = (structure(_widened(arg)) for arg in test.args)
    first, second = structure(_widened(yes)), structure(_widened(no))
    smaller = test.op in ("<", "<=")
    if (left, right) == (first, second):
        found = "min" if smaller else "max"
    elif (left, right) == (second, first):
        found = "max" if smaller else "min"
    else:
        return None
    return (yes, no) if found == which else None


def _may_wrap(side: Expr) -> bool:
    """Whether a side of an unsigned comparison may differ from its mathematical value (C11 6.2.5p9)."""
    for part in side.walk():
        if part.kind == "binary" and part.op in ("*", "<<") and part.type.size < 8:
            return True
        if part.op == "-" or part.kind in ("call", "member"):
            return part.kind not in ("call", "member") or not part.type.unsigned
        if part.kind == "ref" and not part.type.unsigned:
            return True
        if part.kind == "int" and (part.value is None or part.value < 0):
            return True
    return False


def guard_forms(
    condition: Expr, scope: Scope, *, holds: bool = True
) -> tuple[tuple[Polynomial, bool], ...] | None:
    """The condition (or its negation) as forms that are >= 0, or == 0 where the flag is True.

    None when it cannot be said as a conjunction of such forms.
    """
    if condition.kind == "unary" and condition.op == "!":
        return guard_forms(condition.args[0], scope, holds=not holds)
    if condition.kind != "binary":
        return None
    if condition.op == ("&&" if holds else "||"):
        parts = [guard_forms(arg, scope, holds=holds) for arg in condition.args]
        return None if any(p is None for p in parts) else tuple(f for p in parts if p is not None for f in p)
    op = condition.op if holds else _NEGATIVE.get(condition.op, "")
    if op not in ("<", "<=", ">", ">=", "=="):
        return None
    if any(arg.type.stripped.kind != "int" for arg in condition.args):
        return None
    if any(arg.type.unsigned for arg in condition.args) and any(_may_wrap(arg) for arg in condition.args):
        return None
    left, right = (scope.integer(arg) for arg in condition.args)
    if left is None or right is None or left.affine is None or right.affine is None:
        return None
    one = Polynomial.constant(1)
    match op:
        case "<":
            return ((right - left - one, False),)
        case "<=":
            return ((right - left, False),)
        case ">":
            return ((left - right - one, False),)
        case ">=":
            return ((left - right, False),)
    return ((left - right, True),)
