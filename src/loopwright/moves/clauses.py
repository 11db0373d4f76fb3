"""The data-sharing clauses of a loop: what its facts say, in the words of OpenMP."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.analysis.facts import Answer, LoopFacts, Reduction
from loopwright.analysis.ir import Array, Loop, Storage
from loopwright.moves.canonical import is_name
from loopwright.moves.move import Declined, NestSource, accessed
from loopwright.moves.rewrite import blanked
from loopwright.moves.sections import STACK_BYTES, Section, constant_elements, section_of

OPERATORS = frozenset({"+", "*", "min", "max", "&", "|", "^", "&&", "||"})


@dataclass(frozen=True)
class Clauses:
    """What has to be written behind a directive, and the reasons in words."""

    private: tuple[str, ...] = ()
    last_private: tuple[str, ...] = ()
    reductions: tuple[tuple[str, str], ...] = ()
    """Operator and list item."""
    sections: tuple[Section, ...] = ()
    """Those of `reductions` for which more than the directive has to be written."""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As written in the source, with a space before each clause; empty when there is nothing to say."""
        parts = []
        if self.private:
            parts.append(f"private({', '.join(self.private)})")
        if self.last_private:
            parts.append(f"lastprivate({', '.join(self.last_private)})")
        return "".join(f" {part}" for part in (*parts, *self._reduction_parts))

    @property
    def summary(self) -> str:
        """For a title: `, reduction(+: sum)` or nothing."""
        return "".join(f", {part}" for part in self._reduction_parts)

    @property
    def _reduction_parts(self) -> list[str]:
        operators = dict.fromkeys(op for op, _ in self.reductions)
        return [f"reduction({o}: {', '.join(i for op, i in self.reductions if op == o)})" for o in operators]


def sums_reordered(source: NestSource, loop: Loop) -> tuple[bool, bool]:
    """Whether floating-point sums of `loop` would be added in another order, and some in single precision:
    these then differ in the seventh digit, which few programs' outputs may.
    """
    sums = [source.nest.array(r.variable) for r in source.facts_of(loop).reductions if not r.exact]
    return bool(sums), any(array.element_bytes <= 4 for array in sums)


def require_parallel(facts: LoopFacts) -> None:
    """Raise Declined unless the iterations are proved independent."""
    if facts.parallel is Answer.PROVED:
        return
    if facts.reason:
        raise Declined(facts.reason)
    reasons = []
    for dependence in facts.carried[:2]:
        lines = f"line {dependence.source_line} to line {dependence.sink_line}"
        reasons.append(f"{dependence.kind} dependence on {dependence.array} from {lines}")
    reasons += [f"{u.reason} (line {u.line})" if u.line else u.reason for u in facts.unknowns[:2]]
    words = (
        "iterations depend on each other" if facts.parallel is Answer.REFUTED else "not proved independent"
    )
    raise Declined("; ".join([words, *dict.fromkeys(reasons)]))


def clauses_for(source: NestSource, loop: Loop, *, inner_variables: bool, arrays: bool) -> Clauses:
    """The clauses under which `loop` may run in parallel, its facts being proved.

    Args:
        inner_variables: also make private the variables of inner loops that are declared outside `loop`
            (needed by threads, not by simd, whose loops have none inside).
        arrays: whether array reductions may be used.

    Raises:
        Declined: when a clause cannot be written.
    """
    facts = source.facts_of(loop)
    # The analysis lists the variables of inner loops by name among the private objects.
    counters = {inner.variable: inner for inner in loop.walk() if not inner.declared_here}
    private = [
        _private(source, loop, facts, i)
        for i in facts.private
        if i not in counters and not _inside(source, loop, i)
    ]
    last = [i if i in counters else _last_private(source.nest.array(i)) for i in facts.last_private]
    if loop.live_out_variable and not loop.declared_here and loop.variable not in last:
        raise Declined(f"its variable '{loop.variable}' may be read after the loop")
    if inner_variables:
        private += [name for name in _inner_variables(source, loop, frozenset(last)) if name not in last]
    reductions: list[tuple[str, str]] = []
    notes: list[str] = []
    sections: list[Section] = []
    for reduction in facts.reductions:
        item, found = _reduction(source, reduction, arrays=arrays)
        sections += [found] if found is not None else []
        reductions.append((reduction.op, item))
    for exact in (True, False):
        names = [f"{r.variable} ({r.op})" for r in facts.reductions if r.exact is exact]
        words = (
            "which gives the same in any order" if exact else "in another order, so the rounding may differ"
        )
        if names:
            notes.append(f"only combined, {words}: {', '.join(names)}")
    extremes = [r.variable for r in facts.reductions if r.op in ("min", "max")]
    if floats := [name for name in extremes if source.nest.array(name).is_float]:
        notes.append(
            f"taken to be a number before the loop, and one zero as good as another: {', '.join(floats)}"
        )
    private = [name for name in dict.fromkeys(private) if name not in last]
    if private:
        notes.append(f"{', '.join(private)}: written before read in every iteration, not needed afterwards")
    if last:
        notes.append(f"{', '.join(last)}: written in every iteration, the last value is copied out")
    return Clauses(
        tuple(private), tuple(dict.fromkeys(last)), tuple(reductions), tuple(sections), tuple(notes)
    )


def _inside(source: NestSource, loop: Loop, id: str) -> bool:
    declared = source.nest.array(id).declared_in
    return declared is not None and declared in {inner.id for inner in loop.walk()}


def _private(source: NestSource, loop: Loop, facts: LoopFacts, id: str) -> str:
    array = source.nest.array(id)
    _require_own(array, "private")
    base = re.split(r"\.", array.name)[0]
    if not is_name(base) or "->" in array.name:
        raise Declined(f"'{array.name}' cannot be named in a private clause")
    if base != array.name:
        members = [i for i in accessed(loop) if source.nest.array(i).name.startswith(f"{base}.")]
        if any(member not in facts.private for member in members):
            raise Declined(f"only some members of '{base}' are private to an iteration")
    _require_small(array)
    return base


def _last_private(array: Array) -> str:
    _require_own(array, "lastprivate")
    if not is_name(array.name) or not array.is_scalar:
        raise Declined(f"'{array.name}' cannot be named in a lastprivate clause")
    return array.name


def _require_own(array: Array, clause: str) -> None:
    if array.storage is Storage.POINTED:
        raise Declined(
            f"'{array.name}' is reached through a pointer: a {clause} clause would copy the pointer only"
        )


def _require_small(array: Array) -> None:
    elements = constant_elements(array)
    if elements is None:
        raise Declined(
            f"'{array.name}' has a length known only at run time: a private copy may overflow the stack"
        )
    if elements * max(1, array.element_bytes) > STACK_BYTES:
        raise Declined(
            f"private copies of '{array.name}' would take more than {STACK_BYTES >> 10} KiB of every stack"
        )


def _reduction(source: NestSource, reduction: Reduction, *, arrays: bool) -> tuple[str, Section | None]:
    array = source.nest.array(reduction.variable)
    if reduction.op not in OPERATORS:
        raise Declined(f"OpenMP has no reduction with '{reduction.op}'")
    if array.is_scalar and not reduction.is_array:
        if not is_name(array.name):
            raise Declined(f"'{array.name}' cannot be named in a reduction clause")
        if array.storage is Storage.POINTED:
            raise Declined(
                f"'{array.name}' is reached through a pointer: a reduction would combine the pointers"
            )
        return array.name, None
    if not arrays:
        raise Declined(f"it reduces into the array '{array.name}'")
    if is_name(array.name) and array.storage is not Storage.POINTED and constant_elements(array) is not None:
        _require_small(array)
        return array.name, None
    section = section_of(source, array)
    return f"{section.name}[:{section.length}]", section if section.is_conditional or section.first else None


def _inner_variables(source: NestSource, loop: Loop, copied_out: frozenset[str]) -> list[str]:
    """Variables of inner loops that live outside of `loop`: OpenMP shares them in C and C++ unless told."""
    names = []
    for inner in loop.walk()[1:]:
        if inner.declared_here or _declared_between(source.data, loop, inner):
            continue
        if inner.live_out_variable and inner.variable not in copied_out:
            raise Declined(f"the variable '{inner.variable}' of an inner loop may be read after that loop")
        if not is_name(inner.variable):
            raise Declined(f"the variable '{inner.variable}' of an inner loop is not a plain name")
        names.append(inner.variable)
    return names


def _declared_between(data: bytes, loop: Loop, inner: Loop) -> bool:
    text = blanked(data)[loop.body.start : inner.range.start].decode("utf-8", "replace")
    name = re.escape(inner.variable)
    declaration = re.compile(
        rf"\s*(?!else\b|return\b)(?:[A-Za-z_][\w:]*\s+)+(?:[^=]*,\s*|\w+\s*=.*,\s*)?{name}\s*(?:=|,|$)"
    )
    return any(declaration.match(piece) for piece in re.split(r"[;{}]", text))
