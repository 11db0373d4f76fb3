"""NVIDIA's CUDA compiler. Without a GPU its programs are compiled and not run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Diagnostic
from loopwright.core.task import Language
from loopwright.toolchains import ptxas
from loopwright.toolchains.devices import NO_GPU, gpu
from loopwright.toolchains.install import install_line
from loopwright.toolchains.probes import Trial, major, tried_compiler
from loopwright.toolchains.toolchain import PrintsAll, Purpose, Variant

ARCHITECTURE = "sm_90"
"""Compiled for unless the task's flags name another one."""

FIGURES = ("-Xptxas", "-v,-warn-spills")
"""Has ptxas print what :func:`loopwright.toolchains.ptxas.kernel_figures` reads."""

_TIMEOUT_S = 120.0
_RELEASE = re.compile(r"release \d+\.\d+, V(?P<version>[\d.]+)")
_OWN = (
    "-O0", "-O1", "-O2", "-O3", "-D", "-U", "-I", "-std=", "-l", "-L", "-g", "-G", "--", "-arch",
    "-Xcompiler", "-Xptxas", "-maxrregcount", "-rdc", "-use_fast_math", "-ftz", "-fmad", "-prec-",
)  # fmt: skip
_ARCHITECTURES = ("-arch", "--gpu-architecture", "-gencode", "--generate-code")
_PROGRAM = """\
__global__ void twice(float *x) { x[threadIdx.x] *= 2; }
int main() {
    twice<<<1, 32>>>(nullptr);
    return 0;
}
"""


@dataclass(frozen=True)
class Nvcc(PrintsAll):
    """One nvcc. Made by :func:`find_nvcc`, which tried it.

    Attributes:
        path: of the driver. host: the C++ compiler that it hands host code to.
    """

    name: str
    version: str
    path: Path
    host: Path

    @property
    def family(self) -> str:
        """Always `nvcc`."""
        return "nvcc"

    def compiler(self, language: Language) -> Path:
        """nvcc itself, for every language: it hands C and C++ on."""
        return self.path

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """The variant's flags as nvcc knows them, the others for the host compiler, lines and figures."""
        flags: list[str] = []
        for flag in variant.flags:
            if flag == "-Ofast":
                flags += ["-O3", "-use_fast_math"]
            elif flag == "-ffast-math":
                flags.append("-use_fast_math")
            else:
                flags += [flag] if flag.startswith(_OWN) else ["-Xcompiler", flag]
        if not names_architecture(flags):
            flags.append(f"-arch={ARCHITECTURE}")
        if variant.purpose is Purpose.PROFILE:
            flags += ["-Xcompiler", "-g"]
        return (*flags, "-lineinfo", *FIGURES, *self._host_flags())

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """Nothing: programs are linked with the static runtime."""
        return {}

    @property
    def diagnostic_flags(self) -> tuple[str, ...]:
        """None: nvcc prints no colours when it does not write to a terminal."""
        return ()

    def parse_diagnostics(self, stderr: str) -> tuple[Diagnostic, ...]:
        """See :func:`loopwright.toolchains.ptxas.parse_diagnostics`."""
        return ptxas.parse_diagnostics(stderr)

    def _host_flags(self) -> tuple[str, ...]:
        # Builds have no PATH: without -B the host compiler does not find its assembler.
        return ("-ccbin", str(self.host), "-Xcompiler", f"-B{self.host.parent}")


def find_nvcc() -> Nvcc:
    """The nvcc of this machine, tried with a small program that is compiled, not run.

    Raises:
        ToolMissing: when there is none, or it does not compile; says which.
    """
    found = _described(os.environ.get("PATH", ""), os.environ.get("CUDA_HOME", ""))
    if isinstance(found, str):
        raise ToolMissing(found, where="nvcc", hint=f"to get it: {install_line('cuda')}")
    return found


def names_architecture(flags: Iterable[str]) -> bool:
    """Whether `flags` say for which GPU to compile."""
    return any(flag.startswith(_ARCHITECTURES) for flag in flags)


def status_of_device() -> str:
    """Why kernels do not run here; empty when they do."""
    return "" if gpu() else NO_GPU


@cache
def _described(search_path: str, cuda_home: str) -> Nvcc | str:
    """The nvcc that is found, or why there is none."""
    places = [shutil.which("nvcc", path=search_path), f"{cuda_home}/bin/nvcc" if cuda_home else None,
              "/usr/local/cuda/bin/nvcc"]  # fmt: skip
    path = next((Path(p) for p in places if p and Path(p).is_file()), None)
    if path is None:
        return "nvcc is not installed"
    host = next((Path(p) for name in ("g++", "clang++") if (p := shutil.which(name, path=search_path))), None)
    if host is None:
        return "nvcc needs a C++ compiler beside it"
    trial = Trial("probe.cu", _PROGRAM, timeout_s=_TIMEOUT_S)
    return tried_compiler(
        path, _RELEASE, lambda version: Nvcc(f"nvcc-{major(version)}", version, path, host), trial
    )
