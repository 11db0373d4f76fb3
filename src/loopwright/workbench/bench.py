"""The workbench: the one door through which every candidate goes, and the memory of a run."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from loopwright.core.candidate import Candidate
from loopwright.core.profile import Profile
from loopwright.core.run import Baseline, Evaluation
from loopwright.core.task import Case, Use
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.gates.chain import run_gates
from loopwright.gates.gate import Context, Gate, Stage, Subject
from loopwright.gates.registry import GATES
from loopwright.system.execution import Runner
from loopwright.system.load import OthersMeter
from loopwright.timing.promotion import is_promoted
from loopwright.workbench.baseline import (
    CaseFacts,
    measure_baseline,
    median_wall_s,
    run_needed_cases,
)
from loopwright.workbench.context import Measured, completed, make_context
from loopwright.workbench.expected import ExpectedOutputs
from loopwright.workbench.fit import require_fit
from loopwright.workbench.journal import Event, Journal, Observer, silent
from loopwright.workbench.last_samples import LastSamples
from loopwright.workbench.machine_file import MachineFacts, machine_facts
from loopwright.workbench.profiling import profile_build
from loopwright.workbench.records import from_data, to_data
from loopwright.workbench.rundir import RunDirectory, open_run, original_candidate, restored_candidate
from loopwright.workbench.trials import chained, trial_beside_best


class BudgetSpent(Exception):
    """The run's budget does not allow another evaluation. Ends an agent's work; not an error."""


class Workbench:
    """Builds, gates, times and records candidates of one run.

    Evaluations are remembered by the content of the candidate: asking again costs nothing and counts
    nothing. That is also how a run resumes: its agent starts from the beginning, and everything that is in
    the journal is answered from there.

    Calls of `evaluate` are serialised by a lock: there is one clock and one machine.
    """

    def __init__(
        self,
        directory: RunDirectory,
        *,
        observer: Observer = silent,
        runner: Runner | None = None,
        gates: tuple[Gate, ...] = GATES,
    ) -> None:
        self.directory = directory
        _, self.task, self.settings, _ = open_run(directory.path)
        self.others = OthersMeter()
        self.lineage = directory.lineage
        self.journal = Journal(directory.journal, observer)
        self.gates = gates
        self.expected = ExpectedOutputs(directory.reference)
        self.original = original_candidate(self.task)
        self._measured = Measured({})
        self.context: Context = make_context(
            self.task, self.settings, directory, self.expected, self._measured, runner=runner
        )
        self._lock = threading.RLock()
        self._candidates: dict[str, Candidate] = {self.original.id: self.original}
        self._evaluations: dict[str, Evaluation] = {}
        self._profiles: dict[str, Profile] = {}
        self._beside = LastSamples()
        self._baseline: Baseline | None = None
        self._prepared_s = 0.0
        self._machine: MachineFacts | None = None
        self._best_id = self.original.id
        self._best_speedup = 1.0
        self._replay()

    # What an agent may look at ---------------------------------------------------------------

    @property
    def baseline(self) -> Baseline:
        """The original's times. Known after :meth:`prepare`."""
        if self._baseline is None:
            raise RuntimeError("prepare() comes first")
        return self._baseline

    @property
    def machine(self) -> MachineFacts:
        """Machine, floors and noise. Known after :meth:`prepare`."""
        if self._machine is None:
            raise RuntimeError("prepare() comes first")
        return self._machine

    @property
    def best(self) -> Candidate:
        """The incumbent; the original until something was promoted."""
        return self._candidates[self._best_id]

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """All evaluations so far, in order of their numbers."""
        return tuple(sorted(self._evaluations.values(), key=lambda e: e.number))

    @property
    def remaining_s(self) -> float | None:
        """Seconds of the budget that are left, None without a limit."""
        return self.settings.budget.remaining_s(self.journal.run_s, prepared_s=self._prepared_s)

    @property
    def untimed(self) -> str:
        """Why nothing is timed in this run; "" when candidates are."""
        return self.context.untimed

    @property
    def translates(self) -> bool:
        """Whether candidates are programs for processors, and the original is a CUDA program."""
        return self.context.translates

    def candidate(self, candidate_id: str) -> Candidate:
        """A candidate of this run by its id; KeyError when there is none."""
        return self._candidates[candidate_id]

    def history(self, candidate: Candidate) -> str:
        """The titles of all edits that led from the original to `candidate`, in order."""
        titles: list[str] = []
        current = candidate
        while current.parent is not None and current.id != self.original.id:
            titles.append(current.title)
            current = self._candidates[current.parent]
        return "; ".join(reversed(titles)) or candidate.title

    def tree(self, candidate: Candidate) -> Tree:
        """The complete tree of a candidate: protected files are those of the task, unless it brought
        others along, which the integrity gate will see.
        """
        kept = {p: c for p, c in self.task.tree.items() if not self.task.is_editable(p)}
        return Tree({**kept, **candidate.files})

    # The door --------------------------------------------------------------------------------

    def prepare(self) -> Baseline:
        """Measure machine and original, once. Does nothing on a run that is resumed after it.

        Raises:
            TaskError: when the original does not build, does not run, or is not deterministic.
        """
        with self._lock:
            if self._machine is None:
                self._machine = machine_facts(
                    self.directory.home, self.context.toolchain, self.context.cases.runner,
                    self.directory.scratch, self._say,
                )  # fmt: skip
                self.journal.write("machine", facts=to_data(self._machine))
            if self._baseline is None:
                self._prepare_baseline()
            self.context = completed(self.context, self.baseline, self.machine.floors)
            return self.baseline

    def evaluate(self, candidate: Candidate, *, timed: bool = True, glance: bool = False) -> Evaluation:
        """Judge `candidate`: integrity, build, outputs; then, when `timed`, a promotion trial. Where nothing
        can be timed (`untimed`), a verified candidate that goes on from the best is promoted in its place.

        With `glance` a single round takes the place of the trial: cheap, and nothing is promoted by it.
        Evaluating the candidate without it goes on from there, and is the same evaluation.

        A failure is a value in the result. Timing is against the incumbent, in turn with it; the speedup
        over the baseline is chained through the incumbent's own until the end of the run, where the winner
        is timed beside the original again.

        Raises:
            BudgetSpent: when the budget does not allow it. A candidate that was judged before is free.
        """
        with self._lock:
            known = self._evaluations.get(candidate.id)
            best = self._best_id if self.untimed else None
            if known is not None and known.answers(timed=timed, glance=glance, untimed_best=best):
                return known
            if candidate.id == self.original.id:
                return self._evaluate_original()
            self._check_budget(new=known is None)
            self._candidates.setdefault(candidate.id, candidate)
            tree = self.tree(candidate)
            self.lineage.add(candidate, tree)
            number = known.number if known else len(self._evaluations) + 1
            begun_s = self.journal.run_s
            self.journal.write(
                "evaluating", candidate=candidate.id, number=number, title=candidate.title,
                parent=candidate.parent, proof=candidate.proof, speculative=candidate.speculative,
                details=dict(candidate.details or {}),
            )  # fmt: skip
            trial: Comparison | None = None
            if known is not None:
                verdict = known.verdict
            else:
                verdict, _ = run_gates(self.gates, Stage.EVERY, Subject(tree), self.context)
            if verdict.passed and timed and not self.untimed:
                self._say(f"{'glancing at' if glance else 'timing'} {candidate.id} against the best so far")
                trial, result = self._trial(tree, glance)
                verdict = verdict.extended(result)
            extends = bool(self.untimed) and timed and verdict.passed and candidate.parent == self._best_id
            return self._record(candidate, number, verdict, trial, begun_s, glance=glance, extends=extends)

    def reject(self, title: str, failure: Failure, *, key: str = "") -> Evaluation:
        """Record an edit of which no candidate could be made. It counts as an evaluation.

        `key` names the edit: rejecting it again, in a run that is resumed, costs and counts nothing.

        Raises:
            BudgetSpent: as `evaluate`.
        """
        with self._lock:
            number = len(self._evaluations) + 1
            name = f"none-{key or number}"
            if name in self._evaluations:
                return self._evaluations[name]
            self._check_budget(new=True)
            evaluation = Evaluation(
                name, None, title, Verdict((GateResult.failed(failure),)), number=number,
                at_s=round(self.journal.run_s, 6),
            )  # fmt: skip
            self.journal.write("evaluation", evaluation=to_data(evaluation), comparison=None)
            self._remember(evaluation)
            return evaluation

    def profile(self, candidate: Candidate) -> Profile | None:
        """Where the time of `candidate` goes on the first timed case; None when no profiler works here."""
        with self._lock:
            if candidate.id not in self._profiles:
                self._say(f"profiling {candidate.id}")
                profile = profile_build(self.context, self.tree(candidate), self.directory)
                if profile is None:
                    return None
                self._profiles[candidate.id] = profile
                written = self.journal.write("profile", candidate=candidate.id, profile=to_data(profile))
                self._note_prepared(written)
            return self._profiles[candidate.id]

    def repetitions(self, case: Case) -> int:
        """Timed repetitions of a kernel in one execution of its driver; 1 for a program."""
        return self._measured.repetitions(case)

    def measured(self, case: Case) -> CaseFacts:
        """What the original needed for `case`; KeyError when it was not run."""
        return self._measured.cases[case.name]

    def execution_s(self) -> float:
        """Seconds that one execution of every timed case takes, the original's, set-up included."""
        return sum(self.measured(case).outer_s for case in self.task.cases_for(Use.TIME))

    def add_measured(self, case: str, facts: CaseFacts) -> None:
        """Note what the original needed for a case that was not run before (a held-out one)."""
        self._measured.cases[case] = facts
        self.journal.write("original", case=case, facts=to_data(facts))

    def close(self) -> None:
        """Release the journal."""
        self.journal.close()

    # Inside ----------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.journal.tell("progress", text=text)

    def _prepare_baseline(self) -> None:
        known = frozenset(name for name in self._measured.cases if self.expected.has(name))
        run_needed_cases(self.context, self.expected, known, self.add_measured, self._say)
        audit = require_fit(self.context, self.directory.home, self._say)
        if audit is not None:
            self.journal.write("audit", elapsed_s=round(audit.elapsed_s, 6), warnings=list(audit.warnings))
        measured = self._measured
        baseline, comparisons = measure_baseline(
            self.context, measured.cases, measured.repetitions, self._say
        )
        self._baseline = baseline
        self._note_prepared(self.journal.write(
            "baseline", baseline=to_data(baseline), comparisons=to_data(comparisons),
            toolchain=self.context.toolchain.name,
        ))  # fmt: skip
        if (limit_s := self.settings.budget.wall_s) is not None and self._prepared_s > limit_s:
            self._say(
                f"measuring the original took {self._prepared_s:.0f} s of a budget of {limit_s:g} s: "
                f"the search gets {self.remaining_s:.2g} s"
            )

    def _evaluate_original(self) -> Evaluation:
        """The original is its own baseline: nothing is measured, nothing counted."""
        passed = GateResult("outputs", GateStatus.PASS, reason="the original")
        return Evaluation(
            self.original.id, None, "original", Verdict((passed,)), Speedup(1.0, 1.0, 1.0, 0),
            wall_s=self.baseline.wall_s,
        )  # fmt: skip

    def _check_budget(self, *, new: bool) -> None:
        budget = self.settings.budget
        if new and budget.evaluations is not None and len(self._evaluations) >= budget.evaluations:
            raise BudgetSpent(f"{budget.evaluations} evaluations done")
        # Where nothing was tried yet, one that looked good is: else the whole search was for nothing.
        untried = all(e.speedup is None and e.verdict.passed for e in self._evaluations.values() if e.glance)
        if self.remaining_s == 0.0 and (new or not untried):
            raise BudgetSpent(f"{budget.wall_s:g} s spent")

    def _note_prepared(self, event: Event) -> None:
        if not self._evaluations:
            self._prepared_s = event.run_s

    def _trial(self, tree: Tree, glance: bool) -> tuple[Comparison | None, GateResult]:
        return trial_beside_best(
            self.context, self.tree(self.best), tree,
            best_id=self._best_id, execution_s=self.execution_s(), repetitions=self.repetitions,
            on_round=lambda s: self.journal.tell("round", estimate=s.estimate, rounds=s.rounds),
            glance=self._beside if glance else None,
        )  # fmt: skip

    def _record(
        self,
        candidate: Candidate,
        number: int,
        verdict: Verdict, trial: Comparison | None, begun_s: float,
        *, glance: bool, extends: bool,
    ) -> Evaluation:  # fmt: skip
        # A time that a gate refused is kept as raw samples, and is nobody's speedup.
        timed = trial if verdict.passed else None
        speedup = None if timed is None else chained(timed.speedup, self._best_speedup, self._best_id)
        known = self._evaluations.get(candidate.id)
        faster = timed is not None and not glance and is_promoted(timed.speedup, self.machine.noise)
        promoted = faster or extends
        evaluation = Evaluation(
            candidate=candidate.id,
            parent=candidate.parent,
            title=candidate.title,
            verdict=verdict,
            speedup=None if glance else speedup,
            against_best=timed.speedup if timed and not glance else None,
            glance=speedup if glance else known.glance if known else None,
            promoted=promoted,
            wall_s=median_wall_s(timed, "b") if timed else None,
            elapsed_s=round(self.journal.run_s - begun_s, 6),
            at_s=round(self.journal.run_s, 6),
            number=number,
        )
        if promoted:
            # Before the journal, so that whatever the journal calls best is best in the lineage too.
            self.lineage.set_best(candidate.id)
        self.journal.write(
            "evaluation", evaluation=to_data(evaluation), comparison=to_data(trial) if trial else None
        )
        self._remember(evaluation)
        self._discard_builds(candidate)
        return evaluation

    def _remember(self, evaluation: Evaluation) -> None:
        self._evaluations[evaluation.candidate] = evaluation
        if evaluation.promoted:
            self._best_id = evaluation.candidate
            self._best_speedup = evaluation.speedup.estimate if evaluation.speedup else 1.0

    def _discard_builds(self, candidate: Candidate) -> None:
        """Builds of what is not the best will not be run again; a long run must not fill the disk."""
        if candidate.id != self._best_id:
            self.context.discard(self.tree(candidate))

    def _replay(self) -> None:
        for event in self.journal.events:
            data: Mapping[str, object] = event.data
            match event.kind:
                case "machine":
                    self._machine = from_data(MachineFacts, data["facts"])
                case "original":
                    self._measured.cases[str(data["case"])] = from_data(CaseFacts, data["facts"])
                case "baseline":
                    self._baseline = from_data(Baseline, data["baseline"])
                    self._note_prepared(event)
                case "evaluation":
                    evaluation = from_data(Evaluation, data["evaluation"])
                    if (candidate := restored_candidate(self.lineage, self.task, evaluation)) is not None:
                        self._candidates[evaluation.candidate] = candidate
                    self._remember(evaluation)
                case "profile":
                    self._profiles[str(data["candidate"])] = from_data(Profile, data["profile"])
                    self._note_prepared(event)
        if self._baseline is not None and self._machine is not None:
            self.context = completed(self.context, self._baseline, self._machine.floors)
