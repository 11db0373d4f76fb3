"""Writing shortest paths in blocks of points, or step by step with threads and vectors."""

from __future__ import annotations

from loopwright.moves.code_template import Names, filled, laid_out, protected
from loopwright.moves.loop_bounds import bounds_of, without_cast
from loopwright.moves.move import NestSource
from loopwright.moves.products import substituted
from loopwright.moves.register_tile_kernel import placed
from loopwright.moves.rewrite import Replacement, indent_unit, indentation, newline
from loopwright.moves.shortest_paths_form import Paths
from loopwright.moves.written import PATHS

_POINTS, _ROWS, _COLS = 32, 32, 64
"""Points, rows and columns of a block: 16 KiB of rows of points stay in the first-level cache, and columns
that are passed through one after another (a part of 2 * points / n of the work) cost little.
"""

_BLOCKED = """
{
    /* $mark $points points at a time. Row $k and column $k stay as they are in step $k
       $unless,
       so with copies of them an element can take all steps of a block while it is in a register:
       the same sums in the same order as before. */
    enum { @points_at_once = $points, @rows_at_once = $rows, @cols_at_once = $cols };
    const long @low = $first, @high = $last, @width = @high - @low;
    $type *@rows_of = NULL; /* the rows of the points of a block, each as it is in its step */
    if (@width >= 2L * @points_at_once)
        @rows_of = ($type *)malloc((size_t)@width * @points_at_once * sizeof($type));
    if (@rows_of == NULL) { /* few points, or no memory */
        <original>
    } else {
        /* Between the points of a block: lengths, and columns each as it is in its step. */
        $type @near[@points_at_once][@points_at_once], @legs[@points_at_once][@points_at_once];
        long @steps = 0;
        <team>
        for (long @k_low = @low, @k_high; @k_low < @high; @k_low = @k_high) {
            <single>
            {
                const long @most = @high - @k_low < @points_at_once ? @high - @k_low : 0L + @points_at_once;
                for (long @r = 0; @r < @most; @r++)
                    for (long @c = 0; @c < @most; @c++)
                        @near[@r][@c] = $near_element;
                for (@steps = 0; $go_on; @steps++)
                    for (long @r = 0; @r < @most; @r++) {
                        const $type @leg = @legs[@r][@steps] = @near[@r][@steps];
                        for (long @c = 0; @c < @most; @c++) {
                            const $type @way = $near_way;
                            @near[@r][@c] = $near_update;
                        }
                    }
                <step_as_it_was>
            }
            const long @count = @steps;
            @k_high = @k_low + $advance;
            <share>
            for (long @j_block = @low; @j_block < @high; @j_block += @cols_at_once) {
                const long @j_end = @high - @j_block < @cols_at_once ? @high : @j_block + @cols_at_once;
                for (long @p = 0; @p < @count; @p++) {
                    $type *const @row = @rows_of + @p * @width;
                    for (long @goal = @j_block; @goal < @j_end; @goal++)
                        @row[@goal$minus_low] = $row_element;
                    for (long @r = @p + 1; @r < @count; @r++) {
                        const $type @leg = @legs[@r][@p];
                        <simd>
                        for (long @goal = @j_block; @goal < @j_end; @goal++) {
                            const $type @way = $row_way;
                            $waiting_element = $waiting_update;
                        }
                    }
                }
            }
            <share>
            for (long @i_block = @low; @i_block < @high; @i_block += @rows_at_once) {
                const long @i_end = @high - @i_block < @rows_at_once ? @high : @i_block + @rows_at_once;
                $type @cols_of[@rows_at_once][@points_at_once]; /* columns of the points */
                for (long @start = @i_block; @start < @i_end; @start++)
                    for (long @p = 0; @p < @count; @p++) {
                        if (@k_low <= @start && @start < @k_low + @count) {
                            @cols_of[@start - @i_block][@p] = @legs[@start - @k_low][@p];
                            continue;
                        }
                        const $type @leg = @cols_of[@start - @i_block][@p] = $col_element;
                        for (long @goal = @k_low + @p + 1; @goal < @k_low + @count; @goal++) {
                            const $type @way = $col_way;
                            $element = $element_update;
                        }
                    }
                for (long @j_block = @low; @j_block < @high; @j_block += @cols_at_once) {
                    const long @j_end = @high - @j_block < @cols_at_once ? @high : @j_block + @cols_at_once;
                    for (long @start = @i_block; @start < @i_end; @start += 2) {
                        /* Two rows and four steps at once; at the end the last one twice does no harm. */
                        const long @start2 = @start + 1 < @i_end ? @start + 1 : @start;
                        const $type *const @legs1 = @cols_of[@start - @i_block];
                        const $type *const @legs2 = @cols_of[@start2 - @i_block];
                        for (long @p = 0; @p < @count; @p += 4) {
                            const long @p2 = @p + 1 < @count ? @p + 1 : @p;
                            const long @p3 = @p + 2 < @count ? @p + 2 : @p;
                            const long @p4 = @p + 3 < @count ? @p + 3 : @p;
                            const $type *const @r1 = @rows_of + @p * @width;
                            const $type *const @r2 = @rows_of + @p2 * @width;
                            const $type *const @r3 = @rows_of + @p3 * @width;
                            const $type *const @r4 = @rows_of + @p4 * @width;
                            const $type @a1 = @legs1[@p], @a2 = @legs1[@p2];
                            const $type @a3 = @legs1[@p3], @a4 = @legs1[@p4];
                            const $type @b1 = @legs2[@p], @b2 = @legs2[@p2];
                            const $type @b3 = @legs2[@p3], @b4 = @legs2[@p4];
                            <simd>
                            for (long @goal = @j_block; @goal < @j_end; @goal++) {
                                $type @x = $element, @y = $element2;
                                <updates>
                                $element = @x;
                                $element2 = @y;
                            }
                        }
                    }
                }
            }
        }
        free(@rows_of);
    }
}
"""

_STEPWISE = """
for ($header) {
    <guard>
    /* Row $k and column $k stay as they are in this step, so $i and $j may run in any order. */
    <team>
    for (long @start = $first; @start < $last; @start++) {
        if (@start == $k)
            continue;
        const $type @leg = $col_of_k;
        <simd>
        for (long @goal = $first; @goal < $last; @goal++) {
            const $type @way = $row_way;
            $element = $element_update;
        }
    }
}
"""


class _Writer:
    """Writes one nest of shortest paths; lines are indented by four spaces a level."""

    def __init__(self, source: NestSource, found: Paths, *, parallel: bool) -> None:
        self.source, self.found, self.parallel = source, found, parallel
        i, j, k = found.rows.variable, found.cols.variable, found.points.variable
        self.roles = {"i": i, "j": j, "k": k}
        bounds = bounds_of(source, found.points)
        first = without_cast(bounds.low)
        self.words = {
            "mark": PATHS, "points": str(_POINTS), "rows": str(_ROWS), "cols": str(_COLS),
            "type": found.dtype,
            "first": first, "last": without_cast(bounds.high), "minus_low": "" if first == "0" else " - @low",
            "element": self.element("@start", "@goal"),
            "element_update": found.rule.updated(self.element("@start", "@goal"), "@way"),
        }  # fmt: skip

    def element(self, row: str, col: str) -> str:
        """d(row, col) in the user's words."""
        found = self.found
        values = {found.rows.variable: row, found.cols.variable: col}
        plain = {v: e if e.replace("@", "").isidentifier() else f"({e})" for v, e in values.items()}
        if "[" + found.cols.variable + "]" in protected(found.target).replace(" ", ""):
            plain[found.cols.variable] = col
        if "[" + found.rows.variable + "]" in protected(found.target).replace(" ", ""):
            plain[found.rows.variable] = row
        return substituted(protected(found.target), plain)

    def text_of(self, template: str, pieces: dict[str, list[str]], **words: str) -> str:
        """The template in the user's indentation and line ends."""
        data, region = self.source.data, self.found.points
        lines = filled(template, {**self.words, **words}, pieces, Names(data), self.roles)
        return laid_out(
            lines,
            indentation(data, region.range.start).decode(),
            indent_unit(data, region).decode(),
            newline(data, region.range.start).decode(),
        )

    def original(self, *, inner: bool, levels: int) -> list[str]:
        """The source of the whole nest, or of one step of it, `levels` deeper than the nest stands."""
        data = self.source.data
        loop = self.found.inner if inner else self.found.points
        unit = indent_unit(data, self.found.points).decode()
        text = protected(data[loop.range.start : loop.range.end].decode("utf-8", "surrogateescape"))
        return [text.replace("\n", "\n" + unit * (levels - inner))]

    def pragma(self, text: str, *, simd: bool = False) -> list[str]:
        """A directive, where the target has it."""
        from loopwright.core.task import Target

        wanted = self.source.target is Target.OPENMP if simd else self.parallel
        return [f"#pragma omp {text}"] if wanted else []


def blocked_change(source: NestSource, found: Paths, *, parallel: bool) -> list[Replacement]:
    """The nest in blocks of points. Declined when its place in the file is not understood."""
    writer = _Writer(source, found, parallel=parallel)
    rule, element = found.rule, writer.element
    broken = rule.broken.replace("$x", "@near[@steps][@steps]")
    unless = rule.broken.replace("$x", element("$k", "$k"))
    k, kind = found.points.variable, found.points.variable_type
    step = [
        "if (@steps == 0) {",
        f"    const {kind} {k} = ({kind})@k_low;",
        *(f"    {line}" for line in writer.original(inner=True, levels=5)),
        "}",
    ]
    rows = [f"@r{n}[@goal{writer.words['minus_low']}]" for n in range(1, 5)]
    pieces = {
        "original": writer.original(inner=False, levels=2),
        "team": writer.pragma("parallel"), "single": writer.pragma("single"),
        "share": writer.pragma("for schedule(static)"), "simd": writer.pragma("simd", simd=True),
        "step_as_it_was": step if broken else [],
        "updates": [
            f"@{x} = {rule.updated(f'@{x}', rule.way(f'@{side}{n}', row))};"
            for n, row in enumerate(rows, start=1)
            for x, side in (("x", "a"), ("y", "b"))
        ],
    }  # fmt: skip
    text = writer.text_of(
        _BLOCKED, pieces,
        unless=f"(where {unless}, that step is done by the loops as they were)" if broken
        else "(a bit that is set stays set)",
        go_on="@steps < @most" + (f" && !({broken})" if broken else ""),
        advance="(@count > 0 ? @count : 1)" if broken else "@count",
        near_element=element("@k_low + @r", "@k_low + @c"),
        near_way=rule.way("@leg", "@near[@steps][@c]"),
        near_update=rule.updated("@near[@r][@c]", "@way"),
        row_element=element("@k_low + @p", "@goal"),
        row_way=rule.way("@leg", "@row[@goal$minus_low]"),
        waiting_element=element("@k_low + @r", "@goal"),
        waiting_update=rule.updated(element("@k_low + @r", "@goal"), "@way"),
        col_element=element("@start", "@k_low + @p"),
        col_way=rule.way("@leg", "@rows_of[@p * @width + @goal$minus_low]"),
        element2=element("@start2", "@goal"),
    )  # fmt: skip
    region = found.points.range
    return [
        Replacement(region.start, region.end, text.encode("utf-8", "surrogateescape")),
        placed(source.data, region.start, ""),
    ]


def stepwise_text(source: NestSource, found: Paths, *, parallel: bool) -> str:
    """The nest with the rows of one step on all threads, and vectors along them."""
    writer = _Writer(source, found, parallel=parallel)
    k = found.points.variable
    header = source.data[found.points.header.start : found.points.header.end].decode(
        "utf-8", "surrogateescape"
    )
    inside = protected(header[header.index("(") + 1 : -1])
    guard = []
    if found.rule.broken:
        broken = found.rule.broken.replace("$x", writer.element(k, k))
        guard = [
            f"if ({broken}) {{ /* a cycle: every order matters */",
            *(f"    {line}" for line in writer.original(inner=True, levels=2)),
            "    continue;",
            "}",
        ]
    pieces = {
        "guard": guard,
        "team": writer.pragma("parallel for schedule(static)"),
        "simd": writer.pragma("simd", simd=True),
    }
    return writer.text_of(
        _STEPWISE, pieces,
        header=inside, col_of_k=writer.element("@start", k),
        row_way=found.rule.way("@leg", writer.element(k, "@goal")),
    )  # fmt: skip
