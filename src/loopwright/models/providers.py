"""Models behind an API, through pydantic-ai: the only module that knows that library.

`openai` speaks the Chat Completions protocol, which vLLM, Ollama, llama.cpp and most others serve too (give
their base URL); `openai-responses` speaks OpenAI's newer one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loopwright.core.errors import ToolMissing, UsageError
from loopwright.models.model import (
    Answer,
    Finish,
    ModelFailure,
    Reply,
    Request,
    Role,
    Trouble,
    Usage,
    estimated_usage,
    judged,
)
from loopwright.models.prices import Price, price_of
from loopwright.models.secrets import redacted
from loopwright.tasks.problems import suggestion

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model as PydanticModel

INSTALL = "pip install 'loopwright[models]'"
OWN_KEY = "LOOPWRIGHT_API_KEY"
"""Environment variable: the key for a server of one's own (`--base-url`), before the provider's variable."""
KEYS = {
    "openai": ("OPENAI_API_KEY",),
    "openai-responses": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
}
_BASE_URLS = {"openai": "OPENAI_BASE_URL", "openai-responses": "OPENAI_BASE_URL",
              "anthropic": "ANTHROPIC_BASE_URL"}  # fmt: skip
_MOST_MESSAGE = 300
_GRACE_S = 5.0


@dataclass(frozen=True)
class ProviderModel:
    """One model of one provider.

    Raises when made:
        ToolMissing: without pydantic-ai. UsageError: for an unknown provider, a URL that is none, no key.
    """

    provider: str
    model: str
    base_url: str | None = None

    def __post_init__(self) -> None:
        _library()
        if self.provider not in KEYS:
            raise UsageError(
                f"unknown provider {self.provider!r}{suggestion(self.provider, KEYS)}",
                hint=f"--agent model:PROVIDER/NAME with {', '.join(KEYS)}",
            )
        if not self.model:
            raise UsageError("a model needs a name", hint=f"--agent model:{self.provider}/NAME")
        _check_url(self.url)
        if not self.url and not self._key:
            raise UsageError(
                f"no key for {self.provider}",
                hint=f"export {KEYS[self.provider][0]}=..., or give a server of your own with --base-url URL",
            )

    @property
    def name(self) -> str:
        """`openai/gpt-5`, as on the command line."""
        return f"{self.provider}/{self.model}"

    @property
    def url(self) -> str | None:
        """The server's address, None for the provider's own."""
        return self.base_url or os.environ.get(_BASE_URLS.get(self.provider, "")) or None

    @property
    def is_priced(self) -> bool:
        """A server of one's own has the price that its user gives, whatever its models are called."""
        return self._price is not None

    def complete(self, request: Request) -> Answer:
        """Ask once; retries are the business of :class:`loopwright.models.retry.Patient`."""
        began = time.monotonic()
        try:
            response = _run(self._ask(request))
        except TimeoutError:
            return ModelFailure(Trouble.TIME_OUT, f"no reply within {request.timeout_s:g} s")
        except Exception as error:
            return self._failure(error, request)
        return judged(self._reply(response, request, time.monotonic() - began), request)

    @cached_property
    def _price(self) -> Price | None:
        provider = self.provider.removesuffix("-responses")
        return price_of(provider, self.model, only_own=self.url is not None)

    @property
    def _key(self) -> str:
        names = (OWN_KEY, *KEYS[self.provider]) if self.url else KEYS[self.provider]
        return next((os.environ[n] for n in names if os.environ.get(n)), "")

    async def _ask(self, request: Request) -> ModelResponse:
        # The clients' own time-outs bound the wait between bytes; a server that dribbles would never end.
        return await asyncio.wait_for(self._answered(request), request.timeout_s + _GRACE_S)

    async def _answered(self, request: Request) -> ModelResponse:
        from pydantic_ai.direct import model_request
        from pydantic_ai.settings import ModelSettings

        settings = ModelSettings(max_tokens=request.most_tokens, timeout=request.timeout_s)
        if request.temperature is not None:
            settings["temperature"] = request.temperature
        async with self._client() as client:
            return await model_request(client, _messages(request), model_settings=settings, instrument=False)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[PydanticModel[Any]]:
        """A client for one call, without retries of its own.

        It is closed in the event loop that it was used in: one left to the garbage collector would try
        that in the loop of the next call, where its connections cannot be closed.
        """
        key = self._key or "none"
        if self.provider == "anthropic":
            from anthropic import AsyncAnthropic
            from pydantic_ai.models.anthropic import AnthropicModel
            from pydantic_ai.providers.anthropic import AnthropicProvider

            async with AsyncAnthropic(api_key=key, base_url=self.url, max_retries=0) as anthropic:
                yield AnthropicModel(self.model, provider=AnthropicProvider(anthropic_client=anthropic))
        elif self.provider == "google":
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider

            async with GoogleModel(
                self.model, provider=GoogleProvider(api_key=key, base_url=self.url)
            ) as google:
                yield google
        else:
            from openai import AsyncOpenAI
            from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
            from pydantic_ai.providers.openai import OpenAIProvider

            kind = OpenAIResponsesModel if self.provider == "openai-responses" else OpenAIChatModel
            async with AsyncOpenAI(api_key=key, base_url=self.url, max_retries=0) as client:
                yield kind(self.model, provider=OpenAIProvider(openai_client=client))

    def _reply(self, response: ModelResponse, request: Request, wall_s: float) -> Reply:
        text = response.text or ""
        told = response.usage
        usage = Usage(
            told.input_tokens,
            told.output_tokens,
            told.cache_read_tokens,
            written_tokens=told.cache_write_tokens,
        )
        if not usage.tokens:
            usage = estimated_usage(request, text)
        finishes = {"length": Finish.LENGTH, "content_filter": Finish.REFUSAL}
        return Reply(
            text=text,
            usage=usage,
            model=response.model_name or self.model,
            finish=finishes.get(response.finish_reason or "", Finish.STOP),
            cost_usd=self._price.cost_usd(usage) if self._price else None,
            wall_s=round(wall_s, 6),
        )

    def _failure(self, error: Exception, request: Request) -> ModelFailure:
        """The failure that `error` stands for. Raises UsageError for what only the user can put right."""
        from pydantic_ai import exceptions

        message = redacted(" ".join(str(error).split()))[:_MOST_MESSAGE]
        after = getattr(error, "retry_after", None)
        match error:
            case exceptions.ModelAuthenticationError():
                raise UsageError(
                    f"the key was refused: {message}",
                    where=self.name,
                    hint=f"export {KEYS[self.provider][0]}=...",
                ) from None
            case exceptions.ModelNotFoundError():
                raise UsageError(
                    f"no such model: {message}", where=self.name, hint="look at the name, and at --base-url"
                ) from None
            case exceptions.UserError():
                raise UsageError(message, where=self.name) from None
            case exceptions.ModelQuotaExceededError():
                raise UsageError(f"no money or quota left: {message}", where=self.name) from None
            case exceptions.ContentFilterError():
                return ModelFailure(Trouble.REFUSAL, message, usage=estimated_usage(request, ""))
            case exceptions.ModelRateLimitError():
                return ModelFailure(Trouble.RATE_LIMIT, message, retry_after_s=after)
            case exceptions.ModelTimeoutError() | exceptions.ModelRequestTimeout():
                return ModelFailure(Trouble.TIME_OUT, message)
            case exceptions.ModelRequestRejectedError():
                raise UsageError(f"the request was rejected: {message}", where=self.name) from None
            case (
                exceptions.ModelHTTPError()
                | exceptions.ModelConnectionError()
                | exceptions.ModelUnavailableError()
                | exceptions.ModelServerError()
            ):
                return ModelFailure(Trouble.UNAVAILABLE, message, retry_after_s=after)
            case exceptions.ModelAPIError() | exceptions.UnexpectedModelBehavior():
                return ModelFailure(Trouble.WRONG_FORM, message, usage=estimated_usage(request, ""))
            case OSError():
                return ModelFailure(Trouble.UNAVAILABLE, message)
            case ValueError() | TypeError() | KeyError() | AttributeError() | IndexError():
                # What the clients raise for a body that is not what the protocol says.
                return ModelFailure(Trouble.WRONG_FORM, f"not an answer of this protocol: {message}")
        return ModelFailure(Trouble.UNAVAILABLE, f"{type(error).__name__}: {message}")


def _run(asked: Coroutine[Any, Any, ModelResponse]) -> ModelResponse:
    """Wait for an answer, also where a loop runs already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asked)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


def _messages(request: Request) -> list[ModelMessage]:
    from pydantic_ai.messages import (
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    made: list[ModelMessage] = []
    for message in request.messages:
        match message.role:
            case Role.SYSTEM:
                made.append(ModelRequest(parts=[SystemPromptPart(message.text)]))
            case Role.USER:
                made.append(ModelRequest(parts=[UserPromptPart(message.text)]))
            case Role.ASSISTANT:
                made.append(ModelResponse(parts=[TextPart(message.text)]))
    return made


def _library() -> None:
    try:
        import pydantic_ai  # noqa: F401
    except ImportError as error:
        raise ToolMissing(
            f"models behind an API need pydantic-ai, which is not installed ({error.name})", hint=INSTALL
        ) from error


def _check_url(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"not a base URL: {redacted(url)!r}", hint="--base-url http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise UsageError(
            "a key does not belong into a URL: it would stand in the record of the run",
            hint=f"export {OWN_KEY}=..., and give the URL without it",
        )
