"""What an outside agent may ask of a run: the operations behind the door, each a JSON object in and out.

An outside agent gets what the built-in ones get, and nothing more: no held-out case, no expected output, no
other run, nothing of the machine but what a prompt tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loopwright.agents.answers import check_answer, evaluation_answer, profile_answer, speedup_answer
from loopwright.agents.loop_rows import loop_rows
from loopwright.agents.workspace import MalformedWorkspace, read_candidate, visible_task
from loopwright.core.candidate import Candidate
from loopwright.core.modes import FailureMode
from loopwright.core.run import Evaluation
from loopwright.core.verdict import Failure
from loopwright.profilers.condense import condense
from loopwright.workbench.bench import BudgetSpent, Workbench
from loopwright.workbench.records import to_data

SCHEMA = 1
_MOST_REFUSALS = 100
_MOST_TIMED_LATE = 3
_LONGEST_NOTE = 300


def evaluate_workspace(bench: Workbench, workspace: Path, *, timed: bool) -> Evaluation:
    """Evaluate the files in `workspace` as they are now. Raises BudgetSpent."""
    title = "the workspace as it was"
    try:
        candidate = read_candidate(workspace, bench.task, parent=bench.original, title=title)
    except MalformedWorkspace as error:
        return bench.reject(title, Failure(FailureMode.MALFORMED_EDIT, "edit", str(error)))
    return bench.evaluate(candidate, timed=timed)


def settle_workspace(bench: Workbench, workspace: Path) -> None:
    """At the end of an outside agent's work: judge what it left, and time what it checked but never timed.

    Versions that passed a `check` have no time, so none of them could have become the best; the newest few
    are timed now, as far as the budget allows. Raises BudgetSpent.
    """
    evaluate_workspace(bench, workspace, timed=True)
    untimed = [e for e in bench.evaluations if e.verdict.passed and e.speedup is None]
    for evaluation in untimed[: -_MOST_TIMED_LATE - 1 : -1]:
        bench.evaluate(bench.candidate(evaluation.candidate))


class Service:
    """Answers requests about one workspace. Thread-safe as far as the workbench is: it has one clock."""

    def __init__(self, bench: Workbench, workspace: Path) -> None:
        self.bench = bench
        self.workspace = workspace
        self._refused = 0
        self._operations: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
            "task": lambda request: self._task(),
            "analyze": lambda request: self._analyze(),
            "check": lambda request: check_answer(self._evaluated(timed=False).verdict),
            "time": lambda request: evaluation_answer(self._evaluated(timed=True)),
            "profile": lambda request: self._profile(),
            "remarks": lambda request: self._remarks(),
            "history": lambda request: self._history(),
            "refused": self._note_refusal,
        }

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one request; never raises for what an agent does."""
        operation = request.get("operation")
        if not isinstance(operation, str) or operation not in self._operations:
            known = ", ".join(self._operations)
            return {"schema": SCHEMA, "error": f"unknown operation {str(operation)[:40]!r}; known: {known}"}
        try:
            return self._operations[operation](request)
        except BudgetSpent as spent:
            return {"schema": SCHEMA, "error": f"the budget is spent: {spent}"}
        except MalformedWorkspace as error:
            return {"schema": SCHEMA, "error": str(error)}

    def _evaluated(self, *, timed: bool) -> Evaluation:
        return evaluate_workspace(self.bench, self.workspace, timed=timed)

    def _candidate(self) -> Candidate:
        return read_candidate(self.workspace, self.bench.task, parent=self.bench.original, title="looked at")

    def _task(self) -> dict[str, Any]:
        bench, task = self.bench, visible_task(self.bench.task)
        budget = bench.settings.budget
        used = len(bench.evaluations)
        return {
            "schema": SCHEMA,
            "name": task.name,
            "summary": task.summary,
            "language": task.language.value,
            "target": bench.settings.target.value,
            "editable": sorted(task.editable_files),
            "files": sorted(task.tree),
            "kernel": task.kernel.contract if task.kernel else None,
            "cases": [{"name": c.name, "use": c.use.value, "args": list(c.args), "params": dict(c.params)}
                      for c in task.cases],
            "tolerance": to_data(task.output.tolerance),
            "compiler": f"{bench.context.toolchain.name} {' '.join(bench.baseline.built_with)}",
            "threads": bench.context.threads[-1],
            "machine": {"cpu": bench.machine.machine.cpu, "cores": bench.machine.machine.cores},
            "baseline_wall_s": bench.baseline.wall_s,
            "noise": bench.machine.noise.ratio,
            "evaluations_left": None if budget.evaluations is None else max(0, budget.evaluations - used),
            "seconds_left": bench.remaining_s,
        }  # fmt: skip

    def _analyze(self) -> dict[str, Any]:
        tree = self.bench.tree(self._candidate())
        return {"schema": SCHEMA, "loops": loop_rows(self.bench.task, tree)}

    def _profile(self) -> dict[str, Any]:
        profile = self.bench.profile(self._candidate())
        if profile is None:
            return {"schema": SCHEMA, "error": "no profile: it does not build, or no profiler works here"}
        return profile_answer(profile)

    def _remarks(self) -> dict[str, Any]:
        """What the compiler said about the hot places: the same choice as in reports and prompts."""
        candidate = self._candidate()
        profile = self.bench.profile(candidate)
        if profile is None:
            return {"schema": SCHEMA, "error": "no remarks: it does not build, or no profiler works here"}
        spots = condense(profile, self.bench.tree(candidate))
        return {
            "schema": SCHEMA,
            "places": [
                {"file": s.file, "first": s.first, "last": s.last, "share": s.share, "function": s.function,
                 "remarks": [to_data(r) for r in s.remarks]}
                for s in spots
            ],
        }  # fmt: skip

    def _history(self) -> dict[str, Any]:
        rows = [
            {
                "number": e.number,
                "candidate": e.candidate,
                "title": e.title,
                "verdict": "pass" if e.verdict.passed else "fail",
                "failure": None
                if e.verdict.failure is None
                else {"mode": e.verdict.failure.mode.value, "message": e.verdict.failure.message},
                "speedup": speedup_answer(e.speedup) if e.speedup else None,
                "best": e.candidate == self.bench.best.id,
            }
            for e in self.bench.evaluations
        ]
        return {"schema": SCHEMA, "evaluations": rows}

    def _note_refusal(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Something was asked for that is not to be had: it goes into the record of the run."""
        self._refused += 1
        if self._refused <= _MOST_REFUSALS:
            what = str(request.get("what", ""))[:_LONGEST_NOTE]
            self.bench.journal.write(
                "refused", what=what, reason=str(request.get("reason", ""))[:_LONGEST_NOTE]
            )
        return {"schema": SCHEMA}
