"""Sums kept in the result row: the forms that are understood, what they compute, and the illegal twins."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import ask, runs_alike, text_of

from loopwright.core.task import Target
from loopwright.moves.accumulate import AccumulateInPlace

MOVE = AccumulateInPlace()

FRAME = """\
void kernel(int n, double alpha, const double *restrict a, const double *restrict b, double *restrict c)
{
%s}
"""
MAIN = (
    "#include <stdio.h>\n"
    "void kernel(int, double, const double *restrict, const double *restrict, double *restrict);\n"
    "int main(void) { static double a[1849], b[1849], c[1849]; for (int i = 0; i < 1849; i++) {"
    " a[i] = i % 7 - 2.5; b[i] = i % 11 * 0.1; c[i] = i % 5; } for (int n = 0; n < 44; n += 43) {"
    ' kernel(n, 1.5, a, b, c); for (int i = 0; i < 1849; i++) printf("%.17g ", c[i]); } }'
)
MATMUL = (
    FRAME
    % """\
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0.0;
            for (int k = 0; k < n; k++)
                sum += a[i * n + k] * b[k * n + j]; // dot product
            c[i * n + j] = sum;
        }
    }
"""
)


def test_matrix_product_whole_file_and_result(tmp_path: Path) -> None:
    proposals, refusals = ask(MOVE, MATMUL)
    assert not refusals
    parallel, serial = (text_of(p) for p in proposals)
    assert (
        serial
        == FRAME
        % """\
    for (int i = 0; i < n; i++) {
        /* sum is kept in c[i * n + j] and the loops over j and k are exchanged: the inner one has stride 1. */
        // dot product
        for (int j = 0; j < n; j++) {
            c[i * n + j] = 0.0;
        }
        for (int k = 0; k < n; k++) {
            for (int j = 0; j < n; j++) {
                c[i * n + j] += a[i * n + k] * b[k * n + j];
            }
        }
    }
"""
    )
    assert parallel == serial.replace(
        "    for (int i", "    #pragma omp parallel for schedule(static)\n    for (int i", 1
    )
    assert "same terms in the same order" in proposals[0].edit.proof
    assert proposals[0].gain > proposals[1].gain > 1
    # Same terms, same order: the same bits, as long as no compiler contracts one of them to fma.
    runs_alike(MATMUL, serial, MAIN, tmp_path / "serial")
    runs_alike(MATMUL, parallel, MAIN, tmp_path / "parallel")


FORMS = {
    "scaled result": (
        "double s = 0; for (int k = 0; k < n; k++) { s += a[i * n + k] * b[k * n + j]; } c[i * n + j] = alpha * s;",
        [
            "c[i * n + j] = 0;",
            "c[i * n + j] += a[i * n + k] * b[k * n + j];",
            "c[i * n + j] = alpha * c[i * n + j];",
        ],
    ),
    "starts from the result": (
        "double s = c[i * n + j]; for (int k = 0; k < n; k++) s -= a[i * n + k] * b[k * n + j]; c[i*n + j] = s;",
        ["c[i*n + j] -= a[i * n + k] * b[k * n + j];"],
    ),
    "written out": (
        "double s = alpha; for (int k = 0; k < n; k++) s = s + b[k * n + j]; c[i * n + j] = s;",
        ["c[i * n + j] = alpha;", "c[i * n + j] += b[k * n + j];"],
    ),
    "no scalar": (
        "c[i * n + j] = 0.0; for (int k = 0; k < n; k++) c[i * n + j] += a[i * n + k] * b[k * n + j];",
        ["c[i * n + j] = 0.0;", "c[i * n + j] += a[i * n + k] * b[k * n + j];"],
    ),
    "added": (
        "double s = 0.0; for (int k = 0; k < n; k++) s += b[k * n + j]; c[i * n + j] += s;",
        ["c[i * n + j] += b[k * n + j];"],
    ),
    "triangular in i": (
        "double s = 0.0; for (int k = 0; k < i; k++) s += b[k * n + j]; c[i * n + j] = s;",
        ["c[i * n + j] = 0.0;", "c[i * n + j] += b[k * n + j];"],
    ),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("braces", [True, False])
def test_forms(name: str, braces: bool, tmp_path: Path) -> None:
    body, statements = FORMS[name]
    inner = f"for (int j = 0; j < n; j++) {{ {body} }}"
    text = FRAME % f"    for (int i = 0; i < n; i++)\n        {'{' + inner + '}' if braces else inner}\n"
    proposals, refusals = ask(MOVE, text)
    assert proposals, [str(r) for r in refusals]
    after = text_of(proposals[-1])
    lines = [line.strip() for line in after.splitlines()]
    assert [line for line in lines if line.startswith("c[")] == statements
    assert ("rounding may differ" in proposals[-1].edit.proof) is (name == "added")
    for n, proposal in enumerate(proposals):
        runs_alike(text, text_of(proposal), MAIN, tmp_path / str(n), rtol=1e-12 if name == "added" else 0.0)


def test_a_root_nest_transposed_product(tmp_path: Path) -> None:
    text = (
        FRAME
        % """\
    int j, k;
    double s;
    if (n > 1)
\tfor (j = 0; j < n; j++) {
\t    s = 0;
\t    for (k = 0; k < n; k++)
\t\ts += b[k * n + j] * a[k];
\t    c[j] = s;
\t}
"""
    )
    (proposal,), _ = ask(MOVE, text)
    after = text_of(proposal)
    assert "\t{\n" in after  # two loops as the body of the if need braces
    # The variable that the sum was kept in is left over: the warning about it is the only one.
    after = after.replace("double s;", "double s; (void)s;")
    runs_alike(text, after, MAIN, tmp_path)


def test_crlf_and_serial_target() -> None:
    text = MATMUL.replace("\n", "\r\n")
    (proposal,), _ = ask(MOVE, text, target=Target.SERIAL)
    after = text_of(proposal)
    assert "#pragma" not in after
    assert after.count("\r\n") == after.count("\n")


ILLEGAL = {
    "in place": "double s = 0; for (int k = 0; k < n; k++) s += c[i * n + k] * b[k * n + j]; c[i * n + j] = s;",
    "result read at the end": "double s = 0; for (int k = 0; k < n; k++) s += b[k * n + j]; c[i * n + j] = s + 2 * c[i * n + j];",
    "all j to one element": "double s = 0; for (int k = 0; k < n; k++) s += b[k * n + j]; c[i * n] = s;",
    "k bound by j": "double s = 0; for (int k = 0; k < j; k++) s += b[k * n + j]; c[i * n + j] = s;",
    "other type": "float s = 0; for (int k = 0; k < n; k++) s += b[k * n + j]; c[i * n + j] = s;",
    "two sums": "double s = 0, t = 0; for (int k = 0; k < n; k++) { s += b[k * n + j]; t += b[k * n + j]; } c[i * n + j] = s + t;",
    "condition": "double s = 0; for (int k = 0; k < n; k++) if (k != i) s += b[k * n + j]; c[i * n + j] = s;",
    "result under condition": "double s = 0; for (int k = 0; k < n; k++) s += b[k * n + j]; if (s > 0) c[i * n + j] = s;",
    "product": "double s = 1; for (int k = 0; k < n; k++) s *= b[k * n + j]; c[i * n + j] = s;",
    "sum used later": "double s = 0; for (int k = 0; k < n; k++) s += b[k * n + j]; c[i * n + j] = s; c[i * n + j] += s;",
    "stored by k": "double s = 0; for (int k = 0; k < n; k++) s += b[k * n + j] * s; c[i * n + j] = s;",
    "breaks off": "double s = 0; for (int k = 0; k < n; k++) { if (s > 9) break; s += b[k * n + j]; } c[i * n + j] = s;",
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_twins_are_refused(name: str) -> None:
    text = FRAME % f"for (int i = 0; i < n; i++) {{ for (int j = 0; j < n; j++) {{ {ILLEGAL[name]} }} }}"
    assert ask(MOVE, text)[0] == []


def test_a_collapsed_loop_stays_as_it_is() -> None:
    text = MATMUL.replace("    for (int i", "#pragma omp parallel for collapse(2)\n    for (int i", 1)
    assert ask(MOVE, text)[0] == []
    (serial,) = ask(MOVE, text.replace(" collapse(2)", ""))[0]
    assert "#pragma omp parallel for\n" in text_of(serial)


def test_overlap_and_outliving_sum_are_refused() -> None:
    assert ask(MOVE, MATMUL.replace("restrict", ""))[0] == []
    outlives = MATMUL.replace("double sum = 0.0", "sum = 0.0").replace(
        "    for (int i", "    double sum = 0;\n    for (int i", 1
    )
    assert ask(MOVE, outlives)[0] != []
    assert ask(MOVE, outlives.replace("    }\n}", "    }\n    c[0] = sum;\n}"))[0] == []
