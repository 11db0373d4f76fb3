"""Reading C and C++ sources into loop nests: the entrance of the analysis."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from loopwright.analysis.aliasing import disjoint_pairs
from loopwright.analysis.callees import Callees
from loopwright.analysis.calls import Summaries, name_throwing_calls
from loopwright.analysis.clang_reader import parse_unit
from loopwright.analysis.environment import asks_for_flags, left_behind, per_thread
from loopwright.analysis.inlining import inline_calls
from loopwright.analysis.invariants import Differences, Relations, member_differences
from loopwright.analysis.ir import LoopNest, PointerParameter, Unknown
from loopwright.analysis.lengths import Lengths
from loopwright.analysis.liveness import Liveness
from loopwright.analysis.lowering import LoweredObject, Lowering
from loopwright.analysis.nests import LOOPS, REGION, NestReader
from loopwright.analysis.objects import Objects
from loopwright.analysis.origins import Aliasing
from loopwright.analysis.pointer_parameters import pointer_parameters
from loopwright.analysis.syntax import Function, Stmt, Unit
from loopwright.core.task import Kernel, Language
from loopwright.core.tree import Tree

_READ = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C")
_HANDLER = re.compile(rb"\bcatch\s*\(")
_CODE = {*_READ, ".cu", ".hip", ".f", ".f90", ".F90", ".s", ".S"}


def sources_of(tree: Tree) -> tuple[str, ...]:
    """All C and C++ sources in `tree`; headers are read through them."""
    return tuple(path for path in tree if path.endswith(_READ))


@dataclass(frozen=True)
class SourceFacts:
    """The loop nests of some sources, in source order, and the files that could not be read, with why.

    `regions` are runs of consecutive loops and simple statements outside of all loops, read together: each
    is a nest whose root is a loop that runs once and that the source does not have.
    """

    nests: tuple[LoopNest, ...] = ()
    unreadable: tuple[Unknown, ...] = ()
    regions: tuple[LoopNest, ...] = ()


def read_nests(
    tree: Tree,
    sources: Sequence[str],
    language: Language,
    *,
    include: Sequence[str] = (),
    defines: Sequence[str] = (),
    standard: str | None = None,
    kernel: Kernel | None = None,
    functions: Collection[str] | None = None,
    regions: bool = False,
) -> SourceFacts:
    """Every outermost loop of every function defined in `sources`, as a loop nest.

    With `regions`, also the runs of such loops and simple statements that follow each other directly.

    `include` are folders of the tree (or absolute), `defines` as NAME or NAME=VALUE, `functions` limits the
    reading to functions of these names. `kernel` adds what the task promises about its arguments. A file
    with errors is listed in `unreadable` and gives no nest; nothing in the sources raises.
    """
    program = read_program(
        tree, sources, language, include=include, defines=defines, standard=standard, kernel=kernel
    )
    found = [
        (nest, is_region)
        for unit in program.units
        for nest, is_region in _nests_of(unit, functions, regions=regions)
    ]
    return SourceFacts(
        tuple(nest for nest, is_region in found if not is_region),
        program.unreadable,
        tuple(nest for nest, is_region in found if is_region),
    )


@dataclass(frozen=True)
class Program:
    """Parsed sources, from which any loop can be read, and the files that could not be read, with why."""

    units: tuple[UnitReader, ...]
    unreadable: tuple[Unknown, ...] = ()


def read_program(
    tree: Tree,
    sources: Sequence[str],
    language: Language,
    *,
    include: Sequence[str] = (),
    defines: Sequence[str] = (),
    standard: str | None = None,
    kernel: Kernel | None = None,
) -> Program:
    """Parse `sources`; the arguments are those of :func:`read_nests`."""
    units: list[Unit] = []
    callees: list[Callees] = []
    unreadable: list[Unknown] = []
    catches = any(_HANDLER.search(content) for _, content in tree.items())
    repeated = _included(tree, sources)
    threads, flags = per_thread(tree.values()), asks_for_flags(tree.values())
    with tempfile.TemporaryDirectory(prefix="loopwright-analysis-") as folder:
        _lay_out(tree, Path(folder))
        for source in sources:
            if source not in tree:
                unreadable.append(Unknown(f"{source} is not among the files of the task"))
                continue
            unit = parse_unit(
                source, tree, language, folder,
                include=include, defines=defines, standard=standard, threads=threads,
            )  # fmt: skip
            if unit.errors:
                message, line = unit.errors[0]
                unreadable.append(Unknown(f"{source}:{line}: {message}", line))
                continue
            if catches:
                name_throwing_calls(unit)
            for function in unit.functions.values() if source in repeated else ():
                # It may mean something else there, and an edit of one is an edit of both.
                function.doubt = function.doubt or f"text that {repeated[source]} includes"
            callees.append(Callees(unit))
            inline_calls(unit)
            units.append(unit)
    whole = kernel is None and not unreadable and _is_whole_program(tree, sources, units)
    differences = member_differences(units) if whole else {}
    readers = (
        UnitReader(
            unit,
            called,
            kernel,
            is_one_file=whole and len(units) == 1,
            differences=differences,
            flags=flags,
        )
        for unit, called in zip(units, callees, strict=True)
    )
    return Program(tuple(readers), tuple(unreadable))


@dataclass(frozen=True)
class ReadNest:
    """A loop nest, and what its objects are in the source: by id the variable and the way from it."""

    nest: LoopNest
    objects: Mapping[str, LoweredObject]


class UnitReader:
    """Reads the loops of one parsed file. `kernel` promises that the arrays of its function are apart."""

    def __init__(
        self,
        unit: Unit,
        callees: Callees,
        kernel: Kernel | None,
        *,
        is_one_file: bool,
        differences: Differences,
        flags: bool,
    ) -> None:
        name = kernel.function if kernel is not None and kernel.restrict else None
        promised = frozenset(f.key for f in unit.functions.values() if f.name == name)
        self.unit = unit
        self.callees = callees
        self.summaries = Summaries(unit)
        self.aliasing = Aliasing(unit, whole=is_one_file, promised=promised, calls=self.summaries)
        self._objects = Objects(unit, self.aliasing.cells) if is_one_file else None
        self._differences = differences
        self._flags = flags
        self._pointers: dict[str, tuple[PointerParameter, ...]] = {}

    def _pointers_of(self, function: Function) -> tuple[PointerParameter, ...]:
        if function.key not in self._pointers:
            found = pointer_parameters(function, self.aliasing, self.summaries)
            self._pointers[function.key] = found
        return self._pointers[function.key]

    def read(self, function: Function, loop: Stmt) -> ReadNest:
        """The nest whose outermost loop is `loop` (or the statements of a region), which may itself stand in
        other loops: what these change is a parameter of the nest.
        """
        effects = self.aliasing.effects(function)
        relations = Relations(self._differences, self.aliasing.cells, function, effects, self._objects)
        raw = NestReader(self.unit, function, effects, self.summaries).read(loop)
        called = partial(self.callees.inside, function.key)
        lowering = Lowering(raw, Liveness(function, effects, loop), relations, called)
        root = lowering.loop(raw.root)
        objects = {o.id: o for o in lowering.objects.values()}
        apart, by_type = disjoint_pairs(list(objects.values()), function, self.aliasing)
        lengths = Lengths(
            function, effects, raw.scope.inside, self.aliasing.cells, self.unit.source, loop.start
        )
        known = {id: lengths.of(made) for id, made in objects.items()}
        nest = LoopNest(
            function=function.name,
            root=root,
            arrays=tuple(
                replace(a, first=known[a.id].first, length=known[a.id].count) for a in lowering.arrays()
            ),
            parameters=lowering.parameters(),
            assumptions=lowering.assumptions,
            disjoint=apart,
            disjoint_by_type=by_type,
            unknowns=(
                *([Unknown(f"the function holds {function.doubt}")] if function.doubt else []),
                *left_behind(function, loop, lowering.arrays(), flags=self._flags),
            ),
            pointers=self._pointers_of(function),
        )
        return ReadNest(nest, objects)


def _is_whole_program(tree: Tree, sources: Sequence[str], units: Sequence[Unit]) -> bool:
    """Whether no code outside of `units` can call their functions or make objects of their types."""
    functions = {f.key: f for unit in units for f in unit.functions.values()}
    has_main = any(f.name == "main" for f in functions.values())
    others = [p for p in tree if PurePosixPath(p).suffix in _CODE and p not in sources]
    outside = {key for unit in units for key in unit.called if key not in functions}
    return has_main and not others and not outside


def _included(tree: Tree, sources: Sequence[str]) -> dict[str, str]:
    """The sources whose text is a part of another file, or of itself once more, with the name of that file.
    Files for other compilers, such as .cu, do not count.
    """
    named: dict[str, str] = {}
    for path, content in tree.items():
        if PurePosixPath(path).suffix in _CODE - {*_READ}:
            continue
        if re.search(rb"#\s*include\s+__FILE__", content):
            named.setdefault(PurePosixPath(path).name, path)
        for name in re.findall(rb'#\s*include\s*[<"]([^>"]+)[>"]', content):
            named.setdefault(PurePosixPath(name.decode("utf-8", "replace")).name, path)
    files = {source: PurePosixPath(source).name for source in sources}
    return {source: named[name] for source, name in files.items() if name in named}


def _lay_out(tree: Tree, folder: Path) -> None:
    for path, content in tree.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _nests_of(
    reader: UnitReader, functions: Collection[str] | None, *, regions: bool
) -> Iterator[tuple[LoopNest, bool]]:
    for function in reader.unit.functions.values():
        if not function.in_main_file or not (functions is None or function.name in functions):
            continue
        roots = [(loop, False) for loop in outermost_loops(function.body)]
        if regions:
            roots += [(region, True) for region in consecutive(function.body)]
        for outermost, is_region in roots:
            yield reader.read(function, outermost).nest, is_region


def outermost_loops(statement: Stmt) -> Iterator[Stmt]:
    """The loops of a function that stand in no other loop, in source order."""
    if statement.kind in LOOPS:
        yield statement
        return
    for child in statement.body:
        yield from outermost_loops(child)


def consecutive(statement: Stmt) -> Iterator[Stmt]:
    """Runs of `for` loops and simple statements in one block outside of all loops, as one statement each.

    A run starts and ends with a loop or an assignment; one without a loop is left out. Declarations end a
    run, since what follows it may need them.
    """
    if statement.kind in LOOPS:
        return
    run: list[Stmt] = []
    for child in (*statement.body, None):
        if child is not None and statement.kind == "block" and _may_be_in_run(child):
            run.append(child)
            continue
        if any(s.kind == "for" for s in run):
            yield Stmt(REGION, run[0].start, run[-1].end, run[0].line, tuple(run))
        run = []
        if child is not None:
            yield from consecutive(child)


def _may_be_in_run(stmt: Stmt) -> bool:
    return stmt.kind == "for" or (
        stmt.kind == "expr" and stmt.expr is not None and stmt.expr.kind in ("assign", "unary")
    )
