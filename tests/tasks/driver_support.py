"""Building and running kernel drivers in tests, without the harness above them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loopwright.core.task import Argument, Build, Case, Init, Kernel, Language, Task
from loopwright.core.tree import Tree
from loopwright.tasks.driver import DriverResult, driver_arguments, read_result, write_driver

RESULT = "result.bin"
GOLDEN = 0x9E3779B97F4A7C15


def compilers() -> dict[str, tuple[Language, str]]:
    """Every compiler that is installed here: name to its language and path."""
    wanted = {
        "gcc": Language.C,
        "clang": Language.C,
        "clang-19": Language.C,
        "g++": Language.CXX,
        "clang++": Language.CXX,
        "clang++-19": Language.CXX,
    }
    return {name: (language, path) for name, language in wanted.items() if (path := shutil.which(name))}


def kernel_task(
    source: str,
    prototype: str,
    arguments: Sequence[Argument],
    cases: Sequence[Case],
    *,
    files: dict[str, bytes] | None = None,
    **kernel: object,
) -> Task:
    """A task of one kernel in one file, named as its prototype says."""
    language = kernel.get("language", Language.C)
    name = "kernel.cpp" if language is Language.CXX else "kernel.c"
    function = prototype.split("(")[0].replace("*", " ").split()[-1]
    return Task(
        name="test",
        tree=Tree({name: source.encode(), **(files or {})}),
        editable=(name,),
        build=Build(sources=(name,)),
        cases=tuple(cases),
        kernel=Kernel(function, prototype, tuple(arguments), **kernel),  # type: ignore[arg-type]
    )


def build(task: Task, folder: Path, *command: str, extra: Sequence[str] = ()) -> Path:
    """The executable of `task` with its driver, in `folder`."""
    assert task.kernel is not None
    cxx = task.kernel.language is Language.CXX
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in task.tree.items():
        (folder / path).write_bytes(content)
    driver = write_driver(task)
    for path, text in driver.items():
        (folder / path).write_text(text)
    sources = [path for path in driver if not path.endswith(".h")] + [*task.build.sources, *extra]
    command = command or ("g++" if cxx else "gcc", "-O1")
    done = subprocess.run(
        [*command, *sources, "-o", "driver", "-lm"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "driver"


def execute(executable: Path, task: Task, case: Case, **options: object) -> subprocess.CompletedProcess[str]:
    """One execution, in the folder of the executable; an earlier result is removed first."""
    (executable.parent / RESULT).unlink(missing_ok=True)
    line = driver_arguments(task, case, result=RESULT, **options)  # type: ignore[arg-type]
    return subprocess.run(
        [str(executable), *line],
        cwd=executable.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def outcome(executable: Path, task: Task, case: Case, **options: object) -> DriverResult:
    """The result of one execution that has to succeed."""
    done = execute(executable, task, case, **options)
    assert done.returncode == 0, done.stderr
    return read_result((executable.parent / RESULT).read_bytes(), task, case)


def initialised(name: str, init: Init) -> str:
    """What a failing test shows for an initialiser."""
    return f"{name} {init.kind} {dict(init.options)}"


def random_bits(seed: int, position: int, count: int) -> np.ndarray:
    """The generator of the driver, written a second time: 64 random bits for every element."""
    stream = mixed(np.array([(seed + GOLDEN * (position + 1)) % 2**64], dtype=np.uint64))
    counters = np.arange(1, count + 1, dtype=np.uint64)
    return mixed(stream + np.uint64(GOLDEN) * counters)


def mixed(z: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def random_units(seed: int, position: int, count: int) -> np.ndarray:
    """Uniform numbers in [0, 1) as the driver makes them."""
    return (random_bits(seed, position, count) >> np.uint64(11)).astype(np.float64) / 2.0**53
