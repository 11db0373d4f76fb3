"""A run that proposed nothing says what kept the first loop from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from loopwright.core.run import Budget
from loopwright.workbench.bench import Workbench
from loopwright.workbench.final import _why_nothing
from loopwright.workbench.journal import Event


def proposals(candidate: str, *refusals: tuple[str, int, str]) -> Event:
    told = [{"file": "p.c", "line": line, "move": move, "reason": why} for move, line, why in refusals]
    return Event(1, "proposals", 1.0, "", {"candidate": candidate, "edits": [], "refusals": told})


def why(*events: Event, remaining_s: float | None = 5.0) -> str:
    bench: Any = SimpleNamespace(
        remaining_s=remaining_s,
        settings=SimpleNamespace(budget=Budget(9.0)),
        journal=SimpleNamespace(events=events),
        original=SimpleNamespace(id="original"),
    )
    return _why_nothing(cast(Workbench, bench))


@pytest.mark.parametrize("move", ["parallel-for", "offload"])
def test_what_keeps_a_loop_from_threads_or_a_device_says_most(move: str) -> None:
    said = why(proposals("original", ("tiling", 3, "one loop"), (move, 7, "x[i - 1] is read")))
    assert said == f"nothing was proposed: {move} at p.c:7: x[i - 1] is read"


def test_else_the_first_reason_is_told() -> None:
    assert why(proposals("original", ("tiling", 3, "one loop"), ("simd", 3, "calls"))).endswith(
        "tiling at p.c:3: one loop"
    )


def test_other_versions_and_nothing_at_all_are_no_reason() -> None:
    assert why(proposals("another", ("parallel-for", 3, "calls"))) == why() == "nothing was proposed"
    assert why(remaining_s=0.0).startswith("the budget of 9 s ended before anything was tried")
