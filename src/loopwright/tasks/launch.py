"""How a CUDA kernel is started for one case, as numbers, and what a device can start at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from loopwright.core.errors import TaskError
from loopwright.core.expressions import evaluate_int
from loopwright.core.task import Case, Launch

MOST_NUMBERS = 3
"""Of a grid or a block: x, y and z."""

_MOST_THREADS = 1024
_LARGEST_GRID = (2**31 - 1, 65535, 65535)
_LARGEST_BLOCK = (1024, 1024, 64)
_MOST_SHARED_BYTES = 227 << 10
"""Of compute capability 9.0; the others as in the table of technical specifications of NVIDIA's CUDA C++
Programming Guide."""

Numbers = tuple[int, int, int]


class NoLaunch(ValueError):
    """No device starts this; `key` is the key of `[kernel.launch]` that is wrong."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


@dataclass(frozen=True)
class LaunchNumbers:
    """Blocks of the grid and threads of a block in x, y and z, and bytes of dynamic shared memory."""

    grid: Numbers
    block: Numbers
    shared_bytes: int


def launch_numbers(launch: Launch, case: Case) -> LaunchNumbers:
    """`launch` for `case`. What is left out of a grid or a block is 1.

    Raises:
        NoLaunch: when an expression cannot be worked out, or gives what no device can start.
    """
    grid = _numbers("grid", launch.grid, _LARGEST_GRID, "blocks", case)
    block = _numbers("block", launch.block, _LARGEST_BLOCK, "threads", case)
    threads = math.prod(block)
    if threads > _MOST_THREADS:
        raise NoLaunch(
            "block", f"{threads} threads a block for case {case.name!r}; a device has at most {_MOST_THREADS}"
        )
    shared = _whole("shared", launch.shared, case)
    if not 0 <= shared <= _MOST_SHARED_BYTES:
        raise NoLaunch(
            "shared",
            f"{launch.shared!r} is {shared} for case {case.name!r}; expected 0 to {_MOST_SHARED_BYTES} bytes",
        )
    return LaunchNumbers(grid, block, shared)


def _numbers(key: str, expressions: tuple[str, ...], largest: Numbers, what: str, case: Case) -> Numbers:
    found = [1, 1, 1]
    for n, expression in enumerate(expressions):
        found[n] = _whole(key, expression, case)
        if not 1 <= found[n] <= largest[n]:
            raise NoLaunch(
                key,
                f"{expression!r} is {found[n]} for case {case.name!r}; expected 1 to {largest[n]} {what} in "
                f"{'xyz'[n]}",
            )
    return found[0], found[1], found[2]


def _whole(key: str, expression: str, case: Case) -> int:
    try:
        return evaluate_int(expression, case.params)
    except TaskError as error:
        raise NoLaunch(key, f"case {case.name!r}: {error.message}") from error
