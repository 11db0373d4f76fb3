"""Trying compilers: one small command at a time, and the telling part of what it said."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from loopwright.toolchains.toolchain import Variant

_TIMEOUT_S = 30.0

OPENMP_PROGRAM = """\
#include <omp.h>
int main(void) {
    int n = 0;
#pragma omp parallel num_threads(2) reduction(+ : n)
    n += 1;
    return n == (omp_get_thread_limit() < 2 ? 1 : 2) ? 0 : 3;
}
"""
"""Ends with 0 when its parallel region had two threads, or all that are allowed."""


def said(
    argv: tuple[str, ...],
    folder: Path,
    *,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> tuple[int | None, str]:
    """Exit status (None: did not run or did not end) and everything that was printed. `text` goes to standard
    input, `environment` on top of the user's own.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            check=False,
        )
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return None, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def own_file(driver: Path, name: str, folder: Path) -> Path | None:
    """The file `name` among this compiler's libraries, None when it has none."""
    status, printed = said((str(driver), f"-print-file-name={name}"), folder)
    path = Path(printed.strip())
    return path.resolve() if status == 0 and path.is_absolute() and path.is_file() else None


def gist(printed: str) -> str:
    """The first line that speaks of an error, else the first line; "" when nothing was printed."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or "cannot" in line]
    return (telling or lines or [""])[0][:200]


class _Compiles(Protocol):
    def compile_flags(self, variant: Variant) -> tuple[str, ...]: ...


_Compiler = TypeVar("_Compiler", bound=_Compiles)


@dataclass(frozen=True)
class Trial:
    """A small program that a compiler has to make an executable of.

    Attributes:
        file, text: of the program; `what`: what it is called when it fails.
        environment: on top of the user's own. timeout_s: for compiling it.
        runs: whether it has to run as well, and end with 0.
    """

    file: str
    text: str
    what: str = "small program"
    environment: Mapping[str, str] | None = None
    timeout_s: float = _TIMEOUT_S
    runs: bool = False


def tried_compiler(
    path: Path, version: re.Pattern[str], make: Callable[[str], _Compiler], trial: Trial
) -> _Compiler | str:
    """What `make` makes of the version of the compiler at `path`, once that has compiled the program of
    `trial`; else why not. `version` finds the group `version` in what `--version` prints.
    """
    with tempfile.TemporaryDirectory(prefix=f"loopwright-{path.name}-") as folder:
        scratch = Path(folder)
        _, printed = said((str(path), "--version"), scratch, environment=trial.environment)
        match = version.search(printed)
        if match is None:
            return f"{path} does not say its version: {gist(printed)}"
        made = make(match["version"])
        (scratch / trial.file).write_text(trial.text)
        command = (str(path), *made.compile_flags(Variant(("-O1",))), trial.file, "-o", "probe")
        status, printed = said(command, scratch, environment=trial.environment, timeout_s=trial.timeout_s)
        if status != 0 or not (scratch / "probe").is_file():
            return f"{path} does not compile a {trial.what}: {gist(printed)}"
        if trial.runs:
            status, printed = said((str(scratch / "probe"),), scratch)
            if status != 0:
                return f"a {trial.what} of {path} does not run: {gist(printed) or f'status {status}'}"
    return made


def major(version: str) -> str:
    """`13` of `13.0.88`."""
    return version.partition(".")[0]
