"""The gates, in the order in which they run. A further gate is one more line here."""

from __future__ import annotations

from loopwright.gates.build import BuildGate
from loopwright.gates.gate import Gate
from loopwright.gates.integrity import IntegrityGate
from loopwright.gates.outputs import OutputsGate

GATES: tuple[Gate, ...] = (IntegrityGate(), BuildGate(), OutputsGate())
