"""Drawing held-out cases: inside their ranges, the same for the same secret, and awkward on purpose."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.core.errors import TaskError
from loopwright.core.task import Build, Case, HeldOut, Range, Task, Use
from loopwright.core.tree import Tree
from loopwright.tasks.draws import KINDS, is_prime
from loopwright.tasks.held_out import drawn_cases, ends_of, held_out_lines, parse_range
from loopwright.tasks.load import load_task
from loopwright.tasks.write import task_text

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/loopwright.toml"))
SECRETS = [f"secret {k}" for k in range(40)]
PROGRAM = """\
schema = 1
name = "p"
editable = ["main.c"]
[build]
sources = ["main.c"]
[[case]]
name = "full"
args = ["64", "-v", "10"]
params = { n = 64 }
use = "time"
"""
MOST_BYTES = 1 << 30


def program(folder: Path, more: str = "") -> Task:
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    (folder / "loopwright.toml").write_text(PROGRAM + more)
    return load_task(folder)


def kernel(*cases: Case) -> Task:
    task = load_task(ROOT / "examples" / "matmul")
    return replace(task, held_out=(), cases=cases)


def run_once(*args: str) -> Task:
    tree = Tree({"main.c": b"int main(void) { return 0; }"})
    return Task("p", tree, ("main.c",), Build(("main.c",)), (Case("given", Use.TIME, args),))


def sizes(task: Task, secret: str = "s") -> dict[str, int]:
    return {c.name: c.params["n"] for c in drawn_cases(task, secret, most_bytes=MOST_BYTES)}


def test_ranges_are_read() -> None:
    assert parse_range("500..700") == Range(500, 700)
    assert parse_range(" -3 .. 7 ") == Range(-3, 7)
    assert parse_range("512..1024 step 64") == Range(512, 1024, 64)
    assert str(Range(512, 1000, 64)) == "512..1000 step 64" and Range(512, 1000, 64).last == 960
    for text in ("", "500", "500-700", "range 500..700", "1..2..3", "1..2 step", "a..b", "1.5..2"):
        assert parse_range(text) is None, text


@given(
    low=st.integers(1, 10**6), width=st.integers(1, 10**6), step=st.integers(1, 97), secret=st.text(),
    timed=st.integers(1, 2 * 10**6),
)  # fmt: skip
def test_what_is_drawn_lies_in_the_range_and_on_its_grid(
    low: int, width: int, step: int, secret: str, timed: int
) -> None:
    span = Range(low, low + width, step)
    cases = (Case("full", Use.TIME, params={"n": timed}),)
    task = Task(
        "t", Tree({}), (), load_task(EXAMPLES[0]).build, cases,
        held_out=(HeldOut({"n": span, "fixed": 3}, count=8, args=("{n}", "x{fixed}", "{other}")),),
    )  # fmt: skip
    drawn = drawn_cases(task, secret, most_bytes=MOST_BYTES)
    assert drawn == drawn_cases(task, secret, most_bytes=MOST_BYTES)
    assert len({case.name for case in drawn}) == 8
    for case in drawn:
        n = case.params["n"]
        assert low <= n <= low + width and (n - low) % step == 0
        assert case.args == (str(n), "x3", "{other}") and case.use is Use.HELD_OUT


def test_primes_odd_smaller_and_larger_ones_are_drawn(tmp_path: Path) -> None:
    held_out = '[[held-out]]\nargs = ["{n}", "-v", "3"]\nparams = { n = "8..200" }\n'
    task = program(tmp_path, held_out)
    seen: set[int] = set()
    for secret in SECRETS:
        found = dict(zip(KINDS, sizes(task, secret).values(), strict=True))
        assert is_prime(found["prime"])
        assert found["odd"] % 2 == 1
        assert found["small"] < 64 < found["large"]
        seen |= set(found.values())
    assert len(seen) > 60  # another secret, other sizes
    assert any(n < 16 for n in seen)


def test_seeds_of_kernels_are_fresh() -> None:
    task = load_task(ROOT / "examples" / "jacobi3d")
    seeds = {c.seed for s in SECRETS for c in drawn_cases(task, s, most_bytes=MOST_BYTES)}
    assert len(seeds) == len(SECRETS) * len(KINDS)


@given(number=st.integers(0, 5000))
@settings(max_examples=300, deadline=None)
def test_primes_by_trial_division(number: int) -> None:
    divided = number > 1 and all(number % d for d in range(2, math.isqrt(number) + 1))
    assert is_prime(number) is divided


def test_large_primes_and_strong_pseudoprimes() -> None:
    assert is_prime(2**61 - 1) and not is_prime(2**61 + 1)
    # Composite, and yet strong probable primes to the first few bases (Jaeschke, Math. Comp. 61, 1993).
    for number in (2047, 1373653, 25326001, 3215031751, 2152302898747, 3474749660383, 341550071728321):
        assert not is_prime(number)


def test_a_kernel_without_a_statement_gets_sizes_within_its_own_and_fresh_data() -> None:
    task = kernel(
        Case("one", params={"n": 3}), Case("odd", params={"n": 33}),
        Case("full", Use.TIME, params={"n": 500}),
    )  # fmt: skip
    for secret in SECRETS:
        drawn = sizes(task, secret)
        assert drawn.pop("derived-fresh") == 500
        assert all(3 <= n <= 650 for n in drawn.values())
        assert set(drawn) == {f"derived-{kind}" for kind in KINDS}
        assert drawn["derived-small"] < 500 < drawn["derived-large"] and is_prime(drawn["derived-prime"])


def test_derived_sizes_stay_on_the_grid_of_the_known_ones() -> None:
    grid = kernel(Case("a", params={"n": 24}), Case("full", Use.TIME, params={"n": 480}))
    assert all(n % 24 == 0 for secret in SECRETS for n in sizes(grid, secret).values())
    powers = kernel(
        Case("a", params={"n": 4}), Case("b", params={"n": 64}), Case("full", Use.TIME, params={"n": 512})
    )
    assert sizes(powers) == {"derived-fresh": 512}
    constant = kernel(Case("a", params={"n": 7}), Case("full", Use.TIME, params={"n": 7}))
    assert sizes(constant) == {"derived-fresh": 7}


def test_derived_sizes_keep_the_order_of_params_and_the_memory() -> None:
    task = load_task(ROOT / "examples" / "spmv")
    cases = (
        Case("a", params={"rows": 10, "columns": 10, "fill": 2}),
        Case("full", Use.TIME, params={"rows": 600, "columns": 900, "fill": 9}),
    )
    for secret in SECRETS:
        for case in drawn_cases(replace(task, held_out=(), cases=cases), secret, most_bytes=MOST_BYTES):
            assert case.params["fill"] <= case.params["rows"] <= case.params["columns"]
    small = kernel(Case("a", params={"n": 100}), Case("full", Use.TIME, params={"n": 1000}))
    bounded = drawn_cases(small, "s", most_bytes=0)
    assert bounded and all(case.params["n"] <= 1000 for case in bounded)


def test_a_program_of_which_one_run_is_known_gets_other_numbers() -> None:
    task = run_once("900", "-v", "900", "90", "3")
    for secret in SECRETS:
        drawn = {case.name: case.args for case in drawn_cases(task, secret, most_bytes=0)}
        assert set(drawn) == {f"derived-{kind}" for kind in KINDS}
        for n, flag, same, steps, choice in drawn.values():
            assert n == same and flag == "-v" and choice == "3" and 9 <= int(steps) <= int(n) <= 1170
        assert is_prime(int(drawn["derived-prime"][0])) and int(drawn["derived-odd"][0]) <= 300
        assert int(drawn["derived-small"][0]) < 900 < int(drawn["derived-large"][0])


def test_numbers_of_a_program_keep_their_order_and_powers_of_two() -> None:
    for secret in SECRETS:
        for case in drawn_cases(run_once("10", "12", "11", "1024", "13"), secret, most_bytes=0):
            a, c, b, power, d = map(int, case.args)
            assert a <= b <= c <= d and power in (256, 512, 1024)
    powers = {case.name: case.args for case in drawn_cases(run_once("64", "256"), "s", most_bytes=0)}
    assert powers == {"derived-odd": ("16", "64"), "derived-small": ("32", "128")}


@pytest.mark.parametrize("args", [(), ("-v", "grid.txt"), ("0.25", "-3", "2")])
def test_without_a_size_among_its_arguments_nothing_is_derived_for_a_program(args: tuple[str, ...]) -> None:
    assert drawn_cases(run_once(*args), "s", most_bytes=0) == ()


def test_nothing_is_derived_where_a_task_says_more() -> None:
    once = run_once("900")
    (timed,) = once.cases
    assert drawn_cases(once, "s", most_bytes=0)
    for cases in [
        (timed, Case("small", args=("9",))),
        (timed, Case("unseen", Use.HELD_OUT, args=("9",))),
        (replace(timed, stdin="grid.txt"),),
        (replace(timed, files=("grid.txt",)),),
    ]:
        assert drawn_cases(replace(once, cases=cases), "s", most_bytes=0) == ()
    own = kernel(Case("full", Use.TIME, params={"n": 9}), Case("h", Use.HELD_OUT, params={"n": 8}))
    assert drawn_cases(own, "s", most_bytes=MOST_BYTES) == ()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_state_ranges_that_survive_writing(example: Path, tmp_path: Path) -> None:
    task = load_task(example)
    assert task.held_out
    for path, content in task.tree.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / "loopwright.toml").write_text(task_text(task))
    assert load_task(tmp_path) == task


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_proposed_lines_can_be_pasted(example: Path, tmp_path: Path) -> None:
    task = replace(load_task(example), held_out=())
    for path, content in task.tree.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / "loopwright.toml").write_text(task_text(task) + "\n" + held_out_lines(task) + "\n")
    pasted = load_task(tmp_path)
    drawn = drawn_cases(pasted, "s", most_bytes=MOST_BYTES)
    assert len(drawn) == 4 and pasted.digest != task.digest


def test_other_arguments_are_kept_in_the_proposal(tmp_path: Path) -> None:
    task = program(tmp_path)
    assert 'args = ["{n}", "-v", "{a3}"]' in held_out_lines(task)
    (tmp_path / "loopwright.toml").write_text(PROGRAM + "\n" + held_out_lines(task))
    assert load_task(tmp_path).held_out[0].params == {"n": Range(21, 83), "a3": Range(3, 13)}


def test_the_ends_of_ranges_are_cases() -> None:
    task = load_task(ROOT / "examples" / "matmul")
    assert [case.params for case in ends_of(task)] == [{"n": 3}, {"n": 560}]


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ('args = ["{n}"]\nparams = { n = "500-700" }', "expected a number, or a range", '"500..700"'),
        ('args = ["{n}"]\nparams = { n = "700..500" }', "holds no number", ""),
        ('args = ["{n}"]\nparams = { n = "5..5" }', "holds one number", "write n = 5"),
        ('args = ["{n}"]\nparams = { n = "5..7 step 0" }', "holds no number", ""),
        ('args = ["{m}"]\nparams = { n = "5..70" }', "{m} stands for no param", "params: n"),
        ('args = ["5"]\nparams = { n = "5..70" }', "the program is not told n", 'args = ["{n}"]'),
        ('args = ["5"]\nparams = { n = 5 }', "no param has a range", "[[case]]"),
        ('args = ["{n}"]', "missing", ""),
        ('args = ["{n}"]\nparams = { n = "5..70" }\nname = "full"', "the name of another case", ""),
        ('args = ["{n}"]\nparams = { n = "5..70" }\ncount = 0', "at least 1", ""),
        ('args = ["{n}"]\nparams = { n = "5..70" }\nuse = "check"', "unknown key 'use'", ""),
        ('args = ["{n}"]\nparams = { n = "5..70" }\nstdin = "no.txt"', "no input file 'no.txt'", ""),
        ('args = ["{n}"]\nparams = { n = "5..9999999999999999999" }', "beyond 2**63", ""),
    ],
)
def test_mistakes_are_told(tmp_path: Path, lines: str, message: str, hint: str) -> None:
    with pytest.raises(TaskError) as caught:
        program(tmp_path, f"[[held-out]]\n{lines}\n")
    assert message in caught.value.message, caught.value
    assert hint in caught.value.hint
    assert "held-out" in caught.value.where


def test_expressions_have_to_make_sense_at_both_ends(tmp_path: Path) -> None:
    more = '[[held-out]]\nargs = ["{n}"]\nparams = { n = "5..70" }\n[work]\nflops = "n - 60"\n'
    with pytest.raises(TaskError, match="cannot be negative"):
        program(tmp_path, more)
    (tmp_path / "k").mkdir()
    source = ROOT / "examples" / "matmul"
    (tmp_path / "k" / "matmul.c").write_bytes((source / "matmul.c").read_bytes())
    text = (source / "loopwright.toml").read_text().replace('"3..560"', '"0..560"')
    (tmp_path / "k" / "loopwright.toml").write_text(text)
    with pytest.raises(TaskError, match="expected 1 or more"):
        load_task(tmp_path / "k")


def test_a_task_without_ranges_keeps_its_digest(tmp_path: Path) -> None:
    """Digests stand in records of earlier runs."""
    task = load_task(ROOT / "examples" / "matmul")
    without = replace(task, held_out=())
    assert task.digest != without.digest
    spec = repr((without.name, without.editable, without.build, without.cases, without.output, without.kernel,
                 without.work, without.language, without.fast_math, without.schema))  # fmt: skip
    import hashlib

    assert without.digest == hashlib.sha256((without.tree.digest + spec).encode()).hexdigest()
