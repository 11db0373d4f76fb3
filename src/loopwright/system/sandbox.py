"""Choosing how code is run: inside bubblewrap, or without isolation when the user says so."""

from __future__ import annotations

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.system.bubblewrap import INSTALL, BubblewrapRunner, bubblewrap_problem
from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Runner

SANDBOXES = ("auto", "bubblewrap", "none")


def choose_runner(name: str = "auto") -> Runner:
    """The runner for `--sandbox NAME`.

    `auto` and `bubblewrap` are the same: code is never run without isolation because a tool happens to be
    missing. `none` is the user's own word for it; whoever runs code that nobody has read must look at
    `isolates`.

    Raises:
        UsageError: for another name.
        ToolMissing: when bubblewrap does not work here.
    """
    match name:
        case "none":
            return DirectRunner()
        case "auto" | "bubblewrap":
            if problem := bubblewrap_problem():
                raise ToolMissing(
                    problem,
                    where="sandbox",
                    hint=f"{INSTALL}\n  or, for code that you trust: --sandbox none",
                )
            return BubblewrapRunner()
        case _:
            raise UsageError(
                f"unknown sandbox {name!r}", where="--sandbox", hint=f"one of: {', '.join(SANDBOXES)}"
            )
