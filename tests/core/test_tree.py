"""Trees as values: digests, paths that stay inside, and patches that git takes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.core.candidate import Candidate, Edit
from loopwright.core.errors import UsageError
from loopwright.core.tree import Tree, unified_patch

PATHS = st.sampled_from(
    ["a.c", "b.c", "sub/a.c", "sub/deep/x.h", "with space.c", "end ", "übung.c", 'quo"te.c', "back\\n.c",
     "-x.c", "tab\t.c", "latin \udce9.c", "x\n--- a/a.c\n+++ b/a.c\n@@ -0,0 +1 @@\n+evil"]
)  # fmt: skip
LINES = st.sampled_from(
    [b"int x;\n", b"\n", b"}\n", b"\tint y;\r\n", b"caf\xc3\xa9\n", b"latin \xe9\n", b"a\x0cb\n", b"-- x\n",
     b"+++ b/x\n", b"@@ -1 +1 @@\n", b"\\ No newline at end of file\n"]
)  # fmt: skip
CONTENTS = st.builds(lambda lines, end: b"".join(lines) + end, st.lists(LINES, max_size=12),
                     st.sampled_from([b"", b"no newline", b"\r"]))  # fmt: skip
TREES = st.dictionaries(PATHS, CONTENTS, max_size=4).map(Tree)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "a/../../x", "a/..", "..", ".", "", "./a", "a/", "a//b", "a/./b", "//a", "a\0b"],
)
def test_a_path_that_could_leave_the_task_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="inside the task"):
        Tree({path: b""})
    with pytest.raises(UsageError):
        Tree({"a.c": b""}).replaced({path: b"x"})


@pytest.mark.parametrize("path", ["a", "a/b.c", "..a", "a..", "a b", "ü", "~", "$HOME/x", "-rf", "\\..\\a"])
def test_odd_names_are_only_names(path: str) -> None:
    assert Tree({path: b"x"})[path] == b"x"


@given(TREES, TREES)
def test_equal_digests_are_equal_contents(a: Tree, b: Tree) -> None:
    assert (a.digest == b.digest) == (dict(a) == dict(b)) == (a == b)
    assert hash(a) == hash(Tree(dict(reversed(list(a.items())))))


def test_a_digest_tells_where_a_path_ends_and_a_content_begins() -> None:
    trees = [{"ab": b"c"}, {"a": b"bc"}, {"a": b"b", "c": b""}, {"a": b"", "b": b"c"}, {"a": b"b"}, {}]
    assert len({Tree(files).digest for files in trees}) == len(trees)


@given(TREES, TREES)
def test_changes_lead_from_one_tree_to_the_other(a: Tree, b: Tree) -> None:
    changes = a.changes_to(b)
    assert a.replaced(changes) == b
    assert (not changes) == (a == b)
    assert all(a.get(path) != content for path, content in changes.items())


def test_replacing_leaves_the_original_alone() -> None:
    before = Tree({"a.c": b"1", "b.c": b"2"})
    after = before.replaced({"a.c": None, "b.c": b"3", "c.c": b"4", "gone.c": None})
    assert dict(before) == {"a.c": b"1", "b.c": b"2"}
    assert dict(after) == {"b.c": b"3", "c.c": b"4"}
    with pytest.raises(TypeError):
        before.files["a.c"] = b"other"  # type: ignore[index]


def test_a_tree_keeps_its_own_copy() -> None:
    files = {"a.c": b"1"}
    tree = Tree(files)
    files["a.c"] = b"2"
    assert tree["a.c"] == b"1"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(max_examples=80, deadline=None)
@given(TREES, TREES)
def test_git_applies_the_patch(a: Tree, b: Tree) -> None:
    patch = unified_patch(a, b)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, a)
        if patch:
            done = subprocess.run(
                ["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, capture_output=True, check=False,
                input=patch.encode("utf-8", "surrogateescape"),
            )  # fmt: skip
            assert done.returncode == 0, (patch, done.stderr)
        else:
            assert a == b
        found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert found == dict(b)


def _write(folder: Path, tree: Tree) -> None:
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def test_a_candidate_is_its_files() -> None:
    original = Candidate(Tree({"a.c": b"1"}))
    edit = Edit({"a.c": b"2"}, "twice as good", proof="by sight", speculative=True, details={"move": "x"})
    better = original.edited(edit)
    assert (better.parent, better.title, better.proof) == (original.id, "twice as good", "by sight")
    assert better.speculative and better.details == {"move": "x"}
    assert better.id != original.id and len(better.id) == 12
    again = better.edited(Edit({"a.c": b"1"}, "back"))
    assert again.id == original.id, "the same files are the same candidate, whoever made them"
