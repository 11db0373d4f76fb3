"""Kernels of the suite as calls of a BLAS: shipped as files, built where OpenBLAS is installed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from loopwright.core.task import Language
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Toolchain

SOURCES = Path(__file__).with_name("blas_c")
_PROGRAM = """\
#include <cblas.h>
int main(void)
{
    const double one[1] = {1.0};
    return cblas_ddot(1, one, 1, one, 1) == 1.0 ? 0 : 1;
}
"""
_TIMEOUT_S = 60.0


def blas_sources(task: str) -> dict[str, bytes | None]:
    """Path to content of the files that make the BLAS version of a task; empty when there is none."""
    return {path.name: path.read_bytes() for path in sorted((SOURCES / task).glob("*.c"))}


def blas_problem(toolchain: Toolchain) -> str:
    """Empty when a small program compiles against OpenBLAS and runs, else what is missing."""
    with tempfile.TemporaryDirectory(prefix="loopwright-blas-") as folder:
        source, program = Path(folder) / "probe.c", Path(folder) / "probe"
        source.write_text(_PROGRAM)
        command = [str(toolchain.compiler(Language.C)), str(source), "-lopenblas", "-o", str(program)]
        try:
            for argv in (command, [str(program)]):
                subprocess.run(argv, capture_output=True, check=True, timeout=_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError):
            return f"OpenBLAS is not installed: {install_line('openblas')}"
    return ""
