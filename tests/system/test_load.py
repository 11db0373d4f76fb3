"""What others take of the processors: the kernel's accounting, and never our own work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopwright.system import load
from loopwright.system.load import OthersMeter, Reading, between, busy_ticks, disturbs, others_now

# /proc/stat of Linux 6.18 on two processors, and of a 2.6.18 kernel that has no steal column.
STAT = """\
cpu  822556 80 207574 1607123 3307 0 1283 2207 5 0
cpu0 404502 47 99678 815191 1074 0 181 1079 5 0
cpu1 418053 33 107895 791931 2233 0 1102 1128 0 0
intr 1234 5 6
ctxt 987
"""
OLD = "cpu  30 2 10 500\ncpu0 10 1 4 250\ncpu1 20 1 6 250\n"


def test_ticks_of_our_processors_alone() -> None:
    zero, one = 404502 + 47 + 99678 + 181 + 1079, 418053 + 33 + 107895 + 1102 + 1128
    assert busy_ticks(STAT, {0}) == zero
    assert busy_ticks(STAT, {1}) == one
    assert busy_ticks(STAT, {0, 1}) == zero + one
    assert busy_ticks(STAT, {7}) == 0
    assert busy_ticks(OLD, {0, 1}) == 15 + 27
    assert busy_ticks("", {0}) == 0


@pytest.mark.parametrize(
    ("all_s", "own_s", "elapsed_s", "others"),
    [(2.0, 0.0, 1.0, 2.0), (2.0, 1.5, 1.0, 0.5), (1.0, 1.0, 1.0, 0.0), (1.0, 1.1, 1.0, 0.0),
     (3.0, 1.0, 4.0, 0.5), (1.0, 0.0, 0.0, 0.0)],
)  # fmt: skip
def test_others_are_what_is_left_of_all(all_s: float, own_s: float, elapsed_s: float, others: float) -> None:
    first = Reading(100.0, 50.0, 7.0)
    assert between(first, Reading(100.0 + all_s, 50.0 + own_s, 7.0 + elapsed_s)) == pytest.approx(others)


@pytest.mark.parametrize(
    ("cpus", "cores", "others", "disturbed"),
    [
        (2, 2, 0.05, False),
        (2, 2, 0.5, True),
        (64, 64, 5.0, False),
        (64, 64, 12.0, True),
        # A quota of four on a machine of 64: the rest is for others.
        (64, 4, 50.0, False),
        (64, 4, 63.0, True),
    ],
)
def test_what_disturbs_depends_on_what_is_left(
    monkeypatch: pytest.MonkeyPatch, cpus: int, cores: int, others: float, disturbed: bool
) -> None:
    monkeypatch.setattr(load, "usable_cpus", lambda: tuple(range(cpus)))
    monkeypatch.setattr(load, "usable_cores", lambda: cores)
    assert disturbs(others) is disturbed


def test_another_process_is_seen() -> None:
    spin = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        before_s, meter, begun = _cpu_s(spin.pid), OthersMeter(), time.monotonic()
        time.sleep(0.6)
        seen = meter.processors()
        # On a loaded machine it gets less than a processor: what it got must be in what is seen.
        got = (_cpu_s(spin.pid) - before_s) / (time.monotonic() - begun)
    finally:
        spin.kill()
        spin.wait()
    assert got > 0 and seen >= 0.8 * got - 0.05


def test_our_own_work_and_that_of_our_children_is_not_counted() -> None:
    first = load._read()
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    code = "import time; e = time.process_time() + 0.3\nwhile time.process_time() < e: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    last = load._read()
    own_s = last.own_s - first.own_s
    assert own_s >= 0.3, "the child's time alone"
    left_s = (last.all_s - first.all_s) - own_s
    assert between(first, last) == pytest.approx(max(0.0, left_s / (last.at_s - first.at_s)))


def test_a_glance_is_quick_and_within_bounds() -> None:
    assert 0 <= others_now() <= len(os.sched_getaffinity(0)) + 0.2


def test_without_proc_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", gone)
    assert OthersMeter().processors() == 0


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
