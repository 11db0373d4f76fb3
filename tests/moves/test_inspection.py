"""Sections whose ends the host finds out: exact in any order of the ranges, refused where they may not be."""

from __future__ import annotations

from pathlib import Path

import pytest
from offload_support import directive, offered, printed

from loopwright.core.task import Argument, Dtype, Kernel, Language, Role
from loopwright.toolchains.toolchain import Toolchain

SPMV = """\
void spmv(int rows, const int *start, const int *column, const double *value, const double *x, double *y)
{
    for (int i = 0; i < rows; i++) {
        double sum = 0.0;
        for (int k = start[i]; k < start[i + 1]; k++) {
            sum += value[k] * x[column[k]];
        }
        y[i] = sum;
    }
}
"""
WRITTEN = """\
    {
        /* Nothing says how long value, column and x are. What the loop reads of them lies
           between the smallest and the largest subscript, which these loops find. */
        long k_first = 0;
        long k_end = 0;
        long x_first = 0;
        long x_end = 0;
        for (int i = 0; i < rows; i++) {
            const long k_from = start[i];
            const long k_to = start[i + 1];
            if (k_from < k_to) {
                if (k_first == k_end) {
                    k_first = k_end = k_from;
                }
                k_first = k_from < k_first ? k_from : k_first;
                k_end = k_to > k_end ? k_to : k_end;
            }
            for (int k = start[i]; k < start[i + 1]; k++) {
                const long x_at = column[k];
                if (x_first == x_end) {
                    x_first = x_end = x_at;
                }
                x_first = x_at < x_first ? x_at : x_first;
                x_end = x_at < x_end ? x_end : x_at + 1;
            }
        }
        #pragma omp target teams distribute parallel for \\
"""


def kernel() -> Kernel:
    """SPMV as a task states it: the numbers of entries and of columns are not among its arguments."""
    shapes = {"start": "rows + 1", "column": "entries", "value": "entries", "x": "columns", "y": "rows"}
    return Kernel(
        "spmv",
        SPMV.partition("\n")[0],
        (
            Argument("rows", Role.IN, Dtype.I32, value="rows"),
            *(
                Argument(
                    name,
                    Role.OUT if name == "y" else Role.IN,
                    Dtype.I32 if name in ("start", "column") else Dtype.F64,
                    (shape,),
                )
                for name, shape in shapes.items()
            ),
        ),
    )


def test_the_host_finds_out_what_the_rows_use() -> None:
    (text,), _ = offered(SPMV, kernel=kernel())
    assert WRITTEN in text
    assert (
        "map(to: start[0:(rows + 1)], value[k_first:k_end - k_first], column[k_first:k_end - k_first], "
        "x[x_first:x_end - x_first]) map(tofrom: y[0:rows])"
    ) in directive(text)


GATHER = """\
void gather(int n, const int *restrict from, const double *restrict x, double *restrict a)
{
    for (int i = 0; i < n; i++) {
        BODY
    }
}
"""


def gather(body: str) -> tuple[list[str], list[str]]:
    return offered(GATHER.replace("BODY", body))


@pytest.mark.parametrize(
    "body",
    [
        "a[i] = x[from[i]];",
        "a[i] = x[from[i]] + x[(from[i] & 3) + n];",
        "a[i] = x[(int)x[from[i]]];",
        "double s = 0; for (int j = i; j < n; j += 2) { s += x[from[j] - i]; } a[i] = s;",
        "double s = 0; for (long j = from[i]; j < from[i + n]; j++) { s += x[j]; } a[i] = s;",
    ],
)
def test_other_subscripts_are_found_by_going_through_them(body: str) -> None:
    (text,), _ = gather(body)
    assert "x[x_first:x_end - x_first]" in directive(text)
    assert "map(to: from[0:" in directive(text)  # its own length is in the accesses, where there is one


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("if (from[i] > 0) a[i] = x[from[i]];", "under a condition"),
        ("a[i] = from[i] < 0 ? 0 : x[from[i]];", "under a condition"),
        ("a[i] = from[i] >= 0 && x[from[i]] > 0;", "under a condition"),
        ("if (from[i] < 0) continue; a[i] = x[from[i]];", "under a condition"),
        ("for (int k = from[i]; k < from[i + 1]; k++) { if (x[k] < 0) break; a[i] = 1; }",
         "cannot be run on the host"),
        ("int p = from[i]; a[i] = x[p];", "may change in the loop"),
        ("int n = from[i]; a[i] = x[n];", "may change in the loop"),
        ("a[i] = *(x + from[i]);", "no plain subscript"),
        ("static int k; a[i] = x[from[i] + k];", "static"),
    ],
)  # fmt: skip
def test_where_the_section_might_be_too_large_it_is_refused(body: str, words: str) -> None:
    texts, refusals = gather(body)
    assert not texts and any(words in r for r in refusals), refusals


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # The rows' ends are written while they are read, through the same or through another name.
        ("void f(int n, int *restrict start, const double *restrict x, double *restrict a) {\\n"
         "for (int i = 0; i < n; i++) {\\n"
         "start[i] = i; for (int k = start[i]; k < n; k++) a[i] += x[k * k]; } }",
         "may change in the loop"),
        ("void f(int n, const int *start, const double *x, double *a) {\\n"
         "for (int i = 0; i < n; i++) a[i] = x[start[i]]; }", "x and a may overlap"),
        ("void f(int n, const int *start, const double *x, const double *z, double *restrict a) {\\n"
         "for (int i = 0; i < n; i++) a[i] = x[start[i]] + z[start[i]]; }", "may overlap"),
        ("void f(int n, const int *start, int *a) {\\n"
         "for (int i = 0; i < n; i++) a[i] = a[n + start[i]]; }", "start and a may overlap"),
        ("static int next(const int *p) { return p[0]; }\\n"
         "void f(int n, const int *restrict start, const double *restrict x, double *restrict a) {\\n"
         "for (int i = 0; i < n; i++) a[i] = x[next(start + i)]; }", "not understood"),
        ("#define AT start[i]\\n"
         "void f(int n, const int *restrict start, const double *restrict x, double *restrict a) {\\n"
         "for (int i = 0; i < n; i++) a[i] = x[AT]; }", "not understood"),
        ("void f(int n, const int *restrict start, double *restrict x, double *restrict a) {\\n"
         "for (int i = 0; i < n; i++) { a[i] = x[start[i]]; x[start[i]] = a[i]; } }", "same element of x"),
    ],
)  # fmt: skip
def test_twins_that_may_read_something_else_are_refused(text: str, words: str) -> None:
    texts, refusals = offered(text.replace("\\n", "\n"))
    assert not texts and any(words in r for r in refusals), refusals


GATHERED = "a[i] = x[from[i]] + x[from[i + 1] + 2];"
MAIN = """\
#include <stdio.h>
void spmv(int, const int *, const int *, const double *, const double *, double *);
void gather(int, const int *, const double *, double *);
static int start[] = {7, 9, 2, 2, 5, 4, 9}, column[12];
static double value[12], x[40], y[6], z[6];
int main(void) {
    for (int i = 0; i < 12; i++) { column[i] = i * 7 % 5 - 2; value[i] = i + 0.5; }
    for (int i = 0; i < 40; i++) x[i] = i * i;
    for (int rows = 0; rows < 7; rows++) {
        /* Rows in no order, overlapping, empty, turned round; columns on both sides of the first element. */
        spmv(rows, start, column, value, x + 9, y);
        serial_spmv(rows, start, column, value, x + 9, z);
        for (int i = 0; i < rows; i++) printf("%g ", y[i] - z[i]);
        gather(rows, column, x + 9, y);
        serial_gather(rows, column, x + 9, z);
        for (int i = 0; i < rows; i++) printf("%g ", y[i] - z[i]);
    }
    /* All rows end before the first element of what the pointers lead to. */
    for (int i = 0; i < 7; i++) start[i] = i / 2 - 5;
    spmv(6, start, column + 6, value + 6, x + 9, y);
    serial_spmv(6, start, column + 6, value + 6, x + 9, z);
    for (int i = 0; i < 6; i++) printf("%g ", y[i] - z[i]);
    printf("%g", z[1]);
}
"""


def test_what_is_read_is_there_whatever_the_order_of_the_rows(
    offload_toolchain: Toolchain, tmp_path: Path
) -> None:
    (spmv,), _ = offered(SPMV, kernel=kernel())
    (other,), _ = gather(GATHERED)
    serial = [SPMV.replace("void ", "void serial_"), GATHER.replace("void ", "void serial_")]
    files = {"s.c": spmv, "g.c": other, "main.c": "".join(serial).replace("BODY", GATHERED) + MAIN}
    *differences, shown = printed(offload_toolchain, files, tmp_path / "p", Language.C).split()
    assert len(differences) == 2 * 21 + 6 and set(differences) == {"0"} and float(shown) != 0
