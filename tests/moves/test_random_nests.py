"""Random loop nests in unsigned arithmetic, where every order of additions gives the same bits: whatever the
moves propose must compute what the original computes, with several threads.
"""

# ruff: noqa: E501 (templates)

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from moves_support import COMPILERS, build, text_of

from loopwright.core.task import Language
from loopwright.core.tree import Tree
from loopwright.moves.proposals import proposals

SIZE = 44
PARAMETERS = "int n, unsigned (*restrict A)[44], unsigned (*restrict B)[44], unsigned *restrict x, unsigned *restrict y"
HEADERS = ("{v} = 1; {v} < n - 1; {v}++", "{v} = 1; {v} <= {o}; {v}++", "{v} = n - 2; {v} >= 1; {v}--",
           "{v} = 1; {v} < n - 1; {v} += 2", "{v} = {o}; {v} < n - 1; {v}++", "{v} = 1; n - 1 > {v}; ++{v}")  # fmt: skip


def nest(seed: int) -> str:
    """One function with one nest, its counters declared in the headers or before."""
    pick = random.Random(seed)
    depth = pick.choice((1, 2, 2, 3))
    outside = pick.random() < 0.4
    names = "ijk"[:depth]

    seen = names

    def index() -> str:
        return f"{pick.choice(seen)}{pick.choice(('', '', '', ' - 1', ' + 1'))}"

    def element(arrays: str) -> str:
        array = pick.choice(arrays)
        return f"{array}[{index()}][{index()}]" if array in "AB" else f"{array}[{index()}]"

    def value() -> str:
        terms = element("ABxy"), element("Bx"), "t", "3u", f"(unsigned){pick.choice(seen)}"
        return f" {pick.choice('+*-')} ".join(pick.choice(terms) for _ in range(2))

    def statement(level: int) -> str:
        nonlocal seen
        seen = names[: level + 1]
        kind = pick.random()
        if kind < 0.45:
            return f"{element('Ay')} = {value()};"
        if kind < 0.65:
            return f"{element('Ay')} += {value()};"
        if kind < 0.8:
            return f"t = {value().replace('t', '5u')};"
        if kind < 0.92:
            return f"s += {value()};"
        return f"if ({index()} > {pick.randint(2, 30)}) {element('Ay')} = {value()};"

    def some(level: int, counts: tuple[int, ...]) -> list[str]:
        return [statement(level) for _ in range(pick.choice(counts))]

    def loop(level: int) -> list[str]:
        form = pick.choice(HEADERS if level else HEADERS[:1] + HEADERS[2:4])
        opening = f"for ({'' if outside else 'int '}{form.format(v=names[level], o=names[level - 1])}) {{"
        if level + 1 == depth:
            return [opening, *some(level, (1, 2)), "}"]
        return [opening, *some(level, (0, 0, 1)), *loop(level + 1), *some(level, (0, 0, 1)), "}"]

    counters = f"int {', '.join(names)};" if outside else ""
    lines = [
        counters,
        "unsigned s = 0, t = 7;",
        *loop(0),
        f"return s{' + t' if pick.random() < 0.3 else ''};",
    ]
    return f"unsigned kernel({PARAMETERS})\n{{\n" + "\n".join(lines) + "\n}\n"


MAIN = """
static unsigned A[%(size)d][44], B[%(size)d][44], x[%(size)d], y[%(size)d], A2[%(size)d][44], y2[%(size)d];
static void fill(void)
{
    unsigned r = 1;
    for (int i = 0; i < %(size)d; i++) {
        x[i] = r = r * 1664525u + 1013904223u;
        y[i] = y2[i] = r = r * 1664525u + 1013904223u;
        for (int j = 0; j < 44; j++) {
            A[i][j] = A2[i][j] = r = r * 1664525u + 1013904223u;
            B[i][j] = r = r * 1664525u + 1013904223u;
        }
    }
}
typedef unsigned function(%(parameters)s);
static void compare(const char *name, function *first, function *second)
{
    for (int n = 0; n <= %(size)d; n = n == 0 ? 3 : n == 3 ? 10 : n + 34) {
        fill();
        unsigned a = first(n, A, B, x, y), b = second(n, A2, B, x, y2);
        if (a != b || memcmp(A, A2, sizeof A) || memcmp(y, y2, sizeof y))
            printf("%%s n=%%d\\n", name, n);
    }
}
"""


@pytest.mark.parametrize("block", [0, 1])
def test_random_nests_compute_the_same(block: int, tmp_path: Path) -> None:
    compilers = COMPILERS[Language.C]
    if not compilers:
        pytest.skip("no compiler")
    functions, calls, families, titles = [], [], set(), {}
    for seed in range(block * 60, block * 60 + 60):
        text = nest(seed)
        found = proposals(Tree({"k.c": text.encode()}), ["k.c"], Language.C)
        assert not found.unreadable, text
        functions.append(text.replace("kernel(", f"o{seed}("))
        for number, proposal in enumerate(found.proposals):
            name = f"v{seed}_{number}"
            body = text_of(proposal).replace("kernel(", f"{name}(")
            for helper in ("minimum_of", "maximum_of", "floor_of_quotient"):
                body = body.replace(f"{helper}(", f"{helper}_{name}(")
            functions.append(body)
            calls.append(f'compare("{name}", o{seed}, {name});')
            families.add(proposal.family)
            titles[name] = (proposal.edit.title, text_of(proposal))
    assert {"parallel-for", "simd"} <= families
    assert len(calls) > 60
    main = MAIN % {"size": SIZE, "parameters": PARAMETERS}
    program = build(
        compilers[block % len(compilers)],
        {"all.c": "#include <stdio.h>\n#include <string.h>\n" + "\n".join(functions) + main
         + "int main(void) {\n" + "\n".join(calls) + "\n}\n"},
        tmp_path,
        ("-O1", "-fopenmp", "-w"),
    )  # fmt: skip
    for threads in ("1", "3", "4"):
        done = subprocess.run(
            [str(program)], capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": threads,
            "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}, check=True,
        )  # fmt: skip
        wrong = [line.split()[0] for line in done.stdout.splitlines()]
        assert not wrong, "\n".join(f"{w}: {titles[w][0]}\n{titles[w][1]}" for w in wrong[:3])
