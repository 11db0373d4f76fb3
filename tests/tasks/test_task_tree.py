"""Reading a folder: what is taken, what is left out, what is refused by name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from loopwright.core.errors import TaskError
from loopwright.tasks import tree as tree_module
from loopwright.tasks.load import load_task
from loopwright.tasks.tree import read_tree


def _write(folder: Path, *paths: str, content: bytes = b"x\n") -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def test_what_is_taken_and_what_is_left_out(tmp_path: Path) -> None:
    _write(tmp_path, "a.c", "sub/b.h", "data/x.bin", "Makefile", ".clang-format", "build/notes.txt")
    _write(
        tmp_path,
        ".git/config",
        ".loopwright/runs/1/run.json",
        ".venv/bin/x",
        "sub/__pycache__/m.pyc",
        "a.o",
        "libx.a",
        "libx.so",
        "libx.so.1",
        "a.c~",
        "loopwright.toml",
        "loopwright-big.toml",
        "CMakeCache.txt",
        "CMakeFiles/x.txt",
        "out/CMakeCache.txt",
        "out/generated.c",
    )
    _write(tmp_path, "prog", content=b"\x7fELF\x02\x01\x01")
    _write(tmp_path, "run.sh", content=b"#!/bin/sh\n")
    expected = {"a.c", "sub/b.h", "data/x.bin", "Makefile", ".clang-format", "build/notes.txt", "run.sh"}
    assert set(read_tree(tmp_path)) == expected


def test_named_files_are_kept_and_named_outputs_left_out(tmp_path: Path) -> None:
    _write(tmp_path, "a.c", "in/mesh.so", "CMakeFiles/grid.txt", "field.bin")
    _write(tmp_path, "big", content=b"\x7fELFdata")
    tree = read_tree(tmp_path, keep={"in/mesh.so", "CMakeFiles/grid.txt", "big"}, leave_out={"field.bin"})
    assert set(tree) == {"a.c", "in/mesh.so", "CMakeFiles/grid.txt", "big"}


def test_links_inside_are_read_through(tmp_path: Path) -> None:
    _write(tmp_path, "real/a.h", content=b"inside\n")
    (tmp_path / "a.h").symlink_to("real/a.h")
    (tmp_path / "also").symlink_to("real")
    tree = read_tree(tmp_path)
    assert tree["a.h"] == tree["also/a.h"] == b"inside\n"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.c", "/etc"])
def test_a_link_out_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.c").write_text("x")
    (tmp_path / "task").mkdir()
    (tmp_path / "task/x.c").symlink_to(target)
    with pytest.raises(TaskError, match="symbolic link out of the task's folder") as caught:
        read_tree(tmp_path / "task")
    assert caught.value.where == str(tmp_path / "task/x.c")
    assert target in caught.value.message


def test_a_link_to_nothing_and_a_link_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "x.c").symlink_to("gone.c")
    with pytest.raises(TaskError, match="symbolic link to nothing"):
        read_tree(tmp_path)
    (tmp_path / "x.c").unlink()
    (tmp_path / "x.c").symlink_to("x.c")
    with pytest.raises(TaskError, match="symbolic link to nothing"):
        read_tree(tmp_path)
    (tmp_path / "x.c").unlink()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/up").symlink_to("..")
    with pytest.raises(TaskError, match="links to a folder that holds it"):
        read_tree(tmp_path)


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TaskError, match="neither a file nor a folder") as caught:
        read_tree(tmp_path)
    assert caught.value.where.endswith("pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, "a.c")
    (tmp_path / "a.c").chmod(0)
    with pytest.raises(TaskError, match="cannot be read: permission denied"):
        read_tree(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "a.c", "b.c")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(TaskError, match="cannot be read: permission denied") as caught:
        read_tree(tmp_path)
    assert caught.value.where == str(tmp_path / "a.c")


def test_a_huge_file_is_named(tmp_path: Path) -> None:
    _write(tmp_path, "a.c")
    with (tmp_path / "sub.bin").open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(TaskError, match="is 64 MiB") as caught:
        read_tree(tmp_path)
    assert caught.value.where == str(tmp_path / "sub.bin")


def test_too_much_together_names_the_largest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "LARGEST_TREE_BYTES", 2500)
    _write(tmp_path, "a.bin", "b.bin", "c.bin", content=b"x" * 1000)
    with pytest.raises(TaskError, match="holds more than") as caught:
        read_tree(tmp_path)
    assert "a.bin" in caught.value.message


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MOST_FILES", 3)
    _write(tmp_path, *(f"{n}.c" for n in range(4)))
    with pytest.raises(TaskError, match="holds more than"):
        read_tree(tmp_path)


def test_odd_file_names_survive(tmp_path: Path) -> None:
    for name in (b"a b.c", b"caf\xc3\xa9.c", b"latin\xe9.c", b"new\nline.c"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    tree = read_tree(tmp_path)
    assert len(tree) == 4
    assert len(tree.digest) == 64


def test_the_task_file_and_old_outputs_are_not_part_of_the_task(tmp_path: Path) -> None:
    _write(tmp_path, "main.c", content=b"int main(void) { return 0; }\n")
    _write(tmp_path, "field.bin", content=b"the answer of an earlier run")
    (tmp_path / "loopwright.toml").write_text(
        'schema = 1\nname = "x"\neditable = ["main.c"]\n[build]\nsources = ["main.c"]\n'
        '[[case]]\nname = "t"\nuse = "time"\n[[case]]\nname = "h"\nuse = "held-out"\n'
        '[output]\nfiles = [{ path = "field.bin", dtype = "f64" }]\n'
    )
    assert set(load_task(tmp_path).tree) == {"main.c"}
    shutil.copy(tmp_path / "loopwright.toml", tmp_path / "other.toml")
    assert set(load_task(tmp_path / "other.toml").tree) == {"main.c"}
