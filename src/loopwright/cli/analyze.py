"""loopwright analyze: what is known about the loops, beside the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json


def analyze(
    path: Annotated[
        Path,
        typer.Argument(metavar="DIR|FILE", help="A folder with a loopwright.toml, or one C or C++ file."),
    ] = Path(),
    whole: Annotated[bool, typer.Option("--whole", help="Print every reason, not the first few.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="What would move between host and device, and why.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Which loops may run in parallel, and if not, what stands in the way? Nothing is run.

    Every verdict is proved, refuted or unknown; what is unknown says why.
    """
    from loopwright import api
    from loopwright.gates.offloaded_plan import plan_of
    from loopwright.reports.data_plan import print_plan
    from loopwright.reports.loops import print_loops
    from loopwright.workbench.loops import loops_of
    from loopwright.workbench.records import to_data

    task = api.task_at(path)
    if plan:
        planned = plan_of(task)
        if json:
            print_json({"task": task.name, **to_data(planned)})
        else:
            print_plan(task, planned)
        return
    facts = loops_of(task)
    if json:
        print_json({"schema": 1, "task": task.name, **to_data(facts)})
    else:
        print_loops(task, facts, whole=whole)
