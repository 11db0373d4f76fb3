"""From a region of the source and a plan to the edit that rewrites it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.declared import is_declaration
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Loop, Statement
from loopwright.analysis.polyhedral import OutOfTime
from loopwright.analysis.schedules import Schedule, all_run, is_legal, original
from loopwright.analysis.scop import NotAScop, Scop, scop_of
from loopwright.core.task import Target
from loopwright.moves.code_template import Names
from loopwright.moves.loop_marks import Marker, Marks
from loopwright.moves.loop_names import (
    loop_type,
    macro_words,
    name_loops,
    require_no_text_shown,
    require_visible_names,
)
from loopwright.moves.loop_tree import Node, condition_text, loop_tree
from loopwright.moves.loop_values import helper_definition, helpers_used
from loopwright.moves.loop_writer import LoopWriter
from loopwright.moves.move import Declined, NestSource, Proposal, proposal
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    in_statement_list,
    indent_unit,
    indentation,
    line_start,
    newline,
)

SECONDS = 10.0
"""For all proofs about one region together."""


_WIDE = "long"


class AsItIs(Declined):
    """The source runs in this order already, and other moves are there for the rest."""


@dataclass(frozen=True)
class Rewrite:
    """What a plan does: a schedule, the words for it, and how it is marked.

    `options` are isl's (see `loop_tree`); `factor` is the hoped-for gain.
    """

    schedule: Schedule
    title: str
    factor: float
    threads: bool = True
    vectors: bool = True
    options: str = ""
    note: str = ""
    """A comment for the outermost loop, where the transformation is not obvious."""
    wide: bool = False
    """The new loops count in `long`: sums of several loop variables may not fit the type of one."""
    whole: bool = False
    """The new loops are for sizes for which every statement runs; for others stay those of the source."""


def scops(source: NestSource) -> Iterator[Scop | str]:
    """The SCoPs of a region, outermost first; a reason in words where a run of code is none.

    Where a whole run is no SCoP, the runs in the bodies of its loops are tried.
    """
    yield from _scops(source, source.nest.root, ())


def _scops(source: NestSource, loop: Loop, outer: tuple[Loop, ...]) -> Iterator[Scop | str]:
    around = (*outer, loop)
    for run in _runs(source, loop):
        try:
            scop = scop_of(source.nest, run, around, source.data, seconds=SECONDS)
            require_visible_names(scop, source.data, macro_words(tuple(source.tree.values())))
            require_no_text_shown(scop, source.data, source.tree.files)
            loop_type(scop)
            yield scop
            continue
        except (NotAScop, Declined) as reason:
            yield str(reason)
        except OutOfTime:
            yield "the proof did not end in time"
        for item in run:
            if isinstance(item, Loop) and item.loops:
                yield from _scops(source, item, around)


def _runs(source: NestSource, loop: Loop) -> Iterator[tuple[Loop | Statement, ...]]:
    """Runs of items in the body of a loop that hold a loop and no declaration, ends trimmed to loops."""
    run: list[Loop | Statement] = []
    for item in (*loop.body_items, None):
        if item is not None and not (isinstance(item, Statement) and _stays(source, item)):
            run.append(item)
            continue
        while run and isinstance(run[0], Statement):
            del run[0]
        while run and isinstance(run[-1], Statement):
            del run[-1]
        if run:
            yield tuple(run)
        run = []


def _stays(source: NestSource, statement: Statement) -> bool:
    """Whether a statement may not be moved: a declaration, a condition, something not understood."""
    guarded = bool(statement.guards) or statement.is_condition or not statement.exact_guards
    return guarded or bool(statement.unknowns) or is_declaration(statement.text)


def rewritten(source: NestSource, scop: Scop, rewrite: Rewrite, family: str) -> Proposal:
    """The proposal that runs a SCoP by another schedule.

    Raises:
        Declined: when the schedule is not proved legal or cannot be written.
    """
    answer, why = is_legal(scop, rewrite.schedule)
    if answer is not Answer.PROVED:
        raise Declined(why)
    try:
        # Tiles over time never are what the source does already.
        same = not rewrite.wide and _bare(source, scop, rewrite.schedule, rewrite.options) == _bare(
            source, scop, original(scop)
        )
        context = all_run(scop) if rewrite.whole else None
        tree = loop_tree(scop, rewrite.schedule, rewrite.options, context)
        name_loops(scop, rewrite.schedule, tree, source.data, macro_words(tuple(source.tree.values())))
        marker = Marker(source, scop, rewrite.schedule)
        openmp = source.target is Target.OPENMP
        marks = marker.mark(tree, threads=rewrite.threads and openmp, vectors=rewrite.vectors and openmp)
    except OutOfTime:
        raise Declined("the loops could not be generated in time") from None
    title = rewrite.title
    if same:
        start, end = _extent(source, scop)
        if b"#" in source.data[start:end] or (not marks.kept and len(scop.items) < 2):
            raise AsItIs("the loops are in this order already")
        title = "loops as they are, with sums in scalars, threads and vectors"
    content = _content(source, scop, tree, marks, rewrite)
    names = ", ".join(dict.fromkeys(scop.array(id).name for id in scop.dependences)) or "nothing"
    proof = f"{why} (all pairs of accesses to {names} of which one writes, decided exactly over the bounds)"
    margin = "sums of sizes fit" if rewrite.wide else "no size is within a tile of the end of"
    proof += f"; {margin} their type"
    proof = "; ".join([proof, *dict.fromkeys(marks.notes)]) + "."
    factor = rewrite.factor * (0.9 * source.threads if marks.threads else 1.0)
    first = next(item for item in scop.items if isinstance(item, Loop))
    return proposal(
        source,
        first,
        family,
        content=content,
        title=f"{title} ({source.file}:{first.range.line})",
        proof=proof,
        factor=factor,
        details={"threads": str(marks.threads), "rounding": "may differ" if marks.reordered else "unchanged"},
    )


def _bare(source: NestSource, scop: Scop, schedule: Schedule, options: str = "") -> list[str]:
    """The loops of a schedule without any directive, to see whether two are the same."""
    tree = loop_tree(scop, schedule, options)
    name_loops(scop, schedule, tree, source.data, macro_words(tuple(source.tree.values())))
    return LoopWriter(scop, source.data).lines(tree)


def _content(source: NestSource, scop: Scop, tree: list[Node], marks: Marks, rewrite: Rewrite) -> bytes:
    data = source.data
    start, end = _extent(source, scop)
    first = next(item for item in scop.items if isinstance(item, Loop))
    outer, ends = indentation(data, start), newline(data, start)
    unit = _unit(data, first)
    type_ = _WIDE if rewrite.wide else loop_type(scop)
    lines = LoopWriter(scop, data, unit, type_).lines(tree)
    if rewrite.note:
        lines = [*comment(rewrite.note), *lines]
    if marks.limits:
        if rewrite.whole:
            raise Declined("it needs both private copies and sizes for which all of it runs")
        lines = _two_versions(source, scop, rewrite, lines, marks, unit)
    if rewrite.whole:
        lines = _with_source(source, scop, rewrite, lines, unit)
    if len(tree) > 1 and not in_statement_list(data, start):
        lines = ["{", *(unit + line for line in lines), "}"]
    written = "\n".join(lines)
    helpers = []
    for name in helpers_used(written):
        place = _before_function(data, start)
        definition = helper_definition(name, type_)
        if definition.encode() in data[:place].replace(b"\r\n", b"\n"):
            continue  # what another rewriting made
        fresh = Names(data).fresh(name)
        if fresh != name and re.search(rb"\b%b\b" % name.encode(), data[start:end]):
            raise Declined(f"'{name}' means something else in it")
        written = written.replace(f"{name}(", f"{fresh}(")
        helpers.append(definition.replace(f"{name}(", f"{fresh}("))
    text = ends.join(outer + line.encode("utf-8", "surrogateescape") for line in written.split("\n"))
    changes = [Replacement(start, end, text[len(outer) :])]
    if helpers:
        place = _before_function(data, start)
        made = "\n".join(helpers) + "\n"
        changes.insert(0, Replacement(place, place, made.encode().replace(b"\n", ends)))
    return apply(data, changes)


def comment(text: str) -> list[str]:
    """A comment in lines of at most 100 characters."""
    lines = textwrap.wrap(text, 100)
    return (
        [f"/* {lines[0]}", *(f"   {line}" for line in lines[1:-1]), f"   {lines[-1]} */"]
        if lines[1:]
        else [f"/* {text} */"]
    )


def _unit(data: bytes, loop: Loop) -> str:
    """One step of indentation: what the body of the loop has more than the loop."""
    own, body = indentation(data, loop.range.start), indentation(data, loop.body.start)
    if loop.body.line > loop.range.line and len(body) > len(own) and body.startswith(own):
        return body[len(own) :].decode()
    return indent_unit(data, loop).decode()


def _two_versions(
    source: NestSource, scop: Scop, rewrite: Rewrite, lines: list[str], marks: Marks, unit: str
) -> list[str]:
    """The loops twice: with private copies of short arrays, and serial where they would not fit."""
    tree = loop_tree(scop, rewrite.schedule, rewrite.options)
    name_loops(scop, rewrite.schedule, tree, source.data, macro_words(tuple(source.tree.values())))
    Marker(source, scop, rewrite.schedule).mark(tree, threads=False)
    serial = LoopWriter(scop, source.data, unit, _WIDE if rewrite.wide else "").lines(tree)
    conditions = " && ".join(
        dict.fromkeys(f"0 < {length} && {length} <= {limit}" for length, limit in marks.limits)
    )
    return [
        f"if ({conditions}) {{",
        *(unit + line for line in lines),
        "} else {",
        *(unit + line for line in serial),
        "}",
    ]


def _with_source(source: NestSource, scop: Scop, rewrite: Rewrite, lines: list[str], unit: str) -> list[str]:
    """The loops for sizes for which all of it runs, and those of the source for the rest."""
    tree = loop_tree(scop, original(scop))
    name_loops(scop, original(scop), tree, source.data, macro_words(tuple(source.tree.values())))
    serial = LoopWriter(scop, source.data, unit, _WIDE if rewrite.wide else "").lines(tree)
    return [
        f"if ({condition_text(scop, all_run(scop))}) {{",
        *(unit + line for line in lines),
        "} else { /* part of it has nothing to do */",
        *(unit + line for line in serial),
        "}",
    ]


def _extent(source: NestSource, scop: Scop) -> tuple[int, int]:
    """The bytes to replace: from the first loop, its OpenMP lines included, to the end of the last."""
    data, code = source.data, blanked(source.data)
    start, end = scop.items[0].range.start, scop.items[-1].range.end
    if region := region_around(data, start):
        raise Declined(f"it stands in the region of '{region}'")
    if data[end - 1 : end] not in (b"}", b";"):
        stop = code.find(b";", end)
        if stop < 0 or code[end:stop].strip():
            raise Declined("the end of the last statement was not found")
        end = stop + 1
    while True:
        first = line_start(data, start)
        if code[first:start].strip():
            raise Declined("other code shares the line of the first loop")
        above = line_start(data, max(0, first - 1))
        line = code[above:first].strip()
        if not re.match(rb"#\s*pragma\s+omp\s+(?:parallel\s+for|simd)\b", line) or line.endswith(b"\\"):
            break
        start = above + len(indentation(data, above))
    if b"#" in re.sub(rb"#\s*pragma\s+omp\s+(?:parallel\s+for|simd)\b", b"", code[start:end]):
        raise Declined("there is a preprocessor directive between the loops")
    return start, end


def _before_function(data: bytes, offset: int) -> int:
    """The start of the line where the function that holds `offset` begins, before its comment."""
    code = blanked(data)
    depth, position = 0, offset
    opening = -1
    for position in range(offset - 1, -1, -1):
        character = code[position : position + 1]
        depth += (character == b"}") - (character == b"{")
        if depth < 0:
            opening, depth = position, 0
    if opening < 0:
        raise Declined("the function around the loops was not found")
    before = max(code.rfind(b"}", 0, opening), code.rfind(b";", 0, opening))
    directive = max(
        (m.end() for m in re.finditer(rb"(?m)^[ \t]*#[^\n]*(?:\\\n[^\n]*)*\n", code[:opening])), default=0
    )
    start = max(before + 1, directive)
    while start < opening and code[start : start + 1].isspace():
        start += 1
    return line_start(data, start)
