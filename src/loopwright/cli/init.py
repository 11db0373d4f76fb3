"""loopwright init: write a first loopwright.toml from what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the sources.")] = Path(),
    args: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- ARGS", help="Arguments of the program for the timed case."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a loopwright.toml.")] = False,
    dry_run: Annotated[bool, typer.Option("--print", help="Print it instead of writing it.")] = False,
) -> None:
    """Infer a task from sources, a Makefile, a CMakeLists.txt or a compile_commands.json.

    Example: `loopwright init . -- 2048 200`
    """
    from loopwright.cli.printing import say
    from loopwright.core.errors import UsageError
    from loopwright.system.store import write_atomically
    from loopwright.tasks.infer import infer_task

    target = path / "loopwright.toml"
    if target.exists() and not (force or dry_run):
        raise UsageError("is there already", where=str(target), hint="replace it with --force")
    inferred = infer_task(path, args or ())
    for note in inferred.notes:
        say(note)
    if dry_run:
        typer.echo(inferred.text, nl=False)
        return
    try:
        write_atomically(target, inferred.text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", where=str(target), hint="print it instead with --print"
        ) from error
    typer.echo(f"{target} written; read it, then: loopwright optimize {path}")
    say(f"loopwright audit {path} says whether its cases are fit, and proposes tolerances from evidence")
