"""The library that watches an offloaded program, compiled once, and how programs are built for it.

Host code and device code are compiled with calls for every load, store and basic block (SanitizerCoverage)
and for atomic operations and memcpy (ThreadSanitizer's pass without its runtime, which does not link with
target regions); `offload_runtime/` answers them.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.task import Language, Target
from loopwright.gates.gate import Context
from loopwright.gates.instrument_flags import flags_for
from loopwright.system.compiled import cache_folder
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device
from loopwright.toolchains.devices import find_offload
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

SOURCES = Path(__file__).with_name("offload_runtime")
_NAME = "loopwright_offload"
_TIMEOUT_S = 120.0
_WATCHED = (
    "-O1", "-Qunused-arguments", "-fno-omit-frame-pointer", "-fno-inline",
    "-fno-vectorize", "-fno-slp-vectorize",
    # Variables that share stack memory would be taken for one another.
    "-mllvm", "-no-stack-coloring",
    # For the front end only: the driver would link ThreadSanitizer's own runtime, too.
    "-Xclang", "-fsanitize=thread", "-mllvm", "-tsan-instrument-memory-accesses=0",
    "-Xclang", "-fsanitize-coverage-type=3", "-Xclang", "-fsanitize-coverage-trace-pc",
    "-Xclang", "-fsanitize-coverage-trace-loads", "-Xclang", "-fsanitize-coverage-trace-stores",
)  # fmt: skip


def toolchain_for(context: Context) -> Clang:
    """The clang whose host device programs are watched on: that of the run, when it has one.

    Raises:
        ToolMissing: when there is none, or it has no compiler for the task's language.
    """
    toolchain: Toolchain = context.toolchain
    able = isinstance(toolchain, Clang) and any(d.device is Device.HOST and d.ran for d in toolchain.devices)
    if not able:
        toolchain = find_offload(None)
    assert isinstance(toolchain, Clang)
    toolchain.compiler(context.task.language)
    return toolchain


def variant_for(toolchain: Clang, context: Context, library: Path) -> Variant:
    """How programs are compiled to be watched."""
    flags = (*flags_for(toolchain, context), *_WATCHED, f"-L{library.parent}", f"-l{_NAME}")
    return Variant(flags, Target.OFFLOAD, Purpose.PROFILE, device=Device.HOST)


def library(toolchain: Clang) -> Path:
    """The compiled library, in a folder of its own.

    Raises:
        ToolMissing: when it does not compile (the headers of libomp are missing).
    """
    return _library(toolchain.compiler(Language.C), toolchain.version)


@cache
def _library(compiler: Path, version: str) -> Path:
    files = sorted((*SOURCES.glob("*.c"), *SOURCES.glob("*.h")))
    state = [(file.name, file.read_bytes()) for file in files]
    digest = hashlib.sha256(repr((state, str(compiler), version, platform.machine())).encode())
    folder = cache_folder() / f"offload-{digest.hexdigest()[:16]}"
    built = folder / f"lib{_NAME}.so"
    if built.exists():
        return built
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        fresh = Path(scratch) / built.name
        command = (
            str(compiler), "-O2", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-ftls-model=initial-exec",
            "-fno-omit-frame-pointer", f"-Wl,-soname,{built.name}", "-o", str(fresh),
            *(str(file) for file in files if file.suffix == ".c"), "-ldl", "-lpthread",
        )  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise LoopwrightError(f"{compiler} did not run: {error}") from error
        if done.returncode != 0:
            raise ToolMissing(
                f"the library that watches mappings does not compile: {done.stderr.strip()[:400]}",
                hint=f"to get what it needs: {install_line('offload', version=version.partition('.')[0])}",
            )
        fresh.rename(built)
    return built
