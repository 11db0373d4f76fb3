"""Putting the best candidate of a run into the user's files."""

from __future__ import annotations

from pathlib import Path

from loopwright.core.errors import UsageError
from loopwright.core.tree import unified_patch
from loopwright.system.store import write_atomically
from loopwright.workbench.rundir import RunDirectory, open_run
from loopwright.workbench.summary import result_of


def apply_best(directory: RunDirectory, to: Path | None = None, *, dry_run: bool = False) -> list[str]:
    """Write the best candidate's files into `to` (default: where the task came from).

    Nothing is written unless every file that would change is still what the run began with.

    Returns:
        What was done (or, on a dry run, the patch), line by line.

    Raises:
        UsageError: when the run has no improvement, the folder is gone, or files have changed.
    """
    run, task, _, facts = open_run(directory.path)
    result = result_of(directory)
    if result is None:
        raise UsageError("is not finished", where=run.id, hint=f"loopwright runs resume {run.path}")
    if result.best is None:
        raise UsageError(f"has nothing to apply: {result.status}", where=run.id)
    folder = to or (Path(facts["origin"]) if facts.get("origin") else None)
    if folder is None or not folder.is_dir():
        raise UsageError("the task's folder is not known or gone", where=run.id, hint="--to DIR")
    best = run.lineage.tree(result.best.candidate)
    changes = task.tree.changes_to(best)
    changed = [path for path in changes if _content(folder / path) != task.tree.get(path)]
    already = [path for path in changes if _content(folder / path) == best.get(path)]
    if len(already) == len(changes):
        return [f"already applied: {', '.join(changes)}"]
    if changed:
        raise UsageError(
            f"changed since the run began: {', '.join(changed)}",
            where=str(folder),
            hint=f"merge by hand: git apply --3way {run.path / 'best.patch'}",
        )
    if dry_run:
        return unified_patch(task.tree, best).splitlines()
    done: list[str] = []
    for path, content in changes.items():
        if content is None:
            (folder / path).unlink()
            done.append(f"removed {path}")
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / path, content)
            done.append(f"changed {path}" if path in task.tree else f"added {path}")
    return done


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
