"""The bench: what compilers, a library and the built-in optimiser make of each kernel, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from loopwright.core.errors import LoopwrightError
from loopwright.core.modes import Category
from loopwright.core.task import Case, Task, Use
from loopwright.core.timing import Speedup
from loopwright.core.verdict import Failure
from loopwright.gates.gate import Context, Subject
from loopwright.gates.outputs import OutputsGate
from loopwright.harness.build import Builder
from loopwright.harness.types import BuildResult
from loopwright.suites.bench_record import (
    BUILTIN,
    COMPILER,
    FAILED,
    NOT_AVAILABLE,
    REFERENCE,
    TIMED,
    WRONG,
    BenchFile,
    Cell,
    KernelRecord,
    write_bench,
)
from loopwright.suites.columns import Column, Version
from loopwright.suites.interleave import Plan, Sampled, interleave, median_wall_s, speedup_of
from loopwright.suites.suite import Suite
from loopwright.system.load import OthersMeter
from loopwright.workbench.sampling import repetitions_for, sampler
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings

Say = Callable[[str], None]
_GATE = "bench"


@dataclass(frozen=True)
class _Entry:
    """A version that passed the gates and is ready to be timed."""

    version: Version
    build: BuildResult


def run_bench(
    suite: Suite,
    kernels: Sequence[str],
    columns: Sequence[Column],
    bench: BenchFile,
    path: Path,
    plan: Plan,
    settings: Settings,
    say: Say,
    on_kernel: Callable[[KernelRecord], None] = lambda record: None,
) -> BenchFile:
    """Bench `kernels` one after the other; the file at `path` is complete after each of them.

    Kernels that `bench` already holds, of the same task and without a problem, are left as they are.
    """
    write_bench(path, bench)
    for number, name in enumerate(kernels, start=1):
        task = suite.task(name)
        done = bench.kernels.get(name)
        if done is not None and not done.problem and done.digest == task.digest:
            continue
        begun = f"[{number}/{len(kernels)}] {name}"
        record = bench_kernel(task, columns, plan, settings, partial(_at, begun, say))
        bench = replace(bench, kernels={**bench.kernels, name: record})
        write_bench(path, bench)
        on_kernel(record)
    return bench


def _at(where: str, say: Say, text: str) -> None:
    say(f"{where}: {text}")


def bench_kernel(
    task: Task, columns: Sequence[Column], plan: Plan, settings: Settings, say: Say
) -> KernelRecord:
    """All columns of one kernel. A kernel whose original is broken has a `problem` and no cells."""
    started = time.monotonic()
    try:
        cells, versions = _versions(task, columns, say)
        with Session(task, settings, say) as session:
            entries = _verified(session.context, versions, cells, say)
            if REFERENCE not in entries:
                reason = cells[REFERENCE].reason
                return KernelRecord(task.name, task.digest, cells, problem=f"{REFERENCE}: {reason}")
            meter = OthersMeter()
            sampled = _sampled(session.context, entries, plan, say)
            others = meter.processors()
            if (failure := sampled.failures.get(REFERENCE)) is not None:
                return KernelRecord(task.name, task.digest, cells, problem=f"{REFERENCE}: {failure.message}")
    except LoopwrightError as error:
        return KernelRecord(task.name, task.digest, {}, problem=error.message)
    for name, failure in sampled.failures.items():
        cells[name] = _cell_of(failure)
    for name in sampled.rounds:
        cells[name] = _timed(task, entries[name].version, sampled, name)
    _adopt_reference(task, versions, cells)
    compilers = [column.info.name for column in columns if column.info.kind == COMPILER]
    best, against = _against(sampled, compilers, cells)
    return KernelRecord(
        kernel=task.name,
        digest=task.digest,
        cells={c.info.name: cells[c.info.name] for c in columns},
        best_compiler=best,
        against=against,
        rounds=len(next(iter(sampled.rounds[REFERENCE].values()))),
        stopped=sampled.stopped,
        others=others,
        elapsed_s=time.monotonic() - started,
    )


def _versions(task: Task, columns: Sequence[Column], say: Say) -> tuple[dict[str, Cell], dict[str, Version]]:
    """What each column makes of the task; a cell for those that make nothing."""
    cells: dict[str, Cell] = {}
    versions: dict[str, Version] = {}
    for column in columns:
        name = column.info.name
        if column.info.problem:
            cells[name] = Cell(NOT_AVAILABLE, column.info.problem)
            continue
        if name == BUILTIN:
            say("optimising")
        made = column.version(task)
        if isinstance(made, Version):
            versions[name] = made
        else:
            cells[name] = Cell(FAILED if name == BUILTIN else NOT_AVAILABLE, made)
    return cells, versions


def _verified(
    context: Context, versions: Mapping[str, Version], cells: dict[str, Cell], say: Say
) -> dict[str, _Entry]:
    """The versions that build and give what the original gives; the others get their cell."""
    entries: dict[str, _Entry] = {}
    for name, version in versions.items():
        if name == BUILTIN and version.tree == context.task.tree:
            continue  # It found nothing: it is the reference.
        say(f"checking {name}")
        own = replace(context, toolchain=version.toolchain, variant=version.variant)
        build = _builder(context, name, version).build(version.tree, version.toolchain, version.variant)
        failure = build.failure
        if failure is None:
            failure = OutputsGate().check(Subject(version.tree, build), own).failure
        if failure is not None:
            cells[name] = _cell_of(failure)
        else:
            entries[name] = _Entry(version, build)
    return entries


def _builder(context: Context, name: str, version: Version) -> Builder:
    """A builder of its own where the version needs libraries that the task does not name."""
    if not version.libs:
        return context.builder
    build = replace(context.task.build, libs=(*context.task.build.libs, *version.libs))
    task = replace(context.task, build=build)
    return Builder(task, context.builder.runner, context.builder.scratch / name)


def _sampled(context: Context, entries: Mapping[str, _Entry], plan: Plan, say: Say) -> Sampled:
    """Time all entries, interleaved, over the timed cases."""
    cases = {case.name: case for case in context.task.cases_for(Use.TIME)}
    calls = {name: _repetitions(context, entries[REFERENCE].build, case) for name, case in cases.items()}
    samplers = {
        name: sampler(context, entry.build, lambda case: calls[case.name]) for name, entry in entries.items()
    }
    say(f"timing {', '.join(entries)}")
    return interleave(
        samplers, tuple(cases), plan, on_round=lambda n: say(f"round {n} of at most {plan.rounds}")
    )


def _repetitions(context: Context, build: BuildResult, case: Case) -> int:
    """Calls of the kernel in one timed execution, the same for all versions."""
    run = context.cases.run(build, case, context.limits(case), threads=context.threads[-1], gate=_GATE)
    if run.failure is not None or run.sample is None:
        return 1  # The first timed execution will say what is wrong.
    return repetitions_for(run.sample.wall_s)


def _cell_of(failure: Failure) -> Cell:
    wrong = failure.mode.category in (Category.OUTPUT, Category.TIMING)
    return Cell(WRONG if wrong else FAILED, f"{failure.mode}: {failure.message}")


def _timed(task: Task, version: Version, sampled: Sampled, name: str) -> Cell:
    changes = task.tree.changes_to(version.tree)
    return Cell(
        TIMED,
        wall_s=median_wall_s(sampled, name),
        speedup=None if name == REFERENCE else speedup_of(sampled, name, REFERENCE),
        samples_s={
            case: tuple(sample.wall_s for pair in pairs for sample in pair)
            for case, pairs in sampled.rounds[name].items()
        },
        facts=version.facts,
        changes={path: (text or b"").decode("utf-8", "replace") for path, text in changes.items()},
    )


def _adopt_reference(task: Task, versions: Mapping[str, Version], cells: dict[str, Cell]) -> None:
    """A version that is the original itself has the reference's time: one by definition, not by sampling."""
    version = versions.get(BUILTIN)
    if version is not None and BUILTIN not in cells and version.tree == task.tree:
        same = Speedup(1.0, 1.0, 1.0, rounds=0, method="the original itself")
        cells[BUILTIN] = replace(cells[REFERENCE], speedup=same, samples_s={}, facts=version.facts)


def _against(
    sampled: Sampled, compilers: Sequence[str], cells: Mapping[str, Cell]
) -> tuple[str, Speedup | None]:
    """(the fastest of the compilers, the built-in optimiser over it)."""
    best = min((n for n in compilers if n in sampled.rounds), key=lambda n: median_wall_s(sampled, n))
    if BUILTIN not in cells or cells[BUILTIN].status != TIMED:
        return best, None
    return best, speedup_of(sampled, BUILTIN if BUILTIN in sampled.rounds else REFERENCE, best)
