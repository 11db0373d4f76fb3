"""restrict: where every call hands over different objects or the task promises it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import Language, runs_alike, source_name, text_of

from loopwright.agents.ranking import guess
from loopwright.core.profile import Profile, Remark
from loopwright.core.task import Kernel
from loopwright.core.tree import Tree
from loopwright.moves.proposals import Proposals, proposals
from loopwright.moves.restrict import Restrict

AXPY = """#include <stdlib.h>
/* y += a x */
static void axpy(int n, double a, const double *x, double* y)
{
    for (int i = 0; i < n; i++)
        y[i] += a * x[i];
}
"""
APART = """int main(void)
{
    double *p = malloc(800), *q = malloc(800);
    axpy(100, 2.0, p, q);
    axpy(50, 2.0, q + 50, p);
    return 0;
}
"""


def asked(
    text: str, *, language: Language = Language.C, kernel: Kernel | None = None, **files: str
) -> Proposals:
    name = source_name(language)
    tree = Tree({name: text.encode(), **{f"{n}.h": c.encode() for n, c in files.items()}})
    return proposals(tree, [name], language, kernel=kernel, moves=(Restrict(),), region_moves=())


def only(found: Proposals) -> str:
    assert found.proposals, [str(r) for r in found.refusals]
    return text_of(found.proposals[0])


def reason(text: str) -> str:
    found = asked(text)
    assert not found.proposals, text_of(found.proposals[0])
    assert found.refusals
    return found.refusals[0].reason


def test_every_call_hands_over_different_objects() -> None:
    found = asked(AXPY + APART)
    changed = AXPY.replace("const double *x, double* y", "const double *restrict x, double* restrict y")
    assert only(found) == changed + APART
    assert "every call of it hands over different objects" in found.proposals[0].edit.proof
    assert not asked(changed + APART).proposals


@pytest.mark.parametrize(
    "call",
    [
        "axpy(50, 2.0, p, p + 50);",
        "axpy(50, 2.0, p, p);",
        "double *r = argc > 1 ? p : q; axpy(100, 2.0, r, q);",
        "void (*g)(int, double, const double *, double *) = axpy; g(100, 2.0, p, p);",
        "static double m[2][100]; axpy(100, 2.0, m[0], m[1]);",
        "double *r; memcpy(&r, &p, sizeof r); axpy(100, 2.0, p, r);",
    ],
)
def test_a_call_that_may_hand_over_one_object_forbids_it(call: str) -> None:
    main = APART.replace("main(void)", "main(int argc, char **argv)").replace(
        "    return", f"    {call}\n    return"
    )
    assert "may overlap" in reason("#include <string.h>\n" + AXPY + main)


def test_calls_that_are_not_seen_forbid_it() -> None:
    assert "x and y[i] may overlap" in reason(AXPY.replace("static ", ""))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("y[i] += x[i] * scale[0];", "scale[0] may overlap"),
        ("y[i] += x[i]; show(y);", "the function calls show"),
        ("{ y[i] += *x; x = y; }", "other values"),
        ("y[i] += rows[i][0] * x[i];", "rows[i][0] may overlap"),
    ],
)
def test_other_ways_to_the_objects_forbid_it(body: str, words: str) -> None:
    before = "#include <stdlib.h>\ndouble *scale, **rows;\nvoid show(double *);\n"
    text = before + AXPY.replace("#include <stdlib.h>\n", "").replace("y[i] += a * x[i];", body)
    found = asked(
        text.replace("const double *x", "double *x")
        + APART.replace("    axpy(100", "    scale = p;\n    axpy(100")
    )
    assert any(words in r.reason for r in found.refusals), [str(r) for r in found.refusals]


def test_what_is_only_read_may_overlap() -> None:
    """Two inputs that are one object are right by C11 6.7.3.1p10; the output is another."""
    text = AXPY.replace("const double *x", "const double *x, const double *z").replace(
        "a * x[i]", "a * x[i] * z[i]"
    )
    changed = only(
        asked(text + APART.replace(", p, q)", ", p, p, q)").replace("q + 50, p)", "q + 50, q, p)"))
    )
    assert "const double *restrict x, const double *restrict z, double* restrict y" in changed


def kernel_of(header: str, *, restrict: bool = True) -> Kernel:
    return Kernel(function="k", prototype=header.strip(";\n"), arguments=(), header="k.h", restrict=restrict)


def test_a_kernel_task_promises_it_and_its_header_stays() -> None:
    header = "void k(int n, double *y, double (*a)[9], double x[], double z[9]);\n"
    body = "{\n    for (int i = 0; i < n; i++)\n        y[i] += a[i][2] * x[i] * z[0];\n}\n"
    text = '#include "k.h"\n' + header.replace(";\n", "\n") + body
    found = asked(text, kernel=kernel_of(header), k=header)
    assert (
        "void k(int n, double *restrict y, double (*restrict a)[9], double x[restrict], double z[restrict 9])"
        in only(found)
    )
    assert "the task promises" in found.proposals[0].edit.proof
    assert not asked(text, kernel=kernel_of(header, restrict=False), k=header).proposals


def test_in_cxx(tmp_path: Path) -> None:
    text = """#include <cstdio>
namespace {
void blur(int n, const double *from, double *to)
{
    for (int i = 1; i < n - 1; i++)
        to[i] = 0.5 * from[i] + 0.25 * (from[i - 1] + from[i + 1]);
}
}
void run()
{
    double a[64], b[64];
    for (int i = 0; i < 64; i++) a[i] = b[i] = 1.0 / (i + 1);
    for (int t = 0; t < 5; t++) { blur(64, a, b); blur(64, b, a); }
    for (int i = 0; i < 64; i++) std::printf("%.17g\\n", a[i]);
}
"""
    changed = only(asked(text, language=Language.CXX))
    assert "const double *__restrict from, double *__restrict to" in changed
    runs_alike(text, changed, "void run(); int main() { run(); }\n", tmp_path, language=Language.CXX)


@pytest.mark.parametrize(
    ("message", "telling"),
    [
        ("loop versioned for vectorization because of possible aliasing", True),  # gcc 12
        ("failed to move load with loop-invariant address because the loop may invalidate its value", True),
        ("vectorized loop (vectorization width: 4, interleaved count: 4)", False),  # clang 19
    ],
)
def test_what_compilers_say_of_aliasing_puts_it_forward(message: str, telling: bool) -> None:
    (proposal,) = asked(AXPY + APART).proposals
    remarks = (Remark("k.c", 6, 3, True, "loop-vectorize", message),)
    assert (guess(proposal, Profile("perf", "full", 9, (), remarks=remarks)) > proposal.gain) is telling
    elsewhere = (Remark("k.c", 60, 3, True, "loop-vectorize", message),)
    assert guess(proposal, Profile("perf", "full", 9, (), remarks=elsewhere)) == proposal.gain
