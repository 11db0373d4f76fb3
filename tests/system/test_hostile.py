"""Hostile programs: each ends with the right word, all of it is dead, and the next run works."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopwright.system.execution import Command, Ending, Execution, Limits, Runner
from loopwright.system.store import remove_tree

Program = Callable[[str], Path]

MB = 1 << 20


def attack(
    runner: Runner, exe: Path, cwd: Path, limits: Limits, *args: str, quiet: bool = False
) -> Execution:
    """Run it, check that nothing of it is left, and that the next run is fine."""
    command = Command((str(exe), *args), cwd, readable=(exe.parent,), quiet=quiet)
    execution = runner.run(command, limits)
    assert alive(exe) == []
    assert runner.run(Command(("true",), cwd), Limits()).ok
    return execution


def alive(exe: Path) -> list[int]:
    """Processes of this program that are not yet dead."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "exe").readlink() == exe:  # a zombie has none
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("quiet", [False, True], ids=["watched", "quiet"])
def test_a_fork_bomb(runner: Runner, cwd: Path, program: Program, quiet: bool) -> None:
    execution = attack(runner, program("fork_bomb"), cwd, Limits(wall_s=20, processes=64), quiet=quiet)
    assert execution.ending is Ending.PROCESS_LIMIT
    assert execution.exit_code is None


def test_too_many_threads(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("threads")
    limits = Limits(wall_s=20, processes=32)
    assert attack(runner, exe, cwd, limits, "100").ending is Ending.PROCESS_LIMIT
    assert attack(runner, exe, cwd, Limits(wall_s=0.5, processes=32), "20").ending is Ending.WALL_LIMIT


@pytest.mark.parametrize("quiet", [False, True], ids=["watched", "quiet"])
def test_taking_all_memory(runner: Runner, cwd: Path, program: Program, quiet: bool) -> None:
    limits = Limits(wall_s=30, memory_bytes=150 * MB)
    execution = attack(runner, program("memory_hog"), cwd, limits, quiet=quiet)
    assert execution.ending is Ending.MEMORY_LIMIT
    assert execution.peak_memory_bytes >= 100 * MB


def test_memory_is_added_up_over_the_tree(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("memory_sharers"), cwd, Limits(wall_s=30, memory_bytes=100 * MB))
    assert execution.ending is Ending.MEMORY_LIMIT
    assert execution.peak_memory_bytes < 60 * MB


def test_a_short_peak_that_no_look_saw_is_over_the_limit_still(
    runner: Runner, cwd: Path, program: Program
) -> None:
    limits = Limits(memory_bytes=50 * MB)
    assert attack(runner, program("touch_mb"), cwd, limits, "60", quiet=True).ending is Ending.MEMORY_LIMIT
    assert attack(runner, program("touch_mb"), cwd, limits, "40", quiet=True).ok


def test_address_space(runner: Runner, cwd: Path, program: Program) -> None:
    limits = Limits(address_space_bytes=50 * MB)
    assert attack(runner, program("touch_mb"), cwd, limits, "60").exit_code == 7  # malloc gave NULL
    assert attack(runner, program("touch_mb"), cwd, limits, "20").ok


def test_burning_processor_time(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("spin"), cwd, Limits(wall_s=30, cpu_s=0.3))
    assert execution.ending is Ending.CPU_LIMIT
    assert execution.user_s + execution.system_s >= 0.3


def test_processor_time_is_added_up_over_the_tree(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("spin_children")
    execution = attack(runner, exe, cwd, Limits(wall_s=30, cpu_s=0.5), "4", "10000")
    assert execution.ending is Ending.CPU_LIMIT
    assert execution.user_s + execution.system_s < 5


def test_running_for_ever(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("spin"), cwd, Limits(wall_s=0.3))
    assert execution.ending is Ending.WALL_LIMIT
    assert execution.exit_code is None
    assert 0 < execution.user_s <= execution.outer_s + 0.1


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_printing_for_ever(runner: Runner, cwd: Path, program: Program, stream: str) -> None:
    limits = Limits(wall_s=30, output_bytes=MB)
    number = {"stdout": "1", "stderr": "2"}[stream]
    execution = attack(runner, program("printer"), cwd, limits, number)
    assert execution.ending is Ending.OUTPUT_LIMIT
    kept, other = (execution.stdout, execution.stderr)[:: 1 if stream == "stdout" else -1]
    assert len(kept) == MB
    assert kept.startswith(b"abcdefghijklmnopqrstuvwxyz")
    assert other == b""
    assert getattr(execution, f"{stream}_truncated")


def test_output_up_to_the_limit_is_whole(runner: Runner, cwd: Path) -> None:
    command = Command(("head", "-c", "100000", "/dev/zero"), cwd)
    exact = runner.run(command, Limits(output_bytes=100_000))
    assert (exact.ok, len(exact.stdout), exact.stdout_truncated) == (True, 100_000, False)
    over = runner.run(command, Limits(output_bytes=99_999))
    assert (over.ending, len(over.stdout), over.stdout_truncated) == (Ending.OUTPUT_LIMIT, 99_999, True)


def test_many_small_files(runner: Runner, cwd: Path, program: Program) -> None:
    limits = Limits(wall_s=60, disk_bytes=MB)
    execution = attack(runner, program("small_files"), cwd, limits, str(cwd))
    assert execution.ending is Ending.DISK_LIMIT
    assert sum(1 for _ in cwd.iterdir()) > 100


def test_one_big_file(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("big_file")
    by_size = attack(runner, exe, cwd, Limits(wall_s=60, file_bytes=5 * MB), str(cwd / "a"))
    assert (by_size.ending, by_size.signal) == (Ending.DISK_LIMIT, signal.SIGXFSZ)
    assert (cwd / "a").stat().st_size == 5 * MB
    limits = Limits(wall_s=60, file_bytes=2048 * MB, disk_bytes=10 * MB)
    assert attack(runner, exe, cwd, limits, str(cwd / "b")).ending is Ending.DISK_LIMIT


def test_disk_written_in_an_instant_is_over_the_limit_still(runner: Runner, cwd: Path) -> None:
    command = Command(("sh", "-c", "head -c 3000000 /dev/zero > f"), cwd)
    assert runner.run(command, Limits(disk_bytes=2_000_000)).ending is Ending.DISK_LIMIT
    again = runner.run(Command(("true",), cwd), Limits(disk_bytes=2_000_000))
    assert again.ok  # what was there before does not count


def test_ignoring_every_signal_and_closing_the_output(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("closes_stdout"), cwd, Limits(wall_s=0.5))
    assert execution.ending is Ending.WALL_LIMIT
    assert execution.wall_s >= 0.4


def test_killing_the_parent(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("kills_parent"), cwd, Limits(wall_s=20))
    assert (execution.ending, execution.exit_code) == (Ending.EXITED, 5)
    assert execution.stdout == b"still here\n"
    assert execution.wall_s >= 0.05


def test_killing_the_watcher(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("kills_watcher"), cwd, Limits(wall_s=20))
    if runner.isolates:  # process 1 of a namespace cannot be killed from within
        assert execution.ok
        assert (cwd / "alive").exists()
    else:
        assert (execution.ending, execution.signal) == (Ending.SIGNALLED, signal.SIGKILL)
        assert "killed the process that watched it" in execution.message
        assert not (cwd / "alive").exists()


def test_stopping_the_watchers(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("stops_parent"), cwd, Limits(wall_s=0.5))
    assert execution.ending is Ending.WALL_LIMIT


def test_forging_the_report(sandbox: Runner, cwd: Path, program: Program) -> None:
    execution = attack(sandbox, program("forger"), cwd, Limits(wall_s=20))
    assert (execution.exit_code, execution.stdout) == (4, b"reached 0\n")
    assert execution.wall_s >= 0.1


def test_folders_deeper_than_python_can_walk(runner: Runner, cwd: Path, program: Program) -> None:
    execution = attack(runner, program("deep_folders"), cwd, Limits(wall_s=60), "1200")
    assert execution.ok
    remove_tree(cwd)
    assert not cwd.exists()


def test_deep_folders_outside_are_found_and_removed(sandbox: Runner, cwd: Path, program: Program) -> None:
    exe = program("deep_folders")
    command = Command(("sh", "-c", f"cd / && {exe} 1200"), cwd, readable=(exe.parent,))
    execution = sandbox.run(command, Limits(wall_s=60))
    assert execution.ok
    assert any(path.startswith("/d/d/d") for path in execution.wrote_outside)


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_everything_dies_with_a_supervisor_that_is_killed(
    kind: str, cwd: Path, program: Program, request: pytest.FixtureRequest
) -> None:
    if kind == "bubblewrap":
        request.getfixturevalue("sandbox")
    exe = program("closes_stdout")
    script = (
        "import sys; from pathlib import Path\n"
        "from loopwright.system.sandbox import choose_runner\n"
        "from loopwright.system.execution import Command, Limits\n"
        "kind, exe, cwd = sys.argv[1:]\n"
        "command = Command(('sh', '-c', f'setsid {exe} & {exe}'), Path(cwd), readable=(Path(exe).parent,))\n"
        "choose_runner(kind).run(command, Limits())\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script, kind, str(exe), str(cwd)])
    try:
        assert wait_for(lambda: len(alive(exe)) == 2)
    finally:
        supervisor.kill()
        supervisor.wait()
    assert wait_for(lambda: alive(exe) == [])


def wait_for(condition: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.01)
    return False
