"""The polyhedral model of a nest: which instances of two accesses touch the same element, asked of isl.

isl is given text, every question is bounded in operations, and the answers to equal texts are kept.
S. Verdoolaege, "isl: An Integer Set Library for the Polyhedral Model", ICMS 2010.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from loopwright.analysis.domains import (
    Names,
    Place,
    Precision,
    context_text,
    domain_texts,
    is_exact,
    places,
)
from loopwright.analysis.ir import Access, AccessKind, Affine, Array, Loop, LoopNest, Storage

_OPERATIONS_PER_SECOND = 12_000
"""isl counts operations; the slowest measured ones (subtraction with many divisions) took 80 microseconds."""


class OutOfTime(Exception):
    """The proof would take longer than allowed."""


class Solver:
    """isl with a limit in seconds of processor time. Raises :class:`OutOfTime` instead of running on.

    Wall time would make a proof fail, and an edit be missed, because other programs are running.
    """

    def __init__(self, seconds: float) -> None:
        import islpy

        self._isl = islpy
        self._context = islpy.Context()
        self._end = time.process_time() + seconds
        self._sets: dict[str, Any] = {}
        self._empty: dict[tuple[int, ...], bool] = {}

    def _start(self, cheapness: int = 1) -> None:
        left = self._end - time.process_time()
        if left <= 0:
            raise OutOfTime
        self._context.reset_operations()
        self._context.set_max_operations(max(1000, int(left * _OPERATIONS_PER_SECOND * cheapness)))

    @property
    def context(self) -> Any:
        """The isl context of everything that this solver makes."""
        return self._context

    @contextmanager
    def limited(self, cheapness: int = 1) -> Iterator[Any]:
        """The module islpy, for work in this context that ends in time or raises OutOfTime.

        `cheapness`: how many times cheaper than the slowest its operations are (200 when loops are
        generated).
        """
        self._start(cheapness)
        try:
            yield self._isl
        except self._isl.Error as error:
            raise self._explained(error) from None

    def set(self, text: str) -> Any:
        """The isl set that `text` describes."""
        known = self._sets.get(text)
        if known is None:
            self._start()
            try:
                known = self._isl.Set.read_from_str(self._context, text)
            except self._isl.Error as error:
                raise self._explained(error) from None
            self._sets[text] = known
        return known

    def _explained(self, error: Exception) -> Exception:
        # A reader that runs out of operations reports a syntax error.
        signs = ("maximal number of operations", "quota", "syntax error")
        return OutOfTime() if any(sign in str(error) for sign in signs) else error

    def is_empty(self, *sets: Any) -> bool:
        """Whether the intersection of sets made by :meth:`set` is empty."""
        # The sets live as long as the solver, so that their addresses name them.
        key = tuple(id(one) for one in sets)
        known = self._empty.get(key)
        if known is None:
            self._start()
            try:
                result = sets[0]
                for other in sets[1:]:
                    result = result.intersect(other)
                known = bool(result.is_empty())
            except self._isl.Error as error:
                raise self._explained(error) from None
            self._empty[key] = known
        return known

    def is_covered(self, inner: Any, parts: Sequence[Any]) -> bool:
        """Whether the union of `parts` holds all of `inner`."""
        rest = inner
        try:
            for part in parts:
                self._start()
                rest = rest.subtract(part)
                if rest.is_empty():
                    return True
            return bool(rest.is_empty())
        except self._isl.Error as error:
            raise self._explained(error) from None

    def constant(self, values: Any, dimension: int) -> int | None:
        """The one integer that this dimension has in every point of the set, None when it varies."""
        isl, kind = self._isl, self._isl.dim_type
        self._start()
        try:
            count = values.dim(kind.set)
            line = values.project_out(kind.set, dimension + 1, count - dimension - 1)
            line = line.project_out(kind.set, 0, dimension).affine_hull()
            value = line.to_set().plain_get_val_if_fixed(kind.set, 0)
            return value.to_python() if value.is_int() else None
        except isl.Error as error:
            raise self._explained(error) from None

    def intersection(self, first: Any, second: Any) -> Any:
        """The intersection of two sets."""
        self._start()
        try:
            return first.intersect(second)
        except self._isl.Error as error:
            raise self._explained(error) from None

    def image(self, values: Any, map_text: str) -> Any:
        """The image of a set under the map that the text describes."""
        self._start()
        try:
            return values.apply(self._isl.Map.read_from_str(self._context, map_text))
        except self._isl.Error as error:
            raise self._explained(error) from None


@dataclass(frozen=True)
class Reference:
    """One access of one statement; `order` is its position in the whole text of the nest."""

    place: Place
    access: Access
    array: Array
    order: tuple[int, int]

    @property
    def is_write(self) -> bool:
        """Whether it writes."""
        return self.access.kind is AccessKind.WRITE

    @property
    def line(self) -> int:
        """Source line, 1-based."""
        return self.access.range.line

    def is_certain(self, inside: Loop | None = None) -> bool:
        """Whether it is known exactly when it happens, looking only at loops inside `inside`."""
        return not self.access.conditional and runs_exactly(self.place, inside)

    def under(self, loop: Loop) -> bool:
        """Whether the loop is around it."""
        return any(around.id == loop.id for around in self.place.loops)


def direction(loop: Loop) -> int:
    """1 when the induction variable grows, -1 when it falls, 0 when that is not known."""
    if not loop.step:
        return 0
    return 1 if loop.step > 0 else -1


def earlier(loop: Loop, first: str, second: str) -> str | None:
    """`first` is the value of an iteration before that of `second`; None when the order is not known."""
    sign = direction(loop)
    return None if sign == 0 else f"{first} < {second}" if sign > 0 else f"{first} > {second}"


def common_depth(first: Place, second: Place) -> int:
    """Number of loops around both."""
    depth = 0
    for a, b in zip(first.loops, second.loops, strict=False):
        if a.id != b.id:
            break
        depth += 1
    return depth


class Model:
    """A nest with its accesses, and isl sets of pairs of instances made from them."""

    def __init__(self, nest: LoopNest, solver: Solver) -> None:
        self.nest, self.solver = nest, solver
        self.names = Names.of(nest)
        self.context = context_text(nest, self.names)
        self._wraps: dict[tuple[Place, Affine], bool] = {}
        arrays = {array.id: array for array in nest.arrays}
        self.references: tuple[Reference, ...] = tuple(
            Reference(place, access, arrays.get(access.array, _undeclared(access)), (place.position, n))
            for place in places(nest)
            for n, access in enumerate(place.statement.accesses)
        )

    @cached_property
    def arrays(self) -> Mapping[str, tuple[Reference, ...]]:
        """References by array id."""
        found: dict[str, list[Reference]] = {}
        for reference in self.references:
            found.setdefault(reference.array.id, []).append(reference)
        return {key: tuple(value) for key, value in found.items()}

    def subscripts(self, reference: Reference, within: Loop | None) -> tuple[Affine | None, ...]:
        """The subscripts as far as they tell elements apart, for instances in one run of the loop `within`.

        None for each that does not: it is not affine, it may wrap around as an unsigned number, it may leave
        its row of a flat array, or the array is a pointer that is set anew inside `within`.
        """
        array, access = reference.array, reference.access
        if len(access.subscripts) != len(array.extents):
            return (None,) * len(array.extents)
        if array.storage is Storage.POINTED and array.declared_in is not None:
            inside = self.nest.root.walk() if within is None else within.walk()
            if any(loop.id == array.declared_in for loop in inside):
                return (None,) * len(array.extents)
        kept = tuple(
            None if form is None or self._may_wrap(reference.place, form) else form
            for form in access.subscripts
        )
        if array.delinearised and not self._stays_in_rows(reference, kept):
            return (None,) * len(array.extents)
        return kept

    def _may_wrap(self, place: Place, form: Affine) -> bool:
        unsigned = {loop.id for loop in place.loops if loop.unsigned_variable}
        if not unsigned & form.symbols:
            return False
        key = (place, form)
        if key not in self._wraps:
            if form.constant >= 0 and all(c > 0 and s in unsigned for s, c in form.terms):
                self._wraps[key] = False
            else:
                text = f"{self.form(form, place, 's')} < 0"
                self._wraps[key] = not self.solver.is_empty(self.instances(place, "s", [text]))
        return self._wraps[key]

    def _stays_in_rows(self, reference: Reference, kept: Sequence[Affine | None]) -> bool:
        for form, extent in zip(kept[1:], reference.array.extents[1:], strict=True):
            if form is None or extent is None:
                return False
            value = self.form(form, reference.place, "s")
            outside = f"({value} < 0 or {value} >= {self.names.form(extent, {})})"
            if not self.solver.is_empty(self.instances(reference.place, "s", [outside])):
                return False
        return True

    def form(self, form: Affine, place: Place, tuple_name: str) -> str:
        """An affine form over the instance variables of a statement."""
        return self.names.form(form, {loop.id: f"{tuple_name}{n}" for n, loop in enumerate(place.loops)})

    def text(self, variables: Sequence[str], constraints: Sequence[str]) -> str:
        """A set over `variables` under the assumptions of the nest, as isl text."""
        conditions = " and ".join([*self.context, *constraints]) or "1 = 1"
        return f"{self.names.header}{{ [{', '.join(variables)}] : {conditions} }}"

    def instances(
        self,
        place: Place,
        tuple_name: str,
        more: Sequence[str] = (),
        precision: Precision = Precision.MAY,
    ) -> Any:
        """The instances of a statement that may (or must) run, under further constraints."""
        variables = [f"{tuple_name}{n}" for n in range(place.depth)]
        domain = domain_texts(place, self.names, tuple_name, precision)
        return self.solver.set(self.text(variables, [*domain, *more]))

    def same_element(
        self, first: Reference, second: Reference, within: Loop | None, names: tuple[str, str]
    ) -> tuple[list[str], bool]:
        """Constraints under which two references touch one element, and whether they are exact."""
        texts: list[str] = []
        exact = True
        for a, b in zip(self.subscripts(first, within), self.subscripts(second, within), strict=True):
            if a is None or b is None:
                exact = False
                continue
            texts.append(f"{self.form(a, first.place, names[0])} = {self.form(b, second.place, names[1])}")
        return texts, exact

    def pair_variables(self, first: Place, second: Place) -> list[str]:
        """Names of the variables of a pair of instances: s0, s1... t0, t1..."""
        return [*(f"s{n}" for n in range(first.depth)), *(f"t{n}" for n in range(second.depth))]

    def conflicts(self, first: Reference, second: Reference, within: Loop) -> tuple[Any, bool]:
        """Pairs of instances in one iteration of the loops around `within` that touch one element.

        Returns the set, and whether each pair in it is certain (else it is an over-approximation).
        """
        same, exact = self.same_element(first, second, within, ("s", "t"))
        depth = [loop.id for loop in first.place.loops].index(within.id)
        outer = [f"s{n} = t{n}" for n in range(depth)]
        domains = [
            *domain_texts(first.place, self.names, "s", Precision.MAY),
            *domain_texts(second.place, self.names, "t", Precision.MAY),
        ]
        text = self.text(self.pair_variables(first.place, second.place), [*outer, *same, *domains])
        certain = exact and all(runs_exactly(r.place) for r in (first, second))
        return self.solver.set(text), certain

    def ordered(self, first: Place, second: Place, conditions: str) -> Any:
        """A set over pairs of instances that is only constrained by `conditions`."""
        variables = ", ".join(self.pair_variables(first, second))
        return self.solver.set(f"{self.names.header}{{ [{variables}] : {conditions} }}")

    def distances(self, pairs: Any, first: Place, second: Place) -> tuple[int | None, ...]:
        """Per common loop the constant number of iterations between two instances, None where it varies."""
        common = first.loops[: common_depth(first, second)]
        source = ", ".join(self.pair_variables(first, second))
        target = ", ".join(f"t{n} - s{n}" for n in range(len(common)))
        deltas = self.solver.image(pairs, f"{self.names.header}{{ [{source}] -> [{target}] }}")
        found: list[int | None] = []
        for n, loop in enumerate(common):
            value = self.solver.constant(deltas, n)
            step = loop.step or 0
            if value is None or step == 0 or value % step:
                found.append(0 if value == 0 else None)
            else:
                found.append(value // step)
        return tuple(found)


def runs_exactly(place: Place, inside: Loop | None = None) -> bool:
    """Whether the instances of a statement are known exactly, looking only at loops inside `inside`."""
    statement = place.statement
    if not statement.exact_guards or statement.unknowns:
        return False
    loops = place.loops
    if inside is not None:
        loops = loops[[loop.id for loop in loops].index(inside.id) + 1 :]
    return all(is_exact(loop) for loop in loops)


def may_overlap(first: Array, second: Array, disjoint: frozenset[tuple[str, str]]) -> bool:
    """Whether two different arrays may share memory."""
    if first.id == second.id:
        return False
    if first.id.startswith(second.id + ".") or second.id.startswith(first.id + "."):
        return True
    if (min(first.id, second.id), max(first.id, second.id)) in disjoint:
        return False
    if Storage.LOCAL in (first.storage, second.storage):
        return False
    if Storage.POINTED not in (first.storage, second.storage):
        return False
    # Two members of the objects that one pointer reaches.
    base, other = first.id.rpartition(".")[0], second.id.rpartition(".")[0]
    return not (base and base == other)


def _undeclared(access: Access) -> Array:
    return Array(access.array, access.array, "", 0, (None,) * len(access.subscripts))
