"""Loopwright: takes a serial C or C++ kernel or program and gives back a faster one that can be trusted.

    import loopwright

    task = loopwright.load_task("examples/heat2d")
    result = loopwright.optimize(task, wall_s=120)

The functions are those of :mod:`loopwright.api`; the types are frozen dataclasses of :mod:`loopwright.core`.
Everything is imported when it is first used: `import loopwright` itself costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopwright.api import check, load_task, optimize, profile, resume, time
    from loopwright.core.errors import LoopwrightError, TaskError, ToolMissing, UsageError
    from loopwright.core.profile import Profile
    from loopwright.core.run import Baseline, Best, Evaluation, RunResult, RunStatus
    from loopwright.core.task import Task
    from loopwright.core.timing import Comparison, Sample, Speedup
    from loopwright.core.verdict import Failure, GateResult, Verdict
    from loopwright.workbench.settings import Settings

_WHERE = {
    "loopwright.api": ("check", "load_task", "optimize", "profile", "resume", "time"),
    "loopwright.core.errors": ("LoopwrightError", "TaskError", "ToolMissing", "UsageError"),
    "loopwright.core.profile": ("Profile",),
    "loopwright.core.run": ("Baseline", "Best", "Evaluation", "RunResult", "RunStatus"),
    "loopwright.core.task": ("Task",),
    "loopwright.core.timing": ("Comparison", "Sample", "Speedup"),
    "loopwright.core.verdict": ("Failure", "GateResult", "Verdict"),
    "loopwright.workbench.settings": ("Settings",),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "Baseline",
    "Best",
    "Comparison",
    "Evaluation",
    "Failure",
    "GateResult",
    "LoopwrightError",
    "Profile",
    "RunResult",
    "RunStatus",
    "Sample",
    "Settings",
    "Speedup",
    "Task",
    "TaskError",
    "ToolMissing",
    "UsageError",
    "Verdict",
    "check",
    "load_task",
    "optimize",
    "profile",
    "resume",
    "time",
]


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module 'loopwright' has no attribute {name!r}")
