"""Running a kernel before and after a move side by side, at many sizes, in one program."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from moves_support import COMPILERS, FLAGS, build, source_name

from loopwright.core.task import Language

_MAIN = """\
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
%(externs)s
static unsigned long state = 12345;
static double number(void)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return (double)(state >> 33) / (1UL << 31) * 2 - 1;
}
int main(void)
{
    static const int sizes[][3] = {%(sizes)s};
    for (size_t r = 0; r < sizeof sizes / sizeof *sizes; r++) {
        const int m = sizes[r][0], n = sizes[r][1], p = sizes[r][2];
        const size_t count[3] = {(size_t)%(a)s, (size_t)%(b)s, (size_t)%(c)s};
        %(type)s *x[3], *y[3];
        for (int q = 0; q < 3; q++) {
            x[q] = (%(type)s *)malloc(count[q] * sizeof(%(type)s) + 1);
            y[q] = (%(type)s *)malloc(count[q] * sizeof(%(type)s) + 1);
            for (size_t i = 0; i < count[q]; i++)
                x[q][i] = y[q][i] = (%(type)s)number();
        }
        %(prepare)s
        before(m, n, p, 1.5, -0.75, x[0], x[1], x[2]);
        after(m, n, p, 1.5, -0.75, y[0], y[1], y[2]);
        for (int q = 0; q < 3; q++)
            for (size_t i = 0; i < count[q]; i++)
                if (!(fabs((double)x[q][i] - (double)y[q][i]) <= %(bound)s * (p + 1))) {
                    fprintf(stderr, "m %%d n %%d p %%d, array %%d at %%zu: %%.17g not %%.17g\\n",
                            m, n, p, q, i, (double)y[q][i], (double)x[q][i]);
                    return 1;
                }
        for (int q = 0; q < 3; q++) {
            free(x[q]);
            free(y[q]);
        }
    }
    return 0;
}
"""

SIZES = (
    (0, 0, 0), (1, 1, 1), (0, 9, 9), (9, 0, 9), (9, 9, 0), (5, 7, 8), (6, 8, 8), (7, 9, 9), (13, 17, 12),
    (31, 33, 29), (30, 64, 256), (61, 24, 257), (1, 300, 40), (300, 1, 40), (37, 2100, 11), (100, 9, 530),
)  # fmt: skip
"""None, one, below, at and above a tile and a block; long and thin ones."""


def same_results(
    prototype: str,
    before: str,
    after: str,
    lengths: tuple[str, str, str],
    folder: Path,
    *,
    language: Language = Language.C,
    compiler: str | None = None,
    flags: tuple[str, ...] = FLAGS,
    sizes: tuple[tuple[int, int, int], ...] = SIZES,
    prepare: str = "",
    threads: int = 3,
    link: tuple[str, ...] = (),
) -> None:
    """`kernel(m, n, p, alpha, beta, a, b, c)` does the same in both texts, up to rounding of long sums.

    `prototype` is its parameter list; `lengths` are those of a, b, c; `prepare` is C code over x and y.
    """
    kind = "float" if "float" in prototype else "double"
    flat = (
        f"size_t, size_t, size_t, {kind}, {kind}"
        if "size_t" in prototype
        else f"int, int, int, {kind}, {kind}"
    )
    linkage = "" if language is Language.C else 'extern "C" '
    externs = "\n".join(
        f"{linkage}void {n}({flat}, {kind} *, {kind} *, {kind} *);" for n in ("before", "after")
    )
    main = _MAIN % {
        "externs": externs, "type": kind, "bound": "2e-6" if kind == "float" else "1e-14", "prepare": prepare,
        "sizes": ", ".join(f"{{{a}, {b}, {c}}}" for a, b, c in sizes),
        "a": lengths[0], "b": lengths[1], "c": lengths[2],
    }  # fmt: skip
    chosen = compiler or (COMPILERS[language] or [None])[0]
    if chosen is None or shutil.which(chosen) is None:
        pytest.skip(f"no {chosen or 'compiler'}")
    suffix = source_name(language).removeprefix("k")
    files = {
        f"before{suffix}": "#define kernel before\n" + before,
        f"after{suffix}": "#define kernel after\n" + after,
        f"main{suffix}": main,
    }
    program = build(chosen, files, folder, flags, link)
    environment = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    done = subprocess.run(
        [str(program)], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr[-2000:]
