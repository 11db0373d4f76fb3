"""hipcc and AMD's clang: their flags, and what is read from their output (stored output)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Severity
from loopwright.core.task import Language, Target
from loopwright.toolchains import discovery, hipcc, rocm
from loopwright.toolchains.amdgpu import RESOURCE_FLAG, KernelFigures, kernel_figures
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.toolchain import Purpose, Variant

_FIXTURES = Path(__file__).parent / "fixtures"
_TOOL = hipcc.Hipcc("hipcc-5", "5.2", Path("/usr/bin/hipcc"))


def test_figures_of_a_kernel_with_spills() -> None:
    (figures,) = kernel_figures((_FIXTURES / "rocm-kernel-resource-usage.txt").read_text())
    assert figures.name == "flash_attn_vec_ext_f32"
    assert (figures.vector_registers, figures.scalar_registers, figures.accumulation_registers) == (
        63,
        92,
        64,
    )
    assert (figures.scratch_bytes, figures.vector_spills, figures.scalar_spills) == (12, 14, 0)
    assert figures.occupancy == 4
    assert str(figures) == (
        "flash_attn_vec_ext_f32: 63 vector and 92 scalar registers, 64 accumulation registers, "
        "12 bytes of scratch a lane, 14 vector and 0 scalar registers spilled"
    )


def test_figures_of_several_kernels() -> None:
    printed = (_FIXTURES / "hipcc-5.2.3-kernels.txt").read_text()
    assert kernel_figures(printed) == (
        KernelFigures("deep::dynamic", "_ZN4deep7dynamicEPfi", 7, 52, scratch_bytes=416, occupancy=8),
        KernelFigures("tile", "_Z4tileIdEvPT_", 6, 6, shared_bytes=33280, occupancy=8),
    )
    assert _TOOL.parse_diagnostics(printed) == ()


def test_diagnostics_are_those_of_the_clang_beneath() -> None:
    found = _TOOL.parse_diagnostics((_FIXTURES / "hipcc-5.2.3-errors.txt").read_text())
    errors = [d for d in found if d.severity is Severity.ERROR]
    assert [(d.file, d.line) for d in errors] == [("errors.hip", 2), ("errors.hip", 4), ("errors.hip", 5)]
    assert errors[0].message == "use of undeclared identifier 'y'"


def test_what_says_nothing_of_kernels_has_no_figures() -> None:
    assert kernel_figures("") == kernel_figures(f"x.hip:1:1: remark:     VGPRs: 3 [{RESOURCE_FLAG}]\n") == ()
    named = f"x.hip:1:1: remark: Function Name: _Z1kv [{RESOURCE_FLAG}]\n"
    assert kernel_figures(named + "x.hip:1:1: remark: VGPRs: 3 [-Rpass-analysis=other]\n") == ()


def test_flags_of_the_processor_are_for_host_code() -> None:
    flags = _TOOL.compile_flags(Variant(("-O3", "-march=native", "-DN=3")))
    assert flags[:5] == ("-O3", "-Xarch_host", "-march=native", "-DN=3", "--offload-arch=gfx90a")
    named = _TOOL.compile_flags(Variant(("--offload-arch=gfx1030",), purpose=Purpose.PROFILE))
    assert [flag for flag in named if "arch" in flag] == ["--offload-arch=gfx1030"]
    assert "-g" in named
    assert _TOOL.compiler(Language.C) == _TOOL.compiler(Language.HIP)


def test_a_machine_without_hipcc_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ROCM_PATH", raising=False)
    with pytest.raises(ToolMissing, match="hipcc is not installed") as caught:
        hipcc.find_hipcc()
    assert "hipcc" in caught.value.hint


def test_one_that_does_not_say_its_version_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hipcc").write_text("#!/bin/sh\necho 'Device not supported'\n")
    (tmp_path / "hipcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="does not say its version: Device not supported"):
        hipcc.find_hipcc()


def test_amdclang_is_a_clang_of_another_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clang = next((t for t in discovery.discover() if isinstance(t, Clang)), None)
    if clang is None:
        pytest.skip("no clang here")
    # AMD's own cannot be had here; its driver differs from clang's by name.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "amdclang").symlink_to(shutil.which(clang.cc) or clang.cc)
    monkeypatch.setenv("ROCM_PATH", str(tmp_path))
    found = discovery.find("amdclang")
    assert (found.name, found.version) == (f"amdclang-{clang.major}", clang.version)
    assert found.compile_flags(Variant(("-O2",), Target.SERIAL)) == ("-O2",)
    with pytest.raises(ToolMissing):
        found.compiler(Language.CXX)
    monkeypatch.setattr(rocm, "amdclang", lambda: None)
    with pytest.raises(ToolMissing, match="amdclang is not installed") as caught:
        discovery.find("amdclang")
    assert "ROCM_PATH" in caught.value.hint
