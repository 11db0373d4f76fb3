"""Looking at, and ending, processes from outside: the way that is left when the launcher cannot do it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 2.0


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    session: int
    zombie: bool


def tasks_now() -> int:
    """Processes and threads on the whole machine (the fourth field of /proc/loadavg)."""
    return int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])


def kill_tree(root: int) -> None:
    """SIGKILL `root` and all that descends from it, until none is left but zombies."""
    _kill_until_gone({root}, session=-1)


def kill_session(session: int) -> None:
    """SIGKILL all members of a session and what descends from them, until none is left but zombies."""
    _kill_until_gone(set(), session=session)


def _kill_until_gone(members: set[int], session: int) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up:
        alive = []
        for process in _processes():  # in the order of their numbers: mostly parents first
            if process.pid in members or process.parent in members or process.session == session:
                members.add(process.pid)
                alive += [] if process.zombie else [process.pid]
        if not alive:
            return
        for pid in alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _processes() -> list[_Process]:
    found = []
    for name in sorted((n for n in os.listdir("/proc") if n.isdigit()), key=int):  # noqa: PTH208
        try:
            text = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:
            continue
        # The name of a program stands in parentheses and may hold anything, ")" included.
        fields = text[text.rindex(")") + 2 :].split()
        found.append(_Process(int(name), int(fields[1]), int(fields[3]), fields[0] in "ZX"))
    return found
