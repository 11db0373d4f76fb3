"""The launcher's report, whole, torn or absent, and the word that it leads to."""

from __future__ import annotations

import errno
import signal

import pytest

from loopwright.system.execution import Ending, Limits
from loopwright.system.outcome import Report, how_it_ended, parse_report

ENDED = (
    b"started 3\nended exit=-1 signal=11 wall_ns=1500000000 user_us=250000 system_us=1000 "
    b"peak_bytes=4096 left=2 limit=none\n"
)
FREE = Limits(wall_s=None, memory_bytes=None, processes=None)


def ending(
    report: Report, limits: Limits = FREE, reason: Ending | None = None, stderr: bytes = b""
) -> Ending:
    return how_it_ended(report, reason, limits, program="prog", stderr=stderr)[0]


def test_a_whole_report() -> None:
    assert parse_report(ENDED) == Report(
        pid=3,
        complete=True,
        signal=11,
        wall_s=1.5,
        user_s=0.25,
        system_s=0.001,
        peak_memory_bytes=4096,
        left_processes=2,
    )


def test_a_report_torn_anywhere_is_never_an_error() -> None:
    for cut in range(len(ENDED)):
        report = parse_report(ENDED[:cut])
        assert not report.complete
        assert report.pid == (3 if cut >= len(b"started 3\n") else None)


def test_the_limit_comes_before_the_signal_that_enforced_it() -> None:
    killed = Report(pid=3, complete=True, signal=signal.SIGKILL)
    assert ending(killed) is Ending.SIGNALLED
    assert ending(killed, reason=Ending.WALL_LIMIT) is Ending.WALL_LIMIT
    for word, expected in (
        ("cpu", Ending.CPU_LIMIT),
        ("memory", Ending.MEMORY_LIMIT),
        ("processes", Ending.PROCESS_LIMIT),
        ("stopped", Ending.SIGNALLED),
    ):
        report = Report(pid=3, complete=True, signal=signal.SIGKILL, limit=word)
        assert ending(report, Limits(cpu_s=1.0)) is expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (signal.SIGXFSZ, Ending.DISK_LIMIT),
        (signal.SIGXCPU, Ending.CPU_LIMIT),
        (signal.SIGSEGV, Ending.SIGNALLED),
        (40, Ending.SIGNALLED),  # a real-time signal without a name of its own
    ],
)
def test_signals_of_limits(number: int, expected: Ending) -> None:
    assert ending(Report(pid=3, complete=True, signal=number)) is expected


def test_what_the_kernel_accounted_for_is_held_against_the_limits() -> None:
    report = Report(pid=3, complete=True, exit_code=0, user_s=0.7, system_s=0.4, peak_memory_bytes=100)
    assert ending(report) is Ending.EXITED
    assert ending(report, Limits(cpu_s=1.0)) is Ending.CPU_LIMIT
    assert ending(report, Limits(memory_bytes=99)) is Ending.MEMORY_LIMIT
    assert ending(report, Limits(cpu_s=1.2, memory_bytes=100)) is Ending.EXITED


def test_not_started_says_why() -> None:
    failed = Report(pid=3, error=errno.EACCES)
    assert how_it_ended(failed, None, FREE, program="prog", stderr=b"") == (
        Ending.NOT_STARTED,
        "prog: Permission denied",
    )
    word, message = how_it_ended(Report(), None, FREE, program="prog", stderr=b"bwrap: no namespace\n")
    assert (word, message) == (Ending.NOT_STARTED, "the launcher did not start: bwrap: no namespace")


def test_limits_are_named_in_words() -> None:
    limits = Limits(wall_s=2.5, memory_bytes=4 << 30, output_bytes=1000)
    report = Report(pid=3, complete=True)

    def words(reason: Ending) -> str:
        return how_it_ended(report, reason, limits, program="prog", stderr=b"")[1]

    assert words(Ending.WALL_LIMIT) == "ran longer than 2.5 s"
    assert words(Ending.MEMORY_LIMIT) == "took more than 4 GiB of memory"
    assert words(Ending.OUTPUT_LIMIT) == "printed more than 1000 bytes"
    assert words(Ending.DISK_LIMIT) == "wrote more than 2 GiB, or 1 GiB in one file"
