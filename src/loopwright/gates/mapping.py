"""Mapping: the candidate runs on a device with a memory of its own, and every wrong mapping is named."""

from __future__ import annotations

import time

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.findings import Finding, locate
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.mapping_control import proven
from loopwright.gates.mapping_runtime import toolchain_for
from loopwright.gates.mapping_watch import CASE_BUDGET_S, Watched, built, cases_of, watch
from loopwright.gates.mapping_words import message, worded
from loopwright.gates.reports_omptarget import errors
from loopwright.harness.failures import failure_of

GATE_BUDGET_S = 180.0

# Code that says such things is not watched, or could behave otherwise when it is.
_HINTS = (b"no_sanitize", b"disable_sanitizer_instrumentation", b"__sanitizer_cov", b"LOOPWRIGHT_TRACE",
          b"LD_PRELOAD", b"__tgt_", b"ompt_start_tool")  # fmt: skip


class MappingGate:
    """Fails a candidate for the first fault of its data mapping: values that are stale, unset or lost when
    they are read, on either side, host pointers followed on the device, accesses outside of mapped sections,
    device memory used after its end. The message has the variable, the line that met the fault and the line
    to mend.

    Faults that the original has too are no failure.
    """

    name = "mapping"
    stage = Stage.EVERY
    targets = frozenset({Target.OFFLOAD})

    def available(self, context: Context) -> str:
        """Empty when a clang here has a host device, and the gate's control was caught on it."""
        try:
            return proven(self.name, context, judged)
        except LoopwrightError as error:
            return str(error)

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Watch the candidate's cases up to the first with a fault."""
        started = time.monotonic()
        result = self._check(subject, context, started + GATE_BUDGET_S)
        return GateResult(self.name, result.status, time.monotonic() - started, result.failure, result.reason)

    def _check(self, subject: Subject, context: Context, deadline_s: float) -> GateResult:
        try:
            build = built(subject.tree, context)
            if build.failure is not None:
                return self._not_built(build.failure, context)
            doubts = []
            for case in cases_of(context):
                if time.monotonic() > deadline_s:
                    doubts.append(f"case {case.name} was not run: no time left")
                    continue
                watched = watch(subject.tree, case, context)
                result = self._of_case(watched, subject.tree, case, context)
                if isinstance(result, Failure):
                    return GateResult(self.name, GateStatus.FAIL, failure=result)
                doubts += [result] if result else []
            if hints := _new_hints(context.task.tree, subject.tree):
                doubts.append(f"the candidate may behave otherwise when it is watched: {', '.join(hints)}")
        except ToolMissing as error:
            doubts = [str(error)]
        status = GateStatus.NOT_AVAILABLE if doubts else GateStatus.PASS
        return GateResult(self.name, status, reason="; ".join(doubts))

    def _of_case(self, watched: Watched, tree: Tree, case: Case, context: Context) -> Failure | str:
        """The failure of one case, or why there is doubt; "" when there is none."""
        found = judged(watched, tree)
        ended = failure_of(watched.execution, gate=self.name, what=f"case {case.name}, built for {self.name}")
        if not found and ended is None:
            doubt = f"case {case.name}: the program left no record of its end"
            return "" if watched.trace.complete else doubt
        if not watched.in_time and not found:
            return f"case {case.name} was not done within {CASE_BUDGET_S:g} s"
        original = built(context.task.tree, context)
        if original.failure is not None:
            return f"the original does not build: {original.failure.message}"
        theirs = watch(context.task.tree, case, context)
        known = {finding.identity(context.task.tree) for finding, _ in judged(theirs, context.task.tree)}
        for finding, advice in found:
            if finding.identity(tree) not in known:
                return self._failed(finding, advice, watched, tree)
        if found:
            return f"case {case.name}, in the original too: {found[0][0].message(tree)}"
        if failure_of(theirs.execution, gate=self.name, what=case.name) is not None:
            return f"case {case.name}: the original does not run there either"
        return ended or ""

    def _failed(self, finding: Finding, advice: str, watched: Watched, tree: Tree) -> Failure:
        evidence = {"case": watched.case.name, "advice": advice}
        if finding.places:
            evidence["lines"] = ", ".join(map(str, finding.places))
        if finding.variable:
            evidence["variable"] = finding.variable
        others = [message(other, hint, tree) for other, hint in judged(watched, tree) if other != finding]
        if others:
            evidence["also"] = "\n".join(others[:5])
        told = f"case {watched.case.name}: {message(finding, advice, tree)}"
        return Failure(FailureMode.WRONG_MAPPING, self.name, told, evidence)

    def _not_built(self, failure: Failure, context: Context) -> GateResult:
        """Code that refuses to be looked at is no better than code that was found wanting."""
        original = built(context.task.tree, context)
        if original.failure is not None:
            reason = (
                f"the task does not build with {toolchain_for(context).name} for its host device: "
                f"{original.failure.message}"
            )
            return GateResult(self.name, GateStatus.NOT_AVAILABLE, reason=reason)
        told = f"the original builds for the host device, this does not: {failure.message}"
        return GateResult(
            self.name, GateStatus.FAIL, failure=Failure(failure.mode, self.name, told, failure.evidence)
        )


def judged(watched: Watched, tree: Tree) -> tuple[tuple[Finding, str], ...]:
    """(finding, advice) of every fault of one run, those with the same meaning once."""
    found: dict[object, tuple[Finding, str]] = {}
    for fault in watched.trace.faults:
        finding, advice = worded(fault, watched.place(fault.code), watched.place(fault.other), tree)
        # A read and a write of one line are one fault to people.
        found.setdefault((fault.kind, finding.variable, finding.places), (finding, advice))
    for what, path, line in errors(watched.stderr):
        place = locate(path, line, tree)
        finding = Finding(f"libomptarget: {what}", (place,) if place is not None else ())
        found.setdefault((what, finding.places), (finding, ""))
    return tuple(found.values())


def _new_hints(original: Tree, candidate: Tree) -> list[str]:
    before, after = (b"\n".join(tree.values()) for tree in (original, candidate))
    return [hint.decode() for hint in _HINTS if hint in after and hint not in before]


MAPPING = MappingGate()
