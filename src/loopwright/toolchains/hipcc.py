"""AMD's HIP compiler. Without a GPU its programs are compiled and not run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Diagnostic
from loopwright.core.task import Language
from loopwright.toolchains.amdgpu import RESOURCE_FLAG
from loopwright.toolchains.diagnostics import PlainText, parse
from loopwright.toolchains.install import install_line
from loopwright.toolchains.probes import Trial, major, tried_compiler
from loopwright.toolchains.rocm import ARCHITECTURE
from loopwright.toolchains.toolchain import PrintsAll, Purpose, Variant

_TIMEOUT_S = 120.0
_FOR_AMD: Mapping[str, str] = {"HIP_PLATFORM": "amd"}
_VERSION = re.compile(r"^HIP version: (?P<version>\d+(?:\.\d+)*)", re.MULTILINE)
_PROGRAM = """\
#include <hip/hip_runtime.h>
__global__ void twice(float *x) { x[threadIdx.x] *= 2; }
int main() {
    twice<<<1, 64>>>(nullptr);
    return 0;
}
"""


@dataclass(frozen=True)
class Hipcc(PrintsAll, PlainText):
    """One hipcc. Made by :func:`find_hipcc`, which tried it.

    Attributes:
        path: of the driver, which starts a clang of its own.
    """

    name: str
    version: str
    path: Path

    @property
    def family(self) -> str:
        """Always `hipcc`."""
        return "hipcc"

    def compiler(self, language: Language) -> Path:
        """hipcc itself, for every language."""
        return self.path

    @property
    def build_environment(self) -> Mapping[str, str]:
        """That it is to compile for AMD: where it finds nvcc, it would hand everything to that."""
        return _FOR_AMD

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """The variant's flags, those about the processor for host code alone, and figures of kernels."""
        flags: list[str] = []
        for flag in variant.flags:
            flags += ["-Xarch_host", flag] if flag.startswith("-m") else [flag]
        if not any(flag.startswith(("--offload-arch", "--cuda-gpu-arch")) for flag in flags):
            flags.append(f"--offload-arch={ARCHITECTURE}")
        if variant.purpose is Purpose.PROFILE:
            flags.append("-g")
        return (*flags, RESOURCE_FLAG)

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """Nothing: no program of it is run."""
        return {}

    def parse_diagnostics(self, stderr: str) -> tuple[Diagnostic, ...]:
        """Those of the clang beneath; figures of kernels are none."""
        return parse("\n".join(line for line in stderr.splitlines() if RESOURCE_FLAG not in line))


def find_hipcc() -> Hipcc:
    """The hipcc of this machine, tried with a small program that is compiled, not run.

    Raises:
        ToolMissing: when there is none, or it does not compile; says which.
    """
    found = _described(os.environ.get("PATH", ""), os.environ.get("ROCM_PATH", ""))
    if isinstance(found, str):
        raise ToolMissing(found, where="hipcc", hint=f"to get it: {install_line('hip')}")
    return found


@cache
def _described(search_path: str, rocm: str) -> Hipcc | str:
    """The hipcc that is found, or why there is none."""
    places = [shutil.which("hipcc", path=search_path), f"{rocm}/bin/hipcc" if rocm else None,
              "/opt/rocm/bin/hipcc"]  # fmt: skip
    path = next((Path(p) for p in places if p and Path(p).is_file()), None)
    if path is None:
        return "hipcc is not installed"
    trial = Trial("probe.hip", _PROGRAM, environment=_FOR_AMD, timeout_s=_TIMEOUT_S)
    return tried_compiler(
        path, _VERSION, lambda version: Hipcc(f"hipcc-{major(version)}", version, path), trial
    )
