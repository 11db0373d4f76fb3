"""What a run shows while it works: a live line on a terminal, plain lines otherwise; all on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from loopwright.core.run import Evaluation
from loopwright.reports.wording import duration, interval, ratio
from loopwright.workbench.journal import Event, Observer
from loopwright.workbench.records import from_data


@contextmanager
def progress() -> Iterator[Observer]:
    """An observer for a run that shows its progress while the context lasts."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    with console.status("starting") as status:

        def show(event: Event) -> None:
            if event.kind == "progress":
                status.update(f"[dim]{duration(event.run_s)}[/dim] {_escaped(event.data['text'])}")
            elif event.kind == "round":
                estimate, rounds = event.data["estimate"], event.data["rounds"]
                status.update(f"[dim]{duration(event.run_s)}[/dim] round {rounds}: {ratio(estimate)}")
            elif text := line_of(event):
                console.print(_escaped(text))

        yield show


def _plain(event: Event) -> None:
    text = event.data["text"] if event.kind == "progress" else line_of(event)
    if text:
        print(f"[{event.run_s:6.1f} s] {text}", file=sys.stderr, flush=True)


def line_of(event: Event) -> str:
    """One line for people about an event, "" when it has nothing to tell."""
    data = event.data
    match event.kind:
        case "started":
            return f"run {data['run']}"
        case "resumed":
            return f"resuming run {data['run']}"
        case "baseline":
            baseline = data["baseline"]
            times = ", ".join(f"{name} {duration(float(t))}" for name, t in baseline["variants"].items())
            return (
                f"original: {times or duration(float(baseline['wall_s']))}; baseline: {baseline['variant']}"
            )
        case "evaluation":
            return evaluation_line(from_data(Evaluation, data["evaluation"]))
        case "agent-done":
            code = data["exit_code"]
            return f"the agent ended: {data['ending']}" + (f", status {code}" if code else "")
        case "model-call":
            return _call_line(data)
        case "refused":
            return f"refused: {data['what']} ({data['reason']})"
        case "agent-stop":
            return f"the agent stops: {data['reason']}"
        case "dropped":
            return f"dropped {data['candidate']}: {data['failure']['message']}"
        case "budget-spent":
            return f"budget spent: {data['reason']}"
        case "result":
            return "" if data["result"]["best"] else str(data["result"]["reason"])
    return ""


def _call_line(data: Mapping[str, Any]) -> str:
    """One question to a model in one line."""
    told = data["answer"] or data["failure"]
    usage, cost = told["usage"], told["cost_usd"]
    price = "cost unknown" if cost is None else f"${cost:.4f}"
    problem = f"{data['failure']['trouble']}, " if data["failure"] else ""
    tokens = f"{usage['input_tokens']} + {usage['output_tokens']} tokens"
    return f"{data['model']}: {data['stage']}: {problem}{tokens}, {price}, {told['wall_s']:.1f} s"


def evaluation_line(evaluation: Evaluation) -> str:
    """One evaluation in one line."""
    head = f"#{evaluation.number} {evaluation.title}: "
    if (failure := evaluation.verdict.failure) is not None:
        return f"{head}{failure.mode} ({failure.message})"
    if evaluation.speedup is None and evaluation.glance is not None:
        return f"{head}about {ratio(evaluation.glance.estimate)} at first glance"
    best = "  <- best" if evaluation.promoted else ""
    if evaluation.speedup is None:
        return f"{head}passes, not timed{best}"
    return f"{head}{interval(evaluation.speedup)}{best}"


def _escaped(text: object) -> str:
    from rich.markup import escape

    return escape(str(text))
