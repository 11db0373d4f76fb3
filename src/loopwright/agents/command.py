"""Any program that edits files as an agent: `--agent 'cmd:COMMAND'`."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from loopwright.agents.outside import Program, work_outside
from loopwright.core.errors import UsageError
from loopwright.workbench.bench import Workbench


@dataclass(frozen=True)
class CommandAgent:
    """Runs `command` once, by /bin/sh, in a workspace that holds the task without its held-out cases.

    The program edits the files in place. It may call `loopwright check .`, `loopwright time .` and
    `loopwright profile .` there as often as the budget allows; each is a recorded evaluation of the files
    as they are at that moment. When it ends, what it left is evaluated too; what was only checked is timed.
    """

    command: str

    def __post_init__(self) -> None:
        _words(self.command)

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"cmd:{self.command}"

    @property
    def runs_unread_code(self) -> bool:
        """Nobody has read what the program writes."""
        return True

    def work(self, bench: Workbench) -> None:
        """Run the program to its end or to the end of the budget, then evaluate what it left."""
        command, readable = _with_absolute_paths(self.command)
        program = Program(("/bin/sh", "-c", command), readable=readable)
        work_outside(bench, self.command, lambda workspace, sockets: program)


def _with_absolute_paths(command: str) -> tuple[str, tuple[Path, ...]]:
    """`command` with the files it names made absolute, since it runs elsewhere; and those files."""
    readable: list[Path] = []
    for word in _words(command):
        path = Path(word)
        if path.is_file() and (os.sep in word or path.suffix):
            readable.append(path.resolve())
            command = command.replace(word, shlex.quote(str(path.resolve())))
    return command, tuple(readable)


def _words(command: str) -> list[str]:
    """The words of a shell command. Raises UsageError when there are none, or a quote stays open."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"not a command: {command!r}: {error}", hint="--agent 'cmd:./improve.sh'") from error
    if not words:
        raise UsageError("an empty command", hint="--agent 'cmd:./improve.sh'")
    return words
