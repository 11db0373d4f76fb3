"""The ceilings of a GPU: what becomes of the program's output. No GPU is here; a stand-in compiler takes
nvcc's place, whose program prints what it is told to.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.system.device_floors import CudaCompiler, floors_of, measure_device_floors
from loopwright.system.direct import DirectRunner
from loopwright.system.floors import SOURCES
from loopwright.toolchains.devices import gpu

FIGURES = {"to_device": 2.5e10, "from_device": 2.6e10, "triad": 3e12, "f64": 3e13, "f32": 6e13}


def compiler(folder: Path, program: str) -> CudaCompiler:
    """One that makes `program`, a shell script, of whatever it is given."""
    path = folder / "nvcc"
    path.write_text(
        '#!/bin/sh\nwhile [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done\n'
        f'cat >"$out" <<\'END\'\n#!/bin/sh\n{program}\nEND\nchmod +x "$out"\n'
    )
    path.chmod(0o755)
    return CudaCompiler((str(path), "-arch=sm_90"), "a GPU that is not there")


def test_what_the_program_prints_becomes_floors(tmp_path: Path) -> None:
    lines = "\n".join(f"echo {name} {figure:.6g}" for name, figure in FIGURES.items())
    floors = measure_device_floors(DirectRunner(), compiler(tmp_path, lines), tmp_path)
    assert floors.name == "a GPU that is not there" and floors.measured_at
    assert (floors.to_device_bytes_per_s, floors.from_device_bytes_per_s) == (2.5e10, 2.6e10)
    assert (floors.triad_bytes_per_s, floors.peak_flops_f64, floors.peak_flops_f32) == (3e12, 3e13, 6e13)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("echo 'cudaMallocHost: no CUDA-capable device is detected' >&2; exit 1", "no CUDA-capable device"),
        ("echo to_device 1; echo f32 nan", "unexpected output"),
        ("echo to_device 1e9", "no 'from_device'"),
    ],
)
def test_a_program_that_measures_nothing_says_why(program: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match=said):
        measure_device_floors(DirectRunner(), compiler(tmp_path, program), tmp_path)


def test_a_compiler_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"cannot compile device\.cu"):
        measure_device_floors(DirectRunner(), CudaCompiler(("/bin/false",), "x"), tmp_path)


@pytest.mark.skipif(bool(gpu()), reason="a GPU is here")
def test_the_program_compiles_and_says_that_no_gpu_is_here(tmp_path: Path) -> None:
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not Path(nvcc).is_file():
        pytest.skip("no nvcc here")
    with pytest.raises(LoopwrightError, match="cudaMallocHost"):
        measure_device_floors(DirectRunner(), CudaCompiler((nvcc, "-arch=sm_90"), "none"), tmp_path)


def test_the_names_of_the_figures_are_those_of_the_program() -> None:
    source = (SOURCES / "device.cu").read_text()
    for name in FIGURES:
        assert f'printf("{name} %' in source
    assert floors_of(FIGURES, "x").peak_flops_f64 == FIGURES["f64"]
