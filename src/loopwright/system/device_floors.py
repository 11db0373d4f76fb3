"""The measured ceilings of a GPU, by an own program (`floors/device.cu`); run only where there is one.

As for processors, a ceiling that is too high is on the safe side: of each figure the best repetition counts.
Tensor cores are not asked: no program of ours uses them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.machine import DeviceFloors
from loopwright.system.execution import Command, Limits, Runner
from loopwright.system.floors import SOURCES, parse_figures
from loopwright.system.gpu_files import Gpu, gpu_files

_ARRAY_BYTES = 256 << 20
"""Of each of three arrays: several times the largest second-level cache."""
_COMPILE_LIMIT_S, _RUN_LIMIT_S = 180.0, 120.0


@dataclass(frozen=True)
class CudaCompiler:
    """How a CUDA program is compiled for the GPU that is there: nvcc with its flags, and that GPU's name."""

    command: Sequence[str]
    gpu: str


def measure_device_floors(runner: Runner, compiler: CudaCompiler, scratch: Path) -> DeviceFloors:
    """Compile and run the program, in `scratch`, an existing folder; some seconds.

    Raises:
        ToolMissing: when it does not compile.
        LoopwrightError: when it fails or prints no figures.
    """
    program = scratch / "device"
    command = (*compiler.command, "-O3", "-o", str(program), str(SOURCES / "device.cu"))
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_COMPILE_LIMIT_S
        )
        errors = done.stderr.strip() if done.returncode != 0 else ""
    except (OSError, subprocess.SubprocessError) as error:
        errors = str(error)
    if errors or not program.is_file():
        raise ToolMissing(
            f"{command[0]} cannot compile device.cu, which measures a GPU: {errors[-400:]}", where="machine"
        )
    files = gpu_files(Gpu.NVIDIA)
    argv = (str(program), str(_ARRAY_BYTES))
    run = runner.run(
        Command(argv, scratch, readable=files.readable, nodes=files.nodes, quiet=True),
        Limits(wall_s=_RUN_LIMIT_S, memory_bytes=None),
    )
    figures: dict[str, float] = {}
    problem = run.stderr.decode("utf-8", "replace").strip() or run.message or run.ending
    if run.ok:
        try:
            figures = parse_figures(run.stdout.decode("utf-8", "replace"))
        except ValueError as error:
            problem = f"unexpected output: {error}"
    return floors_of(figures, compiler.gpu, problem)


def floors_of(figures: dict[str, float], gpu: str, problem: str = "") -> DeviceFloors:
    """The floors out of what the program printed. Pure but for the date.

    Raises:
        LoopwrightError: when a figure is missing; with `problem`, what else is known.
    """
    try:
        return DeviceFloors(
            name=gpu,
            to_device_bytes_per_s=figures["to_device"],
            from_device_bytes_per_s=figures["from_device"],
            triad_bytes_per_s=figures["triad"],
            peak_flops_f64=figures["f64"],
            peak_flops_f32=figures["f32"],
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    except KeyError as missing:
        raise LoopwrightError(
            f"{gpu} was not measured: no {missing}; {problem[-400:]}", where="machine"
        ) from None
