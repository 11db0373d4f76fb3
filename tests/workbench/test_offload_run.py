"""A run for offloading without a device: verified on the host device, never timed, kept all the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.candidate import Edit
from loopwright.core.errors import UsageError
from loopwright.core.modes import FailureMode
from loopwright.core.run import Evaluation, RunResult, RunStatus
from loopwright.core.task import Target
from loopwright.reports.terminal import print_result
from loopwright.workbench.bench import Workbench
from loopwright.workbench.journal import read_journal
from loopwright.workbench.records import to_data
from loopwright.workbench.settings import Settings

RIGHT = """\
void smooth(int n, const double *in, double *out)
{
#pragma omp target teams distribute parallel for map(to : in[0 : n]) map(tofrom : out[0 : n])
    for (int i = 1; i < n - 1; i++)
        out[i] = 0.25 * in[i - 1] + 0.5 * in[i] + 0.25 * in[i + 1];
}
"""
HALF = RIGHT.replace("map(to : in[0 : n])", "map(alloc : in[0 : n])")
BETTER = RIGHT.replace("#pragma", "#pragma", 1).replace("0.5 * in[i]", "0.5 * (in[i])")


@dataclass(frozen=True)
class Scripted:
    """Evaluates the given contents of one file, each as an edit of what is the best then."""

    texts: Sequence[str]
    path: str = "smooth.c"
    name: str = "scripted"
    runs_unread_code: bool = False

    def work(self, bench: Workbench) -> None:
        parent = bench.original
        for number, text in enumerate(self.texts):
            candidate = parent.edited(Edit({self.path: text.encode()}, f"edit {number}"))
            if bench.evaluate(candidate).verdict.passed:
                parent = candidate


def optimized(task: Path, home: Path, *texts: str) -> RunResult:
    return api.optimize(task, agent=Scripted(texts), target="offload", home=home)


def evaluations(result: RunResult) -> list[Evaluation]:
    events = read_journal(Path(result.directory) / "journal.jsonl")
    return [api_evaluation(e.data["evaluation"]) for e in events if e.kind == "evaluation"]


def api_evaluation(data: object) -> Evaluation:
    from loopwright.workbench.records import from_data

    return from_data(Evaluation, data)


@pytest.mark.slow
@pytest.mark.usefixtures("offload_toolchain")
def test_verified_and_not_timed_is_translated(
    smooth_task: Path, measured_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = optimized(smooth_task, measured_home, HALF, RIGHT, BETTER)
    assert result.status is RunStatus.TRANSLATED and result.target == "offload"
    half, right, better = evaluations(result)
    assert half.verdict.failure is not None and half.verdict.failure.mode is FailureMode.WRONG_MAPPING
    assert right.promoted and better.promoted and not half.promoted
    for each in (half, right, better):
        assert each.speedup is each.glance is each.wall_s is None
    best = result.best
    assert best is not None and best.candidate == better.candidate
    assert best.speedup is best.wall_s is best.original_wall_s is None
    assert best.gates["outputs"] == "pass" and best.gates["held-out"] == "pass"
    assert result.baseline.wall_s > 0
    patch = (Path(result.directory) / "best.patch").read_text()
    assert "+#pragma omp target teams distribute parallel for" in patch

    printed = json.loads(json.dumps(to_data(result)))
    assert printed["status"] == "translated" and printed["best"]["speedup"] is None
    print_result(result)
    said = capsys.readouterr().out
    assert "translated (verified, not timed: no device)" in said and "improved" not in said
    page = (Path(result.directory) / "report.html").read_text()
    assert "<title>smooth: translated" in page and "verified, not timed: no device" in page

    # Killed after the second evaluation and resumed: the same answers, from the journal.
    journal = Path(result.directory) / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    last = [n for n, line in enumerate(lines) if '"evaluation"' in line][1]
    journal.write_text("".join(lines[: last + 1]))
    again = api.resume(result.directory, agent=Scripted((HALF, RIGHT, BETTER)))
    assert again.status is RunStatus.TRANSLATED
    assert again.best is not None and again.best.candidate == best.candidate
    assert [e.number for e in evaluations(again)] == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.usefixtures("offload_toolchain")
def test_the_built_in_optimiser_translates_without_a_device(smooth_task: Path, measured_home: Path) -> None:
    source = smooth_task / "smooth.c"
    source.write_text(source.read_text().replace("double *", "double *restrict "))
    result = api.optimize(smooth_task, target="offload", home=measured_home)
    assert result.status is RunStatus.TRANSLATED and result.best is not None
    assert result.best.title.startswith("offload ")
    assert {"outputs", "held-out"} <= {g for g, status in result.best.gates.items() if status == "pass"}
    patch = (Path(result.directory) / "best.patch").read_text()
    assert "+    #pragma omp target teams distribute parallel for" in patch


@pytest.mark.usefixtures("offload_toolchain")
def test_nothing_right_is_no_translation(smooth_task: Path, measured_home: Path) -> None:
    result = optimized(smooth_task, measured_home, HALF)
    assert result.status is RunStatus.FAILED and result.best is None
    assert result.failures == {"wrong_mapping": 1}


@pytest.mark.slow
@pytest.mark.usefixtures("offload_toolchain")
def test_check_has_the_gates_and_time_has_nothing_to_time_on(smooth_task: Path) -> None:
    settings = Settings(target=Target.OFFLOAD)
    verdict = api.check(smooth_task, {"smooth.c": RIGHT.encode()}, settings=settings)
    assert verdict.passed and verdict.by_gate["outputs"] == "pass"
    races = next(r for r in verdict.results if r.gate == "races")
    if races.status == "pass":
        assert "on the host" in races.reason
    with pytest.raises(UsageError, match="no device"):
        api.time(smooth_task, {"smooth.c": RIGHT.encode()}, settings=settings)
