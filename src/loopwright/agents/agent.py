"""The Protocols of those who work at a workbench."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from loopwright.core.candidate import Candidate, Edit
from loopwright.core.verdict import Failure
from loopwright.workbench.bench import Workbench


class Proposer(Protocol):
    """Proposes edits for a parent, given what the workbench knows.

    Contract: `propose` gives edits of `parent`, the most promising first, each at most once for the same
    parent, and nothing when nothing is left. They may be made one by one, each after the evaluation of
    the one before is known (a model that repairs what failed); a strategy that needs several at once takes
    as many as it wants. It measures nothing itself. Given the same parent and the same evaluations it gives
    the same edits: that is what makes a run resumable.
    """

    def propose(self, parent: Candidate, bench: Workbench) -> Iterable[Edit]:
        """Edits of `parent`."""
        ...


@runtime_checkable
class Repeater(Protocol):
    """A proposer whose edits are cheap guesses that can be made anew on another parent.

    Contract: `again` measures nothing, and gives the same answer for the same arguments. A strategy may look
    at several edits of one parent first, and put those together that are good.
    """

    def again(self, edit: Edit, parent: Candidate, bench: Workbench) -> Edit | None:
        """What does to `parent` what `edit` did to the candidate it was proposed for; None: not possible."""
        ...


@runtime_checkable
class Crosser(Protocol):
    """A proposer that can make one child of two candidates.

    Contract: as for `propose`: what is given are edits of `first`, made one by one; when one fails, the next
    may be its repair, and nothing more comes when it passed.
    """

    def cross(self, first: Candidate, second: Candidate, bench: Workbench) -> Iterable[Edit]:
        """Edits of `first` that take over what is good in `second`."""
        ...


@runtime_checkable
class Team(Protocol):
    """A proposer that plays several parts: profile reader, planner, writer, tester.

    Contract: nothing is measured but profiles. The same arguments after the same answers of the workbench
    give the same result, as for `propose`.
    """

    def diagnose(self, parent: Candidate, bench: Workbench) -> str:
        """The profile reader: what limits `parent`, in words; empty when nothing could be had."""
        ...

    def plan(self, parent: Candidate, diagnosis: str, bench: Workbench) -> Sequence[str]:
        """The planner: steps to try on `parent`, the most promising first; none: nothing is worth it."""
        ...

    def write(
        self, parent: Candidate, shown: Candidate, step: str, advice: str, bench: Workbench
    ) -> Edit | None:
        """The writer: `step` as an edit of `parent`, written from the files of `shown` (`parent`, or a
        version of the step that the tester spoke against in `advice`); None: it cannot be had.
        """
        ...

    def review(self, parent: Candidate, edit: Edit, step: str, bench: Workbench) -> str:
        """The tester, before an evaluation is spent: objections; empty when there are none."""
        ...

    def explain(self, failed: Candidate, step: str, failure: Failure, bench: Workbench) -> str:
        """The tester, after a gate failed: why, and what to do; empty when nothing could be had."""
        ...


class Strategy(Protocol):
    """Decides which parent to extend, and which edits to evaluate.

    Contract: `search` returns when nothing is left to try, or lets BudgetSpent through from the workbench.
    """

    @property
    def name(self) -> str:
        """As on the command line: `refine`, `best-of-n`."""
        ...

    def search(self, bench: Workbench, proposer: Proposer) -> None:
        """Spend the budget of `bench` on edits of `proposer`."""
        ...


class Agent(Protocol):
    """Whatever works at a workbench: a proposer with a strategy, or an outside program.

    Contract: `work` evaluates candidates at `bench` and returns when it is done. It may let BudgetSpent
    through. Everything it learned about a candidate comes from the workbench, and it may be called again
    on a resumed run: evaluations that were made before are answered from the journal.
    """

    @property
    def name(self) -> str:
        """As in `--agent`: `builtin`, `cmd:./improve.sh`."""
        ...

    @property
    def runs_unread_code(self) -> bool:
        """Whether candidates hold code that nobody has read: then a sandbox is required."""
        ...

    def work(self, bench: Workbench) -> None:
        """Improve the task."""
        ...
