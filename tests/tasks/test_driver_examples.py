"""The shipped examples: every one loads, and gives what an independent NumPy computation gives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driver_support import build, outcome

from loopwright.core.task import Case, Language, Role, Task, Use
from loopwright.core.tree import Tree
from loopwright.tasks.held_out import drawn_cases
from loopwright.tasks.load import load_task

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/loopwright.toml"))
Arrays = Mapping[str, np.ndarray]


def test_there_are_at_least_eight_of_both_kinds() -> None:
    tasks = [load_task(EXAMPLES / name) for name in NAMES]
    assert len(tasks) >= 8
    assert sum(task.kernel is None for task in tasks) >= 3
    assert {task.language for task in tasks} == {Language.C, Language.CXX}
    assert any(task.build.command for task in tasks)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_whole(name: str) -> None:
    task = load_task(EXAMPLES / name)
    assert task.name == name and task.summary
    assert len(task.cases_for(Use.CHECK)) >= 3
    assert len(task.cases_for(Use.TIME)) == 1
    assert task.held_out
    assert not any(b"#pragma" in text for text in task.tree.values())
    for case in task.cases:
        assert task.work.bytes_of(case) is not None or task.work.flops_of(case) is not None
        if task.kernel is None:
            assert case.args == tuple(str(value) for value in case.params.values())


def matmul(p: Mapping[str, int], x: Arrays) -> Arrays:
    return {"c": x["a"] @ x["b"]}


def jacobi3d(p: Mapping[str, int], x: Arrays) -> Arrays:
    n, u, v = p["n"], x["u"], x["v"].copy()
    if n > 2:
        middle = slice(1, -1)
        around = u[:-2, middle, middle] + u[2:, middle, middle] + u[middle, :-2, middle]
        around = around + u[middle, 2:, middle] + u[middle, middle, :-2] + u[middle, middle, 2:]
        v[middle, middle, middle] = (around + x["f"][middle, middle, middle] / n**2) / 6
    return {"v": v}


def spmv(p: Mapping[str, int], x: Arrays) -> Arrays:
    from scipy.sparse import csr_array

    shape = (p["rows"], p["columns"])
    return {"y": csr_array((x["value"], x["column"], x["row_start"]), shape=shape) @ x["x"]}


def histogram(p: Mapping[str, int], x: Arrays) -> Arrays:
    counts, _ = np.histogram(x["samples"], bins=p["bins"], range=(0, 1))
    return {"counts": counts}


def montecarlo(p: Mapping[str, int], x: Arrays) -> Arrays:
    def uniform(counter: np.ndarray) -> np.ndarray:
        z = counter * np.uint64(0x9E3779B97F4A7C15)
        for _ in range(2):
            z = (z ^ (z >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        return ((z ^ (z >> np.uint64(32))) >> np.uint64(11)) / 2.0**53

    first = p["start"] + 2 * np.arange(p["samples"], dtype=np.uint64)
    a, b = uniform(first + np.uint64(1)), uniform(first + np.uint64(2))
    return {"return": np.array([np.exp(-(a**2 + b**2)).mean()])}


def recurrence(p: Mapping[str, int], x: Arrays) -> Arrays:
    y, state = [], 0.0
    for value in x["x"].tolist():
        state = value + 0.9 * state / (1 + state * state)
        y.append(state)
    return {"y": np.array(y)}


KERNELS: Mapping[str, Callable[[Mapping[str, int], Arrays], Arrays]] = {
    f.__name__: f for f in (matmul, jacobi3d, spmv, histogram, montecarlo, recurrence)
}


def idle(task: Task) -> Task:
    """A kernel of the same arguments that does nothing: its outputs are what the driver puts into them."""
    assert task.kernel is not None
    arguments = tuple(
        replace(a, role=Role.INOUT) if a.is_array and a.role is Role.IN else a for a in task.kernel.arguments
    )
    nothing = f"#include <stdint.h>\n{task.kernel.prototype} {{ }}\n".encode()
    tree = Tree({task.build.sources[0]: nothing})
    return replace(task, tree=tree, kernel=replace(task.kernel, arguments=arguments, returns=None))


@pytest.mark.parametrize("name", [name for name in NAMES if load_task(EXAMPLES / name).kernel is not None])
def test_a_kernel_example_computes_what_numpy_computes(name: str, tmp_path: Path) -> None:
    task = load_task(EXAMPLES / name)
    assert task.kernel is not None
    executable = build(task, tmp_path / "own", "gcc", "-O2", "-Wall", "-Wextra", "-Werror")
    seen = idle(task)
    seeing = build(seen, tmp_path / "idle")
    drawn = drawn_cases(task, "reference", most_bytes=1 << 30)
    for case in (*task.cases_for(Use.CHECK), *[c for c in drawn if c.name.endswith("small")]):
        expected = KERNELS[name](case.params, outcome(seeing, seen, case).outputs)
        for placement in ("end", "start", "aligned"):
            result = outcome(executable, task, case, placement=placement)
            assert result.outputs.keys() == expected.keys() and result.untouched == {}
            for key, array in expected.items():
                tolerance = task.output.tolerance
                assert result.outputs[key].shape == array.shape
                np.testing.assert_allclose(
                    result.outputs[key], array, rtol=tolerance.rtol, atol=tolerance.atol, err_msg=case.name
                )
            if task.kernel.returns is None:
                assert not np.array_equal(next(iter(expected.values())), 0), "zeros would pass"


def run_program(task: Task, case: Case, folder: Path) -> tuple[list[float], Path]:
    """The numbers that a program example prints for `case`, and the folder it ran in."""
    folder.mkdir(exist_ok=True)
    for path, content in task.tree.items():
        (folder / path).write_bytes(content)
    if task.build.command is not None:
        command = task.build.command.format(cc="gcc", cflags="-O2", exe="program").split()
    else:
        cxx = task.language is Language.CXX
        standard = [f"-std={task.build.standard}"] if task.build.standard else []
        command = ["g++" if cxx else "gcc", "-O2", "-Wall", "-Wextra", "-Werror", *standard,
                   *task.build.sources, "-o", "program", "-lm"]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["./program", *case.args], cwd=folder, check=True, capture_output=True, text=True)
    words = done.stdout.split()
    return [float(word) for word in words if word[-1].isdigit() or "." in word], folder


def checked(name: str) -> list[tuple[Task, Case]]:
    task = load_task(EXAMPLES / name)
    return [(task, case) for case in task.cases_for(Use.CHECK)]


def test_heat2d_computes_what_numpy_computes(tmp_path: Path) -> None:
    for task, case in checked("heat2d"):
        n, steps = case.params["n"], case.params["steps"]
        x = (np.arange(n) + 0.5) / n
        u = 20 + 80 * np.exp(-40 * ((x[None, :] - 0.4) ** 2 + (x[:, None] - 0.6) ** 2))
        u[0] = 100
        for _ in range(steps):
            around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]
            u[1:-1, 1:-1] += 0.2 * around
        printed, folder = run_program(task, case, tmp_path)
        field = np.fromfile(folder / "field.bin")
        np.testing.assert_allclose(field.reshape(n, n), u, rtol=1e-12)
        np.testing.assert_allclose(printed, [u.mean(), u.max(), u[n // 2, n // 2]], rtol=1e-12)


def test_advection_computes_what_numpy_computes(tmp_path: Path) -> None:
    for task, case in checked("advection-make"):
        rows, columns, steps = case.params.values()
        x, y = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
        p = np.zeros((rows + 2, columns + 2))
        p[1:-1, 1:-1] = np.exp(-60 * ((x[None, :] - 0.3) ** 2 + (y[:, None] - 0.3) ** 2))
        before = p.sum()
        for _ in range(steps):
            here, west, east = p[1:-1, 1:-1], p[1:-1, :-2], p[1:-1, 2:]
            south, north = p[:-2, 1:-1], p[2:, 1:-1]
            carried = here - 0.3 * (here - west) - 0.2 * (here - south)
            p[1:-1, 1:-1] = carried + 0.05 * (west + east + south + north - 4 * here)
        printed, folder = run_program(task, case, tmp_path)
        np.testing.assert_allclose(np.fromfile(folder / "tracer.bin").reshape(rows, columns), p[1:-1, 1:-1],
                                   rtol=1e-11, atol=1e-16)  # fmt: skip
        np.testing.assert_allclose(printed[:2], [before, p.sum()], rtol=1e-12)


def test_nbody_computes_what_numpy_computes(tmp_path: Path) -> None:
    for task, case in checked("nbody"):
        n, steps = case.params.values()
        x, v, mass = cold_ball(n)

        def energy(x: np.ndarray, v: np.ndarray, mass: np.ndarray) -> float:
            d = x[:, None] - x[None, :]
            pairs = np.triu(mass[:, None] * mass / np.sqrt((d**2).sum(axis=2) + 1e-3), 1)
            return float(0.5 * (mass * (v**2).sum(axis=1)).sum() - pairs.sum())

        expected = [energy(x, v, mass)]
        for _ in range(steps):
            for moved in (1e-3, 0.0):
                d = x[None, :] - x[:, None]
                pull = mass / ((d**2).sum(axis=2) + 1e-3) ** 1.5
                v = v + 0.5e-3 * (pull[:, :, None] * d).sum(axis=1)
                x = x + moved * v
        expected.append(energy(x, v, mass))
        for i in range(0, n, 10):
            expected += [i, *x[i]]
        printed, _ = run_program(task, case, tmp_path)
        np.testing.assert_allclose(printed, expected, rtol=1e-9, atol=1e-11)


def cold_ball(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, velocities and masses of nbody's start."""
    state = 20260101

    def uniform() -> float:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 11) / 2.0**53

    bodies: list[tuple[float, float, float, float]] = []
    while len(bodies) < n:
        x, y, z = (2 * uniform() - 1 for _ in range(3))
        if x * x + y * y + z * z <= 1:
            bodies.append((x, y, z, (0.5 + uniform()) / n))
    table = np.array(bodies)
    x = table[:, :3]
    v = np.column_stack((0.1 * x[:, 1], -0.1 * x[:, 0], np.zeros(n)))
    return x, v, table[:, 3]
