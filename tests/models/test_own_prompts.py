"""Templates of the user's own: each mistake is named with file and line, as early as it can be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright import api
from loopwright.core.errors import UsageError
from loopwright.models.templates import check_syntax, render


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("words\n{{ nonsense }}\n", 2, "'nonsense' is undefined"),
        ("{{ noise.nothing }}", 1, "no attribute 'nothing'"),
        ("\n\n{{ noise + 1 }}", 3, "concatenate"),
        ("{{ 1 / 0 }}", 1, "division by zero"),
        ("a\n{% include 'none.j2' %}", 2, "none.j2"),
    ],
)
def test_what_cannot_be_filled_in_is_named(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "plan.j2").write_text(text)
    check_syntax(tmp_path)
    with pytest.raises(UsageError, match=says) as raised:
        render("plan", "user", "openmp", {"noise": "1.01"}, folder=tmp_path)
    assert raised.value.where == f"{tmp_path}/plan.j2:{line}"
    assert raised.value.exit_status == 2
    if "nonsense" in text:
        assert "noise, target, tier" in raised.value.hint


@pytest.mark.parametrize("content", [b"fine\n{% if x %}", b"{{ 'a' | nofilter }}", b"{{ }", b"\xff\n"])
def test_what_is_no_template_is_said_before_anything_is_measured(content: bytes, tmp_path: Path) -> None:
    prompts, task = tmp_path / "mine", tmp_path / "task"
    prompts.mkdir()
    task.mkdir()
    (task / "a.c").write_text("int main(void) { return 0; }\n")
    (task / "loopwright.toml").write_text(
        'schema = 1\nname = "a"\neditable = ["a.c"]\n[build]\nsources = ["a.c"]\n'
        '[[case]]\nname = "one"\nuse = "time"\n'
    )
    (prompts / "refine.j2").write_bytes(content)
    with pytest.raises(UsageError, match="prompt") as raised:
        api.optimize(task, agent="model:echo/echo", prompts=prompts)
    assert raised.value.where is not None and "refine.j2" in raised.value.where
    assert not (task / ".loopwright").exists()
