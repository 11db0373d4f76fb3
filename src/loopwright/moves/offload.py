"""`#pragma omp target teams distribute parallel for`: a loop runs on a device, which has a memory of its own.

Proof obligations: those of `parallel for`; no function is called that the device does not have; every array
is mapped whole, or as a section that holds all that the loop touches (:mod:`loopwright.moves.offload_maps`).
Iterations of several perfectly nested loops are shared out together where that is legal: devices want many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from loopwright.analysis.ir import Loop
from loopwright.core.task import Target
from loopwright.moves.canonical import existing_openmp
from loopwright.moves.code_template import laid_out
from loopwright.moves.move import (
    Declined,
    NestSource,
    Proposal,
    Refusal,
    label,
    proposal,
    refusal,
)
from loopwright.moves.offload_atomics import atomic_updates, reduced_arrays, without_reductions
from loopwright.moves.offload_maps import Maps, maps_of
from loopwright.moves.parallel_for import collapsible, parallel_clauses, parallel_proof
from loopwright.moves.regions import region_around
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

FAMILY = "offload"
DIRECTIVE = "target teams distribute parallel for"
_HOPED_FOR = 8.0
"""What a device is hoped to gain over one thread: orders proposals among each other, and claims nothing."""
_WIDTH = 100


@dataclass(frozen=True)
class DeviceLoop:
    """How one loop goes to the device. `clauses` are those of the directive without maps; `collapse` counts
    the loops that are shared out together; `atomics` are the directives inside of the loop.
    """

    loop: Loop
    clauses: str
    summary: str
    collapse: int
    maps: Maps
    proof: str
    atomics: tuple[Replacement, ...] = ()

    def directive(self, *, mapped: bool = True) -> tuple[str, ...]:
        """The words of the directive, to be broken between any two of them."""
        words = [f"#pragma omp {DIRECTIVE}"]
        words += [f"collapse({self.collapse})"] if self.collapse > 1 else []
        return (*words, *([self.clauses] if self.clauses else ()), *(self.maps.clauses if mapped else ()))


class Offload:
    """Proposes to move the outermost loops that are proved parallel to a device, each with its own maps."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        if source.target is Target.OFFLOAD:
            yield from self._within(source, source.nest.root)

    def _within(self, source: NestSource, loop: Loop) -> Iterator[Proposal | Refusal]:
        if region := region_around(source.data, loop.range.start):
            yield refusal(source, loop, FAMILY, f"it stands in the region of '{region}'")
            return
        if directive := existing_openmp(source.data, loop):
            yield refusal(source, loop, FAMILY, f"it already has the directive '{directive}'")
            return
        try:
            made = device_loop(source, loop)
            yield _proposal(source, made)
        except Declined as reason:
            yield refusal(source, loop, FAMILY, str(reason))
            if any("openmp" in p.reason.lower() for p in loop.problems):
                return
            for inner in loop.loops:
                yield from self._within(source, inner)


def device_loop(source: NestSource, loop: Loop, region: Mapping[str, str] | None = None) -> DeviceLoop:
    """`loop` as it goes to the device; `region` are the items of the data region that it stands in, by name.

    Raises:
        Declined: when it may not, or when an array cannot be mapped.
    """
    arrays = reduced_arrays(source, loop)
    atomics = atomic_updates(source, loop, arrays) if arrays else ()
    source = without_reductions(source, loop, arrays) if arrays else source
    clauses = parallel_clauses(source, loop)
    if loop.over_range:
        raise Declined("a range-based loop needs its container on the device")
    _require_device_functions(source, loop)
    maps = maps_of(source, loop, clauses, region)
    depth, inner = 1, loop
    while collapsible(source, inner) and depth < 3:
        depth, inner = depth + 1, inner.loops[0]
    notes = [maps.note]
    notes += ["the loops collapsed are perfectly nested, rectangular and parallel"] if depth > 1 else []
    notes += [f"only combined, each time in one step: {', '.join(arrays)}"] if arrays else []
    proof = "; ".join(p for p in (parallel_proof(source, loop, clauses).rstrip("."), *notes) if p)
    return DeviceLoop(loop, clauses.text.strip(), clauses.summary, depth, maps, f"{proof}.", atomics)


def _require_device_functions(source: NestSource, loop: Loop) -> None:
    """Functions of the same file are compiled for the device too (OpenMP 5.0, 2.12.7); others are not."""
    for file, line, _ in loop.callees:
        if file != source.file:
            raise Declined(f"it calls a function of another file ({file}:{line}), which is not on the device")


def _proposal(source: NestSource, made: DeviceLoop) -> Proposal:
    loop = made.loop
    collapsed = f", {made.collapse} loops collapsed" if made.collapse > 1 else ""
    return proposal(
        source,
        loop,
        FAMILY,
        content=placed(source, made),
        title=f"offload over {label(loop)}{made.summary}{collapsed}",
        proof=made.proof,
        factor=_HOPED_FOR * 0.9 ** len(source.ancestors(loop)),
        details={"directive": DIRECTIVE, "clauses": " ".join(made.directive()[1:])},
    )


def placed(source: NestSource, made: DeviceLoop) -> bytes:
    """The file with the loop on the device. Where containers need pointers, or the ends of sections are to be
    found, these get a block together with the loop.
    """
    data, loop = source.data, made.loop
    pointers = [m for m in made.maps.arrays if m.first]
    if not pointers and not made.maps.before:
        line = broken(indentation(data, loop.range.start), newline(data, loop.range.start), made.directive())
        return apply(data, [place_before(data, loop, line), *made.atomics])
    if not in_statement_list(data, loop.range.start):
        raise Declined("it is the body of a statement without braces")
    start, end = loop.range.start, loop.range.end
    if b"#" in blanked(data)[start:end] or made.atomics:
        raise Declined("a directive stands in it")
    renamed = apply(data[:end], [r for m in pointers for r in _renamed(source, loop, m.container, m.name)])
    ends, outer, step = newline(data, start), indentation(data, start), indent_unit(data, loop)
    inner = outer + step
    lines = [b"{"]
    lines += [inner + f"auto *{m.name} = {m.first};".encode() for m in pointers]
    if made.maps.before:
        found = laid_out(made.maps.before, inner.decode(), step.decode(), ends.decode())
        lines.append(inner + found.encode())
    lines.append(inner + broken(inner, ends, made.directive()).encode())
    lines.append(inner + renamed[start:].replace(b"\n", b"\n" + step))
    return apply(data, [Replacement(start, end, ends.join([*lines, outer + b"}"]))])


def broken(indent: bytes, ends: bytes, words: tuple[str, ...]) -> str:
    """A directive on several lines where it is long; the first one without its indentation."""
    lines = [words[0]]
    for word in words[1:]:
        if len(indent) + len(lines[-1]) + len(word) + 3 > _WIDTH:
            lines.append(f"        {word}")
        else:
            lines[-1] += f" {word}"
    return (" \\" + ends.decode() + indent.decode()).join(lines)


def _renamed(source: NestSource, loop: Loop, container: str, name: str) -> list[Replacement]:
    """Every subscript of a container in `loop` by way of the pointer to its elements."""
    text = blanked(source.data)
    pattern = re.compile(rb"\b%b\b(\s*\[)?" % re.escape(container.encode()))
    made = []
    for match in pattern.finditer(text, loop.body.start, loop.body.end):
        if match[1] is None:
            raise Declined(f"'{container}' is used as a whole in the loop")
        made.append(Replacement(match.start(), match.start() + len(container), name.encode()))
    for part in (loop.header, *(inner.header for inner in loop.walk()[1:])):
        if pattern.search(text, part.start, part.end):
            raise Declined(
                f"'{container}' stands in the head of a loop: its size needs a variable of its own"
            )
    return made
