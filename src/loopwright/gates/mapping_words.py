"""What is wrong with a mapping, in words: the fault, and what would mend it."""

from __future__ import annotations

import re
from dataclasses import replace

from loopwright.core.tree import Tree
from loopwright.gates.findings import Finding, Place, locate, source_text
from loopwright.gates.reports_omptarget import Fault

_WHAT = {
    "host-stale": "the host reads {name}, whose newest value is on the device",
    "host-unset": "the host reads of {name} what a copy back brought and the device never wrote",
    "host-lost": "the host reads an old value of {name}, which was copied over a newer one",
    "device-stale": "the device reads {name}, whose newest value is on the host",
    "device-unset": "the device reads of {name} what was neither copied to it nor written on it",
    "device-lost": "the device reads an old value of {name}, which was copied over a newer one",
    "unmapped": "the device {way}s through the host pointer {name}, which is not mapped",
    "past-section": "the device {way}s behind the mapped section of {name}",
    "outside-section": "the device {way}s outside of the mapped section of {name}",
    "pointer-inside": "the device {way}s through {name}, a host pointer inside of what is mapped",
    "deleted": "the device {way}s device memory of {name}, whose mapping has ended",
    "host-on-device": "the host uses a pointer to device memory of {name}",
    "into-constant": "a copy back writes into the constant {name}",
}


def worded(fault: Fault, code: Place | None, other: Place | None, tree: Tree) -> tuple[Finding, str]:
    """(the finding, what to do about it). `code` and `other` are where the fault's lie in the task."""
    way = fault.extra if fault.extra in ("read", "write") else "use"
    name = fault.variable
    if fault.kind == "pointer-inside" and code is not None:
        name = _member(name, source_text(tree, code))
    place = code
    if fault.kind == "into-constant":
        place = _place(fault.extra, tree)
    what = _WHAT.get(fault.kind, fault.kind).format(way=way, name=name or "that nobody can name")
    return Finding(what, (place,) if place is not None else (), name), _advice(fault, name, other, tree)


def message(finding: Finding, advice: str, tree: Tree) -> str:
    """One line for people: the words name the variable already."""
    told = replace(finding, variable="").message(tree)
    return f"{told}; {advice}" if advice else told


def _advice(fault: Fault, name: str, other: Place | None, tree: Tree) -> str:
    """What would mend `fault`, with the lines that matter."""
    mapped = _place(fault.mapped_at, tree)
    ended = _place(fault.ended_at, tree)
    kept = _place(fault.extra, tree)
    match fault.kind:
        case "host-stale" if ended is not None:
            known = f"its mapping ended at {ended} without a copy back"
            mend = "map(from: ...) or map(tofrom: ...)"
        case "host-stale" if kept is not None:
            known = f"{kept} copied nothing back, because it was mapped before and still is"
            mend = f"target update from({name})"
        case "host-stale":
            known, mend = _said("mapped at ", mapped), f"target update from({name}) before the host reads"
        case "device-stale":
            known, mend = _said("mapped at ", mapped), f"target update to({name}) after the host wrote"
        case "device-unset":
            known, mend = _said("mapped at ", mapped), "map(to: ...) or map(tofrom: ...) there"
        case "host-unset":
            known, mend = (
                _said("mapped at ", mapped),
                "map(tofrom: ...) there keeps what the device leaves alone",
            )
        case "host-lost" | "device-lost":
            known, mend = _said("mapped at ", mapped), "target update before the copy"
        case "unmapped":
            known, mend = _said("its mapping ended at ", ended), f"map(tofrom: {name or 'it'}[0:count])"
        case "past-section" | "outside-section":
            known = f"{fault.size} bytes are mapped{_said(' at ', mapped)}, this is byte {fault.offset}"
            mend = ""
        case "pointer-inside":
            known, mend = "", f"map(tofrom: {name}[0:count]), too, attaches it"
        case "deleted":
            known, mend = _said("it ended at ", ended), ""
        case "into-constant":
            known, mend = "a constant array is mapped tofrom unless told otherwise", f"map(to: {name})"
        case _:
            known, mend = _said("mapped at ", mapped), ""
    return "; ".join(
        part for part in (known, _said("newest value written at ", _writer(fault, other)), mend) if part
    )


def _writer(fault: Fault, other: Place | None) -> Place | None:
    """Where the newest value was written, when that is what the runtime told."""
    return other if fault.kind.startswith(("host-", "device-")) else None


def _said(words: str, place: Place | None) -> str:
    return f"{words}{place}" if place is not None else ""


def _place(text: str, tree: Tree) -> Place | None:
    """The place in the task that libomptarget calls "path:line"."""
    path, _, line = text.rpartition(":")
    return locate(path, line, tree) if path and line.isdigit() else None


def _member(name: str, line: str) -> str:
    """`name.member`, when the line goes through exactly one member of `name`."""
    pattern = rf"\b{re.escape(name)}\s*(?:\[[^\]]*\]\s*)?(?:->|\.)\s*(\w+)\s*(?:\[|->)"
    members = set(re.findall(pattern, line))
    return f"{name}.{members.pop()}" if name and len(members) == 1 else name
