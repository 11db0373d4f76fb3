"""What the gates have in common that judge a run on the host device, watched by `offload_runtime/`."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import replace

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.task import Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.findings import Finding
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.mapping_control import proven
from loopwright.gates.mapping_watch import Watched


class WatchedGate(ABC):
    """A gate for the target `offload` that is available where a clang has a host device and the gate's
    control was caught on it. The control is `controls/NAME_faulty.c` with its clean twin.
    """

    name: str
    stage: Stage
    targets = frozenset({Target.OFFLOAD})

    @abstractmethod
    def findings(self, watched: Watched, tree: Tree) -> tuple[tuple[Finding, str], ...]:
        """(finding, advice) of what one run shows: what the control is judged by."""

    @abstractmethod
    def judge(self, subject: Subject, context: Context) -> GateResult:
        """The result, but for the time that it took.

        Raises:
            ToolMissing: without a clang that has a host device.
        """

    def available(self, context: Context) -> str:
        """Empty when the control was caught here, else why the gate says nothing."""
        try:
            return proven(self.name, context, self.findings)
        except LoopwrightError as error:
            return str(error)

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Judge the candidate; without the tools for it the gate is not available."""
        started = time.monotonic()
        try:
            result = self.judge(subject, context)
        except ToolMissing as error:
            result = self.doubt(str(error))
        return replace(result, wall_s=time.monotonic() - started)

    def doubt(self, reason: str) -> GateResult:
        """Neither passed nor failed, and why."""
        return GateResult(self.name, GateStatus.NOT_AVAILABLE, reason=reason)
