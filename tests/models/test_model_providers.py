"""Models behind an API: the real clients against a server on this machine, and all that goes wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import pytest

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.models.loopback import Hang, Junk, LoopbackServer, Say, Status, Turn
from loopwright.models.model import Answer, Message, ModelFailure, Reply, Request, Role, Trouble
from loopwright.models.registry import find_model
from loopwright.models.retry import Patient

pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed: pip install 'loopwright[models]'")

REQUEST = Request((Message(Role.SYSTEM, "be brief"), Message(Role.USER, "hello")), timeout_s=20.0)
KEY = "sk-test-0123456789abcdefghij"
PROVIDERS = ["openai", "openai-responses", "anthropic", "google"]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "LOOPWRIGHT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, KEY)


def ask(provider: str, turns: Sequence[Turn], request: Request = REQUEST) -> tuple[Answer, LoopbackServer]:
    with LoopbackServer(turns) as server:
        url = server.url if provider in ("anthropic", "google") else f"{server.url}/v1"
        return find_model(f"{provider}/test-model", base_url=url).complete(request), server


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_with_its_tokens_over_the_wire(provider: str) -> None:
    answer, server = ask(provider, [Say("four")])
    assert isinstance(answer, Reply)
    assert (answer.text, answer.usage.input_tokens, answer.usage.output_tokens) == ("four", 120, 30)
    assert answer.cost_usd is None, "a server of one's own has no known price"
    sent = json.dumps({k: v for k, v in server.requests[0].items() if not k.startswith("_")})
    assert "be brief" in sent and "hello" in sent and KEY not in sent
    assert KEY in json.dumps(server.requests[0]["_headers"]), "the key goes where it belongs"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("turn", "trouble"),
    [
        (Say("half a rep", "length"), Trouble.TRUNCATED),
        (Say("", "stop"), Trouble.EMPTY),
        (Status(429, headers=(("retry-after", "7"),)), Trouble.RATE_LIMIT),
        (Status(500), Trouble.UNAVAILABLE),
        (Status(503), Trouble.UNAVAILABLE),
        (Junk(), Trouble.WRONG_FORM),
        (Junk(b"{}"), Trouble.WRONG_FORM),
    ],
)
def test_each_trouble_has_its_name(provider: str, turn: Turn, trouble: Trouble) -> None:
    answer, _ = ask(provider, [turn])
    assert isinstance(answer, ModelFailure), answer
    if provider == "google" and turn == Junk(b"{}"):
        trouble = Trouble.EMPTY  # there every part of an answer may be missing
    assert answer.trouble is trouble, answer
    if trouble is Trouble.RATE_LIMIT:
        assert answer.retry_after_s == 7.0


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
def test_a_refusal(provider: str) -> None:
    answer, _ = ask(provider, [Say("I cannot help with that", "refusal")])
    assert isinstance(answer, ModelFailure) and answer.trouble is Trouble.REFUSAL


def test_a_server_that_does_not_answer_is_a_time_out() -> None:
    answer, _ = ask("openai", [Hang(30.0)], Request(REQUEST.messages, timeout_s=0.5))
    assert isinstance(answer, ModelFailure) and answer.trouble is Trouble.TIME_OUT


def test_a_server_that_is_not_there() -> None:
    with LoopbackServer([]) as server:
        url = f"{server.url}/v1"
    answer = find_model("openai/m", base_url=url).complete(REQUEST)
    assert isinstance(answer, ModelFailure) and answer.trouble is Trouble.UNAVAILABLE


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("code", "says"), [(401, "the key was refused"), (404, "no such model"), (400, "rejected")]
)
def test_what_only_the_user_can_put_right_is_wrong_use(provider: str, code: int, says: str) -> None:
    body = json.dumps({"error": {"message": f"bad key {KEY}", "type": "error", "code": "x"}})
    with pytest.raises(UsageError, match=says) as raised:
        ask(provider, [Status(code, body)])
    assert raised.value.exit_status == 2
    assert KEY not in str(raised.value), "an error message repeated the key"


def test_patience_outlasts_a_rate_limit_and_is_not_endless() -> None:
    waits: list[float] = []
    with LoopbackServer([Status(429), Status(503), Say("at last")]) as server:
        model = find_model("openai/m", base_url=f"{server.url}/v1")
        answer = Patient(model, sleep=waits.append).complete(REQUEST)
    assert isinstance(answer, Reply) and (answer.text, answer.attempts) == ("at last", 3)
    assert len(waits) == 2 and waits[1] > waits[0]
    with LoopbackServer([Status(429)] * 9) as server:
        model = find_model("openai/m", base_url=f"{server.url}/v1")
        answer = Patient(model, attempts=4, sleep=waits.append).complete(REQUEST)
        assert len(server.requests) == 4, "the client must not retry on its own"
    assert isinstance(answer, ModelFailure) and answer.attempts == 4


def test_a_long_reply_may_be_asked_for_and_a_loop_may_run_already() -> None:
    import asyncio

    async def inside() -> Answer:
        return ask("anthropic", [Say("four")], Request(REQUEST.messages, most_tokens=60_000))[0]

    answer = asyncio.run(inside())
    assert isinstance(answer, Reply) and answer.text == "four"


def test_no_wait_when_there_is_no_time_for_it() -> None:
    with LoopbackServer([Status(429)] * 3) as server:
        model = find_model("openai/m", base_url=f"{server.url}/v1")
        answer = Patient(model, may_wait=lambda seconds: False, sleep=pytest.fail).complete(REQUEST)
    assert isinstance(answer, ModelFailure) and answer.attempts == 1


def test_a_known_model_has_a_known_price(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_model("openai/gpt-4.1-2025-04-14").is_priced
    assert not find_model("openai/some-model-of-tomorrow").is_priced
    assert not find_model("openai/gpt-4.1", base_url="http://127.0.0.1:9/v1").is_priced


def test_wrong_names_keys_and_addresses_are_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="no key for openai"):
        find_model("openai/gpt-4.1")
    with pytest.raises(UsageError, match="unknown provider"):
        find_model("acme/m")
    with pytest.raises(UsageError, match="not a model"):
        find_model("gpt-4.1")
    for url in ("127.0.0.1:8000", "ftp://host/v1"):
        with pytest.raises(UsageError, match="not a base URL"):
            find_model("openai/m", base_url=url)
    with pytest.raises(UsageError, match="does not belong into a URL"):
        find_model("openai/m", base_url="https://user:secret@host/v1")


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    with pytest.raises(ToolMissing, match="pip install 'loopwright\\[models\\]'") as raised:
        find_model("openai/gpt-4.1")
    assert raised.value.exit_status == 3
