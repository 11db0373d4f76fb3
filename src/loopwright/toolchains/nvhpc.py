"""NVIDIA's HPC compilers, nvc and nvc++. Flags as their user guide has them; what they print as public
threads quote it (versions 22.1 to 23.7). They were never run here.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Diagnostic, Severity
from loopwright.core.task import Language, Target
from loopwright.toolchains import diagnostics
from loopwright.toolchains.device import Device
from loopwright.toolchains.probes import OPENMP_PROGRAM, Trial, major, tried_compiler
from loopwright.toolchains.toolchain import PrintsAll, Purpose, Variant

NAMES = ("nvhpc", "nvc", "nvc++")
"""What it may be asked for as."""

ARCHITECTURE = "cc80"
"""Compiled for unless the task's flags name another one."""

_HINT = "to get it: NVIDIA HPC SDK, developer.nvidia.com/hpc-sdk; put its compilers/bin on PATH"
_VERSION = re.compile(r"^nvc(?:\+\+)? (?P<version>\d+\.\d+)-\d+ ", re.MULTILINE)
_FRONT = re.compile(
    r'^"(?P<file>[^"]+)", line (?P<line>\d+): '
    r"(?P<kind>(?:catastrophic |command-line |internal )?error|warning|remark): (?P<message>.+)$"
)
_BACK = re.compile(
    r"^NV(?:C\+\+|FORTRAN)-(?P<kind>[IWSF])-(?P<number>\d{4})-(?P<message>.*?)"
    r"(?:\s+\((?P<file>[^()]+?)(?:: (?P<line>\d+))?\))?$"
)
_DRIVER = re.compile(r"^nvc(?:\+\+)?-(?P<kind>Error|Fatal|Warning)-(?P<message>.+)$")
_BACK_KINDS = {"I": Severity.NOTE, "W": Severity.WARNING, "S": Severity.ERROR, "F": Severity.ERROR}
_FUNCTION = re.compile(r"^(?P<name>[A-Za-z_~].*[\w)>\]]):$")
_PLACED = re.compile(r"^\s*(?P<line>\d+), (?P<message>\S.*)$")


@dataclass(frozen=True)
class Nvhpc(PrintsAll):
    """One nvc. Made by :func:`find_nvhpc`, which tried it.

    Attributes:
        cc: the C driver; `cxx` is the nvc++ beside it, or None.
    """

    name: str
    version: str
    cc: Path
    cxx: Path | None = None

    @property
    def family(self) -> str:
        """Always `nvhpc`."""
        return "nvhpc"

    def compiler(self, language: Language) -> Path:
        """The driver for `language`. Raises ToolMissing when nvc++ is not there."""
        if language is Language.C:
            return self.cc
        if self.cxx is None:
            raise ToolMissing(f"{self.name} has no nvc++ beside {self.cc}", hint=_HINT)
        return self.cxx

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """Flags of the compile step. Raises ToolMissing for sanitizers, which it has none of, and for a
        device that is no NVIDIA GPU.
        """
        own = ("-tp=native" if flag == "-march=native" else flag for flag in variant.flags)
        return (*own, *self._target_flags(variant), *self._purpose_flags(variant))

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """For a GPU, that target regions may not run on the host instead."""
        gpu = variant.target is Target.OFFLOAD and variant.device is Device.NVPTX
        return {"OMP_TARGET_OFFLOAD": "MANDATORY"} if gpu else {}

    @property
    def diagnostic_flags(self) -> tuple[str, ...]:
        """What became of loops and target regions, printed while it compiles: there is no file of it."""
        return ("-Minfo=all",)

    def parse_diagnostics(self, stderr: str) -> tuple[Diagnostic, ...]:
        """See :func:`parse`."""
        return parse(stderr)

    def _target_flags(self, variant: Variant) -> tuple[str, ...]:
        if not variant.target.uses_openmp:
            return ()
        if variant.target is not Target.OFFLOAD or variant.device is Device.FALLBACK:
            return ("-mp=multicore",)
        if variant.device is Device.NVPTX:
            chosen = any(flag.startswith("-gpu=") for flag in variant.flags)
            return ("-mp=gpu",) if chosen else ("-mp=gpu", f"-gpu={ARCHITECTURE}")
        raise ToolMissing(
            f"{self.name} has no device '{variant.device}' to test mappings on",
            hint="--toolchain clang, or none: then a clang that has one is chosen",
        )

    def _purpose_flags(self, variant: Variant) -> tuple[str, ...]:
        match variant.purpose:
            case Purpose.TIME:
                return ()
            case Purpose.PROFILE:
                return ("-gopt",)
            case Purpose.AUTO_PARALLEL:
                return ("-Mconcur",)
            case _:
                raise ToolMissing(f"{self.name} has no sanitizer for {variant.purpose}")


def parse(printed: str) -> tuple[Diagnostic, ...]:
    """Diagnostics of the front end, the back end and the driver, those of linker and make, and as notes what
    -Minfo says: of a function and a line, without a file, since nvc names none.
    """
    found: list[Diagnostic] = []
    others: list[str] = []
    function, line = "", 0
    for text in printed.splitlines():
        if (own := next(_own(text), None)) is not None:
            found.append(own)
            function, line = "", 0
        elif (match := _PLACED.match(text)) is not None and function:
            line = int(match["line"])
            found.append(Diagnostic(Severity.NOTE, f"{function}: {match['message']}", line=line))
        elif text[:1].isspace() and text.strip() and function and line:
            found.append(Diagnostic(Severity.NOTE, f"{function}: {text.strip()}", line=line))
        else:
            match = _FUNCTION.match(text)
            function, line = match["name"] if match is not None else "", 0
            others.append(text)
    rest = diagnostics.parse("\n".join(others))
    if any(each.severity is Severity.ERROR for each in found):
        # That make failed says nothing beside why.
        rest = tuple(each for each in rest if not each.message.startswith("make: ["))
    return tuple(dict.fromkeys((*found, *rest)))


def _own(text: str) -> Iterator[Diagnostic]:
    if (match := _FRONT.match(text)) is not None:
        kind = match["kind"]
        severity = {"warning": Severity.WARNING, "remark": Severity.NOTE}.get(kind, Severity.ERROR)
        yield Diagnostic(severity, match["message"], match["file"], int(match["line"]))
    elif (match := _BACK.match(text)) is not None:
        yield Diagnostic(
            _BACK_KINDS[match["kind"]],
            match["message"],
            match["file"] or "",
            int(match["line"] or 0),
            option=f"{match['kind']}-{match['number']}",
        )
    elif (match := _DRIVER.match(text)) is not None:
        severity = Severity.WARNING if match["kind"] == "Warning" else Severity.ERROR
        yield Diagnostic(severity, f"nvc: {match['message']}")


def find_nvhpc() -> Nvhpc:
    """The nvc of this machine, tried with a small OpenMP program.

    Raises:
        ToolMissing: when there is none, or it does not compile; says which.
    """
    found = _described(os.environ.get("PATH", ""))
    if isinstance(found, str):
        raise ToolMissing(found, where="toolchain", hint=_HINT)
    return found


@cache
def _described(search_path: str) -> Nvhpc | str:
    """The nvc that is found, or why there is none."""
    path = shutil.which("nvc", path=search_path)
    if path is None:
        return "nvc is not installed"
    cc, beside = Path(path), Path(path).with_name("nvc++")
    trial = Trial("probe.c", OPENMP_PROGRAM, what="small OpenMP program", runs=True)
    cxx = beside if beside.is_file() else None
    return tried_compiler(
        cc, _VERSION, lambda version: Nvhpc(f"nvhpc-{major(version)}", version, cc, cxx), trial
    )
