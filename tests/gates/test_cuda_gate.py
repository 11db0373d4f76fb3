"""CUDA tasks without a device, from the task file to the verdict."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import loopwright
from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.task import Language, Target
from loopwright.core.verdict import Verdict
from loopwright.gates import controls
from loopwright.gates.nvcc import NvccGate
from loopwright.tasks.infer import infer_task
from loopwright.tasks.load import load_task
from loopwright.toolchains import nvcc
from loopwright.workbench.settings import Settings

pytestmark = pytest.mark.usefixtures("emulated_cuda", "named_lines")

_EXAMPLES = Path(__file__).parents[2] / "examples" / "cuda"


@pytest.fixture
def no_nvcc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most machines; nvcc is also slow, and has tests of its own."""
    monkeypatch.setattr(nvcc, "_described", lambda *_: "nvcc is not installed")


def checked(name: str, *replaced: tuple[str, str]) -> Verdict:
    path = f"{name}.cu"
    text = (_EXAMPLES / name / path).read_text()
    for before, after in replaced:
        assert before in text
        text = text.replace(before, after, 1)
    changes = {path: text.encode()} if replaced else None
    return loopwright.check(_EXAMPLES / name, changes, settings=Settings(sandbox="none"))


@pytest.mark.usefixtures("no_nvcc")
def test_an_example_is_verified_except_for_what_could_not_be_looked_at() -> None:
    verdict = checked("transpose")
    assert verdict.failure is None
    gates = verdict.by_gate
    assert (gates["emulated"], gates["outputs"]) == ("pass", "pass")
    assert (gates["nvcc"], gates["races"]) == ("not-available", "not-available")
    assert "mapping" not in gates
    assert "nvcc is not installed" in verdict.verified


@pytest.mark.usefixtures("no_nvcc")
def test_a_removed_barrier_is_named_before_outputs_are_compared() -> None:
    verdict = checked("transpose", ("    __syncthreads();\n", "\n"))
    assert verdict.failure is not None
    assert (verdict.failure.mode, verdict.failure.gate) == ("data_race", "emulated")
    assert "on tile" in verdict.failure.message
    assert verdict.failure.evidence["lines"] == "transpose.cu:20, transpose.cu:23"
    assert "outputs" not in verdict.by_gate


@pytest.mark.usefixtures("no_nvcc")
def test_an_index_past_the_end_is_named() -> None:
    verdict = checked("stencil", ("if (i >= n || j >= n) return;", "if (i > n || j >= n) return;"))
    assert verdict.failure is not None
    assert (verdict.failure.mode, verdict.failure.gate) == ("out_of_bounds", "emulated")
    assert "stencil.cu:" in verdict.failure.evidence["lines"]


@pytest.mark.usefixtures("no_nvcc")
def test_a_wrong_result_without_a_fault_is_left_to_the_outputs() -> None:
    verdict = checked(
        "stencil", ("rate * (around", "1.01 * rate * (around"), ("worst < 1e-12", "worst < 1e12")
    )
    assert verdict.failure is not None
    assert (verdict.failure.mode, verdict.failure.gate) == ("wrong_output", "outputs")
    assert verdict.by_gate["emulated"] == "pass"


@pytest.mark.usefixtures("no_nvcc")
def test_what_cannot_be_emulated_is_never_a_pass() -> None:
    verdict = checked("stencil", ("#include <cmath>", "#include <cooperative_groups.h>"))
    assert verdict.failure is not None
    assert not verdict.passed
    assert "stencil.cu:2: not available without a device: cooperative groups" in verdict.failure.message


@pytest.mark.usefixtures("no_nvcc", "own_cache")
def test_without_its_control_the_gate_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    _, clean = controls.sources("emulated")
    # A fault that is said to be there and is not cannot be caught.
    promised = clean.replace("values[i] += 1;", "values[i] += 1;  // planted")
    assert promised != clean
    monkeypatch.setattr(controls, "sources", lambda *_: (promised, clean))
    verdict = checked("histogram")
    result = next(result for result in verdict.results if result.gate == "emulated")
    assert result.status == "not-available"
    assert "its control was not caught" in result.reason


def test_nvcc_compiles_a_kernel_with_its_driver_and_tells_what_it_needs() -> None:
    try:
        nvcc.find_nvcc()
    except ToolMissing as error:
        pytest.skip(str(error))
    fixed = ("extern __shared__ float part[];", "__shared__ float part[128];")
    verdict = checked("softmax", fixed)
    assert verdict.passed
    result = next(result for result in verdict.results if result.gate == NvccGate.name)
    assert result.status == "pass"
    # The driver's own part in CUDA is none of the kernels that are told of.
    assert re.fullmatch(r"softmax: \d+ registers, 512 bytes of shared memory", result.reason)


def test_the_target_follows_the_sources(tmp_path: Path) -> None:
    (tmp_path / "plain.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(UsageError, match="needs CUDA sources"):
        loopwright.check(tmp_path / "plain.c", settings=Settings(sandbox="none", target=Target.CUDA))


def test_a_first_task_file_is_written_for_cuda(tmp_path: Path) -> None:
    shutil.copy(_EXAMPLES / "transpose" / "transpose.cu", tmp_path)
    (tmp_path / "loopwright.toml").write_text(infer_task(tmp_path, ("37", "21")).text)
    task = load_task(tmp_path)
    assert task.language is Language.CUDA
    assert (task.build.sources, task.editable) == (("transpose.cu",), ("transpose.cu",))
    assert task.cases[0].args == ("37", "21")
