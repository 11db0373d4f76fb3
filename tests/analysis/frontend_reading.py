"""Reading small sources in tests, and the IR as short text to compare with."""

from __future__ import annotations

import re

from loopwright.analysis.dependence import analyse
from loopwright.analysis.facts import Answer
from loopwright.analysis.frontend import SourceFacts, read_nests
from loopwright.analysis.ir import Access, Affine, Loop, LoopNest, Statement
from loopwright.core.task import Kernel, Language
from loopwright.core.tree import Tree


def facts(source: str, language: Language = Language.C, kernel: Kernel | None = None) -> SourceFacts:
    name = "t.cpp" if language is Language.CXX else "t.c"
    return read_nests(Tree({name: source.encode()}), [name], language, kernel=kernel)


def nests(source: str, language: Language = Language.C, kernel: Kernel | None = None) -> tuple[LoopNest, ...]:
    found = facts(source, language, kernel)
    assert not found.unreadable, found.unreadable
    return found.nests


def nest(source: str, language: Language = Language.C, kernel: Kernel | None = None) -> LoopNest:
    found = nests(source, language, kernel)
    assert len(found) == 1, [n.function for n in found]
    return found[0]


def proved(source: str, language: Language = Language.C, function: str = "f") -> bool:
    """Whether the outermost loop of every nest in the function is proved parallel."""
    found = [n for n in nests(source, language) if function in (n.function, re.split(r"[(<]", n.function)[0])]
    assert found, "no loop was read"
    return all(analyse(n).loops[n.root.id].parallel is Answer.PROVED for n in found)


def cxx(source: str) -> LoopNest:
    return nest(source, Language.CXX)


def form(affine: Affine | None) -> str:
    """As in "2*i+j-1"; "?" for None."""
    if affine is None:
        return "?"
    parts = []
    for symbol, coefficient in affine.terms:
        sign = "-" if coefficient < 0 else "+"
        factor = "" if abs(coefficient) == 1 else f"{abs(coefficient)}*"
        parts.append(f"{sign}{factor}{symbol}")
    if affine.constant or not parts:
        parts.append(f"{affine.constant:+d}")
    return "".join(parts).removeprefix("+")


def access(one: Access) -> str:
    """As in "W a[i][j]" or "R s (+)"."""
    where = "".join(f"[{form(s)}]" for s in one.subscripts)
    mark = f" ({one.reduction})" if one.reduction else ""
    return f"{'R' if one.kind == 'read' else 'W'} {one.array}{where}{mark}"


def accesses(statement: Statement) -> list[str]:
    return [access(a) for a in statement.accesses]


def touched(found: LoopNest, array: str) -> list[str]:
    """All accesses to one array in the nest, in order."""
    return [access(a) for s in found.root.statements() for a in s.accesses if a.array == array]


def bounds(loop: Loop) -> str:
    """As in "i: 0 <= . < n step 1"."""
    lower = "?" if loop.lower is None else ",".join(form(b) for b in loop.lower)
    upper = "?" if loop.upper is None else ",".join(form(b) for b in loop.upper)
    return f"{loop.id}: {lower} <= . < {upper} step {loop.step}"


def problems(loop: Loop) -> str:
    return "; ".join(p.reason for p in loop.problems)


def unknowns(found: LoopNest) -> str:
    return "; ".join(u.reason for s in found.root.statements() for u in s.unknowns)


def apart(found: LoopNest, first: str, second: str) -> bool:
    return (min(first, second), max(first, second)) in found.disjoint
