"""The first lines of a report: how much faster, can it be trusted, how is it applied. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from loopwright.core.run import Evaluation, RunStatus
from loopwright.core.task import Use
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.reports.content import Content
from loopwright.tasks.read import TASK_FILE
from loopwright.workbench.context import target_of
from loopwright.workbench.settings import ModelOptions, Settings


@dataclass(frozen=True)
class Step:
    """One edit on the way from the original to the best: its title, why it is legal, what it brought."""

    evaluation: Evaluation
    proof: str


def headline(content: Content) -> tuple[str, str]:
    """(the answer in a word or two, the sentence that explains it)."""
    result = content.result
    if result is None:
        done = len(content.evaluations)
        return "Unfinished", f"{done} candidate{'s' * (done != 1)} judged so far; no result yet."
    if result.best is not None:
        return "", ""
    why = f"{result.reason[:1].upper()}{result.reason[1:]}. The original stays as it is."
    return ("No gain" if result.status is RunStatus.NO_GAIN else "Failed"), why


def gate_results(content: Content) -> tuple[GateResult, ...]:
    """The gates that the best went through at the end, with their reasons where they are recorded."""
    if content.final_verdict is not None:
        return content.final_verdict.results
    best = content.result.best if content.result else None
    if best is None:
        return ()
    # What was accepted holds no failure.
    return tuple(GateResult(gate, GateStatus(status)) for gate, status in best.gates.items())


def steps(content: Content) -> tuple[Step, ...]:
    """The edits that led to the best, in order."""
    best = content.result.best if content.result else None
    known = {e.candidate: e for e in content.evaluations}
    found: list[Step] = []
    current = known.get(best.candidate) if best else None
    while current is not None and len(found) <= len(known):
        found.append(Step(current, content.proofs.get(current.candidate, "")))
        current = known.get(current.parent) if current.parent else None
    return tuple(reversed(found))


def timed_cases(content: Content) -> str:
    """The timed cases in words: "case full", "cases a and b together"."""
    names = [case.name for case in content.task.cases_for(Use.TIME)]
    if len(names) == 1:
        return f"case {names[0]}"
    return f"cases {', '.join(names[:-1])} and {names[-1]} together" if names else "no case"


def apply_commands(content: Content) -> tuple[str, ...]:
    """What to type to get the result: with Loopwright, or with git alone."""
    folder = shlex.quote(str(content.folder))
    return f"loopwright apply {folder}", f"git apply {shlex.quote(str(content.folder / 'best.patch'))}"


def again_commands(content: Content) -> tuple[str, ...]:
    """What to type to make the run again from its own record."""
    parts = ["loopwright optimize again", *_options(content)]
    lineage, task = (shlex.quote(str(content.folder / name)) for name in ("lineage.git", TASK_FILE))
    return (
        f"git clone --branch original {lineage} again  # branch best is the result",
        f"cp {task} again/{TASK_FILE}",
        " ".join(parts),
    )


def _options(content: Content) -> list[str]:
    """The options of the run, those that are as they are by default left out where nobody chooses them."""
    settings, budget, asked = content.settings, content.settings.budget, content.settings.model
    of_model = settings.agent.startswith("model:")
    prompts = str(content.folder / "prompts") if of_model else asked.prompts
    given: dict[str, object] = {
        "--agent": shlex.quote(settings.agent),
        "--target": target_of(content.task, settings),
        "--toolchain": content.toolchain or None,
        "--strategy": settings.strategy if settings.agent == "builtin" or of_model else None,
        "--budget": None if budget.wall_s is None else f"{budget.wall_s:g}s",
        "--evaluations": budget.evaluations,
        "--tokens": budget.tokens,
        "--cost": None if budget.cost_usd is None else f"{budget.cost_usd:g}",
        "--calls": budget.calls,
        "--base-url": None if asked.base_url is None else shlex.quote(asked.base_url),
        "--tier": asked.tier if asked.tier != ModelOptions.tier else None,
        "--prompts": None if asked.prompts is None else shlex.quote(str(prompts)),
        "--threads": settings.threads,
        "--seed": settings.seed if settings.seed != Settings.seed else None,
        "--sandbox": settings.sandbox if settings.sandbox != Settings.sandbox else None,
    }
    flags = ["--memory"] if settings.memory else []
    return [*(f"{name} {value}" for name, value in given.items() if value is not None), *flags]
