"""The map clauses of a loop that goes to a device: which parts of which arrays have to be there.

An array that is reached through a pointer is mapped as a section, whose length is known from what the task
states, from an allocation, or from the accesses: all elements that the loop touches (OpenMP 5.2, 5.8.3);
of an array that is only read, the host may find it out beforehand (:mod:`loopwright.moves.inspection`). A
section that is written is copied both ways, since elements that the loop leaves alone have to survive. An
array whose length is not known is not mapped, and its loop not moved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from loopwright.analysis.ir import AccessKind, Array, Loop, Storage
from loopwright.core.expressions import names_in
from loopwright.core.task import Argument, Language
from loopwright.moves.canonical import is_name
from loopwright.moves.clauses import Clauses
from loopwright.moves.code_template import Names
from loopwright.moves.inspection import inspected
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.rewrite import blanked
from loopwright.moves.sections import is_assigned

_PATH = r"[A-Za-z_]\w*(?:(?:->|\.)[A-Za-z_]\w*)*"


class UnknownLength(Declined):
    """Raised where an array could be mapped if its length were known."""


@dataclass(frozen=True)
class Mapped:
    """One array in a map clause.

    Attributes:
        name: the variable that the clause names. objects: ids of the array's objects in the nest, several for
            an array of structs. item: as in "a[0:n * n]". written: whether the loop may change it.
        first: when not empty, `name` is a new pointer that has to be set to this before the loop, and stands
            for the container `container` in the loop.
        reason: where the length is known from, in words.
    """

    name: str
    objects: tuple[str, ...]
    item: str
    written: bool
    reason: str = ""
    first: str = ""
    container: str = ""


@dataclass(frozen=True)
class Maps:
    """Everything that one loop maps. `before`: lines of code that find out where sections begin and end."""

    arrays: tuple[Mapped, ...]
    before: tuple[str, ...] = ()

    @property
    def clauses(self) -> tuple[str, ...]:
        """As in "map(to: a[0:n])"; read-only arrays first."""
        read = [m.item for m in self.arrays if not m.written]
        written = [m.item for m in self.arrays if m.written]
        clauses = [f"map(to: {', '.join(read)})"] if read else []
        return (*clauses, *([f"map(tofrom: {', '.join(written)})"] if written else ()))

    @property
    def note(self) -> str:
        """For the proof: where the lengths are known from."""
        return "; ".join(f"{m.item}: {m.reason}" for m in self.arrays if m.reason)


def maps_of(
    source: NestSource, loop: Loop, clauses: Clauses, region: Mapping[str, str] | None = None
) -> Maps:
    """What `loop` has to map besides what its data-sharing `clauses` name.

    Within a data region its arrays are on the device already: `region` gives the items of those that have the
    same names here. One that has another name here, and a length that is not known here, is left to the
    runtime, which finds it by its address (OpenMP 5.2, 5.8.6).

    Raises:
        Declined: naming the first array that cannot be mapped, and why.
    """
    facts = source.facts_of(loop)
    inside = {inner.id for inner in loop.walk()}
    counters = {inner.variable for inner in loop.walk()}
    own = {*facts.private, *facts.last_private, *(r.variable for r in facts.reductions)}
    groups: dict[str, list[Array]] = {}
    for id_ in dict.fromkeys(a.array for s in loop.statements() for a in s.accesses):
        array = source.nest.array(id_)
        if array.declared_in in inside or id_ in own or array.name in counters:
            continue
        if array.is_scalar and array.storage is not Storage.POINTED:
            if _is_written(loop, {id_}):
                raise Declined(f"'{array.name}' is changed on the device and needed after the loop")
            continue
        groups.setdefault(_base(array), []).append(array)
    if region is None:
        _require_apart(source, list(groups.values()))
        return _own_maps(source, loop, groups)
    found: list[Mapped] = []
    for base, arrays in groups.items():
        ids = tuple(array.id for array in arrays)
        if base in region:
            written = _is_written(loop, set(ids))
            found.append(Mapped(base, ids, region[base], written, "as the data plan says"))
            continue
        with suppress(Declined):
            found.append(_mapped(source, loop, base, arrays))
    return Maps(tuple(found))


def _own_maps(source: NestSource, loop: Loop, groups: Mapping[str, Sequence[Array]]) -> Maps:
    """What a loop maps that stands in no data region."""
    found: dict[str, Mapped] = {}
    unknown: dict[str, UnknownLength] = {}
    for base, arrays in groups.items():
        try:
            found[base] = _mapped(source, loop, base, arrays)
        except UnknownLength as reason:
            unknown[base] = reason
    if not unknown:
        return Maps(tuple(found.values()))
    try:
        made = inspected(source, loop, {base: groups[base] for base in unknown})
    except Declined as reason:
        raise Declined(f"{next(iter(unknown.values()))}; {reason}") from None
    for base, item in made.items.items():
        ids = tuple(array.id for array in groups[base])
        why = "from the smallest to the largest subscript that the loop reads, found out before it runs"
        found[base] = Mapped(base, ids, item, written=False, reason=why)
    return Maps(tuple(found[base] for base in groups), made.lines)


def _base(array: Array) -> str:
    """The variable that an object is reached by, as the source writes it."""
    name = array.name
    if array.storage is not Storage.POINTED:
        return name.split(".")[0]
    if "->" in name:
        raise Declined(f"'{name}' is reached through a member of a struct: it needs a pointer of its own")
    return name.split(".")[0]


def _mapped(source: NestSource, loop: Loop, base: str, arrays: Sequence[Array]) -> Mapped:
    ids = tuple(array.id for array in arrays)
    written = _is_written(loop, set(ids))
    if not is_name(base):
        raise Declined(f"'{arrays[0].name}' cannot be named in a map clause")
    if any(array.is_scalar and array.storage is Storage.POINTED for array in arrays):
        raise Declined(f"'{arrays[0].name}' is one value behind a pointer or reference: give it a variable")
    if all(array.storage is not Storage.POINTED for array in arrays):
        return Mapped(base, ids, base, written)
    if _is_vector(source, base):
        name = Names(source.data).fresh(f"{base}_data")
        item = f"{name}[0:{base}.size()]"
        return Mapped(name, ids, item, written, "the vector says its size", f"{base}.data()", base)
    if (argument := _argument(source, base)) is not None:
        count = _stated(source, argument)
        return Mapped(base, ids, _section(base, count, arrays), written, "the task states the shape")
    lengths = {array.length for array in arrays}
    if len(lengths) == 1 and "" not in lengths and not _inner_extents(arrays):
        return Mapped(base, ids, f"{base}[0:{lengths.pop()}]", written, "as allocated")
    rows = _touched(source, arrays)
    return Mapped(base, ids, _section(base, rows, arrays), written, "all elements that the accesses touch")


def _is_vector(source: NestSource, base: str) -> bool:
    """Whether a std::vector is declared by that name; what else has the name is no plain array either."""
    pattern = rf"\bvector\s*<[^;{{}}()]*>\s*(?:const\s*)?&?\s*{re.escape(base)}\b"
    return source.language is Language.CXX and re.search(pattern.encode(), blanked(source.data)) is not None


def _argument(source: NestSource, name: str) -> Argument | None:
    kernel = source.kernel
    if kernel is None or kernel.function != source.nest.function:
        return None
    return next((a for a in kernel.arguments if a.is_array and a.name == name), None)


def _stated(source: NestSource, argument: Argument) -> str:
    """The number of elements that the task states, in terms of the kernel's scalar arguments."""
    kernel = source.kernel
    assert kernel is not None
    scalars = {(a.value or a.name).strip(): a.name for a in kernel.arguments if not a.is_array}
    factors = []
    for extent in argument.shape:
        text = scalars.get(extent.strip(), "")
        if not text:
            unnamed = names_in(extent) - scalars.keys()
            if unnamed or not re.fullmatch(r"[\w\s+*()-]+", extent):
                raise UnknownLength(f"no argument says what the length of '{argument.name}' is: {extent}")
            text = re.sub(r"[A-Za-z_]\w*", lambda name: scalars[name[0]], extent)
        for name in names_in(text):
            if is_assigned(source.data, name):
                raise UnknownLength(f"the length of '{argument.name}' is made of '{name}', which changes")
        factors.append(text if re.fullmatch(r"\w+", text) else f"({text})")
    return " * ".join(factors)


def _inner_extents(arrays: Sequence[Array]) -> list[Array]:
    """The objects that have rows of the language's own, as in `double (*a)[n]`."""
    return [a for a in arrays if len(a.extents) > 1 and not a.delinearised]


def _section(base: str, count: str, arrays: Sequence[Array]) -> str:
    if _inner_extents(arrays):
        raise Declined(f"'{base}' points to rows: their section is not known")
    return f"{base}[0:{count}]"


def _touched(source: NestSource, arrays: Sequence[Array]) -> str:
    """How many elements hold all that the nest touches."""
    from loopwright.analysis.data_elements import NestElements
    from loopwright.analysis.data_sizes import length_of

    unknown = UnknownLength(f"the length of '{arrays[0].name.split('.')[0]}' is not known")
    bound = NestElements(source.nest).bound(array.id for array in arrays)
    if bound is None:
        raise unknown
    text = length_of(bound)
    for path in re.findall(_PATH, text):
        if not is_name(path):
            words = f"is made of '{path}', which needs a variable of its own"
            raise UnknownLength(f"the length of '{arrays[0].name}' {words}")
    return text


def _is_written(loop: Loop, ids: set[str]) -> bool:
    return any(a.kind is AccessKind.WRITE and a.array in ids for s in loop.statements() for a in s.accesses)


def _require_apart(source: NestSource, groups: Sequence[Sequence[Array]]) -> None:
    """Sections that overlap in part are an error at run time, even when both are only read."""
    for number, first in enumerate(groups):
        for second in groups[number + 1 :]:
            if not all(source.disjoint(a.id, b.id) for a in first for b in second):
                names = f"'{first[0].name.split('.')[0]}' and '{second[0].name.split('.')[0]}'"
                raise Declined(f"{names} may overlap: both cannot be mapped")
