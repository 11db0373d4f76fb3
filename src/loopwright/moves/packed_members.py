"""Members of structs that an inner loop reads again and again, packed side by side first.

    for i  for j  f(p[j].x);     becomes     for j  p_x[j] = p[j].x;   for i  for j  f(p_x[j]);
Of an array of structs whole structs come through the caches, and a vector of one member has to be gathered;
packed once, all rounds of the outer loop read neighbours (structure of arrays, as compilers cannot make it:
they would have to change what others see).

Proof obligation: nothing in the nest writes the member, so that the copy stays equal to it; and the nest
itself reads a member of every struct that is packed, under no condition, so that they all exist. Both loops
end at the same bound; where the inner one starts behind the outer one's variable, packing starts that far
behind the outer one's start; where it leaves out the outer one's own number (`if (j == i) continue;`), there
have to be two numbers for each of them to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from loopwright.analysis.ir import Access, AccessKind, Affine, Loop, Statement
from loopwright.core.task import Language, Target
from loopwright.moves.canonical import governing_openmp, require_canonical, require_untroubled
from loopwright.moves.code_template import Names
from loopwright.moves.kept_elements import elements_of
from loopwright.moves.loop_bounds import written_bounds
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal, written
from loopwright.moves.products import names_in
from loopwright.moves.regions import directives, region_around
from loopwright.moves.register_tile_kernel import included
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    closing_brace,
    code,
    in_statement_list,
    indent_unit,
    indentation,
    line_start,
    newline,
    place_before,
    pragma_before,
    require_writable_twice,
)
from loopwright.moves.scalar_replacement import lanes_of
from loopwright.moves.simd import simd_clauses

FAMILY = "packed-members"
_FACTOR, _FACTOR_IN_LANES = 1.3, 3.0
_MOST = 12
"""Members packed; more are not what vectors and caches are short of."""
_READ = re.compile(r"(?P<base>[A-Za-z_]\w*) ?\[ ?(?P<at>\w+) ?\](?P<path>(?: ?\. ?[A-Za-z_]\w*)+)")
_CONTROL = re.compile(rb"[{}?]|&&|\|\||\b(?:if|else|for|while|do|switch|case|goto|break|continue|return)\b")
_NUMBER = re.compile(r"(?:unsigned |signed )?(?:double|float|short|int|long|long long)|unsigned")
_HEADERS = {Language.C: "<stdlib.h>", Language.CXX: "<vector>"}
_OTHER_DEFAULT = re.compile(r"\bdefault\s*\(\s*(?!shared\b)")
_EVALUATED_EARLY = re.compile(rb"\bconst(?:expr|eval)\b[^;{}]*\{")
_CONTINUED = re.compile(rb"\\\r?\n")


@dataclass(frozen=True)
class _Member:
    """One member of the structs of one array: "stars" and ".position.x" with the type of the number, and the
    places, first byte and end, where the loop reads it.
    """

    base: str
    path: str
    type: str
    places: tuple[tuple[int, int], ...]

    def pattern(self, variable: str) -> re.Pattern[str]:
        """Its reads at `variable`, however spaces stand in them."""
        words = [self.base, "[", variable, "]", *re.split(r"(\.)", self.path)[1:]]
        return re.compile(r"(?<![\w.>:])" + r"\s*".join(re.escape(word) for word in words) + r"\b")

    def is_all(self, data: bytes, inner: Loop) -> bool:
        """Whether nothing else in `inner`, a comment for instance, is written like one of its reads."""
        pattern = re.compile(self.pattern(inner.variable).pattern.encode())
        found = pattern.finditer(data, inner.range.start, inner.range.end)
        return {match.span() for match in found} == set(self.places)


class PackedMembers:
    """Proposes packing for each innermost loop directly in the outermost one."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        outer = source.nest.root
        if source.target is not Target.OPENMP:
            return
        for inner in outer.loops:
            try:
                if not inner.loops and (members := _members(source, outer, inner)):
                    span = _span(source, outer, inner)
                    alike = all(member.is_all(source.data, inner) for member in members)
                    if alike and (lanes := _in_lanes(source, inner)):
                        yield _edit(source, outer, inner, members, span, lanes)
                    yield _edit(source, outer, inner, members, span)
            except Declined as reason:
                yield refusal(source, inner, FAMILY, str(reason))


def _members(source: NestSource, outer: Loop, inner: Loop) -> tuple[_Member, ...]:
    """What `inner` reads as `base[its variable].member`; none where nothing is read so.

    Raises:
        Declined: when something is, and may not be packed.
    """
    reads: dict[tuple[str, str], list[tuple[Statement, Access]]] = {}
    for statement in inner.statements():
        for access in statement.accesses:
            text = code(source.data, access.range.start, access.range.end)
            match = _READ.fullmatch(text)
            inside = inner.body.start <= access.range.start < inner.body.end
            if match is None or match["at"] != inner.variable or not inside:
                continue
            if access.subscripts == (Affine.of(0, **{inner.id: 1}),):
                path = match["path"].replace(" ", "")
                reads.setdefault((match["base"], path), []).append((statement, access))
    if not reads:
        return ()
    if len(reads) > _MOST:
        raise Declined(f"{len(reads)} members are read")
    for statement in outer.statements():
        if statement.unknowns:
            raise Declined(statement.unknowns[0].reason)
    plain_from = _behind_skip(source, outer, inner)
    for base in dict.fromkeys(base for base, _ in reads):
        found = [each for key, all_ in reads.items() if key[0] == base for each in all_]
        if not any(_is_certain(source, *each, plain_from) for each in found):
            raise Declined(f"'{base}' is read under a condition only")
    return tuple(_member(source, outer, key, found) for key, found in reads.items())


def _behind_skip(source: NestSource, outer: Loop, inner: Loop) -> int | None:
    """The offset behind `if (j == i) continue;` where the body of `inner` begins so, else None."""
    j, i = (re.escape(loop.variable.encode()) for loop in (inner, outer))
    equal = rb"(?:%b\s*==\s*%b|%b\s*==\s*%b)" % (j, i, i, j)
    goes_on = rb"(?:continue\s*;|\{\s*continue\s*;\s*\})"
    skip = re.compile(rb"\{\s*if\s*\(\s*%b\s*\)\s*%b" % (equal, goes_on))
    found = skip.match(blanked(source.data), inner.body.start, inner.body.end)
    return found.end() if found is not None else None


def _is_certain(source: NestSource, statement: Statement, access: Access, plain_from: int | None) -> bool:
    """Whether the read happens in every round, but for those that end before `plain_from`."""
    if access.conditional:
        return False
    if not statement.guards and statement.exact_guards:
        return True
    if plain_from is None:
        return False
    before = blanked(source.data)[plain_from : statement.range.start]
    return statement.range.start >= plain_from and not _CONTROL.search(before)


def _member(
    source: NestSource, outer: Loop, key: tuple[str, str], found: Sequence[tuple[Statement, Access]]
) -> _Member:
    base, path = key
    if base in _of_the_loops(source, outer):
        raise Declined(f"'{base}' belongs to the loops")
    changed = written(outer.statements())
    for id in dict.fromkeys(access.array for _, access in found):
        array = source.nest.array(id)
        if array.name != base + path or array.declared_in is not None:
            raise Declined(f"'{base}' is not the same before the loops")
        for target in changed:
            if id == target or not source.disjoint(id, target):
                raise Declined(f"'{base}[]{path}' may be changed by what the loops write")
    if any(access.kind is not AccessKind.READ for _, access in found):
        raise Declined(f"'{base}[]{path}' is written")
    types = {source.nest.array(access.array).dtype.removeprefix("const ") for _, access in found}
    type_ = types.pop()
    if types or not _NUMBER.fullmatch(type_):
        raise Declined(f"'{base}[]{path}' is no number")
    places = dict.fromkeys((access.range.start, access.range.end) for _, access in found)
    return _Member(base, path, type_, tuple(places))


@dataclass(frozen=True)
class _Span:
    """The values of the inner loop's variable that are packed, as C."""

    low: int
    high: str
    inclusive: bool
    of_several: bool = False
    """Nothing may be packed where there is one value only."""

    @property
    def condition(self) -> str:
        """What a loop over it asks for, the variable's name left out, as in "1 < n && {0} < n"."""
        compare = "<=" if self.inclusive else "<"
        several = f"{self.low + 1} {compare} {self.high} && " if self.of_several else ""
        return f"{several}{{0}} {compare} {self.high}"

    @property
    def room(self) -> str:
        """How many elements an array with these subscripts has."""
        if self.high.endswith(".size()") and not self.inclusive:
            return self.high
        last = f"{self.high} + 1" if self.inclusive else self.high
        return f"{last} > 0 ? {last} : 0"


def _span(source: NestSource, outer: Loop, inner: Loop) -> _Span:
    for loop in (outer, inner):
        require_untroubled(loop)
        require_canonical(source, loop)
        if loop.step != 1 or not loop.declared_here or loop.lower is None or loop.upper is None:
            raise Declined("it does not count up by one between bounds that stay")
    if inner.upper != outer.upper or inner.variable_type != outer.variable_type:
        raise Declined(f"it does not end where the loop over '{outer.variable}' ends")
    _, high, inclusive = written_bounds(source, inner)
    first = written_bounds(source, outer)[0].strip()
    if not first.isdecimal():
        raise Declined(f"the loop over '{outer.variable}' does not start at a number")
    behind = 0
    if inner.lower != outer.lower:
        found = [d for d in (0, 1) if inner.lower == (Affine.of(d, **{outer.id: 1}),)]
        if not found:
            raise Declined(f"it starts neither where the loop over '{outer.variable}' does nor behind it")
        behind = found[0]
    if clash := sorted(names_in(high) & _of_the_loops(source, outer)):
        raise Declined(f"its bounds need '{clash[0]}', which belongs to the loops")
    if not re.fullmatch(r"\w*[a-z]\w*|\d+|[\w.]+\.size\(\)", high := high.strip()):
        high = f"({high})"
    skips = _behind_skip(source, outer, inner) is not None
    return _Span(int(first, 0) + behind, high, inclusive, of_several=skips)


def _of_the_loops(source: NestSource, outer: Loop) -> set[str]:
    """Names that mean something else before the loops, or something that they change."""
    changed = written(outer.statements())
    inside = {a.name for a in source.nest.arrays if a.declared_in is not None or a.id in changed}
    return inside | {loop.variable for loop in outer.walk()}


def _in_lanes(source: NestSource, inner: Loop) -> str:
    """The inner loop in the lanes of a vector; "" when it may not. Packing pays where it can."""
    if governing_openmp(source, inner):
        return ""
    with suppress(Declined):
        updated = [e for e in elements_of(source, inner) if e.is_written]
        if (lanes := lanes_of(source, inner, updated)) is not None:
            return lanes.text(source, inner)
    try:
        line = place_before(source.data, inner, f"#pragma omp simd{simd_clauses(source, inner).text}")
    except Declined:
        return ""
    if line.start != line.end:
        return ""
    data, start = source.data, inner.range.start
    text = line.text.lstrip() + indentation(data, start) + data[start : inner.range.end]
    return text.decode("utf-8", "surrogateescape")


def _edit(
    source: NestSource,
    outer: Loop,
    inner: Loop,
    members: Sequence[_Member],
    span: _Span,
    lanes: str = "",
) -> Proposal:
    """Packing, with the inner loop as it is or as `lanes` have it."""
    data, first = source.data, _first(source.data, outer)
    fresh = Names(data + lanes.encode("utf-8", "surrogateescape"))
    names = [fresh.fresh(f"{m.base}{m.path.replace('.', '_')}") for m in members]
    if lanes:
        text = lanes
        for name, member in zip(names, members, strict=True):
            text = member.pattern(inner.variable).sub(f"{name}[{inner.variable}]", text)
        change = text.encode("utf-8", "surrogateescape")
        reads = [Replacement(inner.range.start, inner.range.end, change)]
    else:
        reads = [
            Replacement(start, end, f"{name}[{inner.variable}]".encode())
            for name, member in zip(names, members, strict=True)
            for start, end in member.places
        ]
    end = outer.range.end
    loops = apply(data[:end], reads)[first:].decode("utf-8", "surrogateescape")
    unit = indent_unit(data, outer).decode()
    condition = span.condition.format(inner.variable)
    packing = [
        f"for ({inner.variable_type} {inner.variable} = {span.low}; {condition}; {inner.variable}++) {{",
        *(
            f"{unit}{name}[{inner.variable}] = {m.base}[{inner.variable}]{m.path};"
            for name, m in zip(names, members, strict=True)
        ),
        "}",
    ]
    what = ", ".join(dict.fromkeys(f"{m.base}[]{m.path}" for m in members))
    comment = f"/* {what}: packed side by side for all rounds over {outer.variable}. */"
    types = [m.type for m in members]
    if source.language is Language.CXX:
        made = [f"std::vector<{t}> {n}({span.room});" for t, n in zip(types, names, strict=True)]
        lines = [comment, *made, *packing, loops]
    else:
        original = data[first:end].decode("utf-8", "surrogateescape")
        require_writable_twice(blanked(data)[first:end])
        made = [
            f"{t} *{n} = ({t} *)malloc((size_t)({span.room}) * sizeof({t}));"
            for t, n in zip(types, names, strict=True)
        ]
        lines = [comment, *made, f"if ({' && '.join(names)}) {{", *_deeper([*packing, loops], unit)]
        lines += ["} else {", *_deeper([original], unit), "}", *(f"free({name});" for name in names)]
    ends, own = newline(data, first).decode(), indentation(data, first).decode()
    text = f"{ends}{own}{unit}".join(line.replace("\n", f"\n{unit}") for line in lines)
    block = f"{{{ends}{own}{unit}{text}{ends}{own}}}"
    changes = [Replacement(first, end, block.encode("utf-8", "surrogateescape"))]
    changes += included(data, first, _HEADERS[source.language])
    proof = (
        f"{what}: nothing that the loops write can be one of them, so that their copies stay equal; the loop "
        f"over {label(inner)} reads a member of each struct that is packed in any case: all of them exist."
    )
    if lanes:
        proof += (
            f" No dependence is carried by the loop over {label(inner)}; sums are added in another order."
        )
    return proposal(
        source,
        inner,
        FAMILY,
        content=apply(data, changes),
        title=f"{what} packed into arrays for the loop over {label(inner)}{', simd' if lanes else ''}",
        proof=proof,
        factor=_FACTOR_IN_LANES if lanes else _FACTOR,
        details={} if lanes else {"rounding": "unchanged"},
    )


def _deeper(lines: Sequence[str], unit: str) -> list[str]:
    """The lines one step further in."""
    return [unit + line.replace("\n", f"\n{unit}") for line in lines]


def _first(data: bytes, outer: Loop) -> int:
    """Where the outer loop begins, with the directive that belongs to it."""
    start = outer.range.start
    if region_around(data, start):
        raise Declined("it stands in the region of a directive")
    if directive := pragma_before(data, start):
        if _OTHER_DEFAULT.search(directive):
            raise Declined(f"'{directive}' would have to name the arrays")
        start = data.rfind(directive.encode("utf-8", "surrogateescape"), 0, start)
    text = blanked(data)
    for early in _EVALUATED_EARLY.finditer(text, 0, start):
        if start < closing_brace(text, early.end() - 1):
            raise Declined("its function may be evaluated by the compiler")
    kept = data[start : outer.range.end]
    for begin, end in directives(data):
        if start <= begin < outer.range.end:
            kept = kept.replace(data[begin:end], b"")
    if b'R"' in kept or _CONTINUED.search(kept):
        raise Declined("a literal of several lines would be indented with it")
    if data[line_start(data, start) : start].strip() or not in_statement_list(data, start):
        raise Declined("no block can take its place")
    return start
