"""Ordinary commands: what goes in, what comes out, what it cost. Both runners."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from loopwright.system.direct import DirectRunner
from loopwright.system.execution import Command, Ending, Limits, Runner
from loopwright.system.machine import usable_cpus

Program = Callable[[str], Path]


def sh(text: str, cwd: Path, **rest: object) -> Command:
    return Command(("sh", "-c", text), cwd, **rest)  # type: ignore[arg-type]


def test_an_exit_status_and_both_outputs_come_back(runner: Runner, cwd: Path) -> None:
    execution = runner.run(sh("echo out; echo err >&2; exit 3", cwd), Limits())
    assert (execution.ending, execution.exit_code, execution.signal) == (Ending.EXITED, 3, None)
    assert (execution.stdout, execution.stderr) == (b"out\n", b"err\n")
    assert not execution.ok
    assert runner.run(sh("exit 0", cwd), Limits()).ok


def test_a_signal_comes_back(runner: Runner, cwd: Path) -> None:
    execution = runner.run(sh("kill -SEGV $$", cwd), Limits())
    assert (execution.ending, execution.exit_code, execution.signal) == (Ending.SIGNALLED, None, 11)


def test_a_program_that_does_not_exist_is_a_value(runner: Runner, cwd: Path) -> None:
    execution = runner.run(Command(("no-such-program",), cwd), Limits())
    assert execution.ending is Ending.NOT_STARTED
    assert "no-such-program: No such file" in execution.message


def test_a_file_that_is_no_program_is_a_value(runner: Runner, cwd: Path) -> None:
    (cwd / "text").write_text("\0not a program")
    (cwd / "text").chmod(0o755)
    execution = runner.run(Command((str(cwd / "text"),), cwd), Limits())
    assert execution.ending is Ending.NOT_STARTED
    assert "Exec format error" in execution.message


def test_a_missing_working_folder_is_the_callers_mistake(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        runner.run(Command(("true",), tmp_path / "gone"), Limits())


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", bytes(range(256)) * 4096], ids=["empty", "line", "1 MB"]
)
def test_standard_input_is_passed(runner: Runner, cwd: Path, content: bytes) -> None:
    assert runner.run(Command(("cat",), cwd, stdin=content), Limits()).stdout == content


def test_no_standard_input_is_an_empty_one(runner: Runner, cwd: Path) -> None:
    assert runner.run(Command(("cat",), cwd), Limits(wall_s=10)).ok


def test_the_environment_is_the_given_one(runner: Runner, cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "of the caller")
    execution = runner.run(Command(("env",), cwd, env={"OMP_NUM_THREADS": "3", "PATH": "/usr/bin"}), Limits())
    lines = set(execution.stdout.decode().splitlines())
    assert lines == {"OMP_NUM_THREADS=3", "PATH=/usr/bin", "HOME=/tmp", "LANG=C.UTF-8", "TMPDIR=/tmp"}


def test_a_preloaded_library_does_not_reach_the_launcher(runner: Runner, cwd: Path) -> None:
    """The variable is the program's alone: the loader complains once, not for bwrap and launcher too."""
    execution = runner.run(Command(("true",), cwd, env={"LD_PRELOAD": "/no/such/library.so"}), Limits())
    assert execution.ok
    assert execution.stderr.count(b"/no/such/library.so") == 1


def test_no_descriptor_beyond_the_three_is_inherited(runner: Runner, cwd: Path) -> None:
    with Path("/dev/null").open("rb") as mine:
        os.set_inheritable(mine.fileno(), True)
        execution = runner.run(sh("ls /proc/self/fd", cwd), Limits())
    assert execution.stdout.split() == [b"0", b"1", b"2", b"3"]  # 3 is the folder that ls reads


def test_what_is_written_in_the_working_folder_stays(runner: Runner, cwd: Path) -> None:
    execution = runner.run(sh("umask 077; mkdir sub; echo data > sub/out", cwd), Limits())
    assert execution.ok
    assert execution.wrote_outside == ()
    assert (cwd / "sub" / "out").read_text() == "data\n"


def test_readable_and_writable_folders_have_the_same_names(runner: Runner, cwd: Path, tmp_path: Path) -> None:
    shown, kept = tmp_path / "shown", tmp_path / "kept"
    shown.mkdir()
    kept.mkdir()
    (shown / "input").write_text("input")
    command = sh(f"cat {shown}/input > {kept}/copy", cwd, readable=(shown,), writable=(kept,))
    execution = runner.run(command, Limits())
    assert execution.ok, execution.stderr
    assert execution.wrote_outside == ()
    assert (kept / "copy").read_text() == "input"


def test_a_working_folder_behind_a_symbolic_link(runner: Runner, cwd: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(cwd)
    execution = runner.run(sh(f"echo 1 > {cwd}/a; echo 2 > {link}/b; pwd", link), Limits())
    assert execution.ok, execution.stderr
    assert sorted(p.name for p in cwd.iterdir()) == ["a", "b"]


def test_processors_can_be_chosen(runner: Runner, cwd: Path) -> None:
    one = usable_cpus()[-1]
    execution = runner.run(sh("grep Cpus_allowed_list /proc/self/status", cwd, cpus=(one,)), Limits())
    assert execution.stdout.split()[-1] == str(one).encode()


def test_processors_that_do_not_exist_are_not_silently_others(runner: Runner, cwd: Path) -> None:
    execution = runner.run(Command(("true",), cwd, cpus=(9999,)), Limits())
    assert execution.ending is Ending.NOT_STARTED


def test_a_wrapper_stands_before_the_program(runner: Runner, cwd: Path) -> None:
    command = Command(("sh", "-c", "echo program"), cwd, wrap=("env", "--", "nice", "-n", "5"))
    execution = runner.run(command, Limits())
    assert execution.stdout == b"program\n"
    nice = runner.run(Command(("nice",), cwd, wrap=command.wrap), Limits())
    assert int(nice.stdout) == os.nice(0) + 5


def test_the_time_that_a_wrapper_takes_is_not_the_programs(runner: Runner, cwd: Path) -> None:
    slow = ("sh", "-c", 'sleep 1; "$@"; sleep 1', "sh")
    execution = runner.run(Command(("echo", "x"), cwd, wrap=slow), Limits(wall_s=0.9))
    assert execution.ok
    assert execution.wall_s < 1.0 < 2.0 <= execution.outer_s
    assert runner.run(Command(("sleep", "9"), cwd, wrap=slow), Limits(wall_s=0.3)).ending is Ending.WALL_LIMIT


def test_a_wrapper_that_does_not_exist_is_the_callers_mistake(runner: Runner, cwd: Path) -> None:
    with pytest.raises(FileNotFoundError):
        runner.run(Command(("true",), cwd, wrap=("no-such-profiler",)), Limits())


def test_processor_time_is_that_of_all_processes(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("spin_children")
    execution = runner.run(Command((str(exe), "3", "200"), cwd, readable=(exe.parent,)), Limits())
    assert execution.ok
    assert 0.6 <= execution.user_s + execution.system_s < 1.5
    assert execution.wall_s <= execution.outer_s


def test_processor_time_of_a_detached_child_counts(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("daemon_burner")
    execution = runner.run(Command((str(exe),), cwd, readable=(exe.parent,)), Limits())
    assert execution.ok
    assert execution.left_processes == 0
    assert execution.user_s + execution.system_s >= 0.3


def test_wall_time_is_that_of_the_program(runner: Runner, cwd: Path) -> None:
    execution = runner.run(Command(("sleep", "0.2"), cwd), Limits())
    assert 0.2 <= execution.wall_s <= execution.outer_s
    assert execution.user_s + execution.system_s < 0.2


def test_peak_memory_is_that_of_the_largest_process(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("touch_mb")
    small, large = (
        runner.run(Command((str(exe), str(n)), cwd, readable=(exe.parent,)), Limits()).peak_memory_bytes
        for n in (1, 100)
    )
    assert 0 < small < 20 << 20  # that of Python, from which it was started, would be more
    assert 100 << 20 <= large < 110 << 20
    assert 95 << 20 <= large - small <= 101 << 20


def test_a_daemon_is_counted_and_killed(runner: Runner, cwd: Path, program: Program) -> None:
    exe = program("daemon")
    execution = runner.run(Command((str(exe),), cwd, readable=(exe.parent,)), Limits())
    assert execution.ending is Ending.EXITED
    assert execution.left_processes == 1
    assert not any(_runs(exe) for _ in range(3))


def test_runs_in_threads_do_not_disturb_each_other(runner: Runner, cwd: Path) -> None:
    results: dict[int, bytes] = {}

    def work(number: int) -> None:
        for _ in range(3):
            results[number] = runner.run(sh(f"sleep 0.0{number}; echo {number}", cwd), Limits()).stdout

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: f"{n}\n".encode() for n in range(6)}


def test_no_descriptor_is_leaked(runner: Runner, cwd: Path) -> None:
    runner.run(Command(("true",), cwd), Limits())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        runner.run(Command(("true",), cwd, stdin=b"x"), Limits(wall_s=5))
        runner.run(Command(("no-such-program",), cwd), Limits())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_no_compiler_is_a_missing_tool(cwd: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from loopwright.core.errors import ToolMissing
    from loopwright.system.compiled import launcher

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    launcher.cache_clear()
    try:
        with pytest.raises(ToolMissing, match="no C compiler"):
            DirectRunner().run(Command(("true",), cwd), Limits())
    finally:
        launcher.cache_clear()


def test_starters_at_the_same_time_compile_one_whole_launcher(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from loopwright.system.compiled import launcher

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    launcher.cache_clear()
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(launcher.__wrapped__())) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        launcher.cache_clear()
    assert len(set(paths)) == 1
    assert [p.name for p in (tmp_path / "loopwright").iterdir()] == [paths[0].name]


def _runs(exe: Path) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "exe").readlink() == exe:
                return True
        except OSError:
            continue
    return False
