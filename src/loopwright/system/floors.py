"""The measured ceilings of this machine: bytes and floating-point operations per second, for 1 to N threads.

Two small C programs of our own (`floors/triad.c`, `floors/fma.c`) are compiled with optimisation for this
processor and run a few kernels each; the highest figure counts. A time that would need more than these
ceilings is rejected as physically impossible, so every choice here errs towards a ceiling that is too high:
each thread's best repetition, the best kernel, and no figure below what those for other numbers of threads
imply.

What the figures count:

- `triad_bytes_per_s`: bytes that the kernel names, loads and stores alike (STREAM's convention; McCalpin,
  IEEE TCCA Newsletter, December 1995), over arrays that do not fit in cache. Kernels: sum, copy, triad, fill,
  with plain stores and with stores past the cache. The read that a plain store causes (write-allocate) is not
  counted, hence the kernels without it win.
- `cache_bytes_per_s`: the same from the first-level cache, summed over the threads. Work whose data stay in
  cache, or that blocks for it, can pass the memory's figure but not this one.
- `peak_flops_f64`, `peak_flops_f32`: independent fused multiply-adds on registers (two operations each), and
  the same with additions beside them, since some cores have separate adders.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.machine import Floors, Machine
from loopwright.system.execution import Command, Limits, Runner

SOURCES = Path(__file__).with_name("floors")

_FLAGS = (
    ("-O3", "-march=native"),
    ("-O3", "-mcpu=native"),  # older compilers for ARM and POWER know only this one
    ("-O3",),
)
_MEASURING_S = 3.0
"""What all kernels for all numbers of threads together may take, touching the memory not included."""
_TRIAD_KERNELS, _FMA_KERNELS = 9, 16
_SHORTEST_S, _LONGEST_S = 0.01, 0.1
_SUPPOSED_CACHE_BYTES = 32 << 20
_LARGEST_ARRAY_BYTES = 1 << 30
_MEMORY_SHARE = 1 / 4
"""Of the machine's memory, for three arrays together."""
_COMPILE_LIMIT_S = 60.0


def measure_floors(
    runner: Runner,
    compiler: Path,
    machine: Machine,
    scratch: Path,
    progress: Callable[[str], None] | None = None,
) -> Floors:
    """Compile and run the programs; under ten seconds on two cores.

    Args:
        runner: runs them under limits.
        compiler: a C compiler with the vector extensions of GCC (gcc, clang).
        machine: for the number of cores, cache sizes and memory.
        scratch: an existing folder for sources and executables.
        progress: called with a line of text before each step.

    Raises:
        ToolMissing: when the compiler cannot build them.
        LoopwrightError: when one of them fails or prints no figures.
    """
    say = progress or (lambda _line: None)
    counts = thread_counts(machine.cores)
    array = array_bytes(machine)
    say("compiling the programs that measure this machine")
    programs = {name: _compiled(compiler, name, scratch) for name in ("triad", "fma")}
    slice_s = _MEASURING_S / len(counts) / (_TRIAD_KERNELS + _FMA_KERNELS)
    slice_s = min(max(slice_s, _SHORTEST_S), _LONGEST_S)
    figures: dict[str, dict[int, float]] = {"memory": {}, "cache": {}, "f64": {}, "f32": {}}
    for count in counts:
        say(f"measuring memory and arithmetic with {count} thread{'s'[: count > 1]}")
        limits = Limits(wall_s=60.0 + 20 * slice_s, memory_bytes=3 * array + (1 << 30), processes=count + 64)
        lines = _run(runner, programs["triad"], [count, array, slice_s], scratch, limits)
        lines |= _run(runner, programs["fma"], [count, slice_s], scratch, limits)
        for kind, by_count in figures.items():
            by_count[count] = _best(lines, kind)
    return Floors(
        triad_bytes_per_s=_never_less(figures["memory"]),
        peak_flops_f64=_never_less(figures["f64"]),
        peak_flops_f32=_never_less(figures["f32"]),
        cache_bytes_per_s=_never_less(figures["cache"]),
        compiler=compiler.name,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def thread_counts(cores: int) -> tuple[int, ...]:
    """The numbers of threads to measure: all up to eight cores, else powers of two and all cores."""
    if cores <= 8:
        return tuple(range(1, max(cores, 1) + 1))
    return (*(2**k for k in range(int(math.log2(cores - 1)) + 1)), cores)


def array_bytes(machine: Machine) -> int:
    """Size of one of three arrays: four times the largest cache, within a share of the memory.

    Where the bound cuts it short the figures can only come out too high, which is the safe side.
    """
    largest_cache = max(machine.caches_bytes.values(), default=0) or _SUPPOSED_CACHE_BYTES
    share = int(machine.memory_bytes * _MEMORY_SHARE / 3) or _LARGEST_ARRAY_BYTES
    return max(min(4 * largest_cache, share, _LARGEST_ARRAY_BYTES), 1 << 20)


def parse_figures(stdout: str) -> dict[str, float]:
    """Kernel name to figure, out of lines `NAME FIGURE`.

    Raises:
        ValueError: for any other line, or a figure that is not positive and finite.
    """
    figures: dict[str, float] = {}
    for line in stdout.splitlines():
        name, figure = line.split()
        figures[name] = float(figure)
        if not 0 < figures[name] < math.inf:
            raise ValueError(line)
    return figures


def _compiled(compiler: Path, name: str, scratch: Path) -> Path:
    program = scratch / name
    errors = ""
    for flags in _FLAGS:
        source = str(SOURCES / f"{name}.c")
        command = [str(compiler), *flags, "-std=gnu11", "-pthread", "-o", str(program), source]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", check=False,
                timeout=_COMPILE_LIMIT_S,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            errors = str(error)
            break
        if done.returncode == 0:
            return program
        errors = done.stderr.strip()
    raise ToolMissing(
        f"{compiler} cannot compile {name}.c, which measures this machine: {errors[-400:]}",
        where="machine",
        hint="apt-get install gcc libc6-dev    (or name another compiler)",
    )


def _run(
    runner: Runner, program: Path, arguments: Sequence[float], scratch: Path, limits: Limits
) -> dict[str, float]:
    argv = (str(program), *(str(argument) for argument in arguments))
    done = runner.run(Command(argv, cwd=scratch, quiet=True), limits)
    text = done.stdout.decode(errors="replace")
    try:
        if done.ok and text:
            return parse_figures(text)
    except ValueError as error:
        text = f"unexpected output: {error}"
    shown = done.stderr.decode(errors="replace").strip() or done.message or text
    raise LoopwrightError(
        f"{' '.join(argv)} measured nothing: {done.ending}, status {done.exit_code}, {shown[-400:]}",
        where="machine",
    )


def _best(figures: Mapping[str, float], kind: str) -> float:
    return max(figure for name, figure in figures.items() if name.startswith(f"{kind}_"))


def _never_less(by_count: Mapping[int, float]) -> dict[int, float]:
    """More threads can do at least what fewer can (the others may rest), and fewer at least their share of
    what more can (they get in each other's way no more): one disturbed measurement is mended by the others.
    """
    return {
        count: max(figure * min(1.0, count / other) for other, figure in by_count.items())
        for count in sorted(by_count)
    }
