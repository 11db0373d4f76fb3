"""Data regions in the source: the directives of a plan, put where it says, around the user's own bytes.

`target data` stands before one statement, or before several in braces; where no block can be made, `target
enter data` and `target exit data` stand around them; `target update` where the host takes part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from loopwright.core.data_plan import ArrayPlan, Direction, LoopClass, RegionPlan, Span, Update
from loopwright.core.tree import Tree
from loopwright.moves.move import Declined
from loopwright.moves.offload import DeviceLoop, broken
from loopwright.moves.rewrite import (
    Replacement,
    blanked,
    in_statement_list,
    indentation,
    line_start,
    newline,
    place_before,
)

_STEP = b"    "
_AS_PLANNED = {direction.value: direction.value for direction in Direction}
_ENTERING = {"to": "to", "tofrom": "to", "from": "alloc", "alloc": "alloc"}
_LEAVING = {"from": "from", "tofrom": "from", "to": "release", "alloc": "release"}


@dataclass(frozen=True)
class Written:
    """One region with the loops in it as they are to be written. `share`: of the time, 0 to 1."""

    region: RegionPlan
    loops: tuple[DeviceLoop, ...]
    share: float


class _Rank(IntEnum):
    """What comes first where several lines are put before one line of the source."""

    AFTER = 0
    """An update behind the statement before."""
    CLOSE = 1
    OPEN = 2
    BEFORE = 3
    LOOP = 4
    DEEPER = 5


def region_changes(tree: Tree, written: Sequence[Written]) -> dict[str, list[Replacement]]:
    """What is inserted where, by file, in the order in which it is to stand at one place.

    Raises:
        Declined: when a directive cannot stand where it has to.
    """
    page = _Page(tree)
    for each in written:
        if not each.region.is_one_loop:
            page.open(each.region)
    for each in written:
        for loop in each.loops:
            page.put_loop(loop, each.region)
        for array in each.region.arrays:
            for update in array.updates:
                page.put_update(update, array.item, each.region)
    page.indent()
    return page.changes


class _Page:
    """The files of a candidate, and what is put into them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._found: dict[str, list[tuple[_Rank, Replacement]]] = {}
        self._braced: list[Span] = []
        self._loops: set[tuple[str, int]] = set()

    @property
    def changes(self) -> dict[str, list[Replacement]]:
        """All insertions, those at one place in their order."""
        return {
            file: [change for _, change in sorted(found, key=lambda item: (item[1].start, item[0]))]
            for file, found in self._found.items()
        }

    def open(self, region: RegionPlan) -> None:
        """The directive that opens the region, and what closes it."""
        span, data = region.span, self.tree[region.span.file]
        if _is_one_statement(region):
            words = ("#pragma omp target data", *_maps(region.mapped, _AS_PLANNED))
            self._add(_Rank.OPEN, span.file, _line(data, span.start, words))
            return
        if not in_statement_list(data, span.start):
            raise Declined("no statement can be put before it")
        indent, ends = indentation(data, span.start), newline(data, span.start)
        if region.structured:
            if b'R"' in data[span.start : span.end]:
                raise Declined("a raw string would be indented with it")
            words = ("#pragma omp target data", *_maps(region.mapped, _AS_PLANNED))
            self._add(_Rank.OPEN, span.file, _line(data, span.start, words, indent + b"{" + ends))
            self._add(_Rank.CLOSE, span.file, _behind(data, span.end, indent + b"}"))
            self._braced.append(span)
            return
        entering = ("#pragma omp target enter data", *_maps(region.mapped, _ENTERING))
        leaving = ("#pragma omp target exit data", *_maps(region.mapped, _LEAVING))
        self._add(_Rank.OPEN, span.file, _line(data, span.start, entering))
        text = indent + broken(indent, ends, leaving).encode()
        self._add(_Rank.CLOSE, span.file, _behind(data, span.end, text))

    def put_loop(self, made: DeviceLoop, region: RegionPlan) -> None:
        """The directives of one device loop; a function that two regions call has them once."""
        place = (made.loop.range.file, made.loop.range.start)
        if place in self._loops:
            return
        self._loops.add(place)
        if any(mapped.first for mapped in made.maps.arrays):
            raise Declined("a container needs a pointer of its own")
        data, step = self.tree[place[0]], self._step(*place)
        words = made.directive(mapped=not region.is_one_loop)
        if region.is_one_loop:
            words = (*words, *_maps(region.mapped, _AS_PLANNED))
        indent = indentation(data, place[1]) + step
        placed = place_before(data, made.loop, broken(indent, newline(data, place[1]), words))
        if placed.start != placed.end:
            raise Declined("the loop shares its line")
        self._add(_Rank.LOOP, place[0], Replacement(placed.start, placed.end, step + placed.text))
        for atomic in made.atomics:
            changed = Replacement(atomic.start, atomic.end, step + atomic.text)
            self._add(_Rank.LOOP, place[0], changed)

    def put_update(self, update: Update, item: str, region: RegionPlan) -> None:
        """One `target update`."""
        span = update.span
        if span.file != region.span.file or not region.span.start <= span.start < region.span.end:
            raise Declined("an update would have to stand in another function")
        data, step = self.tree[span.file], self._step(span.file, span.start)
        if not in_statement_list(data, span.start):
            raise Declined("no update can be put beside a statement without braces")
        words = (f"#pragma omp target update {update.direction.value}({item})",)
        if update.direction is Direction.FROM:
            line = _line(data, span.start, words)
            self._add(_Rank.BEFORE, span.file, Replacement(line.start, line.end, step + line.text))
        else:
            line = _behind(data, span.end, step + indentation(data, span.start) + words[0].encode())
            self._add(_Rank.AFTER, span.file, line)

    def indent(self) -> None:
        """One step of indentation more for all lines that are in braces now."""
        for span in self._braced:
            data = self.tree[span.file]
            position = line_start(data, span.start)
            while position < span.end:
                stop = data.find(b"\n", position)
                stop = len(data) if stop < 0 else stop
                if data[position:stop].strip() and data[position : position + 1] != b"#":
                    self._add(_Rank.DEEPER, span.file, Replacement(position, position, _STEP))
                position = stop + 1

    def _add(self, rank: _Rank, file: str, change: Replacement) -> None:
        self._found.setdefault(file, []).append((rank, change))

    def _step(self, file: str, offset: int) -> bytes:
        """How much deeper a place stands because of braces around it."""
        inside = any(s.file == file and s.start <= offset < s.end for s in self._braced)
        return _STEP if inside else b""


def _is_one_statement(region: RegionPlan) -> bool:
    whole = (region.span.start, region.span.end)
    return any(
        loop.kind is LoopClass.AROUND and (loop.span.start, loop.span.end) == whole for loop in region.loops
    )


def _maps(arrays: Sequence[ArrayPlan], words: Mapping[str, str]) -> tuple[str, ...]:
    """Map clauses; `words` turns a direction into the word of the clause."""
    by_word: dict[str, list[str]] = {}
    for array in arrays:
        by_word.setdefault(words[array.direction.value], []).append(array.item)
    return tuple(f"map({word}: {', '.join(items)})" for word, items in by_word.items())


def _line(data: bytes, offset: int, words: tuple[str, ...], behind: bytes = b"") -> Replacement:
    """A directive as lines of its own before the statement at `offset`, with `behind` after them."""
    first, indent, ends = line_start(data, offset), indentation(data, offset), newline(data, offset)
    if data[first:offset] != indent:
        raise Declined("other code shares its line")
    return Replacement(first, first, indent + broken(indent, ends, words).encode() + ends + behind)


def _behind(data: bytes, end: int, line: bytes) -> Replacement:
    """`line` after the line that holds the end of a statement."""
    stop = data.find(b"\n", end)
    if stop < 0 or blanked(data)[end:stop].strip(b" \t\r;"):
        raise Declined("other code shares the last line")
    return Replacement(stop + 1, stop + 1, line + newline(data, end))
