"""What dependence analysis proves about the loops of a nest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loopwright.analysis.ir import LoopNest, Unknown


class Answer(StrEnum):
    """A three-valued verdict. Only `PROVED` permits anything."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Dependence:
    """Two accesses of which one must come before the other, carried by a loop.

    `kind` is "flow", "anti" or "output". `distance` is the constant distance per common loop, outermost
    first, None per entry that is not constant. Lines are 1-based.
    """

    array: str
    kind: str
    source_line: int
    sink_line: int
    loop: str
    distance: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class Reduction:
    """`variable` is combined with `op` only. `is_array`: the whole array takes part, as a histogram."""

    variable: str
    op: str
    is_array: bool = False
    exact: bool = True
    """False for floating point, where another order changes the rounding."""


@dataclass(frozen=True)
class LoopFacts:
    """What is known about one loop.

    Attributes:
        parallel: whether its iterations may run in any order and at one time, once `private` objects are
            private and `reductions` are combined.
        private: ids of objects written before they are read in each iteration and not needed afterwards,
            which are declared outside the loop. last_private: those whose last value is needed after it.
        reductions: what must be combined; empty when nothing is.
        carried: dependences that forbid it, empty when parallel is proved. unknowns: why not proved.
    """

    loop: str
    parallel: Answer
    private: tuple[str, ...] = ()
    last_private: tuple[str, ...] = ()
    reductions: tuple[Reduction, ...] = ()
    carried: tuple[Dependence, ...] = ()
    unknowns: tuple[Unknown, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class NestFacts:
    """A nest with the facts about each of its loops, by loop id, and how long the proof took."""

    nest: LoopNest
    loops: Mapping[str, LoopFacts] = field(default_factory=dict)
    seconds: float = 0.0
