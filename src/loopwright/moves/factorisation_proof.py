"""Why an in-place factorisation may be done in blocks of pivots.

Claim: with a key (block of the pivot, part) for every statement instance, where the updates of elements
beyond the narrow block wait for its end and those beyond the wide block for the end of that one, no two
accesses to one element, one of them a write, change their order, except that the terms of one element's sum
may be added in another order. isl is asked for every pair of accesses, with the sizes that are written down.
Updates that wait together touch no element that another of them reads: tiles may be done side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from loopwright.analysis.dependence import obstacles, overlaps
from loopwright.analysis.domains import Place, Precision, domain_texts
from loopwright.analysis.ir import Affine, Loop
from loopwright.analysis.polyhedral import Model, OutOfTime, Reference, Solver, common_depth
from loopwright.moves.canonical import require_untroubled
from loopwright.moves.contraction import Contraction
from loopwright.moves.factorisation import NARROW, Factorisation
from loopwright.moves.move import Declined, NestSource

SECONDS = 8.0


def proved(source: NestSource, region: Loop, updates: tuple[Contraction, ...], wide: int) -> Factorisation:
    """The factorisation with a pivot for every statement for which blocks of `wide` pivots are legal.

    Raises:
        Declined: when none is proved.
    """
    for loop in region.walk():
        require_untroubled(loop, but_openmp=True)
        if loop.live_out_variable and not loop.declared_here:
            raise Declined(f"'{loop.variable}' may be read after its loop")
        if loop.step != 1 or len(loop.lower or ()) != 1 or len(loop.upper or ()) != 1:
            raise Declined(f"the loop over {loop.variable} does not count up by one between known bounds")
    model = Model(source.nest, Solver(SECONDS))
    for unknown in (*obstacles(source.nest, region), *overlaps(model, region)):
        if "openmp" not in unknown.reason.lower():
            raise Declined(unknown.reason)
    for array in source.nest.arrays:
        if array.declared_in is not None:
            raise Declined(f"'{array.name}' is declared inside the loops")
    try:
        return _Search(model, region, updates, wide).found()
    except OutOfTime:
        raise Declined(f"the proof did not end within {SECONDS:g} s") from None


@dataclass(frozen=True)
class _Part:
    """When something runs: constraints, the variables in them, its narrow block, and its part of that."""

    text: str
    variables: tuple[str, ...]
    key: str
    number: int


class _Search:
    """Pivots for one nest. Every instance's key and every question are isl text."""

    def __init__(self, model: Model, region: Loop, updates: tuple[Contraction, ...], wide: int) -> None:
        self.model, self.region, self.updates, self.wide = model, region, updates, wide
        (low,) = region.lower or (Affine(),)
        (last,) = region.upper or (Affine(),)
        if not (low.symbols | last.symbols) <= model.names.parameters.keys():
            raise Declined("the first or the last pivot is not known")
        self.low, self.last = low, last
        self.places = {r.place.statement.id: r.place for r in model.references}
        self.deferred = {u.update.id: u for u in updates}
        self.pivots: dict[str, Loop] = {u.update.id: u.depth for u in updates}

    def found(self) -> Factorisation:
        """The first choice of pivots that passes.

        Raises:
            Declined: when there is none.
        """
        done = list(self.deferred)
        self._require_pairs(done, done)
        for id, place in self.places.items():
            if id in self.deferred:
                continue
            reason = "it stands in no loop"
            for loop in reversed(place.loops):
                self.pivots[id] = loop
                try:
                    self._require_pairs([id], [*done, id])
                    break
                except Declined as declined:
                    reason = str(declined)
            else:
                raise Declined(reason)
            done.append(id)
        for id in done:
            self._require_in_range(id)
        self._require_own_elements()
        late = frozenset(loop.id for loop in self.region.walk() if self._is_late(loop))
        return Factorisation(self.region, self.updates, self.pivots, self._whole(), self.low, late)

    def _is_late(self, loop: Loop) -> bool:
        """Whether pivots of statements in the loop never lie beyond its value: earlier values do nothing."""
        for statement in loop.statements():
            place = self.places[statement.id]
            pivot = self._value(place, self.pivots[statement.id], "s")
            beyond = f"{pivot} > {self._value(place, loop, 's')}"
            if not self.model.solver.is_empty(self.model.instances(place, "s", [beyond])):
                return False
        return True

    # -- texts

    def _value(self, place: Place, loop: Loop, name: str) -> str:
        return self.model.form(Affine(0, ((loop.id, 1),)), place, name)

    def _from_low(self, place: Place, loop: Loop, name: str) -> str:
        return f"({self._value(place, loop, name)} - ({self.model.names.form(self.low, {})}))"

    def _parts(self, id: str, name: str) -> list[_Part]:
        """The ways for an instance to have a place in the new order, each one conjunction of constraints.

        With q the narrow block of its pivot and w the wide one, as fresh variables.
        """
        place, update = self.places[id], self.deferred.get(id)
        q, w = f"q{name}", f"w{name}"
        pivot = self._from_low(place, self.pivots[id], name)
        here = f"{NARROW}*{q} <= {pivot} < {NARROW}*{q} + {NARROW}"
        if update is None:
            return [_Part(here, (q,), q, 0)]
        here += f" and {self.wide}*{w} <= {pivot} < {self.wide}*{w} + {self.wide}"
        end, far = f"{NARROW}*{q} + {NARROW}", f"{self.wide}*{w} + {self.wide}"
        one, two = (self._from_low(place, loop, name) for loop in (update.rows, update.cols))
        many = self.wide // NARROW
        choices = (
            (f"{one} < {end}", q, 0),
            (f"{two} < {end} and {one} >= {end}", q, 0),
            (f"{one} >= {end} and {two} >= {end} and {one} < {far}", q, 1),
            (f"{one} >= {far} and {two} >= {end} and {two} < {far}", q, 1),
            (f"{one} >= {far} and {two} >= {far}", f"{many}*{w} + {many - 1}", 2),
        )
        return [_Part(f"{here} and {text}", (q, w), key, part) for text, key, part in choices]

    # -- questions

    def _require_pairs(self, new: list[str], known: list[str]) -> None:
        references = [r for r in self.model.references if r.place.statement.id in (*new, *known)]
        for n, first in enumerate(references):
            for second in references[n:]:
                if first.array.id != second.array.id or not (first.is_write or second.is_write):
                    continue
                if {first.place.statement.id, second.place.statement.id} & set(new):
                    self._require_pair(first, second)

    def _require_pair(self, first: Reference, second: Reference) -> None:
        if self._is_old_value(first) or self._is_old_value(second):
            return  # read where the same statement writes: the write has the same pairs
        if self._is_target(first) and self._is_target(second):
            return  # terms of one sum
        pairs, _ = self.model.conflicts(first, second, self.region)
        if self.model.solver.is_empty(pairs):
            return
        orders = [(first, second, "s", "t")]
        if first is not second:
            orders.append((second, first, "t", "s"))
        for early, late, a, b in orders:
            for before in self._before(early, late, a, b):
                known = self.model.ordered(first.place, second.place, before)
                if self.model.solver.is_empty(pairs, known):
                    continue
                for turned in self._turned(early, late, a, b):
                    asked = self.model.ordered(first.place, second.place, turned)
                    if not self.model.solver.is_empty(pairs, known, asked):
                        raise Declined(
                            f"in blocks of pivots '{early.array.name}' on line {late.line} would come before "
                            f"line {early.line}"
                        )

    def _is_old_value(self, reference: Reference) -> bool:
        same = [a for a in reference.place.statement.accesses if a.range == reference.access.range]
        return not reference.is_write and len(same) == 2 and same[0].subscripts == same[1].subscripts

    def _is_target(self, reference: Reference) -> bool:
        return reference.is_write and reference.place.statement.id in self.deferred

    def _before(self, early: Reference, late: Reference, a: str, b: str) -> list[str]:
        """The ways for `early` to come before `late` in the source."""
        equal: list[str] = []
        choices = []
        for n in range(common_depth(early.place, late.place)):
            choices.append(" and ".join([*equal, f"{a}{n} < {b}{n}"]))
            equal.append(f"{a}{n} = {b}{n}")
        if early.order < late.order:
            choices.append(" and ".join(equal))
        return choices

    def _turned(self, early: Reference, late: Reference, a: str, b: str) -> list[str]:
        """The ways for `late` to come before `early`, or beside it, in the new order."""
        made = []
        ids = early.place.statement.id, late.place.statement.id
        for x, y in product(self._parts(ids[0], a), self._parts(ids[1], b)):
            sign = ">=" if x.number > y.number or (x.number == y.number and x.number > 0) else ">"
            variables = ", ".join((*x.variables, *y.variables))
            made.append(f"exists ({variables} : {x.text} and {y.text} and {x.key} {sign} {y.key})")
        return made

    def _require_in_range(self, id: str) -> None:
        """Blocks run over all values of the outermost loop: no pivot lies outside."""
        place, loop = self.places[id], self.pivots[id]
        last = self.model.names.form(self.last, {})
        outside = f"({self._from_low(place, loop, 's')} < 0 or {self._value(place, loop, 's')} >= {last})"
        if not self.model.solver.is_empty(self.model.instances(place, "s", [outside])):
            raise Declined("a pivot may lie outside of the range of the outermost loop")

    def _require_own_elements(self) -> None:
        """Tiles done side by side update different elements: each row and column has its own."""
        targets = [r for r in self.model.references if self._is_target(r)]
        for n, first in enumerate(targets):
            for second in targets[n:]:
                pairs, _ = self.model.conflicts(first, second, self.region)
                one, two = (self.deferred[r.place.statement.id] for r in (first, second))
                apart = []
                for a, b in ((one.rows, two.rows), (one.cols, two.cols)):
                    left, right = self._value(first.place, a, "s"), self._value(second.place, b, "t")
                    apart.append(f"{left} != {right}")
                text = f"({' or '.join(apart)})"
                if not self.model.solver.is_empty(pairs, self.model.ordered(first.place, second.place, text)):
                    raise Declined("different rows and columns may update one element")

    # -- the updates as one

    def _whole(self) -> Contraction:
        """One update for the tiles; two with the same rows and words become one over all their columns."""
        first, *rest = self.updates
        if not rest:
            self._require_exact([first], first)
            return first
        if len(rest) > 1 or (rest[0].target, rest[0].products) != (first.target, first.products):
            raise Declined("its updates are not alike")
        for a, b in ((first, rest[0]), (rest[0], first)):
            if a.cols.upper == b.cols.lower and a.rows.id == b.rows.id:
                joined = _joined(a, b)
                self._require_exact(self.updates, joined)
                return joined
        raise Declined("its updates do not lie side by side")

    def _require_exact(
        self, updates: tuple[Contraction, ...] | list[Contraction], whole: Contraction
    ) -> None:
        """What waits is exactly rows and columns from the block's end on, with all of the block's depth."""
        names = self.model.names
        loops = {whole.rows.id: "i", whole.cols.id: "j", whole.depth.id: "k"}
        (top,) = whole.rows.upper or (Affine(),)
        (low,), (high,) = whole.cols.lower or (Affine(),), whole.cols.upper or (Affine(),)
        if top.symbols & loops.keys():
            raise Declined("the last row depends on the other loops")
        bounds = [f"i < {names.form(top, {})}"]
        allowed = {whole.rows.id: "i"}
        for form, sign in ((low, ">="), (high, "<")):
            if not form.symbols & {whole.depth.id}:
                bounds.append(f"j {sign} {names.form(form, allowed)}")
        start, last = names.form(self.low, {}), names.form(self.last, {})
        block = [f"b >= {start}", "k >= b", "k < e", f"k < {last}", "i >= e", "j >= e"]
        header, context = names.header, self.model.context
        emitted = f"{header}{{ [b, e, i, j, k] : {' and '.join([*context, *block, *bounds])} }}"
        parts = []
        for update in updates:
            place = self.places[update.update.id]
            order = {update.rows.id: "i", update.cols.id: "j", update.depth.id: "k"}
            domain = domain_texts(place, names, "s", Precision.MAY)
            names_of = " and ".join(f"s{n} = {order[loop.id]}" for n, loop in enumerate(place.loops))
            inner = ", ".join(f"s{n}" for n in range(place.depth))
            exists = f"exists ({inner} : {' and '.join([names_of, *domain])})"
            parts.append(f"{header}{{ [b, e, i, j, k] : {' and '.join([*context, *block, exists])} }}")
        solver = self.model.solver
        sets = [solver.set(text) for text in parts]
        one = solver.set(emitted)
        if not solver.is_covered(one, sets) or not all(solver.is_covered(part, [one]) for part in sets):
            raise Declined("what is left of a block is no rectangle or triangle")


def _joined(a: Contraction, b: Contraction) -> Contraction:
    return replace(b, cols=replace(b.cols, lower=a.cols.lower, init=a.cols.init))
