"""Shortest paths: `d(i, j) = min(d(i, j), d(i, k) + d(k, j))` in any order of i and j, in blocks of points k.

Every dependence test refuses this nest: step k reads row k and column k, and it writes them. What it writes
there is what was there already. When d(k, k) is not negative, d(i, k) + d(k, k) is not below d(i, k), for
rounding is monotone (IEEE 754-2019, 4.3), so neither row k nor column k changes in step k. Hence
  * in one step the updates of all elements are independent of each other; and
  * with copies of row k and column k made in step k, the update of an element may wait, and a block of steps
    is done for one element at a time, with the same sums in the same order: the result has the same bits.
    An update that was made already changes nothing when it is made again.
Where d(k, k) is negative (there is a cycle of negative length) the loops run as they were; that is asked at
run time. Greatest sums mirror this; for `r(i, j) |= r(i, k) & r(k, j)` it holds for any r(k, k).
R. Floyd, "Algorithm 97", CACM 1962; G. Venkataraman, S. Sahni, S. Mukhopadhyaya, "A blocked all-pairs
shortest-paths algorithm", JEA 2003, for the blocks (theirs read rows and columns after the block, which
rounds otherwise: hence the copies here).
"""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.core.task import Target
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import Replacement, apply
from loopwright.moves.shortest_paths_code import blocked_change, stepwise_text
from loopwright.moves.shortest_paths_form import Paths, is_closure, nested, paths_of

FAMILY = "shortest-paths"
_BLOCKED, _STEPWISE = 9.0, 4.0
"""Hoped-for gains per thread: on 800 points 10 and 5 were measured over `gcc -O3 -march=native`."""


class ShortestPaths:
    """Proposes blocks of points, and threads and vectors in one step, for Floyd's and Warshall's loops."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for loop in source.nest.root.walk():
            if (three := nested(loop)) is None or not is_closure(source, *three):
                continue
            try:
                yield from _edits(source, paths_of(source, *three))
            except Declined as reason:
                yield refusal(source, loop, FAMILY, str(reason))


def _edits(source: NestSource, found: Paths) -> Iterator[Proposal]:
    data, points = source.data, found.points
    start, end = points.range.start, points.range.end
    for loop in (points, found.inner):
        if directive := existing_openmp(data, loop):
            raise Declined(f"it already has the directive '{directive}'")
    if data[start : start + 3] != b"for" or data[end - 1 : end] not in (b"}", b";"):
        raise Declined("the loop's place in the file is not what the parser said")
    parallel = source.target is Target.OPENMP and not region_around(data, start)
    threads = 0.9 * source.threads if parallel else 1.0
    where = f"{label(points)}" + (", parallel" if parallel else "")
    changes = blocked_change(source, found, parallel=parallel)
    yield proposal(
        source, points, FAMILY,
        content=apply(data, changes), title=f"shortest paths in blocks of points over {where}",
        proof=_words(found, "a block of points is done for one element at a time with copies of their rows "
                            "and columns as they were in their step: the same sums in the same order"),
        factor=_BLOCKED * threads, details={"rounding": "unchanged"},
    )  # fmt: skip
    if found.rule.stays and source.target is Target.OPENMP:
        text = stepwise_text(source, found, parallel=parallel).encode("utf-8", "surrogateescape")
        yield proposal(
            source, points, FAMILY,
            content=apply(data, [Replacement(start, end, text)]),
            title=f"shortest paths, rows and columns in any order over {where}",
            proof=_words(found, "the updates of one step are independent; each row is one thread's"),
            factor=_STEPWISE * threads, details={"rounding": "unchanged"},
        )  # fmt: skip


def _words(found: Paths, why: str) -> str:
    k, name = found.points.variable, found.array.name
    diagonal = found.rule.broken.replace("$x", f"{name}({k}, {k})")
    held = f"step {k} leaves row {k} and column {k} of {name} as they are"
    if diagonal:
        held += f" unless {diagonal}, which is asked in every step and then takes the loops as they were"
    return f"{held}; hence {why}. No sum is formed that was not formed before, so none overflows anew."
