"""The floors gate: samples of a candidate against what this machine can do, believed after a control."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loopwright.core.task import Build, Case, Output, StdoutMode, Task, Use, Work
from loopwright.core.timing import Comparison, Floor, Sample
from loopwright.core.tree import Tree
from loopwright.core.verdict import Failure, GateResult, GateStatus
from loopwright.gates import proofs
from loopwright.gates.floors import (
    NAME,
    below_floor,
    floors_of,
    hidden_time,
    highest,
    more_cpu_than_time,
    shown,
)
from loopwright.gates.gate import Context
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner, RunOptions
from loopwright.system.execution import Limits
from loopwright.toolchains.toolchain import NATIVE_FLAGS

Samples = Mapping[str, Sequence[Sample]]

_CONTROL = Path(__file__).with_name("controls") / "floors.c"
_CONTROL_S = 0.06
"""What the honest control takes at least; a process that does nothing takes a hundredth of it."""


class FloorsGate:
    """Judges times, so it runs where times are taken: in every trial, and in the timing at the end.

    It is no link of the chain in `registry.py`, whose gates come before the clock; its result joins the
    verdict.
    """

    name = NAME

    def available(self, context: Context) -> str:
        """Empty when the ceilings are measured and the control behaved: an honest program at full speed was
        let through, one that did nothing was not.
        """
        if context.floors is None:
            return "the machine's ceilings are not measured"
        what = f"{NAME} with {context.toolchain.name} {context.toolchain.version}"
        return proofs.proven(self._key(context), what, lambda: self._tried(context))

    def floors(self, context: Context, cases: Sequence[str]) -> dict[str, Floor]:
        """The highest certain floor of each case, as far as there is one."""
        found = {name: highest(self._of_case(context, _case(context, name))) for name in cases}
        return {name: floor for name, floor in found.items() if floor is not None}

    def judge(self, context: Context, samples: Samples, beside: Samples | None = None) -> GateResult:
        """Judge `samples` by case; `beside` are those of the version that was timed in turn with it."""
        started = time.monotonic()
        failure, doubts = self._judged(context, samples, beside or {})
        wall_s = time.monotonic() - started
        if failure is not None:
            return GateResult(self.name, GateStatus.FAIL, wall_s, failure)
        if doubts:
            return GateResult(self.name, GateStatus.NOT_AVAILABLE, wall_s, reason="; ".join(doubts))
        if reason := self.available(context):
            return GateResult(self.name, GateStatus.NOT_AVAILABLE, time.monotonic() - started, reason=reason)
        return GateResult(
            self.name, GateStatus.PASS, time.monotonic() - started, reason=self._words(context, samples)
        )

    def compared(self, context: Context, comparison: Comparison) -> tuple[Comparison, GateResult]:
        """`comparison` with its floors, and what is to be said of its side b."""
        samples = comparison.samples("b")
        result = self.judge(context, samples, comparison.samples("a"))
        return replace(comparison, floors=self.floors(context, list(samples))), result

    def _judged(
        self, context: Context, samples: Samples, beside: Samples
    ) -> tuple[Failure | None, list[str]]:
        doubts: list[str] = []
        for name, taken in samples.items():
            case = _case(context, name)
            other = beside.get(name, ())
            for sample in taken:
                if (forged := more_cpu_than_time(name, sample, context.cases.cores)) is not None:
                    return forged, []
            if (forged := hidden_time(name, taken, other)) is not None:
                return forged, []
            wall_s = statistics.median(sample.wall_s for sample in taken)
            known = [context.original_s(case)]
            if other:
                known.append(statistics.median(sample.wall_s for sample in other))
            originals_s = min((s for s in known if s is not None), default=None)
            for floor in self._of_case(context, case):
                failure = below_floor(name, wall_s, floor)
                if failure is None:
                    continue
                if originals_s is not None and originals_s < floor.seconds:
                    what = (
                        "[work] says too much" if "stated" in floor.basis else "it need not touch all of them"
                    )
                    doubts.append(
                        f"case {name}: the original itself is faster than {floor.basis} allow: {what}"
                    )
                elif not floor.certain:
                    doubts.append(
                        f"case {name}: faster than {floor.basis} could be touched; what has to be is for "
                        "[work] bytes to say"
                    )
                elif not self.available(context):
                    return failure, []
        return None, doubts

    def _words(self, context: Context, samples: Samples) -> str:
        """The floor of each case, for people."""
        known = self.floors(context, list(samples))
        told = [
            f"case {name}: no less than {shown(known[name].seconds)} ({known[name].basis})"
            if name in known
            else f"case {name}: no floor is known, only that the clocks agree; state [work] bytes or flops"
            for name in samples
        ]
        return "; ".join(told)

    def _of_case(self, context: Context, case: Case) -> tuple[Floor, ...]:
        if (ceilings := context.ceilings) is None:
            return ()
        sizes = {name: array.size for name, array in context.expected(case).items()}
        return floors_of(context.task, case, ceilings, sizes)

    def _key(self, context: Context) -> str:
        used = (
            _CONTROL.read_text(),
            context.toolchain.name,
            context.toolchain.version,
            context.floors,
            context.cases.cores,
            context.cases.runner.name,
        )
        return hashlib.sha256(repr(used).encode()).hexdigest()

    def _tried(self, context: Context) -> str:
        """ "" when the control behaved, else what went wrong."""
        machine = context.floors
        assert machine is not None
        rates = {
            "bytes": max(machine.cache_bytes_per_s.values(), default=0.0),
            "flops": max(machine.peak_flops_f32.values(), default=0.0),
        }
        amounts = {kind: round(rate * _CONTROL_S) for kind, rate in rates.items() if rate * _CONTROL_S >= 1}
        if not amounts:
            return "the machine's ceilings are not measured"
        for kind, amount in amounts.items():
            cases = tuple(
                Case(name, Use.TIME, (kind, str(done), str(context.cases.cores)), params={"amount": amount})
                for name, done in (("honest", amount), ("idle", 0))
            )
            task = Task(
                name=f"control-{NAME}",
                tree=Tree({_CONTROL.name: _CONTROL.read_bytes()}),
                editable=(),
                build=Build(sources=(_CONTROL.name,), libs=("pthread",)),
                cases=cases,
                output=Output(stdout=StdoutMode.IGNORE),
                work=Work(**{kind: "amount"}),
            )
            scratch = context.builder.scratch / "controls"
            builder = Builder(task, context.cases.runner, scratch)
            runs = CaseRunner(task, context.cases.runner, scratch, cores=context.cases.cores)
            variant = replace(context.variant, flags=NATIVE_FLAGS)
            build = builder.build(task.tree, context.toolchain, variant)
            if build.failure is not None:
                return f"its control does not build: {build.failure.message}"
            for case in cases:
                run = runs.run(build, case, Limits(), threads=1, gate=NAME, options=RunOptions(quiet=True))
                if run.sample is None:
                    return f"its control does not run: {run.failure.message if run.failure else ''}"
                floor = highest(floors_of(task, case, machine, {}))
                assert floor is not None
                caught = below_floor(case.name, run.sample.wall_s, floor) is not None
                if caught and case.name == "honest":
                    return (
                        f"an honest program was faster ({kind}) than this machine was measured to be; "
                        "measure again: rm .loopwright/machine.json"
                    )
                if not caught and case.name == "idle":
                    return f"its control was not caught: no {kind} in {run.sample.wall_s:.3f} s"
            builder.discard(task.tree, context.toolchain, variant)
        return ""


FLOORS = FloorsGate()


def _case(context: Context, name: str) -> Case:
    return next(case for case in context.task.cases if case.name == name)
