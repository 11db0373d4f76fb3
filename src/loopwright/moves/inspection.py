"""Sections of unknown length, found out by the host before the loop goes to the device.

Nothing in the source says how long `value` is that a loop reads as `value[k]` for k from `start[i]` up to
`start[i + 1]`. The loop itself knows: its headers, run on the host with nothing in them but the subscripts,
give the smallest and the largest one, and what lies between is mapped.

Proof obligation: every element of a section is read by the loop, or lies between two elements of the same
array that are; a loop that reads nothing maps nothing. It holds because

* the array is only read in the loop, always as `name[subscript]`, and the read happens whenever the loops
  around it come to it: no condition, `break`, `continue` or `return` is in the way. Each subscript that the
  host finds is one that the loop uses, and it finds all of them, whatever their order;
* headers and subscripts are made of the loops' own variables, of variables that the loop does not change,
  and of elements of arrays that it does not write and that share no memory with any that it writes;
* an array is one object, and what lies between two of its elements belongs to it (C11 6.5.6p8).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from loopwright.analysis.ir import Access, AccessKind, Array, Loop, Statement
from loopwright.moves.canonical import require_canonical
from loopwright.moves.code_template import Names
from loopwright.moves.move import Declined, NestSource, written
from loopwright.moves.rewrite import blanked, code

_TYPES = frozenset(("char", "short", "int", "long", "unsigned", "signed", "size_t"))
_SIGNED = frozenset(("short", "int", "long", "long long", "int32_t", "int64_t", "ptrdiff_t"))
_BELOW = re.compile(r"(?P<name>\w+) ?<(?!=) ?(?P<bound>.+)")


@dataclass(frozen=True)
class Inspection:
    """What the host finds out. `items`: the section of each array, as in "value[k_first:k_end - k_first]", by
    name. `lines`: the code that goes before the loop, indented by four spaces a level.
    """

    items: Mapping[str, str]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Use:
    """Where subscripts come from: once in each round of the innermost of `loops`, from `first` up to, not
    including, `end`; one subscript when `end` is empty. `wish`: what its variables are to be called after.
    """

    loops: tuple[Loop, ...]
    first: str
    end: str
    wish: str


@dataclass
class _Round:
    """A loop of the host: what is found in each of its rounds, and the loops in it."""

    header: str
    lines: list[str] = field(default_factory=list)
    inner: dict[str, _Round] = field(default_factory=dict)

    def text(self) -> Iterator[str]:
        """Its lines."""
        yield f"for {self.header} {{"
        yield from (f"    {line}" for line in self.body())
        yield "}"

    def body(self) -> Iterator[str]:
        """The lines of one round."""
        yield from self.lines
        for loop in self.inner.values():
            yield from loop.text()


def inspected(source: NestSource, loop: Loop, groups: Mapping[str, Sequence[Array]]) -> Inspection:
    """How the host finds out which part of each array `loop` reads; `groups` are their objects by variable.

    Raises:
        Declined: naming the first array of which that is not proved, and why.
    """
    names, made = Names(source.data), _Round("")
    stems: dict[frozenset[_Use], str] = {}
    items: dict[str, str] = {}
    for base, arrays in groups.items():
        uses = dict.fromkeys(_uses(source, loop, base, {a.id for a in arrays}))
        if (alike := frozenset(uses)) not in stems:
            stems[alike] = _stem(next(iter(uses)).wish if len(uses) == 1 else base, stems.values())
            for number, use in enumerate(uses):
                _add(source, made, use, stems[alike], str(number or ""), names)
        first, end = _limits(stems[alike], names)
        items[base] = f"{base}[{first}:{end} - {first}]"
    declared = [f"long {name} = 0;" for stem in stems.values() for name in _limits(stem, names)]
    return Inspection(items, (*_comment(list(groups)), *declared, *made.body()))


def _comment(bases: Sequence[str]) -> Iterator[str]:
    several = len(bases) > 1
    which = " and ".join(part for part in (", ".join(bases[:-1]), bases[-1]) if part)
    them = "them" if several else "it"
    yield f"/* Nothing says how long {which} {'are' if several else 'is'}. What the loop reads of {them} lies"
    yield "   between the smallest and the largest subscript, which these loops find. */"


def _stem(wish: str, taken: Iterable[str]) -> str:
    """What the variables of one section are called after."""
    numbered = (f"{wish}{number}" for number in itertools.count(2))
    return next(stem for stem in itertools.chain((wish,), numbered) if stem not in taken)


def _limits(stem: str, names: Names) -> tuple[str, str]:
    """The variables for the smallest subscript, and for one more than the largest."""
    return names.fresh(f"{stem}_first"), names.fresh(f"{stem}_end")


def _add(source: NestSource, root: _Round, use: _Use, stem: str, number: str, names: Names) -> None:
    """Puts what widens the section by one use into the loops of the host."""
    place = root
    for loop in use.loops:
        header = code(source.data, loop.header.start, loop.header.end).removeprefix("for").strip()
        place = place.inner.setdefault(loop.id, _Round(header))
    first, end = _limits(stem, names)
    start = names.fresh(f"{stem}_{'from' if use.end else 'at'}{number}")
    widened = [f"if ({first} == {end}) {{", f"    {first} = {end} = {start};", "}"]
    widened += [f"{first} = {start} < {first} ? {start} : {first};"]
    place.lines.append(f"const long {start} = {use.first};")
    if not use.end:
        place.lines += [*widened, f"{end} = {start} < {end} ? {end} : {start} + 1;"]
        return
    stop = names.fresh(f"{stem}_to{number}")
    widened.append(f"{end} = {stop} > {end} ? {stop} : {end};")
    place.lines.append(f"const long {stop} = {use.end};")
    place.lines += [f"if ({start} < {stop}) {{", *(f"    {line}" for line in widened), "}"]


# -- the proof


def _uses(source: NestSource, loop: Loop, base: str, ids: set[str]) -> tuple[_Use, ...]:
    """Where the subscripts of one array come from."""
    found: list[_Use] = []
    for around, statement in _instances(loop):
        for access in statement.accesses:
            if access.array in ids:
                if access.kind is not AccessKind.READ:
                    raise Declined(f"'{base}' is written")
                found.append(_use(source, base, around, statement, access))
    return tuple(found)


def _instances(loop: Loop, around: tuple[Loop, ...] = ()) -> Iterator[tuple[tuple[Loop, ...], Statement]]:
    """The statements of a loop, each with the loops around it from this one on."""
    within = (*around, loop)
    for item in loop.body_items:
        if isinstance(item, Loop):
            yield from _instances(item, within)
        else:
            yield within, item


def _use(
    source: NestSource, base: str, around: tuple[Loop, ...], statement: Statement, access: Access
) -> _Use:
    if statement.guards or not statement.exact_guards or access.conditional or statement.unknowns:
        raise Declined(f"'{base}' is read under a condition (line {access.range.line})")
    text = code(source.data, access.range.start, access.range.end)
    name, subscript = _parts(text)
    if name != base:
        raise Declined(f"'{text}' is no plain subscript of '{base}' (line {access.range.line})")
    for each in around:
        _require_steady(source, around, each)
    _require_fixed(source, around, subscript)
    inner = around[-1]
    if subscript == inner.variable and (limits := _limits_of(source, inner)) is not None:
        return _Use(around[:-1], *limits, inner.variable)
    return _Use(around, subscript, "", base)


def _require_steady(source: NestSource, around: tuple[Loop, ...], loop: Loop) -> None:
    """That the header of `loop`, run on the host, has the rounds that it has on the device."""
    if loop.problems or loop.over_range or not loop.declared_here:
        raise Declined(f"the loop over '{loop.variable}' cannot be run on the host beforehand")
    require_canonical(source, loop)
    data = source.data
    first = code(data, loop.init.start, loop.init.end).partition("=")[2]
    condition = code(data, loop.condition.start, loop.condition.end)
    step = code(data, loop.increment.start, loop.increment.end)
    _require_fixed(source, around, first)
    _require_fixed(source, around, re.sub(r"[<>!]=", "<", condition))
    _require_fixed(source, around, re.sub(r"\+\+|--|[-+]?=", " ", step))


def _require_fixed(source: NestSource, around: tuple[Loop, ...], text: str) -> None:
    """That an expression in the innermost loop of `around` has the value on the host that it has on the
    device, and changes nothing.
    """
    if re.search(r"=|\+\+|--|->|\.|\?|,|[\"'#]|\w \(|\w\(", text):
        raise Declined(f"'{text.strip()}' is not understood well enough to be evaluated beforehand")
    outermost = around[0]
    inside = {each.id for each in outermost.walk()}
    counters = {each.variable for each in (*source.ancestors(outermost), *around)}
    changed = written(outermost.statements())
    for name in dict.fromkeys(re.findall(r"\b[A-Za-z_]\w*", text)):
        objects = [array for array in source.nest.arrays if array.name == name]
        known = name in counters or objects or any(p.text == name for p in source.nest.parameters)
        macro = re.search(rb"#[ \t]*define[ \t]+%b\b" % name.encode(), blanked(source.data))
        if (not known and name not in _TYPES) or macro:
            raise Declined(f"'{name}' is not understood well enough to be evaluated beforehand")
        for array in objects:
            apart = all(source.disjoint(array.id, target) for target in changed)
            if array.declared_in in inside or not apart:
                raise Declined(f"'{name}' decides what is read, and may change in the loop")


def _limits_of(source: NestSource, loop: Loop) -> tuple[str, str] | None:
    """The values of the variable of a loop as two elements of arrays, `for (int k = a[i]; k < a[j]; k++)`:
    from the first up to, not including, the second. None for any other loop, or where types differ so that
    the comparison is not one of signed numbers.
    """
    first = code(source.data, loop.init.start, loop.init.end).partition("=")[2].strip()
    ordered = _BELOW.fullmatch(code(source.data, loop.condition.start, loop.condition.end))
    if ordered is None or ordered["name"] != loop.variable or loop.step != 1:
        return None
    types = [_element_type(source, text) for text in (first, ordered["bound"])]
    own = loop.variable_type.replace("const ", "")
    return (first, ordered["bound"]) if own in _SIGNED and types == [own, own] else None


def _element_type(source: NestSource, text: str) -> str:
    """The type of `name[...]` without its qualifiers; empty for any other text."""
    types = {a.dtype.replace("const ", "") for a in source.nest.arrays if a.name == _parts(text)[0]}
    return types.pop() if len(types) == 1 else ""


def _parts(text: str) -> tuple[str, str]:
    """The array and the subscript of `name[subscript]`; both empty for any other text."""
    match = re.fullmatch(r"(\w+) ?\[(.+)\]", text)
    depth = 0
    for character in match[2] if match is not None else "":
        depth += (character == "[") - (character == "]")
        if depth < 0:
            return "", ""
    return (match[1], match[2].strip()) if match is not None else ("", "")
