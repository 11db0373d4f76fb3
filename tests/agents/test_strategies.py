"""Strategies on simulated landscapes: they find the best, take few looks, and replay exactly."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping

import pytest
from simulated import SimulatedBench, SwitchProposer

from loopwright.agents.agent import Strategy
from loopwright.agents.asked import AskedBench
from loopwright.agents.registry import STRATEGIES
from loopwright.agents.strategies.beam import Beam
from loopwright.agents.strategies.evolve import Evolve
from loopwright.agents.strategies.looks import diverse, key_of
from loopwright.agents.strategies.mcts import Mcts
from loopwright.agents.strategies.refine import Refine
from loopwright.core.candidate import Candidate, Edit
from loopwright.workbench.bench import BudgetSpent, Workbench

GAINS = {"a": (1.8, 1.9, 1.7), "b": (1.25, 1.1), "c": (1.12,), "d": (0.7, 0.8), "e": (0.99,), "f": (0.0,)}
ORDER = [(name, setting + 1) for name in "dfabec" for setting in range(len(GAINS[name]))]
BEST = 1.9 * 1.25 * 1.12
SEARCHES = sorted(set(STRATEGIES) - {"roles"})
"""Those that take any proposer; a team has tests of its own."""


def product(settings: Mapping[str, int]) -> float:
    return math.prod(GAINS[name][setting - 1] for name, setting in settings.items() if setting)


def trap(settings: Mapping[str, int]) -> float:
    """The best single step leads away from the best: `a` excludes what `b` and `c` give together."""
    a, b, c = settings["a"], settings["b"], settings["c"]
    if b and c:
        return 3.0 if not a else 1.4
    return 1.3 if a else 1.1 if b else 1.05 if c else 1.0


def searched(strategy: Strategy, bench: SimulatedBench, order: list[tuple[str, int]]) -> SimulatedBench:
    with contextlib.suppress(BudgetSpent):
        strategy.search(AskedBench(bench.as_workbench).as_workbench, SwitchProposer(order))
    return bench


@pytest.mark.parametrize("strategy", [Refine(), Beam(), Mcts(patience=60)], ids=lambda s: s.name)
@pytest.mark.parametrize("seed", range(5))
def test_independent_gains_are_all_found(strategy: Strategy, seed: int) -> None:
    bench = searched(strategy, SimulatedBench(product, dict.fromkeys(GAINS, 0), seed=seed), ORDER)
    assert product({k: int(v) for k, v in bench.best.files.items()}) > 0.93 * BEST


def test_evolution_comes_close_whatever_is_drawn() -> None:
    """By chance it may settle on a loop's second best setting; it may not stop half-way."""
    found = []
    for seed in range(10):
        bench = searched(Evolve(), SimulatedBench(product, dict.fromkeys(GAINS, 0), seed=seed), ORDER)
        found.append(product({k: int(v) for k, v in bench.best.files.items()}) / BEST)
        assert len(bench.evaluations) < 70
    assert min(found) > 0.75 and sum(found) / len(found) > 0.9, found


@pytest.mark.parametrize("seed", range(5))
def test_refine_puts_good_edits_together_after_one_batch(seed: int) -> None:
    bench = searched(Refine(), SimulatedBench(product, dict.fromkeys(GAINS, 0), seed=seed), ORDER)
    promoted = [e for e in bench.evaluations if e.promoted]
    assert promoted[0].speedup is not None
    assert promoted[0].speedup.estimate > 0.9 * product({"a": 1, "b": 1, "c": 1})
    assert promoted[0].number <= 7
    # Most candidates get a look and no more.
    assert bench.trials <= 6
    assert sum(e.speedup is None for e in bench.evaluations) > bench.trials


@pytest.mark.parametrize("strategy", [Refine(), Beam()], ids=lambda s: s.name)
@pytest.mark.parametrize("wall_s", [15.0, 18.0, 24.0])
def test_what_looked_good_is_timed_before_the_time_is_up(strategy: Strategy, wall_s: float) -> None:
    bench = SimulatedBench(product, dict.fromkeys(GAINS, 0), wall_s=wall_s)
    searched(strategy, bench, [("a", 1), ("b", 1), ("c", 1), ("e", 1), ("d", 1)])
    assert bench.best.files["a"] == b"1"


def test_refine_does_not_take_the_first_that_is_better() -> None:
    """The first proposal gains a little, a later one of the same loop a lot."""
    gains = {1: 1.1, 2: 1.15, 3: 2.0}
    order = [("a", 1), ("a", 2), ("a", 3)]
    bench = searched(Refine(), SimulatedBench(lambda s: gains.get(s["a"], 1.0), {"a": 0}), order)
    assert bench.best.files["a"] == b"3"
    assert bench.trials == 1


def test_the_best_guess_is_tried_though_its_look_was_bad() -> None:
    """Looks on a busy machine: as noisy as the gain. A trial takes many rounds and is believed."""
    won = 0
    for seed in range(8):
        bench = SimulatedBench(lambda s: 1.2 if s["a"] else 0.97, {"a": 0, "b": 0}, noise=0.05, seed=seed)
        won += searched(Refine(), bench, [("a", 1), ("b", 1)]).best.files["a"] == b"1"
    assert won >= 6


def test_edits_that_fail_or_lose_are_not_tried_again() -> None:
    bench = SimulatedBench(product, dict.fromkeys(GAINS, 0), noise=0.0)
    searched(Refine(), bench, ORDER)
    titles = [e.title for e in bench.evaluations]
    assert titles.count("d to 1") == titles.count("f to 1") == 1


@pytest.mark.parametrize(
    "strategy", [Beam(), Mcts(patience=60, exploration=0.6), Evolve()], ids=lambda s: s.name
)
def test_a_good_start_does_not_hide_a_better_one(strategy: Strategy) -> None:
    bench = SimulatedBench(trap, {"a": 0, "b": 0, "c": 0}, noise=0.0)
    searched(strategy, bench, [("a", 1), ("b", 1), ("c", 1)])
    assert trap({k: int(v) for k, v in bench.best.files.items()}) == 3.0


@pytest.mark.parametrize("name", SEARCHES)
def test_every_strategy_ends_where_nothing_is_better(name: str) -> None:
    bench = SimulatedBench(lambda s: 1.0 - 0.05 * sum(s.values()), dict.fromkeys("abcdefgh", 0))
    searched(STRATEGIES[name], bench, [(n, s) for n in "abcdefgh" for s in (1, 2)])
    assert bench.best.id == bench.original.id
    assert len(bench.evaluations) < 100


@pytest.mark.parametrize("name", SEARCHES)
def test_every_strategy_ends_without_proposals(name: str) -> None:
    bench = searched(STRATEGIES[name], SimulatedBench(lambda s: 1.0, {"a": 0}), [])
    assert not bench.evaluations


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("stop", [1, 4, 9, 17])
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(name: str, stop: int) -> None:
    """Resume is replay: what was evaluated is answered from the record, and the rest is asked anew."""
    switches = dict.fromkeys(GAINS, 0)
    whole = searched(STRATEGIES[name], SimulatedBench(product, switches), ORDER)
    cut = searched(STRATEGIES[name], SimulatedBench(product, switches, budget=stop), ORDER)
    resumed = SimulatedBench(product, switches, known=dict(cut.known))
    resumed.best, resumed.best_speedup = cut.best, cut.best_speedup
    searched(STRATEGIES[name], resumed, ORDER)
    assert resumed.best.id == whole.best.id
    assert {k: e.glance for k, e in resumed.known.items()} == {k: e.glance for k, e in whole.known.items()}


class Talker:
    """A proposer that is no repeater: its edits are dear, and come one by one."""

    def __init__(self) -> None:
        self.made = 0

    def propose(self, parent: Candidate, bench: Workbench) -> list[Edit]:
        self.made += 1
        return [Edit({"a": str(self.made).encode()}, "try")] if self.made < 4 else []


def test_dear_edits_are_timed_one_by_one() -> None:
    bench = SimulatedBench(lambda s: 1.0 + s["a"] / 2, {"a": 0})
    Refine().search(bench.as_workbench, Talker())
    assert bench.best.files["a"] == b"3"
    assert all(e.glance is None for e in bench.evaluations)


def test_keys_do_not_depend_on_lines_and_loops_take_turns() -> None:
    def edit(loop: str, move: str, extra: str = "") -> Edit:
        details = {"function": "f", "loop": loop, "move": move, "site": loop.split()[0]}
        return Edit({}, f"{move} over {loop}{extra}", details=details)

    first, moved = edit("i (heat.c:31)", "parallel"), edit("i (heat.c:33)", "parallel")
    assert key_of(first) == key_of(moved)
    assert key_of(first) != key_of(edit("i (heat.c:31)", "parallel", ", collapsed"))
    many = [edit("i (h.c:1)", "p", str(n)) for n in range(3)] + [
        edit("j (h.c:2)", "p"),
        edit("i (h.c:1)", "s"),
    ]
    assert [many.index(e) for e in diverse(many)] == [0, 3, 4, 1, 2]
