"""Plan against trace: what the runtime copied, by variable, is held against the data plan of the original."""

from __future__ import annotations

from loopwright.core.data_plan import DataPlan
from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.findings import Finding, Place, locate
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.mapping_watch import Watched, built, cases_of, watch
from loopwright.gates.offloaded_plan import lines_of_original, plan_of
from loopwright.gates.plan_trace_moved import Movement, excess, movements, table
from loopwright.gates.watched_gate import WatchedGate
from loopwright.harness.failures import failure_of

_SHOWN = 3
_CONTROL_BYTES = 4000
"""What the control copies in each direction: two buffers of this size come back, one goes there."""


class PlanTraceGate(WatchedGate):
    """Fails a candidate that moves more between host and device than the plan says for the loops that it has
    on the device, beyond a slack of 10 % and 256 bytes for each array. Less than planned is fine; single
    values do not count.

    Runs at the end: on the way to a data region a candidate moves more, and is right.
    """

    name = "plan-trace"
    stage = Stage.FINAL

    def findings(self, watched: Watched, tree: Tree) -> tuple[tuple[Finding, str], ...]:
        """The lines of the control whose copies, by the runtime's count, are not what they should be."""
        found: list[tuple[Finding, str]] = []
        seen: dict[str, int] = {"to": 0, "from": 0}
        places: dict[str, Place | None] = {}
        for copy in watched.trace.copies:
            seen[copy.way] += copy.bytes
            path, _, line = copy.place.rpartition(":")
            places[copy.way] = locate(path, line, tree) if line.isdigit() else None
        for way, bytes_ in (("to", _CONTROL_BYTES), ("from", 2 * _CONTROL_BYTES)):
            place = places.get(way)
            if seen[way] != bytes_:
                found.append((Finding(f"{seen[way]} bytes {way} the device", (place,) if place else ()), ""))
        return tuple(found)

    def judge(self, subject: Subject, context: Context) -> GateResult:
        """Compare the case that has most to do."""
        case = cases_of(context)[-1]
        found = moved(subject.tree, context)
        if isinstance(found, str):
            return self.doubt(f"case {case.name}: {found}")
        over = excess(found)
        if over:
            return self._failed(case.name, over, found)
        unknown = [m for m in found if m.planned_bytes is None and not m.is_scalar]
        if unknown and not any(m.planned_bytes for m in found):
            return self.doubt(f"case {case.name}: the plan has no numbers for {unknown[0].array}")
        return GateResult(self.name, GateStatus.PASS, reason=f"case {case.name}: {_totals(found)}")

    def _failed(self, case: str, over: tuple[Movement, ...], found: tuple[Movement, ...]) -> GateResult:
        worst = over[0]
        told = "; ".join(str(m) for m in over[:_SHOWN])
        mend = f"; the plan keeps {worst.array} on the device from {worst.region} on" if worst.region else ""
        evidence = {
            "case": case,
            "variable": worst.array,
            "lines": ", ".join(worst.places),
            "planned and moved": table(found),
        }
        failure = Failure(
            FailureMode.PLAN_MISMATCH,
            self.name,
            f"case {case}: more moved than planned: {told}{mend}",
            evidence,
        )
        return GateResult(self.name, GateStatus.FAIL, failure=failure)


def moved(tree: Tree, context: Context) -> tuple[Movement, ...] | str:
    """Planned and moved bytes of `tree`, for the case that has most to do; why not, when they are not known.

    Raises:
        ToolMissing: without a clang that has a host device.
    """
    case = cases_of(context)[-1]
    build = built(tree, context)
    if build.failure is not None:
        return build.failure.message
    watched = watch(tree, case, context)
    problem = failure_of(watched.execution, gate=PlanTraceGate.name, what="the watched run")
    if problem is not None:
        return problem.message
    if not watched.trace.complete:
        return "the program left no record of its end"
    plan = _plan_for(watched, tree, context)
    if not plan.regions:
        why = "; ".join(f"{u.what}: {u.reason}" for u in plan.unknowns[:_SHOWN])
        return f"there is no data plan{f' ({why})' if why else ''}"
    return movements(plan, context.task, case, watched.trace.copies)


def _plan_for(watched: Watched, tree: Tree, context: Context) -> DataPlan:
    """The plan of the original with the loops on the device that the candidate has there; that of all loops,
    when none of them is recognised.
    """
    task = context.task

    def ran(*, on_device: bool) -> frozenset[Place]:
        places = (watched.place(s.code) for s in watched.trace.steps if s.on_device is on_device)
        return lines_of_original(task.tree, tree, (place for place in places if place is not None))

    device, host = ran(on_device=True), ran(on_device=False)
    everything = plan_of(task)
    heads = set(device)
    for loop in (loop for region in everything.regions for loop in region.device_loops):
        # A head may be written anew: what runs in the loop says then where it does.
        lines = {Place(loop.span.file, line) for line in range(loop.span.line, loop.span.end_line + 1)}
        if len(lines & device) > len(lines & host):
            heads.add(Place(loop.span.file, loop.span.line))
    plan = plan_of(task, frozenset(heads))
    return plan if plan.regions else everything


def _totals(found: tuple[Movement, ...]) -> str:
    """Planned and moved bytes in all, for people."""
    parts = []
    for way, direction in (("to", "to the device"), ("from", "back")):
        of_way = [m for m in found if m.way == way]
        planned = [m.planned_bytes for m in of_way]
        known = "?" if None in planned else str(sum(p or 0 for p in planned))
        parts.append(f"{sum(m.moved_bytes for m in of_way)} of {known} planned bytes {direction}")
    return ", ".join(parts)


PLAN_TRACE = PlanTraceGate()
