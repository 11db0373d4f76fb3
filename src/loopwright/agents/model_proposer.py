"""A language model as a proposer: the stages of an engineer's work, each with what it left behind.

Analysis (measured and proved by Loopwright itself), plan, write; repair after a failed gate, with that gate's
own evidence; refine, guided by the profile of the best so far; stop when the expected gain is inside the
noise.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.agents.asked import AskedBench
from loopwright.agents.lessons import Lesson, lessons_text
from loopwright.agents.memory import hot_classes
from loopwright.agents.model_calls import Calls
from loopwright.agents.model_facts import (
    analysis_values,
    candidate_values,
    cross_values,
    failure_text,
    outcome_text,
    task_values,
    version_text,
)
from loopwright.core.candidate import Candidate, Edit
from loopwright.core.modes import FailureMode
from loopwright.core.run import Evaluation
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure
from loopwright.models.edits import (
    MalformedEdit,
    NoChange,
    Proposal,
    expected_speedup,
    read_reply,
    stop_reason,
)
from loopwright.models.model import ModelFailure
from loopwright.models.templates import Stage
from loopwright.system.store import write_atomically
from loopwright.workbench.bench import Workbench

_LAST_REPLY = 8_000
_MOST_HISTORY = 12


@dataclass(frozen=True)
class ModelProposer:
    """Asks for edits one by one; each is evaluated before the next question, whose prompt tells of it.

    Attributes:
        asked: what the strategy has found out so far.
        attempts: ideas without a gain, in a row, before a parent is given up.
        repairs: tries to put a failed idea right.
        replies: unusable replies in a row (refused, empty, malformed) before the parent is given up.
        lessons: of earlier runs, to tell the model of.
        independent: ideas know nothing of one another, and go on after a success: what best-of-n wants.
    """

    calls: Calls
    asked: AskedBench
    attempts: int = 3
    repairs: int = 3
    replies: int = 3
    independent: bool = False
    lessons: tuple[Lesson, ...] = ()

    def propose(self, parent: Candidate, bench: Workbench) -> Iterator[Edit]:
        """Edits of `parent`; a repaired version is an edit of `parent` too."""
        values = self.values(parent, bench)
        stage, plan = Stage.REFINE, ""
        if parent.id == bench.original.id:
            stage, plan = Stage.WRITE, self._plan(values, parent, bench)
            if reason := self.hopeless(expected_speedup(plan), stop_reason(plan), bench):
                self.stop(reason, parent, bench)
                return
        judged = False
        misses = 0
        while misses < self.attempts:
            history = "" if self.independent else self.history()
            proposal = self.ask_edit(stage, values | {"plan": plan, "history": history}, parent, bench)
            if proposal is None:
                return
            if reason := self.hopeless(proposal.expected, proposal.stop, bench):
                self.stop(reason, parent, bench)
                return
            outcome = yield from self._followed(proposal, stage, parent, bench)
            won = outcome is not None and outcome.promoted
            if won and not self.independent:
                return
            misses = 0 if won else misses + 1
            judged = judged or outcome is not None
        # A strategy that takes several edits at once judges them later: then nothing is known of them here.
        if judged:
            self.stop(f"{self.attempts} attempts in a row brought nothing", parent, bench)

    def cross(self, first: Candidate, second: Candidate, bench: Workbench) -> Iterator[Edit]:
        """A child of two candidates with what is good in both, as an edit of `first`; then its repairs."""
        values = {**self.values(first, bench), **cross_values(bench, first, second, self.asked.answers)}
        proposal = self.ask_edit(Stage.CROSS, values | {"history": self.history()}, first, bench)
        if proposal is not None and not proposal.stop:
            yield from self._followed(proposal, Stage.CROSS, first, bench)

    def _followed(
        self, proposal: Proposal, stage: Stage, parent: Candidate, bench: Workbench
    ) -> Generator[Edit, None, Evaluation | None]:
        """The edit, then its repairs as long as it fails. Returns what was found out about the last of them,
        None for an edit that the strategy has not judged when it asks for the next one: it is not repaired.
        """
        files, title = parent.files.replaced(proposal.changes), proposal.title
        for repair in range(self.repairs + 1):
            edit = edit_of(parent, files, title, stage)
            yield edit
            candidate = parent.edited(edit)
            evaluation = self.asked.answers.get(candidate.id)
            if evaluation is None or evaluation.verdict.passed or repair == self.repairs:
                return evaluation
            fixed = self._repair(candidate, evaluation, bench)
            if fixed is None or fixed.stop:
                return evaluation
            files, stage = files.replaced(fixed.changes), Stage.REPAIR
            title = f"{proposal.title} (repaired)"
        return None

    def _plan(self, values: Mapping[str, Any], parent: Candidate, bench: Workbench) -> str:
        """The plan, empty when none could be had: then the model writes without one."""
        for _ in range(self.replies):
            answer = self.calls.ask(Stage.PLAN, values, about=parent.id).answer
            if not isinstance(answer, ModelFailure):
                keep(bench, parent, "plan.md", answer.text)
                return answer.text.strip()
        return ""

    def _repair(self, failed: Candidate, evaluation: Evaluation, bench: Workbench) -> Proposal | None:
        failure = evaluation.verdict.failure
        assert failure is not None
        values = {
            **task_values(bench),
            **candidate_values(bench, failed, measured=False),
            "title": evaluation.title,
            "failure": failure_text(failure),
        }
        return self.ask_edit(Stage.REPAIR, values, failed, bench)

    def ask_edit(
        self, stage: Stage, values: Mapping[str, Any], about: Candidate, bench: Workbench
    ) -> Proposal | None:
        """A usable edit of `about`, or None after too many replies that were none."""
        again, last = "", ""
        for _ in range(self.replies):
            asked = self.calls.ask(stage, {**values, "again": again, "last_reply": last}, about=about.id)
            if isinstance(asked.answer, ModelFailure):
                again, last = asked.answer.message, ""
                continue
            try:
                return read_reply(asked.answer.text, about.files, bench.task.is_editable)
            except MalformedEdit as error:
                mode = FailureMode.NO_CHANGE if isinstance(error, NoChange) else FailureMode.MALFORMED_EDIT
                failure = Failure(mode, "edit", str(error))
                bench.reject(f"{stage} by {self.calls.model.name}", failure, key=asked.key)
                again, last = str(error), asked.answer.text[:_LAST_REPLY]
        self.stop(f"{self.replies} unusable replies in a row: {again}", about, bench)
        return None

    def values(self, parent: Candidate, bench: Workbench) -> dict[str, Any]:
        """What a prompt about a version that works may tell; the analysis is kept as evidence."""
        analysis = self.calls.render(Stage.ANALYSIS, analysis_values(bench, parent)).strip()
        keep(bench, parent, "analysis.md", analysis)
        told = version_text(self.asked.answers.get(parent.id))
        return {
            **task_values(bench),
            **candidate_values(bench, parent),
            "analysis": analysis,
            "best": told,
            "lessons": self._taught(bench),
        }

    def _taught(self, bench: Workbench) -> str:
        if not self.lessons:
            return ""
        return lessons_text(self.lessons, bench.machine.machine.key, hot_classes(bench))

    def history(self) -> str:
        """What was tried so far, in the order of the journal."""
        return "\n".join([outcome_text(e) for e in self.asked.in_order()][-_MOST_HISTORY:])

    def hopeless(self, expected: float | None, stop: str, bench: Workbench) -> str:
        """Why it is not worth going on; empty when it is."""
        if stop:
            return f"the model stops: {stop}"
        noise = bench.machine.noise.ratio
        if expected is not None and expected <= noise:
            return f"the expected gain of {expected:g}x is inside the noise of {noise:.3f}x"
        return ""

    def stop(self, reason: str, parent: Candidate, bench: Workbench) -> None:
        """Note in the journal, once, why nothing more is asked for `parent`."""
        if not any(e.kind == "agent-stop" and e.data["candidate"] == parent.id for e in bench.journal.events):
            bench.journal.write("agent-stop", candidate=parent.id, reason=reason)


def edit_of(parent: Candidate, files: Tree, title: str, stage: Stage) -> Edit:
    """The edit that makes `files` of `parent`."""
    return Edit(parent.files.changes_to(files), title, speculative=True, details={"stage": stage.value})


def keep(bench: Workbench, candidate: Candidate, name: str, text: str) -> None:
    """Keep what a stage left behind with the evidence about a candidate."""
    path = bench.directory.evidence(candidate.id) / name
    write_atomically(path, (text.rstrip() + "\n").encode("utf-8", "surrogateescape"))
