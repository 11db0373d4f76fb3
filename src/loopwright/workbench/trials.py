"""Timing two builds in turn, and what the floors gate says of the times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from loopwright.core.task import Case
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.floors_gate import FLOORS
from loopwright.gates.gate import Context
from loopwright.harness.types import BuildResult
from loopwright.timing.compare import SampleFailed, compare
from loopwright.timing.policy import Policy
from loopwright.workbench.sampling import sampler


def judged_trial(
    context: Context,
    a: BuildResult,
    b: BuildResult,
    *,
    labels: tuple[str, str],
    cases: Sequence[Case],
    policy: Policy,
    repetitions: Callable[[Case], int],
    on_round: Callable[[Speedup], None] | None = None,
) -> tuple[Comparison | None, GateResult]:
    """Time `b` against `a` over `cases` and judge the times of `b`.

    An execution that fails is the failure of the gate `timing`, and there is no comparison then. A comparison
    whose times cannot be is given back for the record, with the failure of the gate `floors`.
    """
    try:
        comparison = compare(
            sampler(context, a, repetitions),
            sampler(context, b, repetitions),
            [case.name for case in cases],
            policy,
            label_a=labels[0],
            label_b=labels[1],
            on_round=on_round,
        )
    except SampleFailed as failed:
        return None, GateResult(failed.failure.gate, GateStatus.FAIL, failure=failed.failure)
    return FLOORS.compared(context, comparison)


def chained(trial: Speedup, incumbent: float, incumbent_id: str) -> Speedup:
    """A speedup over the incumbent as one over the baseline, of which the incumbent is `incumbent` times."""
    if incumbent == 1.0:
        return trial
    return replace(
        trial,
        estimate=trial.estimate * incumbent,
        low=trial.low * incumbent,
        high=trial.high * incumbent,
        by_case={name: value * incumbent for name, value in trial.by_case.items()},
        method=f"{trial.method}, chained through {incumbent_id}",
    )
