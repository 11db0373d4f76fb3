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
    and the original has to give the same result again. Tolerances are held against what correct arithmetic
    in another order gives. Exit status 2 when it is not fit. A run asks the same, unless this command or an
    earlier run has found the very same task fit.
    """
    from loopwright.api import task_at
    from loopwright.reports.audit import audit_answer, print_audit
    from loopwright.workbench.audit import audit_task
    from loopwright.workbench.fit import remember_fit
    from loopwright.workbench.rundir import HOME
    from loopwright.workbench.settings import Settings

    task = task_at(path)
    result = audit_task(task, Settings(toolchain=toolchain, sandbox=sandbox), say)
    if result.fit:
        remember_fit(task, (path if path.is_dir() else path.parent) / HOME)
    if json:
        print_json(audit_answer(result))
    else:
        print_audit(result)
    if not result.fit:
        raise typer.Exit(2)
