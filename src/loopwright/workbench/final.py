"""The end of a run: held-out cases, the final gates and the last timing, once, never fed back."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence

from loopwright.core.candidate import Candidate
from loopwright.core.errors import TaskError
from loopwright.core.modes import FailureMode
from loopwright.core.run import Best, Evaluation, RunResult, RunStatus
from loopwright.core.task import Case, Use
from loopwright.core.timing import Comparison, Speedup
from loopwright.core.tree import unified_patch
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.gates.chain import run_gates
from loopwright.gates.gate import Context, Stage, Subject
from loopwright.harness.types import BuildResult
from loopwright.system.load import disturbs
from loopwright.system.machine import usable_cpus
from loopwright.system.store import write_atomically
from loopwright.tasks.held_out import held_out_lines
from loopwright.timing.compare import SampleFailed
from loopwright.timing.policy import Policy
from loopwright.timing.promotion import is_promoted
from loopwright.workbench.baseline import alone_s, median_wall_s
from loopwright.workbench.bench import Workbench
from loopwright.workbench.fresh_calls import ALWAYS
from loopwright.workbench.held_out import (
    GATE,
    HeldOutCases,
    choose,
    elsewhere,
    elsewhere_words,
    held_out_outputs,
    run_originals,
)
from loopwright.workbench.policies import final_policy, held_out_policy
from loopwright.workbench.records import from_data, to_data
from loopwright.workbench.sampling import sampler
from loopwright.workbench.spending import spending
from loopwright.workbench.trials import judged_trial

_RUNNERS_UP = 2
_SHORTEST_PROGRAM_S = 0.01
"""Below this a program's time is mostly that of starting a process."""
_SHORTEST_CALL_S = 0.0005
_COMPARABLE = 0.1
"""Of the time of the timed case: below that a case says little about what is gained."""
_ALONE = 5
"""Executions of a program that there is nothing to compare with."""
_TELLING = ("parallel-for", "offload")
"""Moves whose refusals are told when there is no other result."""
_CHOSEN = "held-out"
_LIKELY = 1.1
"""Without a winner, a version that looked this much faster is timed at the end as one: neither a disturbed
round nor a budget that ended before its trial shall cost it. What it is then said to be is that timing's."""
_SLOW = frozenset({FailureMode.TIME_LIMIT, FailureMode.CPU_LIMIT})
"""What happens to a version that is right and many times slower, for all that is known."""


def finish(bench: Workbench) -> RunResult:
    """Judge the best candidate for the last time and write the result and `best.patch`.

    When the winner fails, up to two runners-up are tried. A run that was finished before gives the same
    result again.
    """
    for event in bench.journal.events:
        if event.kind == "result":
            return from_data(RunResult, event.data["result"])
    best: Best | None = None
    dropped: list[tuple[str, Failure]] = []
    for evaluation in _finalists(bench):
        candidate = bench.candidate(evaluation.candidate)
        best, failure = _judge(bench, candidate)
        if failure is not None:
            dropped.append((candidate.id, failure))
        if best is not None or failure is None:
            break
    result = _result(bench, best, dropped)
    if best is not None:
        bench.lineage.set_best(best.candidate)
        patch = unified_patch(bench.task.tree, bench.tree(bench.candidate(best.candidate)))
    else:
        bench.lineage.set_best(bench.original.id)
        patch = ""
    write_atomically(bench.directory.path / "best.patch", patch.encode("utf-8", "surrogateescape"))
    bench.journal.write("result", result=to_data(result))
    return result


def _finalists(bench: Workbench) -> list[Evaluation]:
    """The candidates that were promoted, the best (the last promoted) first, at most three; without any, the
    one that looked best, if it looked good.
    """
    promoted = [e for e in bench.evaluations if e.promoted]
    if not promoted and not bench.untimed:
        likely = [
            (seen, e)
            for e in bench.evaluations
            if (seen := _seen(e)) > max(_LIKELY, bench.machine.noise.ratio)
        ]
        return [e for _, e in sorted(likely, key=lambda item: (item[0], item[1].number))[-1:]]
    # Without times the later one goes on from the earlier.
    promoted.sort(key=lambda e: (e.speedup.estimate if e.speedup else 0.0, e.number), reverse=True)
    current = [e for e in promoted if e.candidate == bench.best.id]
    others = [e for e in promoted if e.candidate != bench.best.id]
    return [*current, *others][: 1 + _RUNNERS_UP]


def _seen(evaluation: Evaluation) -> float:
    """The speedup that a right candidate showed, in its trial or else at first glance; 0 for none."""
    known = evaluation.speedup or evaluation.glance
    return known.estimate if known is not None and evaluation.verdict.passed else 0.0


def _judge(bench: Workbench, candidate: Candidate) -> tuple[Best | None, Failure | None]:
    """(the winner with its final figures, None) or (None, why not); (None, None): right, but not faster."""
    bench.journal.tell("progress", text=f"judging {candidate.id} for the last time")
    tree = bench.tree(candidate)
    # Every gate again, from a fresh build: what is handed over is what was judged.
    bench.context.discard(tree)
    verdict, subject = run_gates(bench.gates, Stage.EVERY, Subject(tree), bench.context)
    if verdict.failure is not None:
        return None, _told(bench, candidate, verdict)
    held_out = _held_out_cases(bench)
    final, subject = run_gates(bench.gates, Stage.FINAL, subject, held_out.to_look_at(bench.context))
    verdict = verdict.extended(*final.results)
    if verdict.failure is not None:
        return None, _told(bench, candidate, verdict)
    assert subject.build is not None
    unseen = held_out_outputs(bench.context, subject.build, held_out)
    verdict = verdict.extended(unseen)
    if unseen.failure is not None:
        return None, _told(bench, candidate, verdict)
    if bench.untimed:
        bench.journal.write("final", candidate=candidate.id, verdict=to_data(verdict),
                            comparison=None, held_out=None)  # fmt: skip
        return Best(
            candidate=candidate.id,
            title=bench.history(candidate),
            verified=verdict.verified,
            speedup=None,
            gates=verdict.by_gate,
            wall_s=_alone_s(bench, subject.build),
        ), None
    build = bench.context.timed_build(tree)
    if build.failure is not None:
        return None, _told(bench, candidate, verdict.extended(GateResult.failed(build.failure)))
    timed, floors = _timed(
        bench, bench.context, build, bench.task.cases_for(Use.TIME), final_policy(bench.execution_s())
    )
    verdict = verdict.extended(floors)
    if timed is None or floors.failure is not None:
        return None, _told(bench, candidate, verdict, timed)
    there, floors_there = _held_out_speedup(bench, build, held_out)
    if floors_there is not None and floors_there.failure is not None:
        return None, _told(bench, candidate, verdict.extended(floors_there), timed)
    bench.journal.write("final", candidate=candidate.id, verdict=to_data(verdict),
                        comparison=to_data(timed), held_out=to_data(there))  # fmt: skip
    if not is_promoted(timed.speedup, bench.machine.noise):
        return None, None
    return (
        Best(
            candidate=candidate.id,
            title=bench.history(candidate),
            verified=verdict.verified,
            speedup=timed.speedup,
            gates=verdict.by_gate,
            wall_s=median_wall_s(timed, "b"),
            original_wall_s=median_wall_s(timed, "a"),
            held_out_speedup=there,
            elsewhere=elsewhere(timed.speedup, there, _comparable(bench, held_out), bench.machine.noise),
            floors=timed.floors,
        ),
        None,
    )


def _alone_s(bench: Workbench, build: BuildResult) -> float | None:
    """Seconds of a program for processors whose original is not one; None for a program for a device."""
    if not bench.translates:
        return None
    bench.journal.tell("progress", text="timing the translation by itself")
    sample = sampler(bench.context, build, bench.repetitions)
    names = [case.name for case in bench.task.cases_for(Use.TIME)]
    try:
        return alone_s(sample, names, _ALONE)
    except SampleFailed:
        return None


def _told(
    bench: Workbench, candidate: Candidate, verdict: Verdict, timed: Comparison | None = None
) -> Failure:
    failure = verdict.failure
    assert failure is not None
    bench.journal.write("dropped", candidate=candidate.id, failure=to_data(failure),
                        verdict=to_data(verdict), comparison=to_data(timed))  # fmt: skip
    return failure


def _held_out_cases(bench: Workbench) -> HeldOutCases:
    """The held-out cases of the run: drawn here for the first time, once for all finalists; the secret that
    chose them is in the journal from now on, so that a resumed run has the same.
    """
    chosen = [e for e in bench.journal.events if e.kind == _CHOSEN]
    if chosen:
        cases = tuple(from_data(Case, data) for data in chosen[0].data["cases"])
    else:
        secret = secrets.token_hex(16)
        cases = choose(bench.task, secret)
        bench.journal.write(_CHOSEN, secret=secret, cases=to_data(cases))
    return run_originals(bench.context, cases, bench.expected, bench.add_measured)


def _comparable(bench: Workbench, held_out: HeldOutCases) -> frozenset[str]:
    """Names of the held-out cases that take about as long as the timed ones."""
    least_s = _COMPARABLE * min(bench.measured(case).wall_s for case in bench.task.cases_for(Use.TIME))
    return frozenset(c.name for c in held_out.cases if bench.measured(c).wall_s >= least_s)


def _timed(
    bench: Workbench, context: Context, build: BuildResult, cases: Sequence[Case], policy: Policy
) -> tuple[Comparison | None, GateResult]:
    original = context.timed_build(bench.task.tree)
    if original.failure is not None:
        raise TaskError(original.failure.message, where=bench.task.name)
    return judged_trial(
        context,
        original,
        build,
        labels=("original", "best"),
        cases=cases,
        policy=policy,
        repetitions=bench.repetitions,
        on_round=lambda s: bench.journal.tell("round", estimate=s.estimate, rounds=s.rounds),
        compared=(None, ALWAYS),
    )


def _held_out_speedup(
    bench: Workbench, build: BuildResult, held_out: HeldOutCases
) -> tuple[Speedup | None, GateResult | None]:
    """The speedup at sizes that nobody tuned for, as far as they are long enough to be timed."""
    shortest_s = _SHORTEST_CALL_S if bench.task.kernel else _SHORTEST_PROGRAM_S
    cases = [case for case in held_out.cases if bench.measured(case).wall_s >= shortest_s]
    if not cases:
        return None, None
    policy = held_out_policy(sum(bench.measured(case).outer_s for case in cases))
    comparison, result = _timed(bench, held_out.seen_by(bench.context), build, cases, policy)
    return comparison.speedup if comparison else None, result


def _why_nothing(bench: Workbench) -> str:
    if bench.remaining_s == 0.0:
        limit_s = bench.settings.budget.wall_s
        return f"the budget of {limit_s:g} s ended before anything was tried: give it more with --budget"
    told = (e.data for e in bench.journal.events if e.kind == "proposals")
    refusals = [r for data in told if data["candidate"] == bench.original.id for r in data["refusals"]]
    if not refusals:
        return "nothing was proposed"
    # What keeps a loop from threads or a device says most; other moves often need the same.
    first = next((r for r in refusals if r["move"] in _TELLING), refusals[0])
    return f"nothing was proposed: {first['move']} at {first['file']}:{first['line']}: {first['reason']}"


def _result(bench: Workbench, best: Best | None, dropped: list[tuple[str, Failure]]) -> RunResult:
    failures = Counter(str(e.verdict.failure.mode) for e in bench.evaluations if e.verdict.failure)
    failures.update(str(failure.mode) for _, failure in dropped)
    evaluations = bench.evaluations
    warnings: list[str] = []
    if best is not None:
        status, reason = RunStatus.TRANSLATED if bench.untimed else RunStatus.IMPROVED, best.title
    elif any(e.verdict.passed for e in evaluations) or not evaluations:
        status = RunStatus.NO_GAIN
        reason = "no candidate was faster beyond doubt" if evaluations else _why_nothing(bench)
        if dropped:
            what = "what was translated" if bench.untimed else "what was faster"
            reason = f"{what} failed at the end: {dropped[0][1].message}"
    elif failures.keys() <= _SLOW:
        status = RunStatus.NO_GAIN
        reason = "no candidate was faster: all were so slow that they ran into a time limit"
    else:
        status, reason = RunStatus.FAILED, "no candidate passed the gates"
    if best is not None and best.speedup is not None and best.held_out_speedup is not None:
        if gone := elsewhere_words(best.elsewhere, best.speedup, best.held_out_speedup):
            warnings.append(gone)
        elif slower := [f"{n} ({r:.2f}x)" for n, r in best.held_out_speedup.by_case.items() if r < 1]:
            warnings.append(f"slower at held-out sizes: {', '.join(slower)}")
    if best is not None and best.gates.get(GATE) != GateStatus.PASS:
        warnings.append(
            "no held-out sizes: nothing was checked at a size that the run did not see; say in "
            f"loopwright.toml what sizes there are, as in\n{held_out_lines(bench.task)}"
        )
    if not bench.task.cases_for(Use.CHECK):
        warnings.append("no check case: outputs were compared on the timed case alone")
    if disturbs(others := bench.others.processors()):
        warnings.append(
            f"the machine was busy: other processes used {others:.1f} of {len(usable_cpus())} processors; "
            "times are noisy and parallel code looks slower than it is; repeat on an idle machine"
        )
    if not bench.context.cases.runner.isolates:
        warnings.append("run without a sandbox (--sandbox none): candidates could reach the machine")
    return RunResult(
        run=bench.directory.id,
        task=bench.task.name,
        target=bench.settings.target.value,
        agent=bench.settings.agent,
        status=status,
        baseline=bench.baseline,
        best=best,
        evaluations=len(evaluations),
        failures=dict(sorted(failures.items())),
        elapsed_s=round(bench.journal.run_s, 3),
        used_by_others=round(others, 2),
        spending=spending(bench.journal.events),
        directory=str(bench.directory.path),
        reason=reason,
        warnings=tuple(warnings),
    )
