"""A run that proposed nothing says what kept the first loop from it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from test_offload_run import Scripted

from loopwright import api
from loopwright.core.run import Budget, RunStatus
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


def test_a_version_that_is_slow_beyond_all_patience_is_no_failure(
    smooth_task: Path, measured_home: Path
) -> None:
    written = smooth_task / "loopwright.toml"
    written.write_text(written.read_text().replace('use = "check"', 'use = "check"\ntimeout_s = 1'))
    slow = (smooth_task / "smooth.c").read_text().replace("{", "{\n    for (volatile int k = 1; k;) ;", 1)
    result = api.optimize(smooth_task, agent=Scripted([slow]), home=measured_home)
    assert result.failures == {"time_limit": 1} and result.status is RunStatus.NO_GAIN
    assert "time limit" in result.reason


def test_other_versions_and_nothing_at_all_are_no_reason() -> None:
    assert why(proposals("another", ("parallel-for", 3, "calls"))) == why() == "nothing was proposed"
    assert why(remaining_s=0.0).startswith("the budget of 9 s ended before anything was tried")
