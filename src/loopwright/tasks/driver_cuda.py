"""The part of a driver that calls or launches a CUDA kernel: what it is called by, and with what."""

from __future__ import annotations

from loopwright.core.errors import TaskError
from loopwright.core.task import Case, Kernel, Launch
from loopwright.tasks.launch import NoLaunch, launch_numbers
from loopwright.tasks.prototype import C_TYPES

CALL = "loopwright_call"
"""The function that the driver calls in place of a CUDA kernel, and the file (`.cu`) that it stands in."""


def call_prototype(kernel: Kernel) -> str:
    """The declaration of `CALL` for `kernel`: C linkage, scalars, arrays of the host without their type."""
    returns = "void" if kernel.returns is None else C_TYPES[kernel.returns]
    parameters = [
        f"void *a{n}" if argument.is_array else f"{C_TYPES[argument.dtype]} a{n}"
        for n, argument in enumerate(kernel.arguments)
    ]
    return f'extern "C" {returns} {CALL}({", ".join(parameters)})'


def call_values(kernel: Kernel) -> list[str]:
    """What `CALL` hands over to `kernel`, out of its own parameters: to a launch, copies on the device."""
    values: list[str] = []
    for n, argument in enumerate(kernel.arguments):
        place = sum(before.is_array for before in kernel.arguments[:n])
        address = f"a{n}" if kernel.launch is None else f"lw_copies[{place}]"
        values.append(f"lw_pointer{{{address}}}" if argument.is_array else f"a{n}")
    return values


def launch_options(launch: Launch, case: Case) -> list[str]:
    """`launch` for `case` on the command line of a driver.

    Raises:
        TaskError: when no device starts that.
    """
    try:
        numbers = launch_numbers(launch, case)
    except NoLaunch as problem:
        raise TaskError(problem.message, where=f"[kernel.launch] {problem.key}") from problem
    grid = [f"--grid.{axis}={extent}" for axis, extent in zip("xyz", numbers.grid, strict=True)]
    block = [f"--block.{axis}={extent}" for axis, extent in zip("xyz", numbers.block, strict=True)]
    return [*grid, *block, f"--shared.bytes={numbers.shared_bytes}"]
