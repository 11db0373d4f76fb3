"""Drawing one awkward number: a prime, an odd one, one smaller or one larger than a known one."""

from __future__ import annotations

import math
import random

from loopwright.core.task import Range

KINDS = ("prime", "odd", "small", "large")
TRIES = 60
"""Draws after which what was asked for is taken not to exist."""

_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def is_prime(number: int) -> bool:
    """Whether `number` is a prime: Miller and Rabin's test, exact below 3.3e24 with these witnesses
    (Sorenson and Webster, Mathematics of Computation 86, 2017).
    """
    if number < 2:
        return False
    for prime in _WITNESSES:
        if number % prime == 0:
            return number == prime
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def drawn_number(span: Range, kind: str, timed: int | None, chance: random.Random) -> int:
    """A number of `span` of that kind, or any other where there is none."""
    low, high = span.low, span.last
    if kind == "small":
        high = timed - 1 if timed is not None and low < timed <= high else low + (high - low) // 3
    elif kind == "large":
        low = timed + 1 if timed is not None and low <= timed < high else high - (high - low) // 3
    first = span.low + -(-(low - span.low) // span.step) * span.step
    if first > high:
        first, high = span.low, span.last
    drawn = first
    for _ in range(TRIES * 5):
        drawn = _between(first, high, chance, evenly=kind in ("prime", "large"))
        drawn -= (drawn - first) % span.step
        if kind not in ("prime", "odd") or (is_prime(drawn) if kind == "prime" else drawn % 2 == 1):
            break
    return drawn


def _between(low: int, high: int, chance: random.Random, *, evenly: bool) -> int:
    """A number from `low` to `high`; unless `evenly`, every order of magnitude is as likely as another."""
    if evenly or low < 1:
        return chance.randint(low, high)
    return min(high, max(low, round(math.exp(chance.uniform(math.log(low), math.log(high))))))
