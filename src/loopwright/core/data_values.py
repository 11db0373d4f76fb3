"""What the sizes of a data plan are in one case of a task."""

from __future__ import annotations

from collections.abc import Mapping

from loopwright.core.data_plan import DataPlan
from loopwright.core.errors import TaskError
from loopwright.core.expressions import evaluate
from loopwright.core.task import Case, Task


def size_values(plan: DataPlan, task: Task, case: Case) -> Mapping[str, int]:
    """The values of the plan's variables in `case`, as far as they are known.

    Of a kernel these are the scalar arguments; of a program what it reads from its command line, constants,
    and the case's own params for variables of the same name that nothing else says anything about.
    """
    values = {name: value for name, value in case.params.items() if isinstance(value, int)}
    if task.kernel is not None:
        for argument in task.kernel.arguments:
            if argument.value is not None:
                try:
                    number = evaluate(argument.value, case.params)
                except TaskError:
                    continue
                if number == int(number):
                    values[argument.name] = int(number)
        return values
    for variable in plan.variables:
        value = _read(case, variable.argument)
        if value is None and (variable.argument is None or variable.argument > len(case.args)):
            value = variable.default
        if value is not None:
            values[variable.name] = value
    return values


def _read(case: Case, argument: int | None) -> int | None:
    if argument is None or not 0 < argument <= len(case.args):
        return None
    try:
        return int(case.args[argument - 1])
    except ValueError:
        return None
