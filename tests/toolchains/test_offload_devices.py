"""Devices to offload to: flags are functions of values, and what a compiler can do is really tried."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.task import Language, Target
from loopwright.toolchains import devices, discovery
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device, DeviceSupport
from loopwright.toolchains.gcc import Gcc
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

HOST = DeviceSupport(
    Device.HOST, ("-fopenmp-targets=x86_64-pc-linux-gnu",), {"LD_LIBRARY_PATH": "/x/lib"}, compiled=True
)
NVPTX = DeviceSupport(Device.NVPTX, ("-foffload=nvptx-none",), compiled=True)
CLANG = Clang("clang-19", "19.1.7", Path("/usr/bin/clang-19"), devices=(HOST,))
GCC = Gcc("gcc-12", "12.2.0", Path("/usr/bin/gcc"), offload=True, devices=(NVPTX,))

# The same sum, but the array is not mapped back: only a device that shares the host's memory gets it right.
UNMAPPED = """\
#include <stdio.h>
int main(void) {
    static double x[100];
#pragma omp target teams distribute parallel for map(to : x[0 : 100])
    for (int i = 0; i < 100; i++)
        x[i] = 1;
    double sum = 0;
    for (int i = 0; i < 100; i++)
        sum += x[i];
    printf("%g\\n", sum);
    return 0;
}
"""


def offload(device: Device, purpose: Purpose = Purpose.TIME) -> Variant:
    return Variant(("-O2",), Target.OFFLOAD, purpose, device=device)


def test_flags_and_environment_belong_to_the_device() -> None:
    assert CLANG.compile_flags(offload(Device.HOST)) == (
        "-O2", "-fopenmp=libomp", "-fopenmp-targets=x86_64-pc-linux-gnu",
    )  # fmt: skip
    assert CLANG.link_flags(offload(Device.HOST)) == (
        "-fopenmp=libomp", "-fopenmp-targets=x86_64-pc-linux-gnu",
    )  # fmt: skip
    assert CLANG.environment(offload(Device.HOST)) == {"LD_LIBRARY_PATH": "/x/lib"}
    assert GCC.compile_flags(offload(Device.NVPTX)) == ("-O2", "-fopenmp", "-foffload=nvptx-none")
    # A device is of no consequence for another target.
    assert CLANG.compile_flags(replace(offload(Device.HOST), target=Target.OPENMP)) == (
        "-O2", "-fopenmp=libomp",
    )  # fmt: skip


def test_without_a_device_target_regions_are_for_the_host() -> None:
    assert CLANG.compile_flags(offload(Device.FALLBACK)) == ("-O2", "-fopenmp=libomp")
    assert GCC.compile_flags(offload(Device.FALLBACK)) == ("-O2", "-fopenmp", "-foffload=disable")
    assert CLANG.environment(offload(Device.FALLBACK)) == {}
    assert "TSAN_OPTIONS" in CLANG.environment(offload(Device.FALLBACK, Purpose.RACES))


def test_a_device_that_was_not_tried_or_does_not_compile_says_so() -> None:
    with pytest.raises(ToolMissing, match="was not tried"):
        CLANG.compile_flags(offload(Device.NVPTX))
    broken = replace(HOST, compiled=False, problem="no clang-offload-packager", install="offload")
    with pytest.raises(ToolMissing, match="no clang-offload-packager") as raised:
        replace(CLANG, devices=(broken,)).compile_flags(offload(Device.HOST))
    assert "clang-tools" in raised.value.hint or "clang" in raised.value.hint


def test_gcc_is_refused_by_name_since_it_tests_no_mapping() -> None:
    if not any(isinstance(t, Gcc) for t in discovery.discover()):
        pytest.skip("no gcc here")
    with pytest.raises(UsageError, match="memory of its own"):
        devices.find_offload("gcc")


def test_without_clang_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as raised:
        devices.find_offload(None)
    assert "clang" in raised.value.hint


def test_the_host_device_has_a_memory_of_its_own(offload_toolchain: Toolchain, tmp_path: Path) -> None:
    printed = {}
    (tmp_path / "p.c").write_text(UNMAPPED)
    for device in (Device.HOST, Device.FALLBACK):
        variant = offload(device)
        flags = offload_toolchain.compile_flags(variant), offload_toolchain.link_flags(variant)
        argv = [str(offload_toolchain.compiler(Language.C)), *flags[0], "p.c", "-o", "p", *flags[1]]
        subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, timeout=60)
        environment = {"PATH": os.environ["PATH"], **offload_toolchain.environment(variant)}
        done = subprocess.run(
            [str(tmp_path / "p")], env=environment, check=True, capture_output=True, timeout=60
        )
        printed[device] = done.stdout.decode().strip()
    assert printed == {Device.HOST: "0", Device.FALLBACK: "100"}


def test_a_trial_tells_compiling_from_running() -> None:
    tried = [devices.tried(t, Device.NVPTX) for t in discovery.discover() if isinstance(t, Gcc | Clang)]
    for support in tried:
        if support.ran:
            assert devices.gpu() and support.compiled and not support.problem
        elif support.compiled and not devices.gpu():
            assert "not run" in support.problem and support.architecture.startswith("sm_")
        else:
            assert support.problem
