"""The results of gates, and the verdict that they make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loopwright.core.modes import FailureMode


class GateStatus(StrEnum):
    """Outcome of one gate. `not-available` is never shown as a pass."""

    PASS = "pass"
    FAIL = "fail"
    NOT_AVAILABLE = "not-available"


@dataclass(frozen=True)
class Failure:
    """Why a candidate was not accepted. `evidence` is what an agent may see (never an expected value of
    a held-out case, never the reference output as a whole).
    """

    mode: FailureMode
    gate: str
    message: str
    evidence: Mapping[str, str] = field(default_factory=dict)


def said_beside(message: str, evidence: Mapping[str, str]) -> str:
    """What a compiler or the program printed, as far as it stands in the evidence and not in the message."""
    printed = "\n".join(evidence[name] for name in ("errors", "log", "stderr") if name in evidence)
    return "\n".join(line for line in printed.splitlines() if line.strip() != message.strip())


@dataclass(frozen=True)
class GateResult:
    """What one gate said. `failure` is set if and only if the status is `fail`; `reason` says why a gate
    is not available, or adds a remark to a pass.
    """

    gate: str
    status: GateStatus
    wall_s: float = 0.0
    failure: Failure | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.status is GateStatus.FAIL) != (self.failure is not None):
            raise ValueError("a failed gate has a failure, any other has none")

    @classmethod
    def failed(cls, failure: Failure) -> GateResult:
        """What the gate that `failure` names said."""
        return cls(failure.gate, GateStatus.FAIL, failure=failure)


@dataclass(frozen=True)
class Verdict:
    """The list of gate results, in the order in which the gates ran; it ends at the first failure."""

    results: tuple[GateResult, ...] = ()

    @property
    def failure(self) -> Failure | None:
        """The first failure, None when no gate failed."""
        return next((r.failure for r in self.results if r.failure is not None), None)

    @property
    def passed(self) -> bool:
        """True when at least one gate passed and none failed."""
        return self.failure is None and any(r.status is GateStatus.PASS for r in self.results)

    @property
    def by_gate(self) -> dict[str, str]:
        """Gate name to `pass`, `fail` or `not-available`, as in `--json`."""
        return {r.gate: r.status.value for r in self.results}

    def extended(self, *results: GateResult) -> Verdict:
        """This verdict with further results behind it."""
        return Verdict((*self.results, *results))

    @property
    def verified(self) -> str:
        """In words: 'verified', 'verified except: races (clang-19 missing)' or 'failed: wrong_output'."""
        if (failure := self.failure) is not None:
            return f"failed: {failure.mode}"
        if not self.passed:
            return "not checked"
        missing = [
            f"{r.gate} ({r.reason or 'not available'})"
            for r in self.results
            if r.status is GateStatus.NOT_AVAILABLE
        ]
        return f"verified except: {', '.join(missing)}" if missing else "verified"
