"""The shipped examples: the expected loop is proposed, builds without a warning and is right."""

# ruff: noqa: E501 (small C programs)

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import COMPILERS, build, output

from loopwright.core.task import Language
from loopwright.moves.proposals import Proposals, proposals
from loopwright.tasks.load import load_task

EXAMPLES = Path(__file__).parents[2] / "examples"
# clang warns where it could not make vectors of a simd loop: no error in the code.
FLAGS = ("-O2", "-fopenmp", "-Wall", "-Werror", "-Wno-pass-failed")

RANDOM = "static double r(void) { static unsigned s = 7; s = s * 1664525u + 1013904223u; return s / 4294967296.0; }\n"
C = "#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n" + RANDOM
MAINS = {
    "matmul": C + "void matmul(int, const double *restrict, const double *restrict, double *restrict);\n"
    "static double a[3721], b[3721], c[3721]; int main(void) { for (int i = 0; i < 3721; i++) a[i] = r(), b[i] = r();"
    ' matmul(61, a, b, c); for (int i = 0; i < 3721; i++) printf("%.17g ", c[i]); }',
    "jacobi3d": C + "void jacobi3d(int, double, const double *restrict, const double *restrict, double *restrict);\n"
    "static double f[6859], u[6859], v[6859]; int main(void) { for (int i = 0; i < 6859; i++) f[i] = r(), u[i] = r();"
    ' jacobi3d(19, 0.1, f, u, v); for (int i = 0; i < 6859; i++) printf("%.17g ", v[i]); }',
    "spmv": C + "void spmv(int, const int *, const int *, const double *, const double *, double *);\n"
    "static int s[502], k[4000]; static double a[4000], x[300], y[501]; int main(void) {"
    " for (int i = 0; i < 501; i++) s[i + 1] = s[i] + (int)(r() * 8); for (int i = 0; i < 300; i++) x[i] = r();"
    " for (int i = 0; i < 4000; i++) k[i] = (int)(r() * 300), a[i] = r();"
    ' spmv(501, s, k, a, x, y); for (int i = 0; i < 501; i++) printf("%.17g ", y[i]); }',
    "histogram": C + "void histogram(int, const double *restrict, int, int *restrict);\n"
    "static double x[10007]; static int h[20000]; int main(void) { for (int i = 0; i < 10007; i++) x[i] = r();"
    ' for (int b = 1; b < 20000; b += 9999) { histogram(10007, x, b, h); for (int i = 0; i < b; i++)'
    ' printf("%d ", h[i]); } }',
    "montecarlo": "#include <stdint.h>\n#include <stdio.h>\ndouble montecarlo(int64_t, uint64_t);\nint main(void) {"
    ' printf("%.17g %.17g", montecarlo(100003, 5), montecarlo(1, 9)); }',
}  # fmt: skip
ARGUMENTS = {"advection-make": ("37", "53", "9"), "heat2d": ("61", "20"), "nbody": ("83", "5")}
EXPECTED = {
    "advection-make": "parallel for over i (transport.c:",
    "heat2d": "parallel for over i (heat.c:",
    "nbody": "parallel for over i (nbody.cpp:14",
    "matmul": "sum kept in c[i * n + j], loops j and k exchanged",
    "jacobi3d": "parallel for over i (jacobi3d.c:",
    "spmv": "parallel for over i (spmv.c:",
    "histogram": "reduction(+: counts[:bins])",
    "montecarlo": "reduction(+: sum)",
}


def found(name: str) -> Proposals:
    task = load_task(EXAMPLES / name)
    sources = [f for f in task.tree if f.endswith((".c", ".cpp")) and task.is_editable(f)]
    return proposals(task.tree, sources, task.language, kernel=task.kernel, standard=task.build.standard)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_expected_loop_is_proposed_and_right(name: str, tmp_path: Path) -> None:
    task = load_task(EXAMPLES / name)
    answers = found(name)
    matching = [p for p in answers.proposals if EXPECTED[name] in p.edit.title]
    assert matching, [p.edit.title for p in answers.proposals] + [str(r) for r in answers.refusals]
    main = {} if name in ARGUMENTS else {"own_main.c": MAINS[name].encode()}
    compilers = COMPILERS[task.language]
    sources = {p: c for p, c in task.tree.items() if p.endswith((".c", ".cpp", ".h", ".hpp"))}
    arguments = ARGUMENTS.get(name, ())
    expected = output(build(compilers[0], {**sources, **main}, tmp_path / "original", FLAGS), 1, arguments)
    assert len(expected) > 1
    for number, proposal in enumerate(answers.proposals):
        edited = {**sources, **{p: c for p, c in proposal.edit.changes.items() if c is not None}, **main}
        # Every proposal with the first compiler; the expected ones with all of them.
        for compiler in compilers if proposal in matching else compilers[:1]:
            program = build(compiler, edited, tmp_path / f"{number}-{compiler}", FLAGS)
            for threads in (1, 2, 3) if proposal in matching else (3,):
                got = output(program, threads, arguments)
                assert got == pytest.approx(expected, rel=1e-9, abs=1e-12), (
                    compiler,
                    threads,
                    proposal.edit.title,
                )


def test_a_recurrence_gets_a_reason_and_no_proposal() -> None:
    answers = found("recurrence")
    assert not answers.proposals
    assert any("state" in r.reason for r in answers.refusals if r.family == "parallel-for")
    assert Language.C is load_task(EXAMPLES / "recurrence").language
