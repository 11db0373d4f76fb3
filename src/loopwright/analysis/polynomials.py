"""Integer polynomials over symbols: what a subscript is before it is known to be affine."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.analysis.ir import Affine

Monomial = tuple[str, ...]


@dataclass(frozen=True)
class Polynomial:
    """A sum of coefficient * product of symbols. `terms` is sorted and has no zero coefficient."""

    terms: tuple[tuple[Monomial, int], ...] = ()

    @classmethod
    def make(cls, terms: dict[Monomial, int]) -> Polynomial:
        """The polynomial with these terms, zeros dropped."""
        return cls(tuple(sorted((m, c) for m, c in terms.items() if c)))

    @classmethod
    def constant(cls, value: int) -> Polynomial:
        """A number."""
        return cls.make({(): value})

    @classmethod
    def symbol(cls, name: str) -> Polynomial:
        """One symbol with coefficient 1."""
        return cls((((name,), 1),))

    @classmethod
    def from_affine(cls, form: Affine) -> Polynomial:
        """The same form as a polynomial."""
        return cls.make({(): form.constant, **{(s,): c for s, c in form.terms}})

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for monomial, coefficient in other.terms:
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return Polynomial.make(terms)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other.scaled(-1)

    def __mul__(self, other: Polynomial) -> Polynomial:
        terms: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in other.terms:
                monomial = tuple(sorted(left + right))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return Polynomial.make(terms)

    def scaled(self, factor: int) -> Polynomial:
        """This polynomial times an integer."""
        return Polynomial.make({m: c * factor for m, c in self.terms})

    @property
    def symbols(self) -> frozenset[str]:
        """All symbols that occur."""
        return frozenset(s for m, _ in self.terms for s in m)

    @property
    def value(self) -> int | None:
        """The number that this is, None when a symbol occurs."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and self.terms[0][0] == () else None

    @property
    def affine(self) -> Affine | None:
        """This as an affine form, None when a product of symbols occurs."""
        if any(len(m) > 1 for m, _ in self.terms):
            return None
        constant = dict(self.terms).get((), 0)
        return Affine(constant, tuple(sorted((m[0], c) for m, c in self.terms if m)))

    def divided(self, divisor: Polynomial) -> tuple[Polynomial, Polynomial]:
        """Quotient and remainder by the leading term of `divisor` (highest degree first, then by name)."""
        lead, lead_coefficient = max(divisor.terms, key=_order)
        quotient, remainder, rest = Polynomial(), Polynomial(), self
        while rest.terms:
            monomial, coefficient = max(rest.terms, key=_order)
            over = _without(monomial, lead)
            if over is None or coefficient % lead_coefficient:
                term = Polynomial.make({monomial: coefficient})
                remainder, rest = remainder + term, rest - term
                continue
            part = Polynomial.make({over: coefficient // lead_coefficient})
            quotient, rest = quotient + part, rest - part * divisor
        return quotient, remainder


def _order(term: tuple[Monomial, int]) -> tuple[int, Monomial]:
    return len(term[0]), term[0]


def _without(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    rest = list(monomial)
    for symbol in divisor:
        if symbol not in rest:
            return None
        rest.remove(symbol)
    return tuple(rest)
