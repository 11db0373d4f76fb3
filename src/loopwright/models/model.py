"""What a language model is to Loopwright: a request goes in, a reply or a named failure comes out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True)
class Request:
    """What a model is asked. `most_tokens` bounds the reply; `timeout_s` one attempt at it."""

    messages: tuple[Message, ...]
    most_tokens: int = 16_000
    timeout_s: float = 300.0
    temperature: float | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the messages: the same question has the same digest, however long it may take."""
        content = json.dumps([[m.role, m.text] for m in self.messages], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def characters(self) -> int:
        """Length of all messages."""
        return sum(len(m.text) for m in self.messages)


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. `cached_tokens` is the part of `input_tokens` that the provider had in its cache,
    `written_tokens` the part that it put there, which some charge more for.

    `estimated`: the provider did not say, and the numbers come from the length of the texts.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False
    written_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Input and output together: what a budget of tokens counts."""
        return self.input_tokens + self.output_tokens


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"


class Trouble(StrEnum):
    """What can go wrong with a call, in one word. The words stand in journals."""

    TIME_OUT = "time_out"
    RATE_LIMIT = "rate_limit"
    UNAVAILABLE = "unavailable"
    REFUSAL = "refusal"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    WRONG_FORM = "wrong_form"

    @property
    def passes(self) -> bool:
        """Whether the same question may be answered a while later."""
        return self in (Trouble.TIME_OUT, Trouble.RATE_LIMIT, Trouble.UNAVAILABLE)


@dataclass(frozen=True)
class Reply:
    """A model's answer. `cost_usd` is None when the price of the model is not known."""

    text: str
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    finish: Finish = Finish.STOP
    cost_usd: float | None = None
    wall_s: float = 0.0
    attempts: int = 1


@dataclass(frozen=True)
class ModelFailure:
    """No usable answer, and why. What it used is paid for all the same.

    `text` is what came of the reply, as far as anything came; `retry_after_s` is what the provider asked for.
    """

    trouble: Trouble
    message: str
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    wall_s: float = 0.0
    attempts: int = 1
    retry_after_s: float | None = None


Answer = Reply | ModelFailure


class Model(Protocol):
    """Something that answers.

    Contract: `complete` returns within about `request.timeout_s` and never raises for what a provider or the
    network does. It raises :class:`~loopwright.core.errors.UsageError` for what the user has to put right (a
    wrong key, a model that does not exist, no money left), and
    :class:`~loopwright.core.errors.ToolMissing` when the library behind it is not installed. It is called by
    one thread at a time.
    """

    @property
    def name(self) -> str:
        """As on the command line, after `model:`."""
        ...

    @property
    def is_priced(self) -> bool:
        """Whether the cost of a call is known, so that a budget of money can be kept."""
        ...

    def complete(self, request: Request) -> Answer:
        """Ask, and wait for the answer."""
        ...


def estimated_usage(request: Request, text: str) -> Usage:
    """Usage by length, for a provider that does not report it: a token for every three characters.

    That is on the high side for source code, so that a budget errs towards too little.
    """
    return Usage(-(-request.characters // 3), -(-len(text) // 3), estimated=True)


def judged(reply: Reply, request: Request) -> Answer:
    """`reply` as it is, or the failure that it really is: refused, cut off, empty."""
    problem: tuple[Trouble, str] | None = None
    if reply.finish is Finish.REFUSAL:
        problem = Trouble.REFUSAL, "the model or its provider refused to answer"
    elif reply.finish is Finish.LENGTH:
        problem = Trouble.TRUNCATED, f"cut off after {request.most_tokens} tokens"
    elif not reply.text.strip():
        problem = Trouble.EMPTY, "an empty reply"
    if problem is None:
        return reply
    return ModelFailure(
        *problem, text=reply.text, usage=reply.usage, cost_usd=reply.cost_usd, wall_s=reply.wall_s
    )
