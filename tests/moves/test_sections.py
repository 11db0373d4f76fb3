"""Reductions into arrays behind pointers, in vectors and in structs: same results, and the twins refused."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import ask, runs_alike, text_of

from loopwright.core.task import Language
from loopwright.moves.move import Proposal
from loopwright.moves.parallel_for import ParallelFor

MOVE = ParallelFor()

ALLOCATED = """\
#include <stdlib.h>
#define BINS 100
long *counts(int n, const float *x)
{
    long *h = calloc(BINS, sizeof *h);
    if (!h)
        return h;
    for (int i = 0; i < n; i++) {
        int bin = (int)x[i];
        h[bin < BINS ? bin : BINS - 1]++;
    }
    return h;
}
"""

VECTORS = """\
#include <vector>
struct Groups {
    std::vector<double> sum;
    long count[16];
};
Groups gather(int n, int d, const std::vector<int> &label, const std::vector<double> &x)
{
    Groups g = {std::vector<double>(16 * d), {}};
    std::vector<int> seen(g.sum.size() / d);
    for (int i = 0; i < n; i++) {
        seen[label[i]]++;
        g.count[label[i]] += 2;
        for (int k = 0; k < d; k++)
            g.sum[label[i] * d + k] += x[i * d + k];
    }
    for (int c = 0; c < (int)seen.size(); c++)
        g.count[c] += seen[c];
    return g;
}
"""

STRUCT = """\
typedef struct { int used; unsigned h[256]; } Image;
void spread(int n, const unsigned short *pixels, Image *image)
{
    for (int i = 0; i < n; i++)
        image->h[pixels[i]]++;
}
"""


def reducing(text: str, language: Language = Language.C) -> Proposal:
    found = [p for p in ask(MOVE, text, language=language)[0] if "reduction(+: " in p.edit.title]
    assert found
    return found[0]


def test_an_allocated_histogram(tmp_path: Path) -> None:
    after = text_of(reducing(ALLOCATED))
    assert "#pragma omp parallel for schedule(static) reduction(+: h[:BINS])\n" in after
    main = """#include <stdio.h>
long *counts(int, const float *);
int main(void) { static float x[9001]; for (int i = 0; i < 9001; i++) x[i] = (float)(i * 7919L % 13001) / 111;
for (int n = 0; n <= 9001; n += 3000) { long *h = counts(n, x); for (int q = 0; q < 100; q++) printf("%ld\\n", h[q]); } }
"""
    runs_alike(ALLOCATED, after, main, tmp_path)


def test_vectors_and_a_member_array_together(tmp_path: Path) -> None:
    proposal = reducing(VECTORS, Language.CXX)
    after = text_of(proposal)
    assert "double *sum_data = g.sum.data();" in after
    assert "long *count_data = g.count;" in after
    assert "sum_data[label[i] * d + k] += x[i * d + k];" in after
    assert "g.sum.size() <= 32768" in after and "count_data <=" not in after
    assert "rounding may differ" in (proposal.edit.proof or "")
    main = """#include <cstdio>
#include <vector>
struct Groups { std::vector<double> sum; long count[16]; };
Groups gather(int, int, const std::vector<int> &, const std::vector<double> &);
int main() { for (int k : {1, 5, 16}) for (int big : {1, 4000}) { int d = k == 5 ? 3 : 3 * big; int n = 997; std::vector<int> label(n); std::vector<double> x(n * d);
for (int i = 0; i < n; i++) label[i] = i * 31 % k;
for (int i = 0; i < n * d; i++) x[i] = i % 17 - 3.25;
Groups g = gather(n, d, label, x);
for (int i = 0; i < 16 * d; i += 1 + d / 7) std::printf("%.17g\\n", g.sum[i]);
for (long c : g.count) std::printf("%ld\\n", c); } }
"""
    runs_alike(VECTORS, after, main, tmp_path, language=Language.CXX, rtol=1e-12)


def test_a_histogram_in_a_struct(tmp_path: Path) -> None:
    after = text_of(reducing(STRUCT))
    assert (
        after.split("Image *image)\n")[1]
        == """\
{
    {
        unsigned int *h_data = image->h;
        #pragma omp parallel for schedule(static) reduction(+: h_data[:256])
        for (int i = 0; i < n; i++)
            h_data[pixels[i]]++;
    }
}
"""
    )
    main = """#include <stdio.h>
typedef struct { int used; unsigned h[256]; } Image;
void spread(int, const unsigned short *, Image *);
int main(void) { static unsigned short p[5000]; static Image m; for (int i = 0; i < 5000; i++) p[i] = i * 7 % 251;
spread(5000, p, &m); for (int q = 0; q < 256; q++) printf("%u\\n", m.h[q]); }
"""
    runs_alike(STRUCT, after, main, tmp_path)
    assert "element types" in (reducing(STRUCT).edit.proof or "")
    bytes_ = STRUCT.replace("unsigned short", "unsigned char")
    assert not ask(MOVE, bytes_)[0], "the bytes may be those of the image"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("h[bin < BINS ? bin : BINS - 1]++;", "h[bin]++; if (h[bin] > 9) h[0] = 0;"),  # the sum is looked at
        ("calloc(BINS, sizeof *h)", "calloc(n > 3 ? BINS : 200, sizeof *h)"),  # no length that can be written
        ("calloc(BINS, sizeof *h)", "calloc(1 << 20, sizeof *h)"),  # too long for a stack
        ("h[bin < BINS ? bin : BINS - 1]++;", "*(h + bin) += 1;"),  # fine, but not a subscript to rename
    ],
)
def test_twins_of_the_allocated_histogram(old: str, new: str) -> None:
    twin = ALLOCATED.replace(old, new)
    assert twin != ALLOCATED
    proposals = ask(MOVE, twin)[0]
    if "*(h" in new:  # a plain pointer needs no renaming
        assert all("h[:BINS]" in p.edit.title for p in proposals)
    else:
        assert not proposals


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "g.sum[label[i] * d + k] +=",
            "g.sum.at(label[i] * d + k) +=",
        ),  # checks that the pointer would not make
        (
            "std::vector<double> sum;",
            "std::vector<std::vector<double>> sum;",
        ),  # copies would share their rows
        ("seen[label[i]]++;", "seen[label[i]]++; seen.push_back(1);"),  # the vector moves
        ("seen[label[i]]++;", "if (seen[label[i]]++ > 3) g.count[0] = 1;"),
    ],
)
def test_twins_of_the_vectors(old: str, new: str) -> None:
    twin = VECTORS.replace(old, new)
    if "<std::vector<double>>" in new:
        twin = twin.replace("g.sum[label[i] * d + k]", "g.sum[label[i]][k]")
        twin = twin.replace("std::vector<double>(16 * d)", "std::vector<std::vector<double>>(16)")
    assert twin != VECTORS
    assert not [p for p in ask(MOVE, twin, language=Language.CXX)[0] if p.line == 10]
