"""Really offloaded: the work of the original's loops happens in target regions and no longer on the host."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from loopwright.core.modes import FailureMode
from loopwright.core.task import Task
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.findings import Finding, Place, new_words, source_text
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.mapping_watch import Watched, built, cases_of, watch
from loopwright.gates.offloaded_plan import plan_of
from loopwright.gates.watched_gate import WatchedGate
from loopwright.harness.failures import failure_of

LEAST_SHARE = 0.1
"""Of the work that could be offloaded, this much must be: tricks come to nothing here, and a program whose
loops go to the device one after the other passes on its way, with its share in the remark.
"""
_LEAST_STEPS = 200
_SHOWN = 3
# Work in assembly has no steps that are counted.
_HINTS = (b"asm(", b"asm (", b"__asm", b"asm volatile", b"no_sanitize", b"disable_sanitizer_instrumentation")


@dataclass(frozen=True)
class Work:
    """What one run did, in steps (accesses to memory and basic blocks, without optimisation across them)."""

    host: Counter[Place]
    device: int

    @property
    def host_steps(self) -> int:
        """Steps on the host, in code of the task."""
        return self.host.total()


@dataclass(frozen=True)
class Share:
    """How much of the work that could be offloaded was.

    Attributes:
        movable: steps of the original in the loops that could go to a device.
        left: steps of the candidate on the host beyond those that the original has outside of these loops.
        device: steps of the candidate on the device.
    """

    movable: int
    left: int
    device: int

    @property
    def value(self) -> float:
        """From 0 to 1: the smaller one of what share of the remaining work is done on the device, and how
        much of the movable work is gone from the host. Busy regions beside the host's work do not raise it,
        nor does less work in all.
        """
        if not self.device:
            return 0.0
        return max(0.0, min(self.device / (self.device + self.left), 1.0 - self.left / self.movable))


class OffloadedGate(WatchedGate):
    """Fails a candidate whose target regions do next to nothing of the work that could be offloaded: empty or
    dummy regions with the computation left on the host, `if(0)`, the initial device, a fallback.

    Work is counted by line in candidate and original, both built for the host device. What could be offloaded
    is what the data plan of the original sends to a device; without a plan, all of the editable code.
    """

    name = "offloaded"
    stage = Stage.EVERY

    def findings(self, watched: Watched, tree: Tree) -> tuple[tuple[Finding, str], ...]:
        """The busiest line of the host, when that did more than the device."""
        work = work_of(watched)
        if work.device >= work.host_steps or not work.host:
            return ()
        return ((Finding("the work is done on the host", (work.host.most_common(1)[0][0],)), ""),)

    def judge(self, subject: Subject, context: Context) -> GateResult:
        """Count the work of the case that has most of it."""
        case = cases_of(context)[-1]
        for tree, who in ((context.task.tree, "the original"), (subject.tree, "the candidate")):
            build = built(tree, context)
            problem = build.failure or failure_of(
                watch(tree, case, context).execution, gate=self.name, what=f"case {case.name}"
            )
            if problem is not None or not watch(tree, case, context).trace.complete:
                told = problem.message if problem is not None else "its end is not recorded"
                return self.doubt(f"{who} cannot be counted, case {case.name}: {told}")
        original = work_of(watch(context.task.tree, case, context))
        watched = watch(subject.tree, case, context)
        share = share_of(context.task, original, work_of(watched))
        if share.movable < _LEAST_STEPS:
            return self.doubt(f"case {case.name} has next to nothing to do ({share.movable} steps)")
        said = (
            f"case {case.name}: {share.value:.0%} of the work that could be offloaded ran in target regions"
        )
        if share.value < LEAST_SHARE:
            return self._failed(said, share, watched, subject.tree)
        if hints := new_words(_HINTS, context.task.tree, subject.tree):
            return self.doubt(f"the candidate has code whose work is not counted: {', '.join(hints)}")
        return GateResult(self.name, GateStatus.PASS, reason=said)

    def _failed(self, said: str, share: Share, watched: Watched, tree: Tree) -> GateResult:
        evidence = {"case": watched.case.name, "share": f"{share.value:.3f}", "regions": _regions(watched)}
        hot = work_of(watched).host.most_common(_SHOWN)
        lines = [f"{place} `{source_text(tree, place)}`" for place, _ in hot]
        if hot:
            evidence["lines"] = ", ".join(str(place) for place, _ in hot)
        told = f"{said}; {_regions(watched)}; the host is busy at {', '.join(lines) or 'no line of the task'}"
        failure = Failure(FailureMode.NOT_OFFLOADED, self.name, told, evidence)
        return GateResult(self.name, GateStatus.FAIL, failure=failure)


def work_of(watched: Watched) -> Work:
    """The steps of a run, by line on the host, in all on the device. Code of others is left out."""
    host: Counter[Place] = Counter()
    device = 0
    for steps in watched.trace.steps:
        place = watched.place(steps.code)
        if place is None:
            continue
        if steps.on_device:
            device += steps.accesses + steps.blocks
        else:
            host[place] += steps.accesses + steps.blocks
    return Work(host, device)


def share_of(task: Task, original: Work, candidate: Work) -> Share:
    """How much of the work of `task` was offloaded by a candidate that did `candidate`."""
    spans = [loop.span for region in plan_of(task).regions for loop in region.device_loops]
    movable = sum(
        steps
        for place, steps in original.host.items()
        if (
            any(s.file == place.file and s.line <= place.line <= s.end_line for s in spans)
            if spans
            else task.is_editable(place.file)
        )
    )
    fixed = original.host_steps - movable
    return Share(movable, max(0, candidate.host_steps - fixed), candidate.device)


def _regions(watched: Watched) -> str:
    """What became of the target regions, in words."""
    fallen = [launch for launch in watched.trace.launches if not launch.on_device]
    if fallen:
        places = ", ".join(sorted({launch.place for launch in fallen}))
        return f"target regions fell back to the host at {places}"
    if not watched.trace.launches:
        return (
            "no target region was started on a device (none there, or kept on the host by `if` or `device`)"
        )
    return "started were " + ", ".join(
        f"{launch.place} ({launch.times} time{'s' if launch.times != 1 else ''})"
        for launch in watched.trace.launches
    )


OFFLOADED = OffloadedGate()
