"""Budgets, evaluations and the result of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loopwright.core.errors import UsageError
from loopwright.core.timing import Floor, Speedup
from loopwright.core.verdict import Verdict


@dataclass(frozen=True)
class Budget:
    """What a run may spend: seconds of wall time, evaluations, tokens, US dollars, calls. None: no limit.

    Tokens (input and output together), money and calls are those of language models; each step of a
    command-line agent is a call. Limits are looked at before each evaluation or call, so that a run spends at
    most one of them too much.

    Raises:
        UsageError: for a limit that allows nothing.
    """

    wall_s: float | None = 600.0
    evaluations: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    calls: int | None = None

    def __post_init__(self) -> None:
        for limit, told, hint in (
            (self.wall_s, "a budget of {:g} s allows nothing", "--budget 10m"),
            (self.evaluations, "{} evaluations allow nothing", "--evaluations 10"),
            (self.tokens, "{} tokens allow nothing", "--tokens 200000"),
            (self.cost_usd, "{:g} US dollars allow nothing", "--cost 0.50"),
            (self.calls, "{} calls allow nothing", "--calls 40"),
        ):
            if limit is not None and not limit > 0:
                raise UsageError(told.format(limit), hint=hint)

    def remaining_s(self, run_s: float, *, prepared_s: float) -> float | None:
        """Seconds that are left after `run_s`, None without a limit. Half of the limit belongs to the search,
        which begins at `prepared_s`, however long it took to measure and profile the original.
        """
        if self.wall_s is None:
            return None
        return max(0.0, max(self.wall_s, prepared_s + self.wall_s / 2) - run_s)


@dataclass(frozen=True)
class Evaluation:
    """What the workbench found out about one candidate.

    Attributes:
        candidate, parent: ids; the original has no parent.
        verdict: results of the gates so far.
        speedup: against the baseline; None when it failed before timing.
        against_best: against the incumbent of that moment; None when there was no promotion trial.
        glance: against the baseline, from a first look of a single round: an estimate that orders
            candidates and claims nothing; None when there was none.
        promoted: whether it became the best.
        wall_s: median seconds of the timed cases, summed; None when not timed.
        elapsed_s: seconds the evaluation took; `at_s`: seconds of run time when it ended.
    """

    candidate: str
    parent: str | None
    title: str
    verdict: Verdict
    speedup: Speedup | None = None
    against_best: Speedup | None = None
    glance: Speedup | None = None
    promoted: bool = False
    wall_s: float | None = None
    elapsed_s: float = 0.0
    at_s: float = 0.0
    number: int = 0

    def answers(self, *, timed: bool, glance: bool, untimed_best: str | None = None) -> bool:
        """Whether an evaluation that asks for this much would find out no more.

        Where nothing can be timed, `untimed_best` is the best so far: a candidate that goes on from it and
        was only checked until now is promoted when it is asked about again.
        """
        if untimed_best is not None:
            return not (timed and self.verdict.passed and self.parent == untimed_best and not self.promoted)
        if not timed or not self.verdict.passed or self.speedup is not None:
            return True
        return glance and self.glance is not None


class RunStatus(StrEnum):
    """How a run ended: a faster verified candidate, one that could not be timed here, none that could be
    claimed, or no valid result.
    """

    IMPROVED = "improved"
    TRANSLATED = "translated"
    """For a target whose device is not here: verified, and not timed."""
    NO_GAIN = "no-gain"
    FAILED = "failed"


@dataclass(frozen=True)
class Baseline:
    """The times that a speedup is against. Seconds are medians over the timed cases, summed.

    `variant` names the faster of `own` (the task's flags) and `native` (-O3 -march=native); `wall_s` is
    its time; `variants` holds every variant's time, `auto_parallel` (the compiler's own) among them;
    a variant that did not pass the output gate is listed in `rejected` with the reason. `flags` are those of
    the faster variant; candidates are built with `built_with`, which may be others: threads and vectors
    can be worth more at flags that did nothing for the original.
    """

    variant: str
    wall_s: float
    variants: Mapping[str, float] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    candidate_flags: tuple[str, ...] | None = None
    """None: those of the original."""

    @property
    def built_with(self) -> tuple[str, ...]:
        """The flags of candidates."""
        return self.flags if self.candidate_flags is None else self.candidate_flags


class Elsewhere(StrEnum):
    """What became of a speedup at sizes that the run did not see."""

    KEPT = "kept"
    SMALLER = "smaller"
    """Less than half of it is left, on the scale of logarithms."""
    VANISHED = "vanished"
    SLOWER = "slower"
    NOT_TIMED = "not-timed"
    """No held-out case takes long enough to be timed, or there is none."""


@dataclass(frozen=True)
class Best:
    """The winner of a run, timed again at the end beside the original.

    `speedup`, `wall_s` and `original_wall_s` are None when there was no device to time it on. The latter two
    are medians of that last timing, summed over the timed cases;
    `held_out_speedup` is None when no held-out case could be timed; `elsewhere` says how it compares.
    `floors` are the least times that are possible here, by timed case, as far as the work is known.
    """

    candidate: str
    title: str
    verified: str
    speedup: Speedup | None
    gates: Mapping[str, str]
    wall_s: float | None
    original_wall_s: float | None = None
    held_out_speedup: Speedup | None = None
    elsewhere: Elsewhere = Elsewhere.NOT_TIMED
    floors: Mapping[str, Floor] = field(default_factory=dict)


@dataclass(frozen=True)
class Spending:
    """What language models used in a run: calls, tokens, US dollars.

    Attributes:
        cached_tokens: the part of `input_tokens` that providers had in their caches.
        cost_usd: of all calls; None when the price of one is not known. `unpriced_calls`: how many those are.
        estimated: whether some tokens were counted by length, because the provider did not say.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = 0.0
    unpriced_calls: int = 0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Input and output together: what a budget of tokens counts."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class RunResult:
    """What `optimize` gives back, and prints with `--json`.

    `used_by_others` is how many processors other processes kept busy, on average over the last session of
    the run; None in records of versions that did not measure it. `spending` is None when no model was asked.
    """

    run: str
    task: str
    target: str
    agent: str
    status: RunStatus
    baseline: Baseline
    best: Best | None
    evaluations: int
    failures: Mapping[str, int]
    elapsed_s: float
    directory: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    used_by_others: float | None = None
    spending: Spending | None = None
    schema: int = 1
