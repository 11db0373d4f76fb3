"""Facts about a loop as one sentence for people."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.analysis.facts import Answer, Dependence, LoopFacts
from loopwright.analysis.ir import LoopNest

_OPERATION_WORDS = {"+": "sum", "*": "product", "min": "minimum", "max": "maximum"}


def described(facts: LoopFacts, nest: LoopNest, written: Sequence[str]) -> str:
    """Why the loop is parallel, or why not, or what is not known."""
    names = {array.id: array.name for array in nest.arrays}
    if facts.parallel is Answer.PROVED:
        return "parallel: " + "; ".join(_conditions(facts, names, written))
    if facts.parallel is Answer.REFUTED:
        words = list(dict.fromkeys(_dependence_words(d, names) for d in facts.carried))
        return "not parallel: " + "; ".join([*words[:3], *_more(len(words), 3)])
    reasons = list(dict.fromkeys(_at(u.reason, u.line) for u in facts.unknowns))
    return "unknown: " + "; ".join([*reasons[:3], *_more(len(reasons), 3)])


def _more(count: int, shown: int) -> list[str]:
    return [f"and {count - shown} more"] if count > shown else []


def _at(reason: str, line: int) -> str:
    return f"{reason} (line {line})" if line else reason


def _conditions(facts: LoopFacts, names: dict[str, str], written: Sequence[str]) -> list[str]:
    special = {*facts.private, *facts.last_private, *(r.variable for r in facts.reductions)}
    shared = [names.get(id, id) for id in written if id not in special]
    parts = []
    if shared:
        parts.append(f"no two iterations touch one written element of {', '.join(shared)}")
    for reduction in facts.reductions:
        word = _OPERATION_WORDS.get(reduction.op, f"'{reduction.op}'")
        rounding = "" if reduction.exact else " (rounding may change)"
        parts.append(f"{names.get(reduction.variable, reduction.variable)} is a {word} reduction{rounding}")
    if facts.private:
        parts.append(f"private: {', '.join(names.get(id, id) for id in facts.private)}")
    if facts.last_private:
        parts.append(f"the last value is kept of {', '.join(names.get(id, id) for id in facts.last_private)}")
    return parts or ["nothing outside of an iteration is written"]


def _dependence_words(dependence: Dependence, names: dict[str, str]) -> str:
    name = names.get(dependence.array, dependence.array)
    verbs = {
        "flow": "read after it is written",
        "anti": "written after it is read",
        "output": "written again",
    }
    lines = f"line {dependence.source_line}"
    if dependence.sink_line != dependence.source_line:
        lines = f"lines {dependence.source_line} and {dependence.sink_line}"
    nonzero = [d for d in dependence.distance if d != 0]
    far = ""
    if len(nonzero) == 1 and nonzero[0] is not None:
        far = f", {nonzero[0]} iteration{'s' if nonzero[0] != 1 else ''} later"
    return f"{name} is {verbs[dependence.kind]} by another iteration ({lines}{far})"
