"""A profile on a GPU, from build to words. No GPU is here: stand-ins of nsys and ncu run the program on the
processor, and print what nsys and ncu were seen to print elsewhere.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.device_profile import (
    DeviceProfile,
    DeviceState,
    Direction,
    KernelTime,
    Transfer,
)
from loopwright.core.machine import DeviceFloors, Floors
from loopwright.core.profile import Profile
from loopwright.core.task import Build, Case, Output, StdoutMode, Target, Task, Use
from loopwright.core.timing import DeviceTimes
from loopwright.core.tree import Tree
from loopwright.gates.gate import Context
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.profilers import nsight
from loopwright.profilers.condense import as_text
from loopwright.profilers.device_profiler import Watched
from loopwright.profilers.device_words import device_lines
from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Limits
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Variant
from loopwright.workbench import gpu_profiling, machine_file
from loopwright.workbench.gpu_profiling import joined, profile_on_gpu, times_of
from loopwright.workbench.machine_file import MachineFacts
from loopwright.workbench.records import from_data, to_data

FIXTURES = Path(__file__).parents[1] / "profilers" / "fixtures"
NSYS = """#!/bin/sh
if [ "$1" = profile ]; then
    while [ "${1#/}" = "$1" ]; do case $1 in --output=*) out=${1#--output=};; esac; shift; done
    "$@" || exit; : >"$out.nsys-rep"
else
    [ -f loopwright-nsys.nsys-rep ] || exit 1
    case "$*" in *cuda_gpu_kern_sum,cuda_gpu_mem_time_sum*) ;; *) exit 2;; esac
    cat KERNELS; echo; cat TRANSFERS
fi
"""
NCU = """#!/bin/sh
while [ "${1#/}" = "$1" ]; do shift; done
"$@" || exit; cat FIGURES
"""
FLOORS = DeviceFloors("a GPU", 5e10, 4e10, 3e12, 3e13, 6e13)


def context_of(target: Target, scratch: Path) -> Context:
    task = Task(
        name="p",
        tree=Tree({"p.c": b'#include <stdio.h>\nint main(void) { puts("1"); return 0; }\n'}),
        editable=("p.c",),
        build=Build(sources=("p.c",)),
        cases=(Case("only", use=Use.TIME),),
        output=Output(stdout=StdoutMode.IGNORE),
    )
    runner = DirectRunner()
    return Context(
        task=task,
        builder=Builder(task, runner, scratch),
        cases=CaseRunner(task, runner, scratch, cores=2),
        toolchain=find(None),
        variant=Variant((), target),
        expected=lambda case: {},
        limits=lambda case: Limits(),
        threads=(1,),
        floors=Floors({1: 1e10}, {1: 1e10}, {1: 1e10}, device=FLOORS),
    )


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "cuda" / "bin"
    tools.mkdir(parents=True)
    for name, text in (("nsys", NSYS), ("ncu", NCU)):
        for word, fixture in (
            ("KERNELS", "nsys-2024.6.2-kern-sum.csv"), ("TRANSFERS", "nsys-2024.5.1-mem-time-sum.csv"),
            ("FIGURES", "ncu-undated-details.csv"),
        ):  # fmt: skip
            text = text.replace(word, str(FIXTURES / fixture))
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setattr(nsight, "gpu", lambda: "a GPU")
    monkeypatch.setattr(gpu_profiling, "device_state", lambda: DeviceState("a GPU", "1.2", power_w=300.0))
    monkeypatch.setattr(gpu_profiling, "gpu_toolchain", lambda context: (context.toolchain, ""))
    monkeypatch.setattr(gpu_profiling, "gpu_variant", lambda context: Variant(("-O1",), Target.SERIAL))
    return tools


def test_a_program_is_timed_unwatched_and_then_watched(stand_ins: Path, tmp_path: Path) -> None:
    context = context_of(Target.OFFLOAD, tmp_path)
    profile = profile_on_gpu(context, context.task.tree, tmp_path)
    assert profile is not None
    assert [name.split()[0] for name in profile.profilers] == ["nsys", "ncu"] and profile.missing == ()
    assert len(profile.kernels) == 15
    assert profile.times.kernel_s == pytest.approx(0.198511027)
    assert profile.times.transfer_s == pytest.approx(2.558925158)
    assert 0 < profile.times.wall_s < 60
    assert (profile.state, profile.floors) == (DeviceState("a GPU", "1.2", power_w=300.0), FLOORS)
    # Nothing is left of the builds and of what the tools wrote.
    assert not list((tmp_path / "gpu-profile").iterdir()) and not list((tmp_path / "build").iterdir())


def test_a_tool_that_fails_is_named_and_the_other_is_used(stand_ins: Path, tmp_path: Path) -> None:
    (stand_ins / "nsys").write_text("#!/bin/sh\necho 'cannot attach' >&2\nexit 1\n")
    context = context_of(Target.CUDA, tmp_path)
    profile = profile_on_gpu(context, context.task.tree, tmp_path)
    assert profile is not None
    (missing,) = profile.missing
    assert missing.startswith("nsys: nsys profile:") and "cannot attach" in missing
    # A few launches are not the whole run.
    assert profile.kernels[0].registers == 168 and profile.times.kernel_s is None


def test_without_any_tool_there_is_no_profile(stand_ins: Path, tmp_path: Path) -> None:
    shutil.rmtree(stand_ins)
    context = context_of(Target.OFFLOAD, tmp_path)
    assert profile_on_gpu(context, context.task.tree, tmp_path) is None


def test_other_targets_have_nothing_to_do_with_a_gpu(stand_ins: Path, tmp_path: Path) -> None:
    context = context_of(Target.OPENMP, tmp_path)
    assert profile_on_gpu(context, context.task.tree, tmp_path) is None


def test_figures_go_to_the_kernel_of_that_name() -> None:
    times = Watched((KernelTime("void axpy<double>(int, double *)", 9, 900.0), KernelTime("dot", 1, 100.0)))
    figures = Watched((KernelTime("axpy<double>", 2, 200.0, 32, 0.5, 0.9),), whole=False)
    first, second = joined((times, figures)).kernels
    assert (first.launches, first.total_ns, first.registers) == (9, 900.0, 32)
    assert (second.registers, second.occupancy) == (None, None)


def test_the_host_has_what_is_left_and_never_less_than_nothing() -> None:
    copies = (Transfer(Direction.TO_DEVICE, 1, 2e9, 1),)
    kernels = (KernelTime("k", 1, 3e9),)
    assert times_of(7.0, Watched(kernels, copies)) == DeviceTimes(7.0, 3.0, 2.0, 2.0)
    assert times_of(4.0, Watched(kernels, copies)).host_s == 0.0
    assert times_of(4.0, Watched(kernels, whole=False)) == DeviceTimes(4.0)


PROFILE = DeviceProfile(
    ("nsys 2024.6.2", "ncu 2025.1"),
    (KernelTime("sweep", 100, 3e8, 40, 0.5, 0.75), KernelTime("init", 1, 1e8)),
    (Transfer(Direction.TO_DEVICE, 3, 1e8, 2_500_000_000), Transfer(Direction.SET, 1, 1e3, 8)),
    DeviceTimes(1.0, 0.4, 0.1, 0.5),
    DeviceState("NVIDIA L4", "580.82.07", 2040.0, None, 72.0),
    ("ncu: no counters",),
    FLOORS,
)


def test_in_words() -> None:
    head, sweep, init, copies, fill, missing = device_lines(PROFILE)
    assert head == (
        "nsys 2024.6.2, ncu 2025.1 on NVIDIA L4, driver 580.82.07, 2040 MHz, 72 W: "
        "1 s of wall time, kernels 400 ms, transfers 100 ms, host and waiting 500 ms"
    )
    assert sweep == (
        "   75.0% of the kernels' time: sweep, 100 x 3 ms, 40 registers, occupancy 50%, "
        "75% of the device's memory bandwidth"
    )
    assert init.endswith("init, 1 x 100 ms")
    assert copies == "  to device: 3 x, 2,500,000,000 bytes in 100 ms (25 GB/s, 50% of what was measured)"
    assert fill.startswith("  set: 1 x, 8 bytes") and "measured" not in fill
    assert missing == "not known from ncu: no counters"
    whole = Profile("perf", "only", 10, (), device=PROFILE)
    assert head in as_text(whole)
    assert from_data(Profile, to_data(whole)) == whole


def test_many_kernels_are_summed_up() -> None:
    many = replace(PROFILE, kernels=tuple(KernelTime(f"k{i}", 1, 1e9) for i in range(20)))
    assert "  and 8 other kernels, 8 s together" in device_lines(many)


def facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: DeviceFloors | None, gpu: str
) -> MachineFacts:
    floors = Floors({1: 1.0}, {1: 1.0}, {1: 1.0}, device=known)
    before = MachineFacts(machine_file.this_machine(), floors, machine_file.Noise(1.0, 1))
    monkeypatch.setattr(machine_file, "gpu", lambda: gpu)
    path = tmp_path / "machine.json"
    return machine_file._with_gpu(before, path, DirectRunner(), tmp_path, lambda text: None)


def test_a_gpu_is_measured_once_and_kept_with_its_clocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Compiler:
        path = Path("/cuda/bin/nvcc")

        @staticmethod
        def compile_flags(variant: Variant) -> tuple[str, ...]:
            return variant.flags

    asked: list[object] = []
    monkeypatch.setattr(machine_file, "find_nvcc", Compiler)
    monkeypatch.setattr(machine_file, "gpu_architecture", lambda: "sm_89")
    monkeypatch.setattr(machine_file, "measure_device_floors", lambda *a: asked.append(a[1]) or FLOORS)
    monkeypatch.setattr(machine_file, "device_state", lambda: PROFILE.state)
    measured = facts(tmp_path, monkeypatch, None, "a GPU").floors.device
    assert measured is not None
    assert (measured.driver, measured.clock_mhz, measured.memory_clock_mhz) == ("580.82.07", 2040.0, 0.0)
    assert '"to_device_bytes_per_s": 50000000000.0' in (tmp_path / "machine.json").read_text()
    assert asked == [machine_file.CudaCompiler(("/cuda/bin/nvcc", "-arch=sm_89"), "a GPU")]
    assert facts(tmp_path, monkeypatch, measured, "a GPU").floors.device == measured
    assert len(asked) == 1
    facts(tmp_path, monkeypatch, measured, "another GPU")
    assert len(asked) == 2


def test_without_a_gpu_the_machine_has_no_such_floors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert facts(tmp_path, monkeypatch, None, "").floors.device is None
    assert not (tmp_path / "machine.json").exists()
