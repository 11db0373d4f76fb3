"""loopwright report: what became of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json


def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="An id, the beginning of one, 'last', or a run's folder.")
    ],
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Print the result of a run and write its report.html anew."""
    from loopwright.cli.runs import locate, result_of
    from loopwright.reports.write import write_report

    directory = locate(run, home)
    result = result_of(directory)
    page = write_report(directory)
    from loopwright.cli.optimize import show_result

    if result is None:
        typer.echo(f"{directory.id} is not finished: loopwright runs resume {directory.path}", err=True)
        if json:
            print_json({"schema": 1, "run": directory.id, "status": "unfinished"})
    else:
        show_result(result, as_json=json)
    typer.echo(f"report: {page}", err=True)
