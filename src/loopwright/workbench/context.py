"""Everything that judging candidates of one run needs, put together once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.machine import Floors
from loopwright.core.run import Baseline
from loopwright.core.task import Case, Language, Target, Task
from loopwright.gates.gate import Context
from loopwright.gates.gpu_build import on_gpu
from loopwright.harness.build import Builder
from loopwright.harness.cuda_builder import TranslationBuilder
from loopwright.harness.cuda_emulation.toolchain import find_emulation, find_hip_emulation
from loopwright.harness.execute import CaseRunner
from loopwright.system.execution import Limits, Runner
from loopwright.system.machine import this_machine, usable_cpus
from loopwright.system.sandbox import choose_runner
from loopwright.toolchains.device import Device
from loopwright.toolchains.devices import find_offload
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Toolchain, Variant
from loopwright.workbench.baseline import CaseFacts
from loopwright.workbench.expected import ExpectedOutputs
from loopwright.workbench.rundir import RunDirectory
from loopwright.workbench.sampling import repetitions_for
from loopwright.workbench.settings import Settings

_SLOWEST = 10.0
_GRACE_S = 5.0
_LEAST_MEMORY_BYTES = 1 << 30
_MEMORY_FACTOR = 4
_MEMORY_SHARE = 0.8
_FINDERS: Mapping[Target, Callable[[str | None], Toolchain]] = {
    Target.OFFLOAD: find_offload,
    Target.CUDA: find_emulation,
    Target.HIP: find_hip_emulation,
}
_HOST_DEVICE = 10.0
"""Times the limits: a host device copies what it is given, and starts its threads for every region."""


@dataclass
class Measured:
    """What the original needed, case by case; filled while a run is prepared."""

    cases: dict[str, CaseFacts]

    def limits(self, case: Case) -> Limits:
        """Ceilings for one run of a candidate: far above what the original needs, far below harm."""
        machine_bytes = int(this_machine().memory_bytes * _MEMORY_SHARE)
        facts = self.cases.get(case.name)
        if facts is None:
            return Limits(wall_s=case.timeout_s or 300.0, memory_bytes=machine_bytes)
        wall_s = _SLOWEST * facts.outer_s + _GRACE_S
        memory = max(_LEAST_MEMORY_BYTES, _MEMORY_FACTOR * facts.peak_memory_bytes)
        return Limits(
            wall_s=min(wall_s, case.timeout_s) if case.timeout_s else wall_s,
            cpu_s=wall_s * max(4, len(usable_cpus())),
            memory_bytes=min(memory, machine_bytes) if machine_bytes else memory,
        )

    def original_s(self, case: Case) -> float | None:
        """Seconds that the original needed for `case` with one thread, None when it was not run."""
        facts = self.cases.get(case.name)
        return None if facts is None else facts.wall_s

    def repetitions(self, case: Case) -> int:
        """Timed repetitions of a kernel in one execution of its driver."""
        facts = self.cases.get(case.name)
        return repetitions_for(facts.wall_s) if facts else 1


def thread_numbers(target: Target, most: int) -> tuple[int, ...]:
    """Numbers of threads that the output gate tries, ascending; the last is the one that is timed.

    Three and seven threads are tried on two cores too, since a wrong split of the work often shows at odd
    numbers only; they come before the timed number, which stays last.
    """
    if target is Target.SERIAL:
        return (1,)
    if target.runs_kernels:
        # Not threads of the host: the emulation runs blocks and their threads in another order with each.
        return (1, 2, 3)
    return tuple(dict.fromkeys([n for n in (1, 2, 3, 7) if n != most] + [most]))


def runner_for(settings: Settings) -> Runner:
    """The runner that `settings` ask for. Without bubblewrap, "auto" runs the user's own code and proved
    edits of it unprotected, and the result says so; code that nobody has read it refuses.

    Raises:
        ToolMissing: when a sandbox is needed and there is none.
    """
    try:
        return choose_runner(settings.sandbox)
    except ToolMissing:
        if settings.sandbox == "auto" and not settings.unread_code:
            return choose_runner("none")
        raise


def target_of(task: Task, settings: Settings) -> Target:
    """The target that is meant: CUDA sources are for `cuda` unless they are to be translated, HIP sources
    are for `hip`.

    Raises:
        UsageError: when `cuda` or `hip` is asked for and there are no such sources, or a translation that
            there is not.
    """
    own = task.language.own_target
    if own is not None:
        if not settings.translate and settings.target in (Target.OPENMP, own):
            return own
        if task.language is Language.CUDA and settings.target is Target.OPENMP:
            return Target.OPENMP
        known = "openmp" if task.language is Language.CUDA else "hip"
        name = task.language.upper()
        raise UsageError(
            f"{name} is not translated to {settings.target}", where="--target", hint=f"--target {known}"
        )
    if settings.target.runs_kernels:
        sources = "CUDA sources (.cu)" if settings.target is Target.CUDA else "HIP sources (.hip)"
        raise UsageError(
            f"the target {settings.target} needs {sources}; those of {task.name} are {task.language}",
            where="--target",
            hint="--target openmp | offload",
        )
    return settings.target


def make_context(
    task: Task,
    settings: Settings,
    directory: RunDirectory,
    expected: ExpectedOutputs,
    measured: Measured,
    *,
    runner: Runner | None = None,
    toolchain: Toolchain | None = None,
) -> Context:
    """The context of a run, before its baseline is known (the variant has the native flags).

    Raises:
        ToolMissing: without compiler or sandbox.
        UsageError: for a target that the task is not for, see :func:`target_of`.
    """
    runner = runner or runner_for(settings)
    target = target_of(task, settings)
    offloads = target is Target.OFFLOAD
    if toolchain is None:
        toolchain = _FINDERS.get(target, find)(settings.toolchain)
    builder = Builder(task, runner, directory.scratch)
    if task.language is Language.CUDA and not target.runs_kernels:
        builder = TranslationBuilder(task, runner, directory.scratch, find_emulation())
    cores = len(usable_cpus())
    most = settings.threads or cores
    context = Context(
        task=task,
        builder=builder,
        cases=CaseRunner(task, runner, directory.scratch, cores=cores),
        toolchain=toolchain,
        variant=Variant(NATIVE_FLAGS, target),
        expected=lambda case: expected.get(case.name),
        limits=_patient(measured.limits) if offloads else measured.limits,
        threads=thread_numbers(target, most),
        original_s=measured.original_s,
    )
    return replace(context, on_device=on_gpu(context))


def completed(context: Context, baseline: Baseline, floors: Floors | None) -> Context:
    """The context with the flags of the baseline and of candidates, and with the machine's ceilings where
    they are measured. Candidates for offloading are built for the host device.
    """
    device = Device.HOST if context.variant.target is Target.OFFLOAD else Device.FALLBACK
    variant = replace(context.variant, flags=baseline.built_with, device=device)
    return replace(context, variant=variant, original_flags=baseline.flags, floors=floors)


def _patient(limits: Callable[[Case], Limits]) -> Callable[[Case], Limits]:
    """Limits for programs whose target regions run on the processors of this machine."""

    def slower(case: Case) -> Limits:
        usual = limits(case)
        wall_s = usual.wall_s
        if wall_s is not None and wall_s != case.timeout_s:
            wall_s *= _HOST_DEVICE
        return replace(usual, wall_s=wall_s, cpu_s=usual.cpu_s and usual.cpu_s * _HOST_DEVICE)

    return slower
