"""Held-out cases: drawn at the end, when the original runs them too, and never shown to an agent."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from loopwright.core.errors import TaskError
from loopwright.core.machine import Noise
from loopwright.core.modes import FailureMode
from loopwright.core.run import Elsewhere
from loopwright.core.task import Case, Task, Use
from loopwright.core.timing import Speedup
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.compare import first_mismatch
from loopwright.gates.gate import Context
from loopwright.gates.memory import ADDRESSES
from loopwright.gates.outputs import OutputsGate
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import BuildResult
from loopwright.system.machine import this_machine
from loopwright.tasks.derived import DERIVED
from loopwright.tasks.held_out import drawn_cases
from loopwright.toolchains.device import Device
from loopwright.workbench.baseline import (
    ORIGINAL_LIMITS,
    CaseFacts,
    build_original,
    own_variant,
    run_original,
)
from loopwright.workbench.expected import ExpectedOutputs

GATE = "held-out"
AddMeasured = Callable[[str, CaseFacts], None]

_MEMORY_SHARE = 1 / 8
_HARMLESS_BYTES = 256 << 20
"""Derived cases may have arrays of this size whatever the task's own have, unless memory is short."""


@dataclass(frozen=True)
class HeldOutCases:
    """The held-out cases of one run, once they are known.

    Attributes:
        cases: those that the original can run; `refused`: name and reason of the others.
        drawn: how many of all were drawn, rather than written in the task.
    """

    cases: tuple[Case, ...]
    refused: tuple[tuple[str, str], ...] = ()
    drawn: int = 0

    def seen_by(self, context: Context) -> Context:
        """A context in which these are the held-out cases of the task."""
        known = context.task.cases_for(Use.CHECK, Use.TIME)
        return replace(context, task=replace(context.task, cases=(*known, *self.cases)))

    def to_look_at(self, context: Context) -> Context:
        """A context whose check case is the quickest of these, for a task that has none: instruments make a
        program many times slower, and a timed case is then too long.
        """
        if context.task.cases_for(Use.CHECK) or not self.cases:
            return context
        quickest = min(self.cases, key=lambda case: context.limits(case).wall_s or 0.0)
        cases = (*context.task.cases, replace(quickest, use=Use.CHECK))
        return replace(context, task=replace(context.task, cases=cases))


def choose(task: Task, secret: str) -> tuple[Case, ...]:
    """The held-out cases of `task` that are written in it, and those that `secret` draws."""
    machine_bytes = this_machine().memory_bytes
    most_bytes = (
        min(_HARMLESS_BYTES, int(machine_bytes * _MEMORY_SHARE)) if machine_bytes else _HARMLESS_BYTES
    )
    return (*task.cases_for(Use.HELD_OUT), *drawn_cases(task, secret, most_bytes=most_bytes))


def run_originals(
    context: Context, cases: Sequence[Case], expected: ExpectedOutputs, add_measured: AddMeasured
) -> HeldOutCases:
    """Run the original on `cases`, whose outputs are expected from then on; `add_measured` is told what each
    needed. A case that the original cannot run says nothing about a candidate: it is left out.
    """
    task = context.task
    original = build_original(context, own_variant(context.variant, task))
    kept: list[Case] = []
    refused: list[tuple[str, str]] = []
    for case in cases:
        if not expected.has(case.name):
            try:
                facts = run_original(task, context.cases, original, case, expected)
            except TaskError as error:
                refused.append((case.name, error.message))
                continue
            add_measured(case.name, facts)
        if case.name.startswith(DERIVED) and (problem := _unfit(context, original, case)):
            refused.append((case.name, problem))
        else:
            kept.append(case)
    drawn = len(kept) - len(task.cases_for(Use.HELD_OUT))
    return HeldOutCases(tuple(kept), tuple(refused), max(0, drawn))


def held_out_outputs(context: Context, build: BuildResult, held_out: HeldOutCases) -> GateResult:
    """The held-out cases of `build` with every number of threads, against the original."""
    if not held_out.cases:
        return GateResult(GATE, GateStatus.NOT_AVAILABLE, reason=_why_none(held_out))
    context = held_out.seen_by(context)
    gate, started = OutputsGate(), time.monotonic()
    for case in held_out.cases:
        placements = ("end", "start") if context.task.kernel is not None else ("aligned",)
        for number, threads in enumerate(context.threads):
            placement = placements[number % len(placements)]
            failure = gate.one(build, case, context, threads, placement)
            if failure is not None:
                wall_s = time.monotonic() - started
                return GateResult(GATE, GateStatus.FAIL, wall_s, _as_held_out(failure, case))
    words = ", ".join(_in_words(case) for case in held_out.cases)
    if held_out.refused:
        words += f"; left out, since the original fails there: {', '.join(n for n, _ in held_out.refused)}"
    return GateResult(GATE, GateStatus.PASS, time.monotonic() - started, reason=words)


def elsewhere(
    timed: Speedup, held_out: Speedup | None, comparable: Collection[str], noise: Noise
) -> Elsewhere:
    """What became of the speedup `timed` at held-out sizes.

    Small cases are quick for many reasons and say little about a speedup: only those in `comparable` count,
    which take about as long as the timed ones, by the geometric mean of their estimates.
    """
    ratios = [ratio for name, ratio in held_out.by_case.items() if name in comparable] if held_out else []
    if not ratios:
        return Elsewhere.NOT_TIMED
    ratio = math.exp(statistics.fmean(math.log(each) for each in ratios))
    if ratio * noise.ratio < 1:
        return Elsewhere.SLOWER
    if ratio <= noise.ratio:
        return Elsewhere.VANISHED
    return Elsewhere.KEPT if ratio * ratio >= timed.estimate else Elsewhere.SMALLER


def elsewhere_words(found: Elsewhere, timed: Speedup, held_out: Speedup | None) -> str:
    """What a reader has to know about a speedup that is not there at other sizes; "" when it is."""
    if held_out is None or found in (Elsewhere.KEPT, Elsewhere.NOT_TIMED):
        return ""
    what = {
        Elsewhere.SMALLER: "the speedup is much smaller at held-out sizes",
        Elsewhere.VANISHED: "the speedup is gone at held-out sizes",
        Elsewhere.SLOWER: "slower than the original at held-out sizes",
    }[found]
    cases = ", ".join(f"{name} {ratio:.2f}x" for name, ratio in held_out.by_case.items())
    return f"{what}: {cases}, where {timed.estimate:.2f}x was timed"


def _why_none(held_out: HeldOutCases) -> str:
    if held_out.refused:
        name, why = held_out.refused[0]
        return f"the original itself fails there: {name}: {why}"
    return "no range of sizes is stated: add [[held-out]] to loopwright.toml"


def _unfit(context: Context, original: BuildResult, case: Case) -> str:
    """Why a derived size, which nobody asked for, says nothing about a candidate; "" when it does."""
    return _beyond_its_arrays(context, original, case) or _other_rounding(context, case)


def _beyond_its_arrays(context: Context, original: BuildResult, case: Case) -> str:
    """That the original reaches beyond its arrays."""
    if context.task.kernel is None:
        return ADDRESSES.finding_in_original(case, context)
    for placement in ("end", "start"):
        if problem := _differs(context, original, case, RunOptions(placement=placement)):
            return problem
    return ""


def _other_rounding(context: Context, case: Case) -> str:
    """That the flags of candidates alone give other outputs: what is printed here hangs on the last bits."""
    variant = replace(context.variant, device=Device.FALLBACK)
    if context.emulated_original or variant.flags == context.task.build.flags:
        return ""
    problem = _differs(context, build_original(context, variant), case, RunOptions())
    return f"with {' '.join(variant.flags)}: {problem}" if problem else ""


def _differs(context: Context, original: BuildResult, case: Case, options: RunOptions) -> str:
    """How a build of the original fails `case`, or what differs from the expected outputs; "" for nothing."""
    limits = replace(ORIGINAL_LIMITS, wall_s=case.timeout_s or ORIGINAL_LIMITS.wall_s)
    run = context.cases.run(original, case, limits, threads=1, gate=GATE, options=options)
    if run.failure is not None:
        return run.failure.message
    mismatch = first_mismatch(context.task, context.expected(case), run.outputs)
    return mismatch.message if mismatch else ""


def _in_words(case: Case) -> str:
    """A case with what it gives: "held-out-1-prime (n = 613)"."""
    given = ", ".join(f"{name} = {value}" for name, value in case.params.items())
    return f"{case.name} ({given})" if given else case.name


def _as_held_out(failure: Failure, case: Case) -> Failure:
    message = f"{failure.mode} at {_in_words(case)}: {failure.message}"
    return Failure(FailureMode.HELD_OUT_FAILURE, GATE, message, failure.evidence)
