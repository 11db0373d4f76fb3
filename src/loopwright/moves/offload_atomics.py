"""Array reductions on a device: every update of an element is atomic, and all threads share one copy.

On a CPU each thread gets a private copy of the array (:mod:`loopwright.moves.sections`); a device has too
many threads for that. The proof that the loop only combines into the array is the same; with `omp atomic`
each combination is one step (OpenMP 5.2, 15.8.4).
"""

from __future__ import annotations

import re
from dataclasses import replace

from loopwright.analysis.ir import Loop
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.rewrite import Replacement, blanked, code, indentation, line_start, newline

_LINE = b"#pragma omp atomic"
_OPERATORS = frozenset({"+", "*", "&", "|", "^"})


def reduced_arrays(source: NestSource, loop: Loop) -> tuple[str, ...]:
    """Ids of the arrays that `loop` combines into."""
    facts = source.facts_of(loop)
    return tuple(
        r.variable for r in facts.reductions if r.is_array or not source.nest.array(r.variable).is_scalar
    )


def without_reductions(source: NestSource, loop: Loop, arrays: tuple[str, ...]) -> NestSource:
    """The source as if the loop did not combine into `arrays`: their updates will be atomic."""
    facts = source.facts_of(loop)
    kept = replace(facts, reductions=tuple(r for r in facts.reductions if r.variable not in arrays))
    return replace(source, facts=replace(source.facts, loops={**source.facts.loops, loop.id: kept}))


def atomic_updates(source: NestSource, loop: Loop, arrays: tuple[str, ...]) -> tuple[Replacement, ...]:
    """The directives before all statements of `loop` that update `arrays`.

    Raises:
        Declined: when an update is not one that OpenMP can make in one step, or shares its line.
    """
    operators = {r.variable: r.op for r in source.facts_of(loop).reductions}
    data, made = source.data, []
    for statement in loop.statements():
        touched = {access.array for access in statement.accesses} & set(arrays)
        if not touched:
            continue
        text = code(data, statement.range.start, statement.range.end).rstrip("; ")
        if len(touched) > 1 or not _is_update(text, operators[touched.pop()]):
            raise Declined(f"'{text}' is no update that can be made in one step")
        start = statement.range.start
        first = line_start(data, start)
        if data[first:start] != indentation(data, start) or b";" in blanked(data)[first:start]:
            raise Declined(f"'{text}' shares its line")
        made.append(Replacement(first, first, indentation(data, start) + _LINE + newline(data, start)))
    return tuple(made)


def _is_update(text: str, operator: str) -> bool:
    if operator not in _OPERATORS:
        return False
    target = r"[A-Za-z_]\w*(?:\s*\[.*\])+"
    if operator == "+" and re.fullmatch(rf"(?:\+\+|--)\s*{target}|{target}\s*(?:\+\+|--)", text):
        return True
    written = r"[+-]" if operator == "+" else re.escape(operator)
    return re.fullmatch(rf"{target}\s*{written}=(?!=).*", text) is not None
