"""Elements kept in scalars: updates and repeated reads, what they compute, and the illegal twins."""

# ruff: noqa: E501 (one snippet a line is easier to compare)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Target, ask, runs_alike, text_of
from tile_support import same_results

from loopwright.moves.invariant import Invariant
from loopwright.moves.scalar_replacement import ScalarReplacement

UPDATES, READS = ScalarReplacement(), Invariant()
SIZES = "int m, int n, int p, double alpha, double beta, "
APART = SIZES + "const double *restrict a, const double *restrict b, double *restrict c"
LENGTHS = ("m*p", "p", "m")
SMALL = tuple((m, 1, p) for m in (0, 1, 7, 40) for p in (0, 1, 8, 33))

FORMS = {
    "matrix times vector": "for (int i = 0; i < m; i++) { for (int k = 0; k < p; k++) c[i] += a[i * p + k] * b[k]; }",
    "set before": "for (int i = 0; i < m; i++) { c[i] = alpha; for (int k = 0; k < p; k++) { c[i] -= a[i * p + k] * b[k]; } }",
    "no braces": "for (int i = 0; i < m; i++) for (int k = 0; k < p; k++) c[i] += a[i * p + k];",
}  # fmt: skip


def whole(prototype: str, body: str) -> str:
    return f"void kernel({prototype})\n{{\n    {body}\n}}\n"


@pytest.mark.parametrize("name", FORMS)
def test_sums_in_vector_lanes(name: str, tmp_path: Path) -> None:
    before = whole(APART, FORMS[name])
    found, refusals = ask(UPDATES, before)
    assert found, [str(r) for r in refusals]
    after = text_of(found[0])
    assert "#pragma omp simd reduction(+: c_kept)" in after
    assert "c[i] = c_kept;" in after
    assert ("if (0 < p)" in after) is (name != "set before"), "nothing may be read when the loop does not run"
    flags = ("-O1", "-fopenmp", "-fsanitize=address,undefined")
    same_results(APART, before, after, LENGTHS, tmp_path, sizes=SMALL, flags=flags)


def test_restrict_leaves_the_plain_scalar_to_the_compiler_and_serial_code_gets_no_directive() -> None:
    text = whole(APART, FORMS["matrix times vector"])
    assert len(ask(UPDATES, text)[0]) == 1
    assert ask(UPDATES, text, target=Target.SERIAL)[0] == []


LOCAL = """\
#include <stdlib.h>
static void smooth(int n, const double *w, const double *x, double *y)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            y[j] = y[j] * 0.5 + w[i] * x[j];
        }
}
void kernel(int m, int n, int p, double alpha, double beta, double *a, double *b, double *c)
{
    double *w = malloc((p + 1) * sizeof *w), *x = malloc((p + 1) * sizeof *x), *y = malloc((p + 1) * sizeof *y);
    for (int i = 0; i < p; i++) {
        w[i] = a[i];
        x[i] = b[i];
        y[i] = 0;
    }
    smooth(p, w, x, y);
    for (int i = 0; i < p; i++)
        c[i] = y[i] * alpha;
    free(w);
    free(x);
    free(y);
}
"""


def test_reads_are_hoisted_where_only_the_whole_program_shows_that_nothing_overlaps(tmp_path: Path) -> None:
    found, refusals = ask(READS, LOCAL)
    hoisted = [p for p in found if p.function == "smooth"]
    assert hoisted, [str(r) for r in refusals]
    after = text_of(hoisted[0])
    assert "const double w_kept = w[i];" in after
    same_results(SIZES + "double", LOCAL, after, ("p", "p", "p"), tmp_path, sizes=SMALL)


ILLEGAL = {
    "may overlap": (APART.replace("restrict ", ""), FORMS["matrix times vector"]),
    "read at another element": (APART, "for (int i = 1; i < m; i++) { for (int k = 0; k < p; k++) c[i] += c[k] * b[k]; }"),
    "element changes": (APART, "for (int k = 0; k < p; k++) c[k % m] += b[k];"),
    "under a condition": (APART, "for (int i = 0; i < m; i++) { for (int k = 0; k < p; k++) if (b[k] > 0) c[i] += b[k]; }"),
    "left early": (APART, "for (int i = 0; i < m; i++) { for (int k = 0; k < p; k++) { if (b[k] > 9) return; c[i] += b[k]; } }"),
    "volatile": (APART.replace("double *restrict c", "volatile double *restrict c"), FORMS["matrix times vector"]),
    "a call sees it": (APART + "); void f(void); void g(" + APART, "for (int i = 0; i < m; i++) { for (int k = 0; k < p; k++) { c[i] += b[k]; f(); } }"),
}  # fmt: skip


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_twins_are_refused(name: str) -> None:
    prototype, body = ILLEGAL[name]
    text = whole(prototype, body) if "void g(" not in prototype else f"void f(void);\n{whole(APART, body)}"
    assert ask(UPDATES, text)[0] == []


def test_a_read_that_a_write_may_change_stays() -> None:
    text = whole(
        SIZES + "const double *a, const double *b, double *c",
        "for (int i = 0; i < m; i++) { for (int k = 0; k < p; k++) c[k] += a[i]; }",
    )
    assert ask(READS, text)[0] == []


MEMBERS = """\
struct vector { double x, y; };
struct star { struct vector at; double mass; };
double pull(int n, const struct star *stars, double *out)
{
    double work = 0.0;
    for (int i = 0; i < n; i++) {
        struct vector sum = {0.0, 0.0};
        for (int j = 0; j < n; j++) {
            double dx = stars[j].at.x - stars[i].at.x;
            double dy = stars[j].at.y - stars[i].at.y;
            double pull = stars[j].mass / (1.0 + dx * dx + dy * dy);
            sum.x += pull * dx;
            sum.y += pull * dy;
            work += pull;
        }
        out[i] = sum.x - 2 * sum.y;
    }
    return work;
}
"""


def test_members_of_a_struct_are_summed_in_lanes(tmp_path: Path) -> None:
    proposals, _ = ask(UPDATES, MEMBERS)
    (proposal,) = [p for p in proposals if "simd" in p.edit.title]
    after = text_of(proposal)
    assert "#pragma omp simd reduction(+: sum_x_kept, sum_y_kept, work)\n" in after
    assert "sum_y_kept += pull * dy;" in after and "sum.y = sum_y_kept;" in after
    main = """#include <stdio.h>
struct vector { double x, y; };
struct star { struct vector at; double mass; };
double pull(int, const struct star *, double *);
int main(void) { static struct star s[211]; static double out[211];
for (int i = 0; i < 211; i++) { s[i].at.x = i % 17; s[i].at.y = i * 7 % 23 - 4.5; s[i].mass = 1 + i % 3; }
for (int n = 0; n < 212; n += 70) { printf("%.17g\\n", pull(n, s, out)); for (int q = 0; q < 211; q++) printf("%.17g\\n", out[q]); } }
"""
    runs_alike(MEMBERS, after, main, tmp_path, rtol=1e-11)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sum.x += pull * dx;", "sum.x += pull * dx + sum.y;"),  # one sum is read for the other
        ("sum.x += pull * dx;", "sum.x = pull * dx - sum.x;"),  # a recurrence
        ("sum.x += pull * dx;", "if (sum.y < 9) sum.x += pull * dx;"),
        ("struct vector sum = {0.0, 0.0};", "static struct vector sum; sum.x = sum.y = 0; const double *p = &sum.x; out[i] = *p;"),
        ("work += pull;", "work = pull - work;"),
    ],
)  # fmt: skip
def test_twins_of_the_members_get_no_lanes(old: str, new: str) -> None:
    twin = MEMBERS.replace(old, new)
    assert twin != MEMBERS
    assert [p.edit.title for p in ask(UPDATES, twin)[0] if "simd" in p.edit.title] == []
