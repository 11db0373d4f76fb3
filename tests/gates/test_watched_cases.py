"""Which cases are watched, and in which order: what has most to do comes last, whatever the clock said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gate_programs import program_context

from loopwright.core.task import Case, Use
from loopwright.gates.mapping_watch import cases_of
from loopwright.system.execution import Limits


def ordered(cases: tuple[Case, ...], scratch: Path, **walls: float) -> list[str]:
    context = program_context("int main(void) { return 0; }", scratch, cases=cases)
    context = replace(context, limits=lambda case: Limits(wall_s=walls.get(case.name, 1.0)))
    return [case.name for case in cases_of(context)]


def test_numbers_tell_what_a_case_has_to_do(tmp_path: Path) -> None:
    cases = (
        Case("big", params={"n": 127, "steps": 8}),
        Case("one", params={"n": 1, "steps": 40}),
        Case("full", Use.TIME, params={"n": 1500, "steps": 22}),
    )
    # The smallest one happened to be the slowest: it was run first.
    assert ordered(cases, tmp_path, one=3.0) == ["one", "big"]


def test_arguments_serve_where_no_params_are_named(tmp_path: Path) -> None:
    cases = (Case("big", args=("-v", "64", "10")), Case("small", args=("-v", "8", "10")))
    assert ordered(cases, tmp_path, small=3.0) == ["small", "big"]


def test_time_decides_without_numbers(tmp_path: Path) -> None:
    cases = (Case("long", stdin="a.txt"), Case("short", stdin="b.txt"))
    assert ordered(cases, tmp_path, long=3.0) == ["short", "long"]


def test_timed_cases_serve_where_none_is_only_checked(tmp_path: Path) -> None:
    cases = (Case("timed", Use.TIME), Case("kept", Use.HELD_OUT))
    assert ordered(cases, tmp_path) == ["timed"]
