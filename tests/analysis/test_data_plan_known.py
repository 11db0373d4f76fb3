"""Plans of small programs whose right answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright import api
from loopwright.analysis.data_plan import data_plan
from loopwright.core.data_plan import (
    ArrayPlan,
    DataPlan,
    Direction,
    LoopClass,
    Placement,
    RegionPlan,
    expected,
    known_value,
    product,
    value_of,
    variables_of,
)
from loopwright.core.data_values import size_values
from loopwright.core.errors import TaskError
from loopwright.core.task import Argument, Case, Dtype, Kernel, Language, Role
from loopwright.core.tree import Tree
from loopwright.gates import offloaded_plan

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = "#include <stdio.h>\n#include <stdlib.h>\n#include <math.h>\n"


def plan_of(text: str, **options: object) -> DataPlan:
    plan = data_plan(Tree({"p.c": (HEAD + text).encode()}), ["p.c"], Language.C, **options)  # type: ignore[arg-type]
    assert not [u for u in plan.unknowns if u.what == "file"], plan.unknowns
    return plan


def only(plan: DataPlan) -> RegionPlan:
    (region,) = plan.regions
    return region


def array(region: RegionPlan, name: str) -> ArrayPlan:
    (found,) = [a for a in region.arrays if a.name == name]
    return found


def main(body: str, before: str = "") -> str:
    return f"""{before}
int main(int argc, char **argv)
{{
    int n = atoi(argv[1]), steps = argc > 2 ? atoi(argv[2]) : 10;
{body}
    return 0;
}}
"""


MADE = "double *{0} = malloc(n * sizeof *{0});\n for (int i = 0; i < n; i++) {0}[i] = rand();\n"
A, B, C = (MADE.format(name) for name in "abc")
SHOWN = 'for (int i = 0; i < n; i++) printf("%g\\n", {0}[i]);\n'


def test_time_loop_with_scratch() -> None:
    """b is written before it is read in every step, and dead afterwards: it never moves."""
    region = only(
        plan_of(
            main(
                A
                + """
        double *b = malloc(n * sizeof *b);
        for (int t = 0; t < steps; t++) {
            for (int i = 1; i < n - 1; i++) b[i] = a[i - 1] + a[i + 1];
            for (int i = 1; i < n - 1; i++) a[i] = 0.5 * b[i];
        }
    """
                + SHOWN.format("a")
            )
        )
    )
    assert [loop.kind for loop in region.loops] == [LoopClass.AROUND, LoopClass.PARALLEL, LoopClass.PARALLEL]
    assert [loop.launches for loop in region.device_loops] == ["steps", "steps"]
    a, b = array(region, "a"), array(region, "b")
    assert (a.direction, a.placement, a.item) == (Direction.TOFROM, Placement.DATA_REGION, "a[0:n]")
    assert (b.direction, b.placement, b.scratch) == (Direction.ALLOC, Placement.RESIDENT, True)
    one = {e.array: e for e in expected(region, {"n": 100, "steps": 7})}
    assert (one["a"].to_bytes, one["a"].from_bytes, one["b"].to_bytes, one["b"].from_bytes) == (
        800,
        800,
        0,
        0,
    )
    assert region.entries == "1"


def test_pointers_exchanged_in_the_time_loop() -> None:
    region = only(
        plan_of(
            main(
                A
                + B
                + """
        for (int t = 0; t < steps; t++) {
            for (int i = 1; i < n - 1; i++) b[i] = a[i - 1] + a[i + 1];
            double *held = a; a = b; b = held;
        }
    """
                + SHOWN.format("a")
            )
        )
    )
    for name, other in (("a", "b"), ("b", "a")):
        found = array(region, name)
        assert (found.direction, found.swapped_with) == (Direction.TOFROM, (other,))


def test_an_exchanged_array_is_needed_by_all_of_its_names() -> None:
    """What the device puts into b is read on the host as a, after the exchange that follows the region."""
    plan = plan_of(
        main(
            A
            + """
        double *b = malloc(n * sizeof *b);
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) b[i] = 0.5 * t;
            printf("%d\\n", getchar());
            double *held = a; a = b; b = held;
        }
    """
            + SHOWN.format("a")
        )
    )
    assert array(only(plan), "b").direction.comes_out


def test_host_code_reads_by_another_name_what_the_device_wrote() -> None:
    region = only(
        plan_of(
            main(
                A
                + B
                + """
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) b[i] = b[i] * 0.5;
            for (int i = 0; i < n; i++) a[i] = a[i] + 1.0;
            printf("%g\\n", a[1]);
            double *held = a; a = b; b = held;
        }
    """
            )
        )
    )
    assert [u.direction for u in array(region, "a").updates] == [Direction.FROM]


def test_host_code_that_exchanges_and_touches_is_left_out() -> None:
    plan = plan_of(
        main(
            A
            + B
            + """
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) b[i] = a[i] * 0.5;
            if (t > 2) { double *held = a; a = b; b = held; printf("%g\\n", a[0]); }
        }
    """
        )
    )
    assert all(region.is_one_loop for region in plan.regions)


@pytest.mark.parametrize("head", ["for (int t = 0; t < steps && a[0] > 0.1; t++)", "while (a[0] > 0.1)"])
def test_a_condition_that_reads_what_the_device_writes_is_left_on_the_host(head: str) -> None:
    plan = plan_of(main(A + head + " { for (int i = 0; i < n; i++) a[i] = a[i] * 0.5; }" + SHOWN.format("a")))
    assert only(plan).is_one_loop


def test_a_function_that_is_called_outside_of_regions_maps_for_itself() -> None:
    halve = "void halve(int n, double *x) { for (int i = 0; i < n; i++) x[i] = 0.5 * x[i]; }"
    loop = "for (int t = 0; t < steps; t++) { halve(n, a); }"
    alone = only(plan_of(main(A + loop + SHOWN.format("a"), halve)))
    assert alone.function == "main"
    seen = plan_of(main(A + loop + SHOWN.format("a"), f"{halve}\nvoid hidden(void (*f)(int, double *));")
                   .replace("return 0;", "hidden(halve); return 0;"))  # fmt: skip
    assert only(seen).function == "halve"


@pytest.mark.parametrize(
    ("loop", "entries", "value"),
    [
        ("for (int t = 0; t < steps; t++) {{ {} }}", "steps", 7),
        ("for (int t = 0; t < steps; t++) for (int k = 1; k < 4; k++) {{ {} }}", "3 * steps", 21),
        ("for (int t = 0; t < steps; t++) if (t % 2) {{ {} }}", None, None),
        ("for (int t = 0; t < steps; t++) {{ if (a[0] > 3) break; {} }}", None, None),
        ("for (int t = 0; t < steps; t++) {{ {} steps--; }}", None, None),
    ],
)
def test_a_region_in_a_loop_is_entered_as_often_as_it_goes_round(
    loop: str, entries: str | None, value: int | None
) -> None:
    """The printed values keep the region from growing round the loop."""
    inner = "for (int i = 0; i < n; i++) a[i] = 0.5 * a[i];" + 'printf("%g %d\\n", a[0], getchar());'
    unseen = "void show(double *x);"
    plan = plan_of(main(A + loop.format(inner + " show(a);"), unseen))
    region = only(plan)
    assert region.entries == entries
    if entries is not None:
        program = api.task_at(EXAMPLES / "heat2d")  # not a kernel, which has arguments of its own
        values = size_values(plan, program, Case("seven", args=("100", "7")))
        assert known_value(entries, values) == value


def test_all_written_and_needed_is_from() -> None:
    region = only(
        plan_of(
            main(
                A
                + """
        double *b = malloc(n * sizeof *b);
        for (int i = 0; i < n; i++) b[i] = 2.0 * a[i];
    """
                + SHOWN.format("b")
            )
        )
    )
    assert (array(region, "a").direction, array(region, "b").direction) == (Direction.TO, Direction.FROM)
    assert region.is_one_loop


def test_partly_written_is_tofrom() -> None:
    """The copy back would destroy b[0] and b[n-1]."""
    region = only(
        plan_of(main(A + B + "for (int i = 1; i < n - 1; i++) b[i] = 2.0 * a[i];" + SHOWN.format("b")))
    )
    assert array(region, "b").direction is Direction.TOFROM


def test_written_in_a_loop_that_may_not_run_is_tofrom() -> None:
    body = "for (int t = 0; t < %s; t++) { for (int i = 0; i < n; i++) b[i] = t + sqrt(t + i) + %s; }"
    maybe = only(plan_of(main(A + B + body % ("steps", "b[i]") + SHOWN.format("b"))))
    assert array(maybe, "b").direction is Direction.TOFROM


def test_host_code_in_the_time_loop_needs_updates() -> None:
    region = only(
        plan_of(
            main(
                A
                + """
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;
            printf("%g\\n", a[0]);
            a[n - 1] = t;
        }
    """
            )
        )
    )
    a = array(region, "a")
    assert [(u.direction, u.span.line) for u in a.updates] == [
        (Direction.FROM, 13), (Direction.FROM, 14), (Direction.TO, 14)
    ]  # fmt: skip
    (one,) = expected(region, {"n": 10, "steps": 3})
    assert one.to_bytes == 80 + 3 * 80
    assert one.from_bytes is not None and one.from_bytes >= 6 * 80


def test_a_value_summed_on_the_device_moves_with_its_loop() -> None:
    region = only(
        plan_of(
            main(
                A
                + """
        double sum = 0.0;
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) sum += a[i];
            for (int i = 0; i < n; i++) a[i] = a[i] + 1.0;
        }
        printf("%g\\n", sum);
    """
            )
        )
    )
    total = array(region, "sum")
    assert total.scalar and total.placement is Placement.PER_LOOP
    assert [t.times for t in total.from_device] == ["steps"]
    assert region.device_loops[0].reductions == (("+", "sum"),)


def test_calls_are_followed() -> None:
    text = main(
        A
        + B
        + """
        for (int t = 0; t < steps; t++) { sweep(n, a, b); sweep(n, b, a); }
    """
        + SHOWN.format("a"),
        """
    static void sweep(int m, const double *restrict from, double *restrict to)
    {
        for (int i = 1; i < m - 1; i++) to[i] = from[i - 1] + from[i + 1];
    }
    """,
    )
    region = only(plan_of(text))
    assert region.function == "main"
    assert [loop.launches for loop in region.device_loops] == ["steps + steps"]
    assert (array(region, "a").direction, array(region, "b").direction) == (Direction.TOFROM, Direction.TO)


def test_a_result_declared_in_it_makes_it_unstructured() -> None:
    region = only(
        plan_of(
            main(
                A
                + """
        for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;
        double sum = norm(n, a);
        printf("%g\\n", sum);
    """,
                """
    static double norm(int n, const double *x)
    {
        double s = 0.0;
        for (int i = 0; i < n; i++) s += x[i] * x[i];
        return s;
    }
    """,
            )
        )
    )
    assert not region.structured
    assert array(region, "a").placement is Placement.ENTER_EXIT


def test_arrays_that_may_overlap_are_not_planned_together() -> None:
    text = """
    void step(int n, double *a, double *b)
    {
        for (int i = 0; i < n; i++) a[i] = 1.0;
        for (int i = 0; i < n; i++) b[i] = 2.0;
    }
    """
    regions = plan_of(text).regions
    assert [len(r.mapped) for r in regions] == [1, 1]
    assert all(r.is_one_loop for r in regions)
    (together,) = plan_of(text.replace("*a", "*restrict a")).regions
    assert {a.name for a in together.mapped} == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("struct g { int n; }; void f(struct g *g, double *u) { for (int i = 0; i < g->n; i++) u[i] = 1; }",
         "read from an object"),
        ("struct g { double *u; }; void f(int n, struct g *g) { for (int i = 0; i < n; i++) g->u[i] = 1; }",
         "pointer in a struct"),
        ("void f(int n, const int *p, const double *restrict a, double *restrict b)"
         "{ for (int i = 0; i < n; i++) b[i] = a[p[i]]; }", "the size of a is not known"),
        ("double w; static double times(double x) { return w * x; }"
         "void f(int n, double *a) { for (int i = 0; i < n; i++) a[i] = times(a[i]); }", "w"),
        ("void f(int n, double *a) { for (int i = 1; i < n; i++) a[i] = a[i - 1]; }", "not parallel"),
    ],
)  # fmt: skip
def test_what_is_unknown_is_not_planned(text: str, words: str) -> None:
    plan = plan_of(text)
    assert not plan.regions
    assert any(words in left.reason for left in plan.unknowns), plan.unknowns


def test_a_pointer_that_may_be_null_is_not_mapped() -> None:
    text = """
    void f(int n, double *restrict a, double *restrict extra)
    {
        for (int t = 0; t < 3; t++) {
            for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;
            if (%s) for (int i = 0; i < n; i++) extra[i] = a[i];
        }
    }
    """
    asked = plan_of(text % "extra != NULL")
    assert all("extra" not in {a.name for a in r.arrays} or r.is_one_loop for r in asked.regions)
    assert {a.name for a in only(plan_of(text % "n > 2")).mapped} == {"a", "extra"}
    made = main(
        A
        + """
        double *b = NULL;
        if (steps > 5) b = malloc(n * sizeof *b);
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;
            if (steps > 5) for (int i = 0; i < n; i++) b[i] = a[i];
        }
    """
    )
    assert all("b" not in {a.name for a in r.arrays} or r.is_one_loop for r in plan_of(made).regions)


def test_exchanged_arrays_of_different_sizes_have_no_known_size() -> None:
    plan = plan_of(
        main(
            A
            + """
        double *b = malloc(2 * n * sizeof *b);
        for (int t = 0; t < steps; t++) {
            for (int i = 0; i < n; i++) b[i] = a[i] * 0.5;
            double *held = a; a = b; b = held;
        }
    """
        )
    )
    assert all(a.elements == "n" for r in plan.regions for a in r.mapped)


def test_memory_that_is_given_back_or_unseen_code_ends_a_region() -> None:
    loop = "for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;"
    unseen = plan_of(main(A + f"{loop} hidden(); {loop}", "double *keep; void hidden(void);"))
    assert len(unseen.regions) == 1  # nobody else knows a
    known = plan_of(main(A + f"keep = a; {loop} hidden(); {loop}", "double *keep; void hidden(void);"))
    assert len(known.regions) == 2
    freed = plan_of(main(A + f"{loop} free(a); a = malloc(n * sizeof *a); {loop}"))
    assert len(freed.regions) in (0, 2)


def test_sizes_of_a_kernel_come_from_the_task() -> None:
    kernel = Kernel(
        "scale",
        "void scale(int m, const int *p, const double *x, double *y)",
        (
            Argument("m", Role.IN, Dtype.I32, value="n"),
            Argument("p", Role.IN, Dtype.I32, shape=("n",)),
            Argument("x", Role.IN, Dtype.F64, shape=("4 * n",)),
            Argument("y", Role.OUT, Dtype.F64, shape=("n",)),
        ),
    )
    region = only(plan_of(
        "void scale(int m, const int *p, const double *x, double *y)"
        "{ for (int i = 0; i < m; i++) y[i] = x[p[i]]; }", kernel=kernel))  # fmt: skip
    assert [a.item for a in region.mapped] == ["p[0:m]", "x[0:4 * m]", "y[0:m]"] or {
        a.item for a in region.mapped
    } == {"p[0:m]", "x[0:4 * m]", "y[0:m]"}
    assert array(region, "y").direction is Direction.FROM


def test_small_loops_stay_on_the_host_unless_they_keep_company() -> None:
    small = "for (int i = 0; i < 4; i++) a[i] = 0.0;"
    assert not plan_of(main(A + small + SHOWN.format("a"))).regions
    large = "for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;"
    region = only(
        plan_of(main(A + f"for (int t = 0; t < steps; t++) {{ {large} {small} }}" + SHOWN.format("a")))
    )
    assert len(region.device_loops) == 2 and not array(region, "a").updates


def test_loops_can_be_kept_from_the_device() -> None:
    text = main(
        A + "for (int i = 0; i < n; i++) a[i] = a[i] * 0.5;\n for (int i = 0; i < n; i++) a[i] += 1.0;"
    )
    first = (HEAD + text).index("for (int i = 0; i < n; i++) a[i] = a[i]")
    region = only(plan_of(text, on_device=lambda file, start: start == first))
    assert [loop.span.start for loop in region.device_loops] == [first]


@pytest.mark.parametrize(
    ("name", "scratch", "structured"),
    [("cg", {"q", "r", "z", "p"}, False), ("stencil", {"v"}, True), ("spmv", set(), True)],
)
def test_examples(name: str, scratch: set[str], structured: bool) -> None:
    task = api.task_at(EXAMPLES / "offload" / name)
    plan = offloaded_plan.plan_of(task)
    region = only(plan)
    assert {a.name for a in region.arrays if a.scratch} == scratch
    assert region.structured is structured and region.entries == "1"
    case = next(c for c in task.cases if c.use == "time")
    moved = expected(region, size_values(plan, task, case))
    assert all(e.to_bytes is not None and e.from_bytes is not None for e in moved)


def test_values_of_sizes() -> None:
    assert value_of("8 * g->n * (m + 1)", {"g->n": 3, "m": 2}) == 72
    assert variables_of("8 * g->n * (m + 1) + g->nx") == {"g->n", "g->nx", "m"}
    assert (product("8", "n - 1"), product("1", "n"), product("8", "g->n")) == (
        "8 * (n - 1)",
        "n",
        "8 * g->n",
    )
    with pytest.raises(TaskError):
        value_of("n * m", {"n": 2})
