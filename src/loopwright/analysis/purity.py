"""Which calls do nothing but compute a value from their arguments."""

from __future__ import annotations

from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import CType, Expr, Function, Unit, Variable


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_C_MATH = _words("""
    acos asin atan atan2 acosh asinh atanh cos sin tan cosh sinh tanh exp exp2 expm1 log log2 log10 log1p logb
    pow sqrt cbrt hypot fabs floor ceil trunc round rint nearbyint fmod remainder fmin fmax fdim fma copysign
    erf erfc tgamma ldexp scalbn
""")

# lgamma sets signgam; functions of <math.h> may set errno and raise floating-point flags: neither is
# looked at by code that divides its loops among threads, where both are per thread.
PURE_FUNCTIONS = frozenset(
    [name + suffix for name in _C_MATH for suffix in ("", "f", "l")]
    + ["__builtin_" + name + suffix for name in _C_MATH for suffix in ("", "f", "l")]
    + [
        "abs",
        "labs",
        "llabs",
        "isnan",
        "isinf",
        "isfinite",
        "signbit",
        "lround",
        "llround",
        "lrint",
        "llrint",
    ]
    + ["__builtin_isnan", "__builtin_isinf_sign", "__builtin_expect", "__builtin_popcount", "__builtin_abs"]
)
"""By name, both of <math.h> and of namespace std."""

MIN_MAX = {"fmin": "min", "fminf": "min", "fminl": "min", "fmax": "max", "fmaxf": "max", "fmaxl": "max"}
"""Functions that are a minimum or a maximum of two numbers."""

STD_MIN_MAX = {"min": "min", "max": "max"}
"""The same for std::min and std::max, which take references but only read."""


class Summaries:
    """What the functions of a translation unit do, as far as a caller needs it.

    Calling it with a call says "pure" (a value computed from the arguments alone), "reads" (it also reads
    memory through its pointer arguments) or None (anything may happen).
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._known: dict[str, str | None] = {}

    def __call__(self, call: Expr) -> str | None:
        """The summary of the function that is called."""
        function = self.unit.functions.get(call.key)
        if function is None or call.method:
            return None
        if function.key not in self._known:
            self._known[function.key] = None  # what calls itself is not understood
            self._known[function.key] = self._summary(function)
        return self._known[function.key]

    def _summary(self, function: Function) -> str | None:
        kinds = [_parameter_kind(p) for p in function.parameters]
        if any(kind is None for kind in kinds):
            return None
        for statement in function.body.walk():
            if statement.kind in ("asm", "other", "goto"):
                return None
            for variable in statement.variables:
                plain = variable.type.is_arithmetic or variable.type.kind in ("array", "pointer")
                if variable.scope != "local" or not plain or variable.type.volatile:
                    return None
        effects = effects_of([function.body])
        local = {"local", "param"}
        if effects.address_taken or any(v.scope not in local for v in effects.writes):
            return None
        for root in function.body.expressions():
            if not all(self._is_harmless(expr) for expr in root.walk()):
                return None
        return "reads" if "reads" in kinds else "pure"

    def _is_harmless(self, expr: Expr) -> bool:
        match expr.kind:
            case "ref" if expr.variable is not None:
                shared = expr.variable.scope in ("global", "static")
                return not expr.type.volatile and (not shared or _is_constant(expr.variable))
            case "call":
                return not expr.method and (expr.name in PURE_FUNCTIONS or self(expr) in ("pure", "reads"))
            case "assign":
                return _is_own(expr.args[0])
            case "unary" if expr.op in ("++_", "--_", "_++", "_--"):
                return _is_own(expr.args[0])
            case "unary" if expr.op == "&":
                return False
            case "other" | "lambda" | "new" | "this" | "member" | "function":
                return expr.kind == "member" and not expr.type.volatile and expr.type.is_arithmetic
        return expr.op != "?"


def _parameter_kind(parameter: Variable) -> str | None:
    type_ = parameter.type
    if type_.kind == "reference":
        if type_.element is None or not type_.element.const:
            return None
        type_ = type_.element
    if type_.is_arithmetic or (
        type_.kind == "record" and type_.fields and all(t.is_arithmetic for _, t in type_.fields)
    ):
        return "value"
    if type_.kind in ("pointer", "array") and type_.element is not None and _is_flat(type_.element):
        return "reads"
    return None


def _is_flat(element: CType) -> bool:
    while element.kind == "array" and element.element is not None:
        element = element.element
    return element.is_arithmetic and not element.volatile


def _is_constant(variable: Variable) -> bool:
    type_ = variable.type
    while type_.kind == "array" and type_.element is not None:
        type_ = type_.element
    return type_.const and type_.is_arithmetic


def _is_own(target: Expr) -> bool:
    """Whether an assignment changes a local of the function: a scalar or an element of a local array."""
    while target.kind == "index" and target.args[0].type.kind == "array":
        target = target.args[0]
    variable = target.variable
    if target.kind != "ref" or variable is None:
        return False
    return variable.scope == "local" or (variable.scope == "param" and variable.type.is_arithmetic)
