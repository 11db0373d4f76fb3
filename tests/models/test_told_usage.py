"""Tokens out of providers' answers: in all protocols, with caches and thoughts, and of cut-off streams."""

from __future__ import annotations

import json

import pytest

from loopwright.models.loopback_wire import Reply, encoded
from loopwright.models.model import Usage
from loopwright.models.prices import Price
from loopwright.models.told_usage import is_counted, model_asked, told_usage

PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/some-model:streamGenerateContent?alt=sse",
}
TRAP = 'It printed "input_tokens": 99999, "prompt_tokens": 99999, "promptTokenCount": 9, "output_tokens": 999'


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", list(PATHS))
def test_numbers_of_every_protocol_and_none_out_of_a_text(protocol: str, stream: bool) -> None:
    body = {"model": "some-model", "stream": stream}
    reply = Reply(tool="say", arguments=json.dumps({"text": TRAP}), call="c1") if stream else Reply(text=TRAP)
    answer, _ = encoded(protocol, body, reply)
    assert told_usage(PATHS[protocol], json.dumps(body).encode(), answer) == Usage(120, 30)


def test_input_from_caches_and_thoughts_count() -> None:
    begun = {"input_tokens": 10, "cache_creation_input_tokens": 2000, "cache_read_input_tokens": 30000,
             "cache_creation": {"ephemeral_5m_input_tokens": 2000}, "output_tokens": 1}  # fmt: skip
    events = [{"type": "message_start", "message": {"usage": begun}},
              {"type": "message_delta", "usage": {"output_tokens": 700}}]  # fmt: skip
    answer = "".join(f"event: x\ndata: {json.dumps(e)}\n\n" for e in events).encode()
    usage = told_usage("/v1/messages", b"{}", answer)
    assert usage == Usage(32010, 700, 30000, written_tokens=2000)
    cost = Price(input=4.0, output=20.0, cached=0.4).cost_usd(usage)
    assert cost == pytest.approx((10 * 4.0 + 2000 * 5.0 + 30000 * 0.4 + 700 * 20.0) / 1e6)
    assert Price(4.0, 20.0, 0.4, written=8.0).cost_usd(usage) - cost == pytest.approx(2000 * 3.0 / 1e6)
    told = {"input_tokens": 900, "input_tokens_details": {"cached_tokens": 800}, "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 40}}  # fmt: skip
    answer = json.dumps({"usage": told}).encode()
    assert told_usage("/v1/responses", b"{}", answer) == Usage(900, 50, 800)
    told = {"promptTokenCount": 500, "cachedContentTokenCount": 400, "toolUsePromptTokenCount": 20,
            "candidatesTokenCount": 60, "thoughtsTokenCount": 300}  # fmt: skip
    answer = json.dumps({"usageMetadata": told}).encode()
    assert told_usage("/v1beta/models/m:generateContent", b"{}", answer) == Usage(520, 360, 400)


def test_an_answer_that_was_cut_off_is_not_free() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 3000}]}).encode()
    cut = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n' * 200
    usage = told_usage("/v1/chat/completions", body, cut)
    assert usage.estimated and usage.input_tokens > 1000 and usage.output_tokens >= 200
    assert told_usage("/v1/models", b"", b'{"input_tokens": 7}') == Usage()
    assert told_usage("/v1/messages/count_tokens", body, b'{"input_tokens": 7}') == Usage()
    assert is_counted(PATHS["gemini"]) and not is_counted("/v1/files")


def test_the_model_that_a_request_is_for() -> None:
    assert model_asked("/v1/responses", b'{"model": "gpt-5"}') == "gpt-5"
    assert model_asked("/v1beta/models/gemini-2.5-flash:generateContent", b"{}") == "gemini-2.5-flash"
    for body in (b"", b"no JSON", b"[1]", b'{"model": 3}', b"\xff"):
        assert model_asked("/v1/responses", body) == ""
