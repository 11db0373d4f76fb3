"""What a run did not check or measure, and why: said aloud, so that silence is never read as a pass."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.core.task import Use
from loopwright.core.verdict import GateStatus
from loopwright.reports.content import Content
from loopwright.reports.wording import VARIANTS
from loopwright.workbench.rundir import original_candidate


@dataclass(frozen=True)
class Gap:
    """Something that is not known about a run; `why` says what would be needed."""

    what: str
    why: str


def gaps(content: Content) -> tuple[Gap, ...]:
    """Everything that this run could not check or measure. Empty before anything was measured."""
    if content.baseline is None:
        return ()
    found = [Gap(f"reading {reason.partition(':')[0]}", reason) for reason in content.unreadable]
    found += [
        Gap(f"the time with {VARIANTS.get(name, name)}", why)
        for name, why in content.baseline.rejected.items()
    ]
    if content.final_verdict is not None:
        found += [
            Gap(f"the check {result.gate}", result.reason or "not available")
            for result in content.final_verdict.results
            if result.status is GateStatus.NOT_AVAILABLE
        ]
    found += _held_out(content)
    if content.evaluations and original_candidate(content.task).id not in content.profiles:
        found.append(
            Gap("where the time goes", "no profile was taken: loopwright profile, loopwright doctor")
        )
    return (*found, *_roofline(content))


def _held_out(content: Content) -> list[Gap]:
    best = content.result.best if content.result else None
    if best is None or best.held_out_speedup is not None or not content.task.cases_for(Use.HELD_OUT):
        return []
    return [Gap("the speedup at held-out sizes", "those cases are too short to be timed")]


def _roofline(content: Content) -> list[Gap]:
    work, cases = content.task.work, content.task.cases_for(Use.TIME)
    if work.bytes is None and work.flops is None:
        return [Gap("the distance from what the machine can do", "the task file states no [work]")]
    if len(cases) != 1:
        return [Gap("the roofline", f"it is drawn for one timed case; this task has {len(cases)}")]
    return []
