"""What null candidates and perturbed runs are made from: inputs as they are, outputs of another seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from loopwright.core.task import Build, Case, FileFormat, Language, Role, Task, Use
from loopwright.core.tree import Tree
from loopwright.gates.compare import AnyArray
from loopwright.gates.gate import Context
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.types import BuildResult
from loopwright.workbench.baseline import ORIGINAL_LIMITS, needed_cases, own_variant

Outputs = Mapping[str, AnyArray]

_GATE = "audit"
_STUB = "loopwright_stub"
_SUFFIXES = {Language.C: ".c", Language.CXX: ".cpp", Language.CUDA: ".cu"}


def run_once(
    context: Context, cases: CaseRunner, build: BuildResult, case: Case
) -> tuple[Outputs, float] | None:
    """Outputs and seconds of one run with one thread, None when it fails."""
    limits = replace(ORIGINAL_LIMITS, wall_s=case.timeout_s or ORIGINAL_LIMITS.wall_s)
    run = cases.run(build, case, limits, threads=1, gate=_GATE)
    if run.failure is not None or run.sample is None:
        return None
    return run.outputs, run.sample.wall_s


def identical(a: AnyArray, b: AnyArray | None) -> bool:
    """Whether two outputs are the same to the last bit, NaN included."""
    return b is not None and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def with_other_seed(context: Context, build: BuildResult) -> dict[str, Outputs]:
    """Outputs of a kernel for the next seed, where that is another result at all."""
    found: dict[str, Outputs] = {}
    if context.task.kernel is None:
        return found
    for case in context.task.cases_for(Use.CHECK) or context.task.cases_for(Use.TIME):
        run = run_once(context, context.cases, build, replace(case, seed=case.seed + 1))
        if run is not None and not all(
            identical(a, run[0].get(n)) for n, a in context.expected(case).items()
        ):
            found[case.name] = run[0]
    return found


def twins(task: Task) -> frozenset[str]:
    """Names of the input arrays of a kernel that have type and shape of an output."""
    arrays = [a for a in task.kernel.arguments if a.is_array] if task.kernel else []
    outputs = {(a.dtype, a.shape) for a in arrays if a.role is not Role.IN}
    return frozenset(a.name for a in arrays if a.role is not Role.OUT and (a.dtype, a.shape) in outputs)


def kernel_inputs(context: Context, names: Collection[str]) -> dict[str, Outputs]:
    """The input arrays `names` of a kernel, by check case (else timed case), as the driver fills them: it is
    built around a function that does nothing, and gives its arguments back.
    """
    task = context.task
    if not names:
        return {}
    stub = _stub_task(task, names)
    scratch = context.builder.scratch / _STUB
    builder = Builder(stub, context.cases.runner, scratch)
    cases = CaseRunner(stub, context.cases.runner, scratch, cores=1)
    toolchain, variant = context.original_toolchain, own_variant(context.variant, stub)
    build = builder.build(stub.tree, toolchain, variant)
    if build.failure is not None:
        return {}
    found: dict[str, Outputs] = {}
    for case in stub.cases_for(Use.CHECK) or stub.cases_for(Use.TIME):
        if (run := run_once(context, cases, build, case)) is not None:
            found[case.name] = {name: array for name, array in run[0].items() if name in names}
    builder.discard(stub.tree, toolchain, variant)
    return found


def files_given(context: Context) -> dict[str, Outputs]:
    """Input files of a program that could be taken for an output file, read as one."""
    found: dict[str, dict[str, AnyArray]] = {}
    for case in needed_cases(context.task):
        expected = context.expected(case)
        for path in (*case.files, *([case.stdin] if case.stdin else [])):
            content = context.task.tree[path]
            for spec in context.task.output.files:
                array = expected.get(spec.path)
                if spec.format is FileFormat.RAW and array is not None and array.nbytes == len(content):
                    read = np.frombuffer(content, dtype=array.dtype).reshape(array.shape)
                    found.setdefault(case.name, {}).setdefault(path, read)
    return dict(found)


def _stub_task(task: Task, names: Collection[str]) -> Task:
    """`task` with an empty kernel, which hands back what it is given."""
    kernel = task.kernel
    assert kernel is not None
    name = _STUB + _SUFFIXES[kernel.language]
    body = "return 0;" if kernel.returns is not None else ""
    include = f'#include "{kernel.header}"\n' if kernel.header else ""
    declared = kernel.prototype.strip().rstrip(";")
    text = f"#include <stddef.h>\n#include <stdint.h>\n{include}{declared} {{ {body} }}\n"
    generators = {str(a.init.options["source"]) for a in kernel.arguments if a.init.kind == "generator"}
    build = Build(
        sources=(name, *sorted(generators)), include=task.build.include, defines=task.build.defines,
        libs=task.build.libs, standard=task.build.standard, flags=("-O0",),
    )  # fmt: skip
    arguments = tuple(replace(a, role=Role.INOUT) if a.name in names else a for a in kernel.arguments)
    tree = Tree({**task.tree, name: text.encode()})
    return replace(task, tree=tree, build=build, kernel=replace(kernel, arguments=arguments))
