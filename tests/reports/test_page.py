"""report.html: complete for every kind of run, safe whatever a candidate is called, and alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import (
    FASTER,
    PASSED,
    SPEEDUP,
    STORIES,
    TASK,
    Page,
    Story,
    best_of,
    failed,
    improved,
    interrupted,
    no_gain,
    patch_of,
)

from loopwright.core.machine import Machine
from loopwright.core.modes import FailureMode
from loopwright.core.profile import HotLine, Remark
from loopwright.core.run import Budget, RunStatus
from loopwright.core.task import Build, Case, Use, Work
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus, Verdict
from loopwright.reports.content import read_content
from loopwright.reports.write import render, write_report
from loopwright.tasks.load import load_task
from loopwright.workbench.rundir import RunDirectory, open_run
from loopwright.workbench.settings import ModelOptions, Settings

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "div", "p", "a", "b", "br", "ul",
    "li", "table", "tr", "th", "td", "code", "pre", "span", "details", "summary",
    "svg", "g", "path", "use", "defs", "clippath", "rect", "text", "metadata", "rdf:rdf", "cc:work",
}  # fmt: skip
EVIL = "<script>alert('1')</script><img src=x onerror=\"alert(2)\">--></style></pre>&lt;{{ 86093 * 86477 }}"


def page_of(story: Story, home: Path) -> Page:
    return page_of_directory(story.write(home))


def page_of_directory(directory: RunDirectory) -> Page:
    return Page(write_report(directory).read_text())


def assert_harmless(page: Page) -> None:
    """Nothing is fetched, nothing is run: works without network and with JavaScript off."""
    assert {tag for tag, _ in page.tags} <= ALLOWED
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "data", "action", "background", "http-equiv"), (tag, name)
            if name in ("href", "xlink:href"):
                assert value is not None and value.startswith("#"), (tag, value)
            if value and not name.startswith("xmlns"):
                assert not re.search(r"https?:|javascript:|data:", value), (tag, name, value)
                assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", value))
    for style in page.styles:
        assert "@import" not in style and "url(" not in style
    assert not page.problems


@pytest.mark.parametrize("name", STORIES)
def test_a_page_of_every_kind_of_run_is_whole_and_alone(name: str, tmp_path: Path) -> None:
    page = page_of(STORIES[name](), tmp_path)
    assert_harmless(page)
    linked = {a["href"] for tag, a in page.tags if tag == "a"}
    assert all(str(href).removeprefix("#") in page.by_id for href in linked), "links lead somewhere"
    assert "Do it again" in page.headings and "Conditions" in page.headings
    assert page.text.count("scale") >= 2


def test_the_first_lines_answer_the_three_questions(tmp_path: Path) -> None:
    directory = improved().write(tmp_path)
    page = page_of_directory(directory)
    answer = page.words("answer")
    for words in (
        "How much faster 1.90x 95 % interval 1.85 to 1.95 205 ms → 105 ms for case full, 2 threads",
        "against the original at -O3 -march=native",
        "Can it be trusted verified except: races (no clang with Archer: apt-get install clang-19)",
        "3 of 4 checks passed",
        "1.80x at sizes that the search never saw (95 % interval 1.70 to 1.90)",
        f"How to apply it loopwright apply {directory.path}",
        f"git apply {directory.path}/best.patch",
        "Changes 1 file: scale.c +1 -0",
    ):
        assert words in answer
    first = next(i for i, (_, a) in enumerate(page.tags) if a.get("id") == "answer")
    assert all(tag not in ("table", "svg") for tag, _ in page.tags[:first]), (
        "nothing stands before the answer"
    )


@pytest.mark.parametrize(
    ("name", "figure", "words"),
    [
        ("no-gain", "No gain", "No candidate was faster beyond doubt. The original stays as it is."),
        ("no-gain", "No gain", "the budget was used up (30 s spent)"),
        ("failed", "Failed", "No candidate passed the gates. The original stays as it is."),
        ("dropped", "No gain", "What was faster failed at the end: scale.c:4: two threads write x"),
        ("interrupted", "Unfinished", "1 candidate judged so far; no result yet."),
        ("interrupted", "Unfinished", "loopwright runs resume"),
        ("without-baseline", "Unfinished", "was not timed: the run ended before that."),
    ],
)
def test_without_a_best_the_page_says_why_and_what_next(
    name: str, figure: str, words: str, tmp_path: Path
) -> None:
    page = page_of(STORIES[name](), tmp_path)
    answer = page.words("answer")
    assert f"Result {figure} " in answer and words in answer
    assert "change" not in page.by_id and "loopwright apply" not in page.text


def test_the_patch_in_the_page_is_one_that_git_takes(tmp_path: Path) -> None:
    story = improved()
    page = page_of(story, tmp_path / "home")
    # HTML drops the one line break that may stand right behind <pre>.
    assert page.by_id["patch"] == patch_of(story)
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "scale.c").write_bytes(story.task.tree["scale.c"])
    done = subprocess.run(
        ["git", "apply", "-"], cwd=tmp_path, input=page.by_id["patch"].encode(), check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "scale.c").read_bytes() == story.evaluations[-1][0].files["scale.c"]


def test_every_step_has_its_proof_and_every_candidate_its_origin(tmp_path: Path) -> None:
    page = page_of(improved(), tmp_path)
    change = page.text[page.text.index("The change") : page.text.index("Times")]
    assert change.index("parallel for over i") < change.index("x is written at i alone.")
    assert change.index("x is written at i alone.") < change.index("simd over i")
    assert change.index("simd over i") < change.index("no dependence is carried.")
    assert "a broken edit" not in change
    search = page.text[page.text.index("# made from") :]
    assert re.search(r"1 original parallel for over i \w{12} 1\.70x \(95 % interval 1\.60 to 1\.80", search)
    assert re.search(
        r"2 original a broken edit \w{12} build_error does not build errors scale\.c:1:1", search
    )
    assert re.search(r"3 #1 simd over i \w{12} 1\.90x .*? new best", search)


def test_an_edit_without_a_proof_is_called_so(tmp_path: Path) -> None:
    story = Story()
    made = story.tried(story.original, FASTER, "a guess", Verdict(PASSED), SPEEDUP, promoted=True)
    story.final = Verdict(PASSED)
    story.ended(RunStatus.IMPROVED, "a guess", best_of(made, story.final))
    assert "a guess not proved: the checks alone stand behind it" in page_of(story, tmp_path).text


def test_times_name_what_the_speedup_is_against(tmp_path: Path) -> None:
    text = page_of(improved(), tmp_path).text
    assert "original, -O3 -march=native (the speedup is against this) 200 ms" in text
    assert "original, the compiler's own parallelisation 210 ms" in text
    assert "speedup at held-out sizes 1.80x (95 % interval 1.70 to 1.90, 9 rounds)" in text
    assert "physically possible, case full 800 µs or more 1.6e+07 byte stated" in text


def test_what_was_not_available_is_said_with_its_reason(tmp_path: Path) -> None:
    story = improved()
    story.profile = None
    story.unreadable = ["other.c: uses a macro for its loops"]
    story.task = replace(TASK, work=Work())
    assert story.baseline is not None and story.result is not None and story.result.best is not None
    story.baseline = replace(story.baseline, rejected={"auto_parallel": "another result: out.bin"})
    best = replace(story.result.best, held_out_speedup=None)
    story.result = replace(story.result, best=best)
    page = page_of(story, tmp_path)
    gaps = page.text[page.text.index("Not checked or not measured") : page.text.index("Search")]
    for words in (
        "reading other.c other.c: uses a macro for its loops",
        "the time with the compiler's own parallelisation another result: out.bin",
        "the check races no clang with Archer: apt-get install clang-19",
        "the speedup at held-out sizes those cases are too short to be timed",
        "where the time goes no profile was taken",
        "the distance from what the machine can do the task file states no [work]",
    ):
        assert words in gaps
    assert "Roofline" not in page.headings
    shown = [a for tag, a in page.tags if "not-available" in str(a.get("class"))]
    assert shown, "what is missing is coloured as such, not as a pass"


def test_a_run_with_nothing_missing_says_nothing_of_gaps(tmp_path: Path) -> None:
    story = improved()
    story.final = Verdict((*PASSED, GateResult("races", GateStatus.PASS)))
    assert "Not checked or not measured" not in page_of(story, tmp_path).headings


def test_warnings_stand_beside_the_answer(tmp_path: Path) -> None:
    page = page_of(no_gain(), tmp_path)
    assert page.text.index("the machine was busy") < page.text.index("Times")


def test_several_timed_cases_are_told_apart(tmp_path: Path) -> None:
    task = replace(TASK, cases=(Case("small", Use.TIME), Case("large", Use.TIME)))
    story = improved(task)
    page = page_of(story, tmp_path)
    assert "for cases small and large together" in page.words("answer")
    assert "drawn for one timed case; this task has 2" in page.text


def hostile_story() -> Story:
    """Everything that a candidate, a compiler or a task can put into words holds markup."""
    name = "<img src=x onerror=alert(1)>.c"
    source = f"/* {EVIL} */\nint x = 1; // {EVIL}\n".encode()
    task = replace(
        TASK, name=f"task {EVIL}", summary=EVIL, tree=Tree({name: source, "main.c": b""}), editable=("<*",),
        build=Build(sources=(name,), flags=(f"-D{EVIL}",)),
        cases=(Case(f"$\\frac{{ {EVIL}", Use.TIME, params={"n": 4}), Case("held", Use.HELD_OUT)),
    )  # fmt: skip
    story = Story(task, replace(Settings(), agent=f"cmd:{EVIL}"), unreadable=[EVIL], spent=EVIL)
    story.refusals = [{"file": name, "line": 1, "move": EVIL, "reason": EVIL}]
    assert story.machine is not None and story.baseline is not None and story.profile is not None
    story.machine = replace(story.machine, machine=Machine(EVIL, "x", 2, 1, os=EVIL, kernel=EVIL))
    story.baseline = replace(
        story.baseline, variants={"native": 0.2, EVIL: 0.3}, rejected={EVIL: EVIL}, flags=(EVIL,)
    )
    story.profile = replace(
        story.profile, lines=(HotLine(name, 2, 0.9, EVIL),), remarks=(Remark(name, 2, 1, False, "x", EVIL),)
    )
    wrong = failed(FailureMode.BUILD_ERROR, EVIL, errors=EVIL, stderr=EVIL)
    story.tried(story.original, b"1", EVIL, wrong)
    best = story.tried(story.original, source + f"int y; /* {EVIL} */\n".encode() + b"\xff\x00\x1b[31m\r\n",
                       EVIL, Verdict(PASSED), SPEEDUP, promoted=True, proof=EVIL)  # fmt: skip
    missing = GateResult("races", GateStatus.NOT_AVAILABLE, reason=EVIL)
    story.final = Verdict((*PASSED, missing))
    story.dropped = (best, wrong.failure)  # type: ignore[assignment]
    story.ended(RunStatus.IMPROVED, EVIL, best_of(best, story.final), warnings=(EVIL,), failures={EVIL: 1})
    return story


def test_markup_in_names_titles_sources_and_messages_is_only_text(tmp_path: Path) -> None:
    page = page_of(hostile_story(), tmp_path)
    assert_harmless(page)
    shown = " ".join(EVIL.split())
    # Title and heading, summary, step and proof, warning, gap, search, refusals, hot lines, conditions...
    assert page.text.count(shown) >= 15
    assert str(86093 * 86477) not in page.text, "no template in the data is filled in"
    assert "<img src=x onerror=alert(1)>.c" in page.words("answer")
    assert shown in page.words("patch")


def test_a_long_search_and_a_long_message_are_shown_whole(tmp_path: Path) -> None:
    story = interrupted()
    for number in range(60):
        verdict = failed(FailureMode.CRASH, f"SIGSEGV number {number} " + "x" * 3000)
        story.tried(story.original, b"%d" % number, f"try {number}", verdict)
    page = page_of(story, tmp_path)
    assert all(f"SIGSEGV number {number} " in page.text for number in range(60))
    assert len(page.text) > 180_000


def test_what_a_model_used_and_how_it_was_asked_stands_in_the_page(tmp_path: Path) -> None:
    options = ModelOptions("http://127.0.0.1:8000/v1", "user", "/home/me/my prompts")
    budget = Budget(60.0, 7, tokens=9000, cost_usd=0.25)
    settings = Settings("model:openai/m", "beam", budget=budget, model=options, seed=4, memory=True)
    story = no_gain()
    story.settings = settings
    usage = {"input_tokens": 1000, "output_tokens": 200, "cached_tokens": 400}
    failure = {"usage": {"input_tokens": 500, "estimated": True}, "cost_usd": 0.0005}
    story.calls = [("model-call", {"answer": {"usage": usage, "cost_usd": 0.0125}, "failure": None}),
                   ("model-call", {"answer": None, "failure": failure})]  # fmt: skip
    page = page_of(story, tmp_path)
    words = "2 calls, 1500 tokens in (400 from caches) and 200 out, partly estimated, 0.0130 US dollars"
    assert f"model {words}" in page.text and "agent model:openai/m, strategy beam" in page.text
    (again,) = [line for line in page.by_id["commands"].splitlines() if line.startswith("loopwright")]
    run = next(tmp_path.glob("runs/*"))
    assert again == (
        "loopwright optimize again --agent model:openai/m --target openmp --toolchain gcc-12 --strategy beam "
        "--budget 60s --evaluations 7 --tokens 9000 --cost 0.25 --base-url http://127.0.0.1:8000/v1 "
        f"--tier user --prompts {run}/prompts --seed 4 --memory"
    )
    story = no_gain()
    story.settings = replace(settings, agent="codex:m")
    page = page_of(story, tmp_path / "other")
    assert "--prompts '/home/me/my prompts'" in page.by_id["commands"]
    assert "--strategy" not in page.by_id["commands"]
    assert "calls," not in page.text, "no model was asked"


def test_a_cost_that_is_not_known_stays_unknown(tmp_path: Path) -> None:
    story = no_gain()
    # The second as older versions recorded it, the third refused by the provider.
    story.calls = [("provider-call", {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.1}),
                   ("provider-call", {"input_tokens": 30, "output_tokens": 15}),
                   ("provider-call", {"input_tokens": 0, "output_tokens": 0})]  # fmt: skip
    assert "model 3 calls, 40 tokens in and 20 out, cost unknown" in page_of(story, tmp_path).text


def test_the_page_is_the_same_when_written_again(tmp_path: Path) -> None:
    directory = improved().write(tmp_path)
    assert render(read_content(directory)) == render(read_content(directory))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commands_that_repeat_a_run_give_the_task_again(tmp_path: Path) -> None:
    directory = improved().write(tmp_path / "the home")
    page = page_of_directory(directory)
    commands = page.by_id["commands"].strip().splitlines()
    assert commands[-1].startswith(
        "loopwright optimize again --agent builtin --target openmp --toolchain gcc-12"
    )
    for line in commands[:-1]:
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    _, task, _, _ = open_run(directory.path)
    assert load_task(tmp_path / "again").digest == task.digest
