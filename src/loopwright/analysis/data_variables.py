"""Where the variables that sizes are made of get their values: command-line arguments and constants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loopwright.analysis.assignments import uncast
from loopwright.analysis.data_bases import View, assigned_to
from loopwright.analysis.frontend import UnitReader
from loopwright.analysis.syntax import Expr, Function, Variable
from loopwright.core.data_plan import RegionPlan, SizeVariable, variables_of
from loopwright.core.errors import TaskError

_NUMBERS = frozenset({"atoi", "atol", "atoll", "strtol", "strtoll", "strtoul", "strtoull"})
_DEEPEST = 4


def size_variables(view: View, regions: Sequence[RegionPlan]) -> tuple[SizeVariable, ...]:
    """The variables of all sizes and counts of some regions, by name within their function, each once."""
    found: dict[str, SizeVariable] = {}
    for region in regions:
        for name in sorted(_names(region)):
            argument, default = _origin(view, region.function, name)
            made = SizeVariable(name, argument, default)
            # One name with two meanings in two functions: its value is not known.
            found[name] = made if found.get(name, made) == made else SizeVariable(name)
    return tuple(found.values())


def _names(region: RegionPlan) -> set[str]:
    texts = [a.elements for a in region.arrays] + [loop.launches for loop in region.loops]
    texts += [t.times for a in region.arrays for t in (*a.to_device, *a.from_device)]
    texts.append(region.entries)
    names: set[str] = set()
    for text in texts:
        if text is not None:
            try:
                names |= variables_of(text)
            except TaskError:
                names.add(text)
    return names


def _origin(view: View, function: str, name: str) -> tuple[int | None, int | None]:
    for reader, found in view.functions.values():
        if found.name == function:
            for variable in _declared(found, reader):
                if variable.name == name:
                    return _value(view, found, variable, 0)
    return None, None


def _declared(function: Function, reader: UnitReader) -> Iterator[Variable]:
    yield from function.parameters
    for stmt in function.body.walk():
        yield from stmt.variables
    yield from reader.unit.variables


def _value(view: View, function: Function, variable: Variable, depth: int) -> tuple[int | None, int | None]:
    """The number of the argument that the variable is read from, and its value without one."""
    if depth > _DEEPEST:
        return None, None
    if variable.scope == "param":
        calls = view.calls_of(function)
        if calls is None or len(calls) != 1 or variable not in function.parameters:
            return None, None
        _, caller, call = calls[0]
        position = function.parameters.index(variable) + call.method
        if position >= len(call.args) or assigned_to(variable, function):
            return None, None
        return _given(view, caller, call.args[position], depth)
    values = assigned_to(variable, function)
    if len(values) == 1:
        return _given(view, function, values[0], depth)
    if len(values) == 2 and uncast(values[0]).kind == "int":
        return _given(view, function, values[1], depth)[0], uncast(values[0]).value
    return None, None


def _given(view: View, function: Function, expr: Expr, depth: int) -> tuple[int | None, int | None]:
    bare = uncast(expr)
    match bare.kind:
        case "int":
            return None, bare.value
        case "ref" if bare.variable is not None:
            return _value(view, function, bare.variable, depth + 1)
        case "cond":
            argument, default = (_given(view, function, arg, depth) for arg in bare.args[1:])
            return argument[0], default[1]
        case "call" if bare.name in _NUMBERS and bare.args:
            at = uncast(bare.args[0])
            if at.kind == "index" and at.args[1].kind == "int" and function.name == "main":
                is_argv = at.args[0].variable in function.parameters[1:2]
                return (at.args[1].value if is_argv else None), None
    return None, None
