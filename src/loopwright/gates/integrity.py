"""Integrity: a candidate differs from the original in editable files only."""

from __future__ import annotations

from loopwright.core.modes import FailureMode
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates.gate import Context, Stage, Subject


class IntegrityGate:
    """Fails a candidate that changed, added or removed a protected file.

    The build uses the original's protected files whatever a candidate holds; this gate makes the attempt
    itself visible.
    """

    name = "integrity"
    stage = Stage.EVERY

    def available(self, context: Context) -> str:
        """Always available: it compares bytes."""
        return ""

    def check(self, subject: Subject, context: Context) -> GateResult:
        """Compare `subject` with the task, file by file."""
        changed = context.task.tree.changes_to(subject.tree)
        touched = [path for path in changed if not context.task.is_editable(path)]
        if not touched:
            return GateResult(self.name, GateStatus.PASS)
        what = {True: "removed", False: "changed or added"}
        shown = ", ".join(f"{path} ({what[changed[path] is None]})" for path in touched[:5])
        failure = Failure(
            FailureMode.PROTECTED_FILE,
            self.name,
            f"not an editable file: {shown}; editable: {', '.join(context.task.editable)}",
            {"files": "\n".join(touched)},
        )
        return GateResult(self.name, GateStatus.FAIL, failure=failure)
