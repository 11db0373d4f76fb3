"""The gates that run a candidate under an instrument: races, addresses, undefined, uninitialised."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from loopwright.core.errors import ToolMissing
from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Target, Use
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.controls import proven
from loopwright.gates.findings import Finding, new_words
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.instrument import Deadline, Instrument, Observation, observe
from loopwright.harness.failures import failure_of
from loopwright.harness.types import BuildResult
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Toolchain, Variant

CASE_BUDGET_S = 60.0
GATE_BUDGET_S = 180.0

_FALLBACK = "with the target regions on the host, where instruments can look"

# What code says that behaves otherwise, or is not watched, under an instrument. A candidate that brings it
# along was not looked at; whether it is honest, a person must judge.
_HINTS = (
    b"no_sanitize", b"__SANITIZE_", b"_sanitizer)", b"disable_sanitizer_instrumentation",
    b"__tsan", b"__asan", b"__ubsan", b"RUNNING_ON_VALGRIND", b"VALGRIND_MAKE_MEM_DEFINED",
)  # fmt: skip


@dataclass
class _Look:
    """One tree under the instrument, and what was seen so far."""

    tree: Tree
    build: BuildResult
    findings: dict[Case, list[Finding]] = field(default_factory=dict)


class InstrumentedGate:
    """Builds the candidate for an instrument, runs the check cases (without one: the timed cases) under
    it, and fails it for what the instrument finds in it and not in the original.

    A case gets `CASE_BUDGET_S` seconds and the gate `GATE_BUDGET_S`; when they do not suffice, or when the
    original itself cannot be looked at, the gate says that it was not available, and for which case. An
    instrument is believed only after it caught its planted fault and passed its clean twin on this machine,
    with the same toolchain and runner (:mod:`loopwright.gates.controls`).
    """

    stage = Stage.FINAL

    def __init__(self, instrument: Instrument, *, needs_threads: bool = False) -> None:
        self.instrument = instrument
        self.name = instrument.name
        self._needs_threads = needs_threads

    def available(self, context: Context) -> str:
        """Empty when a toolchain here passes the control of the instrument."""
        if context.variant.target.runs_kernels:
            kind = str(context.variant.target).upper()
            return f"not for {kind}: the gate emulated watches accesses, races and barriers"
        if self._needless(context):
            return ""
        return self._toolchain(context)[1]

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Run the candidate under the instrument, up to the first case with a new finding."""
        started = time.monotonic()
        result = self._check(subject, context)
        return GateResult(self.name, result.status, time.monotonic() - started, result.failure, result.reason)

    def finding_in_original(self, case: Case, context: Context) -> str:
        """What the instrument finds in one run of the original with one thread; "" when that is nothing, or
        when it cannot be looked at.
        """
        context = replace(context, variant=replace(context.variant, target=Target.SERIAL))
        toolchain, _ = self._toolchain(context)
        if toolchain is None:
            return ""
        tree, variant = context.task.tree, self.instrument.variant(toolchain, context)
        build = context.builder.build(tree, toolchain, variant)
        if build.failure is not None:
            return ""
        findings, _, crash = self._seen(build, tree, case, context, Deadline.after(CASE_BUDGET_S))
        if findings:
            return findings[0].message(tree)
        return crash.message if crash is not None else ""

    def _needless(self, context: Context) -> bool:
        return self._needs_threads and context.variant.target is Target.SERIAL

    def _toolchain(self, context: Context) -> tuple[Toolchain | None, str]:
        """(the first toolchain whose control is passed, "") or (None, why there is none)."""
        if missing := self.instrument.missing():
            return None, missing
        toolchains, reason = self.instrument.toolchains(context)
        for toolchain in toolchains:
            try:
                toolchain.compiler(context.task.language)
                problem = proven(self.instrument, toolchain, context)
            except ToolMissing as error:
                problem = str(error)
            if not problem:
                return toolchain, ""
            reason = f"{reason}; {toolchain.name}: {problem}" if reason else f"{toolchain.name}: {problem}"
        return None, reason

    def _check(self, subject: Subject, context: Context) -> GateResult:
        if self._needless(context):
            return self._passed("serial target: no threads")
        toolchain, reason = self._toolchain(context)
        if toolchain is None:
            return self._unavailable(reason)
        variant = self.instrument.variant(toolchain, context)
        try:
            build = context.builder.build(subject.tree, toolchain, variant)
            if build.failure is not None:
                return self._not_built(build, context, toolchain, variant)
            looked = self._looked(_Look(subject.tree, build), context, toolchain, variant)
            on_host = variant.target is Target.OFFLOAD and variant.device is Device.FALLBACK
            if on_host and looked.status is GateStatus.PASS:
                return replace(looked, reason="; ".join(filter(None, (_FALLBACK, looked.reason))))
            return looked
        except ToolMissing as error:
            return self._unavailable(str(error))
        finally:
            for tree in (subject.tree, context.task.tree):
                context.builder.discard(tree, toolchain, variant)

    def _looked(
        self, candidate: _Look, context: Context, toolchain: Toolchain, variant: Variant
    ) -> GateResult:
        """Case by case, up to the first new finding."""
        deadline = Deadline.after(GATE_BUDGET_S)
        shared: dict[tuple[str, object], Finding] = {}
        unfinished: list[str] = []
        cases = self._cases(context)
        for case in cases:
            findings, trouble, crash = self._seen(candidate.build, candidate.tree, case, context, deadline)
            if findings or crash is not None:
                original = context.builder.build(context.task.tree, toolchain, variant)
                if original.failure is not None:
                    return self._unavailable(f"the original does not build: {original.failure.message}")
                theirs: list[Finding] = []
                their_trouble: list[str] = []
                their_crash: Failure | None = None
                # An emulated original is no program that the instrument could look at.
                if not context.translates:
                    theirs, their_trouble, their_crash = self._seen(
                        original, context.task.tree, case, context, Deadline.after(CASE_BUDGET_S)
                    )
                known = {finding.identity(context.task.tree) for finding in theirs}
                for finding in findings:
                    identity = finding.identity(candidate.tree)
                    if identity in known:
                        shared[identity] = finding
                    elif finding.doubt:
                        unfinished.append(f"{finding.message(candidate.tree)}: {finding.doubt}")
                    else:
                        return self._failed(finding, candidate.tree, case)
                if crash is not None and not theirs:
                    if their_crash is None and not their_trouble:
                        return GateResult(self.name, GateStatus.FAIL, failure=crash)
                    unfinished.append(f"case {case.name}: the original does not run under it either")
            unfinished += trouble
        told = [f"in the original too: {f.message(candidate.tree)}" for f in shared.values()]
        if shared and self.instrument.ends_program:
            unfinished.append("nothing after what the original does too was reached")
        if hints := new_words(_HINTS, context.task.tree, candidate.tree):
            unfinished.append(f"the candidate may behave otherwise when it is watched: {', '.join(hints)}")
        if unfinished:
            return self._unavailable("; ".join((*unfinished, *told)))
        return self._passed("; ".join(told))

    def _seen(
        self, build: BuildResult, tree: Tree, case: Case, context: Context, gate: Deadline
    ) -> tuple[list[Finding], list[str], Failure | None]:
        """(findings of all runs of `case`, why runs are missing, how it ended when it was not by itself)."""
        findings: dict[tuple[str, object], Finding] = {}
        deadline = Deadline.after(min(CASE_BUDGET_S, gate.left_s))
        openmp = context.variant.target.uses_openmp
        for setting in self.instrument.settings(openmp):
            if deadline.left_s <= 0:
                return list(findings.values()), [f"case {case.name} ended at {setting}: no time left"], None
            seen = observe(self.instrument, context.cases, tree, build, case, setting, deadline.left_s)
            for finding in _all_of(seen):
                findings.setdefault(finding.identity(tree), finding)
            if not seen.in_time:
                late = f"case {case.name} was not done within {CASE_BUDGET_S:g} s with {setting}"
                return list(findings.values()), [late], None
            if not seen.findings and not seen.reported:
                what = f"case {case.name}, {setting}, built for {self.name}"
                crash = failure_of(seen.execution, gate=self.name, what=what)
                # What is left is the sanitizer's symbolizer; the outputs gate looked for the program's own.
                if crash is not None and crash.mode is not FailureMode.LEFT_PROCESSES:
                    return list(findings.values()), [], crash
        return list(findings.values()), [], None

    def _cases(self, context: Context) -> tuple[Case, ...]:
        cases = context.task.cases_for(Use.CHECK) or context.task.cases_for(Use.TIME)
        if not self.instrument.smallest_only:
            return cases
        # The limits of a case grow with the time that the original needed for it.
        return tuple(sorted(cases, key=lambda case: context.limits(case).wall_s or 0.0)[:1])

    def _not_built(
        self, build: BuildResult, context: Context, toolchain: Toolchain, variant: Variant
    ) -> GateResult:
        """Code that refuses to be looked at is no better than code that was found wanting."""
        assert build.failure is not None
        original = context.builder.build(context.task.tree, toolchain, variant)
        if original.failure is not None:
            return self._unavailable(
                f"the task does not build with {toolchain.name} for {self.name}: {original.failure.message}"
            )
        failure = Failure(
            build.failure.mode,
            self.name,
            f"the original builds for {self.name} with {toolchain.name}, this does not: "
            f"{build.failure.message}",
            build.failure.evidence,
        )
        return GateResult(self.name, GateStatus.FAIL, failure=failure)

    def _failed(self, finding: Finding, tree: Tree, case: Case) -> GateResult:
        evidence = {"case": case.name, "report": finding.excerpt}
        if finding.places:
            evidence["lines"] = ", ".join(dict.fromkeys(map(str, finding.places)))
        if finding.variable:
            evidence["variable"] = finding.variable
        message = f"case {case.name}: {finding.message(tree)}"
        failure = Failure(self.instrument.mode, self.name, message, evidence)
        return GateResult(self.name, GateStatus.FAIL, failure=failure)

    def _passed(self, reason: str = "") -> GateResult:
        return GateResult(self.name, GateStatus.PASS, reason=reason)

    def _unavailable(self, reason: str) -> GateResult:
        return GateResult(self.name, GateStatus.NOT_AVAILABLE, reason=reason)


def _all_of(seen: Observation) -> tuple[Finding, ...]:
    """The findings; one without a place where the tool's exit status says what its report does not."""
    if seen.reported and not seen.findings and not seen.explained:
        return (Finding("something is reported by the exit status, the report is missing"),)
    return seen.findings
