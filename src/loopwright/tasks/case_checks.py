"""The cases of a task: what each gives, and the ranges that held-out ones are drawn from."""

from __future__ import annotations

import keyword
import re

from loopwright.core.task import Case, HeldOut, Range, Task, Use
from loopwright.tasks.problems import Key, TaskFile, found, suggestion
from loopwright.tasks.references import check_in_tree, check_unique

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
"""What tasks and cases may be called."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN_VARIABLES = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OMP_DYNAMIC")
_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}")


def check_cases(file: TaskFile, task: Task) -> None:
    """Check every `[[case]]`.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    if not task.cases:
        raise file.problem(
            ("case",),
            'no case is given; expected at least one with use = "time"',
            'add [[case]] with name = "full" and use = "time"',
        )
    seen: dict[str, int] = {}
    for n, case in enumerate(task.cases):
        key: Key = ("case", n)
        _check_name(file, key, case.name)
        if case.name in seen:
            raise file.problem(
                (*key, "name"), f"two cases are named {case.name!r}", "each needs its own name"
            )
        seen[case.name] = n
        _check_case(file, task, key, case)
    if not task.cases_for(Use.TIME):
        raise file.problem(
            ("case",),
            'no case has use = "time"; there would be nothing to make faster',
            'add use = "time" to the case that takes about a second',
        )


def check_held_out(file: TaskFile, task: Task) -> None:
    """Check every `[[held-out]]`.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    names = [case.name for case in task.cases]
    for n, held_out in enumerate(task.held_out):
        key: Key = ("held-out", n)
        _check_name(file, key, held_out.name)
        if held_out.name in names:
            raise file.problem(
                (*key, "name"),
                f"{held_out.name!r} is the name of another case",
                'each needs its own name: name = "held-out-wide"',
            )
        names.append(held_out.name)
        _check_case(file, task, key, held_out)
        _check_ranges(file, task, key, held_out)


def _check_ranges(file: TaskFile, task: Task, key: Key, held_out: HeldOut) -> None:
    ranges = {name: value for name, value in held_out.params.items() if isinstance(value, Range)}
    for name, value in ranges.items():
        if value.low > value.high or value.step < 1:
            raise file.problem((*key, "params"), f'{name} = "{value}" holds no number')
        if value.last == value.low:
            raise file.problem(
                (*key, "params"), f'{name} = "{value}" holds one number', f"write {name} = {value.low}"
            )
    if task.kernel is not None:
        return
    if not ranges:
        raise file.problem(
            (*key, "params"),
            "no param has a range: there is nothing to draw",
            'params = { n = "500..700" }; a fixed input is a [[case]] with use = "held-out"',
        )
    used = {name for arg in held_out.args for name in _PLACE.findall(arg)}
    for name in sorted(used - set(held_out.params)):
        raise file.problem(
            (*key, "args"),
            f"{{{name}}} stands for no param{suggestion(name, held_out.params)}",
            f"add it to params, or write the number itself; params: {', '.join(held_out.params)}",
        )
    for name in sorted(set(ranges) - used):
        raise file.problem(
            (*key, "params"),
            f"the program is not told {name}: no argument holds {{{name}}}",
            f'args = ["{{{name}}}"]',
        )


def _check_name(file: TaskFile, key: Key, name: str) -> None:
    if not NAME.fullmatch(name):
        raise file.problem(
            (*key, "name"),
            f"found {found(name)}; expected a short name",
            "letters, digits, and . _ + - after the first; at most 64",
        )


def _check_case(file: TaskFile, task: Task, key: Key, case: Case | HeldOut) -> None:
    for n, path in enumerate(case.files):
        check_in_tree(file, (*key, "files", n), path, task, "input file")
    check_unique(file, (*key, "files"), case.files)
    if case.stdin is not None:
        check_in_tree(file, (*key, "stdin"), case.stdin, task, "input file")
    for n, arg in enumerate(case.args):
        if "\0" in arg:
            raise file.problem((*key, "args", n), "an argument cannot hold a zero byte")
    for name, value in case.env.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise file.problem((*key, "env"), f"{name!r} is not the name of an environment variable")
        if name in _OWN_VARIABLES:
            raise file.problem(
                (*key, "env"),
                f"{name} is set by Loopwright, which checks several thread numbers",
                f"remove {name}",
            )
    for name, number in case.params.items():
        if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
            raise file.problem((*key, "params"), f"{name!r} cannot be used as a name in an expression")
        ends = (number.low, number.high) if isinstance(number, Range) else (number,)
        if any(abs(end) >= 2**63 for end in ends):
            raise file.problem((*key, "params"), f"{name} = {number} is beyond 2**63")
    if task.kernel is None and file.at((*key, "seed")) is not None:
        raise file.problem(
            (*key, "seed"),
            "a program does not get the seed; it is for kernel tasks",
            "remove it, and give the program its seed in args",
        )
    for name in ("args", "stdin", "files"):
        if task.kernel is not None and file.at((*key, name)) is not None:
            raise file.problem(
                (*key, name),
                f"a kernel is called, not started: it has no {name}",
                "remove it; a case of a kernel task gives params and a seed",
            )
