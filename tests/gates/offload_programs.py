"""What the gates of offloaded programs get in tests: a task of one file, a clang with a host device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gate_programs import program_context

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Target
from loopwright.gates.gate import Context
from loopwright.toolchains.device import Device
from loopwright.toolchains.devices import find_offload
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Variant

PROGRAMS = Path(__file__).with_name("offload")
HARMLESS = '#include <stdio.h>\nint main(void)\n{\n    puts("1");\n    return 0;\n}\n'


def offload_context(original: str, scratch: Path, **changes: object) -> Context:
    """The context of a task whose program.c is `original`; skips without a clang that has a host device."""
    try:
        toolchain = find_offload(None)
    except ToolMissing as error:
        pytest.skip(str(error))
    context = program_context(original, scratch, **changes)
    return replace(
        context, toolchain=toolchain, variant=Variant(NATIVE_FLAGS, Target.OFFLOAD, device=Device.HOST)
    )


def names(pattern: str) -> list[str]:
    """The programs beside this file that are called so."""
    return sorted(path.name for path in PROGRAMS.glob(pattern))
