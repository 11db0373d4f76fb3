"""Reading C and C++ sources into loop nests: the entrance of the analysis."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopwright.analysis.clang_reader import parse_unit
from loopwright.analysis.ir import LoopNest, Unknown
from loopwright.analysis.lowering import Lowering
from loopwright.analysis.nests import LOOPS, NestReader
from loopwright.analysis.scopes import effects_of
from loopwright.analysis.syntax import Expr, Function, Stmt, Unit
from loopwright.core.task import Kernel, Language
from loopwright.core.tree import Tree


@dataclass(frozen=True)
class SourceFacts:
    """The loop nests of some sources, in source order, and the files that could not be read, with why."""

    nests: tuple[LoopNest, ...] = ()
    unreadable: tuple[Unknown, ...] = ()


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
) -> SourceFacts:
    """Every outermost loop of every function defined in `sources`, as a loop nest.

    `include` are folders of the tree (or absolute), `defines` as NAME or NAME=VALUE, `functions` limits the
    reading to functions of these names. `kernel` adds what the task promises about its arguments. A file
    with errors is listed in `unreadable` and gives no nest; nothing in the sources raises.
    """
    nests: list[LoopNest] = []
    unreadable: list[Unknown] = []
    with tempfile.TemporaryDirectory(prefix="loopwright-analysis-") as folder:
        _lay_out(tree, Path(folder))
        for source in sources:
            if source not in tree:
                unreadable.append(Unknown(f"{source} is not among the files of the task"))
                continue
            unit = parse_unit(
                source, tree, language, folder, include=include, defines=defines, standard=standard
            )
            if unit.errors:
                message, line = unit.errors[0]
                unreadable.append(Unknown(f"{source}:{line}: {message}", line))
                continue
            nests += _nests_of(unit, kernel, functions)
    return SourceFacts(tuple(nests), tuple(unreadable))


def _lay_out(tree: Tree, folder: Path) -> None:
    for path, content in tree.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _nests_of(unit: Unit, kernel: Kernel | None, functions: Collection[str] | None) -> Iterator[LoopNest]:
    for function in unit.functions.values():
        if not function.in_main_file or (functions is not None and function.name not in functions):
            continue
        whole = effects_of([function.body])
        for outermost in outermost_loops(function.body):
            reader = NestReader(unit, function, whole, lambda call: None)
            raw = reader.read(outermost)
            lowering = Lowering(raw)
            yield LoopNest(
                function=function.name,
                root=lowering.loop(raw.root),
                arrays=lowering.arrays(),
                parameters=lowering.parameters(),
            )


def outermost_loops(statement: Stmt) -> Iterator[Stmt]:
    """The loops of a function that stand in no other loop, in source order."""
    if statement.kind in LOOPS:
        yield statement
        return
    for child in statement.body:
        yield from outermost_loops(child)
