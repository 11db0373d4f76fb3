"""Scratch folders: gone at the end, gone later when their owner was killed, never while it lives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from loopwright.system.scratch import place_for, remove_abandoned, scratch_folder


def aged(folder: Path) -> Path:
    hour_ago = time.time() - 3600
    os.utime(folder, (hour_ago, hour_ago))
    return folder


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(KeyError), scratch_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom loopwright.system.scratch import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder:\n"
        "    print(folder, flush=True)\n    time.sleep(60)\n"
    )
    argv = [sys.executable, "-c", script, str(tmp_path)]
    owner = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    left = aged(Path(owner.stdout.readline().strip()))
    remove_abandoned.__wrapped__(tmp_path)
    assert left.is_dir()  # its owner lives
    owner.kill()
    owner.wait()
    owner.stdout.close()
    remove_abandoned.__wrapped__(tmp_path)
    assert not left.exists()


def test_new_and_foreign_folders_are_left_alone(tmp_path: Path) -> None:
    new, other = tmp_path / "loopwright-sandbox-new", tmp_path / "something-else"
    target = aged_target = tmp_path / "target"
    for folder in (new, other, target):
        folder.mkdir()
    aged(other)
    aged(aged_target)
    (tmp_path / "loopwright-sandbox-link").symlink_to(target)
    remove_abandoned.__wrapped__(tmp_path)
    assert all(folder.is_dir() for folder in (new, other, target))


def test_memory_is_used_only_with_ample_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=100, f_frsize=4096))
    assert place_for(100 * 1024) == Path("/dev/shm")
    assert place_for(100 * 1024 + 1) == tmp_path
    assert place_for(None) == tmp_path
