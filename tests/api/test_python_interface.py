"""The Python interface as a script uses it; the examples of its docstrings run."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import loopwright
from loopwright import api
from loopwright.workbench.journal import read_journal

EQUAL = b"""void smooth(int n, const double *in, double *out)
{
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * (in[i - 1] + in[i + 1]) + 0.5 * in[i];
}
"""
WRONG = EQUAL.replace(b"n - 1", b"n - 2")


@pytest.fixture
def task(smooth_task: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A measured machine, a task `smooth`, and `mine` beside it: the folder that the examples speak of."""
    mine = smooth_task.parent / "mine"
    mine.mkdir()
    (mine / "smooth.c").write_bytes(EQUAL)
    monkeypatch.chdir(smooth_task.parent)
    yield smooth_task


def run_example(name: str) -> dict[str, object]:
    """Run the example in the docstring of a function; the names that it leaves behind."""
    (example,) = doctest.DocTestFinder(recurse=False).find(
        getattr(api, name), name, globs={"loopwright": loopwright}
    )
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    failed, _ = doctest.DocTestRunner().run(example, out=said.append, clear_globs=False)
    # What `optimize` prints when something was gained differs every time.
    assert "Exception raised" not in "".join(said) and (not failed or name == "optimize"), "".join(said)
    return dict(example.globs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["load_task", "check", "time", "profile"])
def test_the_example_of_a_docstring_runs(task: Path, name: str) -> None:
    run_example(name)


@pytest.mark.slow
def test_a_run_of_the_example_is_recorded_and_leaves_the_sources_alone(task: Path) -> None:
    before = {p: p.read_bytes() for p in task.glob("*.c")}
    result = run_example("optimize")["result"]
    assert isinstance(result, loopwright.RunResult)
    assert result.task == "smooth" and result.evaluations <= 1
    assert result.status in loopwright.RunStatus
    folder = Path(result.directory)
    kinds = [event.kind for event in read_journal(folder / "journal.jsonl")]
    assert kinds[0] == "started" and kinds[-1] == "result" and "baseline" in kinds
    assert (folder / "report.html").is_file()
    assert {p: p.read_bytes() for p in task.glob("*.c")} == before
    assert loopwright.resume(folder) == result, "a finished run gives its result again"


def test_everything_that_is_offered_is_there_and_explained() -> None:
    for name in loopwright.__all__:
        thing = getattr(loopwright, name)
        assert inspect.getdoc(thing), name
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        _ = loopwright.optimise  # type: ignore[attr-defined]


def test_importing_costs_nothing() -> None:
    code = "import sys, loopwright; print(len([m for m in sys.modules if m.startswith('loopwright')]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_a_candidate_is_a_folder_or_a_mapping(task: Path) -> None:
    for candidate in ({"smooth.c": WRONG}, _folder(task, WRONG)):
        verdict = loopwright.check(task, candidate)
        assert verdict.failure is not None and verdict.failure.mode.value == "wrong_output"
    verdict = loopwright.check(task, {"main.c": None})
    assert verdict.failure is not None and verdict.failure.mode.value == "protected_file"


def test_a_link_is_no_candidate(task: Path) -> None:
    folder = _folder(task, EQUAL)
    (folder / "smooth.c").unlink()
    (folder / "smooth.c").symlink_to(task / "smooth.c")
    with pytest.raises(loopwright.LoopwrightError, match=r"smooth\.c: is a symbolic link") as raised:
        loopwright.check(task, folder)
    assert raised.value.exit_status == 2 and "cp -L" in raised.value.hint


@pytest.mark.slow
def test_two_candidates_are_timed_against_each_other(task: Path) -> None:
    rounds: list[float] = []
    timed = loopwright.time(task, {"smooth.c": EQUAL}, "mine", on_round=lambda s: rounds.append(s.estimate))
    assert isinstance(timed, loopwright.Comparison)
    assert (timed.a, timed.b) == ("candidate", "mine"), "no label holds a whole source"
    assert timed.speedup.rounds == len(timed.rounds) == len(rounds)
    assert all(isinstance(pair[0], loopwright.Sample) for each in timed.rounds for pair in each.a.values())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: loopwright.optimize("missing"), "no such file or folder"),
        (lambda: loopwright.check("smooth", "missing"), "not a folder with the edited files"),
        (lambda: loopwright.optimize("smooth", wall_s=0), "allows nothing"),
        (lambda: loopwright.optimize("smooth", threads=0), "0 threads"),
        (lambda: loopwright.optimize("smooth", target="abacus"), "unknown target"),
        (lambda: loopwright.optimize("smooth", agent="nobody"), "unknown agent"),
        (lambda: loopwright.optimize("smooth", args=["3"]), "belong to a single source file"),
        (lambda: loopwright.load_task("mine"), "no loopwright.toml"),
        (lambda: loopwright.resume("mine"), "not a run"),
    ],
)
def test_wrong_use_raises_what_the_documentation_says(task: Path, call: object, words: str) -> None:
    with pytest.raises(loopwright.LoopwrightError, match=words) as raised:
        call()  # type: ignore[operator]
    assert raised.value.exit_status == 2 and raised.value.hint
    assert not (task / ".loopwright" / "runs").exists(), "nothing was begun"


def _folder(task: Path, content: bytes) -> Path:
    folder = task.parent / "theirs"
    folder.mkdir()
    (folder / "smooth.c").write_bytes(content)
    return folder
