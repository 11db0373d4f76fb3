"""Refine: extend the best candidate until no proposed edit improves it.

Edits that are cheap to make are looked at first: a single round each, a batch at a time, as in successive
halving (Jamieson and Talwalkar, AISTATS 2016). Those of a batch that look good on different loops are put
together, and only the result is timed by the full rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loopwright.agents.agent import Proposer, Repeater
from loopwright.agents.strategies.looks import (
    WORTH,
    Climber,
    Key,
    diverse,
    glance,
    is_joined,
    joined,
    key_of,
    place_of,
)
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import Workbench

_NOT_HOPELESS = 0.9
"""Ratio of a first look below which not even the best guess is tried again."""


@dataclass(frozen=True)
class Refine:
    """Climbs from best to best. `batch` edits are looked at before one is chosen; after `patience` batches
    without a good one the search ends.
    """

    batch: int = 6
    patience: int = 4
    name: str = "refine"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Climb until a whole list of edits brought nothing."""
        self.climb(Climber.at_original(bench), bench, proposer)

    def climb(self, climber: Climber, bench: Workbench, proposer: Proposer) -> None:
        """As :meth:`search`, from where `climber` stands."""
        if isinstance(proposer, Repeater):
            _Climb(self, climber, proposer, proposer).run()
            return
        improved = True
        while improved:
            parent = climber.best
            improved = any(climber.tries(parent.edited(e)) for e in proposer.propose(parent, bench))


@dataclass
class _Climb:
    """One search. `seen` are the ratios that looks showed, by what the edit does."""

    options: Refine
    climber: Climber
    proposer: Proposer
    repeater: Repeater
    seen: dict[Key, float] = field(default_factory=dict)

    def run(self) -> None:
        """From the best candidate to a better one, until there is none."""
        while self._step(self.climber.best):
            pass

    @property
    def bench(self) -> Workbench:
        """Where candidates are judged."""
        return self.climber.bench

    def _step(self, parent: Candidate) -> bool:
        """Whether one of the edits of `parent` became the best."""
        waiting = first = self._in_order(list(self.proposer.propose(parent, self.bench)))
        for number in range(self.options.patience):
            # Many edits in one are judged before any of them is looked at alone.
            size = 1 if not number and waiting and is_joined(waiting[0]) else self.options.batch
            batch, waiting = waiting[:size], waiting[size:]
            good = self._looked_at(parent, batch) if batch else []
            if good and self._chosen(parent, good):
                return True
        # On a busy machine a single round misleads: the best guess of all gets a trial before the search is
        # given up with nothing.
        given_up = parent.parent is None and bool(first)
        if not given_up or self.seen.get(key_of(first[0]), 0.0) < _NOT_HOPELESS:
            return False
        return self.climber.tries(parent.edited(first[0]))

    def _in_order(self, edits: Sequence[Edit]) -> list[Edit]:
        """What looked good on an earlier parent first, then what was not looked at; bad ones not again."""
        known = [e for e in edits if self.seen.get(key_of(e), 0.0) > WORTH]
        fresh = [e for e in edits if key_of(e) not in self.seen]
        return [*sorted(known, key=lambda e: -self.seen[key_of(e)]), *diverse(fresh)]

    def _looked_at(self, parent: Candidate, batch: Sequence[Edit]) -> list[tuple[float, Edit]]:
        """The edits that look good, the best first, with their ratios to the parent."""
        good: list[tuple[float, Edit]] = []
        for edit in batch:
            if self.climber.is_late(parent.edited(edit)):
                break
            estimate = glance(self.bench, parent, edit)
            ratio = 0.0 if estimate is None else estimate / self.climber.reached
            self.seen[key_of(edit)] = ratio
            if ratio > WORTH:
                good.append((ratio, edit))
        return sorted(good, key=lambda item: -item[0])

    def _chosen(self, parent: Candidate, good: Sequence[tuple[float, Edit]]) -> bool:
        """Try all that look good together, then the best alone."""
        together = self._together(parent, [edit for _, edit in good])
        choices = [together] if together is not None else []
        choices += [edit for _, edit in good[:2]]
        return any(self.climber.tries(parent.edited(edit)) for edit in choices)

    def _together(self, parent: Candidate, edits: Sequence[Edit]) -> Edit | None:
        """One edit that does what several do, at most one a loop; None when they are not two."""
        made, last = [edits[0]], parent.edited(edits[0])
        taken = {place_of(edits[0])}
        for edit in edits[1:]:
            if place_of(edit) in taken:
                continue
            again = self.repeater.again(edit, last, self.bench)
            if again is not None:
                made.append(again)
                taken.add(place_of(edit))
                last = last.edited(again)
        return joined(parent, last, made) if len(made) > 1 else None
