"""Run directories made by hand, of every kind that a report has to show, and a reader of its pages.

The journals are written by the real journal with the real record types; only the measurements are made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

from loopwright.core.candidate import Candidate, Edit
from loopwright.core.machine import Floors, Machine, Noise
from loopwright.core.modes import FailureMode
from loopwright.core.profile import HotLine, Profile, Remark
from loopwright.core.run import Baseline, Best, Evaluation, RunResult, RunStatus
from loopwright.core.task import Build, Case, Task, Use, Work
from loopwright.core.timing import Comparison, Floor, Round, Sample, Speedup
from loopwright.core.tree import Tree, unified_patch
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict
from loopwright.workbench.journal import Journal
from loopwright.workbench.machine_file import MachineFacts
from loopwright.workbench.records import to_data
from loopwright.workbench.rundir import RunDirectory, create_run
from loopwright.workbench.settings import Settings

SOURCE = b"void f(int n, double *x)\n{\n    for (int i = 0; i < n; i++)\n        x[i] *= 2;\n}\n"
FASTER = SOURCE.replace(b"    for", b"#pragma omp parallel for\n    for")
FASTEST = SOURCE.replace(b"    for", b"#pragma omp parallel for simd\n    for")
TASK = Task(
    name="scale",
    summary="doubling an array",
    tree=Tree({"scale.c": SOURCE, "main.c": b"int main(void) { return 0; }\n"}),
    editable=("scale.c",),
    build=Build(sources=("scale.c", "main.c")),
    cases=(
        Case("tiny", params={"n": 3}),
        Case("full", Use.TIME, params={"n": 1000000}),
        Case("held", Use.HELD_OUT, params={"n": 999983}),
    ),
    work=Work(bytes="16 * n", flops="n"),
)
MACHINE = MachineFacts(
    Machine("Test CPU", "x86_64", 2, 1 << 34, os="Debian 12", kernel="6.1"),
    Floors({1: 1e10, 2: 2e10}, {1: 3e10, 2: 6e10}, {1: 6e10, 2: 1.2e11}),
    Noise(1.02, 12),
)
BASELINE = Baseline(
    "native", 0.2, {"own": 0.25, "native": 0.2, "auto_parallel": 0.21}, flags=("-O3", "-march=native")
)
PROFILE = Profile(
    "perf", "full", 500, (HotLine("scale.c", 4, 0.9, "f"),),
    remarks=(Remark("scale.c", 3, 5, False, "loop-vectorize", "loop not vectorized: unsafe"),),
)  # fmt: skip
PASSED = tuple(GateResult(gate, GateStatus.PASS) for gate in ("integrity", "build", "outputs"))
NO_CLANG = GateResult(
    "races", GateStatus.NOT_AVAILABLE, reason="no clang with Archer: apt-get install clang-19"
)
SPEEDUP = Speedup(1.9, 1.85, 1.95, 12, by_case={"full": 1.9})


def failed(mode: FailureMode, message: str, **evidence: str) -> Verdict:
    failure = Failure(mode, "outputs", message, evidence)
    return Verdict((*PASSED[:2], GateResult("outputs", GateStatus.FAIL, failure=failure)))


def comparison(task: Task = TASK, rounds: int = 4) -> Comparison:
    names = [case.name for case in task.cases_for(Use.TIME)]
    each = Round(
        {name: (Sample(0.2), Sample(0.21)) for name in names},
        {name: (Sample(0.1), Sample(0.11)) for name in names},
    )
    return Comparison("original", "best", (each,) * rounds, SPEEDUP)


@dataclass
class Story:
    """What happened in a run, in the order in which it is written down."""

    task: Task = TASK
    settings: Settings = field(default_factory=Settings)
    machine: MachineFacts | None = MACHINE
    baseline: Baseline | None = BASELINE
    profile: Profile | None = PROFILE
    refusals: Sequence[dict[str, object]] = ()
    unreadable: Sequence[str] = ()
    evaluations: list[tuple[Candidate, Evaluation]] = field(default_factory=list)
    calls: Sequence[tuple[str, dict[str, object]]] = ()
    """Kind and data of the events about calls of language models."""
    spent: str = ""
    dropped: tuple[Candidate, Failure] | None = None
    final: Verdict | None = None
    result: RunResult | None = None

    @property
    def original(self) -> Candidate:
        return Candidate(self.task.editable_files)

    def tried(
        self, parent: Candidate, content: bytes, title: str, verdict: Verdict, speedup: Speedup | None = None,
        *, promoted: bool = False, proof: str = "",
    ) -> Candidate:  # fmt: skip
        """A further evaluation, of `parent` with the first editable file replaced."""
        path = next(iter(parent.files))
        made = parent.edited(Edit({path: content}, title, proof))
        number = len(self.evaluations) + 1
        evaluation = Evaluation(
            made.id, parent.id, title, verdict, speedup, promoted=promoted, number=number, wall_s=0.1
        )
        self.evaluations.append((made, evaluation))
        return made

    def ended(self, status: RunStatus, reason: str, best: Best | None = None, **more: object) -> None:
        assert self.baseline is not None
        result = RunResult(
            run="", task=self.task.name, target="openmp", agent=self.settings.agent, status=status,
            baseline=self.baseline, best=best, evaluations=len(self.evaluations), failures={},
            elapsed_s=33.0, reason=reason,
        )  # fmt: skip
        self.result = replace(result, **more)  # type: ignore[arg-type]

    def write(self, home: Path) -> RunDirectory:
        """The run directory of this story below `home`."""
        directory = create_run(home, self.task, self.settings, {"version": "0.1.0", "origin": str(home)})
        journal = Journal(directory.journal)
        journal.write("started", run=directory.id)
        if self.machine is not None:
            journal.write("machine", facts=to_data(self.machine))
        if self.baseline is not None:
            journal.write("baseline", baseline=to_data(self.baseline), comparisons=[], toolchain="gcc-12")
        if self.profile is not None:
            journal.write("profile", candidate=self.original.id, profile=to_data(self.profile))
        if self.baseline is not None:
            journal.write("proposals", candidate=self.original.id, edits=[], refusals=list(self.refusals),
                          unreadable=list(self.unreadable))  # fmt: skip
        for candidate, evaluation in self.evaluations:
            kept = {p: c for p, c in self.task.tree.items() if not self.task.is_editable(p)}
            directory.lineage.add(candidate, Tree({**kept, **candidate.files}))
            journal.write("evaluating", candidate=candidate.id, proof=candidate.proof)
            journal.write("evaluation", evaluation=to_data(evaluation), comparison=None)
        for kind, data in self.calls:
            journal.write(kind, **data)
        if self.spent:
            journal.write("budget-spent", reason=self.spent)
        if self.dropped is not None:
            journal.write("dropped", candidate=self.dropped[0].id, failure=to_data(self.dropped[1]))
        if self.final is not None and self.result is not None and self.result.best is not None:
            journal.write("final", candidate=self.result.best.candidate, verdict=to_data(self.final),
                          comparison=to_data(comparison(self.task)), held_out=None)  # fmt: skip
        if self.result is not None:
            result = replace(self.result, run=directory.id, directory=str(directory.path))
            journal.write("result", result=to_data(result))
            self.result = result
        journal.close()
        return directory


def best_of(candidate: Candidate, verdict: Verdict, **more: object) -> Best:
    best = Best(
        candidate.id, candidate.title, verdict.verified, SPEEDUP, verdict.by_gate, wall_s=0.105,
        original_wall_s=0.205, held_out_speedup=Speedup(1.8, 1.7, 1.9, 9),
        floors={"full": Floor(0.0008, "1.6e+07 byte stated")},
    )  # fmt: skip
    return replace(best, **more)  # type: ignore[arg-type]


def improved(task: Task = TASK) -> Story:
    """Two steps to the best, one failure on the way, races not checked."""
    story = Story(
        task, refusals=[{"file": "scale.c", "line": 3, "move": "interchange", "reason": "one loop only"}]
    )
    first = story.tried(
        story.original, FASTER, "parallel for over i", Verdict(PASSED), Speedup(1.7, 1.6, 1.8, 6),
        promoted=True, proof="x is written at i alone.",
    )  # fmt: skip
    wrong = failed(FailureMode.BUILD_ERROR, "does not build", errors="scale.c:1:1: error: oops")
    story.tried(story.original, b"oops", "a broken edit", wrong)
    best = story.tried(
        first,
        FASTEST,
        "simd over i",
        Verdict(PASSED),
        SPEEDUP,
        promoted=True,
        proof="no dependence is carried.",
    )
    story.final = Verdict((*PASSED, NO_CLANG))
    story.ended(RunStatus.IMPROVED, "simd over i", best_of(best, story.final),
                failures={"build_error": 1}, used_by_others=0.12)  # fmt: skip
    return story


def no_gain() -> Story:
    story = Story(spent="30 s spent")
    story.tried(story.original, FASTER, "parallel for over i", Verdict(PASSED), Speedup(1.0, 0.9, 1.1, 6))
    story.ended(RunStatus.NO_GAIN, "no candidate was faster beyond doubt", warnings=("the machine was busy",))
    return story


def failed_run() -> Story:
    story = Story()
    story.tried(
        story.original, b"oops", "a broken edit", failed(FailureMode.WRONG_OUTPUT, "x[3] is 1, not 2")
    )
    story.ended(RunStatus.FAILED, "no candidate passed the gates", failures={"wrong_output": 1})
    return story


def dropped_at_the_end() -> Story:
    story = Story(profile=None)
    made = story.tried(story.original, FASTER, "parallel for", Verdict(PASSED), SPEEDUP, promoted=True)
    failure = Failure(FailureMode.DATA_RACE, "races", "scale.c:4: two threads write x")
    story.dropped = (made, failure)
    story.ended(RunStatus.NO_GAIN, "what was faster failed at the end: scale.c:4: two threads write x")
    return story


def interrupted() -> Story:
    story = Story()
    story.tried(story.original, FASTER, "parallel for over i", Verdict(PASSED), SPEEDUP, promoted=True)
    return story


def without_baseline() -> Story:
    return Story(machine=None, baseline=None, profile=None)


STORIES = {
    "improved": improved,
    "no-gain": no_gain,
    "failed": failed_run,
    "dropped": dropped_at_the_end,
    "interrupted": interrupted,
    "without-baseline": without_baseline,
}


def patch_of(story: Story) -> str:
    best = story.evaluations[-1][0]
    return unified_patch(story.task.tree, story.task.tree.replaced(best.files))


_VOID = {"meta", "br", "img", "link", "input", "hr", "source", "base", "embed"}


class Page(HTMLParser):
    """A page taken apart: tags with attributes in order, text as a whole and by the id it stands under."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.by_id: dict[str, str] = {}
        self.headings: list[str] = []
        self.problems: list[str] = []
        self.pieces: list[str] = []
        self.styles: list[str] = []
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag, _ in self._open]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in _VOID:
            self._open.append((tag, found.get("id")))
        if found.get("id"):
            self.by_id.setdefault(str(found["id"]), "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.problems.append(f"</{tag}> closes {self._open[-1:] or 'nothing'} in line {self.getpos()[0]}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _ in self._open]
        if "style" in inside:
            self.styles.append(data)
            return
        self.pieces.append(data)
        if inside and inside[-1] == "h2":
            self.headings.append(data)
        for _, name in self._open:
            if name:
                self.by_id[name] += data

    def words(self, name: str) -> str:
        """The text under an id, with single spaces."""
        return " ".join(self.by_id[name].split())
