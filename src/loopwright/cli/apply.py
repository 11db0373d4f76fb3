"""loopwright apply: put a run's best candidate into the user's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopwright.cli import options


def apply(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="An id, the beginning of one, 'last', or a run's folder.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder to change; default: where the task came from.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change.")] = False,
    home: options.Home = None,
) -> None:
    """Apply the best candidate of a run, unless the files have changed since the run began."""
    from loopwright.cli.runs import locate
    from loopwright.workbench.applying import apply_best

    for line in apply_best(locate(run, home), to, dry_run=dry_run):
        typer.echo(line)
