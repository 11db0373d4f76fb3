"""A task as text: what is written loads back to the same task."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.core.task import (
    Argument,
    Build,
    Case,
    Dtype,
    FileFormat,
    Init,
    Kernel,
    Language,
    Output,
    OutputFile,
    Role,
    StdoutMode,
    Task,
    Tolerance,
    Use,
    Work,
)
from loopwright.core.tree import Tree
from loopwright.tasks.load import load_task, task_of
from loopwright.tasks.problems import TaskFile
from loopwright.tasks.write import task_text, toml_value

FILES = {
    "main.c": b"int main(void) { return 0; }\n",
    "sub/k.cpp": b"int x;\n",
    "in.txt": b"1\n",
    "g.c": b"void g(void);\n",
    "k.c": b"double k(int n, float a, const double *x, float *y, unsigned *p) { return 0; }\n",
    "k.h": b"double k(int n, float a, const double *x, float *y, unsigned *p);\n",
}
PROTOTYPE = "double k(int n, float a, const double *x, float *y, unsigned *p)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("task")
    for path, content in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def _again(folder: Path, task: Task) -> Task:
    text = task_text(task)
    return task_of(TaskFile(folder / "loopwright.toml", text, tomllib.loads(text)))


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,20}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
tolerances = st.builds(
    Tolerance,
    rtol=st.floats(0, 0.9),
    atol=st.floats(0, 1e9),
    ulps=st.none() | st.integers(0, 2**20),
)
params = st.fixed_dictionaries({"n": st.integers(1, 10**6)}, optional={"steps": st.integers(-5, 2**40)})
program_cases = st.builds(
    Case,
    name=names,
    use=st.sampled_from(Use),
    args=st.lists(texts, max_size=4).map(tuple),
    stdin=st.none() | st.just("in.txt"),
    files=st.sampled_from([(), ("in.txt",)]),
    env=st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{2,6}", fullmatch=True), texts, max_size=2),
    params=params,
    timeout_s=st.none() | st.floats(0.1, 86400),
)
outputs = st.builds(
    Output,
    stdout=st.sampled_from([StdoutMode.EXACT, StdoutMode.NUMBERS]),
    ignore=st.sampled_from([(), ("^time", r"\d+ \"s\"", "ö")]),
    files=st.lists(
        st.builds(
            OutputFile,
            path=st.from_regex(r"[a-z]{1,8}/[a-z ]{1,8}x\.bin", fullmatch=True),
            dtype=st.sampled_from([Dtype.F32, Dtype.F64]),
            format=st.sampled_from(FileFormat),
            tolerance=st.none() | tolerances,
        ),
        max_size=3,
        unique_by=lambda entry: entry.path,
    ).map(tuple),
    tolerance=tolerances,
)
builds = st.one_of(
    st.builds(
        Build,
        sources=st.sampled_from([("main.c",), ("main.c", "sub/k.cpp")]),
        include=st.sampled_from([(), ("sub", ".")]),
        libs=st.sampled_from([(), ("m", "stdc++")]),
        defines=st.sampled_from([(), ("N=4", 'S="a b"', "F(x)=x")]),
        flags=st.sampled_from([("-O2",), (), ("-O3", "-march=native", "-include", "a b.h")]),
        timeout_s=st.floats(1, 1000),
    ),
    st.builds(
        Build,
        command=st.sampled_from(["make CC={cc} CFLAGS={cflags}' -std=c99'", 'x "é" {cxx} {cflags}']),
        executable=st.just("build/x y"),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_program_tasks_come_back(folder: Path, data: st.DataObject) -> None:
    cases = data.draw(st.lists(program_cases, min_size=1, max_size=4, unique_by=lambda case: case.name))
    task = Task(
        name=data.draw(names),
        tree=Tree(FILES),
        editable=data.draw(st.sampled_from([("main.c",), ("sub/*.cpp", "main.c"), ("*.c",)])),
        build=data.draw(builds),
        cases=(*cases, Case("timed-one-more-than-the-others", Use.TIME, params={"n": 2})),
        output=data.draw(outputs),
        summary=data.draw(texts),
        language=data.draw(st.sampled_from(Language)),
        work=data.draw(st.sampled_from([Work(), Work("16 * n", "n ** 2 / 3"), Work(flops="2.5")])),
        fast_math=data.draw(st.booleans()),
    )
    again = _again(folder, task)
    assert again == task
    assert again.digest == task.digest


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_kernel_tasks_come_back(folder: Path, data: st.DataObject) -> None:
    inits = st.sampled_from(
        [
            Init(),
            Init("uniform", {"low": -1, "high": "n / 2"}),
            Init("normal", {"mean": 0.5, "std": 1e-3}),
            Init("generator", {"function": "g", "source": "g.c"}),
        ]
    )
    kernel = Kernel(
        "k",
        PROTOTYPE,
        (
            Argument("n", Role.IN, Dtype.I32, value="n"),
            Argument("a", Role.IN, Dtype.F32, value="1.5"),
            Argument("x", Role.IN, Dtype.F64, ("n", "3"), init=data.draw(inits)),
            Argument("y", Role.INOUT, Dtype.F32, ("n + 1",), init=data.draw(inits),
                     tolerance=data.draw(st.none() | tolerances)),
            Argument("p", Role.OUT, Dtype.U32, ("2 * n",)),
        ),
        # A single function in HIP is refused.
        language=data.draw(st.sampled_from([each for each in Language if each is not Language.HIP])),
        returns=Dtype.F64,
        header=data.draw(st.sampled_from([None, "k.h"])),
        restrict=data.draw(st.booleans()),
    )  # fmt: skip
    task = Task(
        name="k",
        tree=Tree(FILES),
        editable=("k.c",),
        build=Build(sources=("k.c",)),
        cases=(
            Case("a", Use.TIME, params={"n": 1000}, seed=data.draw(st.integers(0, 2**63 - 1))),
            Case("b", Use.HELD_OUT, params={"n": 7}, timeout_s=2.5),
        ),
        output=Output(tolerance=data.draw(tolerances)),
        language=kernel.language,
        kernel=kernel,
    )
    assert _again(folder, task) == task


def test_comments_stand_above_their_keys(folder: Path) -> None:
    task = Task("x", Tree(FILES), ("main.c",), Build(("main.c",)), (Case("t", Use.TIME), Case("u")))
    text = task_text(task, comments={"editable": "may change", "case": "one input\neach"})
    assert "# may change\neditable = " in text
    assert text.count("# one input\n# each\n[[case]]") == 1
    assert tomllib.loads(text) == tomllib.loads(task_text(task))


def test_long_lists_are_broken_into_lines(folder: Path) -> None:
    args = tuple(f"argument-{n}" for n in range(30))
    task = Task("x", Tree(FILES), ("main.c",), Build(("main.c",)), (Case("t", Use.TIME, args=args),))
    assert max(len(line) for line in task_text(task).splitlines()) < 100
    assert _again(folder, task) == task


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_a_toml_string(text: str) -> None:
    assert tomllib.loads(f"x = {toml_value(text)}") == {"x": text}


def test_single_precision_gets_a_tolerance_that_it_can_meet(folder: Path) -> None:
    text = """
schema = 1
name = "x"
editable = ["main.c"]
build = { sources = ["main.c"] }
case = [{ name = "t", use = "time" }]
output.files = [
    { path = "a", dtype = "f32" }, { path = "b", dtype = "f64" }, { path = "c", dtype = "f32", ulps = 2 },
    { path = "d", dtype = "f32", atol = 1e-3 }, { path = "e", dtype = "f32", rtol = 1e-6 },
]
"""
    file = TaskFile(folder / "loopwright.toml", text, tomllib.loads(text))
    found = {entry.path: entry.tolerance for entry in task_of(file).output.files}
    assert found == {
        "a": Tolerance(1e-5),
        "b": None,
        "c": Tolerance(0.0, 0.0, 2),
        "d": Tolerance(1e-5, 1e-3),
        "e": Tolerance(1e-6, 0.0),
    }
    assert _again(folder, task_of(file)) == task_of(file)
    stated = text.replace("output.files", "output.rtol = 1e-7\noutput.files")
    assert task_of(TaskFile(file.path, stated, tomllib.loads(stated))).output.files[0].tolerance is None


def test_what_the_loader_fills_in_is_written_out(folder: Path) -> None:
    text = """
schema = 1
name = "k"
editable = ["k.c"]
[build]
sources = ["k.c"]
flags = "-O3 '-DX=a b'"
[kernel]
function = "k"
argument = [
    { name = "n", dtype = "i32", value = "n" }, { name = "a", dtype = "f32", value = 1.5 },
    { name = "x", role = "in", dtype = "f64", shape = ["n", 2] },
    { name = "y", role = "inout", dtype = "f32", shape = ["n"] },
    { name = "p", role = "out", dtype = "u32", shape = [4] },
]
[[case]]
name = "t"
use = "time"
params.n = 5
"""
    task = task_of(TaskFile(folder / "loopwright.toml", text, tomllib.loads(text)))
    assert task.kernel is not None
    assert task.kernel.prototype == PROTOTYPE
    assert task.kernel.returns is Dtype.F64
    assert task.build.flags == ("-O3", "-DX=a b")
    assert task.kernel.arguments[2].shape == ("n", "2")
    assert _again(folder, task) == task
    assert _again(folder, replace(task, name="other")) != task


def test_every_example_comes_back() -> None:
    examples = sorted(Path(__file__).parents[2].glob("examples/*/loopwright.toml"))
    assert len(examples) >= 8
    for path in examples:
        assert _again(path.parent, load_task(path.parent)) == load_task(path.parent)
