"""From what the launcher reported, and the limit that was hit, to the word for how a program ended."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from loopwright.system.execution import Ending, Limits

_LIMITS = {"cpu": Ending.CPU_LIMIT, "memory": Ending.MEMORY_LIMIT, "processes": Ending.PROCESS_LIMIT}
_SIGNALS: dict[int, Ending] = {signal.SIGXFSZ: Ending.DISK_LIMIT, signal.SIGXCPU: Ending.CPU_LIMIT}


@dataclass(frozen=True)
class Report:
    """What the launcher said; see the head of `launcher.c`. Times in seconds, memory in bytes.

    `pid` is None when the program was not started, `error` the errno of a failed start. When `complete` is
    False the launcher was killed before it could account for anything: all the rest is 0 then.
    """

    pid: int | None = None
    error: int | None = None
    complete: bool = False
    exit_code: int | None = None
    signal: int | None = None
    wall_s: float = 0.0
    user_s: float = 0.0
    system_s: float = 0.0
    peak_memory_bytes: int = 0
    left_processes: int = 0
    limit: str = "none"


def parse_report(text: bytes) -> Report:
    """The report in what came through the launcher's pipe; a torn last line is left out."""
    pid = error = None
    for line in text.decode("ascii", "replace").split("\n")[:-1]:
        word, *rest = line.split()
        if word == "started":
            pid = int(rest[0])
        elif word == "failed":
            error = int(rest[0])
        elif word == "ended":
            value = dict(piece.split("=", 1) for piece in rest)
            return Report(
                pid=pid,
                complete=True,
                exit_code=int(value["exit"]) if value["exit"] != "-1" else None,
                signal=int(value["signal"]) or None,
                wall_s=int(value["wall_ns"]) / 1e9,
                user_s=int(value["user_us"]) / 1e6,
                system_s=int(value["system_us"]) / 1e6,
                peak_memory_bytes=int(value["peak_bytes"]),
                left_processes=int(value["left"]),
                limit=value["limit"],
            )
    return Report(pid=pid, error=error)


def how_it_ended(
    report: Report, reason: Ending | None, limits: Limits, *, program: str, stderr: bytes
) -> tuple[Ending, str]:
    """The ending, and in words what is not plain from it (empty for an exit or a signal).

    `reason` is the limit that the supervisor itself saw, which comes first. Limits hold for what the
    kernel accounted for, too: a peak too short to be seen while it lasted is over the limit still.
    """
    cpu_s = report.user_s + report.system_s
    if reason is not None:
        ending = reason
    elif report.limit in _LIMITS:
        ending = _LIMITS[report.limit]
    elif report.error is not None:
        return Ending.NOT_STARTED, f"{program}: {os.strerror(report.error)}"
    elif report.pid is None:
        said = stderr.decode("utf-8", "replace").strip()
        return Ending.NOT_STARTED, f"the launcher did not start: {said[-500:] or 'it said nothing'}"
    elif not report.complete:
        return Ending.SIGNALLED, "the program killed the process that watched it; all of it was killed"
    elif limits.memory_bytes is not None and report.peak_memory_bytes > limits.memory_bytes:
        ending = Ending.MEMORY_LIMIT
    elif limits.cpu_s is not None and cpu_s > limits.cpu_s:
        ending = Ending.CPU_LIMIT
    elif report.signal is not None:
        ending = _SIGNALS.get(report.signal, Ending.SIGNALLED)
    else:
        ending = Ending.EXITED
    return ending, _explained(ending, limits)


def _explained(ending: Ending, limits: Limits) -> str:
    match ending:
        case Ending.WALL_LIMIT if limits.wall_s is not None:
            return f"ran longer than {limits.wall_s:g} s"
        case Ending.CPU_LIMIT if limits.cpu_s is not None:
            return f"used more than {limits.cpu_s:g} s of processor time"
        case Ending.MEMORY_LIMIT:
            return f"took more than {_size(limits.memory_bytes)} of memory"
        case Ending.PROCESS_LIMIT:
            return f"had more than {limits.processes} processes and threads"
        case Ending.OUTPUT_LIMIT:
            return f"printed more than {_size(limits.output_bytes)}"
        case Ending.DISK_LIMIT:
            return f"wrote more than {_size(limits.disk_bytes)}, or {_size(limits.file_bytes)} in one file"
        case _:
            return ""


def _size(count: int | None) -> str:
    """As in `4 GiB`; a size that is no round number stays in bytes."""
    if count is None:
        return "any size"
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} bytes"
