"""compute-sanitizer as gates. No GPU is here: what the controls plant is found by other means, and a stand-in
shows how the tool is started and read. Whether the tool itself works is for its controls to say on a GPU.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gate_programs import program_context

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Case, Target
from loopwright.core.verdict import GateStatus
from loopwright.gates import controls, gpu_build, gpu_sanitizer
from loopwright.gates.chain import run_gates
from loopwright.gates.cuda_emulated import Emulation
from loopwright.gates.findings import Place
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.gates.gpu_sanitizer import GPU_MEMORY, GPU_RACES
from loopwright.gates.instrument import Setting, observe
from loopwright.gates.memory import ADDRESSES, Sanitizer
from loopwright.harness.cuda_emulation.toolchain import find_emulation
from loopwright.toolchains import devices, discovery, nvidia_tools
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Variant

NOTHING = "int main(void) { return 0; }\n"
FIXTURES = Path(__file__).parent / "fixtures"


def of_target(target: Target, scratch: Path) -> Context:
    return replace(program_context(NOTHING, scratch), variant=Variant(("-O1",), target))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (gpu_sanitizer, gpu_build):
        monkeypatch.setattr(module, "gpu", lambda: "")


@pytest.mark.parametrize("target", [Target.CUDA, Target.OFFLOAD, Target.OPENMP])
@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_they_are_silent(target: Target, tmp_path: Path) -> None:
    context = of_target(target, tmp_path)
    verdict, _ = run_gates((GPU_MEMORY, GPU_RACES), Stage.FINAL, Subject(context.task.tree), context)
    assert verdict.results == ()


@pytest.mark.parametrize(
    ("target", "gates"),
    [(Target.CUDA, ["gpu-memory", "gpu-races"]), (Target.OFFLOAD, ["gpu-memory"]), (Target.OPENMP, [])],
)
def test_with_a_gpu_and_no_tool_they_are_not_available_and_silent_elsewhere(
    target: Target, gates: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_sanitizer, "gpu", lambda: "a GPU that is not there")
    monkeypatch.setattr(gpu_sanitizer, "_program", lambda: None)
    context = of_target(target, tmp_path)
    verdict, _ = run_gates((GPU_MEMORY, GPU_RACES), Stage.FINAL, Subject(context.task.tree), context)
    assert [result.gate for result in verdict.results] == gates
    for result in verdict.results:
        assert result.status is GateStatus.NOT_AVAILABLE and "compute-sanitizer missing" in result.reason


@pytest.mark.parametrize("target", [Target.CUDA, Target.OFFLOAD])
def test_each_faulty_control_has_a_planted_line_and_its_twin_has_none(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_sanitizer, "gpu", lambda: "a GPU that is not there")
    for gate in (GPU_MEMORY, GPU_RACES):
        if target in gate.targets:
            faulty, clean = controls.sources(gate.name, target)
            assert controls.planted(faulty) and not controls.planted(clean)
            assert ("__global__" in faulty) == (target is Target.CUDA)


@pytest.mark.parametrize("name", ["gpu-memory", "gpu-races"])
def test_the_emulation_finds_what_is_planted_and_nothing_in_the_twin(name: str, tmp_path: Path) -> None:
    try:
        emulated = find_emulation()
    except ToolMissing as missing:
        pytest.skip(str(missing))

    class Other(Emulation):
        def settings(self, openmp: bool) -> tuple[Setting, ...]:
            return super().settings(openmp)[:1]

    Other.name = name
    if reason := Other().missing():
        pytest.skip(reason)
    context = replace(of_target(Target.CUDA, tmp_path), toolchain=emulated)
    assert controls._tried(Other(), emulated, context) == ""


def test_a_sanitizer_finds_what_is_planted_in_a_target_region(tmp_path: Path) -> None:
    clang = next((t for t in discovery.discover() if isinstance(t, Clang) and not t.openmp_problem), None)
    if clang is None:
        pytest.skip("no clang with OpenMP here")
    assert isinstance(ADDRESSES.instrument, Sanitizer)
    other = replace(ADDRESSES.instrument, name="gpu-memory")
    context = replace(of_target(Target.OFFLOAD, tmp_path), toolchain=clang)
    problem = controls._tried(other, clang, context)
    if "does not build" in problem:
        pytest.skip(problem)
    assert problem == ""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CUDA folder whose compute-sanitizer runs the program, says how it was called, and prints what
    compute-sanitizer was once seen to print.
    """
    tool = tmp_path / "cuda" / "compute-sanitizer" / "compute-sanitizer"
    script = tmp_path / "cuda" / "bin" / "compute-sanitizer"
    for path in (tool, script):
        path.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\nexit 3  # the inner program is to be started\n")
    tool.write_text(
        "#!/bin/sh\n"
        'while [ "$1" != -- ]; do given="$given $1"; shift; done; shift\n'
        f'"$@"; echo "given:$given"; cat "{tmp_path}/report.txt"; exit 67\n'
    )
    for path in (tool, script):
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.setattr(nvidia_tools, "said", lambda *_: (0, "Version 2025.2.0.0"))
    monkeypatch.setattr(gpu_sanitizer, "gpu", lambda: "a GPU that is not there")
    return tmp_path / "report.txt"


def test_the_tool_is_started_before_the_program_and_its_report_read_from_its_standard_output(
    stand_in: Path, tmp_path: Path
) -> None:
    context = program_context('#include <stdio.h>\nint main(void) { puts("mine"); return 0; }\n', tmp_path)
    report = (FIXTURES / "compute-sanitizer-memcheck.txt").read_text()
    stand_in.write_text(report.replace("writeValidMem.cu:6", "program.c:2"))
    instrument = GPU_MEMORY.instrument
    assert instrument.missing() == ""
    assert "2025.2.0.0 a GPU that is not there" in instrument.identification()
    build = context.builder.build(context.task.tree, context.toolchain, context.variant)
    (setting,) = instrument.settings(openmp=True)
    seen = observe(instrument, context.cases, context.task.tree, build, Case("only"), setting, 20.0)
    assert seen.reported
    assert [finding.places for finding in seen.findings] == [(Place("program.c", 2),), ()]
    said = seen.execution.stderr.decode()
    assert "mine" in said
    for words in ("--tool memcheck", "--error-exitcode 67", "--strip-paths no"):
        assert words in said


def test_a_finding_fails_a_candidate_with_its_own_mode(stand_in: Path, tmp_path: Path) -> None:
    stand_in.write_text((FIXTURES / "compute-sanitizer-racecheck.txt").read_text())
    tree = of_target(Target.CUDA, tmp_path).task.tree
    (finding,) = GPU_RACES.instrument.parse(stand_in.read_text(), tree, "")
    result = GPU_RACES._failed(finding, tree, Case("only"))
    assert result.failure is not None and result.failure.mode == "data_race"


def test_programs_for_the_gpu_are_built_for_the_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_build, "gpu_architecture", lambda: "sm_86")
    cuda = gpu_build.gpu_variant(of_target(Target.CUDA, tmp_path))
    assert cuda.flags == ("-O1", "-arch=sm_86") and cuda.device is Device.NVPTX
    named = replace(of_target(Target.CUDA, tmp_path), variant=Variant(("-arch=sm_80",), Target.CUDA))
    assert gpu_build.gpu_variant(named).flags == ("-arch=sm_80",)
    offload = gpu_build.gpu_variant(of_target(Target.OFFLOAD, tmp_path))
    assert offload.flags == ("-O1",) and offload.device is Device.NVPTX


def test_a_gpu_that_the_compiler_does_not_reach_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_build, "gpu", lambda: "a GPU that is not there")
    context = replace(of_target(Target.OFFLOAD, tmp_path), toolchain=discovery.find("gcc"))
    found, reason = gpu_build.gpu_toolchain(context)
    assert found is None and reason.endswith("is not asked to compile for a GPU")
    assert devices.gpu_architecture().startswith("sm_")
