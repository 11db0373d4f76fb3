"""Mapping: the candidate runs on a device with a memory of its own, and every wrong mapping is named."""

from __future__ import annotations

import time

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.findings import Finding, locate, new_words
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.mapping_runtime import toolchain_for
from loopwright.gates.mapping_watch import CASE_BUDGET_S, Watched, built, cases_of, watch
from loopwright.gates.mapping_words import message, worded
from loopwright.gates.reports_omptarget import errors
from loopwright.gates.watched_gate import WatchedGate
from loopwright.harness.failures import failure_of

GATE_BUDGET_S = 180.0

# Code that says such things is not watched, or could behave otherwise when it is.
_HINTS = (b"no_sanitize", b"disable_sanitizer_instrumentation", b"__sanitizer_cov", b"LOOPWRIGHT_TRACE",
          b"LD_PRELOAD", b"__tgt_", b"ompt_start_tool")  # fmt: skip


class MappingGate(WatchedGate):
    """Fails a candidate for the first fault of its data mapping: values that are stale, unset or lost when
    they are read, on either side, host pointers followed on the device, accesses outside of mapped sections,
    device memory used after its end. The message has the variable, the line that met the fault and the line
    to mend.

    Faults that the original has too are no failure.
    """

    name = "mapping"
    stage = Stage.EVERY

    def findings(self, watched: Watched, tree: Tree) -> tuple[tuple[Finding, str], ...]:
        """See :func:`judged`."""
        return judged(watched, tree)

    def judge(self, subject: Subject, context: Context) -> GateResult:
        """Watch the candidate's cases up to the first with a fault."""
        deadline_s = time.monotonic() + GATE_BUDGET_S
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
        if hints := new_words(_HINTS, context.task.tree, subject.tree):
            doubts.append(f"the candidate may behave otherwise when it is watched: {', '.join(hints)}")
        return self.doubt("; ".join(doubts)) if doubts else GateResult(self.name, GateStatus.PASS)

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
            return self.doubt(reason)
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


MAPPING = MappingGate()
