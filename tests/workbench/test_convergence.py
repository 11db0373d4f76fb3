"""How soon a search got where it got."""

from __future__ import annotations

import pytest

from loopwright.core.run import Evaluation
from loopwright.core.timing import Speedup
from loopwright.core.verdict import GateResult, GateStatus, Verdict
from loopwright.workbench.convergence import Reached, step_of
from loopwright.workbench.convergence import reached as reached_by_steps

PASSED = Verdict((GateResult("outputs", GateStatus.PASS),))


def evaluation(number: int, at_s: float, speedup: float | None, *, promoted: bool = True) -> Evaluation:
    value = None if speedup is None else Speedup(speedup, speedup * 0.9, speedup * 1.1, 8)
    promoted = promoted and value is not None
    return Evaluation(
        f"c{number}", None, "t", PASSED, speedup=value, promoted=promoted, at_s=at_s, number=number
    )


def reached(made: list[Evaluation], share: float = 0.9) -> Reached | None:
    return reached_by_steps([step_of(each) for each in made], share=share)


def test_the_first_promotion_that_is_nearly_the_last() -> None:
    made = [
        evaluation(1, 5.0, 1.4),
        evaluation(2, 9.0, None),
        evaluation(3, 12.0, 2.5, promoted=False),
        evaluation(4, 20.0, 1.9),
        evaluation(5, 30.0, 2.0),
        evaluation(6, 90.0, None),
    ]
    found = reached(made)
    assert found is not None
    assert (found.evaluations, found.elapsed_s) == (4, 20.0)
    assert found.speedup == pytest.approx(1.8)
    whole = reached(made, share=1.0)
    assert whole is not None
    assert (whole.evaluations, whole.elapsed_s) == (5, 30.0)


def test_a_trial_long_after_its_glance_counts_what_came_between() -> None:
    made = [evaluation(1, 40.0, 3.0), *(evaluation(n, 5.0 * n, None) for n in range(2, 7))]
    found = reached(made)
    assert found is not None
    assert found.evaluations == 6


def test_nothing_promoted() -> None:
    assert reached([]) is None
    assert reached([evaluation(1, 1.0, 2.0, promoted=False)]) is None
    with pytest.raises(ValueError, match="share"):
        reached([], share=0)
