"""The built-in optimiser: proved moves under a strategy. No key, no network, no GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from loopwright.agents.agent import Strategy
from loopwright.agents.asked import AskedBench
from loopwright.agents.lessons import Lesson
from loopwright.agents.memory import offered
from loopwright.agents.opening import opening
from loopwright.agents.ranking import hot_lines, ranked, taught_about
from loopwright.agents.strategies.looks import key_of, line_of
from loopwright.analysis.frontend import sources_of
from loopwright.core.candidate import Candidate, Edit
from loopwright.moves.proposals import Proposals, proposals
from loopwright.moves.tile_shape import vector_unit
from loopwright.workbench.bench import Workbench

_MOST_REFUSALS = 100


@dataclass(frozen=True)
class MoveProposer:
    """Asks every move about the hot loop nests of a candidate; proved edits only. `lessons` of earlier runs
    have a say in their order. Threads for all hot loops at once come before any single one.
    """

    lessons: tuple[Lesson, ...] = ()
    _asked: dict[str, tuple[Edit, ...]] = field(default_factory=dict)
    _read: dict[tuple[str, str], tuple[Edit, ...]] = field(default_factory=dict)

    def propose(self, parent: Candidate, bench: Workbench) -> Sequence[Edit]:
        """Edits of `parent`, the most promising first."""
        if parent.id not in self._asked:
            found = self._ask(parent, bench)
            first = opening(found.proposals, parent, lambda edit, other: self.again(edit, other, bench))
            self._asked[parent.id] = (*([first] if first is not None else []), *found.edits)
            bench.journal.write(
                "proposals",
                candidate=parent.id,
                edits=[edit.title for edit in self._asked[parent.id]],
                refusals=[
                    {"file": r.file, "line": r.line, "move": r.family, "reason": r.reason}
                    for r in found.refusals[:_MOST_REFUSALS]
                ],
                unreadable=[u.reason for u in found.unreadable],
                **self._evidence(found, bench),
            )
        return self._asked[parent.id]

    def again(self, edit: Edit, parent: Candidate, bench: Workbench) -> Edit | None:
        """The proposal for `parent` that says what `edit` says, about a loop with the same text."""
        details = edit.details or {}
        if "site" not in details:
            return None
        key = parent.id, details["function"]
        if key not in self._read:
            self._read[key] = self._proposals(parent, bench, {}, frozenset({details["function"]})).edits
        same = [each for each in self._read[key] if key_of(each) == key_of(edit)]
        # Of loops with equal texts the ones further up may be done: lines only move down.
        later = [each for each in same if line_of(each) >= line_of(edit)]
        return min(later or same, key=line_of, default=None)

    def _ask(self, parent: Candidate, bench: Workbench) -> Proposals:
        profile = bench.profile(parent)
        hot = hot_lines(profile) if profile else {}
        found = self._proposals(parent, bench, hot, None)
        machine = bench.machine.machine.key
        return replace(found, proposals=ranked(found.proposals, profile, self.lessons, machine))

    def _evidence(self, found: Proposals, bench: Workbench) -> dict[str, dict[str, list[str]]]:
        """For the journal: which earlier runs had a say, by the title of the edit; nothing where none had."""
        machine = bench.machine.machine.key
        told = {p.edit.title: taught_about(p, self.lessons, machine) for p in found.proposals}
        evidence = {title: [each.evidence for each in lessons] for title, lessons in told.items() if lessons}
        return {"lessons": evidence} if evidence else {}

    def _proposals(
        self,
        parent: Candidate,
        bench: Workbench,
        hot: Mapping[tuple[str, int], float],
        functions: frozenset[str] | None,
    ) -> Proposals:
        task = bench.task
        tree = bench.tree(parent)
        sources = sources_of(tree)
        return proposals(
            tree,
            sources,
            task.language,
            kernel=task.kernel,
            hot=hot,
            threads=bench.context.threads[-1],
            target=bench.settings.target,
            include=task.build.include,
            defines=task.build.defines,
            standard=task.build.standard,
            editable=[path for path in sources if task.is_editable(path)],
            vector=vector_unit(bench.machine.machine),
            libraries=task.build.libs,
            functions=functions,
            timed_on_device=bench.context.on_device is not None,
        )


@dataclass(frozen=True)
class Builtin:
    """The proposer of moves with a strategy."""

    strategy: Strategy
    name: str = "builtin"
    runs_unread_code: bool = False

    def work(self, bench: Workbench) -> None:
        """Search until nothing is left or the budget is spent."""
        self.strategy.search(AskedBench(bench).as_workbench, MoveProposer(offered(bench)))
