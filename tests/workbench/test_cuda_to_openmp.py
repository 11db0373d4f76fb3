"""A CUDA program translated for processors, and wrong translations of it, before the gates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import loopwright
from loopwright.agents.cuda_translator import translation_of
from loopwright.core.errors import UsageError
from loopwright.core.run import RunStatus
from loopwright.core.task import Target
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateStatus, Verdict
from loopwright.gates.build import BuildGate
from loopwright.gates.chain import run_gates
from loopwright.gates.gate import Stage, Subject
from loopwright.gates.integrity import IntegrityGate
from loopwright.gates.outputs import OutputsGate
from loopwright.gates.races import RACES
from loopwright.tasks.cuda_translation import translatable
from loopwright.tasks.load import load_task
from loopwright.workbench.session import Session
from loopwright.workbench.settings import Settings

pytestmark = pytest.mark.usefixtures("emulated_cuda", "named_lines")

_EXAMPLES = Path(__file__).parents[2] / "examples" / "cuda"
_QUICK = (IntegrityGate(), BuildGate(), OutputsGate())
_SETTINGS = Settings(sandbox="none", translate=True)


@pytest.fixture(scope="module")
def histogram() -> Iterator[Session]:
    with Session(translatable(load_task(_EXAMPLES / "histogram")), _SETTINGS, lambda _: None) as session:
        yield session


def candidate(session: Session, *replaced: tuple[str, str]) -> Tree:
    """The translation, with mistakes."""
    tree = session.task.tree
    made = tree.replaced(translation_of(tree).changes)
    for path in ("histogram.cpp", "cuda_on_cpu.h"):
        text = made[path].decode()
        for before, after in replaced:
            text = text.replace(before, after, 1)
        made = made.replaced({path: text.encode()})
    assert bool(replaced) == (made != tree.replaced(translation_of(tree).changes)), "nothing was planted"
    return made


def judged(session: Session, tree: Tree) -> Verdict:
    return run_gates(_QUICK, Stage.EVERY, Subject(tree), session.context)[0]


def test_the_translation_gives_what_the_emulated_original_gives(histogram: Session) -> None:
    verdict = judged(histogram, candidate(histogram))
    assert verdict.failure is None
    assert list(verdict.by_gate.values()) == [GateStatus.PASS] * 3
    assert histogram.context.untimed == "no original for processors"


_BARRIER = """            for (int b = thread_x; b < kBins; b += blockDim.x) own[b] = 0;
        }
        for (unsigned thread_x = 0; thread_x < blockDim.x; ++thread_x) {
"""
_THREADS = "        for (unsigned thread_x = 0; thread_x < blockDim.x; ++thread_x) {\n            for (int i"
_WRONG = {
    "a barrier that is gone": (_BARRIER, _BARRIER.splitlines(keepends=True)[0]),
    "the last block left out": ("block_x < gridDim.x;", "block_x < gridDim.x - 1;"),
    "the last thread left out": (_THREADS, _THREADS.replace("blockDim.x;", "blockDim.x - 1;")),
}


@pytest.mark.parametrize("fault", _WRONG)
def test_a_wrong_translation_is_caught_by_its_outputs(histogram: Session, fault: str) -> None:
    verdict = judged(histogram, candidate(histogram, _WRONG[fault]))
    assert verdict.failure is not None
    assert verdict.failure.gate == "outputs"


def test_what_still_is_cuda_does_not_build_as_a_translation(histogram: Session) -> None:
    tree = histogram.task.tree
    edited = tree.replaced({"histogram.cu": tree["histogram.cu"] + b"// faster\n"})
    failure = judged(histogram, edited).failure
    assert failure is not None
    assert failure.gate == "build"
    assert "histogram.cpp" in failure.message


def test_bins_that_are_counted_without_atomics_are_a_race(histogram: Session) -> None:
    racy = ("if (own[b]) atomicAdd(&bins[b], own[b]);", "if (own[b]) bins[b] += own[b];")
    if reason := RACES.available(histogram.context):
        pytest.skip(reason)
    result = RACES.check(Subject(candidate(histogram, racy)), histogram.context)
    assert result.failure is not None
    assert result.failure.mode == "data_race"
    assert "histogram.cpp" in result.failure.message


def test_what_cannot_be_translated_is_said_before_anything_runs(tmp_path: Path) -> None:
    text = (_EXAMPLES / "stencil" / "stencil.cu").read_text()
    (tmp_path / "stencil.cu").write_text(text.replace("<<<grid, block>>>", "<<<grid, block, 0, stream>>>"))
    (tmp_path / "loopwright.toml").write_bytes((_EXAMPLES / "stencil" / "loopwright.toml").read_bytes())
    with pytest.raises(UsageError, match="a launch in a stream") as caught:
        loopwright.optimize(tmp_path, target="openmp", sandbox="none", home=tmp_path / "home")
    assert caught.value.where == "stencil.cu:58"
    assert not (tmp_path / "home").exists()


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["stencil", "transpose", "histogram"])
def test_an_example_is_translated_and_passes_every_gate(name: str, tmp_path: Path) -> None:
    result = loopwright.optimize(
        _EXAMPLES / name, target="openmp", sandbox="none", home=tmp_path / "home", wall_s=60
    )
    assert result.status is RunStatus.TRANSLATED
    assert result.best is not None
    assert result.best.speedup is None
    assert result.best.wall_s is not None and result.best.wall_s > 0
    assert not [gate for gate, status in result.best.gates.items() if status == "fail"]
    assert {"outputs", "races", "addresses"} <= result.best.gates.keys()
    assert "no original for processors" in (Path(result.directory) / "report.html").read_text()
    assert result.target == Target.OPENMP.value
