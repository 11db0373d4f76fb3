"""One profile of one tree on the GPU of this machine, for the targets whose programs run on one."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

from loopwright.core.device_profile import DeviceProfile
from loopwright.core.task import Case, Use
from loopwright.core.timing import DeviceTimes
from loopwright.core.tree import Tree
from loopwright.gates.gate import Context
from loopwright.gates.gpu_build import TARGETS, gpu_toolchain, gpu_variant
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import BuildResult
from loopwright.profilers.device_profiler import DeviceProfiler, Watched
from loopwright.profilers.profiler import ProfileFailed
from loopwright.profilers.registry import DEVICE_PROFILERS
from loopwright.system.store import remove_tree
from loopwright.toolchains.nvidia_tools import device_state

_GRACE_S = 120.0
"""For what a profiler does before and after the program: it writes, exports and reads its own files."""


def profile_on_gpu(context: Context, tree: Tree, scratch: Path) -> DeviceProfile | None:
    """Run `tree` on the GPU on the first timed case: once unwatched, for the wall time that decides, then
    once under every profiler there is. None without a GPU, when `tree` does not build for it or fails on it,
    and when no profiler gives a result.
    """
    if context.variant.target not in TARGETS:
        return None
    toolchain, _ = gpu_toolchain(context)
    if toolchain is None:
        return None
    variant = gpu_variant(context)
    build = context.builder.build(tree, toolchain, variant)
    try:
        return None if build.failure is not None else _profile(context, build, scratch)
    finally:
        context.builder.discard(tree, toolchain, variant)


def _profile(context: Context, build: BuildResult, scratch: Path) -> DeviceProfile | None:
    case = context.task.cases_for(Use.TIME)[0]
    threads = context.threads[-1]
    unwatched = context.cases.run(
        build, case, context.limits(case), threads=threads, gate="profile", options=RunOptions(quiet=True)
    )
    if unwatched.sample is None:
        return None
    # Right after the program, while the clocks are still those that it ran at.
    state = device_state()
    seen: dict[str, Watched] = {}
    missing: list[str] = []
    for profiler in DEVICE_PROFILERS:
        problem = profiler.available()
        if not problem:
            try:
                seen[f"{profiler.name} {profiler.version}".strip()] = _watched(
                    context, build, case, profiler, scratch
                )
            except ProfileFailed as failed:
                problem = str(failed)
        if problem:
            missing.append(f"{profiler.name}: {problem}")
    if not seen:
        return None
    watched = joined(tuple(seen.values()))
    return DeviceProfile(
        profilers=tuple(seen),
        kernels=watched.kernels,
        transfers=watched.transfers,
        times=times_of(unwatched.sample.wall_s, watched),
        state=state,
        missing=tuple(missing),
        floors=context.floors.device if context.floors is not None else None,
    )


def _watched(
    context: Context, build: BuildResult, case: Case, profiler: DeviceProfiler, scratch: Path
) -> Watched:
    box = scratch / "gpu-profile" / uuid.uuid4().hex
    box.mkdir(parents=True)
    try:
        command = context.cases.command(
            build, case, box, threads=context.threads[-1], options=RunOptions(quiet=True)
        )
        limits = context.limits(case)
        wall_s = None if limits.wall_s is None else limits.wall_s * profiler.slowdown + _GRACE_S
        return profiler.run(
            command, replace(limits, wall_s=wall_s, cpu_s=None, memory_bytes=None), context.cases.runner
        )
    finally:
        remove_tree(box)


def times_of(wall_s: float, watched: Watched) -> DeviceTimes:
    """Wall time of an execution that nothing watched, and the device's part in it as it was watched. Pure."""
    if not watched.whole:
        return DeviceTimes(wall_s)
    kernel_s = sum(kernel.total_ns for kernel in watched.kernels) / 1e9
    transfer_s = sum(transfer.total_ns for transfer in watched.transfers) / 1e9
    return DeviceTimes(wall_s, kernel_s, transfer_s, max(0.0, wall_s - kernel_s - transfer_s))


def joined(seen: tuple[Watched, ...]) -> Watched:
    """What the first profiler saw, each kernel with the figures that later ones have of it. Pure.

    Profilers agree on a kernel's name up to its arguments: one prints them, another may not.
    """
    first, *others = seen
    figures = {_base(kernel.name): kernel for watched in others for kernel in watched.kernels}
    kernels = []
    for kernel in first.kernels:
        more = figures.get(_base(kernel.name))
        if more is not None:
            kernel = replace(kernel, registers=more.registers, occupancy=more.occupancy, dram=more.dram)
        kernels.append(kernel)
    return replace(first, kernels=tuple(kernels))


def _base(name: str) -> str:
    """The name without the type that it returns, without arguments."""
    return name.removeprefix("void ").partition("(")[0].strip()
