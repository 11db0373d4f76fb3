"""Timing two builds in turn, and what the floors gate says of the times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from loopwright.core.task import Case, Use
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult
from loopwright.gates.floors_gate import FLOORS
from loopwright.gates.gate import Context
from loopwright.harness.types import BuildResult
from loopwright.timing.compare import SampleFailed, compare
from loopwright.timing.policy import Policy
from loopwright.workbench.fresh_calls import ALWAYS
from loopwright.workbench.last_samples import LastSamples
from loopwright.workbench.policies import glance_policy, trial_policy
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
    compared: tuple[int | None, int | None] = (ALWAYS, ALWAYS),
    beside: LastSamples | None = None,
) -> tuple[Comparison | None, GateResult]:
    """Time `b` against `a` over `cases` and judge the times of `b`.

    An execution that fails is the failure of the gate `timing`, and there is no comparison then. A comparison
    whose times cannot be is given back for the record, with the failure of the gate `floors`.

    Args:
        context, a, b, labels, cases, policy, repetitions, on_round: what is timed and how long.
        compared: of `a` and of `b`, see :func:`loopwright.workbench.sampling.sampler`.
        beside: gives the first sample of `a` where it has a recent one, and keeps the last.
    """
    sampler_a = sampler(context, a, repetitions, compared=compared[0])
    try:
        comparison = compare(
            sampler_a if beside is None else beside.of(labels[0], sampler_a),
            sampler(context, b, repetitions, compared=compared[1]),
            [case.name for case in cases],
            policy,
            label_a=labels[0],
            label_b=labels[1],
            on_round=on_round,
        )
    except SampleFailed as failed:
        return None, GateResult.failed(failed.failure)
    return FLOORS.compared(context, comparison)


def trial_beside_best(
    context: Context,
    best: Tree,
    tree: Tree,
    *,
    best_id: str,
    execution_s: float,
    repetitions: Callable[[Case], int],
    on_round: Callable[[Speedup], None],
    glance: LastSamples | None,
) -> tuple[Comparison | None, GateResult]:
    """A candidate beside the best version of a run so far, as :func:`judged_trial`; with `glance` only a
    first look, which takes what it can from the look before.

    The best was held against the original in its own trial, and is here by chance only; the original never.
    """
    known = None if best == context.task.tree else 0
    build = context.timed_build(tree)
    if build.failure is not None:
        return None, GateResult.failed(build.failure)
    return judged_trial(
        context,
        context.timed_build(best),
        build,
        labels=(best_id, "candidate"),
        cases=context.task.cases_for(Use.TIME),
        policy=(trial_policy if glance is None else glance_policy)(execution_s),
        repetitions=repetitions,
        on_round=on_round,
        compared=(known, ALWAYS if glance is None else 1),
        beside=glance,
    )


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
