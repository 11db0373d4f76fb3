"""`#pragma omp parallel for`: iterations that do not depend on each other run on all threads.

Proof obligation: no dependence is carried by the loop once the objects named in its clauses are private
or reduced (Allen and Kennedy, Optimizing Compilers for Modern Architectures, 2001, section 2.3), shown by
`analysis.dependence`; the header is in OpenMP's canonical form; nothing that a clause changes is read later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import Loop
from loopwright.core.task import Target
from loopwright.moves.canonical import existing_openmp, require_canonical, require_untroubled
from loopwright.moves.clauses import Clauses, clauses_for, require_parallel, sums_reordered
from loopwright.moves.members import members_note, members_read, with_members
from loopwright.moves.move import (
    Declined,
    NestSource,
    Proposal,
    Refusal,
    constant_trips,
    label,
    overlap_note,
    proposal,
    refusal,
)
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import apply, blanked, place_before
from loopwright.moves.sections import section_note, with_sections

FAMILY = "parallel-for"
SMALL_WORK = 2000
"""Statement executions below which starting a team of threads (some microseconds) cannot pay."""


@dataclass(frozen=True)
class _Variant:
    """One way to write the directive. `worth` orders variants of one loop; the clock decides."""

    directive: str
    words: str
    worth: float
    collapse: int = 1


class ParallelFor:
    """Proposes `parallel for` for the outermost loops that are proved parallel."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        if source.target is Target.OPENMP:
            yield from self._within(source, source.nest.root)

    def _within(self, source: NestSource, loop: Loop) -> Iterator[Proposal | Refusal]:
        if region := region_around(source.data, loop.range.start):
            yield refusal(source, loop, FAMILY, f"it stands in the region of '{region}'")
            return
        directive = existing_openmp(source.data, loop)
        if re.search(r"\b(?:parallel|for|target|teams|distribute|task\w*)\b", directive):
            yield refusal(source, loop, FAMILY, f"it already has the directive '{directive}'")
            return
        if any("parallel" in existing_openmp(source.data, inner) for inner in loop.walk()[1:]):
            # A team inside a team runs on one thread: the choice for the inner loop stands.
            for inner in loop.loops:
                yield from self._within(source, inner)
            return
        try:
            edits = list(_edits(source, loop))
        except Declined as reason:
            yield refusal(source, loop, FAMILY, str(reason))
            if any("openmp" in p.reason.lower() for p in loop.problems):
                return
        else:
            yield from edits
            trips = constant_trips(loop)
            if trips is None or trips >= 2 * source.threads:
                return
        for inner in loop.loops:
            yield from self._within(source, inner)


def parallel_clauses(source: NestSource, loop: Loop) -> Clauses:
    """The clauses for `parallel for` on `loop`.

    Raises:
        Declined: when the loop may not, or cannot profitably, run on several threads.
    """
    require_untroubled(loop)
    require_parallel(source.facts_of(loop))
    require_canonical(source, loop, ranges=True)
    work = _constant_work(loop)
    if work is not None and work < SMALL_WORK:
        raise Declined(f"too little work for a team of threads: {work} statements")
    return clauses_for(source, loop, inner_variables=True, arrays=True)


def parallel_proof(source: NestSource, loop: Loop, clauses: Clauses) -> str:
    """Why the iterations of `loop` may run at one time, in words."""
    pieces = [
        f"no dependence is carried by the loop over {label(loop)}",
        overlap_note(source, loop),
        *clauses.notes,
    ]
    return "; ".join(piece for piece in pieces if piece) + "."


def _edits(source: NestSource, loop: Loop) -> Iterator[Proposal]:
    clauses = parallel_clauses(source, loop)
    proof = parallel_proof(source, loop, clauses)
    ancestors = source.ancestors(loop)
    # A team is started in every iteration of the loops around, here and where the function is called.
    depth_cost = 0.9 ** (len(ancestors) + len(source.callers))
    trips = constant_trips(loop)
    useful = min(source.threads, trips) if trips is not None else source.threads
    members = members_read(source, loop)
    for variant in _variants(source, loop, clauses):
        line = f"#pragma omp {variant.directive}{clauses.text}"
        note = _collapse_note(loop) if variant.collapse > 1 else ""
        if not clauses.sections and not members:
            content = apply(source.data, [place_before(source.data, loop, line)])
        elif not clauses.sections:
            content = with_members(source, loop, line, members)
            note += members_note(members)
        else:
            content = with_sections(source, loop, line, clauses.sections)
            note += section_note(clauses.sections)
        yield proposal(
            source,
            loop,
            FAMILY,
            content=content,
            title=f"parallel for over {label(loop)}{clauses.summary}{variant.words}",
            proof=proof + note,
            factor=max(1.0, 0.9 * useful * depth_cost * variant.worth),
            details={"directive": variant.directive, "clauses": clauses.text.strip()},
        )


def _variants(source: NestSource, loop: Loop, clauses: Clauses) -> Iterator[_Variant]:
    uneven = varies(loop)
    if uneven and _is_lopsided(loop):
        yield _Variant("parallel for schedule(dynamic, 8)", f", dynamic schedule: {uneven}", 1.0)
        yield _Variant("parallel for schedule(guided)", f", guided schedule: {uneven}", 0.98)
        yield _Variant("parallel for schedule(static)", "", 0.95)
    elif uneven:
        # What data decides is spread over the iterations as a rule: equal shares are even enough, and every
        # thread finds in its cache what it left there the last time.
        yield _Variant("parallel for schedule(static)", "", 1.0)
        yield _Variant("parallel for schedule(guided)", f", guided schedule: {uneven}", 0.98)
        yield _Variant("parallel for schedule(dynamic, 64)", f", dynamic schedule: {uneven}", 0.95)
    else:
        yield _Variant("parallel for schedule(static)", "", 1.0)
    plain = not loop.loops and not loop.over_range
    if plain and not clauses.sections and not any(c.endswith("]") for _, c in clauses.reductions):
        # Compilers may not reorder a floating-point sum into vector lanes without being told.
        reordered, single = sums_reordered(source, loop)
        # A function that is called keeps most compilers from using vectors.
        worth = 2.0 if reordered and not single else 0.97 if loop.callees else 1.02
        yield _Variant("parallel for simd schedule(static)", ", simd", worth)
    if not uneven and collapsible(source, loop):
        few = constant_trips(loop) is not None
        yield _Variant(
            "parallel for collapse(2) schedule(static)", ", two loops collapsed", 1.05 if few else 0.9, 2
        )
    if source.ancestors(loop) and loop.upper and len(loop.upper) == 1 and not clauses.sections:
        size = _size_text(source, loop)
        if size:
            yield _Variant(f"parallel for if({size} > 64) schedule(static)", f", only when {size} > 64", 0.97)


def varies(loop: Loop) -> str:
    """Why iterations of `loop` may cost unequal amounts of work; empty when they do not seem to."""
    for inner in loop.walk()[1:]:
        if inner.lower is None or inner.upper is None:
            return f"the length of the loop over {inner.variable} varies"
        if any(form.coefficient(loop.id) for form in (*inner.lower, *inner.upper)):
            return f"the length of the loop over {inner.variable} depends on {loop.variable}"
        if any(not statement.exact_guards for statement in inner.statements()):
            return "a condition decides about work"
    return ""


def _is_lopsided(loop: Loop) -> bool:
    """Whether early and late iterations cost unequal amounts of work, as in a triangle."""
    forms = [form for inner in loop.walk()[1:] for form in (*(inner.lower or ()), *(inner.upper or ()))]
    return any(form.coefficient(loop.id) for form in forms)


def collapsible(source: NestSource, loop: Loop) -> bool:
    """Whether the iterations of `loop` and of the one loop in it may be shared out together."""
    if not loop.is_perfect or loop.over_range:
        return False
    from loopwright.analysis.legality import collapse_legal

    inner = loop.loops[0]
    try:
        require_untroubled(inner)
        require_canonical(source, inner)
        require_parallel(source.facts_of(inner))
    except Declined:
        return False
    if b"#" in blanked(source.data)[loop.body.start : inner.range.start]:
        return False
    # One set of clauses, that of the outer loop, has to do for both: a row sum is combined by the inner
    # loop alone, and would be raced for.
    outer_facts, inner_facts = source.facts_of(loop), source.facts_of(inner)
    if not set(inner_facts.reductions) <= set(outer_facts.reductions):
        return False
    if not set(inner_facts.last_private) <= set(outer_facts.last_private):
        return False
    return collapse_legal(source.nest, (loop.id, inner.id), source.facts)[0] is Answer.PROVED


def _collapse_note(loop: Loop) -> str:
    inner = loop.loops[0]
    names = f"{loop.variable} and {inner.variable}"
    return f" The loops over {names} are perfectly nested, rectangular and both parallel."


def _size_text(source: NestSource, loop: Loop) -> str:
    """The one size parameter that bounds the loop, as written; empty when there is not exactly one."""
    symbols = loop.upper[0].symbols if loop.upper else frozenset()
    texts = {p.name: p.text for p in source.nest.parameters}
    if len(symbols) != 1 or not symbols <= texts.keys():
        return ""
    text = texts[next(iter(symbols))]
    return text if re.fullmatch(r"[A-Za-z_]\w*", text) else ""


def _constant_work(loop: Loop) -> int | None:
    """Statement executions in one run of the loop when all trip counts are constants."""
    trips = constant_trips(loop)
    if trips is None:
        return None
    total = 0
    for item in loop.body_items:
        below = _constant_work(item) if isinstance(item, Loop) else 1 + item.flops
        if below is None:
            return None
        total += below
    return trips * total
