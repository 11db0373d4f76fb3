"""How programs are compiled for an instrument with a toolchain that need not be that of the run."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

from loopwright.core.task import Language
from loopwright.gates.gate import Context
from loopwright.toolchains.toolchain import Toolchain

_MEANING_FLAGS = ("-fwrapv", "-ftrapv", "-fno-strict-aliasing", "-fno-strict-overflow", "-funsigned-char",
                  "-fsigned-char", "-fcommon")  # fmt: skip


def flags_for(toolchain: Toolchain, context: Context) -> tuple[str, ...]:
    """The flags of the run, for `toolchain`: all of them when it is of the same family, else those that
    both families know and without which the code may not compile or means something else.
    """
    if toolchain.family == context.toolchain.family:
        return context.variant.flags
    return tuple(f for f in context.variant.flags if f.startswith(("-m", "-std=")) or f in _MEANING_FLAGS)


@cache
def _symbolizer(compiler: Path) -> str:
    """clang's own symbolizer, else any that its sanitizers know how to speak to; empty when none is there."""
    try:
        asked = subprocess.run(
            (str(compiler), "-print-prog-name=llvm-symbolizer"),
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        own = asked.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        own = ""
    if own.startswith("/") and Path(own).is_file():
        return own
    return shutil.which("llvm-symbolizer") or shutil.which("addr2line") or ""


def symbolizer_option(toolchain: Toolchain) -> tuple[str, ...]:
    """The sanitizer option that names the symbolizer: programs run without PATH. gcc needs none."""
    if toolchain.family != "clang":
        return ()
    path = _symbolizer(toolchain.compiler(Language.C))
    return (f"external_symbolizer_path={path}",) if path else ()
