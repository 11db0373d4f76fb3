"""What the AMD GPU backend of LLVM says: kernels' registers, shared memory and scratch. Pure.

Read from the remarks of `-Rpass-analysis=kernel-resource-usage` (LLVM 15 and ROCm).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.toolchains.ptxas import plain_name

RESOURCE_FLAG = "-Rpass-analysis=kernel-resource-usage"
"""Has the compiler print what :func:`kernel_figures` reads."""

# With line tables the place stands in front of "remark", without them behind it.
_LINE = re.compile(
    r"^(?:\S.*?: )?remark:\s+(?:\S+?:\d+:\d+:\s+)?(?P<what>[A-Za-z]+(?: [A-Za-z]+)?)(?: \[[^\]]*\])?: "
    rf"(?P<value>\S+) \[{re.escape(RESOURCE_FLAG)}\]$"
)


@dataclass(frozen=True)
class KernelFigures:
    """What one kernel needs on an AMD GPU.

    Attributes:
        name: as in the source, scopes included and template arguments left out; `symbol` is the mangled one.
        vector_registers, accumulation_registers: of one lane. scalar_registers: of one wavefront.
        shared_bytes: static shared memory (LDS) of one block.
        scratch_bytes: of one lane, in device memory.
        vector_spills, scalar_spills: registers that were spilled.
        occupancy: wavefronts that fit on one SIMD unit at most.
    """

    name: str
    symbol: str
    vector_registers: int
    scalar_registers: int
    accumulation_registers: int = 0
    shared_bytes: int = 0
    scratch_bytes: int = 0
    vector_spills: int = 0
    scalar_spills: int = 0
    occupancy: int = 0

    def __str__(self) -> str:
        parts = [f"{self.vector_registers} vector and {self.scalar_registers} scalar registers"]
        if self.accumulation_registers:
            parts.append(f"{self.accumulation_registers} accumulation registers")
        if self.shared_bytes:
            parts.append(f"{self.shared_bytes} bytes of shared memory")
        if self.scratch_bytes:
            parts.append(f"{self.scratch_bytes} bytes of scratch a lane")
        if self.vector_spills or self.scalar_spills:
            parts.append(f"{self.vector_spills} vector and {self.scalar_spills} scalar registers spilled")
        return f"{self.name}: {', '.join(parts)}"


_FIELDS = {
    "VGPRs": "vector_registers",
    "SGPRs": "scalar_registers",
    "TotalSGPRs": "scalar_registers",
    "AGPRs": "accumulation_registers",
    "ScratchSize": "scratch_bytes",
    "Occupancy": "occupancy",
    "SGPRs Spill": "scalar_spills",
    "VGPRs Spill": "vector_spills",
    "LDS Size": "shared_bytes",
}


def kernel_figures(printed: str) -> tuple[KernelFigures, ...]:
    """The kernels in `printed`, in order; of several architectures the last says the figures of a kernel."""
    found: dict[str, dict[str, int]] = {}
    symbol = ""
    for line in printed.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        if match["what"] == "Function Name":
            symbol = match["value"]
            found[symbol] = {}
        elif symbol and match["what"] in _FIELDS and match["value"].isdigit():
            found[symbol][_FIELDS[match["what"]]] = int(match["value"])
    return tuple(
        KernelFigures(plain_name(symbol), symbol, **figures)
        for symbol, figures in found.items()
        if {"vector_registers", "scalar_registers"} <= figures.keys()
    )
