"""Cheap guesses at which edit to measure first, from what the profile and the compiler said. Pure.

A guess only orders. Under the roofline (Williams, Waterman, Patterson, CACM 52(4), 2009) a loop that waits
for memory gains nothing from faster arithmetic, and one that computes gains little from moving fewer bytes;
a loop that the compiler has vectorised needs no directive that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from loopwright.agents.lessons import Lesson, about, informed
from loopwright.core.profile import Profile
from loopwright.moves.move import Proposal
from loopwright.toolchains.remarks import VECTORISER

_ARITHMETIC = frozenset({"simd", "register-tile"})
_TRAFFIC = frozenset({"fusion", "packing"})
_ALIASING = re.compile(
    r"alias|may invalidate its value|unsafe dependent memory operations|cannot identify array bounds"
)
"""How gcc and clang say that they had to fear that two pointers lead to one object."""
_FEARED = 6.0
"""How much more `restrict` may gain where a compiler said so than where it said nothing."""
_UNLIKELY = 0.3
"""What is left of the hoped-for gain where the profile speaks against it."""
_MOST_ELSEWHERE = 0.95
"""Of the time outside of the sources so much is laid to them at most: a few samples shall not decide all."""


def hot_lines(profile: Profile) -> dict[tuple[str, int], float]:
    """(file, line) to share of the run time, with the time in libraries laid to the lines in proportion to
    their own: a loop round calls of `sin` spends most of its time there.
    """
    inside = 1.0 - min(profile.elsewhere, _MOST_ELSEWHERE)
    return {(line.file, line.line): min(1.0, line.share / inside) for line in profile.lines}


def ranked(
    proposals: Iterable[Proposal], profile: Profile | None, lessons: Sequence[Lesson] = (), machine: str = ""
) -> tuple[Proposal, ...]:
    """The most promising first; equal ones stay in the order in which they came. `lessons` of earlier runs
    count as far as they are about the same machine.
    """
    return tuple(sorted(proposals, key=lambda p: -guess(p, profile, taught_about(p, lessons, machine))))


def taught_about(proposal: Proposal, lessons: Iterable[Lesson], machine: str) -> tuple[Lesson, ...]:
    """The lessons about the same move for the same class of loops on the same machine."""
    return about(lessons, machine, proposal.family, (proposal.edit.details or {}).get("class", ""))


def guess(proposal: Proposal, profile: Profile | None, lessons: Sequence[Lesson] = ()) -> float:
    """The expected speedup of the program, doubts counted in. What `lessons` measured outweighs doubts."""
    if lessons:
        return informed(proposal.gain, lessons)
    gain = proposal.gain
    if profile is None:
        return gain
    limit = profile.roofline.limit if profile.roofline is not None else ""
    against = limit == "memory" and proposal.family in _ARITHMETIC
    against = against or (limit == "compute" and proposal.family in _TRAFFIC)
    if proposal.family == "simd" and "reduction" not in (proposal.edit.details or {}).get("clauses", ""):
        against = against or _is_vectorised(proposal, profile)
    if proposal.family == "restrict" and _is_feared(proposal, profile):
        return 1.0 + _FEARED * (gain - 1.0)
    return 1.0 + _UNLIKELY * (gain - 1.0) if against else gain


def _is_feared(proposal: Proposal, profile: Profile) -> bool:
    """Whether a remark on the loops of the proposal speaks of pointers that may overlap."""
    last = int((proposal.edit.details or {}).get("end_line", proposal.line))
    return any(
        remark.file == proposal.file
        and proposal.line <= remark.line <= last
        and _ALIASING.search(remark.message)
        for remark in profile.remarks
    )


def _is_vectorised(proposal: Proposal, profile: Profile) -> bool:
    return any(
        remark.passed and remark.optimisation == VECTORISER and remark.line == proposal.line
        for remark in profile.remarks
        if remark.file == proposal.file
    )
