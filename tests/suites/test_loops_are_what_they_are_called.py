"""Every kernel of suite loops against its definition in NumPy, which shares neither code nor order with it.

All sources are compiled into one library and called through ctypes, on the inputs of a small check case.
"""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg
import scipy.signal
import scipy.special

from loopwright.core.expressions import evaluate, evaluate_int
from loopwright.core.task import Argument, Case, Role, Task, Use
from loopwright.suites.registry import LOOPS

Values = dict[str, Any]
Expected = Mapping[str, Any]
_C_TYPES = {"f32": ctypes.c_float, "f64": ctypes.c_double, "i32": ctypes.c_int32}
_GCC = shutil.which("gcc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    if _GCC is None:
        pytest.skip("no gcc")
    target = tmp_path_factory.mktemp("loops") / "loops.so"
    sources = [
        str(LOOPS.folder / name / path) for name in LOOPS.names() for path in LOOPS.task(name).build.sources
    ]
    done = subprocess.run(
        [_GCC, "-O1", "-shared", "-fPIC", *sources, "-o", str(target), "-lm"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))


@pytest.mark.parametrize("name", LOOPS.names())
def test_kernel_computes_its_definition(name: str, library: ctypes.CDLL) -> None:
    task = LOOPS.task(name)
    for case in task.cases_for(Use.CHECK):
        values = inputs_of(task, case)
        before = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in values.items()}
        returned = call(library, task, values)
        expected = DEFINITIONS[name](**before)
        outputs = {a.name for a in arguments(task) if a.is_array and a.role is not Role.IN}
        assert expected.keys() - {"return"} == outputs, "every output has a definition"
        for output, right in expected.items():
            actual = returned if output == "return" else values[output]
            single = np.asarray(right).dtype == np.float32 or getattr(actual, "dtype", None) == np.float32
            rtol, atol = (2e-4, 2e-4) if single else (1e-9, 1e-9)
            np.testing.assert_allclose(actual, right, rtol=rtol, atol=atol, err_msg=f"{case.name} {output}")
        for argument in arguments(task):
            if argument.is_array and argument.role is Role.IN:
                np.testing.assert_array_equal(values[argument.name], before[argument.name])


def test_every_kernel_has_a_definition() -> None:
    assert set(DEFINITIONS) == set(LOOPS.names())


def arguments(task: Task) -> tuple[Argument, ...]:
    assert task.kernel is not None
    return task.kernel.arguments


def inputs_of(task: Task, case: Case) -> Values:
    rng = np.random.default_rng(case.seed)
    values: Values = {}
    for argument in arguments(task):
        if argument.is_array:
            values[argument.name] = filled(argument, case, rng)
        else:
            assert argument.value is not None
            number = evaluate(argument.value, case.params)
            values[argument.name] = number if argument.dtype.is_float else int(number)
    return values


def filled(argument: Argument, case: Case, rng: np.random.Generator) -> npt.NDArray[Any]:
    shape = tuple(evaluate_int(extent, case.params) for extent in argument.shape)
    dtype = np.dtype(argument.dtype.numpy)
    options = {k: evaluate(str(v), case.params) for k, v in argument.init.options.items()
               if k not in ("function", "source")}  # fmt: skip
    if argument.role is Role.OUT:
        return np.full(shape, np.nan if dtype.kind == "f" else -77, dtype)
    match argument.init.kind:
        case "zeros":
            return np.zeros(shape, dtype)
        case "normal":
            return rng.normal(options["mean"], options["std"], shape).astype(dtype)
        case "uniform" if dtype.kind == "f":
            return rng.uniform(options["low"], options["high"], shape).astype(dtype)
        case "uniform":
            return rng.integers(int(options["low"]), int(options["high"]), shape).astype(dtype)
        case "csr_rowptr":
            cuts = np.sort(rng.integers(0, int(options["nnz"]) + 1, shape[0] - 2)) if shape[0] > 2 else []
            return np.concatenate([[0], cuts, [options["nnz"]]]).astype(dtype)
        case "csr_colind":
            return rng.integers(0, int(options["columns"]), shape).astype(dtype)
        case "generator":
            a = rng.uniform(-1, 1, shape)
            if argument.init.options["function"] == "positive_definite_matrix":
                a = np.triu(a) + np.triu(a, 1).T
            return a + (shape[0] + 1) * np.eye(shape[0])
    raise AssertionError(argument.init.kind)


def call(library: ctypes.CDLL, task: Task, values: Values) -> int | None:
    assert task.kernel is not None
    function = getattr(library, task.kernel.function)
    function.restype = ctypes.c_int if task.kernel.returns is not None else None
    passed = [
        values[a.name].ctypes.data_as(ctypes.c_void_p)
        if a.is_array
        else _C_TYPES[a.dtype.value](values[a.name])
        for a in arguments(task)
    ]
    return function(*passed)  # type: ignore[no-any-return]


# Linear algebra


def gemm(alpha: float, beta: float, a: Any, b: Any, c: Any, **_: Any) -> Expected:
    return {"c": alpha * a @ b + beta * c}


def two_products(alpha: float, beta: float, a: Any, b: Any, c: Any, d: Any, **_: Any) -> Expected:
    return {"t": alpha * a @ b, "d": alpha * a @ b @ c + beta * d}


def three_products(a: Any, b: Any, c: Any, d: Any, **_: Any) -> Expected:
    return {"e": a @ b, "f": c @ d, "g": a @ b @ c @ d}


def atax(a: Any, x: Any, **_: Any) -> Expected:
    return {"y": a.T @ (a @ x)}


def bicg(a: Any, p: Any, r: Any, **_: Any) -> Expected:
    return {"s": a.T @ r, "q": a @ p}


def mvt(a: Any, y1: Any, y2: Any, x1: Any, x2: Any, **_: Any) -> Expected:
    return {"x1": x1 + a @ y1, "x2": x2 + a.T @ y2}


def gemver(
    alpha: float, beta: float, a: Any, u1: Any, v1: Any, u2: Any, v2: Any, y: Any, z: Any, x: Any, **_: Any
) -> Expected:
    updated = a + np.outer(u1, v1) + np.outer(u2, v2)
    moved = x + beta * updated.T @ y + z
    return {"a": updated, "x": moved, "w": alpha * updated @ moved}


def gesummv(alpha: float, beta: float, a: Any, b: Any, x: Any, **_: Any) -> Expected:
    return {"y": alpha * a @ x + beta * b @ x}


def symm(alpha: float, beta: float, a: Any, b: Any, c: Any, **_: Any) -> Expected:
    return {"c": alpha * (np.tril(a) + np.tril(a, -1).T) @ b + beta * c}


def lower_triangle(n: int, new: Any, old: Any) -> Any:
    return np.where(np.tri(n, dtype=bool), new, old)


def syrk(n: int, alpha: float, beta: float, a: Any, c: Any, **_: Any) -> Expected:
    return {"c": lower_triangle(n, alpha * a @ a.T + beta * c, c)}


def syr2k(n: int, alpha: float, beta: float, a: Any, b: Any, c: Any, **_: Any) -> Expected:
    return {"c": lower_triangle(n, alpha * (a @ b.T + b @ a.T) + beta * c, c)}


def trmm(m: int, alpha: float, a: Any, b: Any, **_: Any) -> Expected:
    return {"b": alpha * (np.tril(a, -1) + np.eye(m)).T @ b}


def trisolv(lower: Any, b: Any) -> Expected:
    return {"x": np.linalg.solve(np.tril(lower), b)}


def cholesky(a: Any, **_: Any) -> Expected:
    return {"a": np.linalg.cholesky(a) + np.triu(a, 1)}


def eliminated(a: Any) -> Any:
    """L and U in one matrix, by eliminating one column after the other."""
    a = a.copy()
    for k in range(len(a)):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a


def lu(a: Any, **_: Any) -> Expected:
    return {"a": eliminated(a)}


def ludcmp(a: Any, b: Any, **_: Any) -> Expected:
    factors = eliminated(a)
    y = np.linalg.solve(np.tril(factors, -1) + np.eye(len(a)), b)
    return {"a": factors, "x": np.linalg.solve(a, b), "y": y}


def gramschmidt(a: Any, n: int, **_: Any) -> Expected:
    q, r = np.linalg.qr(a)
    signs = np.sign(np.diag(r))
    q, r = q * signs, r * signs[:, None]
    return {"q": q, "r": r, "a": q * np.diag(r)[None, :]}


def correlation(data: Any, n: int, m: int, **_: Any) -> Expected:
    mean, dev = data.mean(axis=0), data.std(axis=0)
    corr = np.corrcoef(data, rowvar=False).reshape(m, m)
    return {"mean": mean, "dev": dev, "corr": corr, "data": (data - mean) / (math.sqrt(n) * dev)}


def covariance(data: Any, m: int, **_: Any) -> Expected:
    mean = data.mean(axis=0)
    return {"mean": mean, "data": data - mean, "cov": np.cov(data, rowvar=False).reshape(m, m)}


def doitgen(a: Any, c: Any, **_: Any) -> Expected:
    return {"a": np.einsum("rqp,ps->rqs", a, c)}


def durbin(n: int, r: Any, **_: Any) -> Expected:
    first = np.concatenate([[1.0], r[: n - 1]])
    y = scipy.linalg.solve_toeplitz(first, -r)
    # The last update of the vector to work in: y without its last entry.
    return {"y": y, "z": np.concatenate([y[:-1], [0.0]])}


# Stencils


def inner(n: int) -> slice:
    return slice(1, n - 1)


def jacobi_1d(n: int, steps: int, a: Any, b: Any) -> Expected:
    kernel = np.full(3, 1 / 3)
    for _ in range(steps):
        b[1:-1] = np.convolve(a, kernel, "valid")
        a[1:-1] = np.convolve(b, kernel, "valid")
    return {"a": a, "b": b}


def jacobi_2d(n: int, steps: int, a: Any, b: Any) -> Expected:
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) / 5
    for _ in range(steps):
        b[1:-1, 1:-1] = scipy.signal.convolve2d(a, cross, "valid")
        a[1:-1, 1:-1] = scipy.signal.convolve2d(b, cross, "valid")
    return {"a": a, "b": b}


def heat_3d(n: int, steps: int, a: Any, b: Any) -> Expected:
    def step(u: Any) -> Any:
        v, i = u.copy(), inner(n)
        second = sum(np.roll(u, 1, x) - 2 * u + np.roll(u, -1, x) for x in range(3))
        v[i, i, i] += 0.12 * second[i, i, i]
        return v

    for _ in range(steps):
        b[1:-1, 1:-1, 1:-1] = step(a)[1:-1, 1:-1, 1:-1]
        a[1:-1, 1:-1, 1:-1] = step(b)[1:-1, 1:-1, 1:-1]
    return {"a": a, "b": b}


def seidel_2d(n: int, steps: int, a: Any) -> Expected:
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                a[i, j] = a[i - 1 : i + 2, j - 1 : j + 2].mean()
    return {"a": a}


def fdtd_2d(nx: int, ny: int, steps: int, source: Any, ex: Any, ey: Any, hz: Any) -> Expected:
    for t in range(steps):
        ey[1:] -= 0.5 * np.diff(hz, axis=0)
        ey[0] = source[t]
        ex[:, 1:] -= 0.5 * np.diff(hz, axis=1)
        hz[:-1, :-1] -= 0.7 * (np.diff(ex, axis=1)[:-1] + np.diff(ey, axis=0)[:, :-1])
    return {"ex": ex, "ey": ey, "hz": hz}


def adi(n: int, steps: int, a: float, u: Any, v: Any) -> Expected:
    second = -2 * np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)
    implicit, explicit = np.eye(n) - a * second, np.eye(n) + a * second
    implicit[[0, -1]] = np.eye(n)[[0, -1]]
    for _ in range(steps):
        right = u.copy()
        right[1:-1, 1:-1] = (u @ explicit.T)[1:-1, 1:-1]
        v[:, 1:-1] = np.linalg.solve(implicit, right)[:, 1:-1]
        right = (explicit @ v)[1:-1, :]
        right[:, [0, -1]] = u[1:-1, [0, -1]]
        u[1:-1] = np.linalg.solve(implicit, right.T).T
    return {"u": u, "v": v}


def deriche(alpha: float, image: Any, **_: Any) -> Expected:
    e = math.exp(-alpha)
    k = (1 - e) ** 2 / (1 + 2 * alpha * e - e * e)
    down, forward = [1, -2 * e, e * e], [k, k * e * (alpha - 1)]
    backward = [0, k * e * (alpha + 1), -k * e * e]

    def passes(x: Any, axis: int) -> tuple[Any, Any]:
        there = scipy.signal.lfilter(forward, down, x, axis)
        return there, np.flip(scipy.signal.lfilter(backward, down, np.flip(x, axis), axis), axis)

    y1, y2 = passes(image.astype(float), 1)
    y1, y2 = passes(y1 + y2, 0)
    return {"y1": y1.astype(np.float32), "y2": y2.astype(np.float32), "out": (y1 + y2).astype(np.float32)}


# Dynamic programming


def floyd_warshall(d: Any, n: int) -> Expected:
    # Ways of at most 1, 2, 4, ... steps; staying where one is costs nothing but is no way.
    best = d
    for _ in range(n.bit_length()):
        best = np.minimum(best, (best[:, :, None] + best[None, :, :]).min(axis=1))
    return {"d": best}


def nussinov(n: int, seq: Any, **_: Any) -> Expected:
    best = np.zeros((n, n), np.int32)
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            # Base i alone, or paired with some k, which splits the rest in two.
            most = best[i + 1, j]
            for k in range(i + 2, j + 1):
                if seq[i] + seq[k] == 3:
                    beyond = best[k + 1, j] if k < j else 0
                    most = max(most, 1 + best[i + 1, k - 1] + beyond)
            best[i, j] = most
    return {"best": best}


def smith_waterman(n: int, m: int, match: int, mismatch: int, gap: int, a: Any, b: Any, **_: Any) -> Expected:
    score = np.zeros((n + 1, m + 1), np.int16)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            ends = [score[i - 1, j - 1] + (match if a[i - 1] == b[j - 1] else -mismatch), 0]
            ends += [score[i - k, j] - k * gap for k in range(1, i + 1)]
            ends += [score[i, j - k] - k * gap for k in range(1, j + 1)]
            score[i, j] = max(ends)
    return {"score": score, "return": int(score.max())}


# Beyond


def spmv_csr(rows: int, row_start: Any, column: Any, value: Any, x: Any, **_: Any) -> Expected:
    dense = np.zeros((rows, len(x)))
    np.add.at(dense, (np.repeat(np.arange(rows), np.diff(row_start)), column), value)
    return {"y": dense @ x}


def histogram(bins: int, samples: Any, weights: Any, **_: Any) -> Expected:
    counts, _edges = np.histogram(samples, bins, (0, 1))
    sums, _edges = np.histogram(samples, bins, (0, 1), weights=weights)
    return {"counts": counts, "sums": sums}


def prefix_sum(order: int, x: Any, **_: Any) -> Expected:
    for _time in range(order):
        x = np.cumsum(x)
    return {"y": x}


def monte_carlo(paths: int, steps: int, drift: float, volatility: float, strike: Any, **_: Any) -> Expected:
    bits = np.arange(1, paths * steps * 12 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    uniform = (bits >> np.uint64(11)) / 2.0**53
    growth = np.cumsum(drift + volatility * (uniform.reshape(paths, steps, 12).sum(axis=2) - 6), axis=1)
    payoff = np.maximum(np.exp(growth).mean(axis=1)[:, None] - strike, 0)
    return {"price": payoff.mean(axis=0), "error": payoff.std(axis=0) / math.sqrt(paths)}


def conv_2d(image: Any, window: Any, bias: Any, **_: Any) -> Expected:
    layers = [
        sum(scipy.signal.correlate2d(i.astype(float), w.astype(float), "valid")
            for i, w in zip(image, windows, strict=True)) + shift
        for windows, shift in zip(window, bias, strict=True)
    ]  # fmt: skip
    return {"out": np.array(layers, np.float32)}


def max_pool(r: int, stride: int, image: Any, **_: Any) -> Expected:
    views = np.lib.stride_tricks.sliding_window_view(image, (r, r), axis=(1, 2))
    return {"out": views[:, ::stride, ::stride].max(axis=(3, 4))}


def softmax(x: Any, **_: Any) -> Expected:
    return {"y": scipy.special.softmax(x, axis=1)}


def n_body(softening: float, x: Any, y: Any, z: Any, mass: Any, **_: Any) -> Expected:
    place = np.stack([x, y, z])
    apart = place[:, None, :] - place[:, :, None]
    pull = mass / ((apart**2).sum(axis=0) + softening**2) ** 1.5
    return dict(zip(("ax", "ay", "az"), (apart * pull).sum(axis=2), strict=True))


def k_means_step(k: int, point: Any, centre: Any, **_: Any) -> Expected:
    nearest = np.linalg.norm(point[:, None] - centre[None], axis=2).argmin(axis=1)
    moved = [point[nearest == c].mean(axis=0) if (nearest == c).any() else centre[c] for c in range(k)]
    return {"nearest": nearest, "count": np.bincount(nearest, minlength=k), "moved": np.array(moved)}


def lbm_d2q9(pairs: int, omega: float, f: Any, g: Any, **_: Any) -> Expected:
    directions = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)])
    weights = np.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)

    def step(old: Any) -> Any:
        new = np.stack([np.roll(old[q], (dy, dx), (0, 1)) for q, (dx, dy) in enumerate(directions)])
        density = new.sum(axis=0)
        u = np.einsum("qx,qij->xij", directions, new) / density
        along = np.einsum("qx,xij->qij", directions, u)
        balance = 1 + 3 * along + 4.5 * along**2 - 1.5 * (u**2).sum(axis=0)
        return new + omega * (weights[:, None, None] * density * balance - new)

    for _ in range(pairs):
        g = step(f)
        f = step(g)
    return {"f": f, "g": g}


DEFINITIONS: Mapping[str, Callable[..., Expected]] = {
    "2mm": two_products, "3mm": three_products, "adi": adi, "atax": atax, "bicg": bicg,
    "cholesky": cholesky, "conv-2d": conv_2d, "correlation": correlation, "covariance": covariance,
    "deriche": deriche, "doitgen": doitgen, "durbin": durbin, "fdtd-2d": fdtd_2d,
    "floyd-warshall": floyd_warshall, "gemm": gemm, "gemver": gemver, "gesummv": gesummv,
    "gramschmidt": gramschmidt, "heat-3d": heat_3d, "histogram": histogram, "jacobi-1d": jacobi_1d,
    "jacobi-2d": jacobi_2d, "k-means-step": k_means_step, "lbm-d2q9": lbm_d2q9, "lu": lu, "ludcmp": ludcmp,
    "max-pool": max_pool, "monte-carlo": monte_carlo, "mvt": mvt, "n-body": n_body, "nussinov": nussinov,
    "prefix-sum": prefix_sum, "seidel-2d": seidel_2d, "smith-waterman": smith_waterman, "softmax": softmax,
    "spmv-csr": spmv_csr, "symm": symm, "syr2k": syr2k, "syrk": syrk,
    "trisolv": lambda l, b, **_: trisolv(l, b),  # noqa: E741
    "trmm": trmm,
}  # fmt: skip
