"""Data regions written from the plan: the examples, translated whole, are right on a memory of their own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from loopwright.analysis.frontend import sources_of
from loopwright.core.task import Case, Language, Target, Task, Use
from loopwright.core.tree import Tree
from loopwright.gates.compare import first_mismatch
from loopwright.harness.build import Builder
from loopwright.harness.execute import CaseRunner
from loopwright.harness.types import CaseRun
from loopwright.moves.move import Proposal, Refusal
from loopwright.moves.proposals import Proposals, proposals
from loopwright.system.execution import Limits
from loopwright.system.sandbox import choose_runner
from loopwright.tasks.load import load_task
from loopwright.toolchains.device import Device
from loopwright.toolchains.toolchain import Toolchain, Variant

EXAMPLES = Path(__file__).parents[2] / "examples"


@cache
def task_of(name: str) -> Task:
    return load_task(EXAMPLES / name)


def asked(task: Task, tree: Tree) -> Proposals:
    sources = sources_of(tree)
    return proposals(
        tree, sources, task.language, kernel=task.kernel, target=Target.OFFLOAD,
        include=task.build.include, defines=task.build.defines, standard=task.build.standard,
        editable=[path for path in sources if task.is_editable(path)],
    )  # fmt: skip


@cache
def translated(name: str) -> Tree:
    """The example after the first proposal of each step, until none is left."""
    return moved(task_of(name), task_of(name).tree)


def moved(task: Task, tree: Tree) -> Tree:
    while found := asked(task, tree).proposals:
        tree = tree.replaced(found[0].edit.changes)
    return tree


def of(text: str) -> Proposals:
    return proposals(Tree({"k.c": text.encode()}), ["k.c"], Language.C, target=Target.OFFLOAD)


def directives(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return [
        " ".join(line.split()).removeprefix("#pragma omp ")
        for line in joined.splitlines()
        if "#pragma omp" in line
    ]


def test_arrays_stay_on_the_device_around_a_time_loop() -> None:
    said = directives(translated("heat2d")["heat.c"].decode())
    assert said[0].startswith("target teams distribute parallel for collapse(2) map(to: u[")
    assert said[1] == "target data map(tofrom: u[0:n * n], v[0:n * n])"


def test_scratch_is_allocated_on_the_device_and_never_moves() -> None:
    text = translated("offload/stencil")["stencil.c"].decode()
    said = directives(text)
    assert "target data map(tofrom: u[0:nx * ny]) map(alloc: v[0:nx * ny]) map(to: k[0:nx * ny])" in said
    assert "\n    {\n        #pragma omp target teams" in text


def test_where_no_block_can_be_made_arrays_enter_and_leave() -> None:
    said = directives(translated("offload/cg")["cg.c"].decode())
    entered = next(s for s in said if s.startswith("target enter data"))
    left = next(s for s in said if s.startswith("target exit data"))
    assert "map(to: x[0:n * n], k[0:n * n], b[0:n * n])" in entered and "map(alloc: q[0:n * n]" in entered
    assert "map(from: x[0:n * n])" in left and "map(release: k[0:n * n]" in left
    assert sum("teams distribute" in s for s in said) == 6


def test_code_outside_of_the_changes_stays_byte_for_byte() -> None:
    before, after = task_of("offload/stencil").tree["stencil.c"], translated("offload/stencil")["stencil.c"]
    kept = [line.strip() for line in after.splitlines() if b"omp" not in line and b"map(" not in line]
    braces = [b"{", b"}"]
    for line in before.splitlines():
        kept.remove(line.strip())
    assert kept == braces


def test_no_region_is_written_round_one_call_that_maps_the_same_by_itself() -> None:
    """Arrays out of a struct whose members may be set by another way: no larger region is proved."""
    task = task_of("offload/nbody")
    open_ = task.tree["main.c"].replace(b"evolve(&all", b"double **mass_of = &all.mass; evolve(&all")
    said = directives(moved(task, task.tree.replaced({"main.c": open_}))["nbody.c"].decode())
    assert said and all(s.startswith("target teams distribute parallel for") for s in said)


def test_arrays_out_of_a_struct_stay_on_the_device_where_all_that_sets_it_is_seen() -> None:
    said = directives(translated("offload/nbody")["nbody.c"].decode())
    places, mass = "x[0:n], y[0:n], z[0:n], vx[0:n], vy[0:n], vz[0:n]", "mass[0:n]"
    assert f"target data map(tofrom: {places}) map(to: {mass})" in said


def test_a_host_statement_in_between_gets_an_update_or_stays_out() -> None:
    text = """\
#include <stdio.h>
void f(int n, int steps, double *restrict a, double *restrict b)
{
    for (int s = 0; s < steps; s++) {
        for (int i = 0; i < n; i++)
            b[i] = a[i] * 0.5;
        printf("%g\\n", b[n / 2]);
        for (int i = 0; i < n; i++)
            a[i] = b[i] + s;
    }
}
"""
    for made in of(text).proposals:
        (content,) = made.edit.changes.values()
        assert content is not None
        said = directives(content.decode())
        if any("target data" in s for s in said):
            assert any(s.startswith("target update from(b") for s in said), said


def test_a_loop_that_cannot_be_moved_is_left_on_the_host_and_planned_around() -> None:
    text = """\
void f(int n, int steps, const int *restrict k, int *restrict h, double *restrict a)
{
    for (int s = 0; s < steps; s++) {
        for (int i = 0; i < n; i++)
            a[i] = a[i] * 0.5 + s;
        for (int i = 1; i < n; i++)
            a[i] = a[i] + a[i - 1];
    }
}
"""
    found = of(text)
    assert any("not parallel" in r.reason for r in found.refusals)
    for made in found.proposals:
        (content,) = made.edit.changes.values()
        assert content is not None and content.count(b"teams distribute") == 1


def test_answers_are_proposals_or_refusals_with_a_proof_or_a_reason() -> None:
    found = asked(task_of("offload/cg"), task_of("offload/cg").tree)
    assert all(isinstance(p, Proposal) and p.edit.proof for p in found.proposals)
    assert all(isinstance(r, Refusal) and r.reason for r in found.refusals)


def run(task: Task, tree: Tree, toolchain: Toolchain, device: Device, case: Case, folder: Path) -> CaseRun:
    runner = choose_runner("none")
    build = Builder(task, runner, folder).build(
        tree, toolchain, Variant(("-O1",), Target.OFFLOAD, device=device)
    )
    assert build.failure is None, build.log
    done = CaseRunner(task, runner, folder, cores=2).run(build, case, Limits(), threads=2, gate="test")
    assert done.failure is None, done.failure
    return done


@pytest.mark.parametrize(
    "name",
    [
        "heat2d", "jacobi3d", "offload/stencil", "offload/cg", "offload/spmv", "offload/nbody",
        "offload/histogram", "offload/reduction",
        pytest.param("nbody", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_an_example_is_translated_and_right(name: str, offload_toolchain: Toolchain, tmp_path: Path) -> None:
    task, tree = task_of(name), translated(name)
    assert any(b"omp target" in content for content in tree.values())
    # The smallest case by the size of its arguments: what is wrong shows there too.
    case = min(task.cases_for(Use.CHECK), key=lambda c: (sum(map(len, c.args)), sum(c.params.values())))
    before = run(task, task.tree, offload_toolchain, Device.FALLBACK, case, tmp_path)
    after = run(task, tree, offload_toolchain, Device.HOST, case, tmp_path)
    assert first_mismatch(task, before.outputs, after.outputs) is None
