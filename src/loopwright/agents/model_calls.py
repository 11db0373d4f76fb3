"""Questions to a model during a run: within the budget, in the journal, and never paid for twice."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loopwright.core.errors import Interrupted
from loopwright.models.canned import recorded_answer
from loopwright.models.model import (
    Answer,
    Message,
    Model,
    ModelFailure,
    Reply,
    Request,
    Role,
    Trouble,
    estimated_usage,
)
from loopwright.models.retry import Patient
from loopwright.models.secrets import redacted
from loopwright.models.templates import Stage, render
from loopwright.system.store import write_atomically
from loopwright.workbench.bench import BudgetSpent, Workbench
from loopwright.workbench.records import to_data
from loopwright.workbench.spending import MODEL_CALL

_TIME_OUT_S = 600.0
_MOST_TOKENS = 16_000
"""As much as most models can write at once; more would be rejected by many."""
_LEAST_TOKENS = 200


@dataclass(frozen=True)
class Asked:
    """An answer, and a name for the question that stays the same when the run is resumed."""

    answer: Answer
    key: str


@dataclass(frozen=True)
class Spent:
    """What calls have used so far. `cost_usd` counts known costs; `unknown` is the number of others."""

    tokens: int = 0
    cost_usd: float = 0.0
    unknown: int = 0
    calls: int = 0
    attempts: int = 0

    def plus(self, answer: Answer) -> Spent:
        """With one call more."""
        return Spent(
            self.tokens + answer.usage.tokens,
            self.cost_usd + (answer.cost_usd or 0.0),
            self.unknown + (answer.cost_usd is None),
            self.calls + 1,
            self.attempts + answer.attempts,
        )


class Calls:
    """Asks a model for one run, and remembers.

    An answer that is in the journal already (the run was resumed) is taken from there: the same question gets
    the recorded answers in their order, then real ones. Every real call is in the journal with its tokens and
    cost, and as a readable file below `evidence/model/`.
    """

    def __init__(self, bench: Workbench, open_model: Callable[[int], Model]) -> None:
        """`open_model` makes the model, given how many answers this run had from it already."""
        self.bench = bench
        self.spent = Spent()
        self._recorded: defaultdict[str, list[Answer]] = defaultdict(list)
        self._asked: Counter[str] = Counter()
        for event in bench.journal.events:
            if event.kind == MODEL_CALL:
                answer = recorded_answer(event.data)
                self.spent = self.spent.plus(answer)
                if not (isinstance(answer, ModelFailure) and answer.trouble.passes):
                    self._recorded[event.data["digest"]].append(answer)
        self.model = open_model(self.spent.attempts)
        self._patient = Patient(self.model, may_wait=self._may_wait)
        self._prompts = _frozen_prompts(bench)

    def render(self, kind: str, values: Mapping[str, Any]) -> str:
        """A prompt for this run's tier and target."""
        settings = self.bench.settings
        return render(kind, settings.model.tier, settings.target.value, values, folder=self._prompts)

    def ask(self, stage: Stage, values: Mapping[str, Any], *, about: str) -> Asked:
        """Ask for `stage` about the candidate `about`.

        Raises:
            BudgetSpent: before a call that the budget does not allow.
            Interrupted: when the model cannot be reached; the run can be resumed.
            UsageError: for what only the user can put right (a wrong key).
        """
        request = Request(
            (
                Message(Role.SYSTEM, self.render("system", {})),
                Message(Role.USER, self._without_paths(self.render(stage.value, values))),
            )
        )
        digest = request.digest
        key = f"{digest[:12]}-{self._asked[digest]}"
        recorded = self._recorded[digest]
        if self._asked[digest] < len(recorded):
            answer = recorded[self._asked[digest]]
            self._asked[digest] += 1
            return Asked(answer, key)
        self._asked[digest] += 1
        return Asked(self._real(stage, request, about), key)

    def _real(self, stage: Stage, request: Request, about: str) -> Answer:
        request = self._bounded(request)
        self.bench.journal.tell("progress", text=f"asking {self.model.name}: {stage}")
        answer = _without_secrets(self._patient.complete(request))
        self.spent = self.spent.plus(answer)
        self._record(stage, request, answer, about)
        if isinstance(answer, ModelFailure) and answer.trouble.passes:
            if answer.trouble is Trouble.TIME_OUT and self.bench.remaining_s == 0.0:
                raise BudgetSpent(f"{self.bench.settings.budget.wall_s:g} s spent")
            raise Interrupted(
                f"{self.model.name} cannot be reached ({answer.trouble}, {answer.attempts} attempts): "
                f"{answer.message}",
                hint=f"when it is back: loopwright runs resume {self.bench.directory.path}",
            )
        return answer

    def _without_paths(self, prompt: str) -> str:
        """Where the run lies on this machine is nobody's business, and differs when it is moved."""
        return prompt.replace(str(self.bench.directory.path), "RUN")

    def _bounded(self, request: Request) -> Request:
        """The request within what is left of the budget. Raises BudgetSpent when nothing is."""
        budget = self.bench.settings.budget
        if budget.evaluations is not None and len(self.bench.evaluations) >= budget.evaluations:
            raise BudgetSpent(f"{budget.evaluations} evaluations done")
        if budget.calls is not None and self.spent.calls >= budget.calls:
            raise BudgetSpent(f"{budget.calls} calls made")
        if budget.cost_usd is not None and self.spent.cost_usd >= budget.cost_usd:
            raise BudgetSpent(f"{self.spent.cost_usd:.4f} of {budget.cost_usd:g} US dollars spent")
        most_tokens = _MOST_TOKENS
        if budget.tokens is not None:
            left = budget.tokens - self.spent.tokens - estimated_usage(request, "").input_tokens
            if left < _LEAST_TOKENS:
                raise BudgetSpent(
                    f"{self.spent.tokens} of {budget.tokens} tokens used; too few are left for a question"
                )
            most_tokens = min(most_tokens, left)
        timeout_s = _TIME_OUT_S
        if (remaining_s := self.bench.remaining_s) is not None:
            if remaining_s <= 0:
                raise BudgetSpent(f"{budget.wall_s:g} s spent")
            timeout_s = min(timeout_s, remaining_s)
        return replace(request, most_tokens=most_tokens, timeout_s=timeout_s)

    def _may_wait(self, seconds: float) -> bool:
        remaining_s = self.bench.remaining_s
        return remaining_s is None or remaining_s > seconds

    def _record(self, stage: Stage, request: Request, answer: Answer, about: str) -> None:
        number = self.spent.calls
        failed = isinstance(answer, ModelFailure)
        transcript = self.bench.directory.evidence("model") / f"{number:04d}-{stage}.md"
        write_atomically(
            transcript, redacted(_transcript(request, answer)).encode("utf-8", "surrogateescape")
        )
        self.bench.journal.write(
            MODEL_CALL,
            call=number,
            stage=stage.value,
            candidate=about,
            model=self.model.name,
            tier=self.bench.settings.model.tier,
            digest=request.digest,
            prompt=transcript.relative_to(self.bench.directory.path).as_posix(),
            answer=None if failed else to_data(answer),
            failure=to_data(answer) if failed else None,
            spent=to_data(self.spent),
        )


def _transcript(request: Request, answer: Answer) -> str:
    lines = [f"# {message.role}\n\n{message.text}\n" for message in request.messages]
    if isinstance(answer, Reply):
        lines.append(f"# reply\n\n{answer.text}\n")
    else:
        lines.append(f"# failure: {answer.trouble}\n\n{answer.message}\n\n{answer.text}\n")
    return "\n".join(lines)


def _without_secrets(answer: Answer) -> Answer:
    if isinstance(answer, ModelFailure):
        return replace(answer, text=redacted(answer.text), message=redacted(answer.message))
    return replace(answer, text=redacted(answer.text))


def _frozen_prompts(bench: Workbench) -> Path | None:
    """The user's templates as they were when the run began, so that it can be resumed and looked at later."""
    if bench.settings.model.prompts is None:
        return None
    kept = bench.directory.path / "prompts"
    if not kept.exists():
        incoming = bench.directory.path / "prompts.incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir()
        for path in sorted(Path(bench.settings.model.prompts).glob("*.j2")):
            shutil.copyfile(path, incoming / path.name)
        incoming.rename(kept)
    return kept
