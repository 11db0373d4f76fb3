"""Sums kept in a scalar become sums kept in the result row, so that the inner loop runs along memory.

    for j { s = init; for k s += a(k) * b(k, j); c(j) = s; }
becomes
    for j c(j) = init;   for k for j c(j) += a(k) * b(k, j);

This is scalar expansion of s into c, loop fission and interchange of j and k (Wolfe, High Performance
Compilers for Parallel Computing, 1996, sections 9.4 and 9.6), in one step because neither pays alone.

Proof obligation: different iterations of j write different elements of c; nothing else in the nest reads or
overlaps c; the bounds of k do not depend on j, nor those of j on anything written; c has the type of s. Each
element then receives the same terms in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loopwright.analysis.ir import AccessKind, Affine, Array, Loop, Statement
from loopwright.core.task import Target
from loopwright.moves.canonical import governing_openmp, has_top_level, require_untroubled
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal
from loopwright.moves.parallel_for import parallel_clauses, parallel_proof
from loopwright.moves.products import mentioned
from loopwright.moves.rewrite import (
    Replacement,
    apply,
    blanked,
    code,
    in_statement_list,
    indent_unit,
    indentation,
    newline,
    place_before,
    pragma_before,
)
from loopwright.moves.strides import Stride, lines_per_iteration, stride

FAMILY = "accumulate-in-place"
FACTOR = 4.0
"""Hoped-for gain of the inner loop: stride 1 instead of one cache line an iteration, and vectors."""


@dataclass(frozen=True)
class _Sum:
    """The pieces of the pattern, as source text. `start` is None when c itself holds the first value;
    `finish` is the statement after the sum when it is more than a copy, in terms of c.
    """

    rows: Loop
    terms: Loop
    target: str
    array: str
    operator: str
    term: str
    start: str | None
    finish: str | None
    rounding: bool = False
    scalar: str = ""


class AccumulateInPlace:
    """Proposes the rewriting of sums over a strided access, alone and with `parallel for` around it."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        for rows in source.nest.root.walk():
            if len(rows.loops) != 1 or rows.is_perfect or rows.loops[0].loops or not _gains(source, rows):
                continue
            try:
                yield from _edits(source, rows)
            except Declined as reason:
                yield refusal(source, rows, FAMILY, str(reason))


def _edits(source: NestSource, rows: Loop) -> Iterator[Proposal]:
    found = _match(source, rows)
    _require_legal(source, found)
    replacement = _rewritten(source, found)
    terms = f"{found.rows.variable} and {found.terms.variable}"
    kept = f"{found.scalar} kept in {found.target}" if found.scalar else f"{found.target} filled row-wise"
    proof = (
        f"{found.array} is written at a different element for each {rows.variable}, is not read otherwise "
        f"and overlaps nothing that the loops over {terms} read; the bounds of {found.terms.variable} do not "
        f"depend on {rows.variable}; every element receives the same terms in the same order"
    )
    if found.rounding:
        proof += ", but starting from its old value instead of adding it last, so the rounding may differ"
    title = f"{kept}, loops {terms} exchanged ({source.file}:{rows.range.line})"
    around = _parallel_around(source, rows)
    if around is not None:
        outer, pragma, why = around
        yield proposal(
            source,
            rows,
            FAMILY,
            content=apply(source.data, [replacement, place_before(source.data, outer, pragma)]),
            title=f"{title}; parallel for over {label(outer)}",
            proof=f"{proof}; {why}",
            factor=FACTOR * 0.9 * source.threads,
            details={"directive": pragma},
        )
    yield proposal(
        source,
        rows,
        FAMILY,
        content=apply(source.data, [replacement]),
        title=title,
        proof=f"{proof}.",
        factor=FACTOR,
    )


def _parallel_around(source: NestSource, rows: Loop) -> tuple[Loop, str, str] | None:
    """The outermost loop around `rows` that can take `parallel for`, the directive, and the proof."""
    if source.target is not Target.OPENMP:
        return None
    for outer in source.ancestors(rows):
        if pragma_before(source.data, outer.range.start):
            return None
        try:
            clauses = parallel_clauses(source, outer)
        except Declined:
            continue
        if clauses.sections:
            return None
        pragma = f"#pragma omp parallel for schedule(static){clauses.text}"
        return outer, pragma, parallel_proof(source, outer, clauses)
    return None


# -- recognising


def _match(source: NestSource, rows: Loop) -> _Sum:
    data, items = source.data, rows.body_items
    terms = rows.loops[0]
    if len(terms.body_items) != 1 or not isinstance(terms.body_items[0], Statement):
        raise Declined("its inner loop does more than one sum")
    update = terms.body_items[0]
    before = [item for item in items[: items.index(terms)] if isinstance(item, Statement)]
    after = [item for item in items[items.index(terms) + 1 :] if isinstance(item, Statement)]
    if len(before) > 1 or len(after) > 1:
        raise Declined("the loop does more than one sum")
    statements = [*before, update, *after]
    if any(s.guards or not s.exact_guards or s.is_condition or s.unknowns for s in statements):
        raise Declined("a condition decides about the sum")
    left, operator, term = _update(code(data, update.range.start, update.range.end))
    sums = _only_written(source, update)
    if sums.is_scalar and len(before) == 1 and len(after) == 1:
        return _through_scalar(source, rows, terms, before[0], after[0], sums, operator, term, left)
    if not sums.is_scalar and not after and len(before) == 1:
        start_left, start_op, start = _assignment(code(data, before[0].range.start, before[0].range.end))
        if start_op != "=" or start_left.replace(" ", "") != left.replace(" ", ""):
            raise Declined(f"'{left}' is not set before the sum")
        if _only_written(source, before[0]).id != sums.id:
            raise Declined(f"'{left}' is not set before the sum")
        return _Sum(rows, terms, left, sums.id, operator, term, start, None)
    raise Declined("the loop is not a sum with one start and one result")


def _through_scalar(
    source: NestSource,
    rows: Loop,
    terms: Loop,
    begin: Statement,
    end: Statement,
    scalar: Array,
    operator: str,
    term: str,
    left: str,
) -> _Sum:
    data, name = source.data, scalar.name
    facts = source.facts_of(rows)
    if left != name or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise Declined("the sum is not kept in a plain variable")
    if scalar.declared_in != rows.id and (scalar.id not in facts.private or scalar.id in facts.last_private):
        raise Declined(f"'{name}' may be needed after an iteration of the loop")
    start_left, start_op, start = _assignment(code(data, begin.range.start, begin.range.end))
    if start_op != "=" or start_left.split()[-1:] != [name] or _only_written(source, begin).id != scalar.id:
        raise Declined(f"'{name}' is not set before the sum")
    target, store_op, value = _assignment(code(data, end.range.start, end.range.end))
    result = _only_written(source, end)
    if result.is_scalar or result.dtype != scalar.dtype:
        raise Declined(f"the result '{target}' is not an array of the type of '{name}', {scalar.dtype}")
    first: str | None = start
    if start.replace(" ", "") == target.replace(" ", ""):
        first = None
    pieces = (rows, terms, target, result.id, operator, term)
    if store_op == "=":
        plain = re.fullmatch(rf"\(?\s*{name}\s*\)?", value) is not None
        finish = None if plain else f"{target} = {_with(value, name, target)};"
        return _Sum(*pieces, first, finish, scalar=name)
    if (
        store_op == "+="
        and value == name
        and re.fullmatch(r"[-+]?0*\.?0*[fFlL]?", start)
        and first is not None
    ):
        return _Sum(*pieces, None, None, rounding=True, scalar=name)
    raise Declined(f"the result is stored with '{store_op}'")


def _assignment(text: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"(?P<left>[^=;]+?)\s*(?P<op>[-+*/]?=)(?!=)\s*(?P<right>[^;]+?)\s*;?", text)
    if match is None or has_top_level(match["right"], ",=") or has_top_level(match["left"], ","):
        raise Declined(f"'{text}' is not a simple assignment")
    return match["left"].strip(), match["op"], match["right"].strip()


def _update(text: str) -> tuple[str, str, str]:
    left, op, right = _assignment(text)
    if op in ("+=", "-="):
        return left, op, right
    match = re.fullmatch(rf"{re.escape(left)}\s*\+\s*(?P<term>.+)", right)
    if op == "=" and match is not None and not has_top_level(match["term"], "+-?<>=&|^"):
        return left, "+=", match["term"]
    raise Declined(f"'{text}' is not a sum")


def _with(expression: str, name: str, replacement: str) -> str:
    return re.sub(rf"(?<![\w.>]){re.escape(name)}\b", lambda _: replacement, expression)


def _only_written(source: NestSource, statement: Statement) -> Array:
    targets = {a.array for a in statement.accesses if a.kind is AccessKind.WRITE}
    if len(targets) != 1:
        raise Declined("a statement of the sum writes more than one object")
    return source.nest.array(targets.pop())


# -- proving


def _require_legal(source: NestSource, found: _Sum) -> None:
    rows, terms = found.rows, found.terms
    for loop in (rows, terms):
        require_untroubled(loop)
        if directive := governing_openmp(source, loop):
            raise Declined(f"the directive '{directive}' belongs to the loop over {loop.variable}")
        if loop.lower is None or loop.upper is None or not loop.step:
            raise Declined(f"the bounds of the loop over {loop.variable} are not affine")
        if loop.live_out_variable and not loop.declared_here:
            raise Declined(f"'{loop.variable}' may be read after its loop")
    if any(form.coefficient(rows.id) for form in (*(terms.lower or ()), *(terms.upper or ()))):
        raise Declined(f"the bounds of the loop over {terms.variable} depend on {rows.variable}")
    header = code(source.data, terms.header.start, terms.header.end)
    if rows.variable in mentioned(source.tree.files, header):
        raise Declined(f"the bounds of the loop over {terms.variable} mention {rows.variable}")
    header = code(source.data, rows.header.start, rows.header.end)
    if terms.variable in mentioned(source.tree.files, header):
        raise Declined(f"the header over {rows.variable} mentions {terms.variable}")
    scalar = found.scalar
    elements = set()
    for statement in rows.statements():
        if statement.unknowns:
            raise Declined(statement.unknowns[0].reason)
        for access in statement.accesses:
            array = source.nest.array(access.array)
            if array.id == found.array:
                elements.add(access.subscripts)
            elif array.is_scalar and array.name == scalar:
                continue
            elif access.kind is AccessKind.WRITE:
                raise Declined(f"'{array.name}' is written as well")
            elif not source.disjoint(found.array, array.id):
                raise Declined(f"'{source.nest.array(found.array).name}' and '{array.name}' may overlap")
    if len(elements) != 1 or _touches(found):
        raise Declined(f"'{found.target}' is not the only element of its array that the loop uses")
    (subscripts,) = elements
    _require_distinct(subscripts, rows, terms)
    if found.start is not None and _reads(source, found, found.start):
        raise Declined("the first value of the sum reads the result")
    if _reads(source, found, found.term):
        raise Declined("the sum reads its own result")
    for text in (found.target, found.term, found.start or "", found.finish or ""):
        if re.search(r"\+\+|--|\"", text):
            raise Declined(f"'{text}' has a side effect")


def _touches(found: _Sum) -> bool:
    """Whether the result is used beyond what the pattern says: then its early values would be seen."""
    uses = [
        [a.kind for a in statement.accesses if a.array == found.array]
        for statement in found.rows.statements()
    ]
    update = [AccessKind.READ, AccessKind.WRITE]
    if not found.scalar:
        return uses != [[AccessKind.WRITE], update]
    first = [] if found.start is not None or found.rounding else [AccessKind.READ]
    return uses != [first, [], update if found.rounding else [AccessKind.WRITE]]


def _require_distinct(subscripts: tuple[Affine | None, ...], rows: Loop, terms: Loop) -> None:
    forms = [form for form in subscripts if form is not None]
    if len(forms) != len(subscripts):
        raise Declined("the subscript of the result is not affine")
    if any(form.coefficient(terms.id) for form in forms):
        raise Declined(f"the result depends on {terms.variable}")
    if not any(form.coefficient(rows.id) for form in forms):
        raise Declined(f"all iterations of {rows.variable} write the same element")


def _reads(source: NestSource, found: _Sum, text: str) -> bool:
    name = re.escape(source.nest.array(found.array).name)
    words = [name] + ([re.escape(found.scalar)] if found.scalar else [])
    return any(re.search(rf"(?<![\w.>]){word}\b", text) for word in words)


def _gains(source: NestSource, rows: Loop) -> bool:
    """Whether the inner loop leaps through memory, and would not with the loops exchanged."""
    terms = rows.loops[0]
    body = terms.statements()
    strides = {stride(source.nest.array(a.array), a, terms) for s in body for a in s.accesses}
    now, then = (lines_per_iteration(source.nest, body, loop) for loop in (terms, rows))
    return Stride.FAR in strides and then < now


# -- writing


def _rewritten(source: NestSource, found: _Sum) -> Replacement:
    data, rows, terms = source.data, found.rows, found.terms
    start, end = rows.range.start, rows.range.end
    if data[start : start + 3] != b"for" or pragma_before(data, start).startswith("#"):
        raise Declined("the place of the loop in the file is not understood, or it has a directive")
    if b"#" in blanked(data)[start:end]:
        raise Declined("there is a directive inside the loop")
    ends, indent, step = (
        newline(data, start).decode(),
        indentation(data, start).decode(),
        indent_unit(data, rows).decode(),
    )
    encoding = "utf-8", "surrogateescape"
    row_header = data[rows.header.start : rows.header.end].decode(*encoding)
    term_header = data[terms.header.start : terms.header.end].decode(*encoding)
    names = f"{rows.variable} and {terms.variable}"
    keeps = (
        f"{found.scalar} is kept in {found.target}"
        if found.scalar
        else f"{found.target} is set in a loop of its own"
    )
    lines = [f"/* {keeps} and the loops over {names} are exchanged: the inner one has stride 1. */"]
    lines += [c.decode(*encoding) for c in _comments(data, rows)]
    if found.start is not None:
        lines += [f"{row_header} {{", f"{step}{found.target} = {found.start};", "}"]
    lines += [
        f"{term_header} {{",
        f"{step}{row_header} {{",
        f"{step}{step}{found.target} {found.operator} {found.term};",
        f"{step}}}",
        "}",
    ]
    if found.finish is not None:
        lines += [f"{row_header} {{", step + found.finish, "}"]
    if not in_statement_list(data, start):
        lines = ["{", *(step + line for line in lines), "}"]
    return Replacement(start, end, f"{ends}{indent}".join(lines).encode(*encoding))


def _comments(data: bytes, rows: Loop) -> list[bytes]:
    """The comments of the loop outside of its headers, so that none is lost."""
    headers = [rows.header, *(inner.header for inner in rows.walk()[1:])]
    found = []
    pattern = re.compile(rb"/\*.*?\*/|//[^\r\n]*", re.DOTALL)
    for match in pattern.finditer(data, rows.range.start, rows.range.end):
        if any(h.start <= match.start() < h.end for h in headers):
            continue
        if not blanked(data)[match.start() : match.end()].strip():
            found.append(match.group())
    return found
