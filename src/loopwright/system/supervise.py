"""Supervision that both runners share: starting the launcher, reading pipes, enforcing limits, ending all.

The launcher (`launcher.c`) limits CPU, memory and processes, and accounts for the tree; this side limits wall
time, captured output and disk, and is what still works when a program kills its launcher.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from loopwright.system.disk import DiskWatch
from loopwright.system.execution import Command, Ending, Execution, Limits
from loopwright.system.outcome import how_it_ended, parse_report
from loopwright.system.processes import kill_session, kill_tree, tasks_now

DEFAULT_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",
}
"""What a program gets for names that `Command.env` does not set."""

_GRACE_S = 0.7
"""From asking the launcher to end everything to killing it from outside."""
_WRAP_GRACE_S = 20.0
"""For a profiler to get going, and to write down its data after the program has ended by itself."""
_START_GRACE_S = 5.0
"""For the sandbox to be set up, on a machine that is busy."""
_NPROC_SLACK = 64
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Placement:
    """Where the launcher runs.

    Attributes:
        prefix: program and arguments before the launcher (bubblewrap and its options); may be empty.
        launcher: path of the launcher as the prefix sees it.
        folders: host folders whose growth counts against `Limits.disk_bytes`.
        same_pids: whether the program has the same process numbers as we do (no namespace).
    """

    prefix: tuple[str, ...]
    launcher: str
    folders: tuple[Path, ...]
    same_pids: bool


def supervise(command: Command, limits: Limits, placement: Placement) -> Execution:
    """Run `command` where `placement` says, to its end or to the first limit; everything is dead after.

    Raises:
        OSError: when the working folder does not exist, or `command.wrap` names no program.
        ValueError: when the command is empty, or holds a NUL or a variable name with `=`.
    """
    if not command.argv:
        raise ValueError("a command needs at least the name of a program")
    if not command.cwd.is_dir():
        raise NotADirectoryError(f"the working folder {command.cwd} does not exist")
    return _Supervision(command, limits, placement).run()


class _Stream:
    """One captured output: the first `limit` bytes are kept."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.kept = bytearray()
        self.truncated = False

    def take(self, data: bytes) -> None:
        room = len(data) if self.limit is None else self.limit - len(self.kept)
        self.kept += data[:room]
        self.truncated |= len(data) > room


class _Supervision:
    """One run; its fields are what the steps of :meth:`run` share."""

    def __init__(self, command: Command, limits: Limits, placement: Placement) -> None:
        self.command = command
        self.limits = limits
        self.placement = placement
        self.reason: Ending | None = None
        self.stdout = _Stream(limits.output_bytes)
        self.stderr = _Stream(limits.output_bytes)
        self.report = _Stream(4096)
        self.disk = DiskWatch(placement.folders, limits.disk_bytes, quiet=command.quiet)

    def run(self) -> Execution:
        with contextlib.ExitStack() as stack:
            stdin = stack.enter_context(_stdin_file(self.command.stdin))
            report_r, report_w = _pipe(stack)
            control_r, control_w = _pipe(stack)
            out_r, out_w = _pipe(stack)
            err_r, err_w = _pipe(stack)
            launcher = self._launcher_argv(report_w.fileno(), control_r.fileno())
            began = time.monotonic()
            process = subprocess.Popen(
                [*self.command.wrap, *self.placement.prefix, *launcher],
                stdin=stdin,
                stdout=out_w,
                stderr=err_w,
                cwd=self.command.cwd,
                env=DEFAULT_ENVIRONMENT,
                pass_fds=(report_w.fileno(), control_r.fileno()),
                start_new_session=True,
            )
            streams = {report_r: self.report, out_r: self.stdout, err_r: self.stderr}
            try:
                for file in (report_w, control_r, out_w, err_w):
                    file.close()
                self._serve(streams, control_w, began)
            finally:
                control_w.close()
                self._end(process)
            outer_s = time.monotonic() - began
            for file, stream in streams.items():
                while _read(file, stream):
                    pass
        if self.reason is None and (self.stdout.truncated or self.stderr.truncated):
            self.reason = Ending.OUTPUT_LIMIT
        elif self.reason is None and self.disk.is_over():
            self.reason = Ending.DISK_LIMIT
        return self._execution(outer_s)

    def _launcher_argv(self, report: int, control: int) -> list[str]:
        limits, command = self.limits, self.command
        environment = {**DEFAULT_ENVIRONMENT, **command.env}
        if any(not name or "=" in name for name in environment):
            raise ValueError("a name in Command.env is empty or holds '='")
        options: dict[str, float | None] = {
            "report": report,
            "control": control,
            "cpu_ms": None if limits.cpu_s is None else limits.cpu_s * 1000,
            "memory": limits.memory_bytes,
            "processes": limits.processes,
            # Counted by the kernel over all processes of the user, hence room for those of others.
            "nproc": None if limits.processes is None else limits.processes + tasks_now() + _NPROC_SLACK,
            "address_space": limits.address_space_bytes,
            "file_size": limits.file_bytes,
            "quiet": command.quiet,
            "env": len(environment),
        }
        argv = [f"{name}={int(value)}" for name, value in options.items() if value is not None]
        if command.cpus is not None:
            argv.append("cpus=" + ",".join(map(str, command.cpus)))
        variables = [f"{name}={value}" for name, value in environment.items()]
        return [self.placement.launcher, *argv, "--", *variables, *command.argv]

    def _serve(self, streams: dict[IO[bytes], _Stream], control: IO[bytes], began: float) -> None:
        """Read the pipes until the launcher is gone; at a limit close `control`, which makes it end all."""
        by_number = {file.fileno(): (file, stream) for file, stream in streams.items()}
        poller = select.poll()
        for number in by_number:
            os.set_blocking(number, False)
            poller.register(number, select.POLLIN)
        wall_s = float("inf") if self.limits.wall_s is None else self.limits.wall_s
        grace_s = _WRAP_GRACE_S if self.command.wrap else _START_GRACE_S
        wall_end = began + wall_s + grace_s
        until, lines = wall_end, 0
        while True:
            now = time.monotonic()
            if self.reason is None:
                if now >= wall_end:
                    self.reason = Ending.WALL_LIMIT
                elif now >= self.disk.next_look and self.disk.is_over():
                    self.reason = Ending.DISK_LIMIT
                elif self.stdout.truncated or self.stderr.truncated:
                    self.reason = Ending.OUTPUT_LIMIT
                until = min(wall_end, self.disk.next_look)
                if self.reason is not None:
                    control.close()
                    until = now + _GRACE_S
            elif now >= until:
                return
            wait_ms = None if until == float("inf") else max(0.0, (until - now) * 1000) + 1
            for number, _ in poller.poll(wait_ms):
                file, stream = by_number[number]
                more = _read(file, stream)
                if stream is self.report and (said := self.report.kept.count(b"\n")) > lines:
                    # The limit is the program's own: from its start to its end, without what is around it.
                    wall_end = time.monotonic() + (wall_s if said == 1 else grace_s)
                    lines = said
                if not more or (stream.truncated and stream is not self.report):
                    poller.unregister(number)
                if not more and stream is self.report:
                    return

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the whole tree is dead, by force if the launcher has not seen to that."""
        patient = self.command.wrap and self.reason is None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_WRAP_GRACE_S if patient else _GRACE_S)
        if process.returncode is None:
            kill_tree(process.pid)
            process.wait()
        if self.placement.same_pids:
            report = parse_report(bytes(self.report.kept))
            if report.pid is not None and not report.complete:
                kill_session(report.pid)

    def _execution(self, outer_s: float) -> Execution:
        report = parse_report(bytes(self.report.kept))
        program, stderr = self.command.argv[0], bytes(self.stderr.kept)
        ending, message = how_it_ended(report, self.reason, self.limits, program=program, stderr=stderr)
        unaccounted = report.pid is not None and not report.complete
        return Execution(
            ending=ending,
            exit_code=report.exit_code,
            signal=signal.SIGKILL if unaccounted else report.signal,
            wall_s=outer_s if unaccounted else report.wall_s,
            outer_s=outer_s,
            user_s=report.user_s,
            system_s=report.system_s,
            peak_memory_bytes=report.peak_memory_bytes,
            stdout=bytes(self.stdout.kept),
            stderr=stderr,
            stdout_truncated=self.stdout.truncated,
            stderr_truncated=self.stderr.truncated,
            left_processes=report.left_processes,
            message=message,
        )


def _read(file: IO[bytes], stream: _Stream) -> bool:
    """Take what is there; False at the end of the pipe, or when it is empty but others still hold it."""
    try:
        data = os.read(file.fileno(), _CHUNK_BYTES)
    except BlockingIOError:
        return False
    stream.take(data)
    return bool(data)


def _pipe(stack: contextlib.ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return (
        stack.enter_context(os.fdopen(reading, "rb", 0)),
        stack.enter_context(os.fdopen(writing, "wb", 0)),
    )


def _stdin_file(content: bytes | None) -> IO[bytes]:
    """Standard input as a file: nothing has to feed a pipe, and the program may seek as after `< file`."""
    if content is None:
        return Path(os.devnull).open("rb")
    file = os.fdopen(os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b", 0)
    with memoryview(content) as rest:
        done = 0
        while done < len(rest):
            done += file.write(rest[done:])
    file.seek(0)
    # Else the program could reopen it for writing and keep what no limit counts.
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return file
