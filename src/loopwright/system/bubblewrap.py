"""Running a command inside bubblewrap: no network, system read-only, nothing of the user's in sight.

The root of the sandbox is an empty folder of the host, bound read-write, on which the system's folders are
mounted read-only. So a write to any other place succeeds, harms nothing, and is found afterwards.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.system.compiled import launcher
from loopwright.system.execution import Command, Ending, Execution, Limits
from loopwright.system.scratch import place_for, scratch_folder
from loopwright.system.supervise import Placement, supervise

INSTALL = "apt-get install bubblewrap    (or dnf install bubblewrap, zypper install bubblewrap)"

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
    "/etc/openmpi", "/etc/OpenCL", "/sys/devices/system",
)  # fmt: skip
_LAUNCHER = "/run/loopwright-launcher"
_MOST_PATHS = 100
_MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class _Mounts:
    """What is laid over the scratch root: (option, source, destination), parents first."""

    binds: tuple[tuple[str, str, str], ...]

    @property
    def options(self) -> list[str]:
        return [word for bind in self.binds for word in bind]

    @property
    def expected(self) -> dict[str, str]:
        """Destination (and each folder above one) to the target of a symbolic link, "" for any other."""
        paths = {"/": "", "/proc": "", "/dev": ""}
        for option, source, destination in self.binds:
            paths.update({str(parent): "" for parent in Path(destination).parents})
            paths[destination] = source if option == "--symlink" else paths.get(destination, "")
        return paths


class BubblewrapRunner:
    """Implements :class:`~loopwright.system.execution.Runner` by bubblewrap 0.2 or later."""

    name = "bubblewrap"
    isolates = True

    def run(self, command: Command, limits: Limits) -> Execution:
        """Run `command` to its end or to the first limit.

        Raises:
            ToolMissing: when bubblewrap is not installed or does not work on this machine.
            OSError: when a path of `command` that should be shown does not exist.
        """
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise ToolMissing("bwrap is not in PATH", where="bubblewrap", hint=INSTALL)
        execution = _run(bwrap, command, limits)
        failed_inside = execution.ending is Ending.NOT_STARTED and "bwrap:" in execution.message
        if failed_inside and (problem := bubblewrap_problem()):
            raise ToolMissing(problem, where="bubblewrap", hint=INSTALL)
        return execution


@cache
def bubblewrap_problem() -> str:
    """Why code cannot be run in bubblewrap on this machine; empty when it can. Tried once a process."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return f"bwrap is not in PATH; {INSTALL}"
    try:
        with tempfile.TemporaryDirectory() as cwd:
            execution = _run(bwrap, Command(("true",), Path(cwd)), Limits(wall_s=20.0))
    except (LoopwrightError, OSError) as error:
        return str(error)
    if execution.ok:
        return ""
    said = execution.message or execution.stderr.decode("utf-8", "replace").strip() or execution.ending
    return f"bwrap does not work here: {said}; containers often forbid user namespaces or mounting /proc"


def _run(bwrap: str, command: Command, limits: Limits) -> Execution:
    with scratch_folder(place_for(limits.disk_bytes)) as scratch:
        root, temporary, shared_memory = scratch / "root", scratch / "tmp", scratch / "shm"
        for folder in (root, temporary, shared_memory):
            folder.mkdir()
            folder.chmod(0o755 if folder is root else 0o1777)
        mounts = _mounts(command, temporary)
        options = [
            "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
            "--bind", str(root), "/",
            # Not a tmpfs of its own: what is written in a folder of ours counts as disk.
            "--dev", "/dev", "--bind", str(shared_memory), "/dev/shm",
            *mounts.options,
            *_nodes(command), "--remount-ro", "/dev",
            # Root in a user namespace is still root to the files of /proc/sys; nobody needs to write here.
            "--proc", "/proc", "--remount-ro", "/proc",
            "--chdir", str(_absolute(command.cwd)),
            "--",
        ]  # fmt: skip
        placement = Placement(
            prefix=(bwrap, *options),
            launcher=_LAUNCHER,
            folders=(scratch, command.cwd, *command.writable),
            same_pids=False,
        )
        execution = supervise(command, limits, placement)
        return replace(execution, wrote_outside=_written(root, mounts.expected))


def _mounts(command: Command, temporary: Path) -> _Mounts:
    binds: dict[str, tuple[str, str]] = {"/tmp": ("--bind", str(temporary))}
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink() and path.parent == Path("/"):
            binds[name] = ("--symlink", str(path.readlink()))
        elif path.exists():
            binds[name] = ("--ro-bind", name)
    binds[_LAUNCHER] = ("--ro-bind", str(launcher()))
    for option, paths in (
        ("--ro-bind", command.readable),
        ("--bind", (*command.writable, command.cwd)),
    ):
        for path in paths:
            real = path.resolve(strict=True)
            # Under both names, when a folder on the way is a symbolic link.
            for shown in {str(_absolute(path)), str(real)}:
                binds[shown] = (option, str(real))
    ordered = sorted(binds.items(), key=lambda item: len(Path(item[0]).parts))
    return _Mounts(tuple((option, source, shown) for shown, (option, source) in ordered))


def _nodes(command: Command) -> list[str]:
    """Device files: any other kind of mount takes away what makes them devices."""
    return [word for path in command.nodes for word in ("--dev-bind", str(path), str(path))]


def _absolute(path: Path) -> Path:
    # Not Path.resolve(), which would follow symbolic links.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _written(root: Path, expected: dict[str, str]) -> tuple[str, ...]:
    """Paths under `root`, as the program saw them, that neither we nor bubblewrap have made: files, links and
    empty folders. At most the first hundred that are found.
    """
    found: list[str] = []
    folders, seen = ["/"], 0
    while folders and seen < _MOST_ENTRIES and len(found) < _MOST_PATHS:
        shown = folders.pop()
        try:
            with os.scandir(f"{root}{shown}") as listing:
                entries = list(listing)
        except OSError:  # closed by the program, or deeper than a path may be: itself a finding
            entries = []
        if not entries and shown not in expected:
            found.append(shown)
        for entry in entries:
            seen += 1
            path = f"{shown.rstrip('/')}/{entry.name}"
            target = os.readlink(entry.path) if entry.is_symlink() else ""  # noqa: PTH115
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif expected.get(path) != target:
                found.append(path)
    return tuple(sorted(found))
