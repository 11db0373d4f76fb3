"""Fission around a serial chain: what an iteration computes by itself goes first, on all threads.

A loop that draws random numbers, or carries a state along otherwise, runs in order. Values at the start of
its body that do not depend on the chain need not: they are computed in a loop of their own, one array element
an iteration (scalar expansion; D. Padua and M. Wolfe, "Advanced compiler optimizations for supercomputers",
CACM 1986), and the loop that was there reads them.

Proof obligation: the values are written to variables of the iteration only, and nothing that they are
computed from is written by the rest of the loop; so they may all come before all of the rest, in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.declared import is_declaration
from loopwright.analysis.facts import Answer
from loopwright.analysis.ir import AccessKind, Array, Loop, Statement, Storage
from loopwright.core.task import Target
from loopwright.moves.canonical import governing_openmp, has_top_level, require_canonical, require_untroubled
from loopwright.moves.code_template import Names
from loopwright.moves.loop_bounds import bounds_of, without_cast
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal, written
from loopwright.moves.regions import region_around
from loopwright.moves.register_tile_kernel import placed
from loopwright.moves.rewrite import Replacement, apply, blanked, code, indent_unit, indentation, newline

FAMILY = "fission"
FACTOR = 1.5
"""Half of the loop on two threads, as a guess."""
SHORTEST = 256
"""Fewest iterations for which starting a team of threads may pay: one function call takes 10 to 50 ns."""

_CALL = re.compile(r"\b(?!sizeof\b|if\b)([A-Za-z_]\w*)\s*\(")
_NUMBER = re.compile(
    r"(?:unsigned |signed )?(?:double|float|long double|int|long|short|char|long long)|unsigned"
)


@dataclass(frozen=True)
class _Value:
    """A variable of the iteration that is computed ahead: its declaration, and where its value stands."""

    statement: Statement
    array: Array
    start: int
    end: int


class Fission:
    """Proposes to compute values ahead of loops that have to run in order."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        if source.target is not Target.OPENMP or source.threads < 2:
            return
        for loop in source.nest.root.walk():
            around = (loop, *source.ancestors(loop))
            if loop.loops or any(source.facts_of(one).parallel is Answer.PROVED for one in around):
                continue
            values = _values(source, loop)
            if not values:
                continue
            try:
                yield _edit(source, loop, values)
            except Declined as reason:
                yield refusal(source, loop, FAMILY, str(reason))


def _values(source: NestSource, loop: Loop) -> tuple[_Value, ...]:
    """The declarations at the start of the body that need functions to be called, with those before them."""
    found: list[_Value] = []
    needed = 0
    for item in loop.body_items:
        value = _value(source, loop, item) if isinstance(item, Statement) else None
        if value is None or len(found) == len(loop.body_items) - 1:
            break
        found.append(value)
        if _CALL.search(code(source.data, value.start, value.end)):
            needed = len(found)
    return tuple(found[:needed])


def _value(source: NestSource, loop: Loop, statement: Statement) -> _Value | None:
    if statement.unknowns or statement.guards or not statement.exact_guards or statement.is_condition:
        return None
    made = [a for a in statement.accesses if a.kind is AccessKind.WRITE]
    if len(made) != 1 or not is_declaration(statement.text):
        return None
    array = source.nest.array(made[0].array)
    if not array.is_scalar or array.storage is not Storage.LOCAL or array.declared_in != loop.id:
        return None
    text = blanked(source.data)[statement.range.start : statement.range.end].decode("utf-8", "replace")
    match = re.match(r"(?:[A-Za-z_]\w*\s+)+([A-Za-z_]\w*)\s*=(?!=)\s*", text)
    end = len(text.rstrip("; \t\r\n"))
    if match is None or match[1] != array.name or has_top_level(text[match.end() : end], ",="):
        return None
    if re.match(r"static\b", text) or not _NUMBER.fullmatch(array.dtype.removeprefix("const ")):
        return None
    start = statement.range.start
    return _Value(statement, array, start + match.end(), start + end)


def _edit(source: NestSource, loop: Loop, values: tuple[_Value, ...]) -> Proposal:
    require_untroubled(loop)
    require_canonical(source, loop)
    if directive := governing_openmp(source, loop) or region_around(source.data, loop.range.start):
        raise Declined(f"the directive '{directive}' belongs to it")
    if loop.step != 1 or loop.lower is None or loop.upper is None:
        raise Declined("it does not count up by one between bounds that stay")
    read = _require_apart(source, loop, values)
    names = ", ".join(v.array.name for v in values)
    proof = (
        f"{names}: computed in every iteration over {label(loop)} from {read or 'its number alone'}, which "
        "the rest of the loop does not change, into variables of the iteration; all of them may be computed "
        "before the rest, in any order, and the rest stays in order. Where there is no memory, or the loop "
        "is short, it stays as it was."
    )
    text = _text(source, loop, values).encode("utf-8", "surrogateescape")
    changes = [Replacement(loop.range.start, loop.range.end, text)]
    if not re.search(rb"#\s*include\s*<(?:stdlib\.h|cstdlib)>", source.data):
        changes.append(placed(source.data, loop.range.start, "", header="<stdlib.h>"))
    return proposal(
        source,
        loop,
        FAMILY,
        content=apply(source.data, changes),
        title=f"{names} computed ahead on all threads over {label(loop)}",
        proof=proof,
        factor=1.0 + (FACTOR - 1.0) * min(2.0, source.threads / 2),
        details={"rounding": "unchanged"},
    )


def _require_apart(source: NestSource, loop: Loop, values: tuple[_Value, ...]) -> str:
    """The names of what the values are computed from; Declined when the rest of the loop may change it."""
    ahead = {v.statement.id for v in values}
    own = {v.array.id for v in values}
    rest = [s for s in loop.statements() if s.id not in ahead]
    for statement in rest:
        if statement.unknowns:
            raise Declined(statement.unknowns[0].reason)
    changed = written(rest)
    if clash := own & changed:
        raise Declined(f"'{source.nest.array(min(clash)).name}' is changed after it is computed")
    used = {a.array for v in values for a in v.statement.accesses} - own
    for id in used:
        for target in changed:
            if id == target or not source.disjoint(id, target):
                names = source.nest.array(id).name, source.nest.array(target).name
                same = f"'{names[0]}' is changed by the rest of the loop"
                raise Declined(same if id == target else f"'{names[0]}' and '{names[1]}' may overlap")
    return ", ".join(sorted(source.nest.array(id).name for id in used))


def _text(source: NestSource, loop: Loop, values: tuple[_Value, ...]) -> str:
    data = source.data
    if b"#" in blanked(data)[loop.range.start : loop.range.end]:
        raise Declined("there is a directive in it")
    if re.search(
        rb"\bstatic\b|(?:^|[;{})])\s*\w+\s*:(?!:)", blanked(data)[loop.range.start : loop.range.end]
    ):
        raise Declined("its body cannot be written twice (static variable or label)")
    encoding = "utf-8", "surrogateescape"
    fresh, bounds = Names(data), bounds_of(source, loop)
    count, low = fresh.fresh(f"{loop.variable}_count"), without_cast(bounds.low)
    place = loop.variable if low == "0" else f"{loop.variable} - {low}"
    buffers = {v.array.name: fresh.fresh(f"{v.array.name}_ahead") for v in values}
    unit = indent_unit(data, loop).decode()
    indent = indentation(data, loop.range.start).decode()
    header = data[loop.header.start : loop.header.end].decode(*encoding)
    body = [" ".join(line.split()) for v in values for line in _declaration(data, v).splitlines()]
    changes = [Replacement(v.start, v.end, f"{buffers[v.array.name]}[{place}]".encode()) for v in values]
    start = loop.range.start
    behind = apply(data[: loop.range.end], changes)[start:].decode(*encoding)
    before = data[start : loop.range.end].decode(*encoding)
    names = ", ".join(buffers)
    span = without_cast(bounds.high) if low == "0" else f"{bounds.high} - {bounds.low}"
    lines = [
        f"/* {names}: computed ahead, since the order does not matter to it; the rest stays in order. */",
        f"const long {count} = {span};",
    ]
    for value in values:
        type_, name = value.array.dtype.removeprefix("const "), buffers[value.array.name]
        room = f"({type_} *)malloc((size_t){count} * sizeof({type_}))"
        lines.append(f"{type_} *{name} = {count} < {SHORTEST} ? NULL : {room};")
    lines += [
        f"if ({' && '.join(buffers.values())}) {{",
        f"{unit}#pragma omp parallel for schedule(static)",
        f"{unit}{header} {{",
        *(f"{unit}{unit}{line}" for line in body),
        *(f"{unit}{unit}{buffer}[{place}] = {name};" for name, buffer in buffers.items()),
        f"{unit}}}",
        unit + behind.replace("\n", "\n" + unit + unit),
        "} else {",
        unit + before.replace("\n", "\n" + unit + unit),
        "}",
        *(f"free({buffer});" for buffer in buffers.values()),
    ]
    ends = newline(data, start).decode()
    inside = f"{ends}{indent}{unit}".join(lines)
    return f"{{{ends}{indent}{unit}{inside}{ends}{indent}}}"


def _declaration(data: bytes, value: _Value) -> str:
    text = data[value.statement.range.start : value.end].decode("utf-8", "surrogateescape")
    if "//" in text:
        raise Declined("there is a comment inside of a declaration")
    return f"{text};"
