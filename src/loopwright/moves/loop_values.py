"""Integer expressions of generated loops: sums of iterators, minima and maxima, quotients, as C text.

isl gives syntax trees; here they become sums in a normal form, so that `i <= n - 1` can be written as
`i < n` and `c1 + 31 < n - 1 ? ...` does not end up in anybody's source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.moves.move import Declined

FLOOR = "floor_of_quotient"
"""Name of the helper that the written code calls where a quotient may be negative."""


@dataclass(frozen=True)
class Sum:
    """constant + sum of factor * atom. An atom is the name of an iterator or parameter, or another node."""

    constant: int = 0
    terms: tuple[tuple[Atom, int], ...] = ()

    @classmethod
    def of(cls, atom: Atom) -> Sum:
        """The sum that is this atom."""
        return cls(0, ((atom, 1),))

    def plus(self, other: Sum, factor: int = 1) -> Sum:
        """This + factor * other."""
        terms = dict(self.terms)
        for atom, amount in other.terms:
            terms[atom] = terms.get(atom, 0) + factor * amount
        return Sum(self.constant + factor * other.constant, tuple((a, f) for a, f in terms.items() if f))

    def times(self, factor: int) -> Sum:
        """This * factor."""
        return Sum().plus(self, factor)

    @property
    def atom(self) -> str | None:
        """The name that this is, None when it is anything else."""
        if self.constant or len(self.terms) != 1:
            return None
        atom, factor = self.terms[0]
        return atom if factor == 1 and isinstance(atom, str) else None

    def coefficient(self, name: str) -> int | None:
        """The factor of an iterator; None when it occurs inside of a quotient or minimum."""
        if any(name in names_in(atom) for atom, _ in self.terms if not isinstance(atom, str)):
            return None
        return dict(self.terms).get(name, 0)


@dataclass(frozen=True)
class Extreme:
    """The smallest ("min") or largest ("max") of several values."""

    which: str
    values: tuple[Sum, ...]


@dataclass(frozen=True)
class Quotient:
    """The floor of value / divisor. `natural`: the value is known to be >= 0, so that C's division does."""

    value: Sum
    divisor: int
    natural: bool


@dataclass(frozen=True)
class Remainder:
    """value % divisor, for a value >= 0, or where only being zero matters."""

    value: Sum
    divisor: int


Atom = str | Extreme | Quotient | Remainder
Naming = Mapping[str, str]
"""From the names of isl (c0, p1...) to the text of the source."""


def names_in(atom: Atom) -> frozenset[str]:
    """All names in an atom."""
    if isinstance(atom, str):
        return frozenset((atom,))
    sums = atom.values if isinstance(atom, Extreme) else (atom.value,)
    return frozenset(name for value in sums for inner, _ in value.terms for name in names_in(inner))


def names_of(value: Sum) -> frozenset[str]:
    """All names in a sum."""
    return frozenset(name for atom, _ in value.terms for name in names_in(atom))


def extreme_values(value: Sum, which: str) -> tuple[Sum, ...]:
    """The values of which `value` is the minimum or maximum; itself when it is none."""
    if len(value.terms) == 1:
        atom, factor = value.terms[0]
        if isinstance(atom, Extreme) and atom.which == which and factor == 1:
            shifted = (v.plus(Sum(value.constant)) for v in atom.values)
            return tuple(w for v in shifted for w in extreme_values(v, which))
    return (value,)


def extreme(which: str, values: tuple[Sum, ...]) -> Sum:
    """The minimum or maximum as a sum, equal ones once."""
    flat = tuple(dict.fromkeys(w for v in values for w in extreme_values(v, which)))
    return flat[0] if len(flat) == 1 else Sum.of(Extreme(which, flat))


def substituted(value: Sum, known: Mapping[str, Sum]) -> Sum:
    """`value` with names replaced by sums."""
    total = Sum(value.constant)
    for atom, factor in value.terms:
        total = total.plus(_atom_substituted(atom, known), factor)
    return total


def _atom_substituted(atom: Atom, known: Mapping[str, Sum]) -> Sum:
    if isinstance(atom, str):
        return known.get(atom, Sum.of(atom))
    if isinstance(atom, Extreme):
        return extreme(atom.which, tuple(substituted(v, known) for v in atom.values))
    inner = substituted(atom.value, known)
    if isinstance(atom, Quotient):
        return Sum.of(Quotient(inner, atom.divisor, atom.natural))
    return Sum.of(Remainder(inner, atom.divisor))


# -- from isl


def from_isl(expr: Any) -> Sum:
    """An integer expression of isl. Declined for an operator that is not written here."""
    import islpy as isl

    kind = expr.get_type()
    if kind == isl.ast_expr_type.int:
        return Sum(int(expr.get_val().to_python()))
    if kind == isl.ast_expr_type.id:
        return Sum.of(str(expr.get_id().get_name()))
    # The stubs spell some members otherwise than the module does.
    op: Any = isl.ast_expr_op_type
    args = [from_isl(expr.get_op_arg(n)) for n in range(expr.get_op_n_arg())]
    match expr.get_op_type():
        case op.add:
            return args[0].plus(args[1])
        case op.sub:
            return args[0].plus(args[1], -1)
        case op.minus:
            return args[0].times(-1)
        case op.mul:
            first, second = (args[0], args[1]) if not args[0].terms else (args[1], args[0])
            if not first.terms:
                return second.times(first.constant)
        case op.min | op.max as which:
            return extreme("min" if which == op.min else "max", tuple(args))
        case op.fdiv_q | op.pdiv_q | op.div as which:
            if not args[1].terms:
                return Sum.of(Quotient(args[0], args[1].constant, which == op.pdiv_q))
        case op.pdiv_r | op.zdiv_r:
            if not args[1].terms:
                return Sum.of(Remainder(args[0], args[1].constant))
    raise Declined("a bound of the new loops cannot be written simply")


def condition_from_isl(expr: Any) -> Callable[[Naming], str]:
    """A condition of isl, as a function that writes it in C."""
    import islpy as isl

    op: Any = isl.ast_expr_op_type
    if expr.get_type() != isl.ast_expr_type.op:
        raise Declined("a condition of the new loops cannot be written simply")
    kind = expr.get_op_type()
    joins = {op.and_: "&&", op.and_then: "&&", op.or_: "||", op.or_else: "||"}
    if kind in joins:
        parts = [condition_from_isl(expr.get_op_arg(n)) for n in range(expr.get_op_n_arg())]
        sign = joins[kind]

        def joined(naming: Naming) -> str:
            texts = [part(naming) for part in parts]
            other = "||" if sign == "&&" else "&&"
            return f" {sign} ".join(f"({t})" if other in t else t for t in texts)

        return joined
    signs = {op.eq: "==", op.le: "<=", op.lt: "<", op.ge: ">=", op.gt: ">"}
    if kind not in signs:
        raise Declined("a condition of the new loops cannot be written simply")
    left, right = from_isl(expr.get_op_arg(0)), from_isl(expr.get_op_arg(1))
    return lambda naming: comparison(left, signs[kind], right, naming)


def comparison(left: Sum, sign: str, right: Sum, naming: Naming) -> str:
    """`left sign right` in C, with constants moved so that fewer of them are needed."""
    difference = left.plus(right, -1)
    names = [t for t in difference.terms if t[1] > 0]
    rest = [t for t in difference.terms if t[1] <= 0]
    constant = difference.constant
    if not names:  # all on the right: turn round
        turned = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}.get(sign, sign)
        return comparison(right, turned, left, naming) if rest else f"{constant} {sign} 0"
    if sign == "<=" and constant == 1:
        sign, constant = "<", 0
    elif sign == ">=" and constant == -1:
        sign, constant = ">", 0
    one, other = Sum(0, tuple(names)), Sum(0, tuple((a, -f) for a, f in rest))
    if constant > 0:
        one = one.plus(Sum(constant))
    else:
        other = other.plus(Sum(-constant))
    return f"{text(one, naming)} {sign} {text(other, naming)}"


# -- to C


def text(value: Sum, naming: Naming) -> str:
    """The sum in C, additions before subtractions: `n - 1`, `2 * t + i`."""
    parts = sorted(value.terms, key=lambda t: t[1] < 0)
    words: list[str] = []
    for atom, factor in parts:
        inner = _atom_text(atom, naming, alone=abs(factor) == 1)
        shown = inner if abs(factor) == 1 else f"{abs(factor)} * {inner}"
        if not words:
            words.append(f"-{shown}" if factor < 0 else shown)
        else:
            words.append(f"{'-' if factor < 0 else '+'} {shown}")
    if value.constant or not words:
        if not words:
            return str(value.constant)
        words.append(f"{'-' if value.constant < 0 else '+'} {abs(value.constant)}")
    if len(words) > 1 and words[0].startswith("-") and words[-1].startswith("+ ") and value.constant > 0:
        # 4 - i rather than -i + 4
        words = [words[-1][2:], f"- {words[0][1:]}", *words[1:-1]]
    return " ".join(words)


def _atom_text(atom: Atom, naming: Naming, *, alone: bool) -> str:
    if isinstance(atom, str):
        name = naming.get(atom, atom)
        return name if name.replace("_", "a").isalnum() else f"({name})"
    if isinstance(atom, Extreme):
        return f"({extreme_text(atom.which, atom.values, naming)})"
    inner = text(atom.value, naming)
    plain = atom.value.atom is not None
    if isinstance(atom, Remainder):
        rest = f"{inner if plain else f'({inner})'} % {atom.divisor}"
        return rest if alone else f"({rest})"
    if not atom.natural:
        return f"{FLOOR}({inner}, {atom.divisor})"
    quotient = f"{inner if plain else f'({inner})'} / {atom.divisor}"
    return quotient if alone else f"({quotient})"


def extreme_text(which: str, values: tuple[Sum, ...], naming: Naming) -> str:
    """The minimum or maximum: one choice for two values, else calls of the helper."""
    if len(values) > 2:
        first = extreme_call(which, values[:-1], naming)
        return f"{helper(which)}({first}, {text(values[-1], naming)})"
    one, two = (text(v, naming) for v in values)
    return f"{one} {'<' if which == 'min' else '>'} {two} ? {one} : {two}"


def extreme_call(which: str, values: tuple[Sum, ...], naming: Naming) -> str:
    """The minimum or maximum as calls of the helper."""
    found = text(values[0], naming)
    for value in values[1:]:
        found = f"{helper(which)}({found}, {text(value, naming)})"
    return found


def helper(which: str) -> str:
    """Name of the helper function for a minimum or maximum of more than two values."""
    return f"{which}imum_of"


def bound_text(value: Sum, which: str, naming: Naming, *, in_condition: bool) -> str:
    """A loop bound in C; a choice of two stands in parentheses where an operator precedes it."""
    values = extreme_values(value, which)
    if len(values) == 1:
        return text(value, naming)
    if len(values) > 2:
        return extreme_call(which, values, naming)
    choice = extreme_text(which, values, naming)
    return f"({choice})" if in_condition else choice


def helpers_used(written: str) -> tuple[str, ...]:
    """Which helper functions a text calls."""
    return tuple(name for name in (helper("min"), helper("max"), FLOOR) if f"{name}(" in written)


def helper_definition(name: str, type_: str) -> str:
    """The helper function in C."""
    if name == FLOOR:
        return (
            f"static inline {type_} {FLOOR}({type_} a, {type_} b)\n{{\n    return a / b - (a % b < 0);\n}}\n"
        )
    sign = "<" if name == helper("min") else ">"
    return f"static inline {type_} {name}({type_} a, {type_} b)\n{{\n    return a {sign} b ? a : b;\n}}\n"
