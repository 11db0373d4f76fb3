"""Held-out cases: run at the end only, when the original runs them too, and never shown to an agent."""

from __future__ import annotations

from collections.abc import Callable

from loopwright.core.modes import FailureMode
from loopwright.core.task import Use
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.gate import Context
from loopwright.gates.outputs import OutputsGate
from loopwright.harness.types import BuildResult
from loopwright.workbench.baseline import CaseFacts, build_original, own_variant, run_original
from loopwright.workbench.expected import ExpectedOutputs

GATE = "held-out"


def held_out_outputs(
    context: Context,
    build: BuildResult,
    expected: ExpectedOutputs,
    add_measured: Callable[[str, CaseFacts], None],
) -> GateResult:
    """The held-out cases of `build` with every number of threads, against the original, which runs them now
    unless it did; `add_measured` is told what it needed.
    """
    task = context.task
    cases = task.cases_for(Use.HELD_OUT)
    if not cases:
        return GateResult(GATE, GateStatus.NOT_AVAILABLE, reason="the task has no held-out case")
    original = build_original(context, own_variant(context.variant, task))
    gate = OutputsGate()
    for case in cases:
        if not expected.has(case.name):
            add_measured(case.name, run_original(task, context.cases, original, case, expected))
        placements = ("end", "start") if task.kernel is not None else ("aligned",)
        for number, threads in enumerate(context.threads):
            placement = placements[number % len(placements)]
            failure = gate.one(build, case, context, threads, placement)
            if failure is not None:
                return GateResult(GATE, GateStatus.FAIL, failure=_as_held_out(failure))
    return GateResult(GATE, GateStatus.PASS)


def _as_held_out(failure: Failure) -> Failure:
    return Failure(FailureMode.HELD_OUT_FAILURE, GATE, f"{failure.mode}: {failure.message}", failure.evidence)
