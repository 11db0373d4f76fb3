"""Which pointer parameters of a function are the only way to their objects while it runs, as `restrict` says.

C11 6.7.3.1p4: an object that is modified, and accessed through an lvalue based on a restrict-qualified
pointer, must be accessed through lvalues based on that pointer only. So for such a pointer every pair of an
access through it and one by another way, of which one writes, has to be proved apart; two that only read may
meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.aliasing import apart_by_type, is_declared, origins_apart
from loopwright.analysis.calls import Summaries
from loopwright.analysis.ir import PointerParameter
from loopwright.analysis.origins import Aliasing, Origin, Origins
from loopwright.analysis.purity import is_pure_by_name
from loopwright.analysis.syntax import CType, Expr, Function, Variable

_ELEMENT_METHODS = ("operator[]", "at", "size")
_STEPS = ("++_", "--_", "_++", "_--")
_STRANGE = ("other", "lambda", "this", "new")


@dataclass(frozen=True)
class _Access:
    """An access to memory that others may reach. `sets`: it writes without reading first; `is_element`: it is
    one of several; `origins`: of the object; None when not known.
    """

    text: str
    type: CType
    writes: bool
    sets: bool
    is_element: bool
    origins: Origins


def pointer_parameters(
    function: Function, aliasing: Aliasing, summaries: Summaries
) -> tuple[PointerParameter, ...]:
    """The parameters that point to numbers, with the reason why `restrict` is not proved for them."""
    chosen = [p for p in function.parameters if p.name and p.start >= 0 and _points_to_numbers(p.type)]
    if not chosen:
        return ()
    trouble = _trouble(function, summaries)
    accesses = [] if trouble else list(_accesses(function, aliasing))
    return tuple(_judged(p, function, aliasing, accesses, trouble) for p in chosen)


def _points_to_numbers(type_: CType) -> bool:
    inner = type_.element if type_.kind in ("pointer", "array") else None
    while inner is not None and inner.kind == "array":
        inner = inner.element
    return inner is not None and inner.is_arithmetic and not inner.volatile


def _judged(
    parameter: Variable, function: Function, aliasing: Aliasing, accesses: list[_Access], trouble: str
) -> PointerParameter:
    own = frozenset({Origin("param", variable=parameter)})
    reason, by_type = trouble, False
    restricted = parameter.type.restrict or "restrict" in parameter.type.spelling
    if not reason and aliasing.cell_origins(parameter, function.key) != own:
        reason = f"{parameter.name} is given other values in the function"
    if not reason:
        mine = [a for a in accesses if a.origins == own]
        for other in accesses:
            if other.origins == own or not (other.writes or any(a.writes for a in mine)):
                continue
            mixed = other.origins is not None and bool(other.origins & own)
            if not mixed and origins_apart(aliasing, own, other.origins, function):
                continue
            retyped = (
                other.is_element and any(a.sets for a in (other, *mine)) and not is_declared(other.origins)
            )
            if (
                not mixed
                and mine
                and all(apart_by_type(aliasing.unit, a.type, other.type, retyped=retyped) for a in mine)
            ):
                by_type = True
                continue
            reason = f"{parameter.name} and {other.text} may overlap"
            break
    return PointerParameter(parameter.name, parameter.start, parameter.end, restricted, reason, by_type)


def _trouble(function: Function, summaries: Summaries) -> str:
    """What in the function hides accesses."""
    if function.doubt:
        return f"the function holds {function.doubt}"
    if any(s.kind in ("asm", "other") for s in function.body.walk()):
        return "the function holds something that is not understood"
    for expr in _expressions(function):
        if expr.kind in _STRANGE:
            return f"the function holds something that is not understood (line {expr.line})"
        if expr.kind != "call" or is_pure_by_name(expr):
            continue
        if expr.method and expr.name in _ELEMENT_METHODS:
            continue
        known = summaries(expr)
        if known is None or not known.is_pure:
            return (
                f"the function calls {expr.name or 'another'} (line {expr.line}), which may access anything"
            )
    return ""


def _expressions(function: Function) -> Iterator[Expr]:
    for root in function.body.expressions():
        yield from root.walk()


def _accesses(function: Function, aliasing: Aliasing) -> Iterator[_Access]:
    written = {id(e.args[0]) for e in _expressions(function) if e.kind == "assign"}
    written |= {id(e.args[0]) for e in _expressions(function) if e.kind == "unary" and e.op in _STEPS}
    set_ = {id(e.args[0]) for e in _expressions(function) if e.kind == "assign" and e.op == "="}
    source = aliasing.unit.source
    for expr in _expressions(function):
        type_ = expr.type.stripped
        if type_.kind == "array" or not _is_memory(expr):
            continue
        text = " ".join(source[expr.start : expr.end].decode("utf-8", "replace").split())
        origins = aliasing.object_origins(expr, function.key)
        many = expr.kind not in ("ref", "member")
        yield _Access(text or expr.name, type_, id(expr) in written, id(expr) in set_, many, origins)


def _is_memory(expr: Expr) -> bool:
    """Whether it is an lvalue that may lie in memory which others reach, too."""
    if expr.kind == "ref" and expr.variable is not None:
        lasting = expr.variable.scope in ("global", "static") and not expr.variable.is_constant
        return lasting or expr.variable.type.kind == "reference"
    element = expr.kind == "call" and expr.method and expr.name in ("operator[]", "at")
    return element or expr.kind in ("index", "member") or (expr.kind == "unary" and expr.op == "*")
