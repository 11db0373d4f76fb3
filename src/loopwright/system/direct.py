"""Running a command without isolation: the same limits and accounting, for code that somebody trusts."""

from __future__ import annotations

from pathlib import Path

from loopwright.system.compiled import launcher
from loopwright.system.execution import Command, Execution, Limits
from loopwright.system.supervise import Placement, supervise


class DirectRunner:
    """Implements :class:`~loopwright.system.execution.Runner` with the rights of the user.

    The program sees the user's files and the network. It may kill the process that watches it: what it
    started in its own session is killed even then, but a process that has left that session before is found
    only while the watcher lives.
    """

    name = "none"
    isolates = False

    def run(self, command: Command, limits: Limits) -> Execution:
        """Run `command` to its end or to the first limit."""
        placement = Placement(
            prefix=(),
            launcher=str(launcher()),
            folders=tuple(Path(folder) for folder in (command.cwd, *command.writable)),
            same_pids=True,
        )
        return supervise(command, limits, placement)
