"""The emulation as a toolchain: an ordinary C++ compiler with our header, rewriter and runtime.

Programs are built as with any other toolchain. The builder has it prepare the tree first: it rewrites the
CUDA sources and puts the header and the compiled runtime beside them.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Diagnostic, Remark
from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.harness.cuda_emulation.hip import HIP
from loopwright.harness.cuda_emulation.refusals import CUDA, Rules
from loopwright.harness.cuda_emulation.rewrite import rewritten_tree
from loopwright.system.compiled import cache_folder
from loopwright.system.store import write_atomically
from loopwright.tasks.read import CUDA_SUFFIXES, HIP_SUFFIX
from loopwright.toolchains import discovery, trials
from loopwright.toolchains.install import install_line
from loopwright.toolchains.toolchain import Purpose, Toolchain, Variant

FOLDER = ".loopwright_cuda"
"""Where header and runtime lie in a prepared tree."""

FOUND_SOMETHING = 71
"""Exit status of a program in which the runtime found a fault."""

_HERE = Path(__file__).parent
_RUNTIME_FLAGS = ("-std=c++17", "-O2", "-fPIC")
_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Model:
    """CUDA, or HIP: the same emulation under other names, with lanes of another number.

    Attributes:
        rules: what of it is not emulated.
        source_flags: by suffix, beside those that every emulated source is compiled with.
        defines: what its compiler defines.
    """

    name: str
    rules: Rules
    source_flags: Mapping[str, tuple[str, ...]]
    defines: tuple[str, ...] = ()


_KERNELS = ("-x", "c++", "-std=c++17")
CUDA_MODEL = Model("cuda", CUDA, dict.fromkeys(CUDA_SUFFIXES, (*_KERNELS, "-include", "cuda_runtime.h")))
# Every C++ source is one of HIP to its compiler; no header stands in front by itself.
HIP_MODEL = Model(
    "hip",
    HIP,
    dict.fromkeys((HIP_SUFFIX, ".cpp", ".cc", ".cxx", ".c++", ".C"), _KERNELS),
    ("-D__HIP__=1", "-D__HIPCC__=1", "-D__HIP_PLATFORM_AMD__=1"),
)


@dataclass(frozen=True)
class EmulatedCuda:
    """CUDA, or HIP, on the CPU, compiled by `base`. Made by :func:`emulation`, which compiles the runtime.

    Every program is instrumented: out-of-bounds accesses and mixed-up pointers end it with status
    `FOUND_SOMETHING` and a report on standard error. Races are looked for when the environment says
    LOOPWRIGHT_CUDA_RACES=1; LOOPWRIGHT_CUDA_SEED chooses the order of blocks and threads.
    """

    base: Toolchain
    runtime: bytes
    model: Model = CUDA_MODEL

    @property
    def name(self) -> str:
        """As in `cuda-emulated-clang-19`."""
        return f"{self.family}-{self.base.name}"

    @property
    def family(self) -> str:
        """`cuda-emulated` or `hip-emulated`."""
        return f"{self.model.name}-emulated"

    @property
    def version(self) -> str:
        """That of the compiler beneath, and which runtime: a control that was passed is of that one."""
        return f"{self.base.version}-{hashlib.sha256(self.runtime).hexdigest()[:8]}"

    def compiler(self, language: Language) -> Path:
        """The C++ driver beneath, whatever the language: CUDA sources are C++ to it."""
        return self.base.compiler(Language.C if language is Language.C else Language.CXX)

    def compile_flags(self, variant: Variant) -> tuple[str, ...]:
        """The task's definitions and warnings, not its optimisation: what is reported has to name lines."""
        kept = tuple(flag for flag in variant.flags if flag.startswith(("-D", "-U", "-std=", "-I")))
        return (
            *kept,
            *self.model.defines,
            "-O1",
            "-gdwarf-4",
            "-fno-omit-frame-pointer",
            f"-isystem{FOLDER}/include",
        )

    def source_flags(self, source: str) -> tuple[str, ...]:
        """A call before every access of C++ and CUDA; sources with kernels as C++17."""
        suffix = PurePosixPath(source).suffix
        own = self.model.source_flags.get(suffix, ())
        return () if suffix == ".c" else (*own, "-fsanitize=thread")

    def link_flags(self, variant: Variant) -> tuple[str, ...]:
        """The runtime. Not -fsanitize=thread, which would bring that of the compiler."""
        return (f"{FOLDER}/runtime.o",)

    def environment(self, variant: Variant) -> Mapping[str, str]:
        """The symbolizer, by which reports name lines, and whether to look for races."""
        races = "1" if variant.purpose is Purpose.RACES else "0"
        return {"LOOPWRIGHT_CUDA_SYMBOLIZER": trials.symbolizer(), "LOOPWRIGHT_CUDA_RACES": races}

    @property
    def diagnostic_flags(self) -> tuple[str, ...]:
        """Those of the compiler beneath."""
        return self.base.diagnostic_flags

    def parse_diagnostics(self, stderr: str) -> tuple[Diagnostic, ...]:
        """Those of the compiler beneath."""
        return self.base.parse_diagnostics(stderr)

    def remark_flags(self, output: Path) -> tuple[str, ...]:
        """None: how the emulation is optimised says nothing about a device."""
        return ()

    def parse_remarks(self, content: bytes) -> tuple[Remark, ...]:
        """None."""
        return ()

    def prepared(self, tree: Tree) -> Tree:
        """`tree` with its CUDA sources rewritten, and header and runtime beside them."""
        ours = {
            f"{FOLDER}/{path.relative_to(_HERE).as_posix()}": path.read_bytes()
            for path in sorted((_HERE / "include").rglob("*.h"))
        }
        return Tree({**rewritten_tree(tree, self.model.rules), **ours, f"{FOLDER}/runtime.o": self.runtime})


def emulation(base: Toolchain) -> EmulatedCuda:
    """The emulation of CUDA with the C++ compiler of `base`.

    Raises:
        ToolMissing: when it has none, or one that does not build the runtime.
    """
    return EmulatedCuda(base, _runtime(base.compiler(Language.CXX), base.version))


def possible_bases() -> tuple[Toolchain, ...]:
    """The compilers here that might serve, clang before gcc: it tells of memcpy in kernels, gcc does not."""
    return tuple(sorted(discovery.discover(), key=lambda t: t.family != "clang"))


def find_emulation(name: str | None = None) -> EmulatedCuda:
    """The emulation of CUDA with the compiler called `name`, or with the first one here that builds it.

    Raises:
        UsageError: when `name` is no compiler that Loopwright knows.
        ToolMissing: when there is no C++ compiler that builds the runtime.
    """
    if name is not None:
        return emulation(discovery.find(name))
    problem = ToolMissing("no C++ compiler", where="cuda emulation", hint=f"to get it: {install_line('g++')}")
    for base in possible_bases():
        try:
            return emulation(base)
        except ToolMissing as error:
            problem = error
    raise problem


def find_hip_emulation(name: str | None = None) -> EmulatedCuda:
    """:func:`find_emulation` for HIP."""
    return replace(find_emulation(name), model=HIP_MODEL)


@cache
def _runtime(compiler: Path, version: str) -> bytes:
    """The runtime as one object file; compiled once for each compiler and kept in the cache folder."""
    sources = sorted((_HERE / "runtime").glob("*.cpp"))
    parts = [*sources, *sorted((_HERE / "runtime").glob("*.h")), *sorted((_HERE / "include").rglob("*.h"))]
    state = hashlib.sha256(repr((str(compiler), version, _RUNTIME_FLAGS)).encode())
    for part in parts:
        state.update(part.read_bytes())
    kept = cache_folder() / f"cuda-emulation-{state.hexdigest()[:16]}.o"
    if kept.is_file():
        return kept.read_bytes()
    with tempfile.TemporaryDirectory(prefix="loopwright-cuda-") as folder:
        objects: list[str] = []
        running: list[tuple[Path, subprocess.Popen[bytes]]] = []
        for source in sources:
            objects.append(f"{folder}/{source.stem}.o")
            command = (
                str(compiler),
                *_RUNTIME_FLAGS,
                f"-I{_HERE / 'include'}",
                "-c",
                str(source),
                "-o",
                objects[-1],
            )
            running.append(
                (source, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
            )
        said = [
            (source, process.communicate(timeout=_TIMEOUT_S)[0], process.returncode)
            for source, process in running
        ]
        for source, printed, status in said:
            if status != 0:
                raise ToolMissing(
                    f"{compiler} does not build the emulation of CUDA ({source.name}): {_gist(printed)}",
                    where="cuda emulation",
                    hint=f"to get another compiler: {install_line('clang')}",
                )
        joined = f"{folder}/runtime.o"
        done = subprocess.run(
            (str(compiler), "-r", "-nostdlib", *objects, "-o", joined),
            capture_output=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise ToolMissing(
                f"{compiler} does not join the parts of the emulation of CUDA: {_gist(done.stderr)}",
                where="cuda emulation",
                hint=f"to get a linker: {install_line('binutils')}",
            )
        content = Path(joined).read_bytes()
    write_atomically(kept, content)
    return content


def _gist(printed: bytes) -> str:
    lines = printed.decode("utf-8", "replace").splitlines()
    return next((line for line in lines if "error" in line), lines[-1] if lines else "no reason given")[:300]
