"""What an agent is told about its candidates: the same JSON on the command line and through the door."""

from __future__ import annotations

from typing import Any

from loopwright.core.profile import Profile
from loopwright.core.run import Evaluation
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.verdict import Verdict
from loopwright.workbench.records import to_data

SCHEMA = 1


def check_answer(verdict: Verdict) -> dict[str, Any]:
    """`check --json`: schema, verdict, failure or null, gates, and what they said beside that."""
    failure = verdict.failure
    return {
        "schema": SCHEMA,
        "verdict": "pass" if verdict.passed else "fail",
        "failure": None
        if failure is None
        else {
            "mode": failure.mode.value,
            "category": failure.mode.category.value,
            "gate": failure.gate,
            "message": failure.message,
            "evidence": dict(failure.evidence),
        },
        "gates": verdict.by_gate,
        "reasons": {r.gate: r.reason for r in verdict.results if r.reason},
        "verified": verdict.verified,
    }


def speedup_answer(speedup: Speedup) -> dict[str, Any]:
    """An interval as it stands in every JSON object: estimate, low, high and how it came about."""
    answer: dict[str, Any] = to_data(speedup)
    return answer


def time_answer(comparison: Comparison) -> dict[str, Any]:
    """`time --json`: schema, a, b, speedup, samples (seconds, by side and case, in order), floors (the least
    possible time, by case).
    """
    samples = {
        side: {case: [s.wall_s for s in taken] for case, taken in comparison.samples(side).items()}
        for side in ("a", "b")
    }
    return {
        "schema": SCHEMA,
        "a": comparison.a,
        "b": comparison.b,
        "speedup": speedup_answer(comparison.speedup),
        "samples": samples,
        "floors": to_data(comparison.floors),
    }


def evaluation_answer(evaluation: Evaluation) -> dict[str, Any]:
    """What `time` says inside a workspace: the verdict, and the speedup over the original if it passed."""
    answer = check_answer(evaluation.verdict)
    answer["candidate"] = evaluation.candidate
    answer["speedup"] = speedup_answer(evaluation.speedup) if evaluation.speedup else None
    answer["best_so_far"] = evaluation.promoted
    return answer


def profile_answer(profile: Profile) -> dict[str, Any]:
    """`profile --json`: the profile as data, with its schema."""
    return {"schema": SCHEMA, **to_data(profile)}
