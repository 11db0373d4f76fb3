"""Finding shortest paths and their kin: an element, its row at k and its column at k, in three loops."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.analysis.ir import Access, AccessKind, Affine, Array, Loop, Statement
from loopwright.moves.canonical import require_untroubled
from loopwright.moves.move import Declined, NestSource
from loopwright.moves.products import hidden_names, names_in
from loopwright.moves.rewrite import blanked

_INTEGERS = frozenset({"int", "long", "long long", "int32_t", "int64_t", "ptrdiff_t", "ssize_t"})


@dataclass(frozen=True)
class Rule:
    """What happens to one element in one step.

    Attributes:
        detour: what is made of `$a` from column k and `$b` from row k.
        update: the new value of `$x` with the detour `$w`.
        broken: when the diagonal element `$x` is such that row and column k may change; empty for never.
        stays: whether row k is left as it is, to the bit, in step k (else only what is read of it is).
    """

    detour: str
    update: str
    broken: str = ""
    stays: bool = True

    def way(self, a: str, b: str) -> str:
        """The detour with its two parts put in."""
        return self.detour.replace("$a", a).replace("$b", b)

    def updated(self, element: str, way: str) -> str:
        """The right-hand side for an element."""
        return self.update.replace("$x", element).replace("$w", way)


_LEAST = Rule("$a + $b", "$w < $x ? $w : $x", "$x < 0")
_GREATEST = Rule("$a + $b", "$w > $x ? $w : $x", "$x > 0")
_BITS = Rule("$a & $b", "$x | ($w)")
_REACH = Rule("$a && $b", "$x || ($w)", stays=False)

_RULES: tuple[tuple[str, Rule, bool], ...] = (
    (r"if\(#S<#D\)#D=#S;|if\(#D>#S\)#D=#S;|#D=\(?#S<#D\)?\?#S:#D;|#D=\(?#D>#S\)?\?#S:#D;", _LEAST, True),
    (r"#D=std::min\(#D,#S\);", _LEAST, True),
    (r"if\(#S<=#D\)#D=#S;|if\(#D>=#S\)#D=#S;|#D=\(?#S<=#D\)?\?#S:#D;|#D=\(?#D>=#S\)?\?#S:#D;", _LEAST, False),
    (r"#D=\(?#D<=?#S\)?\?#D:#S;|#D=\(?#S>=?#D\)?\?#D:#S;|#D=std::min\(#S,#D\);", _LEAST, False),
    (r"if\(#S>#D\)#D=#S;|if\(#D<#S\)#D=#S;|#D=\(?#S>#D\)?\?#S:#D;|#D=\(?#D<#S\)?\?#S:#D;", _GREATEST, True),
    (r"#D=std::max\(#D,#S\);", _GREATEST, True),
    (r"if\(#S>=#D\)#D=#S;|if\(#D<=#S\)#D=#S;", _GREATEST, False),
    (r"#D=\(?#S>=#D\)?\?#S:#D;|#D=\(?#D<=#S\)?\?#S:#D;", _GREATEST, False),
    (r"#D=\(?#D>=?#S\)?\?#D:#S;|#D=\(?#S<=?#D\)?\?#D:#S;|#D=std::max\(#S,#D\);", _GREATEST, False),
    (r"#D\|=\(?(?:#A&#B|#B&#A)\)?;|#D=#D\|\(?(?:#A&#B|#B&#A)\)?;", _BITS, False),
    (r"#D=#D\|\|\(?(?:#A&&#B|#B&&#A)\)?;", _REACH, False),
)  # fmt: skip
"""Text of the update, its rule, and whether it holds for floating point as well: there an element that equals
the sum may differ from it by the sign of a zero, and comparisons with NaN are false either way.
"""


@dataclass(frozen=True)
class Paths:
    """A nest of shortest paths.

    Attributes:
        points, rows, cols: the loops over k, i and j. inner: that of `rows` and `cols` around the other.
        target: d(i, j) as written. array: d. rule: what an update does.
    """

    points: Loop
    rows: Loop
    cols: Loop
    inner: Loop
    target: str
    array: Array
    rule: Rule

    @property
    def dtype(self) -> str:
        """The type of an element."""
        return self.array.dtype.removeprefix("const ")


def nested(points: Loop) -> tuple[Loop, Loop, Loop] | None:
    """Three loops of which the outer two hold nothing else, but for declarations before the last."""
    if not points.is_perfect:
        return None
    outer = points.loops[0]
    if len(outer.loops) != 1 or outer.body_items[-1] is not outer.loops[0] or outer.loops[0].loops:
        return None
    return points, outer, outer.loops[0]


def is_closure(source: NestSource, points: Loop, outer: Loop, last: Loop) -> bool:
    """Whether something is written in terms of its own row and column at k: then a refusal is of interest."""
    written = [
        a for s in last.statements() for a in s.accesses if a.kind is AccessKind.WRITE and a.subscripts
    ]
    if len({(a.array, a.subscripts) for a in written}) != 1:
        return False
    forms = written[0].subscripts
    reads = {a.subscripts for s in outer.statements() for a in s.accesses if a.array == written[0].array}
    return all(_with(forms, own, points.id) in reads for own in (outer.id, last.id)) and all(
        any(form is not None and form.coefficient(own.id) for form in forms) for own in (outer, last)
    )


def _with(forms: tuple[Affine | None, ...], old: str, new: str) -> tuple[Affine | None, ...]:
    """The subscripts with one loop variable in the place of another."""

    def renamed(form: Affine | None) -> Affine | None:
        if form is None or not (factor := form.coefficient(old)):
            return form
        return form + Affine.of(**{old: -factor}) + Affine.of(**{new: factor})

    return tuple(renamed(form) for form in forms)


def paths_of(source: NestSource, points: Loop, outer: Loop, last: Loop) -> Paths:
    """The nest of three loops in its roles.

    Raises:
        Declined: when something else happens in it.
    """
    for loop in (points, outer, last):
        require_untroubled(loop)
        if loop.step != 1 or loop.live_out_variable:
            raise Declined(f"the loop over {loop.variable} does not count up by one, or is asked for its end")
        if (loop.lower, loop.upper) != (points.lower, points.upper) or len(loop.lower or ()) != 1:
            raise Declined("its loops do not run over the same points")
    if len({points.variable, outer.variable, last.variable}) != 3:
        raise Declined("two of its loops have the same variable")
    statements = outer.statements()
    write = next(a for s in statements for a in s.accesses if a.kind is AccessKind.WRITE and a.subscripts)
    array = source.nest.array(write.array)
    rows, cols = outer, last
    forms = [form for form in write.subscripts if form is not None]
    if forms[-1].coefficient(last.id) == 0:
        rows, cols = last, outer
    _require_matrix(array, forms, points, rows, cols)
    _require_only(source, statements, array, write, {rows.id, cols.id}, points.id)
    text = _text(source, outer, last, write, rows, cols, points)
    for pattern, rule, with_floats in _RULES:
        if re.fullmatch(pattern, text):
            _require_type(array, rule, with_floats=with_floats)
            break
    else:
        raise Declined("its update is not understood as the lesser of a length and a detour over one point")
    target = source.data[write.range.start : write.range.end].decode("utf-8", "replace")
    named = names_in(target)
    variables = {points.variable, rows.variable, cols.variable}
    if not {rows.variable, cols.variable} <= named or hidden_names(source.tree.files, named) & variables:
        raise Declined(f"'{target}' does not name both {rows.variable} and {cols.variable}")
    return Paths(points, rows, cols, outer, target, array, rule)


def _require_matrix(array: Array, forms: list[Affine], points: Loop, rows: Loop, cols: Loop) -> None:
    for loop in (rows, cols):
        used = [form for form in forms if form.coefficient(loop.id)]
        if used != [form for form in used if form.coefficient(loop.id) == 1] or len(used) != 1:
            raise Declined(f"'{array.name}' is not indexed by {loop.variable} once")
    if not forms[-1].coefficient(cols.id) or forms[-1].coefficient(rows.id):
        raise Declined(f"neither loop runs along the rows of '{array.name}'")
    if any(form.coefficient(points.id) for form in forms):
        raise Declined(f"the element that is written depends on {points.variable}")
    if array.delinearised:
        low, high = (points.lower or (Affine(),))[0], (points.upper or (Affine(),))[0]
        if (
            low.terms
            or low.constant < 0
            or array.extents[-1] != high
            or forms[-1] != Affine.of(**{cols.id: 1})
        ):
            raise Declined(f"rows of '{array.name}' may overlap: their length is not the number of points")


def _require_only(
    source: NestSource,
    statements: tuple[Statement, ...],
    array: Array,
    write: Access,
    own: set[str],
    points: str,
) -> None:
    """Only the element, its row's and its column's at k are touched, and scalars that nothing changes.

    Conditions are no matter here: the text of the update decides about them.
    """
    allowed = {write.subscripts, *(_with(write.subscripts, id, points) for id in own)}
    for statement in statements:
        if statement.unknowns:
            raise Declined(statement.unknowns[0].reason)
        for access in statement.accesses:
            other = source.nest.array(access.array)
            if access.array == array.id:
                fits = access.subscripts in allowed
                fits = fits and (access.kind is AccessKind.READ or access.subscripts == write.subscripts)
            elif access.kind is AccessKind.WRITE:
                fits = other.is_scalar and not other.live_out
            else:
                fits = other.is_scalar and source.disjoint(other.id, array.id)
            if not fits:
                raise Declined(f"'{other.name}' is used in another way as well")


def _text(
    source: NestSource, outer: Loop, last: Loop, write: Access, rows: Loop, cols: Loop, points: Loop
) -> str:
    """The update with `#D` for the element, `#A`, `#B` for its row and its column, `#S` for their sum."""
    shown = {
        write.subscripts: "#D",
        _with(write.subscripts, cols.id, points.id): "#A",
        _with(write.subscripts, rows.id, points.id): "#B",
    }
    data = blanked(source.data)
    if b"#" in data[outer.range.start : outer.range.end]:
        raise Declined("there is a directive in the loops")
    text = _squeezed(data[outer.body.start : last.range.start]) + _squeezed(
        data[last.body.start : last.body.end]
    )
    # One lvalue is one element; where it is read and where it is written it may be spelled differently.
    for access in (a for s in outer.statements() for a in s.accesses if a.array == write.array):
        spelled = _squeezed(data[access.range.start : access.range.end]).rstrip(";")
        text = re.sub(rf"(?<![\w.])(?<!->){re.escape(spelled)}(?!\w)", shown[access.subscripts], text)
    return _read(source, text)


def _squeezed(text: bytes) -> str:
    """Without braces and needless blanks."""
    plain = text.decode("utf-8", "replace").replace("{", " ").replace("}", " ")
    plain = " ".join(plain.split()) + (";" if plain.strip() and not plain.strip().endswith(";") else "")
    return re.sub(r" ?([^\w ]) ?", r"\1", plain)


def _read(source: NestSource, text: str) -> str:
    """The text with what is kept in temporaries put in, and sums recognised."""
    while True:
        text = _SUM.sub("#S", text)
        match = re.match(r"(?:(?:const )?([\w:]+(?: \w+)*) (?:const )?)?(\w+)=(#[ABS]);", text)
        if match is None:
            return text
        kind, name, value = match.groups()
        kept = next((a for a in source.nest.arrays if a.name == name and a.is_scalar), None)
        own = next(a for a in source.nest.arrays if not a.is_scalar)
        if kept is None or kept.live_out or _plain(kept.dtype) != _plain(own.dtype) or kind == "static":
            raise Declined(f"'{name}' is of another type than the lengths, or needed later")
        text = re.sub(rf"\b{name}\b", value, text[match.end() :])


_SUM = re.compile(r"\((?:#A\+#B|#B\+#A)\)|#A\+#B|#B\+#A")


def _plain(dtype: str) -> str:
    return dtype.replace("const ", "").strip()


def _require_type(array: Array, rule: Rule, *, with_floats: bool) -> None:
    kind = _plain(array.dtype)
    if rule in (_BITS, _REACH):
        if array.is_float:
            raise Declined(f"'{array.name}' holds {kind}")
        return
    if array.is_float and kind in ("float", "double"):
        if not with_floats:
            raise Declined(
                "where a length equals the detour the detour is taken: of two zeros it may be the other one"
            )
        return
    if kind not in _INTEGERS:
        raise Declined(f"'{array.name}' holds {kind}, whose sums may wrap around or be cut short")
