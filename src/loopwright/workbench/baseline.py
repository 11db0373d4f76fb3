"""The original: does it build and run, what does it print, and how fast is it at its best flags?"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from loopwright.core.errors import TaskError
from loopwright.core.modes import FailureMode
from loopwright.core.run import Baseline
from loopwright.core.task import Case, Language, Task, Use
from loopwright.core.timing import Comparison
from loopwright.core.verdict import Failure, said_beside
from loopwright.gates.compare import first_mismatch
from loopwright.gates.gate import Context
from loopwright.harness.execute import CaseRunner
from loopwright.harness.types import BuildResult
from loopwright.system.execution import Limits
from loopwright.timing.compare import SampleFailed, Sampler, compare
from loopwright.toolchains.device import Device
from loopwright.toolchains.diagnostics import wanted_standard
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Purpose, Variant
from loopwright.workbench.expected import ExpectedOutputs
from loopwright.workbench.policies import baseline_policy, glance_policy, report_policy
from loopwright.workbench.sampling import sampler

Say = Callable[[str], None]
ORIGINAL_LIMITS = Limits(wall_s=300.0, memory_bytes=None)
_EMULATED = "emulated on the processors of this machine, which says nothing about the speed of a device"
_GATE = "original"
_SLOWEST = 3.0
"""A variant that takes this many times longer is of no interest: it is neither waited for nor timed again."""
_GRACE_S = 5.0
_NO_WORSE = 0.9
"""Speedup of the original at -O3 -march=native over its own flags: above, candidates are built so. Threads
and vectors need it, even where it did nothing for the original."""
_SETS_ERRNO = re.compile(rb"\b(sqrt|pow|hypot|fmod|ll?rint|ll?round)[fl]?\b")
_ASKS_ERRNO = re.compile(rb"\b(errno|math_errhandling)\b")
_CLOSE = 1.5
"""The compiler's own parallelisation is timed in full when one execution is at most this much slower."""


@dataclass(frozen=True)
class CaseFacts:
    """What one run of the original on one case cost; the limits of candidates follow from it."""

    wall_s: float
    outer_s: float
    peak_memory_bytes: int


def own_variant(context_target: Variant, task: Task) -> Variant:
    """The task's own flags, with the target's. The original is never built for a device."""
    return replace(context_target, flags=task.build.flags, device=Device.FALLBACK)


def native_variant(context_target: Variant, task: Task) -> Variant:
    """-O3 -march=native; -ffast-math only where the task allows it. Where a source has sqrt or its like, and
    none asks what these leave in `errno`, -fno-math-errno, which changes no value: else none is found in a
    vector.
    """
    flags: tuple[str, ...] = NATIVE_FLAGS
    texts = task.tree.values()
    on_processors = task.language in (Language.C, Language.CXX)
    if on_processors and any(map(_SETS_ERRNO.search, texts)) and not any(map(_ASKS_ERRNO.search, texts)):
        flags += ("-fno-math-errno",)
    if task.fast_math:
        flags += ("-ffast-math",)
    return replace(context_target, flags=flags, device=Device.FALLBACK)


def build_original(context: Context, variant: Variant) -> BuildResult:
    """Build the original. Raises TaskError with the compiler's words when that fails."""
    build = context.builder.build(context.task.tree, context.toolchain, variant)
    if build.failure is not None:
        printed = said_beside(build.failure.message, build.failure.evidence)
        hint = "check [build] in loopwright.toml (loopwright init writes it): sources, include, libs, command"
        if context.task.build.standard is None and (wanted := wanted_standard(build.log)):
            hint = f'it asks for {wanted}: [build] standard = "{wanted}" in a task file (loopwright init DIR)'
        raise TaskError(
            f"the original does not build with {context.toolchain.name} {' '.join(variant.flags)}: "
            f"{build.failure.message}\n{printed}".rstrip(),
            where=context.task.name,
            hint=hint,
        )
    return build


def run_original(
    task: Task, cases: CaseRunner, build: BuildResult, case: Case, expected: ExpectedOutputs
) -> CaseFacts:
    """Run `case` twice with one thread, keep its outputs, and make sure that the two runs agree.

    Raises:
        TaskError: when the original fails, or is not deterministic within the task's tolerance.
    """
    limits = replace(ORIGINAL_LIMITS, wall_s=case.timeout_s or ORIGINAL_LIMITS.wall_s)
    runs = [cases.run(build, case, limits, threads=1, gate=_GATE) for _ in range(2)]
    for run in runs:
        if run.failure is not None:
            raise _broken(task, case, run.failure)
    mismatch = first_mismatch(task, runs[0].outputs, runs[1].outputs)
    if mismatch is not None:
        raise TaskError(
            f"the original gives another result when run again: case {case.name}: {mismatch.message}",
            where=task.name,
            hint='leave such lines out with [output] ignore = ["^time"], or fix the seed',
        )
    if not any(array.size for array in runs[0].outputs.values()):
        raise TaskError(
            f"nothing to compare: case {case.name} has no output under [output]",
            where=task.name,
            hint='set stdout = "numbers", or name files = [{ path = "out.bin", dtype = "f64" }]',
        )
    expected.put(case.name, runs[0].outputs)
    sample = runs[1].sample
    assert sample is not None
    return CaseFacts(
        wall_s=min(r.sample.wall_s for r in runs if r.sample is not None),
        outer_s=max(r.execution.outer_s for r in runs),
        peak_memory_bytes=max(r.execution.peak_memory_bytes for r in runs),
    )


def needed_cases(task: Task) -> tuple[Case, ...]:
    """The cases that are run before candidates come; held-out ones wait for the end."""
    return task.cases_for(Use.CHECK, Use.TIME)


def run_needed_cases(
    context: Context,
    expected: ExpectedOutputs,
    known: Collection[str],
    keep: Callable[[str, CaseFacts], None],
    say: Say,
) -> None:
    """Build the original at its own flags and run every needed case that is not `known`.

    `keep` gets what each of them cost, by its name; its outputs become the expected ones.

    Raises:
        TaskError: as :func:`build_original` and :func:`run_original`.
    """
    emulated = " for the emulation" if context.emulated_original else f" with {context.toolchain.name}"
    say(f"building the original{emulated}")
    build = build_original(context, own_variant(context.variant, context.task))
    for case in needed_cases(context.task):
        if case.name not in known:
            say(f"running the original: case {case.name}")
            keep(case.name, run_original(context.task, context.cases, build, case, expected))


def measure_baseline(
    context: Context,
    facts: Mapping[str, CaseFacts],
    repetitions: Callable[[Case], int],
    say: Say,
) -> tuple[Baseline, list[Comparison]]:
    """Time the original at its own flags, at -O3 -march=native and with the compiler's own
    parallelisation; the faster of the first two is the baseline. Candidates are built with the second, unless
    that is clearly the slower one or changes the outputs.

    A variant whose outputs differ from those of the task's own flags by more than the tolerance is
    rejected: its time would be that of another computation. The compiler's own parallelisation is often
    many times slower than what it started from; then the time of one execution has to do.

    Args:
        context: of the original.
        facts: what the original needed for each case, by the case's name.
        repetitions: timed repetitions of a case in one execution.
        say: is told what goes on.
    """
    task = context.task
    names = [case.name for case in task.cases_for(Use.TIME)]
    if context.emulated_original and context.on_device is not None:
        say(f"timing the original on the device, built by {context.on_device.toolchain.name}")
        return Baseline("own", _on_device_s(context, names, repetitions), flags=task.build.flags), []
    if context.emulated_original:
        emulated_s = sum(facts[name].wall_s for name in names)
        return Baseline("own", emulated_s, rejected={"own": _EMULATED}, flags=task.build.flags), []
    # Where candidates are not timed, the original's time is for the record only.
    execution_s = sum(facts[name].outer_s for name in names)
    policy = (glance_policy if context.untimed else baseline_policy)(execution_s)
    own, native = own_variant(context.variant, task), native_variant(context.variant, task)
    rejected: dict[str, str] = {}
    comparisons: list[Comparison] = []
    times: dict[str, float] = {}
    own_build = build_original(context, own)
    chosen, chosen_variant, chosen_build = "own", own, own_build
    candidate_flags = own.flags
    if native.flags != own.flags:
        say(f"timing the original: {' '.join(own.flags)} against {' '.join(native.flags)}")
        native_build = build_original(context, native)
        rejected["native"] = try_variant(context, native_build, facts).problem
        if not rejected["native"]:
            result = compare(
                sampler(context, own_build, repetitions, compared=None),
                sampler(context, native_build, repetitions, compared=None),
                names,
                policy,
                label_a="own",
                label_b="native",
            )
            comparisons.append(result)
            times = {"own": median_wall_s(result, "a"), "native": median_wall_s(result, "b")}
            if result.speedup.estimate >= 1:
                chosen, chosen_variant, chosen_build = "native", native, native_build
            if result.speedup.estimate >= _NO_WORSE:
                candidate_flags = native.flags
    if chosen not in times:
        times[chosen] = alone_s(sampler(context, chosen_build, repetitions, compared=None), names)
    automatic = replace(chosen_variant, purpose=Purpose.AUTO_PARALLEL, threads=context.threads[-1])
    say("timing the compiler's own parallelisation")
    build = context.builder.build(task.tree, context.toolchain, automatic)
    once = OneExecution(build.failure.message) if build.failure else try_variant(context, build, facts)
    if once.wall_s is not None:
        times["auto_parallel"] = once.wall_s
        if once.wall_s <= _CLOSE * times[chosen]:
            try:
                result = compare(
                    sampler(context, chosen_build, repetitions, compared=None),
                    sampler(context, build, repetitions, compared=0),
                    names,
                    report_policy(execution_s),
                    label_a=chosen,
                    label_b="auto_parallel",
                )
                comparisons.append(result)
                times["auto_parallel"] = median_wall_s(result, "b")
            except SampleFailed as failed:
                once = OneExecution(failed.failure.message)
                del times["auto_parallel"]
    rejected["auto_parallel"] = once.problem
    baseline = Baseline(
        variant=chosen,
        wall_s=times[chosen],
        variants=times,
        rejected={name: why for name, why in rejected.items() if why},
        flags=chosen_variant.flags,
        candidate_flags=candidate_flags,
    )
    return baseline, comparisons


def _on_device_s(context: Context, names: Sequence[str], repetitions: Callable[[Case], int]) -> float:
    """Seconds of an original that the gates emulate, on the device that is here."""
    device, task = context.on_device, context.task
    assert device is not None
    variant = device.variant(own_variant(context.variant, task))
    build = context.builder.build(task.tree, device.toolchain, variant)
    if build.failure is not None:
        raise TaskError(f"{device.toolchain.name}: {build.failure.message}", where=task.name)
    try:
        return alone_s(sampler(context, build, repetitions, compared=None), names)
    except SampleFailed as failed:
        raise TaskError(f"on the device: {failed.failure.message}", where=task.name) from failed


def alone_s(sample: Sampler, names: Sequence[str], executions: int = 3) -> float:
    """Seconds that one execution of every case takes, each the median of several.

    Raises:
        SampleFailed: as `sample`.
    """
    return sum(statistics.median(sample(name).wall_s for _ in range(executions)) for name in names)


def median_wall_s(comparison: Comparison, side: str) -> float:
    """Median seconds of one side ("a" or "b"), summed over the cases."""
    return sum(statistics.median(s.wall_s for s in taken) for taken in comparison.samples(side).values())


@dataclass(frozen=True)
class OneExecution:
    """A variant of the original, run once on every check and timed case with all threads.

    `problem` says why it is of no use, "" when it gave the right outputs; `wall_s` is then the sum over the
    timed cases.
    """

    problem: str
    wall_s: float | None = None


def try_variant(context: Context, build: BuildResult, facts: Mapping[str, CaseFacts]) -> OneExecution:
    """Run a build of the original once on every case, and hold its outputs against the expected ones."""
    wall_s = 0.0
    for case in needed_cases(context.task):
        limits = replace(ORIGINAL_LIMITS, wall_s=_SLOWEST * facts[case.name].outer_s + _GRACE_S)
        run = context.cases.run(build, case, limits, threads=context.threads[-1], gate=_GATE)
        if run.failure is not None and run.failure.mode is FailureMode.TIME_LIMIT:
            return OneExecution(f"case {case.name}: more than {_SLOWEST:g} times slower than the original")
        if run.failure is not None:
            return OneExecution(run.failure.message)
        if mismatch := first_mismatch(context.task, context.expected(case), run.outputs):
            return OneExecution(f"case {case.name}: {mismatch.message}")
        if case.use is Use.TIME and run.sample is not None:
            wall_s += run.sample.wall_s
    return OneExecution("", wall_s)


def _broken(task: Task, case: Case, failure: Failure) -> TaskError:
    printed = said_beside(failure.message, failure.evidence)
    given = {"arguments": case.args, "files": case.files, "standard input": case.stdin}
    lacking = [what for what, value in given.items() if not value]
    hint = "run it by hand with the same arguments; limits per case: timeout_s = SECONDS"
    if task.kernel is None and lacking and failure.mode is not FailureMode.TIME_LIMIT:
        hint = (
            f"it was given no {', no '.join(lacking)}: optimize prog.c -- ARGS, or args, files and stdin of "
            "the [[case]] in a task file (loopwright init DIR); it runs in a folder of its own"
        )
    return TaskError(f"the original fails: {failure.message}\n{printed}".rstrip(), where=task.name, hint=hint)
