"""What a model is told of the data plan: every mapped array, its bytes, and why something is not planned."""

from __future__ import annotations

from pathlib import Path

from loopwright import api
from loopwright.agents.data_plan_lines import data_plan_lines

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_arrays_their_bytes_and_how_often_are_told() -> None:
    said = data_plan_lines(api.task_at(EXAMPLES / "offload" / "stencil")).splitlines()
    assert said[0].startswith("stencil.c:29-") and "in conduct, entered 1 times" in said[0]
    assert sum(line.startswith("  on the device: loop over ") for line in said) == 2
    (u,) = [line for line in said if "map(tofrom: u[0:nx * ny])" in line]
    assert "8 * nx * ny bytes in, 1 times" in u and "8 * nx * ny bytes out, 1 times" in u
    assert any("map(alloc: v[0:nx * ny])" in line for line in said)


def test_what_is_not_planned_says_why() -> None:
    said = data_plan_lines(api.task_at(EXAMPLES / "spmv"))
    assert said.startswith("no loop was proved to be fit")
    assert "not planned: spmv.c:4 loop in spmv: the size of value is not known" in said
