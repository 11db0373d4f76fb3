"""The positive controls of the gates that watch offloaded programs, built and run as candidates are."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import replace

from loopwright.core.task import Build, Case, Language, Output, StdoutMode, Task
from loopwright.core.tree import Tree
from loopwright.gates import proofs
from loopwright.gates.controls import planted, sources
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context
from loopwright.gates.mapping_runtime import library, toolchain_for, variant_for
from loopwright.gates.mapping_watch import Watched, built, watch
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.failures import failure_of
from loopwright.system.execution import Limits

Judge = Callable[[Watched, Tree], tuple[tuple[Finding, str], ...]]
_SOURCE = "control.c"


def proven(name: str, context: Context, judge: Judge) -> str:
    """Empty when the gate `name`, whose findings `judge` makes, caught each planted fault of its control here
    and called its clean twin right, now or earlier; else what went wrong.

    Raises:
        ToolMissing: without a clang that has a host device.
    """
    toolchain = toolchain_for(context)
    runtime = library(toolchain)
    used = (
        sources(name), toolchain.name, toolchain.version, variant_for(toolchain, context, runtime),
        context.cases.runner.name, platform.release(),
    )  # fmt: skip
    key = hashlib.sha256(repr(used).encode()).hexdigest()
    what = f"{name} with {toolchain.name} {toolchain.version}"
    return proofs.proven(key, what, lambda: _tried(name, context, judge))


def _tried(name: str, context: Context, judge: Judge) -> str:
    faulty, clean = sources(name)
    for source, expected in ((faulty, planted(faulty)), (clean, frozenset())):
        own = control_context(source, context)
        tree = own.task.tree
        build = built(tree, own)
        if build.failure is not None:
            return f"its control does not build: {build.failure.message}"
        watched = watch(tree, own.task.cases[0], own)
        findings = [finding for finding, _ in judge(watched, tree)]
        ended = failure_of(watched.execution, gate=name, what="control")
        if ended is not None:
            return f"its control does not run: {ended.message}"
        if not expected and findings:
            return f"its correct control was called wrong: {findings[0].message(tree)}"
        found = {place for finding in findings for place in finding.places}
        if missed := expected - found:
            place = min(missed, key=str)
            return f"its control was not caught: {source.splitlines()[place.line - 1].strip()}"
    return ""


def control_context(source: str, context: Context) -> Context:
    """The context of a control program, with everything else as in `context`."""
    task = Task(
        name="control",
        tree=Tree({_SOURCE: source.encode()}),
        editable=(),
        build=Build(sources=(_SOURCE,)),
        cases=(Case("control"),),
        output=Output(stdout=StdoutMode.IGNORE),
        language=Language.C,
    )
    runner = context.cases.runner
    scratch = context.builder.scratch / "controls"
    return replace(
        context,
        task=task,
        builder=Builder(task, runner, scratch),
        cases=CaseRunner(task, runner, scratch, cores=context.cases.cores),
        limits=lambda case: Limits(),
    )
