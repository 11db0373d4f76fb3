"""GCC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Remark
from loopwright.core.task import Language, Target
from loopwright.toolchains import remarks
from loopwright.toolchains.device import Device, DeviceSupport, support_for
from loopwright.toolchains.diagnostics import PlainText
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Variant

_SANITIZED = ("-g", "-O1", "-fno-omit-frame-pointer")


@dataclass(frozen=True)
class Gcc(PlainText):
    """One gcc. Made by `loopwright.toolchains.discovery`, which tries what the fields say.

    Attributes:
        cc: the C driver as it was found on PATH; `cxx` is the C++ driver of the same version, or None.
        openmp_problem: empty when an OpenMP program compiled and ran, else what went wrong.
        offload: whether this gcc was configured with offload targets.
        devices: what was tried of offloading (`toolchains.devices`); empty when nothing was.
    """

    name: str
    version: str
    cc: Path
    cxx: Path | None = None
    openmp_problem: str = ""
    offload: bool = False
    devices: tuple[DeviceSupport, ...] = ()

    @property
    def family(self) -> str:
        """Always `gcc`."""
        return "gcc"

    def compiler(self, language: Language) -> Path:
        """The driver for `language`. Raises ToolMissing when g++ of this version is not there."""
        if language is Language.C:
            return self.cc
        if self.cxx is None:
            major = self.version.partition(".")[0]
            raise ToolMissing(
                f"{self.name} has no C++ compiler beside {self.cc}",
                hint=f"to get it: {install_line('g++', version=major)}",
            )
        return self.cxx

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """Flags of the compile step. Raises ToolMissing when the target needs OpenMP that does not work."""
        return (*variant.flags, *self._target_flags(variant), *self._purpose_flags(variant))

    def link_flags(self, variant: Variant) -> tuple[str, ...]:
        """Flags of the link step: the runtimes that target and purpose bring with them."""
        purpose = tuple(
            f for f in self._purpose_flags(variant) if f.startswith(("-fsanitize", "-ftree-parallelize"))
        )
        return (*self._target_flags(variant), *purpose)

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """What an offload device needs, else nothing: gcc's runtimes lie where the dynamic linker looks."""
        if variant.target is Target.OFFLOAD and variant.device is not Device.FALLBACK:
            return support_for(self.devices, variant.device, self.name).environment
        return {}

    def remark_flags(self, output: Path) -> tuple[str, ...]:
        """One compilation of one source: a second one overwrites `output`."""
        # Without the internals gcc gives the reason of the last vector size it tried: never the telling one.
        internals = "-internals" if int(self.version.partition(".")[0]) >= 9 else ""
        return (f"-fopt-info-optimized-missed{internals}={output}",)

    def parse_remarks(self, content: bytes) -> tuple[Remark, ...]:
        """See :func:`loopwright.toolchains.remarks.from_gcc`."""
        return remarks.from_gcc(content)

    def _target_flags(self, variant: Variant) -> tuple[str, ...]:
        if not variant.target.uses_openmp:
            return ()
        if self.openmp_problem:
            raise ToolMissing(
                f"OpenMP does not work with {self.name}: {self.openmp_problem}",
                hint=f"to get it: {install_line('libgomp')}",
            )
        if variant.target is Target.OFFLOAD and variant.device is not Device.FALLBACK:
            return ("-fopenmp", *support_for(self.devices, variant.device, self.name).compile_flags)
        # With an offload package installed, a plain -fopenmp compiles every target region for the device,
        # which fails where the device's assembler does not fit.
        return ("-fopenmp", "-foffload=disable") if self.offload else ("-fopenmp",)

    def _purpose_flags(self, variant: Variant) -> tuple[str, ...]:
        match variant.purpose:
            case Purpose.TIME:
                return ()
            case Purpose.PROFILE:
                return ("-g", "-fno-omit-frame-pointer")
            case Purpose.AUTO_PARALLEL:
                return (f"-ftree-parallelize-loops={variant.threads}",)
            case Purpose.RACES:
                return ("-fsanitize=thread", *_SANITIZED)
            case Purpose.ADDRESSES:
                return ("-fsanitize=address", *_SANITIZED)
            case Purpose.UNDEFINED:
                return ("-fsanitize=undefined", "-fno-sanitize-recover=all", *_SANITIZED)
