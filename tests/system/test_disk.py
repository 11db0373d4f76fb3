"""How much is written: sizes against `du`, and how often it is worth looking."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from loopwright.system import disk
from loopwright.system.disk import DiskWatch, disk_usage


def test_usage_is_that_of_du_but_for_the_entries(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_bytes(b"x" * 300_000)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 5000)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    files = (tmp_path / "a" / "file", tmp_path / "a" / "b" / "file")
    du = subprocess.run(["du", "-c", "-B1", *files], capture_output=True, text=True, check=True).stdout
    assert 0 <= disk_usage([tmp_path]) - int(du.split()[-2]) <= 5 * 1024 + 4096  # a long link takes a block


def test_holes_cost_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert disk_usage([tmp_path]) < 1 << 20


def test_a_folder_that_is_gone_counts_nothing(tmp_path: Path) -> None:
    assert disk_usage([tmp_path / "gone"]) == 0


def test_only_growth_counts(tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(b"x" * 500_000)
    watch = DiskWatch([tmp_path], 100_000, quiet=False)
    assert not watch.is_over()
    (tmp_path / "more").write_bytes(b"x" * 50_000)
    assert not watch.is_over()
    (tmp_path / "evenmore").write_bytes(b"x" * 70_000)
    assert watch.is_over()


def test_looks_become_rarer_and_quiet_ones_are_rare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "time", SimpleNamespace(monotonic=lambda: 0.0))  # looking costs nothing
    watch = DiskWatch([tmp_path], 1, quiet=False)
    pauses = [watch.next_look]
    for _ in range(12):
        watch.is_over()
        pauses.append(watch.next_look)
    assert 0.02 <= pauses[0] < pauses[1] < pauses[4] < pauses[-1] == 0.5
    assert DiskWatch([tmp_path], 1, quiet=True).next_look >= 0.25
    assert DiskWatch([tmp_path], None, quiet=False).next_look == float("inf")


def test_a_dear_look_is_a_rare_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()
    monkeypatch.setattr(disk, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    assert DiskWatch([tmp_path], 1, quiet=False).next_look == 1.0 + 30.0  # the look itself took one second
