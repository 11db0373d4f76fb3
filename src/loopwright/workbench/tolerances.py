"""Evidence for tolerances: the original run under other arithmetic that is as right as its own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import numpy.typing as npt

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Case, Init, Role, Task, Use
from loopwright.core.tree import Tree
from loopwright.gates.compare import AnyArray, tolerance_of
from loopwright.gates.gate import Context
from loopwright.gates.tolerances import Evidence, ToleranceResult, Variation, judge_output
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.toolchains import discovery
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Toolchain, Variant
from loopwright.workbench.baseline import ORIGINAL_LIMITS, own_variant
from loopwright.workbench.null_inputs import kernel_inputs

_GATE = "audit"
_REASSOCIATED = ("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math")
_ULPS = 2
_PERTURBED_TWICE = 2
_FILE = "loopwright_input_{}.npy"


def judge_tolerances(task: Task, evidence: Evidence) -> tuple[ToleranceResult, ...]:
    """Every floating-point output of `task` held against the evidence."""
    outputs = dict.fromkeys(name for case in evidence.expected.values() for name in case)
    found = (
        judge_output(name, tolerance_of(task, name), evidence, printed=name == "stdout") for name in outputs
    )
    return tuple(result for result in found if result is not None)


def gather_evidence(context: Context) -> Evidence:
    """Build and run the original of `context` in other ways, on the check cases (else the timed ones)."""
    task = context.task
    cases = task.cases_for(Use.CHECK) or task.cases_for(Use.TIME)
    expected = {case.name: context.expected(case) for case in cases}
    variations: list[Variation] = []
    skipped: dict[str, str] = {}
    for how, toolchain, variant in _ways(context):
        try:
            build = context.builder.build(task.tree, toolchain, variant)
        except ToolMissing as missing:
            skipped[how] = missing.message
            continue
        if build.failure is not None:
            skipped[how] = build.failure.message
            continue
        for case in cases:
            limits = replace(ORIGINAL_LIMITS, wall_s=case.timeout_s or ORIGINAL_LIMITS.wall_s)
            run = context.cases.run(build, case, limits, threads=1, gate=_GATE)
            if run.failure is None:
                variations.append(Variation(how, case.name, run.outputs))
            else:
                skipped[how] = run.failure.message
        if variant != context.variant:
            context.builder.discard(task.tree, toolchain, variant)
    if task.kernel is not None:
        variations += _perturbed(context)
    return Evidence(expected, tuple(variations), skipped)


def _ways(context: Context) -> Iterator[tuple[str, Toolchain, Variant]]:
    """Other flags of the same compiler, then another compiler."""
    own = context.toolchain
    native = " ".join(NATIVE_FLAGS)
    for flags in (
        ("-O0",), NATIVE_FLAGS, (*NATIVE_FLAGS, "-ffp-contract=off"), (*NATIVE_FLAGS, "-ffp-contract=fast"),
        (*NATIVE_FLAGS, *_REASSOCIATED),
    ):  # fmt: skip
        words = "sums reassociated" if _REASSOCIATED[0] in flags else " ".join(flags)
        yield words, own, replace(context.variant, flags=flags)
    other = next((t for t in discovery.discover() if t.name.split("-")[0] != own.name.split("-")[0]), None)
    if other is not None:
        yield f"{other.name} {native}", other, replace(context.variant, flags=NATIVE_FLAGS)


def _perturbed(context: Context) -> list[Variation]:
    """The original kernel on inputs whose numbers are off by up to two units in the last place."""
    found: list[Variation] = []
    task = context.task
    assert task.kernel is not None
    floats = {
        a.name for a in task.kernel.arguments if a.is_array and a.dtype.is_float and a.role is not Role.OUT
    }
    inputs = kernel_inputs(context, floats)
    seeds = count(1)
    for case in task.cases_for(Use.CHECK):
        for _ in range(_PERTURBED_TWICE if case.name in inputs else 0):
            chance = np.random.default_rng(next(seeds))
            arrays = {name: _off_by_ulps(array, chance) for name, array in inputs[case.name].items()}
            fed = _fed(task, case, arrays)
            folder = context.builder.scratch / "perturbed"
            builder = Builder(fed, context.cases.runner, folder)
            toolchain, variant = context.original_toolchain, own_variant(context.variant, task)
            build = builder.build(fed.tree, toolchain, variant)
            if build.failure is not None:
                return found
            runs = CaseRunner(fed, context.cases.runner, folder, cores=1)
            run = runs.run(build, case, ORIGINAL_LIMITS, threads=1, gate=_GATE)
            builder.discard(fed.tree, toolchain, variant)
            if run.failure is None:
                how = f"inputs off by up to {_ULPS} units in the last place"
                found.append(Variation(how, case.name, run.outputs))
    return found


def _off_by_ulps(array: AnyArray, chance: np.random.Generator) -> AnyArray:
    """`array` with every number moved by at most two units in the last place."""
    steps = chance.integers(-_ULPS, _ULPS, size=array.shape, endpoint=True)
    with np.errstate(over="ignore", invalid="ignore"):
        spacing: npt.NDArray[np.floating] = np.spacing(np.abs(array))
        moved = array.astype(spacing.dtype) + steps.astype(spacing.dtype) * spacing
    return np.where(np.isfinite(moved), moved, array).astype(array.dtype)


def _fed(task: Task, case: Case, arrays: dict[str, AnyArray]) -> Task:
    """`task` with `case` alone, whose inputs come from files."""
    kernel = task.kernel
    assert kernel is not None
    files: dict[str, bytes] = {}
    arguments = []
    for argument in kernel.arguments:
        if argument.name in arrays:
            path = _FILE.format(argument.name)
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(arrays[argument.name]).reshape(-1), allow_pickle=False)
            files[path] = buffer.getvalue()
            argument = replace(argument, init=Init("npy", {"path": path}))
        arguments.append(argument)
    return replace(
        task,
        tree=Tree({**task.tree, **files}),
        cases=(case,),
        kernel=replace(kernel, arguments=tuple(arguments)),
    )
