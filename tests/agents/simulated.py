"""A workbench without a clock: it answers from a landscape, so that strategies are tested without hardware.

A candidate is a set of switches, one per file `a`, `b`..., and each may stand at one of several settings.
The landscape gives the true speedup of every combination; looks and trials see it with noise that depends on
nothing but the seed and the candidate.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from loopwright.core.candidate import Candidate, Edit
from loopwright.core.modes import FailureMode
from loopwright.core.run import Evaluation
from loopwright.core.timing import Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.workbench.bench import BudgetSpent, Workbench
from loopwright.workbench.settings import Settings

Landscape = Callable[[Mapping[str, int]], float]
"""Settings to the true speedup; 0 for a candidate that fails."""


def settings_of(candidate: Candidate) -> dict[str, int]:
    return {name: int(text) for name, text in candidate.files.items()}


@dataclass
class SimulatedBench:
    """What strategies use of a workbench."""

    landscape: Landscape
    switches: Mapping[str, int]
    noise: float = 0.01
    seed: int = 1
    budget: int = 1000
    wall_s: float | None = None
    known: dict[str, Evaluation] = field(default_factory=dict)
    spent_s: float = 0.0
    trials: int = 0

    def __post_init__(self) -> None:
        self.original = Candidate(Tree(dict.fromkeys(self.switches, b"0")))
        self.best, self.best_speedup = self.original, 1.0

    @property
    def remaining_s(self) -> float | None:
        return None if self.wall_s is None else max(0.0, self.wall_s - self.spent_s)

    def execution_s(self) -> float:
        return 0.25

    @property
    def settings(self) -> Settings:
        return Settings(seed=self.seed)

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        return tuple(sorted(self.known.values(), key=lambda e: e.number))

    def evaluate(self, candidate: Candidate, *, timed: bool = True, glance: bool = False) -> Evaluation:
        known = self.known.get(candidate.id)
        if known is not None and known.answers(timed=timed, glance=glance):
            return known
        if candidate.id == self.original.id:
            raise AssertionError("nobody has to judge the original")
        if known is None and len(self.known) >= self.budget:
            raise BudgetSpent(f"{self.budget} evaluations done")
        if self.remaining_s == 0.0:
            raise BudgetSpent("time spent")
        number = known.number if known else len(self.known) + 1
        true = self.landscape(settings_of(candidate))
        self.spent_s += 1.0 if glance else 5.0
        if true <= 0:
            failure = Failure(FailureMode.WRONG_OUTPUT, "outputs", "simulated")
            verdict = Verdict((GateResult("outputs", GateStatus.FAIL, failure=failure),))
            made = Evaluation(candidate.id, candidate.parent, candidate.title, verdict, number=number)
            self.known[candidate.id] = made
            return made
        spread = self.noise * (3 if glance else 1)
        seen = true * random.Random(f"{self.seed}{candidate.id}{glance}").gauss(1.0, spread)
        value = Speedup(seen, seen * (1 - 2 * spread), seen * (1 + 2 * spread), 1 if glance else 8)
        promoted = not glance and value.low > self.best_speedup
        made = Evaluation(
            candidate.id,
            candidate.parent,
            candidate.title,
            Verdict((GateResult("outputs", GateStatus.PASS),)),
            speedup=None if glance else value,
            glance=value if glance else known.glance if known else None,
            promoted=promoted,
            at_s=self.spent_s,
            number=number,
        )
        self.known[candidate.id] = made
        self.trials += not glance
        if promoted:
            self.best, self.best_speedup = candidate, seen
        return made

    @property
    def as_workbench(self) -> Workbench:
        """For the type checker: strategies use no more of a workbench than there is here."""
        return cast(Workbench, self)


@dataclass(frozen=True)
class SwitchProposer:
    """Turns one switch at a time. `order` ranks (switch, setting): the better guess first."""

    order: Sequence[tuple[str, int]]
    asked: list[str] = field(default_factory=list)

    def propose(self, parent: Candidate, bench: Workbench) -> Iterable[Edit]:
        self.asked.append(parent.id)
        now = settings_of(parent)
        return [self._edit(name, setting) for name, setting in self.order if now[name] == 0]

    def again(self, edit: Edit, parent: Candidate, bench: Workbench) -> Edit | None:
        name, setting = (edit.details or {})["loop"], int((edit.details or {})["setting"])
        return self._edit(name, setting) if settings_of(parent)[name] == 0 else None

    def _edit(self, name: str, setting: int) -> Edit:
        details = {"function": "f", "loop": name, "site": name, "move": "switch", "setting": str(setting)}
        return Edit({name: str(setting).encode()}, f"{name} to {setting}", details=details)
