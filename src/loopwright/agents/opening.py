"""The first thing to try on a program: threads for every hot loop at once.

Where the time is spread over many loops no single one of them shows in a look: each is a tenth of the whole,
and a busy machine is as noisy as that. All of them together show at once, for the price of one look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from loopwright.agents.strategies.looks import joined
from loopwright.core.candidate import Candidate, Edit
from loopwright.moves.move import Proposal

LEAST_GAIN = 1.01
"""A loop that is hoped to gain less is left to the search: a team that is started often costs as much."""

_TEAM = b"#pragma omp parallel"


def opening(
    proposals: Iterable[Proposal],
    parent: Candidate,
    again: Callable[[Edit, Candidate], Edit | None],
) -> Edit | None:
    """The best guess for every loop that gets threads, as one edit of `parent`; None when they are not two.

    Args:
        proposals: for `parent`, the best guess first.
        again: the same edit anew for a candidate in which others were made, with its proof; None where it is
            not possible any more. Of two loops of which one runs inside the other the first one is taken.
    """
    made: list[Edit] = []
    chosen: list[Mapping[str, str]] = []
    last = parent
    for guess in proposals:
        edit = guess.edit
        details = edit.details or {}
        if edit.speculative or guess.gain < LEAST_GAIN or not _starts_team(edit, parent):
            continue
        if any(_within(details, other) or _within(other, details) for other in chosen):
            continue
        new = edit if not made else again(edit, last)
        if new is None:
            continue
        made.append(new)
        chosen.append(details)
        last = last.edited(new)
    return joined(parent, last, made) if len(made) > 1 else None


def _starts_team(edit: Edit, parent: Candidate) -> bool:
    return any(
        content.count(_TEAM) > parent.files.get(path, b"").count(_TEAM)
        for path, content in edit.changes.items()
        if content is not None
    )


def _within(details: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether the loop of the one edit is that of the other, or runs in it by way of a call."""
    loop = other.get("loop")
    return loop == details.get("loop") or loop in details.get("called in", "").split("; ")
