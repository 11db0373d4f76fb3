"""Which objects each iteration of a loop may have a copy of its own of.

An object is private to a loop when every read in an iteration is covered by a write that certainly ran
earlier in the same iteration, and when nobody needs the value afterwards (else it is last-private, under
the conditions of OpenMP 5.2, 5.4.5: the last iteration assigns it, and there is a last iteration).
P. Feautrier, "Array expansion", ICS 1988; P. Tu and D. Padua, "Automatic array privatization", LCPC 1993.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from loopwright.analysis.domains import Precision, domain_texts, loop_texts, path_to
from loopwright.analysis.ir import Array, Loop, Storage
from loopwright.analysis.polyhedral import Model, Reference, common_depth, earlier

_PRIVATE_BYTES = 64 * 1024
"""Copies of larger arrays on every thread's stack do more harm than good."""


class Copies(Enum):
    """What kind of copy an object may have in each iteration."""

    PRIVATE = "private"
    LAST_PRIVATE = "last private"
    SHARED = "shared"


@dataclass(frozen=True)
class Privacy:
    """The verdict on one object, and in words why not when it stays shared."""

    copies: Copies
    reason: str = ""


def privacy(model: Model, loop: Loop, array: Array) -> Privacy:
    """Whether every iteration of `loop` may have its own `array`."""
    if array.storage is Storage.POINTED:
        return Privacy(Copies.SHARED, f"{array.name} is reached through a pointer")
    if array.storage is Storage.GLOBAL and loop.callees:
        # A function that reads it by its name reads the one that all threads share.
        return Privacy(Copies.SHARED, f"{array.name} can be seen by the functions that the loop calls")
    if not array.is_scalar and not _is_small(array):
        return Privacy(Copies.SHARED, f"{array.name} is too large, or of unknown size, for a private copy")
    references = model.arrays[array.id]
    inside = [r for r in references if r.under(loop)]
    writes = [r for r in inside if r.is_write]
    for read in inside:
        if not read.is_write and not covered(model, loop, read, writes):
            return Privacy(
                Copies.SHARED,
                f"an iteration may read {array.name} (line {read.line}) before it writes it",
            )
    if not array.live_out and not needed_after(model, loop, references):
        return Privacy(Copies.PRIVATE)
    if not array.is_scalar:
        return Privacy(Copies.SHARED, f"elements of {array.name} may be needed after the loop")
    if not any(written_always(model, loop, write) for write in writes):
        return Privacy(
            Copies.SHARED,
            f"{array.name} may be needed after the loop and not every iteration writes it",
        )
    if not runs_at_least_once(model, loop):
        return Privacy(
            Copies.SHARED,
            f"{array.name} may be needed after the loop, which may run no iteration (OpenMP leaves a "
            "lastprivate variable unspecified then)",
        )
    return Privacy(Copies.LAST_PRIVATE)


def _is_small(array: Array) -> bool:
    size = max(1, array.element_bytes)
    for extent in array.extents:
        if extent is None or extent.terms:
            return False
        size *= max(extent.constant, 1)
    return size <= _PRIVATE_BYTES


def before(
    model: Model, first: Reference, second: Reference, names: tuple[str, str], depth: int
) -> str | None:
    """isl text for 'first runs before second', given that their outermost `depth` loops are in one iteration.

    Only orders that are known are in it; None when there is none.
    """
    loops = first.place.loops[: common_depth(first.place, second.place)]
    a, b = names
    choices: list[str] = []
    equal: list[str] = []
    for n, loop in enumerate(loops):
        if n < depth:
            continue
        if (text := earlier(loop, f"{a}{n}", f"{b}{n}")) is not None:
            choices.append(" and ".join([*equal, text]))
        equal.append(f"{a}{n} = {b}{n}")
        if not loop.step:
            # One value may come up in several iterations, so that equal values say nothing about order.
            break
    else:
        if first.order < second.order:
            choices.append(" and ".join(equal) or "1 = 1")
    return "(" + " or ".join(f"({c})" for c in choices) + ")" if choices else None


def _elements(model: Model, reference: Reference, within: Loop, name: str) -> list[str] | None:
    """Constraints e0, e1... = element touched; an unknown subscript is any element of a known extent."""
    texts: list[str] = []
    for n, form in enumerate(model.subscripts(reference, within)):
        if form is not None:
            texts.append(f"e{n} = {model.form(form, reference.place, name)}")
            continue
        if reference.is_write:
            return None
        extent = reference.array.extents[n]
        if extent is None:
            return None
        texts.append(f"0 <= e{n} < {model.names.form(extent, {})}")
    return texts


def _exists(variables: list[str], constraints: list[str]) -> str:
    body = " and ".join(constraints) or "1 = 1"
    return f"exists ({', '.join(variables)} : {body})" if variables else f"({body})"


def covered(model: Model, loop: Loop, read: Reference, writes: list[Reference]) -> bool:
    """Whether every element read was certainly written before, in the same iteration of `loop`."""
    depth = [around.id for around in read.place.loops].index(loop.id) + 1
    wanted = _elements(model, read, loop, "t")
    if wanted is None:
        return False
    names = model.names
    variables = [f"t{n}" for n in range(read.place.depth)] + [f"e{n}" for n in range(len(read.array.extents))]
    domain = domain_texts(read.place, names, "t", Precision.MAY)
    parts = []
    for write in writes:
        if not write.is_certain(loop):
            continue
        element = _elements(model, write, loop, "w")
        order = before(model, write, read, ("w", "t"), depth)
        if element is None or order is None:
            continue
        # The iteration of the outer loops is the reader's: their bounds need not hold again exactly.
        same = [f"w{n} = t{n}" for n in range(depth)]
        must = _inner_domain(model, write, loop, "w")
        instance = [f"w{n}" for n in range(write.place.depth)]
        parts.append(
            model.solver.set(model.text(variables, [_exists(instance, [*same, *must, *element, order])]))
        )
    if not parts:
        return False
    return model.solver.is_covered(model.solver.set(model.text(variables, [*domain, *wanted])), parts)


def _inner_domain(model: Model, reference: Reference, loop: Loop | None, name: str) -> list[str]:
    """Certain instances of a statement inside one iteration of `loop` (None: of the whole nest)."""
    place, names = reference.place, model.names
    loops = {around.id: f"{name}{n}" for n, around in enumerate(place.loops)}
    first = 0 if loop is None else [around.id for around in place.loops].index(loop.id) + 1
    texts: list[str] = []
    for n, around in enumerate(place.loops):
        if n >= first:
            texts += loop_texts(around, names, loops, Precision.MUST)
    all_texts = domain_texts(place, names, name, Precision.MUST)
    guards = len(place.statement.guards)
    return texts + (all_texts[-guards:] if guards else [])


def written_always(model: Model, loop: Loop, write: Reference) -> bool:
    """Whether every iteration of `loop` certainly runs this write."""
    if not write.is_certain(loop):
        return False
    path = path_to(model.nest, loop.id)
    variables = [f"t{n}" for n in range(len(path))]
    loops = {around.id: f"t{n}" for n, around in enumerate(path)}
    reached = [text for around in path for text in loop_texts(around, model.names, loops, Precision.MAY)]
    same = [f"w{n} = t{n}" for n in range(len(path))]
    instance = [f"w{n}" for n in range(write.place.depth)]
    inner = _inner_domain(model, write, loop, "w")
    some = model.solver.set(model.text(variables, [_exists(instance, [*same, *inner])]))
    return model.solver.is_covered(model.solver.set(model.text(variables, reached)), [some])


def runs_at_least_once(model: Model, loop: Loop) -> bool:
    """Whether the loop certainly runs an iteration each time that it is reached."""
    if not loop.step or not loop.lower or not loop.upper:
        return False
    path = path_to(model.nest, loop.id)
    depth = len(path) - 1
    loops = {around.id: f"t{n}" for n, around in enumerate(path)}
    reached = [text for around in path[:-1] for text in loop_texts(around, model.names, loops, Precision.MAY)]
    variables = [f"t{n}" for n in range(depth)]
    must = loop_texts(loop, model.names, loops, Precision.MUST)
    some = model.solver.set(model.text(variables, [_exists([f"t{depth}"], must)]))
    return model.solver.is_covered(model.solver.set(model.text(variables, reached)), [some])


def needed_after(model: Model, loop: Loop, references: tuple[Reference, ...]) -> bool:
    """Whether a read outside of `loop`, but in the nest, may take a value that the loop wrote."""
    writes = [r for r in references if r.is_write and r.under(loop)]
    others = [r for r in references if r.is_write and not r.under(loop) and r.is_certain()]
    reads = [r for r in references if not r.is_write and not r.under(loop)]
    return any(_reaches(model, write, read, others) for read in reads for write in writes)


def _reaches(model: Model, write: Reference, read: Reference, others: list[Reference]) -> bool:
    """Whether a value written may still be there when it is read: no certain write of `others` in between."""
    root = model.nest.root
    if any(not loop.step for loop in (*write.place.loops, *read.place.loops)):
        return True
    order = before(model, write, read, ("s", "t"), 0)
    if order is None:
        return False
    same, _ = model.same_element(write, read, root, ("s", "t"))
    domains = [
        *domain_texts(write.place, model.names, "s", Precision.MAY),
        *domain_texts(read.place, model.names, "t", Precision.MAY),
    ]
    variables = model.pair_variables(write.place, read.place)
    pairs = model.solver.set(model.text(variables, [*same, *domains, order]))
    parts = []
    for other in others:
        after, until = before(model, write, other, ("s", "w"), 0), before(model, other, read, ("w", "t"), 0)
        element, exact = model.same_element(other, read, root, ("w", "t"))
        if after is None or until is None or not exact:
            continue
        must = domain_texts(other.place, model.names, "w", Precision.MUST)
        instance = [f"w{n}" for n in range(other.place.depth)]
        parts.append(
            model.solver.set(model.text(variables, [_exists(instance, [*must, *element, after, until])]))
        )
    return not model.solver.is_covered(pairs, parts)
