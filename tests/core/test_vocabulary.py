"""Failure modes, verdicts and exit statuses: words that journals and `--json` carry for ever."""

from __future__ import annotations

import inspect
import re

import pytest

from loopwright.core import errors
from loopwright.core.modes import Category, FailureMode
from loopwright.core.verdict import Failure, GateResult, GateStatus, Verdict, said_beside

WRONG = Failure(FailureMode.WRONG_OUTPUT, "outputs", "x.bin: element 3 is 1, not 2")
PASS = GateResult("build", GateStatus.PASS)
FAIL = GateResult("outputs", GateStatus.FAIL, failure=WRONG)


def missing(gate: str, reason: str = "") -> GateResult:
    return GateResult(gate, GateStatus.NOT_AVAILABLE, reason=reason)


@pytest.mark.parametrize("mode", FailureMode)
def test_every_mode_has_a_category_and_a_plain_word(mode: FailureMode) -> None:
    assert isinstance(mode.category, Category)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", mode.value)
    assert mode.name == mode.value.upper(), "the name in the code is the word in the journal"


def test_every_category_is_used() -> None:
    assert {mode.category for mode in FailureMode} == set(Category)


def test_words_are_never_taken_twice() -> None:
    words = [mode.value for mode in FailureMode]
    assert len(words) == len(set(words))
    # An enum member that repeats a value becomes a silent alias and drops out of the iteration.
    assert len(FailureMode.__members__) == len(words)


def test_words_that_journals_carry_stay() -> None:
    kept = {
        "malformed_edit", "no_change", "protected_file", "build_error", "build_timeout",
        "build_no_executable", "crash", "nonzero_exit", "time_limit", "cpu_limit", "memory_limit",
        "process_limit", "output_limit", "disk_limit", "wrote_outside", "left_processes", "missing_output",
        "malformed_output", "wrong_output", "nondeterministic", "thread_dependent", "input_modified",
        "out_of_bounds", "data_race", "memory_error", "undefined_behaviour", "uninitialised_read",
        "below_floor", "forged_time", "held_out_failure",
    }  # fmt: skip
    assert kept <= {mode.value for mode in FailureMode}


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ((), "not checked"),
        ((missing("races", "no clang"),), "not checked"),
        ((PASS,), "verified"),
        ((PASS, missing("races", "no clang")), "verified except: races (no clang)"),
        ((PASS, missing("races")), "verified except: races (not available)"),
        (
            (PASS, missing("races", "no clang"), missing("held-out", "no case")),
            "verified except: races (no clang), held-out (no case)",
        ),
        ((PASS, FAIL), "failed: wrong_output"),
        ((FAIL, missing("races", "no clang")), "failed: wrong_output"),
    ],
)
def test_a_verdict_in_words(results: tuple[GateResult, ...], words: str) -> None:
    verdict = Verdict(results)
    assert verdict.verified == words
    assert verdict.passed == words.startswith("verified")


def test_what_is_missing_is_never_a_pass() -> None:
    verdict = Verdict((missing("build"), missing("outputs")))
    assert not verdict.passed and verdict.failure is None
    assert set(verdict.by_gate.values()) == {"not-available"}


def test_the_first_failure_is_the_one_that_counts() -> None:
    crash = Failure(FailureMode.CRASH, "outputs", "SIGSEGV")
    verdict = Verdict((PASS, FAIL, GateResult("again", GateStatus.FAIL, failure=crash)))
    assert verdict.failure is WRONG


def test_a_result_cannot_fail_without_saying_why() -> None:
    with pytest.raises(ValueError, match="has a failure"):
        GateResult("outputs", GateStatus.FAIL)
    for status in (GateStatus.PASS, GateStatus.NOT_AVAILABLE):
        with pytest.raises(ValueError, match="has none"):
            GateResult("outputs", status, failure=WRONG)


def test_what_the_message_says_is_not_said_again() -> None:
    evidence = {"errors": "a.c:1: oops\na.c:2: worse", "run": "case tiny"}
    assert said_beside("a.c:1: oops", evidence) == "a.c:2: worse"
    assert said_beside("exit status 3", {"stderr": "cannot open x\n", "exit_code": "3"}) == "cannot open x"
    assert said_beside("stopped", {}) == ""


def test_exit_statuses_are_the_documented_ones() -> None:
    found = {
        name: kind.exit_status
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.LoopwrightError)
    }
    documented = {"LoopwrightError": 2, "UsageError": 2, "TaskError": 2, "ToolMissing": 3, "Interrupted": 130}
    assert documented.items() <= found.items()


def test_an_error_says_what_where_and_what_next() -> None:
    full = errors.TaskError("is not a number", where="loopwright.toml: rtol", hint="write 1e-9")
    assert str(full) == "loopwright.toml: rtol: is not a number\n  write 1e-9"
    assert str(errors.UsageError("no run")) == "no run"
