"""What a program in the sandbox can see and do: no network, nothing of the user's, no lasting trace."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.system import sandbox as sandbox_module
from loopwright.system.bubblewrap import BubblewrapRunner, bubblewrap_problem
from loopwright.system.execution import Command, Ending, Execution, Limits, Runner
from loopwright.system.sandbox import choose_runner

Program = Callable[[str], Path]


def shell(runner: Runner, cwd: Path, text: str) -> Execution:
    return runner.run(Command(("sh", "-c", text), cwd), Limits(wall_s=20))


def test_the_host_cannot_be_reached_over_the_network(sandbox: Runner, cwd: Path, program: Program) -> None:
    exe = program("connects")
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = (str(exe), str(server.getsockname()[1]))
        inside = sandbox.run(Command(argv, cwd, readable=(exe.parent,)), Limits())
        outside = choose_runner("none").run(Command(argv, cwd), Limits())
    assert (inside.exit_code, outside.exit_code) == (1, 0)


def test_folders_of_people_are_not_there(sandbox: Runner, cwd: Path) -> None:
    home = Path("~").expanduser()
    listing = shell(sandbox, cwd, f"ls -d /root /home {home} /etc/passwd /etc/shadow /work /var /mnt")
    assert listing.stdout == b""


def test_the_neighbourhood_of_the_working_folder_is_not_there(sandbox: Runner, cwd: Path) -> None:
    (cwd.parent / "secret").write_text("expected output")
    execution = shell(sandbox, cwd, f"cat {cwd.parent}/secret; ls {cwd.parent}")
    assert execution.stdout == f"{cwd.name}\n".encode()


def test_processes_of_the_host_are_not_there(sandbox: Runner, cwd: Path) -> None:
    execution = shell(sandbox, cwd, "ls -d /proc/[0-9]*")
    assert len(execution.stdout.split()) <= 5
    assert shell(sandbox, cwd, f"kill -0 {os.getpid()}").exit_code != 0 or os.getpid() < 10


def test_a_readable_folder_cannot_be_written(sandbox: Runner, cwd: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "file").write_text("mine")
    command = Command(("sh", "-c", f"echo x > {shown}/file; echo x > {shown}/new"), cwd, readable=(shown,))
    execution = sandbox.run(command, Limits())
    assert execution.exit_code != 0
    assert [p.name for p in shown.iterdir()] == ["file"]
    assert (shown / "file").read_text() == "mine"


def test_the_system_cannot_be_written(sandbox: Runner, cwd: Path) -> None:
    for path in ("/usr/loopwright-test", "/dev/loopwright-test", "/sys/devices/system/x", "/proc/x"):
        assert shell(sandbox, cwd, f"echo x > {path}").exit_code != 0
        assert not Path(path).exists()


def test_writes_outside_succeed_vanish_and_are_told(sandbox: Runner, cwd: Path) -> None:
    here = f"{cwd.parent}/beside"
    text = (
        "set -e; echo x > /etc/loopwright-test; echo x > /loopwright-test; mkdir -p /home/someone/.ssh;"
        "echo x > /home/someone/.ssh/authorized_keys; ln -s /etc /var; mkdir /empty;"
        f"echo fine > /tmp/scratch; echo fine > inside; echo fine > /dev/shm/x; echo x > {here}"
    )
    execution = shell(sandbox, cwd, text)
    assert execution.ok, execution.stderr
    outside = {
        "/etc/loopwright-test", "/loopwright-test", "/home/someone/.ssh/authorized_keys", "/var", "/empty",
    }  # fmt: skip
    if cwd.is_relative_to("/tmp"):  # all of the sandbox's own /tmp is a scratch folder
        assert set(execution.wrote_outside) == outside
    else:
        assert set(execution.wrote_outside) == outside | {here}
    assert not any(Path(path).exists() for path in outside - {"/var"})
    assert not Path(here).exists()
    assert not Path("/tmp/scratch").exists()
    assert (cwd / "inside").exists()


def test_exchanging_a_system_link_is_told(sandbox: Runner, cwd: Path) -> None:
    if not Path("/bin").is_symlink():
        pytest.skip("/bin is a folder here")
    execution = shell(sandbox, cwd, "rm /bin && ln -s /tmp /bin")
    assert execution.wrote_outside == ("/bin",)


def test_a_program_that_writes_nowhere_is_told_of_nowhere(sandbox: Runner, cwd: Path) -> None:
    assert shell(sandbox, cwd, "ls -R /etc /opt > /dev/null").wrote_outside == ()


def test_no_trace_is_left_on_the_host(
    sandbox: Runner, cwd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("loopwright.system.bubblewrap.place_for", lambda most_bytes: temporary)
    assert shell(sandbox, cwd, "mkdir -p /tmp/a/b; chmod 0 /tmp/a; echo x > /x").wrote_outside == ("/x",)
    assert list(temporary.iterdir()) == []


def test_filling_the_temporary_folders_is_a_disk_limit(sandbox: Runner, cwd: Path) -> None:
    for folder in ("/tmp", "/dev/shm", "/var"):
        text = f"mkdir -p {folder}; for i in 1 2 3 4; do head -c 4000000 /dev/zero > {folder}/$i; done"
        execution = sandbox.run(Command(("sh", "-c", text), cwd), Limits(disk_bytes=10_000_000))
        assert execution.ending is Ending.DISK_LIMIT


def test_no_privileges_and_no_way_to_get_them(sandbox: Runner, cwd: Path, program: Program) -> None:
    status = shell(sandbox, cwd, "cat /proc/self/status").stdout.decode()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert fields["NoNewPrivs"] == "1"
    exe = program("breaks_out")
    execution = sandbox.run(Command((str(exe),), cwd, readable=(exe.parent,)), Limits(wall_s=20))
    assert execution.stdout == b"broken 0\n"


def test_a_compiler_works_in_it(sandbox: Runner, cwd: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    (cwd / "p.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); }\n')
    execution = shell(sandbox, cwd, "gcc -O2 -fopenmp p.c -o p && ./p")
    assert execution.stdout == b"hello\n", execution.stderr
    assert execution.wrote_outside == ()


def test_a_missing_readable_path_is_the_callers_mistake(sandbox: Runner, cwd: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sandbox.run(Command(("true",), cwd, readable=(cwd / "gone",)), Limits())


def test_choosing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_runner("none").name == "none"
    assert not choose_runner("none").isolates
    with pytest.raises(UsageError, match="chroot"):
        choose_runner("chroot")
    monkeypatch.setattr(sandbox_module, "bubblewrap_problem", lambda: "")
    assert choose_runner("auto").name == choose_runner("bubblewrap").name == "bubblewrap"
    assert choose_runner("auto").isolates


@pytest.mark.parametrize("name", ["auto", "bubblewrap"])
def test_a_missing_bubblewrap_never_means_no_isolation(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cwd: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bubblewrap_problem.cache_clear()
    try:
        with pytest.raises(ToolMissing, match="bwrap is not in PATH") as caught:
            choose_runner(name)
        assert "apt-get install bubblewrap" in caught.value.hint
        with pytest.raises(ToolMissing, match="bwrap is not in PATH"):
            BubblewrapRunner().run(Command(("true",), cwd), Limits())
    finally:
        bubblewrap_problem.cache_clear()


def test_a_bubblewrap_that_does_not_work_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cwd: Path
) -> None:
    """As in a container that forbids user namespaces; the message is what bwrap prints there."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    bubblewrap_problem.cache_clear()
    try:
        assert "No permissions to create new namespace" in bubblewrap_problem()
        with pytest.raises(ToolMissing, match="No permissions"):
            BubblewrapRunner().run(Command(("true",), cwd), Limits())
    finally:
        bubblewrap_problem.cache_clear()
