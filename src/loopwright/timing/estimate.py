"""From A B B A rounds to a speedup with a confidence interval.

Each half of a round (A B, then B A) is one observation. Its value is the mean over the cases of log(a / b),
so every case counts the same however long it runs (the geometric mean of ratios; Fleming and Wallace, CACM
29(3), 1986) and swapping the two versions only changes the sign. The two orders of a round balance: a linear
drift moves its halves by the same amount in opposite directions and leaves the estimate where it was; and
:mod:`loopwright.timing.compare` mirrors every second round (B A A B), which does the same for a curved drift.

Why halves and not whole rounds: a whole round cancels a drift within itself, but a spike in one of its four
samples spoils all of it, and half as many observations need twice the rounds for the same error. In
simulations (5 % faster, 12 rounds, one sample in ten 2 to 10 times slower) whole rounds found the
difference in 20 % of the comparisons and halves in 61 %, at the same coverage.

The estimate is the Hodges-Lehmann median of the Walsh averages (Hodges and Lehmann, Ann. Math. Statist.
34(2), 1963). The interval inverts the exact Wilcoxon signed-rank test (Tukey; Hollander, Wolfe and Chicken,
Nonparametric Statistical Methods, 3rd ed. 2014, section 3.3): it lies between the k-th smallest and the k-th
largest Walsh average. It needs no shape of the noise, only its symmetry, which holds because neighbouring
executions are exchangeable: noise that hits one could as well have hit the other. n observations can reach no
error below 2 / 2**n: three rounds for 95 %. With fewer the interval is (0, inf), which claims nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from loopwright.core.timing import Round, Sample, Speedup

METHOD = "Hodges-Lehmann, exact Wilcoxon signed-rank interval over the halves of A B B A rounds"
OBSERVATIONS_A_ROUND = 2

_Floats = npt.NDArray[np.float64]


def estimate(
    rounds: Sequence[Round], *, confidence: float = 0.95, error: float | None = None, stopped: str = ""
) -> Speedup:
    """The speedup of `b` over `a` that the rounds show.

    Args:
        rounds: at least one; all over the same cases.
        confidence: what is reported as the level of the interval.
        error: two-sided error that this interval may have, when the whole error `1 - confidence` is shared
            among several looks at growing data (:class:`loopwright.timing.looks.Looks`).
            None: the rounds were looked at once, and all of `1 - confidence` is this interval's.
        stopped: why sampling ended, handed through.

    Raises:
        ValueError: for no rounds, rounds over unlike cases, or a time that is not positive and finite.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    allowed = 1 - confidence if error is None else error
    by_case = log_ratios(rounds)
    values = np.sum(list(by_case.values()), axis=0) / len(by_case)
    walsh = walsh_averages(values)
    depth = interval_depth(len(values), allowed)
    return Speedup(
        estimate=_middle(walsh),
        low=math.exp(float(walsh[depth - 1])) if depth else 0.0,
        high=math.exp(float(walsh[-depth])) if depth else math.inf,
        rounds=len(rounds),
        confidence=confidence,
        method=METHOD,
        stopped=stopped,
        by_case={case: _middle(walsh_averages(logs)) for case, logs in by_case.items()},
    )


def log_ratios(rounds: Sequence[Round]) -> dict[str, _Floats]:
    """For each case log(a1 / b1) and log(a2 / b2) of each round in turn, float64 of shape (2 * rounds,).

    The first samples of a round's two versions were taken next to each other, and so were the second ones.

    Raises:
        ValueError: as :func:`estimate`.
    """
    if not rounds:
        raise ValueError("a speedup needs at least one round")
    cases = tuple(rounds[0].a)
    if not cases:
        raise ValueError("a round needs at least one case")
    for number, each in enumerate(rounds, start=1):
        if set(each.a) != set(cases) or set(each.b) != set(cases):
            raise ValueError(f"round {number} is not over the cases {', '.join(cases)}")
    return {case: np.array([half for each in rounds for half in _halves(each, case)]) for case in cases}


def walsh_averages(values: _Floats) -> _Floats:
    """The means of all pairs i <= j of `values`, sorted: n (n + 1) / 2 of them."""
    i, j = _pairs(len(values))
    # Halved before adding: each mean is then exact for equal values, and swapping signs mirrors it.
    return np.sort(0.5 * values[i] + 0.5 * values[j])


def interval_depth(n: int, error: float) -> int:
    """How many Walsh averages deep the interval begins at either end (1: the extremes themselves).

    It is the largest k with `2 P(W <= k - 1) <= error`, W being the signed-rank statistic of n observations
    under symmetry; 0 when n observations cannot support that error.
    """
    return int(np.searchsorted(2 * _signed_rank_cdf(n), error * (1 + 1e-12), side="right"))


def reached_error(n: int, depth: int) -> float:
    """The exact two-sided error of the interval at `depth`; 0 for depth 0, the interval (0, inf)."""
    return float(2 * _signed_rank_cdf(n)[depth - 1]) if depth else 0.0


@lru_cache(maxsize=32)
def _pairs(n: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """All i <= j below n."""
    return np.triu_indices(n)


@lru_cache(maxsize=256)
def _signed_rank_cdf(n: int) -> _Floats:
    """P(W <= w) for w from 0 to its median: W is a sum over ranks 1..n, each taken with chance 1/2."""
    size = n * (n + 1) // 2 + 1
    chance = np.zeros(size)
    chance[0] = 1.0
    for rank in range(1, n + 1):
        shifted = np.zeros(size)
        shifted[rank:] = chance[:-rank]
        chance = 0.5 * (chance + shifted)
    return np.asarray(np.cumsum(chance)[: (size + 1) // 2])


def _middle(walsh: _Floats) -> float:
    """The ratio whose logarithm is the median of sorted `walsh`."""
    size = len(walsh)
    return math.exp(0.5 * float(walsh[(size - 1) // 2] + walsh[size // 2]))


def _halves(each: Round, case: str) -> list[float]:
    return [_log(a, case) - _log(b, case) for a, b in zip(each.a[case], each.b[case], strict=True)]


def _log(sample: Sample, case: str) -> float:
    if not (sample.wall_s > 0 and math.isfinite(sample.wall_s)):
        raise ValueError(f"case {case!r} has a time of {sample.wall_s} s; a time is positive and finite")
    return math.log(sample.wall_s)
