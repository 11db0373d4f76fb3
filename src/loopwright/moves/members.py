"""Members of an object that a loop only reads, kept in variables of their own while it runs on all threads.

    const double omega_ = this->omega_;
    #pragma omp parallel for
    for (...) f_[i] += omega_ * ...;
The loop becomes a function of its own, which the object is handed to: the compiler has to fear that every
write changes a member of the same type, and reads it again each time. Inlined into `main` it had not.

Proof obligation: nothing that the loop writes can overlap the member. The new variable has the member's name,
so that the text of the loop stays as it was.
"""

from __future__ import annotations

import re

from loopwright.analysis.ir import AccessKind, Loop, Storage
from loopwright.core.task import Language
from loopwright.moves.move import NestSource
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    code,
    in_statement_list,
    indent_unit,
    indentation,
    newline,
    place_before,
)

_MEMBER = re.compile(r"this\.([A-Za-z_]\w*)")
_NUMBER = re.compile(r"(?:unsigned |signed )?(?:double|float|bool|char|short|int|long|long long)|unsigned")
_UNSAFE = re.compile(rb'\]\s*[({]|\bR"|\\\r?\n')
"""Lambdas (they capture members, not variables), raw strings and continued lines."""


def members_read(source: NestSource, loop: Loop) -> dict[str, str]:
    """Name to type of the members of `*this` that `loop` names and does not change; empty where a block of
    its own cannot be put around it.
    """
    data = source.data
    start, end = loop.range.start, loop.range.end
    text = blanked(data)[start:end]
    if source.language is not Language.CXX or _UNSAFE.search(data[start:end]):
        return {}
    placed = place_before(data, loop, "")
    if not in_statement_list(data, start) or placed.start != placed.end:
        return {}
    accesses = [access for statement in loop.statements() for access in statement.accesses]
    written = {a.array for a in accesses if a.kind is not AccessKind.READ}
    found: dict[str, str] = {}
    for id in dict.fromkeys(a.array for a in accesses):
        array = source.nest.array(id)
        named = _MEMBER.fullmatch(array.name)
        if named is None or not array.is_scalar or array.storage is not Storage.POINTED:
            continue
        name, type_ = named[1], array.dtype.removeprefix("const ")
        # Another variable of that name would be taken for the member: one place has to show that it is none.
        shown = any(
            code(data, a.range.start, a.range.end).strip() == name
            for a in accesses
            if a.array == id and start <= a.range.start < a.range.end <= end
        )
        address = re.search(rb"(?<!&)&\s*%b\b" % name.encode(), text)
        if shown and not address and _NUMBER.fullmatch(type_) and _stays(source, id, written):
            found[name] = type_
    return found


def with_members(source: NestSource, loop: Loop, line: str, members: dict[str, str]) -> bytes:
    """The file with `line` before the loop, in a block with variables for the members."""
    data = source.data
    start, end = loop.range.start, loop.range.end
    ends, outer, step = newline(data, start), indentation(data, start), indent_unit(data, loop)
    inner = outer + step
    lines = [b"{"]
    lines += [inner + f"const {type_} {name} = this->{name};".encode() for name, type_ in members.items()]
    lines += [inner + line.encode(), inner + data[start:end].replace(b"\n", b"\n" + step), outer + b"}"]
    return apply(data, [Replacement(start, end, ends.join(lines))])


def members_note(members: dict[str, str]) -> str:
    """For the proof."""
    if not members:
        return ""
    names = ", ".join(members)
    verb = "stays" if len(members) == 1 else "stay"
    return f" {names} {verb} the same while the loop runs, and nothing that it writes can overlap them."


def _stays(source: NestSource, id: str, written: set[str]) -> bool:
    return id not in written and all(source.disjoint(id, other) for other in written)
