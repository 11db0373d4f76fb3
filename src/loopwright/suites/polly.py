"""Polly's parallel code with whichever OpenMP runtime is there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from loopwright.toolchains.clang import Clang
from loopwright.toolchains.toolchain import Variant


@dataclass(frozen=True)
class ParallelPolly(Clang):
    """A clang whose builds all go through Polly, parallel code allowed.

    Polly calls the runtime by the names of libgomp (GOMP_parallel_loop_runtime_start and the like), which
    gcc brings along: no libomp of the same version is needed, of which Debian installs but one at a time.
    """

    @classmethod
    def of(cls, clang: Clang) -> ParallelPolly:
        """The parallel Polly of `clang`."""
        fields = {f.name: getattr(clang, f.name) for f in dataclasses.fields(Clang)}
        return cls(**{**fields, "name": f"{clang.name}-polly-parallel"})

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """The variant's flags and Polly's."""
        own = tuple(self.native_flag if flag == "-march=native" else flag for flag in variant.flags)
        return (*own, "-mllvm", "-polly", "-mllvm", "-polly-parallel")

    def link_flags(self, variant: Variant) -> tuple[str, ...]:
        """The runtime."""
        return ("-lgomp",)
