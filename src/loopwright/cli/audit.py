"""loopwright audit: is this task fit to be optimised?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopwright.cli import options
from loopwright.cli.printing import print_json, say


def audit(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="The task.")] = Path(),
    toolchain: options.Toolchain = None,
    sandbox: options.Sandbox = "auto",
    json: options.Json = False,
) -> None:
    """Is this task fit to be optimised? Outputs of programs that do not do the work have to be rejected,
    and the original has to give the same result again. Exit status 2 when it is not fit.
    """
    from loopwright.api import task_at
    from loopwright.reports.audit import audit_answer, print_audit
    from loopwright.workbench.audit import audit_task
    from loopwright.workbench.settings import Settings

    result = audit_task(task_at(path), Settings(toolchain=toolchain, sandbox=sandbox), say)
    if json:
        print_json(audit_answer(result))
    else:
        print_audit(result)
    if not result.fit:
        raise typer.Exit(2)
