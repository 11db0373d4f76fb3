"""The data plan of a program: which loops go to the device, and what has to move for them, when.

A map type may be too large but never too small. An array is copied in unless every element that the device
reads was written there before; it is copied out when the device writes it and its content may matter
afterwards, and then it is copied in too unless the device certainly writes all of it (the copy out would
destroy the rest). What cannot be shown is not planned, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loopwright.analysis.data_arrays import array_plans, loop_plans, span_of
from loopwright.analysis.data_bases import View
from loopwright.analysis.data_piece import Times
from loopwright.analysis.data_pieces import Pieces
from loopwright.analysis.data_regions import Draft, Drafts
from loopwright.analysis.data_sizes import text_of, trips_of
from loopwright.analysis.data_variables import size_variables
from loopwright.analysis.frontend import Program, read_program
from loopwright.analysis.nests import LOOPS
from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import Function, Stmt
from loopwright.core.data_plan import DataPlan, NotPlanned, RegionPlan
from loopwright.core.task import Kernel, Language
from loopwright.core.tree import Tree

_ROUNDS = 40
"""Loops that turn out unfit change what the rest looks like; it is looked at again so often at most."""


def data_plan(
    tree: Tree,
    sources: Sequence[str],
    language: Language,
    *,
    include: Sequence[str] = (),
    defines: Sequence[str] = (),
    standard: str | None = None,
    kernel: Kernel | None = None,
    editable: Callable[[str], bool] = lambda file: True,
    on_device: Callable[[str, int], bool] | None = None,
) -> DataPlan:
    """The data plan of a program or a kernel.

    The arguments before `editable` are those of :func:`~loopwright.analysis.frontend.read_nests`. `editable`
    says which files may get directives. `on_device` says of a loop, by its file and the offset of its first
    byte, whether it runs on the device; None: every loop that can. Nothing in the sources raises.
    """
    program = read_program(
        tree, sources, language, include=include, defines=defines, standard=standard, kernel=kernel
    )
    view = View(program, kernel, editable, kernel is None and _is_whole(program), on_device)
    drafts, pieces, notes = _drafts(view)
    kept = [d for d in drafts if not _is_hoisted(view, d.function, drafts, frozenset())]
    regions = tuple(_region(view, draft) for draft in kept)
    unknowns = [NotPlanned("file", u.reason, "", u.line) for u in program.unreadable]
    unknowns += [*notes, *_left_out(view, pieces, regions)]
    return DataPlan(regions, tuple(unknowns), size_variables(view, regions))


def _is_whole(program: Program) -> bool:
    """Whether all code that can call the functions of the program has been read."""
    functions = {f.key: f for r in program.units for f in r.unit.functions.values()}
    called = {key for reader in program.units for key in reader.unit.called}
    has_main = any(f.name == "main" for f in functions.values())
    return has_main and not program.unreadable and called <= functions.keys()


def _drafts(view: View) -> tuple[list[Draft], Pieces, list[NotPlanned]]:
    """The drafts of the whole program, its pieces, and what prevented larger regions."""
    pieces = Pieces(view)
    for _ in range(_ROUNDS):
        found: list[Draft] = []
        notes: dict[NotPlanned, None] = {}
        denied: dict[int, str] = {}
        for reader, function in view.functions.values():
            if not function.in_main_file or not view.editable(reader.unit.file):
                continue
            drafts = Drafts(pieces, reader, function)
            found += drafts.find()
            denied |= drafts.denied
            for stmt, reason in drafts.notes:
                what = f"larger region in {function.name}"
                notes[NotPlanned(what, reason, reader.unit.file, stmt.line)] = None
        closed = frozenset() if denied else _called_outside(view, found)
        if not denied and not closed:
            return found, pieces, list(notes)
        pieces = pieces.limited(denied, closed)
    return [], pieces, []


def _called_outside(view: View, drafts: Sequence[Draft]) -> frozenset[str]:
    """The functions whose loops run in regions of their callers, but may run without one, too."""
    followed = {
        launch.loop.function.key: launch.loop.function
        for draft in drafts
        for launch in draft.piece.launches
        if launch.loop.function is not draft.function
    }
    return frozenset(k for k, f in followed.items() if not _is_hoisted(view, f, drafts, frozenset()))


def _is_hoisted(view: View, function: Function, drafts: Sequence[Draft], within: frozenset[str]) -> bool:
    """Whether the function only runs inside of regions of its callers."""
    calls = view.calls_of(function)
    if not calls or function.key in within:
        return False
    return all(
        any(d.function is caller and d.start <= call.start < d.end for d in drafts)
        or _is_hoisted(view, caller, drafts, within | {function.key})
        for _, caller, call in calls
    )


def _region(view: View, draft: Draft) -> RegionPlan:
    first, last = draft.statements[0], draft.statements[-1]
    structured = not _needed_behind(draft)
    loops = loop_plans(draft)
    alone = len(draft.statements) == 1 and any(x.loop.statement is first for x in draft.piece.launches)
    return RegionPlan(
        function=draft.function.name,
        span=span_of(draft.reader, first, last),
        loops=loops,
        arrays=array_plans(view, draft, structured=structured),
        reason=_reason(draft, alone=alone, structured=structured),
        entries=_entries(view, draft),
        is_one_loop=alone,
        structured=structured,
    )


def _needed_behind(draft: Draft) -> bool:
    """Whether something declared directly in the region is needed after it."""
    declared = {v for s in draft.statements if s.kind == "decl" for v in s.variables}
    return any(
        e.variable in declared
        for root in draft.function.body.expressions()
        if root.start >= draft.end
        for e in root.walk()
    )


def _reason(draft: Draft, *, alone: bool, structured: bool) -> str:
    if alone:
        return "one loop: its own directive maps what it needs"
    around = [x for x in draft.piece.loops if x.around]
    words = f"{len(draft.piece.launches)} device loops share their arrays"
    if around:
        words += f"; the loop at line {around[0].statement.line} starts them again and again"
    if not structured:
        words += "; a variable declared in it is needed after it, so that it cannot be a block"
    return words


def _entries(view: View, draft: Draft) -> str | None:
    """How often the region is entered in one run of the program, or one call of the kernel: as often as the
    loops around it go round. None when that is not certain.
    """
    reader, function = draft.reader, draft.function
    around = [s for s in _all(function) if s.start < draft.start and draft.end <= s.end]
    loops = [stmt for stmt in around if stmt.kind in LOOPS]
    if any(stmt.kind not in (*LOOPS, "block") for stmt in around):
        return None
    times = Times()
    for loop in loops:
        count, exact = trips_of(loop, reader, function)
        changed = {v.name for outer in loops for v in effects_of([outer], reader.summaries).writes}
        times = Times(count, exact).inside(times, changed)
    if times.count is None or not times.exact or not _runs_once(view, function, frozenset()):
        return None
    return text_of(times.count)


def _runs_once(view: View, function: Function, within: frozenset[str]) -> bool:
    if function.name == "main" or (view.kernel is not None and function.name == view.kernel.function):
        return True
    calls = view.calls_of(function)
    if calls is None or len(calls) != 1 or function.key in within:
        return False
    _, caller, call = calls[0]
    if any(s.kind in LOOPS and s.start <= call.start < s.end for s in _all(caller)):
        return False
    return _runs_once(view, caller, within | {function.key})


def _all(function: Function) -> list[Stmt]:
    return list(function.body.walk())


def _left_out(view: View, pieces: Pieces, regions: Sequence[RegionPlan]) -> list[NotPlanned]:
    """The loops that are in no region, with the reason; loops inside of device loops are part of these."""
    shown = {(loop.span.file, loop.span.start) for region in regions for loop in region.loops}
    found: list[NotPlanned] = []
    for reader, function in view.functions.values():
        file = reader.unit.file
        if not function.in_main_file or not view.editable(file):
            continue
        for loop in _outermost(function.body):
            if (file, loop.start) in shown:
                continue
            reason = pieces.device(reader, function, loop)
            words = reason if isinstance(reason, str) else "no region could be made around it"
            found.append(NotPlanned(f"loop in {function.name}", words, file, loop.line))
    return found


def _outermost(stmt: Stmt) -> list[Stmt]:
    if stmt.kind in LOOPS:
        return [stmt]
    return [loop for child in stmt.body for loop in _outermost(child)]
