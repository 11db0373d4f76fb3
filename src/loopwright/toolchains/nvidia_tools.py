"""NVIDIA's tools around nvcc: compute-sanitizer, nsys, ncu; and the state of the GPU while they run."""

from __future__ import annotations

import csv
import os
import re
import shutil
from pathlib import Path

from loopwright.core.device_profile import DeviceState
from loopwright.toolchains.probes import said

_VERSION = re.compile(r"\b[Vv]ersion (?P<version>\d[\w.]*)")
_STATE = ("name", "driver_version", "clocks.sm", "clocks.mem", "power.draw")
_COLUMNS = (
    "name", "driver_version", "clocks.current.sm [MHz]", "clocks.current.memory [MHz]", "power.draw [W]",
)  # fmt: skip
"""What the driver calls in its header what it is asked for."""


def find_tool(name: str) -> Path | None:
    """The program `name`, links resolved: on PATH, in $CUDA_HOME, or where CUDA lies usually."""
    homes = [os.environ.get("CUDA_HOME", ""), "/usr/local/cuda"]
    places = [os.environ.get("PATH", ""), *(f"{home}/bin" for home in homes if home)]
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found).resolve() if found else None


def tool_version(name: str) -> str:
    """As in `2024.6.2.225`; empty when there is no such tool, or it does not say."""
    program = find_tool(name)
    if program is None:
        return ""
    match = _VERSION.search(said((str(program), "--version"), Path("/"))[1])
    return match["version"] if match else ""


def folders_of(program: Path) -> tuple[Path, ...]:
    """The folder of its package, where the parts lie that a script in bin/ starts."""
    return (program.parents[1],)


def device_state() -> DeviceState | None:
    """Clocks and power of the first NVIDIA GPU at this moment; None without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = (program, f"--query-gpu={','.join(_STATE)}", "--format=csv")
    status, printed = said(command, Path("/"))
    return parse_state(printed) if status == 0 else None


def parse_state(printed: str) -> DeviceState | None:
    """The first GPU in what `nvidia-smi --query-gpu=... --format=csv` printed. Figures that are not there, or
    "[N/A]", are None. Pure.
    """
    rows = [[cell.strip() for cell in row] for row in csv.reader(printed.splitlines())]
    if len(rows) < 2 or len(rows[0]) != len(rows[1]):
        return None
    row = dict(zip(*rows[:2], strict=True))
    name, driver, *figures = (row.get(column, "") for column in _COLUMNS)
    return DeviceState(name, driver, *map(_figure, figures))


def _figure(cell: str) -> float | None:
    """The number of "2827 MHz"; None for anything else."""
    try:
        return float(cell.partition(" ")[0])
    except ValueError:
        return None
