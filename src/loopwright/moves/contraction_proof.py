"""Why a contraction may run as a product of tiles.

Claim: with everything that stands before the update done first for all iterations, then all updates in any
order, then everything that stands after them, every statement reads what it read before, and every element of
the result receives the same products. It holds when
1. nothing is unknown, and arrays of which one is written are disjoint;
2. the update alone touches the result among what runs between, and different (row, column) pairs have
   different elements, so that tiles can be done side by side;
3. no two accesses to one element, one of them a write, change their order between the three parts (asked of
   isl for every pair);
4. the three loops and the others of the path are rectangular, but for columns that depend on the row.
Sums of floating point are formed in another order, as in a reduction: only rounding may differ.
"""

from __future__ import annotations

from loopwright.analysis.dependence import obstacles, overlaps
from loopwright.analysis.ir import Loop
from loopwright.analysis.polyhedral import Model, OutOfTime, Reference, Solver, common_depth
from loopwright.moves.canonical import require_untroubled
from loopwright.moves.contraction import UPDATE, Contraction, is_triangle
from loopwright.moves.move import Declined, NestSource, label

SECONDS = 4.0


def require_contraction_legal(source: NestSource, found: Contraction) -> str:
    """The proof in words.

    Raises:
        Declined: when something is not proved.
    """
    for loop in found.region.walk():
        require_untroubled(loop, but_openmp=True)
        if loop.live_out_variable and not loop.declared_here:
            raise Declined(f"'{loop.variable}' may be read after its loop")
    _require_in_scope(found)
    try:
        _require_order(Model(found.nest, Solver(SECONDS)), found)
    except OutOfTime:
        raise Declined(f"the proof did not end within {SECONDS:g} s") from None
    return _words(source, found)


def _require_in_scope(found: Contraction) -> None:
    """Tiles are written where names declared inside the loops do not exist."""
    inside = {loop.id for loop in found.path}
    for access in found.update.accesses:
        array = found.nest.array(access.array)
        if array.declared_in in inside:
            raise Declined(f"'{array.name}' is declared inside the loops")


def _require_order(model: Model, found: Contraction) -> None:
    region = next(loop for loop in found.nest.root.walk() if loop.id == found.region.id)
    for unknown in (*obstacles(found.nest, region), *overlaps(model, region)):
        if "openmp" not in unknown.reason.lower():
            raise Declined(unknown.reason)
    for references in model.arrays.values():
        inside = [r for r in references if r.under(region)]
        if any(r.is_write for r in inside):
            _require_ordered(model, found, region, inside)


def _require_ordered(model: Model, found: Contraction, region: Loop, inside: list[Reference]) -> None:
    for n, first in enumerate(inside):
        for second in inside[n:]:
            phases = [found.phases[r.place.statement.id] for r in (first, second)]
            if not (first.is_write or second.is_write):
                continue
            if phases == [UPDATE, UPDATE]:
                _require_own_element(model, found, region, first, second)
            elif phases[0] != phases[1]:
                early, late = (first, second) if phases[0] < phases[1] else (second, first)
                _require_not_turned(model, region, early, late)


def _require_own_element(
    model: Model, found: Contraction, region: Loop, first: Reference, second: Reference
) -> None:
    if any(r.access.reduction != "+" or r.place.statement.id != found.update.id for r in (first, second)):
        raise Declined(f"the sum reads elements of '{first.array.name}' that it writes")
    pairs, _ = model.conflicts(first, second, region)
    depths = {loop.id: n for n, loop in enumerate(first.place.loops)}
    apart = " or ".join(f"s{depths[loop.id]} != t{depths[loop.id]}" for loop in (found.rows, found.cols))
    if not model.solver.is_empty(pairs, model.ordered(first.place, second.place, f"({apart})")):
        raise Declined(
            f"different {found.rows.variable} and {found.cols.variable} may update one element of "
            f"'{first.array.name}'"
        )


def _require_not_turned(model: Model, region: Loop, early: Reference, late: Reference) -> None:
    """`early` will run before `late`: it must not be that an instance of `late` now comes first."""
    pairs, _ = model.conflicts(early, late, region)
    common = common_depth(early.place, late.place)
    names = [(f"t{n}", f"s{n}", early.place.loops[n].step or 0) for n in range(common)]
    if any(step == 0 for _, _, step in names):
        raise Declined("a loop has no constant step")
    choices = []
    equal: list[str] = []
    for late_name, early_name, step in names:
        less = "<" if step > 0 else ">"
        choices.append(" and ".join([*equal, f"{late_name} {less} {early_name}"]))
        equal.append(f"{late_name} = {early_name}")
    if late.order < early.order:
        choices.append(" and ".join(equal) or "1 = 1")
    text = " or ".join(f"({choice})" for choice in choices)
    if choices and not model.solver.is_empty(pairs, model.ordered(early.place, late.place, f"({text})")):
        raise Declined(
            f"'{early.array.name}' on line {late.line} has to come before line {early.line}: the sum cannot "
            "be separated from what stands around it"
        )


def _words(source: NestSource, found: Contraction) -> str:
    names = f"{found.rows.variable}, {found.cols.variable} and {found.depth.variable}"
    pieces = [
        f"{found.target} is updated by sums of products alone, at another element for each "
        f"{found.rows.variable} and {found.cols.variable}, and nothing that the sums read is written "
        f"meanwhile: the loops over {names} ({label(found.region)}) may run in any order",
        "no bound depends on another loop"
        if not is_triangle(found)
        else f"the range of {found.cols.variable} is taken anew for each {found.rows.variable}",
        *found.notes,
        "sums are formed in another order, so the rounding may differ",
    ]
    if any(phase != UPDATE for phase in found.phases.values()):
        pieces.insert(
            1,
            "what stands around them is done before and after all of them, which turns no dependence round",
        )
    return "; ".join(pieces) + "."
