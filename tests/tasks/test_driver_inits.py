"""Every initialiser has the properties that it promises, and the same bits under every compiler."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from driver_support import build, compilers, execute, kernel_task, outcome, random_bits, random_units

from loopwright.core.errors import TaskError
from loopwright.core.task import Argument, Case, Dtype, Init, Language, Role, Task
from loopwright.tasks.driver import INIT_KINDS, driver_arguments, explain_exit, write_driver

C_TYPES = {
    Dtype.F32: "float", Dtype.F64: "double", Dtype.I8: "int8_t", Dtype.I16: "int16_t", Dtype.I32: "int32_t",
    Dtype.I64: "int64_t", Dtype.U8: "uint8_t", Dtype.U16: "uint16_t", Dtype.U32: "uint32_t",
    Dtype.U64: "uint64_t",
}  # fmt: skip

INPUTS: dict[str, tuple[Dtype, str, Init]] = {
    "uniform": (Dtype.F64, "n", Init("uniform", {"low": -2, "high": "n"})),
    "uniform_default": (Dtype.F64, "n", Init()),
    "uniform_f32": (Dtype.F32, "n", Init("uniform", {"low": 3, "high": 4})),
    "uniform_u8": (Dtype.U8, "n", Init("uniform", {"low": 0, "high": 256})),
    "uniform_i8": (Dtype.I8, "n", Init("uniform", {"low": -128, "high": 128})),
    "uniform_i16": (Dtype.I16, "n", Init()),
    "uniform_i64": (Dtype.I64, "n", Init("uniform", {"low": -(2**62), "high": 2**62})),
    "normal": (Dtype.F64, "n", Init("normal", {"mean": 3, "std": 0.5})),
    "normal_f32": (Dtype.F32, "n", Init("normal")),
    "linspace": (Dtype.F64, "n", Init("linspace", {"start": -1, "stop": 0.1})),
    "linspace_i32": (Dtype.I32, "n", Init("linspace", {"start": "n", "stop": "-n"})),
    "zeros": (Dtype.F64, "n", Init("zeros")),
    "zeros_u16": (Dtype.U16, "n", Init("zeros")),
    "constant": (Dtype.F64, "n", Init("constant", {"value": "1 / 3"})),
    "constant_u64": (Dtype.U64, "n", Init("constant", {"value": 2**62 + 1})),
    "permutation": (Dtype.I32, "n", Init("permutation")),
    "permutation_u64": (Dtype.U64, "n", Init("permutation")),
    "sorted": (Dtype.F64, "n", Init("sorted", {"low": -5, "high": 5})),
    "sorted_i32": (Dtype.I32, "n", Init("sorted", {"low": -100, "high": 100})),
    "rowptr": (Dtype.I32, "n + 1", Init("csr_rowptr", {"nnz": "3 * n"})),
    "rowptr_i64": (Dtype.I64, "n + 1", Init("csr_rowptr", {"nnz": "n // 2"})),
    "colind": (Dtype.I32, "3 * n", Init("csr_colind", {"columns": 17})),
    "index": (Dtype.U32, "n", Init("index", {"limit": "n"})),
    "generated": (Dtype.F64, "n", Init("generator", {"function": "ramp", "source": "ramp.c"})),
    "stored": (Dtype.F32, "12", Init("npy", {"path": "stored.npy"})),
}
POSITION = {name: 1 + 2 * place for place, name in enumerate(INPUTS)}
RAMP = (
    b"#include <stddef.h>\n#include <stdint.h>\nvoid ramp(void *data, size_t count, uint64_t seed)\n"
    b"{ double *x = data; for (size_t i = 0; i < count; i++) x[i] = (double)i + (double)(seed % 7) / 8; }\n"
)
STORED = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


def stored_file(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def copying_task() -> Task:
    """A kernel that copies each of its inputs to an output of the same type."""
    parameters, loops = ["int n"], []
    arguments = [Argument("n", Role.IN, Dtype.I32, value="n")]
    for name, (dtype, count, init) in INPUTS.items():
        arguments += [
            Argument(name, Role.IN, dtype, (count,), init=init),
            Argument(f"{name}_out", Role.OUT, dtype, (count,)),
        ]
        parameters += [f"const {C_TYPES[dtype]} *{name}", f"{C_TYPES[dtype]} *{name}_out"]
        # In C, `//` would be a comment: no shape above uses it.
        loops.append(f"for (int i = 0; i < {count}; i++) {name}_out[i] = {name}[i];")
    prototype = f"void copy({', '.join(parameters)})"
    source = f"#include <stdint.h>\n{prototype} {{\n" + "\n".join(loops) + "\n}\n"
    return kernel_task(
        source, prototype, arguments, [], files={"stored.npy": stored_file(STORED), "ramp.c": RAMP}
    )


def inputs_of(executable: Path, task: Task, n: int, seed: int) -> dict[str, np.ndarray]:
    outputs = outcome(executable, task, Case("c", params={"n": n}, seed=seed)).outputs
    return {name.removesuffix("_out"): array for name, array in outputs.items()}


@pytest.fixture(scope="module")
def copying(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Task]:
    task = copying_task()
    return build(task, tmp_path_factory.mktemp("copying"), extra=["ramp.c"]), task


@pytest.fixture(scope="module")
def made(copying: tuple[Path, Task]) -> dict[str, np.ndarray]:
    return inputs_of(*copying, n=5000, seed=11)


def test_every_kind_is_tried_here() -> None:
    assert {init.kind for _, _, init in INPUTS.values()} == set(INIT_KINDS)


def test_uniform(made: dict[str, np.ndarray]) -> None:
    units = random_units(11, POSITION["uniform"], 5000)
    np.testing.assert_array_equal(made["uniform"], -2.0 + 5002.0 * units)
    np.testing.assert_array_equal(
        made["uniform_default"], random_units(11, POSITION["uniform_default"], 5000)
    )
    assert made["uniform_f32"].min() >= 3 and made["uniform_f32"].max() <= 4
    for name, low, high in (("uniform_u8", 0, 256), ("uniform_i8", -128, 128), ("uniform_i16", 0, 1000)):
        counts = np.bincount(made[name].astype(np.int64) - low, minlength=high - low)
        assert len(counts) == high - low
        if high - low == 256:
            assert counts.min() > 0
    bits = random_bits(11, POSITION["uniform_i64"], 5000)
    expected = [-(2**62) + (int(b) * 2**63 >> 64) for b in bits]
    assert made["uniform_i64"].tolist() == expected


def test_streams_of_arguments_are_independent(made: dict[str, np.ndarray]) -> None:
    names = ["uniform", "uniform_default", "uniform_f32", "normal", "sorted", "uniform_i64"]
    for one in names:
        for other in names:
            if one < other:
                assert abs(np.corrcoef(made[one][1:], made[other][1:])[0, 1]) < 0.06 or "sorted" in (
                    one,
                    other,
                )
    shifted = np.corrcoef(made["uniform"][1:], made["uniform"][:-1])[0, 1]
    assert abs(shifted) < 0.06


def test_normal(made: dict[str, np.ndarray]) -> None:
    from scipy import stats

    for name, mean, std in (("normal", 3, 0.5), ("normal_f32", 0, 1)):
        z = (made[name].astype(np.float64) - mean) / std
        assert abs(z.mean()) < 4 / 5000**0.5 and abs(z.std() - 1) < 0.05
        assert stats.kstest(z, "norm").pvalue > 1e-4


def test_linspace(made: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(made["linspace"], np.linspace(-1, 0.1, 5000), rtol=1e-15, atol=1e-15)
    assert made["linspace"][0] == -1 and made["linspace"][-1] == 0.1
    assert made["linspace_i32"][0] == 5000 and made["linspace_i32"][-1] == -5000
    assert set(np.diff(made["linspace_i32"])) <= {-2, -3}


def test_zeros_and_constants(made: dict[str, np.ndarray]) -> None:
    assert not made["zeros"].any() and not made["zeros_u16"].any()
    assert set(made["constant"]) == {1 / 3} and set(made["constant_u64"].tolist()) == {2**62 + 1}


def test_permutation(made: dict[str, np.ndarray]) -> None:
    for name in ("permutation", "permutation_u64"):
        assert np.array_equal(np.sort(made[name]), np.arange(5000))
        assert np.count_nonzero(made[name] == np.arange(5000)) < 20
        assert abs(np.corrcoef(made[name].astype(float), np.arange(5000))[0, 1]) < 0.06


def test_sorted(made: dict[str, np.ndarray]) -> None:
    for name, low, high in (("sorted", -5, 5), ("sorted_i32", -100, 99)):
        assert (np.diff(made[name]) >= 0).all()
        assert low <= made[name][0] and made[name][-1] <= high
        assert abs(made[name].mean() - (low + high) / 2) < 0.1
    assert len(np.unique(np.diff(made["sorted"]))) > 1000


def test_csr(made: dict[str, np.ndarray]) -> None:
    for name, nnz in (("rowptr", 15000), ("rowptr_i64", 2500)):
        rows = np.diff(made[name])
        assert made[name][0] == 0 and made[name][-1] == nnz
        assert rows.min() >= 0 and len(np.unique(rows)) > 1
    assert made["colind"].min() == 0 and made["colind"].max() == 16
    assert (made["index"] < 5000).all() and len(np.unique(made["index"])) > 2500


def test_generator_and_file(copying: tuple[Path, Task], made: dict[str, np.ndarray]) -> None:
    assert np.allclose(np.diff(made["generated"]), 1)
    starts = {inputs_of(*copying, n=2, seed=seed)["generated"][0] for seed in range(8)}
    assert len(starts) > 1
    assert np.array_equal(made["stored"], STORED.ravel())


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_smallest_sizes(copying: tuple[Path, Task], n: int) -> None:
    made = inputs_of(*copying, n=n, seed=1)
    assert made["rowptr"][0] == 0 and made["rowptr"][-1] == 3 * n and (np.diff(made["rowptr"]) >= 0).all()
    assert sorted(made["permutation"]) == list(range(n))
    assert made["linspace"][0] == (-1 if n > 0 else 0)
    assert (made["index"] < n).all()


def test_a_longer_array_begins_like_a_shorter_one(copying: tuple[Path, Task]) -> None:
    short, long = inputs_of(*copying, n=10, seed=3), inputs_of(*copying, n=1000, seed=3)
    for name in ("uniform_default", "normal", "uniform_u8", "colind"):
        length = len(short[name])
        assert np.array_equal(long[name][:length], short[name])


def test_every_compiler_and_flag_makes_the_same_bits(made: dict[str, np.ndarray], tmp_path: Path) -> None:
    task = copying_task()
    found = [path for language, path in compilers().values() if language is Language.C]
    for number, path in enumerate(found):
        for flags in (["-O0"], ["-O3", "-march=native", "-ffast-math"]):
            executable = build(task, tmp_path / f"{number}{flags[0]}", path, *flags, extra=["ramp.c"])
            again = inputs_of(executable, task, n=5000, seed=11)
            for name, array in made.items():
                assert array.tobytes() == again[name].tobytes(), (path, flags, name)


def test_an_input_file_that_is_gone_is_said(copying: tuple[Path, Task], tmp_path: Path) -> None:
    task = copying[1]
    executable = build(task, tmp_path, extra=["ramp.c"])
    (tmp_path / "stored.npy").unlink()
    done = execute(executable, task, Case("c", params={"n": 1}))
    said = explain_exit(done.returncode, None, done.stderr)
    assert said is not None and "cannot read input: stored.npy: No such file" in said[1]
    (tmp_path / "stored.npy").write_bytes(stored_file(STORED)[:-4])
    done = execute(executable, task, Case("c", params={"n": 1}))
    said = explain_exit(done.returncode, None, done.stderr)
    assert said is not None and "wrong length of input" in said[1]


@pytest.mark.parametrize(
    ("dtype", "init", "message"),
    [
        (Dtype.F64, Init("gaussian"), "unknown init kind 'gaussian'"),
        (Dtype.F64, Init("permutation"), "makes integers"),
        (Dtype.I32, Init("normal"), "makes real numbers"),
        (Dtype.F64, Init("constant"), "needs 'value'"),
        (Dtype.I32, Init("index"), "needs 'limit'"),
        (Dtype.I32, Init("csr_rowptr"), "needs 'nnz'"),
        (Dtype.I32, Init("constant", {"value": 0.5}), "whole numbers"),
        (Dtype.U8, Init("constant", {"value": 256}), "too large for u8"),
        (Dtype.U8, Init("uniform", {"low": 0, "high": 257}), "too large for u8"),
        (Dtype.I8, Init("permutation"), "too large for i8"),
        (Dtype.I32, Init("uniform", {"low": 4, "high": 4}), "no integer"),
        (Dtype.F64, Init("uniform", {"low": 4, "high": 3}), "above high"),
        (Dtype.I32, Init("index", {"limit": 0}), "no index"),
        (Dtype.F64, Init("npy", {"path": "gone.npy"}), "no such file"),
        (Dtype.F32, Init("npy", {"path": "stored.npy"}), "holds float64"),
        (Dtype.F64, Init("npy", {"path": "stored.npy"}), "the argument has 1000 elements"),
        (Dtype.F64, Init("npy", {"path": "fortran.npy"}), "Fortran order"),
        (Dtype.F64, Init("npy", {"path": "torn.npy"}), "not an .npy file"),
        (Dtype.F64, Init("generator", {"source": "g.c"}), "needs 'function'"),
    ],
)
def test_an_initialiser_that_cannot_be_is_refused(dtype: Dtype, init: Init, message: str) -> None:
    files = {
        "stored.npy": stored_file(np.zeros(7)),
        "fortran.npy": stored_file(np.asfortranarray(np.zeros((10, 100)))),
        "torn.npy": stored_file(np.zeros(7))[:40],
    }
    argument = Argument("x", Role.IN, dtype, ("n",), init=init)
    task = kernel_task("", "void f(double *x)", [argument], [Case("c", params={"n": 1000})], files=files)
    with pytest.raises(TaskError, match=message):
        driver_arguments(task, task.cases[0], result="r.bin")
        write_driver(task)
