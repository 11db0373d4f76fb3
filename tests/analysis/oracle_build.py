"""Short ways to write a loop nest in the IR by hand, for tests of dependence analysis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from loopwright.analysis.ir import (
    Access,
    AccessKind,
    Affine,
    Array,
    Constraint,
    Loop,
    LoopNest,
    Parameter,
    Relation,
    SourceRange,
    Statement,
    Storage,
    Unknown,
)

_TERM = re.compile(r"([+-]?)\s*(?:(\d+)\s*\*\s*)?([A-Za-z_]\w*|\d+)")


def at(line: int) -> SourceRange:
    return SourceRange("test.c", 0, 0, line, 1, line)


def form(text: str | int) -> Affine | None:
    """form("2*i - j + 3"); "?" is what is not affine."""
    text = str(text).strip()
    if text == "?":
        return None
    result = Affine()
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        assert match, text
        sign = -1 if match[1] == "-" else 1
        factor = sign * int(match[2] or 1)
        result += Affine(factor * int(match[3])) if match[3].isdigit() else Affine.of(0, **{match[3]: factor})
        position = match.end()
        while position < len(text) and text[position] == " ":
            position += 1
    return result


def forms(value: str | int | None) -> tuple[Affine, ...] | None:
    if value is None:
        return None
    found = [form(part) for part in str(value).split(";")]
    return tuple(f for f in found if f is not None)


class Builder:
    """Numbers statements and lines; `arrays` are collected from what the statements touch."""

    def __init__(self) -> None:
        self.line = 0
        self.statements = 0
        self.ranks: dict[str, int] = {}

    def loop(
        self, id: str, lower: Any, upper: Any, *body: Loop | Statement, step: int | None = 1, **more: Any
    ) -> Loop:
        self.line += 1
        place = at(self.line)
        return Loop(
            id,
            more.pop("variable", id),
            forms(lower),
            forms(upper),
            step,
            body,
            place,
            place,
            place,
            place,
            place,
            place,
            **more,
        )

    def access(self, text: str, kind: AccessKind, reduction: str | None = None, line: int = 1) -> Access:
        """access("a[i][j+1]")."""
        name, *rest = text.split("[")
        subscripts = tuple(form(part.rstrip("]")) for part in rest)
        self.ranks[name] = len(subscripts)
        return Access(name, kind, subscripts, at(line), reduction)

    def st(
        self,
        writes: str,
        reads: str = "",
        *,
        op: str | None = None,
        guards: Sequence[str] = (),
        exact: bool = True,
        unknowns: Sequence[str] = (),
    ) -> Statement:
        """st("a[i] t", "b[i] c[i+1]"): reads first, then writes. With `op` what is written is read too.

        Guards are forms that are >= 0.
        """
        self.line += 1
        self.statements += 1
        line = self.line
        accesses = [self.access(r, AccessKind.READ, None, line) for r in reads.split()]
        for write in writes.split():
            if op is not None:
                accesses.append(self.access(write, AccessKind.READ, op, line))
            accesses.append(self.access(write, AccessKind.WRITE, op, line))
        constraints = []
        for guard in guards:
            parsed = form(guard)
            assert parsed is not None
            constraints.append(Constraint(parsed, Relation.GE))
        return Statement(
            f"S{self.statements}",
            at(line),
            tuple(accesses),
            tuple(constraints),
            exact,
            unknowns=tuple(Unknown(u, line) for u in unknowns),
        )

    def nest(
        self,
        root: Loop,
        *,
        parameters: Sequence[str] = ("n",),
        arrays: dict[str, dict[str, Any]] | None = None,
        **more: Any,
    ) -> LoopNest:
        """The nest. Unless `arrays` says otherwise arrays are global, scalars local and dead after it."""
        made = []
        for name, rank in self.ranks.items():
            said: dict[str, Any] = {
                "storage": Storage.GLOBAL if rank else Storage.LOCAL,
                "live_out": bool(rank),
                "is_float": True,
                "extents": (None,) * rank,
                **(arrays or {}).get(name, {}),
            }
            made.append(Array(name, name, said.pop("dtype", "double"), said.pop("element_bytes", 8), **said))
        known = tuple(p if isinstance(p, Parameter) else Parameter(p, p) for p in parameters)
        return LoopNest("f", root, tuple(made), known, **more)
