"""Array elements that an innermost loop touches again and again, and the loop with them in scalars."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loopwright.analysis.ir import Access, AccessKind, Affine, Array, Loop, Statement, Storage
from loopwright.moves.canonical import governing_openmp, require_untroubled
from loopwright.moves.code_template import Names
from loopwright.moves.contraction_sums import base_name
from loopwright.moves.loop_bounds import bounds_of, without_cast
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import hidden_names, names_in, squeezed
from loopwright.moves.rewrite import blanked, in_statement_list, indent_unit, indentation, newline


@dataclass(frozen=True)
class Element:
    """One element that stays the same while the loop runs. `text` is how the source writes it."""

    array: Array
    accesses: tuple[Access, ...]
    text: str

    @property
    def is_written(self) -> bool:
        """Whether the loop changes it."""
        return any(a.kind is AccessKind.WRITE for a in self.accesses)

    @property
    def operation(self) -> str | None:
        """The one operation that it is combined with, None when it is used otherwise."""
        found = {a.reduction for a in self.accesses}
        return found.pop() if len(found) == 1 else None


def innermost(source: NestSource) -> Iterator[Loop]:
    """The loops of the nest that hold no other loop."""
    return (loop for loop in source.nest.root.walk() if not loop.loops)


def repeats(source: NestSource, loop: Loop, kind: AccessKind) -> bool:
    """Whether an array element seems to be read (or written) in every iteration of `loop` anew."""
    return any(
        access.kind is kind
        and (access.subscripts or _is_member(source.nest.array(access.array)))
        and all(form is not None and not form.coefficient(loop.id) for form in access.subscripts)
        and source.nest.array(access.array).declared_in != loop.id
        for statement in loop.statements()
        for access in statement.accesses
    )


def elements_of(source: NestSource, loop: Loop) -> tuple[Element, ...]:
    """The array elements that are the same in all iterations of `loop` and that nothing else in it touches.

    Raises:
        Declined: when the loop is not understood.
    """
    require_untroubled(loop)
    if directive := governing_openmp(source, loop):
        raise Declined(f"the directive '{directive}' belongs to it")
    statements = loop.statements()
    for statement in statements:
        if statement.unknowns:
            raise Declined(statement.unknowns[0].reason)
        if statement.guards or not statement.exact_guards or statement.is_condition:
            raise Declined("a condition decides about its statements")
    accesses: dict[str, list[Access]] = {}
    for statement in statements:
        for access in statement.accesses:
            accesses.setdefault(access.array, []).append(access)
    found = [_element(source, loop, id, mine, accesses) for id, mine in accesses.items()]
    return tuple(element for element in found if element is not None)


def _element(
    source: NestSource, loop: Loop, id: str, mine: Sequence[Access], all_: dict[str, list[Access]]
) -> Element | None:
    array = source.nest.array(id)
    forms = {a.subscripts for a in mine}
    if len(forms) != 1 or array.declared_in == loop.id:
        return None
    changes = any(a.kind is AccessKind.WRITE for a in mine)
    if array.is_scalar and not (changes and _is_member(array)):
        return None
    (subscripts,) = forms
    if not all(isinstance(form, Affine) and not form.coefficient(loop.id) for form in subscripts):
        return None
    texts = {squeezed(source.data[a.range.start : a.range.end].decode("utf-8", "replace")) for a in mine}
    text = source.data[mine[0].range.start : mine[0].range.end].decode("utf-8", "replace")
    if len(texts) != 1 or not re.fullmatch(
        r"[A-Za-z_][\w.]*(?:->\w+)*(?:\[[^\[\]]*\])*", " ".join(text.split())
    ):
        return None
    if not _is_certain(mine):
        return None
    names = names_in(text)
    if loop.variable in names | hidden_names(source.tree.files, names):
        return None
    written = any(a.kind is AccessKind.WRITE for a in mine)
    for other, theirs in all_.items():
        involved = written or any(a.kind is AccessKind.WRITE for a in theirs)
        if other != id and involved and not source.disjoint(id, other):
            return None
    return Element(array, tuple(mine), " ".join(text.split()))


def _is_certain(accesses: Sequence[Access]) -> bool:
    """Whether every iteration touches the element, and writes it if any does: `p ? p[0] : 1` may not."""
    kinds = {a.kind for a in accesses if not a.conditional}
    written = any(a.kind is AccessKind.WRITE for a in accesses)
    return AccessKind.WRITE in kinds if written else bool(kinds)


def _is_member(array: Array) -> bool:
    """Whether it is a number in a struct of the function's own, such as a local `sum.x`."""
    return array.is_scalar and "." in array.name and array.storage is Storage.LOCAL


def _plain(text: str) -> str:
    """A name made of an element's: `a` for `a[i]`, `sum_x` for `sum.x`."""
    return re.sub(r"\W+", "_", text.split("[")[0])


def is_touched_anyway(source: NestSource, loop: Loop, element: Element) -> bool:
    """Whether a statement beside the loop touches the element for certain, so that it may be read and written
    even when the loop runs no iteration.
    """
    around = source.ancestors(loop)
    if not around:
        return False
    kinds = {AccessKind.READ} if not element.is_written else {AccessKind.WRITE}
    for item in around[-1].body_items:
        if isinstance(item, Statement) and not item.guards and item.exact_guards and not around[-1].problems:
            touched = {a.kind for a in item.accesses if a.subscripts == element.accesses[0].subscripts
                       and a.array == element.array.id and not a.conditional}  # fmt: skip
            if kinds & touched:
                return True
    return False


def with_scalars(
    source: NestSource, loop: Loop, elements: Sequence[Element], comment: str, directive: str = ""
) -> str:
    """The text for `loop` with the elements in scalars, read before it and written back after it.

    `directive` may hold `$id$` for the scalar of the element of the array `id`. Where nothing else touches
    the elements, that is done only when the loop runs at all.
    """
    data = source.data
    if (
        data[loop.range.start : loop.range.start + 3] != b"for"
        or b"#" in blanked(data)[loop.range.start : loop.range.end]
    ):
        raise Declined("its place in the file is not understood, or there is a directive in it")
    names = Names(data)
    scalars = [names.fresh(f"{_plain(e.text)}_kept") for e in elements]
    text = data[loop.range.start : loop.range.end]
    ranges = {
        (a.range.start, a.range.end): s for e, s in zip(elements, scalars, strict=True) for a in e.accesses
    }
    for (start, end), scalar in sorted(ranges.items(), reverse=True):
        text = text[: start - loop.range.start] + scalar.encode() + text[end - loop.range.start :]
    lines = [f"/* {comment} */"]
    for element, scalar in zip(elements, scalars, strict=True):
        constant = "" if element.is_written else "const "
        lines.append(f"{constant}{element.array.dtype.removeprefix('const ')} {scalar} = {element.text};")
    for element, scalar in zip(elements, scalars, strict=True):
        directive = directive.replace(f"${element.array.id}$", scalar)
    lines += [directive] if directive else []
    lines.append(text.decode("utf-8", "surrogateescape"))
    lines += [f"{e.text} = {s};" for e, s in zip(elements, scalars, strict=True) if e.is_written]
    opening, closing = "{", "}"
    if not all(is_touched_anyway(source, loop, e) for e in elements):
        bounds = bounds_of(source, loop)
        opening = f"if ({without_cast(bounds.low)} < {without_cast(bounds.high)}) {{"
        if not in_statement_list(data, loop.range.start):
            # An `else` of the user's may follow: it must not find this `if`.
            opening, closing = f"{{ {opening}", "} }"
    unit, ends = indent_unit(data, loop).decode(), newline(data, loop.range.start).decode()
    inner = f"{ends}{indentation(data, loop.range.start).decode()}{unit}"
    body = inner.join(line.replace("\n", "\n" + unit) for line in lines)
    return f"{opening}{inner}{body}{ends}{indentation(data, loop.range.start).decode()}{closing}"


def is_declared_apart(source: NestSource, element: Element) -> bool:
    """Whether the source says by `restrict` that the array overlaps no other: then compilers know as well."""
    name = re.escape(base_name(element.array)).encode()
    pattern = rb"restrict(?:__)?\s+%b\b|\b%b\s*\[\s*(?:__)?restrict" % (name, name)
    return re.search(pattern, blanked(source.data)) is not None
