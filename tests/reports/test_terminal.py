"""What people read on a terminal and in logs: every kind of result, harmless markup, unbroken paths."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import (
    MACHINE,
    NO_CLANG,
    PASSED,
    PROFILE,
    SPEEDUP,
    STORIES,
    TASK,
    Story,
    comparison,
    failed,
    improved,
)

from loopwright.agents.answers import check_answer, time_answer
from loopwright.core.modes import FailureMode
from loopwright.core.run import Evaluation, RunResult, Spending
from loopwright.core.timing import Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import Verdict
from loopwright.gates.nulls import NullResult
from loopwright.reports import progress as showing
from loopwright.reports.audit import audit_answer, print_audit
from loopwright.reports.loops import print_loops
from loopwright.reports.progress import evaluation_line, line_of
from loopwright.reports.terminal import (
    print_check,
    print_doctor,
    print_evaluations,
    print_profile,
    print_result,
    print_runs,
    print_time,
)
from loopwright.toolchains.toolchain import Tool
from loopwright.workbench.audit import Audit, Determinism
from loopwright.workbench.journal import Event, read_journal
from loopwright.workbench.loops import loops_of
from loopwright.workbench.records import from_data, to_data
from loopwright.workbench.summary import evaluations, summary

MARKUP = "[red]not red[/red] [/] [link=http://x]"


def result_of(story: Story, home: Path) -> RunResult:
    story.write(home)
    assert story.result is not None
    return story.result


def test_an_improvement_is_told_from_result_to_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(improved(), tmp_path)
    print_result(result)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == "scale: improved 1.90x (95 % interval 1.85 to 1.95, 12 rounds)"
    for line in (
        "verified   verified except: races (no clang with Archer: apt-get install clang-19)",
        "time       205 ms -> 105 ms (-O3 -march=native)",
        "held-out   1.80x (95 % interval 1.70 to 1.90, 9 rounds) at sizes the run did not see",
        "original   250 ms with the task's own flags, 210 ms with the compiler's own parallelisation",
        "search     3 evaluations in 33 s; rejected: 1 build_error",
        f"patch      {result.directory}/best.patch",
    ):
        assert line in lines
    assert lines[-1] == f"Apply it:  loopwright apply {result.directory}"


@pytest.mark.parametrize(
    ("name", "words"), [("no-gain", "no-gain"), ("failed", "failed"), ("dropped", "no-gain")]
)
def test_without_an_improvement_the_reason_is_told(
    name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(STORIES[name](), tmp_path)
    print_result(result)
    out = capsys.readouterr().out
    assert f"scale: {words}" in out and f"reason     {result.reason}" in out
    assert "Apply it" not in out and "best.patch" not in out


def test_what_models_used_is_told_and_old_results_do_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(improved(), tmp_path)
    old = to_data(result)
    del old["spending"]
    assert from_data(RunResult, old).spending is None
    used = Spending(3, 1200, 90, 200, cost_usd=0.0123)
    asked = from_data(RunResult, to_data(replace(result, spending=used)))
    assert asked.spending == used and to_data(asked)["spending"]["cost_usd"] == 0.0123
    print_result(asked)
    words = "model      3 calls, 1200 tokens in (200 from caches) and 90 out, 0.0123 US dollars"
    assert words in capsys.readouterr().out
    print_result(result)
    assert "model      " not in capsys.readouterr().out


def test_a_note_of_several_lines_stays_a_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = STORIES["no-gain"]()
    assert story.result is not None
    story.result = replace(
        story.result, warnings=("say what sizes there are, as in\n[[held-out]]\nargs = [1]",)
    )
    print_result(result_of(story, tmp_path))
    out = capsys.readouterr().out
    assert (
        "  note       say what sizes there are, as in\n             [[held-out]]\n             args = [1]\n"
        in out
    )


def test_a_folder_with_spaces_is_quoted_where_it_is_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(improved(), tmp_path / "my runs")
    print_result(result)
    assert f"loopwright apply '{result.directory}'" in capsys.readouterr().out


def test_markup_in_titles_and_messages_is_printed_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = improved()
    assert story.result is not None and story.result.best is not None
    best = replace(story.result.best, title=MARKUP, verified=MARKUP)
    baseline = replace(story.result.baseline, rejected={"auto_parallel": MARKUP})
    result = replace(
        story.result, task=MARKUP, best=best, baseline=baseline, warnings=(MARKUP,), directory=MARKUP
    )
    print_result(result)
    print_check(check_answer(failed(FailureMode.CRASH, MARKUP, errors=f"a: {MARKUP}", stderr=f"b: {MARKUP}")))
    print_time(time_answer(replace(comparison(), a=MARKUP, b=MARKUP)))
    print_doctor([Tool(MARKUP, MARKUP, False, install=MARKUP, notes=(MARKUP,))], MACHINE.machine)
    print_runs([_row(task=MARKUP, agent=MARKUP, run=MARKUP)], tmp_path)
    source = f"int x; // {MARKUP}\n".encode() * 6
    print_profile(PROFILE, Tree({"scale.c": source}))
    out = capsys.readouterr().out
    assert out.count(MARKUP) >= 22
    assert "\x1b" not in out, "no colours in a pipe"


def _row(**changes: object) -> dict[str, object]:
    row = {"run": "r", "task": "t", "agent": "a", "status": "no-gain", "speedup": None, "evaluations": 1}
    return row | changes


def test_a_check_names_gates_failure_and_what_the_compiler_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_check(check_answer(failed(FailureMode.BUILD_ERROR, "does not build", errors="a.c:1: oops")))
    out = capsys.readouterr().out
    assert re.search(r"integrity +pass", out) and re.search(r"outputs +fail", out)
    assert "build_error: does not build" in out and "a.c:1: oops" in out
    print_check(check_answer(Verdict((*PASSED, NO_CLANG))))
    assert "verified except: races (no clang with Archer" in capsys.readouterr().out


def test_a_timing_that_holds_one_is_not_significant(capsys: pytest.CaptureFixture[str]) -> None:
    print_time(time_answer(comparison()))
    out = capsys.readouterr().out
    assert "best against original: 1.90x" in out and "full: 210 ms -> 110 ms, 1.90x" in out
    assert "not significant" not in out
    same = replace(comparison(), speedup=Speedup(1.01, 0.99, 1.03, 8))
    print_time(time_answer(same))
    assert "not significant: the interval holds 1" in capsys.readouterr().out


def test_the_doctor_lines_up_and_says_how_to_get_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    tools = [
        Tool("gcc", "building", True, version="12.2.0"),
        Tool("OpenMP of clang-19", "parallel programs", True, version="19", notes=("a note",)),
        Tool("perf", "profiles", False, install="sudo apt-get install linux-perf"),
    ]
    print_doctor(tools, MACHINE.machine)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Test CPU, 2 usable cores, 16 GiB")
    assert lines[1].index("building") == lines[2].index("parallel programs")
    assert "would enable: profiles" in lines[4] and "get it: sudo apt-get install linux-perf" in lines[5]


def test_runs_and_evaluations_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = improved().write(tmp_path)
    print_runs([summary(directory)], tmp_path)
    assert re.search(r"scale +builtin +improved +1\.90x +3", capsys.readouterr().out)
    print_evaluations(summary(directory), evaluations(directory))
    out = capsys.readouterr().out
    assert "#1 parallel for over i: 1.70x" in out and "#2 a broken edit: build_error (does not build)" in out
    print_runs([], tmp_path)
    assert "loopwright optimize DIR" in capsys.readouterr().out


def test_every_event_of_a_run_has_a_line_or_none(tmp_path: Path) -> None:
    for make in STORIES.values():
        for event in read_journal(make().write(tmp_path).journal):
            line = line_of(event)
            assert isinstance(line, str) and "\n" not in line
    assert line_of(Event(1, "something new", 0.0, "", {})) == ""
    assert line_of(Event(1, "budget-spent", 0.0, "", {"reason": "30 s spent"})) == "budget spent: 30 s spent"


@pytest.mark.parametrize(
    ("evaluation", "line"),
    [
        (Evaluation("c", None, "t", Verdict(PASSED), number=3), "#3 t: passes, not timed"),
        (Evaluation("c", None, "t", Verdict(PASSED), SPEEDUP, promoted=True, number=4),
         "#4 t: 1.90x (95 % interval 1.85 to 1.95, 12 rounds)  <- best"),
        (Evaluation("c", None, "t", failed(FailureMode.CRASH, "SIGSEGV"), number=5), "#5 t: crash (SIGSEGV)"),
    ],
)  # fmt: skip
def test_an_evaluation_in_a_line(evaluation: Evaluation, line: str) -> None:
    assert evaluation_line(evaluation) == line


def test_without_a_terminal_progress_is_plain_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with showing.progress() as show:
        show(Event(0, "progress", 1.5, "", {"text": MARKUP}))
        show(Event(0, "round", 1.6, "", {"estimate": 1.2, "rounds": 3}))
        show(Event(1, "started", 1.7, "", {"run": "r1"}))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"[   1.5 s] {MARKUP}\n[   1.7 s] run r1\n"


@pytest.mark.parametrize(
    "environment", [{"TERM": "xterm"}, {"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}]
)
def test_on_a_terminal_progress_is_live_and_leaves_whole_lines(environment: dict[str, str]) -> None:
    code = f"""
from loopwright.reports.progress import progress
from loopwright.workbench.journal import Event
with progress() as show:
    show(Event(0, "progress", 1.5, "", {{"text": {MARKUP!r}}}))
    show(Event(1, "budget-spent", 1.7, "", {{"reason": {MARKUP!r}}}))
"""
    main, other = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", code], stderr=other, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment, "COLUMNS": "120"}, timeout=60, check=True,
    )  # fmt: skip
    os.close(other)
    shown = os.read(main, 65536).decode()
    os.close(main)
    assert done.stdout == b"", "stdout belongs to the result"
    assert f"budget spent: {MARKUP}" in shown
    if environment["TERM"] == "dumb":
        assert "\x1b[2K" not in shown


def test_loops_are_printed_with_verdict_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    source = b"""void f(int n, double *x, int *p)
{
    for (int i = 0; i < n; i++)
        x[i] = 2 * x[i];
    for (int i = 1; i < n; i++)
        x[i] = x[i - 1] + 1;
    for (int i = 0; i < n; i++)
        x[p[i]] = i;
}
"""
    task = replace(TASK, tree=TASK.tree.replaced({"scale.c": source}))
    print_loops(task, loops_of(task))
    out = capsys.readouterr().out
    assert re.search(r"3 parallel +for \(int i = 0; i < n; i\+\+\)", out)
    assert re.search(r"5 serial ", out) and re.search(r"7 unknown ", out)
    assert "scale.c:3" in out and "in f, " in out
    assert "3 loop nests, 3 loops: 1 parallel, 1 serial, 1 unknown" in out
    print_loops(replace(task, tree=TASK.tree.replaced({"scale.c": b"int x;\n"})), loops_of(
        replace(task, tree=TASK.tree.replaced({"scale.c": b"int x;\n"}))))  # fmt: skip
    assert "no loops found" in capsys.readouterr().out


def test_an_audit_names_what_passes(capsys: pytest.CaptureFixture[str]) -> None:
    nulls = (
        NullResult("zeros", "x", "small", True, f"element 3 is 0 {MARKUP}"),
        NullResult(
            "half-zero", "x", "full", False, "within atol", let_through=("full",), proposal="atol = 1e-9"
        ),
        NullResult("reversed", "x", "one", False, "one element", same_in=("one",)),
    )
    audit = Audit("loose", nulls, Determinism(3, True), ("half-zero passes",), ("rtol is large",))
    print_audit(audit)
    out = capsys.readouterr().out
    assert re.search(r"zeros +x +caught", out) and re.search(r"half-zero +x +passes", out)
    assert MARKUP in out and "unfit half-zero passes" in out and "loose: not fit to be optimised" in out
    answer = json.loads(json.dumps(audit_answer(audit)))
    assert (answer["fit"], [null["caught"] for null in answer["nulls"]]) == (False, [True, False, False])
    print_audit(replace(audit, problems=()))
    assert "loose: fit to be optimised" in capsys.readouterr().out
