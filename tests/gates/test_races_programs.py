"""The final gates on small OpenMP programs: faults are caught on their lines, correct programs pass."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_programs import program_context

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.core.verdict import GateResult, GateStatus
from loopwright.gates.gate import Subject
from loopwright.gates.instrumented import InstrumentedGate
from loopwright.gates.memory import ADDRESSES, UNDEFINED, UNINITIALISED
from loopwright.gates.races import RACES

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).with_name("programs")
HARMLESS = b'#include <stdio.h>\nint main(void)\n{\n    puts("1");\n    return 0;\n}\n'
MODES = {
    "addresses": (ADDRESSES, FailureMode.MEMORY_ERROR),
    "undefined": (UNDEFINED, FailureMode.UNDEFINED_BEHAVIOUR),
    "uninitialised": (UNINITIALISED, FailureMode.UNINITIALISED_READ),
}


def names(pattern: str) -> list[str]:
    return sorted(path.name for path in PROGRAMS.glob(pattern))


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def judged(gate: InstrumentedGate, source: bytes, scratch: Path, original: bytes = HARMLESS) -> GateResult:
    context = program_context(original.decode(), scratch)
    if reason := gate.available(context):
        pytest.skip(reason)
    return gate.check(Subject(Tree({"program.c": source})), context)


def marked(source: bytes, mark: str) -> set[str]:
    lines = enumerate(source.decode().splitlines(), start=1)
    return {f"program.c:{number}" for number, line in lines if f"/* {mark} */" in line}


@pytest.mark.parametrize("name", names("racy_*.c"))
def test_a_racy_program_is_caught_on_its_lines(name: str, scratch: Path) -> None:
    source = (PROGRAMS / name).read_bytes()
    result = judged(RACES, source, scratch)
    assert result.failure is not None, result
    assert result.failure.mode is FailureMode.DATA_RACE
    named = set(result.failure.evidence["lines"].split(", "))
    assert named & marked(source, "race"), (name, result.failure.message)
    assert str(scratch) not in result.failure.evidence["report"]


@pytest.mark.parametrize("name", names("clean_*.c"))
def test_a_program_that_synchronises_rightly_passes(name: str, scratch: Path) -> None:
    result = judged(RACES, (PROGRAMS / name).read_bytes(), scratch)
    assert result.status is GateStatus.PASS, result


def test_what_the_tool_cannot_see_is_neither_passed_nor_failed(scratch: Path) -> None:
    result = judged(RACES, (PROGRAMS / "unseen_doacross.c").read_bytes(), scratch)
    assert result.status is GateStatus.NOT_AVAILABLE, result
    assert "ordered depend(sink)" in result.reason


@pytest.mark.parametrize("name", [n for kind in MODES for n in names(f"{kind}_faulty_*.c")])
def test_a_faulty_program_is_caught_on_its_line(name: str, scratch: Path) -> None:
    source = (PROGRAMS / name).read_bytes()
    gate, mode = MODES[name.partition("_")[0]]
    result = judged(gate, source, scratch)
    assert result.failure is not None, result
    assert result.failure.mode is mode
    assert result.failure.evidence["lines"] in marked(source, "fault"), result.failure.message


@pytest.mark.parametrize("name", [n for kind in MODES for n in names(f"{kind}_clean_*.c")])
def test_a_correct_program_passes(name: str, scratch: Path) -> None:
    gate, _ = MODES[name.partition("_")[0]]
    result = judged(gate, (PROGRAMS / name).read_bytes(), scratch)
    assert result.status is GateStatus.PASS, result
