"""Which compilers this machine has, and what of them really works: tried, not only found.

This is the one module of the room that starts processes, beside `doctor`. Every compiler is described
once per process.
"""

from __future__ import annotations

import os
import platform
import re
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.toolchains import rocm
from loopwright.toolchains.clang import Clang, Polly
from loopwright.toolchains.gcc import Gcc
from loopwright.toolchains.install import install_line
from loopwright.toolchains.nvhpc import NAMES as NVHPC_NAMES
from loopwright.toolchains.nvhpc import find_nvhpc
from loopwright.toolchains.probes import OPENMP_PROGRAM, gist, own_file, said
from loopwright.toolchains.toolchain import Toolchain

_DRIVER = re.compile(r"^(?P<family>gcc|clang)(?:-(?P<version>\d+(?:\.\d+)*))?$")

_CXX_PROGRAM = """\
#include <vector>
int main() {
    std::vector<int> v(1);
    return v[0];
}
"""
_POLLY_PROGRAM = """\
double a[2000][2000], b[2000][2000];
void add(void) {
    for (int i = 0; i < 2000; i++)
        for (int j = 0; j < 2000; j++)
            a[i][j] = a[i][j] * 1.5 + b[i][j];
}
"""


def discover() -> tuple[Toolchain, ...]:
    """Every gcc and clang on PATH that compiles: per family the unversioned one first, then newest first.

    Names that lead to the same compiler count once.
    """
    found: dict[str, Toolchain] = {}
    for path in _drivers(os.environ.get("PATH", "")):
        toolchain = describe(path)
        if toolchain is None:
            continue
        same = found.get(toolchain.name)
        if same is None:
            found[toolchain.name] = toolchain
        elif same.version != toolchain.version:
            found.setdefault(f"{toolchain.family}-{toolchain.version}", _renamed(toolchain))
    return tuple(found.values())


def find(name: str | None) -> Toolchain:
    """The toolchain called `name`: `gcc`, `clang`, one version (`clang-19`), `nvhpc`, `amdclang` or the path
    of a driver.

    None takes gcc when there is one, else clang. Of several that fit, the first in the order of `discover`
    whose OpenMP works.

    Raises:
        UsageError: when `name` is no compiler that Loopwright knows.
        ToolMissing: when it is not installed, or does not compile; says what is there.
    """
    if name is not None and "/" in name:
        path = Path(name)
        toolchain = describe(path.absolute()) if path.is_file() else None
        if toolchain is None:
            raise UsageError(
                f"{name!r} is not a gcc or clang that compiles here",
                where="toolchain",
                hint=f"found on PATH: {_names() or 'none'}",
            )
        return toolchain
    if name in NVHPC_NAMES:
        return find_nvhpc()
    if name == rocm.DRIVER:
        return _amdclang()
    match = _DRIVER.match("gcc" if name is None else name)
    if match is None:
        raise UsageError(
            f"{name!r} is not a compiler that Loopwright knows",
            where="toolchain",
            hint="allowed: gcc, clang, gcc-N, clang-N, nvhpc, amdclang or a path; "
            f"found here: {_names() or 'none'}",
        )
    for family in ("gcc", "clang") if name is None else (match["family"],):
        first: Toolchain | None = None
        for path in _drivers(os.environ.get("PATH", "")):
            toolchain = describe(path) if path.name.startswith(family) else None
            if toolchain is None or toolchain.family != family or not _fits(toolchain, match["version"]):
                continue
            # Debian's plain clang is often an old one without libomp, beside a newer one that has it.
            if isinstance(toolchain, Gcc | Clang) and not toolchain.openmp_problem:
                return toolchain
            first = first or toolchain
        if first is not None:
            return first
    raise ToolMissing(
        "neither gcc nor clang is installed"
        if name is None
        else f"{name} is not installed, or does not compile",
        where="toolchain",
        hint=f"found here: {_names() or 'no compiler'}; to get it: "
        + install_line(match["family"], version=match["version"] or ""),
    )


def _amdclang() -> Toolchain:
    path = rocm.amdclang()
    found = describe(path) if path is not None else None
    if not isinstance(found, Clang):
        problem = f"{path} is no clang that compiles" if path is not None else "amdclang is not installed"
        raise ToolMissing(problem, where="toolchain", hint=f"to get it: {rocm.INSTALL}")
    return replace(found, name=f"{rocm.DRIVER}-{found.major}")


def broken(family: str) -> tuple[Path, ...]:
    """Drivers on PATH with a name of `family` that are not what they are called, or do not compile."""
    named = (path for path in _drivers(os.environ.get("PATH", "")) if path.name.startswith(family))
    return tuple(path for path in named if (t := describe(path)) is None or t.family != family)


@cache
def cxx_problem(driver: Path) -> str:
    """Empty when a small C++ program with a standard header compiles with `driver` and runs."""
    with tempfile.TemporaryDirectory(prefix="loopwright-compiler-") as folder:
        return _problem(driver, _CXX_PROGRAM, ("-x", "c++"), Path(folder))


def _fits(toolchain: Toolchain, version: str | None) -> bool:
    return version is None or f"{toolchain.version}.".startswith(f"{version}.")


def _names() -> str:
    return ", ".join(toolchain.name for toolchain in discover())


def _renamed(toolchain: Toolchain) -> Toolchain:
    assert isinstance(toolchain, Gcc | Clang)
    return replace(toolchain, name=f"{toolchain.family}-{toolchain.version}")


@cache
def _drivers(search_path: str) -> tuple[Path, ...]:
    """Executables on `search_path` whose names are those of compilers, in the order of `discover`."""
    first: dict[str, Path] = {}
    for folder in search_path.split(os.pathsep):
        # An empty entry means the working folder, where a task's own files lie: never searched.
        if not folder:
            continue
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if _DRIVER.match(entry.name))
        except OSError:
            continue
        for name in names:
            path = Path(folder) / name
            if name not in first and path.is_file() and os.access(path, os.X_OK):
                first[name] = path
    return tuple(sorted(first.values(), key=_order))


def _order(path: Path) -> tuple[bool, float, tuple[int, ...]]:
    match = _DRIVER.match(path.name)
    assert match is not None
    numbers = tuple(-int(part) for part in (match["version"] or "").split(".") if part)
    return match["family"] != "gcc", 0 if not numbers else 1, numbers


@cache
def describe(driver: Path) -> Toolchain | None:
    """What `driver` is, with everything tried; None when it is neither gcc nor clang or cannot compile."""
    macros = _macros(driver, "c")
    version = _version(macros)
    if version is None:
        return None
    family = "clang" if "__clang__" in macros else "gcc"
    major = version.partition(".")[0]
    cxx = _cxx(driver, family, macros)
    with tempfile.TemporaryDirectory(prefix="loopwright-compiler-") as folder:
        scratch = Path(folder)
        if family == "gcc":
            offload = "OFFLOAD_TARGET_NAMES" in said((str(driver), "-v"), scratch)[1]
            flags = ("-fopenmp", "-foffload=disable") if offload else ("-fopenmp",)
            problem = _openmp_problem(driver, flags, scratch)
            if problem and not _compiles(driver, scratch):
                return None
            return Gcc(f"gcc-{major}", version, driver, cxx, problem, offload)
        problem, library_folder = _libomp(driver, scratch)
        if problem and not _compiles(driver, scratch):
            return None
        return Clang(
            f"clang-{major}",
            version,
            driver,
            cxx,
            problem,
            library_folder,
            _archer(driver, scratch),
            _polly(driver, scratch),
            "-mcpu=native" if platform.machine() in ("aarch64", "arm64") else "-march=native",
        )


def _macros(driver: Path, language: str) -> dict[str, str]:
    status, printed = said((str(driver), "-dM", "-E", "-x", language, "-"), Path("/"))
    if status != 0:
        return {}
    pairs = (line.split(" ", 2)[1:] for line in printed.splitlines() if line.startswith("#define __"))
    return {pair[0]: pair[1] if len(pair) == 2 else "" for pair in pairs if pair}


def _version(macros: dict[str, str]) -> str | None:
    prefix = "__clang_{}__" if "__clang__" in macros else "__GNUC{}__"
    keys = ("major", "minor", "patchlevel") if "__clang__" in macros else ("", "_MINOR", "_PATCHLEVEL")
    numbers = [macros.get(prefix.format(key), "") for key in keys]
    return ".".join(numbers) if all(number.isdigit() for number in numbers) else None


def _cxx(driver: Path, family: str, macros: dict[str, str]) -> Path | None:
    """The C++ driver beside `driver` that has the same version."""
    plain = "g++" if family == "gcc" else "clang++"
    if driver.name == rocm.DRIVER:
        plain = f"{rocm.DRIVER}++"
    match = _DRIVER.match(driver.name)
    suffix = f"-{match['version']}" if match is not None and match["version"] else ""
    for name in dict.fromkeys((plain + suffix, plain)):
        path = driver.with_name(name)
        if path.is_file() and _version(_macros(path, "c++")) == _version(macros):
            return path
    return None


def _compiles(driver: Path, scratch: Path) -> bool:
    return _compiled(driver, "int main(void) { return 0; }\n", (), scratch)[0] is not None


def _openmp_problem(driver: Path, flags: tuple[str, ...], scratch: Path) -> str:
    return _problem(driver, OPENMP_PROGRAM, flags, scratch)


def _problem(driver: Path, program: str, flags: tuple[str, ...], scratch: Path) -> str:
    """Empty when `program` compiles with `flags` and ends with status 0, else what went wrong."""
    executable, printed = _compiled(driver, program, flags, scratch)
    if executable is None:
        return f"a small program does not compile: {gist(printed)}"
    status, printed = said((str(executable),), scratch)
    if status == 3:
        return "a parallel region ran with one thread"
    return "" if status == 0 else f"a small program does not run: {gist(printed) or f'status {status}'}"


def _compiled(driver: Path, program: str, flags: tuple[str, ...], scratch: Path) -> tuple[Path | None, str]:
    """The executable, None when there is none, and what the compiler printed."""
    source, executable = scratch / "probe.c", scratch / "probe"
    source.write_text(program)
    executable.unlink(missing_ok=True)
    status, printed = said((str(driver), *flags, str(source), "-o", str(executable)), scratch)
    made = status == 0 and executable.is_file() and executable.read_bytes()[:4] == b"\x7fELF"
    return executable if made else None, printed


def _libomp(driver: Path, scratch: Path) -> tuple[str, Path | None]:
    """(what is wrong with OpenMP, the folder that programs must be told of to find libomp)."""
    problem = _openmp_problem(driver, ("-fopenmp=libomp",), scratch)
    if not problem:
        return "", None
    library = own_file(driver, "libomp.so", scratch)
    if library is not None:
        folder = library.parent
        told = ("-fopenmp=libomp", f"-L{folder}", f"-Wl,-rpath,{folder}")
        if not _openmp_problem(driver, told, scratch):
            return "", folder
    return problem, None


def _archer(driver: Path, scratch: Path) -> Path | None:
    return own_file(driver, "libarcher.so", scratch)


def _polly(driver: Path, scratch: Path) -> Polly:
    source, assembly = scratch / "polly.c", scratch / "polly.s"
    source.write_text(_POLLY_PROGRAM)
    common = (str(driver), "-O3", "-S", str(source), "-o", str(assembly), "-mllvm", "-polly")
    if said((*common, "-mllvm", "-polly-parallel"), scratch)[0] == 0 and assembly.is_file():
        text = assembly.read_text(errors="replace")
        return Polly.PARALLEL if re.search(r"GOMP_parallel|__kmpc_fork_call", text) else Polly.SERIAL
    return Polly.SERIAL if said(common, scratch)[0] == 0 else Polly.ABSENT
