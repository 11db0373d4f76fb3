"""Which runs get the device files of a GPU. None is here: what a driver would have is put in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.task import Build, Case, Output, Target, Task
from loopwright.core.tree import Tree
from loopwright.harness import execute
from loopwright.harness.execute import CaseRunner, RunOptions
from loopwright.harness.types import BuildResult
from loopwright.system.direct import DirectRunner
from loopwright.system.gpu_files import GpuFiles
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device, DeviceSupport
from loopwright.toolchains.toolchain import Variant

FILES = GpuFiles((Path("/dev/nvidia0"), Path("/dev/nvidiactl")), (Path("/sys/bus/pci"),))


@pytest.mark.parametrize(
    ("target", "device", "shown"),
    [
        (Target.OFFLOAD, Device.NVPTX, True),
        (Target.OFFLOAD, Device.HOST, False),
        (Target.OFFLOAD, Device.FALLBACK, False),
        (Target.OPENMP, Device.FALLBACK, False),
    ],
)
def test_only_programs_for_a_gpu_see_one(
    target: Target, device: Device, shown: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "gpu_files", lambda gpu: FILES)
    task = Task("t", Tree({"p.c": b""}), ("p.c",), Build(sources=("p.c",)), (Case("only"),), Output())
    able = tuple(DeviceSupport(each, compiled=True) for each in (Device.NVPTX, Device.HOST))
    toolchain = replace(Clang("clang-19", "19.1.7", Path("clang-19")), devices=able)
    build = BuildResult(tmp_path, tmp_path / "exe", toolchain, Variant((), target, device=device), "")
    runner = CaseRunner(task, DirectRunner(), tmp_path, cores=2)
    command = runner.command(build, Case("only"), tmp_path, threads=2, options=RunOptions())
    assert command.nodes == (FILES.nodes if shown else ())
    assert (Path("/sys/bus/pci") in command.readable) is shown
