"""Why a driver ended early: its exit statuses and the line that it leaves on stderr."""

from __future__ import annotations

import re

from loopwright.core.modes import FailureMode

_OUT_OF_BOUNDS, _INPUT_MODIFIED, _NO_MEMORY, _USAGE, _FILE, _LATE, _GUARD, _DEVICE = range(81, 89)
"""The exit statuses in driver_c/loopwright_arrays.h."""

_ACCESS = re.compile(
    r"^loopwright: (out-of-bounds|input-modified) array=(\w+) access=(\w+) offset=(-?\d+) bytes=(\d+) "
    r"size=(\d+)$",
    re.MULTILINE,
)
_OTHER = re.compile(r"^loopwright: (.+)$", re.MULTILINE)
_MODES = {
    _OUT_OF_BOUNDS: FailureMode.OUT_OF_BOUNDS,
    _INPUT_MODIFIED: FailureMode.INPUT_MODIFIED,
    _NO_MEMORY: FailureMode.MEMORY_LIMIT,
    _USAGE: FailureMode.NONZERO_EXIT,
    _FILE: FailureMode.NONZERO_EXIT,
    _LATE: FailureMode.FORGED_TIME,
    _GUARD: FailureMode.OUT_OF_BOUNDS,
    _DEVICE: FailureMode.CRASH,
}
_VERBS = {"read": "reads", "write": "writes", "access": "touches"}


def explain_exit(exit_code: int | None, signal: int | None, stderr: str) -> tuple[FailureMode, str] | None:
    """The failure mode and a sentence for an end that the driver itself brought about; None for any other
    (success, an exit status or a signal of the kernel's own).

    The exit status and the line on stderr must agree: a kernel that exits with 81 explains nothing.
    """
    if signal is not None or exit_code not in _MODES:
        return None
    mode = _MODES[exit_code]
    if exit_code in (_OUT_OF_BOUNDS, _INPUT_MODIFIED):
        for match in _ACCESS.finditer(stderr):
            what, array, access, offset, size_bytes, element = match.groups()
            if (what == "out-of-bounds") == (mode is FailureMode.OUT_OF_BOUNDS):
                return mode, _sentence(mode, array, access, int(offset), int(size_bytes), int(element))
        return None
    lines = _OTHER.findall(stderr)
    return (mode, f"the driver stopped: {lines[-1]}") if lines else None


def _sentence(
    mode: FailureMode, array: str, access: str, offset: int, size_bytes: int, element_bytes: int
) -> str:
    index = offset // max(element_bytes, 1)
    count = size_bytes // max(element_bytes, 1)
    if mode is FailureMode.INPUT_MODIFIED:
        return f"the kernel changes {array}[{index}], which is an input"
    verb = _VERBS.get(access, "touches")
    if offset < 0:
        distance = f"{-offset} bytes before the start"
    elif offset == size_bytes:
        distance = "right beyond the end"
    else:
        distance = f"{offset - size_bytes} bytes beyond the end"
    extent = f"{array} ({count} elements of {element_bytes} bytes)"
    return f"the kernel {verb} {array}[{index}], {distance} of {extent}"
