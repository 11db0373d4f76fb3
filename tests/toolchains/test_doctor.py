"""The doctor tries what it finds, and names the line for what it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopwright.toolchains import discovery, doctor, trials
from loopwright.toolchains.clang import Clang
from loopwright.toolchains.install import line_for

DEBIAN = {"ID": "debian", "VERSION_ID": "12"}
UBUNTU_22 = {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "22.04"}
UBUNTU_24 = {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "24.04"}
FEDORA = {"ID": "fedora", "VERSION_ID": "41"}
ROCKY = {"ID": "rocky", "ID_LIKE": "rhel centos fedora", "VERSION_ID": "9.4"}


def test_install_lines() -> None:
    assert line_for("clang", DEBIAN, root=True) == "apt-get install clang-19 libomp-19-dev libclang-rt-19-dev"
    assert line_for("clang", UBUNTU_22) == "sudo apt-get install clang libomp-dev libclang-rt-dev"
    assert line_for("libomp", DEBIAN, version="16") == "sudo apt-get install libomp-16-dev"
    assert line_for("gcc", DEBIAN, version="13") == "sudo apt-get install gcc-13"
    assert line_for("perf", UBUNTU_24) == "sudo apt-get install linux-tools-generic"
    assert line_for("perf", DEBIAN) == "sudo apt-get install linux-perf"
    assert line_for("g++", FEDORA, root=True) == "dnf install gcc-c++"
    assert line_for("bubblewrap", ROCKY) == "sudo dnf install bubblewrap"
    assert line_for("valgrind", {}) == "install valgrind with your package manager"
    assert (
        line_for("clang", {"ID": "debian", "VERSION_ID": "sid"})
        == "sudo apt-get install clang libomp-dev libclang-rt-dev"
    )


def test_every_tool_says_what_it_enables_and_what_works_has_a_version() -> None:
    tools = doctor.examine()
    names = [tool.name for tool in tools]
    assert len(set(names)) == len(names)
    assert {
        "libclang",
        "islpy",
        "bubblewrap",
        "perf",
        "callgrind",
        "addr2line",
        "make",
        "cmake",
        "git",
    } <= set(names)
    for tool in tools:
        assert tool.enables
        if tool.found:
            assert tool.version, tool
            assert not tool.install
        else:
            assert tool.install or tool.notes, tool


def test_on_a_bare_machine_every_line_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = {tool.name: tool for tool in doctor.examine()}
    for name in ("gcc", "clang", "bubblewrap", "perf", "callgrind", "addr2line", "make", "cmake", "git"):
        assert not tools[name].found
        assert "install" in tools[name].install


def test_tools_that_are_there_and_do_not_work_are_not_called_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("perf", "valgrind", "gcc"):
        path = tmp_path / name
        path.write_text("#!/bin/sh\necho 'Permission to frobnicate denied' >&2\nexit 1\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tools = {tool.name: tool for tool in doctor.examine()}
    assert not tools["perf"].found
    assert tools["perf"].path == str(tmp_path / "perf")
    assert "Permission to frobnicate denied" in tools["perf"].notes[0]
    assert "perf_event_paranoid" in tools["perf"].notes[0]
    assert "frobnicate" in tools["callgrind"].notes[0]
    assert "does not compile" in tools["gcc"].notes[0]


def test_a_perf_that_samples_nothing_does_not_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "perf"
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "records no samples" in trials.perf_sampling()[1]


def test_no_second_libomp_is_advised_where_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    working = discovery.find("clang") if any(t.family == "clang" for t in discovery.discover()) else None
    if not isinstance(working, Clang) or working.openmp_problem:
        pytest.skip("no clang here whose OpenMP works")
    older = replace(working, name="clang-1", version="1.0.0", openmp_problem="'omp.h' file not found")
    monkeypatch.setattr(discovery, "discover", lambda: (working, older))
    told = {tool.name: tool for tool in doctor.examine() if tool.name.startswith("OpenMP of")}
    assert told[f"OpenMP of {working.name}"].found and not told["OpenMP of clang-1"].found
    assert not told["OpenMP of clang-1"].install and working.name in told["OpenMP of clang-1"].notes[-1]
