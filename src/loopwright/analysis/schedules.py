"""New execution orders for a SCoP: whether they are legal, and which of their loops are parallel.

A schedule gives each instance of each piece a time: a vector of affine forms (with floors of them for tiles),
compared lexicographically. It is legal when every dependence goes forward in time (P. Feautrier, "Some
efficient solutions to the affine scheduling problem II", IJPP 1992); a dimension is parallel when no
dependence is carried by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopwright.analysis.facts import Answer
from loopwright.analysis.polyhedral import OutOfTime
from loopwright.analysis.scop import CHEAPNESS, Scop

Verdict = tuple[Answer, str]
"""An answer, and the reason as a sentence for people."""


@dataclass(frozen=True)
class Schedule:
    """Per piece id its time: isl texts over the piece's loop variables s0, s1..., all of one length.

    `names` are suggested names for the loops of the dimensions, "" for none; `notes` say in words what the
    dimensions are, for comments in the code that is written.
    """

    rows: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...] = ()
    notes: Mapping[int, str] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Number of dimensions."""
        return max(len(rows) for rows in self.rows.values())

    def name(self, dimension: int) -> str:
        """The suggested name of a dimension's loop."""
        return self.names[dimension] if dimension < len(self.names) else ""


def original(scop: Scop) -> Schedule:
    """The order of the source."""
    return Schedule(scop.original)


def is_legal(scop: Scop, schedule: Schedule) -> Verdict:
    """Whether the schedule keeps every dependence, and gives no two instances of one piece the same time."""
    try:
        times, domain = scop.timed(schedule.rows), scop.domain
        with scop.solver.limited(CHEAPNESS) as isl:
            times = times.intersect_domain(domain)
            if not times.is_injective():
                return Answer.REFUTED, "two statement instances would run at one time"
            backward = isl.Map.lex_ge(_space(isl, scop, schedule.length))
        for array, pairs in scop.dependences.items():
            with scop.solver.limited(CHEAPNESS) as isl:
                moved = pairs.apply_domain(times).apply_range(times)
                moved = moved.intersect(isl.UnionMap.from_map(backward))
                if not moved.is_empty():
                    return Answer.REFUTED, _turned_round(scop, array, pairs, times, moved)
    except OutOfTime:
        return Answer.UNKNOWN, "the proof did not end in time"
    return Answer.PROVED, "every dependence goes forward in the new order"


def _space(isl: Any, scop: Scop, length: int) -> Any:
    names = ", ".join(f"d{n}" for n in range(length))
    return isl.Set(f"{scop.header}{{ [{names}] }}", scop.solver.context).get_space()


def _turned_round(scop: Scop, array: str, pairs: Any, times: Any, moved: Any) -> str:
    """Words for the first dependence that goes backward."""
    broken = pairs.intersect(times.apply_range(moved).apply_range(times.reverse()))
    lines: list[tuple[int, int]] = []
    broken.foreach_map(
        lambda m: lines.append(
            tuple(scop.piece(m.get_tuple_name(kind)).line for kind in _ends())  # type: ignore[arg-type]
        )
    )
    where = f", from line {min(lines)[0]} to line {min(lines)[1]}" if lines else ""
    return f"a dependence would be turned round: {scop.array(array).name}{where}"


def _ends() -> tuple[Any, Any]:
    import islpy

    return islpy.dim_type.in_, islpy.dim_type.out


def carried(scop: Scop, schedule: Schedule, dimension: int, pieces: Collection[str]) -> tuple[str, ...]:
    """Ids of the objects that forbid the iterations of one loop of the schedule to run at one time.

    The loop is that of `dimension` around `pieces`. Raises OutOfTime.
    """
    times = scop.timed(schedule.rows)
    before = ", ".join(f"d{n}" for n in range(schedule.length))
    after = ", ".join(f"e{n}" for n in range(schedule.length))
    same = " and ".join([f"d{n} = e{n}" for n in range(dimension)] + [f"d{dimension} != e{dimension}"])
    found: list[str] = []
    with scop.solver.limited(CHEAPNESS) as isl:
        inside = isl.UnionSet(
            f"{scop.header}{{ {'; '.join(p.tuple_text for p in scop.pieces if p.id in pieces)} }}",
            scop.solver.context,
        )
        apart = isl.UnionMap(f"{scop.header}{{ [{before}] -> [{after}] : {same} }}", scop.solver.context)
    for array, pairs in scop.dependences.items():
        with scop.solver.limited(CHEAPNESS):
            here = pairs.intersect_domain(inside).intersect_range(inside)
            if here.is_empty():
                continue
            if not here.apply_domain(times).apply_range(times).intersect(apart).is_empty():
                found.append(array)
    return tuple(found)


def meets_others(scop: Scop, schedule: Schedule, dimension: int, array: str, pieces: Collection[str]) -> bool:
    """Whether one run of a loop touches an element that it updates (`x = x op e`) in another way too.

    The loop is that of `dimension` around `pieces`; when it does not, the updates alone decide whether its
    sum may be kept elsewhere while it runs. Raises OutOfTime.
    """
    updates, others = scop.accesses_of(array, pieces)
    times = scop.timed(schedule.rows)
    before = ", ".join(f"d{n}" for n in range(schedule.length))
    after = ", ".join(f"e{n}" for n in range(schedule.length))
    same = " and ".join(f"d{n} = e{n}" for n in range(dimension)) or "1 = 1"
    domain = scop.domain
    with scop.solver.limited(CHEAPNESS) as isl:
        text = f"{scop.header}{{ [{before}] -> [{after}] : {same} }}"
        one_run = isl.UnionMap(text, scop.solver.context)
        updates, others = updates.intersect_domain(domain), others.intersect_domain(domain)
        pairs = updates.apply_range(others.reverse())
        return not pairs.apply_domain(times).apply_range(times).intersect(one_run).is_empty()


def all_run(scop: Scop) -> Any:
    """The parameters for which every piece runs at least once, as an isl set."""
    domain, found = scop.domain, scop.context
    with scop.solver.limited(CHEAPNESS):
        pieces: list[Any] = []
        domain.foreach_set(pieces.append)
        for piece in pieces:
            found = found.intersect(piece.params())
    return found


def goes_back(scop: Scop, schedule: Schedule, dimension: int, pieces: Collection[str]) -> bool:
    """Whether a dependence among `pieces` goes backward in one dimension while those before stay the same.

    Raises OutOfTime.
    """
    times = scop.timed(schedule.rows)
    before = ", ".join(f"d{n}" for n in range(schedule.length))
    after = ", ".join(f"e{n}" for n in range(schedule.length))
    text = " and ".join([f"d{n} = e{n}" for n in range(dimension)] + [f"e{dimension} < d{dimension}"])
    with scop.solver.limited(CHEAPNESS) as isl:
        inside = isl.UnionSet(
            f"{scop.header}{{ {'; '.join(p.tuple_text for p in scop.pieces if p.id in pieces)} }}",
            scop.solver.context,
        )
        back = isl.UnionMap(f"{scop.header}{{ [{before}] -> [{after}] : {text} }}", scop.solver.context)
    for pairs in scop.dependences.values():
        with scop.solver.limited(CHEAPNESS):
            here = pairs.intersect_domain(inside).intersect_range(inside)
            if not here.apply_domain(times).apply_range(times).intersect(back).is_empty():
                return True
    return False


def parallel_dimensions(scop: Scop, schedule: Schedule) -> tuple[int, ...]:
    """The dimensions that no dependence is carried by, over all pieces together."""
    everything = [p.id for p in scop.pieces]
    return tuple(n for n in range(schedule.length) if not carried(scop, schedule, n, everything))


def is_permutable(scop: Scop, schedule: Schedule, dimensions: Sequence[int]) -> Verdict:
    """Whether consecutive dimensions form a permutable band, so that they may be tiled with any sizes.

    Every dependence that the dimensions before the band leave open must go forward or stay in each of them
    (F. Irigoin, R. Triolet, "Supernode partitioning", POPL 1988).
    """
    try:
        times = scop.timed(schedule.rows)
        before = ", ".join(f"d{n}" for n in range(schedule.length))
        after = ", ".join(f"e{n}" for n in range(schedule.length))
        same = [f"d{n} = e{n}" for n in range(min(dimensions))]
        some = " or ".join(f"e{n} < d{n}" for n in dimensions)
        with scop.solver.limited(CHEAPNESS) as isl:
            text = " and ".join([*same, f"({some})"])
            back = isl.UnionMap(f"{scop.header}{{ [{before}] -> [{after}] : {text} }}", scop.solver.context)
        for array, pairs in scop.dependences.items():
            with scop.solver.limited(CHEAPNESS):
                if not pairs.apply_domain(times).apply_range(times).intersect(back).is_empty():
                    name = scop.array(array).name
                    return Answer.REFUTED, f"a dependence on {name} goes backward in one of the loops"
    except OutOfTime:
        return Answer.UNKNOWN, "the proof did not end in time"
    return Answer.PROVED, "every dependence goes forward or stays in each loop of the band"
