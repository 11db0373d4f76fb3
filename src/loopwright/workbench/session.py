"""Judging single candidates outside of a run: what `check`, `time` and `profile` do."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from loopwright.core.errors import LoopwrightError, UsageError
from loopwright.core.profile import Profile
from loopwright.core.run import Baseline
from loopwright.core.task import Task, Use
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.gates.chain import run_gates
from loopwright.gates.floors_gate import FLOORS
from loopwright.gates.gate import Stage, Subject
from loopwright.gates.registry import GATES
from loopwright.system.store import remove_tree
from loopwright.timing.compare import SampleFailed
from loopwright.timing.policy import Policy
from loopwright.toolchains.devices import gpu
from loopwright.workbench.baseline import (
    CaseFacts,
    build_original,
    native_variant,
    own_variant,
    run_needed_cases,
    try_variant,
)
from loopwright.workbench.context import Measured, completed, make_context
from loopwright.workbench.expected import ExpectedOutputs
from loopwright.workbench.fresh_calls import ALWAYS
from loopwright.workbench.held_out import HeldOutCases, choose, held_out_outputs, run_originals
from loopwright.workbench.machine_file import machine_facts
from loopwright.workbench.policies import final_policy
from loopwright.workbench.profiling import profile_build
from loopwright.workbench.rundir import RunDirectory
from loopwright.workbench.sampling import sampler
from loopwright.workbench.settings import Settings
from loopwright.workbench.trials import judged_trial


class Session(AbstractContextManager["Session"]):
    """A workbench for one sitting: nothing is recorded, everything is gone when it is left.

    Entering builds and runs the original (TaskError when it is broken).
    """

    def __init__(
        self, task: Task, settings: Settings, say: Callable[[str], None], *, home: Path | None = None
    ) -> None:
        """`home` is where machine.json lies or is to be written; without it there are no floors."""
        self.task = task
        self._home = home
        self._say = say
        self._folder = Path(tempfile.mkdtemp(prefix="loopwright-"))
        self._expected = ExpectedOutputs(self._folder / "reference")
        self._measured = Measured({})
        self._held_out: HeldOutCases | None = None
        self._directory = RunDirectory(self._folder)
        try:
            self.context = make_context(task, settings, self._directory, self._expected, self._measured)
        except LoopwrightError:
            remove_tree(self._folder)
            raise

    def __enter__(self) -> Session:
        try:
            self._prepare()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        remove_tree(self._folder)

    def check(self, tree: Tree) -> Verdict:
        """All gates on one complete tree."""
        self._say("checking")
        verdict, subject = run_gates(GATES, Stage.EVERY, Subject(tree), self.context)
        if not verdict.passed:
            return verdict
        final, _ = run_gates(GATES, Stage.FINAL, subject, self.context)
        verdict = verdict.extended(*final.results)
        if not verdict.passed or self.context.untimed:
            return verdict
        return verdict.extended(self._floors(tree))

    def time(
        self,
        a: Tree,
        b: Tree,
        *,
        label_a: str,
        label_b: str,
        on_round: Callable[[Speedup], None] | None = None,
        policy: Policy | None = None,
    ) -> Comparison | Failure:
        """Time `b` against `a`; a failure when either does not build or gives a wrong result. Without
        `policy` as long as for the last timing of a run.
        """
        if self.context.untimed:
            raise UsageError(
                f"not timed: {self.context.untimed}",
                where=self.task.name,
                hint="loopwright check says whether it is right",
            )
        builds = [self.context.timed_build(tree) for tree in (a, b)]
        for build, label in zip(builds, (label_a, label_b), strict=True):
            if build.failure is not None:
                return replace(build.failure, message=f"{label}: {build.failure.message}")
        self._say("timing")
        comparison, floors = judged_trial(
            self.context,
            *builds,
            labels=(label_a, label_b),
            cases=self.task.cases_for(Use.TIME),
            policy=policy or final_policy(sum(f.outer_s for f in self._timed())),
            repetitions=self._measured.repetitions,
            on_round=on_round,
            compared=(None if a == self.task.tree else ALWAYS, ALWAYS),
        )
        if comparison is None or floors.failure is not None:
            assert floors.failure is not None
            return floors.failure
        first = FLOORS.judge(self.context, comparison.samples("a"))
        return first.failure or comparison

    def held_out(self, tree: Tree) -> GateResult:
        """The held-out cases of a tree that passed :meth:`check`."""
        self._say("running the held-out cases")
        build = self.context.builder.build(tree, self.context.toolchain, self.context.variant)
        if self._held_out is None:
            cases = choose(self.task, secrets.token_hex(16))
            add_measured = self._measured.cases.__setitem__
            self._held_out = run_originals(self.context, cases, self._expected, add_measured)
        return held_out_outputs(self.context, build, self._held_out)

    def timing(self, tree: Tree, policy: Policy) -> tuple[GateResult, Speedup | None]:
        """Whether the clock finds anything against `tree`, when it is timed beside the original; and the
        speedup, if not.
        """
        timed = self.time(self.task.tree, tree, label_a="original", label_b="candidate", policy=policy)
        if isinstance(timed, Failure):
            return GateResult.failed(timed), None
        return GateResult("timing", GateStatus.PASS), timed.speedup

    def profile(self, tree: Tree) -> Profile | None:
        """Where the time goes; None when no profiler works here or the tree does not build."""
        self._say("profiling")
        return profile_build(self.context, tree, self._directory)

    def _floors(self, tree: Tree) -> GateResult:
        """One timed execution of every timed case: enough to see a time that cannot be."""
        if reason := FLOORS.available(self.context):
            return GateResult(FLOORS.name, GateStatus.NOT_AVAILABLE, reason=reason)
        build = self.context.timed_build(tree)
        if build.failure is not None:
            return GateResult.failed(build.failure)
        sample = sampler(self.context, build, self._measured.repetitions)
        try:
            taken = {case.name: [sample(case.name)] for case in self.task.cases_for(Use.TIME)}
        except SampleFailed as failed:
            return GateResult.failed(failed.failure)
        return FLOORS.judge(self.context, taken)

    def _timed(self) -> list[CaseFacts]:
        return [self._measured.cases[case.name] for case in self.task.cases_for(Use.TIME)]

    def _prepare(self) -> None:
        own = own_variant(self.context.variant, self.task)
        run_needed_cases(
            self.context, self._expected, frozenset(), self._measured.cases.__setitem__, self._say
        )
        native = native_variant(self.context.variant, self.task)
        # As in a run: the flags of the baseline, as far as they leave the result as it is.
        wrong = try_variant(self.context, build_original(self.context, native), self._measured.cases).problem
        flags = own.flags if wrong else native.flags
        context = completed(self.context, Baseline("own" if wrong else "native", 0.0, flags=flags), None)
        if self._home is not None and (not context.untimed or gpu()):
            runner, scratch = context.cases.runner, self._directory.scratch
            machine = machine_facts(self._home, context.toolchain, runner, scratch, self._say)
            context = replace(context, floors=machine.floors)
        self.context = context
