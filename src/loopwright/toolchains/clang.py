"""Clang."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Remark
from loopwright.core.task import Language, Target
from loopwright.toolchains import remarks
from loopwright.toolchains.device import Device, DeviceSupport, support_for
from loopwright.toolchains.diagnostics import PlainText
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Variant

_SANITIZED = ("-gdwarf-4", "-O1", "-fno-omit-frame-pointer")


class Polly(StrEnum):
    """What this clang's Polly does. Several releases accept -polly-parallel and emit serial code."""

    ABSENT = "absent"
    SERIAL = "serial"
    PARALLEL = "parallel"


@dataclass(frozen=True)
class Clang(PlainText):
    """One clang. Made by `loopwright.toolchains.discovery`, which tries what the fields say.

    Attributes:
        cc: the C driver as it was found on PATH; `cxx` is the C++ driver of the same version, or None.
        openmp_problem: empty when an OpenMP program compiled and ran, else what went wrong.
        library_folder: folder of libomp that built programs must be told of, None when they find it.
        archer: libarcher.so, which tells ThreadSanitizer of OpenMP's synchronisation; None when missing.
        polly: what its polyhedral optimiser can do.
        native_flag: how -march=native is spelt on this architecture.
        devices: what was tried of offloading (`toolchains.devices`); empty when nothing was.
    """

    name: str
    version: str
    cc: Path
    cxx: Path | None = None
    openmp_problem: str = ""
    library_folder: Path | None = None
    archer: Path | None = None
    polly: Polly = Polly.ABSENT
    native_flag: str = "-march=native"
    devices: tuple[DeviceSupport, ...] = ()

    @property
    def family(self) -> str:
        """Always `clang`."""
        return "clang"

    @property
    def major(self) -> str:
        """As in `19`."""
        return self.version.partition(".")[0]

    def compiler(self, language: Language) -> Path:
        """The driver for `language`. Raises ToolMissing when clang++ of this version is not there."""
        if language is Language.C:
            return self.cc
        if self.cxx is None:
            raise ToolMissing(
                f"{self.name} has no C++ compiler beside {self.cc}",
                hint=f"to get it: {install_line('clang', version=self.major)}",
            )
        return self.cxx

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """Flags of the compile step. Raises ToolMissing when the target needs OpenMP that does not work."""
        own = tuple(self.native_flag if flag == "-march=native" else flag for flag in variant.flags)
        return (*own, *self._target_flags(variant), *self._purpose_flags(variant))

    def link_flags(self, variant: Variant) -> tuple[str, ...]:
        """Flags of the link step: the runtimes that target and purpose bring with them."""
        sanitizer = tuple(f for f in self._purpose_flags(variant) if f.startswith("-fsanitize"))
        openmp = self._target_flags(variant)
        if not openmp and variant.purpose is Purpose.AUTO_PARALLEL and self.polly is Polly.PARALLEL:
            openmp = ("-fopenmp=libomp",)
        if openmp and self.library_folder is not None:
            openmp = (*openmp, f"-Wl,-rpath,{self.library_folder}")
        return (*openmp, *sanitizer)

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """For races: Archer by name (it does not always load by itself, and then every barrier looks like
        a race) and libomp's own memory accesses left out. For offloading what the device needs.
        """
        if variant.target is Target.OFFLOAD and variant.device is not Device.FALLBACK:
            return support_for(self.devices, variant.device, self.name).environment
        if variant.purpose is not Purpose.RACES or not variant.target.uses_openmp:
            return {}
        settings = {"TSAN_OPTIONS": "ignore_noninstrumented_modules=1"}
        if self.archer is not None:
            settings["OMP_TOOL_LIBRARIES"] = str(self.archer)
        return settings

    def remark_flags(self, output: Path) -> tuple[str, ...]:
        """One compilation of one source: a second one overwrites `output`."""
        return ("-fsave-optimization-record=yaml", f"-foptimization-record-file={output}")

    def parse_remarks(self, content: bytes) -> tuple[Remark, ...]:
        """See :func:`loopwright.toolchains.remarks.from_clang`."""
        return remarks.from_clang(content)

    def _target_flags(self, variant: Variant) -> tuple[str, ...]:
        if not variant.target.uses_openmp:
            return ()
        if self.openmp_problem:
            raise ToolMissing(
                f"OpenMP does not work with {self.name}: {self.openmp_problem}",
                hint=f"to get it: {install_line('libomp', version=self.major)}",
            )
        # Named, because a clang configured for libgomp takes a bare -fopenmp and ignores every pragma.
        if variant.target is Target.OFFLOAD:
            return ("-fopenmp=libomp", *support_for(self.devices, variant.device, self.name).compile_flags)
        return ("-fopenmp=libomp",)

    def _purpose_flags(self, variant: Variant) -> tuple[str, ...]:
        match variant.purpose:
            case Purpose.TIME:
                return ()
            case Purpose.PROFILE:
                # DWARF 4: valgrind and addr2line of stable distributions stumble over clang's DWARF 5.
                return ("-gdwarf-4", "-fno-omit-frame-pointer")
            case Purpose.AUTO_PARALLEL:
                return self._polly_flags()
            case Purpose.RACES:
                return ("-fsanitize=thread", *_SANITIZED)
            case Purpose.ADDRESSES:
                return ("-fsanitize=address", *_SANITIZED)
            case Purpose.UNDEFINED:
                return ("-fsanitize=undefined", "-fno-sanitize-recover=all", *_SANITIZED)

    def _polly_flags(self) -> tuple[str, ...]:
        # Without Polly the build fails with clang's own message: a value, told as this variant's reason.
        if self.polly is Polly.PARALLEL and not self.openmp_problem:
            return ("-mllvm", "-polly", "-mllvm", "-polly-parallel")
        return ("-mllvm", "-polly")
