"""Timings, budgets, tasks and results as values: frozen, with the defaults that old files rely on."""

from __future__ import annotations

import dataclasses
import inspect
import json

import pytest

from loopwright.core import candidate, machine, profile, run, task, timing, tree, verdict
from loopwright.core.errors import TaskError, UsageError
from loopwright.core.machine import Machine
from loopwright.core.run import Baseline, Best, Budget, Evaluation, RunResult, RunStatus
from loopwright.core.task import Build, Case, Dtype, Task, Use, Work
from loopwright.core.timing import Comparison, Round, Sample, Speedup
from loopwright.core.tree import Tree
from loopwright.core.verdict import Verdict
from loopwright.workbench.records import from_data, to_data

MODULES = (candidate, machine, profile, run, task, timing, tree, verdict)
TYPES = sorted(
    {
        kind
        for module in MODULES
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
    },
    key=lambda kind: kind.__name__,
)
SPEEDUP = Speedup(2.0, 1.9, 2.1, 8, by_case={"full": 2.0})
BEST = Best("abc", "parallel for", "verified", SPEEDUP, {"build": "pass"}, wall_s=0.1, original_wall_s=0.2)
ROUND = Round({"c": (Sample(1.0), Sample(1.1))}, {"c": (Sample(0.5), Sample(0.6))})


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_every_type_of_the_core_is_frozen_and_explained(kind: type) -> None:
    params = kind.__dataclass_params__  # type: ignore[attr-defined]
    assert params.frozen
    assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")


def result(**changes: object) -> RunResult:
    whole = RunResult(
        run="r1", task="t", target="openmp", agent="builtin", status=RunStatus.IMPROVED,
        baseline=Baseline("native", 0.2, {"own": 0.3, "native": 0.2}, flags=("-O3",)), best=BEST,
        evaluations=3, failures={"crash": 1}, elapsed_s=12.5,
    )  # fmt: skip
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        result(),
        result(best=None, status=RunStatus.NO_GAIN, reason="no candidate was faster beyond doubt"),
        Comparison("a", "b", (ROUND, ROUND), SPEEDUP),
        Evaluation("x", None, "t", Verdict(), Speedup(1.0, float("-inf"), float("inf"), 1)),
    ],
)
def test_a_value_survives_the_way_through_json(value: object) -> None:
    text = json.dumps(to_data(value), allow_nan=False)
    assert from_data(type(value), json.loads(text)) == value


def test_an_old_result_without_the_newer_fields_is_read() -> None:
    old = to_data(result())
    for optional in ("directory", "reason", "warnings"):
        del old[optional]
    del old["best"]["held_out_speedup"]
    read = from_data(RunResult, old)
    assert (read.warnings, read.directory) == ((), "")
    assert read.best is not None and read.best.held_out_speedup is None
    assert from_data(RunResult, {**old, "field_of_the_future": 1}) == read


def test_a_budget_is_ten_minutes_unless_told() -> None:
    assert (Budget().wall_s, Budget().evaluations) == (600.0, None)


@pytest.mark.parametrize("limit", ["wall_s", "evaluations", "tokens", "cost_usd", "calls"])
def test_a_limit_that_allows_nothing_is_no_budget(limit: str) -> None:
    for nothing in (0, -1):
        with pytest.raises(UsageError, match="nothing") as raised:
            Budget(**{"wall_s": None, limit: nothing})
        assert raised.value.hint.startswith("--")


@pytest.mark.parametrize(
    ("run_s", "prepared_s", "left_s"),
    [(4.0, 2.0, 6.0), (12.0, 11.0, 4.0), (30.0, 11.0, 0.0), (0.0, 0.0, 10.0)],
)
def test_half_of_the_time_belongs_to_the_search(run_s: float, prepared_s: float, left_s: float) -> None:
    assert Budget(10.0).remaining_s(run_s, prepared_s=prepared_s) == left_s
    assert Budget(None).remaining_s(run_s, prepared_s=prepared_s) is None


def test_machines_are_told_apart_by_what_decides_speed() -> None:
    one = Machine("EPYC", "x86_64", 2, 1 << 30)
    assert one.key == dataclasses.replace(one, memory_bytes=1 << 31, kernel="6.1").key
    assert (
        len({one.key, dataclasses.replace(one, cores=4).key, dataclasses.replace(one, cpu="Xeon").key}) == 3
    )


@pytest.mark.parametrize("dtype", Dtype)
def test_element_types_are_those_of_numpy(dtype: Dtype) -> None:
    import numpy as np

    found = np.dtype(dtype.numpy)
    assert found.itemsize == dtype.size_bytes
    assert found.kind == dtype.value[0] and dtype.is_float == (found.kind == "f")
    assert found.byteorder in ("=", "<", "|")


def sample_task(**changes: object) -> Task:
    whole = Task(
        name="t",
        tree=Tree({"a.c": b"1", "sub/b.c": b"2", "main.c": b"3", "a.ch": b"4"}),
        editable=("a.c", "sub/*.c"),
        build=Build(sources=("a.c", "main.c")),
        cases=(Case("one"), Case("two", Use.TIME), Case("three", Use.HELD_OUT), Case("four", Use.CHECK)),
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def test_only_what_the_globs_name_may_be_edited() -> None:
    assert set(sample_task().editable_files) == {"a.c", "sub/b.c"}
    assert sample_task().is_editable("sub/new.c"), "a candidate may add a file that the globs take in"
    assert not sample_task().is_editable("new.c")
    assert not sample_task().is_editable("A.C")


def test_cases_by_use_keep_their_order() -> None:
    names = [case.name for case in sample_task().cases_for(Use.CHECK, Use.TIME)]
    assert names == ["one", "two", "four"]


def test_anything_that_changes_a_task_changes_its_digest() -> None:
    digests = {
        sample_task().digest,
        sample_task(name="u").digest,
        sample_task(tree=Tree({"a.c": b"1"})).digest,
        sample_task(editable=("a.c",)).digest,
        sample_task(fast_math=True).digest,
        sample_task(cases=(Case("one", args=("1",)),)).digest,
        sample_task(build=Build(sources=("main.c", "a.c"))).digest,
    }
    assert len(digests) == 7
    assert sample_task(summary="other words").digest == sample_task().digest


def test_work_is_stated_by_case() -> None:
    work = Work(bytes="16 * n", flops=None)
    assert work.bytes_of(Case("c", params={"n": 4})) == 64.0
    assert work.flops_of(Case("c")) is None
    with pytest.raises(TaskError, match="known parameters: none"):
        work.bytes_of(Case("c"))
