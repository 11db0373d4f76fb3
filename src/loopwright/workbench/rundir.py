"""The directory of one run: where things lie, how it is made, frozen and found again."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopwright.core.candidate import Candidate
from loopwright.core.errors import LoopwrightError, UsageError
from loopwright.core.run import Evaluation
from loopwright.core.task import Task
from loopwright.core.tree import Tree
from loopwright.system.store import write_atomically
from loopwright.tasks.read import TASK_FILE
from loopwright.tasks.write import task_text
from loopwright.workbench.lineage import Lineage
from loopwright.workbench.records import from_data, to_data
from loopwright.workbench.settings import Settings

HOME = ".loopwright"
_SCHEMA = 1


@dataclass(frozen=True)
class RunDirectory:
    """Paths of one run below `.loopwright/runs/`."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id: the name of its directory."""
        return self.path.name

    @property
    def journal(self) -> Path:
        """Append-only events."""
        return self.path / "journal.jsonl"

    @property
    def frozen(self) -> Path:
        """Task, settings, versions: written once."""
        return self.path / "run.json"

    @property
    def lineage(self) -> Lineage:
        """The candidates."""
        return Lineage(self.path / "lineage.git")

    @property
    def scratch(self) -> Path:
        """Builds and working folders: can be removed at any time when nothing runs."""
        return self.path / "scratch"

    @property
    def reference(self) -> Path:
        """Expected outputs. Never shown to an agent."""
        return self.path / "reference"

    def evidence(self, candidate_id: str) -> Path:
        """Logs, profiles and transcripts about one candidate."""
        folder = self.path / "evidence" / candidate_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def home(self) -> Path:
        """The `.loopwright` folder around it."""
        return self.path.parent.parent


def create_run(home: Path, task: Task, settings: Settings, facts: dict[str, Any]) -> RunDirectory:
    """Make a run directory below `home` with everything that is needed to do the run again.

    `facts` are versions and the like, for the record. run.json is written last: a directory without it
    is a run that never began.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in task.name)[:40]
    run = RunDirectory(home / "runs" / f"{stamp}-{name}-{secrets.token_hex(2)}")
    try:
        run.path.mkdir(parents=True)
        (home / ".gitignore").write_text("*\n")
    except OSError as error:
        raise UsageError(
            f"cannot write: {error.strerror}", where=str(home), hint="choose another folder with --home DIR"
        ) from error
    run.lineage.start(task.tree, original_candidate(task))
    record = {
        "schema": _SCHEMA,
        "run": run.id,
        "task": _spec(task),
        "settings": to_data(settings),
        "facts": facts,
    }
    # As people write it: with a clone of the lineage it makes the run again.
    write_atomically(run.path / TASK_FILE, task_text(task).encode("utf-8", "surrogateescape"))
    write_atomically(run.frozen, json.dumps(record, indent=1, allow_nan=False).encode() + b"\n")
    return run


def open_run(path: Path) -> tuple[RunDirectory, Task, Settings, dict[str, Any]]:
    """Read back what :func:`create_run` froze.

    Raises:
        UsageError: when this is no run directory. LoopwrightError: when it is damaged or newer.
    """
    run = RunDirectory(path.resolve())
    try:
        record = json.loads(run.frozen.read_bytes())
    except FileNotFoundError as error:
        raise UsageError("not a run (no run.json)", where=str(path), hint="loopwright runs list") from error
    except ValueError as error:
        raise LoopwrightError(f"damaged: {error}", where=str(run.frozen)) from error
    if record.get("schema", 0) > _SCHEMA:
        raise LoopwrightError(
            f"written by a newer version (schema {record['schema']})",
            where=str(run.frozen),
            hint="pip install --upgrade loopwright",
        )
    try:
        task = from_data(Task, record["task"], tree=run.lineage.original())
        return run, task, from_data(Settings, record["settings"]), record.get("facts", {})
    except (KeyError, ValueError, TypeError) as error:
        raise LoopwrightError(f"damaged: {error}", where=str(run.frozen)) from error


def original_candidate(task: Task) -> Candidate:
    """The candidate that every other one descends from."""
    return Candidate(files=task.editable_files)


def restored_candidate(lineage: Lineage, task: Task, evaluation: Evaluation) -> Candidate | None:
    """The candidate of an evaluation; None for a rejected edit, of which there never was one."""
    if not lineage.has(evaluation.candidate):
        return None
    tree = lineage.tree(evaluation.candidate)
    protected = {p for p in task.tree if not task.is_editable(p)}
    files = Tree({p: c for p, c in tree.items() if p not in protected or c != task.tree[p]})
    return Candidate(files, evaluation.parent, evaluation.title)


@contextmanager
def only_writer(run: RunDirectory) -> Iterator[None]:
    """Hold the run's lock. Raises UsageError when another process works on it."""
    with (run.path / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = Path(lock.name).read_text().strip()
            raise UsageError(
                "another process works on this run",
                where=run.id,
                hint=f"wait until process {holder or '(just started)'} has ended",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def list_runs(home: Path) -> tuple[RunDirectory, ...]:
    """All runs below `home`, oldest first."""
    folder = home / "runs"
    if not folder.is_dir():
        return ()
    return tuple(RunDirectory(p) for p in sorted(folder.iterdir()) if (p / "run.json").is_file())


def find_run(home: Path, name: str) -> RunDirectory:
    """The run called `name`: an id, the beginning of one, "last", or a path.

    Raises:
        UsageError: when there is none, or several.
    """
    if "/" in name or (Path(name) / "run.json").is_file():
        return RunDirectory(Path(name).resolve())
    runs = list_runs(home)
    if name in ("last", "latest") and runs:
        return runs[-1]
    found = [run for run in runs if run.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    problem = f"no run {name!r}" if not found else f"{name!r} fits {len(found)} runs"
    raise UsageError(problem, where=str(home), hint="loopwright runs list")


def _spec(task: Task) -> dict[str, Any]:
    return {f.name: to_data(getattr(task, f.name)) for f in dataclasses.fields(task) if f.name != "tree"}
