"""The loops of a candidate with what is proved about them, as plain rows: for prompts and for tools."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from loopwright.analysis.facts import LoopFacts
from loopwright.analysis.frontend import sources_of
from loopwright.analysis.ir import Loop
from loopwright.core.task import Task
from loopwright.core.tree import Tree
from loopwright.moves.regions import without_loop_directives
from loopwright.workbench.loops import loops_of

Lines = Collection[tuple[str, int]]


def loop_rows(task: Task, tree: Tree, hot: Lines = ()) -> list[dict[str, Any]]:
    """One row a loop, in source order: file, line, depth, function, header, parallel, reason, unknown.

    The facts are about the serial program: `parallel for` and `simd` directives are looked through. With
    `hot` only nests that hold one of these lines are listed.
    """
    serial = {s: without_loop_directives(tree[s]) for s in sources_of(tree)}
    found = loops_of(replace(task, tree=tree.replaced(serial)))
    rows: list[dict[str, Any]] = []
    for facts in found.nests:
        root = facts.nest.root
        inside = range(root.range.line, root.range.end_line + 1)
        if hot and not any((root.range.file, line) in hot for line in inside):
            continue
        rows += _rows(tree, root, facts.loops, facts.nest.function, 0)
    return rows


def as_lines(rows: list[dict[str, Any]]) -> str:
    """The rows in words, one loop after the other."""
    lines: list[str] = []
    for row in rows:
        indent = "  " * row["depth"]
        lines.append(f"{row['file']}:{row['line']} {indent}{row['header']}")
        lines.append(f"    {indent}{row['parallel']}: {row['reason']}")
        lines += [f"    {indent}unknown: {why}" for why in row["unknown"] if why not in row["reason"]]
    return "\n".join(lines) or "none were found in the hot parts of the editable files"


def _rows(
    tree: Tree, loop: Loop, facts: Mapping[str, LoopFacts], function: str, depth: int
) -> Iterator[dict[str, Any]]:
    known = facts.get(loop.id)
    header = tree[loop.range.file][loop.header.start : loop.header.end].decode("utf-8", "replace")
    yield {
        "file": loop.range.file,
        "line": loop.range.line,
        "depth": depth,
        "function": function,
        "header": " ".join(header.split()),
        "parallel": known.parallel.value if known else "unknown",
        "reason": _reason(known) if known else "the analysis said nothing about this loop",
        "unknown": [f"{u.reason} (line {u.line})" if u.line else u.reason for u in known.unknowns]
        if known
        else [],
    }
    for inner in loop.loops:
        yield from _rows(tree, inner, facts, function, depth + 1)


def _reason(facts: LoopFacts) -> str:
    if facts.reason:
        return facts.reason
    carried = [
        f"{d.kind} dependence on {d.array} from line {d.source_line} to {d.sink_line}" for d in facts.carried
    ]
    return "; ".join(carried) or "no reason given"
