"""Floors as arithmetic: what is impossible is refused, what is merely fast is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.core.machine import Floors
from loopwright.core.modes import FailureMode
from loopwright.core.task import (
    Argument,
    Build,
    Case,
    Dtype,
    FileFormat,
    Init,
    Kernel,
    Output,
    OutputFile,
    Role,
    Task,
    Use,
    Work,
)
from loopwright.core.timing import Sample
from loopwright.core.tree import Tree
from loopwright.gates.floors import (
    SLACK,
    below_floor,
    floors_of,
    hidden_time,
    highest,
    more_cpu_than_time,
)

MACHINE = Floors(
    triad_bytes_per_s={1: 1e10, 2: 2e10},
    peak_flops_f64={1: 1e11, 2: 2e11},
    peak_flops_f32={1: 2e11, 2: 4e11},
    cache_bytes_per_s={1: 1e11, 2: 2e11},
)
FULL = Case("full", Use.TIME, params={"n": 1000})


NOTHING = Work()
NO_FILES = Output()


def program(work: Work = NOTHING, output: Output = NO_FILES, *cases: Case) -> Task:
    tree = Tree({"a.c": b"int main;", "in.bin": bytes(4096)})
    return Task("t", tree, ("a.c",), Build(("a.c",)), cases or (FULL,), output, work=work)


def kernel(work: Work = NOTHING) -> Task:
    arguments = (
        Argument("n", Role.IN, Dtype.I32, value="n"),
        Argument("x", Role.IN, Dtype.F64, ("n", "n"), init=Init()),
        Argument("y", Role.OUT, Dtype.F32, ("n",)),
        Argument("z", Role.INOUT, Dtype.F64, ("n",)),
    )
    return replace(program(work), kernel=Kernel("f", "void f()", arguments))


def test_the_higher_of_stated_bytes_and_operations_counts() -> None:
    both = floors_of(program(Work("8 * n", "400 * n * n")), FULL, MACHINE, {})
    assert [floor.basis for floor in both] == ["4e+08 flop stated", "8e+03 bytes stated"]
    # All cores, the narrowest type, the first-level cache: nothing can be faster than that.
    assert both[0].seconds == pytest.approx((1 - SLACK) * 4e8 / 4e11)
    assert both[1].seconds == pytest.approx((1 - SLACK) * 8e3 / 2e11)
    assert highest(both) == both[0]


def test_without_a_statement_outputs_are_certain_and_inputs_are_not() -> None:
    found = floors_of(kernel(), FULL, MACHINE, {"y": 1000, "z": 1000})
    assert [(floor.certain, floor.basis) for floor in found] == [
        (True, "4e+03 bytes of outputs"),
        # x and z, which the kernel is given, and y.
        (False, "8.01e+06 bytes of inputs and outputs"),
    ]
    stated = floors_of(kernel(Work(bytes="8 * n")), FULL, MACHINE, {"y": 1000, "z": 1000})
    assert [floor.basis for floor in stated] == ["8e+03 bytes stated"]


def test_files_of_a_program_are_inputs_and_outputs() -> None:
    files = (OutputFile("x.bin", Dtype.F64), OutputFile("x.txt", Dtype.F64, FileFormat.TEXT))
    case = Case("full", Use.TIME, stdin="in.bin")
    found = floors_of(program(Work(), Output(files=files), case), case, MACHINE, {"x.bin": 100, "x.txt": 100})
    assert [floor.basis for floor in found] == [
        "1e+03 bytes of outputs",
        "5.1e+03 bytes of inputs and outputs",
    ]


def test_nothing_known_is_no_floor() -> None:
    assert floors_of(program(), FULL, MACHINE, {"stdout": 5}) == ()
    assert floors_of(program(Work("0 * n", "0")), FULL, MACHINE, {}) == ()
    unmeasured = Floors({}, {}, {})
    assert floors_of(program(Work("n", "n")), FULL, unmeasured, {}) == ()


@given(amount=st.floats(1, 1e15), rate=st.floats(1e6, 1e15), slower=st.floats(1, 1e6), kind=st.booleans())
def test_work_done_at_the_measured_rate_or_slower_is_never_refused(
    amount: float, rate: float, slower: float, kind: bool
) -> None:
    """The measured ceiling is what an honest program can reach: the floor lies below it."""
    machine = Floors({1: rate}, {1: rate}, {1: rate}, cache_bytes_per_s={1: rate})
    work = Work(bytes=repr(amount)) if kind else Work(flops=repr(amount))
    floor = highest(floors_of(program(work), FULL, machine, {}))
    assert floor is not None
    honest_s = amount / rate * slower
    assert below_floor("full", honest_s, floor) is None
    assert below_floor("full", amount / rate * (1 - SLACK) * 0.999, floor) is not None


def test_the_message_says_what_is_impossible_and_why() -> None:
    floor = highest(floors_of(program(Work(flops="4e8")), FULL, MACHINE, {}))
    assert floor is not None
    failure = below_floor("full", 2e-6, floor)
    assert failure is not None
    assert failure.mode is FailureMode.BELOW_FLOOR
    assert "2 µs is impossible" in failure.message and "at least 900 µs" in failure.message


def execution(inner_s: float, around_s: float, repetitions: int = 4) -> Sample:
    return Sample(inner_s, outer_s=around_s + repetitions * inner_s, inner_s=(inner_s,) * repetitions)


def around(*, inner_s: float, around_s: float) -> list[Sample]:
    """Eight executions whose time around the calls varies by a tenth."""
    return [execution(inner_s, around_s * (1 + 0.1 * (k % 3 - 1))) for k in range(8)]


def test_time_that_only_moved_is_found() -> None:
    original = around(inner_s=0.1, around_s=0.05)
    slowed_clock = around(inner_s=0.01, around_s=0.05 + 4 * 0.09)
    failure = hidden_time("full", slowed_clock, original)
    assert failure is not None and failure.mode is FailureMode.FORGED_TIME
    in_the_constructor = around(inner_s=0.001, around_s=0.05 + 0.35)
    assert hidden_time("full", in_the_constructor, original) is not None


@pytest.mark.parametrize(
    ("inner_s", "around_s"),
    [
        (0.01, 0.05),  # ten times faster, nothing else changed
        (0.1, 0.05),  # as fast as before
        (0.2, 0.30),  # slower, on a machine that got busy
        (0.05, 0.065),  # threads are started, caches are cold afterwards
        (0.099, 0.074),  # saved next to nothing, and what is around it grew by half of itself
    ],
)
def test_honest_executions_hide_nothing(inner_s: float, around_s: float) -> None:
    original = around(inner_s=0.1, around_s=0.05)
    assert hidden_time("full", around(inner_s=inner_s, around_s=around_s), original) is None


def test_one_slow_execution_is_no_forgery_and_programs_have_no_inner_clock() -> None:
    original = around(inner_s=0.1, around_s=0.05)
    disturbed = [execution(0.01, 0.9), *around(inner_s=0.01, around_s=0.05)]
    assert hidden_time("full", disturbed, original) is None
    plain = [Sample(0.1, outer_s=0.5)] * 8
    assert hidden_time("full", plain, plain) is None
    assert hidden_time("full", around(inner_s=0.01, around_s=0.5), []) is None


@pytest.mark.parametrize(
    ("sample", "cores", "forged"),
    [
        (Sample(1.0, user_s=1.9, outer_s=1.1), 2, False),
        (Sample(1.0, user_s=2.1, system_s=0.1, outer_s=1.1), 2, False),  # ticks and slack
        (Sample(1.0, user_s=2.5, outer_s=1.1), 2, True),
        (Sample(0.001, user_s=0.9, outer_s=1.0), 2, True),
        (Sample(0.001, user_s=0.9, outer_s=1.0), 1024, False),
        (Sample(0.001, user_s=0.04, outer_s=0.1), 2, False),  # a tick more than there was time
        # A kernel is called for 1 ms in a process of a second: what is around it is not hidden.
        (Sample(0.001, user_s=1.8, outer_s=1.0, inner_s=(0.001,)), 2, False),
        (Sample(0.001, user_s=2.8, outer_s=1.0, inner_s=(0.001,)), 2, True),
    ],
)
def test_processors_have_no_more_time_than_passed(sample: Sample, cores: int, forged: bool) -> None:
    failure = more_cpu_than_time("full", sample, cores)
    assert (failure is not None) is forged
    if failure is not None:
        assert failure.mode is FailureMode.FORGED_TIME
