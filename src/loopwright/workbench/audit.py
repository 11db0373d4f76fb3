"""Is a task fit to be optimised? Its original repeats itself, and its cases reject every null candidate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from loopwright.core.task import Task, Use
from loopwright.gates.compare import first_mismatch
from loopwright.gates.gate import Context
from loopwright.gates.null_makers import LOW_PRECISION, ZEROS
from loopwright.gates.nulls import (
    Known,
    NullResult,
    accepts_low_precision,
    judge_nulls,
)
from loopwright.gates.tolerances import ToleranceResult
from loopwright.harness.types import BuildResult
from loopwright.tasks.held_out import ends_of, held_out_lines
from loopwright.workbench.baseline import ORIGINAL_LIMITS, build_original, needed_cases, own_variant
from loopwright.workbench.null_inputs import (
    Outputs,
    files_given,
    identical,
    kernel_inputs,
    run_once,
    twins,
    with_other_seed,
)
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings
from loopwright.workbench.tolerances import gather_evidence, judge_tolerances

LEAST_TIMED_S = 5e-3
RUNS = 3
_GATE = "audit"


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
    """The answer. `problems` make a task unfit, `warnings` do not. `elapsed_s` is what determinism and null
    candidates took, the first two runs of the original not included.
    """

    task: str
    nulls: tuple[NullResult, ...]
    determinism: Determinism
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    tolerances: tuple[ToleranceResult, ...] = ()
    elapsed_s: float = 0.0

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
        audit = audit_context(session.context, say)
        say("running the original under other arithmetic")
        evidence = gather_evidence(session.context)
    tolerances = judge_tolerances(task, evidence)
    notes = tuple(note for each in tolerances if (note := each.note))
    return replace(audit, tolerances=tolerances, warnings=(*audit.warnings, *notes))


def audit_context(context: Context, say: Callable[[str], None]) -> Audit:
    """The audit of a task whose original was run: determinism and null candidates."""
    task, started = context.task, time.monotonic()
    build = build_original(context, own_variant(context.variant, task))
    say("audit: running the original again")
    determinism, times = _run_again(context, build)
    known = Known(
        {case.name: context.expected(case) for case in needed_cases(task)},
        with_other_seed(context, build),
        kernel_inputs(context, twins(task)) if task.kernel is not None else files_given(context),
    )
    say("audit: trying null candidates")
    nulls = judge_nulls(task, known)
    problems, warnings = conclusions(task, known.expected, nulls)
    if determinism.problem:
        problems = (f"the original is not deterministic: {determinism.problem}", *problems)
    warnings = (*warnings, *_about_cases(task, times), *_about_ranges(context, build))
    wall_s = time.monotonic() - started
    return Audit(task.name, nulls, determinism, problems, warnings, elapsed_s=wall_s)


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
    warnings += _partly_caught(nulls)
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


def _partly_caught(nulls: tuple[NullResult, ...]) -> list[str]:
    """One line for each case that lets null candidates through which others catch."""
    through: dict[tuple[str, str], list[NullResult]] = {}
    for null in nulls:
        for case in null.let_through if null.caught else ():
            through.setdefault((null.output, case), []).append(null)
    lines = []
    for (output, case), found in through.items():
        proposal = next((null.proposal for null in found if null.proposal), "")
        hint = f" ({proposal} would reject {'it' if len(found) == 1 else 'them'} there)" if proposal else ""
        names = ", ".join(null.name for null in found)
        lines.append(f"{output}: case {case} lets {names} through{hint}; other cases catch it")
    return lines


def _message(null: NullResult) -> str:
    proposal = f"; {null.proposal} for {null.output} would reject it" if null.proposal else ""
    cases = f"case{'s' if len(null.let_through) > 1 else ''} {', '.join(null.let_through)}"
    return f"null candidate {null.name} passes as {null.output} in {cases}: {null.by}{proposal}"


def _run_again(context: Context, build: BuildResult) -> tuple[Determinism, dict[str, float]]:
    """The original once more on every case: it has been run twice already."""
    same, problem = True, ""
    times: dict[str, float] = {}
    for case in needed_cases(context.task):
        run = run_once(context, context.cases, build, case)
        if run is None:
            problem = problem or f"case {case.name} failed when it was run again"
            continue
        outputs, times[case.name] = run
        expected = context.expected(case)
        if (mismatch := first_mismatch(context.task, expected, outputs)) is not None:
            problem = problem or f"case {case.name}: {mismatch.message}"
        same &= all(identical(array, outputs.get(name)) for name, array in expected.items())
    return Determinism(RUNS, same and not problem, problem), times


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
    if not (task.cases_for(Use.HELD_OUT) or task.held_out or task.kernel):
        warnings.append(
            "no held-out sizes: a candidate made for the known sizes would not be found out; say what sizes "
            f"there are, as in\n{held_out_lines(task)}"
        )
    return warnings


def _about_ranges(context: Context, build: BuildResult) -> list[str]:
    """Ends of [[held-out]] ranges at which the original fails."""
    warnings: list[str] = []
    for case in ends_of(context.task):
        limits = replace(ORIGINAL_LIMITS, wall_s=case.timeout_s or ORIGINAL_LIMITS.wall_s)
        run = context.cases.run(build, case, limits, threads=1, gate=_GATE)
        if run.failure is not None:
            warnings.append(f"the original fails at the end of a range: {run.failure.message}")
    return warnings
