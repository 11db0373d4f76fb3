"""Register tiles: the forms that are understood, what they compute at awkward sizes, and the illegal twins."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import FLAGS, Language, Target, ask, text_of
from tile_support import same_results

from loopwright.core.tree import Tree
from loopwright.moves.proposals import proposals
from loopwright.moves.register_tile import RegisterTile
from loopwright.moves.tile_shape import VectorUnit

MOVE = RegisterTile()

SIZES = "int m, int n, int p, double alpha, double beta, "
FLAT = SIZES + "const double *restrict a, const double *restrict b, double *restrict c"
ROWS = SIZES + "double a[restrict m][p], double b[restrict p][n], double c[restrict m][n]"
SQUARE = SIZES + "double a[restrict m][p], double b[restrict m][p], double c[restrict m][m]"
COLUMNS = SIZES + "double a[restrict p][m], double b[restrict p][m], double c[restrict m][m]"
PRODUCT, OUTER = ("m*p", "p*n", "m*n"), ("m*p", "m*p", "m*m")
UPDATE = "c[i][j] += a[i][k] * b[k][j];"

FORMS = {
    "dot products": (FLAT, PRODUCT, "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { double s = 0.0; for (int k = 0; k < p; k++) s += a[i * p + k] * b[k * n + j]; c[i * n + j] = s; }"),
    "factor in a scalar": (FLAT, PRODUCT, "for (int i = 0; i < m; i++) for (int k = 0; k < p; k++) { const double r = alpha * a[i * p + k]; for (int j = 0; j < n; j++) c[i * n + j] += r * b[k * n + j]; }"),
    "scaled rows first": (ROWS, PRODUCT, "int i, j, k; for (i = 0; i < m; i++) { for (j = 0; j < n; j++) c[i][j] *= beta; for (k = 0; k < p; k++) for (j = 0; j < n; j++) c[i][j] += alpha * a[i][k] * b[k][j]; }"),
    "alpha and beta at the end": (ROWS, PRODUCT, "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { double s = 0; for (int k = 0; k < p; k++) { s += a[i][k] * b[k][j]; } c[i][j] = alpha * s + beta * c[i][j]; }"),
    "k outermost, subtracted": (ROWS, PRODUCT, "for (int k = 0; k < p; k++) for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) c[i][j] = c[i][j] - a[i][k] * b[k][j] / 3;"),
    "starts from the result": (SIZES + "double a[restrict m][p], double b[restrict n][p], double c[restrict m][n]", ("m*p", "n*p", "m*n"), "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { double s = c[i][j]; for (int k = 0; k < p; k++) s -= a[i][k] * b[j][k]; c[i][j] = s; }"),
    "function of the sum": (ROWS, PRODUCT, "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { double s = alpha; for (int k = 0; k < p; k++) s += a[i][k] * b[k][j]; c[i][j] = s * s; }"),
    "symmetric, lower": (SQUARE, OUTER, "for (int i = 0; i < m; i++) { for (int j = 0; j <= i; j++) c[i][j] *= beta; for (int k = 0; k < p; k++) for (int j = 0; j <= i; j++) c[i][j] += alpha * a[i][k] * a[j][k]; }"),
    "strictly upper": (SQUARE, OUTER, "for (int i = 0; i < m; i++) for (int j = i + 1; j < m; j++) for (int k = 0; k < p; k++) c[i][j] += a[i][k] * a[j][k];"),
    "triangle by columns": (SQUARE, OUTER, "for (int j = 0; j < m; j++) for (int i = j; i < m; i++) for (int k = 0; k < p; k++) c[i][j] += a[i][k] * b[j][k];"),
    "two products": (SQUARE, OUTER, "for (int i = 0; i < m; i++) for (int k = 0; k < p; k++) for (int j = 0; j <= i; j++) c[i][j] += a[j][k] * alpha * b[i][k] + b[j][k] * alpha * a[i][k];"),
    "covariance": (COLUMNS, OUTER, "for (int i = 0; i < m; i++) for (int j = i; j < m; j++) { c[i][j] = 0; for (int k = 0; k < p; k++) c[i][j] += a[k][i] * a[k][j]; c[i][j] /= (beta - 1.0); c[j][i] = c[i][j]; }"),
    "sum used twice": (COLUMNS, OUTER, "for (int i = 0; i < m; i++) { c[i][i] = 1; for (int j = i + 1; j < m; j++) { double s = 0; for (int k = 0; k < p; k++) s += a[k][i] * a[k][j]; c[i][j] = s; c[j][i] = s; } }"),
    "sum of products in brackets": (SQUARE, OUTER, "for (int i = 0; i < m; i++) for (int k = 0; k < p; k++) for (int j = 0; j <= i; j++) c[i][j] += alpha * (a[i][k] * b[j][k] + b[i][k] * a[j][k]);"),
    "work row, in place": (SIZES + "double a[restrict m][p], double b[restrict p][p], double c[1]", ("m*p", "p*p", "1"), "double t[p]; for (int i = 0; i < m; i++) { for (int j = 0; j < p; j++) { t[j] = 0; for (int k = 0; k < p; k++) t[j] += a[i][k] * b[k][j]; } for (int j = 0; j < p; j++) a[i][j] = t[j]; }"),
    "offsets, own names": (FLAT, PRODUCT, "for (int t = 1; t <= m - 2; t++) for (int r = 2; r < n; r++) { double c_ = 0; for (int q = 1; q < p; ++q) c_ += a[(t + 1) * p + q] * b[(q - 1) * n + r]; c[t * n + r] += 2.5 * c_; }"),
    "row above": (ROWS, PRODUCT, "for (int i = 0; i < m; i++) for (int j = 0; j < i && j < n; j++) { for (int k = 0; k < p; k++) " + UPDATE + " }"),
    "size_t": (FLAT.replace("int m, int n, int p", "size_t m, size_t n, size_t p"), PRODUCT, "for (size_t i = 0; i < m; i++) for (size_t j = 0; j < n; j++) for (size_t k = 0; k < p; k++) c[i * n + j] += a[i * p + k] * b[k * n + j];"),
    "float": (FLAT.replace("double", "float"), PRODUCT, "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { float s = 0.0f; for (int k = 0; k < p; k++) s += a[i * p + k] * b[k * n + j]; c[i * n + j] = alpha * s; }"),
    "further loop": (SIZES + "double a[restrict 3][m][p], double b[restrict 3][p][n], double c[restrict m][n]", ("3*m*p", "3*p*n", "m*n"), "for (int i = 0; i < m; i++) for (int q = 0; q < 3; q++) for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) c[i][j] += a[q][i][k] * b[q][k][j];"),
}  # fmt: skip
REFUSED = {"row above"}
"""A bound of two conditions is not handled: it is declined, never guessed."""


def whole(prototype: str, body: str) -> str:
    return f"#include <stddef.h>\nvoid kernel({prototype})\n{{\n    {body}\n}}\n"


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str, tmp_path: Path) -> None:
    prototype, lengths, body = FORMS[name]
    before = whole(prototype, body)
    found, refusals = ask(MOVE, before)
    if name in REFUSED:
        assert not found
        assert refusals
        return
    assert found, [str(r) for r in refusals]
    after = text_of(found[0])
    start, end = before.index("for ("), before.rindex("}")
    head, tail = before[:start].split("\n", 1)[1], before[end:]
    assert after.endswith(tail)
    assert head in after
    assert body[body.index("for (") :] in after, "the loops as they were stay for small sizes"
    assert "rounding may differ" in found[0].edit.proof
    same_results(prototype, before, after, lengths, tmp_path)


SHAPES = [(VectorUnit(16, 16), 1), (VectorUnit(32, 16), 2), (VectorUnit(64, 32), 0)]


@pytest.mark.parametrize(("unit", "which"), SHAPES, ids=["sse", "avx2, third shape", "avx512"])
def test_shapes_and_sanitizers(unit: VectorUnit, which: int, tmp_path: Path) -> None:
    """Every shape, on any machine: vectors wider than the machine's are split by the compiler."""
    checks = (
        "-O1",
        "-g",
        "-fopenmp",
        "-fsanitize=address,undefined",
        "-fno-sanitize=vla-bound",
        "-Wno-psabi",
    )
    for name in ("covariance", "dot products"):
        prototype, lengths, body = FORMS[name]
        before = whole(prototype, body)
        after = text_of(ask(MOVE, before, vector=unit)[0][which])
        same_results(prototype, before, after, lengths, tmp_path / name, flags=checks)


@pytest.mark.parametrize("compiler", ["clang-19", "clang"])
def test_clang_takes_it(compiler: str, tmp_path: Path) -> None:
    prototype, lengths, body = FORMS["symmetric, lower"]
    after = text_of(ask(MOVE, whole(prototype, body))[0][0])
    same_results(prototype, whole(prototype, body), after, lengths, tmp_path, compiler=compiler)


CXX = """\
#include <vector>
namespace linear {
static void multiply(int m, int n, int p, const std::vector<double> &a, const std::vector<double> &b, std::vector<double> &c)
{
    for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) {
            double sum = 0.0;
            for (int k = 0; k < p; ++k)
                sum += a[i * p + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
}
}
extern "C" void kernel(int m, int n, int p, double, double, double *a, double *b, double *c)
{
    std::vector<double> x(a, a + m * p), y(b, b + p * n), z(static_cast<std::size_t>(m * n));
    linear::multiply(m, n, p, x, y, z);
    for (int i = 0; i < m * n; i++)
        c[i] = z[i];
}
"""


def test_vectors_in_cxx(tmp_path: Path) -> None:
    found, refusals = ask(MOVE, CXX, language=Language.CXX)
    assert found, [str(r) for r in refusals]
    after = text_of(found[0])
    assert after.index("static void tile_product") < after.index("namespace linear"), (
        "not inside the namespace"
    )
    same_results("double", CXX, after, PRODUCT, tmp_path, language=Language.CXX)


NEST = "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) { %s }"
DOT = "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { double s = 0; for (int k = 0; k < p; k++) s += a[i][k] * b[k][j]; %s }"
ILLEGAL = {
    "in place, rows": (ROWS.replace("b[restrict p][n]", "b[restrict m][m]"), NEST % "c[i][j] += c[i][k] * b[k][j];"),
    "may overlap": (ROWS.replace("restrict ", ""), NEST % UPDATE),
    "result read meanwhile": (ROWS, NEST % (UPDATE + " a[i][0] = c[i][j];")),
    "factor written meanwhile": (ROWS, NEST % (UPDATE + " b[k][j] = alpha;")),
    "reads the row before": (ROWS, "for (int i = 1; i < m; i++) for (int j = 0; j < n; j++) { c[i][j] = c[i - 1][j]; for (int k = 0; k < p; k++) " + UPDATE + " }"),
    "one element for all j": (ROWS, NEST % "c[i][0] += a[i][k] * b[k][j];"),
    "elements meet": (ROWS, NEST % "c[0][i + j] += a[i][k] * b[k][j];"),
    "product of sums": (ROWS, NEST % "c[i][j] *= a[i][k] * b[k][j];"),
    "factor of both": (ROWS, NEST % "c[i][j] += a[i][k] * b[k][j] * a[i][j];"),
    "under a condition": (ROWS, NEST % ("if (a[i][k] != 0) " + UPDATE)),
    "early exit": (ROWS, NEST % ("if (k > i) break; " + UPDATE)),
    "depth by j": (ROWS, "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (int k = 0; k < j; k++) " + UPDATE),
    "side effect": (ROWS, "int t = 0; " + NEST % "c[i][j] += a[i][k] * b[k][t++ % n];"),
    "a call": ("double f(double); \nvoid kernel(" + ROWS, NEST % "c[i][j] += a[i][k] * f(b[k][j]);"),
    "mixed types": (ROWS.replace("double b", "float b"), NEST % UPDATE),
    "integers": (ROWS.replace("double a", "int a").replace("double b", "int b").replace("double c", "int c"), NEST % UPDATE),
    "a macro hides k": (ROWS, "\n#define RHS b[k][j]\n" + NEST % "c[i][j] += a[i][k] * RHS;"),
    "a macro hides i and j": (ROWS, "\n#define BOTH (a[i][k] * b[k][j])\n" + NEST % "c[i][j] += BOTH * alpha;"),
    "sum needed later": (ROWS, "double s = 0; " + DOT.replace("double s", "s") % "c[i][j] = s;" + " c[0][0] = s;"),
    "sum used twice": (ROWS, DOT % "c[i][j] = s; a[i][0] = s;"),
    "sum used after more was written": (COLUMNS, "for (int i = 0; i < m; i++) for (int j = i; j < m; j++) { double s = 0; for (int k = 0; k < p; k++) s += a[k][i] * a[k][j]; c[i][j] = s; c[j][i] = 1; a[0][0] = s; }"),
    "what is added changes": (ROWS, "for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) { double s = 0, t = alpha; for (int k = 0; k < p; k++) { s += a[i][k] * b[k][j]; t *= 0.5; } c[i][j] = s + t; }"),
    "work row that goes on": (ROWS, "double t[5000]; for (int j = 0; j < n; j++) t[j] = 0; for (int i = 0; i < m; i++) { for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) t[j] += a[i][k] * b[k][j]; for (int j = 0; j < n; j++) c[i][j] = t[j]; }"),
    "work row needed afterwards": (ROWS, "double t[5000]; for (int i = 0; i < m; i++) { for (int j = 0; j < n; j++) { t[j] = 0; for (int k = 0; k < p; k++) t[j] += a[i][k] * b[k][j]; } for (int j = 0; j < n; j++) c[i][j] = t[j]; } for (int j = 0; j < n; j++) c[0][j] += t[j];"),
    "sum of another type": (ROWS.replace("double c", "float c"), DOT % "c[i][j] = s;"),
    "k read afterwards": (ROWS, "int k; for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) for (k = 0; k < p; k++) { " + UPDATE + " } c[0][0] = k;"),
    "volatile": (ROWS.replace("double c", "volatile double c"), NEST % UPDATE),
    "short loops": (ROWS, NEST.replace("k < p", "k < 4") % UPDATE),
    "backwards": (ROWS, NEST.replace("int k = 0; k < p; k++", "int k = p - 1; k >= 0; k--") % UPDATE),
    "every second": (ROWS, NEST.replace("k++", "k += 2") % UPDATE),
}  # fmt: skip


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_twins_are_refused(name: str) -> None:
    prototype, body = ILLEGAL[name]
    text = (
        whole(prototype, body)
        if not prototype.startswith("double f")
        else f"{prototype})\n{{\n    {body}\n}}\n"
    )
    assert ask(MOVE, text)[0] == []


def test_a_mean_that_is_needed_between_is_kept_in_order(tmp_path: Path) -> None:
    """Statements around the sums go into loops of their own when, and only when, that turns nothing round."""
    body = "for (int i = 0; i < m; i++) { for (int j = 0; j < n; j++) c[i][j] = b[0][j] * i; for (int j = 0; j < n; j++) for (int k = 0; k < p; k++) c[i][j] += a[i][k] * b[k][j]; for (int j = 0; j < n; j++) c[i][j] = c[i][j] * 2; }"
    legal = whole(ROWS, "if (p < 1)\n        return;\n    " + body)
    found, refusals = ask(MOVE, legal)
    assert found, [str(r) for r in refusals]
    same_results(ROWS, legal, text_of(found[0]), PRODUCT, tmp_path)
    # The row that is finished feeds the next one: the sums of all rows cannot be formed at once.
    assert (
        ask(MOVE, whole(ROWS, body.replace("c[i][j] = b[0][j] * i", "a[i][0] = i > 0 ? c[i - 1][0] : 0")))[0]
        == []
    )


def test_serial_target_and_line_ends() -> None:
    prototype, _, body = FORMS["covariance"]
    text = whole(prototype, body.replace("; i++) ", "; i++)\n        ")).replace("\n", "\r\n")
    found, _ = ask(MOVE, text, target=Target.SERIAL)
    after = text_of(found[0])
    assert "#pragma" not in after
    assert after.count("\r\n") == after.count("\n")


def test_what_was_tiled_is_left_alone_and_the_kernel_is_shared() -> None:
    prototype, _, body = FORMS["k outermost, subtracted"]
    text = whole(prototype, body + "\n    " + body)
    first = proposals(Tree({"k.c": text.encode()}), ["k.c"], Language.C).proposals[0]
    assert first.family == "register-tile"
    once = Tree(first.edit.changes)
    second = proposals(once, ["k.c"], Language.C).proposals[0]
    assert second.family == "register-tile"
    twice = text_of(second)
    assert twice.count("static void tile_product_") == 1
    assert proposals(Tree(second.edit.changes), ["k.c"], Language.C).proposals == ()


def test_no_new_team_inside_a_team() -> None:
    prototype, _, body = FORMS["covariance"]
    inside = whole(prototype, "#pragma omp parallel\n    {\n    " + body + "\n    }")
    found, _ = ask(MOVE, inside)
    assert all("#pragma omp parallel if" not in text_of(p) for p in found)


def test_include_goes_behind_the_others_and_feature_macros() -> None:
    prototype, _, body = FORMS["covariance"]
    text = "#define _GNU_SOURCE\n#include <stdio.h>\n#ifdef X\n#include <math.h>\n#endif\n\n" + whole(
        prototype, body
    )
    after = text_of(ask(MOVE, text)[0][0])
    assert after.startswith("#define _GNU_SOURCE\n#include <stdio.h>\n#ifdef X\n")
    assert (
        after.index("#include <stddef.h>")
        < after.index("#include <stdlib.h>")
        < after.index("static void tile")
    )
    assert FLAGS
