"""Code of odd shape that edits once got wrong. Each stands beside an ordinary twin that is still edited."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Proposal, Refusal, ask, runs_alike, sources_of, text_of
from restructured import ask_regions

from loopwright.analysis.facts import Answer
from loopwright.core.task import Language
from loopwright.moves.accumulate import AccumulateInPlace
from loopwright.moves.fusion import Fusion
from loopwright.moves.interchange import Interchange
from loopwright.moves.invariant import Invariant
from loopwright.moves.move import Move
from loopwright.moves.parallel_for import ParallelFor
from loopwright.moves.register_tile import RegisterTile
from loopwright.moves.scalar_replacement import ScalarReplacement
from loopwright.moves.skewing import TimeTiles
from loopwright.moves.unroll_and_jam import UnrollAndJam


def edited(move: Move, text: str) -> list[str]:
    return [text_of(p) for p in ask(move, text)[0]]


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("y[i] = s += x[i];", False),
        ("y[i] = (s += x[i]);", False),
        ("y[i] = s = s + x[i];", False),
        ("y[i] = k++;", False),
        ("s += k++;", False),
        ("int at = ++k; s += at;", False),
        ("if (k++ > 3) s += i;", False),
        ("if ((s += x[i]) > 3) y[i] = 1;", False),
        ("s += (k |= i);", False),
        ("s += x[i]; k++;", True),
        ("s += x[i], k++; y[i] = 1;", True),
        ("(void)(s += x[i]);", True),
        ("if (x[i] > s) s = x[i];", True),
    ],
)
def test_the_value_of_an_update_that_is_used_shows_its_place_in_the_order(
    update: str, expected: bool
) -> None:
    text = (
        "double f(int n, const double *restrict x, double *restrict y) { double s = 0; int k = 0;\n"
        f"for (int i = 0; i < n; i++) {{ {update} }}\nreturn s + k; }}\n"
    )
    assert bool(edited(ParallelFor(), text)) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("int i = lo; i < hi", False),
        ("int i = lo - 1; i <= hi", False),
        ("int i = lo; i < n && i < hi", False),
        ("int i = lo; i < 100u", False),
        ("long i = lo; i < hi", False),
        ("int i = 0; i < hi", True),
        ("int i = 2; hi > i", True),
        ("int i = lo; i < n", True),
        ("int i = lo; i < (int)hi", True),
        ("long i = lo; i < 100u", True),
        ("size_t i = 1; i < hi", True),
    ],
)
def test_a_counter_below_zero_that_is_compared_as_unsigned(header: str, expected: bool) -> None:
    text = (
        "#include <stddef.h>\nvoid f(int lo, int n, size_t hi, const double *x, double *restrict y) {\n"
        f"for ({header}; i++) y[i] += 2 * x[i];\n}}\n"
    )
    assert bool(edited(ParallelFor(), text)) is expected


def test_the_counter_of_an_inner_loop_starts_at_that_of_an_outer_one() -> None:
    text = (
        "#include <vector>\nvoid f() {\n    std::vector<double> x(99), y(99);\n"
        "    for (int i = 0; i < x.size(); i++)\n"
        "        for (int j = i + 1; j < x.size(); j++) y[i] += x[j];\n}\n"
    )
    (source,) = sources_of(text, language=Language.CXX)
    assert [facts.parallel for facts in source.facts.loops.values()] == [Answer.PROVED] * 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [("p ? p[2] : 1", False), ("p && p[2]", False), ("(p[2] ? p[2] : 1)", True), ("p[2]", True)],
)
def test_an_element_that_may_never_be_read_is_not_read_ahead(value: str, expected: bool) -> None:
    text = (
        "static void f(int n, double *x, const double *p) {\n"
        f"    for (int i = 0; i < n; i++)\n        x[i] += {value};\n}}\n"
        "double g(int n) { double a[99] = {0}, b[4] = {1, 2, 3, 4}; f(n, a, b); return a[0]; }\n"
    )
    assert bool(edited(Invariant(), text)) is expected


JAMMED = """\
struct point {{ double x; int i; }};
void f(int n, const double *a, const double *x, double *restrict y, struct point *restrict s)
{{
    for (int i = 010; i < n; i++)
        for (int j = 0; j < n; j++)
            {}
}}
"""


@pytest.mark.parametrize(
    "statement",
    [
        "y[i - 010] += a[(i - 8) * n + j] * x[j];",
        "y[i - 8] += a[(i - 8) * n + j] * x[j];",
        "y[i] += a[(i - 8) * n + j] * x[j] + s[i]. i + (s + i)-> i;",
    ],
)
def test_octal_numbers_and_members_with_spaces_before_them(statement: str, tmp_path: Path) -> None:
    before = JAMMED.format(statement)
    found = edited(UnrollAndJam(), before)
    assert found
    main = """\
#include <stdio.h>
struct point { double x; int i; };
void f(int, const double *, const double *, double *, struct point *);
int main(void)
{
    static double a[2000], x[40], y[40];
    static struct point s[40];
    for (int i = 0; i < 2000; i++) a[i] = i % 7, x[i % 40] = i % 5, s[i % 40].i = i % 3;
    f(37, a, x, y, s);
    for (int i = 0; i < 40; i++) printf("%g\\n", y[i]);
    return 0;
}
"""
    runs_alike(before, found[0], main, tmp_path)


@pytest.mark.parametrize(("term", "whole"), [("a[k * n + j] PLUS", True), ("a[k * n + j]", False)])
def test_a_statement_ends_behind_the_macro_that_it_ends_with(term: str, whole: bool) -> None:
    text = (
        "#define PLUS + 3\nvoid f(int n, const double *restrict a, double *restrict c) {\n"
        f"    for (int j = 0; j < n; j++) {{\n        c[j] = 0;\n        for (int k = 0; k < n; k++)\n"
        f"            c[j] += {term};\n    }}\n}}\n"
    )
    found = edited(AccumulateInPlace(), text)
    assert all(("PLUS;" in after) is whole for after in found)
    assert found or whole
    for after in edited(ScalarReplacement(), text):
        assert f"c_kept += {term};" in after


def test_helpers_do_not_take_functions_of_the_user_for_theirs(tmp_path: Path) -> None:
    own = "long floor_of_quotient(long a, long b) { return a * b; }\n"
    body = (
        "void f(int t, int n, double *restrict x)\n{\n    for (int s = -t; s < t; s++)\n"
        "        for (int i = -n; i < n; i++)\n            x[i + 99] = x[i + 98] - x[i + 100];\n}\n"
    )
    plain = [text_of(p) for p in ask_regions(TimeTiles(), body)[0]]
    assert plain and "floor_of_quotient(long a" in plain[0]
    found = [text_of(p) for p in ask_regions(TimeTiles(), own + body)[0]]
    assert found
    main = (
        "#include <stdio.h>\nvoid f(int, int, double *);\nint main(void) { static double x[200];\n"
        "for (int i = 0; i < 200; i++) x[i] = i % 7;\nf(3, 60, x);\n"
        'for (int i = 0; i < 200; i++) printf("%g\\n", x[i]);\nreturn 0; }\n'
    )
    runs_alike("#define _ long floor_of_quotient(long, long);\n" + own + body, found[0], main, tmp_path)


def test_a_loop_that_moves_as_a_whole_in_a_time_loop_is_declined() -> None:
    text = (
        "void h(int n, int m, double b[][70]) {\n    for (int r = 0; r < 3; r++)\n"
        "        for (int j = 0; j < m; j++) {\n            double c = 0;\n"
        "            for (int k = 0; k < n; k++) {\n                c = b[k][j] - c;\n"
        "                b[k][j] = c;\n            }\n"
        "            for (int k = n - 2; k >= 0; k--)\n                b[k][j] = b[k + 1][j] - b[k][j];\n"
        "        }\n}\n"
    )
    proposals, refusals = ask_regions(TimeTiles(), text)
    assert all(isinstance(p, Proposal) for p in proposals)
    assert all(isinstance(r, Refusal) for r in refusals)


@pytest.mark.parametrize(
    ("bound", "expected"), [("UPTO", False), ("i + 1", True), ("SIZE", True), ("ALL", False)]
)
def test_a_bound_that_depends_on_a_loop_by_way_of_a_macro(bound: str, expected: bool) -> None:
    text = (
        "#define UPTO i + 1\n#define ALL UPTO\n#define SIZE (n)\n"
        "void f(int n, double (*restrict c)[70], double (*restrict a)[70], double (*restrict b)[70]) {\n"
        "    int i, j, k;\n"
        f"    for (i = 0; i < n; i++)\n        for (j = 0; j < {bound}; j++)\n"
        "            for (k = 0; k < n; k++)\n                c[i][j] += a[i][k] * b[k][j];\n}\n"
    )
    assert bool(edited(RegisterTile(), text)) is expected


@pytest.mark.parametrize(("bound", "expected"), [("LIM", False), ("m", False), ("SIZE", True), ("n", True)])
def test_headers_do_not_change_places_where_a_macro_names_the_other_counter(
    bound: str, expected: bool
) -> None:
    text = (
        "#define LIM m\n#define SIZE n\n"
        "void f(int n, int m, double (*restrict a)[80], double (*restrict b)[80]) {\n"
        f"    for (int i = 0; i < {bound}; i++)\n        for (int m = 0; m < 50; m++)\n"
        "            a[m][i] = b[m][i] + 1;\n}\n"
    )
    assert bool(edited(Interchange(), text)) is expected


@pytest.mark.parametrize("size", ["m", "LIM", "n"])
def test_a_loop_does_not_hide_the_size_of_the_loops_inside_it(size: str, tmp_path: Path) -> None:
    before = (
        "#define LIM m\nvoid f(int n, int m, double (*restrict a)[80], double (*restrict b)[80])\n{\n"
        f"    for (int i = 0; i < {size}; i++)\n        for (int m = 0; m < 50; m++)\n"
        f"            a[m][i] = b[m][i] + 1;\n    for (int i = 0; i < {size}; i++)\n"
        "        for (int k = 0; k < 50; k++)\n            b[k][i] += a[k][i];\n}\n"
    )
    found = [text_of(p) for p in ask_regions(Fusion(), before)[0]]
    assert found
    main = (
        "#include <stdio.h>\nvoid f(int, int, double (*)[80], double (*)[80]);\n"
        "int main(void) { static double a[80][80], b[80][80];\n"
        "for (int i = 0; i < 6400; i++) b[i / 80][i % 80] = i % 7;\nf(9, 9, a, b);\n"
        'for (int i = 0; i < 6400; i++) printf("%g\\n", b[i / 80][i % 80]);\nreturn 0; }\n'
    )
    runs_alike(before, found[0], main, tmp_path)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("enum { K = 2 }; double s = K;", False),
        ("struct l { double v; } t = {0}; double s = t.v;", False),
        ("_Alignas(64) double s = 0;", False),
        ("struct pair t = {0, 1}; double s = t.v;", True),
        ("double s = 0;", True),
    ],
)
def test_types_that_a_body_declares_are_not_written_twice(declared: str, expected: bool) -> None:
    text = (
        "struct pair { double v, w; };\n"
        "void f(int n, double (*restrict a)[80], double *restrict x, double *restrict y) {\n"
        f"    for (int i = 0; i < n; i++) {{\n        {declared}\n"
        "        for (int j = 0; j < n; j++)\n            s += a[i][j] * x[j];\n        y[i] = s;\n    }\n}\n"
    )
    assert bool(edited(UnrollAndJam(), text)) is expected
    for proposal in ask_regions(Fusion(), text)[0]:
        assert "++)\n        enum" not in text_of(proposal), "what declares a name stays with what uses it"


@pytest.mark.parametrize(("value", "expected"), [("TEXT(i)[0]", False), ("TWICE(i)", True)])
def test_macros_that_show_the_text_of_their_arguments(value: str, expected: bool) -> None:
    text = (
        "#define TEXT(x) #x\n#define TWICE(x) ((x) * 2)\n"
        "void f(int n, double (*restrict a)[80], double *restrict x, double *restrict y) {\n"
        "    for (int i = 0; i < n; i++) {\n        double s = 0;\n        for (int j = 0; j < n; j++)\n"
        f"            s += a[i][j] * x[j] + {value};\n        y[i] = s;\n    }}\n}}\n"
    )
    assert bool(edited(UnrollAndJam(), text)) is expected
    assert expected or not ask_regions(Fusion(), text)[0]
