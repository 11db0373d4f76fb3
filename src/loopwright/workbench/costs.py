"""Where the time of a run went: gate by gate, beside building and timing, from its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.workbench.journal import Event, read_journal
from loopwright.workbench.rundir import RunDirectory

ONCE = "once"
EVERY = "every candidate"
END = "at the end"

_ONCE = {
    "machine": "measuring the machine",
    "original": "running the original",
    "audit": "audit",
    "baseline": "timing the original",
    "profile": "profiling",
}
_AGENT = "the agent itself"
_TIMING = "timing"


@dataclass(frozen=True)
class Cost:
    """What one step took over a whole run.

    Attributes:
        stage: "once", "every candidate" or "at the end".
        step: a gate, "timing", or what is done besides.
        count: how often; a gate runs for what the gates before it let through.
        seconds: all times together. share: of the time of the run, 0 to 1.
    """

    stage: str
    step: str
    count: int
    seconds: float
    share: float


def costs_of(directory: RunDirectory) -> tuple[Cost, ...]:
    """The steps of a run in the order in which a candidate meets them."""
    return costs(read_journal(directory.journal))


def costs(events: Iterable[Event]) -> tuple[Cost, ...]:
    """The steps in `events`. The time between two events belongs to what the later one reports; that of an
    evaluation is split by what its gates took, and the rest of it is the clock's.
    """
    spent: dict[tuple[str, str], list[float]] = {}
    before_s = 0.0

    def add(stage: str, step: str, seconds: float) -> None:
        entry = spent.setdefault((stage, step), [0, 0.0])
        entry[0] += 1
        entry[1] += max(0.0, seconds)

    for event in events:
        passed_s, before_s = event.run_s - before_s, event.run_s
        if event.kind == "evaluation":
            _split(add, EVERY, event.data["evaluation"]["verdict"], passed_s, event.data.get("comparison"))
        elif event.kind in ("final", "dropped"):
            _split(add, END, event.data.get("verdict") or {}, passed_s, event.data.get("comparison"))
        elif event.kind in _ONCE:
            add(ONCE, _ONCE[event.kind], passed_s)
        elif event.kind == "evaluating":
            add(EVERY, _AGENT, passed_s)
        elif passed_s > 0:
            add(ONCE, "anything else", passed_s)
    total = sum(seconds for _, seconds in spent.values())
    order = {stage: place for place, stage in enumerate((ONCE, EVERY, END))}
    return tuple(
        Cost(stage, step, int(count), seconds, seconds / total if total else 0.0)
        for (stage, step), (count, seconds) in sorted(spent.items(), key=lambda item: order[item[0][0]])
    )


def cheapest_first(found: Iterable[Cost]) -> str:
    """What the order of the gates saves, in one sentence; "" for a run without candidates."""
    every = [cost for cost in found if cost.stage == EVERY and cost.step != _AGENT]
    judged = max((cost.count for cost in every), default=0)
    if not judged:
        return ""
    timed = next((cost.count for cost in every if cost.step == _TIMING), 0)
    gates_s = sum(cost.seconds for cost in every if cost.step != _TIMING) / judged
    end = [cost for cost in found if cost.stage == END and cost.step != _TIMING]
    finalists = max((cost.count for cost in end), default=0)
    text = f"{judged} judged, {timed} timed: a candidate pays {gates_s:.2g} s for gates before the clock"
    if finalists:
        text += (
            f"; the gates of the end took {sum(cost.seconds for cost in end) / finalists:.2g} s a finalist"
        )
    return text


def _split(add: Any, stage: str, verdict: Mapping[str, Any], passed_s: float, comparison: object) -> None:
    gates_s = 0.0
    for result in verdict.get("results", ()):
        add(stage, result["gate"], result["wall_s"])
        gates_s += result["wall_s"]
    if comparison is not None:
        add(stage, _TIMING, passed_s - gates_s)
