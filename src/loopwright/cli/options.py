"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loopwright.core.errors import UsageError

if TYPE_CHECKING:
    from loopwright.workbench.settings import Settings

TaskDir = Annotated[Path, typer.Argument(metavar="DIR", help="The task.")]
CandidateDir = Annotated[
    Path | None, typer.Argument(metavar="CANDIDATE_DIR", help="Folder with the edited files.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Toolchain = Annotated[
    str | None, typer.Option("--toolchain", help="gcc, clang, clang-19, ...; default: gcc if there is one.")
]
Threads = Annotated[
    int | None, typer.Option("--threads", help="Threads to time with; default: all usable processors.")
]
Sandbox = Annotated[str, typer.Option("--sandbox", help="auto, bubblewrap or none.")]
TargetName = Annotated[
    str | None,
    typer.Option(
        "--target",
        help="openmp, offload, serial, cuda or hip; default: openmp, and cuda or hip for such sources.",
    ),
]
Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder for the record of runs; default: .loopwright beside the task."),
]

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Seconds in "90", "90s", "10m" or "1.5h". Raises UsageError for anything else."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    if match is None:
        raise UsageError(f"not a duration: {text!r}", hint="write 90s, 10m or 1.5h")
    return float(match[1]) * _UNITS_S[match[2]]


def judging(
    *, toolchain: str | None, target: str | None, threads: int | None, sandbox: str, unread_code: bool
) -> Settings:
    """The settings of a command that judges candidates without a run: check, time, profile. A target that is
    named is meant: CUDA sources become a program for it.
    """
    from loopwright.api import parse_target
    from loopwright.core.task import Target
    from loopwright.workbench.settings import Settings

    asked = parse_target(target)
    return Settings(
        toolchain=toolchain,
        threads=threads,
        sandbox=sandbox,
        target=asked,
        translate=target is not None and asked is not Target.CUDA,
        unread_code=unread_code,
    )
