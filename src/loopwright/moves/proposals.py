"""From the source of a candidate and its profile to proved edits, the most promising first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from loopwright.analysis.facts import NestFacts
from loopwright.analysis.ir import LoopNest, Unknown
from loopwright.core.candidate import Edit
from loopwright.core.data_plan import DataPlan
from loopwright.core.task import Kernel, Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.device_rows import device_rows, flat_directive
from loopwright.moves.device_shape import device_shapes
from loopwright.moves.move import Move, NestSource, Proposal, Refusal, hot_share, label
from loopwright.moves.regions import without_loop_directives
from loopwright.moves.registry import moves_for
from loopwright.moves.tile_shape import AVX2, VectorUnit
from loopwright.moves.written import is_written

HOT_SHARE = 0.02
"""Nests with less than this share of the profile are left alone: halving them gains one per cent."""


@dataclass(frozen=True)
class Proposals:
    """What the moves said about a candidate.

    Attributes:
        proposals: proved edits, best guess first, no two with the same files.
        refusals: loops that a move declined, with the reason, in source order.
        unreadable: files that could not be parsed. cold: nests left out for their small share of the time.
    """

    proposals: tuple[Proposal, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unreadable: tuple[Unknown, ...] = ()
    cold: tuple[str, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits alone, in the same order."""
        return tuple(p.edit for p in self.proposals)


def proposals(
    tree: Tree,
    sources: Sequence[str],
    language: Language,
    *,
    kernel: Kernel | None = None,
    hot: Mapping[tuple[str, int], float] | None = None,
    threads: int = 2,
    target: Target = Target.OPENMP,
    include: Sequence[str] = (),
    defines: Sequence[str] = (),
    standard: str | None = None,
    functions: Collection[str] | None = None,
    seconds: float = 5.0,
    moves: Iterable[Move] | None = None,
    region_moves: Iterable[Move] | None = None,
    editable: Collection[str] | None = None,
    vector: VectorUnit = AVX2,
    libraries: Sequence[str] = (),
    timed_on_device: bool = False,
) -> Proposals:
    """Ask every move about every hot nest of `sources`.

    Args:
        tree: all files of the candidate, headers included. sources: the C or C++ files to look into.
        kernel: the task's kernel, whose stated array lengths and `restrict` the proofs may use.
        hot: (file, line) to share of the run time, 0 to 1; empty or None: not measured, all nests count.
        threads: how many the result will run with.
        seconds: limit for the dependence proof of one nest.
        editable: files that may change; None: all of `sources`.
        moves: asked about every nest; None: those for the target. region_moves: the same for those that are
            asked about every run of nests that follow each other.
        vector: the vector registers of the machine that the result will run on.
        libraries: names of the libraries that the task links.
        timed_on_device: whether a device says which shape of its loops is the faster one.

    Nothing in the sources raises: a file that cannot be read is listed in the result.
    """
    from loopwright.analysis.dependence import analyse
    from loopwright.analysis.frontend import read_nests

    for_nests, for_regions = moves_for(target)
    moves = for_nests if moves is None else moves
    region_moves = for_regions if region_moves is None else region_moves
    allowed = [s for s in sources if editable is None or s in editable]
    serial = tree.replaced({s: without_loop_directives(tree[s]) for s in allowed if s in tree})
    # All sources are read, since some facts (who calls a function, and with what) need the whole program.
    read = partial(
        read_nests, language=language, include=include, defines=defines, standard=standard, kernel=kernel,
        functions=functions,
    )  # fmt: skip
    found = read(serial, sources, regions=bool(region_moves))
    hot = hot or {}

    def sourced(facts: NestFacts) -> NestSource:
        callers = _callers(facts.nest, found.nests)
        return NestSource(
            tree, facts, language, target, threads, hot, kernel, vector, tuple(libraries), callers
        )

    proposed: list[Proposal] = []
    refused: list[Refusal] = []
    cold: list[str] = []
    kept: list[NestSource] = []
    for nest in (*found.nests, *found.regions):
        file, start = nest.root.range.file, nest.root.range.start
        if file not in allowed or is_written(tree[file], start, nest.function):
            continue
        is_region = not nest.root.variable and nest in found.regions
        share = hot_share(nest.root, hot)
        is_cold = bool(hot) and share < HOT_SHARE
        if is_cold and not is_region:
            cold.append(f"{nest.root.range.file}:{nest.root.range.line} ({share:.1%} of the time)")
        if is_cold and target is not Target.OFFLOAD:
            continue
        source = sourced(NestFacts(nest) if is_region else analyse(nest, seconds=seconds))
        if target is Target.OFFLOAD:
            # A cold loop between hot ones goes to the device with them, where their arrays are.
            kept.append(source)
        for move in () if is_cold else region_moves if is_region else moves:
            for answer in move.propose(source):
                if isinstance(answer, Refusal):
                    refused.append(answer)
                else:
                    proposed.append(answer)
    if kept:
        from loopwright.analysis.data_plan import data_plan
        from loopwright.moves.offload_plan import planned

        def plan(on_device: Callable[[str, int], bool]) -> DataPlan:
            return data_plan(
                serial, sources, language, include=include, defines=defines, standard=standard,
                kernel=kernel, editable=allowed.__contains__, on_device=on_device,
            )  # fmt: skip

        for answer in planned(tree, kept, plan, HOT_SHARE if hot else 0.0):
            (refused if isinstance(answer, Refusal) else proposed).append(answer)  # type: ignore[arg-type]
    if timed_on_device:
        proposed += device_shapes(tree, allowed)
        bare = tree.replaced(
            {s: without_loop_directives(tree[s], on_device=True) for s in allowed if s in tree}
        )
        for nest in read(bare, sources).nests if bare != serial else ():
            file = nest.root.range.file
            data = tree[file] if file in allowed else b""
            if any(flat_directive(file, data, loop) for loop in nest.root.walk()):
                proposed += device_rows(sourced(analyse(nest, seconds=seconds)))
    refused.sort(key=lambda r: (r.file, r.line))
    return Proposals(_ranked(proposed, tree), tuple(dict.fromkeys(refused)), found.unreadable, tuple(cold))


def _callers(nest: LoopNest, nests: Iterable[LoopNest]) -> tuple[str, ...]:
    """The loops that stand elsewhere and run the function of `nest`."""
    file, line = nest.root.range.file, nest.root.range.line
    return tuple(
        label(loop)
        for other in nests
        for loop in other.root.walk()
        if any(path == file and first <= line <= last for path, first, last in loop.callees)
    )


def _ranked(proposed: Sequence[Proposal], tree: Tree) -> tuple[Proposal, ...]:
    """Best expected gain first (among equals, earlier moves first), each content once and with an effect."""
    kept: dict[str, Proposal] = {}
    for proposal in sorted(proposed, key=lambda p: -p.gain):
        digest = tree.replaced(proposal.edit.changes).digest
        if digest != tree.digest:
            kept.setdefault(digest, proposal)
    return tuple(kept.values())
