"""What a move is: a proved edit of one loop nest, and what it says when it declines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from loopwright.analysis.classify import NestClass, classify
from loopwright.analysis.facts import Answer, LoopFacts, NestFacts
from loopwright.analysis.ir import Array, Loop, LoopNest, Statement, Storage
from loopwright.core.candidate import Edit
from loopwright.core.task import Kernel, Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.tile_shape import AVX2, VectorUnit


class Declined(Exception):
    """Raised inside a move when an edit is not possible; the message is the reason, in words for people."""


@dataclass(frozen=True)
class NestSource:
    """One loop nest of one candidate with everything a move may look at.

    Attributes:
        tree: the candidate's files, as they are now; ranges in `facts.nest` are offsets into them.
        facts: what was proved about the loops.
        hot: (file, line) to the share of the run time (0 to 1) spent there; empty when nothing was measured.
        threads: number of threads that the result will run with.
        kernel: the task's kernel with the stated lengths of its arrays; None for a program task.
        vector: the vector registers of the machine that the result will run on.
        libraries: names of the libraries that the task links, as in "m".
        callers: loops of other nests in which the function of this one is called, as `label` names them.
    """

    tree: Tree
    facts: NestFacts
    language: Language = Language.C
    target: Target = Target.OPENMP
    threads: int = 2
    hot: Mapping[tuple[str, int], float] = field(default_factory=dict)
    kernel: Kernel | None = None
    vector: VectorUnit = AVX2
    libraries: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()

    @property
    def nest(self) -> LoopNest:
        """The loop nest."""
        return self.facts.nest

    @property
    def file(self) -> str:
        """Path of the file that holds the nest, relative to the task."""
        return self.nest.root.range.file

    @property
    def data(self) -> bytes:
        """Content of that file."""
        return self.tree[self.file]

    @cached_property
    def kind(self) -> NestClass:
        """What kind of computation the nest is."""
        return classify(self.nest)

    def facts_of(self, loop: Loop) -> LoopFacts:
        """What was proved about `loop`; unknown when the analysis left it out."""
        return self.facts.loops.get(
            loop.id, LoopFacts(loop.id, Answer.UNKNOWN, reason="the analysis said nothing about this loop")
        )

    def share(self, loop: Loop) -> float:
        """Share of the run time spent on the lines of `loop`, 1 when nothing was measured."""
        return hot_share(loop, self.hot) if self.hot else 1.0

    def ancestors(self, loop: Loop) -> tuple[Loop, ...]:
        """The loops of the nest around `loop`, outermost first."""

        def below(current: Loop) -> tuple[Loop, ...] | None:
            if current.id == loop.id:
                return ()
            for child in current.loops:
                if (path := below(child)) is not None:
                    return (current, *path)
            return None

        return below(self.nest.root) or ()

    def disjoint(self, first: str, second: str) -> bool:
        """Whether the two objects are proved to share no memory."""
        if first == second:
            return False
        storages = {self.nest.array(first).storage, self.nest.array(second).storage}
        if Storage.LOCAL in storages or Storage.POINTED not in storages:
            return True
        pair = (first, second) if first < second else (second, first)
        return pair in self.nest.disjoint


@dataclass(frozen=True)
class Proposal:
    """An edit with the place it is about. `gain` is the expected speedup of the whole program: a guess that
    only orders proposals (Amdahl's law over the measured share of the loop), never a claim.
    """

    edit: Edit
    family: str
    file: str
    line: int
    function: str
    gain: float


@dataclass(frozen=True)
class Refusal:
    """Why a move was not proposed for a loop, in words for the user."""

    file: str
    line: int
    function: str
    loop: str
    family: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.family} over {self.loop}: {self.reason}"


class Move(Protocol):
    """One family of source transformations.

    Contract: `propose` is a pure function of `source`. It yields a :class:`Proposal` for every edit that it
    proved legal, best first, and a :class:`Refusal` for every loop that its family is about and that it
    declined. An edit holds the whole new content of each file it changes, changes no byte outside the
    loop and the lines it adds, and carries its proof in words. No edit may rest on facts that are
    `unknown` or `refuted`. Moves are not composed: after an accepted edit the source is read again.
    """

    @property
    def family(self) -> str:
        """Unique short name, as in `parallel-for`."""
        ...

    def propose(self, source: NestSource) -> Iterable[Proposal | Refusal]:
        """Edits of the nest in `source` and refusals."""
        ...


def hot_share(loop: Loop, hot: Mapping[tuple[str, int], float]) -> float:
    """Share of the run time spent on the lines of `loop` and in the functions that run in it, at most 1. A
    function that is called from elsewhere too counts wholly: this only orders proposals.
    """
    spans = {(loop.range.file, loop.range.line, loop.range.end_line), *loop.callees}
    lines = {(file, line) for file, first, last in spans for line in range(first, last + 1)}
    return min(1.0, sum(hot.get(place, 0.0) for place in lines))


def label(loop: Loop) -> str:
    """`i (heat.c:31)`."""
    return f"{loop.variable} ({loop.range.file}:{loop.range.line})"


def expected_gain(share: float, factor: float) -> float:
    """Speedup of the whole when a part of `share` becomes `factor` times faster (Amdahl 1967)."""
    return 1.0 / (1.0 - share + share / factor)


def refusal(source: NestSource, loop: Loop, family: str, reason: str) -> Refusal:
    """The refusal of `family` for `loop`."""
    return Refusal(loop.range.file, loop.range.line, source.nest.function, loop.variable, family, reason)


def proposal(
    source: NestSource,
    loop: Loop,
    family: str,
    *,
    content: bytes,
    title: str,
    proof: str,
    factor: float,
    details: Mapping[str, str] | None = None,
) -> Proposal:
    """The proposal to replace the file of `loop` by `content`; `factor` is the hoped-for gain of the loop."""
    facts = {
        "move": family,
        "loop": label(loop),
        "function": source.nest.function,
        "site": _site(source.data, loop),
        "class": source.kind.value,
        **({"called in": "; ".join(source.callers)} if source.callers else {}),
        **(details or {}),
    }
    edit = Edit({source.file: content}, title=title, proof=proof, details=facts)
    gain = expected_gain(source.share(loop), factor)
    return Proposal(edit, family, loop.range.file, loop.range.line, source.nest.function, gain)


def _site(data: bytes, loop: Loop) -> str:
    """A name for the text of a loop, that directives, white space and lines before it do not change."""
    text = _DIRECTIVE.sub(b"", data[loop.range.start : loop.range.end])
    return hashlib.sha256(b"".join(text.split())).hexdigest()[:12]


_DIRECTIVE = re.compile(rb"^[ \t]*#[ \t]*pragma[ \t]+omp[ \t](?:\\\r?\n|[^\n\r])*", re.MULTILINE)


def constant_trips(loop: Loop) -> int | None:
    """The number of iterations when it is a constant, else None."""
    if loop.lower is None or loop.upper is None or not loop.step:
        return None
    if any(form.terms for form in (*loop.lower, *loop.upper)) or not loop.lower or not loop.upper:
        return None
    low = max(form.constant for form in loop.lower)
    high = min(form.constant for form in loop.upper)
    return max(0, -(-(high - low) // abs(loop.step)))


def accessed(loop: Loop) -> tuple[str, ...]:
    """Ids of the objects that statements of `loop` touch, in order of first use."""
    return tuple(dict.fromkeys(a.array for s in loop.statements() for a in s.accesses))


def written(statements: Iterable[Statement]) -> frozenset[str]:
    """Ids of the objects that `statements` write."""
    return frozenset(a.array for s in statements for a in s.accesses if a.kind == "write")


def overlap_note(source: NestSource, loop: Loop) -> str:
    """Which pointed arrays are proved apart, as a clause of a proof; empty when that was not needed."""
    nest, touched = source.nest, accessed(loop)
    changed = [i for i in touched if i in written(loop.statements())]
    apart: dict[str, dict[str, None]] = {}
    for target in changed:
        for other in touched:
            names = _base(nest.array(target)), _base(nest.array(other))
            storages = {nest.array(target).storage, nest.array(other).storage}
            if names[0] != names[1] and Storage.POINTED in storages and Storage.LOCAL not in storages:
                apart.setdefault(names[0], {})[names[1]] = None
    clauses = [f"{name} shares no memory with {', '.join(others)}" for name, others in apart.items()]
    used = {(a, b) for a in touched for b in touched if a in changed or b in changed}
    if used & nest.disjoint_by_type:
        clauses.append("some of it by their element types (C11 6.5p7; not under -fno-strict-aliasing)")
    return "; ".join(clauses)


def _base(array: Array) -> str:
    return array.name.split(".")[0]
