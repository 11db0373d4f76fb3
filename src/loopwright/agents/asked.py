"""A workbench as the one who works there knows it: what it asked for in this session, and nothing else.

A resumed run starts its agent again, and the workbench knows then what the agent has still to find out. An
agent that saw that would take another way: it would ask other questions, and pay for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from loopwright.core.candidate import Candidate
from loopwright.core.run import Evaluation
from loopwright.core.verdict import Failure, Verdict
from loopwright.workbench.bench import Workbench


class AskedBench:
    """A workbench that keeps what it answered. Everything but answers is the workbench's own.

    A first look that was followed by a trial is answered as it was before the trial.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._answers: dict[str, Evaluation] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bench, name)

    @property
    def as_workbench(self) -> Workbench:
        """For the type checker: it can be used wherever a workbench can."""
        return cast(Workbench, self)

    @property
    def answers(self) -> Mapping[str, Evaluation]:
        """What was answered last about each candidate, and each rejected edit, that was asked about."""
        return self._answers

    def in_order(self) -> tuple[Evaluation, ...]:
        """All answers by their numbers; the original has none."""
        return tuple(sorted((e for e in self._answers.values() if e.number), key=lambda e: e.number))

    def evaluate(self, candidate: Candidate, *, timed: bool = True, glance: bool = False) -> Evaluation:
        """As :meth:`Workbench.evaluate`."""
        found = self._bench.evaluate(candidate, timed=timed, glance=glance)
        return self._kept(as_looked_at(found) if glance else found)

    def reject(self, title: str, failure: Failure, *, key: str = "") -> Evaluation:
        """As :meth:`Workbench.reject`."""
        return self._kept(self._bench.reject(title, failure, key=key))

    def _kept(self, evaluation: Evaluation) -> Evaluation:
        self._answers[evaluation.candidate] = evaluation
        return evaluation


def as_looked_at(evaluation: Evaluation) -> Evaluation:
    """What was known after the first look and before the trial; itself when there was no look."""
    if evaluation.glance is None:
        return evaluation
    # Only what passes is timed, so that failures beside a look came with the trial.
    passed = tuple(result for result in evaluation.verdict.results if result.failure is None)
    return replace(evaluation, verdict=Verdict(passed), speedup=None, against_best=None, promoted=False)
