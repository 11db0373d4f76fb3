"""Real programs with a planted hot loop, under real profilers in the real sandbox."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.core.profile import Profile
from loopwright.core.task import Language, Target
from loopwright.profilers import callgrind
from loopwright.profilers.callgrind import Callgrind
from loopwright.profilers.condense import condense
from loopwright.profilers.perf import Perf
from loopwright.profilers.profiler import ProfileFailed, Profiler
from loopwright.profilers.registry import PROFILERS, choose, take
from loopwright.system.execution import Command, Limits, Runner
from loopwright.system.sandbox import choose_runner
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Purpose, Variant

PLANTED = """\
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
static void cold(double *x, int n) {
    for (int i = 0; i < n; i++)
        x[i] = sin(i);
}
static void hot(double *x, int n, int sweeps) {
    for (int t = 0; t < sweeps; t++)
        for (int i = 1; i < n; i++)
            x[i] = x[i - 1] * 0.25 + x[i] * 0.5;
}
int main(int argc, char **argv) {
    int n = 20000;
    double *x = malloc(n * sizeof *x);
    cold(x, n);
    hot(x, n, atoi(argv[argc - 1]));
    printf("%g\\n", x[n / 2]);
    return 0;
}
"""
HOT = range(9, 12)
SWEEPS = {"perf": "10000", "callgrind": "300"}
LIMITS = Limits(wall_s=60.0)


@pytest.fixture(scope="module")
def runner() -> Runner:
    try:
        return choose_runner("auto")
    except ToolMissing:
        return choose_runner("none")


Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def built(
        family: str, source: str, name: str = "prog.c", *flags: str, target: Target = Target.SERIAL
    ) -> Path:
        try:
            toolchain = find(family)
            variant = Variant(("-O2",), target, Purpose.PROFILE)
            compiler = toolchain.compiler(Language.CXX if name.endswith("cc") else Language.C)
            compile_flags, link_flags = toolchain.compile_flags(variant), toolchain.link_flags(variant)
        except ToolMissing as error:
            pytest.skip(str(error))
        folder = tmp_path / "source folder"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(source)
        remarks = toolchain.remark_flags(folder / "remarks")
        subprocess.run(
            (compiler, *compile_flags, *remarks, *flags, name, "-o", "prog", *link_flags, "-lm"),
            cwd=folder,
            check=True,
        )
        return folder

    return built


def profiled(
    profiler: Profiler, folder: Path, runner: Runner, tmp_path: Path, *args: str, family: str = ""
) -> Profile:
    if problem := profiler.available():
        pytest.skip(problem)
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    work.mkdir()
    scratch.mkdir()
    command = Command(
        (str(folder / "prog"), *args),
        work,
        readable=(folder,),
        env={"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"},
    )
    remarks = find(family).parse_remarks((folder / "remarks").read_bytes()) if family else ()
    profile = take(
        profiler, command, LIMITS, runner, sources=folder, scratch=scratch, case="planted", remarks=remarks
    )
    assert list(scratch.iterdir()) == []
    return profile


@pytest.mark.parametrize("family", ["gcc", "clang"])
@pytest.mark.parametrize("profiler", PROFILERS, ids=lambda p: p.name)
def test_the_planted_loop_is_hot_and_its_remark_says_why(
    profiler: Profiler, family: str, build: Build, runner: Runner, tmp_path: Path
) -> None:
    folder = build(family, PLANTED, "prog.c", "-O3")
    profile = profiled(profiler, folder, runner, tmp_path, SWEEPS[profiler.name], family=family)
    assert sum(hot.share for hot in profile.lines if hot.line in HOT) > 0.8
    assert sum(hot.share for hot in profile.lines) + profile.elsewhere == pytest.approx(1)
    assert {hot.file for hot in profile.lines} == {"prog.c"}
    assert profile.version
    assert profile.samples > 20
    spot = condense(profile, {"prog.c": PLANTED.encode()})[0]
    assert set(range(spot.first, spot.last + 1)) <= set(HOT)
    assert spot.function == "hot"
    (missed,) = (r for r in spot.remarks if r.passed is False and r.line == 10)
    assert "dependence" in missed.message


@pytest.mark.parametrize("profiler", PROFILERS, ids=lambda p: p.name)
def test_time_in_inlined_library_code_belongs_to_the_line_that_calls_it(
    profiler: Profiler, build: Build, runner: Runner, tmp_path: Path
) -> None:
    source = """\
#include <cstdlib>
#include <numeric>
#include <vector>
int main(int argc, char **argv) {
    std::vector<double> v(20000, argc);
    double s = 0;
    for (int t = 0; t < std::atoi(argv[1]); t++)
        s += std::accumulate(v.begin(), v.end(), s);
    return s == 0.5;
}
"""
    folder = build("gcc", source, "prog.cc")
    profile = profiled(profiler, folder, runner, tmp_path, SWEEPS[profiler.name])
    # gcc 12 gives part of the inlined body the line of the loop around it.
    assert {hot.line for hot in profile.lines[:2]} == {7, 8}
    assert sum(hot.share for hot in profile.lines[:2]) > 0.8
    assert all(hot.file == "prog.cc" for hot in profile.lines)


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_perf_sees_every_thread(family: str, build: Build, runner: Runner, tmp_path: Path) -> None:
    source = """\
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    double s = 0;
    long n = atol(argv[1]);
#pragma omp parallel for reduction(+ : s)
    for (long i = 1; i < n; i++)
        s += 1.0 / (double)(i * i);
    printf("%g\\n", s);
    return 0;
}
"""
    folder = build(family, source, target=Target.OPENMP)
    profile = profiled(Perf(), folder, runner, tmp_path, "100000000")
    assert {hot.line for hot in profile.lines if hot.share > 0.1} <= {6, 7, 8}
    assert profile.lines[0].function == "main"
    assert sum(hot.share for hot in profile.lines if hot.line in (6, 7, 8)) > 0.6


POWERS = """\
#include <math.h>
#include <stdlib.h>
static double powers(int n, double e) {
    double s = 0;
    for (int i = 0; i < n; i++)
        s += pow(i, e);
    return s;
}
int main(int argc, char **argv) {
    volatile double s = 0;
    s += powers(atoi(argv[1]), 0.3);
    return s < 0;
}
"""


def test_callgrind_time_in_the_maths_library_is_elsewhere(
    build: Build, runner: Runner, tmp_path: Path
) -> None:
    profile = profiled(Callgrind(), build("gcc", POWERS), runner, tmp_path, "20000")
    assert profile.elsewhere > 0.5


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_perf_time_in_the_maths_library_is_that_of_the_line_that_calls_it(
    family: str, build: Build, runner: Runner, tmp_path: Path
) -> None:
    profile = profiled(Perf(), build(family, POWERS), runner, tmp_path, "3000000")
    assert profile.lines[0].line == 6
    assert profile.lines[0].function == "powers"
    assert profile.lines[0].share > 0.7
    assert profile.elsewhere < 0.2


def test_callgrind_counts_are_the_same_each_time(build: Build, runner: Runner, tmp_path: Path) -> None:
    folder = build("gcc", PLANTED)
    lines = []
    for attempt in ("one", "two"):
        (tmp_path / attempt).mkdir()
        lines.append(profiled(Callgrind(), folder, runner, tmp_path / attempt, "20").lines[0])
    assert lines[0].line == lines[1].line
    assert lines[0].share == pytest.approx(lines[1].share, rel=1e-3)


@pytest.mark.parametrize("profiler", PROFILERS, ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("body", "words"),
    [("return 3;", "status 3"), ("*(volatile int *)16 = 1;", "signal"), ("for (;;);", "wall_limit")],
)
def test_a_program_that_fails_has_no_profile(
    profiler: Profiler, body: str, words: str, build: Build, runner: Runner, tmp_path: Path
) -> None:
    if profiler.available():
        pytest.skip(profiler.available())
    folder = build("gcc", f"int main(void) {{ {body} }}\n")
    command = Command((str(folder / "prog"),), tmp_path, readable=(folder,))
    limits = Limits(wall_s=1.0) if "limit" in words else LIMITS
    with pytest.raises(ProfileFailed, match=words):
        profiler.run(command, limits, runner, sources=folder, scratch=tmp_path)


def test_a_program_too_short_to_sample_says_so(build: Build, runner: Runner, tmp_path: Path) -> None:
    if problem := Perf().available():
        pytest.skip(problem)
    folder = build("gcc", "int main(void) { return 0; }\n")
    command = Command((str(folder / "prog"),), tmp_path, readable=(folder,))
    try:
        samples, lines, _ = Perf().run(command, LIMITS, runner, sources=folder, scratch=tmp_path)
    except ProfileFailed as failure:
        assert "profile a longer case" in str(failure)
    else:  # a sample in the start-up code
        assert (samples <= 3, lines) == (True, ())


def test_callgrind_an_instruction_that_valgrind_does_not_know(
    build: Build, runner: Runner, tmp_path: Path
) -> None:
    if problem := Callgrind().available():
        pytest.skip(problem)
    if platform.machine() != "x86_64":
        pytest.skip("the instruction is one of AVX-512")
    # vaddps %zmm0, %zmm0, %zmm0
    folder = build("gcc", 'int main(void) { __asm__(".byte 0x62,0xf1,0x7c,0x48,0x58,0xc0"); return 0; }\n')
    command = Command((str(folder / "prog"),), tmp_path, readable=(folder,))
    with pytest.raises(ProfileFailed, match="-mno-avx512f"):
        Callgrind().run(command, LIMITS, runner, sources=folder, scratch=tmp_path)


def test_what_a_program_plants_beside_callgrind_s_files_is_not_read(
    build: Build, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    read = callgrind._read
    monkeypatch.setattr(callgrind, "_read", lambda path: seen.append(path.name) or read(path))
    source = """\
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
    DIR *scratch = opendir(argv[1]);
    char path[4096];
    for (struct dirent *e; (e = readdir(scratch)) != NULL;)
        if (strncmp(e->d_name, "callgrind-", 10) == 0) {
            snprintf(path, sizeof path, "%s/%s/out.fifo", argv[1], e->d_name);
            mkfifo(path, 0666);
            snprintf(path, sizeof path, "%s/%s/out.link", argv[1], e->d_name);
            symlink("/proc/kmsg", path);
        }
    return 0;
}
"""
    folder = build("gcc", source)
    scratch = tmp_path / "scratch"
    profile = profiled(Callgrind(), folder, runner, tmp_path, str(scratch))
    assert profile.samples > 1000
    assert {"out.fifo", "out.link"} < set(seen)


def test_choose_gives_the_reasons_of_those_that_do_not_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    choice = choose()
    assert choice.profiler is None
    assert set(choice.problems) == {"perf", "callgrind"}
    assert all("is not installed: " in problem for problem in choice.problems.values())


def test_choose_by_name() -> None:
    if not Callgrind().available():
        chosen = choose("callgrind").profiler
        assert chosen is not None
        assert chosen.name == "callgrind"
    with pytest.raises(UsageError, match="vtune"):
        choose("vtune")
