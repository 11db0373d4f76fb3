"""One profile of one tree: hot lines, the compiler's remarks on them, the roofline."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace

from loopwright.core.machine import Floors
from loopwright.core.profile import Profile, Roofline
from loopwright.core.task import Case, Use
from loopwright.core.tree import Tree
from loopwright.gates.gate import Context
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import BuildResult
from loopwright.profilers.profiler import ProfileFailed, Profiler
from loopwright.profilers.registry import choose, take
from loopwright.profilers.roofline import roofline
from loopwright.system.store import remove_tree
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Purpose
from loopwright.workbench.gpu_profiling import profile_on_gpu
from loopwright.workbench.rundir import RunDirectory

_REPETITIONS = 10
_LONG_ENOUGH_S = 2.0
"""Time in the kernel that gives samples enough: with them, no more repetitions are made."""
_POSITION_REPETITIONS = 3
_FEWEST_SAMPLES = 10
"""Of a profiler that asks now and then where the program is: fewer may all lie where it does nothing."""
_GRACE_S = 60.0


def profile_build(context: Context, tree: Tree, directory: RunDirectory) -> Profile | None:
    """Profile `tree` on the first timed case with all threads. None when it does not build, or when no
    profiler gives a result here. Where there is a GPU, a program for one is profiled there, too.
    """
    profile = _on_processors(context, tree, directory)
    device = profile_on_gpu(context, tree, directory.scratch)
    if device is None:
        return profile
    if profile is None:
        case = context.task.cases_for(Use.TIME)[0]
        profile = Profile(", ".join(device.profilers), case.name, samples=0, lines=())
    return replace(profile, device=device)


def _on_processors(context: Context, tree: Tree, directory: RunDirectory) -> Profile | None:
    """The lines where the time goes on the processors of this machine.

    A profiler that works but sees too little (a program of a few milliseconds) is followed by the next.
    """
    case = context.task.cases_for(Use.TIME)[0]
    # On the host whatever the device: its runtime makes code that no profiler finds the lines of.
    variant = replace(context.variant, purpose=Purpose.PROFILE, device=Device.FALLBACK)
    build = context.builder.build(tree, context.toolchain, variant)
    if build.failure is not None:
        return None
    profiler = choose().profiler
    profile: Profile | None = None
    try:
        while profiler is not None and (profile is None or profile.samples < _FEWEST_SAMPLES):
            with suppress(ProfileFailed):
                profile = _taken(context, build, case, profiler, directory)
            profiler = choose("callgrind").profiler if profiler.name == "perf" else None
        if profile is None:
            return None
        position = None if context.floors is None else _position(context, build, case, context.floors)
        return replace(profile, remarks=build.remarks, roofline=position)
    finally:
        context.builder.discard(tree, context.toolchain, variant)


def _taken(
    context: Context, build: BuildResult, case: Case, profiler: Profiler, directory: RunDirectory
) -> Profile:
    folder = directory.scratch / "profile" / uuid.uuid4().hex
    box, notes = folder / "box", folder / "notes"
    box.mkdir(parents=True)
    notes.mkdir()
    # Enough repetitions that the kernel outweighs the making of its inputs; a slow profiler gets one.
    repetitions = _repetitions(context, case, _REPETITIONS) if profiler.slowdown < 2 else 1
    try:
        command = context.cases.command(
            build,
            case,
            box,
            threads=context.threads[-1],
            options=RunOptions(repetitions=repetitions, quiet=True),
        )
        limits = context.limits(case)
        slower = max(1.0, profiler.slowdown)
        limits = replace(
            limits,
            wall_s=None if limits.wall_s is None else limits.wall_s * slower * repetitions + _GRACE_S,
            cpu_s=None,
            memory_bytes=None,
        )
        runner = context.cases.runner
        return take(profiler, command, limits, runner, sources=build.directory, scratch=notes, case=case.name)
    finally:
        remove_tree(folder)


def _repetitions(context: Context, case: Case, most: int) -> int:
    """Calls of a kernel that take :data:`_LONG_ENOUGH_S` with the original's time, at most `most`."""
    original_s = context.original_s(case) or 0.0
    return most if original_s * most <= _LONG_ENOUGH_S else max(1, round(_LONG_ENOUGH_S / original_s))


def _position(context: Context, build: BuildResult, case: Case, floors: Floors) -> Roofline | None:
    work = context.task.work
    if work.bytes is None and work.flops is None:
        return None
    repetitions = _repetitions(context, case, _POSITION_REPETITIONS)
    run = context.cases.run(
        build, case, context.limits(case), threads=context.threads[-1], gate="profile",
        options=RunOptions(repetitions=repetitions, warmup=1, quiet=True),
    )  # fmt: skip
    if run.sample is None:
        return None
    threads = context.threads[-1]
    return roofline(work.bytes_of(case), work.flops_of(case), run.sample.wall_s, floors, threads)
