"""Column strips: a loop whose iterations have nothing to do with each other goes outermost, and innermost.

    for i for j { s = 0;  for k s += a[i][k] * b[k][j];  c[i][j] = s; }
becomes loops over strips of j on all threads, with all of i in each, and every statement in a loop over the
columns of its strip: along memory, in vectors. A scalar of one iteration becomes a short array (scalar
expansion: D. Padua and M. Wolfe, "Advanced compiler optimizations for supercomputers", CACM 1986).

Proof obligation: no element is touched, and written, by two different values of j anywhere in the nest. Then
each column is a computation of its own, and columns may be interleaved in any way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loopwright.analysis.declared import is_declaration
from loopwright.analysis.dependence import obstacles, overlaps
from loopwright.analysis.ir import AccessKind, Array, Loop, Statement, Storage
from loopwright.analysis.polyhedral import Model, OutOfTime, Solver
from loopwright.core.task import Target
from loopwright.moves.assignment import assignment_of
from loopwright.moves.canonical import existing_openmp, is_name, require_untroubled
from loopwright.moves.code_template import Names
from loopwright.moves.contraction_sums import plain_type, require_plain
from loopwright.moves.loop_bounds import bounds_of, without_cast
from loopwright.moves.move import Declined, NestSource, Proposal, Refusal, label, proposal, refusal
from loopwright.moves.products import hidden_names, names_in, substituted
from loopwright.moves.regions import region_around
from loopwright.moves.rewrite import Replacement, apply, blanked, code, indent_unit, indentation, newline
from loopwright.moves.strides import lines_per_iteration

FAMILY = "column-strips"
_WIDTH = 64
"""Columns of a strip: a line of them is 512 bytes, and a scalar's row stays in the first-level cache."""
_FACTOR = 4.0
_SECONDS = 4.0


class ColumnStrips:
    """Proposes strips of the loop that runs along memory, where loops inside it run across."""

    family = FAMILY

    def propose(self, source: NestSource) -> Iterator[Proposal | Refusal]:
        """See :class:`~loopwright.moves.move.Move`."""
        outer, loop = [source.nest.root], source.nest.root
        while loop.is_perfect:
            loop = loop.loops[0]
            outer.append(loop)
        if len(outer) < 2 or not loop.loops or not _runs_across(source, loop):
            return
        try:
            yield _edit(source, outer[:-1], loop)
        except (Declined, OutOfTime) as reason:
            yield refusal(source, loop, FAMILY, str(reason) or "the proof did not end in time")


def _runs_across(source: NestSource, columns: Loop) -> bool:
    """Whether the innermost loops touch more cache lines than they would along the columns."""
    inner = [loop for loop in columns.walk() if not loop.loops]
    return all(
        lines_per_iteration(source.nest, loop.statements(), columns)
        < 0.5 * lines_per_iteration(source.nest, loop.statements(), loop)
        for loop in inner
    )


def _edit(source: NestSource, outer: Sequence[Loop], columns: Loop) -> Proposal:
    data, root = source.data, source.nest.root
    start, end = root.range.start, root.range.end
    if directive := existing_openmp(data, root):
        raise Declined(f"it already has the directive '{directive}'")
    if b"#" in blanked(data)[start:end] or data[start : start + 3] != b"for":
        raise Declined("there is a directive in the loops, or their place in the file is not understood")
    expanded = _require_form(source, outer, columns)
    _require_apart(source, columns)
    parallel = source.target is Target.OPENMP and not region_around(data, start)
    lines = _Writer(source, outer, columns, expanded).lines(parallel=parallel)
    unit, ends = indent_unit(data, root).decode(), newline(data, start).decode()
    margin = indentation(data, start).decode()
    text = f"{ends}{margin}".join(_indented(lines, unit))
    shown = ", ".join(array.name for array in expanded)
    rows = f", a row of {shown} for each" if shown else ""
    return proposal(
        source,
        root,
        FAMILY,
        content=apply(data, [Replacement(start, end, text.encode("utf-8", "surrogateescape"))]),
        title=f"strips of {_WIDTH} columns over {label(columns)}{rows}" + (", parallel" if parallel else ""),
        proof=f"No element is written for one value of {columns.variable} and touched for another, anywhere "
        "in the nest: each column is a computation of its own, in its own order, so rounding is unchanged.",
        factor=_FACTOR * (0.9 * source.threads if parallel else 1.0),
        details={"rounding": "unchanged"},
    )


def _indented(lines: Sequence[str], unit: str) -> Iterator[str]:
    depth = 0
    for line in lines:
        depth -= line.startswith("}")
        yield unit * depth + line
        depth += line.endswith("{")


def _require_form(source: NestSource, outer: Sequence[Loop], columns: Loop) -> list[Array]:
    """The scalars of one iteration that need a row. Declined when something is in the way."""
    nest = source.nest
    for loop in nest.root.walk():
        require_untroubled(loop)
        if not loop.declared_here or loop.lower is None or loop.upper is None or not loop.step:
            raise Declined(f"the loop over {loop.variable} is not of a simple form")
        bounds = (*loop.lower, *loop.upper)
        if loop is columns:
            if loop.step != 1 or any(form.symbols & {around.id for around in outer} for form in bounds):
                raise Declined(f"the bounds of the loop over {loop.variable} depend on the loops around")
        elif any(form.coefficient(columns.id) for form in bounds):
            raise Declined(f"the bounds of the loop over {loop.variable} depend on {columns.variable}")
    variables = [loop.variable for loop in (*outer, *columns.walk())]
    if columns.variable in variables[len(outer) + 1 :] or columns.variable in variables[: len(outer)]:
        raise Declined(f"two loops are called {columns.variable}")
    expanded: list[Array] = []
    only_statements = {loop.id for loop in columns.walk() if not loop.loops}
    for statement in columns.statements():
        require_plain(statement)
        for access in statement.accesses:
            array = nest.array(access.array)
            if array.declared_in is not None and not array.is_scalar:
                raise Declined(f"'{array.name}' is declared inside the loops")
            if not array.is_scalar or access.kind is not AccessKind.WRITE:
                continue
            if array.storage is not Storage.LOCAL or not is_name(array.name):
                raise Declined(f"'{array.name}' is written, and shared by all columns")
            if array.declared_in == columns.id:
                if array not in expanded:
                    expanded.append(array)
            elif array.declared_in not in only_statements:
                raise Declined(f"'{array.name}' is written, and shared by all columns")
    return expanded


def _require_apart(source: NestSource, columns: Loop) -> None:
    nest = source.nest
    model = Model(nest, Solver(_SECONDS))
    for unknown in (*obstacles(nest, nest.root), *overlaps(model, nest.root)):
        raise Declined(unknown.reason)
    for references in model.arrays.values():
        if references[0].array.is_scalar:
            continue
        for n, first in enumerate(references):
            for second in references[n:]:
                if not (first.is_write or second.is_write):
                    continue
                pairs, _ = model.conflicts(first, second, nest.root)
                one, two = ([loop.id for loop in r.place.loops].index(columns.id) for r in (first, second))
                other = model.ordered(first.place, second.place, f"s{one} != t{two}")
                if not model.solver.is_empty(pairs, other):
                    raise Declined(
                        f"columns depend on each other through '{first.array.name}' "
                        f"(lines {first.line} and {second.line})"
                    )


class _Writer:
    """Writes the strips; indentation comes from the braces."""

    def __init__(
        self, source: NestSource, outer: Sequence[Loop], columns: Loop, expanded: Sequence[Array]
    ) -> None:
        self.source, self.outer, self.columns = source, outer, columns
        names = Names(source.data)
        j = columns.variable
        self.block, self.end = names.fresh(f"{j}_low"), names.fresh(f"{j}_high")
        self.types = {a.name: plain_type(a.dtype) for a in expanded}
        self.rows = {a.name: names.fresh(f"{a.name}_of") for a in expanded}

    def lines(self, *, parallel: bool) -> list[str]:
        """The whole nest."""
        bounds, j = bounds_of(self.source, self.columns), self.columns.variable
        low, high = without_cast(bounds.low), without_cast(bounds.high)
        block, end = self.block, self.end
        made = [f"/* Strips of {_WIDTH} columns: what happens for one {j} does not touch any other. */"]
        made += ["#pragma omp parallel for schedule(static)"] if parallel else []
        made += [
            f"for (long {block} = {low}; {block} < {high}; {block} += {_WIDTH}) {{",
            f"const long {end} = {high} - {block} < {_WIDTH} ? {high} : {block} + {_WIDTH};",
            *(f"{self.types[name]} {row}[{_WIDTH}];" for name, row in self.rows.items()),
        ]
        made += [f"{self._header(loop)} {{" for loop in self.outer]
        made += self._body(self.columns)
        return [*made, *["}"] * (len(self.outer) + 1)]

    def _header(self, loop: Loop) -> str:
        return code(self.source.data, loop.header.start, loop.header.end)

    def _body(self, loop: Loop) -> list[str]:
        made: list[str] = []
        waiting: list[Statement] = []
        for item in (*loop.body_items, None):
            if isinstance(item, Statement):
                waiting.append(item)
                continue
            if waiting:
                made += self._columns(waiting)
                waiting = []
            if item is not None:
                made += [f"{self._header(item)} {{", *self._body(item), "}"]
        return made

    def _columns(self, statements: Sequence[Statement]) -> list[str]:
        j, kind = self.columns.variable, self.columns.variable_type
        simd = ["#pragma omp simd"] if self.source.target is Target.OPENMP else []
        header = f"for ({kind} {j} = ({kind}){self.block}; {j} < {self.end}; {j}++) {{"
        texts = [text for text in map(self._statement, statements) if text]
        return [*simd, header, *texts, "}"] if texts else []

    def _statement(self, statement: Statement) -> str:
        text = code(self.source.data, statement.range.start, statement.range.end).rstrip("; ")
        places = {n: f"{row}[{self.columns.variable} - {self.block}]" for n, row in self.rows.items()}
        used = names_in(text)
        if hidden_names(self.source.tree.files, used) & {*places, self.columns.variable}:
            raise Declined(f"a macro in '{text}' hides what it depends on")
        declared = [a for a in statement.accesses if a.kind is AccessKind.WRITE]
        array = self.source.nest.array(declared[0].array) if len(declared) == 1 else None
        if array is not None and array.name in self.rows and array.declared_in == self.columns.id:
            found = assignment_of(text)
            if found.left == array.name:
                right = substituted(found.right, places)
                return f"{places[array.name]} {found.operator} {right};"
        if is_declaration(statement.text) and used & places.keys():
            if re.fullmatch(r"[A-Za-z_][\w ]* [A-Za-z_]\w*", text):
                return ""  # the row is declared outside
            raise Declined(f"'{text}' declares more than one variable")
        return substituted(text, places) + ";"
