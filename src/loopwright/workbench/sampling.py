"""From builds to samples: what the clock of a run times, checked every time."""

from __future__ import annotations

from collections.abc import Callable

from loopwright.core.modes import FailureMode
from loopwright.core.task import Case
from loopwright.core.timing import Sample
from loopwright.core.verdict import Failure
from loopwright.gates.compare import first_mismatch
from loopwright.gates.gate import Context
from loopwright.harness.execute import RunOptions
from loopwright.harness.types import BuildResult
from loopwright.timing.compare import SampleFailed, Sampler

_GATE = "timing"
_INNER_TARGET_S = 0.2
_MOST_REPETITIONS = 25


def repetitions_for(seconds: float) -> int:
    """How often a kernel that takes `seconds` is called in one timed execution of its driver."""
    return max(1, min(_MOST_REPETITIONS, round(_INNER_TARGET_S / max(seconds, 1e-6))))


def sampler(context: Context, build: BuildResult, repetitions: Callable[[Case], int]) -> Sampler:
    """A sampler of `build` with all threads. A timed execution whose output is wrong is no sample.

    Raises (the sampler, when called):
        SampleFailed: with the failure of the execution.
    """
    cases = {case.name: case for case in context.task.cases}

    def sample(name: str) -> Sample:
        case = cases[name]
        kernel = context.task.kernel is not None
        options = RunOptions(
            repetitions=repetitions(case) if kernel else 1, warmup=1 if kernel else 0, quiet=True
        )
        run = context.cases.run(
            build, case, context.limits(case), threads=context.threads[-1], gate=_GATE, options=options
        )
        if run.failure is not None:
            raise SampleFailed(run.failure)
        mismatch = first_mismatch(context.task, context.expected(case), run.outputs)
        if mismatch is not None:
            raise SampleFailed(
                Failure(
                    FailureMode.NONDETERMINISTIC,
                    _GATE,
                    f"case {name}: a timed execution gave another output than the checked one: "
                    f"{mismatch.message}",
                )
            )
        assert run.sample is not None
        if not run.sample.wall_s > 0:
            raise SampleFailed(
                Failure(FailureMode.BELOW_FLOOR, _GATE, f"case {name}: no time at all passed in the kernel")
            )
        return run.sample

    return sample
