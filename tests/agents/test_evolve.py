"""Evolution: bounded islands, crossover, migration, no version twice, the same children for the same seed."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from simulated import SimulatedBench, SwitchProposer, settings_of

from loopwright.agents.asked import AskedBench, as_looked_at
from loopwright.agents.strategies.evolve import Evolve, _Evolution, _Individual
from loopwright.agents.strategies.looks import Climber
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import BudgetSpent, Workbench

SWITCHES = dict.fromkeys("abcdef", 0)
ORDER = [(name, setting) for name in "abcdef" for setting in (1, 2)]


def separate(settings: Mapping[str, int]) -> float:
    """Every switch gains a little, whatever the others do."""
    return math.prod(1.0 + 0.1 * bool(setting) for setting in settings.values())


def searched(bench: SimulatedBench, strategy: Evolve | None = None) -> list[str]:
    """Titles and parents of all children, in order."""
    with contextlib.suppress(BudgetSpent):
        (strategy or Evolve()).search(AskedBench(bench.as_workbench).as_workbench, SwitchProposer(ORDER))
    return [f"{e.parent}: {e.title}" for e in bench.evaluations]


def test_the_seed_decides_and_nothing_else() -> None:
    first, again = (searched(SimulatedBench(separate, SWITCHES, seed=7)) for _ in range(2))
    assert first == again
    assert first != searched(SimulatedBench(separate, SWITCHES, noise=0.01, seed=8))


def test_nothing_is_bred_twice() -> None:
    asked: Counter[str] = Counter()

    class Counting(SimulatedBench):
        def evaluate(self, candidate: Candidate, *, timed: bool = True, glance: bool = False):  # type: ignore[no-untyped-def]
            asked[candidate.id] += glance
            return super().evaluate(candidate, timed=timed, glance=glance)

    bench = Counting(separate, SWITCHES)
    searched(bench)
    assert len(asked) > 20 and set(asked.values()) <= {0, 1}


def test_islands_stay_small_and_hand_their_best_on() -> None:
    options = Evolve(islands=2, size=3)
    bench = SimulatedBench(separate, SWITCHES)
    evolution = _Evolution(options, Climber.at_original(bench.as_workbench), SwitchProposer(ORDER), 1)
    many = [_Individual(Candidate(bench.original.files, title=str(n)), float(n)) for n in range(5)]
    others = [
        _Individual(bench.original.edited(Edit({"a": str(n).encode()}, "x")), 1 + n / 10) for n in range(1, 5)
    ]
    kept = evolution._survivors([*many, *others])
    assert len(kept) == 3 and [each.value for each in kept] == sorted((e.value for e in kept), reverse=True)
    migrated = evolution._migrated([others[2:], others[:1]])
    assert others[0] in migrated[0] and others[2] in migrated[1]


def test_children_of_two_parents_get_to_the_top() -> None:
    bench = SimulatedBench(separate, SWITCHES, noise=0.0)
    searched(bench, Evolve(crossover=0.6))
    assert any("; " in e.title for e in bench.evaluations), "no child with several edits of the other parent"
    assert separate(settings_of(bench.best)) > 0.9 * separate(dict.fromkeys(SWITCHES, 1))


@dataclass
class Writer:
    """A dear proposer: edits one by one, a failing one first, then its repair; children are written."""

    made: list[str] = field(default_factory=list)

    def propose(self, parent: Candidate, bench: Workbench) -> Iterator[Edit]:
        for name, value in settings_of(parent).items():
            if value == 0:
                for setting in (9, 1):
                    self.made.append(f"{name}{setting}")
                    yield Edit({name: str(setting).encode()}, f"{name} to {setting}")

    def cross(self, first: Candidate, second: Candidate, bench: Workbench) -> Iterator[Edit]:
        both = {n: str(v).encode() for n, v in settings_of(second).items() if v}
        yield Edit(both, "child")


def failing(settings: Mapping[str, int]) -> float:
    return 0.0 if 9 in settings.values() else separate(settings)


@pytest.mark.parametrize("stop", [3, 8, 14, 22])
def test_a_proposer_of_dear_edits_is_followed_through_repairs_and_crossed(stop: int) -> None:
    def run(bench: SimulatedBench, writer: Writer) -> None:
        with contextlib.suppress(BudgetSpent):
            Evolve(crossover=0.5).search(AskedBench(bench.as_workbench).as_workbench, writer)

    whole, writer = SimulatedBench(failing, SWITCHES), Writer()
    run(whole, writer)
    titles = [e.title for e in whole.evaluations]
    # What fails is followed by its repair at once.
    assert titles[0].endswith("to 9") and titles[1] == titles[0].replace("9", "1")
    assert "child" in titles
    assert separate(settings_of(whole.best)) > 0.9 * separate(dict.fromkeys(SWITCHES, 1))
    # Stopped anywhere and resumed, the same is asked, in the same order.
    cut, resumed_writer = SimulatedBench(failing, SWITCHES, budget=stop), Writer()
    run(cut, Writer())
    resumed = SimulatedBench(failing, SWITCHES, known=dict(cut.known))
    resumed.best, resumed.best_speedup = cut.best, cut.best_speedup
    run(resumed, resumed_writer)
    assert resumed_writer.made == writer.made
    assert [e.title for e in resumed.evaluations] == titles


def test_a_look_is_told_as_it_was_before_the_trial() -> None:
    """On a resumed run the workbench knows the trial, too; the agent that asks for a look must not."""
    bench = SimulatedBench(separate, SWITCHES)
    child = bench.original.edited(Edit({"a": b"1"}, "a"))
    look = bench.evaluate(child, glance=True)
    trial = bench.evaluate(child)
    assert trial.promoted and trial.speedup is not None
    told = as_looked_at(trial)
    assert told.speedup is None and not told.promoted and told.glance == look.glance
    asked = AskedBench(bench.as_workbench)
    assert asked.evaluate(child, glance=True) == told == asked.answers[child.id]
    assert asked.evaluate(child) == trial == asked.answers[child.id]
