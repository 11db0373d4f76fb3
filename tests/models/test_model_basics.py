"""Canned models, prices, secrets, prompts."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.core.errors import UsageError
from loopwright.models.edits import whole_file
from loopwright.models.model import Message, ModelFailure, Reply, Request, Role, Trouble, Usage
from loopwright.models.prices import Price, price_of, read_prices
from loopwright.models.registry import find_model
from loopwright.models.secrets import redacted
from loopwright.models.templates import Stage, Tier, parse_tier, render

REQUEST = Request((Message(Role.USER, "hello " * 30),))


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "script.txt"
    path.write_text(text)
    return path


def test_a_script_is_given_reply_by_reply_and_then_stops(tmp_path: Path) -> None:
    path = script(
        tmp_path, "@@ reply (plan)\none\ntwo\n@@ rate_limit\n@@ truncated\nhalf\n@@ empty\n@@ refusal\nno\n"
    )
    model = find_model(f"scripted/{path}")
    answers = [model.complete(REQUEST) for _ in range(6)]
    assert isinstance(answers[0], Reply) and answers[0].text == "one\ntwo\n" and answers[0].cost_usd == 0.0
    troubles = [a.trouble for a in answers if isinstance(a, ModelFailure)]
    assert troubles == [Trouble.RATE_LIMIT, Trouble.TRUNCATED, Trouble.EMPTY, Trouble.REFUSAL]
    assert isinstance(answers[5], Reply) and answers[5].text.startswith("STOP:")
    assert answers[0].usage.estimated and answers[0].usage.input_tokens == 60
    again = find_model(f"scripted/{path}", used=2).complete(REQUEST)
    assert isinstance(again, ModelFailure) and again.trouble is Trouble.TRUNCATED


@pytest.mark.parametrize("text", ["", "hello\n@@ reply\nx\n", "@@ applause\nx\n"])
def test_what_is_no_script_is_wrong_use(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="@@ reply"):
        find_model(f"scripted/{script(tmp_path, text)}")


def test_echo_hands_the_first_file_back() -> None:
    shown = whole_file("a.c", b"int a;\n") + whole_file("b.c", b"int b;\n")
    answer = find_model("echo/echo").complete(Request((Message(Role.USER, f"Files:\n\n{shown}"),)))
    assert (
        isinstance(answer, Reply)
        and "FILE a.c\n<<<<<<< WHOLE\nint a;\n/* echo */\n>>>>>>> END" in answer.text
    )
    assert "b.c" not in answer.text


def test_every_shipped_price_is_a_price_with_its_day() -> None:
    prices = read_prices(Path(__file__).parents[2] / "src/loopwright/models/prices.toml")
    assert len(prices) > 30
    for name, price in prices.items():
        assert 0 < price.input < 1000 and 0 < price.output < 1000, name
        assert price.cached is None or price.cached <= price.input, name
        assert len(price.as_of) == 10, name


def test_costs_are_counted_by_kind_of_token() -> None:
    price = Price(input=2.0, output=8.0, cached=0.5)
    assert price.cost_usd(Usage(1_000_000, 500_000, 200_000)) == pytest.approx(0.8 * 2 + 0.2 * 0.5 + 0.5 * 8)
    assert Price(2.0, 8.0).cost_usd(Usage(1_000_000, 0, 200_000)) == pytest.approx(2.0)


def test_prices_of_ones_own_come_first_and_unknown_stays_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert price_of("openai", "gpt-nobody-knows") is None
    path = tmp_path / "prices.toml"
    path.write_text('[openai]\n"gpt-4.1" = { input = 1, output = 1 }\n"mine" = { input = 0, output = 0 }\n')
    monkeypatch.setenv("LOOPWRIGHT_PRICES", str(path))
    assert price_of("openai", "gpt-4.1") == Price(1, 1) and price_of("openai", "mine") == Price(0, 0)
    assert price_of("openai", "gpt-4o") is not None, "the shipped file still counts"
    path.write_text('[openai]\n"gpt-4.1" = { in = 1 }\n')
    with pytest.raises(UsageError, match=r"gpt-4\.1"):
        price_of("openai", "gpt-4.1")


def test_secrets_do_not_get_through() -> None:
    environment = {"MY_API_KEY": "abcdefgh1234", "DB_PASSWORD": "hunter2hunter2", "KEYBOARD": "querty-layout",
                   "SHORT_KEY": "abc"}  # fmt: skip
    text = (
        "abcdefgh1234 hunter2hunter2 querty-layout abc sk-proj-0123456789abcdefghij Bearer abcdefghijklmnop"
    )
    assert redacted(text, environment) == "[MY_API_KEY] [DB_PASSWORD] querty-layout abc [key] [key]"


VALUES = {
    "task": {"name": "t", "summary": "s", "language": "c", "editable": "a.c"}, "kernel": "",
    "compiler": "gcc",
    "machine": "m", "threads": 2, "tolerance": "1e-9", "cases": "c", "baseline": "1 s", "noise": "2 %",
    "files": "FILES", "headers": "", "pruned": False, "analysis": "ANALYSIS", "best": "b", "plan": "PLAN",
    "history": "", "again": "", "last_reply": "", "title": "t", "failure": "FAILURE", "version": "v",
    "profile": "PROFILE", "hot": "HOT", "loops": "LOOPS", "roofline": "", "ceilings": "CEILINGS",
    "first": "f", "second": "s", "first_diff": "D1", "second_diff": "D2",
    "diagnosis": "DIAGNOSIS", "step": "STEP", "advice": "", "diff": "DIFF",
    "lessons": "", "untimed": "", "data_plan": "",
}  # fmt: skip


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("target", ["openmp", "serial", "offload"])
def test_every_stage_renders_for_every_tier_and_target(tier: str, target: str) -> None:
    for kind in ("system", *Stage):
        assert render(kind, tier, target, VALUES).strip()


def test_tiers_differ_in_what_they_tell() -> None:
    texts = {
        tier: render("analysis", tier, "openmp", VALUES) + render("plan", tier, "openmp", VALUES)
        for tier in Tier
    }
    assert "LOOPS" in texts[Tier.EXPERT] and "ANALYSIS" in texts[Tier.EXPERT]
    assert "HOT" in texts[Tier.KNOWLEDGEABLE] and "LOOPS" not in texts[Tier.KNOWLEDGEABLE]
    assert not {"HOT", "LOOPS", "ANALYSIS"} & set(texts[Tier.USER].split()) and "FILES" in texts[Tier.USER]


def test_for_a_device_the_data_plan_is_told_and_what_fails() -> None:
    values = {**VALUES, "data_plan": "map(to: a[0:n])", "untimed": "no device"}
    for tier in (Tier.KNOWLEDGEABLE, Tier.EXPERT):
        assert "map(to: a[0:n])" in render("analysis", tier, "offload", values)
        asked = render("plan", tier, "offload", values)
        assert "memory of its own" in asked and "Nothing is timed here (no device)" in asked
        assert "not timed" not in render("plan", tier, "offload", VALUES)
        assert "data plan" not in render("analysis", tier, "openmp", VALUES)
    assert "mapped" not in render("plan", Tier.USER, "offload", values)


def test_templates_of_ones_own_come_first_and_their_mistakes_are_named(tmp_path: Path) -> None:
    (tmp_path / "plan-user.j2").write_text("mine: {{ task.name }} {% include 'target-serial.j2' %}")
    assert render("plan", "user", "serial", VALUES, folder=tmp_path).startswith("mine: t Target: one thread")
    assert "mine" not in render("plan", "expert", "serial", VALUES, folder=tmp_path)
    (tmp_path / "plan-user.j2").write_text("{{ held_out }}")
    with pytest.raises(UsageError, match="held_out"):
        render("plan", "user", "serial", VALUES, folder=tmp_path)
    (tmp_path / "plan-user.j2").write_text("\n{% if %}")
    with pytest.raises(UsageError, match=r"plan-user.j2:2"):
        render("plan", "user", "serial", VALUES, folder=tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        render("plan", "user", "serial", VALUES, folder=tmp_path / "none")
    with pytest.raises(UsageError, match="unknown tier"):
        parse_tier("wizard")
