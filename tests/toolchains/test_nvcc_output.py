"""nvcc: its flags, and what is read from its output (stored output of 13.0.88)."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Severity
from loopwright.core.task import Language
from loopwright.toolchains import nvcc
from loopwright.toolchains.ptxas import KernelFigures, kernel_figures, parse_diagnostics, plain_name
from loopwright.toolchains.toolchain import Variant

_FIXTURES = Path(__file__).parent / "fixtures"
_TOOL = nvcc.Nvcc("nvcc-13", "13.0.88", Path("/cuda/bin/nvcc"), Path("/usr/bin/g++"))


def test_figures_of_kernels() -> None:
    printed = (_FIXTURES / "nvcc-13.0.88-kernels.txt").read_text()
    assert kernel_figures(printed) == (
        KernelFigures("deep::dynamic", "_ZN4deep7dynamicEPfi", "sm_90", 32, stack_bytes=400, barriers=1),
        KernelFigures("heavy", "_Z5heavyIdEvPKT_PS0_i", "sm_90", 32, stack_bytes=1208,
                      spill_store_bytes=2248, spill_load_bytes=2560),
    )  # fmt: skip


def test_shared_memory_and_several_architectures() -> None:
    lines = [
        "ptxas info    : Compiling entry function '_Z1kPf' for '%s'",
        "ptxas info    : Function properties for _Z1kPf",
        "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads",
        "ptxas info    : Used %d registers, used 1 barriers, 1088 bytes smem, 356 bytes cmem[0]",
    ]
    printed = "\n".join((*lines, *lines)) % ("sm_80", 14, "sm_90", 12)
    found = kernel_figures(printed)
    assert [(k.architecture, k.registers, k.shared_bytes) for k in found] == [
        ("sm_80", 14, 1088),
        ("sm_90", 12, 1088),
    ]
    assert kernel_figures("nothing of the kind\nptxas info : Used 3 registers") == ()


def test_diagnostics_of_the_front_end() -> None:
    found = parse_diagnostics((_FIXTURES / "nvcc-13.0.88-errors.txt").read_text())
    assert [(d.severity, d.file, d.line) for d in found] == [
        (Severity.ERROR, "errors.cu", 1),
        (Severity.WARNING, "errors.cu", 2),
        (Severity.ERROR, "errors.cu", 3),
    ]
    assert found[0].message == 'identifier "y" is undefined'
    assert found[1].option == "#940-D"


def test_spills_are_a_warning_and_tools_errors_are_errors() -> None:
    (spill,) = parse_diagnostics((_FIXTURES / "nvcc-13.0.88-kernels.txt").read_text())
    assert spill.severity is Severity.WARNING
    assert "2248 bytes spill stores" in spill.message
    (fatal,) = parse_diagnostics("nvcc fatal   : Unsupported gpu architecture 'compute_35'\n")
    assert (fatal.severity, fatal.message) == (
        Severity.ERROR,
        "nvcc: Unsupported gpu architecture 'compute_35'",
    )


def test_plain_names() -> None:
    assert plain_name("_Z5sweepidPKdPd") == "sweep"
    assert plain_name("_ZN12_GLOBAL__N_14deep7dynamicEPfi") == "(anonymous)::deep::dynamic"
    assert plain_name("kernel_in_c") == "kernel_in_c"


def test_flags_of_the_host_compiler_are_handed_on() -> None:
    flags = _TOOL.compile_flags(Variant(("-O3", "-march=native", "-DN=3", "-ffast-math")))
    assert flags[:5] == ("-O3", "-Xcompiler", "-march=native", "-DN=3", "-use_fast_math")
    assert f"-arch={nvcc.ARCHITECTURE}" in flags
    assert not any(f == f"-arch={nvcc.ARCHITECTURE}" for f in _TOOL.compile_flags(Variant(("-arch=sm_80",))))
    assert _TOOL.compiler(Language.C) == _TOOL.compiler(Language.CUDA)


def test_a_machine_without_nvcc_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    with pytest.raises(ToolMissing, match="nvcc is not installed"):
        nvcc.find_nvcc()


def test_the_nvcc_of_this_machine_compiles() -> None:
    try:
        found = nvcc.find_nvcc()
    except ToolMissing as error:
        pytest.skip(str(error))
    assert found.version[0].isdigit()
