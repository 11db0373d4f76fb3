"""Reading runs without working on them: summaries for lists and reports."""

from __future__ import annotations

from typing import Any

from loopwright.core.run import Evaluation, RunResult
from loopwright.workbench.journal import read_journal
from loopwright.workbench.records import from_data, to_data
from loopwright.workbench.rundir import RunDirectory, open_run


def result_of(directory: RunDirectory) -> RunResult | None:
    """The result of a finished run, None while it is not finished."""
    for event in read_journal(directory.journal):
        if event.kind == "result":
            return from_data(RunResult, event.data["result"])
    return None


def evaluations(directory: RunDirectory) -> list[dict[str, Any]]:
    """Every evaluation of a run as plain data, in order; a later one of the same candidate replaces the
    earlier.
    """
    found: dict[str, Evaluation] = {}
    for event in read_journal(directory.journal):
        if event.kind == "evaluation":
            evaluation = from_data(Evaluation, event.data["evaluation"])
            found[evaluation.candidate] = evaluation
    return [to_data(e) for e in sorted(found.values(), key=lambda e: e.number)]


def summary(directory: RunDirectory) -> dict[str, Any]:
    """One run in a few fields: run, task, agent, target, status, speedup, evaluations, directory."""
    _, task, settings, _ = open_run(directory.path)
    result = result_of(directory)
    speedup = result.best.speedup if result and result.best else None
    return {
        "run": directory.id,
        "task": task.name,
        "agent": settings.agent,
        "target": settings.target.value,
        "status": result.status.value if result else "unfinished",
        "speedup": to_data(speedup),
        "evaluations": len(evaluations(directory)) if result is None else result.evaluations,
        "directory": str(directory.path),
    }
