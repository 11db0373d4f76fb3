"""Kernels for the moves that regroup loops, and a program that compares what is proposed with the original."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from moves_support import COMPILERS, build, text_of

from loopwright.analysis.facts import NestFacts
from loopwright.analysis.frontend import read_nests
from loopwright.core.task import Kernel, Language, Target
from loopwright.core.tree import Tree
from loopwright.moves.move import Move, NestSource, Proposal, Refusal
from loopwright.moves.regions import without_loop_directives


@dataclass(frozen=True)
class Case:
    """A function `kernel` whose sizes come first, then scalars, then arrays of double.

    `arrays`: name and number of elements in terms of the sizes; `slack` is for scalars read as sizes.
    """

    text: str
    sizes: tuple[str, ...]
    arrays: tuple[tuple[str, str], ...]
    scalars: tuple[str, ...] = ()
    values: tuple[tuple[int, ...], ...] = ()
    """Values of the sizes to try."""
    expects: dict[str, str] = field(default_factory=dict)


def regions_of(
    text: str, *, kernel: Kernel | None = None, target: Target = Target.OPENMP, threads: int = 2
) -> list[NestSource]:
    """Every region of a snippet."""
    data = text.encode()
    found = read_nests(
        Tree({"k.c": without_loop_directives(data)}), ["k.c"], Language.C, kernel=kernel, regions=True
    )
    assert not found.unreadable, found.unreadable
    tree = Tree({"k.c": data})
    return [
        NestSource(tree, NestFacts(region), Language.C, target=target, threads=threads, kernel=kernel)
        for region in found.regions
    ]


def ask_regions(move: Move, text: str, **options: object) -> tuple[list[Proposal], list[Refusal]]:
    """What a move says about all regions of a snippet."""
    answers = [a for s in regions_of(text, **options) for a in move.propose(s)]  # type: ignore[arg-type]
    return [a for a in answers if isinstance(a, Proposal)], [a for a in answers if isinstance(a, Refusal)]


_MAIN = """
static double value(unsigned *r) {{ *r = *r * 1664525u + 1013904223u; return (int)(*r >> 8) % 2001 / 1000.0 + 1.5; }}
static void fill(double *a, size_t n, unsigned seed) {{ for (size_t i = 0; i < n; i++) a[i] = value(&seed); }}
static int differ(const double *a, const double *b, size_t n, double tolerance) {{
    for (size_t i = 0; i < n; i++)
        if (tolerance == 0 ? memcmp(a + i, b + i, sizeof *a) != 0 : !(fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i])) || (a[i] != a[i] && b[i] != b[i]))) return 1;
    return 0;
}}
int main(void) {{
    static const int sizes[][{count}] = {{ {sizes} }};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {{
{named}
{allocate}
{checks}
{release}
    }}
    return 0;
}}
"""


def compare(case: Case, proposals: Sequence[Proposal], folder: Path, *, tolerance: float = 1e-11) -> None:
    """Original and proposals in one program, over all sizes, with 1 and 3 threads.

    Results have to be the same bits unless a proposal says that the rounding may differ.
    """
    if not COMPILERS[Language.C]:
        pytest.skip("no compiler")
    assert proposals
    sources = ["#include <math.h>", "#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
    helpers: set[str] = set()
    for number, text in enumerate([case.text, *(text_of(p) for p in proposals)]):
        body = text.replace("kernel(", f"version{number}(", 1)
        for helper in ("minimum_of", "maximum_of", "floor_of_quotient"):
            body = body.replace(f"{helper}(", f"{helper}{number}(")
        sources.append(body)
        helpers.add(text)
    names = [name for name, _ in case.arrays]
    arguments = [*case.sizes, *case.scalars]
    lines = {
        "count": len(case.sizes),
        "sizes": ", ".join("{" + ", ".join(map(str, v)) + "}" for v in case.values),
        "named": "\n".join(f"        const int {n} = sizes[s][{i}];" for i, n in enumerate(case.sizes))
        + "".join(f"\n        const double {n} = 1.25 + {i} / 8.0;" for i, n in enumerate(case.scalars)),
        "allocate": "\n".join(
            f"        const size_t n_{n} = (size_t)({e}) + 1; double *{n} = malloc(n_{n} * 8), *o_{n} = malloc(n_{n} * 8);"
            for n, e in case.arrays
        ),
        "release": "\n".join(f"        free({n}); free(o_{n});" for n in names),
    }
    fills = " ".join(f"fill({n}, n_{n}, {i + 1}u);" for i, n in enumerate(names))
    originals = " ".join(f"fill(o_{n}, n_{n}, {i + 1}u);" for i, n in enumerate(names))
    checks = [f"        {originals} version0({', '.join([*arguments, *(f'(void *)o_{n}' for n in names)])});"]
    for number, proposal in enumerate(proposals, start=1):
        exact = (proposal.edit.details or {}).get("rounding") == "unchanged"
        call = f"version{number}({', '.join([*arguments, *(f'(void *){n}' for n in names)])});"
        shown = " ".join(f"{n}=%d" for n in case.sizes)
        for name in names:
            call += (
                f' if (differ({name}, o_{name}, n_{name}, {0.0 if exact else tolerance})) printf("version{number} {name} {shown}\\n", '
                + ", ".join(case.sizes) + ");"
            )  # fmt: skip
        checks.append(f"        {fills} {call}")
    main = _MAIN.format(checks="\n".join(checks), **lines)
    program = build(
        COMPILERS[Language.C][0],
        {"all.c": "\n".join(sources) + main},
        folder,
        ("-O1", "-fopenmp", "-w", "-ffp-contract=off"),
    )
    for threads in ("1", "3"):
        done = subprocess.run(
            [str(program)],
            capture_output=True,
            text=True,
            timeout=120,
            env={
                **os.environ,
                "OMP_NUM_THREADS": threads,
                "OMP_WAIT_POLICY": "passive",
                "GOMP_SPINCOUNT": "0",
            },
        )
        assert done.returncode == 0, (done.returncode, done.stderr)
        wrong = done.stdout.splitlines()
        assert not wrong, "\n".join([*wrong[:5], text_of(proposals[int(wrong[0].split()[0][7:]) - 1])])


SIZES = (0, 1, 2, 3, 7, 31, 32, 33, 67)
SQUARE = tuple((n,) for n in SIZES)
OBLONG = ((0, 0), (0, 3), (3, 0), (1, 1), (2, 5), (31, 33), (33, 31), (64, 7), (7, 67))

MVT = Case(
    """void kernel(int n, double *restrict x1, double *restrict x2, const double *restrict y1, const double *restrict y2, double A[restrict n][n])
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            x1[i] = x1[i] + A[i][j] * y1[j];
    /* the transposed matrix */
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            x2[i] = x2[i] + A[j][i] * y2[j];
}
""",
    ("n",),
    (("x1", "n"), ("x2", "n"), ("y1", "n"), ("y2", "n"), ("A", "n * n")),
    values=SQUARE,
)

ATAX = Case(
    """void kernel(int m, int n, double A[restrict m][n], const double *restrict x, double *restrict y, double *restrict t)
{
    for (int i = 0; i < n; i++)
        y[i] = 0;
    for (int i = 0; i < m; i++) {
        t[i] = 0.0;
        for (int j = 0; j < n; j++)
            t[i] = t[i] + A[i][j] * x[j];
        for (int j = 0; j < n; j++)
            y[j] = y[j] + A[i][j] * t[i];
    }
}
""",
    ("m", "n"),
    (("A", "m * n"), ("x", "n"), ("y", "n"), ("t", "m")),
    values=OBLONG,
)

GEMVER = Case(
    """void kernel(int n, double alpha, double beta, double A[restrict n][n], const double *restrict u1, const double *restrict v1, const double *restrict u2, const double *restrict v2, double *restrict w, double *restrict x, const double *restrict y, const double *restrict z)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            A[i][j] = A[i][j] + u1[i] * v1[j] + u2[i] * v2[j]; // rank two
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            x[i] = x[i] + beta * A[j][i] * y[j];
    for (int i = 0; i < n; i++)
        x[i] = x[i] + z[i];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            w[i] = w[i] + alpha * A[i][j] * x[j];
}
""",
    ("n",),
    (("A", "n * n"), *((v, "n") for v in ("u1", "v1", "u2", "v2", "w", "x", "y", "z"))),
    ("alpha", "beta"),
    values=SQUARE,
)

CORRELATION = Case(
    """#include <math.h>
void kernel(int m, int n, double count, double data[restrict n][m], double corr[restrict m][m], double *restrict mean, double *restrict deviation)
{
    for (int j = 0; j < m; j++) {
        mean[j] = 0.0;
        for (int i = 0; i < n; i++)
            mean[j] += data[i][j];
        mean[j] /= count;
    }
    for (int j = 0; j < m; j++) {
        deviation[j] = 0.0;
        for (int i = 0; i < n; i++)
            deviation[j] += (data[i][j] - mean[j]) * (data[i][j] - mean[j]);
        deviation[j] = sqrt(deviation[j] / count);
        deviation[j] = deviation[j] <= 0.1 ? 1.0 : deviation[j];
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) {
            data[i][j] -= mean[j];
            data[i][j] /= sqrt(count) * deviation[j];
        }
    for (int i = 0; i < m - 1; i++) {
        corr[i][i] = 1.0;
        for (int j = i + 1; j < m; j++) {
            corr[i][j] = 0.0;
            for (int k = 0; k < n; k++)
                corr[i][j] += data[k][i] * data[k][j];
            corr[j][i] = corr[i][j];
        }
    }
}
""",
    ("m", "n"),
    (("data", "n * m"), ("corr", "m * m"), ("mean", "m"), ("deviation", "m")),
    ("count",),
    values=OBLONG,
)

TWO_PRODUCTS = Case(
    """void kernel(int ni, int nj, int nk, double alpha, double t[restrict ni][nj], double A[restrict ni][nk], double B[restrict nk][nj], double C[restrict nj][nk], double D[restrict ni][nk])
{
    for (int i = 0; i < ni; i++)
        for (int j = 0; j < nj; j++) {
            t[i][j] = 0.0;
            for (int k = 0; k < nk; ++k)
                t[i][j] += alpha * A[i][k] * B[k][j];
        }
    for (int i = 0; i < ni; i++)
        for (int j = 0; j < nk; j++) {
            D[i][j] *= alpha;
            for (int k = 0; k < nj; ++k)
                D[i][j] += t[i][k] * C[k][j];
        }
}
""",
    ("ni", "nj", "nk"),
    (("t", "ni * nj"), ("A", "ni * nk"), ("B", "nk * nj"), ("C", "nj * nk"), ("D", "ni * nk")),
    ("alpha",),
    values=((0, 0, 0), (1, 1, 1), (2, 3, 5), (31, 32, 33), (33, 7, 65), (7, 0, 3)),
)

DOITGEN = Case(
    """void kernel(int nr, int nq, int np, double A[restrict nr][nq][np], double C[restrict np][np], double *restrict sum)
{
    for (int r = 0; r < nr; r++)
        for (int q = 0; q < nq; q++) {
            for (int p = 0; p < np; p++) {
                sum[p] = 0.0;
                for (int s = 0; s < np; s++)
                    sum[p] += A[r][q][s] * C[s][p];
            }
            for (int p = 0; p < np; p++)
                A[r][q][p] = sum[p];
        }
}
""",
    ("nr", "nq", "np"),
    (("A", "nr * nq * np"), ("C", "np * np"), ("sum", "np")),
    values=((0, 0, 0), (1, 1, 1), (2, 3, 5), (5, 7, 33)),
)

JACOBI = Case(
    """void kernel(int steps, int n, double A[restrict n][n], double B[restrict n][n])
{
    for (int t = 0; t < steps; t++) {
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                B[i][j] = 0.2 * (A[i][j] + A[i][j - 1] + A[i][1 + j] + A[1 + i][j] + A[i - 1][j]);
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                A[i][j] = 0.2 * (B[i][j] + B[i][j - 1] + B[i][1 + j] + B[1 + i][j] + B[i - 1][j]);
    }
}
""",
    ("steps", "n"),
    (("A", "n * n"), ("B", "n * n")),
    values=((0, 5), (1, 0), (1, 1), (2, 2), (1, 3), (2, 4), (5, 7), (17, 33), (33, 41), (40, 70)),
)

SEIDEL = Case(
    """void kernel(int steps, int n, double A[restrict n][n])
{
    for (int t = 0; t <= steps - 1; t++)
        for (int i = 1; i <= n - 2; i++)
            for (int j = 1; j <= n - 2; j++)
                A[i][j] = (A[i - 1][j - 1] + A[i - 1][j] + A[i - 1][j + 1] + A[i][j - 1] + A[i][j] + A[i][j + 1]
                           + A[i + 1][j - 1] + A[i + 1][j] + A[i + 1][j + 1]) / 9.0;
}
""",
    ("steps", "n"),
    (("A", "n * n"),),
    values=((0, 5), (1, 0), (1, 1), (2, 2), (1, 3), (2, 4), (5, 7), (9, 33), (17, 41), (20, 70)),
)

HEAT = Case(
    """void kernel(int steps, int n, double A[restrict n][n][n], double B[restrict n][n][n])
{
    for (int t = 1; t <= steps; t++) {
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                for (int k = 1; k < n - 1; k++)
                    B[i][j][k] = 0.125 * (A[i + 1][j][k] - 2.0 * A[i][j][k] + A[i - 1][j][k])
                               + 0.125 * (A[i][j + 1][k] - 2.0 * A[i][j][k] + A[i][j - 1][k])
                               + 0.125 * (A[i][j][k + 1] - 2.0 * A[i][j][k] + A[i][j][k - 1]) + A[i][j][k];
        for (int i = 1; i < n - 1; i++)
            for (int j = 1; j < n - 1; j++)
                for (int k = 1; k < n - 1; k++)
                    A[i][j][k] = 0.125 * (B[i + 1][j][k] - 2.0 * B[i][j][k] + B[i - 1][j][k])
                               + 0.125 * (B[i][j + 1][k] - 2.0 * B[i][j][k] + B[i][j - 1][k])
                               + 0.125 * (B[i][j][k + 1] - 2.0 * B[i][j][k] + B[i][j][k - 1]) + B[i][j][k];
    }
}
""",
    ("steps", "n"),
    (("A", "n * n * n"), ("B", "n * n * n")),
    values=((0, 5), (1, 0), (1, 2), (2, 3), (5, 7), (9, 18), (13, 34)),
)

LINE = Case(
    """void kernel(int steps, int n, double *restrict a, double *restrict b)
{
    int t, i;
    for (t = 0; t < steps; t++) {
        for (i = 1; i < n - 1; i++)
            b[i] = 0.25 * (a[i - 1] + 2 * a[i] + a[i + 1]);
        for (i = 1; i < n - 1; i++)
            a[i] = b[i]; /* copied back */
    }
}
""",
    ("steps", "n"),
    (("a", "n"), ("b", "n")),
    values=((0, 5), (1, 0), (1, 2), (2, 3), (5, 7), (33, 1025), (70, 3000)),
)

LU = Case(
    """void kernel(int n, double A[restrict n][n])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++)
                A[i][j] -= A[i][k] * A[k][j];
            A[i][j] /= A[j][j];
        }
        for (int j = i; j < n; j++)
            for (int k = 0; k < i; k++)
                A[i][j] -= A[i][k] * A[k][j];
    }
}
""",
    ("n",),
    (("A", "n * n"),),
    values=((0,), (1,), (2,), (3,), (7,), (16,), (33,), (65,), (131,)),
)

CHOLESKY = Case(
    """#include <math.h>
void kernel(int n, double A[restrict n][n])
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            for (int k = 0; k < j; k++)
                A[i][j] -= A[i][k] * A[j][k];
            A[i][j] /= A[j][j];
        }
        for (int k = 0; k < i; k++)
            A[i][i] -= A[i][k] * A[i][k];
        A[i][i] = sqrt(fabs(A[i][i]) + 1);
    }
}
""",
    ("n",),
    (("A", "n * n"),),
    values=((0,), (1,), (2,), (3,), (7,), (16,), (33,), (65,), (131,)),
)
