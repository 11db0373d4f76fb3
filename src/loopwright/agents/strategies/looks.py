"""What the strategies share: which edits to look at first, and what a look said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loopwright.core.candidate import Candidate, Edit
from loopwright.core.run import Evaluation
from loopwright.workbench.bench import Workbench

WORTH = 1.02
"""A first look below this ratio is no reason to look again: a single round is no more exact than that."""

_EXECUTIONS_OF_A_TRIAL = 30
"""A look and then a trial of four rounds, with the runs that the gates make."""
_GRACE_S = 4.0

SEVERAL = "several"
"""The `move` of edits that are made of several."""

Key = tuple[str, str, str]
"""What an edit does, and to which loop, whatever stands before it in the file."""

_LINE = re.compile(r"(?<=:)\d+\b")


def key_of(edit: Edit) -> Key:
    """The same for an edit that is proposed again after others were made."""
    details = edit.details or {}
    return details.get("function", ""), details.get("site", ""), _LINE.sub("", edit.title)


def line_of(edit: Edit) -> int:
    """The line of the loop that an edit is about, 0 when it does not say."""
    found = _LINE.search((edit.details or {}).get("loop", ""))
    return int(found[0]) if found else 0


def place_of(edit: Edit) -> tuple[str, str]:
    """The loop that an edit is about; variants of one loop have the same place."""
    details = edit.details or {}
    return details.get("function", ""), details.get("loop", edit.title)


def diverse(edits: Iterable[Edit]) -> list[Edit]:
    """The edits so that no loop and no kind of edit comes a second time before the others came once.

    Within that the order stays as it is: the proposer's guess of what is best.
    """
    rounds: dict[int, list[Edit]] = {}
    places: dict[tuple[str, ...], int] = {}
    for edit in edits:
        kind = (edit.details or {}).get("move", "")
        turn = places.get(key := (*place_of(edit), kind), 0)
        places[key] = turn + 1
        rounds.setdefault(turn, []).append(edit)
    return [edit for turn in sorted(rounds) for edit in rounds[turn]]


def estimate_of(evaluation: Evaluation) -> float | None:
    """The speedup over the baseline as far as it is known, by trial or by glance; None for a failure."""
    if not evaluation.verdict.passed:
        return None
    known = evaluation.speedup or evaluation.glance
    return None if known is None else known.estimate


def glance(bench: Workbench, parent: Candidate, edit: Edit) -> float | None:
    """The speedup over the baseline that a first look at the edited parent shows; None for a failure."""
    return estimate_of(bench.evaluate(parent.edited(edit), glance=True))


@dataclass
class Climber:
    """The best candidate of a search so far, and its speedup over the baseline.

    A search starts from the original, on a resumed run too, where the workbench knows a better one from the
    start: everything is then asked again in the same order, and answered from the journal.
    """

    bench: Workbench
    best: Candidate
    reached: float = 1.0

    def is_late(self, candidate: Candidate) -> bool:
        """Whether a first look at the candidate would leave no time for a trial of what looked good before.

        The first look of all is never late: a run shall try something.

        Looks that were made already take no time: a resumed run takes the same way up to where it stopped.
        """
        left, made = self.bench.remaining_s, self.bench.evaluations
        if left is None or not made or any(e.candidate == candidate.id for e in made):
            return False
        return left < _EXECUTIONS_OF_A_TRIAL * self.bench.execution_s() + _GRACE_S

    @classmethod
    def at_original(cls, bench: Workbench) -> Climber:
        """The start of a search."""
        return cls(bench, bench.original)

    def tries(self, candidate: Candidate) -> bool:
        """Time a candidate by the full rule; whether it is the best now."""
        evaluation = self.bench.evaluate(candidate)
        if not evaluation.promoted:
            return False
        self.best, self.reached = candidate, estimate_of(evaluation) or self.reached
        return True


def is_joined(edit: Edit) -> bool:
    """Whether the edit is several in one."""
    return (edit.details or {}).get("move") == SEVERAL


def joined(parent: Candidate, last: Candidate, edits: Sequence[Edit]) -> Edit:
    """Several edits, made one after another from `parent` to `last`, as one."""
    paths = {*parent.files, *last.files}
    changes = {p: last.files.get(p) for p in paths if parent.files.get(p) != last.files.get(p)}
    return Edit(
        changes=changes,
        title="; ".join(edit.title for edit in edits),
        proof="\n".join(edit.proof for edit in edits),
        speculative=any(edit.speculative for edit in edits),
        details={
            "move": SEVERAL,
            "moves": ", ".join((e.details or {}).get("move", "") for e in edits),
            "class": ", ".join(sorted({(e.details or {}).get("class", "") for e in edits} - {""})),
        },
    )
