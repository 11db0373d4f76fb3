"""What the bench finds out, as frozen values, and its file: one JSON object, written after every kernel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopwright.core.errors import LoopwrightError, UsageError
from loopwright.core.machine import Machine
from loopwright.core.timing import Speedup
from loopwright.system.store import write_atomically
from loopwright.workbench.records import from_data, to_data

SCHEMA = 1
REFERENCE = "gcc"
"""The column that every time is set against."""
BUILTIN = "builtin"
COMPILER, LIBRARY, OPTIMISER = "compiler", "library", "optimiser"
"""Kinds of columns. The best of the compilers, which a user gets by flags alone, is what an optimiser has to
beat; a library needs the code rewritten by hand."""

TIMED, WRONG, FAILED, NOT_AVAILABLE = "timed", "wrong", "failed", "not-available"


@dataclass(frozen=True)
class ColumnInfo:
    """One column: what it is, and `problem` when this machine has not got it."""

    name: str
    title: str
    compiler: str = ""
    flags: tuple[str, ...] = ()
    kind: str = COMPILER
    problem: str = ""


@dataclass(frozen=True)
class Cell:
    """One column's result for one kernel.

    Attributes:
        status: `timed`; `wrong` (the outputs gate or a timed run rejected it: never given a time); `failed`
            (did not build or run); `not-available`.
        reason: for all but `timed`.
        wall_s: median seconds.
        speedup: over the reference, None for the reference itself.
        samples_s: case to all times, in the order in which they were taken.
        facts: what else is known, as the evaluations of a search.
        changes: path to text of the files that make the version, where they are not the original's.
    """

    status: str
    reason: str = ""
    wall_s: float | None = None
    speedup: Speedup | None = None
    samples_s: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KernelRecord:
    """One kernel, all columns. `against` is the built-in optimiser over the best of the compilers, named in
    `best_compiler`, from the same rounds. `others` is how many processors other work kept busy meanwhile.
    `problem` says why there is no result.
    """

    kernel: str
    digest: str
    cells: Mapping[str, Cell]
    best_compiler: str = ""
    against: Speedup | None = None
    rounds: int = 0
    stopped: str = ""
    others: float = 0.0
    elapsed_s: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class BenchFile:
    """The whole result. `settings` are what a resumed bench has to repeat."""

    suite: str
    version: str
    started: str
    machine: Machine
    threads: int
    settings: Mapping[str, Any]
    columns: tuple[ColumnInfo, ...]
    kernels: Mapping[str, KernelRecord] = field(default_factory=dict)
    schema: int = SCHEMA
    kind: str = "bench"


def write_bench(path: Path, bench: BenchFile) -> None:
    """Write the file: a reader, or a kill, finds the old one or the new one whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_data(bench), indent=1, allow_nan=False)
        write_atomically(path, text.encode() + b"\n")
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", where=str(path), hint="--json FILE") from error


def read_bench(path: Path) -> BenchFile:
    """Read the file back.

    Raises:
        UsageError: when there is none, or it is something else.
        LoopwrightError: when a newer version wrote it, or it is damaged.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise UsageError(f"not a result of loopwright bench: {error}", where=str(path)) from error
    if not isinstance(data, dict) or data.get("kind") != "bench":
        raise UsageError("not a result of loopwright bench", where=str(path))
    if data.get("schema", 0) > SCHEMA:
        raise LoopwrightError(
            f"written by a newer version (schema {data['schema']})", where=str(path),
            hint="pip install --upgrade loopwright",
        )  # fmt: skip
    try:
        return from_data(BenchFile, data)
    except ValueError as error:
        raise LoopwrightError(f"damaged: {error}", where=str(path)) from error


def refuse_unlike(old: BenchFile, new: BenchFile, path: Path) -> None:
    """A bench goes on only as it began: results of unlike machines or settings never share a file.

    Raises:
        UsageError: naming the first thing that differs.
    """
    pairs: dict[str, tuple[object, object]] = {
        "suite": (old.suite, new.suite),
        "machine": (old.machine.key, new.machine.key),
        "version": (old.version, new.version),
        "threads": (old.threads, new.threads),
        **{name: (old.settings.get(name), value) for name, value in new.settings.items()},
        **{
            f"column {b.name}": ((a.compiler, a.flags, a.problem), (b.compiler, b.flags, b.problem))
            for a, b in zip(old.columns, new.columns, strict=False)
        },
        "columns": ([c.name for c in old.columns], [c.name for c in new.columns]),
    }
    for name, (before, now) in pairs.items():
        if to_data(before) != to_data(now):
            raise UsageError(
                f"{name} was {_shown(before)} when this was begun, now it is {_shown(now)}",
                where=str(path), hint="repeat it as it was, or begin another with --json FILE",
            )  # fmt: skip


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else repr(value)
