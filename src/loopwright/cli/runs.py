"""loopwright runs: list, show and resume runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json

if TYPE_CHECKING:
    from loopwright.core.run import RunResult
    from loopwright.workbench.rundir import RunDirectory

app = typer.Typer(help="List, show and resume runs.", no_args_is_help=True)
Run = Annotated[
    str, typer.Argument(metavar="RUN", help="An id, the beginning of one, 'last', or a run's folder.")
]


@app.command("list")
def list_runs(home: options.Home = None, json: options.Json = False) -> None:
    """All runs below .loopwright here (or --home), oldest first."""
    from loopwright.reports.terminal import print_runs
    from loopwright.workbench.rundir import list_runs as find_all
    from loopwright.workbench.summary import summary

    rows = [summary(run) for run in find_all(_home(home))]
    if json:
        print_json({"schema": 1, "runs": rows})
    else:
        print_runs(rows, _home(home))


@app.command()
def show(
    run: Run,
    costs: Annotated[bool, typer.Option("--costs", help="What each gate cost, and timing.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """One run: every evaluation, in order, and how soon it had nine tenths of its speedup; with --costs
    where its time went.
    """
    from loopwright.core.run import Evaluation
    from loopwright.reports.terminal import print_evaluations
    from loopwright.workbench.convergence import SHARE, reached, step_of
    from loopwright.workbench.records import from_data, to_data
    from loopwright.workbench.summary import evaluations, summary

    directory = locate(run, home)
    if costs:
        from loopwright.reports.costs import costs_answer, print_costs
        from loopwright.workbench.costs import costs_of

        found = costs_of(directory)
        print_json(costs_answer(directory.id, found)) if json else print_costs(directory.id, found)
        return
    rows = evaluations(directory)
    soon = reached([step_of(from_data(Evaluation, row)) for row in rows])
    if json:
        print_json({**summary(directory), "evaluations": rows, "reached": to_data(soon)})
        return
    print_evaluations(summary(directory), rows)
    if soon is not None:
        number = f"{soon.evaluations} evaluation" + ("s" if soon.evaluations != 1 else "")
        typer.echo(f"  {100 * SHARE:.0f} % of the best speedup after {number}, {soon.elapsed_s:.0f} s")


@app.command()
def resume(run: Run, home: options.Home = None, json: options.Json = False) -> None:
    """Go on with a run that was interrupted or killed."""
    from loopwright import api
    from loopwright.cli.optimize import interruptible, show_result
    from loopwright.reports.progress import progress

    directory = locate(run, home)
    with progress() as shown, interruptible(shown) as observer:
        result = api.resume(directory.path, observer=observer)
    show_result(result, as_json=json)


def locate(run: str, home: Path | None) -> RunDirectory:
    """The run that a user means. Raises UsageError when there is none."""
    from loopwright.workbench.rundir import find_run

    return find_run(_home(home), run)


def result_of(directory: RunDirectory) -> RunResult | None:
    """The result of a finished run, None while it is not finished."""
    from loopwright.workbench.summary import result_of as read

    return read(directory)


def _home(home: Path | None) -> Path:
    from loopwright.workbench.rundir import HOME

    return home if home is not None else Path(HOME)
