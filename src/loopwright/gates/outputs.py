"""Outputs: every case gives what the original gives, with any number of threads, every time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Use
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.compare import first_mismatch
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import BuildResult


@dataclass(frozen=True)
class _Trial:
    case: Case
    threads: int
    placement: str = "aligned"


class OutputsGate:
    """Runs the check cases with 1, 2, 3 and all threads, the last twice, and the timed cases with all.

    Without a check case the timed cases are run with every number of threads: a candidate that is right
    with one thread only must not get through for want of a small case. Kernel tasks run their check cases
    with arrays flush against a guard page, at the end and at the start in turn.
    """

    name = "outputs"
    stage = Stage.EVERY

    def available(self, context: Context) -> str:
        """Always available: the original passed it before the run began."""
        return ""

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Run and compare until the first failure."""
        assert subject.build is not None
        started = time.monotonic()
        right_alone: set[str] = set()
        for trial in self.trials(context):
            failure = self.one(subject.build, trial.case, context, trial.threads, trial.placement)
            if failure is None:
                if trial.threads == 1:
                    right_alone.add(trial.case.name)
                continue
            if trial.threads > 1 and failure.mode is FailureMode.WRONG_OUTPUT:
                failure = self._classified(subject.build, trial, context, failure, right_alone)
            return GateResult(self.name, GateStatus.FAIL, time.monotonic() - started, failure)
        return GateResult(self.name, GateStatus.PASS, time.monotonic() - started)

    def trials(self, context: Context) -> Iterator[_Trial]:
        """Every run of the gate, cheap ones first."""
        checks = context.task.cases_for(Use.CHECK)
        timed = context.task.cases_for(Use.TIME)
        most = context.threads[-1]
        placements = ("end", "start") if context.task.kernel is not None else ("aligned",)
        everywhere = checks or timed
        for number, threads in enumerate((*context.threads, most)):
            for case in everywhere:
                yield _Trial(case, threads, placements[number % len(placements)])
        if checks:
            for case in timed:
                yield _Trial(case, most)

    def one(
        self, build: BuildResult, case: Case, context: Context, threads: int, placement: str = "aligned"
    ) -> Failure | None:
        """Run `case` once and compare it with the original."""
        run = context.cases.run(
            build,
            case,
            context.limits(case),
            threads=threads,
            gate=self.name,
            options=RunOptions(placement=placement),
        )
        if run.failure is not None:
            return run.failure
        mismatch = first_mismatch(context.task, context.expected(case), run.outputs)
        if mismatch is None:
            return None
        return Failure(
            FailureMode.WRONG_OUTPUT,
            self.name,
            f"case {case.name}, {threads} thread{'s' if threads != 1 else ''}: {mismatch.message}",
            {"case": case.name, "threads": str(threads), "output": mismatch.output},
        )

    def _classified(
        self,
        build: BuildResult,
        trial: _Trial,
        context: Context,
        failure: Failure,
        right_alone: set[str],
    ) -> Failure:
        """Wrong with several threads: is it right with one, or right at another try?"""
        alone = trial.case.name in right_alone or not self.one(build, trial.case, context, 1, trial.placement)
        if not alone:
            return failure
        again = [self.one(build, trial.case, context, trial.threads, trial.placement) for _ in range(2)]
        if None in again:
            mode, why = FailureMode.NONDETERMINISTIC, "right in another run with the same threads"
        else:
            mode, why = FailureMode.THREAD_DEPENDENT, "right with one thread"
        return Failure(mode, self.name, f"{failure.message}; {why}", failure.evidence)
