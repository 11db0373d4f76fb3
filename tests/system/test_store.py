"""Durable files: whole or not at all, journals with torn ends, folders that resist deletion."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from loopwright.core.errors import LoopwrightError
from loopwright.system.store import append_line, read_lines, remove_tree, write_atomically


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two" * 100_000)
    assert path.read_bytes() == b"two" * 100_000
    assert [p.name for p in tmp_path.iterdir()] == ["machine.json"]


def test_permissions_are_those_of_an_ordinary_file_or_stay(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain", tmp_path / "path"
    plain.touch()
    write_atomically(path, b"x")
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    write_atomically(path, b"y")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """A writer that is killed again and again never leaves a part behind."""
    path = tmp_path / "file"
    contents = [bytes([letter]) * 300_000 for letter in b"ab"]
    write_atomically(path, contents[0])
    script = (
        "import sys; from pathlib import Path\n"
        "from loopwright.system.store import write_atomically\n"
        "print('up', flush=True)\n"
        "while True:\n"
        "    for letter in b'ab': write_atomically(Path(sys.argv[1]), bytes([letter]) * 300_000)\n"
    )
    rng = random.Random(1)
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        for _ in range(rng.randrange(1, 30)):
            assert path.read_bytes() in contents
        writer.kill()
        writer.wait()
        writer.stdout.close()
        assert path.read_bytes() in contents


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    assert read_lines(path) == []
    lines = ["{}", "", "umlaut \u00e4", "separator \u2028 and form feed \f stay", "x" * 200_000]
    for line in lines:
        append_line(path, line)
    assert read_lines(path) == lines


@pytest.mark.parametrize("torn", [b"", b"{", b'{"event": "ev', b"y" * 200_000])
def test_a_torn_last_line_is_ignored_and_then_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    append_line(path, "first")
    with path.open("ab") as file:
        file.write(torn)
    assert read_lines(path) == ["first"]
    append_line(path, "second")
    assert path.read_bytes() == b"first\nsecond\n"


def test_a_journal_cut_at_any_byte_keeps_its_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = ["one", "two", "three"]
    whole = b"".join(line.encode() + b"\n" for line in lines)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        assert read_lines(path) == lines[: whole[:cut].count(b"\n")]
        append_line(path, "next")
        assert read_lines(path) == [*lines[: whole[:cut].count(b"\n")], "next"]


def test_a_line_with_a_newline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="newline"):
        append_line(tmp_path / "journal.jsonl", "two\nlines")


def test_a_full_disk_is_explained_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC is raised by a stand-in for fsync: a full file system cannot be had without privileges."""
    path, journal = tmp_path / "file", tmp_path / "journal.jsonl"
    write_atomically(path, b"old")
    append_line(journal, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LoopwrightError, match="no space left") as caught:
            write_atomically(path, b"new")
        assert "df -h" in caught.value.hint
        with pytest.raises(LoopwrightError, match="no space left"):
            append_line(journal, "new")
    assert path.read_bytes() == b"old"
    assert read_lines(journal) == ["old"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "journal.jsonl"]


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "gone" / "file", b"x")


def test_a_closed_folder_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    (folder / "link").symlink_to(tmp_path)
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0)
    remove_tree(folder)
    assert not folder.exists()
    assert tmp_path.exists()


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "gone")
