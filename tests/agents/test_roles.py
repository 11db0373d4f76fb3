"""A team of a profile reader, a planner, a writer and a tester: who is told what, and what is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from instant import InstantBench, Truth
from model_runs import GOOD, LOOPS, another, calls, edit, script

from loopwright.agents.registry import find_agent
from loopwright.agents.strategies.roles import Roles
from loopwright.core.errors import UsageError
from loopwright.models.roles import objections_of, steps_of
from loopwright.workbench.journal import Event, read_journal
from loopwright.workbench.settings import Settings

DIAGNOSIS = "Nine tenths of the time go into exp, which does not depend on i."
HOIST = "hoist the exponentials out of the loop over i,\nwhich is legal"
PLAN = f"Think.\nSTEP: {HOIST}\nSTEP: share out i\nEXPECT: 3x\n"
RACY = LOOPS.replace("double s = 0", "static double s; s = 0")
FINE = "VERDICT: fine"
OBJECTION = "I looked.\nOBJECTION: s is shared between the threads\n"
WRONG = GOOD.replace("x[i] * sum", "x[i] + sum")
STOP = "STOP: nothing is left"


def truth(text: str) -> float:
    return 0.0 if "+ sum" in text or "static" in text else 3.0 if "x[i] * sum" in text else 1.0


def worked(
    prepared: Path, home: Path, *replies: str, truth: Truth = truth, **options: str
) -> tuple[Path, list[Event]]:
    run = another(prepared, home, script(home, *replies), strategy="roles", **options)
    bench = InstantBench(run, truth)
    find_agent(bench.settings).work(bench)
    bench.close()
    return run, list(read_journal(run / "journal.jsonl"))


def test_each_part_hands_what_it_found_to_the_next(prepared: Path, tmp_path: Path) -> None:
    run, events = worked(
        prepared, tmp_path, DIAGNOSIS, PLAN,
        "TITLE: racy\n" + edit(LOOPS, RACY), OBJECTION,
        "TITLE: hoisted\n" + edit(RACY, WRONG),
        "The sum was added, not multiplied.",
        "TITLE: hoisted rightly\n" + edit(WRONG, GOOD),
        DIAGNOSIS, STOP,
    )  # fmt: skip
    asked = [c["stage"] for c in calls(events)]
    assert asked == [
        "profiler",
        "planner",
        "writer",
        "tester",
        "writer",
        "tester",
        "writer",
        "profiler",
        "planner",
    ]
    # The version that the tester spoke against cost no evaluation.
    titles = [e.data["title"] for e in events if e.kind == "evaluating"]
    assert titles == ["hoisted", "hoisted rightly"]
    prompts = [(run / c["prompt"]).read_text().partition("# reply")[0] for c in calls(events)]
    assert DIAGNOSIS in prompts[1], "the planner knows what the profile reader said"
    assert HOIST in prompts[2]
    assert DIAGNOSIS not in prompts[2] and "share out i" not in prompts[2], "the writer has one step to do"
    assert "+        static double s; s = 0;" in prompts[3], "the tester sees what changed"
    assert "- s is shared between the threads" in prompts[4] and "static double s" in prompts[4]
    assert "wrong_output" in prompts[5] and "wrong_output" in prompts[6], "the gate's own words go along"
    assert "The sum was added" in prompts[6]
    assert "became the best" in prompts[8]
    assert any(e.kind == "agent-stop" and "nothing is left" in e.data["reason"] for e in events)
    # What each left behind.
    original = run / "evidence" / next(c["candidate"] for c in calls(events) if c["stage"] == "planner")
    assert (original / "diagnosis.md").read_text().strip() == DIAGNOSIS
    assert "STEP: share out i" in (original / "plan.md").read_text()
    assert [p.parent.parent.name for p in (run / "evidence").rglob("review.md")] == ["evidence"]
    cause = next((run / "evidence").rglob("cause.md"))
    assert cause.parent.name == next(e.data["candidate"] for e in events if e.kind == "evaluating")


def test_a_step_that_cannot_be_done_gives_way_to_the_next(prepared: Path, tmp_path: Path) -> None:
    _, events = worked(
        prepared, tmp_path, DIAGNOSIS, PLAN, "STOP: not legal", edit(LOOPS, GOOD), FINE, DIAGNOSIS, STOP
    )
    assert [e.data["evaluation"]["promoted"] for e in events if e.kind == "evaluation"] == [True]


def test_plans_that_bring_nothing_come_to_an_end(prepared: Path, tmp_path: Path) -> None:
    def slow(number: int) -> str:
        return edit(LOOPS, LOOPS + f"    /* {number} */\n")

    plan = "STEP: one\n"
    _, events = worked(
        prepared, tmp_path, *(text for n in range(9) for text in (DIAGNOSIS, plan, slow(n), FINE))
    )
    assert [c["stage"] for c in calls(events)].count("planner") == Roles().patience


def test_a_team_without_a_usable_reply_stops_cleanly(prepared: Path, tmp_path: Path) -> None:
    _, events = worked(prepared, tmp_path, *["@@ refusal\nno\n"] * 6)
    assert [c["stage"] for c in calls(events)] == ["profiler"] * 3 + ["planner"] * 3
    assert [e.data["reason"] for e in events if e.kind == "agent-stop"] == [
        "the planner gave no usable reply"
    ]


def test_a_writer_who_keeps_to_no_form_spends_evaluations_not_the_run(prepared: Path, tmp_path: Path) -> None:
    _, events = worked(prepared, tmp_path, DIAGNOSIS, "STEP: one", *["no edit"] * 3, DIAGNOSIS, STOP)
    failed = [e for e in events if e.kind == "evaluation"]
    assert len(failed) == 3
    assert {e.data["evaluation"]["verdict"]["results"][0]["failure"]["mode"] for e in failed} == {
        "malformed_edit"
    }


@pytest.mark.parametrize(("tier", "told"), [("user", False), ("expert", True)])
def test_tiers_decide_what_the_parts_are_told(tier: str, told: bool, prepared: Path, tmp_path: Path) -> None:
    run, events = worked(prepared, tmp_path, DIAGNOSIS, PLAN, edit(LOOPS, GOOD), FINE, tier=tier)
    prompts = {c["stage"]: (run / c["prompt"]).read_text() for c in calls(events)[:4]}
    assert ("Measured ceilings" in prompts["profiler"]) == told
    assert ("first touch" in prompts["writer"]) == told
    assert ("data races" in prompts["tester"]) == told
    assert ("who may run at the same time" in prompts["planner"]) == told


def test_the_built_in_optimiser_has_no_roles() -> None:
    with pytest.raises(UsageError, match="for language models") as refused:
        find_agent(Settings(strategy="roles"))
    assert refused.value.exit_status == 2


def test_what_the_parts_say_is_read_to_the_letter() -> None:
    assert steps_of(PLAN) == (HOIST, "share out i")
    assert steps_of("Just hoist it.") == ("Just hoist it.",)
    assert len(steps_of("STEP: x\n" * 9)) == 3
    assert steps_of("STEP:\r\nSTEP: two\r\nEXPECT: 2x") == ("two",)
    assert objections_of("VERDICT: fine") == objections_of("There is no OBJECTION: to it") == ""
    assert objections_of("OBJECTION: a\nOBJECTION: b\nVERDICT: no") == "- a\n- b"
