"""machine.json: what this machine is, its measured floors and its A/A noise, measured once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from loopwright.core.errors import LoopwrightError
from loopwright.core.machine import Floors, Machine, Noise
from loopwright.core.task import Language
from loopwright.core.timing import Sample
from loopwright.system.device_floors import CudaCompiler, measure_device_floors
from loopwright.system.execution import Command, Limits, Runner
from loopwright.system.floors import measure_floors
from loopwright.system.load import OthersMeter, disturbs, others_now
from loopwright.system.machine import this_machine
from loopwright.system.store import write_atomically
from loopwright.timing.noise import measure_noise
from loopwright.toolchains.devices import gpu, gpu_architecture
from loopwright.toolchains.nvcc import find_nvcc
from loopwright.toolchains.nvidia_tools import device_state
from loopwright.toolchains.toolchain import NATIVE_FLAGS, PreparesSources, Toolchain, Variant
from loopwright.workbench.records import from_data, to_data

_SCHEMA = 1
_NOISE_PROGRAM = """\
/* The standard program of the A/A measurement: some memory, some arithmetic, about 50 ms. */
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
    const long n = 1L << 20;
    double *x = malloc(n * sizeof *x), s = 0;
    if (!x)
        return 1;
    for (long i = 0; i < n; i++)
        x[i] = 1.0 / (double)(i + 1);
    for (int r = 0; r < 40; r++)
#pragma omp parallel for reduction(+ : s)
        for (long i = 0; i < n; i++)
            s += x[i] * x[i];
    printf("%.3f\\n", s);
    return 0;
}
"""


@dataclass(frozen=True)
class MachineFacts:
    """The content of machine.json."""

    machine: Machine
    floors: Floors
    noise: Noise
    load: float = 0.0
    """Processors that others kept busy while floors and noise were measured."""

    @property
    def measured_busy(self) -> bool:
        """Whether other work disturbed the measurement: then it is made again as soon as that is over."""
        return disturbs(self.load)


def machine_facts(
    home: Path, toolchain: Toolchain, runner: Runner, scratch: Path, say: Callable[[str], None]
) -> MachineFacts:
    """Read machine.json below `home`, or measure and write it when it is missing or of another machine."""
    if isinstance(toolchain, PreparesSources):
        toolchain = toolchain.base
    path = home / "machine.json"
    machine = this_machine()
    try:
        record = json.loads(path.read_bytes())
        if record["schema"] == _SCHEMA:
            facts = from_data(MachineFacts, record["facts"])
            still_good = not facts.measured_busy or disturbs(others_now())
            if facts.machine.key == machine.key and still_good:
                return _with_gpu(facts, path, runner, scratch, say)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # Missing, torn or old: measuring again costs some seconds and loses nothing.
    scratch.mkdir(parents=True, exist_ok=True)
    meter = OthersMeter()
    say("measuring this machine once: memory bandwidth and peak rates")
    floors = measure_floors(runner, toolchain.compiler(Language.C), machine, scratch)
    say("measuring this machine once: how far apart two equal programs are timed")
    noise = _noise(toolchain, runner, scratch, machine.cores)
    facts = MachineFacts(machine, floors, noise, meter.processors())
    _write(facts, path)
    return _with_gpu(facts, path, runner, scratch, say)


def _write(facts: MachineFacts, path: Path) -> None:
    record = {"schema": _SCHEMA, "facts": to_data(facts)}
    # `check` and `time` work in folders that may not be written to: they measure again then.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / ".gitignore").write_text("*\n")
        write_atomically(path, json.dumps(record, indent=1).encode() + b"\n")


def _with_gpu(
    facts: MachineFacts, path: Path, runner: Runner, scratch: Path, say: Callable[[str], None]
) -> MachineFacts:
    """`facts` with the floors of the GPU that is here; unchanged without one, or without nvcc to measure."""
    known = facts.floors.device
    if not gpu() or (known is not None and known.name == gpu()):
        return facts
    try:
        compiler = find_nvcc()
        command = (str(compiler.path), *compiler.compile_flags(Variant((f"-arch={gpu_architecture()}",))))
        folder = scratch / "gpu"
        folder.mkdir(parents=True, exist_ok=True)
        say(f"measuring {gpu()} once: copies, memory and peak rates")
        measured = measure_device_floors(runner, CudaCompiler(command, gpu()), folder)
    except LoopwrightError as error:
        say(f"the GPU is not measured: {error}")
        return facts
    state = device_state()
    if state is not None:
        measured = replace(
            measured,
            driver=state.driver,
            clock_mhz=state.clock_mhz or 0.0,
            memory_clock_mhz=state.memory_clock_mhz or 0.0,
            power_w=state.power_w or 0.0,
        )
    facts = replace(facts, floors=replace(facts.floors, device=measured))
    _write(facts, path)
    return facts


def _noise(toolchain: Toolchain, runner: Runner, scratch: Path, cores: int) -> Noise:
    folder = scratch / "noise"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "noise.c").write_text(_NOISE_PROGRAM)
    variant = Variant(NATIVE_FLAGS)
    flags = (*toolchain.compile_flags(variant), *toolchain.link_flags(variant))
    compiler = str(toolchain.compiler(Language.C))
    built = runner.run(Command((compiler, *flags, "noise.c", "-o", "noise"), folder), Limits())
    if not built.ok:
        raise RuntimeError(f"the standard program does not build: {built.stderr.decode('utf-8', 'replace')}")
    environment = {**toolchain.environment(variant), "OMP_NUM_THREADS": str(cores)}
    command = Command((str(folder / "noise"),), folder, environment, quiet=True)

    def sample(_: str) -> Sample:
        run = runner.run(command, Limits())
        if not run.ok:
            raise RuntimeError(f"the standard program failed: {run.ending} {run.stderr!r}")
        return Sample(run.wall_s, run.user_s, run.system_s, run.peak_memory_bytes, run.outer_s)

    return measure_noise(sample, measured_at=datetime.now(UTC).isoformat(timespec="seconds"))
