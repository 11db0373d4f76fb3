"""Compilers are what they are when tried, whatever they are called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.task import Language, Target
from loopwright.toolchains import discovery
from loopwright.toolchains.clang import Clang, Polly
from loopwright.toolchains.gcc import Gcc
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Purpose, Toolchain, Variant

OPENMP = """\
#include <omp.h>
#include <stdio.h>
int main(void) {
    int n = 0;
#pragma omp parallel num_threads(3) reduction(+ : n)
    n += 1;
    printf("%d\\n", n);
    return 0;
}
"""


def toolchain_or_skip(name: str) -> Toolchain:
    try:
        return discovery.find(name)
    except ToolMissing as error:
        pytest.skip(str(error))


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_every_name_is_unique_and_its_compiler_is_there() -> None:
    found = discovery.discover()
    assert len({t.name for t in found}) == len(found)
    for toolchain in found:
        assert toolchain.compiler(Language.C).is_file()
        assert toolchain.name == f"{toolchain.family}-{toolchain.version.partition('.')[0]}"
        assert discovery.find(toolchain.name).version == toolchain.version


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_openmp_programs_really_run_in_parallel(family: str, tmp_path: Path) -> None:
    toolchain = toolchain_or_skip(family)
    (tmp_path / "p.c").write_text(OPENMP)
    variant = Variant(NATIVE_FLAGS, Target.OPENMP, Purpose.TIME)
    try:
        flags = (*toolchain.compile_flags(variant), "p.c", "-o", "p", *toolchain.link_flags(variant))
    except ToolMissing as error:
        pytest.skip(str(error))
    subprocess.run((toolchain.compiler(Language.C), *flags), cwd=tmp_path, check=True)
    printed = subprocess.run(
        (tmp_path / "p",), capture_output=True, check=True, env=dict(toolchain.environment(variant))
    )
    assert printed.stdout == b"3\n"


@pytest.mark.parametrize("family", ["gcc", "clang"])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_each_purpose_compiles_links_and_runs(family: str, purpose: Purpose, tmp_path: Path) -> None:
    toolchain = toolchain_or_skip(family)
    (tmp_path / "p.cc").write_text("#include <vector>\nint main() { std::vector<int> v(3); return v[2]; }\n")
    variant = Variant(("-O2", "-Wall", "-Werror"), Target.OPENMP, purpose, threads=2)
    try:
        compile_flags, link_flags = toolchain.compile_flags(variant), toolchain.link_flags(variant)
    except ToolMissing as error:
        pytest.skip(str(error))
    compiler = toolchain.compiler(Language.CXX)
    made = subprocess.run(
        (compiler, *compile_flags, *toolchain.diagnostic_flags, "-c", "p.cc", "-o", "p.o"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (made.returncode, made.stderr) == (0, "")
    # Compiled and linked apart, as make does: the link flags alone must bring every runtime.
    linked = subprocess.run(
        (compiler, "p.o", "-o", "p", *link_flags), cwd=tmp_path, capture_output=True, text=True
    )
    if "cannot find" in linked.stderr and purpose not in (
        Purpose.TIME,
        Purpose.PROFILE,
        Purpose.AUTO_PARALLEL,
    ):
        pytest.skip(f"the runtime of {purpose} is not installed: {linked.stderr.strip()[:100]}")
    assert (linked.returncode, linked.stderr) == (0, "")
    if purpose is not Purpose.RACES:  # whose runtime refuses some kernels' address space layouts
        subprocess.run((tmp_path / "p",), check=True, env=dict(toolchain.environment(variant)))


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_auto_parallel_code_calls_the_openmp_runtime(family: str, tmp_path: Path) -> None:
    toolchain = toolchain_or_skip(family)
    if isinstance(toolchain, Clang) and toolchain.polly is not Polly.PARALLEL:
        pytest.skip(f"Polly of {toolchain.name} is {toolchain.polly}")
    # The loop that discovery itself tries: with an unknown trip count Polly stays serial.
    (tmp_path / "p.c").write_text(discovery._POLLY_PROGRAM)
    variant = Variant(("-O3",), Target.SERIAL, Purpose.AUTO_PARALLEL, threads=2)
    subprocess.run(
        (toolchain.compiler(Language.C), *toolchain.compile_flags(variant), "-S", "p.c", "-o", "p.s"),
        cwd=tmp_path,
        check=True,
    )
    assert "GOMP_parallel" in (tmp_path / "p.s").read_text()


def test_a_clang_without_polly_fails_as_a_build_and_not_as_an_exception(tmp_path: Path) -> None:
    clang = toolchain_or_skip("clang").compiler(Language.C)
    wrapper = script(
        tmp_path / "clang",
        f"""said="clang (LLVM option parsing): Unknown command line argument '-polly'."
case "$*" in *-polly*) echo "$said" >&2; exit 1;; esac
exec {clang} "$@\"""",
    )
    found = discovery.describe(wrapper)
    assert isinstance(found, Clang)
    assert found.polly is Polly.ABSENT
    flags = found.compile_flags(Variant(("-O3",), Target.SERIAL, Purpose.AUTO_PARALLEL))
    (tmp_path / "p.c").write_text("int main(void) { return 0; }\n")
    made = subprocess.run((wrapper, *flags, "p.c"), cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode != 0
    (told,) = found.parse_diagnostics(made.stderr)
    assert "Unknown command line argument '-polly'" in told.message


@pytest.mark.parametrize(("clause", "racy"), [("", True), ("reduction(+ : s)", False)])
def test_clang_s_race_build_tells_a_race_from_a_barrier(clause: str, racy: bool, tmp_path: Path) -> None:
    toolchain = toolchain_or_skip("clang")
    variant = Variant(("-O3",), Target.OPENMP, Purpose.RACES)
    (tmp_path / "p.c").write_text(
        f"""\
#include <stdio.h>
double a[1000];
int main(void) {{
    double s = 0;
#pragma omp parallel for {clause}
    for (int i = 0; i < 1000; i++)
        s += i;
#pragma omp parallel
    {{
#pragma omp for
        for (int i = 0; i < 1000; i++) a[i] = i;
#pragma omp for
        for (int i = 0; i < 1000; i++) a[999 - i] += 1;
    }}
    printf("%g %g\\n", s, a[3]);
    return 0;
}}
"""
    )
    compiler = toolchain.compiler(Language.C)
    flags = (*toolchain.compile_flags(variant), "p.c", "-o", "p", *toolchain.link_flags(variant))
    if subprocess.run((compiler, *flags), cwd=tmp_path).returncode != 0:
        pytest.skip("clang's sanitizer runtime is not installed")
    environment = {**toolchain.environment(variant), "OMP_NUM_THREADS": "3"}
    ran = subprocess.run((tmp_path / "p",), env=environment, capture_output=True, text=True)
    if "unexpected memory mapping" in ran.stderr:
        pytest.skip("this kernel's address space layout is not ThreadSanitizer's")
    assert ("WARNING: ThreadSanitizer: data race" in ran.stderr) == racy, ran.stderr
    assert ("p.c:7" in ran.stderr) == racy


def test_without_a_compiler_the_message_says_what_to_type(empty_path: Path) -> None:
    assert discovery.discover() == ()
    with pytest.raises(ToolMissing) as caught:
        discovery.find(None)
    text = str(caught.value)
    assert "neither gcc nor clang is installed" in text
    assert "install" in text.splitlines()[-1]
    assert "found here: no compiler" in text


def test_a_version_that_is_not_there_names_those_that_are() -> None:
    toolchain_or_skip("gcc")
    with pytest.raises(ToolMissing) as caught:
        discovery.find("gcc-99")
    assert "gcc-99 is not installed" in str(caught.value)
    assert discovery.find("gcc").name in str(caught.value)


@pytest.mark.parametrize("name", ["icc", "", "gcc-", "gcc 12", "../gcc", "/bin/ls", "/nowhere/gcc", "-O3"])
def test_a_name_that_is_no_compiler_is_wrong_use(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        discovery.find(name)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "echo garbage",
        "exit 0",
        "exit 1",
        "head -c 100000 /dev/urandom",
        # Says all that gcc says of itself, and compiles nothing.
        'echo "#define __GNUC__ 12"; echo "#define __GNUC_MINOR__ 2"; echo "#define __GNUC_PATCHLEVEL__ 0"',
        "kill -9 $$",
    ],
)
def test_a_script_called_gcc_is_not_taken_for_gcc(text: str, empty_path: Path) -> None:
    script(empty_path / "gcc", text)
    assert discovery.discover() == ()
    assert discovery.broken("gcc") == (empty_path / "gcc",)
    with pytest.raises(ToolMissing, match="neither gcc nor clang"):
        discovery.find(None)


def test_a_wrapper_with_another_name_is_what_it_wraps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clang = toolchain_or_skip("clang").compiler(Language.C)
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "gcc", f'exec {clang} "$@"')
    found = discovery.describe(folder / "gcc")
    assert isinstance(found, Clang)
    # As on systems where gcc is clang: asking for gcc does not give it.
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert discovery.broken("gcc") == (folder / "gcc",)
    try:
        assert discovery.find("gcc").family == "gcc"
    except ToolMissing:
        assert not any(t.family == "gcc" for t in discovery.discover())


def test_a_compiler_without_openmp_still_compiles_serial_programs(tmp_path: Path) -> None:
    gcc = toolchain_or_skip("gcc").compiler(Language.C)
    wrapper = script(
        tmp_path / "gcc",
        f'case "$*" in *-fopenmp*) echo "error: no libgomp" >&2; exit 1;; esac; exec {gcc} "$@"',
    )
    found = discovery.describe(wrapper)
    assert isinstance(found, Gcc)
    assert "no libgomp" in found.openmp_problem
    assert found.compile_flags(Variant(("-O2",), Target.SERIAL)) == ("-O2",)
    with pytest.raises(ToolMissing, match="OpenMP does not work with gcc"):
        found.compile_flags(Variant(("-O2",), Target.OPENMP))


def test_a_compiler_that_ignores_pragmas_has_no_openmp(tmp_path: Path) -> None:
    gcc = toolchain_or_skip("gcc").compiler(Language.C)
    # Links libgomp and compiles the pragma away, as a clang configured for another runtime does.
    wrapper = script(
        tmp_path / "gcc",
        f"""new=
for a in "$@"; do case "$a" in -fopenmp) a=;; esac; new="$new $a"; done
exec {gcc} $new -lgomp""",
    )
    found = discovery.describe(wrapper)
    assert isinstance(found, Gcc)
    assert found.openmp_problem == "a parallel region ran with one thread"


def test_a_plain_name_gives_the_one_whose_openmp_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gcc = toolchain_or_skip("gcc")
    major = gcc.version.partition(".")[0]
    folder = tmp_path / "bin"
    folder.mkdir()
    without = f'case "$*" in *-fopenmp*) exit 1;; esac; exec {gcc.compiler(Language.C)} "$@"'
    script(folder / "gcc", without)
    script(folder / f"gcc-{major}", f'exec {gcc.compiler(Language.C)} "$@"')
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert discovery.find("gcc").compiler(Language.C) == folder / f"gcc-{major}"
    assert discovery.find(None).compiler(Language.C) == folder / f"gcc-{major}"
    script(folder / f"gcc-{major}", without + "  # changed")
    discovery.describe.cache_clear()
    assert discovery.find("gcc").compiler(Language.C) == folder / "gcc"


def test_the_working_folder_is_never_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script(tmp_path / "gcc", "echo planted > planted")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f":{os.pathsep}")
    assert discovery.discover() == ()
    assert not (tmp_path / "planted").exists()


def test_libomp_outside_the_usual_folders_is_told_to_programs(tmp_path: Path) -> None:
    clang = toolchain_or_skip("clang")
    assert isinstance(clang, Clang)
    if clang.openmp_problem:
        pytest.skip(clang.openmp_problem)
    moved = Clang(clang.name, clang.version, clang.cc, library_folder=Path("/opt/llvm/lib"))
    variant = Variant(("-O3",), Target.OPENMP)
    assert "-Wl,-rpath,/opt/llvm/lib" in moved.link_flags(variant)
    assert "-Wl,-rpath,/opt/llvm/lib" not in moved.link_flags(Variant(("-O3",), Target.SERIAL))


def test_discovery_survives_an_unreadable_folder_on_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    monkeypatch.setenv("PATH", f"{closed}:{not_a_folder}:/nowhere:{os.environ['PATH']}")
    expected = shutil.which("gcc") is not None
    assert any(t.family == "gcc" for t in discovery.discover()) == expected
