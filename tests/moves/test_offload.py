"""Loops moved to a device: directive, maps, refusals; and the result is right on a memory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from moves_support import ask
from offload_support import MOVE, directive, offered, printed

from loopwright.core.task import Argument, Dtype, Kernel, Language, Role, Target
from loopwright.toolchains.toolchain import Toolchain

STENCIL = """\
void sweep(int n, const double *restrict u, double *restrict v)
{
    for (int i = 1; i < n - 1; i++)
        for (int j = 1; j < n - 1; j++)
            v[i * n + j] = u[(i - 1) * n + j] + u[(i + 1) * n + j] - u[i * n + j - 1] - u[i * n + j + 1];
}
"""
SUM = """\
double g[64];
double dot(int n, const double *restrict a, const double *restrict b)
{
    double s = 0;
    for (int i = 0; i < n; i++) {
        double t = a[i] * b[i];
        s += t * g[i % 64];
    }
    return s;
}
"""
ALLOCATED = """\
#include <stdlib.h>
void fill(int n, double *restrict out)
{
    double *t = malloc(n * sizeof *t);
    if (!t)
        return;
    for (int i = 0; i < n; i++)
        t[i] = i * 0.5;
    for (int i = 0; i < n; i++)
        out[i] = t[i] + t[n - 1 - i];
    free(t);
}
"""
BODIES = """\
#include <vector>
struct Body { double x, v; };
void drift(std::vector<Body> &bodies, double dt)
{
    const int n = static_cast<int>(bodies.size());
    for (int i = 0; i < n; i++)
        bodies[i].x += dt * bodies[i].v;
}
"""


def test_a_nest_is_collapsed_and_its_sections_hold_what_it_touches() -> None:
    (text,), _ = offered(STENCIL)
    assert directive(text) == (
        "#pragma omp target teams distribute parallel for collapse(2) "
        "map(to: u[0:n * n]) map(tofrom: v[0:n * n - n])"
    )


def test_a_section_is_never_of_negative_length() -> None:
    shifted = """\
void shift(int n, double *restrict a)
{
    for (int i = 2; i < n - 1; i++)
        a[i - 2] = i;
}
"""
    (text,), _ = offered(shifted)
    assert "a[0:(n - 3 > 0 ? n - 3 : 0)]" in directive(text)


def test_a_kernel_s_sections_are_those_that_the_task_states() -> None:
    arrays = tuple(
        Argument(name, role, Dtype.F64, ("size", "size"))
        for name, role in (("u", Role.IN), ("v", Role.INOUT))
    )
    kernel = Kernel(
        "sweep", "void sweep(int n, const double *u, double *v)",
        (Argument("n", Role.IN, Dtype.I32, value="size"), *arrays),
    )  # fmt: skip
    (text,), _ = offered(STENCIL, kernel=kernel)
    assert "map(to: u[0:n * n]) map(tofrom: v[0:n * n])" in directive(text)


def test_reductions_private_values_and_whole_arrays() -> None:
    (text,), _ = offered(SUM)
    said = directive(text)
    assert "reduction(+: s)" in said and "map(to: a[0:n], b[0:n], g)" in said


def test_allocated_scratch_is_as_long_as_it_was_asked_for() -> None:
    texts, _ = offered(ALLOCATED)
    assert [directive(text).partition("for ")[2] for text in texts] == [
        "map(tofrom: t[0:n])",
        "map(to: t[0:n]) map(tofrom: out[0:n])",
    ]


def test_an_array_that_is_only_combined_is_updated_in_single_steps() -> None:
    text = """\
void count(int n, const int *restrict key, int *restrict out)
{
    static int bins[64];
    for (int i = 0; i < n; i++)
        bins[key[i] & 63] += 2;
    for (int i = 0; i < 64; i++)
        out[i] = bins[i];
}
"""
    (after,), _ = offered(text)
    assert "        #pragma omp atomic\n        bins[key[i] & 63] += 2;\n" in after
    assert "reduction" not in directive(after) and "map(tofrom: bins)" in directive(after)


def test_a_vector_is_reached_by_a_pointer() -> None:
    (text,), _ = offered(BODIES, language=Language.CXX)
    assert "auto *bodies_data = bodies.data();" in text
    assert "map(tofrom: bodies_data[0:bodies.size()])" in text
    assert "bodies_data[i].x += dt * bodies_data[i].v;" in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("void f(int n, double *a) { for (int i = 1; i < n; i++) a[i] = a[i - 1]; }", "not parallel"),
        ("void f(int n, const int *p, const double *restrict x, double *restrict a)"
         " { for (int i = 0; i < n; i++) a[i] = p[i] < 0 ? 0 : x[p[i]]; }", "length of 'x' is not known"),
        ("void f(int n, const double *a, const double *b, double *restrict c)"
         " { for (int i = 0; i < n; i++) c[i] = a[i] + b[i]; }", "may overlap"),
        ("struct g { int n; double *u; }; void f(int n, struct g *restrict s)"
         " { for (int i = 0; i < n; i++) s->u[i] = 1; }", "member of a struct"),
        ("void f(int n, const int *restrict k, int *restrict h)"
         " { for (int i = 0; i < n; i++) h[k[i]]++; }", "shares its line"),
        ("void f(int n, const int *restrict k, int *restrict h)"
         " { for (int i = 0; i < n; i++)\nh[k[i]]++; }", "length of 'h' is not known"),
        ("void f(double *a) { for (int i = 0; i < 8; i++) a[i] = 1; }", "too little work"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_or_moved_is_refused_with_the_reason(text: str, reason: str) -> None:
    texts, refusals = offered(text)
    assert not texts and any(reason in r for r in refusals), refusals


def test_what_stands_on_a_device_is_not_moved_again() -> None:
    (text,), _ = offered(STENCIL)
    again, refusals = offered(text)
    assert not again and refusals


def test_other_targets_are_not_offered_devices() -> None:
    assert ask(MOVE, STENCIL, target=Target.OPENMP) == ([], [])


MAINS = {
    "stencil": (STENCIL, """\
#include <stdio.h>
#include <stdlib.h>
void sweep(int, const double *, double *);
int main(void) {
    for (int n = 0; n < 34; n += n < 3 ? 1 : 15) {
        double *u = malloc(n * n * sizeof *u), *v = malloc(n * n * sizeof *v), s = 0;
        for (int i = 0; i < n * n; i++) { u[i] = i % 7; v[i] = -i; }
        sweep(n, u, v);
        for (int i = 0; i < n * n; i++) s += v[i] * (i % 5);
        printf("%.17g\\n", s);
    }
}
"""),
    "fill": (ALLOCATED, """\
#include <stdio.h>
void fill(int, double *);
int main(void) {
    static double out[1000];
    double s = 0;
    fill(1000, out);
    for (int i = 0; i < 1000; i++) s += out[i] * (i % 3);
    printf("%.17g\\n", s);
}
"""),
}  # fmt: skip


@pytest.mark.parametrize("name", MAINS)
def test_the_result_is_right_with_a_memory_of_its_own(
    offload_toolchain: Toolchain, tmp_path: Path, name: str
) -> None:
    text, main = MAINS[name]
    before = printed(offload_toolchain, {"k.c": text, "main.c": main}, tmp_path / "before", Language.C)
    while texts := offered(text)[0]:
        text = texts[0]
    assert "omp target" in text
    after = printed(offload_toolchain, {"k.c": text, "main.c": main}, tmp_path / "after", Language.C)
    assert after == before
