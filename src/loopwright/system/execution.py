"""Running one command: what goes in, what comes out, and the Protocol of whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Ending(StrEnum):
    """How a process ended; the first limit that was hit wins over the signal that enforced it."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    WALL_LIMIT = "wall_limit"
    CPU_LIMIT = "cpu_limit"
    MEMORY_LIMIT = "memory_limit"
    PROCESS_LIMIT = "process_limit"
    OUTPUT_LIMIT = "output_limit"
    DISK_LIMIT = "disk_limit"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class Limits:
    """Ceilings for a whole process tree. None: no limit.

    Attributes:
        wall_s, cpu_s: seconds; `cpu_s` is user + system over all processes.
        memory_bytes: resident memory of the whole tree.
        address_space_bytes: virtual memory of one process; None for sanitizers, which reserve terabytes.
        processes: processes and threads alive at one time.
        file_bytes: size of one written file. disk_bytes: everything written in the working folder.
        output_bytes: stdout and stderr, each; what comes after is not kept and the tree is killed.
    """

    wall_s: float | None = 60.0
    cpu_s: float | None = None
    memory_bytes: int | None = 4 << 30
    address_space_bytes: int | None = None
    processes: int | None = 256
    file_bytes: int | None = 1 << 30
    disk_bytes: int | None = 2 << 30
    output_bytes: int | None = 16 << 20


@dataclass(frozen=True)
class Command:
    """One program to run.

    Attributes:
        argv: program and arguments. Paths in it are host paths: the sandbox shows `cwd`, `readable` and
            `writable` under the same names as outside.
        cwd: working folder, readable and writable; also where everything the program may leave lies.
        env: the whole environment; nothing is inherited.
        stdin: bytes for standard input; None is /dev/null.
        readable: further host files or folders shown read-only.
        writable: further host folders shown read-write.
        nodes: device files of the host that the program may use (:mod:`loopwright.system.gpu_files`).
        wrap: program and arguments put before the sandbox itself, outside of it (a profiler).
        quiet: True while timing: supervise rarely, so that watching does not disturb the clock.
        cpus: processors the tree may use; None is all.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes | None = None
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    nodes: tuple[Path, ...] = ()
    wrap: tuple[str, ...] = ()
    quiet: bool = False
    cpus: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Execution:
    """What became of a command. Times in seconds, memory in bytes, from the kernel's accounting.

    `wall_s` is from just before the start of the program itself (inside the sandbox) to its exit;
    `outer_s` is the same as seen from outside, sandbox set-up included. `exit_code` is None unless the
    process exited by itself, `signal` None unless a signal ended it. `wrote_outside` are absolute paths,
    as the program saw them, that it wrote outside its working and temporary folders (sandbox only).
    `left_processes` counts processes still alive when the main one ended; they were killed.
    `peak_memory_bytes` is the largest resident size of a single process.
    """

    ending: Ending
    exit_code: int | None
    signal: int | None
    wall_s: float
    outer_s: float
    user_s: float
    system_s: float
    peak_memory_bytes: int
    stdout: bytes
    stderr: bytes
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    wrote_outside: tuple[str, ...] = ()
    left_processes: int = 0
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the program ended by itself with status 0 and left nothing behind."""
        return self.ending is Ending.EXITED and self.exit_code == 0


class Runner(Protocol):
    """Runs commands under limits.

    Contract: `run` never raises for what the program does; it returns when the whole process tree is dead,
    at the latest about a second after a limit. Nothing that the program started outlives the call. It
    raises :class:`~loopwright.core.errors.ToolMissing` when the sandbox itself cannot work, OSError only
    for the caller's own mistakes (no such working folder). Calls are independent and thread-safe.
    """

    @property
    def name(self) -> str:
        """`bubblewrap` or `none`."""
        ...

    @property
    def isolates(self) -> bool:
        """Whether code that nobody has read may be run here: no network, no view of the user's files."""
        ...

    def run(self, command: Command, limits: Limits) -> Execution:
        """Run `command` to its end or to the first limit."""
        ...
