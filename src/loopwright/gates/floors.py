"""Physics is a gate: the least time that work can take here, and times that cannot be.

Pure functions of numbers. A floor must never reject an honest program that is merely very fast, hence
every choice errs towards a floor that is too low: bytes count at the bandwidth of the first-level caches,
since data may have stayed there; operations at the peak of the narrowest floating-point type; both with all
cores of the machine, however many threads were asked for; and a tenth less than that (`SLACK`), because the
clocks of processors vary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from loopwright.core.expressions import evaluate_int
from loopwright.core.machine import Floors
from loopwright.core.modes import FailureMode
from loopwright.core.task import Case, FileFormat, Role, Task
from loopwright.core.timing import Floor, Sample
from loopwright.core.verdict import Failure

NAME = "floors"
SLACK = 0.1
"""How far below the measured ceilings' own time a result may lie."""

CPU_SLACK = 0.1
CPU_GRACE_S = 0.05
"""Accounting of processor time goes by ticks where a kernel was built so."""

HIDDEN_SHARE = 0.5
"""Of the time that the inner clock says was saved: more than this found again outside of it is a forgery."""
HIDDEN_GRACE_S = 0.02
_TEXT_BYTES = 2
"""A number in a text takes at least a digit and a separator."""


def floors_of(task: Task, case: Case, machine: Floors, output_sizes: Mapping[str, int]) -> tuple[Floor, ...]:
    """Every floor that is known for `case`, the highest certain one first; empty when nothing is known.

    Stated work is certain: every correct program has to do it. Without stated bytes every element of an
    output has to be written, which is certain too, and the inputs may have to be read, which is not: a search
    need not look at all of them.

    Args:
        task, case: what was run.
        machine: measured ceilings.
        output_sizes: elements of every output, by name, as the original gave them.
    """
    bytes_per_s = max(machine.cache_bytes_per_s.values(), default=0.0)
    flops_per_s = max(chain(machine.peak_flops_f32.values(), machine.peak_flops_f64.values()), default=0.0)
    found: list[Floor] = []
    stated_bytes, stated_flops = task.work.bytes_of(case), task.work.flops_of(case)
    if stated_bytes and bytes_per_s:
        found.append(_floor(stated_bytes / bytes_per_s, f"{stated_bytes:.3g} bytes stated"))
    if stated_flops and flops_per_s:
        found.append(_floor(stated_flops / flops_per_s, f"{stated_flops:.3g} flop stated"))
    if stated_bytes is None and bytes_per_s:
        written, read = _output_bytes(task, output_sizes), _input_bytes(task, case)
        if written:
            found.append(_floor(written / bytes_per_s, f"{written:.3g} bytes of outputs"))
        if read:
            basis = f"{written + read:.3g} bytes of inputs and outputs"
            found.append(_floor((written + read) / bytes_per_s, basis, certain=False))
    return tuple(sorted(found, key=lambda floor: (not floor.certain, -floor.seconds)))


def highest(floors: Sequence[Floor]) -> Floor | None:
    """The highest floor that is certain, None without one."""
    return next((floor for floor in floors if floor.certain), None)


def below_floor(case: str, wall_s: float, floor: Floor) -> Failure | None:
    """The failure when `wall_s` is less than `floor` allows."""
    if wall_s >= floor.seconds:
        return None
    message = (
        f"case {case}: {shown(wall_s)} is impossible on this machine: {floor.basis} take at least "
        f"{shown(floor.seconds)}; the work was not done, or not while the clock ran"
    )
    evidence = {"case": case, "wall_s": repr(wall_s), "floor_s": repr(floor.seconds), "basis": floor.basis}
    return Failure(FailureMode.BELOW_FLOOR, NAME, message, evidence)


def more_cpu_than_time(case: str, sample: Sample, cores: int) -> Failure | None:
    """The failure when more processor time was used than `cores` processors have in the time that passed.

    For a program the time that passed is the one that counts; for a kernel it is that of the whole process.
    """
    passed_s = sample.outer_s if sample.inner_s else sample.wall_s
    cpu_s = sample.user_s + sample.system_s
    if cpu_s <= passed_s * cores * (1 + CPU_SLACK) + CPU_GRACE_S:
        return None
    return _forged(
        case,
        f"{shown(cpu_s)} of processor time in {shown(passed_s)} on {cores} "
        f"processor{'s' if cores != 1 else ''}",
        {"cpu_s": repr(cpu_s), "wall_s": repr(passed_s), "cores": str(cores)},
    )


def hidden_time(case: str, samples: Sequence[Sample], beside: Sequence[Sample]) -> Failure | None:
    """The failure when time that a kernel's inner clock says was saved is found again outside of it.

    `samples` and `beside` are executions of the driver with equal repetitions, taken in turn. What a process
    takes beside its timed calls (filling the inputs, writing the outputs) is the same work for both. Where it
    grew by more than half of its own size and more than half of what was saved, the work was moved out of
    sight of the clock, or the clock was slowed. The least of each is taken: whatever else runs on the machine
    only adds to it.
    """
    own, other = _around_s(samples), _around_s(beside)
    if not own or not other:
        return None
    hidden_s = min(own) - min(other)
    saved_s = _inside_s(beside) - _inside_s(samples)
    if saved_s <= 0 or hidden_s <= max(HIDDEN_SHARE * saved_s, HIDDEN_SHARE * min(other) + HIDDEN_GRACE_S):
        return None
    return _forged(
        case,
        f"the calls claim to have saved {shown(saved_s)} of an execution, but {shown(hidden_s)} more "
        "passed around them",
        {"saved_s": repr(saved_s), "hidden_s": repr(hidden_s)},
    )


def _forged(case: str, what: str, evidence: Mapping[str, str]) -> Failure:
    message = f"case {case}: {what}: the time that counts is not the time that was taken"
    return Failure(FailureMode.FORGED_TIME, NAME, message, {"case": case, **evidence})


def _floor(seconds: float, basis: str, *, certain: bool = True) -> Floor:
    return Floor((1 - SLACK) * seconds, basis, certain)


def _around_s(samples: Sequence[Sample]) -> list[float]:
    """Seconds of each execution beside its timed calls."""
    return [sample.outer_s - sum(sample.inner_s) for sample in samples if sample.inner_s]


def _inside_s(samples: Sequence[Sample]) -> float:
    return min(sum(sample.inner_s) for sample in samples)


def _output_bytes(task: Task, sizes: Mapping[str, int]) -> int:
    """Bytes that have to be written: all elements of `out` arguments and of output files."""
    written = 0
    if task.kernel is not None:
        for argument in task.kernel.arguments:
            if argument.role is Role.OUT:
                written += argument.dtype.size_bytes * sizes.get(argument.name, 0)
    for file in task.output.files:
        each = _TEXT_BYTES if file.format is FileFormat.TEXT else file.dtype.size_bytes
        written += each * sizes.get(file.path, 0)
    return written


def _input_bytes(task: Task, case: Case) -> int:
    """Bytes of arrays and files that a program is given."""
    read = 0
    for argument in task.kernel.arguments if task.kernel else ():
        if argument.is_array and argument.role is not Role.OUT:
            count = 1
            for extent in argument.shape:
                count *= evaluate_int(extent, case.params)
            read += argument.dtype.size_bytes * count
    for path in (*case.files, *([case.stdin] if case.stdin else [])):
        read += len(task.tree[path])
    return read


def shown(seconds: float) -> str:
    """Seconds with a fitting unit, down to nanoseconds."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
