"""Which functions of the standard library do nothing but compute a value from their arguments."""

from __future__ import annotations

from loopwright.analysis.syntax import Expr


def words(text: str) -> tuple[str, ...]:
    """The words of a text: for lists of names."""
    return tuple(text.split())


_C_MATH = words("""
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
    + ["__builtin_" + name + suffix for name in ("inf", "huge_val") for suffix in ("", "f", "l")]
    + ["__builtin_nan", "__builtin_nanf"]
)
"""By name, both of <math.h> and of namespace std."""

MACROS = frozenset({"isnan", "isinf", "isfinite", "signbit"})
"""Those that C has as macros: a function of that name is the user's own."""

MIN_MAX = {"fmin": "min", "fminf": "min", "fminl": "min", "fmax": "max", "fmaxf": "max", "fmaxl": "max"}
"""Functions that are a minimum or a maximum of two numbers."""

STD_MIN_MAX = {"min": "min", "max": "max"}
"""The same for std::min and std::max, which take references but only read."""

_LIMITS = frozenset({"min", "max", "lowest", "epsilon", "infinity", "quiet_NaN", "denorm_min"})


def is_pure_by_name(call: Expr) -> bool:
    """Whether it calls a function of the standard library that only computes a number from numbers."""
    if not call.library or call.method:
        return False
    numbers = len(call.args) == 2 and all(arg.type.stripped.is_arithmetic for arg in call.args)
    # std::max of two objects compares them by an operator of the user.
    known = call.name in PURE_FUNCTIONS or (call.name in STD_MIN_MAX and numbers)
    return known or (call.name in _LIMITS and not call.args)


def extremum_by_name(call: Expr) -> str | None:
    """min or max for a call of such a function of the standard library, else None."""
    if call.kind != "call" or not call.library or call.method or len(call.args) != 2:
        return None
    return {**MIN_MAX, **STD_MIN_MAX}.get(call.name)
