"""From what became of a process to a failure mode, in one place."""

from __future__ import annotations

import signal as signals

from loopwright.core.modes import FailureMode
from loopwright.core.verdict import Failure
from loopwright.system.execution import Ending, Execution

_BY_ENDING = {
    Ending.WALL_LIMIT: FailureMode.TIME_LIMIT,
    Ending.CPU_LIMIT: FailureMode.CPU_LIMIT,
    Ending.MEMORY_LIMIT: FailureMode.MEMORY_LIMIT,
    Ending.PROCESS_LIMIT: FailureMode.PROCESS_LIMIT,
    Ending.OUTPUT_LIMIT: FailureMode.OUTPUT_LIMIT,
    Ending.DISK_LIMIT: FailureMode.DISK_LIMIT,
    Ending.NOT_STARTED: FailureMode.CRASH,
    Ending.SIGNALLED: FailureMode.CRASH,
}
_SHOWN_STDERR_BYTES = 2000


def failure_of(execution: Execution, *, gate: str, what: str) -> Failure | None:
    """Why this execution is no result, None when it is one. `what` names the run: "case tiny, 3 threads"."""
    evidence = {"run": what, "ending": execution.ending.value}
    if execution.exit_code is not None:
        evidence["exit_code"] = str(execution.exit_code)
    if tail := execution.stderr[-_SHOWN_STDERR_BYTES:].decode("utf-8", "replace").strip():
        evidence["stderr"] = tail

    def failed(mode: FailureMode, message: str) -> Failure:
        return Failure(mode=mode, gate=gate, message=f"{what}: {message}", evidence=evidence)

    if execution.ending in (Ending.SIGNALLED, Ending.NOT_STARTED):
        name = _signal_name(execution.signal) if execution.signal else execution.message or "did not start"
        return failed(FailureMode.CRASH, name)
    if execution.ending is not Ending.EXITED:
        detail = execution.message or execution.ending.value.replace("_", " ")
        return failed(_BY_ENDING[execution.ending], f"stopped: {detail}")
    if execution.wrote_outside:
        shown = ", ".join(execution.wrote_outside[:3])
        return failed(FailureMode.WROTE_OUTSIDE, f"wrote outside its working folder: {shown}")
    if execution.exit_code != 0:
        return failed(FailureMode.NONZERO_EXIT, f"exit status {execution.exit_code}")
    if execution.left_processes:
        return failed(FailureMode.LEFT_PROCESSES, f"left {execution.left_processes} processes running")
    return None


def _signal_name(number: int) -> str:
    try:
        return f"ended by {signals.Signals(number).name}"
    except ValueError:
        return f"ended by signal {number}"
