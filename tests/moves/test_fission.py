"""Values computed ahead of a serial chain: the same bits, and twins whose values depend on the chain refused."""

# ruff: noqa: E501 (C code)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Target, ask, runs_alike, text_of

from loopwright.moves.fission import Fission

MOVE = Fission()

DRAW = """\
#include <math.h>

static unsigned next(unsigned *state) { *state = *state * 1664525u + 1013904223u; return *state >> 8; }

void draw(int n, const double *restrict in, double *restrict out)
{
    int i;
    unsigned state = 7u;
    for (i = 2; i < n; i++) {
        const double wave = sin(0.1 * i) + in[i];
        double level = exp(-wave * wave);
        state ^= state << 13;
        state ^= state >> 17;
        out[i] = wave + level * (state & 31u); // the noise
    }
    out[0] = next(&state);
}
"""
MAIN = """#include <stdio.h>
void draw(int, const double *restrict, double *restrict);
int main(void) { static double in[3000], out[3000]; const int sizes[] = {0, 1, 2, 3, 257, 258, 300, 2999};
for (int s = 0; s < 8; s++) { for (int q = 0; q < 3000; q++) { in[q] = q * 37 % 101 / 50.0; out[q] = -1; }
draw(sizes[s], in, out); for (int q = 0; q < 3000; q += 1 + q / 200) printf("%.17g\\n", out[q]); } }
"""


def test_the_same_bits(tmp_path: Path) -> None:
    ((proposal,), _) = ask(MOVE, DRAW)
    after = text_of(proposal)
    assert "#include <stdlib.h>\n" in after
    assert "const double wave = wave_ahead[i - i_block];" in after
    assert "double level = level_ahead[i - i_block];" in after
    assert after.count("#pragma omp parallel for schedule(static)\n") == 1
    assert after.count("// the noise") == 2
    runs_alike(DRAW, after, MAIN, tmp_path)


def test_a_loop_without_braces_around_it(tmp_path: Path) -> None:
    nested = DRAW.replace(
        "for (i = 2; i < n; i++) {", "for (int r = 0; r < 3; r++) for (i = 2; i < n; i++) {"
    )
    ((proposal,), _) = ask(MOVE, nested)
    runs_alike(nested, text_of(proposal), MAIN, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sin(0.1 * i) + in[i]", "sin(0.1 * state) + in[i]"),  # of the chain itself
        ("sin(0.1 * i) + in[i]", "sin(0.1 * i) + out[i - 1]"),  # of what the rest wrote before
        ("*restrict in, double *restrict out", "*in, double *out"),  # the same, through another name
        ("state ^= state << 13;", "state ^= state << 13; if (state == 9) break;"),  # values nobody asks for
        ("sin(0.1 * i) + in[i]", "sin(0.1 * i) + next(&state)"),  # a function with an effect
        ("const double wave = sin(0.1 * i)", "static double wave; wave = sin(0.1 * i)"),
        ("double level = exp(-wave * wave);", "double level = exp(-wave * wave); n--;"),  # the bound moves
        ("i++) {", "i += 2) {"),
        ("state ^= state << 13;", "out[i] = 0;"),  # fine, see below
    ],
)
def test_twins(old: str, new: str) -> None:
    twin = DRAW.replace(old, new)
    assert twin != DRAW
    if new == "out[i] = 0;":
        twin = twin.replace("state ^= state >> 17;", "").replace("state & 31u", "7")
        assert not ask(MOVE, twin)[0], "a parallel loop needs no fission"
    else:
        assert not ask(MOVE, twin)[0], ask(MOVE, twin)[0][0].edit.title


def test_a_value_changed_by_the_rest_stays() -> None:
    twin = DRAW.replace("const double wave", "double wave").replace(
        "state ^= state << 13;", "wave += 1; state ^= 5;"
    )
    proposals, refusals = ask(MOVE, twin)
    assert not proposals
    assert any("'wave' is changed" in r.reason for r in refusals)


def test_only_for_threads_and_only_for_functions() -> None:
    assert not ask(MOVE, DRAW, target=Target.SERIAL)[0]
    assert not ask(MOVE, DRAW, threads=1)[0]
    cheap = DRAW.replace("sin(0.1 * i)", "0.1 * i").replace("exp(-wave * wave)", "-wave * wave")
    assert not ask(MOVE, cheap)[0]
