"""Trying compilers: one small command at a time, and the telling part of what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

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
