"""`loopwright analyze --plan`: the page and the JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loopwright.cli.app import app

EXAMPLES = Path(__file__).parents[2] / "examples"


def shown(*args: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["analyze", "--plan", *args])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_page_names_places_directions_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(str(EXAMPLES / "offload" / "cg"), monkeypatch=monkeypatch)
    lines = text.splitlines()
    assert any("in solve, target enter data, exit data, entered once" in line for line in lines)
    assert any("host, around" in line and "round < rounds" in line for line in lines)
    (k,) = [line for line in lines if line.strip().startswith("k[")]
    assert " to " in k and "2,000,000" in k
    (r,) = [line for line in lines if line.strip().startswith("r[")]
    assert "alloc, scratch" in r
    assert "only the device writes and reads it: scratch" in text


def test_what_is_not_planned_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "chain.c"
    source.write_text(
        "#include <stdio.h>\nint main(void)\n{\n    static double a[5000];\n"
        '    for (int i = 1; i < 5000; i++) { a[i] = a[i - 1] + 1; }\n    printf("%g\\n", a[9]);\n}\n'
    )
    text = shown(str(source), monkeypatch=monkeypatch)
    assert "no loop of the editable sources can go to a device" in text
    assert "chain.c:5" in text and "not parallel" in text


def test_the_json_is_the_whole_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.loads(shown(str(EXAMPLES / "offload" / "stencil"), "--json", monkeypatch=monkeypatch))
    assert (data["schema"], data["task"]) == (1, "stencil")
    (region,) = data["regions"]
    directions = {array["name"]: array["direction"] for array in region["arrays"]}
    assert directions == {"u": "tofrom", "v": "alloc", "k": "to"}
