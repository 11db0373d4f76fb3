"""Any program that edits files as an agent: `--agent 'cmd:COMMAND'`."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from loopwright.agents.door import ADDRESS, Door
from loopwright.agents.service import Service, settle_workspace
from loopwright.agents.workspace import fill
from loopwright.core.errors import UsageError
from loopwright.system.execution import Command, Execution, Limits
from loopwright.workbench.bench import Workbench

_DONE = "agent-done"


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
        workspace = bench.directory.path / "workspace"
        if not workspace.exists():
            workspace.mkdir()
            fill(workspace, bench.task, bench.best)
        if not any(event.kind == _DONE for event in bench.journal.events):
            self._run(bench, workspace)
        settle_workspace(bench, workspace)

    def _run(self, bench: Workbench, workspace: Path) -> None:
        shell_command, readable = _with_absolute_paths(self.command)
        # A socket's path may have no more than 107 characters: too few for a run directory.
        with tempfile.TemporaryDirectory(prefix="loopwright-") as folder:
            Path(folder).chmod(0o755)
            door = Path(folder) / "door"
            command = Command(
                argv=("/bin/sh", "-c", shell_command),
                cwd=workspace,
                env=_environment(door),
                readable=(*readable, *_installation()),
                writable=(Path(folder),),
            )
            limits = Limits(wall_s=bench.remaining_s, memory_bytes=None, output_bytes=64 << 20)
            bench.journal.tell("progress", text=f"running {self.command}")
            with Door(door, Service(bench, workspace).answer):
                execution = bench.context.cases.runner.run(command, limits)
        _keep(bench, execution)


def _keep(bench: Workbench, execution: Execution) -> None:
    folder = bench.directory.evidence("agent")
    (folder / "stdout.txt").write_bytes(execution.stdout)
    (folder / "stderr.txt").write_bytes(execution.stderr)
    bench.journal.write(
        _DONE, ending=execution.ending.value, exit_code=execution.exit_code, signal=execution.signal,
        wall_s=execution.wall_s, user_s=execution.user_s, system_s=execution.system_s,
        wrote_outside=list(execution.wrote_outside), message=execution.message,
    )  # fmt: skip


def _environment(door: Path) -> dict[str, str]:
    """What the program finds in its environment. Nothing of the user's own: there may be keys in it."""
    scripts = sysconfig.get_path("scripts")
    path = f"{scripts}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "LANG": "C.UTF-8", ADDRESS: str(door), "PYTHONDONTWRITEBYTECODE": "1"}


def _installation() -> tuple[Path, ...]:
    """Loopwright itself and the Python that runs it, so that `loopwright check` works in the sandbox."""
    package = Path(__file__).resolve().parents[1]
    folders = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, package}
    system = (Path("/usr"), Path("/bin"), Path("/lib"))
    return tuple(sorted(f for f in folders if not any(f == s or s in f.parents for s in system)))


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
