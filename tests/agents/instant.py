"""A real workbench whose verdicts and times are made up at once, to test whole searches with models.

Journal, lineage, budget, resuming, analysis and moves are the real ones. Building, gates and the clock are
not: they have tests of their own, and here a hundred candidates have to be judged in a second.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from loopwright.core.candidate import Candidate
from loopwright.core.modes import FailureMode
from loopwright.core.profile import Profile
from loopwright.core.run import Evaluation
from loopwright.core.timing import Speedup
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.models.edits import WHOLE_BLOCK
from loopwright.models.model import Answer, Reply, Request, Usage
from loopwright.workbench.bench import Workbench
from loopwright.workbench.records import to_data
from loopwright.workbench.rundir import RunDirectory

Truth = Callable[[str], float]
"""The text of the first editable file to its true speedup; 0 for one that fails."""
EVALUATION_S = 700.0
CALL_S = 300.0
_IDEA = re.compile(r"/\* idea (\d+) \*/")


class InstantBench(Workbench):
    """Judges by `truth`, with a little noise that the content decides, and lets made-up seconds pass."""

    def __init__(self, run: Path, truth: Truth, *, resumable: bool = False) -> None:
        """Without `resumable` candidates are not kept in the lineage, which takes most of the time."""
        super().__init__(RunDirectory(run))
        self.truth = truth
        self.resumable = resumable
        self.journal.write("resumed", run=run.name)
        self.prepare()

    def pass_s(self, seconds: float) -> None:
        self.journal._before_s += seconds

    def profile(self, candidate: Candidate) -> Profile | None:
        return super().profile(self.original)

    def evaluate(self, candidate: Candidate, *, timed: bool = True, glance: bool = False) -> Evaluation:
        known = self._evaluations.get(candidate.id)
        if known is not None and known.answers(timed=timed, glance=glance):
            return known
        if candidate.id == self.original.id:
            return self._evaluate_original()
        self._check_budget(new=known is None)
        self._candidates.setdefault(candidate.id, candidate)
        if self.resumable:
            self.lineage.add(candidate, self.tree(candidate))
        number = known.number if known else len(self._evaluations) + 1
        self.journal.write("evaluating", candidate=candidate.id, number=number, title=candidate.title,
                           parent=candidate.parent, details=dict(candidate.details or {}))  # fmt: skip
        self.pass_s(EVALUATION_S)
        true = self.truth(next(iter(candidate.files.values())).decode())
        if true <= 0:
            failure = Failure(FailureMode.WRONG_OUTPUT, "outputs", "made up")
            verdict = Verdict((GateResult("outputs", GateStatus.FAIL, failure=failure),))
            made = Evaluation(candidate.id, candidate.parent, candidate.title, verdict, number=number)
        else:
            noise = int(hashlib.sha256(f"{candidate.id}{glance}".encode()).hexdigest()[:4], 16) / 65536 - 0.5
            seen = true * (1 + noise * (0.04 if glance else 0.01))
            before = self._best_speedup
            value = Speedup(seen, seen * 0.99, seen * 1.01, 8)
            made = Evaluation(
                candidate.id, candidate.parent, candidate.title,
                Verdict((GateResult("outputs", GateStatus.PASS),)),
                speedup=None if glance else value,
                against_best=None if glance else replace(
                    value, estimate=seen / before, low=seen * 0.99 / before, high=seen * 1.01 / before
                ),
                glance=value if glance else known.glance if known else None,
                promoted=not glance and value.low > before, number=number,
            )  # fmt: skip
        self.journal.write("evaluation", evaluation=to_data(made), comparison=None)
        self._remember(made)
        return made


@dataclass
class Chatty:
    """A model that always has another idea: whatever it is asked, in the form that is asked for.

    `ideas` is called with the text of the question and the number of the call.
    """

    ideas: Callable[[str, int], str]
    bench: Workbench | None = None
    cost_usd: float = 0.01
    name: str = "chatty"
    is_priced: bool = True
    made: int = 0
    asked: list[Request] = field(default_factory=list)

    def complete(self, request: Request) -> Answer:
        self.made += 1
        self.asked.append(request)
        if isinstance(self.bench, InstantBench):
            self.bench.pass_s(CALL_S)
        text = self.ideas(request.messages[-1].text, self.made)
        # Always the same, since the length of a prompt depends on what was measured here.
        usage = Usage(1_000, min(100, request.most_tokens))
        return Reply(text, usage, self.name, cost_usd=self.cost_usd)


def marks(text: str) -> list[int]:
    """The ideas that a text holds, by number."""
    return [int(found) for found in _IDEA.findall(text)]


def marked(text: str) -> float:
    """The truth about files with ideas: each gains, and so does OpenMP; every fifth is wrong as the last."""
    found = marks(text)
    if found and found[-1] % 5 == 0:
        return 0.0
    return 1.06 ** len(found) * (1.3 if "#pragma omp" in text else 1.0)


def another_idea(prompt: str, number: int) -> str:
    """A reply for any stage: the next idea as a mark at the end of the file that the prompt shows.

    Now and then it is no edit at all.
    """
    if "STEP: what to change" in prompt:
        return "STEP: first idea\nSTEP: second idea\nEXPECT: 2.0x"
    if "You test for" in prompt:
        return "OBJECTION: a race" if number % 4 == 0 else "VERDICT: fine"
    shown = WHOLE_BLOCK.search(prompt)
    if shown is None or "No code and no plan" in prompt or "Do not write code yet" in prompt:
        return "It waits for memory. EXPECT: 2.0x"
    if number % 6 == 0:
        return "I would rather talk about something else."
    content = f"{shown['content']}/* idea {number} */\n"
    return f"TITLE: idea {number}\nFILE {shown['path']}\n<<<<<<< WHOLE\n{content}>>>>>>> END\n"
