"""Loops and what is proved about them, beside the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape

from loopwright.analysis.classify import classify
from loopwright.analysis.facts import Answer, LoopFacts
from loopwright.analysis.ir import Loop
from loopwright.core.task import Task
from loopwright.workbench.loops import TaskLoops

_COLOURS = {Answer.PROVED: "green", Answer.REFUTED: "red", Answer.UNKNOWN: "yellow"}
_MOST_REASONS = 5
_WORDS = {Answer.PROVED: "parallel", Answer.REFUTED: "serial", Answer.UNKNOWN: "unknown"}


def print_loops(task: Task, loops: TaskLoops, *, whole: bool = False) -> None:
    """Every loop of the task: where it stands, whether it may run in parallel, and why.

    A loop that may not gets its first few reasons, with `whole` all of them.
    """
    console = Console(highlight=False, soft_wrap=True)
    for problem in loops.unreadable:
        console.print(f"[yellow]not read[/yellow]: {escape(problem.reason)}")
    if not loops.nests:
        console.print("no loops found in the editable sources")
        return
    for facts in loops.nests:
        root = facts.nest.root
        console.print(
            f"\n[bold]{escape(root.range.file)}:{root.range.line}[/bold] in {escape(facts.nest.function)}, "
            f"{classify(facts.nest)}"
        )
        _print_loop(console, task, root, facts.loops, 0, None if whole else _MOST_REASONS)
    verdicts = Counter(f.parallel for facts in loops.nests for f in facts.loops.values())
    counted = ", ".join(f"{verdicts[answer]} {_WORDS[answer]}" for answer in Answer)
    console.print(f"\n{len(loops.nests)} loop nests, {verdicts.total()} loops: {counted}")


def _print_loop(
    console: Console, task: Task, loop: Loop, facts: Mapping[str, LoopFacts], depth: int, most: int | None
) -> None:
    known = facts.get(loop.id)
    source = task.tree[loop.range.file]
    header = source[loop.header.start : loop.header.end].decode("utf-8", "replace")
    answer = known.parallel if known else Answer.UNKNOWN
    indent = "  " * (depth + 1)
    verdict = f"[{_COLOURS[answer]}]{_WORDS[answer]:<8}[/{_COLOURS[answer]}]"
    console.print(f"{loop.range.line:5d} {verdict}{indent}{escape(' '.join(header.split()))}")
    reasons = _why(known)
    left_out = 0 if most is None else max(0, len(reasons) - most)
    if left_out:
        reasons = [*reasons[:most], f"and {left_out} more reasons: --whole"]
    for line in reasons:
        console.print(f"               {indent}{escape(line)}", style="dim")
    for inner in loop.loops:
        _print_loop(console, task, inner, facts, depth + 1, most)


def _why(facts: LoopFacts | None) -> list[str]:
    if facts is None:
        return ["the analysis said nothing about this loop"]
    lines = [facts.reason] if facts.reason else []
    lines += [
        f"{d.kind} dependence on {d.array}: line {d.source_line} before line {d.sink_line}"
        for d in facts.carried
        if not facts.reason
    ]
    lines += [f"line {u.line}: {u.reason}" if u.line else u.reason for u in facts.unknowns]
    return lines
