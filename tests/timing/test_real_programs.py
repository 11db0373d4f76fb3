"""Paired timing of real executions, through a real runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from loopwright.core.timing import Sample
from loopwright.system.execution import Command, Limits
from loopwright.system.sandbox import choose_runner
from loopwright.timing.compare import Sampler, compare
from loopwright.timing.noise import measure_noise
from loopwright.timing.policy import Policy
from loopwright.timing.promotion import Claim, claim, is_promoted

BUSY = """
#include <stdlib.h>
int main(int argc, char **argv) {
    volatile double x = argc;
    for (long i = atol(argv[1]); i > 0; i--) x = x * 0.5 + 1.0;
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("busy")
    (folder / "busy.c").write_text(BUSY)
    subprocess.run([compiler, "-O1", "busy.c", "-o", "busy"], cwd=folder, check=True)
    return folder / "busy"


def steps(program: Path, count: int) -> Sampler:
    runner = choose_runner("none")

    def sampler(_: str) -> Sample:
        done = runner.run(Command((str(program), str(count)), program.parent, quiet=True), Limits())
        assert done.ok
        return Sample(done.wall_s)

    return sampler


@pytest.mark.timing
def test_half_the_work_is_about_twice_as_fast(program: Path) -> None:
    noise = measure_noise(steps(program, 3_000_000))
    policy = Policy(budget_s=20.0, target_halfwidth=0.05, decide_at=None, hopeless=None)
    result = compare(steps(program, 6_000_000), steps(program, 3_000_000), ["x"], policy)
    assert is_promoted(result.speedup, noise)
    assert result.speedup.low < 2.1
    assert result.speedup.high > 1.8


@pytest.mark.timing
def test_the_same_work_is_not_faster(program: Path) -> None:
    noise = measure_noise(steps(program, 3_000_000))
    policy = Policy(budget_s=10.0, max_rounds=12)
    result = compare(steps(program, 3_000_000), steps(program, 3_000_000), ["x"], policy)
    assert claim(result.speedup, noise) is not Claim.FASTER


@pytest.mark.timing
def test_twice_the_work_is_given_up_soon(program: Path) -> None:
    result = compare(steps(program, 3_000_000), steps(program, 6_000_000), ["x"], Policy(budget_s=20.0))
    assert result.speedup.stopped == "decided"
    assert result.speedup.rounds <= 6
