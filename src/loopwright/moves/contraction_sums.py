"""An update of a contraction under way: temporaries written out, sums in a scalar moved to the result.

    r = a[i][k]; for j c[i][j] += r * b[k][j];      is  c[i][j] += a[i][k] * b[k][j]
    s = 0; for k s += e; c[i][j] = f(s);            is  c[i][j] = 0; c[i][j] += e; c[i][j] = f(c[i][j])

Proof obligations: a temporary is written once, before the update, and read by nothing else; a scalar sum is
set before, used after and needed nowhere else, and nothing touches c[i][j] in between. What the pieces read
stays in the nest that the proof is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from loopwright.analysis.ir import Access, AccessKind, Array, Loop, LoopNest, Statement, Storage
from loopwright.moves.assignment import Assignment, assignment_of
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import Term, product_text, squeezed, substituted, terms_of
from loopwright.moves.rewrite import code

UPDATE = 1
"""The part that the update and its temporaries run in; see `contraction`."""


@dataclass(frozen=True)
class KeptRows:
    """A row that every iteration of `loop` fills and uses anew becomes one row for each of them.

    `name` is the array as written, `length` its number of elements as C code.
    """

    name: str
    loop: Loop
    length: str


@dataclass
class Draft:
    """An update under way: what was put in its place so far."""

    nest: LoopNest
    update: Statement
    target: str
    terms: tuple[Term, ...]
    phases: dict[str, int]
    texts: dict[str, str]
    notes: list[str]
    kept: KeptRows | None = None


def written_array(nest: LoopNest, statement: Statement) -> tuple[Array, Access]:
    """The one object that a statement writes.

    Raises:
        Declined: when it writes several.
    """
    writes = [a for a in statement.accesses if a.kind is AccessKind.WRITE]
    if len(writes) != 1:
        raise Declined("a statement writes more than one object")
    return nest.array(writes[0].array), writes[0]


def require_plain(statement: Statement) -> None:
    """Raises Declined unless the statement always runs and is understood."""
    if statement.unknowns:
        raise Declined(statement.unknowns[0].reason)
    if statement.guards or not statement.exact_guards or statement.is_condition:
        raise Declined("a condition decides about the sum")


def put_in_temporaries(source: NestSource, draft: Draft, path: tuple[Loop, ...]) -> None:
    """Write what `r = a[i][k];` holds in place of r. The statement stays in the proof as a read."""
    nest = draft.nest
    for loop in reversed(path):
        for item in loop.body_items:
            if not isinstance(item, Statement) or item.id == draft.update.id:
                continue
            text = code(source.data, item.range.start, item.range.end)
            try:
                found = assignment_of(text)
                array, _ = written_array(nest, item)
            except Declined:
                continue
            name = array.name
            if found.operator != "=" or found.left != name or not array.is_scalar:
                continue
            if not any(name in f.names for t in draft.terms for f in t.factors):
                continue
            _require_temporary(nest, array, item, draft.update)
            draft.terms = tuple(
                Term(
                    tuple(
                        replace(f, text=substituted(f.text, {name: f"({found.right})"})) for f in t.factors
                    ),
                    t.negative,
                )
                for t in draft.terms
            )
            draft.terms = tuple(part for t in draft.terms for part in terms_of(t.text))
            reads = tuple(a for a in item.accesses if a.kind is AccessKind.READ)
            own = tuple(a for a in draft.update.accesses if a.array != array.id)
            draft.update = replace(draft.update, accesses=(*reads, *own))
            draft.nest = replaced_statements(
                draft.nest, {item.id: replace(item, accesses=reads), draft.update.id: draft.update}
            )
            draft.phases[item.id] = UPDATE
            draft.notes.append(f"{name} stands for {found.right}")


def _require_temporary(nest: LoopNest, array: Array, item: Statement, update: Statement) -> None:
    require_plain(item)
    uses = [(s, a) for s in nest.root.statements() for a in s.accesses if a.array == array.id]
    elsewhere = [s for s, a in uses if s.id != item.id and s.id != update.id]
    early = item.range.start > update.range.start
    if array.storage is not Storage.LOCAL or array.live_out or elsewhere or early:
        raise Declined(f"'{array.name}' is used elsewhere, too")
    if sum(a.kind is AccessKind.WRITE for s, a in uses) != 1:
        raise Declined(f"'{array.name}' is written more than once")
    if plain_type(array.dtype) != plain_type(written_array(nest, update)[0].dtype):
        raise Declined(f"'{array.name}' has another type than the result")


def expand_scalar(source: NestSource, draft: Draft, path: tuple[Loop, ...], scalar: Array) -> None:
    """`s = 0; for k s += ...; c = s;` in terms of c: c = 0, c += ..., and whatever is done with s."""
    nest, name = draft.nest, scalar.name
    if draft.target != name or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise Declined("the sum is not kept in a plain variable")
    if scalar.storage is not Storage.LOCAL or scalar.live_out:
        raise Declined(f"'{name}' may be needed after the loops")
    users = [
        s
        for s in nest.root.statements()
        if s.id != draft.update.id and any(a.array == scalar.id for a in s.accesses)
    ]
    if len(users) < 2:
        raise Declined(f"'{name}' is not set before and used after the sum")
    begin, end, *later = users
    holder = path_to(nest.root, begin.id)[-1]
    inner = next((item for item in holder.body_items if isinstance(item, Loop) and item in path), None)
    order = [item.id for item in holder.body_items]
    if (
        inner is None
        or end.id not in order
        or not order.index(begin.id) < order.index(inner.id) < order.index(end.id)
        or any(s.id not in order for s in later)
    ):
        raise Declined(f"'{name}' is not set just before and used just after the sum")
    for statement in users:
        require_plain(statement)
    first = assignment_of(code(source.data, begin.range.start, begin.range.end))
    last = assignment_of(code(source.data, end.range.start, end.range.end))
    if first.operator != "=" or first.left != name or written_array(nest, begin)[0].id != scalar.id:
        raise Declined(f"'{name}' is not set before the sum")
    result, write = written_array(nest, end)
    if result.is_scalar or plain_type(result.dtype) != plain_type(scalar.dtype):
        raise Declined(f"'{last.left}' is not an array of the type of '{name}', {scalar.dtype}")
    between = [s for s in holder.statements() if begin.range.start < s.range.start < end.range.start]
    if any(a.array == result.id for s in between for a in s.accesses):
        raise Declined(f"the sum reads or writes '{result.name}'")
    used = {a.array for a in end.accesses if a.kind is AccessKind.READ and a.array != scalar.id}
    if any(a.array in used and a.kind is AccessKind.WRITE for s in between for a in s.accesses):
        raise Declined(f"what '{last.left}' is made of changes during the sum")
    if any(
        a.array == result.id and a.subscripts != write.subscripts for s in (begin, end) for a in s.accesses
    ):
        raise Declined(f"'{result.name}' is read at another element")
    if later and (last.operator != "=" or last.right != name):
        raise Declined(f"'{name}' is used more than once after the sum")
    _finish(draft, scalar, result, write, begin, end, first, last)
    _read_from_result(source, draft, scalar, write, later)


def _read_from_result(
    source: NestSource, draft: Draft, scalar: Array, write: Access, later: list[Statement]
) -> None:
    """Statements after `c = s;` that use s read c instead; only the last of them may write to c's array."""
    changed: dict[str, Statement | None] = {}
    until = later[-1].range.start if later else 0
    for statement in draft.nest.root.statements():
        writes = any(a.array == write.array and a.kind is AccessKind.WRITE for a in statement.accesses)
        if writes and write.range.end < statement.range.start < until:
            raise Declined(f"'{scalar.name}' is used after more of the result was written")
    for statement in later:
        if any(a.array == scalar.id and a.kind is AccessKind.WRITE for a in statement.accesses):
            raise Declined(f"'{scalar.name}' is set again after the sum")
        changed[statement.id] = replace(
            statement,
            accesses=tuple(
                replace(write, kind=AccessKind.READ) if a.array == scalar.id else a
                for a in statement.accesses
            ),
        )
        text = code(source.data, statement.range.start, statement.range.end).rstrip("; ")
        draft.texts[statement.id] = substituted(text, {scalar.name: draft.target}) + ";"
    draft.nest = replaced_statements(draft.nest, changed)


def _finish(
    draft: Draft,
    scalar: Array,
    result: Array,
    write: Access,
    begin: Statement,
    end: Statement,
    first: Assignment,
    last: Assignment,
) -> None:
    name, target = scalar.name, last.left
    changed: dict[str, Statement | None] = {}
    reads_c = replace(write, kind=AccessKind.READ)
    coefficient, rest = _linear(last, name)
    zero = re.fullmatch(r"[-+]?0*\.?0*[fFlL]?", first.right) is not None and first.right != ""
    reads_result = any(a.array == result.id and a.kind is AccessKind.READ for a in end.accesses)
    own = [a for a in end.accesses if a.kind is AccessKind.READ and a.array != scalar.id]
    more: tuple[Access, ...] = ()
    if coefficient is not None and zero:
        # c = rest + coefficient * s, with s a sum from zero: rest first, then the sum times the coefficient.
        draft.terms = tuple(t.times(coefficient) for t in draft.terms)
        coefficient_names = {n for f in coefficient.factors for n in f.names}
        more = tuple(a for a in own if base_name(draft.nest.array(a.array)) in coefficient_names)
        changed[end.id] = None
        if last.operator == "=":
            reads = tuple(a for a in own if a.array == result.id or a not in more)
            changed[begin.id] = replace(begin, accesses=(*reads, replace(write, reduction=None)))
            draft.texts[begin.id] = f"{target} = {rest or first.right};"
        else:
            changed[begin.id] = None
        if last.operator != "=" or rest or coefficient.factors:
            draft.notes.append(f"{target} takes the terms of {name} one by one")
    elif last.operator == "=" and not reads_result:
        reads = tuple(a for a in begin.accesses if a.kind is AccessKind.READ)
        changed[begin.id] = replace(begin, accesses=(*reads, replace(write, reduction=None)))
        draft.texts[begin.id] = f"{target} = {first.right};"
        if squeezed(first.right) == squeezed(target):
            changed[begin.id] = None
        if last.right == name:
            changed[end.id] = None
        else:
            changed[end.id] = replace(end, accesses=(*own, reads_c, write))
            draft.texts[end.id] = f"{target} = {substituted(last.right, {name: target})};"
    else:
        raise Declined(f"what is done with '{name}' after the sum is not understood")
    if any(a.array == result.id for a in more):
        raise Declined(f"the sum is scaled by '{result.name}'")
    pair = (replace(reads_c, reduction="+"), replace(write, reduction="+"))
    kept = tuple(a for a in draft.update.accesses if a.array != scalar.id)
    draft.update = replace(draft.update, accesses=(*kept, *more, *pair))
    draft.target = target
    draft.notes.append(f"{name} is kept in {target}, which nothing reads meanwhile")
    draft.nest = replaced_statements(draft.nest, {**changed, draft.update.id: draft.update})


def _linear(last: Assignment, name: str) -> tuple[Term | None, str]:
    """What `name` is multiplied by in the final statement, and the text of the other terms."""
    try:
        terms = terms_of(last.right)
    except Declined:
        return None, ""
    holding = [t for t in terms if any(name in f.names for f in t.factors)]
    if len(holding) != 1:
        return None, ""
    plain = [f for f in holding[0].factors if f.text == name and not f.divides]
    others = tuple(f for f in holding[0].factors if f.text != name)
    if len(plain) != 1 or any(name in f.names for f in others) or last.operator not in ("=", "+=", "-="):
        return None, ""
    if last.operator != "=" and len(terms) > 1:
        return None, ""
    rest = "".join(
        (" - " if t.negative else " + ") + product_text(t.factors) for t in terms if t not in holding
    )
    negative = holding[0].negative != (last.operator == "-=")
    return Term(others, negative), re.sub(r"^ \+ ", "", rest).strip()


def path_to(root: Loop, statement_id: str) -> tuple[Loop, ...]:
    """The loops around a statement, outermost first; empty when it is not under `root`."""
    for item in root.body_items:
        if isinstance(item, Loop):
            below = path_to(item, statement_id)
            if below:
                return (root, *below)
        elif item.id == statement_id:
            return (root,)
    return ()


def replaced_statements(nest: LoopNest, changed: Mapping[str, Statement | None]) -> LoopNest:
    """The nest with some statements replaced; None leaves one out."""

    def visit(loop: Loop) -> Loop:
        items: list[Loop | Statement] = []
        for item in loop.body_items:
            if isinstance(item, Loop):
                items.append(visit(item))
            elif item.id not in changed:
                items.append(item)
            elif (new := changed[item.id]) is not None:
                items.append(new)
        return replace(loop, body_items=tuple(items))

    return replace(nest, root=visit(nest.root))


def plain_type(dtype: str) -> str:
    """The type without `const`."""
    return dtype.removeprefix("const ").removesuffix(" const")


def base_name(array: Array) -> str:
    """The variable that the array is reached by."""
    return re.split(r"\.|->|\[", array.name)[0]
