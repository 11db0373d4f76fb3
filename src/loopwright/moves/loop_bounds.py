"""The bounds of a loop as C expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.analysis.ir import Loop
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import hidden_names, names_in, substituted
from loopwright.moves.rewrite import code


@dataclass(frozen=True)
class Bounds:
    """First value and end of a loop as C expressions of type long."""

    low: str
    high: str

    def at(self, variable: str, value: str) -> Bounds:
        """The bounds for another loop's `variable` being `value`."""
        return Bounds(substituted(self.low, {variable: value}), substituted(self.high, {variable: value}))


def written_bounds(source: NestSource, loop: Loop) -> tuple[str, str, bool]:
    """First value and end of a loop that counts up by one, as they are written, and whether the end
    belongs to it (`<=`).

    Raises:
        Declined: when the header is written in another way.
    """
    data, name = source.data, re.escape(loop.variable)
    init = code(data, loop.init.start, loop.init.end).rstrip("; ")
    condition = code(data, loop.condition.start, loop.condition.end).rstrip("; ")
    first = re.fullmatch(rf"(?:[A-Za-z_][\w:]*\s+)*{name}\s*=\s*(?P<low>[^=,;{{}}]+)", init)
    last = re.fullmatch(rf"{name}\s*(?P<op><=?)\s*(?P<high>[^<>=&|?,]+)", condition)
    if last is None:
        last = re.fullmatch(rf"(?P<high>[^<>=&|?,]+?)\s*(?P<op>>=?)\s*{name}", condition)
    if first is None or last is None:
        raise Declined(f"the header over {loop.variable} is not of the form 'i = a; i < b; i++'")
    counters = {each.variable for each in source.nest.root.walk()}
    if hidden := counters & hidden_names(source.tree.files, names_in(first["low"]) | names_in(last["high"])):
        raise Declined(f"a macro in the header over {loop.variable} mentions {min(hidden)}")
    return first["low"], last["high"], last["op"] in ("<=", ">=")


def bounds_of(source: NestSource, loop: Loop) -> Bounds:
    """The bounds of a loop that counts up by one, as they are written.

    Raises:
        Declined: when the header is written in another way.
    """
    low, high, inclusive = written_bounds(source, loop)
    low, high = (text if text.isdigit() else f"(long)({text})" for text in (low, high))
    return Bounds(low, f"{high} + 1" if inclusive else high)


def without_cast(bound: str) -> str:
    """A bound that initialises a long, without the cast when it is one name or number."""
    match = re.fullmatch(r"\(long\)\((\w+)\)", bound)
    return match[1] if match is not None else bound
