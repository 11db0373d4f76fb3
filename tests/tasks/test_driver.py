"""Real kernels in real drivers: right ones, and every way of going wrong that a driver sees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from driver_support import build, compilers, execute, kernel_task, outcome, random_units

from loopwright.core.errors import TaskError
from loopwright.core.modes import FailureMode
from loopwright.core.task import Argument, Case, Dtype, Init, Language, Role, Task
from loopwright.tasks.driver import (
    MalformedResult,
    driver_arguments,
    explain_exit,
    read_result,
    write_driver,
)

N = Argument("n", Role.IN, Dtype.I32, value="n")
X = Argument("x", Role.IN, Dtype.F64, ("n",))

AXPY = "void axpy(int n, double a, const double *x, double *y)"
AXPY_SOURCE = AXPY + " { for (int i = 0; i < n; i++) y[i] += a * x[i]; }\n"
AXPY_ARGUMENTS = (
    N,
    Argument("a", Role.IN, Dtype.F64, value="1 / 3"),
    Argument("x", Role.IN, Dtype.F64, ("n",), init=Init("uniform", {"low": -1, "high": 3})),
    Argument("y", Role.INOUT, Dtype.F64, ("n",), init=Init("uniform", {"low": "n", "high": "n + 1"})),
)


def axpy_expected(n: int, seed: int) -> np.ndarray:
    x = -1.0 + 4.0 * random_units(seed, 2, n)
    y = n + random_units(seed, 3, n)
    return y + (1 / 3) * x


@pytest.mark.parametrize("compiler", compilers())
def test_driver_compiles_without_a_warning_and_calls_the_kernel(compiler: str, tmp_path: Path) -> None:
    language, path = compilers()[compiler]
    cases = [Case(f"n{n}", params={"n": n}, seed=seed) for n, seed in ((1, 1), (7, 2), (33, 2**63 - 1))]
    task = kernel_task(AXPY_SOURCE, AXPY, AXPY_ARGUMENTS, cases, language=language)
    standard = "-std=c++11" if language is Language.CXX else "-std=c99"
    executable = build(task, tmp_path, path, standard, "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror")
    for case in cases:
        for placement in ("end", "start", "aligned"):
            result = outcome(executable, task, case, placement=placement)
            expected = axpy_expected(case.params["n"], case.seed)
            np.testing.assert_allclose(result.outputs["y"], expected, rtol=1e-15)
            assert result.untouched == {}
            assert not result.fp_control_changed


@pytest.fixture(scope="module")
def axpy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Task]:
    task = kernel_task(AXPY_SOURCE, AXPY, AXPY_ARGUMENTS, [Case("c", params={"n": 1001})])
    return build(task, tmp_path_factory.mktemp("axpy")), task


def test_an_inout_array_is_restored_before_every_repetition(axpy: tuple[Path, Task]) -> None:
    executable, task = axpy
    often = outcome(executable, task, task.cases[0], repetitions=5, warmup=2)
    once = outcome(executable, task, task.cases[0], nonce=often.nonce)
    assert once.outputs["y"].tobytes() == often.outputs["y"].tobytes()
    assert len(often.inner_s) == len(often.digests) == 5 and all(s > 0 for s in often.inner_s)
    own = outcome(executable, task, task.cases[0])
    assert own.nonce == 0 and own.outputs["y"].tobytes() != once.outputs["y"].tobytes()


def test_a_nonce_is_for_a_single_call(axpy: tuple[Path, Task]) -> None:
    executable, task = axpy
    with pytest.raises(ValueError, match="single call"):
        driver_arguments(task, task.cases[0], result="r.bin", repetitions=2, nonce=5)
    line = driver_arguments(task, task.cases[0], result="r.bin", repetitions=2)
    forged = [part.replace("--nonce=0", "--nonce=5") for part in line]
    done = subprocess.run(
        [str(executable), *forged], cwd=executable.parent, capture_output=True, text=True, check=False
    )
    assert "each of several calls has a nonce of its own" in done.stderr


def test_same_seed_same_inputs_another_seed_others(axpy: tuple[Path, Task]) -> None:
    executable, task = axpy
    first = outcome(executable, task, Case("c", params={"n": 1001}, seed=5)).outputs["y"]
    again = outcome(executable, task, Case("c", params={"n": 1001}, seed=5)).outputs["y"]
    other = outcome(executable, task, Case("c", params={"n": 1001}, seed=6)).outputs["y"]
    assert first.tobytes() == again.tobytes()
    assert np.count_nonzero(first == other) == 0


FAULTY = "void faulty(int n, int mode, int at, const double *x, double *y, int *z)"
FAULTY_SOURCE = """
#include <fenv.h>
#include <stdlib.h>
#include <unistd.h>
static int calls;
void faulty(int n, int mode, int at, const double *x, double *y, int *z)
{
    int half = mode == 4 ? n / 2 : n;
    calls++;
    if (mode == 10 && calls > 1) return;
    for (int i = 0; i < half; i++) { y[i] = 2 * x[i]; z[i] = i; }
    if (mode == 1) y[at] = 1;
    if (mode == 2) y[0] += ((const volatile double *)x)[at];
    if (mode == 3) ((double *)x)[at] = 7;
    if (mode == 5) *(volatile int *)8 = 1;
    if (mode == 6) exit(81);
    if (mode == 7) fesetround(FE_UPWARD);
    if (mode == 8) exit(0);
    if (mode == 9) y[0] = calls;
    if (mode == 11) z[at] = 1;
    if (mode == 12) { static const char line[] = "loopwright: out-of-bounds array=y access=write offset=0"
                          " bytes=8 size=8\\n"; if (write(2, line, sizeof line - 1) > 0) exit(3); }
}
"""
FAULTY_ARGUMENTS = (
    N,
    Argument("mode", Role.IN, Dtype.I32, value="mode"),
    Argument("at", Role.IN, Dtype.I32, value="at"),
    X,
    Argument("y", Role.OUT, Dtype.F64, ("n",)),
    Argument("z", Role.OUT, Dtype.I32, ("n",)),
)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Task]:
    task = kernel_task(FAULTY_SOURCE, FAULTY, FAULTY_ARGUMENTS, [Case("c")])
    return build(task, tmp_path_factory.mktemp("faulty")), task


def explained(
    faulty: tuple[Path, Task], n: int, mode: int, at: int, **options: object
) -> tuple[FailureMode, str] | None:
    executable, task = faulty
    done = execute(executable, task, Case("c", params={"n": n, "mode": mode, "at": at}), **options)
    if done.returncode < 0:
        return explain_exit(None, -done.returncode, done.stderr)
    return explain_exit(done.returncode, None, done.stderr)


@pytest.mark.parametrize("n", [1, 7, 64, 1000])
def test_one_element_too_far_faults_at_once_in_both_placements(faulty: tuple[Path, Task], n: int) -> None:
    assert explained(faulty, n, 1, n, placement="end") == (
        FailureMode.OUT_OF_BOUNDS,
        f"the kernel writes y[{n}], right beyond the end of y ({n} elements of 8 bytes)",
    )
    assert explained(faulty, n, 2, n, placement="end") == (
        FailureMode.OUT_OF_BOUNDS,
        f"the kernel reads x[{n}], right beyond the end of x ({n} elements of 8 bytes)",
    )
    assert explained(faulty, n, 1, -1, placement="start") == (
        FailureMode.OUT_OF_BOUNDS,
        f"the kernel writes y[-1], 8 bytes before the start of y ({n} elements of 8 bytes)",
    )
    assert explained(faulty, n, 2, -1, placement="start") == (
        FailureMode.OUT_OF_BOUNDS,
        f"the kernel reads x[-1], 8 bytes before the start of x ({n} elements of 8 bytes)",
    )
    for placement in ("end", "start", "aligned"):
        assert explained(faulty, n, 1, n - 1, placement=placement) is None


def test_a_write_into_the_slack_is_found_after_the_call(faulty: tuple[Path, Task]) -> None:
    for at, where in (
        (7, "right beyond the end"),
        (9, "8 bytes beyond the end"),
        (-2, "8 bytes before the start"),
    ):
        said = explained(faulty, 7, 11, at, placement="aligned")
        assert said is not None and said[0] is FailureMode.OUT_OF_BOUNDS
        assert f"writes z[{at}], {where}" in said[1]


def test_a_far_stride_still_hits_the_guard(faulty: tuple[Path, Task]) -> None:
    said = explained(faulty, 100_000, 1, 190_000, placement="aligned")
    assert said is not None and "y[190000], 720000 bytes beyond the end" in said[1]


@pytest.mark.parametrize("at", [0, 500, 999])
@pytest.mark.parametrize("options", [{"check": True}, {"check": False}, {"placement": "end"}])
def test_a_modified_input_is_named_with_its_index(
    faulty: tuple[Path, Task], at: int, options: dict[str, object]
) -> None:
    said = explained(faulty, 1000, 3, at, **options)
    assert said == (FailureMode.INPUT_MODIFIED, f"the kernel changes x[{at}], which is an input")


def test_a_crash_of_the_kernel_stays_a_crash(faulty: tuple[Path, Task]) -> None:
    executable, task = faulty
    done = execute(executable, task, Case("c", params={"n": 8, "mode": 5, "at": 0}))
    assert done.returncode == -11
    assert explain_exit(None, 11, done.stderr) is None


def test_status_and_message_must_agree(faulty: tuple[Path, Task]) -> None:
    assert explained(faulty, 8, 6, 0) is None
    assert explained(faulty, 8, 12, 0) is None
    assert (
        explain_exit(82, None, "loopwright: out-of-bounds array=y access=write offset=8 bytes=8 size=8\n")
        is None
    )
    assert explain_exit(0, None, "loopwright: anything: at all\n") is None


def test_what_is_not_written_stays_poison(faulty: tuple[Path, Task]) -> None:
    executable, task = faulty
    result = outcome(executable, task, Case("c", params={"n": 101, "mode": 4, "at": 0}))
    assert result.untouched == {"y": 51, "z": 51}
    assert np.isnan(result.outputs["y"][50:]).all() and not np.isnan(result.outputs["y"][:50]).any()
    assert (result.outputs["z"][50:].view(np.uint8) == 0xA5).all()


def test_skipping_later_calls_leaves_poison(faulty: tuple[Path, Task]) -> None:
    executable, task = faulty
    case = Case("c", params={"n": 64, "mode": 10, "at": 0})
    assert outcome(executable, task, case).untouched == {}
    assert outcome(executable, task, case, warmup=1).untouched == {"y": 64, "z": 64}


def test_digests_show_that_repetitions_differ(faulty: tuple[Path, Task]) -> None:
    executable, task = faulty
    result = outcome(executable, task, Case("c", params={"n": 64, "mode": 9, "at": 0}), repetitions=4)
    assert len(set(result.digests)) == 4
    assert result.outputs["y"][0] == result.round + 1


REMEMBERING = "void square(int n, const double *x, const int *p, double *y)"
REMEMBERING_SOURCE = """
#include <string.h>
static double kept[100];
static const double *of;
void square(int n, const double *x, const int *p, double *y)
{
    if (of != x) { for (int i = 0; i < n; i++) kept[i] = x[p[i]] * x[p[i]]; }
    if (CACHE) of = x;
    memcpy(y, kept, n * sizeof *y);
}
"""


REMEMBERING_ARGUMENTS = (
    N,
    X,
    Argument("p", Role.IN, Dtype.I32, ("n",), init=Init("permutation")),
    Argument("y", Role.OUT, Dtype.F64, ("n",)),
)


@pytest.mark.parametrize("cache", [0, 1])
def test_an_answer_from_memory_is_wrong_for_fresh_inputs(cache: int, tmp_path: Path) -> None:
    task = kernel_task(REMEMBERING_SOURCE, REMEMBERING, REMEMBERING_ARGUMENTS, [Case("c", params={"n": 100})])
    executable = build(task, tmp_path, "gcc", "-O1", f"-DCACHE={cache}")
    right = outcome(executable, task, task.cases[0]).outputs["y"]
    assert np.array_equal(np.sort(right), np.sort(random_units(1, 1, 100) ** 2))
    kept = []
    for _ in range(8):
        timed = outcome(executable, task, task.cases[0], repetitions=5, warmup=1)
        again = outcome(executable, task, task.cases[0], nonce=timed.nonce)
        kept.append((timed.round, timed.nonce))
        assert (again.round, again.nonce) == (0, timed.nonce)
        assert timed.digests[timed.round] == again.digests[0] or cache
        assert np.array_equal(timed.outputs["y"], again.outputs["y"]) == (not cache)
        assert len(set(timed.digests)) == (1 if cache else 5)
    assert len({nonce for _, nonce in kept}) == 8, "every call is drawn anew"
    assert len({place for place, _ in kept}) > 1, "not always the same call is kept"


def test_fresh_inputs_are_those_of_the_case_in_another_order(tmp_path: Path) -> None:
    prototype = "void copy(int n, const double *x, const double *even, const int *p, double *to, int *q)"
    source = prototype + " { for (int i = 0; i < n; i++) { to[i] = x[i] + 0 * even[i]; q[i] = p[i]; } }"
    arguments = (
        N, X, Argument("even", Role.IN, Dtype.F64, ("n",), init=Init("linspace")),
        Argument("p", Role.IN, Dtype.I32, ("n",), init=Init("sorted", {"high": 50})),
        Argument("to", Role.OUT, Dtype.F64, ("n",)), Argument("q", Role.OUT, Dtype.I32, ("n",)),
    )  # fmt: skip
    task = kernel_task(source, prototype, arguments, [Case("c", params={"n": 64})])
    executable = build(task, tmp_path)
    first = outcome(executable, task, task.cases[0]).outputs
    other = outcome(executable, task, task.cases[0], nonce=7).outputs
    assert not np.array_equal(first["to"], other["to"])
    turn = int(np.flatnonzero(first["to"] == other["to"][0])[0])
    assert np.array_equal(np.roll(first["to"], -turn), other["to"])
    assert np.array_equal(first["q"], other["q"]), "an array that has an order keeps it"


def test_the_number_of_calls_is_what_was_asked_for(axpy: tuple[Path, Task]) -> None:
    executable, task = axpy
    outcome(executable, task, task.cases[0], repetitions=2)
    content = (executable.parent / "result.bin").read_bytes()
    assert len(read_result(content, task, task.cases[0], repetitions=2).inner_s) == 2
    with pytest.raises(MalformedResult, match="2 times, 3 calls"):
        read_result(content, task, task.cases[0], repetitions=3)


@pytest.mark.parametrize("options", [{}, {"nonce": 3}, {"repetitions": 2}, {"warmup": 1}])
def test_a_modified_input_is_seen_in_every_mode(
    faulty: tuple[Path, Task], options: dict[str, object]
) -> None:
    for at in (0, 77, 99):
        said = explained(faulty, 100, 3, at, **options)
        assert said == (FailureMode.INPUT_MODIFIED, f"the kernel changes x[{at}], which is an input")
    # Made once more a piece at a time: beyond the first piece, and around the place where the order turns.
    for at in (2048, 4999):
        said = explained(faulty, 5000, 3, at, **options)
        assert said == (FailureMode.INPUT_MODIFIED, f"the kernel changes x[{at}], which is an input")


LATER_SOURCE = """
#include <pthread.h>
#include <unistd.h>
static void *work(void *y)
{
    usleep(DELAY);
    for (long i = 0; i < 8000000; i++) ((double *)y)[i] = 1;
    return 0;
}
void later(double *y) { pthread_t t; pthread_create(&t, 0, work, y); pthread_detach(t); }
"""


@pytest.mark.parametrize("delay", [0, 2000, 100_000])
def test_work_that_goes_on_after_the_call_is_noticed(delay: int, tmp_path: Path) -> None:
    task = kernel_task(
        LATER_SOURCE, "void later(double *y)", [Argument("y", Role.OUT, Dtype.F64, ("8000000",))], [Case("c")]
    )
    executable = build(task, tmp_path, "gcc", "-pthread", "-O2", f"-DDELAY={delay}")
    # On a busy machine the thread may be done before the driver comes to look: then it was in time.
    assert any(_late_work_is_noticed(executable, task) for _ in range(5))


def _late_work_is_noticed(executable: Path, task: Task) -> bool:
    done = execute(executable, task, task.cases[0])
    if done.returncode == 0:
        # Too late even to be seen at work: then nothing is there.
        content = (executable.parent / "result.bin").read_bytes()
        try:
            return read_result(content, task, task.cases[0]).untouched.get("y", 0) > 0
        except MalformedResult as error:
            return "after the kernel had returned" in str(error) or "digest at the end" in str(error)
    said = explain_exit(done.returncode, None, done.stderr)
    assert said is not None and said[0] is FailureMode.FORGED_TIME
    return "changed after the kernel had returned: y" in said[1]


GUARDS_SOURCE = """
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
static void ignore(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)4095), 4096, PROT_READ | PROT_WRITE);
}
void reach(int mode, double *y)
{
    struct sigaction action = {.sa_sigaction = ignore, .sa_flags = SA_SIGINFO};
    if (mode == 1) sigaction(SIGSEGV, &action, 0);
    if (mode == 2) mprotect((void *)(((uintptr_t)y | 4095) + 1), 4096, PROT_READ | PROT_WRITE);
    if (mode) y[512] = 1;
    for (int i = 0; i < 512; i++) y[i] = i;
}
"""


@pytest.mark.parametrize(("mode", "words"), [(1, "handles memory faults itself"), (2, "opened the memory")])
def test_a_kernel_that_opens_the_guard_pages_is_out_of_bounds(mode: int, words: str, tmp_path: Path) -> None:
    arguments = (
        Argument("mode", Role.IN, Dtype.I32, value="mode"),
        Argument("y", Role.OUT, Dtype.F64, ("512",)),
    )
    task = kernel_task(GUARDS_SOURCE, "void reach(int mode, double *y)", arguments, [Case("c")])
    executable = build(task, tmp_path)
    assert execute(executable, task, Case("c", params={"mode": 0}), placement="end").returncode == 0
    done = execute(executable, task, Case("c", params={"mode": mode}), placement="end")
    said = explain_exit(done.returncode, None, done.stderr)
    assert said is not None and said[0] is FailureMode.OUT_OF_BOUNDS and words in said[1]


def test_changed_rounding_mode_is_seen_and_undone(faulty: tuple[Path, Task]) -> None:
    executable, task = faulty
    assert outcome(executable, task, Case("c", params={"n": 8, "mode": 7, "at": 0})).fp_control_changed


def test_an_early_exit_with_status_0_leaves_no_result(faulty: tuple[Path, Task]) -> None:
    executable, task = faulty
    done = execute(executable, task, Case("c", params={"n": 8, "mode": 8, "at": 0}))
    assert done.returncode == 0
    assert not (executable.parent / "result.bin").exists()


def test_a_kernel_with_its_own_clock_does_not_change_the_time(tmp_path: Path) -> None:
    prototype = "void slow(double *y)"
    source = """
        #define _GNU_SOURCE
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t clock, struct timespec *now)
        { (void)clock; now->tv_sec = 1; now->tv_nsec = 0; return 0; }
        void slow(double *y) { usleep(3000); y[0] = 1; }
    """
    task = kernel_task(source, prototype, [Argument("y", Role.OUT, Dtype.F64, ("1",))], [Case("c")])
    result = outcome(build(task, tmp_path), task, task.cases[0], repetitions=2)
    assert min(result.inner_s) >= 0.003


def test_every_scalar_type_arrives_to_the_last_bit_and_the_result_comes_back(tmp_path: Path) -> None:
    values = {
        "a": ("int8_t", Dtype.I8, "-128"), "b": ("uint8_t", Dtype.U8, "255"),
        "c": ("int16_t", Dtype.I16, "-32768"), "d": ("uint16_t", Dtype.U16, "65535"),
        "e": ("int32_t", Dtype.I32, "-2147483648"), "f": ("uint32_t", Dtype.U32, "4294967295"),
        "g": ("int64_t", Dtype.I64, "-9223372036854775807"), "h": ("uint64_t", Dtype.U64, "2**62 + 1"),
        "i": ("float", Dtype.F32, "0.1"), "j": ("double", Dtype.F64, "1e-300 / 3"),
    }  # fmt: skip
    prototype = f"int64_t scalars({', '.join(f'{t} {n}' for n, (t, _, _) in values.items())})"
    tests = "a == -128 && b == 255 && c == -32768 && d == 65535 && e == INT32_MIN && f == UINT32_MAX"
    exact = "h == ((uint64_t)1 << 62) + 1 && i == 0.1f && j == 1e-300 / 3"
    source = f"#include <stdint.h>\n{prototype} {{ return {tests} && {exact} ? g : 1; }}\n"
    arguments = [Argument(n, Role.IN, dtype, value=v) for n, (_, dtype, v) in values.items()]
    task = kernel_task(source, prototype, arguments, [Case("c")], returns=Dtype.I64)
    result = outcome(build(task, tmp_path), task, task.cases[0], repetitions=2)
    assert result.outputs["return"].tolist() == [-(2**63) + 1]
    assert result.outputs["return"].dtype == np.int64


def test_a_header_declares_the_kernel_and_rows_arrive_as_rows(tmp_path: Path) -> None:
    header = b"void transpose(int n, const double (*a)[n], double (*b)[n]);\n"
    source = """#include "transpose.h"
        void transpose(int n, const double (*a)[n], double (*b)[n])
        { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) b[j][i] = a[i][j]; }"""
    arguments = (
        N,
        Argument("a", Role.IN, Dtype.F64, ("n", "n"), init=Init("linspace", {"start": 0, "stop": "n*n - 1"})),
        Argument("b", Role.OUT, Dtype.F64, ("n", "n")),
    )
    task = kernel_task(
        source, "void transpose(int n, const double (*a)[n], double (*b)[n])", arguments,
        [Case("c", params={"n": 5})], files={"transpose.h": header}, header="transpose.h",
    )  # fmt: skip
    assert '#include "transpose.h"' in write_driver(task)["loopwright_driver.c"]
    result = outcome(build(task, tmp_path), task, task.cases[0])
    assert np.array_equal(result.outputs["b"], np.arange(25.0).reshape(5, 5).T)


@pytest.mark.parametrize("linkage", ["", 'extern "C" '])
def test_a_cxx_kernel_with_either_linkage(linkage: str, tmp_path: Path) -> None:
    prototype = f"{linkage}float total(long n, const float *x)"
    source = f"#include <numeric>\n{prototype} {{ return std::accumulate(x, x + n, 0.0f); }}\n"
    arguments = (
        Argument("n", Role.IN, Dtype.I64, value="n"),
        Argument("x", Role.IN, Dtype.F32, ("n",), init=Init("constant", {"value": 0.5})),
    )
    task = kernel_task(
        source, prototype, arguments, [Case("c", params={"n": 33})], language=Language.CXX, returns=Dtype.F32
    )
    assert outcome(build(task, tmp_path), task, task.cases[0]).outputs["return"].tolist() == [16.5]


def test_the_only_exported_symbol_is_main(axpy: tuple[Path, Task], tmp_path: Path) -> None:
    for name, text in write_driver(axpy[1]).items():
        (tmp_path / name).write_text(text)
    subprocess.run(["gcc", "-c", "loopwright_driver.c"], cwd=tmp_path, check=True)
    table = subprocess.run(["nm", "--extern-only", "--defined-only", "loopwright_driver.o"], cwd=tmp_path,
                           capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert [line.split()[-1] for line in table.splitlines()] == ["main"]


def test_more_memory_than_there_is_has_a_name(axpy: tuple[Path, Task]) -> None:
    executable, task = axpy
    line = driver_arguments(task, Case("c", params={"n": 4}), result="r.bin")
    huge = [part.replace("x.count=4", f"x.count={2**46}") for part in line]
    done = subprocess.run(
        [str(executable), *huge], cwd=executable.parent, capture_output=True, text=True, check=False
    )
    said = explain_exit(done.returncode, None, done.stderr)
    assert said is not None and said[0] is FailureMode.MEMORY_LIMIT
    assert "no memory for: x" in said[1]


def test_a_wrong_command_line_and_an_unwritable_result_are_said(axpy: tuple[Path, Task]) -> None:
    executable, task = axpy
    line = driver_arguments(task, task.cases[0], result="no/such/folder/r.bin")
    for arguments, words in (
        (line, "cannot open result file"),
        (line[:-1], "missing on the command line: y.high="),
    ):
        command = [str(executable), *arguments]
        done = subprocess.run(command, cwd=executable.parent, capture_output=True, text=True, check=False)
        said = explain_exit(done.returncode, None, done.stderr)
        assert said is not None and said[0] is FailureMode.NONZERO_EXIT and words in said[1]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (Argument("n", Role.IN, Dtype.I8, value="200"), "200 does not fit into i8"),
        (Argument("n", Role.IN, Dtype.U32, value="-1"), "-1 does not fit into u32"),
        (Argument("n", Role.IN, Dtype.I32, value="1 / 2"), "not a whole number"),
        (Argument("n", Role.IN, Dtype.I32), "needs a value"),
        (Argument("n", Role.IN, Dtype.F64, ("0 - 3",)), "negative extent"),
        (Argument("n", Role.IN, Dtype.F64, ("m",)), "uses 'm'"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(argument: Argument, message: str) -> None:
    task = kernel_task("", "void f(int n)", [argument], [Case("c")])
    with pytest.raises(TaskError, match=message):
        driver_arguments(task, task.cases[0], result="r.bin")
