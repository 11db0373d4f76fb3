"""Whether the tools around the compilers work on this machine: each is tried once per process."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from itertools import product

from loopwright.toolchains.install import install_line

PERF_RECORD = ("record", "-q", "--no-buildid", "--no-buildid-cache")
"""No build ids and no copies of binaries under ~/.debug: addresses suffice."""

_CALLERS = ("--call-graph", "dwarf,1024")
_BUSY = ("/bin/sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done")
_TIMEOUT_S = 60.0


def perf_sampling() -> tuple[tuple[str, ...], str]:
    """(the options with which perf can sample here, why it cannot)."""
    return _perf_sampling(os.environ.get("PATH", ""))


def callgrind_problem() -> str:
    """Empty when a small program ran under callgrind, else the reason and how to get it."""
    return _callgrind_problem(os.environ.get("PATH", ""))


def symbolizer() -> str:
    """The addr2line, of binutils or LLVM, that is on PATH; empty when there is none."""
    names = ["addr2line", "llvm-addr2line", *(f"llvm-addr2line-{n}" for n in range(25, 11, -1))]
    return next((found for name in names if (found := shutil.which(name))), "")


def version_of(program: str, *, argument: str = "--version") -> str:
    """The first word with a digit in what `program --version` prints first; empty when there is none."""
    return _version_of(program, argument, os.environ.get("PATH", ""))


@cache
def _version_of(program: str, argument: str, search_path: str) -> str:
    path = shutil.which(program, path=search_path)
    if path is None:
        return ""
    first = next(iter(_said(path, argument)[1].splitlines()), "")
    # "git version 2.39.5", "valgrind-3.19.0", "GNU addr2line (GNU Binutils for Debian) 2.40".
    words = [word for word in first.replace("valgrind-", " ").split() if word[:1].isdigit()]
    return words[-1] if words else ""


@cache
def _perf_sampling(search_path: str) -> tuple[tuple[str, ...], str]:
    perf = shutil.which("perf", path=search_path)
    if perf is None:
        return (), f"perf is not installed: {install_line('perf')}"
    said = ""
    with tempfile.TemporaryDirectory(prefix="loopwright-perf-") as folder:
        # An unprivileged user may often sample his own code only, not the kernel's; and a perf built without
        # a reader of DWARF frames cannot say who called.
        for event, callers in product(("cpu-clock", "cpu-clock:u"), (_CALLERS, ())):
            data = f"{folder}/perf.data"
            options = ("-e", event, *callers)
            status, said = _said(perf, *PERF_RECORD, "-F", "999", *options, "-o", data, "--", *_BUSY)
            if status == 0:
                status, listed = _said(perf, "script", "-f", "-F", "ip", "-i", data)
                if status == 0 and len(listed.split()) >= 3:
                    return options, ""
                said = "it records no samples"
    gist = next((line.strip() for line in said.splitlines() if line.strip()), "no reason given")
    return (), (
        f"perf cannot sample here ({gist[:150]}): type `sudo sysctl kernel.perf_event_paranoid=2`, or, "
        "in a container, allow perf_event_open"
    )


@cache
def _callgrind_problem(search_path: str) -> str:
    valgrind = shutil.which("valgrind", path=search_path)
    if valgrind is None:
        return f"valgrind is not installed: {install_line('valgrind')}"
    program = shutil.which("true", path=search_path) or "/bin/true"
    status, said = _said(valgrind, "-q", "--tool=callgrind", "--callgrind-out-file=/dev/null", program)
    return "" if status == 0 else f"callgrind does not run here: {said[-200:]}"


def _said(*argv: str) -> tuple[int, str]:
    """Exit status (-1: did not run or did not end) and everything that was printed."""
    try:
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return -1, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace")
