"""A team for every iteration of a device loop, whose threads share the loops inside.

Proof obligations: the outer loop has its directive already, whose iterations are proved independent; each
loop inside that gets `parallel for` is proved parallel by itself, with the clauses that `parallel for` needs.
What stands between them is then done by one thread of the team, as it was by the one of the iteration.

Neighbouring threads then read neighbouring elements of a row, and a few long rows keep a whole device busy;
many short ones do not. Which it is only a device can tell: it is proposed where candidates are timed on one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from loopwright.analysis.ir import Loop
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.device_shape import FAMILY, DeviceDirective, clause_of, on_device
from loopwright.moves.move import Declined, NestSource, Proposal, label, proposal
from loopwright.moves.offload import DIRECTIVE
from loopwright.moves.parallel_for import parallel_clauses, parallel_proof
from loopwright.moves.rewrite import Replacement, apply, blanked, place_before

_TEAMS = "target teams distribute"
_FLAT = re.compile(rb".*(?P<words>" + DIRECTIVE.replace(" ", r"[ \t]+").encode() + rb")", re.DOTALL)
_NOT_WITH_TEAMS = re.compile(rb"\b(?:schedule|ordered|linear|proc_bind|num_threads|safelen|simdlen|copyin)\b")
_HOPED_FOR = 1.25
"""Orders proposals among each other, and claims nothing."""


def device_rows(source: NestSource) -> Iterator[Proposal]:
    """One proposal for each loop of the nest that is shared out on a device and has parallel loops in it.

    The nest has to be read without the directives on its loops; those in `source.tree` are there.
    """
    for loop in source.nest.root.walk():
        if (flat := flat_directive(source.file, source.data, loop)) is not None:
            with suppress(Declined):
                yield from _rows(source, loop, flat)


def flat_directive(file: str, data: bytes, loop: Loop) -> DeviceDirective | None:
    """The directive that shares `loop` out on a device, teams and threads alike."""
    text = blanked(data)
    for each in on_device(file, data):
        if each.end <= loop.range.start and not text[each.end : loop.range.start].strip():
            plain = _FLAT.fullmatch(text, each.start, each.head)
            return each if plain and not _NOT_WITH_TEAMS.search(text, each.start, each.end) else None
    return None


def _rows(source: NestSource, outer: Loop, flat: DeviceDirective) -> Iterator[Proposal]:
    data = source.data
    words = _FLAT.fullmatch(blanked(data), flat.start, flat.head)
    assert words is not None
    collapse = clause_of(data, flat, "collapse")
    shared = outer
    for _ in range(int(collapse[1]) - 1 if collapse else 0):
        if len(shared.loops) != 1:
            return
        shared = shared.loops[0]
    changes = [Replacement(*words.span("words"), _TEAMS.encode())]
    inside: list[Loop] = []
    proofs: list[str] = []
    for inner in shared.loops:
        try:
            if existing_openmp(data, inner):
                continue
            clauses = parallel_clauses(source, inner)
            if clauses.last_private or clauses.sections:
                continue
            changes.append(place_before(data, inner, f"#pragma omp parallel for{clauses.text}"))
        except Declined:
            continue
        inside.append(inner)
        proofs.append(parallel_proof(source, inner, clauses))
    if inside:
        names = ", ".join(label(inner) for inner in inside)
        yield proposal(
            source,
            outer,
            FAMILY,
            content=apply(data, changes),
            title=f"a team for every iteration of {label(outer)}, its threads share {names}",
            proof=" ".join(["The iterations of the outer loop are proved independent already.", *proofs]),
            factor=_HOPED_FOR,
        )
