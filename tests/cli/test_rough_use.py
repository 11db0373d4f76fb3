"""The command line where things are not as they should be: interruptions, folders that may not be written to,
odd terminals, pipes.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loopwright.agents.registry import find_agent, find_strategy
from loopwright.api import parse_target
from loopwright.core.errors import TaskError, UsageError
from loopwright.tasks.load import load_task
from loopwright.tasks.single import single_file_task
from loopwright.tasks.source_facts import has_main
from loopwright.workbench.session import Session
from loopwright.workbench.settings import ModelOptions, Settings

COMMAND = [sys.executable, "-c", "from loopwright.cli.main import main; main()"]
PROGRAM = (
    "int main(void)\n{\n    for (volatile long i = 0; i < 300000000; i++)\n        ;\n    return 0;\n}\n"
)


def hearing_interrupts() -> None:
    """For the child: what runs in the background of a shell ignores interrupts, and so do its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment}, timeout=300,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, measured_home: Path) -> None:
    (tmp_path / "slow.c").write_text(PROGRAM)
    home = tmp_path / "my home"
    home.mkdir()
    (home / "machine.json").write_bytes((measured_home / "machine.json").read_bytes())
    process = subprocess.Popen(
        [*COMMAND, "optimize", str(tmp_path / "slow.c"), "--home", str(home), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=hearing_interrupts,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if "running the original" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, rest = process.communicate(timeout=60)
    said += rest
    assert process.returncode == 130 and out == ""
    (folder,) = (home / "runs").iterdir()
    assert f"go on with: loopwright runs resume '{folder}'" in said and "Traceback" not in said
    listed = json.loads(run("runs", "list", "--home", home, "--json").stdout)
    assert [row["status"] for row in listed["runs"]] == ["unfinished"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_before_a_run_there_is_nothing_to_resume(smooth_task: Path, number: int) -> None:
    process = subprocess.Popen([*COMMAND, "check", str(smooth_task)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True,
                               preexec_fn=hearing_interrupts)  # fmt: skip
    assert process.stderr is not None
    process.stderr.readline()
    os.killpg(process.pid, number)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in rest and "resume" not in rest and "Traceback" not in rest


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_told(smooth_task: Path) -> None:
    (smooth_task / "loopwright.toml").unlink()
    smooth_task.chmod(0o555)
    done = run("init", smooth_task)
    assert done.returncode == 2 and "cannot be written" in done.stderr and "--print" in done.stderr


def test_a_task_file_that_is_a_folder_is_told(smooth_task: Path) -> None:
    (smooth_task / "loopwright.toml").unlink()
    (smooth_task / "loopwright.toml").mkdir()
    done = run("init", smooth_task, "--force")
    assert done.returncode == 2 and "loopwright.toml" in done.stderr


def test_a_program_that_wants_arguments_gets_them_named(tmp_path: Path, measured_home: Path) -> None:
    source = "#include <stdlib.h>\nint main(int argc, char **argv) { return atoi(argv[1]); }\n"
    (tmp_path / "wants.c").write_text(source)
    done = run("optimize", tmp_path / "wants.c", "--home", measured_home)
    assert done.returncode == 2
    assert "SIGSEGV" in done.stderr
    assert "it was given no arguments, no files, no standard input: optimize prog.c -- ARGS" in done.stderr


def test_fortran_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "p.f90").write_text("program p\nend program\n")
    done = run("optimize", tmp_path / "p.f90")
    assert done.returncode == 2 and "is Fortran ('.f90'), which is not read yet" in done.stderr


def test_of_several_programs_the_outermost_is_taken(tmp_path: Path) -> None:
    for path in ("a deep ü/prog.c", "prog.c"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(PROGRAM)
    assert 'sources = ["prog.c"]' in run("init", tmp_path, "--print").stdout


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"HOME": "/nonexistent"}])
def test_odd_environments_change_nothing_in_json(smooth_task: Path, environment: dict[str, str]) -> None:
    for command in (["analyze", smooth_task], ["runs", "list"]):
        done = run(*command, "--json", **environment)
        assert done.returncode == 0 and json.loads(done.stdout)["schema"] == 1
        assert "\x1b" not in done.stdout


def test_a_narrow_terminal_keeps_the_words(smooth_task: Path) -> None:
    main, other = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "analyze", str(smooth_task)], stdout=other, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "40", "TERM": "dumb"}, timeout=60, check=True,
    )  # fmt: skip
    os.close(other)
    shown = os.read(main, 65536).decode()
    os.close(main)
    assert re.search(r"3 \w+ +for \(int i = 1; i < n - 1; i\+\+\)", shown), done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen([*COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert b"Traceback" not in said and b"BrokenPipe" not in said


def test_help_is_written_in_whole_paragraphs() -> None:
    shown = run("optimize", "--help", COLUMNS="200").stdout
    assert "whose whole 95 % interval lies above 1), 'no-gain' or 'failed'." in shown
    assert "DIR|FILE" in shown and "-- ARGS" in shown


@pytest.mark.parametrize(
    ("agent", "meant"),
    [
        ("bultin", "'builtin'"),
        ("codx:gpt-5", "'codex:gpt-5'"),
        ("openai/gpt-5", "'model:openai/gpt-5'"),
        ("./improve.sh", "'cmd:./improve.sh'"),
    ],
)
def test_an_agent_that_was_nearly_named_is_named(agent: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {re.escape(meant)}"):
        find_agent(Settings(agent=agent))


def test_a_strategy_and_a_target_that_were_nearly_named_are_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'refine'"):
        find_strategy("rifine")
    with pytest.raises(UsageError, match="did you mean 'openmp'"):
        parse_target("openpm")


def test_options_that_only_a_model_reads_are_not_passed_over() -> None:
    with pytest.raises(UsageError, match="--base-url and --tier would do nothing") as caught:
        find_agent(Settings(model=ModelOptions("http://127.0.0.1:9/v1", tier="user")))
    assert "model:" in caught.value.hint


def test_what_is_no_text_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "wide.c").write_bytes("int main(void) { return 0; }".encode("utf-16"))
    with pytest.raises(TaskError, match="NUL bytes"):
        single_file_task(tmp_path / "wide.c")
    os.mkfifo(tmp_path / "pipe.c")
    with pytest.raises(TaskError, match="neither a file nor a folder"):
        load_task(tmp_path / "pipe.c")
    (tmp_path / "folder.c").mkdir()
    with pytest.raises(TaskError, match=r"no loopwright\.toml in this folder"):
        load_task(tmp_path / "folder.c")


@pytest.mark.parametrize(
    "head",
    ["int main(argc, argv)\nint argc;\nchar **argv, *env[];\n", "auto main() -> int ", "int main(void) try "],
)
def test_a_main_of_any_age_is_found(head: str) -> None:
    assert has_main(f"{head}{{ return 0; }}".encode())
    assert not has_main(b"int work(void) { return main(0); }")


def test_a_name_that_begins_with_a_dash_is_no_option(tmp_path: Path) -> None:
    (tmp_path / "-dash.c").write_text("#include <cblas.h>\nint main(void) { return 0; }\n")
    task = single_file_task(tmp_path / "-dash.c")
    assert task.build.libs == ("m", "openblas")
    (tmp_path / "-dash.c").write_text('#include <stdio.h>\nint main(void) { return puts("1") < 0; }\n')
    task = single_file_task(tmp_path / "-dash.c")
    with Session(task, Settings(toolchain="gcc"), lambda said: None, home=tmp_path) as session:
        context = session.context
        assert context.builder.build(task.tree, context.toolchain, context.variant).failure is None
