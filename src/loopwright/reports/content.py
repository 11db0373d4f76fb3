"""Everything a report shows, read from a run directory: data only, no markup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopwright.core.profile import Profile
from loopwright.core.run import Baseline, Evaluation, RunResult, Spending
from loopwright.core.task import Task
from loopwright.core.timing import Comparison
from loopwright.core.tree import Tree
from loopwright.core.verdict import Verdict
from loopwright.workbench.journal import Event, read_journal
from loopwright.workbench.machine_file import MachineFacts
from loopwright.workbench.records import from_data
from loopwright.workbench.rundir import RunDirectory, open_run
from loopwright.workbench.settings import Settings
from loopwright.workbench.spending import spending


@dataclass(frozen=True)
class Content:
    """What is known about one run. Parts that the run never reached are None or empty.

    Attributes:
        folder: where the run lies, absolute.
        proofs: by candidate, why its edit is legal.
        final, final_verdict: the last timing of the winner beside the original, and all its gates.
        best_tree: the complete tree of the winner.
        dropped: winners that failed at the end, with the failure.
        refusals: what the built-in optimiser declined to do to the original, and why.
        unreadable: sources that it could not read, and why.
        spent: which part of the budget ended the search; empty when it ended by itself.
        spending: what language models used so far; None when none was asked.
    """

    run: str
    folder: Path
    task: Task
    settings: Settings
    facts: Mapping[str, Any]
    toolchain: str
    machine: MachineFacts | None
    baseline: Baseline | None
    evaluations: tuple[Evaluation, ...]
    proofs: Mapping[str, str]
    profiles: Mapping[str, Profile]
    final: Comparison | None
    final_verdict: Verdict | None
    result: RunResult | None
    best_tree: Tree | None
    dropped: tuple[Mapping[str, Any], ...] = ()
    refusals: tuple[Mapping[str, Any], ...] = ()
    unreadable: tuple[str, ...] = ()
    spent: str = ""
    spending: Spending | None = None


def read_content(directory: RunDirectory) -> Content:
    """Read the frozen task and the journal of a run, finished or not."""
    run, task, settings, facts = open_run(directory.path)
    events = read_journal(directory.journal)
    evaluations: dict[str, Evaluation] = {}
    for event in _of(events, "evaluation"):
        evaluation = from_data(Evaluation, event.data["evaluation"])
        evaluations[evaluation.candidate] = evaluation
    machine, baseline = _last(events, "machine"), _last(events, "baseline")
    final, result = _last(events, "final"), _last(events, "result")
    outcome = from_data(RunResult, result["result"]) if result else None
    best = outcome.best.candidate if outcome and outcome.best else None
    proposed = _of(events, "proposals")[:1]
    spent = _last(events, "budget-spent")
    return Content(
        run=run.id,
        folder=run.path,
        task=task,
        settings=settings,
        facts=facts,
        toolchain=str(baseline["toolchain"]) if baseline else "",
        machine=from_data(MachineFacts, machine["facts"]) if machine else None,
        baseline=from_data(Baseline, baseline["baseline"]) if baseline else None,
        evaluations=tuple(sorted(evaluations.values(), key=lambda e: e.number)),
        proofs={e.data["candidate"]: e.data["proof"] for e in _of(events, "evaluating")},
        profiles={e.data["candidate"]: from_data(Profile, e.data["profile"]) for e in _of(events, "profile")},
        final=from_data(Comparison, final["comparison"]) if final and final["comparison"] else None,
        final_verdict=from_data(Verdict, final["verdict"]) if final else None,
        result=outcome,
        best_tree=run.lineage.tree(best) if best else None,
        refusals=tuple(r for e in proposed for r in e.data["refusals"]),
        unreadable=tuple(reason for e in proposed for reason in e.data["unreadable"]),
        spent=str(spent["reason"]) if spent else "",
        spending=spending(events),
        dropped=tuple(e.data for e in _of(events, "dropped")),
    )


def _of(events: tuple[Event, ...], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def _last(events: tuple[Event, ...], kind: str) -> Mapping[str, Any] | None:
    found = _of(events, kind)
    return found[-1].data if found else None
