"""Unroll-and-jam: some iterations of a loop run side by side in one run of the loops inside.

    for i  for j  y[i] += a[i][j] * x[j];     becomes     for i by 4  for j  y[i] += ..., y[i + 1] += ..., ...
What the iterations share (x[j]) is loaded once for all of them, sums of one iteration need not wait for each
other, and columns that lie side by side are gone through together. What is left over runs in a loop as it
was.

Proof obligation: no dependence between iterations less than the factor apart runs backward in the jammed
body (`analysis.jamming`), and the inner loops have the same bounds in all of them. Where the bounds are those
of a triangle the iterations have to be independent: the jammed loop covers what all have, the rest runs
alone. Each iteration keeps its own order and each sum its own variable, so that the results are the same to
the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import AccessKind, Loop
from loopwright.analysis.jamming import Steps, jam_legal
from loopwright.moves.body_parts import Part, parts_of
from loopwright.moves.canonical import (
    existing_openmp,
    governing_openmp,
    require_canonical,
    require_untroubled,
)
from loopwright.moves.code_template import Names
from loopwright.moves.contraction import contraction_of, updates
from loopwright.moves.jam_code import JamWriter, Triangle
from loopwright.moves.jam_worth import jam_worth, triangle_of
from loopwright.moves.loop_bounds import written_bounds
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
)  # fmt: skip
from loopwright.moves.products import hidden_names, names_in, shows_text
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    code,
    in_statement_list,
    indent_unit,
    indentation,
    line_start,
    newline,
)  # fmt: skip

FAMILY = "unroll-and-jam"
FACTORS = (4, 8, 2)
_MOST_FACTORS = 2
"""So many are proposed for one loop, the best guesses."""
_WORTH = 1.1
"""Hoped-for gain of a loop from which on it is proposed."""
_COUNTERS = frozenset({"int", "long", "long long", "unsigned int", "unsigned long", "size_t", "ptrdiff_t"}
                      | {"unsigned", "unsigned long long", "std::size_t", "std::ptrdiff_t"})  # fmt: skip
_CLAUSES = re.compile(
    r"#\s*pragma\s+omp\s+parallel\s+for"
    r"(?P<clauses>(?:\s*,?\s*(?:schedule|num_threads|if|private|shared|default|proc_bind|reduction)\s*\(.*\))*)\s*"
)


class UnrollAndJam:
    """Proposes to jam the loop of each nest where most is shared between its iterations, in two factors."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        taken: set[str] = set()
        for _, loop in sorted(_candidates(source), key=lambda pair: -pair[0]):
            if taken & {inner.id for inner in loop.walk()}:
                continue
            try:
                yield from _edits(source, loop)
                taken |= {inner.id for inner in (*source.ancestors(loop), *loop.walk())}
            except Declined as reason:
                yield refusal(source, loop, FAMILY, str(reason))


def _candidates(source: NestSource) -> Iterator[tuple[float, Loop]]:
    """The loops with loops inside that are worth it, those of products of matrices left out."""
    tiled = _in_contractions(source)
    for loop in source.nest.root.walk():
        trips = constant_trips(loop)
        if not loop.loops or loop.step != 1 or loop.id in tiled or (trips is not None and trips < 8):
            continue
        if re.search(r"_rest_*$", code(source.data, loop.init.start, loop.init.end).rstrip("; ")):
            continue  # what another jam has left over
        worth = max(jam_worth(source, loop, factor) for factor in FACTORS)
        if worth >= _WORTH:
            yield worth, loop


def _in_contractions(source: NestSource) -> frozenset[str]:
    """The loops that register tiles are for."""
    found: set[str] = set()
    for path, update in updates(source.nest):
        if len(path) >= 3 and any(a.kind is AccessKind.WRITE for a in update.accesses):
            try:
                contraction_of(source, path, update)
            except Declined:
                continue
            found |= {loop.id for loop in path}
    return frozenset(found)


# -- the edit


@dataclass(frozen=True)
class _Jam:
    """What is known of one loop, whatever the factor."""

    parts: tuple[Part, ...]
    triangles: Mapping[str, Triangle]
    places: Mapping[str, Steps]
    directive: str
    low: str
    high: str


def _edits(source: NestSource, loop: Loop) -> Iterator[Proposal]:
    jam = _understood(source, loop)
    worths = {factor: jam_worth(source, loop, factor) for factor in FACTORS}
    trips, made, why = constant_trips(loop), 0, "it runs too few times"
    for factor, worth in sorted(worths.items(), key=lambda item: -item[1]):
        if (trips is not None and trips < 2 * factor) or worth < _WORTH or made == _MOST_FACTORS:
            continue
        answer, why = jam_legal(source.nest, loop, factor, jam.places)
        if answer is Answer.PROVED:
            yield _proposal(source, loop, jam, factor, why, worth * 0.98**made)
            made += 1
    if not made:
        raise Declined(why)


def _understood(source: NestSource, loop: Loop) -> _Jam:
    directive = _checked_directive(source, loop)
    require_untroubled(loop, but_openmp=bool(directive))
    require_canonical(source, loop)
    if loop.variable_type not in _COUNTERS:
        raise Declined(f"its variable is of type '{loop.variable_type}'")
    if loop.live_out_variable:
        raise Declined(f"'{loop.variable}' may be read after the loop")
    if loop.lower is None or loop.upper is None:
        raise Declined("the number of its iterations is not known before it starts")
    triangles: dict[str, Triangle] = {}
    parts = parts_of(source.data, loop, _opener(source, loop, triangles))
    opened = [p.loop for p in _all_parts(parts) if p.loop is not None]
    if not opened:
        raise Declined("no loop in it has bounds that fit those of the next iteration")
    places = _places(loop, parts)
    _require_plain_names(source, loop, parts, directive)
    if triangles or any(p.directive for p in _all_parts(parts)):
        facts = source.facts_of(loop)
        counters = {inner.variable for inner in loop.walk()}
        if facts.parallel is not Answer.PROVED or facts.reductions or {*facts.private} - counters:
            words = "the bounds of an inner loop change" if triangles else "an inner loop has a directive"
            raise Declined(f"{words}, and its iterations are not independent")
    low, high, inclusive = written_bounds(source, loop)
    return _Jam(parts, triangles, places, directive, low, f"{high} + 1" if inclusive else high)


def _checked_directive(source: NestSource, loop: Loop) -> str:
    if region := region_around(source.data, loop.range.start):
        raise Declined(f"it stands in the region of '{region}'")
    own = existing_openmp(source.data, loop)
    for inner in loop.walk():
        found = governing_openmp(source, inner)
        if found != existing_openmp(source.data, inner):
            raise Declined(f"the directive '{found}' belongs to it")
    if not own:
        return ""
    match = _CLAUSES.fullmatch(own)
    if match is None:
        raise Declined(f"it has the directive '{own}'")
    private = " ".join(re.findall(r"\bprivate\s*\(([^()]*)\)", own))
    if set(re.findall(r"\w+", private)) - {inner.variable for inner in loop.walk()[1:]}:
        raise Declined(f"it has the directive '{own}'")
    return own


def _opener(source: NestSource, loop: Loop, triangles: dict[str, Triangle]) -> Callable[[Loop], bool]:
    def opened(inner: Loop) -> bool:
        triangle = triangle_of(source, loop, inner)
        if isinstance(triangle, Triangle):
            triangles[inner.id] = triangle
        return triangle is not False

    return opened


def _all_parts(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _all_parts(part.inside)


def _places(loop: Loop, parts: Sequence[Part]) -> dict[str, Steps]:
    """The steps of each statement in the jammed body, see `analysis.jamming`."""
    found: dict[str, Steps] = {}
    for statement in loop.statements():
        inside: Sequence[Part] = parts
        steps: Steps = ()
        while inside:
            at = statement.range.start
            number = next((n for n, p in enumerate(inside) if p.start <= at < p.end), None)
            if number is None:
                raise Declined(f"line {statement.range.line} was not found in its text")
            part = inside[number]
            steps = (*steps, number, *([part.loop.id] if part.loop is not None else []))
            if part.loop is not None and not part.loop.body.start <= at < part.end:
                raise Declined(f"the header of the loop over {part.loop.variable} reads memory")
            inside = part.inside
        found[statement.id] = steps
    return found


def _require_plain_names(source: NestSource, loop: Loop, parts: Sequence[Part], directive: str) -> None:
    """No macro hides a name that is replaced; bounds do not depend on what the body declares."""
    text = blanked(source.data)[loop.range.start : loop.range.end].decode("utf-8", "replace")
    declared = {a.name for a in source.nest.arrays if a.declared_in in {m.id for m in loop.walk()}}
    if hidden := hidden_names(source.tree, names_in(text)) & (declared | {loop.variable}):
        raise Declined(f"a macro in it uses '{min(hidden)}'")
    if macro := shows_text(source.tree.files, names_in(text)):
        raise Declined(f"the macro {macro} needs its text as it is")
    if directive and declared & names_in(directive):
        raise Declined("its directive names what its body declares")


def _proposal(source: NestSource, loop: Loop, jam: _Jam, factor: int, why: str, worth: float) -> Proposal:
    inner = next(p.loop for p in _all_parts(jam.parts) if p.loop is not None)
    proof = [why, "each iteration keeps its own order and its own sums, so the results stay the same bits"]
    if jam.triangles:
        proof.append("the jammed loop covers what all of them have, the rest runs alone")
    proof += [overlap_note(source, loop), "the iterations left over run as before, for any number of them"]
    return proposal(
        source,
        loop,
        FAMILY,
        content=_changed(source, loop, jam, factor),
        title=f"{factor} iterations over {label(loop)} jammed into the loop over {inner.variable}",
        proof="; ".join(piece for piece in proof if piece) + ".",
        factor=worth,
        details={"factor": str(factor), "rounding": "unchanged"},
    )


def _changed(source: NestSource, loop: Loop, jam: _Jam, factor: int) -> bytes:
    data, names = source.data, Names(source.data)
    unit = indent_unit(data, loop).decode()
    start = loop.range.start
    first = line_start(data, start)
    if jam.directive:
        start = data.rfind(b"#", 0, start)
        if data[start : loop.range.start].count(b"\n") != 1:
            raise Declined("the lines of its directive are not understood")
    elif blanked(data)[first:start].strip():
        raise Declined("other code shares its line")
    variable, type_ = loop.variable, loop.variable_type
    rest = names.fresh(f"{variable}_rest")
    writer = JamWriter(data, loop, factor, jam.triangles, unit, names)
    lines = writer.body(jam.parts)
    counter = f"{type_} {variable}" if loop.declared_here else variable
    block = [
        f"/* {factor} iterations of {variable} at a time, jammed; the rest below, one by one. */",
        f"const {type_} {rest} = {_rest(loop, jam, factor)};",
        *([jam.directive] if jam.directive else []),
        f"for ({counter} = {jam.low}; {variable} < {rest}; {variable} += {factor}) {{",
        *(unit + line if line else "" for line in lines),
        "}",
    ]
    block.append(f"for ({counter} = {rest}; {variable} < {jam.high}; {variable}++)")
    between = newline(data, start).decode() + indentation(data, loop.range.start).decode()
    alone = not in_statement_list(data, start)
    if alone:
        block = ["{", *(unit + line if line else "" for line in block)]
    end = _end(data, loop)
    text = between.join(block).encode("utf-8", "surrogateescape") + data[loop.header.end : end]
    if alone:
        text += f"{between}}}".encode()
    return apply(data, [Replacement(start, end, text)])


def _end(data: bytes, loop: Loop) -> int:
    """The end of the loop with its last semicolon."""
    end = loop.range.end
    if data[end - 1 : end] in (b"}", b";"):
        return end
    stop = blanked(data).find(b";", end)
    if stop < 0 or blanked(data)[end:stop].strip():
        raise Declined("the end of its last statement was not found")
    return stop + 1


def _rest(loop: Loop, jam: _Jam, factor: int) -> str:
    """Where the iterations begin that are left over; nothing wraps around where there are none at all."""
    low, high = _bracketed(jam.low), _bracketed(jam.high)
    if low == "0":
        return f"{high} / {factor} * {factor}"
    whole = f"{low} + ({high} - {low}) / {factor} * {factor}"
    return f"{low} < {high} ? {whole} : {low}" if loop.unsigned_variable else whole


def _bracketed(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"
