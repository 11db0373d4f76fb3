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
from loopwright.moves.register_tile_kernel import included
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    code,
    indent_unit,
    indentation,
    newline,
    require_writable_twice,
)

FAMILY = "fission"
FACTOR = 1.5
"""Half of the loop on two threads, as a guess."""
SHORTEST = 2048
"""Fewest iterations for which starting a team of threads may pay: one function call takes 10 to 50 ns."""
BLOCK = 131072
"""About how many values are computed at once: some milliseconds of work, and they stay in the cache."""

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
    _require_counted(source, loop)
    outer = _outer(source, loop)
    read = _require_apart(source, loop, values)
    names = ", ".join(v.array.name for v in values)
    proof = (
        f"{names}: computed in every iteration over {label(loop)} from {read or 'its number alone'}, which "
        "the rest of the loop does not change, into variables of the iteration; all of them may be computed "
        "before the rest, in any order, and the rest stays in order. Where there is no memory, or the loop "
        "is short, it stays as it was."
    )
    text = _text(source, outer, loop, values).encode("utf-8", "surrogateescape")
    changes = [Replacement(outer.range.start, outer.range.end, text)]
    changes += included(source.data, outer.range.start, "<stdlib.h>")
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


def _outer(source: NestSource, loop: Loop) -> Loop:
    """The loop to go through in blocks: the one directly around `loop` if it does nothing else, or itself."""
    ancestors = source.ancestors(loop)
    outer = ancestors[-1] if ancestors else loop
    forms = (*(loop.lower or ()), *(loop.upper or ()))
    try:
        _require_counted(source, outer)
        bounds_of(source, outer)
    except Declined:
        return loop
    return outer if outer.is_perfect and not any(f.coefficient(outer.id) for f in forms) else loop


def _require_counted(source: NestSource, loop: Loop) -> None:
    require_untroubled(loop)
    require_canonical(source, loop)
    if directive := governing_openmp(source, loop) or region_around(source.data, loop.range.start):
        raise Declined(f"the directive '{directive}' belongs to it")
    if loop.step != 1 or loop.lower is None or loop.upper is None:
        raise Declined("it does not count up by one between bounds that stay")
    if loop.live_out_variable and not loop.declared_here:
        raise Declined(f"'{loop.variable}' may be read after the loop")


def _text(source: NestSource, outer: Loop, loop: Loop, values: tuple[_Value, ...]) -> str:
    data = source.data
    start, end = outer.range.start, outer.range.end
    plain = blanked(data)[start:end]
    if b"#" in plain:
        raise Declined("there is a directive in it")
    require_writable_twice(plain)
    encoding = "utf-8", "surrogateescape"
    fresh, name = Names(data), outer.variable
    block, stop, rows = (fresh.fresh(f"{name}_{word}") for word in ("block", "stop", "rows"))
    first, bounds = bounds_of(source, outer), bounds_of(source, loop)
    low, high = without_cast(first.low), without_cast(first.high)
    count, place = "1", f"{name} - {block}"
    lines = []
    if outer is not loop:
        count, start_of_row = fresh.fresh(f"{loop.variable}_count"), without_cast(bounds.low)
        column = loop.variable if start_of_row == "0" else f"{loop.variable} - {start_of_row}"
        place = f"({place}) * {count} + {column}"
        span = without_cast(bounds.high) if start_of_row == "0" else f"{bounds.high} - {bounds.low}"
        lines += [f"const long {count} = {span};"]
        lines += [f"const long {rows} = {count} < 1 ? 1 : 1 + {BLOCK} / {count};"]
    else:
        lines += [f"const long {rows} = {BLOCK};"]
    all_ = f"{high} - {low}" if low != "0" else high
    factor = all_ if re.fullmatch(r"\w+", all_) else f"({all_})"
    work = all_ if outer is loop else f"{factor} * {count}"
    buffers = {v.array.name: fresh.fresh(f"{v.array.name}_ahead") for v in values}
    room = rows if outer is loop else f"{rows} * {count}"
    for value in values:
        type_, buffer = value.array.dtype.removeprefix("const "), buffers[value.array.name]
        made = f"({type_} *)malloc((size_t)({room}) * sizeof({type_}))"
        lines.append(f"{type_} *{buffer} = {work} < {SHORTEST} ? NULL : {made};")
    unit = indent_unit(data, loop).decode()
    indent = indentation(data, start).decode()
    declared = f"{outer.variable_type} " if outer.declared_here else ""
    header = f"for ({declared}{name} = ({outer.variable_type}){block}; {name} < {stop}; {name}++)"
    private = "" if outer is loop or loop.declared_here else f" private({loop.variable})"
    body = [" ".join(line.split()) for v in values for line in _declaration(data, v).splitlines()]
    ahead = [f"{unit}{line}" for line in body]
    ahead += [f"{unit}{buffer}[{place}] = {value};" for value, buffer in buffers.items()]
    row = data[loop.header.start : loop.header.end].decode(*encoding)
    inner = [f"{row} {{", *ahead, "}"] if outer is not loop else ["{", *ahead, "}"]
    changes = [Replacement(v.start, v.end, f"{buffers[v.array.name]}[{place}]".encode()) for v in values]
    behind = apply(data[:end], changes)[outer.header.end :].decode(*encoding)
    head = f"{header} {{" if outer is loop else header
    inner = inner[1:] if outer is loop else [unit + line for line in inner]
    deeper = "\n" + unit * 3
    names = ", ".join(buffers)
    lines = [
        f"/* {names}: computed ahead, since the order does not matter to it; the rest stays in order. */",
        *lines,
        f"if ({' && '.join(buffers.values())}) {{",
        f"{unit}for (long {block} = {low}; {block} < {high}; {block} += {rows}) {{",
        f"{unit * 2}const long {stop} = {block} + {rows} < {high} ? {block} + {rows} : {high};",
        f"{unit * 2}#pragma omp parallel for schedule(static){private}",
        f"{unit * 2}{head}",
        *(f"{unit * 2}{line}" for line in inner),
        f"{unit * 2}{header}{behind}".replace("\n", deeper),
        f"{unit}}}",
        "} else {",
        unit + data[start:end].decode(*encoding).replace("\n", "\n" + unit * 2),
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
