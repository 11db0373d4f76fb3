"""Where an lvalue lies, and what a pointer leads to, in terms of loops and parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace

from loopwright.analysis.polynomials import Polynomial
from loopwright.analysis.syntax import CType, Variable

Row = Polynomial | Variable | None
"""Which pointer of an array of pointers was followed: the one at this subscript, or the one that a variable
holds; None when that is not known.
"""


@dataclass(frozen=True)
class Place:
    """An lvalue: a root variable (None for `this`), the way from it, and the subscripts on that way.

    `path` has ".name" for a member and "*" for following a pointer. A subscript is None when it is not a
    polynomial over loops and parameters. `type` is what stands there. `rows` are the pointers on the way
    that were taken out of arrays: two of them may lead to one memory, shifted against each other. `flat`: a
    pointer to the start of an array of several dimensions goes through all of its rows.
    """

    root: Variable | None
    path: tuple[str, ...]
    subscripts: tuple[Polynomial | None, ...]
    type: CType
    rows: tuple[Row, ...] = ()
    flat: bool = False

    @property
    def key(self) -> tuple[Variable | None, tuple[str, ...]]:
        """What names the object, without subscripts."""
        return self.root, self.path


@dataclass(frozen=True)
class Pointer:
    """A pointer value: element `offset` of the array at `array` (whose own subscripts come before)."""

    array: Place
    offset: Polynomial | None

    def held_by(self, variable: Variable) -> Pointer:
        """The same pointer where it is the value of a variable that keeps it."""
        place = self.array
        start = bool(place.subscripts) and all(s is not None and s.value == 0 for s in place.subscripts)
        rows = tuple(variable if row is None else row for row in place.rows)
        return replace(self, array=replace(place, rows=rows, flat=place.flat or start))

    @classmethod
    def out_of(cls, holder: Place) -> Pointer:
        """The pointer that is kept at a place."""
        followed = replace(holder, path=(*holder.path, "*"))
        if holder.subscripts:
            # A pointer out of an array of pointers: the arrays it leads to may be one and the same.
            unknown = (None,) * len(holder.subscripts)
            followed = replace(followed, subscripts=unknown, rows=(*holder.rows, *holder.subscripts))
        return cls(followed, Polynomial())
