"""restrict: pointer parameters that are the only way to their objects say so.

Without it the compiler has to fear that a store through one pointer changes what another leads to: it gives
up on vectors, or writes the loop twice with a check before it, and reads again what it could keep.

Proof obligation: while the function runs, nothing that is modified is reached both through the parameter and
by another way (C11 6.7.3.1p4; `analysis.pointer_parameters`): of a kernel's function the task promises that
its arrays are apart; of others every call is seen and hands over different objects. Only the definition
changes: qualifiers of a parameter itself are no part of a function's type (C11 6.7.6.3p15), so that
declarations without it, in protected headers too, stay right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.analysis.ir import Loop, PointerParameter, Storage
from loopwright.core.task import Language
from loopwright.moves.move import (
    Declined,
    NestSource,
    Proposal,
    Refusal,
    accessed,
    proposal,
    refusal,
    written,
)
from loopwright.moves.rewrite import Replacement, apply, blanked

FAMILY = "restrict"
_SLIGHT = 1.05
"""Hoped-for gain where nothing is known of what the compiler makes of the loop (see `agents.ranking`)."""


class Restrict:
    """Proposes `restrict` for the pointer parameters of a function whose loops write through one of them."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        touched = _in_doubt(source)
        pointers = [p for p in source.nest.pointers if p.name in touched and not p.is_restrict]
        root = source.nest.root
        for pointer in pointers:
            if pointer.reason:
                yield refusal(source, root, FAMILY, pointer.reason)
        proved = [p for p in source.nest.pointers if not p.reason and not p.is_restrict]
        if any(p in proved for p in pointers):
            try:
                yield _edit(source, root, proved)
            except Declined as reason:
                yield refusal(source, root, FAMILY, str(reason))


def _in_doubt(source: NestSource) -> frozenset[str]:
    """Names of what the nest reaches through pointers, when it writes some of it and there are several."""
    nest = source.nest
    pointed = {id: nest.array(id) for id in accessed(nest.root) if nest.array(id).storage is Storage.POINTED}
    changed = [id for id in pointed if id in written(nest.root.statements())]
    if not changed or len(pointed) < 2:
        return frozenset()
    types = {pointed[id].dtype.removeprefix("const ") for id in changed}
    same = [a for a in pointed.values() if a.dtype.removeprefix("const ") in types]
    return frozenset(a.name for a in same) if len(same) > 1 else frozenset()


def _edit(source: NestSource, root: Loop, pointers: list[PointerParameter]) -> Proposal:
    changes: list[Replacement] = []
    named: list[PointerParameter] = []
    for pointer in pointers:
        change = _qualified(source, pointer)
        if change is not None:
            changes.append(change)
            named.append(pointer)
    if not changes:
        raise Declined("its parameters are written in a way that takes no qualifier")
    names = ", ".join(p.name for p in named)
    kernel, function = source.kernel, source.nest.function
    promised = kernel is not None and kernel.restrict and kernel.function == function
    why = "the task promises that its arrays are apart"
    why = why if promised else "every call of it hands over different objects"
    proof = (
        f"while {function} runs, nothing that is modified is reached through one of {names} and by another "
    )
    proof += f"way too: {why}"
    if any(p.by_type for p in named):
        proof += "; some of it by their element types (C11 6.5p7; not under -fno-strict-aliasing)"
    return proposal(
        source,
        root,
        FAMILY,
        content=apply(source.data, changes),
        title=f"restrict for {names} of {function}",
        proof=f"{proof}.",
        factor=_SLIGHT,
        details={"end_line": str(root.range.end_line), "parameters": names},
    )


def _qualified(source: NestSource, pointer: PointerParameter) -> Replacement | None:
    """The insertion of the qualifier; None where the declaration has no place for it.

    Raises:
        Declined: when the declaration is not where the parser said.
    """
    code = blanked(source.data)[pointer.start : pointer.end].decode("latin-1")
    found = re.search(rf"(?<!\w){re.escape(pointer.name)}(?=\s*(?:\)|\[|$))", code)
    if found is None:
        raise Declined(f"the declaration of {pointer.name} was not found as the parser said")
    before = re.search(r"\*\s*(?=(?:const\s+)?$)", code[: found.start()])
    if before is not None and code[: found.start()].count("*") == 1:
        word = "restrict " if source.language is Language.C else "__restrict "
        at = pointer.start + before.end()
        return Replacement(at, at, word.encode())
    bracket = re.match(r"\s*\[\s*(?P<size>[^\]\s])?", code[found.end() :])
    if bracket is None or source.language is not Language.C or "*" in code[: found.start()]:
        return None
    at = pointer.start + found.end() + code[found.end() :].index("[") + 1
    return Replacement(at, at, b"restrict " if bracket["size"] else b"restrict")
