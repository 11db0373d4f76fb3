"""What commands print for people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loopwright.core.machine import Machine
from loopwright.core.profile import Profile
from loopwright.core.run import RunResult, RunStatus
from loopwright.core.timing import Floor, Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import said_beside
from loopwright.profilers.condense import AnnotatedLine, annotate, condense
from loopwright.profilers.device_words import device_lines
from loopwright.reports.wording import (
    VARIANTS,
    duration,
    floor_words,
    interval,
    ratio,
    size,
    spending_words,
    translated_words,
)
from loopwright.toolchains.toolchain import Tool
from loopwright.workbench.records import from_data

_AROUND = 3


def _console() -> Console:
    # Without a terminal rich would break lines, which no reader of a log and no `grep` wants.
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160, soft_wrap=True)


def print_result(result: RunResult) -> None:
    """The summary of a run."""
    console = _console()
    base = result.baseline
    console.print(f"\n[bold]{escape(result.task)}[/bold]: {_status(result)}")
    if (best := result.best) is not None:
        console.print(f"  change     {escape(best.title)}")
        console.print(f"  verified   {escape(best.verified)}")
        flags, built_with = " ".join(base.flags), " ".join(base.built_with)
        if best.wall_s is not None and best.original_wall_s is not None:
            both = built_with if flags == built_with else f"{flags} -> {built_with}"
            console.print(
                f"  time       {duration(best.original_wall_s)} -> {duration(best.wall_s)} ({both})"
            )
        elif best.wall_s is not None:
            console.print(
                f"  time       {duration(best.wall_s)} ({built_with}); no speedup: the original was emulated"
            )
        else:
            # An original that was emulated has no time to show either.
            original = f"; the original {duration(base.wall_s)} ({flags})" if base.variants else ""
            console.print(f"  time       not timed: no device{original}")
        for case, floor in best.floors.items():
            console.print(f"  floor      case {escape(case)}: {escape(floor_words(floor))}")
        if best.held_out_speedup is not None:
            console.print(f"  held-out   {interval(best.held_out_speedup)} at sizes the run did not see")
    else:
        console.print(f"  reason     {escape(result.reason)}")
        console.print(f"  baseline   {duration(base.wall_s)} ({' '.join(base.flags)})")
    others = [
        f"{duration(seconds)} with {VARIANTS.get(name, name)}"
        for name, seconds in base.variants.items()
        if name != base.variant
    ]
    if others:
        console.print(f"  original   {escape(', '.join(others))}", style="dim")
    for name, why in base.rejected.items():
        console.print(f"  not timed  {escape(VARIANTS.get(name, name))}: {escape(why)}", style="dim")
    failed = ", ".join(f"{count} {mode}" for mode, count in result.failures.items())
    console.print(
        f"  search     {result.evaluations} evaluations in {duration(result.elapsed_s)}"
        + (f"; rejected: {failed}" if failed else "")
    )
    if result.spending is not None:
        console.print(f"  model      {spending_words(result.spending)}")
    for warning in result.warnings:
        first, *rest = warning.splitlines()
        console.print(f"  [yellow]note[/yellow]       {escape(first)}")
        for line in rest:
            console.print(f"             {escape(line)}")
    folder = _short(result.directory)
    # Paths are copied: a line break of ours would break them.
    console.print(f"  record     {escape(folder)}", soft_wrap=True)
    console.print(f"  report     {escape(folder)}/report.html", soft_wrap=True)
    if best is not None:
        console.print(f"  patch      {escape(folder)}/best.patch", soft_wrap=True)
        console.print(f"\nApply it:  loopwright apply {escape(shlex.quote(folder))}", soft_wrap=True)


def _status(result: RunResult) -> str:
    if result.best is not None and result.best.speedup is None:
        return f"[green]{result.status}[/green] ({translated_words(result.best)})"
    if result.best is not None and result.best.speedup is not None:
        return f"[green]improved {interval(result.best.speedup)}[/green]"
    colour = "yellow" if result.status is RunStatus.NO_GAIN else "red"
    return f"[{colour}]{result.status}[/{colour}]"


def _short(directory: str) -> str:
    path, here = Path(directory), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def print_check(answer: Mapping[str, Any]) -> None:
    """A verdict; with the speedup when there is one."""
    console = _console()
    for gate, status in answer["gates"].items():
        colour = {"pass": "green", "fail": "red"}.get(status, "yellow")
        reason = answer.get("reasons", {}).get(gate, "")
        said = f"  [dim]{escape(reason)}[/dim]" if reason else ""
        console.print(f"  {gate:<13} [{colour}]{status}[/{colour}]{said}")
    failure = answer["failure"]
    if failure is None:
        console.print(f"[green]{escape(answer['verified'])}[/green]")
    else:
        console.print(f"[red]{failure['mode']}[/red]: {escape(failure['message'])}")
        if printed := said_beside(failure["message"], failure["evidence"]):
            console.print(escape(printed), style="dim")
    if answer.get("speedup"):
        console.print(interval(from_data(Speedup, answer["speedup"])))


def print_time(answer: Mapping[str, Any]) -> None:
    """A paired timing."""
    console = _console()
    speedup = from_data(Speedup, answer["speedup"])
    console.print(f"{escape(answer['b'])} against {escape(answer['a'])}: [bold]{interval(speedup)}[/bold]")
    for case, value in speedup.by_case.items():
        times = [sorted(answer["samples"][side][case]) for side in ("a", "b")]
        middle = [t[len(t) // 2] for t in times]
        console.print(f"  {escape(case)}: {duration(middle[0])} -> {duration(middle[1])}, {ratio(value)}")
        if (floor := answer.get("floors", {}).get(case)) is not None:
            console.print(f"    {escape(floor_words(from_data(Floor, floor)))}", style="dim")
    if speedup.low <= 1 <= speedup.high:
        console.print("not significant: the interval holds 1")


def print_profile(profile: Profile, tree: Tree) -> None:
    """The annotated source around the hot lines, with the compiler's remarks."""
    console = _console()
    share = f"{profile.elsewhere:.0%} outside the sources"
    console.print(
        f"{profile.profiler}: case {escape(profile.case)}, {profile.samples} samples, {share}", style="bold"
    )
    if (roof := profile.roofline) is not None:
        intensity = f" at {roof.intensity:.3g} flop/byte" if roof.intensity is not None else ""
        console.print(
            f"roofline: {roof.attained:.3g} of {roof.bound:.3g} {roof.unit}{intensity}: "
            f"{roof.fraction:.0%} of what {roof.limit} allows"
        )
    for text in device_lines(profile.device) if profile.device is not None else ():
        console.print(escape(text))
    for spot in condense(profile, tree):
        if spot.file not in tree:
            continue
        where = f"{spot.file}:{spot.first}" + (f" in {spot.function}" if spot.function else "")
        console.print(f"\n[bold]{spot.share:.0%}[/bold] {escape(where)}")
        for line in annotate(tree[spot.file], profile, spot.file):
            if spot.first - _AROUND <= line.number <= spot.last + _AROUND:
                _print_line(console, line)
        for remark in spot.remarks:
            done = {True: "done", False: "missed", None: "note"}[remark.passed]
            console.print(f"        {done}: line {remark.line}: {escape(remark.message)}", style="cyan")


def _print_line(console: Console, line: AnnotatedLine) -> None:
    share = f"{line.share:6.1%}" if line.share is not None else " " * 6
    style = "bold red" if (line.share or 0) >= 0.1 else ""
    console.print(f"{share} {line.number:5d}  {escape(line.text)}", style=style, no_wrap=True)


def print_doctor(tools: Sequence[Tool], machine: Machine) -> None:
    """What is there, what it enables, and the line to get what is not."""
    console = _console()
    console.print(f"{escape(machine.cpu)}, {machine.cores} usable cores, {size(machine.memory_bytes)}, "
                  f"{escape(machine.os)}, Linux {escape(machine.kernel)}")  # fmt: skip
    widest = max((len(tool.name) for tool in tools), default=0)
    longest = max((len(tool.version) for tool in tools), default=0)
    for tool in tools:
        name = escape(tool.name.ljust(widest))
        if tool.found:
            console.print(
                f"  [green]yes[/green]  {name}  {escape(tool.version.ljust(longest))}  {escape(tool.enables)}"
            )
        else:
            console.print(f"  [yellow]no[/yellow]   {name}  would enable: {escape(tool.enables)}")
            if tool.install:
                console.print(f"       get it: {escape(tool.install)}")
        for note in tool.notes:
            console.print(f"       {escape(note)}", style="dim")


def print_runs(rows: Sequence[Mapping[str, Any]], home: Path) -> None:
    """A list of runs."""
    console = _console()
    if not rows:
        console.print(f"no runs below {escape(str(home))}; make one: loopwright optimize DIR")
        return
    table = Table("run", "task", "agent", "status", "speedup", "evaluations", box=None)
    for row in rows:
        speedup = ratio(row["speedup"]["estimate"]) if row["speedup"] else ""
        words = (row["run"], row["task"], row["agent"], row["status"], speedup, str(row["evaluations"]))
        table.add_row(*map(escape, words))
    console.print(table)


def print_evaluations(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """One run, evaluation by evaluation."""
    from loopwright.core.run import Evaluation
    from loopwright.reports.progress import evaluation_line

    console = _console()
    head = f"{summary['run']}: {summary['status']} ({summary['agent']}, {summary['target']})"
    console.print(escape(head))
    for row in rows:
        evaluation = from_data(Evaluation, row)
        console.print(f"  {escape(evaluation_line(evaluation))}  {evaluation.candidate}", no_wrap=True)
