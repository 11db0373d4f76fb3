"""Where the time goes, and what the compiler said about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loopwright.core.device_profile import DeviceProfile


class Severity(StrEnum):
    """How bad a compiler diagnostic is."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Diagnostic:
    """One message of a compiler. `line` and `column` count from 1; 0 when unknown."""

    severity: Severity
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    option: str = ""


@dataclass(frozen=True)
class Remark:
    """One optimisation remark: what a compiler pass did to a place, or why it did not.

    `passed` is True for "done", False for "missed", None for an analysis note.
    """

    file: str
    line: int
    column: int
    passed: bool | None
    optimisation: str
    message: str


@dataclass(frozen=True)
class HotLine:
    """Share of the samples (0 to 1) that fell on one line of source."""

    file: str
    line: int
    share: float
    function: str = ""


@dataclass(frozen=True)
class Roofline:
    """Position under the roofline (Williams, Waterman, Patterson, CACM 52(4), 2009).

    `intensity` in flop/byte, `attained` and `bound` in flop/s or, without flops, in byte/s;
    `limit` is "memory" or "compute"; `fraction` is attained over bound.
    """

    intensity: float | None
    attained: float
    bound: float
    limit: str
    fraction: float
    unit: str


@dataclass(frozen=True)
class Profile:
    """Where the time of one case went. Shares are of the samples inside the task's own sources and
    outside them (`elsewhere`); `lines` is sorted by falling share. `device` is the part on a GPU, where the
    program was run on one.
    """

    profiler: str
    case: str
    samples: int
    lines: tuple[HotLine, ...]
    elsewhere: float = 0.0
    remarks: tuple[Remark, ...] = ()
    roofline: Roofline | None = None
    version: str = ""
    device: DeviceProfile | None = None
