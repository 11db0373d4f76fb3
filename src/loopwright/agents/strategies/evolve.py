"""Evolution on islands: small populations that breed apart, and now and then send their best to the next.

Parents are chosen by tournaments (D. Goldberg and K. Deb, "A comparative analysis of selection schemes used
in genetic algorithms", FOGA 1991), the fittest survive, and the islands keep one another from settling on the
same idea (R. Tanese, "Distributed genetic algorithms", ICGA 1989). A child is a mutation, which is one edit
more, or a crossover of two parents.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from loopwright.agents.agent import Crosser, Proposer, Repeater
from loopwright.agents.strategies.looks import (
    WORTH,
    Climber,
    diverse,
    estimate_of,
    glance,
    joined,
    key_of,
    place_of,
)
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import Workbench

_REPAIRS = 3


@dataclass(frozen=True)
class Evolve:
    """`islands` populations of at most `size` versions each. A parent is the best of `tournament` drawn ones;
    `crossover` is the share of children with two parents; after `migration` children an island hands its best
    on. The search ends after `patience` children in a row without a better best, or when none come any more.

    Everything drawn by chance comes from the seed of the run: a resumed run breeds the same children.
    """

    islands: int = 2
    size: int = 6
    tournament: int = 2
    crossover: float = 0.35
    migration: int = 6
    patience: int = 30
    name: str = "evolve"

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Child by child, the islands by turns."""
        _Evolution(self, Climber.at_original(bench), proposer, bench.settings.seed).run()


@dataclass(frozen=True)
class _Individual:
    """A version that passed, its speedup over the baseline, and the edits that made it of the original."""

    candidate: Candidate
    value: float
    steps: tuple[Edit, ...] = ()


@dataclass
class _Evolution:
    """One search. `known` are the versions that were bred, whatever became of them; none is bred twice."""

    options: Evolve
    climber: Climber
    proposer: Proposer
    seed: int
    known: set[str] = field(default_factory=set)
    crossed: set[tuple[str, str]] = field(default_factory=set)
    cheap: dict[str, list[Edit]] = field(default_factory=dict)
    dear: dict[str, Iterator[Edit]] = field(default_factory=dict)
    barren: set[str] = field(default_factory=set)
    """Parents that have no further edit."""

    def run(self) -> None:
        """Until nothing comes, or nothing better."""
        options = self.options
        self.chance = random.Random(f"evolve {self.seed}")
        start = _Individual(self.climber.best, self.climber.reached)
        self.known.add(start.candidate.id)
        islands = [[start] for _ in range(options.islands)]
        waited = idle = turn = 0
        while waited < options.patience and idle < options.patience:
            at = turn % len(islands)
            before = self.climber.reached, len(self.known)
            islands[at] = self._survivors([*islands[at], *self._children(islands[at])])
            waited = 0 if self.climber.reached > before[0] else waited + 1
            idle = 0 if len(self.known) > before[1] else idle + 1
            turn += 1
            if turn % (options.migration * len(islands)) == 0:
                islands = self._migrated(islands)

    def _survivors(self, island: Sequence[_Individual]) -> list[_Individual]:
        unique = {each.candidate.id: each for each in island}
        return sorted(unique.values(), key=lambda each: -each.value)[: self.options.size]

    def _migrated(self, islands: Sequence[Sequence[_Individual]]) -> list[list[_Individual]]:
        """The best of each island joins the next."""
        return [self._survivors([*island, islands[i - 1][0]]) for i, island in enumerate(islands)]

    def _drawn(self, island: Sequence[_Individual]) -> _Individual:
        """The winner of a tournament."""
        picks = [island[int(self.chance.random() * len(island))] for _ in range(self.options.tournament)]
        return max(picks, key=lambda each: each.value)

    def _children(self, island: Sequence[_Individual]) -> list[_Individual]:
        """What one act of breeding gives: none when it failed, several when a dear one had to be repaired."""
        crosses = self.chance.random() < self.options.crossover
        fertile = [each for each in island if each.candidate.id not in self.barren]
        if crosses or not fertile:
            pair = self._pair(island)
            if pair is not None:
                return self._judged(pair[0], self._crossed(*pair), extra=pair[1])
        if not fertile:
            return []
        parent = self._drawn(fertile)
        return self._judged(parent, self._mutations(parent))

    def _judged(
        self, parent: _Individual, edits: Iterable[Edit], extra: _Individual | None = None
    ) -> list[_Individual]:
        """Look at edits until one passes; what looks better than the best is timed by the full rule."""
        bench = self.climber.bench
        for edit in edits:
            child = parent.candidate.edited(edit)
            if child.id in self.known:
                continue
            self.known.add(child.id)
            value = glance(bench, parent.candidate, edit)
            if value is None:
                continue
            if value > WORTH * self.climber.reached:
                self.climber.tries(child)
                value = estimate_of(bench.evaluate(child))
            steps = (*parent.steps, *((edit,) if extra is None else extra.steps))
            return [] if value is None else [_Individual(child, value, steps)]
        return []

    def _mutations(self, parent: _Individual) -> Iterable[Edit]:
        """One edit of `parent`, and for a dear one its repairs."""
        key, bench = parent.candidate.id, self.climber.bench
        if isinstance(self.proposer, Repeater):
            if key not in self.cheap:
                self.cheap[key] = diverse(self.proposer.propose(parent.candidate, bench))
            left = self.cheap[key]
            if len(left) < 2:
                self.barren.add(key)
            # Squared: the proposer's better guesses more often.
            return [left.pop(int(self.chance.random() ** 2 * len(left)))] if left else []
        if key not in self.dear:
            self.dear[key] = iter(self.proposer.propose(parent.candidate, bench))
        return self._taken(key)

    def _taken(self, key: str) -> Iterator[Edit]:
        taken = 0
        for edit in islice(self.dear[key], 1 + _REPAIRS):
            taken += 1
            yield edit
        if taken <= _REPAIRS:
            self.barren.add(key)

    def _pair(self, island: Sequence[_Individual]) -> tuple[_Individual, _Individual] | None:
        """Two parents, not crossed yet, each with something that the other has not; the fitter first."""
        if not isinstance(self.proposer, Crosser | Repeater):
            return None
        pairs = [
            (one, other)
            for at, one in enumerate(island)
            for other in island[at + 1 :]
            if (one.candidate.id, other.candidate.id) not in self.crossed and _differ(one, other)
        ]
        if not pairs:
            return None
        # The island is sorted: early pairs are those of the fittest.
        pair = pairs[int(self.chance.random() ** 2 * len(pairs))]
        self.crossed.add((pair[0].candidate.id, pair[1].candidate.id))
        return pair

    def _crossed(self, first: _Individual, second: _Individual) -> Iterable[Edit]:
        bench = self.climber.bench
        if isinstance(self.proposer, Crosser):
            return (_of_two(e, second) for e in self.proposer.cross(first.candidate, second.candidate, bench))
        assert isinstance(self.proposer, Repeater)
        edit = _repeated(self.proposer, first, second, bench)
        return [] if edit is None else [_of_two(edit, second)]


def _differ(one: _Individual, other: _Individual) -> bool:
    """Whether each of two has an edit that the other has not."""
    mine, yours = ({key_of(edit) for edit in each.steps} for each in (one, other))
    return bool(mine - yours) and bool(yours - mine)


def _repeated(repeater: Repeater, first: _Individual, second: _Individual, bench: Workbench) -> Edit | None:
    """The edits of `second` made on `first`, where they can be and `first` has none on the same loop."""
    taken = {place_of(edit) for edit in first.steps}
    made: list[Edit] = []
    last = first.candidate
    for edit in second.steps:
        if place_of(edit) in taken:
            continue
        again = repeater.again(edit, last, bench)
        if again is not None:
            made.append(again)
            last = last.edited(again)
    return joined(first.candidate, last, made) if made else None


def _of_two(edit: Edit, second: _Individual) -> Edit:
    """With the other parent's id in the journal."""
    return replace(edit, details={**(edit.details or {}), "crossed_with": second.candidate.id})
