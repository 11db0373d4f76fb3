"""What is installed on this machine, what each thing enables, and how to get the rest. Data only."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Language
from loopwright.system.bubblewrap import BubblewrapRunner, bubblewrap_problem
from loopwright.system.execution import Command, Limits
from loopwright.system.gpu_files import Gpu, gpu_files
from loopwright.toolchains import devices, discovery, hipcc, nvcc, nvhpc, nvidia_tools, rocm, trials
from loopwright.toolchains.clang import Clang, Polly
from loopwright.toolchains.device import Device
from loopwright.toolchains.gcc import Gcc
from loopwright.toolchains.install import install_line
from loopwright.toolchains.probes import gist
from loopwright.toolchains.toolchain import Tool, Toolchain

_GPU_S = 60.0

_COMPILES = {
    "gcc": "building and timing C tasks; the compiler used unless another is asked for",
    "clang": "a second compiler (--toolchain clang), with its own remarks and parallelisation",
}
_POLLY = {
    Polly.PARALLEL: "Polly parallelises here",
    Polly.SERIAL: "Polly is there; its parallel code comes out serial in this release",
    Polly.ABSENT: "built without Polly: no automatic parallelisation to compare with",
}
_COMPILES_CXX = {"gcc": "building and timing C++ tasks", "clang": "C++ tasks with clang"}
_CXX = {"gcc": "g++", "clang": "clang"}
_OPENMP = {"gcc": "libgomp", "clang": "libomp"}
_DEVICES = {"gcc": (Device.NVPTX,), "clang": (Device.HOST, Device.NVPTX)}
_DEVICE_NAMES = {Device.HOST: "host device", Device.NVPTX: "NVIDIA offload"}
_OFFLOADS = {
    Device.HOST: "--target offload without a GPU: target regions run with a memory of their own",
    Device.NVPTX: "compiling target regions for NVIDIA GPUs",
}


def examine() -> tuple[Tool, ...]:
    """Every tool that Loopwright can use, each really tried. `found` means that it works; one that is there
    and does not work has a path, and a note that says why.
    """
    return (
        *_compilers(), *_others(), _gpu(), *_on_a_gpu(), *_packages(), _bubblewrap(), *_profiling(),
        *_plain(), *_agents(),
    )  # fmt: skip


def _compilers() -> Iterator[Tool]:
    found = [t for t in discovery.discover() if isinstance(t, Gcc | Clang)]
    for family in ("gcc", "clang"):
        own = [t for t in found if t.family == family]
        if not own:
            broken = discovery.broken(family)
            notes = tuple(f"{path} does not compile a small program" for path in broken)
            yield Tool(
                family,
                _COMPILES[family],
                found=False,
                path=str(broken[0]) if broken else "",
                install=install_line(family),
                notes=notes,
            )
        for toolchain in own:
            notes = (_POLLY[toolchain.polly],) if isinstance(toolchain, Clang) else ()
            yield Tool(
                toolchain.name, _COMPILES[family], True, str(toolchain.cc), toolchain.version, notes=notes
            )
            yield _cxx(toolchain)
            yield _openmp(toolchain)
            for device in _DEVICES[toolchain.family]:
                yield _device(toolchain, device)


def _others() -> Iterator[Tool]:
    """Compilers of one maker's devices."""
    nvc = "NVIDIA's nvc and nvc++ (--toolchain nvhpc): building and timing with OpenMP"
    yield _found("nvhpc", nvc, nvhpc.find_nvhpc)
    amd = "AMD's clang (--toolchain amdclang): building and timing with OpenMP"
    yield _found(rocm.DRIVER, amd, lambda: discovery.find(rocm.DRIVER))
    cuda = "compiling CUDA: the gate `nvcc`, registers and spills of kernels"
    yield _found("nvcc", cuda, nvcc.find_nvcc, nvcc.status_of_device())
    hip = "compiling HIP: the gate `hipcc`, registers and scratch of kernels on AMD GPUs"
    yield _found("hipcc", hip, hipcc.find_hipcc, f"for {rocm.ARCHITECTURE}: compiled; nothing is run by it")


def _found(name: str, enables: str, find: Callable[[], Toolchain], note: str = "") -> Tool:
    """What `find` tried; `note` is for where it is found."""
    try:
        found = find()
    except ToolMissing as error:
        install = error.hint.removeprefix("to get it: ")
        return Tool(name, enables, False, install=install, notes=(error.message,))
    path = str(found.compiler(Language.C))
    return Tool(name, enables, True, path, found.version, notes=(note,) if note else ())


def _gpu() -> Tool:
    """The first GPU, and whether programs that are built for it see it in the sandbox."""
    enables = "running on the device what was compiled for it"
    path, name = shutil.which("nvidia-smi") or "", devices.gpu()
    if not (nodes := gpu_files(Gpu.NVIDIA).nodes):
        notes = ["no device files of one here: /dev/nvidia*"]
    elif not name:
        notes = [f"{', '.join(map(str, nodes))} are here, but nvidia-smi names no GPU that works"]
    else:
        notes = [f"{name}; {_in_sandbox(path)}"]
    if gpu_files(Gpu.AMD).nodes:
        notes.append("an AMD GPU is here: HIP is compiled for it (hipcc), nothing runs there")
    return Tool("NVIDIA GPU", enables, bool(name), path, devices.gpu_driver(), notes=tuple(notes))


def _on_a_gpu() -> Iterator[Tool]:
    """NVIDIA's tools that watch programs on a GPU: of no use without one, and not tried without one."""
    for name, enables in (
        ("compute-sanitizer", "on a GPU: the gates `gpu-memory` and `gpu-races`"),
        ("nsys", "on a GPU: profiles of kernels and copies"),
        ("ncu", "on a GPU: registers, occupancy and memory throughput of kernels"),
    ):
        path = nvidia_tools.find_tool(name)
        notes = tuple(filter(None, (nvcc.status_of_device(),))) if path else ()
        yield Tool(
            name,
            enables,
            path is not None,
            str(path or ""),
            nvidia_tools.tool_version(name),
            "" if path else install_line("cuda"),
            notes,
        )


def _in_sandbox(nvidia_smi: str) -> str:
    """What `nvidia-smi -L` said in the sandbox, as a program that is built for a GPU runs there."""
    if bubblewrap_problem():
        return "not tried in the sandbox, which does not work here"
    files = gpu_files(Gpu.NVIDIA)
    with tempfile.TemporaryDirectory() as cwd:
        command = Command((nvidia_smi, "-L"), Path(cwd), readable=files.readable, nodes=files.nodes)
        done = BubblewrapRunner().run(command, Limits(wall_s=_GPU_S))
    if done.ok:
        return "seen in the sandbox by what is built for it"
    return f"not seen in the sandbox: {gist((done.stdout + done.stderr).decode('utf-8', 'replace'))}"


def _cxx(toolchain: Gcc | Clang) -> Tool:
    name = toolchain.name.replace("gcc", "g++").replace("clang", "clang++")
    enables = _COMPILES_CXX[toolchain.family]
    major = toolchain.version.partition(".")[0]
    missing = install_line(_CXX[toolchain.family], version=major)
    try:
        path = toolchain.compiler(Language.CXX)
    except ToolMissing as error:
        return Tool(name, enables, False, install=missing, notes=(error.message,))
    problem = discovery.cxx_problem(path)
    if problem:
        # A clang++ alone has no standard library: it takes that of g++.
        return Tool(name, enables, False, str(path), toolchain.version, install_line("g++"), (problem,))
    return Tool(name, enables, True, str(path), toolchain.version)


def _openmp(toolchain: Gcc | Clang) -> Tool:
    name, enables = f"OpenMP of {toolchain.name}", "parallel programs: the target `openmp`"
    if not toolchain.openmp_problem:
        return Tool(name, enables, True, version=toolchain.version)
    notes, version = (toolchain.openmp_problem,), ""
    if toolchain.family == "clang":
        version = toolchain.version.partition(".")[0]
        chosen = discovery.find("clang")
        if isinstance(chosen, Clang) and not chosen.openmp_problem:
            # Debian installs one version of libomp's headers at a time: another would take away this one's.
            return Tool(name, enables, False, notes=(*notes, f"{chosen.name} has it, and is the one chosen"))
    install = install_line(_OPENMP[toolchain.family], version=version)
    return Tool(name, enables, False, install=install, notes=notes)


def _device(toolchain: Gcc | Clang, device: Device) -> Tool:
    """What became of a small program with target regions. `found` when they ran on the device; without a GPU
    it has to do that they compiled for one.
    """
    support = devices.tried(toolchain, device)
    compiles_only = device is Device.NVPTX and support.compiled and not devices.gpu()
    kind = f"for {support.architecture}: " if support.compiled and support.architecture else ""
    install = ""
    if support.install:
        # One without a runtime to offload with has none to install: another version does.
        same = support.install == "offload" and support.compile_flags
        install = install_line(support.install, version=toolchain.version.partition(".")[0] if same else "")
    return Tool(
        f"{_DEVICE_NAMES[device]} of {toolchain.name}",
        _OFFLOADS[device],
        support.ran or compiles_only,
        str(toolchain.cc),
        toolchain.version,
        install,
        (kind + (support.problem or "compiled, and ran on the device"),),
    )


def _packages() -> Iterator[Tool]:
    for package, module, enables in (
        ("libclang", "clang.cindex", "reading C and C++: loops, accesses, the built-in optimiser"),
        ("islpy", "islpy", "proofs of legality: the built-in optimiser's moves"),
    ):
        install = f"{sys.executable} -m pip install {package}"
        try:
            loaded = importlib.import_module(module)
            if module == "clang.cindex":
                loaded.Index.create()
            version = importlib.metadata.version(package)
        except Exception as error:  # a shared library that does not load raises what it likes
            problem = f"{type(error).__name__}: {error}"[:200]
            yield Tool(package, enables, False, install=install, notes=(problem,))
        else:
            yield Tool(package, enables, True, str(Path(loaded.__file__ or "").parent), version)


def _agents() -> Iterator[Tool]:
    for package, extra, enables in (
        ("pydantic-ai-slim", "models", "language models behind an API: --agent model:PROVIDER/NAME"),
        ("mcp", "mcp", "loopwright mcp: a run as tools for other programs' agents"),
    ):
        try:
            yield Tool(package, enables, True, version=importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            install = f"{sys.executable} -m pip install 'loopwright[{extra}]'"
            yield Tool(package, enables, False, install=install)
    for program, package in (
        ("codex", "@openai/codex"),
        ("claude", "@anthropic-ai/claude-code"),
        ("qwen", "@qwen-code/qwen-code"),
    ):
        path = shutil.which(program) or ""
        yield Tool(
            program,
            f"a command-line agent: --agent {program}",
            bool(path),
            path,
            trials.version_of(program) if path else "",
            "" if path else f"npm install --global {package}",
        )


def _bubblewrap() -> Tool:
    enables = "running code that nobody has read: without it, that takes --sandbox none"
    path, problem = shutil.which("bwrap") or "", bubblewrap_problem()
    return Tool(
        "bubblewrap",
        enables,
        bool(path) and not problem,
        path,
        trials.version_of("bwrap"),
        # Where it is installed and does not work, installing it again does not help.
        install_line("bubblewrap") if not path else "",
        (problem,) if problem else (),
    )


def _profiling() -> Iterator[Tool]:
    for name, program, problem, enables in (
        ("perf", "perf", trials.perf_sampling()[1], "profiles by sampling, at the speed of the program"),
        (
            "callgrind",
            "valgrind",
            trials.callgrind_problem(),
            "profiles by counting instructions, 20 to 60 times slower, where perf cannot work",
        ),
    ):
        path = shutil.which(program) or ""
        yield Tool(
            name,
            enables,
            not problem,
            path,
            trials.version_of(program),
            install_line(program) if not path else "",
            (problem,) if problem and path else (),
        )
    symbolizer = trials.symbolizer()
    yield Tool(
        "addr2line",
        "profiles by source line",
        bool(symbolizer),
        symbolizer,
        trials.version_of("addr2line") if symbolizer else "",
        "" if symbolizer else install_line("binutils"),
    )


def _plain() -> Iterator[Tool]:
    for name, enables in (
        ("make", "tasks that are built by make"),
        ("cmake", "tasks that are built by CMake"),
        ("git", "the lineage of a run, and applying its patch"),
    ):
        path = shutil.which(name) or ""
        yield Tool(
            name, enables, bool(path), path, trials.version_of(name), "" if path else install_line(name)
        )
