"""Plots: well-formed SVG that shows every evaluation, every sample and every roof."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from report_runs import MACHINE, PASSED, comparison, failed

from loopwright.core.modes import FailureMode
from loopwright.core.profile import Roofline
from loopwright.core.run import Evaluation
from loopwright.core.timing import Comparison, Round, Sample, Speedup
from loopwright.core.verdict import Verdict
from loopwright.reports.plots import convergence, distributions, roofline_plot

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return ["".join(each.itertext()).strip() for each in root.iter(f"{SVG}text")]


def marks(svg: str) -> int:
    return sum(1 for _ in ElementTree.fromstring(svg).iter(f"{SVG}use"))


def evaluation(number: int, speedup: Speedup | None, *, promoted: bool = False) -> Evaluation:
    verdict = Verdict(PASSED) if speedup else failed(FailureMode.CRASH, "SIGSEGV")
    return Evaluation(f"c{number}", None, "t", verdict, speedup, promoted=promoted, number=number)


def test_nothing_to_draw_is_nothing() -> None:
    assert convergence(()) == ""
    assert distributions(Comparison("a", "b", (), Speedup(1.0, 1.0, 1.0, 0))) == ""
    assert (
        roofline_plot([("original", Roofline(None, 1e9, 2e9, "memory", 0.5, "byte/s"))], MACHINE.floors, 2)
        == ""
    )


def test_every_evaluation_is_a_mark() -> None:
    shared = [
        evaluation(1, Speedup(1.5, 1.4, 1.6, 6), promoted=True),
        evaluation(2, Speedup(1.4, 1.3, 1.5, 6)),
    ]
    two, three = convergence(shared), convergence([*shared, evaluation(3, None)])
    assert marks(three) > marks(two)
    assert "speedup over the baseline" in texts(three)


@pytest.mark.parametrize(
    "evaluations",
    [
        [evaluation(1, None)],
        [evaluation(1, Speedup(0.2, float("-inf"), float("inf"), 1))],
        [evaluation(1, Speedup(1e4, 9e3, 1.1e4, 6), promoted=True)],
        [evaluation(i, None if i % 3 else Speedup(1.0 + i / 100, 0.9, 2.0, 6)) for i in range(1, 200)],
    ],
    ids=["only a failure", "no interval", "a large one", "two hundred"],
)
def test_extreme_searches_are_drawn(evaluations: list[Evaluation]) -> None:
    assert "nan" not in convergence(evaluations).lower()
    assert texts(convergence(evaluations))


def test_every_sample_is_drawn_once() -> None:
    four, five = distributions(comparison(rounds=4)), distributions(comparison(rounds=5))
    # Two of either side a round; ticks are the same in both.
    assert marks(five) - marks(four) == 4
    assert {"full: original", "full: best"} <= set(texts(four))


@pytest.mark.parametrize("name", ["$x^2$", "$", "a_b", "--><b>", "é", "x" * 60])
def test_names_of_cases_are_drawn_as_they_are(name: str) -> None:
    pair = (Sample(0.1), Sample(0.2))
    one = replace(comparison(), rounds=(Round({name: pair}, {name: pair}),))
    assert f"{name}: original" in texts(distributions(one))


def test_the_roofs_are_those_of_the_threads() -> None:
    points = [("original", Roofline(0.06, 1e9, 1.2e9, "memory", 0.8, "flop/s")),
              ("best", Roofline(0.06, 1.1e9, 1.2e9, "memory", 0.9, "flop/s"))]  # fmt: skip
    assert {"original", "best", "roofs: 20 GB/s, 60 Gflop/s"} <= set(
        texts(roofline_plot(points, MACHINE.floors, 2))
    )
    assert "roofs: 10 GB/s, 30 Gflop/s" in texts(roofline_plot(points, MACHINE.floors, 1))


def test_the_same_run_gives_the_same_bytes() -> None:
    assert distributions(comparison()) == distributions(comparison())
