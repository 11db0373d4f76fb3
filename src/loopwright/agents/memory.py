"""Memory across runs: lessons in `.loopwright/lessons.jsonl`, read when a run begins, written when it ends.

Only runs that ask for it (`--memory`) read or write it. What goes in was measured on check and time cases
while the run searched; no size, output or time of a held-out case ever does. A version that was dropped at
the end teaches nothing, and nothing that was made from it does.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopwright.agents.lessons import SCHEMA, Lesson, Source
from loopwright.analysis.classify import classify
from loopwright.core.errors import LoopwrightError
from loopwright.core.run import Evaluation, RunResult
from loopwright.system.store import append_line, read_lines
from loopwright.workbench.bench import Workbench
from loopwright.workbench.loops import loops_of
from loopwright.workbench.records import from_data, to_data

FILE = "lessons.jsonl"
_LOCK = "lessons.lock"
_OFFERED = "lessons"
_MOST_OFFERED = 200


@dataclass(frozen=True)
class Lessons:
    """The lessons of a file, oldest first, and how many of its lines are no lessons."""

    lessons: tuple[Lesson, ...] = ()
    damaged: int = 0


def read_lessons(home: Path) -> Lessons:
    """What is in the file below `home`. Torn, damaged and newer lines are passed over."""
    found: list[Lesson] = []
    damaged = 0
    for line in read_lines(home / FILE):
        lesson = _lesson(line)
        if lesson is None:
            damaged += 1
        else:
            found.append(lesson)
    return Lessons(tuple(found), damaged)


def write_lessons(home: Path, lessons: tuple[Lesson, ...]) -> int:
    """Append those that are not there yet; how many that were. Several runs may do so at once.

    Raises:
        LoopwrightError, OSError: when the file cannot be written.
    """
    with _locked(home):
        there = {(each.run, each.candidate) for each in read_lessons(home).lessons}
        fresh = [each for each in lessons if (each.run, each.candidate) not in there]
        for each in fresh:
            append_line(home / FILE, json.dumps(to_data(each), ensure_ascii=True, allow_nan=False))
        return len(fresh)


def offered(bench: Workbench) -> tuple[Lesson, ...]:
    """The lessons that this run may use: none without `--memory`.

    They are in the journal from then on, so that a resumed run has the same, whatever was learned since.
    """
    if not bench.settings.memory:
        return ()
    for event in bench.journal.events:
        if event.kind == _OFFERED:
            return tuple(from_data(Lesson, data) for data in event.data["lessons"])
    known = read_lessons(bench.directory.home).lessons
    target, own = bench.settings.target.value, bench.directory.id
    fitting = tuple(e for e in known if e.target == target and e.run != own)[-_MOST_OFFERED:]
    bench.journal.write(_OFFERED, lessons=to_data(fitting))
    return fitting


def learn(bench: Workbench, result: RunResult) -> None:
    """Keep what a finished run taught, if it has `--memory`. Doing so twice adds nothing.

    A memory that cannot be written costs the lessons, not the result.
    """
    if not bench.settings.memory:
        return
    try:
        added = write_lessons(bench.directory.home, lessons_of(bench, result))
    except (OSError, LoopwrightError) as error:
        bench.journal.tell("progress", text=f"the lessons of this run are lost: {error}")
        return
    if added:
        bench.journal.tell("progress", text=f"{added} lessons kept: loopwright lessons")


def lessons_of(bench: Workbench, result: RunResult) -> tuple[Lesson, ...]:
    """What the finished run behind `bench` taught: of each edit that was timed by the full rule against the
    very version that it changed, what it brought. Gains count only if the run's winner stood at the end.
    """
    found: list[Lesson] = []
    details: dict[str, dict[str, Any]] = {}
    bad = {event.data["candidate"] for event in bench.journal.events if event.kind == "dropped"}
    best = bench.original.id
    for event in bench.journal.events:
        if event.kind == "evaluating":
            details[event.data["candidate"]] = event.data.get("details") or {}
            parents = event.data.get("parent"), details[event.data["candidate"]].get("crossed_with")
            if bad.intersection(parents):
                bad.add(event.data["candidate"])
        if event.kind != "evaluation":
            continue
        evaluation = from_data(Evaluation, event.data["evaluation"])
        stood = evaluation.candidate not in bad and (result.best is not None or not evaluation.promoted)
        if stood and evaluation.parent == best and evaluation.verdict.passed:
            about = details.get(evaluation.candidate, {})
            found += _taught(bench, evaluation, about, event.at)
        if evaluation.promoted:
            best = evaluation.candidate
    return tuple(found)


def hot_classes(bench: Workbench) -> tuple[str, ...]:
    """The classes of the original's loop nests in which the profile saw time, the hottest first."""
    profile = bench.profile(bench.original)
    shares: dict[str, float] = {}
    for facts in loops_of(bench.task).nests:
        place = facts.nest.root.range
        lines = range(place.line, place.end_line + 1)
        share = (
            sum(h.share for h in profile.lines if h.file == place.file and h.line in lines)
            if profile
            else 1.0
        )
        if share > 0.0:
            kind = classify(facts.nest).value
            shares[kind] = shares.get(kind, 0.0) + share
    return tuple(sorted(shares, key=lambda kind: -shares[kind]))


def _taught(bench: Workbench, evaluation: Evaluation, about: dict[str, Any], at: str) -> Iterator[Lesson]:
    gain = evaluation.against_best
    family = about.get("moves") or about.get("move", "")
    if gain is None or not (family or "stage" in about):
        return
    lesson = Lesson(
        run=bench.directory.id,
        candidate=evaluation.candidate,
        task=bench.task.name,
        machine=bench.machine.machine.key,
        target=bench.settings.target.value,
        toolchain=bench.context.toolchain.name,
        loop_class=about.get("class", "") if family else ", ".join(hot_classes(bench)),
        source=Source.MOVE if family else Source.MODEL,
        what=family or evaluation.title,
        title=evaluation.title,
        estimate=gain.estimate,
        low=gain.low,
        high=gain.high,
        at=at,
    ).tidied
    if lesson.is_sound:
        yield lesson


def _lesson(line: str) -> Lesson | None:
    try:
        data = json.loads(line)
        if data["schema"] > SCHEMA:
            return None
        lesson = from_data(Lesson, data).tidied
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return lesson if lesson.is_sound else None


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One writer at a time, among all processes that share the folder."""
    with (home / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
