"""The data plan of a task's original, made once for the gates that hold candidates against it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from loopwright.core.data_plan import DataPlan
from loopwright.core.task import Task
from loopwright.core.tree import Tree
from loopwright.gates.findings import Place

_MOST_PLANS = 64
_plans: dict[tuple[str, frozenset[Place] | None], DataPlan] = {}


def plan_of(task: Task, device: frozenset[Place] | None = None) -> DataPlan:
    """What the analysis plans for the original of `task`; without regions when it cannot read it.

    `device` are the lines of the original whose loops run on the device; None: all loops that can.
    """
    from loopwright.analysis.data_plan import data_plan  # libclang and islpy: only when asked for
    from loopwright.analysis.frontend import sources_of

    def chosen(file: str, offset: int) -> bool:
        assert device is not None
        return Place(file, task.tree[file].count(b"\n", 0, offset) + 1) in device

    key = (task.digest, device)
    if key not in _plans:
        while len(_plans) >= _MOST_PLANS:
            _plans.pop(next(iter(_plans)))
        _plans[key] = data_plan(
            task.tree,
            sources_of(task.tree),
            task.language,
            include=task.build.include,
            defines=task.build.defines,
            standard=task.build.standard,
            kernel=task.kernel,
            editable=task.is_editable,
            on_device=None if device is None else chosen,
        )
    return _plans[key]


def lines_of_original(original: Tree, candidate: Tree, places: Iterable[Place]) -> frozenset[Place]:
    """The lines of `original` that became those of `candidate` at `places`: what was put between or indented
    anew does not count, what was written anew has no counterpart.
    """
    wanted: dict[str, set[int]] = {}
    for place in places:
        wanted.setdefault(place.file, set()).add(place.line)
    found: set[Place] = set()
    for file, lines in wanted.items():
        before, after = (_lines(tree.get(file, b"")) for tree in (original, candidate))
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for start, there, size in matcher.get_matching_blocks():
            found.update(Place(file, start + i + 1) for i in range(size) if there + i + 1 in lines)
    return frozenset(found)


def _lines(content: bytes) -> list[str]:
    return [" ".join(line.split()) for line in content.decode("utf-8", "replace").splitlines()]
