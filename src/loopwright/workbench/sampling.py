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
from loopwright.workbench.fresh_calls import ALWAYS, FreshCalls

_GATE = "timing"
_INNER_TARGET_S = 0.2
_MOST_REPETITIONS = 25


def repetitions_for(seconds: float) -> int:
    """How often a kernel that takes `seconds` is called in one timed execution of its driver."""
    return max(1, min(_MOST_REPETITIONS, round(_INNER_TARGET_S / max(seconds, 1e-6))))


def sampler(
    context: Context,
    build: BuildResult,
    repetitions: Callable[[Case], int],
    *,
    compared: int | None = ALWAYS,
) -> Sampler:
    """A sampler of `build` with all threads. A timed execution whose output is wrong is no sample. Kernels
    get inputs that they have not seen in every call (see :mod:`loopwright.workbench.fresh_calls`): that many
    executions are held against the original in any case, and more by chance; none with None, which is for
    the original itself.

    Raises (the sampler, when called):
        SampleFailed: with the failure of the execution.
    """
    cases = {case.name: case for case in context.task.cases}
    kernel = context.task.kernel is not None
    fresh_calls = None if compared is None else FreshCalls(context, _GATE, compared)

    def sample(name: str) -> Sample:
        case = cases[name]
        options = RunOptions(quiet=True)
        if kernel:
            options = RunOptions(repetitions=repetitions(case), warmup=1, quiet=True)
        run = context.cases.run(
            build, case, context.limits(case), threads=context.threads[-1], gate=_GATE, options=options
        )
        if run.failure is not None:
            raise SampleFailed(run.failure)
        if kernel:
            failure = None if fresh_calls is None else fresh_calls.check(case, run)
            if failure is not None:
                raise SampleFailed(failure)
        elif mismatch := first_mismatch(context.task, context.expected(case), run.outputs):
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
