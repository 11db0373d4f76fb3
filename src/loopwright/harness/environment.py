"""The environment that built programs run in: the same for the original and for every candidate."""

from __future__ import annotations

from collections.abc import Mapping

from loopwright.core.task import Case


def program_environment(
    case: Case, *, threads: int, toolchain: Mapping[str, str], timed: bool, oversubscribed: bool
) -> dict[str, str]:
    """Environment of one run with `threads` OpenMP threads.

    The OpenMP settings are the runtime's defaults but for the number of threads, so that what is measured
    is what a user sees. When nothing is timed, and with more threads than processors, waiting threads sleep
    instead of spinning: spinning ones would starve the thread they wait for.
    """
    settings = {
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": str(threads),
        "OMP_DYNAMIC": "false",
        "OMP_THREAD_LIMIT": "256",
        **toolchain,
    }
    if oversubscribed or not timed:
        settings |= {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    return settings | dict(case.env)
