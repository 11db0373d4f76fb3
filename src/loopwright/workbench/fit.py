"""The audit before a run, once for a task: what was found fit is remembered beside the runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path

from loopwright.core.errors import TaskError
from loopwright.core.task import Task
from loopwright.gates.gate import Context
from loopwright.system.store import write_atomically
from loopwright.workbench.audit import Audit, audit_context

_FILE = "audits.json"


def require_fit(context: Context, home: Path, say: Callable[[str], None]) -> Audit | None:
    """Audit the task before a run, unless that was done for the very same task by this version: None then.

    Raises:
        TaskError: naming the null candidate that passes, and a tolerance that would stop it.
    """
    if (done := _remembered(home).get(_key(context.task))) is not None:
        say(f"audit: this task was found fit before ({done})")
        return None
    audit = audit_context(context, say)
    if audit.problems:
        raise TaskError(
            f"not fit to be optimised: {audit.problems[0]}",
            where=context.task.name,
            hint="loopwright audit DIR shows every null candidate; then change [output] or the cases",
        )
    say(f"audit: fit, {len(audit.nulls)} null candidates rejected, in {audit.elapsed_s:.1f} s")
    remember_fit(context.task, home)
    return audit


def remember_fit(task: Task, home: Path) -> None:
    """Note below `home` that `task` is fit, so that its runs need not find out again."""
    kept = {**_remembered(home), _key(task): datetime.now(UTC).isoformat(timespec="seconds")}
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        (home / ".gitignore").write_text("*\n")
        write_atomically(home / _FILE, json.dumps({"schema": 1, "fit": kept}, indent=1).encode())


def _remembered(home: Path) -> dict[str, str]:
    try:
        record = json.loads((home / _FILE).read_text(encoding="utf-8"))
        kept = record["fit"] if record["schema"] == 1 else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _key(task: Task) -> str:
    """The task and the version that judged it."""
    return f"{task.digest} {installed('loopwright')}"
