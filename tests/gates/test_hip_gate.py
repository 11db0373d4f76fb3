"""HIP tasks without a device, from the task file to the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from cuda_programs import emulate

import loopwright
from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.task import Language, Target
from loopwright.gates.hipcc import HipccGate
from loopwright.gates.reports_cuda import mode_of
from loopwright.harness.build import Builder
from loopwright.harness.cuda_emulation.toolchain import EmulatedCuda, find_hip_emulation
from loopwright.system.sandbox import choose_runner
from loopwright.tasks.load import implied_language, load_task
from loopwright.toolchains import hipcc, trials
from loopwright.toolchains.toolchain import Variant
from loopwright.workbench.context import target_of
from loopwright.workbench.settings import Settings

_EXAMPLE = Path(__file__).parents[2] / "examples" / "hip" / "convolution"
_FILE = "convolution.hip"


@pytest.fixture(scope="module")
def toolchain() -> EmulatedCuda:
    if not trials.symbolizer():
        pytest.skip("no addr2line here")
    try:
        return find_hip_emulation()
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("toolchain")
def test_the_example_is_verified_except_for_what_could_not_be_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As on most machines; hipcc is also slow, and has a test of its own.
    monkeypatch.setattr(hipcc, "_described", lambda *_: "hipcc is not installed")
    verdict = loopwright.check(_EXAMPLE, settings=Settings(sandbox="none"))
    assert verdict.failure is None
    gates = verdict.by_gate
    assert (gates["emulated"], gates["outputs"]) == ("pass", "pass")
    assert (gates["hipcc"], gates["races"]) == ("not-available", "not-available")
    assert "nvcc" not in gates
    assert "hipcc is not installed" in verdict.verified


def test_hipcc_builds_and_tells_what_kernels_need(tmp_path: Path) -> None:
    try:
        compiler = hipcc.find_hipcc()
    except ToolMissing as error:
        pytest.skip(str(error))
    task = load_task(_EXAMPLE)
    # As in a run: no environment but that which the toolchain asks for.
    build = Builder(task, choose_runner("none"), tmp_path).build(
        task.tree, compiler, Variant(("-O1", "-march=native"), Target.HIP)
    )
    assert build.failure is None, build.log
    figures = HipccGate().figures(build.log)
    assert "convolve: " in figures
    assert "2128 bytes of shared memory" in figures


def test_without_hipcc_its_gate_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hipcc, "_described", lambda *_: "hipcc is not installed")
    with pytest.raises(ToolMissing, match="hipcc is not installed"):
        HipccGate().compiler()
    said = HipccGate().available(None)  # type: ignore[arg-type]  # what is installed is no affair of a task
    assert said.startswith("hipcc is not installed; to get it: ")


@pytest.mark.parametrize(("before", "after", "mode", "lines"), [
    ("    __syncthreads();\n    int i =", "\n    int i =", "data_race", "tile["),
    ("if (i >= n) return;", "if (i > n) return;", "out_of_bounds", "y[i] = sum;"),
])  # fmt: skip
def test_a_removed_barrier_and_an_index_past_the_end_are_named(
    before: str, after: str, mode: str, lines: str, toolchain: EmulatedCuda, tmp_path: Path
) -> None:
    text = (_EXAMPLE / _FILE).read_text()
    assert text.count(before) == 1
    ran = emulate(text.replace(before, after), tmp_path, toolchain, "1021", name=_FILE)
    assert ran.findings, ran.printed + ran.errors
    assert {str(mode_of(finding)) for finding in ran.findings} == {mode}
    named = {place.line for finding in ran.findings for place in finding.places}
    assert named
    assert all(lines in text.splitlines()[number - 1] for number in named)


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
