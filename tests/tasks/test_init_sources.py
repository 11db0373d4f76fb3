"""Inference from plain sources, the single-file task, and the small parsers behind them."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import pytest

from loopwright.core.errors import TaskError
from loopwright.core.task import Language, StdoutMode, Task, Use
from loopwright.core.tree import Tree
from loopwright.tasks import source_facts
from loopwright.tasks.cmakelists import infer_cmake, infer_compile_commands
from loopwright.tasks.found_build import one_word, run_of, sorted_flags, split_commands
from loopwright.tasks.infer import Inferred, infer_task
from loopwright.tasks.load import task_of
from loopwright.tasks.naming import escaped, plain_name
from loopwright.tasks.problems import TaskFile, key_lines, suggestion
from loopwright.tasks.single import single_file_task
from loopwright.tasks.write import task_text

MAIN = "int main(int argc, char **argv) { return argc > 1 ? argv[1][0] : 0; }\n"


def _write(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def _task(folder: Path, inferred: Inferred) -> Task:
    return task_of(TaskFile(folder / "loopwright.toml", inferred.text, tomllib.loads(inferred.text)))


def test_an_included_source_is_not_compiled(tmp_path: Path) -> None:
    _write(tmp_path, {"main.c": '#include "kernel.c"\n' + MAIN, "kernel.c": "static void f(void) {}\n"})
    assert _task(tmp_path, infer_task(tmp_path)).build.sources == ("main.c",)


def test_of_several_programs_one_is_taken_and_said(tmp_path: Path) -> None:
    _write(tmp_path, {"bench.c": MAIN, "main.c": MAIN, "lib.c": "void f(void) {}\n"})
    inferred = infer_task(tmp_path)
    assert _task(tmp_path, inferred).build.sources == ("lib.c", "main.c")
    assert any("main.c was taken, not bench.c" in remark for remark in inferred.check)


def test_cxx_sources(tmp_path: Path) -> None:
    _write(tmp_path, {"a.cpp": "#include <cmath>\nint main() { return std::sqrt(0.0); }\n"})
    inferred = infer_task(tmp_path)
    task = _task(tmp_path, inferred)
    assert task.language is Language.CXX
    assert task.build.libs == ("m",)
    assert not any("arguments" in remark for remark in inferred.check)


@pytest.mark.parametrize(
    ("source", "standard"),
    [
        ("#include <span>\n" + MAIN, "gnu++20"),
        ("#include <print>\n#include <span>\n" + MAIN, "gnu++23"),
        ("template <class T> concept Number = true;\n" + MAIN, "gnu++20"),
        ("template <class T> requires (sizeof(T) > 2) T same(T x) { return x; }\n" + MAIN, "gnu++20"),
        ("consteval int two() { return 2; }\n" + MAIN, "gnu++20"),
        ('#include <vector>\n// <=> is no operator here\nconst char *s = "concept x =";\n' + MAIN, None),
        ("#if __cplusplus >= 202002L\n#include <span>\n#endif\n" + MAIN, None),
    ],
)
def test_what_a_source_uses_tells_its_standard(tmp_path: Path, source: str, standard: str | None) -> None:
    _write(tmp_path, {"a.cpp": source, "b/a.c": source})
    assert single_file_task(tmp_path / "a.cpp").build.standard == standard
    assert single_file_task(tmp_path / "b" / "a.c").build.standard is None, "C has no such thing"
    (tmp_path / "b" / "a.c").unlink()
    inferred = infer_task(tmp_path)
    assert _task(tmp_path, inferred).build.standard == standard
    assert any("standard = gnu++" in guess for guess in inferred.guessed) == (standard is not None)


@pytest.mark.parametrize(
    "opens",
    [
        'FILE *f = fopen("in/mesh.txt", "rb");',
        'std::ifstream from("in/mesh.txt");',
        'int f = open( "in/mesh.txt", O_RDONLY);',
    ],
)
def test_files_that_the_program_opens_by_name_are_its_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: str
) -> None:
    others = '/* fopen("old.txt", "r") */ fopen("out.txt", "w"); fopen("/etc/passwd", "r"); fopen("no", "r");'
    _write(tmp_path, {"a.cpp": f"int main() {{ {opens} {others} }}\n", "in/mesh.txt": "1\n", "old.txt": "",
                      "out.txt": "2\n"})  # fmt: skip
    assert _task(tmp_path, infer_task(tmp_path)).cases[0].files == ("in/mesh.txt",)
    elsewhere = _write(tmp_path / "elsewhere", {"in/mesh.txt": "3\n"})
    for here, content in ((tmp_path.parent, b"1\n"), (elsewhere, b"3\n")):
        monkeypatch.chdir(here)
        task = single_file_task(tmp_path / "a.cpp")
        assert task.cases[0].files == ("in/mesh.txt",)
        assert task.tree["in/mesh.txt"] == content


def test_input_files_among_the_arguments(tmp_path: Path) -> None:
    _write(tmp_path, {"a.c": MAIN, "mesh.txt": "1\n"})
    case = _task(tmp_path, infer_task(tmp_path, ["mesh.txt", "-n", "4"])).cases[0]
    assert case.args == ("mesh.txt", "-n", "4")
    assert case.files == ("mesh.txt",)
    assert case.use is Use.TIME


def test_standard_input_is_noticed(tmp_path: Path) -> None:
    _write(tmp_path, {"a.c": '#include <stdio.h>\nint main(void) { int n; return scanf("%d", &n); }\n'})
    assert any("standard input" in remark for remark in infer_task(tmp_path).check)


def test_a_folder_name_that_is_no_task_name(tmp_path: Path) -> None:
    folder = _write(tmp_path / "my código (v2)", {"a[1] é.c": MAIN})
    task = _task(folder, infer_task(folder))
    assert task.name == "my-c-digo-v2"
    assert set(task.editable_files) == {"a[1] é.c"}


@pytest.mark.parametrize(
    ("files", "fragment"),
    [
        ({}, "no C or C++ source"),
        ({"notes.txt": "int main(void) {}"}, "no C or C++ source"),
        ({"k.c": "void axpy(int n) {}\n"}, "no main function in k.c"),
        ({"k.c": '/* int main(void) { */ const char *s = "int main(void) {";\n'}, "no main function"),
        ({"k.c": "int main(void);\n"}, "no main function"),
    ],
    ids=["empty", "text", "kernel", "comment", "declaration"],
)
def test_a_folder_without_a_program(tmp_path: Path, files: dict[str, str], fragment: str) -> None:
    with pytest.raises(TaskError) as caught:
        infer_task(_write(tmp_path, files))
    assert fragment in str(caught.value)
    assert caught.value.hint


def test_init_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such folder"):
        infer_task(tmp_path / "gone")


def test_init_of_a_file_says_that_it_needs_no_task(tmp_path: Path) -> None:
    source = _write(tmp_path, {"main.c": MAIN}) / "main.c"
    with pytest.raises(TaskError, match="a file") as caught:
        infer_task(source)
    assert "optimize prog.c" in caught.value.hint


def test_a_single_file(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "p.c": '#include "a.h"\n#include <stdio.h>\n#include "missing.h"\n' + MAIN,
            "a.h": '#include "sub/b.h"\n',
            "sub/b.h": '#include "../a.h"\n',
            "other.c": MAIN,
            "secret.txt": "x",
        },
    )
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    task = single_file_task(tmp_path / "p.c", ["64", "--fast"])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert set(task.tree) == {"p.c", "a.h", "sub/b.h"}
    assert set(task.editable_files) == {"p.c"}
    assert task.cases_for(Use.TIME)[0].args == ("64", "--fast")
    assert len(task.cases) == 1
    assert (task.build.libs, task.build.flags, task.build.sources) == (("m",), ("-O2",), ("p.c",))
    assert task.output.stdout is StdoutMode.NUMBERS
    assert task.kernel is None


def test_a_single_file_with_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, {"src/p.cc": "int main(int c, char **v) { return c; }\n", "data/in.txt": "1 2\n"})
    monkeypatch.chdir(tmp_path)
    task = single_file_task(Path("src/p.cc"), ["data/in.txt", "data", ""])
    assert task.cases[0].files == ("data/in.txt",)
    assert task.tree["data/in.txt"] == b"1 2\n"
    assert not task.is_editable("data/in.txt")
    assert task.language is Language.CXX
    with pytest.raises(TaskError, match="outside the current folder"):
        single_file_task(Path("src/p.cc"), [str(tmp_path / "data/in.txt")])


def test_a_single_file_task_can_be_written_as_a_task_file(tmp_path: Path) -> None:
    task = single_file_task(_write(tmp_path, {"p.c": MAIN}) / "p.c", ["3"])
    text = task_text(task)
    assert task_of(TaskFile(tmp_path / "loopwright.toml", text, tomllib.loads(text))) == task


@pytest.mark.parametrize(
    ("name", "text", "fragment"),
    [
        ("gone.c", None, "no such file"),
        ("folder", None, "is a folder"),
        ("p.f90", "program p\nend\n", "'.f90'"),
        ("p", "int main(void) { return 0; }\n", "known: .C, .c"),
        ("k.c", "void k(void) {}\n", "no main function"),
        ("empty.c", "", "no main function"),
        ("junk.c", "\0\x01\x7fELF", "NUL bytes"),
    ],
)
def test_what_is_no_single_file_program(tmp_path: Path, name: str, text: str | None, fragment: str) -> None:
    (tmp_path / "folder").mkdir()
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(TaskError) as caught:
        single_file_task(tmp_path / name)
    assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("line", "args", "stdin"),
    [
        ("./heat 64 10 > out.txt", ("64", "10"), None),
        ("OMP_NUM_THREADS=4 ./heat 64", ("64",), None),
        ("mkdir -p out && time ./heat 'a b' <in.txt 2", ("a b", "2"), "in.txt"),
        ("cd x; ./bin/heat", (), None),
        ("./heat 5 | tail -1", ("5",), None),
        ("echo heat 64", None, None),
        ("gcc -o heat heat.c", None, None),
        ("./heat 'unclosed", None, None),
    ],
)
def test_how_a_program_is_run(line: str, args: tuple[str, ...] | None, stdin: str | None) -> None:
    found = run_of(split_commands(line), "heat")
    assert found == (None if args is None else (args, stdin))


def test_flags_are_sorted() -> None:
    flags = sorted_flags(
        shlex.split(
            "-O3 -march=native -Iinc -I ./sub/ -I/usr/include/x -DN=4 -D M -std=c11 -Wall -g -c a.c -o a.o "
            "-lm -l z -fopenmp -MMD -MF a.d -include b.h -O3"
        )
    )
    assert flags.optimisation == ("-O3", "-march=native")
    assert flags.include == ("inc", "sub")
    assert flags.defines == ("N=4", "M")
    assert flags.standard == "c11"
    assert flags.libs == ("m", "z")
    assert flags.others == ("-I/usr/include/x", "-fopenmp", "-include", "b.h")


def test_flags_in_one_shell_word() -> None:
    assert one_word("{cflags}", []) == "{cflags}"
    assert one_word("{cflags}", ["-std=c99", "-DX='y z'"]).startswith("{cflags}' -std=c99")


def test_cmake_with_subfolders_and_several_programs() -> None:
    tree = Tree(
        {
            "CMakeLists.txt": b"project(x C CXX)\nadd_subdirectory(src)\n",
            "src/CMakeLists.txt": b'add_executable(tests t.cpp)\nadd_executable(app "a.cpp" ${EXTRA} a.h)\n',
            "src/a.cpp": b"int main() { return 0; }\n",
            "src/a.h": b"",
            "build/keep.txt": b"",
        }
    )
    found = infer_cmake(tree)
    assert found is not None
    assert found.sources == ("src/a.cpp",)
    assert found.build.executable == "loopwright-build/src/app"
    assert found.build.command is not None
    assert "-DCMAKE_CXX_COMPILER={cxx}" in found.build.command
    assert any("2 executables" in remark for remark in found.check)


@pytest.mark.parametrize(
    "content", [b"", b"project(x)", b"add_library(x a.c)", b"add_executable(", b"\xff\xfe"]
)
def test_cmake_without_a_program(content: bytes) -> None:
    assert infer_cmake(Tree({"CMakeLists.txt": content})) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"[1]", b'[{"file": 3}]', b'[{"file": "/etc/x.c", "directory": "/"}]', b"[" * 9999,
     b'[{"file": "a.c", "command": "gcc \'x"}]'],
)  # fmt: skip
def test_compile_commands_without_sense(tmp_path: Path, content: bytes) -> None:
    tree = Tree({"compile_commands.json": content, "b.c": b""})
    assert infer_compile_commands(tree, tmp_path) is None


def test_includes_and_folders() -> None:
    tree = {
        "src/a.c": b'#include "x.h"\n# include <lib/y.h>\n// #include "no.h"\n/* \n#include "z.h"\n*/\n',
        "inc/x.h": b'#include "w.h"\n',
        "inc/w.h": b"",
        "third/lib/y.h": b"",
        "other/z.h": b"",
    }
    assert source_facts.includes(tree["src/a.c"]) == (("x.h",), ("lib/y.h",))
    assert source_facts.include_folders(["src/a.c"], tree) == ("inc", "third")


@pytest.mark.parametrize("name", ["a*b.c", "a[1].c", "a?.c", "plain.c", "[!x].c"])
def test_an_escaped_glob_matches_its_file_alone(name: str) -> None:
    task = single_task(escaped(name))
    assert task.is_editable(name)
    assert not task.is_editable("axb.c") or name == "axb.c"
    assert not task.is_editable("a1.c")


def single_task(glob: str) -> Task:
    from loopwright.core.task import Build

    return Task("x", Tree({}), (glob,), Build(), ())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("heat2d", "heat2d"),
        ("..", "task"),
        ("", "task"),
        ("a b", "a-b"),
        ("-x-", "x"),
        ("é" * 80, "task"),
        ("n" * 80, "n" * 64),
    ],
)
def test_names(text: str, name: str) -> None:
    assert plain_name(text) == name


def test_lines_of_keys() -> None:
    text = '''# comment = 1
a = 1
"b c" = """
d = 4
"""
e = [
  { f = 1 },
]   # ] = [
g.h = 2
[build]
x = "[not a table]"
[[case]]
name = "one"
[[ case ]]  # again
name = "two"
[case.env]
y = 1
[[kernel.argument]]
z = '''
    text += '"{"\n[[kernel.argument]]\nlast = 1\n'
    expected = {
        ("a",): 2, ("b c",): 3, ("e",): 6, ("g", "h"): 9, ("build",): 10, ("build", "x"): 11, ("case", 0): 12,
        ("case", 0, "name"): 13, ("case", 1): 14, ("case", 1, "name"): 15, ("case", 1, "env"): 16,
        ("case", 1, "env", "y"): 17, ("kernel", "argument", 0): 18, ("kernel", "argument", 0, "z"): 19,
        ("kernel", "argument", 1): 20, ("kernel", "argument", 1, "last"): 21,
    }  # fmt: skip
    assert key_lines(text) == expected
    tomllib.loads(text)


def test_suggestions() -> None:
    assert suggestion("held_out", ["check", "time", "held-out"]) == "; did you mean 'held-out'?"
    assert suggestion("Uniform", ["uniform", "normal"]) == "; did you mean 'uniform'?"
    assert suggestion("xyz", ["uniform", "normal"]) == ""
