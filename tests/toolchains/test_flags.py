"""Flags are functions of values: no process is needed to know them."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing
from loopwright.core.task import Language, Target
from loopwright.toolchains.clang import Clang, Polly
from loopwright.toolchains.gcc import Gcc
from loopwright.toolchains.toolchain import NATIVE_FLAGS, Purpose, Variant

GCC = Gcc("gcc-12", "12.2.0", Path("/usr/bin/gcc"), Path("/usr/bin/g++"), offload=True)
CLANG = Clang(
    "clang-19", "19.1.7", Path("/usr/bin/clang-19"), archer=Path("/x/libarcher.so"), polly=Polly.PARALLEL
)


def test_serial_adds_nothing() -> None:
    for toolchain in (GCC, CLANG):
        variant = Variant(NATIVE_FLAGS, Target.SERIAL, Purpose.TIME)
        assert toolchain.compile_flags(variant) == NATIVE_FLAGS
        assert toolchain.link_flags(variant) == ()


def test_openmp_stands_in_both_steps() -> None:
    variant = Variant(("-O2",), Target.OPENMP)
    assert GCC.compile_flags(variant) == ("-O2", "-fopenmp", "-foffload=disable")
    assert GCC.link_flags(variant) == ("-fopenmp", "-foffload=disable")
    assert CLANG.compile_flags(variant) == ("-O2", "-fopenmp=libomp")
    assert CLANG.link_flags(variant) == ("-fopenmp=libomp",)


def test_offload_is_not_named_to_a_gcc_that_does_not_know_it() -> None:
    plain = Gcc("gcc-12", "12.2.0", Path("/usr/bin/gcc"))
    assert plain.compile_flags(Variant((), Target.OPENMP)) == ("-fopenmp",)


def test_the_level_of_a_sanitizer_build_wins_over_the_task_s() -> None:
    for toolchain in (GCC, CLANG):
        for purpose in (Purpose.RACES, Purpose.ADDRESSES, Purpose.UNDEFINED):
            flags = toolchain.compile_flags(Variant(("-O3",), Target.OPENMP, purpose))
            assert [f for f in flags if f.startswith("-O")][-1] == "-O1"
            assert any(
                f.startswith("-fsanitize=") for f in toolchain.link_flags(Variant((), purpose=purpose))
            )


def test_a_profile_build_keeps_the_optimisation() -> None:
    for toolchain in (GCC, CLANG):
        flags = toolchain.compile_flags(Variant(NATIVE_FLAGS, Target.SERIAL, Purpose.PROFILE))
        assert flags[: len(NATIVE_FLAGS)] == NATIVE_FLAGS
        assert "-fno-omit-frame-pointer" in flags
        assert any(f.startswith("-g") for f in flags)


def test_archer_is_named_where_races_are_looked_for() -> None:
    assert CLANG.environment(Variant((), Target.OPENMP, Purpose.RACES)) == {
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1",
        "OMP_TOOL_LIBRARIES": "/x/libarcher.so",
    }
    assert CLANG.environment(Variant((), Target.OPENMP, Purpose.TIME)) == {}


def test_what_cannot_be_done_is_said_and_not_left_out() -> None:
    without = Clang("clang-16", "16.0.6", Path("/usr/bin/clang-16"), openmp_problem="no omp.h")
    with pytest.raises(ToolMissing, match=r"no omp\.h"):
        without.compile_flags(Variant((), Target.OPENMP))
    with pytest.raises(ToolMissing, match=r"no C\+\+ compiler"):
        without.compiler(Language.CXX)


def test_polly_alone_where_its_parallel_code_is_serial() -> None:
    serial = Clang("clang-16", "16.0.6", Path("/usr/bin/clang-16"), polly=Polly.SERIAL)
    flags = serial.compile_flags(Variant((), Target.SERIAL, Purpose.AUTO_PARALLEL))
    assert flags == ("-mllvm", "-polly")


def test_native_is_spelt_as_the_architecture_wants_it() -> None:
    arm = Clang("clang-19", "19.1.7", Path("/usr/bin/clang-19"), native_flag="-mcpu=native")
    assert arm.compile_flags(Variant(NATIVE_FLAGS, Target.SERIAL)) == ("-O3", "-mcpu=native")
