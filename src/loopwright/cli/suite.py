"""loopwright suite: the tasks that ship with Loopwright."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json

if TYPE_CHECKING:
    from loopwright.suites.suite import Suite

app = typer.Typer(help="Sets of tasks that ship with Loopwright: list, show, export.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The suite, as in: loops.")]


@app.command("list")
def list_suites(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One suite: its tasks.")] = None,
    json: options.Json = False,
) -> None:
    """All suites, or the tasks of one."""
    from loopwright.suites.registry import SUITES, find_suite

    if name is not None:
        show(name, None, json)
        return
    if json:
        rows = [_overview(find_suite(each)) for each in SUITES]
        print_json({"schema": 1, "suites": rows})
        return
    for suite in SUITES.values():
        typer.echo(f"{suite.name:<10} {len(suite.names()):>3} tasks  {suite.summary}")


@app.command()
def show(
    name: Name,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="One task of it.")] = None,
    json: options.Json = False,
) -> None:
    """The tasks of a suite, or one task with its cases and its source."""
    from loopwright.suites.registry import find_suite

    suite = find_suite(name)
    if task is None:
        _show_suite(suite, json)
    else:
        _show_task(suite, task, json)


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME[/TASK]", help="A suite, or one task of it.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; a folder for each task of a suite.")
    ],
) -> None:
    """Copy tasks out as ordinary folders with a loopwright.toml, to work on or to change."""
    from loopwright.suites.registry import find_suite
    from loopwright.suites.suite import export_task

    suite_name, _, task = name.partition("/")
    suite = find_suite(suite_name)
    if task:
        export_task(suite, task, folder)
    else:
        for each in suite.names():
            export_task(suite, each, folder / each)
    typer.echo(f"{folder} written; next: loopwright optimize {folder if task else folder / suite.names()[0]}")


def _overview(suite: Suite) -> dict[str, object]:
    subsets = {name: list(tasks) for name, tasks in suite.subsets.items()}
    return {"name": suite.name, "summary": suite.summary, "tasks": list(suite.names()), "subsets": subsets}


def _show_suite(suite: Suite, json: bool) -> None:
    tasks = {name: suite.task(name).summary for name in suite.names()}
    if json:
        print_json({"schema": 1, **_overview(suite), "summaries": tasks})
        return
    typer.echo(f"{suite.name}: {suite.summary}\n")
    for name, summary in tasks.items():
        typer.echo(f"  {name:<16} {summary}")
    for name, members in suite.subsets.items():
        typer.echo(f"\nsubset {name} ({len(members)} tasks): {', '.join(members)}")


def _show_task(suite: Suite, name: str, json: bool) -> None:
    task = suite.task(name)
    sources = {path: content.decode() for path, content in task.editable_files.items()}
    if json:
        cases = [{"name": c.name, "use": c.use.value, "params": dict(c.params)} for c in task.cases]
        work = {"bytes": task.work.bytes, "flops": task.work.flops}
        head = {"schema": 1, "suite": suite.name, "task": name, "summary": task.summary}
        print_json({**head, "cases": cases, "work": work, "sources": sources})
        return
    typer.echo(f"{name}: {task.summary}\n")
    for case in task.cases:
        params = ", ".join(f"{key} = {value}" for key, value in case.params.items())
        typer.echo(f"  {case.use.value:<9} {case.name:<12} {params}")
    for path, text in sources.items():
        typer.echo(f"\n--- {path}\n{text}", nl=False)
