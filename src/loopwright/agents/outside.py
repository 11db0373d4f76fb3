"""Running another program as the agent of a run: in a sandbox, in a workspace, with the door beside it."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from loopwright.agents.door import ADDRESS, Door
from loopwright.agents.service import Service, settle_workspace
from loopwright.agents.workspace import fill
from loopwright.system.execution import Command, Execution, Limits
from loopwright.workbench.bench import Workbench

DONE = "agent-done"
"""Kind of the journal's event at the end of an outside program."""
_PROCESSES = 512


@dataclass(frozen=True)
class Program:
    """What is run. `env` comes on top of a small environment that holds nothing of the user's own; `readable`
    and `writable` are host paths that it may see besides its workspace and Loopwright itself; `path` comes
    into PATH.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    path: tuple[str, ...] = ()


def work_outside(
    bench: Workbench,
    label: str,
    make: Callable[[Path, Path], Program],
    beside: Callable[[Path], AbstractContextManager[object]] = lambda sockets: nullcontext(),
) -> Execution | None:
    """Run a program once to its end or to that of the budget, then judge what it left in the workspace.

    `make` is called with the workspace and a folder for sockets and gives the program; `beside` with the same
    folder gives what has to be there while it runs. On a run that is resumed after the program ended nothing
    is run again, and the result is None.
    """
    workspace = bench.directory.path / "workspace"
    if not workspace.exists():
        workspace.mkdir()
        fill(workspace, bench.task, bench.best)
    execution = None
    if not any(event.kind == DONE for event in bench.journal.events):
        execution = _run(bench, workspace, label, make, beside)
    settle_workspace(bench, workspace)
    return execution


def _run(
    bench: Workbench,
    workspace: Path,
    label: str,
    make: Callable[[Path, Path], Program],
    beside: Callable[[Path], AbstractContextManager[object]],
) -> Execution:
    # A socket's path may have no more than 107 characters: too few for a run directory.
    with tempfile.TemporaryDirectory(prefix="loopwright-") as name:
        sockets = Path(name)
        sockets.chmod(0o755)
        program = make(workspace, sockets)
        door = sockets / "door"
        command = Command(
            argv=program.argv,
            cwd=workspace,
            env={**_environment(door, program.path), **program.env},
            readable=(*program.readable, *_installation()),
            writable=(sockets, *program.writable),
        )
        limits = Limits(
            wall_s=bench.remaining_s, memory_bytes=None, output_bytes=64 << 20, processes=_PROCESSES
        )
        bench.journal.tell("progress", text=f"running {label}")
        with Door(door, Service(bench, workspace).answer), beside(sockets):
            execution = bench.context.cases.runner.run(command, limits)
    _keep(bench, execution)
    return execution


def _keep(bench: Workbench, execution: Execution) -> None:
    folder = bench.directory.evidence("agent")
    (folder / "stdout.txt").write_bytes(execution.stdout)
    (folder / "stderr.txt").write_bytes(execution.stderr)
    bench.journal.write(
        DONE, ending=execution.ending.value, exit_code=execution.exit_code, signal=execution.signal,
        wall_s=execution.wall_s, user_s=execution.user_s, system_s=execution.system_s,
        wrote_outside=list(execution.wrote_outside), message=execution.message,
    )  # fmt: skip


def _environment(door: Path, path: tuple[str, ...]) -> dict[str, str]:
    """What the program finds in its environment. Nothing of the user's own: there may be keys in it."""
    places = ":".join((sysconfig.get_path("scripts"), *path, "/usr/local/bin:/usr/bin:/bin"))
    return {"PATH": places, "LANG": "C.UTF-8", ADDRESS: str(door), "PYTHONDONTWRITEBYTECODE": "1"}


def _installation() -> tuple[Path, ...]:
    """Loopwright itself and the Python that runs it, so that `loopwright check` works in the sandbox."""
    package = Path(__file__).resolve().parents[1]
    folders = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, package}
    system = (Path("/usr"), Path("/bin"), Path("/lib"))
    return tuple(sorted(f for f in folders if not any(f == s or s in f.parents for s in system)))
