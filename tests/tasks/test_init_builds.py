"""Inferred tasks are built and run for real: the command in the text has to work, with OpenMP flags too."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from loopwright.core.task import Target, Task
from loopwright.harness.build import Builder
from loopwright.system.bubblewrap import bubblewrap_problem
from loopwright.system.direct import DirectRunner
from loopwright.tasks.infer import Inferred, infer_task, single_file_task
from loopwright.tasks.load import load_task, task_of
from loopwright.tasks.problems import TaskFile
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Variant

SUM_C = """\
#include "sum.h"
#include <math.h>
double total(int n)
{
    double sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += SCALE * sqrt(i);
    return sum;
}
"""
MAIN_C = """\
#include "sum.h"
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    for (int i = 0; i < 1; i++) /* C99 */
        printf("%.6f\\n", total(argc > 1 ? atoi(argv[1]) : 4));
#ifdef _OPENMP
    puts("openmp");
#endif
    return 0;
}
"""
HEADER = "#define SCALE FACTOR\ndouble total(int n);\n"

SEPARATE = """\
CC = gcc
CFLAGS = -O3 -Wall -std=c99 -Iinclude -DFACTOR=2
LDFLAGS = -lm
TARGET = sum
OBJS = src/sum.o src/main.o

all: $(TARGET)
$(TARGET): $(OBJS)
\t$(CC) -o $@ $(OBJS) $(LDFLAGS)
%.o: %.c
\t$(CC) $(CFLAGS) -c $< -o $@
run: $(TARGET)
\tOMP_NUM_THREADS=2 ./$(TARGET) 512 > out.txt
clean:
\trm -f $(OBJS)
"""
ONE_LINE = """\
sum: src/sum.c src/main.c
\t$(CC) $(CFLAGS) -std=c99 -Iinclude -DFACTOR=2 -o sum src/sum.c src/main.c -lm
"""
IMPLICIT = """\
VPATH = src
CFLAGS += -Iinclude -DFACTOR=2
LDLIBS = -lm
main: main.o sum.o
"""
NESTED = """\
all:
\t$(MAKE) -C src
"""
NESTED_INNER = """\
CFLAGS = -O1 -I../include -DFACTOR=2 -std=c99
sum: sum.o main.o
\t$(CC) $(CFLAGS) $^ -o $@ -lm
"""
FIXED = """\
all: sum
sum:
\tgcc -O3 -Iinclude -DFACTOR=2 src/sum.c src/main.c -o sum -lm
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.10)
project(summing LANGUAGES C) # comment with add_executable(no no.c)
set(SRCS src/sum.c
    src/main.c)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
add_executable(${PROJECT_NAME} ${SRCS})
target_include_directories(summing PRIVATE include)
target_compile_definitions(summing PRIVATE FACTOR=2)
target_link_libraries(summing m)
enable_testing()
add_test(NAME t COMMAND summing 64)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for path, text in (("src/sum.c", SUM_C), ("src/main.c", MAIN_C), ("include/sum.h", HEADER)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def _task(folder: Path, inferred: Inferred) -> Task:
    return task_of(TaskFile(folder / "loopwright.toml", inferred.text, tomllib.loads(inferred.text)))


def _output(task: Task, scratch: Path, *args: str) -> list[str]:
    """What the task's program prints, built with OpenMP as a candidate is."""
    result = Builder(task, DirectRunner(), scratch).build(
        task.tree, find("gcc"), Variant(("-O2",), target=Target.OPENMP)
    )
    assert result.executable is not None, result.log
    return subprocess.run(
        [result.executable, *args], capture_output=True, text=True, check=True, cwd=scratch
    ).stdout.split()


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")


@needs_make
@pytest.mark.parametrize("makefile", [SEPARATE, ONE_LINE, IMPLICIT], ids=["separate", "one-line", "implicit"])
def test_a_makefile_builds_with_openmp(project: Path, tmp_path: Path, makefile: str) -> None:
    (project / "Makefile").write_text(makefile)
    before = sorted(project.rglob("*"))
    inferred = infer_task(project)
    assert sorted(project.rglob("*")) == before
    task = _task(project, inferred)
    assert set(task.editable) == {"src/sum.c", "src/main.c"}
    assert task.build.command is not None
    assert _output(task, tmp_path, "9") == ["32.612001", "openmp"]


@needs_make
def test_a_cxx_makefile(tmp_path: Path) -> None:
    folder = tmp_path / "cxx"
    folder.mkdir()
    (folder / "p.cpp").write_text(
        "#include <iostream>\nint main() {\n#ifdef _OPENMP\n"
        'std::cout << "openmp";\n#endif\nauto x = [] {}; x();\n}\n'
    )
    (folder / "Makefile").write_text("CXXFLAGS = -O1 -std=c++17\np: p.o\n\t$(CXX) $(CXXFLAGS) -o $@ $^\n")
    task = _task(folder, infer_task(folder))
    assert task.build.command is not None
    assert "CXX={cxx} CXXFLAGS={cflags}' -std=c++17'" in task.build.command
    assert task.build.flags == ("-O1",)
    assert _output(task, tmp_path) == ["openmp"]


@needs_make
def test_several_programs_in_a_makefile(project: Path) -> None:
    (project / "other.c").write_text("int main(void) { return 0; }\n")
    (project / "Makefile").write_text(
        "all: sum other\n" + ONE_LINE + "other: other.c\n\t$(CC) -o other other.c\n"
    )
    inferred = infer_task(project)
    task = _task(project, inferred)
    assert set(task.editable) == {"src/sum.c", "src/main.c"}
    assert any("other as well; sum was taken" in remark for remark in inferred.check)


@needs_make
def test_what_a_makefile_says_is_used(project: Path) -> None:
    (project / "Makefile").write_text(SEPARATE)
    inferred = infer_task(project)
    task = _task(project, inferred)
    assert task.build.flags == ("-O3",)
    assert task.build.defines == ("FACTOR=2",)
    assert task.build.include == ("include",)
    assert task.build.command is not None
    assert task.build.command.endswith("TARGET={exe}")
    assert "-std=c99" in task.build.command
    assert task.cases[0].args == ("512",)
    assert any("make run" in remark for remark in inferred.seen)


@needs_make
def test_make_in_a_subfolder(project: Path, tmp_path: Path) -> None:
    (project / "Makefile").write_text(NESTED)
    (project / "src/Makefile").write_text(NESTED_INNER)
    task = _task(project, infer_task(project))
    assert task.build.executable == "src/sum"
    assert set(task.editable) == {"src/sum.c", "src/main.c"}
    assert _output(task, tmp_path, "9") == ["32.612001", "openmp"]


@needs_make
def test_a_makefile_that_ignores_its_variables_is_reported(project: Path) -> None:
    (project / "Makefile").write_text(FIXED)
    remarks = " ".join(infer_task(project).check)
    assert "names its compiler itself" in remarks
    assert "CFLAGS does not reach" in remarks
    assert "-O3 whatever CFLAGS says" in remarks


@needs_make
def test_a_makefile_cannot_write_to_the_folder_while_it_is_read(project: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (project / "Makefile").write_text(
        f"X := $(shell touch here.txt {project}/there.txt {marker})\n" + ONE_LINE
    )
    infer_task(project)
    assert not (project / "here.txt").exists()
    if not bubblewrap_problem():
        assert not marker.exists()
        assert not (project / "there.txt").exists()


@needs_make
@pytest.mark.parametrize(
    "text", ["all:\n\techo nothing\n", "broken(((\n", "", "X := $(shell sleep 100)\nall:\n"]
)
def test_a_makefile_that_tells_nothing_falls_back_to_the_sources(
    project: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopwright.tasks.makefiles._TIMEOUT_S", 1.0)
    (project / "Makefile").write_text(text)
    inferred = infer_task(project)
    assert _task(project, inferred).build.sources == ("src/main.c", "src/sum.c")
    assert any("could not be made out" in remark for remark in inferred.check)


@needs_cmake
def test_cmake(project: Path, tmp_path: Path) -> None:
    (project / "CMakeLists.txt").write_text(CMAKE)
    task = _task(project, infer_task(project))
    assert task.build.executable == "build/summing"
    assert task.build.flags == ("-O3",)
    assert task.build.defines == ("NDEBUG",)
    assert task.cases[0].args == ("64",)
    assert set(task.editable) == {"src/sum.c", "src/main.c"}
    assert _output(task, tmp_path, "9") == ["32.612001", "openmp"]


@needs_cmake
def test_a_used_cmake_build_folder_does_not_disturb(project: Path, tmp_path: Path) -> None:
    (project / "CMakeLists.txt").write_text(CMAKE)
    subprocess.run(["cmake", "-S", ".", "-B", "build"], cwd=project, check=True, capture_output=True)
    task = _task(project, infer_task(project))
    assert not any(path.startswith("build/") for path in task.tree)
    assert _output(task, tmp_path, "9") == ["32.612001", "openmp"]


@needs_cmake
def test_compile_commands(project: Path, tmp_path: Path) -> None:
    (project / "CMakeLists.txt").write_text(CMAKE)
    subprocess.run(
        ["cmake", "-S", ".", "-B", "build", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (project / "CMakeLists.txt").unlink()
    task = _task(project, infer_task(project))
    assert set(task.build.sources) == {"src/sum.c", "src/main.c"}
    assert task.build.include == ("include",)
    assert "FACTOR=2" in task.build.defines
    assert task.build.libs == ("m",)
    assert _output(task, tmp_path, "9") == ["32.612001", "openmp"]


def test_plain_sources(project: Path, tmp_path: Path) -> None:
    (project / "include/sum.h").write_text("#define FACTOR 2\n" + HEADER)
    inferred = infer_task(project, ("100",))
    task = _task(project, inferred)
    assert task.build.sources == ("src/main.c", "src/sum.c")
    assert task.build.include == ("include",)
    assert task.cases[0].args == ("100",)
    assert not any("reads its arguments" in remark for remark in inferred.check)
    assert _output(task, tmp_path, "9") == ["32.612001", "openmp"]
    assert not (project / "loopwright.toml").exists()


def test_the_text_is_a_task_file(project: Path) -> None:
    (project / "include/sum.h").write_text("#define FACTOR 2\n" + HEADER)
    inferred = infer_task(project)
    (project / "loopwright.toml").write_text(inferred.text)
    assert load_task(project) == _task(project, inferred)
    assert any("reads its arguments" in remark for remark in inferred.check)
    assert inferred.notes[0].startswith("found: ")


def test_a_single_file_builds(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/one.c").write_text('#define FACTOR 2\n#include "../inc/sum.h"\n' + SUM_C + MAIN_C)
    for folder in ("inc", "x"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "sum.h").write_text("#pragma once\n" + HEADER)
    task = single_file_task(tmp_path / "x/one.c", ["9"])
    assert set(task.tree) == {"x/one.c", "x/sum.h", "inc/sum.h"}
    (tmp_path / "scratch").mkdir()
    assert _output(task, tmp_path / "scratch", "9") == ["32.612001", "openmp"]
