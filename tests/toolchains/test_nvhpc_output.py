"""nvc and nvc++: their flags, and what is read of output that others recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.errors import ToolMissing
from loopwright.core.profile import Diagnostic, Severity
from loopwright.core.task import Language, Target
from loopwright.toolchains import discovery, nvhpc
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Purpose, Variant

_TOOL = nvhpc.Nvhpc("nvhpc-24", "24.9", Path("/nv/bin/nvc"), Path("/nv/bin/nvc++"))


def recorded(name: str) -> str:
    return (Path(__file__).parent / "fixtures" / name).read_text()


def test_a_fault_of_the_back_end_has_its_place_and_ends_the_build() -> None:
    (found,) = nvhpc.parse(recorded("nvhpc-22.1-target-region.txt"))
    assert (found.severity, found.file, found.line) == (
        Severity.ERROR,
        "x86_64/corenrn/mod2c/SH_na8st.cpp",
        77,
    )
    assert found.message.startswith(
        "Procedures called in a OpenMP target region must have 'omp declare target'"
    )
    assert found.option == "S-1073"


def test_a_fault_of_the_front_end() -> None:
    assert nvhpc.parse(recorded("nvhpc-23.1-front-end.txt")) == (
        Diagnostic(
            Severity.ERROR,
            'cannot open source file "concepts"',
            "/home/sean/projects/stdexec/include/stdexec/execution.hpp",
            20,
        ),
    )


def test_what_became_of_a_target_region() -> None:
    notes = nvhpc.parse(recorded("nvhpc-minfo-mp.txt"))
    assert {note.severity for note in notes} == {Severity.NOTE}
    assert [(note.line, note.message) for note in notes] == [
        (27, "main: #omp target teams distribute parallel for"),
        (27, 'main: Generating "nvkernel_main_F1L27_2" GPU kernel'),
        (31, "main: Loop parallelized across teams and threads(128), schedule(static)"),
        (27, "main: Generating implicit map(tofrom:y[:],x[:])"),
    ]


def test_words_of_the_driver() -> None:
    (found,) = nvhpc.parse(recorded("nvhpc-driver.txt"))
    assert found.severity is Severity.WARNING
    assert found.message.startswith("nvc: -tp p7-64 is not supported.")


def test_what_others_print_is_read_too() -> None:
    assert nvhpc.parse("") == nvhpc.parse("note to self:\n  nothing of the kind\n") == ()
    (found,) = nvhpc.parse("main.o: in function `main':\nmain.c:3: undefined reference to `f'\n")
    assert (found.severity, found.file, found.line) == (Severity.ERROR, "main.c", 3)


def test_flags() -> None:
    flags = _TOOL.compile_flags(Variant(("-O3", "-march=native"), Target.OPENMP))
    assert flags == ("-O3", "-tp=native", "-mp=multicore")
    gpu = Variant(("-O3",), Target.OFFLOAD, device=Device.NVPTX)
    assert _TOOL.compile_flags(gpu) == ("-O3", "-mp=gpu", "-gpu=cc80")
    assert _TOOL.environment(gpu) == {"OMP_TARGET_OFFLOAD": "MANDATORY"}
    assert _TOOL.compile_flags(Variant((), Target.SERIAL, Purpose.PROFILE)) == ("-gopt",)
    assert _TOOL.compiler(Language.CXX) == Path("/nv/bin/nvc++")
    for asked in (Variant((), Target.OFFLOAD, device=Device.HOST), Variant((), purpose=Purpose.RACES)):
        with pytest.raises(ToolMissing, match="nvhpc-24 has no"):
            _TOOL.compile_flags(asked)


def test_a_machine_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in nvhpc.NAMES:
        with pytest.raises(ToolMissing, match="nvc is not installed") as caught:
            discovery.find(name)
        assert "HPC SDK" in caught.value.hint


def test_one_that_does_not_say_its_version_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As nvc++ 23.7 names itself in https://github.com/boostorg/multiprecision/issues/640.
    for words, problem in (
        ("nvc++ 23.7-0 64-bit target on x86-64 Linux -tp haswell", "does not compile a small OpenMP program"),
        ("no such thing", "does not say its version: no such thing"),
    ):
        folder = tmp_path / str(len(words))
        folder.mkdir()
        (folder / "nvc").write_text(f'#!/bin/sh\necho "{words}"\n')
        (folder / "nvc").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        with pytest.raises(ToolMissing, match=problem):
            nvhpc.find_nvhpc()
