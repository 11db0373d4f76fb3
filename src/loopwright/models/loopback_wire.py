"""One scripted reply in the words of each protocol: Chat Completions, Responses, Messages, Gemini's. Pure.

Written after the providers' public references of the four protocols, as far as clients look at them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_INPUT_TOKENS, _OUTPUT_TOKENS = 120, 30
STREAMING = ":streamGenerateContent"
"""How the path of a Gemini request ends that wants a stream; elsewhere the request's body says so."""


@dataclass(frozen=True)
class Reply:
    """Words, or a call of a tool; `finish` is "stop", "length" or "refusal"."""

    text: str = ""
    finish: str = "stop"
    tool: str = ""
    namespace: str = ""
    arguments: str = ""
    call: str = ""


def protocol_of(path: str) -> str | None:
    """`chat`, `responses`, `messages` or `gemini`, by the end of the path; None for another."""
    ends = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages",
            ":generateContent": "gemini", STREAMING: "gemini"}  # fmt: skip
    return next((name for end, name in ends.items() if path.endswith(end)), None)


def tools_of(body: Json) -> dict[str, Json]:
    """The tools that a request offers: name to schema. In a namespace they are `NAMESPACE/NAME`."""
    found: dict[str, Json] = {}
    for tool in body.get("tools") or ():
        inner = tool.get("function") or tool
        for each in tool.get("functionDeclarations") or ():
            found[each["name"]] = each.get("parametersJsonSchema") or each.get("parameters") or {}
        if tool.get("type") == "namespace":
            for each in tool.get("tools") or ():
                found[f"{tool['name']}/{each['name']}"] = each.get("parameters") or {}
        elif inner.get("name"):
            found[inner["name"]] = inner.get("parameters") or inner.get("input_schema") or {}
    return found


def called(
    wanted: Sequence[str], arguments: Mapping[str, Any], offered: Mapping[str, Json], call: str
) -> Reply:
    """A call of the first offered tool that has one of the wanted names, or words that say there is none."""
    for name in wanted:
        for tool, schema in offered.items():
            if tool == name or tool.endswith((f"_{name}", f"/{name}")):
                namespace, _, plain = tool.rpartition("/")
                given = json.dumps(_fitted(arguments, schema))
                return Reply(tool=plain, namespace=namespace, arguments=given, call=call)
    return Reply(text=f"none of the tools {', '.join(wanted)} is offered, only: {', '.join(offered)}")


def encoded(protocol: str, body: Json, reply: Reply) -> tuple[bytes, str]:
    """(body, content type) of the answer, streaming when the request asks for it."""
    model = str(body.get("model", "scripted"))
    stream = bool(body.get("stream"))
    if protocol == "chat":
        data = _chat_stream(model, reply) if stream else _chat(model, reply)
    elif protocol == "responses":
        data = _responses_stream(model, reply) if stream else _response(model, reply)
    elif protocol == "gemini":
        whole = _gemini(reply)
        data = [f"data: {json.dumps(whole)}\n\n"] if stream else whole
    else:
        data = _messages_stream(model, reply) if stream else _message(model, reply)
    if isinstance(data, dict):
        return json.dumps(data).encode(), "application/json"
    return "".join(data).encode(), "text/event-stream"


def _fitted(arguments: Mapping[str, Any], schema: Json) -> Json:
    """`command` under the name and in the form that the schema of a shell tool has."""
    properties = schema.get("properties") or {}
    fitted = dict(arguments)
    if "command" in fitted and properties:
        command = fitted.pop("command")
        name = next((n for n in ("command", "cmd", "script") if n in properties), "command")
        is_list = properties.get(name, {}).get("type") == "array"
        fitted[name] = ["bash", "-c", command] if is_list else command
        if "description" in (schema.get("required") or ()):
            fitted["description"] = "a step of the script"
    return fitted


def _event(name: str, data: Json) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _chat(model: str, reply: Reply) -> Json:
    message: Json = {"role": "assistant", "content": reply.text or None}
    if reply.tool:
        function = {"name": reply.tool, "arguments": reply.arguments}
        message["tool_calls"] = [{"id": reply.call, "type": "function", "function": function}]
    if reply.finish == "refusal":
        message["refusal"] = reply.text
    return {
        "id": "chat_1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": _chat_finish(reply)}],
        "usage": _chat_usage(),
    }  # fmt: skip


def _chat_stream(model: str, reply: Reply) -> Iterable[str]:
    head = {"id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": model}
    delta: Json = {"role": "assistant", "content": reply.text}
    if reply.tool:
        function = {"name": reply.tool, "arguments": reply.arguments}
        calls = [{"index": 0, "id": reply.call, "type": "function", "function": function}]
        delta = {"role": "assistant", "tool_calls": calls}
    pieces = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _chat_finish(reply)}]},
        {**head, "choices": [], "usage": _chat_usage()},
    ]
    return [*(f"data: {json.dumps(piece)}\n\n" for piece in pieces), "data: [DONE]\n\n"]


def _chat_finish(reply: Reply) -> str:
    if reply.tool:
        return "tool_calls"
    return {"refusal": "content_filter"}.get(reply.finish, reply.finish)


def _chat_usage() -> Json:
    return {
        "prompt_tokens": _INPUT_TOKENS, "completion_tokens": _OUTPUT_TOKENS,
        "total_tokens": _INPUT_TOKENS + _OUTPUT_TOKENS,
    }  # fmt: skip


def _item(reply: Reply) -> Json:
    if reply.tool:
        item = {
            "type": "function_call", "id": f"fc_{reply.call}", "call_id": reply.call, "status": "completed",
            "name": reply.tool, "arguments": reply.arguments,
        }  # fmt: skip
        return {**item, "namespace": reply.namespace} if reply.namespace else item
    content = {"type": "output_text", "text": reply.text, "annotations": []}
    if reply.finish == "refusal":
        content = {"type": "refusal", "refusal": reply.text}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [content],
    }


def _response(model: str, reply: Reply) -> Json:
    usage = {
        "input_tokens": _INPUT_TOKENS, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": _OUTPUT_TOKENS, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": _INPUT_TOKENS + _OUTPUT_TOKENS,
    }  # fmt: skip
    cut = reply.finish == "length"
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": model, "output": [_item(reply)],
        "status": "incomplete" if cut else "completed", "error": None, "usage": usage,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "parallel_tool_calls": False, "tool_choice": "auto", "tools": [],
    }  # fmt: skip


def _responses_stream(model: str, reply: Reply) -> Iterable[str]:
    whole = _response(model, reply)
    begun = {**whole, "status": "in_progress", "output": []}
    return [
        _event("response.created", {"type": "response.created", "response": begun}),
        _event("response.output_item.added",
               {"type": "response.output_item.added", "output_index": 0, "item": _item(reply)}),
        _event("response.output_item.done",
               {"type": "response.output_item.done", "output_index": 0, "item": _item(reply)}),
        _event("response.completed", {"type": "response.completed", "response": whole}),
    ]  # fmt: skip


def _blocks(reply: Reply) -> list[Json]:
    if reply.tool:
        return [{"type": "tool_use", "id": reply.call, "name": reply.tool,
                 "input": json.loads(reply.arguments)}]  # fmt: skip
    return [{"type": "text", "text": reply.text}]


def _message(model: str, reply: Reply) -> Json:
    stop = (
        "tool_use"
        if reply.tool
        else {"length": "max_tokens", "refusal": "refusal"}.get(reply.finish, "end_turn")
    )
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": _blocks(reply),
        "stop_reason": stop, "stop_sequence": None,
        "usage": {"input_tokens": _INPUT_TOKENS, "output_tokens": _OUTPUT_TOKENS},
    }  # fmt: skip


def _messages_stream(model: str, reply: Reply) -> Iterable[str]:
    whole = _message(model, reply)
    begun = {**whole, "content": [], "stop_reason": None}
    empty: Json = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": reply.text}
    if reply.tool:
        empty = {**_blocks(reply)[0], "input": {}}
        delta = {"type": "input_json_delta", "partial_json": reply.arguments}
    stopped = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    return [
        _event("message_start", {"type": "message_start", "message": begun}),
        _event("content_block_start", {"type": "content_block_start", "index": 0, "content_block": empty}),
        _event("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}),
        _event("content_block_stop", {"type": "content_block_stop", "index": 0}),
        _event("message_delta", {"type": "message_delta", "delta": stopped,
                                 "usage": {"output_tokens": _OUTPUT_TOKENS}}),
        _event("message_stop", {"type": "message_stop"}),
    ]  # fmt: skip


def _gemini(reply: Reply) -> Json:
    part: Json = {"text": reply.text}
    if reply.tool:
        part = {"functionCall": {"id": reply.call, "name": reply.tool, "args": json.loads(reply.arguments)}}
    finish = {"length": "MAX_TOKENS", "refusal": "SAFETY"}.get(reply.finish, "STOP")
    return {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": _INPUT_TOKENS, "candidatesTokenCount": _OUTPUT_TOKENS,
                          "totalTokenCount": _INPUT_TOKENS + _OUTPUT_TOKENS},
        "modelVersion": "scripted",
    }  # fmt: skip
