"""What both of NVIDIA's profilers need: how they are started, and how their tables are read."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from loopwright.profilers.profiler import ProfileFailed
from loopwright.system.execution import Command, Execution, Limits, Runner
from loopwright.toolchains.devices import NO_GPU, gpu
from loopwright.toolchains.install import install_line
from loopwright.toolchains.nvidia_tools import find_tool, folders_of

_SAID = 300


def problem(program: str) -> str:
    """Why `program` cannot be used here; empty when there are a GPU and the program."""
    if not gpu():
        return NO_GPU
    return "" if find_tool(program) else f"{program} is not installed: {install_line('cuda')}"


def run(argv: tuple[str, ...], command: Command, limits: Limits, runner: Runner) -> Execution:
    """Run `argv`, whose first word is one of the tools, as `command` would be.

    Raises:
        ProfileFailed: when it does not end with status 0.
    """
    # Numbers without marks of thousands, and with a decimal point.
    env = {**command.env, "LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": str(command.cwd)}
    readable = (*command.readable, *folders_of(Path(argv[0])))
    done = runner.run(replace(command, argv=argv, env=env, readable=readable), limits)
    if not done.ok:
        status = f"status {done.exit_code}" if done.signal is None else f"signal {done.signal}"
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()[-_SAID:]
        raise ProfileFailed(f"{Path(argv[0]).name} {argv[1]}: {done.ending}, {status}: {said}")
    return done


def tables(text: str, *first: str) -> Iterator[tuple[Mapping[str, str], ...]]:
    """The CSV tables in `text` whose header begins with one of `first`, as rows by name of column.

    A table ends at a line that has another number of cells; lines between tables are the tool's and the
    program's own.
    """
    header: list[str] = []
    rows: list[Mapping[str, str]] = []
    for line in text.splitlines():
        # One line at a time: no cell of these tables holds a line break, and the program's output may hold
        # a quotation mark.
        cells = next(csv.reader([line]), [])
        begins = bool(cells) and cells[0] in first
        if begins or (header and len(cells) > len(header)) or (header and len(cells) < 2):
            if header:
                yield tuple(rows)
            header, rows = (cells if begins else []), []
        elif header:
            # Columns that are empty in a row are left out at its end.
            rows.append(dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=True)))
    if header:
        yield tuple(rows)


def number(text: str) -> float:
    """A number as these tools print it in the locale C.

    Raises:
        ProfileFailed: for anything else, as "482,333", which is one of two numbers.
    """
    try:
        return float(text)
    except ValueError:
        raise ProfileFailed(f"{text!r} is no number of the locale C") from None
