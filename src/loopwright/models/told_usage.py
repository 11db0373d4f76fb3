"""What a provider's answer says about its tokens, in the words of each protocol. Pure.

Only the numbers are looked for, wherever they stand: an answer may be one object or a stream of events, and a
text inside of it cannot look like them, because its quotation marks are escaped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from loopwright.models.loopback_wire import protocol_of
from loopwright.models.model import Usage

_GEMINI_MODEL = re.compile(r"/models/([^/:]+):")
_BYTES_AN_EVENT = 30
"""Of an answer, for a token: events are longer, so that the estimate is on the high side."""


@dataclass(frozen=True)
class _Names:
    """How a protocol calls its numbers. `fresh` and what is `besides` it are input, `output` and what is
    `thought` are output; `cached` is part of the input, counted in `fresh` or `besides`.
    """

    fresh: str
    output: str
    cached: str
    besides: tuple[str, ...] = ()
    thought: tuple[str, ...] = ()
    written: str = ""


_NAMES = {
    "chat": _Names("prompt_tokens", "completion_tokens", "cached_tokens"),
    "responses": _Names("input_tokens", "output_tokens", "cached_tokens"),
    "messages": _Names(
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        besides=("cache_read_input_tokens", "cache_creation_input_tokens"),
        written="cache_creation_input_tokens",
    ),
    "gemini": _Names(
        "promptTokenCount",
        "candidatesTokenCount",
        "cachedContentTokenCount",
        besides=("toolUsePromptTokenCount",),
        thought=("thoughtsTokenCount",),
    ),
}


def is_counted(path: str) -> bool:
    """Whether the answers of a path hold tokens: the ones that a model writes."""
    return protocol_of(path.partition("?")[0]) is not None


def model_asked(path: str, body: bytes) -> str:
    """The model that a request is for, "" when it names none."""
    if (found := _GEMINI_MODEL.search(path)) is not None:
        return unquote(found[1])
    try:
        model = json.loads(body).get("model", "")
    except (ValueError, AttributeError):
        return ""
    return model if isinstance(model, str) else ""


def told_usage(path: str, body: bytes, answer: bytes) -> Usage:
    """Tokens of one call. Where the answer does not say (it was cut off) they are estimated by length."""
    protocol = protocol_of(path.partition("?")[0])
    if protocol is None:
        return Usage()
    names = _NAMES[protocol]
    # In a stream the same number comes again, and grows.
    fresh, output = _largest(names.fresh, answer), _largest(names.output, answer)
    if not fresh + output:
        written = max(answer.count(b"data:"), len(answer) // _BYTES_AN_EVENT)
        return Usage(-(-len(body) // 3), written, estimated=True)
    return Usage(
        fresh + sum(_largest(name, answer) for name in names.besides),
        output + sum(_largest(name, answer) for name in names.thought),
        _largest(names.cached, answer),
        written_tokens=_largest(names.written, answer) if names.written else 0,
    )


def _largest(name: str, answer: bytes) -> int:
    found = re.findall(rb'"%s"\s*:\s*(\d{1,12})\b' % name.encode(), answer)
    return max(map(int, found), default=0)
