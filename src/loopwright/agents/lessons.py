"""Lessons: what an edit brought for a class of loops on a machine, and which run shows it. Pure.

A lesson orders and suggests; nothing is ever believed because of one. Every candidate that it leads to goes
through the same gates and the same clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

SCHEMA = 1
MOST_IN_A_PROMPT = 10
_LONGEST = 160
_WEIGHT_OF_THE_GUESS = 2.0
"""How many observations the move's own guess counts for."""
_MOST_OBSERVATIONS = 8
_MOST_GAIN = 20.0


class Source(StrEnum):
    """Who had the idea."""

    MOVE = "move"
    MODEL = "model"


@dataclass(frozen=True)
class Lesson:
    """One edit that was timed by the full rule against the version that it was made from.

    Attributes:
        run, candidate: the evidence. task: its name.
        machine: key of the machine. target, toolchain: what was built, and with what.
        loop_class: as in :class:`loopwright.analysis.classify.NestClass`, several with commas; empty when
            it is not known.
        source: a proved move or a model's edit. what: the family of the move, or the edit's title.
        title: the edit in one line.
        estimate, low, high: the speedup that the edit brought, as a ratio with its 95 % interval.
    """

    run: str
    candidate: str
    task: str
    machine: str
    target: str
    toolchain: str
    loop_class: str
    source: Source
    what: str
    title: str
    estimate: float
    low: float
    high: float
    at: str = ""
    schema: int = SCHEMA

    @property
    def is_sound(self) -> bool:
        """Whether it can be a lesson at all: a damaged file may hold anything."""
        numbers = self.low, self.estimate, self.high
        return all(math.isfinite(n) and n > 0 for n in numbers) and self.low <= self.estimate <= self.high

    @property
    def worked(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.low > 1.0

    @property
    def tidied(self) -> Lesson:
        """With texts on one line and not too long: they go into prompts and on terminals."""
        return replace(self, what=_line(self.what), title=_line(self.title), task=_line(self.task),
                       loop_class=_line(self.loop_class), machine=_line(self.machine),
                       run=_line(self.run), candidate=_line(self.candidate))  # fmt: skip

    def __str__(self) -> str:
        of = f" on {self.loop_class} loops" if self.loop_class else ""
        outcome = "gained" if self.worked else "brought nothing"
        return (
            f"{self.title}{of} {outcome}: {self.estimate:.3g}x ({self.low:.3g} to {self.high:.3g}), "
            f"{self.target}, {self.toolchain} on {self.machine} [{self.evidence}, task {self.task}]"
        )

    @property
    def evidence(self) -> str:
        """Run and candidate."""
        return f"run {self.run} candidate {self.candidate}"


def lessons_text(lessons: Iterable[Lesson], machine: str, classes: Sequence[str]) -> str:
    """The lessons that a prompt has room for, one a line: same machine and loop class first, then by gain."""

    def order(lesson: Lesson) -> tuple[bool, bool, float]:
        known = set(lesson.loop_class.split(", ")) & set(classes)
        return lesson.machine != machine, not known, -lesson.estimate

    return "\n".join(f"- {lesson}" for lesson in sorted(lessons, key=order)[:MOST_IN_A_PROMPT])


def about(lessons: Iterable[Lesson], machine: str, family: str, loop_class: str) -> tuple[Lesson, ...]:
    """The lessons of this machine about one family of moves and one class of loops."""
    return tuple(
        lesson
        for lesson in lessons
        if (lesson.source, lesson.machine, lesson.what, lesson.loop_class)
        == (Source.MOVE, machine, family, loop_class)
    )


def informed(gain: float, lessons: Sequence[Lesson]) -> float:
    """The guess `gain` drawn towards what lessons saw: a mean of logarithms, the guess counting for two.

    That is the posterior mean of a normal with known variance (Gelman et al., Bayesian Data Analysis, 2.5).
    """
    seen = [math.log(min(max(lesson.estimate, 1 / _MOST_GAIN), _MOST_GAIN)) for lesson in lessons]
    if not seen or gain <= 0:
        return gain
    weight = min(len(seen), _MOST_OBSERVATIONS)
    drawn = _WEIGHT_OF_THE_GUESS * math.log(gain) + weight * sum(seen) / len(seen)
    return math.exp(drawn / (_WEIGHT_OF_THE_GUESS + weight))


def _line(text: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:_LONGEST]
