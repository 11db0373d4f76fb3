"""Array reductions over a part of memory: `reduction(+: h[:n])`, for pointers, vectors and array members.

Every thread gets a copy of the section, which OpenMP adds up at the end (OpenMP 5.0, 2.19.5.4). The length
has to be that of the whole array, so that the copies hold whatever element is updated, and small enough for
the stacks of the threads: a longer one takes the loop as it was.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.analysis.ir import Array, Loop
from loopwright.moves.canonical import is_name
from loopwright.moves.code_template import Names
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    in_statement_list,
    indent_unit,
    indentation,
    newline,
    place_before,
)

STACK_BYTES = 256 << 10
"""Largest private array that is put on the stack of every thread: an eighth of the 2 MiB that threads have at
least under glibc and libomp, since the program needs the rest."""


@dataclass(frozen=True)
class Section:
    """A reduction over the first `length` elements of an array that is reached through a pointer. Each thread
    has a copy on its stack, so that it may only be used while `length` is at most `limit`.

    Attributes:
        name: the pointer that the clause names. array: id of the object.
        first: when not empty, `name` is a new pointer that has to be set to this, of the type `type`.
    """

    name: str
    length: str
    limit: int
    array: str
    first: str = ""
    type: str = ""

    @property
    def is_conditional(self) -> bool:
        """Whether the length is known at run time only."""
        return not self.length.isdigit()

    @property
    def condition(self) -> str:
        """When the copies fit, in C; a section may not be empty."""
        length = self.length if re.fullmatch(r"[\w.>()-]+", self.length) else f"({self.length})"
        return f"0 < {length} && {length} <= {self.limit}"


def section_of(source: NestSource, array: Array) -> Section:
    """The section for a reduction into `array`.

    Raises:
        Declined: when its length is not known, or too large for the stacks.
    """
    length = length_of(source, array)
    size = max(1, array.element_bytes)
    if length.isdigit() and int(length) * size > STACK_BYTES:
        raise Declined(
            f"private copies of '{array.name}' would take more than {STACK_BYTES >> 10} KiB of stack"
        )
    limit = STACK_BYTES // size
    if is_name(array.name) and array.first in ("", array.name):
        return Section(array.name, length, limit, array.id)
    base = re.findall(r"\w+", array.name)[-1]
    name = Names(source.data).fresh(f"{base}_data")
    type_ = array.dtype.replace("const ", "")
    if not re.fullmatch(r"\w[\w ]*", type_):
        raise Declined(f"elements of the type '{type_}' cannot be reduced")
    return Section(name, length, limit, array.id, array.first, type_)


def constant_elements(array: Array) -> int | None:
    """Number of elements when all extents are constants, else None."""
    if any(extent is None or extent.terms for extent in array.extents):
        return None
    return math.prod(extent.constant for extent in array.extents if extent is not None)


def length_of(source: NestSource, array: Array) -> str:
    """How the source writes the number of elements of an array: what the analysis proved, or for an argument
    of a kernel what the task states, where a scalar argument carries the size.

    Raises:
        Declined: when it is not known.
    """
    if array.length:
        return array.length
    kernel = source.kernel
    argument = (
        next((a for a in kernel.arguments if a.name == array.name and a.is_array), None) if kernel else None
    )
    unknown = Declined(f"the length of '{array.name}' is not known, so a reduction over it cannot be written")
    if (
        kernel is None
        or argument is None
        or kernel.function != source.nest.function
        or len(argument.shape) != 1
    ):
        raise unknown
    shape = argument.shape[0].strip()
    if shape.isdigit():
        return shape
    for scalar in kernel.arguments:
        if not scalar.is_array and (scalar.value or scalar.name).strip() == shape:
            if is_assigned(source.data, scalar.name):
                raise unknown
            return scalar.name
    raise unknown


def is_assigned(data: bytes, name: str) -> bool:
    """Whether a variable of that name may change anywhere in the file."""
    word = re.escape(name.encode())
    pattern = rb"\b%b\s*(?:[-+*/%%&|^]|<<|>>)?=(?!=)|\b%b\s*(?:\+\+|--)|(?:\+\+|--)\s*%b\b|&\s*%b\b" % (
        (word,) * 4
    )
    return re.search(pattern, blanked(data)) is not None


def section_note(sections: Sequence[Section]) -> str:
    """For the proof: what is done about the stacks."""
    names = ", ".join(f"{s.name} up to {s.limit}" for s in sections if s.is_conditional)
    if not names:
        return ""
    return (
        f" Private copies are made for lengths of {names} only; beyond that the loop stays serial: "
        "no stack overflows."
    )


def with_sections(source: NestSource, loop: Loop, line: str, sections: Sequence[Section]) -> bytes:
    """The file with the loop in parallel under the directive `line` where the copies fit, else as it was.

    Raises:
        Declined: when the loop cannot be written again, or an access cannot be told from its text.
    """
    data = source.data
    placed = place_before(data, loop, line)
    start, end = loop.range.start, loop.range.end
    conditions = [s.condition for s in sections if s.is_conditional]
    twice = rb"\bstatic\b|#|(?:^|[;{})])\s*\w+\s*:(?!:)" if conditions else rb"#"
    if re.search(twice, blanked(data)[start:end]) or placed.start != placed.end:
        raise Declined(
            "its body cannot be written twice (static variable, directive or label), or its line is shared"
        )
    # `if ... else` is one statement, but an `else` of the user's could follow: then braces are there already.
    if not in_statement_list(data, start):
        raise Declined("it is the body of a statement without braces")
    renamed = apply(data[:end], [r for s in sections if s.first for r in _renamed(source, loop, s)])[start:]
    ends, outer, step = newline(data, start), indentation(data, start), indent_unit(data, loop)
    inner = outer + step
    lines = [b"if (%b) {" % " && ".join(conditions).encode() if conditions else b"{"]
    lines += [inner + f"{s.type} *{s.name} = {s.first};".encode() for s in sections if s.first]
    lines += [inner + line.encode(), inner + renamed.replace(b"\n", b"\n" + step)]
    if conditions:
        lines += [outer + b"} else {", inner + data[start:end].replace(b"\n", b"\n" + step)]
    return apply(data, [Replacement(start, end, ends.join([*lines, outer + b"}"]))])


def _renamed(source: NestSource, loop: Loop, section: Section) -> list[Replacement]:
    """The accesses to the array by way of the section's own pointer."""
    accesses = [a for s in loop.statements() for a in s.accesses if a.array == section.array]
    made: dict[int, Replacement] = {}
    for start, end in {(a.range.start, a.range.end) for a in accesses}:
        text = blanked(source.data)[start:end].decode("utf-8", "replace")
        base = re.match(r"[A-Za-z_]\w*(?:\s*(?:\.|->)\s*[A-Za-z_]\w*)*\s*(?=\[)", text)
        if base is None:
            raise Declined(f"the access '{' '.join(text.split())}' is not a plain subscript")
        made[start] = Replacement(start, start + base.end(), section.name.encode())
    return list(made.values())
