"""Reading compute-sanitizer: its reports as others recorded them, with where and of which version."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.modes import FailureMode
from loopwright.core.tree import Tree
from loopwright.gates.findings import Place
from loopwright.gates.reports_compute_sanitizer import memory_findings, mode_of, race_findings

FIXTURES = Path(__file__).parent / "fixtures"
LINES = b"\n" * 400
TREE = Tree(
    {
        "writeValidMem.cu": LINES,
        "racecheck.cu": LINES,
        "delta_binary.cuh": LINES,
        "detail/assign_value.h": LINES,
        "Cuda/Kokkos_Cuda_ReduceScan.hpp": LINES,
        "main.cu": LINES,
    }
)


def recorded(name: str) -> str:
    return (FIXTURES / f"compute-sanitizer-{name}.txt").read_text()


def test_an_access_outside_is_named_by_its_line() -> None:
    first, second = memory_findings(recorded("memcheck"), TREE, "/build")
    assert first.what == "Invalid __global__ read of size 4 bytes: out of bounds"
    assert first.places == (Place("writeValidMem.cu", 6),)
    assert "by thread (255,0,0) in block (3,0,0)" in first.excerpt
    assert "Before: Array" not in first.excerpt
    assert mode_of(first) is FailureMode.OUT_OF_BOUNDS
    assert second.what.startswith("Program hit cudaErrorLaunchFailure (error 719)")
    assert second.places == () and mode_of(second) is FailureMode.MEMORY_ERROR


def test_without_line_tables_no_line_of_the_host_takes_their_place() -> None:
    first, doubt = memory_findings(recorded("cuda-12.9-memcheck-without-lines"), TREE, "/build")
    assert first.what == "Invalid __global__ read of size 4 bytes: out of bounds"
    assert first.places == ()
    # The log of the thread has no end.
    assert "no summary" in doubt.doubt


def test_what_was_inlined_from_elsewhere_is_named_by_the_tasks_own_line() -> None:
    report = recorded("memcheck-frames")
    inner = memory_findings(report, TREE, "/build")[0]
    assert inner.places == (Place("detail/assign_value.h", 58),)
    renamed = report.replace("assign_value.h:58", "elsewhere.h:58")
    assert memory_findings(renamed, TREE, "/build")[0].places == (Place("detail/assign_value.h", 62),)


def test_a_misaligned_access_is_a_fault_of_its_own_kind() -> None:
    first = memory_findings(recorded("memcheck-misaligned"), TREE, "/build")[0]
    assert first.what == "Invalid __shared__ read of size 16 bytes: misaligned"
    assert mode_of(first) is FailureMode.MEMORY_ERROR


def test_a_race_names_every_line_with_a_part_in_it() -> None:
    (found,) = race_findings(recorded("racecheck"), TREE, "/build")
    assert found.what == "data race in shared memory (write and read)"
    assert found.places == (Place("racecheck.cu", 12),)
    assert not found.doubt and mode_of(found) is FailureMode.DATA_RACE
    first = race_findings(recorded("racecheck-three-places"), TREE, "/build")[0]
    assert first.places == (Place("delta_binary.cuh", 324), Place("delta_binary.cuh", 312))


def test_what_racecheck_calls_a_warning_is_no_failure_and_no_pass() -> None:
    (found,) = race_findings(recorded("racecheck-warning"), TREE, "/build")
    assert found.doubt.startswith("racecheck calls it a warning")
    # The older form of a place; the other file is not the task's.
    assert found.places == (Place("Cuda/Kokkos_Cuda_ReduceScan.hpp", 349),)


def test_a_clean_report_has_no_findings() -> None:
    assert memory_findings(recorded("clean"), TREE, "/build") == ()


@pytest.mark.parametrize("read", [memory_findings, race_findings])
@pytest.mark.parametrize("report", ["", "all fine\n", "========= COMPUTE-SANITIZER\nall fine\n"])
def test_a_report_that_does_not_end_is_no_pass(read: object, report: str) -> None:
    (found,) = read(report, TREE, "/build")  # type: ignore[operator]
    assert found.doubt == "it printed no summary"


@pytest.mark.parametrize("added", ["", "========= ERROR SUMMARY: 0 errors\n"])
def test_a_program_that_the_tool_did_not_get_into_is_no_pass(added: str) -> None:
    (found,) = memory_findings(recorded("not-attached") + added, TREE, "/build")
    assert found.doubt == "Error: Target application terminated before first instrumented API call"


def test_errors_that_were_counted_and_not_read_are_no_pass() -> None:
    counted = recorded("clean").replace("0 errors", "3 errors")
    (found,) = memory_findings(counted, TREE, "/build")
    assert found.doubt == "it counts 3 errors, 0 were read"
    hazards = recorded("racecheck").replace("(1 error,", "(4 errors,")
    assert race_findings(hazards, TREE, "/build")[-1].doubt == "it counts 4 errors, 1 were read"


def test_the_same_fault_in_two_versions_of_a_program_is_one() -> None:
    report = recorded("memcheck")
    (first, _), (again, _) = (
        memory_findings(text, TREE, "/build")
        for text in (report, report.replace("0x74b834000ffc", "0x7b95b4000ffc").replace("cu:6", "cu:9"))
    )
    assert first.identity(TREE) == again.identity(TREE)
