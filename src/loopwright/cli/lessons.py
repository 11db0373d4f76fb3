"""loopwright lessons: what earlier runs taught."""

from __future__ import annotations

from pathlib import Path

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json


def lessons(home: options.Home = None, json: options.Json = False) -> None:
    """What runs with --memory taught: which edit gained what, on which loops and machine, which run shows it.

    They lie in lessons.jsonl below .loopwright here (or --home). Runs with --memory read and add to them;
    delete the file to forget everything.

    Examples:

      loopwright optimize DIR --memory

      loopwright lessons --home DIR/.loopwright
    """
    from loopwright.agents.memory import FILE, read_lessons
    from loopwright.workbench.records import to_data
    from loopwright.workbench.rundir import HOME

    place = home if home is not None else Path(HOME)
    found = read_lessons(place)
    if json:
        print_json({"schema": 1, "lessons": to_data(found.lessons), "damaged": found.damaged})
        return
    for lesson in found.lessons:
        typer.echo(str(lesson))
    if not found.lessons:
        typer.echo(f"no lessons in {place / FILE}: loopwright optimize DIR --memory keeps some")
    if found.damaged:
        typer.echo(
            f"{found.damaged} lines of {place / FILE} are damaged or newer and were passed over", err=True
        )
