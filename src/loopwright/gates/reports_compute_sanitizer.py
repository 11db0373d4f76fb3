"""Reading what NVIDIA's compute-sanitizer prints: its tools memcheck and racecheck.

Read against outputs that others recorded from 2023 to 2026 (tests/gates/fixtures/compute-sanitizer-*). A
place is `kernel(int *)+0x70 in file.cu:6` in newer versions and `0x70 in file.cu:6:kernel(int *)` in older
ones; without line tables there is no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding, Place, excerpt, locate

_PREFIX = "========="
_NEW_PLACE = re.compile(r"\+0x[0-9a-f]+ in (?P<path>.+?):(?P<line>\d+)(?= \[|$)")
_OLD_PLACE = re.compile(r"\bat 0x[0-9a-f]+ in (?P<path>[^\s:]+):(?P<line>\d+):")
_FAULT = re.compile(r"Invalid __|Potential invalid |Malloc/Free error|Fatal UVM |Program hit ")
_WHY = re.compile(r"\bis (out of bounds|misaligned)$")
_RACE = re.compile(r"(?P<level>\w+): Race reported between (?P<first>\w+) access ")
_ALSO = re.compile(r"\s+and (?P<kind>\w+) access ")
_ERRORS = re.compile(r"ERROR SUMMARY: (?P<count>\d+) errors?$")
_HAZARDS = re.compile(r"RACECHECK SUMMARY: \d+ hazards? displayed \((?P<count>\d+) errors?, (?P<warned>\d+) ")
_TROUBLE = re.compile(r"Error: (?!Race reported |process didn't )|Internal ")
_INTENDED = "racecheck calls it a warning: threads of one warp may be meant to keep step"

OUTSIDE = "out of bounds"


def memory_findings(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """What memcheck found: accesses outside of allocations or misaligned, and CUDA calls that failed.

    The first place of a record that lies in the task is its own: what comes before was inlined into it. When
    the closing summary is missing, or counts more errors than were understood, a finding with a doubt says
    so.
    """
    found: list[Finding] = []
    for record in _records(report):
        if not _FAULT.match(record[0]):
            continue
        why = next((match[1] for line in record[1:] if (match := _WHY.search(line))), "")
        what = f"{record[0].rstrip('.')}{f': {why}' if why else ''}"
        places = [place for line in record[1:] if (place := _place(line, tree))]
        found.append(Finding(what, tuple(places[:1]), excerpt=_excerpt(record, directory)))
    return (*found, *_doubts(report, _ERRORS, len(found)))


def race_findings(report: str, tree: Tree, directory: str) -> tuple[Finding, ...]:
    """What racecheck found in shared memory: every place with a part in a race. What it calls a warning is
    one with a doubt; a missing summary as in :func:`memory_findings`.
    """
    found: list[Finding] = []
    errors = 0
    for record in _records(report):
        match = _RACE.match(record[0])
        if match is None and not _FAULT.match(record[0]):
            continue
        certain = match is None or match["level"].lower() == "error"
        errors += certain
        if match is None:
            what = record[0]
        else:
            kinds = [match["first"], *(also["kind"] for line in record[1:] if (also := _ALSO.match(line)))]
            what = f"data race in shared memory ({' and '.join(dict.fromkeys(k.lower() for k in kinds))})"
        places = tuple(dict.fromkeys(place for line in record if (place := _place(line, tree))))
        doubt = "" if certain else _INTENDED
        found.append(Finding(what, places, excerpt=_excerpt(record, directory), doubt=doubt))
    return (*found, *_doubts(report, _HAZARDS, errors))


def mode_of(finding: Finding) -> FailureMode:
    """The failure mode of a candidate with this finding."""
    if finding.what.startswith("data race"):
        return FailureMode.DATA_RACE
    if finding.what.endswith(OUTSIDE):
        return FailureMode.OUT_OF_BOUNDS
    return FailureMode.MEMORY_ERROR


def _records(report: str) -> Iterator[list[str]]:
    """The tool's lines, without its prefix and without what the program prints; a line that is not indented
    begins a record.
    """
    record: list[str] = []
    for line in report.splitlines():
        if not line.startswith(_PREFIX):
            continue
        text = line.removeprefix(_PREFIX).removeprefix(" ").rstrip()
        if text and not text.startswith(" ") and record:
            yield record
            record = []
        if text:
            record.append(text)
    if record:
        yield record


def _place(line: str, tree: Tree) -> Place | None:
    if line.lstrip().startswith("Host Frame"):
        return None
    match = _NEW_PLACE.search(line) or _OLD_PLACE.search(line)
    return locate(match["path"], match["line"], tree) if match else None


def _doubts(report: str, summary: re.Pattern[str], understood: int) -> tuple[Finding, ...]:
    """A finding when the tool says that it did not get into the program, or when `report` does not end as the
    tool ends what it has watched to the end. (A summary alone the program could have printed itself.)
    """
    heads = [record[0] for record in _records(report)]
    ends = [match for head in heads if (match := summary.match(head))]
    trouble = next((head for head in heads if _TROUBLE.match(head)), "" if ends else "it printed no summary")
    if trouble:
        return (Finding("compute-sanitizer did not watch it all", doubt=trouble),)
    count = sum(int(match["count"]) for match in ends)
    if count <= understood:
        return ()
    what = "compute-sanitizer found more than was understood"
    return (Finding(what, doubt=f"it counts {count} errors, {understood} were read"),)


def _excerpt(record: list[str], directory: str) -> str:
    return excerpt("\n".join(record), directory)
