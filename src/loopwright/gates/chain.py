"""Running the gates of one stage in order, up to the first failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loopwright.core.verdict import GateResult, GateStatus, Verdict
from loopwright.gates.gate import Context, Gate, OfTargets, Stage, Subject


def run_gates(
    gates: Sequence[Gate], stage: Stage, subject: Subject, context: Context
) -> tuple[Verdict, Subject]:
    """Judge `subject` with the gates of `stage`; gives back the verdict, and the subject with its build."""
    results: list[GateResult] = []
    for gate in gates:
        if gate.stage is not stage:
            continue
        if isinstance(gate, OfTargets) and context.variant.target not in gate.targets:
            continue
        if reason := gate.available(context):
            results.append(GateResult(gate.name, GateStatus.NOT_AVAILABLE, reason=reason))
            continue
        result = gate.check(subject, context)
        results.append(result)
        if result.status is GateStatus.FAIL:
            break
        if gate.name == "build":
            build = context.builder.build(subject.tree, context.toolchain, context.variant)
            subject = replace(subject, build=build)
    return Verdict(tuple(results)), subject
