"""Shortest paths in blocks: the same bits as the loops as they were, negative cycles or not."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from moves_support import COMPILERS, Target, ask, build, text_of

from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.moves.proposals import proposals
from loopwright.moves.shortest_paths import ShortestPaths

MOVE = ShortestPaths()
LOOPS = """void kernel(int n, {kind} d[restrict n][n])
{{
    {declared}for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++) {{
            {hoisted}for (int j = 0; j < n; j++) {{
                {update}
            }}
        }}
}}
"""
FLAT = """void kernel(int n, double *w)
{
    for (int via = 0; via < n; ++via)
        for (int to = 0; to < n; ++to)
            for (int from = 0; from < n; ++from) {
                /* the inner loops the other way round */
                if (w[n * from + via] + w[to + via * n] < w[from * n + to])
                    w[from * n + to] = w[from * n + via] + w[via * n + to];
            }
}
"""


def loops(update: str, kind: str = "double", hoisted: str = "", declared: str = "") -> str:
    return LOOPS.format(update=update, kind=kind, hoisted=hoisted, declared=declared)


CASES = {
    "temporary": ("double", loops("double way = d[i][k] + d[k][j]; if (way < d[i][j]) { d[i][j] = way; }")),
    "twice": ("double", loops("if (d[i][j] > d[i][k] + d[k][j]) d[i][j] = d[k][j] + d[i][k]; // shorter")),
    "hoisted": ("float", loops("d[i][j] = d[i][j] > leg + d[k][j] ? leg + d[k][j] : d[i][j];", "float",
                               hoisted="const float leg = d[i][k];\n            ")),
    "ternary": ("int", loops("d[i][j] = d[i][j] < d[i][k] + d[k][j] ? d[i][j] : d[i][k] + d[k][j];", "int")),
    "long": ("long", loops("w = (d[i][k] + d[k][j]); if (w <= d[i][j]) d[i][j] = w;", "long", declared="long w; ")),
    "longest": ("double", loops("if (d[i][k] + d[k][j] > d[i][j]) d[i][j] = d[i][k] + d[k][j];")),
    "closure": ("int", loops("d[i][j] |= d[i][k] & d[k][j];", "int")),
    "reachable": ("int", loops("d[i][j] = d[i][j] || (d[i][k] && d[k][j]);", "int")),
    "flat": ("double", FLAT),
}  # fmt: skip

MAIN = """
static unsigned state;
static unsigned number(void) { return (state = state * 1664525u + 1013904223u) >> 8; }
/* 0: no negative length; 1: some, but no cycle of negative length (w + h[i] - h[j]); 2: cycles of negative length
   among far points; 3: infinite ones, and ones that are no number; 4: the negatives of 0. */
static void fill(KIND *d, int n, int how) {
    state = (unsigned)(n * 5 + how);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double x = (number() % 100000) / 64.0;
            if (how == 1) x += i == j ? 0 : (i * 7 % 13 - j * 7 % 13) * 300.0;
            if (how == 2 && number() % 4096 == 0) x = -2000;
            if (how == 3 && (KIND)0.5 != 0) x = number() % 8 == 0 ? INFINITY : number() % 64 == 0 ? NAN : x;
            if (how == 4) x = -x;
            d[i * n + j] = i == j && number() % 3 ? 0 : (KIND)x;
        }
}
int main(void) {
    static const int sizes[] = {0, 1, 2, 3, 31, 63, 64, 65, 95, 97, 130};
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int how = 0; how < 5; how++) {
            const int n = sizes[s];
            const size_t bytes = (size_t)n * n * sizeof(KIND);
            KIND *before = malloc(bytes + 1), *after = malloc(bytes + 1);
            fill(before, n, how);
            if ((KIND)0.5 == 0 && (how == 2 || how == 4) && n > 40) { /* whole numbers would overflow */
                for (int i = 0; i < n * n; i++) before[i] = before[i] < 0 ? -1 : before[i];
                if (!BITS && n > 64) continue;
            }
            memcpy(after, before, bytes);
            version0(n, (void *)before);
            CALLS
            free(before); free(after);
        }
    return 0;
}
"""


def compared(
    kind: str, versions: list[str], folder: Path, *, flags: tuple[str, ...] = ("-O2", "-fopenmp")
) -> str:
    """What differs from the first version: version, points and kind of data, one a line."""
    calls = ""
    for number in range(1, len(versions)):
        calls += (
            f"{{ KIND *got = malloc(bytes + 1); memcpy(got, after, bytes); version{number}(n, (void *)got);"
            f' if (memcmp(got, before, bytes)) printf("version{number} n=%d how=%d\\n", n, how); free(got); }}\n'
        )
    text = "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    text += "\n".join(v.replace("kernel(", f"version{n}(", 1) for n, v in enumerate(versions))
    bits = int("|" in versions[0])
    text += f"\n#define KIND {kind}\n#define BITS {bits}\n" + MAIN.replace("CALLS", calls)
    program = build(COMPILERS[Language.C][0], {"all.c": text}, folder, (*flags, "-w"))
    shown = ""
    for threads in ("1", "3"):
        environment = {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
        done = subprocess.run(
            [str(program)], capture_output=True, text=True, timeout=100, env={**os.environ, **environment}
        )
        assert done.returncode == 0, done.stderr
        shown += done.stdout
    return shown


@pytest.mark.skipif(not COMPILERS[Language.C], reason="no C compiler")
@pytest.mark.parametrize("name", CASES)
def test_the_same_bits_whatever_the_lengths(name: str, tmp_path: Path) -> None:
    kind, text = CASES[name]
    proposed, refused = ask(MOVE, text)
    assert len(proposed) == (1 if name == "reachable" else 2), refused
    serial, _ = ask(MOVE, text, target=Target.SERIAL)
    assert serial and "#pragma" not in text_of(serial[0])
    versions = [text, *(text_of(p) for p in [*proposed, *serial])]
    assert not compared(kind, versions, tmp_path)


@pytest.mark.skipif(not COMPILERS[Language.C], reason="no C compiler")
def test_the_question_at_run_time_is_needed(tmp_path: Path) -> None:
    """Without it cycles of negative length give other results, with it the same."""
    kind, text = CASES["temporary"]
    proposed, _ = ask(MOVE, text)
    blocked, stepwise = (text_of(p) for p in proposed)
    unasked = [
        blocked.replace("!(near[steps][steps] < 0)", "1"),
        stepwise.replace("if (d[k][k] < 0)", "if (0)"),
    ]
    assert unasked[0] != blocked and unasked[1] != stepwise
    shown = compared(kind, [text, *unasked], tmp_path)
    assert "version1" in shown and "version2" in shown
    assert "how=0" not in shown and "how=1" not in shown


def test_says_what_it_did() -> None:
    proposed, _ = ask(MOVE, CASES["temporary"][1], threads=2)
    assert [p.gain for p in proposed] == sorted((p.gain for p in proposed), reverse=True)
    assert "d(k, k) < 0, which is asked" in proposed[0].edit.proof
    assert "/* Shortest paths:" in text_of(proposed[0])
    # What was written is left alone from then on.
    again = proposals(Tree({"k.c": text_of(proposed[0]).encode()}), ["k.c"], Language.C)
    assert not again.proposals and not again.unreadable


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (loops("d[i][j] = d[i][j] < d[i][k] + d[k][j] ? d[i][j] : d[i][k] + d[k][j];"), "two zeros"),
        (loops("unsigned w = d[i][k] + d[k][j]; if (w < d[i][j]) d[i][j] = w;", "unsigned"), "wrap around"),
        (loops("short w = d[i][k] + d[k][j]; if (w < d[i][j]) d[i][j] = w;", "short"), "cut short"),
        (loops("float w = d[i][k] + d[k][j]; if (w < d[i][j]) d[i][j] = w;"), "another type"),
        (loops("double w = d[i][k] * d[k][j]; if (w < d[i][j]) d[i][j] = w;"), "not understood"),
        (loops("double w = d[i][k] - d[k][j]; if (w < d[i][j]) d[i][j] = w;"), "not understood"),
        (loops("double w = d[i][k] + d[k][j] + 1; if (w < d[i][j]) d[i][j] = w;"), "not understood"),
        (loops("double w = d[i][k] + d[k][j]; if (w < d[i][j]) d[i][j] = w; else d[i][j] = 0;"), "not understood"),
        (loops("double w = d[i][k] + d[k][j]; if (w > d[i][j]) w = d[i][j]; d[i][j] = w;"), "not understood"),
        (loops("if (d[i][k] + d[k][j] < d[i][j] - 1) d[i][j] = d[i][k] + d[k][j];"), "not understood"),
        (loops("d[i][j] += d[i][k] + d[k][j];"), "not understood"),
        (CASES["temporary"][1].replace("int i = 0", "int i = 1"), "the same points"),
        (CASES["temporary"][1].replace("j < n", "j < i"), "the same points"),
        (CASES["temporary"][1].replace("k++", "k += 2"), "does not count up by one"),
    ],
)  # fmt: skip
def test_refuses_what_only_looks_like_it(text: str, reason: str) -> None:
    proposed, refused = ask(MOVE, text)
    assert not proposed
    assert any(reason in r.reason for r in refused), [str(r) for r in refused]


@pytest.mark.parametrize(
    "text",
    [
        # Two arrays: nothing is read that is written.
        "void kernel(int n, double d[restrict n][n], double e[restrict n][n]) { for (int k = 0; k < n; k++)"
        " for (int i = 0; i < n; i++) for (int j = 0; j < n; j++)"
        " if (e[i][k] + e[k][j] < d[i][j]) d[i][j] = e[i][k] + e[k][j]; }",
        # k is not the outermost of the three: the order of all steps would change.
        "void kernel(int n, double d[restrict n][n]) { for (int i = 0; i < n; i++) for (int k = 0; k < n; k++)"
        " for (int j = 0; j < n; j++) if (d[i][k] + d[k][j] < d[i][j]) d[i][j] = d[i][k] + d[k][j]; }",
        # Rows of another length than the number of points may overlap.
        FLAT.replace("int n,", "int n, int m,").replace("* n", "* m").replace("n *", "m *"),
        # A count of the updates goes on, too.
        "void kernel(int n, double d[restrict n][n], int *restrict c) { for (int k = 0; k < n; k++)"
        " for (int i = 0; i < n; i++) for (int j = 0; j < n; j++)"
        " if (d[i][k] + d[k][j] < d[i][j]) { d[i][j] = d[i][k] + d[k][j]; c[0]++; } }",
    ],
)  # fmt: skip
def test_proposes_nothing_elsewhere(text: str) -> None:
    proposed, _ = ask(MOVE, text)
    assert not proposed
