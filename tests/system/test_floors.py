"""The measured ceilings, with the real programs, compilers and runners."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import pytest

from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.machine import Floors, Machine
from loopwright.system.bubblewrap import bubblewrap_problem
from loopwright.system.execution import Command, Ending, Execution, Limits, Runner
from loopwright.system.floors import SOURCES, array_bytes, measure_floors, parse_figures, thread_counts
from loopwright.system.machine import this_machine
from loopwright.system.sandbox import choose_runner

COMPILERS = [name for name in ("gcc", "clang", "clang-19") if shutil.which(name)]
SMALL = Machine(
    "test", "x86_64", cores=2, memory_bytes=1 << 30, caches_bytes={"L1d": 32 << 10, "L2": 1 << 20}
)
"""Arrays of 4 MiB: the figures mean little, the way through is the same."""


def found(name: str) -> Path:
    path = shutil.which(name)
    assert path is not None
    return Path(path)


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"no {name} here")


@pytest.fixture(scope="module")
def floors(tmp_path_factory: pytest.TempPathFactory) -> Floors:
    if not COMPILERS:
        pytest.skip("no C compiler here")
    scratch = tmp_path_factory.mktemp("floors")
    return measure_floors(choose_runner("none"), found(COMPILERS[0]), this_machine(), scratch)


@pytest.mark.parametrize(
    ("cores", "counts"),
    [
        (0, (1,)),
        (1, (1,)),
        (2, (1, 2)),
        (8, (1, 2, 3, 4, 5, 6, 7, 8)),
        (9, (1, 2, 4, 8, 9)),
        (16, (1, 2, 4, 8, 16)),
        (17, (1, 2, 4, 8, 16, 17)),
        (96, (1, 2, 4, 8, 16, 32, 64, 96)),
    ],
)
def test_thread_counts(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


@pytest.mark.parametrize(
    ("memory", "caches", "expected"),
    [
        (64 << 30, {"L1d": 32 << 10, "L3": 32 << 20}, 128 << 20),
        (1 << 30, {"L3": 32 << 20}, (1 << 28) // 3),  # a quarter of the memory for three arrays
        (4 << 40, {"L3": 512 << 20}, 1 << 30),  # bounded
        (64 << 30, {}, 128 << 20),  # caches unknown
        (0, {"L3": 8 << 20}, 32 << 20),  # memory unknown
        (1 << 20, {"L3": 8 << 20}, 1 << 20),
    ],
)
def test_array_size(memory: int, caches: dict[str, int], expected: int) -> None:
    assert array_bytes(Machine("test", "", 1, memory, caches)) == expected


def test_figures_are_parsed() -> None:
    assert parse_figures("memory_sum 2.5e+10\nf64_fma12_32 7\n") == {
        "memory_sum": 2.5e10,
        "f64_fma12_32": 7.0,
    }


@pytest.mark.parametrize(
    "text", ["memory_sum", "memory_sum x", "memory_sum 0", "a nan", "a inf", "a -1", "a 1 2"]
)
def test_other_output_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_figures(text)


def test_the_whole_measurement(floors: Floors) -> None:
    counts = set(thread_counts(this_machine().cores))
    tables = (
        floors.triad_bytes_per_s,
        floors.cache_bytes_per_s,
        floors.peak_flops_f64,
        floors.peak_flops_f32,
    )
    for table in tables:
        assert set(table) == counts
        assert all(0 < figure < math.inf for figure in table.values())
        figures = [table[count] for count in sorted(table)]
        assert figures == sorted(figures)
    assert floors.compiler == COMPILERS[0]
    assert floors.measured_at


@pytest.mark.timing
def test_ceilings_stand_in_the_order_that_hardware_has(floors: Floors) -> None:
    for count in floors.triad_bytes_per_s:
        assert floors.cache_bytes_per_s[count] > floors.triad_bytes_per_s[count]
        # Half as wide numbers, twice as many in a vector.
        assert 1.5 < floors.peak_flops_f32[count] / floors.peak_flops_f64[count] < 2.5


OTHER_KERNELS = r"""
/* Not Loopwright's kernels: what a plain program written by somebody else reaches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
enum { N = 1 << 24, STEPS = 200000, CHAINS = 48, REPEAT = 10 };
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}
/* After it no store before it is dead. */
#define USED __asm__ volatile("" ::"r"(a) : "memory")
static void keep(double *best, double begun) {
    double spent = now() - begun;
    if (*best == 0 || spent < *best) *best = spent;
}
int main(void) {
    double *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b), *c = malloc(N * sizeof *c);
    double x[CHAINS], set = 0, copy = 0, triad = 0, fma = 0, kept = 0;
    memset(a, 1, N * sizeof *a), memset(b, 1, N * sizeof *b), memset(c, 1, N * sizeof *c);
    for (int i = 0; i < CHAINS; i++) x[i] = i * 0.01;
    for (int r = 0; r < REPEAT; r++) {
        double t = now();
        memset(a, r, N * sizeof *a);
        USED;
        keep(&set, t), t = now();
        memcpy(a, b, N * sizeof *a);
        USED;
        keep(&copy, t), t = now();
        for (int i = 0; i < N; i++) a[i] = b[i] + 3.0 * c[i];
        USED;
        keep(&triad, t), t = now();
        for (int s = 0; s < STEPS; s++)
            for (int i = 0; i < CHAINS; i++) x[i] = x[i] * 0.5 + 0.5;
        keep(&fma, t);
        kept += a[r];
    }
    for (int i = 0; i < CHAINS; i++) kept += x[i];
    printf("memory_set %g\nmemory_copy %g\n", N * 8.0 / set, N * 16.0 / copy);
    printf("memory_triad %g\nf64_fma %g\n", N * 24.0 / triad, 2.0 * STEPS * CHAINS / fma);
    return kept == 12345.0;
}
"""


@pytest.mark.timing
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_plain_program_passes_the_ceilings(floors: Floors, compiler: str, tmp_path: Path) -> None:
    """libc's memset and memcpy, a triad and multiply-adds as a compiler makes them."""
    (tmp_path / "other.c").write_text(OTHER_KERNELS)
    subprocess.run([compiler, "-O3", "-march=native", "other.c", "-o", "other"], cwd=tmp_path, check=True)
    done = choose_runner("none").run(Command((str(tmp_path / "other"),), tmp_path), Limits())
    figures = parse_figures(done.stdout.decode())
    # The memory of a shared machine: the same memset took 28 to 44 GB/s in runs that followed one another.
    slack = 1.3
    for name, figure in figures.items():
        ceiling = floors.peak_flops_f64 if name == "f64_fma" else floors.triad_bytes_per_s
        assert figure < slack * ceiling[1], name


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("sandbox", ["none", "bubblewrap"])
def test_every_compiler_and_runner(compiler: str, sandbox: str, tmp_path: Path) -> None:
    if sandbox == "bubblewrap" and (problem := bubblewrap_problem()):
        pytest.skip(problem)
    told: list[str] = []
    seen = measure_floors(choose_runner(sandbox), found(compiler), SMALL, tmp_path, told.append)
    assert set(seen.triad_bytes_per_s) == {1, 2}
    assert told[0].startswith("compiling")
    assert [line for line in told if "1 thread" in line]
    assert [line for line in told if "2 threads" in line]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", ["triad", "fma"])
@pytest.mark.parametrize("flags", [(), ("-mavx2", "-mfma"), ("-mavx512f",)], ids=["sse2", "avx2", "avx512"])
def test_programs_compile_without_warnings_at_every_width(
    compiler: str, name: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    if this_machine().architecture != "x86_64" and flags:
        pytest.skip("flags of x86-64")
    command = [compiler, "-O3", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pthread", *flags, "-c"]
    subprocess.run(
        [*command, "-o", str(tmp_path / "out.o"), str(SOURCES / f"{name}.c")],
        check=True,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", ["triad", "fma"])
@needs("gcc")
def test_programs_are_free_of_races_and_bad_accesses(name: str, tmp_path: Path) -> None:
    for check in ("thread", "address,undefined"):
        program = tmp_path / "program"
        subprocess.run(
            ["gcc", "-O1", "-g", "-std=gnu11", "-pthread", f"-fsanitize={check}", "-fno-sanitize-recover",
             "-o", program, SOURCES / f"{name}.c"],
            check=True,
        )  # fmt: skip
        arguments = ["3", "1000000", "0.001"] if name == "triad" else ["3", "0.001"]
        done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
        if "unexpected memory mapping" in done.stderr:
            pytest.skip("ThreadSanitizer does not start under this kernel's address space layout")
        assert done.returncode == 0, done.stderr
        assert parse_figures(done.stdout)


@pytest.mark.parametrize(
    "arguments", [[], ["0", "1000000", "0.1"], ["x", "1000000", "0.1"], ["1", "1", "0.1"]]
)
@needs("gcc")
def test_triad_refuses_wrong_arguments(arguments: list[str], tmp_path: Path) -> None:
    program = tmp_path / "triad"
    subprocess.run(["gcc", "-O1", "-pthread", "-o", program, SOURCES / "triad.c"], check=True)
    done = subprocess.run([program, *arguments], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr


def test_a_compiler_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"cannot compile triad\.c"):
        measure_floors(choose_runner("none"), Path("/bin/false"), SMALL, tmp_path)
    with pytest.raises(ToolMissing, match="No such file"):
        measure_floors(choose_runner("none"), tmp_path / "cc", SMALL, tmp_path)


class Broken:
    """A stand-in for a runner: no real one can be made to fail on demand."""

    name = "none"
    isolates = False

    def __init__(self, ending: Ending, exit_code: int | None, stdout: bytes) -> None:
        self.execution = Execution(ending, exit_code, None, 1.0, 1.0, 1.0, 0.0, 0, stdout, b"no memory")

    def run(self, command: Command, limits: Limits) -> Execution:
        return self.execution


@pytest.mark.parametrize(
    "runner",
    [
        Broken(Ending.EXITED, 1, b""),
        Broken(Ending.WALL_LIMIT, None, b"memory_sum 1e9\n"),
        Broken(Ending.EXITED, 0, b""),
        Broken(Ending.EXITED, 0, b"Segmentation fault\n"),
    ],
)
@pytest.mark.skipif(not COMPILERS, reason="no C compiler here")
def test_a_program_that_measures_nothing_is_said_so(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match="measured nothing"):
        measure_floors(runner, found(COMPILERS[0]), SMALL, tmp_path)
