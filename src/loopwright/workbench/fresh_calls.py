"""Calls of a kernel with inputs that nobody knew before, held against the original on the same inputs.

While a kernel is timed each call gets other inputs, and the driver keeps the outputs of one call, drawn
after it. The original is then run on the inputs of that call. A kernel that answers from memory or skips
calls is found out with a probability that is the share of such calls; to move the median it takes half.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace

import numpy as np

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, Tolerance
from loopwright.core.verdict import Failure
from loopwright.gates.compare import AnyArray, compare, tolerance_of
from loopwright.gates.gate import Context
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import CaseRun

ALWAYS = 2
"""Executions of a build that are compared in any case, when nothing is known of it."""
_SHARE = 0.25
"""Of the time that is spent on sampling, what may be spent on comparing, beyond that."""
_WIDER = 100.0
_PIECE = 1 << 15


class FreshCalls:
    """Compares the first `always` of the timed executions of one build, and then some that are chosen by
    chance within a share of the time.
    """

    def __init__(self, context: Context, gate: str, always: int = ALWAYS) -> None:
        self._always = always
        self._context = context
        self._gate = gate
        self._compared = 0
        self._comparing_s = 0.0
        self._begun = time.monotonic()

    def check(self, case: Case, run: CaseRun) -> Failure | None:
        """The failure of a `run` with fresh inputs whose outputs are not those of the original; None when
        they are, or when it is not this one's turn.
        """
        begun = time.monotonic()
        allowed_s = _SHARE * (begun - self._begun)
        if self._compared >= self._always and (self._comparing_s > allowed_s or random.random() < 0.5):
            return None
        failure = self._compare(case, run)
        self._compared += 1
        self._comparing_s += time.monotonic() - begun
        return failure

    def _compare(self, case: Case, run: CaseRun) -> Failure | None:
        context = self._context
        variant = replace(context.variant, flags=context.task.build.flags)
        original = context.builder.build(context.task.tree, context.toolchain, variant)
        reference = context.cases.run(
            original, case, context.limits(case), threads=1, gate=self._gate,
            options=RunOptions(nonce=run.nonce),
        )  # fmt: skip
        if reference.failure is not None:
            return replace(
                reference.failure,
                message=f"the original on the inputs of a timed call: {reference.failure.message}",
            )
        for name, expected in reference.outputs.items():
            tolerance = _widened(tolerance_of(context.task, name), expected)
            if (mismatch := compare(name, expected, run.outputs[name], tolerance)) is not None:
                return Failure(
                    FailureMode.STALE_OUTPUT,
                    self._gate,
                    f"case {case.name}, timed call {run.call + 1}, whose inputs were drawn right before it: "
                    f"{mismatch.message}",
                    {"case": case.name, "call": str(run.call + 1), "output": name},
                )
        return None


def _widened(tolerance: Tolerance, expected: AnyArray) -> Tolerance:
    """`tolerance` in proportion to the size of the whole output instead of each element: new inputs now and
    then bring a sum that cancels nearly to zero, while the output of other inputs is far away everywhere.
    """
    if expected.dtype.kind != "f":
        return tolerance
    flat, squares, count = np.ravel(expected), 0.0, 0
    for at in range(0, flat.size, _PIECE):
        piece = flat[at : at + _PIECE].astype(np.float64)
        finite = piece[np.isfinite(piece)]
        squares += float(np.sum(np.square(finite)))
        count += finite.size
    if count == 0:
        return tolerance
    spacing = float(np.finfo(np.float32 if expected.dtype.itemsize == 4 else np.float64).eps)
    relative = max(tolerance.rtol, (tolerance.ulps or 0) * spacing)
    size = math.sqrt(squares / count)
    return replace(tolerance, atol=max(tolerance.atol, _WIDER * relative * size))
