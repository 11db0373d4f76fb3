"""Scratch folders: gone at the end, gone later when their owner was killed, never while it lives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopwright.system.scratch import remove_abandoned, scratch_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    hour_ago = time.time() - 3600
    os.utime(folder, (hour_ago, hour_ago))
    return folder


def test_it_is_gone_at_the_end(temporary: Path) -> None:
    with pytest.raises(KeyError), scratch_folder() as folder:
        assert folder.parent == temporary
        raise KeyError
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_removed(temporary: Path) -> None:
    script = (
        "import time\nfrom loopwright.system.scratch import scratch_folder\n"
        "with scratch_folder() as folder:\n    print(folder, flush=True)\n    time.sleep(60)\n"
    )
    environment = {**os.environ, "TMPDIR": str(temporary)}
    owner = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert owner.stdout is not None
    left = aged(Path(owner.stdout.readline().strip()))
    remove_abandoned.__wrapped__(temporary)
    assert left.is_dir()  # its owner lives
    owner.kill()
    owner.wait()
    owner.stdout.close()
    remove_abandoned.__wrapped__(temporary)
    assert not left.exists()


def test_new_and_foreign_folders_are_left_alone(temporary: Path) -> None:
    new, other = temporary / "loopwright-sandbox-new", temporary / "something-else"
    target = aged_target = temporary / "target"
    for folder in (new, other, target):
        folder.mkdir()
    aged(other)
    aged(aged_target)
    (temporary / "loopwright-sandbox-link").symlink_to(target)
    remove_abandoned.__wrapped__(temporary)
    assert all(folder.is_dir() for folder in (new, other, target))
