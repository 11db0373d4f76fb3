"""The mapping gate on small programs: planted faults are named by variable and line, correct ones pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from offload_programs import HARMLESS, PROGRAMS, names, offload_context

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Subject
from loopwright.gates.mapping import MAPPING

_MARK = re.compile(r"/\* fault: (?P<variable>[\w.>-]+) \*/")


def judged(source: bytes, scratch: Path) -> GateResult:
    context = offload_context(HARMLESS, scratch)
    assert MAPPING.available(context) == ""
    return MAPPING.check(Subject(Tree({"program.c": source})), context)


def planted(source: bytes) -> tuple[str, str]:
    """(place, variable) of the one line that meets the fault."""
    ((number, match),) = (
        (number, match)
        for number, line in enumerate(source.decode().splitlines(), start=1)
        if (match := _MARK.search(line))
    )
    return f"program.c:{number}", match["variable"]


@pytest.mark.parametrize("name", names("mapping_faulty_*.c"))
def test_a_planted_fault_is_named_by_variable_and_line(name: str, tmp_path: Path) -> None:
    source = (PROGRAMS / name).read_bytes()
    result = judged(source, tmp_path)
    assert result.failure is not None, result
    assert result.failure.mode is FailureMode.WRONG_MAPPING
    evidence = result.failure.evidence
    assert (evidence.get("lines"), evidence.get("variable")) == planted(source), result.failure.message
    assert str(tmp_path) not in repr(result.failure)


@pytest.mark.parametrize("name", names("mapping_clean_*.c"))
def test_a_correct_program_passes(name: str, tmp_path: Path) -> None:
    result = judged((PROGRAMS / name).read_bytes(), tmp_path)
    assert (result.status, result.reason) == (GateStatus.PASS, ""), result
