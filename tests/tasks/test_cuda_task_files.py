"""Task files with a CUDA kernel: what is wrong with a launch is said by its key, and right ones come back."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.core.errors import TaskError
from loopwright.core.task import Case, Kernel, Language, Launch, Task
from loopwright.tasks.driver import driver_arguments, write_driver
from loopwright.tasks.held_out import drawn_cases
from loopwright.tasks.launch import LaunchNumbers, launch_numbers
from loopwright.tasks.load import load_task, task_of
from loopwright.tasks.problems import TaskFile
from loopwright.tasks.prototype import declaration, find_declaration, parse_prototype
from loopwright.tasks.write import task_text

SOURCE = """\
__device__ double twice(double x) { return 2 * x; }
__global__ void __launch_bounds__(64) scale(int n, const double *x, double *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = twice(x[i]);
}
void scale_all(int n, const double *x, double *y);
"""
TEXT = """\
schema = 1
name = "scale"
editable = ["scale.cu"]

[build]
sources = ["scale.cu"]

[kernel]
function = "scale"
prototype = "__global__ void scale(int n, const double *x, double *y)"

[kernel.launch]
grid = ["(n + 63) // 64"]
block = ["64"]

[[kernel.argument]]
name = "n"
dtype = "i32"
value = "n"

[[kernel.argument]]
name = "x"
role = "in"
dtype = "f64"
shape = ["n"]

[[kernel.argument]]
name = "y"
role = "out"
dtype = "f64"
shape = ["n"]

[[case]]
name = "odd"
params = { n = 37 }

[[case]]
name = "full"
params = { n = 5000 }
use = "time"
"""
LAUNCH = '[kernel.launch]\ngrid = ["(n + 63) // 64"]\nblock = ["64"]\n'
GLOBAL = "__global__ void scale(int n, const double *x, double *y)"

# (test name, text to replace, its replacement, end of `where`, fragments of the whole error)
CASES = [
    ("no_launch", LAUNCH, "", ": kernel.launch", ["missing", "has to be launched", "[kernel.launch] with"]),
    ("unknown_key", "block =", "blocks =", ":14: kernel.launch.blocks", ["did you mean 'block'", "1 more"]),
    ("no_block", 'block = ["64"]\n', "", ": kernel.launch.block", ["missing", 'block = ["256"]']),
    ("no_list", '["64"]', '"64"', ":14: kernel.launch.block", ["expected a list", 'block = ["64"]']),
    ("no_number", '["64"]', "[]", ": kernel.launch.block", ["found 0 numbers; expected 1 to 3"]),
    ("four_numbers", '["64"]', "[1, 1, 1, 1]", ": kernel.launch.block", ["found 4 numbers"]),
    ("zero_block", '["64"]', '["n - 37"]', ": kernel.launch.block", ["'n - 37' is 0 for case 'odd'"]),
    ("many_threads", '["64"]', "[32, 33]", ": kernel.launch.block", ["1056 threads", "at most 1024"]),
    ("deep_block", '["64"]', "[1, 1, 65]", ": kernel.launch.block", ["expected 1 to 64 threads in z"]),
    ("long_block", '["64"]', "[1025]", ": kernel.launch.block", ["expected 1 to 1024 threads in x"]),
    ("no_grid", "(n + 63) // 64", "n - 37", ": kernel.launch.grid", ["expected 1 to 2147483647 blocks"]),
    ("half_a_block", "(n + 63) // 64", "n / 64", ": kernel.launch.grid", ["case 'odd'", "whole number"]),
    ("unknown_name", "(n + 63) // 64", "m", ": kernel.launch.grid", ["needs the parameter 'm'", "gives n"]),
    ("no_expression", "(n + 63) // 64", "n +", ": kernel.launch.grid", ["arithmetic expression"]),
    (
        "shared",
        'block = ["64"]',
        'block = ["64"]\nshared = "64 * n"',
        ":15: kernel.launch.shared",
        ["is 320000 for case 'full'; expected 0 to 232448 bytes"],
    ),
    (
        "launch_of_a_host_function",
        f'"scale"\nprototype = "{GLOBAL}"',
        f'"scale_all"\nprototype = "{GLOBAL.replace("__global__ ", "").replace("scale", "scale_all")}"',
        ":12: kernel.launch",
        ["'scale_all' is no __global__ function", "remove [kernel.launch]"],
    ),
    (
        "called_kernel",
        f'"{GLOBAL}"\n\n{LAUNCH}',
        f'"{GLOBAL.replace("__global__ ", "")}"\n\n',
        ": kernel.prototype",
        ["is a __global__ function in scale.cu, and not here", "begin it with __global__"],
    ),
    (
        "device_function",
        f'"scale"\nprototype = "{GLOBAL}"',
        '"twice"\nprototype = "__device__ double twice(double x)"',
        ": kernel.prototype",
        ["'twice' is a __device__ function"],
    ),
    (
        "kernel_with_a_result",
        "__global__ void",
        "__global__ int",
        ": kernel.prototype",
        ["returns 'int'; a __global__ function returns void"],
    ),
    (
        "kernel_in_c",
        'function = "scale"',
        'function = "scale"\nlanguage = "c++"',
        ": kernel.prototype",
        ["__global__ belongs to CUDA", "'c++'"],
    ),
    (
        "kernel_in_hip",
        'function = "scale"',
        'function = "scale"\nlanguage = "hip"',
        ": kernel",
        ["in HIP is no task yet", "leave out [kernel]"],
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    (folder / "scale.cu").write_text(SOURCE)
    return folder


def task(folder: Path, text: str = TEXT) -> Task:
    return task_of(TaskFile(folder / "loopwright.toml", text, tomllib.loads(text)))


def kernel_of(task: Task) -> Kernel:
    assert task.kernel is not None
    return task.kernel


@pytest.mark.parametrize(
    ("old", "new", "where", "fragments"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_what_is_wrong_with_a_launch_is_said(
    folder: Path, old: str, new: str, where: str, fragments: list[str]
) -> None:
    assert TEXT.count(old) >= 1
    (folder / "loopwright.toml").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(TaskError) as caught:
        load_task(folder)
    assert caught.value.where.endswith(where), caught.value.where
    for fragment in fragments:
        assert fragment in f"{caught.value} {caught.value.hint}", fragment


def test_a_range_of_held_out_sizes_has_to_be_launched_too(folder: Path) -> None:
    text = TEXT.replace('["64"]', '["n // 10"]').replace("n = 37", "n = 30").replace("n = 5000", "n = 10000")
    wide = text + '\n[[held-out]]\nparams = { n = "30..10250" }\n'
    task(folder, text)
    with pytest.raises(TaskError, match="1025"):
        task(folder, wide)


def test_the_prototype_is_found_without_launch_bounds(folder: Path) -> None:
    kernel = kernel_of(task(folder, TEXT.replace(f'prototype = "{GLOBAL}"\n', "")))
    assert kernel.prototype == GLOBAL
    assert (kernel.language, kernel.launch) == (Language.CUDA, Launch(("(n + 63) // 64",), ("64",)))


def test_qualifiers_of_cuda_are_read() -> None:
    bounded = 'extern "C" __global__ void __launch_bounds__(256, 2) f(float *__restrict__ x)'
    both = "__host__ __device__ __forceinline__ double g(double x)"
    f, g = parse_prototype(bounded), parse_prototype(both)
    assert f is not None and g is not None
    assert (f.function, f.returns, f.is_global, f.is_device) == ("f", "void", True, False)
    assert (g.function, g.returns, g.is_global, g.is_device) == ("g", "double", False, False)
    plain = " ".join(declaration(f"{bounded};").split())
    assert plain == 'extern "C" __global__ void f(float *__restrict__ x)'
    assert declaration(both) == "__forceinline__ double g(double x)"
    assert find_declaration("f", f"int g;\n{bounded} {{ }}") == plain


def test_a_launch_comes_back_and_belongs_to_the_task(folder: Path) -> None:
    shared = task(folder, TEXT.replace('["64"]', '["8", 8]\nshared = "8 * n // 5000"'))
    for each in (task(folder), shared):
        again = task(folder, task_text(each))
        assert again == each and again.digest == each.digest
    assert kernel_of(shared).launch == Launch(("(n + 63) // 64",), ("8", "8"), "8 * n // 5000")
    assert kernel_of(shared).contract == (
        f"{GLOBAL}, launched as <<<((n + 63) // 64), (8, 8), 8 * n // 5000>>>"
    )
    assert shared.digest != task(folder).digest


def test_a_kernel_without_launch_has_the_digest_that_it_always_had(folder: Path) -> None:
    """Runs and audits of earlier versions are found by it: the new field does not show."""
    kernel = replace(kernel_of(task(folder)), launch=None)
    assert "launch" not in repr(kernel)


def test_a_launch_is_worked_out_for_a_case() -> None:
    launch = Launch(("(n + 63) // 64", "2"), ("64", "2", "m"), "8 * n")
    found = launch_numbers(launch, Case("c", params={"n": 100, "m": 3}))
    assert found == LaunchNumbers((2, 2, 1), (64, 2, 3), 800)


def test_the_driver_gets_the_launch_as_numbers(folder: Path) -> None:
    line = driver_arguments(task(folder), Case("c", params={"n": 65}), result="r.bin")
    assert line[-7:] == (
        *("--grid.x=2", "--grid.y=1", "--grid.z=1"),
        *("--block.x=64", "--block.y=1", "--block.z=1"),
        "--shared.bytes=0",
    )
    with pytest.raises(TaskError, match="expected 1 to") as caught:
        driver_arguments(task(folder), Case("c", params={"n": 0}), result="r.bin")
    assert caught.value.where == "[kernel.launch] grid"


def test_derived_sizes_are_only_those_that_can_be_launched(folder: Path) -> None:
    text = TEXT.replace('["64"]', '["n // 5"]').replace("n = 37", "n = 4000")
    drawn = drawn_cases(task(folder, text), "a secret", most_bytes=1 << 30)
    assert len(drawn) > 1
    for case in drawn:
        launch_numbers(Launch(("1",), ("n // 5",)), case)


def test_only_the_part_in_cuda_knows_the_kernel(folder: Path) -> None:
    texts = write_driver(task(folder))
    assert {"loopwright_driver.cpp", "loopwright_call.cu", "loopwright_launch.h"} <= set(texts)
    assert "scale<<<lw_grid, lw_block, lw_shared_bytes>>>" in texts["loopwright_call.cu"]
    others = "".join(text for name, text in texts.items() if not name.endswith(".cu"))
    assert "<<<" not in others and "__global__" not in others
    called = TEXT.replace(LAUNCH, "").replace(GLOBAL, GLOBAL[11:].replace("scale", "scale_all"))
    texts = write_driver(task(folder, called.replace('function = "scale"', 'function = "scale_all"')))
    assert "return scale_all(a0, lw_pointer{a1}, lw_pointer{a2});" in texts["loopwright_call.cu"]
    assert "loopwright_launch.h" not in texts
