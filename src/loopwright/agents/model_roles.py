"""A language model that plays all parts of a team, each with a prompt of its own and what it left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.agents.model_facts import candidate_values, diff_text, failure_text, task_values
from loopwright.agents.model_proposer import ModelProposer, edit_of, keep
from loopwright.core.candidate import Candidate, Edit
from loopwright.core.verdict import Failure
from loopwright.models.edits import expected_speedup, stop_reason
from loopwright.models.model import ModelFailure
from loopwright.models.roles import objections_of, steps_of
from loopwright.models.templates import Stage
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class ModelTeam:
    """The parts of :class:`loopwright.agents.agent.Team`. Artefacts: `diagnosis.md` and `plan.md` beside the
    version that is worked on, `review.md` and `cause.md` beside the one that they are about.
    """

    model: ModelProposer

    def propose(self, parent: Candidate, bench: Workbench) -> Iterator[Edit]:
        """Edits of `parent` without a team."""
        return self.model.propose(parent, bench)

    def diagnose(self, parent: Candidate, bench: Workbench) -> str:
        """The profile reader."""
        return self._told(Stage.PROFILER, self.model.values(parent, bench), parent, bench, "diagnosis.md")

    def plan(self, parent: Candidate, diagnosis: str, bench: Workbench) -> tuple[str, ...]:
        """The planner. No step when it stops, expects less than the noise, or gives no usable reply."""
        values = self.model.values(parent, bench) | {"diagnosis": diagnosis, "history": self.model.history()}
        text = self._told(Stage.PLANNER, values, parent, bench, "plan.md")
        reason = self.model.hopeless(expected_speedup(text), stop_reason(text), bench)
        if not text or reason:
            self.model.stop(reason or "the planner gave no usable reply", parent, bench)
            return ()
        return steps_of(text)

    def write(
        self, parent: Candidate, shown: Candidate, step: str, advice: str, bench: Workbench
    ) -> Edit | None:
        """The writer."""
        works = shown.id == parent.id
        values = {
            **task_values(bench),
            **candidate_values(bench, shown, measured=works),
            "step": step,
            "advice": advice,
        }
        proposal = self.model.ask_edit(Stage.WRITER, values, shown, bench)
        if proposal is None or proposal.stop:
            return None
        return edit_of(parent, shown.files.replaced(proposal.changes), proposal.title, Stage.WRITER)

    def review(self, parent: Candidate, edit: Edit, step: str, bench: Workbench) -> str:
        """The tester as a reader of what was written."""
        values = self._tested(parent.edited(edit), step, bench) | {"failure": ""}
        return objections_of(self._told(Stage.TESTER, values, parent.edited(edit), bench, "review.md"))

    def explain(self, failed: Candidate, step: str, failure: Failure, bench: Workbench) -> str:
        """The tester as a reader of what the gate said. The gate's own words come first."""
        told = failure_text(failure)
        values = self._tested(failed, step, bench) | {"failure": told}
        cause = self._told(Stage.TESTER, values, failed, bench, "cause.md")
        return f"{told}\n\n{cause}".strip()

    def _tested(self, candidate: Candidate, step: str, bench: Workbench) -> dict[str, Any]:
        return {
            **task_values(bench),
            **candidate_values(bench, candidate, measured=False),
            "step": step,
            "diff": diff_text(bench, candidate),
        }

    def _told(
        self, stage: Stage, values: Mapping[str, Any], about: Candidate, bench: Workbench, name: str
    ) -> str:
        """A reply in words, kept as `name`; empty when none could be had."""
        for _ in range(self.model.replies):
            answer = self.model.calls.ask(stage, values, about=about.id).answer
            if not isinstance(answer, ModelFailure):
                keep(bench, about, name, answer.text)
                return answer.text.strip()
        return ""
