"""The cost table of a run: every second belongs to one step, gates are told apart from the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.workbench.costs import END, EVERY, ONCE, Cost, cheapest_first, costs
from loopwright.workbench.journal import Event

KINDS = ["machine", "original", "audit", "baseline", "profile", "evaluating", "evaluation", "final",
         "dropped", "held-out", "resumed"]  # fmt: skip


def verdict(**gates: float) -> dict[str, object]:
    return {"results": [{"gate": gate, "wall_s": wall_s} for gate, wall_s in gates.items()]}


def evaluation(at_s: float, timed: bool, **gates: float) -> Event:
    data = {"evaluation": {"verdict": verdict(**gates)}, "comparison": {"rounds": []} if timed else None}
    return Event(1, "evaluation", at_s, "", data)


RUN = [
    Event(1, "machine", 5.0, "", {}),
    Event(2, "baseline", 15.0, "", {}),
    Event(3, "evaluating", 15.5, "", {}),
    evaluation(16.5, False, integrity=0.0, build=0.25, outputs=0.75),
    Event(5, "evaluating", 16.5, "", {}),
    evaluation(26.5, True, integrity=0.0, build=0.25, outputs=1.75, floors=0.0),
    Event(7, "dropped", 29.5, "", {"verdict": verdict(races=3.0), "comparison": None}),
    Event(8, "final", 40.5, "", {"verdict": verdict(races=5.0), "comparison": {}}),
]


def test_gates_and_the_clock_are_told_apart() -> None:
    found = {(cost.stage, cost.step): cost for cost in costs(RUN)}
    assert found[ONCE, "timing the original"].seconds == 10
    assert found[EVERY, "build"] == Cost(EVERY, "build", 2, 0.5, pytest.approx(0.5 / 40.5))
    assert found[EVERY, "timing"].count == 1 and found[EVERY, "timing"].seconds == 8
    assert found[EVERY, "the agent itself"].seconds == 0.5
    assert found[END, "races"].count == 2 and found[END, "races"].seconds == 8
    assert found[END, "timing"].seconds == 6
    assert [cost.stage for cost in costs(RUN)] == sorted(
        (cost.stage for cost in costs(RUN)), key=[ONCE, EVERY, END].index
    )
    steps = [cost.step for cost in costs(RUN) if cost.stage == EVERY]
    assert steps.index("build") < steps.index("outputs") < steps.index("floors")


def test_what_the_order_saves_in_words() -> None:
    text = cheapest_first(costs(RUN))
    assert text == (
        "2 judged, 1 timed: a candidate pays 1.5 s for gates before the clock; the gates of the end took 4 s "
        "a finalist"
    )
    assert cheapest_first(costs(RUN[:2])) == ""
    assert costs([]) == ()


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.floats(0, 100), st.floats(0, 1), st.booleans()), max_size=30
    )
)
def test_every_second_is_somebodys(steps: list[tuple[str, float, float, bool]]) -> None:
    """Gates never claim more than their evaluation took; without a timing the rest of it is nobody's."""
    at_s, events, unclaimed = 0.0, [], 0.0
    for kind, passed_s, part, timed in steps:
        at_s += passed_s
        gates = verdict(build=part * passed_s)
        data = {"evaluation": {"verdict": gates}, "verdict": gates, "comparison": {} if timed else None}
        events.append(Event(1, kind, at_s, "", data))
        if kind in ("evaluation", "final", "dropped") and not timed:
            unclaimed += passed_s * (1 - part)
    found = costs(events)
    assert sum(cost.seconds for cost in found) == pytest.approx(at_s - unclaimed, abs=1e-6)
    if found and at_s - unclaimed > 1e-6:
        assert sum(cost.share for cost in found) == pytest.approx(1)
