"""Is a task fit to be optimised? Its original repeats itself, and its cases reject every null candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from loopwright.core.errors import TaskError
from loopwright.core.task import Argument, Build, Case, Dtype, Role, Task, Use
from loopwright.core.tree import Tree
from loopwright.gates.compare import AnyArray, first_mismatch
from loopwright.gates.gate import Context
from loopwright.gates.nulls import (
    LOW_PRECISION,
    ZEROS,
    Known,
    NullResult,
    accepts_low_precision,
    judge_nulls,
)
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.types import BuildResult
from loopwright.workbench.baseline import ORIGINAL_LIMITS, build_original, own_variant
from loopwright.workbench.context import needed_cases
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings

LEAST_TIMED_S = 5e-3
RUNS = 3
_GATE = "audit"
_STUB = "loopwright_stub"
Outputs = Mapping[str, AnyArray]
_Kinds = set[tuple[Dtype, tuple[str, ...]]]


@dataclass(frozen=True)
class Determinism:
    """What running the original again gave: `identical` to the last bit, or else `problem` when the results
    differ by more than the tolerance.
    """

    runs: int
    identical: bool
    problem: str = ""


@dataclass(frozen=True)
class Audit:
    """The answer. `problems` make a task unfit, `warnings` do not."""

    task: str
    nulls: tuple[NullResult, ...]
    determinism: Determinism
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def fit(self) -> bool:
        """Whether the task may be optimised."""
        return not self.problems


def audit_task(task: Task, settings: Settings, say: Callable[[str], None]) -> Audit:
    """Audit `task`: build it, run its original, try the null candidates.

    Raises:
        TaskError: when the original does not build, does not run, or gives two results in two runs.
        ToolMissing: without a compiler or a sandbox.
    """
    with Session(task, settings, say) as session:
        context = session.context
        build = build_original(context, own_variant(context.variant, task))
        say("running the original again")
        determinism, times = _run_again(context, build)
        known = Known(
            {case.name: context.expected(case) for case in needed_cases(task)},
            _with_other_seed(context, build),
            _inputs(context),
        )
        say("trying null candidates")
        nulls = judge_nulls(task, known)
    problems, warnings = conclusions(task, known.expected, nulls)
    if determinism.problem:
        problems = (f"the original is not deterministic: {determinism.problem}", *problems)
    return Audit(task.name, nulls, determinism, problems, (*warnings, *_about_cases(task, times)))


def refuse_unfit(task: Task, expected: Mapping[str, Outputs]) -> None:
    """The part of the audit that costs no process, before a run starts.

    Raises:
        TaskError: naming the null candidate that passes, and a tolerance that would stop it.
    """
    problems, _ = conclusions(task, expected, judge_nulls(task, Known(expected)))
    if problems:
        raise TaskError(
            f"not fit to be optimised: {problems[0]}",
            where=task.name,
            hint="loopwright audit DIR shows every null candidate; then change [output] or the cases",
        )


def conclusions(
    task: Task, expected: Mapping[str, Outputs], nulls: tuple[NullResult, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what makes the task unfit, what is only worth knowing)."""
    problems: list[str] = []
    warnings: list[str] = []
    outputs = dict.fromkeys(null.output for null in nulls)
    for null in nulls:
        if null.passed:
            dtype = next(o[null.output].dtype for o in expected.values() if null.output in o)
            accepted = accepts_low_precision(task, null.output, dtype) if null.name == LOW_PRECISION else ""
            (warnings if accepted else problems).append(accepted or _message(null))
    # A checksum of zero beside an array is worth a note; nothing but zeros is an answer for free.
    for name in dict.fromkeys(null.name for null in nulls):
        same = [null for null in nulls if null.name == name and null.same]
        if not same or name in (LOW_PRECISION, "reversed", "permuted"):
            continue
        everything = len(same) == len(outputs)
        if everything and (name == ZEROS or name.startswith("copied-input")):
            what = "all zeros" if name == ZEROS else "the input unchanged"
            problems.append(
                f"the right answer is {what} in every case ({', '.join(same[0].same_in)}): a program that "
                "does nothing would pass; give a case with another input"
            )
        else:
            warnings += [
                f"{null.output}: {name} is the same as the output in every case; another input would tell"
                for null in same
            ]
    if not nulls:
        warnings.append("only text is compared: no null candidate could be made from it")
    return tuple(problems), tuple(warnings)


def _message(null: NullResult) -> str:
    proposal = f"; {null.proposal} for {null.output} would reject it" if null.proposal else ""
    cases = f"case{'s' if len(null.let_through) > 1 else ''} {', '.join(null.let_through)}"
    return f"null candidate {null.name} passes as {null.output} in {cases}: {null.by}{proposal}"


def _run_again(context: Context, build: BuildResult) -> tuple[Determinism, dict[str, float]]:
    """The original once more on every case: it has been run twice already."""
    identical, problem = True, ""
    times: dict[str, float] = {}
    for case in needed_cases(context.task):
        run = _run(context, context.cases, build, case)
        if run is None:
            problem = problem or f"case {case.name} failed when it was run again"
            continue
        outputs, times[case.name] = run
        expected = context.expected(case)
        if (mismatch := first_mismatch(context.task, expected, outputs)) is not None:
            problem = problem or f"case {case.name}: {mismatch.message}"
        identical &= all(_identical(array, outputs.get(name)) for name, array in expected.items())
    return Determinism(RUNS, identical and not problem, problem), times


def _identical(a: AnyArray, b: AnyArray | None) -> bool:
    return b is not None and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _run(context: Context, cases: CaseRunner, build: BuildResult, case: Case) -> tuple[Outputs, float] | None:
    limits = replace(ORIGINAL_LIMITS, wall_s=case.timeout_s or ORIGINAL_LIMITS.wall_s)
    run = cases.run(build, case, limits, threads=1, gate=_GATE)
    if run.failure is not None or run.sample is None:
        return None
    return run.outputs, run.sample.wall_s


def _with_other_seed(context: Context, build: BuildResult) -> dict[str, Outputs]:
    """Outputs of a kernel for the next seed, where that is another result at all."""
    found: dict[str, Outputs] = {}
    if context.task.kernel is None:
        return found
    for case in context.task.cases_for(Use.CHECK):
        run = _run(context, context.cases, build, replace(case, seed=case.seed + 1))
        if run is not None and not all(
            _identical(a, run[0].get(n)) for n, a in context.expected(case).items()
        ):
            found[case.name] = run[0]
    return found


def _inputs(context: Context) -> dict[str, Outputs]:
    """Input arrays of a kernel that could be taken for an output, as the driver fills them: the driver is
    built around a function that does nothing, and gives its arguments back.
    """
    task = context.task
    if task.kernel is None:
        return {}
    outputs = {(a.dtype, a.shape) for a in task.kernel.arguments if a.is_array and a.role is not Role.IN}
    if not any(_is_twin(a, outputs) for a in task.kernel.arguments):
        return {}
    stub = _stub_task(task, outputs)
    builder = Builder(stub, context.cases.runner, context.builder.scratch / _STUB)
    cases = CaseRunner(stub, context.cases.runner, context.builder.scratch / _STUB, cores=1)
    build = builder.build(stub.tree, context.toolchain, own_variant(context.variant, stub))
    if build.failure is not None:
        return {}
    found: dict[str, Outputs] = {}
    for case in stub.cases_for(Use.CHECK):
        if (run := _run(context, cases, build, case)) is not None:
            names = {a.name for a in task.kernel.arguments if _is_twin(a, outputs)}
            found[case.name] = {name: array for name, array in run[0].items() if name in names}
    return found


def _is_twin(argument: Argument, outputs: _Kinds) -> bool:
    """Whether an argument is an input that has type and shape of an output."""
    return argument.is_array and argument.role is not Role.OUT and (argument.dtype, argument.shape) in outputs


def _stub_task(task: Task, outputs: _Kinds) -> Task:
    """`task` with an empty kernel, which hands back what it is given."""
    kernel = task.kernel
    assert kernel is not None
    name = f"{_STUB}.cpp" if kernel.language.value == "c++" else f"{_STUB}.c"
    body = "return 0;" if kernel.returns is not None else ""
    include = f'#include "{kernel.header}"\n' if kernel.header else ""
    declared = kernel.prototype.strip().rstrip(";")
    text = f"#include <stddef.h>\n#include <stdint.h>\n{include}{declared} {{ {body} }}\n"
    generators = {str(a.init.options["source"]) for a in kernel.arguments if a.init.kind == "generator"}
    build = Build(
        sources=(name, *sorted(generators)), include=task.build.include, defines=task.build.defines,
        libs=task.build.libs, standard=task.build.standard, flags=("-O0",),
    )  # fmt: skip
    arguments = tuple(replace(a, role=Role.INOUT) if _is_twin(a, outputs) else a for a in kernel.arguments)
    tree = Tree({**task.tree, name: text.encode()})
    return replace(task, tree=tree, build=build, kernel=replace(kernel, arguments=arguments))


def _about_cases(task: Task, times: Mapping[str, float]) -> list[str]:
    """Advice on the choice of cases."""
    warnings: list[str] = []
    timed = {case.name: times[case.name] for case in task.cases_for(Use.TIME) if case.name in times}
    for name, wall_s in timed.items():
        if wall_s < LEAST_TIMED_S:
            warnings.append(f"case {name} takes {wall_s * 1e3:.2g} ms: too short to be timed well")
    checks = [times[case.name] for case in task.cases_for(Use.CHECK) if case.name in times]
    if not checks:
        warnings.append("no case is only for checking: small and odd sizes find wrong edges")
    elif timed and min(checks) > 0.5 * max(timed.values()):
        warnings.append("no check case is smaller than the timed one")
    if not task.cases_for(Use.HELD_OUT):
        warnings.append("no held-out case: a candidate made for the known sizes would not be found out")
    return warnings
