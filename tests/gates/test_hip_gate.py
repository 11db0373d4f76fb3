"""HIP tasks without a device, from the task file to the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

import loopwright
from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.task import Language, Target
from loopwright.core.verdict import Verdict
from loopwright.gates.hipcc import HipccGate
from loopwright.harness.cuda_emulation.toolchain import find_hip_emulation
from loopwright.tasks.load import implied_language, load_task
from loopwright.toolchains import hipcc, trials
from loopwright.workbench.context import target_of
from loopwright.workbench.settings import Settings

_EXAMPLE = Path(__file__).parents[2] / "examples" / "hip" / "convolution"
_FILE = "convolution.hip"


@pytest.fixture
def emulated() -> None:
    if not trials.symbolizer():
        pytest.skip("no addr2line here")
    try:
        find_hip_emulation()
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def no_hipcc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most machines; hipcc is also slow, and has tests of its own."""
    monkeypatch.setattr(hipcc, "_described", lambda *_: "hipcc is not installed")


def checked(*replaced: tuple[str, str]) -> Verdict:
    text = (_EXAMPLE / _FILE).read_text()
    for before, after in replaced:
        assert before in text
        text = text.replace(before, after, 1)
    changes = {_FILE: text.encode()} if replaced else None
    return loopwright.check(_EXAMPLE, changes, settings=Settings(sandbox="none"))


@pytest.mark.usefixtures("emulated", "no_hipcc")
def test_the_example_is_verified_except_for_what_could_not_be_looked_at() -> None:
    verdict = checked()
    assert verdict.failure is None
    gates = verdict.by_gate
    assert (gates["emulated"], gates["outputs"]) == ("pass", "pass")
    assert (gates["hipcc"], gates["races"]) == ("not-available", "not-available")
    assert "nvcc" not in gates
    assert "hipcc is not installed" in verdict.verified


@pytest.mark.usefixtures("emulated", "no_hipcc")
def test_a_removed_barrier_and_an_index_past_the_end_are_named() -> None:
    lines = (_EXAMPLE / _FILE).read_text().splitlines()
    verdict = checked(("    __syncthreads();\n    int i =", "\n    int i ="))
    assert verdict.failure is not None
    assert (verdict.failure.mode, verdict.failure.gate) == ("data_race", "emulated")
    assert "on tile" in verdict.failure.message
    named = [int(place.rpartition(":")[2]) for place in verdict.failure.evidence["lines"].split(", ")]
    assert all("tile[" in lines[number - 1] for number in named)

    verdict = checked(("if (i >= n) return;", "if (i > n) return;"))
    assert verdict.failure is not None
    assert (verdict.failure.mode, verdict.failure.gate) == ("out_of_bounds", "emulated")
    (place,) = verdict.failure.evidence["lines"].split(", ")
    assert lines[int(place.rpartition(":")[2]) - 1].strip() == "y[i] = sum;"


@pytest.mark.usefixtures("emulated")
def test_hipcc_compiles_and_tells_what_kernels_need() -> None:
    try:
        hipcc.find_hipcc()
    except ToolMissing as error:
        pytest.skip(str(error))
    verdict = checked()
    result = next(result for result in verdict.results if result.gate == HipccGate.name)
    assert result.status == "pass"
    assert "convolve: " in result.reason
    assert "2128 bytes of shared memory" in result.reason


def test_the_language_follows_suffix_and_header() -> None:
    plain, hip = b"int main() {}\n", b"#include <vector>\n  #  include <hip/hip_runtime.h>\nint main() {}\n"
    assert implied_language(("a.hip",), (), {"a.hip": plain}) is Language.HIP
    assert implied_language(("a.cpp", "b.cpp"), (), {"a.cpp": plain, "b.cpp": hip}) is Language.HIP
    assert implied_language(("a.cpp",), (), {"a.cpp": plain, "b.cpp": hip}) is Language.CXX
    assert implied_language((), ("*.cpp",), {"b.cpp": hip}) is Language.HIP
    assert implied_language(("a.cpp",), (), {"a.cpp": b"// #include <hip/hip_runtime.h>\n"}) is Language.CXX


def test_the_target_follows_the_sources(tmp_path: Path) -> None:
    task = load_task(_EXAMPLE)
    assert target_of(task, Settings()) is target_of(task, Settings(target=Target.HIP)) is Target.HIP
    for wrong in (Target.CUDA, Target.OFFLOAD, Target.SERIAL):
        with pytest.raises(UsageError, match=f"HIP is not translated to {wrong}"):
            target_of(task, Settings(target=wrong))
    with pytest.raises(UsageError, match="HIP is not translated to openmp"):
        loopwright.optimize(_EXAMPLE, target="openmp", home=tmp_path)
    (tmp_path / "plain.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(UsageError, match=r"the target hip needs HIP sources \(\.hip\)"):
        loopwright.check(tmp_path / "plain.c", settings=Settings(sandbox="none", target=Target.HIP))
