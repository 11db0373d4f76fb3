"""First looks share the samples of the incumbent; trials take all of their own."""

from __future__ import annotations

from loopwright.core.timing import Sample
from loopwright.timing.compare import compare
from loopwright.workbench.last_samples import RECENT_S, LastSamples
from loopwright.workbench.policies import baseline_policy, glance_policy, report_policy, trial_policy


class Machine:
    """Programs of one second each, and the order in which they ran."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def program(self, name: str):  # type: ignore[no-untyped-def]
        def sample(case: str) -> Sample:
            self.now += 1.0
            self.ran.append(name)
            return Sample(wall_s=1.0 + len(self.ran) / 100)

        return sample

    def look(self, last: LastSamples, incumbent: str, candidate: str):  # type: ignore[no-untyped-def]
        return compare(
            last.of(incumbent, self.program(incumbent)), self.program(candidate), ["full"],
            glance_policy(1.0), clock=lambda: self.now,
        )  # fmt: skip


def test_a_look_begins_with_the_last_sample_of_the_one_before() -> None:
    machine = Machine()
    last = LastSamples(lambda: machine.now)
    first = machine.look(last, "A", "B")
    second = machine.look(last, "A", "C")
    third = machine.look(last, "A", "D")
    assert "".join(machine.ran) == "ABBACCADDA"
    assert second.rounds[0].a["full"][0] == first.rounds[0].a["full"][1]
    assert third.rounds[0].a["full"][0] == second.rounds[0].a["full"][1]


def test_a_sample_of_another_version_or_an_old_one_is_not_used() -> None:
    machine = Machine()
    last = LastSamples(lambda: machine.now)
    machine.look(last, "A", "B")
    machine.look(last, "B", "C")
    assert "".join(machine.ran) == "ABBABCCB"
    machine.now += RECENT_S + 1
    machine.look(last, "B", "D")
    assert "".join(machine.ran[-4:]) == "BDDB"


def test_a_look_costs_a_fraction_of_the_shortest_trial() -> None:
    for execution_s in (0.01, 1.0, 30.0):
        glance, trial = glance_policy(execution_s), trial_policy(execution_s)
        assert 4 * (glance.max_rounds + glance.warmup) <= trial.min_rounds
        report, full = report_policy(execution_s), baseline_policy(execution_s)
        assert 2 * report.max_rounds <= full.min_rounds
        assert report.warmup == 0
