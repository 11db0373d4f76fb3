"""The gates, in the order in which they run. A further gate is one more line here."""

from __future__ import annotations

from loopwright.gates.build import BuildGate
from loopwright.gates.cuda_emulated import EMULATED, EMULATED_HIP
from loopwright.gates.device_build import DeviceBuildGate
from loopwright.gates.gate import Gate
from loopwright.gates.gpu_sanitizer import GPU_MEMORY, GPU_RACES
from loopwright.gates.hipcc import HipccGate
from loopwright.gates.integrity import IntegrityGate
from loopwright.gates.mapping import MAPPING
from loopwright.gates.memory import ADDRESSES, UNDEFINED, UNINITIALISED
from loopwright.gates.nvcc import NvccGate
from loopwright.gates.offloaded import OFFLOADED
from loopwright.gates.outputs import OutputsGate
from loopwright.gates.plan_trace import PLAN_TRACE
from loopwright.gates.races import RACES

GATES: tuple[Gate, ...] = (
    IntegrityGate(),
    BuildGate(),
    NvccGate(),
    HipccGate(),
    EMULATED,
    EMULATED_HIP,
    # Before the outputs: a wrong mapping shows as a wrong output, and says less that way.
    MAPPING,
    OutputsGate(),
    OFFLOADED,
    DeviceBuildGate(),
    GPU_MEMORY,
    GPU_RACES,
    ADDRESSES,
    UNDEFINED,
    UNINITIALISED,
    RACES,
    PLAN_TRACE,
)
