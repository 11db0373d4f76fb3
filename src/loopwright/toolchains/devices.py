"""Which devices the compilers of this machine can offload to: each is tried with a small program, once per
process.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.toolchains import discovery
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device, DeviceSupport
from loopwright.toolchains.gcc import Gcc
from loopwright.toolchains.install import install_line
from loopwright.toolchains.probes import gist, own_file, said
from loopwright.toolchains.toolchain import Toolchain

NO_GPU = "no NVIDIA GPU here"
"""Why nothing runs on one."""

_TIMEOUT_S = 60.0
_DEFAULT_ARCHITECTURE = "sm_80"
"""Compiled for where there is no GPU to ask: Ampere, which CUDA 11 to 13 all know."""
_ON_THE_HOST, _SAME_MEMORY, _WRONG = 3, 4, 5

PROGRAM = """\
#include <omp.h>
int main(void) {
    static double x[1000];
    double sum = 0;
    int on_host = 1;
    for (int i = 0; i < 1000; i++)
        x[i] = i;
#pragma omp target map(from : on_host)
    on_host = omp_is_initial_device();
    if (on_host)
        return 3;
#pragma omp target teams distribute parallel for map(to : x[0 : 1000]) map(tofrom : sum) reduction(+ : sum)
    for (int i = 0; i < 1000; i++) {
        sum += x[i];
        x[i] = -1;
    }
    return x[999] != 999 ? 4 : sum != 499500 ? 5 : 0;
}
"""
"""Ends with 3 when target regions ran on the host, 4 when host and device share a memory, 5 when wrong."""

_ENDINGS = {
    _ON_THE_HOST: "its target regions ran on the host",
    _SAME_MEMORY: "the device sees the host's memory, so that no mapping would be tested",
    _WRONG: "a reduction on the device gave a wrong sum",
}


@dataclass(frozen=True)
class _Plan:
    """How a toolchain would be told of a device; `problem` says why there is nothing to try."""

    compile_flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    install: str = ""
    architecture: str = ""


def with_devices(toolchain: Toolchain, *devices: Device) -> Toolchain:
    """`toolchain` knowing what it can do for `devices` on this machine, tried where it was not yet."""
    if not isinstance(toolchain, Gcc | Clang):
        return toolchain
    return replace(toolchain, devices=tuple(tried(toolchain, device) for device in devices))


def find_offload(name: str | None) -> Toolchain:
    """A toolchain whose host device works: the one called `name`, or the first of all clangs.

    Raises:
        UsageError, ToolMissing: when there is none; says why, and what to install.
    """
    if name is not None:
        named = with_devices(discovery.find(name), Device.HOST)
        if not isinstance(named, Clang):
            raise UsageError(
                f"{named.name} has no device with a memory of its own: mappings could not be tested",
                where="toolchain",
                hint="--toolchain clang, or none: then a clang that has one is chosen",
            )
        return _able([named])
    clangs = [t for t in discovery.discover() if isinstance(t, Clang)]
    return _able(with_devices(t, Device.HOST) for t in clangs)


def _able(candidates: Iterator[Toolchain] | list[Toolchain]) -> Toolchain:
    first: ToolMissing | None = None
    for toolchain in candidates:
        assert isinstance(toolchain, Clang)
        (support,) = toolchain.devices
        if support.ran:
            return toolchain
        version = toolchain.major if support.compile_flags else ""
        first = first or ToolMissing(
            f"{toolchain.name} cannot test offloading here: {support.problem}",
            hint=f"to get it: {install_line('offload', version=version)}",
        )
    raise first or ToolMissing(
        "the target offload needs clang, whose host device tests mappings without a GPU",
        hint=f"to get it: {install_line('offload')}",
    )


def tried(toolchain: Gcc | Clang, device: Device) -> DeviceSupport:
    """What became of a small program for `device`."""
    folder = toolchain.library_folder if isinstance(toolchain, Clang) else None
    return _tried(toolchain.cc, toolchain.family, toolchain.version, folder, device)


@cache
def _tried(
    driver: Path, family: str, version: str, openmp_folder: Path | None, device: Device
) -> DeviceSupport:
    with tempfile.TemporaryDirectory(prefix="loopwright-device-") as folder:
        scratch = Path(folder)
        plan = _clang(driver, device, scratch) if family == "clang" else _gcc(device)
        if plan.problem:
            return DeviceSupport(device, problem=plan.problem, install=plan.install)
        openmp = ["-fopenmp=libomp" if family == "clang" else "-fopenmp"]
        if openmp_folder is not None:
            openmp += [f"-L{openmp_folder}", f"-Wl,-rpath,{openmp_folder}"]
        support = DeviceSupport(
            device,
            compile_flags=plan.compile_flags,
            environment=plan.environment,
            install=plan.install,
            architecture=plan.architecture,
        )
        source, executable = scratch / "probe.c", scratch / "probe"
        source.write_text(PROGRAM)
        command = (str(driver), "-O1", *openmp, *plan.compile_flags, str(source), "-o", str(executable))
        status, printed = said(command, scratch, timeout_s=_TIMEOUT_S)
        if status != 0 or not executable.is_file():
            what = f"a small program does not compile: {gist(printed)}"
            return replace(support, problem=what)
        run = (str(executable),)
        status, printed = said(run, scratch, environment=plan.environment, timeout_s=_TIMEOUT_S)
        problem = ""
        if status != 0:
            ending = _ENDINGS.get(status) if status is not None else None
            problem = ending or gist(printed) or f"status {status}"
        if problem and device is Device.NVPTX and not gpu():
            problem = f"compiled; not run: {NO_GPU}"
        return replace(support, compiled=True, ran=not problem, problem=problem, install="")


def _clang(driver: Path, device: Device, scratch: Path) -> _Plan:
    runtime = own_file(driver, "libomptarget.so", scratch)
    if runtime is None:
        return _Plan(problem="it has no libomptarget", install="offload")
    environment = {"LD_LIBRARY_PATH": str(runtime.parent), "OMP_TARGET_OFFLOAD": "MANDATORY"}
    if device is Device.HOST:
        status, machine = said((str(driver), "-dumpmachine"), scratch)
        triple = machine.strip() if status == 0 else f"{platform.machine()}-pc-linux-gnu"
        return _Plan((f"-fopenmp-targets={triple}",), environment, install="offload")
    cuda = _cuda()
    if cuda is None:
        return _Plan(problem="no CUDA here (ptxas is needed)", install="cuda")
    architecture = gpu_architecture()
    flags = [f"--offload-arch={architecture}", f"--cuda-path={cuda}"]
    for name in (f"libomptarget-nvptx-{architecture}.bc", "libomptarget-nvptx.bc"):
        if (library := own_file(driver, name, scratch)) is not None:
            flags.append(f"--libomptarget-nvptx-bc-path={library}")
            break
    return _Plan(tuple(flags), environment, install="offload", architecture=architecture)


def _gcc(device: Device) -> _Plan:
    if device is Device.HOST:
        return _Plan(problem="gcc has no device with a memory of its own")
    architecture = gpu_architecture()
    # Without -misa the compiler asks for sm_35, which the assembler of CUDA 12 and 13 refuses.
    flags = ("-foffload=nvptx-none", f"-foffload-options=nvptx-none=-misa={architecture}")
    return _Plan(flags, {"OMP_TARGET_OFFLOAD": "MANDATORY"}, install="gcc-nvptx", architecture=architecture)


@cache
def gpu() -> str:
    """Name of the first NVIDIA GPU that works here; "" when there is none."""
    return _asked("name")


def gpu_driver() -> str:
    """Version of the driver of the first NVIDIA GPU that works here; "" when there is none."""
    return _asked("driver_version")


def gpu_architecture() -> str:
    """Of the first NVIDIA GPU that works here, as in "sm_90"; without one a common one to compile for."""
    capability = _asked("compute_cap")
    return f"sm_{capability.replace('.', '')}" if capability else _DEFAULT_ARCHITECTURE


@cache
def _asked(what: str) -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    status, printed = said((program, f"--query-gpu={what}", "--format=csv,noheader"), Path("/"))
    return printed.splitlines()[0].strip() if status == 0 and printed.strip() else ""


def _cuda() -> Path | None:
    """The folder of CUDA, where bin/ptxas lies."""
    named = [os.environ.get("CUDA_HOME", ""), os.environ.get("CUDA_PATH", ""), "/usr/local/cuda"]
    if program := shutil.which("ptxas"):
        named.append(str(Path(program).resolve().parent.parent))
    return next((Path(p) for p in named if p and (Path(p) / "bin" / "ptxas").is_file()), None)
