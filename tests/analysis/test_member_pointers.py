"""Arrays behind members of structs that programs of several files fill: apart where every filling says so."""

from __future__ import annotations

import pytest

from loopwright.analysis.data_plan import data_plan
from loopwright.core.data_plan import LoopClass, RegionPlan
from loopwright.core.task import Language
from loopwright.core.tree import Tree

HEADER = """\
struct bodies { int n; double *mass, *x, *v; };
void evolve(struct bodies *all, int steps);
void set(struct bodies *all, double *x);
"""
EVOLVE = """\
#include "bodies.h"
static void kick(int n, const double *restrict mass, const double *restrict x, double *restrict v)
{
    for (int i = 0; i < n; i++) {
        double pull = 0;
        for (int j = 0; j < n; j++)
            pull += mass[j] * (x[j] - x[i]);
        v[i] += pull;
    }
}
static void drift(int n, const double *restrict v, double *restrict x)
{
    for (int i = 0; i < n; i++)
        x[i] += v[i];
}
void evolve(struct bodies *all, int steps)
{
    int n = all->n;
    double *mass = all->mass;
    double *x = all->x;
    double *v = all->v;
    for (int step = 0; step < steps; step++) {
        kick(n, mass, x, v);
        drift(n, v, x);
    }
}
"""
MAIN = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bodies.h"
BEFORE
int main(int argc, char **argv)
{
    int n = atoi(argv[1]);
    double *mass = malloc(n * sizeof *mass);
    double *state = malloc(2 * n * sizeof *state);
    for (int i = 0; i < n; i++) { mass[i] = i; state[i] = i; state[n + i] = 0; }
    MADE
    for (int i = 0; i < n; i++) printf("%g\\n", state[i]);
    return argc > 7;
}
"""
PLAIN = "struct bodies all = {n, mass, state, state + n}; evolve(&all, 3);"


def rounds(made: str, before: str = "", other: str | None = None) -> list[RegionPlan]:
    """The regions that go round a time loop."""
    files = {
        "bodies.h": HEADER,
        "evolve.c": EVOLVE,
        "main.c": MAIN.replace("BEFORE", before).replace("MADE", made),
    }
    files |= {"other.c": f'#include "bodies.h"\n{other}'} if other is not None else {}
    tree = Tree({name: text.encode() for name, text in files.items()})
    plan = data_plan(
        tree,
        [name for name in files if name.endswith(".c")],
        Language.C,
        editable=lambda file: file == "evolve.c",
    )
    assert not [u for u in plan.unknowns if u.what == "file"], plan.unknowns
    return [r for r in plan.regions if LoopClass.AROUND in {loop.kind for loop in r.loops}]


@pytest.mark.parametrize(
    ("made", "before"),
    [
        (PLAIN, ""),
        ("struct bodies all; all.n = n; all.mass = mass; all.x = state; all.v = state + n; evolve(&all, 3);",
         ""),
        ("struct bodies all; fill(&all, n); evolve(&all, 3);",
         "static void fill(struct bodies *b, int n) {"
         " b->n = n; b->mass = malloc(8 * n); b->x = calloc(n, 8); b->v = malloc(8 * n); }"),
        ("struct bodies first = {n, mass, state, state + n}, all = first; evolve(&all, 3);", ""),
        ("struct bodies *all = malloc(sizeof *all); all->n = n; all->mass = mass; all->x = state;"
         " all->v = state + n; evolve(all, 3); free(all);", ""),
        ("struct bodies two[2] = {{n, mass, state, state + n}, {0, NULL, NULL, NULL}}; evolve(&two[0], 3);",
         ""),
    ],
)  # fmt: skip
def test_members_with_allocations_of_their_own_go_round_the_time_loop(made: str, before: str) -> None:
    (region,) = rounds(made, before)
    assert {a.item: a.direction.value for a in region.arrays} == {
        "mass[0:n]": "to", "x[0:n]": "tofrom", "v[0:n]": "tofrom",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("made", "before"),
    [
        pytest.param("struct bodies all = {n, mass, state, state + n}; evolve(&all, 3);"
                     " all.mass = state; evolve(&all, 3);", "", id="given again"),
        pytest.param("struct bodies all = {n, state, state, state + n}; evolve(&all, 3);", "",
                     id="one allocation"),
        pytest.param("struct bodies all = {n, state + n, state, mass}; all.x = state + n; evolve(&all, 3);",
                     "", id="a place in it"),
        pytest.param("double *more = realloc(mass, 16 * n);"
                     " struct bodies all = {n, more, mass, state}; evolve(&all, 3);", "", id="realloc"),
        pytest.param("struct bodies all = {n, mass, state, state + n}; all.x = all.mass; evolve(&all, 3);",
                     "", id="from a member"),
        pytest.param("struct bodies all = {n, mass, state, state + n};"
                     " double **p = &all.mass; *p = state; evolve(&all, 3);", "", id="address of a member"),
        pytest.param("struct bodies all = {n, mass, state, state + n};"
                     " double **p = (double **)&all; p[1] = state; evolve(&all, 3);", "", id="cast"),
        pytest.param("struct bodies all = {n, mass, state, state + n};"
                     " void *p = &all; double **q = p; q[1] = state; evolve(&all, 3);", "", id="void"),
        pytest.param("struct bodies all = {n, mass, state, state + n};"
                     " double **q = n ? (void *)0 : &all; q[1] = state; evolve(&all, 3);", "", id="choice"),
        pytest.param("double **q = malloc(64); q[1] = state; q[2] = state; void *p = q;"
                     " struct bodies *all = p; all->n = n; all->v = mass; evolve(all, 3);", "", id="reused"),
        pytest.param("struct bodies all = {n, mass, state, state + n}, same = all;"
                     " memcpy(&all, &same, sizeof all); evolve(&all, 3);", "", id="memcpy"),
        pytest.param("struct bodies all = {n, mass, state, state + n};"
                     " fread(&all, sizeof all, 1, stdin); evolve(&all, 3);", "", id="read from a file"),
        pytest.param("union { struct bodies all; double *p[4]; } u = {{n, mass, state, state + n}};"
                     " u.p[1] = state; evolve(&u.all, 3);", "", id="union"),
        pytest.param("struct bodies all = {.n = n, .mass = state, .x = state, .v = mass}; evolve(&all, 3);",
                     "", id="members by name"),
        pytest.param("struct bodies two[1] = {n, state, state, mass}; evolve(two, 3);", "",
                     id="braces left out"),
        pytest.param("evolve(&(struct bodies){n, state, state, mass}, 3);", "", id="compound literal"),
        pytest.param("struct bodies all = make(n, state); evolve(&all, 3);",
                     "static struct bodies make(int n, double *p) {"
                     " struct bodies b = {n, p, p, malloc(8 * n)}; return b; }", id="parameters"),
        pytest.param("struct bodies all; all.n = n; all.v = mass; fill(&all, state); evolve(&all, 3);",
                     "static void one(struct bodies *b, double *p) { b->mass = p; b->x = p; }\n"
                     "static void (*fill)(struct bodies *, double *) = one;", id="function pointer"),
    ],
)  # fmt: skip
def test_members_that_may_share_memory_do_not(made: str, before: str) -> None:
    assert not rounds(made, before)


def test_other_files_take_part() -> None:
    made = PLAIN.replace("evolve", "set(&all, state); evolve")
    harmless = "void set(struct bodies *all, double *x) { all->n = x[0] > 1; }"
    assert rounds(made, other=harmless)
    assert not rounds(made, other="void set(struct bodies *all, double *x) { all->mass = all->x; }")
    assert not rounds(made)  # not to be seen
    assert rounds(PLAIN, other="static struct { double *mass; } mine;")
