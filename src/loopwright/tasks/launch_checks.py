"""CUDA kernels in a task file: a `__global__` function has a launch, every other function has none."""

from __future__ import annotations

from loopwright.core.task import Kernel, Language, Launch, Task
from loopwright.tasks.launch import MOST_NUMBERS, NoLaunch, launch_numbers
from loopwright.tasks.problems import Key, TaskFile
from loopwright.tasks.prototype import Prototype, find_declaration, parse_prototype
from loopwright.tasks.references import check_names

_LAUNCH: Key = ("kernel", "launch")
_PROTOTYPE: Key = ("kernel", "prototype")
_EXAMPLE = 'grid = ["(n + 255) // 256"] and block = ["256"]'


def check_launch(file: TaskFile, task: Task, kernel: Kernel, prototype: Prototype) -> None:
    """Check how the function of a kernel task is started: `[kernel.launch]` beside its prototype.

    Raises:
        TaskError: about the first thing that is wrong.
    """
    if kernel.language is Language.HIP:
        raise file.problem(
            ("kernel",),
            "a single function in HIP is no task yet; whole programs are",
            "leave out [kernel] and give the program that calls it; or keep the function in CUDA (.cu)",
        )
    if prototype.is_device:
        raise file.problem(
            _PROTOTYPE,
            f"{kernel.function!r} is a __device__ function, which the host cannot call",
            "name the __global__ function that calls it, or a function of the host",
        )
    if not prototype.is_global:
        _check_called(file, task, kernel)
        return
    if kernel.language is not Language.CUDA:
        raise file.problem(
            _PROTOTYPE,
            f"__global__ belongs to CUDA; the language of this task is {kernel.language.value!r}",
            'kernels of CUDA stand in .cu files; or say language = "cuda" in [kernel]',
        )
    if prototype.returns != "void":
        raise file.problem(
            _PROTOTYPE,
            f"{kernel.function!r} returns {prototype.returns!r}; a __global__ function returns void",
            "a template is no function yet: name an instance of it, or a host function that launches one",
        )
    if kernel.launch is None:
        raise file.problem(
            _LAUNCH,
            f"missing; {kernel.function!r} is a __global__ function, which has to be launched",
            f"add [kernel.launch] with {_EXAMPLE}",
        )
    _check_numbers(file, task, kernel.launch)


def _check_called(file: TaskFile, task: Task, kernel: Kernel) -> None:
    if kernel.launch is not None:
        raise file.problem(
            _LAUNCH,
            f"{kernel.function!r} is no __global__ function: it is called, not launched",
            "remove [kernel.launch], or begin the prototype with __global__ as in the source",
        )
    if kernel.language is not Language.CUDA:
        return
    for path in task.build.sources:
        found = find_declaration(kernel.function, task.tree[path].decode("utf-8", "replace"))
        declared = parse_prototype(found) if found is not None else None
        if declared is not None and declared.is_global:
            raise file.problem(
                _PROTOTYPE,
                f"{kernel.function!r} is a __global__ function in {path}, and not here",
                f"begin it with __global__, and add [kernel.launch] with {_EXAMPLE}",
            )


def _check_numbers(file: TaskFile, task: Task, launch: Launch) -> None:
    for key, expressions in (("grid", launch.grid), ("block", launch.block)):
        if not 1 <= len(expressions) <= MOST_NUMBERS:
            raise file.problem(
                (*_LAUNCH, key),
                f"found {len(expressions)} numbers; expected 1 to {MOST_NUMBERS}: x, y and z",
                f'write {key} = ["n"]',
            )
    for key, expressions in (("grid", launch.grid), ("block", launch.block), ("shared", (launch.shared,))):
        for expression in expressions:
            check_names(file, (*_LAUNCH, key), expression, task.cases)
    for case in task.cases:
        try:
            launch_numbers(launch, case)
        except NoLaunch as problem:
            raise file.problem((*_LAUNCH, problem.key), problem.message) from None
