"""The data plan of a task's original, made once for the gates that hold candidates against it."""

from __future__ import annotations

from pathlib import PurePosixPath

from loopwright.core.data_plan import DataPlan, value_of
from loopwright.core.errors import TaskError
from loopwright.core.task import Case, Task

_SUFFIXES = frozenset({".c", ".cc", ".cpp", ".cxx", ".c++", ".C"})
_plans: dict[str, DataPlan] = {}


def plan_of(task: Task) -> DataPlan:
    """What the analysis plans for the original of `task`; without regions when it cannot read it."""
    from loopwright.analysis.data_plan import data_plan  # libclang and islpy: only when asked for

    if task.digest not in _plans:
        sources = tuple(path for path in task.tree if PurePosixPath(path).suffix in _SUFFIXES)
        _plans[task.digest] = data_plan(
            task.tree,
            sources,
            task.language,
            include=task.build.include,
            defines=task.build.defines,
            standard=task.build.standard,
            kernel=task.kernel,
            editable=task.is_editable,
        )
    return _plans[task.digest]


def values_of(plan: DataPlan, case: Case) -> dict[str, int]:
    """The values that the variables of `plan` have in `case`, as far as they are known."""
    values = dict(case.params)
    for variable in plan.variables:
        value = variable.default
        if variable.argument is not None and variable.argument <= len(case.args):
            try:
                value = int(case.args[variable.argument - 1])
            except ValueError:
                value = None
        if value is not None:
            values[variable.name] = value
    return values


def known_value(text: str | None, values: dict[str, int]) -> int | None:
    """The value of a size or count of a plan; None when it is not known."""
    if text is None:
        return None
    try:
        return max(0, value_of(text, values))
    except TaskError:
        return None
