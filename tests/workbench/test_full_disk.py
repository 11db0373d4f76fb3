"""A full disk: nothing that was recorded is spoilt, no candidate is blamed, and the run says how to go on.

The disk that is full is a stand-in: a real one cannot be had without privileges.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from loopwright import api
from loopwright.core.errors import DiskFull
from loopwright.core.modes import FailureMode
from loopwright.core.task import Build, Case, Task, Use
from loopwright.core.tree import Tree
from loopwright.harness.build import Builder
from loopwright.system.sandbox import choose_runner
from loopwright.toolchains.discovery import find
from loopwright.toolchains.toolchain import Variant
from loopwright.workbench.journal import Journal, read_journal
from loopwright.workbench.rundir import RunDirectory

BROKEN = Task("t", Tree({"a.c": b"oops\n"}), ("a.c",), Build(sources=("a.c",)), (Case("full", Use.TIME),))


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    none_left = SimpleNamespace(f_bavail=3, f_frsize=4096, f_files=100, f_favail=50)
    monkeypatch.setattr(os, "statvfs", lambda _: none_left)


def test_a_torn_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.write("first")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))
        with pytest.raises(DiskFull, match="no space left"):
            journal.write("lost", text="x" * 100)
    journal.write("second")
    journal.close()
    assert [event.kind for event in read_journal(path)] == ["first", "second"]


def test_what_fails_while_the_disk_is_full_is_no_failure(tmp_path: Path, full: None) -> None:
    builder = Builder(BROKEN, choose_runner("none"), tmp_path)
    with pytest.raises(DiskFull, match="no space left") as raised:
        builder.build(BROKEN.tree, find(None), Variant(("-O2",)))
    assert "df -h" in raised.value.hint


def test_with_room_it_is_one(tmp_path: Path) -> None:
    build = Builder(BROKEN, choose_runner("none"), tmp_path).build(BROKEN.tree, find(None), Variant(("-O2",)))
    assert build.failure is not None and build.failure.mode is FailureMode.BUILD_ERROR


def test_a_run_says_how_to_go_on(tmp_path: Path, full: None) -> None:
    run = RunDirectory(tmp_path / "a run")
    run.path.mkdir()
    with pytest.raises(DiskFull) as raised, api._resumable(run):
        (run.path / "file").open("x").close()
        raise OSError(28, "No space left on device")
    assert f"loopwright runs resume '{run.path}'" in raised.value.hint
    with pytest.raises(PermissionError), api._resumable(run):
        raise PermissionError(13, "Permission denied")
