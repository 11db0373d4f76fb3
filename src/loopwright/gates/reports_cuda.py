"""Reading what the emulation of CUDA prints about a program (our own `report.cpp`)."""

from __future__ import annotations

import re

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding, Place, excerpt, locate

_HEAD = re.compile(r"^loopwright-cuda: (?P<kind>fault|race|divergence|refused): (?P<text>.+)$", re.MULTILINE)
_PLACE = re.compile(r"^  place \d+:\n", re.MULTILINE)
_FRAME = re.compile(r"^    #\d+ .*?(?P<path>[^\s():]+):(?P<line>\d+)(?: \(.*)?$", re.MULTILINE)
_OUTSIDE = re.compile(r"past the end|before \d|bytes before|across the end")

DIVERGENCE = "barrier divergence"
OUTSIDE = "out of bounds"


def cuda_findings(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """Every finding in `report`. What the emulation could not run is one with a doubt: no fault, and no pass.

    Of a fault the innermost line of the task has a part in it, of a race both accesses, of a divergence every
    barrier that threads wait at.
    """
    found: list[Finding] = []
    for block in report.split("==================\n"):
        head = _HEAD.search(block)
        if head is None:
            continue
        kind, text = head["kind"], head["text"]
        places = [_first(part, tree) for part in _PLACE.split(block)[1:]]
        known = [place for place in places if place is not None]
        if kind == "race":
            known = [place for place in places[:2] if place is not None]
        elif kind in ("fault", "refused"):
            known = known[:1]
        what = text
        if kind == "divergence":
            what = f"{DIVERGENCE}: {text}"
        elif kind == "fault" and _OUTSIDE.search(text):
            what = f"{OUTSIDE}: {text}"
        doubt = "not available without a device" if kind == "refused" else ""
        found.append(Finding(what, tuple(known), excerpt=excerpt(block, directory), doubt=doubt))
    return tuple(found)


def mode_of(finding: Finding) -> FailureMode:
    """The failure mode of a candidate with this finding."""
    if finding.what.startswith("data race"):
        return FailureMode.DATA_RACE
    if finding.what.startswith(DIVERGENCE):
        return FailureMode.BARRIER_DIVERGENCE
    if finding.what.startswith(OUTSIDE):
        return FailureMode.OUT_OF_BOUNDS
    return FailureMode.MEMORY_ERROR


def _first(part: str, tree: Tree) -> Place | None:
    for frame in _FRAME.finditer(part):
        if (place := locate(frame["path"], frame["line"], tree)) is not None:
            return place
    return None
