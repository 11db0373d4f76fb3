"""One-dimensional subscripts with symbolic strides as several dimensions: a[i*n + j] as a[i][j].

A subscript i*n + j is no affine form. It is one of two dimensions, with extent n for the inner one, when
0 <= j < n is proved wherever the access happens: then (i, j) and i*n + j determine each other. The same
extents must do for all accesses to one array; else none of its subscripts is used. The idea of reading
the extents off the strides is that of Grosser, Ramanujam, Pouchet, Sadayappan, Pop, "Optimistic
Delinearization of Parametrically Sized Arrays", ICS 2015; here nothing is optimistic: what is not proved
is not used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from loopwright.analysis.ir import Affine
from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.ranges import Domain


@dataclass(frozen=True)
class Shape:
    """Inner extents of an array, outermost first (the outermost of all is unknown), and the subscripts of
    each access in that shape, in the order in which they were given.
    """

    extents: tuple[Polynomial, ...]
    subscripts: tuple[tuple[Affine, ...], ...]


Linear = Callable[[Polynomial], "Affine | None"]
"""A polynomial as an affine form, where products of parameters count as parameters; None for others."""


def delinearise(
    accesses: Sequence[tuple[Polynomial, Domain]], loops: frozenset[str], linear: Linear
) -> Shape | None:
    """A shape in which all these subscripts are affine and in range, None when none is found.

    Each access is its one-dimensional subscript with the domain over which it happens; `loops` are the
    symbols that are loops rather than parameters.
    """
    strides: set[Polynomial] = set()
    for subscript, _ in accesses:
        found = _coefficients(subscript, loops)
        if found is None:
            return None
        strides |= {c for s, c in found.items() if s is not None}
    for whole in (True, False):
        chain = _chain({s if whole else _primitive(s) for s in strides})
        if chain is None:
            continue
        shape = _in_shape(accesses, chain, linear)
        if shape is not None:
            return shape
    return None


def _coefficients(subscript: Polynomial, loops: frozenset[str]) -> dict[str | None, Polynomial] | None:
    """Per loop the factor it has, over parameters; None for the rest. None when loops are multiplied."""
    parts: dict[str | None, dict[tuple[str, ...], int]] = {}
    for monomial, coefficient in subscript.terms:
        mine = [s for s in monomial if s in loops]
        if len(mine) > 1:
            return None
        loop = mine[0] if mine else None
        rest = tuple(s for s in monomial if s not in loops)
        parts.setdefault(loop, {})[rest] = coefficient
    made = {loop: Polynomial.make(terms) for loop, terms in parts.items()}
    return {loop: _positive(p) if loop is not None else p for loop, p in made.items()}


def _positive(p: Polynomial) -> Polynomial:
    lead = max(p.terms, key=lambda t: (len(t[0]), t[0]))
    return p if lead[1] > 0 else p.scaled(-1)


def _primitive(p: Polynomial) -> Polynomial:
    content = math.gcd(*(c for _, c in p.terms))
    return Polynomial.make({m: c // content for m, c in p.terms})


def _chain(strides: set[Polynomial]) -> list[Polynomial] | None:
    """The strides from largest to 1, each a multiple of the next; None when they are not such a chain."""
    one = Polynomial.constant(1)
    all_ = {*strides, one}

    def larger(a: Polynomial, b: Polynomial) -> int:
        if a == b:
            return 0
        return -1 if not a.divided(b)[1].terms else 1

    chain = sorted(all_, key=cmp_to_key(larger))
    for outer, inner in itertools.pairwise(chain):
        if outer.divided(inner)[1].terms:
            return None
    return chain if len(chain) > 1 else None


def _in_shape(
    accesses: Sequence[tuple[Polynomial, Domain]], chain: list[Polynomial], linear: Linear
) -> Shape | None:
    extents = tuple(outer.divided(inner)[0] for outer, inner in itertools.pairwise(chain))
    subscripts = []
    for subscript, domain in accesses:
        found = _one(subscript, domain, chain, extents, linear)
        if found is None:
            return None
        subscripts.append(found)
    return Shape(extents, tuple(subscripts))


def _one(
    subscript: Polynomial,
    domain: Domain,
    chain: list[Polynomial],
    extents: tuple[Polynomial, ...],
    linear: Linear,
) -> tuple[Affine, ...] | None:
    parts, rest = [], subscript
    for stride in chain:
        quotient, rest = rest.divided(stride)
        parts.append(quotient)
    # From the innermost outwards: bring each inner subscript into [0, extent) by borrowing from outside.
    for index in range(len(parts) - 1, 0, -1):
        extent = extents[index - 1]
        for borrowed in (0, 1, -1):
            moved = parts[index] + extent.scaled(borrowed)
            if _within(moved, extent, domain, linear):
                parts[index] = moved
                parts[index - 1] = parts[index - 1] - Polynomial.constant(borrowed)
                break
        else:
            return None
    forms = [linear(part) for part in parts]
    return None if any(f is None for f in forms) else tuple(f for f in forms if f is not None)


def _within(part: Polynomial, extent: Polynomial, domain: Domain, linear: Linear) -> bool:
    below, above = linear(part), linear(extent - part - Polynomial.constant(1))
    if below is None or above is None:
        return False
    return domain.implies(below) and domain.implies(above)
