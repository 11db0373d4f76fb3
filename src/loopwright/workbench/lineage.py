"""Every candidate a commit in a bare git repository, with its parent as the commit's parent."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from loopwright.core.candidate import Candidate
from loopwright.core.errors import LoopwrightError, ToolMissing
from loopwright.core.tree import Tree

_WHO = {
    "GIT_AUTHOR_NAME": "loopwright",
    "GIT_AUTHOR_EMAIL": "loopwright@localhost",
    "GIT_COMMITTER_NAME": "loopwright",
    "GIT_COMMITTER_EMAIL": "loopwright@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
_ORIGINAL = "refs/heads/original"
_BEST = "refs/heads/best"


class Lineage:
    """The candidates of one run. Each commit holds the whole tree, protected files included; the ref
    `refs/candidates/ID` names it. `original` and `best` are branches.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        if not (directory / "HEAD").exists():
            directory.mkdir(parents=True, exist_ok=True)
            self._git("init", "--bare", "--quiet", "--initial-branch=original")

    def start(self, tree: Tree, original: Candidate) -> None:
        """Commit the task's complete tree as the original. Does nothing when it is there already."""
        if not self._has(_ORIGINAL):
            commit = self._commit(tree, None, original.title)
            self._git("update-ref", self._ref(original.id), commit)
            self._git("update-ref", _BEST, commit)
            self._git("update-ref", _ORIGINAL, commit)

    def add(self, candidate: Candidate, tree: Tree) -> None:
        """Commit `tree` as `candidate`. Does nothing when it is there already."""
        ref = self._ref(candidate.id)
        if self._has(ref):
            return
        parent = self._ref(candidate.parent) if candidate.parent else _ORIGINAL
        message = candidate.title + (f"\n\n{candidate.proof}" if candidate.proof else "")
        self._git("update-ref", ref, self._commit(tree, parent, message))

    def set_best(self, candidate_id: str) -> None:
        """Let the branch `best` point to a candidate."""
        self._git("update-ref", _BEST, self._ref(candidate_id))

    def original(self) -> Tree:
        """The complete tree of the original."""
        return self._tree(_ORIGINAL)

    def tree(self, candidate_id: str) -> Tree:
        """The complete tree of a candidate."""
        return self._tree(self._ref(candidate_id))

    def has(self, candidate_id: str) -> bool:
        """Whether the candidate was recorded."""
        return self._has(self._ref(candidate_id))

    @staticmethod
    def _ref(candidate_id: str) -> str:
        return f"refs/candidates/{candidate_id}"

    def _has(self, ref: str) -> bool:
        done = self._run("rev-parse", "--quiet", "--verify", ref)
        return done.returncode == 0

    def _commit(self, tree: Tree, parent: str | None, message: str) -> str:
        """One `git fast-import` writes every blob, the tree and the commit, as one unit."""
        stream = [b"commit refs/loopwright/incoming\n", b"mark :1\n"]
        stream.append(b"committer loopwright <loopwright@localhost> now\n")
        text = message.encode("utf-8", "surrogateescape")
        stream.append(b"data %d\n%s\n" % (len(text), text))
        if parent is not None:
            stream.append(f"from {self._git('rev-parse', parent)}\n".encode())
        stream.append(b"deleteall\n")
        for path, content in tree.items():
            quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            stream.append(b'M 100644 inline "%s"\n' % quoted.encode("utf-8", "surrogateescape"))
            stream.append(b"data %d\n%s\n" % (len(content), content))
        stream.append(b"get-mark :1\n")
        return self._git(
            "fast-import",
            "--quiet",
            "--force",
            "--date-format=now",
            "--cat-blob-fd=1",
            stdin=b"".join(stream),
        )

    def _tree(self, ref: str) -> Tree:
        listed = self._run("ls-tree", "-r", "-z", ref)
        if listed.returncode:
            raise LoopwrightError(f"no candidate {ref.rsplit('/', 1)[-1]!r}", where=str(self.directory))
        entries = [entry.split(b"\t", 1) for entry in listed.stdout.split(b"\0") if entry]
        names = [name.decode("utf-8", "surrogateescape") for _, name in entries]
        ids = b"".join(meta.split()[2] + b"\n" for meta, _ in entries)
        blobs = self._run("cat-file", "--batch", stdin=ids).stdout
        files: dict[str, bytes] = {}
        at = 0
        for name in names:
            end = blobs.index(b"\n", at)
            size = int(blobs[at:end].split()[2])
            files[name] = blobs[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return Tree(files)

    def _git(self, *arguments: str, stdin: bytes | None = None) -> str:
        done = self._run(*arguments, stdin=stdin)
        if done.returncode:
            message = done.stderr.decode("utf-8", "replace").strip()
            raise LoopwrightError(f"git {arguments[0]} failed: {message}", where=str(self.directory))
        return done.stdout.decode().strip()

    def _run(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        environment = {"PATH": os.environ.get("PATH", os.defpath), **_WHO, "GIT_DIR": str(self.directory)}
        try:
            return subprocess.run(
                ["git", *arguments], input=stdin or b"", capture_output=True, env=environment, check=False
            )
        except FileNotFoundError as error:
            raise ToolMissing("git is not installed", hint="install git, then try again") from error
