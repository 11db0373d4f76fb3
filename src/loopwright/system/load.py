"""What other processes take of the processors that we may use: what disturbs a timing.

The load average counts our own work of the last minutes too, and lags behind. Here the kernel's own
accounting over an interval is used: what all processes used of our processors (/proc/stat), less what this
process and its ended children used (times(2)).
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from loopwright.system.machine import usable_cores, usable_cpus

BUSY = 0.15
"""Share of the processors that others may take before times are called disturbed. A thread that shares its
processor holds up all the others at the next barrier."""
_WINDOW_S = 0.25
_IDLE = ("idle", "iowait")
_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Columns of a cpu line, proc_stat(5). What follows them (guest) is contained in `user`."""


@dataclass(frozen=True)
class Reading:
    """Seconds since the machine and since this process started: `all_s` that our processors worked for
    anybody, `own_s` that this process and its ended children worked, `at_s` on a monotonic clock.
    """

    all_s: float
    own_s: float
    at_s: float


class OthersMeter:
    """How many processors others keep busy, on average since the meter was made."""

    def __init__(self) -> None:
        self._first = _read()

    def processors(self) -> float:
        """Mean number of our processors that others kept busy; 0 where the kernel does not tell."""
        return between(self._first, _read())


def others_now() -> float:
    """How many processors others keep busy at this moment: looks on for a quarter of a second."""
    meter = OthersMeter()
    time.sleep(_WINDOW_S)
    return meter.processors()


def disturbs(others: float) -> bool:
    """Whether so many processors in the hands of others leave too few to time with."""
    # A quota may be smaller than the number of processors that it can be used on.
    return others > len(usable_cpus()) - (1 - BUSY) * usable_cores()


def between(first: Reading, last: Reading) -> float:
    """Processors that others kept busy between two readings."""
    elapsed_s = last.at_s - first.at_s
    if elapsed_s <= 0:
        return 0.0
    others_s = (last.all_s - first.all_s) - (last.own_s - first.own_s)
    # The two are counted in different ticks: their difference may fall a little below nothing.
    return max(0.0, others_s / elapsed_s)


def busy_ticks(stat: str, cpus: Collection[int]) -> int:
    """Clock ticks that the processors `cpus` were not idle, from the text of /proc/stat."""
    ticks = 0
    for line in stat.splitlines():
        name, _, values = line.partition(" ")
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            counted = zip(_FIELDS, values.split(), strict=False)
            ticks += sum(int(value) for field, value in counted if field not in _IDLE)
    return ticks


def _read() -> Reading:
    try:
        stat = Path("/proc/stat").read_text()
    except OSError:
        stat = ""
    own = os.times()
    return Reading(
        all_s=busy_ticks(stat, usable_cpus()) / os.sysconf("SC_CLK_TCK"),
        own_s=own.user + own.system + own.children_user + own.children_system,
        at_s=time.monotonic(),
    )
